#include "codec/digest.h"

#include <nettle/md5.h>

void digest_md5(struct str data, uint8_t digest[16])
{
        struct md5_ctx ctx;

        md5_init(&ctx);
        md5_update(&ctx, data.len, (const uint8_t *)data.data);
        md5_digest(&ctx, 16, digest);
}

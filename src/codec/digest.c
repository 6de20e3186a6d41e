#include "codec/digest.h"

#include <nettle/md5.h>
#include <nettle/sha2.h>

void digest_md5(struct str data, uint8_t digest[16])
{
        struct md5_ctx ctx;

        md5_init(&ctx);
        md5_update(&ctx, data.len, (const uint8_t *)data.data);
        md5_digest(&ctx, 16, digest);
}

void digest_sha256(struct str data, uint8_t digest[32])
{
        struct sha256_ctx ctx;

        sha256_init(&ctx);
        sha256_update(&ctx, data.len, (const uint8_t *)data.data);
        sha256_digest(&ctx, 32, digest);
}

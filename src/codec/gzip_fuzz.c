/* Any bytes: no more comes out than there is room for, and what came out packs and unpacks to
 * itself. */
#include "base/compiler.h"
#include "codec/gzip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROOM_BYTES = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct buf out CLEANUP(buf_release) = BUF_INIT(ROOM_BYTES);
        struct buf packed CLEANUP(buf_release) = BUF_INIT(4 * ROOM_BYTES);
        struct buf again CLEANUP(buf_release) = BUF_INIT(ROOM_BYTES);
        struct error err;

        if (!gzip_decompress(str_make((const char *)data, size), &out, &err)) {
                BUG_ON(err.code != ERROR_LIMIT && err.code != ERROR_CORRUPT);
                return 0;
        }
        BUG_ON(out.len > ROOM_BYTES);
        BUG_ON(!gzip_compress(buf_str(&out), 1, &packed, &err));
        BUG_ON(!gzip_decompress(buf_str(&packed), &again, &err));
        BUG_ON(!str_equal(buf_str(&out), buf_str(&again)));
        return 0;
}

#include "codec/gzip.h"

#include <zlib.h>

/* Window bits of 15, plus 16 for a gzip frame. */
enum { WINDOW_GZIP = 15 + 16 };

bool gzip_compress(struct str plain, int level, struct buf *out, struct error *err)
{
        z_stream stream = {0};
        size_t bound;
        char *tail;

        if (deflateInit2(&stream, level, Z_DEFLATED, WINDOW_GZIP, 8, Z_DEFAULT_STRATEGY) != Z_OK)
                return error_set(err, ERROR_EXECUTION, "gzip: cannot start");
        bound = deflateBound(&stream, plain.len);
        tail = plain.len > UINT32_MAX ? NULL : buf_reserve(out, bound);
        if (!tail) {
                deflateEnd(&stream);
                return error_set(err, ERROR_LIMIT, "gzip: %zu bytes are too many", plain.len);
        }
        stream.next_in = (Bytef *)(uintptr_t)plain.data;
        stream.avail_in = (uInt)plain.len;
        stream.next_out = (Bytef *)tail;
        stream.avail_out = (uInt)bound;
        BUG_ON(deflate(&stream, Z_FINISH) != Z_STREAM_END);
        out->len += stream.total_out;
        out->data[out->len] = '\0';
        deflateEnd(&stream);
        return true;
}

#include "codec/gzip.h"

#include <zlib.h>

/* Window bits of 15, plus 16 for a gzip frame. */
enum { WINDOW_GZIP = 15 + 16 };
/* ... or plus 32 for either. */
enum { WINDOW_ANY = 15 + 32, STEP_BYTES = 64 << 10 };

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

/* One more step into a buffer that grows with what really comes out, whatever was promised. */
static int inflate_step(z_stream *stream, struct buf *out)
{
        size_t left = out->max_bytes - out->len;
        size_t step = left < STEP_BYTES ? left : STEP_BYTES;
        char *tail = buf_reserve(out, step);
        int code;

        if (!tail)
                return Z_BUF_ERROR;
        stream->next_out = (Bytef *)tail;
        stream->avail_out = (uInt)step;
        code = inflate(stream, Z_NO_FLUSH);
        out->len += step - stream->avail_out;
        out->data[out->len] = '\0';
        return code;
}

bool gzip_decompress(struct str packed, struct buf *out, struct error *err)
{
        z_stream stream = {.next_in = (Bytef *)(uintptr_t)packed.data,
                           .avail_in = (uInt)packed.len};
        bool full = false;
        int code;

        if (packed.len > UINT32_MAX || inflateInit2(&stream, WINDOW_ANY) != Z_OK)
                return error_set(err, ERROR_EXECUTION, "gzip: cannot start");
        do {
                code = inflate_step(&stream, out);
                full = out->len == out->max_bytes;
                if (code == Z_STREAM_END && stream.avail_in && inflateReset(&stream) == Z_OK)
                        code = Z_OK;
        } while (code == Z_OK && !full);
        inflateEnd(&stream);
        if (code == Z_STREAM_END)
                return true;
        return full ? error_set(err, ERROR_LIMIT, "gzip: content is longer than %zu bytes",
                                out->max_bytes)
                    : error_set(err, ERROR_CORRUPT, "gzip: damaged, or cut short");
}

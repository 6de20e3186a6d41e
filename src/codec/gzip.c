#include "codec/gzip.h"

#include <zlib.h>

#include "base/alloc.h"

ALLOC_TYPE(gunzip_type, "gunzip")

/* Window bits of 15, plus 16 for a gzip frame, plus 32 to detect gzip or zlib. */
enum { WINDOW_GZIP = 15 + 16, WINDOW_DETECT = 15 + 32, PIECE_BYTES = 64 << 10 };

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

struct gunzip {
        z_stream stream;
        struct buf *out;
        bool ended;
};

struct gunzip *gunzip_new(struct buf *out)
{
        struct gunzip *gunzip = alloc_new(&gunzip_type, sizeof(*gunzip));

        gunzip->out = out;
        BUG_ON(inflateInit2(&gunzip->stream, WINDOW_DETECT) != Z_OK);
        return gunzip;
}

bool gunzip_feed(struct gunzip *gunzip, const void *data, size_t len, struct error *err)
{
        z_stream *stream = &gunzip->stream;
        char piece[PIECE_BYTES];

        stream->next_in = (Bytef *)(uintptr_t)data;
        stream->avail_in = (uInt)len;
        while (stream->avail_in && !gunzip->ended) {
                int result;

                stream->next_out = (Bytef *)piece;
                stream->avail_out = sizeof(piece);
                result = inflate(stream, Z_NO_FLUSH);
                if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
                        return error_set(err, ERROR_INVALID, "gzip: %s",
                                         stream->msg ? stream->msg : "damaged data");
                buf_append(gunzip->out, piece, sizeof(piece) - stream->avail_out);
                if (gunzip->out->overflow)
                        return error_set(err, ERROR_LIMIT, "body exceeds %zu bytes",
                                         gunzip->out->max_bytes);
                gunzip->ended = result == Z_STREAM_END;
        }
        return true;
}

bool gunzip_finish(struct gunzip *gunzip, struct error *err)
{
        if (!gunzip->ended)
                return error_set(err, ERROR_INVALID, "gzip: unexpected EOF");
        return true;
}

struct gunzip *gunzip_free(struct gunzip *gunzip)
{
        if (gunzip)
                inflateEnd(&gunzip->stream);
        return alloc_free(&gunzip_type, gunzip);
}

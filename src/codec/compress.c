#include "codec/compress.h"

#include <zstd.h>

void compress_zstd(struct buf *out, struct str data, int level)
{
        size_t bound = ZSTD_compressBound(data.len);
        char *tail = buf_reserve(out, bound);
        size_t len;

        if (!tail)
                return;
        len = ZSTD_compress(tail, bound, data.data, data.len, level);
        BUG_ON(ZSTD_isError(len));
        tail[len] = '\0';
        out->len += len;
}

bool compress_unzstd(struct buf *out, struct str frame, size_t max_bytes, struct error *err)
{
        unsigned long long declared = ZSTD_getFrameContentSize(frame.data, frame.len);
        char *tail;
        size_t len;

        if (declared == ZSTD_CONTENTSIZE_UNKNOWN || declared == ZSTD_CONTENTSIZE_ERROR)
                return error_set(err, ERROR_CORRUPT, "not a zstd frame with a declared length");
        if (declared > max_bytes)
                return error_set(err, ERROR_LIMIT, "zstd frame declares %llu bytes", declared);
        tail = buf_reserve(out, (size_t)declared);
        if (!tail)
                return error_set(err, ERROR_LIMIT, "zstd frame declares %llu bytes", declared);
        len = ZSTD_decompress(tail, (size_t)declared, frame.data, frame.len);
        if (ZSTD_isError(len) || len != declared)
                return error_set(err, ERROR_CORRUPT, "damaged zstd frame");
        tail[len] = '\0';
        out->len += len;
        return true;
}

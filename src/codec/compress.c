#include "codec/compress.h"

#include <snappy-c.h>
#include <zstd.h>

/* A snappy copy is 3 bytes for at most 64: no honest block grows more than that, plus the bytes of
 * its length. */
enum { SNAPPY_GROWTH_MAX = 22 };

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

void compress_snappy(struct buf *out, struct str data)
{
        size_t len = snappy_max_compressed_length(data.len);
        char *tail = buf_reserve(out, len);

        if (!tail)
                return;
        BUG_ON(snappy_compress(data.data, data.len, tail, &len) != SNAPPY_OK);
        tail[len] = '\0';
        out->len += len;
}

bool compress_unsnappy(struct buf *out, struct str block, size_t max_bytes, struct error *err)
{
        size_t len;
        char *tail;

        if (snappy_uncompressed_length(block.data, block.len, &len) != SNAPPY_OK ||
            len / SNAPPY_GROWTH_MAX > block.len)
                return error_set(err, ERROR_CORRUPT, "not a snappy block");
        if (len > max_bytes)
                return error_set(err, ERROR_LIMIT, "snappy block declares %zu bytes", len);
        tail = buf_reserve(out, len);
        if (!tail)
                return error_set(err, ERROR_LIMIT, "snappy block declares %zu bytes", len);
        if (snappy_uncompress(block.data, block.len, tail, &len) != SNAPPY_OK)
                return error_set(err, ERROR_CORRUPT, "damaged snappy block");
        tail[len] = '\0';
        out->len += len;
        return true;
}

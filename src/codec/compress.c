#include "codec/compress.h"

#include <snappy-c.h>
#include <pthread.h>
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

/* Windows of clients' defaults; a larger one is how a few bytes ask for much memory. */
enum { STREAM_WINDOW_LOG_MAX = 23, STREAM_STEP_BYTES = 64 << 10 };

static bool unzstd_step(ZSTD_DCtx *context, ZSTD_inBuffer *in, struct buf *out, size_t *ret_hint)
{
        size_t left = out->max_bytes - out->len;
        size_t step = left < STREAM_STEP_BYTES ? left : STREAM_STEP_BYTES;
        char *tail = buf_reserve(out, step);
        ZSTD_outBuffer into = {tail, step, 0};

        if (!tail)
                return false;
        *ret_hint = ZSTD_decompressStream(context, &into, in);
        if (ZSTD_isError(*ret_hint))
                return false;
        out->len += into.pos;
        out->data[out->len] = '\0';
        return true;
}

bool compress_unzstd_stream(struct buf *out, struct str frames, struct error *err)
{
        ZSTD_DCtx *context = ZSTD_createDCtx();
        ZSTD_inBuffer in = {frames.data, frames.len, 0};
        size_t hint = 1, before, at;
        bool ok = true;

        BUG_ON(!context);
        ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, STREAM_WINDOW_LOG_MAX);
        do {
                before = out->len;
                at = in.pos;
                ok = unzstd_step(context, &in, out, &hint);
        } while (ok && out->len < out->max_bytes && (out->len > before || in.pos > at) &&
                 (in.pos < in.size || hint));
        ZSTD_freeDCtx(context);
        if (ok && !hint && in.pos == in.size)
                return true;
        return ok && out->len == out->max_bytes
                       ? error_set(err, ERROR_LIMIT, "zstd content is longer than %zu bytes",
                                   out->max_bytes)
                       : error_set(err, ERROR_CORRUPT, "damaged zstd stream");
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

bool compress_snappy_length(struct str block, size_t *ret_bytes)
{
        size_t len;

        if (snappy_uncompressed_length(block.data, block.len, &len) != SNAPPY_OK ||
            len / SNAPPY_GROWTH_MAX > block.len)
                return false;
        *ret_bytes = len;
        return true;
}

bool compress_unsnappy(struct buf *out, struct str block, size_t max_bytes, struct error *err)
{
        size_t len;
        char *tail;

        if (!compress_snappy_length(block, &len))
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

/* ---- blocks -------------------------------------------------------------------------------- */

/* Making a context costs more than a block does. */
struct contexts {
        ZSTD_CCtx *compress;
        ZSTD_DCtx *decompress;
};

static pthread_once_t contexts_once = PTHREAD_ONCE_INIT;
static pthread_key_t contexts_key;
static __thread struct contexts contexts;

static void free_contexts(void *arg)
{
        struct contexts *mine = arg;

        ZSTD_freeCCtx(mine->compress);
        ZSTD_freeDCtx(mine->decompress);
        *mine = (struct contexts){0};
}

static void make_key(void)
{
        BUG_ON(pthread_key_create(&contexts_key, free_contexts));
}

static struct contexts *my_contexts(void)
{
        if (!contexts.compress && !contexts.decompress) {
                pthread_once(&contexts_once, make_key);
                pthread_setspecific(contexts_key, &contexts);
        }
        return &contexts;
}

size_t compress_block(void *to, size_t capacity, const void *from, size_t len, int level)
{
        struct contexts *mine = my_contexts();
        size_t made;

        if (!mine->compress)
                mine->compress = ZSTD_createCCtx();
        BUG_ON(!mine->compress);
        made = ZSTD_compressCCtx(mine->compress, to, capacity, from, len, level);
        return ZSTD_isError(made) ? 0 : made;
}

bool compress_unblock(void *to, size_t len, const void *frame, size_t frame_len)
{
        struct contexts *mine = my_contexts();

        if (!mine->decompress)
                mine->decompress = ZSTD_createDCtx();
        BUG_ON(!mine->decompress);
        return ZSTD_decompressDCtx(mine->decompress, to, len, frame, frame_len) == len;
}

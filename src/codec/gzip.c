#include "codec/gzip.h"

#include <libdeflate.h>

enum {
        /* The most that DEFLATE makes of a byte: four times 258 (RFC 1951, 3.2.5). */
        RATIO_MAX = 1032,
        ROOM_MIN_BYTES = 256,
        LENGTH_BYTES = 4, /* behind a gzip member: how long its content is */
};

bool gzip_compress(struct str plain, int level, struct buf *out, struct error *err)
{
        struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(level);
        size_t bound;
        char *tail;

        BUG_ON(!compressor);
        bound = libdeflate_gzip_compress_bound(compressor, plain.len);
        tail = buf_reserve(out, bound);
        if (tail) {
                out->len += libdeflate_gzip_compress(compressor, plain.data, plain.len, tail,
                                                     bound);
                out->data[out->len] = '\0';
        }
        libdeflate_free_compressor(compressor);
        return tail || error_set(err, ERROR_LIMIT, "gzip: %zu bytes are too many", plain.len);
}

static bool is_gzip(struct str packed)
{
        return str_starts_with(packed, STR_LIT("\x1f\x8b"));
}

/* What the last member says it is long, as far as that can be. */
static size_t expected_bytes(struct str packed)
{
        uint32_t announced = 0;
        size_t possible = packed.len < SIZE_MAX / RATIO_MAX ? packed.len * RATIO_MAX : SIZE_MAX;

        if (is_gzip(packed) && packed.len >= LENGTH_BYTES)
                memcpy(&announced, packed.data + packed.len - LENGTH_BYTES, LENGTH_BYTES);
        if (announced < ROOM_MIN_BYTES)
                return ROOM_MIN_BYTES;
        return announced < possible ? announced : possible;
}

/* The member or stream that *packed begins with; moves behind it. */
static enum libdeflate_result unpack(struct libdeflate_decompressor *decompressor,
                                     struct str *packed, struct buf *out)
{
        size_t room = expected_bytes(*packed), left = out->max_bytes - out->len, used, made;
        enum libdeflate_result result;

        for (;; room *= 2) {
                char *tail;

                if (room > left)
                        room = left;
                tail = buf_reserve(out, room);
                BUG_ON(!tail);
                result = (is_gzip(*packed) ? libdeflate_gzip_decompress_ex
                                           : libdeflate_zlib_decompress_ex)(
                        decompressor, packed->data, packed->len, tail, room, &used, &made);
                if (result != LIBDEFLATE_INSUFFICIENT_SPACE || room == left)
                        break;
        }
        if (result == LIBDEFLATE_SUCCESS) {
                *packed = str_slice(*packed, used, packed->len);
                out->len += made;
                out->data[out->len] = '\0';
        }
        return result;
}

bool gzip_decompress(struct str packed, struct buf *out, struct error *err)
{
        struct libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
        enum libdeflate_result result;

        BUG_ON(!decompressor);
        do
                result = unpack(decompressor, &packed, out);
        while (result == LIBDEFLATE_SUCCESS && packed.len);
        libdeflate_free_decompressor(decompressor);
        if (result == LIBDEFLATE_SUCCESS)
                return true;
        return result == LIBDEFLATE_INSUFFICIENT_SPACE
                       ? error_set(err, ERROR_LIMIT, "gzip: content is longer than %zu bytes",
                                   out->max_bytes)
                       : error_set(err, ERROR_CORRUPT, "gzip: damaged, or cut short");
}

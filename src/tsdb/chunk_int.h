/* tsdb/chunk_int.h - the block codec: up to CHUNK_MAX_SAMPLES samples of one series as bytes that
 * carry their own checksum. Lossless, NaN payloads included. */
#ifndef TSDB_CHUNK_INT_H
#define TSDB_CHUNK_INT_H

#include "base/error.h"
#include "base/str.h"
#include "model/sample.h"

/* About a thousand: decoding one costs microseconds, and its header a few bits a sample. Of wide
 * histograms there are fewer, so that a block stays within half a megabyte. */
enum { CHUNK_MAX_SAMPLES = 4096, CHUNK_MAX_VALUES = 1 << 16 };

/* A block, little-endian (docs/format/chunk.md):
 *
 *   u32     crc32c of all that follows
 *   varint  length of all that follows this field
 *   varint  series id; of kind 2, the number of the column
 *   u8      kind: 0 = float64 samples, 1 = histograms, 2 = timestamps that blocks share
 *   u8      flags: bit 0 = start timestamps are present; bit 1 = timestamps are shared
 *   varint  number of samples n, 1 to 4096
 *   shared timestamps:
 *     varint  number of the column in this part
 *   else:
 *     zigzag  first timestamp minus the part's base time, ms
 *     ints    n > 1: timestamps minus the first (codec/ints.h)
 *   ints    with start timestamps: n of them, ms since 1970, 0 where there is none
 *   kind 0: n values
 *   kind 1: a layout (histogram_layout_int.h), then columns of n values: counts, sums, zero
 *           counts, and of each bucket, positive before negative
 *
 * Values:
 *   u8      form:
 *     0 constant  8: the bits of all n
 *     1 decimal   u8: exponent e, 0 to 18
 *                 varint: number of exceptions x
 *                 x times: varint index minus the index behind the previous exception, 8 bits
 *                 ints: n integers i; value = i / 10^e unless it is an exception
 *     2 xor       8: bits of the first
 *                 (n + 6) / 8: bitmap, bit k (from the lowest) set when value k+1 differs from k
 *                 u8: shift
 *                 ints: as many as bits are set, at least 1; (integer << shift) is XORed in
 *     3 raw       8n
 *     4 bits      ints: the bits of all n as integers
 *     5 few       varint: number of different values d, 2 to 64; 8 each
 *                 bitmap as of xor: bit k set when value k+1 differs from k
 *                 ints: index among the d of the first value, and of each that differs
 *     6 packed    varint: length of the content; varint: length of the zstd frame; the frame.
 *                 In it: what follows the form of a decimal column, its integers spelled as
 *                 u8: order, 0 or 1; then zigzag: each, minus the one before with order 1
 */
enum { CHUNK_FLOATS = 0, CHUNK_HISTOGRAMS = 1, CHUNK_TIMES = 2, CHUNK_KINDS };
enum { CHUNK_FLAG_STARTS = 1, CHUNK_FLAG_SHARED = 2, CHUNK_FLAGS_END = 4 };
enum {
        CHUNK_CONSTANT = 0,
        CHUNK_DECIMAL = 1,
        CHUNK_XOR = 2,
        CHUNK_RAW = 3,
        CHUNK_BITS = 4,
        CHUNK_FEW = 5,
        CHUNK_PACKED = 6,
};
enum { CHUNK_DECIMAL_MAX_EXPONENT = 18 };

/* A parsed block; borrows its bytes. */
struct chunk {
        uint32_t series;
        uint32_t count;
        uint8_t kind;
        bool has_starts;
        bool is_shared;          /* timestamps are in column number `times`, which the reader */
        uint32_t times;          /* of the part looks up: until then the next two are empty */
        struct str shared_times;
        uint64_t times_of;       /* what that column is of, as part.identity; 0: not to be kept */
        int64_t first_t_ms;
        struct str columns;
};

/* How many samples from `from` on, at least one, go into one block: all floats, or histograms of
 * one layout. */
size_t chunk_extent(const struct samples *samples, size_t from);

/* Room that chunk_encode needs at most. */
size_t chunk_bound(const struct samples *samples, size_t from, size_t count);

/* Writes one block of what chunk_extent allows; timestamps strictly ascend. With `times` they are
 * those of that shared column. Returns the position behind. */
uint8_t *chunk_encode(uint8_t *at, uint32_t series, int64_t base_ms,
                      const struct samples *samples, size_t from, size_t count,
                      const uint32_t *times);
/* Writes a block of kind 2. */
size_t chunk_times_bound(size_t count);
uint8_t *chunk_times_encode(uint8_t *at, uint32_t number, int64_t base_ms, const int64_t *t_ms,
                            size_t count);

/* Reads the head of the block that begins at data, after checking its checksum. ret_len is the
 * whole block's length. ERROR_CORRUPT. */
NODISCARD bool chunk_parse(const uint8_t *data, size_t len, int64_t base_ms,
                           struct chunk *ret_chunk, size_t *ret_len, struct error *err);

/* The same of bytes whose checksum was found right before. */
NODISCARD bool chunk_parse_again(const uint8_t *data, size_t len, int64_t base_ms,
                                 struct chunk *ret_chunk);

/* Gives a block whose timestamps are shared the block of kind 2 that has them. */
NODISCARD bool chunk_share(struct chunk *chunk, const struct chunk *times);

/* Appends chunk->count samples. ERROR_CORRUPT, also when time does not ascend; then nothing is
 * appended. */
NODISCARD bool chunk_decode(const struct chunk *chunk, struct samples *samples,
                            struct error *err);

/* The same of the samples in [mint_ms, maxt_ms]; values of others need not make sense. */
NODISCARD bool chunk_decode_between(const struct chunk *chunk, int64_t mint_ms, int64_t maxt_ms,
                                    struct samples *samples, struct error *err);

/* A column of values on its own: chunk_values.c. Decoding fills v from `begin` to below `end`;
 * what is in the rest of it is left open. */
uint8_t *chunk_values_encode(uint8_t *at, const double *v, size_t count);
struct reader;
void chunk_values_decode(struct reader *r, double *v, size_t count, size_t begin, size_t end);
/* Histograms behind the timestamps: chunk_histograms.c. */
size_t chunk_histograms_bound(const struct histogram *first, size_t count);
uint8_t *chunk_histograms_encode(uint8_t *at, const struct samples *samples, size_t from,
                                 size_t count);
/* Into the entries from samples->count on, for which there is room. */
void chunk_histograms_decode(struct reader *r, struct samples *samples, size_t count);

#endif

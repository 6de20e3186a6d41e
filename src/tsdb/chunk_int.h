/* tsdb/chunk_int.h - the block codec: up to CHUNK_MAX_SAMPLES samples of one series as bytes that
 * carry their own checksum. Lossless, NaN payloads included. */
#ifndef TSDB_CHUNK_INT_H
#define TSDB_CHUNK_INT_H

#include "base/error.h"
#include "base/str.h"

/* About a thousand: decoding one costs microseconds, and its header a few bits a sample. */
enum { CHUNK_MAX_SAMPLES = 1024 };

/* Shorter blocks live for minutes only, and of equal values the value says all: there a summary
 * would cost more than it saves. */
enum { CHUNK_SUMMARY_MIN_SAMPLES = 120 };

/* Over all samples but staleness markers. min and max leave out every NaN and are NaN when there
 * is nothing else; sum is compensated (Neumaier) in time order; first and last are by time. */
struct chunk_summary {
        double min, max, sum, first, last;
        uint32_t count;
};

/* A block, little-endian (docs/format/chunk.md):
 *
 *   u32     crc32c of all that follows
 *   varint  length of all that follows this field
 *   varint  series id
 *   u8      kind: 0 = float64 samples
 *   u8      flags: bit 0 = a summary is present
 *   varint  number of samples n, 1 to 1024
 *   zigzag  first timestamp minus the part's base time, ms
 *   44      with a summary: min max sum first last (float64 each), count (u32)
 *   ints    n > 1: timestamps minus the first (codec/ints.h)
 *   u8      value form:
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
 */
enum { CHUNK_KIND_FLOAT = 0 };
enum { CHUNK_FLAG_SUMMARY = 1 };
enum { CHUNK_CONSTANT = 0, CHUNK_DECIMAL = 1, CHUNK_XOR = 2, CHUNK_RAW = 3 };
enum { CHUNK_DECIMAL_MAX_EXPONENT = 18 };

/* A parsed block; borrows its bytes. */
struct chunk {
        uint32_t series;
        uint32_t count;
        int64_t first_t_ms;
        bool has_summary;
        struct chunk_summary summary;
        struct str columns;
};

/* Room that chunk_encode needs at most. */
size_t chunk_bound(size_t count);

/* Writes one block; timestamps strictly ascend. Returns the position behind. */
uint8_t *chunk_encode(uint8_t *at, uint32_t series, int64_t base_ms, const int64_t *t_ms,
                      const double *v, size_t count);

/* Reads the head of the block that begins at data, after checking its checksum. ret_len is the
 * whole block's length. ERROR_CORRUPT. */
NODISCARD bool chunk_parse(const uint8_t *data, size_t len, int64_t base_ms,
                           struct chunk *ret_chunk, size_t *ret_len, struct error *err);

/* Fills chunk->count timestamps and values. ERROR_CORRUPT, also when time does not ascend. */
NODISCARD bool chunk_decode(const struct chunk *chunk, int64_t *t_ms, double *v,
                            struct error *err);

/* The columns that follow the head, on their own: chunk_values.c. */
bool chunk_values_all_same(const double *v, size_t count); /* as bits */
uint8_t *chunk_values_encode(uint8_t *at, const double *v, size_t count);
struct reader;
void chunk_values_decode(struct reader *r, double *v, size_t count);

#endif

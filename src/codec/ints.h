/* codec/ints.h - a column of 64-bit integers in few bytes: best of the values themselves, their
 * differences, or the differences of those, over a common minimum and divisor: bit-packed, with the
 * few that stick out stored aside, or in bins (codec/bins.h). Lossless for every input. Format:
 * docs/format/chunk.md.
 *
 *   u8      bits 0-1: order (0 values, 1 differences, 2 differences of differences)
 *           bit 2: a divisor follows
 *           bit 3: residuals are in bins
 *   u8      width w: of the packed residuals, 0 to 64 bits, or of the range that bins divide
 *   zigzag  order 1, 2: the first value
 *   zigzag  order 2: the first difference
 *   zigzag  minimum, which all residuals are relative to
 *   varint  divisor, when bit 2 is set (at least 2)
 *   then (count - order) residuals, in bins or packed:
 *     varint  number of exceptions e
 *     e times: varint index minus the index behind the previous exception;
 *              varint residual >> w
 *     bits    low w bits of every residual, least significant bit first
 *
 * value = minimum + residual * divisor, summed `order` times, all modulo 2^64.
 */
#ifndef CODEC_INTS_H
#define CODEC_INTS_H

#include "base/reader.h"

enum { INTS_MAX_COUNT = 4096 };

/* Bytes that ints_encode needs at most for count values. */
static inline size_t ints_bound(size_t count)
{
        return 64 + count * 8;
}

/* Writes the shortest form of count (1 to INTS_MAX_COUNT) values; returns the position behind. */
uint8_t *ints_encode(uint8_t *at, const int64_t *values, size_t count);

/* Reads count values; malformed bytes set r->failed. */
void ints_decode(struct reader *r, int64_t *values, size_t count);

/* Takes a column that is stored as steady: first, first + step, first + 2 step and so on; false
 * when the next one is not. */
bool ints_take_steady(struct reader *r, int64_t *ret_first, int64_t *ret_step);
void ints_fill_steady(int64_t *values, size_t count, int64_t first, int64_t step);

#endif

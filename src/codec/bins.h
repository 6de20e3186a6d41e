/* codec/bins.h - integers in nearly as few bits as their distribution allows, whatever it is: the
 * range is halved, and halved again, where that pays; an integer is the number of its bin, coded
 * by frequency (codec/ans.h), and its place in the bin, as plain bits. A value that occurs often
 * has a bin of its own, a few that stick out share a wide one. Format: docs/format/chunk.md.
 *
 * One run of bits, least significant first:
 *
 *   3       L - 5: there are 2^L states
 *   of each bin, upward, until they reach 2^width:
 *     h     ones: the widest bin that can begin here is halved h times
 *     1     zero, unless the bin is one integer wide
 *     4     weight
 *   4 L     first states
 *   ...     bits that the states take
 *   ...     of each integer, its distance from the begin of its bin
 */
#ifndef CODEC_BINS_H
#define CODEC_BINS_H

#include "base/reader.h"
#include "codec/ans.h"

enum { BINS_MAX = 192 };

struct bins {
        unsigned width; /* of the range: 0 up to, but not including, 2^width */
        unsigned log;   /* of the states */
        size_t count;
        uint64_t begins[BINS_MAX]; /* ascending, the first 0 */
        uint8_t widths[BINS_MAX];
        uint8_t weights[BINS_MAX];
        uint16_t frequencies[BINS_MAX];
};

/* Chooses bins for integers like these, all below 2^width, with weights for exactly these. Returns
 * how many bytes they take, about; SIZE_MAX when bins do not serve. */
size_t bins_plan(struct bins *bins, const uint64_t *values, size_t count, unsigned width);

/* Writes what was planned; returns the position behind. */
uint8_t *bins_encode(uint8_t *at, const struct bins *bins, const uint64_t *values, size_t count);

/* Reads count integers below 2^width; malformed bytes set r->failed. */
void bins_decode(struct reader *r, uint64_t *values, size_t count, unsigned width);

#endif

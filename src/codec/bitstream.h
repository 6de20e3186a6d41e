/* codec/bitstream.h - bits, the most significant first, as Prometheus's chunks have them. */
#ifndef CODEC_BITSTREAM_H
#define CODEC_BITSTREAM_H

#include "base/buf.h"

/* Writes behind what `out` holds; the bits left in the last byte are zero. */
struct bit_writer {
        struct buf *out;
        unsigned free_bits; /* of the last byte */
};

void bits_put(struct bit_writer *w, uint64_t value, unsigned count); /* low `count` bits */

/* A cursor with a sticky error, as base/reader: past the end it gives zero bits. */
struct bit_reader {
        const uint8_t *data;
        size_t len;
        size_t at; /* bits taken */
        bool failed;
};

uint64_t bits_take(struct bit_reader *r, unsigned count); /* at most 64 */
/* The length of a run of ones, at most `max`; takes the zero behind a shorter one. */
unsigned bits_take_ones(struct bit_reader *r, unsigned max);

#endif

/* codec/bitpack.h - bits, the least significant first, to and from memory. */
#ifndef CODEC_BITPACK_H
#define CODEC_BITPACK_H

#include "codec/varint.h"

struct bitpacker {
        uint8_t *at;
        unsigned __int128 word; /* bits that make no eight bytes yet */
        unsigned filled;        /* of them, less than 64 */
};

/* The value has no bits beyond `width`, which is at most 64. */
static inline void bitpack_put(struct bitpacker *p, uint64_t value, unsigned width)
{
        p->word |= (unsigned __int128)value << p->filled;
        p->filled += width;
        if (p->filled >= 64) {
                p->at = varint_put_u64(p->at, (uint64_t)p->word);
                p->word >>= 64;
                p->filled -= 64;
        }
}

/* Returns the position behind the last byte, whose bits that are left are zero. */
static inline uint8_t *bitpack_finish(struct bitpacker *p)
{
        for (; p->filled > 0; p->filled = p->filled > 8 ? p->filled - 8 : 0, p->word >>= 8)
                *p->at++ = (uint8_t)p->word;
        return p->at;
}

static inline uint64_t bitpack_mask(unsigned width)
{
        return width == 64 ? UINT64_MAX : (1ull << width) - 1;
}

/* Any 64 bits; those behind `len` bytes are zero. */
static inline uint64_t bitpack_peek(const uint8_t *data, size_t len, size_t bit)
{
        unsigned __int128 word = 0;
        size_t from = bit / 8;

        if (LIKELY(from + 9 <= len))
                memcpy(&word, data + from, 9);
        else if (from < len)
                memcpy(&word, data + from, len - from);
        return (uint64_t)(word >> bit % 8);
}

/* Whether bitpack_load() may be used at this bit. */
static inline bool bitpack_in_reach(size_t len, size_t bit)
{
        return bit / 8 + 8 <= len;
}

/* The bits from `bit` on, which is not in reach, copied to where it is; returns the bit there.
 * Behind the data are zeros, as bitpack_peek() has it. */
enum { BITPACK_TAIL_BYTES = 16 };

static inline size_t bitpack_tail(const uint8_t *data, size_t len, size_t bit, uint8_t *ret_tail)
{
        memset(ret_tail, 0, BITPACK_TAIL_BYTES);
        if (bit / 8 < len)
                memcpy(ret_tail, data + bit / 8, len - bit / 8);
        return bit % 8;
}

/* At least 57 bits. */
static inline uint64_t bitpack_load(const uint8_t *data, size_t bit)
{
        uint64_t word;

        memcpy(&word, data + bit / 8, sizeof(word));
        return word >> bit % 8;
}

#endif

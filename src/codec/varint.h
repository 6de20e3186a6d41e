/* codec/varint.h - writing little-endian integers and LEB128 varints into memory. Reading them is
 * base/reader.h's. */
#ifndef CODEC_VARINT_H
#define CODEC_VARINT_H

#include <string.h>

#include "base/buf.h"

enum { VARINT_MAX_BYTES = 10 };

/* Those that write to memory return the position behind what they wrote. */
static inline uint8_t *varint_put(uint8_t *at, uint64_t value)
{
        while (value >= 0x80) {
                *at++ = (uint8_t)(value | 0x80);
                value >>= 7;
        }
        *at++ = (uint8_t)value;
        return at;
}

static inline void varint_append(struct buf *out, uint64_t value)
{
        uint8_t bytes[VARINT_MAX_BYTES];

        buf_append(out, bytes, (size_t)(varint_put(bytes, value) - bytes));
}

static inline uint64_t varint_zigzag(int64_t value)
{
        return (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
}

static inline uint8_t *varint_put_zigzag(uint8_t *at, int64_t value)
{
        return varint_put(at, varint_zigzag(value));
}

static inline uint8_t *varint_put_u32(uint8_t *at, uint32_t value)
{
        memcpy(at, &value, sizeof(value));
        return at + sizeof(value);
}

static inline uint8_t *varint_put_u64(uint8_t *at, uint64_t value)
{
        memcpy(at, &value, sizeof(value));
        return at + sizeof(value);
}

#endif

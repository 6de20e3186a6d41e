/* base/reader.h - the one way to read bytes that came from outside.
 *
 * A cursor with a sticky error: a read past the end returns zero (or an empty slice) and sets
 * `failed`; every later read fails too. Read a whole record, then check once. Owns nothing.
 * Integers are little-endian unless the name says otherwise.
 */
#ifndef BASE_READER_H
#define BASE_READER_H

#include "base/str.h"

struct reader {
        const uint8_t *pos;
        const uint8_t *end;
        bool failed;
};

static inline struct reader reader_make(const void *data, size_t len)
{
        const uint8_t *start = data;

        return (struct reader){start, len ? start + len : start, false};
}

static inline size_t reader_left(const struct reader *r)
{
        return (size_t)(r->end - r->pos);
}

static inline const uint8_t *reader_take(struct reader *r, size_t len)
{
        const uint8_t *at = r->pos;

        if (UNLIKELY(r->failed || len > reader_left(r))) {
                r->failed = true;
                return NULL;
        }
        r->pos += len;
        return at;
}

static inline struct str reader_str(struct reader *r, size_t len)
{
        const uint8_t *at = reader_take(r, len);

        return at ? str_make((const char *)at, len) : str_make("", 0);
}

static inline uint8_t reader_u8(struct reader *r)
{
        const uint8_t *at = reader_take(r, 1);

        return at ? *at : 0;
}

static inline uint32_t reader_u32(struct reader *r)
{
        const uint8_t *at = reader_take(r, 4);
        uint32_t value = 0;

        if (at)
                memcpy(&value, at, sizeof(value));
        return value;
}

static inline uint64_t reader_u64(struct reader *r)
{
        const uint8_t *at = reader_take(r, 8);
        uint64_t value = 0;

        if (at)
                memcpy(&value, at, sizeof(value));
        return value;
}

/* LEB128, at most 10 bytes; longer or overflowing forms fail. */
uint64_t reader_long_varint(struct reader *r);
static inline uint64_t reader_varint(struct reader *r)
{
        if (LIKELY(!r->failed && r->pos < r->end && *r->pos < 0x80))
                return *r->pos++;
        return reader_long_varint(r);
}

int64_t reader_zigzag(struct reader *r);

#endif

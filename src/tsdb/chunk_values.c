/* The value column of a block. */
#include <math.h>

#include "base/reader.h"
#include "codec/compress.h"
#include "codec/ints.h"
#include "codec/varint.h"
#include "model/sample.h"
#include "tsdb/chunk_int.h"

/* All are exact float64 values. */
static const double powers_of_ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8, 1e9,
                                       1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};

enum { NO_EXPONENT = 255 };

/* Division is correctly rounded, so every value that was written with that many decimals and at
 * most 15 digits comes back; the check below is the same computation as decoding. */
static bool as_decimal(double v, unsigned exponent, int64_t *ret_integer)
{
        double scaled = v * powers_of_ten[exponent];
        int64_t integer;

        if (!(fabs(scaled) < 9.2e18))
                return false;
        integer = fabs(scaled) < 0x1p52 ? (int64_t)(scaled + copysign(0.5, scaled))
                                        : (int64_t)scaled;
        if (sample_bits((double)integer / powers_of_ten[exponent]) != sample_bits(v))
                return false;
        *ret_integer = integer;
        return true;
}

static uint8_t least_exponent(double v)
{
        int64_t integer;

        for (unsigned e = 0; e <= CHUNK_DECIMAL_MAX_EXPONENT; e++)
                if (as_decimal(v, e, &integer))
                        return (uint8_t)e;
        return NO_EXPONENT;
}

/* Counts values by the least exponent that reproduces them. False when decimals are hopeless:
 * most of the first values are none. */
static bool count_exponents(const double *v, size_t count, uint32_t *by_exponent)
{
        uint8_t exponent = 0;
        size_t misfits = 0;

        for (size_t i = 0; i < count; i++) {
                if (i == 0 || sample_bits(v[i]) != sample_bits(v[i - 1]))
                        exponent = least_exponent(v[i]);
                if (exponent != NO_EXPONENT)
                        by_exponent[exponent]++;
                else if (++misfits > 8 + i / 4)
                        return false;
        }
        return true;
}

/* Values as integers of one exponent, and those that are none. */
struct decimals {
        unsigned exponent;
        int64_t integers[CHUNK_MAX_SAMPLES];
        uint16_t exceptions[CHUNK_MAX_SAMPLES];
        size_t count, exception_count;
};

/* An exception's place among the integers repeats its neighbour, which costs least. */
static void make_decimals(struct decimals *d, const double *v, size_t count, unsigned exponent)
{
        int64_t filler = 0;

        d->exponent = exponent;
        d->count = count;
        d->exception_count = 0;
        for (size_t i = 0; i < count && !as_decimal(v[i], exponent, &filler); i++)
                ;
        for (size_t i = 0; i < count; i++) {
                if (!as_decimal(v[i], exponent, &d->integers[i])) {
                        d->exceptions[d->exception_count++] = (uint16_t)i;
                        d->integers[i] = filler;
                }
                filler = d->integers[i];
        }
}

static uint8_t *put_decimal_head(uint8_t *at, const struct decimals *d, const double *v)
{
        size_t next = 0;

        *at++ = (uint8_t)d->exponent;
        at = varint_put(at, d->exception_count);
        for (size_t k = 0; k < d->exception_count; k++) {
                at = varint_put(at, d->exceptions[k] - next);
                at = varint_put_u64(at, sample_bits(v[d->exceptions[k]]));
                next = d->exceptions[k] + 1u;
        }
        return at;
}

static uint8_t *put_decimal(uint8_t *at, const struct decimals *d, const double *v)
{
        *at++ = CHUNK_DECIMAL;
        at = put_decimal_head(at, d, v);
        return ints_encode(at, d->integers, d->count);
}

/* Byte by byte, for a compressor to find what repeats: differences, or the integers as they are. */
static uint8_t *put_bytewise(uint8_t *at, const struct decimals *d, const double *v, unsigned order)
{
        int64_t previous = 0;

        at = put_decimal_head(at, d, v);
        *at++ = (uint8_t)order;
        for (size_t i = 0; i < d->count; i++) {
                at = varint_put_zigzag(at, (int64_t)((uint64_t)d->integers[i] -
                                                     (uint64_t)previous));
                previous = order ? d->integers[i] : 0;
        }
        return at;
}

/* Of values that are not all the same. */
static uint8_t *put_xor(uint8_t *at, const double *v, size_t count)
{
        int64_t changes[CHUNK_MAX_SAMPLES];
        uint64_t all = 0;
        size_t change_count = 0, bitmap_len = (count + 6) / 8;
        uint8_t *bitmap;
        unsigned shift;

        *at++ = CHUNK_XOR;
        at = varint_put_u64(at, sample_bits(v[0]));
        bitmap = at;
        memset(bitmap, 0, bitmap_len);
        at += bitmap_len;
        for (size_t i = 1; i < count; i++) {
                uint64_t change = sample_bits(v[i]) ^ sample_bits(v[i - 1]);

                if (!change)
                        continue;
                bitmap[(i - 1) / 8] |= (uint8_t)(1u << (i - 1) % 8);
                changes[change_count++] = (int64_t)change;
                all |= change;
        }
        shift = (unsigned)__builtin_ctzll(all);
        *at++ = (uint8_t)shift;
        for (size_t i = 0; i < change_count; i++)
                changes[i] = (int64_t)((uint64_t)changes[i] >> shift);
        return ints_encode(at, changes, change_count);
}

static uint8_t *put_raw(uint8_t *at, const double *v, size_t count)
{
        *at++ = CHUNK_RAW;
        memcpy(at, v, count * sizeof(*v));
        return at + count * sizeof(*v);
}

/* Of sums that grow by fractions, bit patterns differ by less than they do as XOR. */
static uint8_t *put_bits(uint8_t *at, const double *v, size_t count)
{
        int64_t integers[CHUNK_MAX_SAMPLES];

        *at++ = CHUNK_BITS;
        memcpy(integers, v, count * sizeof(*v));
        return ints_encode(at, integers, count);
}

static bool all_same(const double *v, size_t count)
{
        for (size_t i = 1; i < count; i++)
                if (sample_bits(v[i]) != sample_bits(v[0]))
                        return false;
        return true;
}

/* Index of the value among those found so far, or as a new one; FEW_MAX when there are too many. */
enum { FEW_MAX = 64, FEW_SLOTS = 128 };

struct few {
        uint64_t bits[FEW_MAX];
        uint8_t slots[FEW_SLOTS]; /* index plus one */
        size_t count;
};

static size_t few_index(struct few *few, uint64_t bits)
{
        size_t slot = (size_t)(bits * 0x9e3779b97f4a7c15u >> 57);

        for (; few->slots[slot]; slot = (slot + 1) % FEW_SLOTS)
                if (few->bits[few->slots[slot] - 1] == bits)
                        return few->slots[slot] - 1u;
        if (few->count == FEW_MAX)
                return FEW_MAX;
        few->bits[few->count++] = bits;
        few->slots[slot] = (uint8_t)few->count;
        return few->count - 1;
}

/* NULL when there are too many different values. */
static uint8_t *put_few(uint8_t *at, const double *v, size_t count)
{
        struct few few = {0};
        int64_t indexes[CHUNK_MAX_SAMPLES];
        uint8_t bitmap[CHUNK_MAX_SAMPLES / 8 + 1] = {0};
        size_t index_count = 0, bitmap_len = (count + 6) / 8;

        for (size_t i = 0; i < count; i++) {
                size_t index;

                if (i && sample_bits(v[i]) == sample_bits(v[i - 1]))
                        continue;
                index = few_index(&few, sample_bits(v[i]));
                if (index == FEW_MAX)
                        return NULL;
                if (i)
                        bitmap[(i - 1) / 8] |= (uint8_t)(1u << (i - 1) % 8);
                indexes[index_count++] = (int64_t)index;
        }
        *at++ = CHUNK_FEW;
        at = varint_put(at, few.count);
        memcpy(at, few.bits, few.count * sizeof(*few.bits));
        at += few.count * sizeof(*few.bits);
        memcpy(at, bitmap, bitmap_len);
        return ints_encode(at + bitmap_len, indexes, index_count);
}

/* The shortest of what was tried so far stays at `at`. */
struct contest {
        uint8_t *at, *end;
};

static void enter(struct contest *contest, const uint8_t *candidate, const uint8_t *candidate_end)
{
        size_t len = (size_t)(candidate_end - candidate);

        if (contest->end && len >= (size_t)(contest->end - contest->at))
                return;
        memcpy(contest->at, candidate, len);
        contest->end = contest->at + len;
}

/* Room for the longest form: a decimal full of exceptions, bytewise. */
enum { SCRATCH_BYTES = 64 + CHUNK_MAX_SAMPLES * 20 };

/* Leaves the best decimals in `d`; false when there are none worth the name. */
static bool enter_decimals(struct contest *contest, const double *v, size_t count,
                           struct decimals *d, uint8_t *scratch)
{
        uint32_t by_exponent[CHUNK_DECIMAL_MAX_EXPONENT + 1] = {0};
        unsigned highest = CHUNK_DECIMAL_MAX_EXPONENT, lower;
        size_t above = 0;

        if (!count_exponents(v, count, by_exponent))
                return false;
        while (highest > 0 && !by_exponent[highest])
                highest--;
        /* A few values with many decimals would make all the integers wide. */
        lower = highest;
        while (lower > 0 && above + by_exponent[lower] <= count / 32)
                above += by_exponent[lower--];
        make_decimals(d, v, count, lower);
        enter(contest, scratch, put_decimal(scratch, d, v));
        if (lower != highest) {
                make_decimals(d, v, count, highest);
                enter(contest, scratch, put_decimal(scratch, d, v));
                if (contest->at[1] == lower)
                        make_decimals(d, v, count, lower);
        }
        return true;
}

/* Fewer are in blocks that will soon be merged, and fewer bytes leave little to save. */
enum { PACK_MIN_SAMPLES = 128, PACK_MIN_BYTES = 48, PACK_LEVEL = 3, PACK_HEAD_BYTES = 5 };

/* Whether the integers have a pattern that a compressor would find: three steps in a row that came
 * before in the same order. Noise is not worth the time it takes to try. */
static bool has_pattern(const struct decimals *d)
{
        enum { SLOTS = 1024 };
        uint16_t seen[SLOTS] = {0};
        uint64_t window = 0;
        size_t again = 0;

        for (size_t i = 1; i < d->count; i++) {
                uint64_t step = (uint64_t)d->integers[i] - (uint64_t)d->integers[i - 1], hash;

                window = window << 21 ^ (step & 0x1fffff);
                hash = (window & 0x7fffffffffffffff) * 0x9e3779b97f4a7c15u;
                again += seen[hash >> 54] == (uint16_t)(hash >> 38 | 1);
                seen[hash >> 54] = (uint16_t)(hash >> 38 | 1);
        }
        return again > d->count / 4;
}

/* A reader has room for no more on its stack; what needs it is no pattern of integers. */
enum { PACK_MAX_BYTES = 8 * CHUNK_MAX_SAMPLES };

/* What compression saves must be worth the time it takes to undo: a tenth. */
static void enter_packed(struct contest *contest, const uint8_t *plain, const uint8_t *plain_end)
{
        uint8_t frame[PACK_MAX_BYTES], *at = contest->at;
        size_t len = (size_t)(contest->end - contest->at), limit = len - len / 10;
        size_t plain_len = (size_t)(plain_end - plain), frame_len;

        if (plain_len > PACK_MAX_BYTES || limit > PACK_MAX_BYTES)
                return;
        frame_len = compress_block(frame, limit - PACK_HEAD_BYTES, plain, plain_len, PACK_LEVEL);
        if (!frame_len)
                return;
        *at++ = CHUNK_PACKED;
        at = varint_put(at, plain_len);
        at = varint_put(at, frame_len);
        memcpy(at, frame, frame_len);
        contest->end = at + frame_len;
}

/* A short column lives for minutes: decimals of a few places, or the values as they are. */
enum { SHORT_SAMPLES = 16, SHORT_EXPONENT = 6 };

static __attribute__((noinline)) uint8_t *encode_short(uint8_t *at, const double *v, size_t count)
{
        struct decimals decimals;
        unsigned exponent = 0;
        int64_t integer;

        for (size_t i = 0; i < count && exponent <= SHORT_EXPONENT; i++)
                while (exponent <= SHORT_EXPONENT && !as_decimal(v[i], exponent, &integer) &&
                       isfinite(v[i]))
                        exponent++;
        if (exponent > SHORT_EXPONENT)
                return put_raw(at, v, count);
        make_decimals(&decimals, v, count, exponent);
        return decimals.exception_count > 1 ? put_raw(at, v, count) : put_decimal(at, &decimals, v);
}

/* Not inlined, as what it needs of the stack would slow down what is short. */
static __attribute__((noinline)) uint8_t *encode_long(uint8_t *at, const double *v, size_t count)
{
        struct contest contest = {.at = at};
        uint8_t scratch[SCRATCH_BYTES], *end;
        struct decimals decimals;
        bool is_decimal;

        is_decimal = enter_decimals(&contest, v, count, &decimals, scratch);
        /* Four bytes a value are beyond what bits reach on anything that decimals fit. */
        if (!contest.end || (size_t)(contest.end - at) > 4 * count) {
                enter(&contest, scratch, put_xor(scratch, v, count));
                enter(&contest, scratch, put_bits(scratch, v, count));
        }
        if ((size_t)(contest.end - at) > 8 * count)
                enter(&contest, scratch, put_raw(scratch, v, count));
        if (count < PACK_MIN_SAMPLES || contest.end - at < PACK_MIN_BYTES)
                return contest.end;
        end = put_few(scratch, v, count);
        if (end)
                enter(&contest, scratch, end);
        if (is_decimal && has_pattern(&decimals))
                for (unsigned order = 0; order < 2; order++)
                        enter_packed(&contest, scratch, put_bytewise(scratch, &decimals, v, order));
        return contest.end;
}

uint8_t *chunk_values_encode(uint8_t *at, const double *v, size_t count)
{
        if (all_same(v, count)) {
                *at++ = CHUNK_CONSTANT;
                return varint_put_u64(at, sample_bits(v[0]));
        }
        return count <= SHORT_SAMPLES ? encode_short(at, v, count) : encode_long(at, v, count);
}

/* On its own, because then it is vectorized: conversion is not, and division is what costs. */
VECTORIZE static void divide(double *v, size_t count, double divisor)
{
        for (size_t i = 0; i < count; i++)
                v[i] /= divisor;
}

static void get_bytewise(struct reader *r, int64_t *integers, size_t count)
{
        unsigned order = reader_u8(r);
        uint64_t previous = 0;

        if (order > 1)
                r->failed = true;
        for (size_t i = 0; i < count && !r->failed; i++) {
                uint64_t integer = (uint64_t)reader_zigzag(r) + previous;

                previous = order ? integer : 0;
                integers[i] = (int64_t)integer;
        }
}

/* Exceptions stand before the integers, but are put in place after them. */
static void get_decimal(struct reader *r, double *v, size_t count, size_t begin, size_t end,
                        bool bytewise)
{
        unsigned exponent = reader_u8(r);
        uint64_t exception_count = reader_varint(r);
        int64_t integers[CHUNK_MAX_SAMPLES];
        struct reader exceptions;
        size_t next = 0;

        if (exponent > CHUNK_DECIMAL_MAX_EXPONENT || exception_count > count) {
                r->failed = true;
                return;
        }
        exceptions = *r;
        for (uint64_t k = 0; k < exception_count; k++) {
                uint64_t gap = reader_varint(r);

                reader_take(r, 8);
                if (gap >= count || next + gap >= count) {
                        r->failed = true;
                        return;
                }
                next += gap + 1;
        }
        if (bytewise)
                get_bytewise(r, integers, count);
        else
                ints_decode(r, integers, count);
        if (r->failed)
                return;
        for (size_t i = begin; i < end; i++)
                v[i] = (double)integers[i];
        if (exponent)
                divide(v + begin, end - begin, powers_of_ten[exponent]);
        next = 0;
        for (uint64_t k = 0; k < exception_count; k++) {
                next += reader_varint(&exceptions);
                v[next++] = sample_from_bits(reader_u64(&exceptions));
        }
}

static void get_xor(struct reader *r, double *v, size_t count)
{
        uint64_t bits = reader_u64(r);
        size_t bitmap_len = (count + 6) / 8, change_count = 0, next = 0;
        const uint8_t *bitmap = reader_take(r, bitmap_len);
        unsigned shift = reader_u8(r);
        int64_t changes[CHUNK_MAX_SAMPLES];

        if (!bitmap || shift > 63) {
                r->failed = true;
                return;
        }
        for (size_t i = 0; i < bitmap_len; i++)
                change_count += (size_t)__builtin_popcount(bitmap[i]);
        /* Equal values are never stored in this form. */
        if (change_count == 0 || change_count >= count) {
                r->failed = true;
                return;
        }
        ints_decode(r, changes, change_count);
        v[0] = sample_from_bits(bits);
        for (size_t i = 1; !r->failed && i < count; i++) {
                if (bitmap[(i - 1) / 8] >> (i - 1) % 8 & 1)
                        bits ^= (uint64_t)changes[next++] << shift;
                v[i] = sample_from_bits(bits);
        }
}

static void get_raw(struct reader *r, double *v, size_t count)
{
        const uint8_t *raw = reader_take(r, count * sizeof(*v));

        if (raw)
                memcpy(v, raw, count * sizeof(*v));
}

static void get_bits(struct reader *r, double *v, size_t count)
{
        int64_t integers[CHUNK_MAX_SAMPLES];

        ints_decode(r, integers, count);
        if (!r->failed)
                memcpy(v, integers, count * sizeof(*v));
}

static void get_few(struct reader *r, double *v, size_t count)
{
        uint64_t few = reader_varint(r);
        size_t bitmap_len = (count + 6) / 8, index_count = 1, next = 0;
        const uint8_t *values, *bitmap;
        int64_t indexes[CHUNK_MAX_SAMPLES];
        bool wild = false;

        if (few > FEW_MAX) {
                r->failed = true;
                return;
        }
        values = reader_take(r, few * sizeof(*v));
        bitmap = reader_take(r, bitmap_len);
        if (!bitmap)
                return;
        for (size_t i = 0; i < bitmap_len; i++)
                index_count += (size_t)__builtin_popcount(bitmap[i]);
        if (index_count > count) {
                r->failed = true;
                return;
        }
        ints_decode(r, indexes, index_count);
        for (size_t i = 0; i < index_count && !r->failed; i++)
                wild |= (uint64_t)indexes[i] >= few;
        r->failed |= wild;
        for (size_t i = 0; i < count && !r->failed; i++) {
                next += i && bitmap[(i - 1) / 8] >> (i - 1) % 8 & 1;
                memcpy(&v[i], values + (size_t)indexes[next] * sizeof(*v), sizeof(*v));
        }
}

static void get_packed(struct reader *r, double *v, size_t count, size_t begin, size_t end)
{
        uint64_t plain_len = reader_varint(r), frame_len = reader_varint(r);
        const uint8_t *frame = reader_take(r, frame_len);
        uint8_t plain[PACK_MAX_BYTES];
        struct reader inner;

        if (!frame || plain_len > sizeof(plain) ||
            !compress_unblock(plain, plain_len, frame, frame_len)) {
                r->failed = true;
                return;
        }
        inner = reader_make(plain, plain_len);
        get_decimal(&inner, v, count, begin, end, true);
        r->failed |= inner.failed || reader_left(&inner);
}

void chunk_values_decode(struct reader *r, double *v, size_t count, size_t begin, size_t end)
{
        uint8_t form = reader_u8(r);
        uint64_t bits;

        switch (form) {
        case CHUNK_CONSTANT:
                bits = reader_u64(r);
                for (size_t i = 0; i < count; i++)
                        v[i] = sample_from_bits(bits);
                break;
        case CHUNK_DECIMAL:
                get_decimal(r, v, count, begin, end, false);
                break;
        case CHUNK_XOR:
                get_xor(r, v, count);
                break;
        case CHUNK_RAW:
                get_raw(r, v, count);
                break;
        case CHUNK_BITS:
                get_bits(r, v, count);
                break;
        case CHUNK_FEW:
                get_few(r, v, count);
                break;
        case CHUNK_PACKED:
                get_packed(r, v, count, begin, end);
                break;
        default:
                r->failed = true;
        }
}

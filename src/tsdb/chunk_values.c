/* The value column of a block. */
#include <math.h>

#include "base/reader.h"
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

static uint8_t *put_decimal(uint8_t *at, const double *v, size_t count, unsigned exponent)
{
        int64_t integers[CHUNK_MAX_SAMPLES], filler = 0;
        uint16_t exceptions[CHUNK_MAX_SAMPLES];
        size_t exception_count = 0, next = 0;

        /* An exception's place among the integers repeats its neighbour, which costs least. */
        for (size_t i = 0; i < count && !as_decimal(v[i], exponent, &filler); i++)
                ;
        for (size_t i = 0; i < count; i++) {
                if (!as_decimal(v[i], exponent, &integers[i])) {
                        exceptions[exception_count++] = (uint16_t)i;
                        integers[i] = filler;
                }
                filler = integers[i];
        }
        *at++ = CHUNK_DECIMAL;
        *at++ = (uint8_t)exponent;
        at = varint_put(at, exception_count);
        for (size_t k = 0; k < exception_count; k++) {
                at = varint_put(at, exceptions[k] - next);
                at = varint_put_u64(at, sample_bits(v[exceptions[k]]));
                next = exceptions[k] + 1u;
        }
        return ints_encode(at, integers, count);
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

static bool all_same(const double *v, size_t count)
{
        for (size_t i = 1; i < count; i++)
                if (sample_bits(v[i]) != sample_bits(v[0]))
                        return false;
        return true;
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

/* Room for the longest form, raw or a decimal full of exceptions. */
enum { SCRATCH_BYTES = 32 + CHUNK_MAX_SAMPLES * 18 };

static void enter_decimals(struct contest *contest, const double *v, size_t count,
                           uint8_t *scratch)
{
        uint32_t by_exponent[CHUNK_DECIMAL_MAX_EXPONENT + 1] = {0};
        unsigned highest = CHUNK_DECIMAL_MAX_EXPONENT, lower;
        size_t above = 0;

        if (!count_exponents(v, count, by_exponent))
                return;
        while (highest > 0 && !by_exponent[highest])
                highest--;
        enter(contest, scratch, put_decimal(scratch, v, count, highest));
        /* A few values with many decimals would make all the integers wide. */
        lower = highest;
        while (lower > 0 && above + by_exponent[lower] <= count / 32)
                above += by_exponent[lower--];
        if (lower != highest)
                enter(contest, scratch, put_decimal(scratch, v, count, lower));
}

uint8_t *chunk_values_encode(uint8_t *at, const double *v, size_t count)
{
        struct contest contest = {.at = at};
        uint8_t scratch[SCRATCH_BYTES];

        if (all_same(v, count)) {
                *at++ = CHUNK_CONSTANT;
                return varint_put_u64(at, sample_bits(v[0]));
        }
        enter_decimals(&contest, v, count, scratch);
        /* Four bytes a value are beyond what XOR reaches on anything that decimals fit. */
        if (!contest.end || (size_t)(contest.end - at) > 4 * count)
                enter(&contest, scratch, put_xor(scratch, v, count));
        if ((size_t)(contest.end - at) > 8 * count)
                enter(&contest, scratch, put_raw(scratch, v, count));
        return contest.end;
}

/* On its own, because then it is vectorized: conversion is not, and division is what costs. */
VECTORIZE static void divide(double *v, size_t count, double divisor)
{
        for (size_t i = 0; i < count; i++)
                v[i] /= divisor;
}

/* Exceptions stand before the integers, but are put in place after them. */
static void get_decimal(struct reader *r, double *v, size_t count)
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
        ints_decode(r, integers, count);
        if (r->failed)
                return;
        for (size_t i = 0; i < count; i++)
                v[i] = (double)integers[i];
        if (exponent)
                divide(v, count, powers_of_ten[exponent]);
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

void chunk_values_decode(struct reader *r, double *v, size_t count)
{
        uint8_t form = reader_u8(r);
        const uint8_t *raw;
        uint64_t bits;

        switch (form) {
        case CHUNK_CONSTANT:
                bits = reader_u64(r);
                for (size_t i = 0; i < count; i++)
                        v[i] = sample_from_bits(bits);
                break;
        case CHUNK_DECIMAL:
                get_decimal(r, v, count);
                break;
        case CHUNK_XOR:
                get_xor(r, v, count);
                break;
        case CHUNK_RAW:
                raw = reader_take(r, count * sizeof(*v));
                if (raw)
                        memcpy(v, raw, count * sizeof(*v));
                break;
        default:
                r->failed = true;
        }
}

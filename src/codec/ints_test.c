/* codec comes before testing/, so its tests stand on cmocka alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "codec/ints.h"

static uint64_t seed = 1;

static uint64_t next_random(void)
{
        seed ^= seed << 13;
        seed ^= seed >> 7;
        return seed ^= seed << 17;
}

/* Encodes, decodes from a buffer of exactly that length, compares; returns the length. */
static size_t round_trip(const int64_t *values, size_t count)
{
        static uint8_t scratch[64 + INTS_MAX_COUNT * 8];
        static int64_t back[INTS_MAX_COUNT];
        size_t len = (size_t)(ints_encode(scratch, values, count) - scratch);
        uint8_t *exact = malloc(len);
        struct reader r;

        assert_true(len <= ints_bound(count));
        memcpy(exact, scratch, len);
        r = reader_make(exact, len);
        ints_decode(&r, back, count);
        assert_false(r.failed);
        assert_int_equal(reader_left(&r), 0);
        assert_memory_equal(values, back, count * sizeof(*values));
        for (size_t cut = 0; cut < len; cut += 1 + cut / 3) {
                r = reader_make(exact, cut);
                ints_decode(&r, back, count);
                assert_true(r.failed);
        }
        free(exact);
        return len;
}

static void test_shapes(void **state)
{
        static int64_t values[INTS_MAX_COUNT];
        size_t n = 1000;

        (void)state;
        for (size_t i = 0; i < n; i++)
                values[i] = 7;
        assert_true(round_trip(values, n) < 8);
        for (size_t i = 0; i < n; i++)
                values[i] = (int64_t)i * 15000;
        assert_true(round_trip(values, n) < 12);
        for (size_t i = 0; i < n; i++)
                values[i] = (int64_t)(i * i);
        assert_true(round_trip(values, n) < 16);
        for (size_t i = 0; i < n; i++)
                values[i] = (int64_t)(next_random() % 200) * 4096;
        assert_true(round_trip(values, n) < 1020);
        values[500] = 1ll << 60;
        assert_true(round_trip(values, n) < 1040);
}

static void test_extremes(void **state)
{
        static const int64_t extremes[] = {0, -1, 1, INT64_MAX, INT64_MIN, INT64_MAX - 1,
                                           INT64_MIN + 1, 1ll << 62};
        int64_t values[64];

        (void)state;
        for (size_t i = 0; i < 8; i++)
                round_trip(&extremes[i], 1);
        for (int round = 0; round < 500; round++) {
                size_t count = 1 + next_random() % 64;

                for (size_t i = 0; i < count; i++)
                        values[i] = extremes[next_random() % 8];
                round_trip(values, count);
        }
}

static void test_random_widths(void **state)
{
        static int64_t values[INTS_MAX_COUNT];

        (void)state;
        for (int round = 0; round < 2000; round++) {
                size_t count = 1 + next_random() % (round % 50 ? 200 : INTS_MAX_COUNT);
                unsigned width = (unsigned)(next_random() % 65), order = next_random() % 3;
                unsigned outliers = next_random() % 4 ? 0 : 20;

                for (size_t i = 0; i < count; i++) {
                        uint64_t v = width ? next_random() >> (64 - width) : 0;

                        if (outliers && next_random() % outliers == 0)
                                v = next_random();
                        for (unsigned k = 1; k <= order && i >= k; k++)
                                v += (uint64_t)values[i - k];
                        values[i] = (int64_t)v;
                }
                round_trip(values, count);
        }
}

/* Residuals of order 0 below 2: states 2^5, each of the two bins gets 16 of them. Steps of 23 give
 * bin 0 the states 0, 1, 2, 5, 6, 10, 11, 14, 15, 19, 20, 23, 24, 25, 28 and 29. The lanes begin
 * with 9, 0, 23 and 4; the first has x = 20, so that 2 * 20 - 32 and one bit more, 9, is next. */
static void test_binned_by_hand(void **state)
{
        static const uint8_t bytes[] = {8, 1, 0, 0xf8, 0x9f, 0xc0, 0x25, 0x01};
        static const int64_t want[] = {1, 0, 0, 1, 1};
        struct reader r = reader_make(bytes, sizeof(bytes));
        int64_t values[5];

        (void)state;
        ints_decode(&r, values, 5);
        assert_false(r.failed);
        assert_int_equal(reader_left(&r), 0);
        assert_memory_equal(values, want, sizeof(want));
}

/* Numbers of geometric distribution: each further one is half as frequent. */
static uint64_t geometric(void)
{
        return (uint64_t)__builtin_ctzll(next_random() | 1ull << 63);
}

/* Their entropy is two bits. Bins themselves, and weights that are not exact, take some more. */
static void test_binned_size(void **state)
{
        static int64_t values[INTS_MAX_COUNT];

        (void)state;
        for (size_t count = 1024; count <= INTS_MAX_COUNT; count *= 2) {
                for (size_t i = 0; i < count; i++)
                        values[i] = (int64_t)geometric();
                assert_true(round_trip(values, count) < count / 4 + count / 40 + 30);
                /* Two clusters far apart: one bit says which, six where; 90 bins lie between. */
                for (size_t i = 0; i < count; i++)
                        values[i] = (int64_t)(next_random() % 2 << 50 | next_random() % 64);
                assert_true(round_trip(values, count) < count * 7 / 8 + count / 40 + 90);
        }
        /* Half a bit each of fifty is worth having. */
        for (size_t i = 0; i < INTS_MAX_COUNT; i++) {
                values[i] = 0;
                for (int k = 0; k < 4; k++)
                        values[i] += (int64_t)(next_random() >> 16);
        }
        assert_true(round_trip(values, INTS_MAX_COUNT) < INTS_MAX_COUNT * 99 / 16);
}

static void test_binned_shapes(void **state)
{
        static int64_t values[INTS_MAX_COUNT];

        (void)state;
        for (int round = 0; round < 300; round++) {
                size_t count = 800 + next_random() % (INTS_MAX_COUNT - 799);
                unsigned shift = (unsigned)(next_random() % 60), order = next_random() % 3;
                uint64_t clusters = 1 + next_random() % 300;

                for (size_t i = 0; i < count; i++) {
                        uint64_t v = geometric() << shift | (next_random() & next_random()) >> 50;

                        v += (next_random() % clusters * 0x9e3779b97f4a7c15u) >> (shift + 4);
                        for (unsigned k = 1; k <= order && i >= k; k++)
                                v += (uint64_t)values[i - k];
                        values[i] = (int64_t)v;
                }
                round_trip(values, count);
        }
}

static void test_malformed(void **state)
{
        uint8_t bytes[64];
        int64_t values[INTS_MAX_COUNT];

        (void)state;
        for (int round = 0; round < 20000; round++) {
                struct reader r = reader_make(bytes, next_random() % sizeof(bytes));

                for (size_t i = 0; i < sizeof(bytes); i++)
                        bytes[i] = (uint8_t)(next_random() >> (next_random() % 8 * 8));
                bytes[0] &= 15;
                bytes[1] %= 70;
                ints_decode(&r, values, 1 + next_random() % 100);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_shapes),
                cmocka_unit_test(test_extremes),
                cmocka_unit_test(test_random_widths),
                cmocka_unit_test(test_binned_by_hand),
                cmocka_unit_test(test_binned_size),
                cmocka_unit_test(test_binned_shapes),
                cmocka_unit_test(test_malformed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

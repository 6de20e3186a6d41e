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

static void test_malformed(void **state)
{
        uint8_t bytes[64];
        int64_t values[INTS_MAX_COUNT];

        (void)state;
        for (int round = 0; round < 20000; round++) {
                struct reader r = reader_make(bytes, next_random() % sizeof(bytes));

                for (size_t i = 0; i < sizeof(bytes); i++)
                        bytes[i] = (uint8_t)(next_random() >> (next_random() % 8 * 8));
                bytes[0] &= 7;
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
                cmocka_unit_test(test_malformed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

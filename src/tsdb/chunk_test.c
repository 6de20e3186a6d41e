#include "testing/unit.h"

#include <math.h>
#include <stdlib.h>

#include "model/sample.h"
#include "tsdb/chunk_int.h"

enum { BASE = 1000000 };

static uint64_t seed = 88172645463325252u;

static uint64_t next_random(void)
{
        seed ^= seed << 13;
        seed ^= seed >> 7;
        return seed ^= seed << 17;
}

static size_t round_trip_at(const int64_t *t_ms, const double *v, size_t count)
{
        uint8_t *bytes = malloc(chunk_bound(count)), *exact;
        size_t len = (size_t)(chunk_encode(bytes, 77, BASE, t_ms, v, count) - bytes), parsed_len;
        int64_t t_back[CHUNK_MAX_SAMPLES];
        double v_back[CHUNK_MAX_SAMPLES];
        struct chunk chunk;
        struct error err;

        assert_true(len <= chunk_bound(count));
        exact = malloc(len);
        memcpy(exact, bytes, len);
        assert_ok(chunk_parse(exact, len, BASE, &chunk, &parsed_len, &err), err);
        assert_int_equal(parsed_len, len);
        assert_int_equal(chunk.series, 77);
        assert_int_equal(chunk.count, count);
        assert_int_equal(chunk.first_t_ms, t_ms[0]);
        assert_ok(chunk_decode(&chunk, t_back, v_back, &err), err);
        assert_memory_equal(t_back, t_ms, count * sizeof(*t_ms));
        assert_memory_equal(v_back, v, count * sizeof(*v));
        free(exact);
        free(bytes);
        return len;
}

static size_t round_trip(const double *v, size_t count)
{
        int64_t t_ms[CHUNK_MAX_SAMPLES];

        for (size_t i = 0; i < count; i++)
                t_ms[i] = BASE + (int64_t)i * 15000;
        return round_trip_at(t_ms, v, count);
}

static void test_special_values(void **state)
{
        const double specials[] = {0.0,      -0.0,     INFINITY, -INFINITY, NAN, 5e-324,
                                   1.7e308,  -1.7e308, 1e22,     1e-22,     0.1,
                                   0.30000000000000004,
                                   4503599627370497.5, 9007199254740993.0,  9.3e18,
                                   sample_from_bits(SAMPLE_STALE_BITS),
                                   sample_from_bits(SAMPLE_NAN_BITS),
                                   sample_from_bits(0xfff8dead0000beef), 123456.789, -0.001};
        double v[CHUNK_MAX_SAMPLES];

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(specials); i++)
                round_trip(&specials[i], 1);
        for (int round = 0; round < 1000; round++) {
                size_t count = 1 + next_random() % 40;

                for (size_t i = 0; i < count; i++)
                        v[i] = specials[next_random() % ARRAY_LEN(specials)];
                round_trip(v, count);
        }
}

static void test_one_misfit_costs_little(void **state)
{
        double v[1000];
        size_t plain, with_stale;

        (void)state;
        for (size_t i = 0; i < 1000; i++)
                v[i] = (double)(next_random() % 100) / 10;
        plain = round_trip(v, 1000);
        v[300] = sample_from_bits(SAMPLE_STALE_BITS);
        v[700] = 1.0 / 3;
        with_stale = round_trip(v, 1000);
        assert_true(plain < 1000);
        assert_true(with_stale < plain + 40);
}

static void test_random_kinds(void **state)
{
        double v[CHUNK_MAX_SAMPLES];
        int64_t t_ms[CHUNK_MAX_SAMPLES];

        (void)state;
        for (int round = 0; round < 3000; round++) {
                size_t count = 1 + next_random() % (round % 20 ? 130 : CHUNK_MAX_SAMPLES);
                unsigned kind = next_random() % 6;
                double scale = pow(10, (double)(next_random() % 20));

                t_ms[0] = (int64_t)(next_random() % 100000000) - 50000000;
                for (size_t i = 0; i < count; i++) {
                        uint64_t random = next_random();

                        if (i)
                                t_ms[i] = t_ms[i - 1] + 1 + (int64_t)(next_random() %
                                                                      (kind ? 20000 : 2));
                        v[i] = kind == 0   ? (double)(random % 1000)
                               : kind == 1 ? (double)(int64_t)random / scale
                               : kind == 2 ? (i && random % 4 ? v[i - 1] : (double)random / 3e10)
                               : kind == 3 ? sample_from_bits(random)
                               : kind == 4 ? (i ? v[i - 1] + (double)(random % 9) : 0)
                                           : (double)(random % 1000000) / 1e4;
                }
                round_trip_at(t_ms, v, count);
        }
}

static void test_summary(void **state)
{
        double v[200];
        int64_t t_ms[200];
        uint8_t bytes[8192];
        struct chunk chunk;
        struct error err;
        size_t len;

        (void)state;
        for (size_t i = 0; i < 200; i++) {
                t_ms[i] = BASE + (int64_t)i;
                v[i] = (double)i;
        }
        v[0] = sample_from_bits(SAMPLE_STALE_BITS);
        v[5] = -7;
        v[199] = NAN;
        len = (size_t)(chunk_encode(bytes, 1, BASE, t_ms, v, 200) - bytes);
        assert_ok(chunk_parse(bytes, len, BASE, &chunk, &len, &err), err);
        assert_true(chunk.has_summary);
        assert_int_equal(chunk.summary.count, 199);
        assert_true(chunk.summary.min == -7 && chunk.summary.max == 198);
        assert_true(chunk.summary.first == 1 && isnan(chunk.summary.last));
        assert_true(isnan(chunk.summary.sum));
        chunk_encode(bytes, 1, BASE, t_ms + 1, v + 1, 198);
        assert_ok(chunk_parse(bytes, sizeof(bytes), BASE, &chunk, &len, &err), err);
        assert_true(chunk.summary.sum == 198 * 199 / 2 - 5 - 7);
        chunk_encode(bytes, 1, BASE, t_ms, v, CHUNK_SUMMARY_MIN_SAMPLES - 1);
        assert_ok(chunk_parse(bytes, sizeof(bytes), BASE, &chunk, &len, &err), err);
        assert_false(chunk.has_summary);
}

/* No flipped bit goes unnoticed. */
static void test_bit_flips(void **state)
{
        double v[50];
        int64_t t_ms[50];
        uint8_t bytes[4096];
        struct chunk chunk;
        size_t len, parsed_len;

        (void)state;
        for (size_t i = 0; i < 50; i++) {
                t_ms[i] = BASE + (int64_t)(i * i);
                v[i] = (double)(i % 7) / 4;
        }
        len = (size_t)(chunk_encode(bytes, 9, BASE, t_ms, v, 50) - bytes);
        for (size_t bit = 0; bit < len * 8; bit++) {
                bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
                assert_false(chunk_parse(bytes, len, BASE, &chunk, &parsed_len, NULL));
                bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        for (size_t cut = 0; cut < len; cut++)
                assert_false(chunk_parse(bytes, cut, BASE, &chunk, &parsed_len, NULL));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_special_values),
                cmocka_unit_test(test_one_misfit_costs_little),
                cmocka_unit_test(test_random_kinds),
                cmocka_unit_test(test_summary),
                cmocka_unit_test(test_bit_flips),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

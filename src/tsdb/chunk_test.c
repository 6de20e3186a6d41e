#include "testing/unit.h"

#include <math.h>
#include <stdlib.h>

#include "model/histogram.h"
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

static void assert_sample(const struct samples *want, size_t i, const struct samples *got, size_t k)
{
        const struct histogram *h = samples_histogram(want, i), *b = samples_histogram(got, k);

        assert_true(got->t_ms[k] == want->t_ms[i]);
        assert_true(sample_bits(got->v[k]) == sample_bits(want->v[i]));
        assert_true(!h == !b && (!h || (histogram_same(h, b) && h->reset == b->reset)));
        assert_true((want->start_ms ? want->start_ms[i] : 0) ==
                    (got->start_ms ? got->start_ms[k] : 0));
}

static void check_between(const struct chunk *chunk, const struct samples *samples,
                          int64_t mint_ms, int64_t maxt_ms)
{
        struct samples some = {0};
        struct error err;
        size_t k = 1;

        samples_append(&some, BASE - 1, -1);
        assert_ok(chunk_decode_between(chunk, mint_ms, maxt_ms, &some, &err), err);
        for (size_t i = 0; i < samples->count; i++)
                if (samples->t_ms[i] >= mint_ms && samples->t_ms[i] <= maxt_ms) {
                        assert_true(k < some.count);
                        assert_sample(samples, i, &some, k++);
                }
        assert_int_equal(some.count, k);
        for (; k < some.capacity; k++)
                assert_true(!(some.h && some.h[k]) && !(some.start_ms && some.start_ms[k]));
        samples_release(&some);
}

static void check_ranges(const struct chunk *chunk, const struct samples *samples)
{
        for (int round = 0; round < 4; round++) {
                int64_t a = samples->t_ms[next_random() % samples->count];
                int64_t b = samples->t_ms[next_random() % samples->count];

                check_between(chunk, samples, a, b);
                check_between(chunk, samples, a - 1, b + 1);
                check_between(chunk, samples, a + 1, b - 1);
        }
        check_between(chunk, samples, samples->t_ms[samples->count - 1] + 1, INT64_MAX);
        check_between(chunk, samples, INT64_MIN, samples->t_ms[0] - 1);
}

/* The samples as one block and back. */
static size_t round_trip_samples(const struct samples *samples)
{
        uint8_t *bytes = malloc(chunk_bound(samples, 0, samples->count)), *exact;
        struct samples back = {0};
        struct chunk chunk;
        struct error err;
        size_t len, parsed_len;

        assert_int_equal(chunk_extent(samples, 0), samples->count);
        len = (size_t)(chunk_encode(bytes, 77, BASE, samples, 0, samples->count, NULL) - bytes);
        assert_true(len <= chunk_bound(samples, 0, samples->count));
        exact = malloc(len);
        memcpy(exact, bytes, len);
        assert_ok(chunk_parse(exact, len, BASE, &chunk, &parsed_len, &err), err);
        assert_int_equal(parsed_len, len);
        assert_int_equal(chunk.series, 77);
        assert_int_equal(chunk.count, samples->count);
        assert_int_equal(chunk.first_t_ms, samples->t_ms[0]);
        samples_append(&back, BASE - 1, -1);
        assert_ok(chunk_decode(&chunk, &back, &err), err);
        assert_int_equal(back.count, samples->count + 1);
        assert_true(back.t_ms[0] == BASE - 1 && back.v[0] == -1 && !samples_histogram(&back, 0));
        assert_memory_equal(back.t_ms + 1, samples->t_ms, samples->count * sizeof(*back.t_ms));
        assert_memory_equal(back.v + 1, samples->v, samples->count * sizeof(*back.v));
        for (size_t i = 0; i < samples->count; i++)
                assert_sample(samples, i, &back, i + 1);
        check_ranges(&chunk, samples);
        samples_release(&back);
        free(exact);
        free(bytes);
        return len;
}

static size_t round_trip_at(const int64_t *t_ms, const double *v, size_t count)
{
        struct samples samples = {.t_ms = (int64_t *)t_ms,
                                  .v = (double *)v,
                                  .count = count,
                                  .capacity = count};

        return round_trip_samples(&samples);
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

/* Each form stays chosen where it is the shortest. */
static void assert_form(const double *v, size_t count, uint8_t want)
{
        uint8_t bytes[32 * CHUNK_MAX_SAMPLES];

        chunk_values_encode(bytes, v, count);
        assert_int_equal(bytes[0], want);
        round_trip(v, count);
}

static void test_forms(void **state)
{
        double v[1000];

        (void)state;
        for (size_t i = 0; i < 1000; i++)
                v[i] = 1.0 / 3;
        assert_form(v, 1000, CHUNK_CONSTANT);
        for (size_t i = 0; i < 1000; i++)
                v[i] = (double)(next_random() % 100000) / 1000;
        assert_form(v, 1000, CHUNK_DECIMAL);
        for (size_t i = 0; i < 1000; i++)
                v[i] = i % 10 && i ? v[i - 1] : (double)next_random();
        assert_form(v, 500, CHUNK_XOR);
        for (size_t i = 0; i < 1000; i++)
                v[i] = sample_from_bits(next_random());
        assert_form(v, 1000, CHUNK_RAW);
        for (size_t i = 0; i < 1000; i++)
                v[i] = (i ? v[i - 1] : 4) + (double)(next_random() >> 40) / 7e11;
        assert_form(v, 1000, CHUNK_BITS);
        for (size_t i = 0; i < 1000; i++)
                v[i] = (double)(1 + next_random() % 64) / 77;
        assert_form(v, 1000, CHUNK_FEW);
        for (size_t i = 0; i < 1000; i++)
                v[i] = round(sin((double)(i % 120) / 19) * 5000) / 10;
        assert_form(v, 1000, CHUNK_PACKED);
        v[500] = 1.0 / 3;
        assert_form(v, 1000, CHUNK_PACKED);
}

/* ---- histograms and start timestamps ------------------------------------------------------ */

static struct histogram_side make_side(struct arena *arena, uint32_t spans, uint32_t length,
                                       bool fractions)
{
        struct histogram_span *span = arena_array(arena, struct histogram_span, spans + 1);
        double *buckets = arena_array(arena, double, spans * length + 1);

        for (uint32_t i = 0; i < spans; i++)
                span[i] = (struct histogram_span){i ? 2 : -3, length};
        for (uint32_t i = 0; i < spans * length; i++)
                buckets[i] = (double)(next_random() % 1000) + (fractions ? 0.25 : 0);
        return (struct histogram_side){span, buckets, spans, spans * length};
}

static struct histogram *make_histogram(struct arena *arena, uint32_t spans, uint32_t length,
                                        bool fractions)
{
        struct histogram *h = arena_new(arena, struct histogram);

        h->schema = 3;
        h->integer = !fractions;
        h->zero_threshold = 0x1p-128;
        h->zero_count = (double)(next_random() % 5);
        h->count = (double)(next_random() % 100000);
        h->sum = (double)next_random() / 1e9;
        h->positive = make_side(arena, spans, length, fractions);
        h->negative = make_side(arena, spans / 2, length, fractions);
        return h;
}

static void add_histogram(struct samples *samples, int64_t t_ms, const struct histogram *h)
{
        samples_append(samples, t_ms, 0);
        samples_set_histogram(samples, samples->count - 1, h);
}

static void test_histograms(void **state)
{
        const double bounds[] = {-1.5, 0, 2.25, 1e9};
        struct histogram *custom;

        (void)state;
        for (uint32_t spans = 0; spans < 5; spans++)
                for (uint32_t length = 0; length < 4; length++) {
                        struct samples samples = {0};
                        struct arena arena;
                        int64_t t_ms = BASE;

                        arena_init(&arena, SIZE_MAX);
                        for (int i = 0; i < 40; i++)
                                add_histogram(&samples, t_ms += 1 + i % 3,
                                              make_histogram(&arena, spans, length, spans % 2));
                        round_trip_samples(&samples);
                        samples_set_start(&samples, 7, BASE - 500);
                        round_trip_samples(&samples);
                        samples_truncate(&samples, 0);
                        custom = make_histogram(&arena, 1, length, false);
                        custom->schema = HISTOGRAM_SCHEMA_CUSTOM;
                        custom->custom_values = bounds;
                        custom->custom_count = 4;
                        custom->negative = (struct histogram_side){0};
                        custom->reset = HISTOGRAM_GAUGE;
                        custom->sum = sample_from_bits(0x7ff8dead00000001);
                        add_histogram(&samples, BASE, custom);
                        round_trip_samples(&samples);
                        samples_release(&samples);
                        arena_release(&arena);
                }
}

static void test_starts_of_floats(void **state)
{
        struct samples samples = {0};
        size_t plain, with_start;

        (void)state;
        for (int i = 0; i < 500; i++)
                samples_append(&samples, BASE + i * 1000, i);
        plain = round_trip_samples(&samples);
        for (size_t i = 0; i < 500; i++)
                samples_set_start(&samples, i, BASE - 12345);
        with_start = round_trip_samples(&samples);
        assert_true(with_start < plain + 20);
        samples_set_start(&samples, 0, INT64_MIN);
        samples_set_start(&samples, 1, INT64_MAX);
        samples_set_start(&samples, 2, 0);
        round_trip_samples(&samples);
        samples_release(&samples);
}

/* A block holds one layout, and not too much of it. */
static void test_extent(void **state)
{
        struct samples samples = {0};
        struct histogram *wide;
        struct arena arena;

        (void)state;
        arena_init(&arena, SIZE_MAX);
        for (int i = 0; i < 10; i++)
                add_histogram(&samples, BASE + i, make_histogram(&arena, 2, 3, false));
        samples_append(&samples, BASE + 10, sample_from_bits(SAMPLE_STALE_BITS));
        samples_append(&samples, BASE + 11, 5);
        for (int i = 12; i < 20; i++)
                add_histogram(&samples, BASE + i, make_histogram(&arena, 2, i < 15 ? 4 : 5, false));
        assert_int_equal(chunk_extent(&samples, 0), 10);
        assert_int_equal(chunk_extent(&samples, 4), 6);
        assert_int_equal(chunk_extent(&samples, 10), 2);
        assert_int_equal(chunk_extent(&samples, 12), 3);
        assert_int_equal(chunk_extent(&samples, 15), 5);
        samples_truncate(&samples, 0);
        wide = make_histogram(&arena, 1, 1 << 14, false);
        for (int i = 0; i < 20; i++)
                add_histogram(&samples, BASE + i, wide);
        assert_int_equal(chunk_extent(&samples, 0), 3);
        wide->positive = make_side(&arena, 1, HISTOGRAM_MAX_BUCKETS, true);
        wide->negative = wide->positive;
        samples_truncate(&samples, 1);
        round_trip_samples(&samples);
        samples_truncate(&samples, 0);
        for (int i = 0; i < 5000; i++)
                samples_append(&samples, BASE + i, i);
        assert_int_equal(chunk_extent(&samples, 0), CHUNK_MAX_SAMPLES);
        assert_int_equal(chunk_extent(&samples, CHUNK_MAX_SAMPLES), 5000 - CHUNK_MAX_SAMPLES);
        samples_release(&samples);
        arena_release(&arena);
}

/* A million observations an hour over 40 buckets: 3 + 40 numbers a sample. */
static void test_histograms_are_small(void **state)
{
        struct samples samples = {0};
        struct histogram *h = NULL, *before;
        struct arena arena;

        (void)state;
        arena_init(&arena, SIZE_MAX);
        for (int i = 0; i < 1000; i++) {
                before = h;
                h = make_histogram(&arena, 1, 40, false);
                h->negative = (struct histogram_side){0};
                for (uint32_t k = 0; before && k < 40; k++)
                        ((double *)h->positive.buckets)[k] =
                                before->positive.buckets[k] + (double)(next_random() % 100);
                h->count = before ? before->count + 2000 : 0;
                h->zero_count = 0;
                h->sum = before ? before->sum + 0.5 : 0;
                add_histogram(&samples, BASE + i * 15000, h);
        }
        /* Seven bits of entropy a bucket. */
        assert_true(round_trip_samples(&samples) < 1000 * 40);
        samples_release(&samples);
        arena_release(&arena);
}

static void test_shared_timestamps(void **state)
{
        struct samples samples = {0}, back = {0};
        struct chunk chunk, times;
        uint8_t bytes[4096], shared[4096];
        uint32_t number = 5;
        struct error err;
        size_t len;

        (void)state;
        for (int i = 0; i < 100; i++)
                samples_append(&samples, BASE + i * i, i);
        len = (size_t)(chunk_times_encode(shared, 5, BASE, samples.t_ms, 100) - shared);
        assert_ok(chunk_parse(shared, len, BASE, &times, &len, &err), err);
        assert_int_equal(times.kind, CHUNK_TIMES);
        assert_false(chunk_decode(&times, &back, NULL));
        len = (size_t)(chunk_encode(bytes, 9, BASE, &samples, 0, 100, &number) - bytes);
        assert_ok(chunk_parse(bytes, len, BASE, &chunk, &len, &err), err);
        assert_true(chunk.is_shared && chunk.times == 5);
        assert_false(chunk_decode(&chunk, &back, NULL));
        assert_int_equal(back.count, 0);
        times.series = 6;
        assert_false(chunk_share(&chunk, &times));
        times.series = 5;
        times.count = 99;
        assert_false(chunk_share(&chunk, &times));
        times.count = 100;
        assert_true(chunk_share(&chunk, &times));
        assert_int_equal(chunk.first_t_ms, BASE);
        assert_ok(chunk_decode(&chunk, &back, &err), err);
        assert_int_equal(back.count, 100);
        assert_memory_equal(back.t_ms, samples.t_ms, 100 * sizeof(*back.t_ms));
        assert_memory_equal(back.v, samples.v, 100 * sizeof(*back.v));
        samples_release(&samples);
        samples_release(&back);
}

/* A thread keeps decoded columns; those of one number in different parts are not the same. */
static void test_kept_timestamps(void **state)
{
        struct samples samples = {0}, back = {0};
        uint8_t bytes[4096], shared[2][4096];
        struct chunk chunk, times[2];
        uint32_t number = 5;
        struct error err;
        size_t len;

        (void)state;
        for (int part = 0; part < 2; part++) {
                samples_truncate(&samples, 0);
                for (int i = 0; i < 100; i++)
                        samples_append(&samples, BASE + i * i * (part + 1), i);
                len = (size_t)(chunk_times_encode(shared[part], 5, BASE, samples.t_ms, 100) -
                               shared[part]);
                assert_ok(chunk_parse(shared[part], len, BASE, &times[part], &len, &err), err);
        }
        len = (size_t)(chunk_encode(bytes, 9, BASE, &samples, 0, 100, &number) - bytes);
        assert_ok(chunk_parse(bytes, len, BASE, &chunk, &len, &err), err);
        for (int round = 0; round < 40; round++) {
                int part = (int)(next_random() % 2);

                assert_true(chunk_share(&chunk, &times[part]));
                chunk.times_of = part ? 1 + (uint64_t)round % 8 : 100;
                samples_truncate(&back, 0);
                assert_ok(chunk_decode(&chunk, &back, &err), err);
                for (int i = 0; i < 100; i++)
                        assert_true(back.t_ms[i] == BASE + i * i * (part + 1));
        }
        samples_release(&samples);
        samples_release(&back);
}

/* No flipped bit goes unnoticed. */
static void test_bit_flips(void **state)
{
        struct samples samples = {0};
        uint8_t bytes[4096];
        struct chunk chunk;
        size_t len, parsed_len;

        (void)state;
        for (size_t i = 0; i < 50; i++)
                samples_append(&samples, BASE + (int64_t)(i * i), (double)(i % 7) / 4);
        len = (size_t)(chunk_encode(bytes, 9, BASE, &samples, 0, 50, NULL) - bytes);
        samples_release(&samples);
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
                cmocka_unit_test(test_forms),
                cmocka_unit_test(test_histograms),
                cmocka_unit_test(test_starts_of_floats),
                cmocka_unit_test(test_extent),
                cmocka_unit_test(test_histograms_are_small),
                cmocka_unit_test(test_shared_timestamps),
                cmocka_unit_test(test_kept_timestamps),
                cmocka_unit_test(test_bit_flips),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

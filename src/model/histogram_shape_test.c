/* model comes before testing/, so its tests stand on cmocka alone. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/histogram_classic.h"
#include "model/histogram_shape.h"

static void check_side(const struct histogram_side *side, size_t span_count,
                       const struct histogram_span *spans, size_t count, const double *buckets)
{
        assert_int_equal(side->span_count, span_count);
        assert_int_equal(side->bucket_count, count);
        for (size_t i = 0; i < span_count; i++) {
                assert_int_equal(side->spans[i].offset, spans[i].offset);
                assert_int_equal(side->spans[i].length, spans[i].length);
        }
        for (size_t i = 0; i < count; i++)
                assert_true(side->buckets[i] == buckets[i]);
}

/* Indexes -2 -1 0 | (no gap) 1 | 4 5: empty at -2, 0 and 5. */
static const struct histogram_span odd_spans[] = {{-2, 3}, {0, 1}, {0, 0}, {2, 2}};
static const double odd_buckets[] = {0, 3, 0, 1, 2, 0};
static const struct histogram odd = {
        .schema = 1, .integer = true, .count = 8, .sum = 9,
        .positive = {odd_spans, odd_buckets, ARRAY_LEN(odd_spans), ARRAY_LEN(odd_buckets)},
        .negative = {odd_spans, odd_buckets, 1, 3},
};

static void test_compact(void **state)
{
        static const struct histogram_span spans[] = {{-1, 1}, {1, 1}, {2, 1}};
        static const double buckets[] = {3, 1, 2};
        const struct histogram *h;
        struct arena arena;

        (void)state;
        arena_init(&arena, 1 << 20);
        h = histogram_compact(&arena, &odd);
        check_side(&h->positive, 3, spans, 3, buckets);
        check_side(&h->negative, 1, spans, 1, buckets);
        assert_int_equal(h->schema, 1);
        assert_true(histogram_compact(&arena, h) == h);
        arena_release(&arena);
}

/* One schema coarser, index i becomes (i + 1) / 2 rounded down: -1 -> 0, 1 -> 1, 4 -> 2. Two
 * coarser: (i + 3) / 4: 0, 1, 1. */
static void test_coarsen(void **state)
{
        static const struct histogram_span one[] = {{0, 3}}, two[] = {{0, 2}};
        static const double by_one[] = {3, 1, 2}, by_two[] = {3, 3};
        const struct histogram *h;
        struct arena arena;

        (void)state;
        arena_init(&arena, 1 << 20);
        h = histogram_coarsen(&arena, &odd, 0);
        assert_int_equal(h->schema, 0);
        check_side(&h->positive, 1, one, 3, by_one);
        h = histogram_coarsen(&arena, &odd, -1);
        check_side(&h->positive, 1, two, 2, by_two);
        assert_true(histogram_coarsen(&arena, &odd, 1) == &odd);
        arena_release(&arena);
}

static void test_limit(void **state)
{
        struct histogram custom = odd;
        const struct histogram *h;
        struct arena arena;

        (void)state;
        arena_init(&arena, 1 << 20);
        custom.schema = HISTOGRAM_SCHEMA_CUSTOM;
        assert_true(histogram_limit(&arena, &odd, 9) == &odd);
        h = histogram_limit(&arena, &odd, 4); /* 3 + 1 at schema 0 */
        assert_int_equal(h->schema, 0);
        h = histogram_limit(&arena, &odd, 3);
        assert_int_equal(h->schema, -1);
        assert_null(histogram_limit(&arena, &odd, 2)); /* 0 and 1 never meet */
        assert_null(histogram_limit(&arena, &custom, 8));
        assert_true(histogram_limit(&arena, &custom, 9) == &custom);
        arena_release(&arena);
}

/* Schema 9 has two buckets where schema 8 has one: 1 and 2 become 1, 3 becomes 2. */
static void test_admit(void **state)
{
        static const struct histogram_span fine[] = {{1, 3}}, coarse[] = {{1, 2}};
        static const double buckets[] = {1, 2, 4}, summed[] = {3, 4};
        struct histogram sent = {.schema = 9, .integer = true, .count = 7,
                                 .positive = {fine, buckets, 1, 3}};
        const struct histogram *h;
        struct arena arena;
        struct error err;

        (void)state;
        arena_init(&arena, 1 << 20);
        h = histogram_admit(&arena, &sent, &err);
        assert_non_null(h);
        assert_int_equal(h->schema, 8);
        check_side(&h->positive, 1, coarse, 2, summed);
        sent.schema = 53;
        assert_null(histogram_admit(&arena, &sent, &err));
        sent.schema = -5;
        assert_null(histogram_admit(&arena, &sent, &err));
        sent.schema = 0;
        assert_true(histogram_admit(&arena, &sent, &err) == &sent);
        sent.count = 8;
        assert_null(histogram_admit(&arena, &sent, &err));
        assert_int_equal(err.code, ERROR_INVALID);
        arena_release(&arena);
}

/* Growth factors by schema: 0: 2, 1: 1.414, 2: 1.189, 3: 1.0905, 8: 1.0027, -1: 4, -4: 65536. */
static void test_schema_of_factor(void **state)
{
        (void)state;
        assert_int_equal(histogram_schema_of_factor(1.1), 2);
        assert_int_equal(histogram_schema_of_factor(1.09), 3);
        assert_int_equal(histogram_schema_of_factor(2), 0);
        assert_int_equal(histogram_schema_of_factor(4), -1);
        assert_int_equal(histogram_schema_of_factor(4.1), -2);
        assert_int_equal(histogram_schema_of_factor(1e9), -4);
        assert_int_equal(histogram_schema_of_factor(1.00001), 8);
        assert_int_equal(histogram_schema_of_factor(1), 8);
        assert_int_equal(histogram_schema_of_factor(0), 8);
}

static void test_classic(void **state)
{
        static const struct histogram_span spans[] = {{0, 1}, {1, 2}};
        static const double buckets[] = {2, 3, 4};
        struct histogram_classic classic = {0};
        const struct histogram *h;
        struct arena arena;
        struct error err;

        (void)state;
        arena_init(&arena, 1 << 20);
        histogram_classic_bucket(&classic, 2.5, 5);
        histogram_classic_bucket(&classic, 1, 2); /* none in (0.5, 1] */
        histogram_classic_bucket(&classic, 0.5, 2);
        histogram_classic_bucket(&classic, 1, 7); /* the second of its le is passed over */
        histogram_classic_count(&classic, 9);
        histogram_classic_sum(&classic, 12.25);
        h = histogram_classic_convert(&classic, &arena);
        assert_non_null(h);
        assert_true(histogram_validate(h, &err));
        assert_true(h->integer && h->count == 9 && h->sum == 12.25);
        assert_int_equal(h->custom_count, 3);
        assert_true(h->custom_values[0] == 0.5 && h->custom_values[2] == 2.5);
        check_side(&h->positive, 2, spans, 3, buckets);

        histogram_classic_clear(&classic);
        histogram_classic_bucket(&classic, INFINITY, 1.5);
        h = histogram_classic_convert(&classic, &arena);
        assert_true(h && !h->integer && h->count == 1.5 && h->custom_count == 0);
        histogram_classic_release(&classic);
        arena_release(&arena);
}

static void test_classic_broken(void **state)
{
        static const struct {
                double le[2], counts[2], total;
        } bad[] = {
                {{1, 2}, {2, 1}, 3},               /* falls */
                {{2, 1}, {1, 2}, 3},               /* falls, the other way round */
                {{1, 2}, {1, -1}, 3},              /* negative */
                {{1, NAN}, {1, 2}, 3},             /* no bound */
                {{1, 2}, {1, NAN}, 3},             /* no count */
                {{1, INFINITY}, {1, 2}, 3},        /* +Inf and the count differ */
                {{1, 2}, {1, 4}, 3},               /* more than all */
                {{1, 2}, {1, 2}, -1},
        };
        struct arena arena;

        (void)state;
        arena_init(&arena, 1 << 20);
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                struct histogram_classic classic = {0};

                for (size_t b = 0; b < 2; b++)
                        histogram_classic_bucket(&classic, bad[i].le[b], bad[i].counts[b]);
                histogram_classic_count(&classic, bad[i].total);
                if (histogram_classic_convert(&classic, &arena))
                        fail_msg("took %zu", i);
                histogram_classic_clear(&classic);
                assert_null(histogram_classic_convert(&classic, &arena));
                histogram_classic_release(&classic);
        }
        arena_release(&arena);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_compact),          cmocka_unit_test(test_coarsen),
                cmocka_unit_test(test_admit),
                cmocka_unit_test(test_limit),            cmocka_unit_test(test_schema_of_factor),
                cmocka_unit_test(test_classic),          cmocka_unit_test(test_classic_broken),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Expected values by hand, from the rules of the native histogram specification. model comes before
 * testing/, so its tests stand on cmocka alone. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/histogram_math.h"

#define SPAN(offset, length) ((const struct histogram_span[]){{offset, length}})
/* Buckets in one span from an index on. */
#define SIDE(offset, ...)                                                                         \
        {SPAN(offset, ARRAY_LEN(((double[]){__VA_ARGS__}))), (const double[]){__VA_ARGS__}, 1,    \
         ARRAY_LEN(((double[]){__VA_ARGS__}))}
#define CUSTOM(...)                                                                               \
        .schema = HISTOGRAM_SCHEMA_CUSTOM, .custom_values = (const double[]){__VA_ARGS__},        \
        .custom_count = ARRAY_LEN(((double[]){__VA_ARGS__}))

struct world {
        struct arena arena;
        struct buf text;
};

static int make_world(void **state)
{
        static struct world world;

        arena_init(&world.arena, 1 << 20);
        world.text = BUF_INIT(1 << 16);
        *state = &world;
        return 0;
}

static int drop_world(void **state)
{
        struct world *world = *state;

        arena_release(&world->arena);
        buf_release(&world->text);
        return 0;
}

static void assert_text(struct world *world, const struct histogram *h, const char *expected)
{
        assert_non_null(h);
        world->text.len = 0;
        histogram_append_text(&world->text, h);
        assert_string_equal(world->text.data, expected);
}

/* ---- adding and subtracting --------------------------------------------------------------- */

static void adding_takes_the_coarser_resolution(void **state)
{
        struct world *world = *state;
        /* (1, 2^0.5], (2^0.5, 2], (2, 2^1.5] */
        const struct histogram fine = {
                .schema = 1, .count = 6, .sum = 1, .positive = SIDE(1, 1, 2, 3)};
        const struct histogram coarse = {
                .schema = 0, .count = 30, .sum = 2, .positive = SIDE(1, 10, 20),
                .negative = SIDE(0, 4)};
        struct histogram_outcome outcome = {0};

        assert_text(world, histogram_add(&world->arena, &fine, &coarse, &outcome),
                    "{count:36, sum:3, [-1,-0.5):4, (1,2]:13, (2,4]:23}");
        assert_text(world, histogram_subtract(&world->arena, &coarse, &fine, &outcome),
                    "{count:24, sum:1, [-1,-0.5):4, (1,2]:7, (2,4]:17}");
        assert_false(outcome.collision || outcome.reconciled);
}

static void zero_buckets_grow_to_the_wider_one(void **state)
{
        struct world *world = *state;
        const struct histogram narrow = {.count = 6, .zero_threshold = 0.5, .zero_count = 2,
                                         .positive = SIDE(0, 3, 1)}; /* (0.5,1] (1,2] */
        const struct histogram wide = {.count = 4, .zero_threshold = 1, .zero_count = 4};
        /* Ends inside of (1,2], which is populated: the zero bucket becomes [-2,2]. */
        const struct histogram between = {.count = 4, .zero_threshold = 1.5, .zero_count = 4};
        struct histogram_outcome outcome = {0};

        assert_text(world, histogram_add(&world->arena, &narrow, &wide, &outcome),
                    "{count:10, sum:0, [-1,1]:9, (1,2]:1}");
        assert_text(world, histogram_add(&world->arena, &between, &narrow, &outcome),
                    "{count:10, sum:0, [-2,2]:10}");
}

static void custom_buckets_keep_the_bounds_they_share(void **state)
{
        struct world *world = *state;
        const struct histogram a = {CUSTOM(1, 2, 5), .count = 10, .positive = SIDE(0, 1, 2, 3, 4)};
        const struct histogram b = {CUSTOM(2, 5, 7), .count = 100,
                                    .positive = SIDE(0, 10, 20, 30, 40)};
        const struct histogram exponential = {.count = 1, .positive = SIDE(0, 1)};
        struct histogram_outcome outcome = {0};

        assert_text(world, histogram_add(&world->arena, &a, &a, &outcome),
                    "{count:20, sum:0, [-Inf,1]:2, (1,2]:4, (2,5]:6, (5,+Inf]:8}");
        assert_false(outcome.reconciled);
        assert_text(world, histogram_add(&world->arena, &a, &b, &outcome),
                    "{count:110, sum:0, [-Inf,2]:13, (2,5]:23, (5,+Inf]:74}");
        assert_true(outcome.reconciled);
        assert_null(histogram_add(&world->arena, &a, &exponential, &outcome));
        assert_null(histogram_subtract(&world->arena, &exponential, &a, &outcome));
}

static void reset_hints_combine(void **state)
{
        enum { U = HISTOGRAM_RESET_UNKNOWN, Y = HISTOGRAM_RESET_YES, N = HISTOGRAM_RESET_NO,
               G = HISTOGRAM_GAUGE };
        static const struct {
                uint8_t a, b, result;
                bool collision;
        } cases[] = {
                {U, U, U, false}, {Y, Y, Y, false}, {N, N, N, false}, {G, G, G, false},
                {U, Y, U, false}, {N, U, U, false}, {Y, N, U, true},  {N, Y, U, true},
                {G, Y, G, false}, {N, G, G, false}, {U, G, G, false},
        };
        struct world *world = *state;

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                const struct histogram a = {.reset = cases[i].a}, b = {.reset = cases[i].b};
                struct histogram_outcome outcome = {0};
                const struct histogram *sum = histogram_add(&world->arena, &a, &b, &outcome);

                assert_int_equal(sum->reset, cases[i].result);
                assert_int_equal(outcome.collision, cases[i].collision);
        }
}

static void factors(void **state)
{
        struct world *world = *state;
        const struct histogram h = {.count = 6, .sum = 3, .zero_count = 2, .zero_threshold = 0.5,
                                    .positive = SIDE(1, 4)};

        assert_text(world, histogram_multiply(&world->arena, &h, 2),
                    "{count:12, sum:6, [-0.5,0.5]:4, (1,2]:8}");
        assert_text(world, histogram_divide(&world->arena, &h, 4),
                    "{count:1.5, sum:0.75, [-0.5,0.5]:0.5, (1,2]:1}");
        assert_int_equal(histogram_multiply(&world->arena, &h, -1)->reset, HISTOGRAM_GAUGE);
        assert_text(world, histogram_divide(&world->arena, &h, 0),
                    "{count:+Inf, sum:+Inf, [-0.5,0.5]:+Inf}");
}

/* ---- sums --------------------------------------------------------------------------------- */

static void sums_do_not_lose_small_numbers(void **state)
{
        struct world *world = *state;
        const struct histogram big = {.count = 1e17, .sum = 1e100, .positive = SIDE(0, 1e17)};
        const struct histogram small = {.count = 1, .sum = 1, .positive = SIDE(0, 1)};
        const struct histogram less = {.count = -1e17, .sum = -1e100, .positive = SIDE(0, -1e17)};
        struct histogram_outcome outcome = {0};
        struct histogram_sum sum;

        histogram_sum_init(&sum, &world->arena, &big, true);
        assert_true(histogram_sum_add(&sum, &small, &outcome));
        assert_true(histogram_sum_add(&sum, &less, &outcome));
        assert_text(world, histogram_sum_finish(&sum, &world->arena, true),
                    "{count:1, sum:1, (0.5,1]:1}");
}

static void means_survive_overflow(void **state)
{
        struct world *world = *state;
        const struct histogram big = {.count = 2, .sum = 1.5e308, .positive = SIDE(0, 2)};
        const struct histogram small = {.count = 5, .sum = 0, .positive = SIDE(0, 5)};
        struct histogram_outcome outcome = {0};
        const struct histogram *mean;
        struct histogram_mean state_of;

        histogram_mean_init(&state_of, &world->arena, &big);
        assert_true(histogram_mean_add(&state_of, &big, &outcome));
        assert_true(histogram_mean_add(&state_of, &small, &outcome));
        mean = histogram_mean_finish(&state_of, &world->arena, true);
        assert_float_equal(mean->sum, 1e308, 1e295);
        assert_float_equal(mean->count, 3, 1e-12);
        assert_float_equal(mean->positive.buckets[0], 3, 1e-12);
}

/* ---- trimming ----------------------------------------------------------------------------- */

static void trimming_splits_a_bucket(void **state)
{
        struct world *world = *state;
        const struct histogram custom = {CUSTOM(0, 10, 20), .count = 8, .sum = 90,
                                         .positive = SIDE(1, 4, 4)};
        const struct histogram h = {.count = 8, .sum = 20, .positive = SIDE(1, 4, 4)};

        /* Half of (10,20] stays, in the middle at 12.5, and (0,10] in the middle at 5. */
        assert_text(world, histogram_trim_above(&world->arena, &custom, 15),
                    "{count:6, sum:45, (0,10]:4, (10,20]:2}");
        assert_text(world, histogram_trim_below(&world->arena, &custom, 15),
                    "{count:2, sum:35, (10,20]:2}");
        /* (2,4] is halved at its geometric middle, 2^1.5; what is left is in (2,2^1.5], whose
         * own middle is 2^1.25, and in (1,2], with 2^0.5. */
        assert_float_equal(histogram_trim_above(&world->arena, &h, sqrt(8))->sum,
                           2 * pow(2, 1.25) + 4 * sqrt(2), 1e-12);
        assert_float_equal(histogram_trim_above(&world->arena, &h, sqrt(8))->count, 6, 1e-12);
        assert_true(histogram_trim_above(&world->arena, &h, 4) == &h);
        assert_text(world, histogram_trim_below(&world->arena, &h, 4), "{count:0, sum:0}");
}

/* ---- comparing ---------------------------------------------------------------------------- */

static void resets_are_found(void **state)
{
        const struct histogram before = {.count = 6, .zero_count = 1, .zero_threshold = 0.5,
                                         .positive = SIDE(1, 2, 3)};
        const struct histogram more = {.count = 7, .zero_count = 1, .zero_threshold = 0.5,
                                       .positive = SIDE(1, 2, 4)};
        const struct histogram moved = {.count = 7, .zero_count = 1, .zero_threshold = 0.5,
                                        .positive = SIDE(1, 1, 5)};
        const struct histogram finer = {.schema = 1, .count = 7, .zero_count = 1,
                                        .zero_threshold = 0.5, .positive = SIDE(1, 2, 4)};
        const struct histogram coarser = {.schema = -1, .count = 6, .zero_count = 1,
                                          .zero_threshold = 0.5, .positive = SIDE(1, 5)};
        const struct histogram narrower = {.count = 7, .zero_count = 1, .zero_threshold = 0.25,
                                           .positive = SIDE(1, 2, 4)};
        /* Its zero bucket swallows what the bucket (1,2] had. */
        const struct histogram wider = {.count = 6, .zero_count = 3, .zero_threshold = 2,
                                        .positive = SIDE(2, 3)};
        struct histogram said = before;

        (void)state;
        assert_false(histogram_detect_reset(&before, &before));
        assert_false(histogram_detect_reset(&more, &before));
        assert_true(histogram_detect_reset(&before, &more));
        assert_true(histogram_detect_reset(&moved, &before));
        assert_true(histogram_detect_reset(&finer, &before));
        assert_false(histogram_detect_reset(&coarser, &before));
        assert_true(histogram_detect_reset(&narrower, &before));
        assert_false(histogram_detect_reset(&wider, &before));
        said.reset = HISTOGRAM_RESET_NO;
        assert_false(histogram_detect_reset(&said, &more));
        said.reset = HISTOGRAM_RESET_YES;
        assert_true(histogram_detect_reset(&said, &before));
        /* Who asks this of a gauge gets an answer by its numbers. */
        said.reset = HISTOGRAM_GAUGE;
        assert_true(histogram_detect_reset(&said, &more));
}

static void stores_give_hints(void **state)
{
        const struct histogram before = {.count = 5, .positive = SIDE(1, 2, 3)};
        const struct histogram more = {.count = 6, .positive = SIDE(1, 2, 4)};
        struct histogram gauge = more;

        (void)state;
        gauge.reset = HISTOGRAM_GAUGE;
        assert_int_equal(histogram_reset_after(NULL, &before), HISTOGRAM_RESET_UNKNOWN);
        assert_int_equal(histogram_reset_after(&before, &more), HISTOGRAM_RESET_NO);
        assert_int_equal(histogram_reset_after(&more, &before), HISTOGRAM_RESET_UNKNOWN);
        assert_int_equal(histogram_reset_after(&gauge, &more), HISTOGRAM_RESET_UNKNOWN);
        assert_int_equal(histogram_reset_after(&before, &gauge), HISTOGRAM_GAUGE);
}

static void spans_do_not_matter_to_equality(void **state)
{
        static const struct histogram_span apart[] = {{1, 1}, {0, 0}, {0, 1}};
        static const double buckets[] = {2, 3};
        const struct histogram a = {.count = 5, .sum = NAN, .positive = SIDE(1, 2, 3)};
        const struct histogram b = {.count = 5, .sum = NAN, .positive = {apart, buckets, 3, 2}};
        const struct histogram other = {.count = 5, .sum = NAN, .positive = SIDE(2, 2, 3)};

        (void)state;
        assert_true(histogram_equal(&a, &b));
        assert_false(histogram_equal(&a, &other));
}

/* ---- estimates ---------------------------------------------------------------------------- */

static void quantiles(void **state)
{
        const struct histogram h = {.count = 4, .positive = SIDE(1, 4)};
        const struct histogram custom = {CUSTOM(1, 2, 5), .count = 5,
                                         .positive = SIDE(1, 4, 0, 1)};
        const struct histogram empty = {0};
        enum histogram_nan nan;

        (void)state;
        /* Exponential buckets are even on a logarithmic scale, others on a linear one. */
        assert_float_equal(histogram_quantile(&h, 0.5, &nan), sqrt(2), 1e-12);
        assert_float_equal(histogram_quantile(&h, 0.25, &nan), pow(2, 0.25), 1e-12);
        assert_float_equal(histogram_quantile(&custom, 0.4, &nan), 1.5, 1e-12);
        /* Nobody knows how far the last bucket reaches: its lower end. */
        assert_float_equal(histogram_quantile(&custom, 0.9, &nan), 5, 0);
        assert_true(histogram_quantile(&h, -1, &nan) == -INFINITY);
        assert_true(histogram_quantile(&h, 1.1, &nan) == INFINITY);
        assert_true(isnan(histogram_quantile(&h, NAN, &nan)));
        assert_true(isnan(histogram_quantile(&empty, 0.5, &nan)));
        assert_int_equal(nan, HISTOGRAM_NAN_NONE);
}

static void fractions(void **state)
{
        const struct histogram h = {.count = 5, .zero_count = 1, .zero_threshold = 0.001,
                                    .positive = SIDE(1, 4)};
        enum histogram_nan nan;

        (void)state;
        assert_float_equal(histogram_fraction(&h, 1, sqrt(2), &nan), 0.4, 1e-12);
        assert_float_equal(histogram_fraction(&h, -INFINITY, INFINITY, &nan), 1, 1e-12);
        assert_float_equal(histogram_fraction(&h, 0.5, 1, &nan), 0, 1e-12);
        assert_float_equal(histogram_fraction(&h, 2, 1, &nan), 0, 0);
        assert_true(isnan(histogram_fraction(&h, NAN, 1, &nan)));
}

/* One observation at each of 2^0.5 and 2^1.5, the middles: 2^-0.5 from their mean. */
static void variance(void **state)
{
        const struct histogram h = {.count = 2, .sum = 3 * sqrt(2), .positive = SIDE(1, 1, 1)};
        const struct histogram custom = {CUSTOM(0, 2, 4), .count = 2, .sum = 4,
                                         .positive = SIDE(1, 1, 1)};

        (void)state;
        assert_float_equal(histogram_variance(&h), 0.5, 1e-12);
        assert_float_equal(histogram_variance(&custom), 1, 1e-12);
}

/* ---- texts -------------------------------------------------------------------------------- */

static void texts(void **state)
{
        struct world *world = *state;
        const struct histogram h = {.count = 10, .sum = -1.5, .zero_count = 3,
                                    .zero_threshold = 0.25, .positive = SIDE(1, 2, 0, 1),
                                    .negative = SIDE(0, 4), .reset = HISTOGRAM_RESET_NO};
        const struct histogram custom = {CUSTOM(1, 2), .count = 3, .sum = NAN,
                                         .positive = SIDE(0, 1, 0, 2)};

        assert_text(world, &h,
                    "{count:10, sum:-1.5, [-1,-0.5):4, [-0.25,0.25]:3, (1,2]:2, (4,8]:1}");
        world->text.len = 0;
        histogram_append_json(&world->text, &h);
        assert_string_equal(world->text.data,
                            "{\"count\":\"10\",\"sum\":\"-1.5\",\"buckets\":["
                            "[1,\"-1\",\"-0.5\",\"4\"],[3,\"-0.25\",\"0.25\",\"3\"],"
                            "[0,\"1\",\"2\",\"2\"],[0,\"4\",\"8\",\"1\"]]}");
        world->text.len = 0;
        histogram_append_json(&world->text, &custom);
        assert_string_equal(world->text.data,
                            "{\"count\":\"3\",\"sum\":\"NaN\",\"buckets\":["
                            "[3,\"-Inf\",\"1\",\"1\"],[0,\"2\",\"+Inf\",\"2\"]]}");
        world->text.len = 0;
        histogram_append_expression(&world->text, &h);
        assert_string_equal(world->text.data,
                            "{{count:10 sum:-1.5 z_bucket:3 z_bucket_w:0.25 "
                            "counter_reset_hint:not_reset offset:1 buckets:[2 0 1] "
                            "n_buckets:[4]}}");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(adding_takes_the_coarser_resolution),
                cmocka_unit_test(zero_buckets_grow_to_the_wider_one),
                cmocka_unit_test(custom_buckets_keep_the_bounds_they_share),
                cmocka_unit_test(reset_hints_combine),
                cmocka_unit_test(factors),
                cmocka_unit_test(sums_do_not_lose_small_numbers),
                cmocka_unit_test(means_survive_overflow),
                cmocka_unit_test(trimming_splits_a_bucket),
                cmocka_unit_test(resets_are_found),
                cmocka_unit_test(stores_give_hints),
                cmocka_unit_test(spans_do_not_matter_to_equality),
                cmocka_unit_test(quantiles),
                cmocka_unit_test(fractions),
                cmocka_unit_test(variance),
                cmocka_unit_test(texts),
        };

        return cmocka_run_group_tests(tests, make_world, drop_world);
}

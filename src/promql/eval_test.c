#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "promql/promql.h"
#include "testing/memory_series.h"

enum { MINUTE = 60000 };

struct world {
        struct memory_series *store;
        struct promql_options options;
        struct arena arena;
        struct promql_result result;
        struct error err;
};

static int set_up(void **state)
{
        struct world *world = calloc(1, sizeof(*world));

        world->store = memory_series_new();
        arena_init(&world->arena, 256 << 20);
        *state = world;
        return 0;
}

static int tear_down(void **state)
{
        struct world *world = *state;

        memory_series_free(world->store);
        arena_release(&world->arena);
        free(world);
        return 0;
}

/* One sample a minute from time 0 on: first, first + step, ... */
static void add(struct world *world, const char *name, const char *job, size_t count, double first,
                double step)
{
        struct series_sink sink = memory_series_sink(world->store);
        struct label items[] = {{LABEL_METRIC_NAME, str_from(name)},
                                {STR_LIT("job"), str_from(job)}};
        struct append_sample sample;

        assert_true(sink.resolve(sink.ctx, (struct labels){items, 2}, &sample.ref, NULL));
        for (size_t i = 0; i < count; i++) {
                sample.t_ms = (int64_t)i * MINUTE;
                sample.v = first + (double)i * step;
                assert_true(sink.append(sink.ctx, &sample, NULL, 1, NULL, NULL));
        }
}

/* The same of histograms: count and sum, and both buckets a half. */
static void add_histograms(struct world *world, const char *name, const char *job, size_t count,
                           double first, double step)
{
        static const struct histogram_span span = {1, 2};
        struct series_sink sink = memory_series_sink(world->store);
        struct label items[] = {{LABEL_METRIC_NAME, str_from(name)},
                                {STR_LIT("job"), str_from(job)}};
        struct append_sample sample = {0};

        assert_true(sink.resolve(sink.ctx, (struct labels){items, 2}, &sample.ref, NULL));
        for (size_t i = 0; i < count; i++) {
                double v = first + (double)i * step, buckets[] = {v / 2, v / 2};
                struct histogram h = {.count = v, .sum = v, .positive = {&span, buckets, 1, 2}};
                struct append_extra extra = {.h = &h};

                sample.t_ms = (int64_t)i * MINUTE;
                assert_true(sink.append(sink.ctx, &sample, &extra, 1, NULL, NULL));
        }
}

static bool query(struct world *world, const char *text, int64_t start_ms, int64_t end_ms,
                  int64_t step_ms)
{
        struct series_source source = memory_series_source(world->store);
        struct promql_query query = {.start_ms = start_ms, .end_ms = end_ms, .step_ms = step_ms,
                                     .per_step_stats = true};

        return promql_expr_parse(&world->arena, str_from(text), &world->options.features,
                                 &query.expr, &world->err) &&
               promql_query_run(&source, &world->options, &query, &world->arena, &world->result,
                                &world->err);
}

static void assert_value(struct world *world, const char *text, int64_t t_ms, double wanted)
{
        if (!query(world, text, t_ms, t_ms, 0))
                fail_msg("%s: %s", text, world->err.text);
        assert_int_equal(world->result.series_count, 1);
        assert_true(world->result.series[0].v[0] == wanted);
}

static void assert_fails(struct world *world, const char *text, enum error_code code,
                         const char *message)
{
        if (query(world, text, 5 * MINUTE, 5 * MINUTE, 0))
                fail_msg("no error: %s", text);
        assert_int_equal(world->err.code, code);
        assert_string_equal(world->err.text, message);
}

static const char too_many[] = "query processing would load too many samples into memory in "
                               "query execution";

/* ---- results ----------------------------------------------------------------------------- */

static void kinds_of_results(void **state)
{
        struct world *world = *state;

        add(world, "a", "x", 10, 1, 1);
        assert_true(query(world, "1 + 1", 1500, 1500, 0));
        assert_int_equal(world->result.type, PROMQL_SCALAR);
        assert_true(world->result.scalar.v == 2 && world->result.scalar.t_ms == 1500);

        assert_true(query(world, "\"hi\"", 0, 0, 0));
        assert_int_equal(world->result.type, PROMQL_STRING);
        assert_true(str_is(world->result.string, "hi"));

        assert_true(query(world, "a", 5 * MINUTE, 5 * MINUTE, 0));
        assert_int_equal(world->result.type, PROMQL_VECTOR);
        assert_int_equal(world->result.series_count, 1);
        assert_int_equal(world->result.series[0].t_ms[0], 5 * MINUTE);

        assert_true(query(world, "a[2m]", 5 * MINUTE, 5 * MINUTE, 0));
        assert_int_equal(world->result.type, PROMQL_MATRIX);
        assert_int_equal(world->result.series[0].count, 2);

        assert_true(query(world, "7", 0, 2 * MINUTE, MINUTE));
        assert_int_equal(world->result.type, PROMQL_MATRIX);
        assert_int_equal(world->result.series_count, 1);
        assert_int_equal(world->result.series[0].labels.count, 0);
        assert_int_equal(world->result.series[0].count, 3);

        assert_false(query(world, "a[2m]", 0, MINUTE, MINUTE));
        assert_int_equal(world->err.code, ERROR_INVALID);
        assert_string_equal(world->err.text,
                            "invalid expression type \"range vector\" for range query, must be "
                            "Scalar or instant Vector");
}

static void vectors_keep_their_order_and_matrices_are_sorted(void **state)
{
        struct world *world = *state;

        add(world, "a", "x", 3, 1, 0);
        add(world, "a", "y", 3, 3, 0);
        add(world, "a", "z", 3, 2, 0);
        assert_true(query(world, "sort_desc(a)", MINUTE, MINUTE, 0));
        assert_true(world->result.series[0].v[0] == 3 && world->result.series[2].v[0] == 1);
        assert_true(query(world, "topk(2, a)", MINUTE, MINUTE, 0));
        assert_int_equal(world->result.series_count, 2);
        assert_true(world->result.series[0].v[0] == 3 && world->result.series[1].v[0] == 2);
        assert_true(query(world, "sort_desc(a)", 0, MINUTE, MINUTE));
        assert_true(world->result.series[0].v[0] == 1);
        assert_int_equal(world->result.notes.warning_count, 1);
        assert_string_equal(world->result.notes.warnings[0],
                            "PromQL warning: sort is ineffective for range queries since results "
                            "are always ordered by labels (1:1)");
}

/* Without delayed name removal, as a server runs: names go with every computation. */
static void names_are_removed_at_once_by_default(void **state)
{
        struct world *world = *state;

        add(world, "a", "x", 10, 1, 1);
        add(world, "b", "x", 10, 1, 1);
        assert_fails(world, "abs({job=\"x\"})", ERROR_EXECUTION,
                     "vector cannot contain metrics with the same labelset");
        assert_fails(world, "rate({job=\"x\"}[5m])", ERROR_EXECUTION,
                     "vector cannot contain metrics with the same labelset");
        assert_true(query(world, "sum by (__name__) (abs(a))", MINUTE, MINUTE, 0));
        assert_int_equal(world->result.series[0].labels.count, 0);
        /* Also one that is taken from the other side; with arithmetic that stays. */
        assert_true(query(world, "a == bool on (job) group_left (__name__) b", MINUTE, MINUTE, 0));
        assert_int_equal(world->result.series[0].labels.count, 1);
        assert_true(query(world, "a + on (job) group_left (__name__) b", MINUTE, MINUTE, 0));
        assert_int_equal(world->result.series[0].labels.count, 2);
        assert_true(query(world, "last_over_time({job=\"x\"}[5m])", MINUTE, MINUTE, 0));
        assert_int_equal(world->result.series_count, 2);
}

static void rows_of_equal_labels_join_when_they_do_not_overlap(void **state)
{
        struct world *world = *state;
        struct series_sink sink = memory_series_sink(world->store);
        struct label items[] = {{LABEL_METRIC_NAME, STR_LIT("late")},
                                {STR_LIT("job"), STR_LIT("x")}};
        struct append_sample sample = {.t_ms = 20 * MINUTE, .v = 9};

        add(world, "early", "x", 2, 1, 0);
        assert_true(sink.resolve(sink.ctx, (struct labels){items, 2}, &sample.ref, NULL));
        assert_true(sink.append(sink.ctx, &sample, NULL, 1, NULL, NULL));
        assert_true(query(world, "-{job=\"x\"}", 0, 20 * MINUTE, 20 * MINUTE));
        assert_int_equal(world->result.series_count, 1);
        assert_int_equal(world->result.series[0].count, 2);
        assert_true(world->result.series[0].v[1] == -9);
        add_histograms(world, "early_histogram", "x", 6, 2, 0);
        assert_true(query(world, "-{job=\"x\"}", 7 * MINUTE, 20 * MINUTE, 13 * MINUTE));
        assert_int_equal(world->result.series_count, 1);
        assert_int_equal(world->result.series[0].count, 2);
        assert_true(world->result.series[0].h[0]->count == -2);
        assert_null(world->result.series[0].h[1]);
        assert_true(world->result.series[0].v[1] == -9);
        assert_false(query(world, "-{job=\"x\"}", 0, 20 * MINUTE, 20 * MINUTE));
}

/* ---- budgets ----------------------------------------------------------------------------- */

static void samples_are_limited(void **state)
{
        struct world *world = *state;

        for (int i = 0; i < 20; i++) {
                char job[16];

                snprintf(job, sizeof(job), "%d", i);
                add(world, "a", job, 100, 1, 1);
        }
        world->options.max_samples = 1000;
        assert_false(query(world, "a[1h]", 90 * MINUTE, 90 * MINUTE, 0));
        assert_int_equal(world->err.code, ERROR_LIMIT);
        assert_true(query(world, "sum(a)", 0, 40 * MINUTE, MINUTE));
        assert_false(query(world, "sum(a)", 0, 60 * MINUTE, MINUTE));
        assert_int_equal(world->err.code, ERROR_LIMIT);
        assert_string_equal(world->err.text, too_many);
        assert_false(query(world, "vector(1)", 0, 2000, 1));
        assert_int_equal(world->err.code, ERROR_LIMIT);
        /* One series at a time: the samples behind an instant aggregation do not count. */
        assert_true(query(world, "sum(count_over_time(a[90m]))", 90 * MINUTE, 90 * MINUTE, 0));
        assert_true(world->result.series[0].v[0] == 1800);
}

static void bytes_are_limited(void **state)
{
        struct world *world = *state;

        for (int i = 0; i < 200; i++) {
                char job[16];

                snprintf(job, sizeof(job), "%d", i);
                add(world, "a", job, 100, 1, 1);
        }
        world->options.max_bytes = 1 << 20;
        assert_false(query(world, "a * on (job) a", 0, 90 * MINUTE, 10000));
        assert_int_equal(world->err.code, ERROR_LIMIT);
        assert_non_null(strstr(world->err.text, "more than 1048576 bytes"));
        assert_true(query(world, "sum(a)", 0, 90 * MINUTE, 10000));
}

static void a_dense_series_is_noticed_before_it_fills_the_memory(void **state)
{
        struct world *world = *state;

        add(world, "a", "x", 100000, 1, 1);
        world->options.max_samples = 50000;
        assert_false(query(world, "sum_over_time(a[100000m])", (int64_t)100000 * MINUTE,
                           (int64_t)100000 * MINUTE, 0));
        assert_int_equal(world->err.code, ERROR_LIMIT);
        assert_string_equal(world->err.text, too_many);
}

static void time_is_limited(void **state)
{
        struct world *world = *state;

        add(world, "a", "x", 5000, 1, 1);
        world->options.timeout_ms = 1;
        assert_false(query(world, "quantile_over_time(0.5, a[1000m])", 0, 5000 * (int64_t)MINUTE,
                           MINUTE) &&
                     query(world, "sum_over_time(quantile_over_time(0.5, a[1000m])[1d:1m])", 0,
                           5000 * (int64_t)MINUTE, MINUTE));
        assert_int_equal(world->err.code, ERROR_TIMEOUT);
        assert_string_equal(world->err.text, "query timed out in expression evaluation");
}

static void a_client_that_left_cancels(void **state)
{
        struct world *world = *state;
        struct series_source source = memory_series_source(world->store);
        atomic_bool left = true;
        struct promql_query query = {.cancel = &left};

        add(world, "a", "x", 10, 1, 1);
        assert_true(promql_expr_parse(&world->arena, STR_LIT("sum(a)"), NULL, &query.expr,
                                      &world->err));
        assert_false(promql_query_run(&source, NULL, &query, &world->arena, &world->result,
                                      &world->err));
        assert_int_equal(world->err.code, ERROR_CANCELED);
}

static void results_hold_histograms(void **state)
{
        struct world *world = *state;
        const struct promql_series *series;

        add_histograms(world, "h", "x", 5, 8, 2);
        add(world, "h", "y", 5, 1, 1);
        assert_true(query(world, "h", 2 * MINUTE, 2 * MINUTE, 0));
        assert_int_equal(world->result.series_count, 2);
        series = world->result.series;
        assert_true(series[0].h[0]->count == 12 && series[0].h[0]->positive.buckets[1] == 6);
        assert_null(series[1].h);
        assert_true(series[1].v[0] == 3);
        assert_true(query(world, "sum(h)", 0, 4 * MINUTE, MINUTE));
        assert_int_equal(world->result.series_count, 0);
        assert_int_equal(world->result.notes.warning_count, 1);
        assert_true(query(world, "sum by (job) (h) and on () (vector(time()) < 150)", 0, 4 * MINUTE,
                          MINUTE));
        assert_int_equal(world->result.series_count, 2);
        assert_int_equal(world->result.series[0].count, 3);
        assert_true(world->result.series[0].h[2]->sum == 12);
}

/* 16 bytes a sample: of a histogram its time, 168 of its own, one span and two buckets. */
static void histograms_are_limited(void **state)
{
        enum { SAMPLES = (8 + 168 + 8 + 16) / 16 };
        struct world *world = *state;

        for (int i = 0; i < 20; i++) {
                char job[16];

                snprintf(job, sizeof(job), "%d", i);
                add_histograms(world, "h", job, 100, 1, 1);
        }
        assert_true(query(world, "h", 0, 9 * MINUTE, MINUTE));
        assert_int_equal(world->result.stats.samples_total, 20 * 10 * SAMPLES);
        world->options.max_samples = 20 * 10 * SAMPLES - 1;
        assert_false(query(world, "h", 0, 9 * MINUTE, MINUTE));
        assert_string_equal(world->err.text, too_many);
        world->options.max_samples = 0;
        world->options.max_bytes = 4 << 20;
        assert_false(query(world, "h * on (job) (h - h)", 0, 90 * MINUTE, 1000));
        assert_int_equal(world->err.code, ERROR_LIMIT);
        assert_non_null(strstr(world->err.text, "more than 4194304 bytes"));
        assert_true(query(world, "histogram_count(rate(h[5m]))", 0, 90 * MINUTE, MINUTE));
}

static void what_means_nothing_fails(void **state)
{
        struct world *world = *state;

        assert_fails(world, "1 </ 2", ERROR_EXECUTION,
                     "operator \"</\" not allowed for Scalar operations");
}

/* ---- statistics and notes ---------------------------------------------------------------- */

static void statistics(void **state)
{
        struct world *world = *state;

        add(world, "a", "x", 10, 1, 1);
        add(world, "a", "y", 10, 1, 1);
        assert_true(query(world, "sum(a)", 0, 4 * MINUTE, 2 * MINUTE));
        assert_int_equal(world->result.stats.samples_total, 6);
        assert_int_equal(world->result.stats.step_count, 3);
        assert_int_equal(world->result.stats.samples_per_step[1], 2);
        assert_int_equal(world->result.stats.series_selected, 2);
        assert_true(world->result.stats.samples_peak >= 9);
        assert_true(query(world, "rate(a{job=\"x\"}[3m])", 9 * MINUTE, 9 * MINUTE, 0));
        assert_int_equal(world->result.stats.samples_total, 3);
}

static void notes_have_positions_and_come_once(void **state)
{
        struct world *world = *state;

        add(world, "a", "x", 10, 1, 1);
        add(world, "a", "y", 10, 1, 1);
        add(world, "b", "y", 10, 1, 1);
        assert_true(query(world, "rate(a[5m]) or rate(a[4m]) or increase(b[5m])", 5 * MINUTE,
                          5 * MINUTE, 0));
        assert_int_equal(world->result.notes.info_count, 2);
        assert_string_equal(world->result.notes.infos[0],
                            "PromQL info: metric might not be a counter, name does not end in "
                            "_total/_sum/_count/_bucket: \"a\" (1:21)");
        assert_true(query(world, "quantile(7.5, a)", MINUTE, MINUTE, 0));
        assert_string_equal(world->result.notes.warnings[0],
                            "PromQL warning: quantile value should be between 0 and 1, got 7.5 "
                            "(1:10)");
}

static void notes_beyond_ten_are_counted(void **state)
{
        struct world *world = *state;

        for (int i = 0; i < 12; i++) {
                char name[16];

                snprintf(name, sizeof(name), "gauge%d", i);
                add(world, name, "x", 10, 1, 1);
        }
        assert_true(query(world, "count({__name__=~\"gauge.*\"})", MINUTE, MINUTE, 0));
        world->options.features.delayed_name_removal = true;
        assert_true(query(world, "sum(rate({__name__=~\"gauge.*\"}[5m]))", 5 * MINUTE, 5 * MINUTE,
                          0));
        assert_int_equal(world->result.notes.info_count, 11);
        assert_string_equal(world->result.notes.infos[10], "2 more info annotations omitted");
}

/* ---- numbers ----------------------------------------------------------------------------- */

static int compare_doubles(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return x < y ? -1 : x > y;
}

/* The quantile is found by selection; sorting must give the same. */
static void quantiles_agree_with_sorting(void **state)
{
        struct world *world = *state;
        struct series_sink sink = memory_series_sink(world->store);
        struct label items[] = {{LABEL_METRIC_NAME, STR_LIT("random")}};
        double values[200], sorted[200];
        struct append_sample sample;
        unsigned seed = 7;

        assert_true(sink.resolve(sink.ctx, (struct labels){items, 1}, &sample.ref, NULL));
        for (size_t i = 0; i < ARRAY_LEN(values); i++) {
                seed = seed * 1103515245 + 12345;
                values[i] = (double)(seed >> 16 & 63);
                sample.t_ms = (int64_t)i * 1000;
                sample.v = values[i];
                assert_true(sink.append(sink.ctx, &sample, NULL, 1, NULL, NULL));
        }
        for (size_t count = 1; count <= ARRAY_LEN(values); count++) {
                char text[64];

                memcpy(sorted, values, sizeof(values));
                qsort(sorted, count, sizeof(*sorted), compare_doubles);
                snprintf(text, sizeof(text), "quantile_over_time(0.5, random[%zus])", count);
                assert_value(world, text, (int64_t)(count - 1) * 1000,
                             count % 2 ? sorted[count / 2]
                                       : (sorted[count / 2 - 1] + sorted[count / 2]) / 2);
                snprintf(text, sizeof(text), "quantile_over_time(1, random[%zus])", count);
                assert_value(world, text, (int64_t)(count - 1) * 1000, sorted[count - 1]);
                snprintf(text, sizeof(text), "max_over_time(random[%zus])", count);
                assert_value(world, text, (int64_t)(count - 1) * 1000, sorted[count - 1]);
        }
}

/* max_over_time remembers its last extreme from window to window. */
static void sliding_extremes_agree_with_single_windows(void **state)
{
        struct world *world = *state;
        double wanted[60];

        add(world, "a", "x", 30, 100, -1);
        add(world, "b", "x", 30, 0, 1);
        for (int64_t i = 0; i < 60; i++) {
                assert_true(query(world, "max_over_time((a * 0.5 or b)[7m:30s])",
                                  i * MINUTE / 2, i * MINUTE / 2, 0));
                wanted[i] = world->result.series_count ? world->result.series[0].v[0] : -1;
        }
        assert_true(query(world, "max_over_time((a * 0.5 or b)[7m:30s])", 0, 59 * MINUTE / 2,
                          MINUTE / 2));
        for (size_t i = 0; i < world->result.series[0].count; i++)
                assert_true(wanted[world->result.series[0].t_ms[i] / (MINUTE / 2)] ==
                            world->result.series[0].v[i]);
}

static void sums_are_compensated(void **state)
{
        struct world *world = *state;

        add(world, "a", "1", 1, 1e100, 0);
        add(world, "a", "2", 1, 1, 0);
        add(world, "a", "3", 1, -1e100, 0);
        assert_value(world, "sum(a)", 0, 1);
        add(world, "big", "1", 1, 1.7e308, 0);
        add(world, "big", "2", 1, 1.7e308, 0);
        assert_value(world, "avg(big)", 0, 1.7e308);
}

static void threads_give_the_same_answers(void **state)
{
        static const char *const queries[] = {"rate(a[5m])", "sum(a)", "a * 2",
                                              "quantile_over_time(0.3, a[7m])",
                                              "histogram_quantile(0.3, sum by (job) (h))",
                                              "histogram_sum(rate(h[3m]))"};
        struct world *world = *state;
        struct promql_result alone;

        for (int i = 0; i < 300; i++) {
                char job[16];

                snprintf(job, sizeof(job), "%d", i);
                add(world, "a", job, 60, i, i * 0.1);
                add_histograms(world, "h", job, 60, i + 1, i * 0.1);
        }
        for (size_t q = 0; q < ARRAY_LEN(queries); q++) {
                world->options.threads = 1;
                assert_true(query(world, queries[q], 0, 59 * MINUTE, MINUTE));
                alone = world->result;
                world->options.threads = 4;
                assert_true(query(world, queries[q], 0, 59 * MINUTE, MINUTE));
                assert_int_equal(alone.series_count, world->result.series_count);
                assert_int_equal(alone.stats.samples_total, world->result.stats.samples_total);
                for (size_t s = 0; s < alone.series_count; s++) {
                        const struct promql_series *x = &alone.series[s];
                        const struct promql_series *y = &world->result.series[s];

                        assert_true(labels_equal(x->labels, y->labels));
                        assert_int_equal(x->count, y->count);
                        assert_memory_equal(x->v, y->v, x->count * sizeof(*x->v));
                }
        }
}

/* A range that is computed in several stretches: more than a week. */
static void long_ranges_are_read_in_stretches(void **state)
{
        struct world *world = *state;
        const int64_t hour = 3600000;

        add(world, "a_total", "x", 60 * 24 * 20, 0, 60);
        assert_true(query(world, "rate(a_total[5m])", hour, 19 * 24 * hour, hour));
        assert_int_equal(world->result.series[0].count, 19 * 24);
        for (size_t i = 0; i < world->result.series[0].count; i++)
                assert_true(fabs(world->result.series[0].v[i] - 1) < 1e-9);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                TEST(kinds_of_results),
                TEST(vectors_keep_their_order_and_matrices_are_sorted),
                TEST(names_are_removed_at_once_by_default),
                TEST(rows_of_equal_labels_join_when_they_do_not_overlap),
                TEST(samples_are_limited),
                TEST(bytes_are_limited),
                TEST(a_dense_series_is_noticed_before_it_fills_the_memory),
                TEST(time_is_limited),
                TEST(a_client_that_left_cancels),
                TEST(results_hold_histograms),
                TEST(histograms_are_limited),
                TEST(what_means_nothing_fails),
                TEST(statistics),
                TEST(notes_have_positions_and_come_once),
                TEST(notes_beyond_ten_are_counted),
                TEST(quantiles_agree_with_sorting),
                TEST(sliding_extremes_agree_with_single_windows),
                TEST(sums_are_compensated),
                TEST(threads_give_the_same_answers),
                TEST(long_ranges_are_read_in_stretches),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

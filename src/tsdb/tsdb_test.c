/* The store through its public face: what goes in comes out, open, sealed and after reopening. */
#include "tsdb/store_fixture_test.h"

static void test_round_trip(void **state)
{
        struct fixture f;
        series_ref a, b;

        (void)state;
        setup(&f);
        a = resolve(&f, "__name__=up,job=a");
        b = resolve(&f, "__name__=up,job=b");
        assert_true(a != b && a && b);
        assert_int_equal(resolve(&f, "__name__=up,job=a"), a);
        assert_int_equal(append(&f, a, T0, 1), APPEND_OK);
        assert_int_equal(append(&f, b, T0 + 5, 2.5), APPEND_OK);
        assert_int_equal(append(&f, a, T0 + 15000, 0), APPEND_OK);
        assert_query_everywhere(&f, MATCHER_EQUAL, "__name__", "up",
                                "up{job=\"a\"}: 0 1, 15000 0; up{job=\"b\"}: 5 2.5");
        teardown(&f);
}

static void test_outcomes(void **state)
{
        struct fixture f;
        series_ref a;

        (void)state;
        setup(&f);
        a = resolve(&f, "__name__=m");
        assert_int_equal(append(&f, a, T0 + 3600000, 1), APPEND_OK);
        for (int round = 0; round < 3; round++) {
                assert_int_equal(append(&f, a, T0 + 3600000, 1), APPEND_DUPLICATE_SAME);
                assert_int_equal(append(&f, a, T0 + 3600000, 2), APPEND_DUPLICATE_OTHER);
                assert_int_equal(append(&f, a, T0 - 1, 2), APPEND_TOO_OLD);
                assert_int_equal(append(&f, a, T0, 7),
                                 round ? APPEND_DUPLICATE_SAME : APPEND_OK);
                assert_int_equal(append(&f, a, T0, 8), APPEND_DUPLICATE_OTHER);
                assert_int_equal(append(&f, 99, T0, 8), APPEND_UNKNOWN_SERIES);
                assert_int_equal(append(&f, 0, T0, 8), APPEND_UNKNOWN_SERIES);
                reopen(&f);
        }
        f.options.out_of_order_ms = 0;
        f.options.max_ahead_ms = 1000;
        f.options.retention_ms = 500;
        tsdb_reconfigure(f.tsdb, &f.options);
        fake_now_ms = T0 + 3600000;
        assert_int_equal(append(&f, a, fake_now_ms - 1, 1), APPEND_OUT_OF_ORDER);
        assert_int_equal(append(&f, a, fake_now_ms - 501, 1), APPEND_TOO_OLD);
        assert_int_equal(append(&f, a, fake_now_ms + 1001, 1), APPEND_TOO_FAR_AHEAD);
        assert_int_equal(append(&f, a, fake_now_ms + 1000, 1), APPEND_OK);
        teardown(&f);
}

static void test_out_of_order(void **state)
{
        struct fixture f;
        series_ref a;

        (void)state;
        setup(&f);
        a = resolve(&f, "__name__=m");
        append(&f, a, T0 + 30, 3);
        append(&f, a, T0 + 10, 1);
        append(&f, a, T0 + 40, 4);
        assert_ok(tsdb_maintain(f.tsdb, &f.err), f.err);
        append(&f, a, T0 + 20, 2);
        append(&f, a, T0 + 50, 5);
        append(&f, a, T0 + 5, 0);
        assert_query_everywhere(&f, MATCHER_EQUAL, "__name__", "m",
                                "m: 5 0, 10 1, 20 2, 30 3, 40 4, 50 5");
        teardown(&f);
}

static void test_partitions(void **state)
{
        static const int64_t day_ms = 24 * 3600 * 1000;
        struct fixture f;
        struct tsdb_stats stats;
        series_ref a;

        (void)state;
        setup(&f);
        a = resolve(&f, "__name__=m");
        append(&f, a, T0 - 2 * day_ms, 1);
        append(&f, a, T0, 2);
        append(&f, a, T0 + day_ms, 3);
        assert_query_everywhere(&f, MATCHER_EQUAL, "__name__", "m",
                                "m: -172800000 1, 0 2, 86400000 3");
        tsdb_stats(f.tsdb, &stats);
        assert_int_equal(stats.parts, 3);
        assert_int_equal(stats.block_samples, 3);
        f.options.retention_ms = day_ms;
        tsdb_reconfigure(f.tsdb, &f.options);
        fake_now_ms = T0 + day_ms;
        assert_ok(tsdb_maintain(f.tsdb, &f.err), f.err);
        assert_query_everywhere(&f, MATCHER_EQUAL, "__name__", "m", "m: 0 2, 86400000 3");
        teardown(&f);
}

/* Samples of one series at every second, each with its number. */
static void check_range(void *ctx, uint32_t n, const struct samples *samples)
{
        const int64_t *range = ctx; /* first and last number */

        (void)n;
        assert_int_equal(samples->count, range[1] - range[0] + 1);
        for (size_t i = 0; i < samples->count; i++) {
                assert_int_equal(samples->t_ms[i], T0 + (range[0] + (int64_t)i) * 1000);
                assert_true(samples->v[i] == (double)range[0] + (double)i);
        }
}

static void test_ranges_within_blocks(void **state)
{
        enum { COUNT = 9000, BLOCK = 4096 };
        static const int64_t around[] = {0, BLOCK, 2 * BLOCK, COUNT - 3};
        struct fixture f;
        series_ref a;

        (void)state;
        setup(&f);
        f.options.out_of_order_ms = 24 * 3600 * 1000;
        tsdb_reconfigure(f.tsdb, &f.options);
        a = resolve(&f, "__name__=test,n=1");
        for (int64_t i = 0; i < COUNT; i++)
                append(&f, a, T0 + i * 1000, (double)i);
        assert_ok(tsdb_seal(f.tsdb, &f.err), f.err);
        for (size_t from = 0; from < ARRAY_LEN(around); from++)
                for (size_t to = from; to < ARRAY_LEN(around); to++)
                        for (int64_t k = 0; k < 9; k++) {
                                int64_t range[2] = {around[from] + k / 3 - (from > 0),
                                                    around[to] + k % 3 - (to > 0)};

                                if (range[1] >= range[0])
                                        each_series(f.tsdb, T0 + range[0] * 1000,
                                                    T0 + range[1] * 1000, check_range, range);
                        }
        teardown(&f);
}

static void test_forget(void **state)
{
        static const int64_t day_ms = 24 * 3600 * 1000;
        struct fixture f;
        struct tsdb_stats stats;
        series_ref old, kept, again;

        (void)state;
        setup(&f);
        old = resolve(&f, "__name__=old");
        kept = resolve(&f, "__name__=kept");
        append(&f, old, T0, 1);
        append(&f, kept, T0, 1);
        append(&f, kept, T0 + 5 * day_ms, 2);
        f.options.retention_ms = 2 * day_ms;
        tsdb_reconfigure(f.tsdb, &f.options);
        fake_now_ms = T0 + day_ms;
        f.options.retention_ms = day_ms / 2;
        tsdb_reconfigure(f.tsdb, &f.options);
        /* The first round only notes which series there are. */
        fake_now_ms = T0 + 2 * 3600 * 1000;
        assert_ok(tsdb_maintain(f.tsdb, &f.err), f.err);
        fake_now_ms = T0 + 5 * day_ms;
        assert_ok(tsdb_maintain(f.tsdb, &f.err), f.err);
        tsdb_stats(f.tsdb, &stats);
        assert_int_equal(stats.series, 1);
        assert_int_equal(stats.series_forgotten, 1);
        assert_int_equal(append(&f, old, fake_now_ms, 1), APPEND_UNKNOWN_SERIES);
        again = resolve(&f, "__name__=old");
        assert_true(again != old && again != kept);
        assert_int_equal(append(&f, again, fake_now_ms, 9), APPEND_OK);
        assert_query_everywhere(&f, MATCHER_REGEX, "__name__", "old|kept",
                                "kept: 432000000 2; old: 432000000 9");
        teardown(&f);
}

static void test_matchers(void **state)
{
        static const struct {
                enum matcher_op op;
                const char *name, *value, *want;
        } cases[] = {
                {MATCHER_EQUAL, "job", "a", "m{job=\"a\"}: 0 1"},
                {MATCHER_NOT_EQUAL, "job", "a", "m: 0 1; m{job=\"ab\"}: 0 1; m{job=\"b\"}: 0 1"},
                {MATCHER_EQUAL, "job", "", "m: 0 1"},
                {MATCHER_NOT_EQUAL, "job", "",
                 "m{job=\"a\"}: 0 1; m{job=\"ab\"}: 0 1; m{job=\"b\"}: 0 1"},
                {MATCHER_REGEX, "job", "a|b", "m{job=\"a\"}: 0 1; m{job=\"b\"}: 0 1"},
                {MATCHER_REGEX, "job", "a.*", "m{job=\"a\"}: 0 1; m{job=\"ab\"}: 0 1"},
                {MATCHER_REGEX, "job", "a.+", "m{job=\"ab\"}: 0 1"},
                {MATCHER_REGEX, "job", ".*b", "m{job=\"ab\"}: 0 1; m{job=\"b\"}: 0 1"},
                {MATCHER_REGEX, "job", "a?", "m: 0 1; m{job=\"a\"}: 0 1"},
                {MATCHER_REGEX, "job", ".*",
                 "m: 0 1; m{job=\"a\"}: 0 1; m{job=\"ab\"}: 0 1; m{job=\"b\"}: 0 1"},
                {MATCHER_NOT_REGEX, "job", "a|b", "m: 0 1; m{job=\"ab\"}: 0 1"},
                {MATCHER_NOT_REGEX, "job", "a.*", "m: 0 1; m{job=\"b\"}: 0 1"},
                {MATCHER_NOT_REGEX, "job", "",
                 "m{job=\"a\"}: 0 1; m{job=\"ab\"}: 0 1; m{job=\"b\"}: 0 1"},
                {MATCHER_EQUAL, "nope", "x", ""},
                {MATCHER_NOT_REGEX, "nope", ".+",
                 "m: 0 1; m{job=\"a\"}: 0 1; m{job=\"ab\"}: 0 1; m{job=\"b\"}: 0 1"},
        };
        static const char *const series[] = {"__name__=m,job=b", "__name__=m", "__name__=m,job=ab",
                                             "__name__=m,job=a"};
        struct fixture f;

        (void)state;
        setup(&f);
        for (size_t i = 0; i < ARRAY_LEN(series); i++)
                append(&f, resolve(&f, series[i]), T0, 1);
        for (size_t i = 0; i < ARRAY_LEN(cases); i++)
                assert_query(&f, cases[i].op, cases[i].name, cases[i].value, INT64_MIN, INT64_MAX,
                             cases[i].want);
        teardown(&f);
}

static void test_labels(void **state)
{
        struct tsdb_cardinality cardinality;
        struct querier *querier;
        struct arena arena;
        struct fixture f;
        struct str *texts;
        size_t count;

        (void)state;
        setup(&f);
        append(&f, resolve(&f, "__name__=m,job=b"), T0, 1);
        append(&f, resolve(&f, "__name__=m,job=a,zone=z"), T0, 1);
        append(&f, resolve(&f, "__name__=n,job=a"), T0 + 100, 1);
        resolve(&f, "__name__=silent,other=x");
        arena_init(&arena, SIZE_MAX);
        assert_ok(f.source.open(f.source.ctx, T0, T0 + 50, &querier, &f.err), f.err);
        assert_ok(querier->ops->label_names(querier, &arena, NULL, 0, &texts, &count, &f.err),
                  f.err);
        assert_int_equal(count, 3);
        assert_str(texts[0], "__name__");
        assert_str(texts[2], "zone");
        assert_ok(querier->ops->label_values(querier, &arena, STR_LIT("job"), NULL, 0, &texts,
                                             &count, &f.err), f.err);
        assert_int_equal(count, 2);
        assert_str(texts[0], "a");
        querier->ops->close(querier);
        assert_ok(tsdb_cardinality(f.tsdb, &arena, 2, &cardinality, &f.err), f.err);
        assert_int_equal(cardinality.series_by_metric.count, 2);
        assert_str(cardinality.series_by_metric.items[0].name, "m");
        assert_int_equal(cardinality.series_by_metric.items[0].value, 2);
        assert_str(cardinality.values_by_label.items[0].name, "__name__");
        assert_int_equal(cardinality.values_by_label.items[0].value, 3);
        assert_str(cardinality.series_by_pair.items[0].name, "__name__=m");
        arena_release(&arena);
        teardown(&f);
}

static void test_series_limit(void **state)
{
        struct tsdb_stats stats;
        struct fixture f;
        struct arena arena;
        series_ref ref;

        (void)state;
        setup(&f);
        f.options.series_limit = 1;
        tsdb_reconfigure(f.tsdb, &f.options);
        resolve(&f, "__name__=m");
        arena_init(&arena, SIZE_MAX);
        assert_false(f.sink.resolve(f.sink.ctx, parse_labels(&arena, "__name__=n"), &ref, &f.err));
        assert_int_equal(f.err.code, ERROR_LIMIT);
        assert_false(f.sink.resolve(f.sink.ctx, parse_labels(&arena, "__name__=o"), &ref, &f.err));
        tsdb_stats(f.tsdb, &stats);
        assert_int_equal(stats.series_refused, 2);
        assert_int_equal(stats.events[TSDB_EVENT_SERIES_REFUSED], 1);
        assert_true(resolve(&f, "__name__=m"));
        arena_release(&arena);
        teardown(&f);
}

/* The oldest partitions go until the rest fits; the newest stays whatever its size. */
static void test_retention_by_size(void **state)
{
        static const int64_t day_ms = 24 * 3600 * 1000;
        struct tsdb_stats stats;
        struct fixture f;
        series_ref a;

        (void)state;
        setup(&f);
        a = resolve(&f, "__name__=m");
        for (int day = 0; day < 5; day++)
                append(&f, a, T0 + day * day_ms, day);
        assert_ok(tsdb_seal(f.tsdb, &f.err), f.err);
        tsdb_stats(f.tsdb, &stats);
        assert_int_equal(stats.parts, 5);
        f.options.retention_bytes = stats.part_bytes + stats.wal_bytes;
        tsdb_reconfigure(f.tsdb, &f.options);
        assert_ok(tsdb_maintain(f.tsdb, &f.err), f.err);
        tsdb_stats(f.tsdb, &stats);
        assert_true(stats.parts < 5 && stats.parts > 1);
        f.options.retention_bytes = 1;
        tsdb_reconfigure(f.tsdb, &f.options);
        assert_ok(tsdb_maintain(f.tsdb, &f.err), f.err);
        assert_query_everywhere(&f, MATCHER_EQUAL, "__name__", "m", "m: 345600000 4");
        teardown(&f);
}

/* `count` samples within a minute, and a flush. */
static uint64_t minute_of(struct fixture *f, series_ref ref, int count)
{
        struct tsdb_stats stats;

        for (int i = 0; i < count; i++)
                append(f, ref, fake_now_ms + i * 1000, i);
        fake_now_ms += 60 * 1000;
        assert_ok(tsdb_maintain(f->tsdb, &f->err), f->err);
        tsdb_stats(f->tsdb, &stats);
        return stats.parts;
}

/* When most writers of a day have ended, what they wrote becomes one part without waiting for its
 * end; once, and not while they write. */
static void test_idle_partition(void **state)
{
        struct tsdb_stats stats;
        struct fixture f;
        uint64_t merges;
        series_ref a;

        (void)state;
        setup(&f);
        a = resolve(&f, "__name__=m");
        for (uint64_t i = 1; i <= 31; i++)
                assert_int_equal(minute_of(&f, a, 50), i / 8 + i % 8);
        for (int i = 0; i < 8; i++)
                assert_int_equal(minute_of(&f, a, 0), 10);
        assert_int_equal(minute_of(&f, a, 0), 2);
        tsdb_stats(f.tsdb, &stats);
        merges = stats.merges;
        for (int i = 0; i < 5; i++)
                minute_of(&f, a, 1);
        tsdb_stats(f.tsdb, &stats);
        assert_int_equal(stats.merges, merges);
        assert_int_equal(stats.parts, 7);
        assert_int_equal(stats.block_samples, 31 * 50 + 5);
        teardown(&f);
}

/* Each sample is rewritten once a level, and levels grow eightfold. */
static void test_merges_are_few(void **state)
{
        enum { FLUSHES = 520 };
        struct tsdb_stats stats;
        struct fixture f;
        series_ref a;

        (void)state;
        setup(&f);
        a = resolve(&f, "__name__=m");
        for (int i = 0; i < FLUSHES; i++) {
                fake_now_ms += 15000;
                append(&f, a, fake_now_ms, i);
                assert_ok(tsdb_maintain(f.tsdb, &f.err), f.err);
                tsdb_stats(f.tsdb, &stats);
                assert_true(stats.parts <= 4 * 7);
        }
        assert_true(stats.merged_samples <= 3 * FLUSHES);
        assert_int_equal(stats.parts, 1 + 1);
        teardown(&f);
}

static void test_second_process(void **state)
{
        struct tsdb *second;
        struct fixture f;

        (void)state;
        setup(&f);
        assert_false(tsdb_open(&second, &f.options, &f.err));
        teardown(&f);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip),    cmocka_unit_test(test_outcomes),
                cmocka_unit_test(test_out_of_order),  cmocka_unit_test(test_partitions),
                cmocka_unit_test(test_ranges_within_blocks),
                cmocka_unit_test(test_forget),        cmocka_unit_test(test_matchers),
                cmocka_unit_test(test_labels),        cmocka_unit_test(test_series_limit),
                cmocka_unit_test(test_idle_partition),
                cmocka_unit_test(test_merges_are_few),
                cmocka_unit_test(test_second_process), cmocka_unit_test(test_retention_by_size),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

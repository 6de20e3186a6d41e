/* Samples that go: deleted ones, those past a retention rule; and copies that stay: snapshots. */
#include "tsdb/store_fixture_test.h"

static const int64_t day_ms = 24 * 3600 * 1000;

static void delete_equal(struct fixture *f, const char *name, const char *value, int64_t mint_ms,
                         int64_t maxt_ms)
{
        struct series_selector selector;
        struct matcher matcher;
        struct arena arena;

        arena_init(&arena, SIZE_MAX);
        matcher_of(&matcher, &arena, MATCHER_EQUAL, name, value);
        selector = (struct series_selector){&matcher, 1};
        assert_ok(tsdb_delete(f->tsdb, &selector, 1, mint_ms, maxt_ms, &f->err), f->err);
        arena_release(&arena);
}

static uint64_t stored_samples(struct fixture *f, struct tsdb_stats *stats)
{
        tsdb_stats(f->tsdb, stats);
        return stats->block_samples + stats->open_samples;
}

static void test_delete(void **state)
{
        struct tsdb_stats stats;
        struct fixture f;
        series_ref a, b;

        (void)state;
        setup(&f);
        a = resolve(&f, "__name__=m,a=1");
        b = resolve(&f, "__name__=m,a=2");
        for (int i = 0; i < 5; i++) {
                append(&f, a, T0 + i * 1000, i);
                append(&f, b, T0 + i * 1000, i);
        }
        delete_equal(&f, "a", "1", T0 + 1000, T0 + 3000);
        assert_query_everywhere(&f, MATCHER_EQUAL, "a", "1", "m{a=\"1\"}: 0 0, 4000 4");
        delete_equal(&f, "a", "1", T0 + 4000, INT64_MAX);
        assert_query_everywhere(&f, MATCHER_EQUAL, "a", "1", "m{a=\"1\"}: 0 0");
        /* What comes after a deletion is not concerned by it. */
        a = resolve(&f, "__name__=m,a=1");
        assert_int_equal(append(&f, a, T0 + 2000, 22), APPEND_OK);
        assert_int_equal(append(&f, a, T0 + 2000, 23), APPEND_DUPLICATE_OTHER);
        assert_query_everywhere(&f, MATCHER_EQUAL, "a", "1", "m{a=\"1\"}: 0 0, 2000 22");
        assert_query_everywhere(&f, MATCHER_EQUAL, "a", "2",
                                "m{a=\"2\"}: 0 0, 1000 1, 2000 2, 3000 3, 4000 4");
        delete_equal(&f, "a", "3", INT64_MIN, INT64_MAX);
        assert_ok(tsdb_clean_tombstones(f.tsdb, &f.err), f.err);
        assert_int_equal(stored_samples(&f, &stats), 7);
        assert_int_equal(stats.tombstones, 0);
        assert_query_everywhere(&f, MATCHER_EQUAL, "__name__", "m",
                                "m{a=\"1\"}: 0 0, 2000 22; "
                                "m{a=\"2\"}: 0 0, 1000 1, 2000 2, 3000 3, 4000 4");
        teardown(&f);
}

/* A series of which nothing is left is not shown, and forgotten once cleaned up. */
static void test_delete_all(void **state)
{
        struct tsdb_stats stats;
        struct fixture f;

        (void)state;
        setup(&f);
        append(&f, resolve(&f, "__name__=m,a=1"), T0, 1);
        append(&f, resolve(&f, "__name__=m,a=2"), T0, 2);
        reopen(&f);
        assert_ok(tsdb_maintain(f.tsdb, &f.err), f.err);
        fake_now_ms += 2 * 3600 * 1000;
        assert_ok(tsdb_maintain(f.tsdb, &f.err), f.err);
        delete_equal(&f, "a", "1", INT64_MIN, INT64_MAX);
        assert_query_everywhere(&f, MATCHER_EQUAL, "__name__", "m", "m{a=\"2\"}: 0 2");
        fake_now_ms += 2 * 3600 * 1000;
        assert_ok(tsdb_maintain(f.tsdb, &f.err), f.err);
        assert_ok(tsdb_clean_tombstones(f.tsdb, &f.err), f.err);
        tsdb_stats(f.tsdb, &stats);
        assert_int_equal(stats.series, 1);
        delete_equal(&f, "a", "2", INT64_MIN, INT64_MAX);
        assert_ok(tsdb_clean_tombstones(f.tsdb, &f.err), f.err);
        assert_int_equal(stored_samples(&f, &stats), 0);
        assert_query_everywhere(&f, MATCHER_EQUAL, "__name__", "m", "");
        assert_int_equal(append(&f, resolve(&f, "__name__=m,a=2"), T0, 3), APPEND_OK);
        assert_query_everywhere(&f, MATCHER_EQUAL, "__name__", "m", "m{a=\"2\"}: 0 3");
        teardown(&f);
}

static void test_damaged_tombstones(void **state)
{
        struct tsdb_stats stats;
        struct fixture f;
        char path[128];
        FILE *file;

        (void)state;
        setup(&f);
        append(&f, resolve(&f, "__name__=m"), T0, 1);
        delete_equal(&f, "__name__", "m", INT64_MIN, INT64_MAX);
        f.tsdb = tsdb_close(f.tsdb);
        snprintf(path, sizeof(path), "%s/tombstones", f.dir);
        file = fopen(path, "r+");
        fseek(file, 20, SEEK_SET);
        fputc('X', file);
        fclose(file);
        open_store(&f);
        tsdb_stats(f.tsdb, &stats);
        assert_int_equal(stats.events[TSDB_EVENT_TOMBSTONES_DAMAGED], 1);
        assert_query(&f, MATCHER_EQUAL, "__name__", "m", INT64_MIN, INT64_MAX, "m: 0 1");
        teardown(&f);
}

/* ---- retention by rules -------------------------------------------------------------------- */

static void test_retention_rules(void **state)
{
        struct tsdb_retention_rule rules[2];
        struct series_selector selectors[2];
        struct matcher matchers[2];
        struct tsdb_stats stats;
        struct arena arena;
        struct fixture f;
        series_ref refs[3];

        (void)state;
        setup(&f);
        arena_init(&arena, SIZE_MAX);
        matcher_of(&matchers[0], &arena, MATCHER_EQUAL, "keep", "short");
        matcher_of(&matchers[1], &arena, MATCHER_REGEX, "keep", "s.*|long");
        for (int i = 0; i < 2; i++) {
                selectors[i] = (struct series_selector){&matchers[i], 1};
                rules[i] = (struct tsdb_retention_rule){&selectors[i], 1, i ? 0 : day_ms};
        }
        f.options.retention_ms = 3 * day_ms;
        f.options.retention_rules = rules;
        f.options.retention_rule_count = 2;
        tsdb_reconfigure(f.tsdb, &f.options);
        fake_now_ms = T0 + 10 * day_ms - 4 * 3600 * 1000;
        refs[0] = resolve(&f, "__name__=m,keep=short");
        refs[1] = resolve(&f, "__name__=m,keep=long");
        refs[2] = resolve(&f, "__name__=m");
        for (int day = 0; day < 10; day++)
                for (int i = 0; i < 3; i++)
                        assert_int_equal(append(&f, refs[i], T0 + day * day_ms + 1, day),
                                         APPEND_OK);
        assert_query(&f, MATCHER_EQUAL, "__name__", "m", T0 + 6 * day_ms, INT64_MAX,
                     "m: 604800001 7, 691200001 8, 777600001 9; "
                     "m{keep=\"long\"}: 518400001 6, 604800001 7, 691200001 8, 777600001 9; "
                     "m{keep=\"short\"}: 777600001 9");
        assert_query(&f, MATCHER_EQUAL, "__name__", "m", INT64_MIN, T0 + day_ms,
                     "m{keep=\"long\"}: 1 0");
        assert_ok(tsdb_seal(f.tsdb, &f.err), f.err);
        fake_now_ms += 3600 * 1000;
        assert_ok(tsdb_maintain(f.tsdb, &f.err), f.err);
        assert_true(stored_samples(&f, &stats) < 20);
        assert_query_everywhere(&f, MATCHER_EQUAL, "keep", "short",
                                "m{keep=\"short\"}: 777600001 9");
        fake_now_ms += 20 * day_ms;
        assert_query(&f, MATCHER_REGEX, "keep", "|short", INT64_MIN, INT64_MAX, "");
        assert_ok(tsdb_maintain(f.tsdb, &f.err), f.err);
        assert_int_equal(stored_samples(&f, &stats), 10);
        f.options.retention_rule_count = 0;
        tsdb_reconfigure(f.tsdb, &f.options);
        assert_ok(tsdb_maintain(f.tsdb, &f.err), f.err);
        assert_int_equal(stored_samples(&f, &stats), 0);
        arena_release(&arena);
        teardown(&f);
}

/* ---- snapshots ----------------------------------------------------------------------------- */

static void assert_snapshot(struct fixture *f, const char *dir, const char *want)
{
        struct fixture copy = *f;

        copy.options.dir = dir;
        open_store(&copy);
        assert_query_everywhere(&copy, MATCHER_EQUAL, "__name__", "m", want);
        tsdb_close(copy.tsdb);
}

static void test_snapshot(void **state)
{
        char whole[128], parts[128];
        struct fixture f;
        series_ref m;

        (void)state;
        setup(&f);
        snprintf(whole, sizeof(whole), "%s/snapshots/whole", f.dir);
        snprintf(parts, sizeof(parts), "%s/snapshots/parts", f.dir);
        m = resolve(&f, "__name__=m");
        append(&f, m, T0, 0);
        append(&f, m, T0 + 1000, 1);
        assert_ok(tsdb_maintain(f.tsdb, &f.err), f.err);
        append(&f, m, T0 + 2000, 2);
        delete_equal(&f, "__name__", "m", T0, T0);
        append(&f, m, T0 + 3000, 3);
        assert_ok(tsdb_snapshot(f.tsdb, parts, true, &f.err), f.err);
        assert_ok(tsdb_snapshot(f.tsdb, whole, false, &f.err), f.err);
        assert_false(tsdb_snapshot(f.tsdb, whole, false, &f.err));
        append(&f, m, T0 + 4000, 4);
        delete_equal(&f, "__name__", "m", INT64_MIN, INT64_MAX);
        assert_ok(tsdb_clean_tombstones(f.tsdb, &f.err), f.err);
        assert_snapshot(&f, parts, "m: 1000 1, 2000 2");
        assert_snapshot(&f, whole, "m: 1000 1, 2000 2, 3000 3");
        assert_query(&f, MATCHER_EQUAL, "__name__", "m", INT64_MIN, INT64_MAX, "");
        teardown(&f);
}

/* ---- imports ------------------------------------------------------------------------------- */

static void test_import(void **state)
{
        struct samples samples = {0};
        struct tsdb_import *import;
        struct fixture f;
        series_ref m;

        (void)state;
        setup(&f);
        f.options.out_of_order_ms = 0;
        tsdb_reconfigure(f.tsdb, &f.options);
        m = resolve(&f, "__name__=m");
        append(&f, m, T0, 0);
        import = tsdb_import_new(f.tsdb);
        samples_append(&samples, T0 - 400 * day_ms, -1);
        samples_append(&samples, T0 + 5000, 5);
        samples_append(&samples, T0, 77);
        samples_append(&samples, T0 - 1000, -2);
        assert_ok(tsdb_import_add(import, m, &samples, &f.err), f.err);
        assert_query(&f, MATCHER_EQUAL, "__name__", "m", INT64_MIN, INT64_MAX, "m: 0 0");
        assert_ok(tsdb_import_flush(import, &f.err), f.err);
        assert_ok(tsdb_import_flush(import, &f.err), f.err);
        assert_int_equal(append(&f, m, T0 + 5000, 5), APPEND_DUPLICATE_SAME);
        assert_int_equal(append(&f, m, T0 + 4000, 5), APPEND_OUT_OF_ORDER);
        assert_false(tsdb_import_add(import, 99, &samples, &f.err));
        samples.t_ms[0] = INT64_MAX;
        assert_false(tsdb_import_add(import, m, &samples, &f.err));
        tsdb_import_free(import);
        samples_release(&samples);
        assert_query_everywhere(&f, MATCHER_EQUAL, "__name__", "m",
                                "m: -34560000000 -1, -1000 -2, 0 0, 5000 5");
        teardown(&f);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_delete),
                cmocka_unit_test(test_delete_all),
                cmocka_unit_test(test_damaged_tombstones),
                cmocka_unit_test(test_retention_rules),
                cmocka_unit_test(test_snapshot),
                cmocka_unit_test(test_import),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

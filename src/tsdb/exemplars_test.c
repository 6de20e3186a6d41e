/* Exemplars: which are kept, and that they survive. */
#include "tsdb/store_fixture_test.h"

static enum append_outcome add(struct fixture *f, series_ref ref, int64_t t_ms, double v,
                               const char *trace)
{
        struct label label = {STR_LIT("trace_id"), str_from(trace)};
        struct append_exemplar exemplar = {ref, {{&label, *trace ? 1 : 0}, t_ms, v}};
        uint8_t outcome;

        assert_ok(f->sink.append_exemplars(f->sink.ctx, &exemplar, 1, &outcome, &f->err), f->err);
        return outcome;
}

/* Of series with the metric name m or n in the range, as "labels: t v trace, ...; ...". */
static void assert_exemplars(struct fixture *f, int64_t mint_ms, int64_t maxt_ms, const char *want)
{
        struct buf out = BUF_INIT(1 << 20);
        struct series_selector selectors[2];
        struct matcher matchers[2];
        struct exemplar_series *list;
        struct querier *querier;
        struct arena arena;
        size_t count;

        arena_init(&arena, SIZE_MAX);
        matcher_of(&matchers[0], &arena, MATCHER_EQUAL, "__name__", "m");
        matcher_of(&matchers[1], &arena, MATCHER_REGEX, "__name__", "m|n");
        selectors[0] = (struct series_selector){&matchers[0], 1};
        selectors[1] = (struct series_selector){&matchers[1], 1};
        assert_ok(f->source.open(f->source.ctx, mint_ms, maxt_ms, &querier, &f->err), f->err);
        assert_ok(querier->ops->exemplars(querier, &arena, selectors, 2, &list, &count, &f->err),
                  f->err);
        querier->ops->close(querier);
        for (size_t i = 0; i < count; i++) {
                buf_append_cstr(&out, i ? "; " : "");
                labels_format(&out, list[i].labels);
                for (size_t k = 0; k < list[i].count; k++) {
                        const struct exemplar *e = &list[i].exemplars[k];
                        struct str trace = labels_get(e->labels, STR_LIT("trace_id"));

                        buf_printf(&out, "%s%lld %g " STR_FMT, k ? ", " : ": ",
                                   (long long)(e->t_ms - T0), e->v, STR_ARG(trace));
                }
        }
        assert_str(buf_str(&out), want);
        buf_release(&out);
        arena_release(&arena);
}

static void assert_exemplars_everywhere(struct fixture *f, const char *want)
{
        assert_exemplars(f, INT64_MIN, INT64_MAX, want);
        reopen(f);
        assert_exemplars(f, INT64_MIN, INT64_MAX, want);
        assert_ok(tsdb_maintain(f->tsdb, &f->err), f->err);
        reopen(f);
        assert_exemplars(f, INT64_MIN, INT64_MAX, want);
}

static void test_rules(void **state)
{
        struct fixture f;
        series_ref m, n;

        (void)state;
        setup(&f);
        f.options.out_of_order_ms = 1000;
        tsdb_reconfigure(f.tsdb, &f.options);
        m = resolve(&f, "__name__=m,a=1");
        n = resolve(&f, "__name__=n");
        resolve(&f, "__name__=m,a=0");
        assert_int_equal(add(&f, n, T0, 1, "x"), APPEND_OK);
        assert_int_equal(add(&f, m, T0 + 5000, 1, "x"), APPEND_OK);
        assert_int_equal(add(&f, m, T0 + 5000, 1, "x"), APPEND_DUPLICATE_SAME);
        assert_int_equal(add(&f, m, T0 + 5000, 1, "y"), APPEND_OK);
        assert_int_equal(add(&f, m, T0 + 5000, 2, "x"), APPEND_OK);
        assert_int_equal(add(&f, m, T0 + 5000, 1, "x"), APPEND_DUPLICATE_SAME);
        assert_int_equal(add(&f, m, T0 + 4000, 3, ""), APPEND_OUT_OF_ORDER);
        assert_int_equal(add(&f, m, T0 + 4001, 3, ""), APPEND_OK);
        assert_int_equal(add(&f, m, T0 + 6000, 4, "z"), APPEND_OK);
        assert_int_equal(add(&f, 99, T0, 1, "x"), APPEND_UNKNOWN_SERIES);
        assert_exemplars_everywhere(&f, "m{a=\"1\"}: 4001 3 , 5000 1 x, 5000 1 y, 5000 2 x, "
                                        "6000 4 z; n: 0 1 x");
        assert_exemplars(&f, T0 + 5000, T0 + 5999,
                         "m{a=\"1\"}: 5000 1 x, 5000 1 y, 5000 2 x");
        assert_exemplars(&f, T0 + 7000, T0 + 8000, "");
        f.options.out_of_order_ms = 0;
        tsdb_reconfigure(f.tsdb, &f.options);
        m = resolve(&f, "__name__=m,a=1");
        assert_int_equal(add(&f, m, T0 + 5999, 4, "q"), APPEND_OUT_OF_ORDER);
        assert_int_equal(add(&f, m, T0 + 6000, 4, "z"), APPEND_DUPLICATE_SAME);
        teardown(&f);
}

/* The newest arrivals stay, whatever their series. */
static void test_limit(void **state)
{
        struct tsdb_stats stats;
        struct fixture f;
        series_ref m, n;
        char trace[16];

        (void)state;
        setup(&f);
        f.options.exemplar_limit = 4;
        tsdb_reconfigure(f.tsdb, &f.options);
        m = resolve(&f, "__name__=m");
        n = resolve(&f, "__name__=n");
        for (int i = 0; i < 10; i++) {
                snprintf(trace, sizeof(trace), "t%d", i);
                assert_int_equal(add(&f, i % 3 ? m : n, T0 + i, i, trace), APPEND_OK);
        }
        assert_exemplars_everywhere(&f, "m: 7 7 t7, 8 8 t8; n: 6 6 t6, 9 9 t9");
        n = resolve(&f, "__name__=n");
        /* The oldest of all would only push out a newer one. */
        assert_int_equal(add(&f, n, T0 + 1, 1, "old"), APPEND_OUT_OF_ORDER);
        tsdb_stats(f.tsdb, &stats);
        assert_int_equal(stats.exemplars, 4);
        assert_int_equal(stats.exemplar_outcomes[APPEND_OUT_OF_ORDER], 1);
        f.options.exemplar_limit = 2;
        tsdb_reconfigure(f.tsdb, &f.options);
        assert_int_equal(add(&f, n, T0 + 20, 5, "n"), APPEND_OK);
        assert_exemplars_everywhere(&f, "n: 9 9 t9, 20 5 n");
        f.options.exemplar_limit = 0;
        tsdb_reconfigure(f.tsdb, &f.options);
        add(&f, resolve(&f, "__name__=n"), T0 + 21, 5, "n");
        assert_exemplars_everywhere(&f, "");
        teardown(&f);
}

/* Many flushes: the small files are put together, and nothing is lost or doubled. */
static void test_files(void **state)
{
        struct buf want = BUF_INIT(1 << 16);
        struct fixture f;
        char trace[16];

        (void)state;
        setup(&f);
        buf_append_cstr(&want, "m");
        for (int i = 0; i < 40; i++) {
                snprintf(trace, sizeof(trace), "t%d", i);
                assert_int_equal(add(&f, resolve(&f, "__name__=m"), T0 + i, i, trace), APPEND_OK);
                buf_printf(&want, "%s%d %d t%d", i ? ", " : ": ", i, i, i);
                if (i % 3)
                        assert_ok(tsdb_maintain(f.tsdb, &f.err), f.err);
                if (i % 7 == 0)
                        reopen(&f);
        }
        assert_exemplars_everywhere(&f, want.data);
        buf_release(&want);
        teardown(&f);
}

static void test_damaged_file(void **state)
{
        struct tsdb_stats stats;
        char command[256];
        struct fixture f;

        (void)state;
        setup(&f);
        add(&f, resolve(&f, "__name__=m"), T0, 1, "x");
        f.tsdb = tsdb_close(f.tsdb);
        snprintf(command, sizeof(command), "for f in %s/exemplars/*; do printf X | "
                 "dd of=$f bs=1 seek=30 conv=notrunc status=none; done", f.dir);
        assert_int_equal(system(command), 0);
        open_store(&f);
        assert_exemplars(&f, INT64_MIN, INT64_MAX, "");
        tsdb_stats(f.tsdb, &stats);
        assert_int_equal(stats.events[TSDB_EVENT_EXEMPLARS_DAMAGED], 1);
        teardown(&f);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rules),
                cmocka_unit_test(test_limit),
                cmocka_unit_test(test_files),
                cmocka_unit_test(test_damaged_file),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "formats/openmetrics.h"

#include <math.h>

#include "testing/unit.h"

/* After the examples of the specification: a histogram with exemplars, a counter with a start
 * time, an info metric, and what version 1.0.0 adds in quotes. */
static const char body[] =
        "# TYPE rpc_duration_seconds histogram\n"
        "# UNIT rpc_duration_seconds seconds\n"
        "# HELP rpc_duration_seconds The time \\\"calls\\\" take,\\nin seconds.\n"
        "rpc_duration_seconds_bucket{le=\"0.1\"} 8 # {} 0.054\n"
        "rpc_duration_seconds_bucket{le=\"1\"} 11 # {trace_id=\"KOO5S4vxi0o\"} 0.67\n"
        "rpc_duration_seconds_bucket{le=\"+Inf\"} 17 1520879607.789 "
        "# {trace_id=\"oHg5SJYRHA0\",span_id=\"}\"} 9.8 1520879607.7891\n"
        "# TYPE orders counter\n"
        "orders_total{venue=\"x } \\\" y\"} 1e3 1.5\n"
        "orders_created{venue=\"x } \\\" y\"} 1520872607.123\n"
        "# HELP \"quoted.name\" \n"
        "{\"quoted.name\",\"a b\"=\"c\"} NaN\n"
        "foo{} -Inf -1.9999\n"
        "# EOF\n";

static enum openmetrics_kind next(struct openmetrics *reader, struct openmetrics_entry *entry)
{
        struct error err = {0};
        enum openmetrics_kind kind = openmetrics_next(reader, STR_LIT(""), entry, &err);

        if (kind == OPENMETRICS_ERROR)
                fail_msg("%s", err.text);
        return kind;
}

static void test_metadata(void **state)
{
        struct openmetrics reader = openmetrics_make(STR_LIT(body));
        struct openmetrics_entry entry;
        struct arena arena;

        (void)state;
        arena_init(&arena, 1 << 20);
        assert_int_equal(next(&reader, &entry), OPENMETRICS_TYPE);
        assert_str(entry.name, "rpc_duration_seconds");
        assert_str(entry.text, "histogram");
        assert_int_equal(next(&reader, &entry), OPENMETRICS_UNIT);
        assert_str(entry.text, "seconds");
        assert_int_equal(next(&reader, &entry), OPENMETRICS_HELP);
        assert_str(openmetrics_help(&arena, entry.text), "The time \"calls\" take,\nin seconds.");
        arena_release(&arena);
}

static void test_samples(void **state)
{
        struct openmetrics reader = openmetrics_make(STR_LIT(body));
        struct openmetrics_entry entry;

        (void)state;
        for (int i = 0; i < 3; i++)
                next(&reader, &entry);
        assert_int_equal(next(&reader, &entry), OPENMETRICS_SAMPLE);
        assert_str(entry.series, "rpc_duration_seconds_bucket{le=\"0.1\"}");
        assert_str(entry.exemplar, "{}");
        assert_true(entry.value == 8 && entry.exemplar_value == 0.054);
        assert_false(entry.has_timestamp || entry.exemplar_has_timestamp);
        next(&reader, &entry);
        assert_str(entry.exemplar, "{trace_id=\"KOO5S4vxi0o\"}");
        next(&reader, &entry);
        assert_str(entry.exemplar, "{trace_id=\"oHg5SJYRHA0\",span_id=\"}\"}");
        assert_true(entry.has_timestamp && entry.t_ms == 1520879607789);
        assert_true(entry.exemplar_has_timestamp && entry.exemplar_t_ms == 1520879607789);
        assert_int_equal(next(&reader, &entry), OPENMETRICS_TYPE);
        assert_int_equal(next(&reader, &entry), OPENMETRICS_SAMPLE);
        assert_str(entry.series, "orders_total{venue=\"x } \\\" y\"}");
        assert_true(entry.value == 1000 && entry.t_ms == 1500 && entry.exemplar.len == 0);
        next(&reader, &entry);
        assert_true(entry.value == 1520872607.123 && !entry.has_timestamp);
        assert_int_equal(next(&reader, &entry), OPENMETRICS_HELP);
        assert_str(entry.name, "quoted.name");
        assert_str(entry.text, "");
        next(&reader, &entry);
        assert_str(entry.series, "{\"quoted.name\",\"a b\"=\"c\"}");
        assert_true(isnan(entry.value));
        assert_int_equal(reader.line, 11);
        next(&reader, &entry);
        assert_true(isinf(entry.value) && entry.t_ms == -1999);
        assert_int_equal(next(&reader, &entry), OPENMETRICS_END);
}

/* A guess of what comes next, right or wrong, changes nothing. */
static void test_expected(void **state)
{
        static const char *const guesses[] = {"a{b=\"c d\"}", "a", "a{}", "a{b=\"c d\"}}"};
        struct error err;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(guesses); i++) {
                struct openmetrics reader = openmetrics_make(STR_LIT("a{b=\"c d\"} 1\n# EOF"));
                struct openmetrics_entry entry;

                assert_int_equal(openmetrics_next(&reader, str_from(guesses[i]), &entry, &err),
                                 OPENMETRICS_SAMPLE);
                assert_str(entry.series, "a{b=\"c d\"}");
                assert_int_equal(openmetrics_next(&reader, STR_LIT(""), &entry, &err),
                                 OPENMETRICS_END);
        }
}

static void check_series(const char *series, const char *want)
{
        struct buf out CLEANUP(buf_release) = BUF_INIT(1 << 12);
        struct arena arena;
        struct labels_builder builder;
        struct error err;

        arena_init(&arena, 1 << 20);
        labels_builder_init(&builder, &arena, (struct labels){0});
        assert_ok(openmetrics_series(str_from(series), 10, &builder, &err), err);
        labels_format(&out, labels_builder_finish(&builder));
        assert_str(buf_str(&out), want);
        arena_release(&arena);
}

static void test_series(void **state)
{
        (void)state;
        check_series("up", "up");
        check_series("up{}", "up");
        check_series("up{b=\"2\",a=\"1\",}", "up{a=\"1\", b=\"2\"}");
        check_series("up{a=\"\"}", "up");
        check_series("a:b{p=\"\\\\D\\\"\\n}\\d\"}", "a:b{p=\"\\\\D\\\"\\n}\\\\d\"}");
        check_series("{\"utf8.name\",\"a b\"=\"x\"}", "{\"utf8.name\", \"a b\"=\"x\"}");
        check_series("{a=\"1\",\"plain\"}", "plain{a=\"1\"}");
}

static void test_bad_series(void **state)
{
        static const char *const bad[] = {
                "{a=\"1\"}", "up{a=1}", "up{a\"1\"}", "up{a=\"1\" b=\"2\"}", "up{,}", "up {}",
                "up{a=\"1\",,}", "up{ a=\"1\"}", "up{a =\"1\"}", "up{a= \"1\"}", "{\"\"}",
                "up{a=\"1\",a=\"2\"}", "up{9a=\"1\"}", "up{\"x\"}", "up{a:b=\"1\"}",
                "up{a=\"\xff\"}", "{\"a\",\"b\"}", "up{\"\"=\"x\"}",
                "x{a=\"1\",b=\"1\",c=\"1\",d=\"1\",e=\"1\",f=\"1\",g=\"1\",h=\"1\",i=\"1\","
                "j=\"1\",k=\"1\"}",
        };
        struct arena arena;
        struct error err;

        (void)state;
        arena_init(&arena, 1 << 20);
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                struct labels_builder builder;

                labels_builder_init(&builder, &arena, (struct labels){0});
                if (openmetrics_series(str_from(bad[i]), 10, &builder, &err))
                        fail_msg("took %s", bad[i]);
        }
        arena_release(&arena);
}

static void test_exemplar_labels(void **state)
{
        struct labels_builder builder;
        struct labels labels;
        struct arena arena;
        struct error err;

        (void)state;
        arena_init(&arena, 1 << 20);
        labels_builder_init(&builder, &arena, (struct labels){0});
        assert_ok(openmetrics_exemplar(STR_LIT("{b=\"2\",\"a.b\"=\"\\\"\"}"), 10, &builder, &err),
                  err);
        labels = labels_builder_finish(&builder);
        assert_int_equal(labels.count, 2);
        assert_str(labels.items[0].name, "a.b");
        assert_str(labels.items[0].value, "\"");
        labels_builder_init(&builder, &arena, (struct labels){0});
        assert_false(openmetrics_exemplar(STR_LIT("{\"name\"}"), 10, &builder, &err));
        arena_release(&arena);
}

/* Each is refused by Prometheus's parser; some of them its own tests have. */
static void test_bad_bodies(void **state)
{
        static const char *const bad[] = {
                "",
                "\n# EOF\n",
                "a 1\n",
                "a 1",
                "a\n# EOF\n",
                "a \n# EOF\n",
                "a  1\n# EOF\n",
                "a 1 \n# EOF\n",
                "a\t1\n# EOF\n",
                " a 1\n# EOF\n",
                "a 1 2 3\n# EOF\n",
                "a 1 NaN\n# EOF\n",
                "a 1 +Inf\n# EOF\n",
                "a 0x1p-3\n# EOF\n",
                "a 1_000\n# EOF\n",
                "a 1e999\n# EOF\n",
                "a{b=\"c 1\n# EOF\n",
                "9 1\n# EOF\n",
                "# EOF\n\n",
                "# EOF\na 1\n",
                "# EOFx",
                "#EOF\n",
                "# comment\n# EOF\n",
                "#\n# EOF\n",
                "# TYPE \n# EOF\n",
                "# TYPE a\n# EOF\n",
                "# TYPE a \n# EOF\n",
                "# TYPE a untyped\n# EOF\n",
                "# TYPE a counter \n# EOF\n",
                "# TYPE  a counter\n# EOF\n",
                "# HELP a\n# EOF\n",
                "# HELP a \xff\n# EOF\n",
                "# UNIT a seconds\n# EOF\n",
                "# UNIT seconds seconds\n# EOF\n",
                "# UNIT aseconds seconds\n# EOF\n",
                "a 1 # {b=\"c\"}\n# EOF\n",
                "a 1 # {b=\"c\" 1\n# EOF\n",
                "a 1 # {b=\"c\"} x\n# EOF\n",
                "a 1 # {b=\"c\"} 1 NaN\n# EOF\n",
                "a 1 # {b=\"c\"} 1 2 3\n# EOF\n",
                "a 1 #{b=\"c\"} 1\n# EOF\n",
                "a 1  # {b=\"c\"} 1\n# EOF\n",
                "a 1 # b=\"c\" 1\n# EOF\n",
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                struct openmetrics reader = openmetrics_make(str_from(bad[i]));
                struct openmetrics_entry entry;
                enum openmetrics_kind kind;
                struct error err;

                do
                        kind = openmetrics_next(&reader, STR_LIT(""), &entry, &err);
                while (kind != OPENMETRICS_END && kind != OPENMETRICS_ERROR);
                if (kind == OPENMETRICS_END)
                        fail_msg("took %s", bad[i]);
                assert_memory_equal(err.text, "line ", 5);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_metadata),        cmocka_unit_test(test_samples),
                cmocka_unit_test(test_expected),        cmocka_unit_test(test_series),
                cmocka_unit_test(test_bad_series),      cmocka_unit_test(test_exemplar_labels),
                cmocka_unit_test(test_bad_bodies),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "formats/prom_text.h"

#include <math.h>

#include "testing/unit.h"

static const char body[] =
        "# HELP http_requests_total The total number of HTTP requests.\n"
        "# TYPE http_requests_total counter\n"
        "http_requests_total{method=\"post\",code=\"200\"} 1027 1395066363000\n"
        "http_requests_total{method=\"post\",code=\"400\"}    3 1395066363000\r\n"
        "\n"
        "# just a comment\n"
        "msdos_file_access_time_seconds{path=\"C:\\\\DIR\\\\FILE.TXT\",error=\"Cannot find "
        "file:\\n\\\"FILE.TXT\\\"}\"} 1.458255915e9\n"
        "metric_without_timestamp_and_labels 12.47\n"
        "something_weird{problem=\"division by zero\"} +Inf -3982045\n"
        "{\"utf8.name\",\"a b\"=\"x\"} NaN";

/* The example of the format's specification, read to the end. */
static void test_read_all(void **state)
{
        struct prom_text reader = prom_text_make(STR_LIT(body));
        struct prom_text_entry entry;
        struct error err;

        (void)state;
        assert_int_equal(prom_text_next(&reader, STR_LIT(""), &entry, &err), PROM_TEXT_HELP);
        assert_str(entry.name, "http_requests_total");
        assert_str(entry.text, "The total number of HTTP requests.");
        assert_int_equal(prom_text_next(&reader, STR_LIT(""), &entry, &err), PROM_TEXT_TYPE);
        assert_str(entry.text, "counter");
        assert_int_equal(prom_text_next(&reader, STR_LIT(""), &entry, &err), PROM_TEXT_SAMPLE);
        assert_str(entry.series, "http_requests_total{method=\"post\",code=\"200\"}");
        assert_true(entry.value == 1027 && entry.has_timestamp && entry.t_ms == 1395066363000);
        assert_int_equal(prom_text_next(&reader, entry.series, &entry, &err), PROM_TEXT_SAMPLE);
        assert_str(entry.series, "http_requests_total{method=\"post\",code=\"400\"}");
        assert_true(entry.value == 3);
        assert_int_equal(prom_text_next(&reader, STR_LIT(""), &entry, &err), PROM_TEXT_SAMPLE);
        assert_true(entry.value == 1.458255915e9 && !entry.has_timestamp);
        assert_int_equal(reader.line, 7);
        assert_int_equal(prom_text_next(&reader, STR_LIT("metric_without"), &entry, &err),
                         PROM_TEXT_SAMPLE);
        assert_str(entry.series, "metric_without_timestamp_and_labels");
        assert_int_equal(prom_text_next(&reader, STR_LIT(""), &entry, &err), PROM_TEXT_SAMPLE);
        assert_true(isinf(entry.value) && entry.t_ms == -3982045);
        assert_int_equal(prom_text_next(&reader, STR_LIT(""), &entry, &err), PROM_TEXT_SAMPLE);
        assert_true(isnan(entry.value));
        assert_int_equal(prom_text_next(&reader, STR_LIT(""), &entry, &err), PROM_TEXT_END);
}

static void check_series(const char *series, const char *want)
{
        struct buf out CLEANUP(buf_release) = BUF_INIT(1 << 12);
        struct arena arena;
        struct labels_builder builder;
        struct error err;

        arena_init(&arena, 1 << 20);
        labels_builder_init(&builder, &arena, (struct labels){0});
        assert_ok(prom_text_series(str_from(series), 10, &builder, &err), err);
        labels_format(&out, labels_builder_finish(&builder));
        assert_str(buf_str(&out), want);
        arena_release(&arena);
}

static void test_series(void **state)
{
        (void)state;
        check_series("up", "up");
        check_series("up{}", "up");
        check_series("up { b = \"2\" , a=\"1\", }", "up{a=\"1\", b=\"2\"}");
        check_series("up{a=\"\"}", "up");
        check_series("x{p=\"C:\\\\D\\\"\\n}\"}", "x{p=\"C:\\\\D\\\"\\n}\"}");
        check_series("x{p=\"\\d\"}", "x{p=\"\\\\d\"}");
        check_series("{\"utf8.name\",\"a b\"=\"x\"}", "{\"utf8.name\", \"a b\"=\"x\"}");
        check_series("{\"plain\",a=\"1\"}", "plain{a=\"1\"}");
        check_series("up{a=\"1\" b=\"2\"c=\"3\"}", "up{a=\"1\", b=\"2\", c=\"3\"}");
}

static void test_bad_series(void **state)
{
        static const char *const bad[] = {
                "{a=\"1\"}",          "up{a=1}",        "up{a\"1\"}",     "up{a=\"1\",,}",
                "up{a=\"1\",a=\"2\"}", "9up",            "up{9a=\"1\"}",   "up{\"x\"}",
                "up{a=\"\xff\"}",     "up{,}",          "u-p",            "{\"\"}",
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
                if (prom_text_series(str_from(bad[i]), 10, &builder, &err))
                        fail_msg("took %s", bad[i]);
        }
        arena_release(&arena);
}

static void test_bad_lines(void **state)
{
        static const char *const bad[] = {"a", "a b", "a 1 x", "a 1 2 3", "a{b=\"c\" 1", "{ 1",
                                          "a 1e999", "a 1 99999999999999999999", " {}",
                                          "a 0x1p3", "a -0X1p3", "a 1_0",
                                          "# TYPE ", "# TYPE a", "# TYPE a ", "# TYPE a info",
                                          "# TYPE a  gauge", "# TYPE a gauge ", "# TYPE 9 gauge",
                                          "# HELP ", "# HELP 9 x", "# HELP a \xff", "# HELP \"a",
                                          "a{b=\"c\nd 1", "a{b=\"c\"\n} 1"};

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                struct prom_text reader = prom_text_make(str_from(bad[i]));
                struct prom_text_entry entry;
                struct error err;

                if (prom_text_next(&reader, STR_LIT(""), &entry, &err) != PROM_TEXT_ERROR)
                        fail_msg("took %s", bad[i]);
                assert_memory_equal(err.text, "line 1: ", 8);
        }
}

/* Comments that only look like metadata, and label values that hold newlines. */
static void test_odd_lines(void **state)
{
        struct prom_text reader = prom_text_make(STR_LIT("# HELP\n#TYPE a b\n# TYPES a b\n"
                                                         "# \tTYPE \"a.b\" summary\n"
                                                         "# HELP a\n"
                                                         "a{b=\"c\nd}\n\",e=\"\"} 1 2\nb 3\nc"));
        struct prom_text_entry entry;
        struct error err;

        (void)state;
        assert_int_equal(prom_text_next(&reader, STR_LIT(""), &entry, &err), PROM_TEXT_TYPE);
        assert_str(entry.name, "a.b");
        assert_int_equal(prom_text_next(&reader, STR_LIT(""), &entry, &err), PROM_TEXT_HELP);
        assert_str(entry.text, "");
        assert_int_equal(prom_text_next(&reader, STR_LIT(""), &entry, &err), PROM_TEXT_SAMPLE);
        assert_str(entry.series, "a{b=\"c\nd}\n\",e=\"\"}");
        assert_true(entry.value == 1 && entry.t_ms == 2);
        assert_int_equal(prom_text_next(&reader, STR_LIT(""), &entry, &err), PROM_TEXT_SAMPLE);
        assert_int_equal(reader.line, 9);
        assert_int_equal(prom_text_next(&reader, STR_LIT(""), &entry, &err), PROM_TEXT_ERROR);
        assert_memory_equal(err.text, "line 10: ", 9);
}

/* The bare name is expected, and the same name with labels comes. */
static void test_expected_name(void **state)
{
        struct prom_text reader = prom_text_make(STR_LIT("up {a=\"1\"} 2\n"));
        struct prom_text_entry entry;
        struct error err;

        (void)state;
        assert_int_equal(prom_text_next(&reader, STR_LIT("up"), &entry, &err), PROM_TEXT_SAMPLE);
        assert_str(entry.series, "up {a=\"1\"}");
        assert_true(entry.value == 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_read_all),
                cmocka_unit_test(test_series),
                cmocka_unit_test(test_bad_series),
                cmocka_unit_test(test_bad_lines),
                cmocka_unit_test(test_expected_name),
                cmocka_unit_test(test_odd_lines),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

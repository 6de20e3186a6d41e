#include "formats/otlp_name.h"

#include "testing/unit.h"

static const struct otlp_naming escaped = {.suffixes = true, .key_before_underscore = true,
                                           .keep_multiple_underscores = true};
static const struct otlp_naming bare = {.key_before_underscore = true,
                                        .keep_multiple_underscores = true};
static const struct otlp_naming utf8 = {.utf8 = true, .suffixes = true};

struct name_case {
        const struct otlp_naming *naming;
        const char *name, *unit;
        enum otlp_metric_kind kind;
        const char *expected;
};

/* From the compatibility page and from what Prometheus 3.14 answers. */
static void test_metrics(void **state)
{
        static const struct name_case cases[] = {
                {&escaped, "http.server.duration", "ms", OTLP_HISTOGRAM,
                 "http_server_duration_milliseconds"},
                {&escaped, "requests", "", OTLP_MONOTONIC, "requests_total"},
                {&escaped, "requests.total.seen", "", OTLP_MONOTONIC, "requests_seen_total"},
                {&escaped, "requests", "1", OTLP_MONOTONIC, "requests_total"},
                {&escaped, "cpu", "1", OTLP_GAUGE, "cpu_ratio"},
                {&escaped, "cpu", "1", OTLP_SUM, "cpu"},
                {&escaped, "through", "By/s", OTLP_GAUGE, "through_bytes_per_second"},
                {&escaped, "hits", "1/s", OTLP_GAUGE, "hits_per_second"},
                {&escaped, "hits", "{hit}/s", OTLP_GAUGE, "hits_per_second"},
                {&escaped, "hits", "By/{hit}", OTLP_GAUGE, "hits_bytes"},
                {&escaped, "time_seconds", "s", OTLP_GAUGE, "time_seconds"},
                {&escaped, "a__b..c", "x@y#", OTLP_GAUGE, "a_b_c_x_y_"},
                {&escaped, "9lives", "", OTLP_GAUGE, "_9lives"},
                {&escaped, "rule:sum", "d", OTLP_SUMMARY, "rule:sum_days"},
                {&escaped, "@#$", "", OTLP_GAUGE, ""},
                {&escaped, "", "", OTLP_GAUGE, ""},
                {&bare, "a__b..c.", "s", OTLP_MONOTONIC, "a__b_c"},
                {&bare, ".9", "s", OTLP_GAUGE, "_9"},
                {&bare, "___", "s", OTLP_GAUGE, "___"},
                {&bare, "..", "s", OTLP_GAUGE, ""},
                {&utf8, "fills.total", "By", OTLP_MONOTONIC, "fills_bytes_total"},
                {&utf8, "a.b", "1", OTLP_GAUGE, "a.b_ratio"},
                {&utf8, "caf\xc3\xa9", "ms", OTLP_GAUGE, "caf\xc3\xa9_milliseconds"},
                {&utf8, "rate.per_second", "By/s", OTLP_GAUGE, "rate_bytes_per_second"},
        };
        struct arena arena;

        (void)state;
        arena_init(&arena, 1 << 20);
        for (size_t i = 0; i < ARRAY_LEN(cases); i++)
                assert_str(otlp_metric_name(&arena, cases[i].naming, str_from(cases[i].name),
                                            str_from(cases[i].unit), cases[i].kind),
                           cases[i].expected);
        arena_release(&arena);
}

static void test_labels(void **state)
{
        static const struct otlp_naming collapsed = {0};
        static const struct {
                const struct otlp_naming *naming;
                const char *name, *expected;
        } cases[] = {
                {&escaped, "plain_1", "plain_1"},
                {&escaped, "http.method", "http_method"},
                {&escaped, "a..b__c", "a__b__c"},
                {&escaped, "1st", "key_1st"},
                {&escaped, "_hidden", "key_hidden"},
                {&escaped, "__own", "__own"},
                {&escaped, "\xe5\xad\x97\xe7\xac\xa6x", "__x"},
                {&escaped, "\xe5\xad\x97\xe7\xac\xa6", ""},
                {&escaped, "", ""},
                {&collapsed, "a..b__c", "a_b_c"},
                {&collapsed, "_hidden", "_hidden"},
                {&collapsed, "__own.._x__", "__own_x__"},
                {&utf8, "http.method", "http.method"},
        };
        struct arena arena;

        (void)state;
        arena_init(&arena, 1 << 20);
        for (size_t i = 0; i < ARRAY_LEN(cases); i++)
                assert_str(otlp_label_name(&arena, cases[i].naming, str_from(cases[i].name)),
                           cases[i].expected);
        arena_release(&arena);
}

static void test_units(void **state)
{
        static const char *const cases[][2] = {
                {"s", "seconds"}, {"By/s", "bytes_per_second"}, {"1", ""}, {"1/s", "per_second"},
                {"{x}", ""}, {"", ""}, {"a b", "a_b"}, {"m/m", "meters_per_minute"},
                {"%", "percent"},
        };
        struct arena arena;

        (void)state;
        arena_init(&arena, 1 << 20);
        for (size_t i = 0; i < ARRAY_LEN(cases); i++)
                assert_str(otlp_unit_name(&arena, str_from(cases[i][0])), cases[i][1]);
        arena_release(&arena);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_metrics),
                cmocka_unit_test(test_labels),
                cmocka_unit_test(test_units),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

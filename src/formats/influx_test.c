#include "formats/influx.h"

#include <stdio.h>

#include "testing/unit.h"

static void check_body(const char *body, const char *expected)
{
        struct buf out CLEANUP(buf_release) = BUF_INIT(1 << 16);
        struct influx_point point;
        enum influx_kind kind;
        struct influx reader;
        struct arena arena;
        struct error err;

        arena_init(&arena, 1 << 20);
        reader = influx_make(str_from(body), &arena);
        while ((kind = influx_next(&reader, &point, &err)) != INFLUX_END) {
                if (kind == INFLUX_BAD_LINE) {
                        buf_printf(&out, "%s\n", err.text);
                        continue;
                }
                buf_append_str(&out, point.measurement);
                labels_format(&out, point.tags);
                for (size_t i = 0; i < point.field_count; i++)
                        buf_printf(&out, " %.*s=%.17g", STR_ARG(point.fields[i].name),
                                   point.fields[i].value);
                if (point.has_time)
                        buf_printf(&out, " @%lld", (long long)point.time);
                buf_append_byte(&out, '\n');
        }
        assert_str(buf_str(&out), expected);
        arena_release(&arena);
}

/* The examples of InfluxData's reference. */
static void test_reference(void **state)
{
        (void)state;
        check_body("measurementName,tagKey=tagValue fieldKey=\"fieldValue\" 1465839830100400200\n",
                   "measurementName{tagKey=\"tagValue\"} @1465839830100400200\n");
        check_body("myMeasurement,tag1=value1,tag2=value2 fieldKey=1.0,a=-1.25e+78,b=2i,"
                   "c=12485903u,d=t,e=FALSE",
                   "myMeasurement{tag1=\"value1\", tag2=\"value2\"} fieldKey=1 "
                   "a=-1.25e+78 b=2 c=12485903 d=1 e=0\n");
        check_body("my\\ Measurement fieldKey=\"string value\",n=1",
                   "my Measurement{} n=1\n");
        check_body("myMeasurement,tag\\ Key1=tag\\ Value1,tag\\ Key2=tag\\ Value2 fieldKey=100",
                   "myMeasurement{\"tag Key1\"=\"tag Value1\", \"tag Key2\"=\"tag Value2\"} "
                   "fieldKey=100\n");
        check_body("weather,location=us\\,midwest temperature=82 1465839830100400200",
                   "weather{location=\"us,midwest\"} temperature=82 @1465839830100400200\n");
        check_body("weather,location\\ place=us-midwest temp\\=rature=82",
                   "weather{\"location place\"=\"us-midwest\"} temp=rature=82\n");
        check_body("# a comment\n\nweather t=\"too \\\"hot\\\", = \\\\\",u=1 -5\r\n",
                   "weather{} u=1 @-5\n");
}

static void test_lines(void **state)
{
        (void)state;
        check_body("a x=1 1\nb x=2 2\n", "a{} x=1 @1\nb{} x=2 @2\n");
        check_body("a s=\"one\ntwo\",x=1\nb x=2", "a{} x=1\nb{} x=2\n");
        check_body("a,t=1,t=2 x=1", "a{t=\"2\"} x=1\n");
        check_body("a\"b c=1\nd e=1", "a\"b{} c=1\nd{} e=1\n");
        check_body("a  x=1   7  ", "a{} x=1 @7\n");
}

static void test_malformed(void **state)
{
        static const char *const cases[][2] = {
                {"a", "missing fields"},
                {"a ", "missing fields"},
                {",t=1 x=1", "missing measurement"},
                {"a,t x=1", "missing tag key or value"},
                {"a,=1 x=1", "missing tag key or value"},
                {"a x", "missing field key or value"},
                {"a =1", "missing field key or value"},
                {"a x=", "invalid field value"},
                {"a x=1,", "missing field key or value"},
                {"a x=1e", "invalid field value"},
                {"a x=1.5i", "invalid field value"},
                {"a x=-1u", "invalid field value"},
                {"a x=inf", "invalid field value"},
                {"a x=0x10", "invalid field value"},
                {"a x=\"1", "unbalanced quotes"},
                {"a x=\"1\"2", "invalid field format"},
                {"a x=1 y", "bad timestamp"},
                {"a x=1 1 2", "bad timestamp"},
                {"a x=1 9223372036854775808", "bad timestamp"},
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                char body[128], expected[128];

                snprintf(body, sizeof(body), "%s\nb x=1", cases[i][0]);
                snprintf(expected, sizeof(expected), "line 1: %s\nb{} x=1\n", cases[i][1]);
                check_body(body, expected);
        }
        check_body("a x=1 9223372036854775807\na x=1 -9223372036854775808",
                   "a{} x=1 @9223372036854775807\na{} x=1 @-9223372036854775808\n");
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_reference),
                cmocka_unit_test(test_lines),
                cmocka_unit_test(test_malformed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "codec/json_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Everything in a text, in the order it is read. */
static void print_value(struct json_reader *j, struct buf *out)
{
        struct str key, number;

        switch (json_reader_peek(j)) {
        case JSON_OBJECT:
                buf_append_byte(out, '{');
                for (json_reader_enter(j, JSON_OBJECT); json_reader_key(j, &key);) {
                        buf_printf(out, "%.*s=", STR_ARG(key));
                        print_value(j, out);
                }
                buf_append_byte(out, '}');
                break;
        case JSON_ARRAY:
                buf_append_byte(out, '[');
                for (json_reader_enter(j, JSON_ARRAY); json_reader_item(j);)
                        print_value(j, out);
                buf_append_byte(out, ']');
                break;
        case JSON_STRING:
                json_reader_string(j, out);
                buf_append_byte(out, ';');
                break;
        case JSON_NUMBER:
                number = json_reader_number(j);
                buf_printf(out, "%.*s;", STR_ARG(number));
                break;
        case JSON_BOOL:
                buf_printf(out, "%d;", json_reader_bool(j));
                break;
        case JSON_NULL:
                json_reader_skip(j);
                buf_append_cstr(out, "null;");
                break;
        }
}

static void check_text(const char *text, const char *expected)
{
        struct buf out CLEANUP(buf_release) = BUF_INIT(1 << 20);
        struct json_reader j = json_reader_make(str_from(text));

        print_value(&j, &out);
        buf_append_cstr(&out, "");
        assert_string_equal(json_reader_done(&j) ? out.data : "error", expected);
        /* Who skips it sees the same end. */
        j = json_reader_make(str_from(text));
        json_reader_skip(&j);
        assert_int_equal(json_reader_done(&j), strcmp(expected, "error") != 0);
}

static void test_values(void **state)
{
        (void)state;
        check_text(" {\"a\" : [1, -2.5e+3,\t\"x\"] ,\"b\":{} , \"c\":[]}\n",
                   "{a=[1;-2.5e+3;x;]b={}c=[]}");
        check_text("[true,false,null,0,-0]", "[1;0;null;0;-0;]");
        check_text("\"\"", ";");
        check_text("{\"\\u0061\\n\":1}", "{a\n=1;}");
}

static void test_escapes(void **state)
{
        (void)state;
        check_text("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t;");
        check_text("\"\\u00e9\\u20ac\\ud83d\\ude00\"", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80;");
        check_text("\"\\ud83d.\\ude00\"", "\xef\xbf\xbd.\xef\xbf\xbd;");
        check_text("\"\\ud83d\\u0041\"", "\xef\xbf\xbd" "A;");
}

static void test_malformed(void **state)
{
        static const char *const texts[] = {
                "", "{", "[1", "[1,]", "{\"a\":1,}", "{,}", "[,1]", "{\"a\"}", "{\"a\" 1}",
                "{a:1}", "[1 2]", "1 2", "01", "1.", ".5", "+1", "1e", "-", "tru", "nul", "truex",
                "\"", "\"\\", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\n\"", "\"\xff\"",
                "{\"\xff\":1}", "[}", "{]", "}", "]", "NaN",
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(texts); i++)
                check_text(texts[i], "error");
}

static void check_depth(size_t depth, bool ok)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(1 << 20);
        struct json_reader j;

        for (size_t i = 0; i < depth; i++)
                buf_append_byte(&text, '[');
        for (size_t i = 0; i < depth; i++)
                buf_append_byte(&text, ']');
        j = json_reader_make(buf_str(&text));
        json_reader_skip(&j);
        assert_int_equal(json_reader_done(&j), ok);
}

static void test_depth(void **state)
{
        (void)state;
        check_depth(128, true);
        check_depth(129, false);
        check_depth(100000, false);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_values),
                cmocka_unit_test(test_escapes),
                cmocka_unit_test(test_malformed),
                cmocka_unit_test(test_depth),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

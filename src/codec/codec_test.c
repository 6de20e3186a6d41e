/* codec comes before testing/, so its tests stand on cmocka alone. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "codec/digest.h"
#include "codec/double.h"
#include "codec/gzip.h"
#include "codec/json.h"
#include "codec/quote.h"
#include "codec/regex.h"
#include "codec/yaml.h"

/* Value, FormatFloat 'f' -1, 'g' -1, and Prometheus's JSON choice of the two, by Go 1.26. */
static const struct {
        double v;
        const char *f, *g, *api;
} go_spellings[] = {
        {0x0p+00, "0", "0", "0"},
        {0x1p+00, "1", "1", "1"},
        {-0x1p+00, "-1", "-1", "-1"},
        {0x1.999999999999ap-04, "0.1", "0.1", "0.1"},
        {0x1.8p+00, "1.5", "1.5", "1.5"},
        {0x1.9p+06, "100", "100", "100"},
        {0x1.e848p+19, "1000000", "1e+06", "1000000"},
        {0x1.d6f3454p+26, "123456789", "1.23456789e+08", "123456789"},
        {0x1.5af1d78b58c4p+66, "100000000000000000000", "1e+20", "100000000000000000000"},
        {0x1.b1ae4d6e2ef5p+69, "1000000000000000000000", "1e+21", "1e+21"},
        {0x1.4542ba12a337cp+70, "1500000000000000000000", "1.5e+21", "1.5e+21"},
        {0x1.0f0cf064dd592p+73, "10000000000000000000000", "1e+22", "1e+22"},
        {0x1.a36e2eb1c432dp-14, "0.0001", "0.0001", "0.0001"},
        {0x1.4f8b588e368f1p-17, "0.00001", "1e-05", "0.00001"},
        {0x1.a36371ea531a8p-14, "0.00009999", "9.999e-05", "0.00009999"},
        {0x1.0c6f7a0b5ed8dp-20, "0.000001", "1e-06", "0.000001"},
        {0x1.ad7f29abcaf48p-24, "0.0000001", "1e-07", "1e-07"},
        {0x1.08ffde1023e12p-23, "0.0000001234", "1.234e-07", "1.234e-07"},
        {0x1.3333333333334p-02, "0.30000000000000004", "0.30000000000000004",
         "0.30000000000000004"},
        {0x1.5651252f1fbe7p+30, "1435781451.781", "1.435781451781e+09", "1435781451.781"},
        {0x1p-52, "0.0000000000000002220446049250313", "2.220446049250313e-16",
         "2.220446049250313e-16"},
        {0x1.78c29dccccccdp+23, "12345678.9", "1.23456789e+07", "12345678.9"},
        {0x1.c6bf52634p+49, "1000000000000000", "1e+15", "1000000000000000"},
        {0x1.1c37937e08p+53, "10000000000000000", "1e+16", "10000000000000000"},
        {0x1.6345785d8ap+56, "100000000000000000", "1e+17", "100000000000000000"},
        {0x1.b69b4ba630f35p+56, "123456789012345680", "1.2345678901234568e+17",
         "123456789012345680"},
        {0x1.0c6f7a0b5ed8dp-20, "0.000001", "1e-06", "0.000001"},
        {0x1.0c689ad36862ep-20, "0.0000009999", "9.999e-07", "9.999e-07"},
        {0x1.921fb54442d18p+01, "3.141592653589793", "3.141592653589793", "3.141592653589793"},
};

static void test_double_format(void **state)
{
        char text[DOUBLE_TEXT_MAX];

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(go_spellings); i++) {
                double_format(text, go_spellings[i].v, DOUBLE_F);
                assert_string_equal(text, go_spellings[i].f);
                double_format(text, go_spellings[i].v, DOUBLE_G);
                assert_string_equal(text, go_spellings[i].g);
                double_format(text, go_spellings[i].v, DOUBLE_API);
                assert_string_equal(text, go_spellings[i].api);
        }
        double_format(text, -INFINITY, DOUBLE_API);
        assert_string_equal(text, "-Inf");
        double_format(text, NAN, DOUBLE_F);
        assert_string_equal(text, "NaN");
        assert_int_equal(double_format(text, -5e-324, DOUBLE_F), 327);
}

static void test_double_parse(void **state)
{
        static const char *const bad[] = {"",    " 1",  "1 ",   "0x10", "1_000", "nan(1)", "--1",
                                          "1e",  ".",   "e5",   "+",    "1e400", "infin",  "0x",
                                          "1.2.3", "-+1", "1.2345678901234567e5."};
        double v;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(go_spellings); i++) {
                assert_true(double_parse(str_from(go_spellings[i].f), &v));
                assert_true(v == go_spellings[i].v);
                assert_true(double_parse(str_from(go_spellings[i].g), &v));
                assert_true(v == go_spellings[i].v);
        }
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                if (double_parse(str_from(bad[i]), &v))
                        fail_msg("took \"%s\"", bad[i]);
        assert_true(double_parse(STR_LIT("+Inf"), &v) && isinf(v) && v > 0);
        assert_true(double_parse(STR_LIT("-infinity"), &v) && isinf(v) && v < 0);
        assert_true(double_parse(STR_LIT("nAn"), &v) && isnan(v));
        assert_true(double_parse(STR_LIT("0x1p-2"), &v) && v == 0.25);
        assert_true(double_parse(STR_LIT("-0"), &v) && v == 0 && signbit(v));
        assert_true(double_parse(STR_LIT("9007199254740993"), &v) && v == 9007199254740992.0);
        /* More digits than an integer of 64 bits holds, and the ends of the range. */
        assert_true(double_parse(STR_LIT("3.14159265358979323846"), &v) &&
                    v == 0x1.921fb54442d18p+1);
        assert_true(double_parse(STR_LIT("+314159265358979323846e-20"), &v) &&
                    v == 0x1.921fb54442d18p+1);
        assert_true(double_parse(STR_LIT("-.30000000000000004441"), &v) &&
                    v == -0x1.3333333333334p-2);
        assert_true(double_parse(STR_LIT("1.7976931348623157e308"), &v) && v == DBL_MAX);
        assert_false(double_parse(STR_LIT("1.7976931348623159e308"), &v));
        assert_true(double_parse(STR_LIT("2.4703282292062328e-324"), &v) && v == 0x1p-1074);
        assert_true(double_parse(STR_LIT("2e-324"), &v) && v == 0);
}

/* Short decimals are written as they were meant: printf has all the digits that there are. */
static void test_double_format_short(void **state)
{
        uint64_t random = 88172645463325252u;

        (void)state;
        for (int i = 0; i < 300000; i++) {
                char text[DOUBLE_TEXT_MAX], want[64];
                int places = i % 8, len;
                double v;

                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                v = (double)(int64_t)(random % 1000000000000000u >> i / 8 % 48) / pow(10, places);
                if (v < 1e-6)
                        continue;
                len = snprintf(want, sizeof(want), "%s%.*f", i & 8 ? "-" : "", places, v);
                while (places && want[len - 1] == '0')
                        len--;
                len -= places && want[len - 1] == '.';
                want[len] = '\0';
                assert_int_equal(double_format(text, i & 8 ? -v : v, DOUBLE_API), len);
                assert_string_equal(text, want);
        }
}

/* Random doubles survive the round trip bit for bit. */
static void test_double_round_trip(void **state)
{
        uint64_t random = 88172645463325252u;
        char text[DOUBLE_TEXT_MAX];

        (void)state;
        for (int i = 0; i < 200000; i++) {
                double v, back;

                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                memcpy(&v, &random, sizeof(v));
                if (isnan(v) || isinf(v))
                        continue;
                assert_true(double_parse(str_make(text, double_format(text, v, DOUBLE_API)),
                                         &back));
                assert_memory_equal(&v, &back, sizeof(v));
        }
}

static struct regex *compile(const char *pattern, enum regex_anchor anchor)
{
        struct regex *regex;
        struct error err;

        if (!regex_new(&regex, str_from(pattern), anchor, &err))
                fail_msg("%s", err.text);
        return regex;
}

static void test_regex_match(void **state)
{
        struct regex *regex = compile("ba[rz].*", REGEX_FULL);
        struct error err;

        (void)state;
        assert_true(regex_match(regex, STR_LIT("bar\nfoo")));
        assert_false(regex_match(regex, STR_LIT("xbar")));
        regex_free(regex);
        assert_false(regex_new(&regex, STR_LIT("a\\Cb"), REGEX_FULL, &err));
        assert_false(regex_new(&regex, STR_LIT("a(b"), REGEX_FULL, &err));
        assert_int_equal(err.code, ERROR_INVALID);
        regex = compile("(a+)+$", REGEX_FULL); /* exponential elsewhere */
        assert_false(regex_match(regex, STR_LIT("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab")));
        regex_free(regex);
}

static void check_expand(const char *pattern, const char *text, const char *replacement,
                         const char *want)
{
        struct buf out CLEANUP(buf_release) = BUF_INIT(1 << 10);
        struct regex *regex = compile(pattern, REGEX_FULL);

        assert_true(regex_expand(regex, str_from(text), str_from(replacement), &out));
        assert_string_equal(out.data ? out.data : "", want);
        regex_free(regex);
}

/* Rules and examples of Go's documentation of Regexp.Expand. */
static void test_regex_expand(void **state)
{
        (void)state;
        check_expand("(.*)-(.*)", "a-b", "$2:$1", "b:a");
        check_expand("(?P<x>.*)-(?<y>.*)", "a-b", "${y}_${x}", "b_a");
        check_expand("(.*)", "v", "$1x", "");
        check_expand("(.*)", "v", "${1}x", "vx");
        check_expand("(.*)", "v", "$$1 $", "$1 $");
        check_expand("(a)|(b)", "b", "[$1$2$3$0]", "[bb]");
}

static void test_json_writer(void **state)
{
        struct buf out CLEANUP(buf_release) = BUF_INIT(1 << 10);
        struct json_writer w = json_writer_make(&out);

        (void)state;
        json_object_begin(&w);
        json_key(&w, "a\"b");
        json_string(&w, STR_LIT("tab\there \x01 \xff \xe2\x82\xac </x>"));
        json_key(&w, "list");
        json_array_begin(&w);
        json_int(&w, -5);
        json_bool(&w, true);
        json_null(&w);
        json_array_end(&w);
        json_object_end(&w);
        assert_string_equal(out.data, "{\"a\\\"b\":\"tab\\there \\u0001 \xef\xbf\xbd "
                                      "\xe2\x82\xac </x>\",\"list\":[-5,true,null]}");
}

static void test_json_parse(void **state)
{
        static const char *const bad[] = {"", "{", "[1,]", "{\"a\":1} x", "nul", "\"\xff\""};
        struct arena arena;
        struct buf many CLEANUP(buf_release) = BUF_INIT(1 << 20);
        struct json_value *value;
        struct error err;

        (void)state;
        arena_init(&arena, 1 << 20);
        assert_true(json_parse(&arena, STR_LIT("{\"a\":[1.5,\"x\\u00e9\",null],\"b\":true}"),
                               &value, &err));
        assert_true(json_find(value, "a")->first->number == 1.5);
        assert_true(str_is(json_find(value, "a")->first->next->text, "x\xc3\xa9"));
        assert_true(json_find(value, "b")->boolean);
        assert_null(json_find(value, "c"));
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_false(json_parse(&arena, str_from(bad[i]), &value, &err));
        arena_release(&arena);
        arena_init(&arena, 1 << 20);
        for (int i = 0; i < 50000; i++)
                buf_append_cstr(&many, i ? ",0" : "[0");
        buf_append_byte(&many, ']');
        assert_false(json_parse(&arena, buf_str(&many), &value, &err));
        assert_int_equal(err.code, ERROR_LIMIT);
        assert_true(arena.used_bytes < 4 << 20);
        arena_release(&arena);
}

static struct yaml_node *parse_yaml(struct arena *arena, const char *text)
{
        struct yaml_node *root;
        struct error err;

        if (!yaml_parse(arena, "t.yml", str_from(text), &root, &err))
                fail_msg("%s", err.text);
        return root;
}

static void test_yaml_tree(void **state)
{
        struct arena arena;
        struct yaml_node *root;
        bool value;

        (void)state;
        arena_init(&arena, 1 << 20);
        root = parse_yaml(&arena, "base: &b {x: 1, y: 'true'}\n"
                                  "list:\n  - a\n  - ~\n"
                                  "merged:\n  <<: *b\n  x: 2\n");
        assert_true(str_is(yaml_find(yaml_find(root, "merged"), "x")->text, "2"));
        assert_true(str_is(yaml_find(yaml_find(root, "merged"), "y")->text, "true"));
        assert_false(yaml_to_bool(yaml_find(yaml_find(root, "merged"), "y"), &value));
        assert_int_equal(yaml_find(root, "list")->first->next->kind, YAML_NULL);
        assert_int_equal(yaml_find(root, "list")->first->line, 3);
        assert_int_equal(yaml_find(root, "list")->first->column, 5);
        assert_int_equal(parse_yaml(&arena, "")->kind, YAML_NULL);
        arena_release(&arena);
}

static void check_yaml_error(const char *text, const char *want)
{
        struct arena arena;
        struct yaml_node *root;
        struct error err;

        arena_init(&arena, 64 << 20);
        assert_false(yaml_parse(&arena, "t.yml", str_from(text), &root, &err));
        if (!strstr(err.text, want))
                fail_msg("got \"%s\", want \"%s\"", err.text, want);
        arena_release(&arena);
}

static void test_yaml_errors(void **state)
{
        struct buf bomb CLEANUP(buf_release) = BUF_INIT(1 << 16);

        (void)state;
        check_yaml_error("a: 1\nb: 2\na: 3\n", "t.yml:3:1: key \"a\" is already set on line 1");
        check_yaml_error("a: [1\nb: 2\n", "t.yml:2:");
        check_yaml_error("a: *nowhere\n", "t.yml:1:4: unknown anchor");
        check_yaml_error("a: 1\n---\nb: 1\n", "more than one document");
        buf_append_cstr(&bomb, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for (int i = 1; i < 9; i++)
                buf_printf(&bomb, "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i,
                           i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
        check_yaml_error(bomb.data, "document is too large");
        buf_clear(&bomb);
        for (int i = 0; i < 200; i++)
                buf_append_byte(&bomb, '[');
        check_yaml_error(bomb.data, "nested too deeply");
}

static void test_digest(void **state)
{
        static const uint8_t want[16] = {0x90, 0x01, 0x50, 0x98, 0x3c, 0xd2, 0x4f, 0xb0,
                                         0xd6, 0x96, 0x3f, 0x7d, 0x28, 0xe1, 0x7f, 0x72};
        uint8_t digest[16];

        (void)state;
        digest_md5(STR_LIT("abc"), digest); /* RFC 1321, appendix A.5 */
        assert_memory_equal(digest, want, sizeof(want));
}

static void test_gzip(void **state)
{
        struct buf out CLEANUP(buf_release) = BUF_INIT(1 << 16);
        struct buf small CLEANUP(buf_release) = BUF_INIT(4);
        struct error err;

        (void)state;
        assert_true(gzip_compress(STR_LIT("hello hello hello"), 6, &out, &err));
        assert_memory_equal(out.data, "\x1f\x8b\x08", 3);
        assert_false(gzip_compress(STR_LIT("hello hello hello"), 6, &small, &err));
        assert_int_equal(err.code, ERROR_LIMIT);
}

/* Text, strconv.Quote and strconv.QuoteToASCII of it, by Go 1.26. */
static const struct {
        struct str text;
        const char *quoted, *ascii;
} go_quotes[] = {
        {STR_LIT(""), "\"\"", "\"\""},
        {STR_LIT("a\"b\\'`"), "\"a\\\"b\\\\'`\"", "\"a\\\"b\\\\'`\""},
        {STR_LIT("\a\b\f\n\r\t\v"), "\"\\a\\b\\f\\n\\r\\t\\v\"", "\"\\a\\b\\f\\n\\r\\t\\v\""},
        {STR_LIT("\0\x1f\x7f"), "\"\\x00\\x1f\\x7f\"", "\"\\x00\\x1f\\x7f\""},
        {STR_LIT("\xff\xc3\xa9"), "\"\\xff\xc3\xa9\"", "\"\\xff\\u00e9\""},
        {STR_LIT("\xc2\xa0\xe2\x80\x8b"), "\"\\u00a0\\u200b\"", "\"\\u00a0\\u200b\""},
        {STR_LIT("\xf0\x9f\x98\x80"), "\"\xf0\x9f\x98\x80\"", "\"\\U0001f600\""},
};

static void test_quote(void **state)
{
        struct arena arena;

        (void)state;
        arena_init(&arena, 1 << 20);
        for (size_t i = 0; i < ARRAY_LEN(go_quotes); i++) {
                struct buf out CLEANUP(buf_release) = BUF_INIT(1000);
                struct str back;

                quote_append(&out, go_quotes[i].text);
                assert_true(str_is(buf_str(&out), go_quotes[i].quoted));
                assert_true(quote_parse(&arena, buf_str(&out), &back));
                assert_true(str_equal(back, go_quotes[i].text));
                buf_clear(&out);
                quote_append_ascii(&out, go_quotes[i].text);
                assert_true(str_is(buf_str(&out), go_quotes[i].ascii));
                assert_true(quote_parse(&arena, buf_str(&out), &back));
                assert_true(str_equal(back, go_quotes[i].text));
        }
        arena_release(&arena);
}

static void test_quote_parse(void **state)
{
        static const char *const bad[] = {"", "\"", "\"a", "a\"", "\"\\\"", "\"\\z\"", "\"\\x4\"",
                                          "\"\\ud800\"", "\"\\U00110000\"", "\"\\400\"", "\"\\'\""};
        struct arena arena;
        struct str text;

        (void)state;
        arena_init(&arena, 1 << 20);
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_false(quote_parse(&arena, str_from(bad[i]), &text));
        assert_true(quote_parse(&arena, STR_LIT("`a\\n\r`"), &text));
        assert_true(str_is(text, "a\\n"));
        assert_true(quote_parse(&arena, STR_LIT("'\\'\\101\\u00e9'"), &text));
        assert_true(str_is(text, "'A\xc3\xa9"));
        arena_release(&arena);
}

/* Pattern, text, replacement and Go's ReplaceAllString of them. */
static void test_regex_replace_all(void **state)
{
        static const char *const cases[][4] = {
                {"a(x*)b", "-ab-axxb-", "T", "-T-T-"},
                {"a(x*)b", "-ab-axxb-", "$1", "--xx-"},
                {"a(x*)b", "-ab-axxb-", "$1W", "---"},
                {"a(?P<1W>x*)b", "-ab-axxb-", "$1W", "--xx-"},
                {"x*", "abxd", "-", "-a-b-d-"},
                {"", "h\xc3\xa9", "-", "-h-\xc3\xa9-"},
                {"^", "ab", "<", "<ab"},
                {"b$|^a", "ab", "", ""},
                {"z", "", "-", ""},
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct buf out CLEANUP(buf_release) = BUF_INIT(1000);
                struct regex *regex;
                struct error err;

                assert_true(regex_new(&regex, str_from(cases[i][0]), REGEX_SEARCH, &err));
                regex_replace_all(regex, str_from(cases[i][1]), str_from(cases[i][2]), &out);
                if (!str_is(buf_str(&out), cases[i][3]))
                        fail_msg("%s: " STR_FMT, cases[i][0], STR_ARG(buf_str(&out)));
                regex_free(regex);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_double_format), cmocka_unit_test(test_double_parse),
                cmocka_unit_test(test_double_format_short),
                cmocka_unit_test(test_double_round_trip), cmocka_unit_test(test_regex_match),
                cmocka_unit_test(test_regex_expand), cmocka_unit_test(test_json_writer),
                cmocka_unit_test(test_quote), cmocka_unit_test(test_quote_parse),
                cmocka_unit_test(test_regex_replace_all),
                cmocka_unit_test(test_json_parse), cmocka_unit_test(test_yaml_tree),
                cmocka_unit_test(test_yaml_errors), cmocka_unit_test(test_digest),
                cmocka_unit_test(test_gzip),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "codec/json.h"
#include "promql/promql.h"

static const struct promql_features all_on = {true, true, true, true};

struct parsed {
        struct arena arena;
        const struct promql_expr *expr;
        struct error err;
        bool ok;
};

static struct parsed parse_with(const char *text, const struct promql_features *features)
{
        struct parsed parsed = {.err = {0}};

        arena_init(&parsed.arena, 64 << 20);
        parsed.ok = promql_expr_parse(&parsed.arena, str_from(text), features, &parsed.expr,
                                      &parsed.err);
        return parsed;
}

static void assert_error(const char *text, const char *message)
{
        struct parsed parsed = parse_with(text, NULL);

        if (parsed.ok)
                fail_msg("parsed, but should not: %s", text);
        assert_string_equal(parsed.err.text, message);
        arena_release(&parsed.arena);
}

static void assert_format(const char *text, const char *formatted)
{
        struct parsed parsed = parse_with(text, &all_on);
        struct buf out = BUF_INIT(1 << 20);

        if (!parsed.ok)
                fail_msg("%s: %s", text, parsed.err.text);
        promql_expr_format(&out, parsed.expr);
        assert_string_equal(out.data, formatted);
        buf_release(&out);
        arena_release(&parsed.arena);
}

static void precedence_and_association(void **state)
{
        (void)state;
        assert_format("1 + 2 * 3", "1 + 2 * 3");
        assert_format("-a^2", "-a ^ 2");
        assert_format("(a+b)*c", "(a + b) * c");
        assert_format("a unless b and c or d", "a unless b and c or d");
        assert_format("- 1", "-1");
        assert_format("sum(a) by(b,c)", "sum by (b, c) (a)");
        assert_format("sum without() (a)", "sum without () (a)");
        assert_format("SUM BY (job) (up)", "sum by (job) (up)");
        assert_format("1048576 + 100000 + 0x10 + 0.00001", "1.048576e+06 + 100000 + 16 + 1e-05");
        assert_format("5m * -1h", "5m * -1h");
}

static void selectors(void **state)
{
        (void)state;
        assert_format("a{c='d',b!~\"x\"}", "a{b!~\"x\",c=\"d\"}");
        assert_format("{__name__=\"a\"}", "{__name__=\"a\"}");
        assert_format("{\"my.metric\", \"label name\"=`x`}",
                      "{\"label name\"=\"x\",__name__=\"my.metric\"}");
        assert_format("a[1h30m:5m] @ 12.5 offset -1d", "a[1h30m:5m] @ 12.500 offset -1d");
        assert_format("a[300] @ end()", "a[5m] @ end()");
        assert_format("offset offset 5m", "offset offset 5m");
        assert_format("sum + by", "sum + by");
}

static void newer_grammar(void **state)
{
        (void)state;
        assert_format("a[5m+2*step()] offset (1m)", "a[5m + 2 * step()] offset (1m)");
        assert_format("rate(a[5m] anchored)", "rate(a[5m] anchored)");
        assert_format("a + fill_left(-1) b", "a + fill_left (-1) b");
        assert_format("a </ 5", "a </ 5");
        assert_format("limitk(2, a)", "limitk(2, a)");
        assert_format("info(a, {b=\"c\"})", "info(a, {b=\"c\"})");
        assert_format("a offset max_of(step(), 5m)", "a offset max_of(step(), 5m)");
}

static void syntax_errors(void **state)
{
        (void)state;
        assert_error("", "unknown position: parse error: no expression found in input");
        assert_error("# only", "1:1: parse error: no expression found in input");
        assert_error("foo bar", "1:5: parse error: unexpected identifier \"bar\"");
        assert_error("sum(foo bar)",
                     "1:9: parse error: unexpected identifier \"bar\" in aggregation");
        assert_error("sum some by (x)",
                     "1:5: parse error: unexpected identifier \"some\"");
        assert_error("(1", "1:3: parse error: unclosed left parenthesis");
        assert_error("1)", "1:3: parse error: unexpected right parenthesis ')'");
        assert_error("foo{a=1}",
                     "1:7: parse error: unexpected character inside braces: '1'");
        assert_error("foo{a}", "1:6: parse error: unexpected \"}\" in label matching, expected "
                               "label matching operator");
        assert_error("foo[5m", "1:7: parse error: unclosed left bracket");
        assert_error("foo[5mm]", "1:5: parse error: bad number or duration syntax: \"5mm\"");
        assert_error("foo offset bar", "1:12: parse error: unexpected identifier \"bar\" in "
                                       "offset, expected number, duration, step(), or range()");
        assert_error("a\n  b", "2:3: parse error: unexpected identifier \"b\"");
        assert_error("nosuch(a)", "1:1: parse error: unknown function with name \"nosuch\"");
        assert_error("rate(a[0s])", "1:8: parse error: duration must be greater than 0");
        assert_error("*1", "1:1: parse error: unexpected <op:*>");
        assert_error("sum(a, )", "1:6: parse error: trailing commas not allowed in function "
                                 "call args");
        assert_error("rate(a,[5m])", "1:7: parse error: trailing commas not allowed in function "
                                     "call args");
        assert_error("sum 5", "1:5: parse error: unexpected number \"5\"");
        assert_error("fill(0)", "1:5: parse error: unexpected \"(\"");
        assert_error("sum(rate(a[2*]))", "1:14: parse error: unexpected \"]\" in subquery or range "
                                         "selector, expected number, duration, step(), or range()");
        assert_error("no(such", "1:8: parse error: unclosed left parenthesis");
        assert_error("no(such(a))", "1:4: parse error: unknown function with name \"such\"");
        assert_error("sum(a, b))", "1:11: parse error: unexpected right parenthesis ')'");
        assert_error("a[[5m]", "1:3: parse error: unexpected character in duration expression: "
                               "'['");
        assert_error("a + on() group_left , b", "1:21: parse error: unexpected \",\" in grouping "
                                                "opts, expected \"(\"");
        assert_error("2ws", "1:1: parse error: unknown unit \"ws\" in duration \"2ws\"");
        assert_error(".5.5", "1:1: parse error: error parsing number: strconv.ParseFloat: parsing "
                             "\".5.5\": invalid syntax");
        assert_error("(1e]", "1:2: parse error: error parsing number: strconv.ParseFloat: parsing "
                             "\"1e\": invalid syntax");
        assert_error("a{__name__=~\"\\\\w\"}", "1:1: parse error: metric name must not be set "
                                                 "twice: \"a\" or \"\\\\w\"");
        assert_error("\"\\\x01\"", "1:1: parse error: unknown escape sequence U+0001");
        assert_error("a == 1e400", "1:6: parse error: error parsing number: strconv.ParseFloat: "
                                   "parsing \"1e400\": value out of range");
}

static void regex_errors(void **state)
{
        (void)state;
        assert_error("a{b=~\"(\"}", "1:3: parse error: error parsing regexp: missing closing ): "
                                    "`(`");
        assert_error("a{b=~\"x[y\"}", "1:3: parse error: error parsing regexp: missing closing ]: "
                                      "`[y`");
        assert_error("a{b=~\"*\"}", "1:3: parse error: error parsing regexp: missing argument to "
                                    "repetition operator: `*`");
        assert_error("a{b!~`\\`}", "1:3: parse error: error parsing regexp: trailing backslash "
                                   "at end of expression: ``");
        assert_error("a{b!~`\\C`}",
                     "1:3: parse error: error parsing regexp: invalid escape sequence: `\\C`");
}

static void type_errors(void **state)
{
        (void)state;
        assert_error("rate(a)", "1:6: parse error: expected type range vector in call to function "
                                "\"rate\", got instant vector");
        assert_error("sum(1)", "1:5: parse error: expected type instant vector in aggregation "
                               "expression, got scalar");
        assert_error("1 == 1", "1:3: parse error: comparisons between scalars must use BOOL "
                               "modifier");
        assert_error("a[5m] + 1", "1:1: parse error: binary expression must contain only scalar "
                                  "and instant vector types");
        assert_error("1 and a", "1:1: parse error: set operator \"and\" not allowed in binary "
                                "scalar expression");
        assert_error("a and on(b) group_left() c",
                     "1:1: parse error: no grouping allowed for \"and\" operation");
        assert_error("{}", "1:1: parse error: vector selector must contain at least one "
                           "non-empty matcher");
        assert_error("clamp(a, 1)",
                     "1:1: parse error: expected 3 argument(s) in call to \"clamp\", got 2");
        assert_error("foo offset 1m offset 2m",
                     "1:1: parse error: offset may not be set multiple times");
}

static void experimental_grammar_is_gated(void **state)
{
        (void)state;
        assert_error("mad_over_time(a[5m])",
                     "1:1: parse error: function \"mad_over_time\" is not enabled");
        assert_error("limitk(1, a)", "1:1: parse error: limitk() is experimental and must be "
                                     "enabled with "
                                     "--enable-feature=promql-experimental-functions");
        assert_error("rate(a[5m] anchored)", "1:6: parse error: anchored modifier is experimental "
                                             "and not enabled");
        assert_error("a + fill(0) b", "1:1: parse error: binop fill modifiers are experimental "
                                      "and not enabled");
}

static void hostile_nesting_is_an_error(void **state)
{
        static const char *const parts[] = {"(", "-", "abs(", "sum(", "a+(", "a[1m:", "a + "};
        struct buf text = BUF_INIT(1 << 20);

        (void)state;
        for (size_t p = 0; p < ARRAY_LEN(parts); p++) {
                struct parsed parsed;

                buf_clear(&text);
                for (int i = 0; i < 20000; i++)
                        buf_append_cstr(&text, parts[p]);
                buf_append_cstr(&text, "a");
                parsed = parse_with(text.data, &all_on);
                assert_false(parsed.ok);
                arena_release(&parsed.arena);
        }
        buf_release(&text);
}

static const char *conformance_file(const char *name)
{
        static char path[4096];
        const char *dir = getenv("PITWALL_CONFORMANCE"), *root = getenv("PITWALL_SOURCE_ROOT");

        if (dir)
                snprintf(path, sizeof(path), "%s/%s", dir, name);
        else
                snprintf(path, sizeof(path), "%s/../shared/conformance/%s", root ? root : ".",
                         name);
        return path;
}

static bool formats_as(const struct json_value *line)
{
        const struct json_value *expr = json_find(line, "expr");
        struct buf out = BUF_INIT(1 << 20);
        const struct promql_expr *parsed;
        struct arena arena;
        struct error err;
        bool ok;

        arena_init(&arena, 64 << 20);
        ok = promql_expr_parse(&arena, expr->text, NULL, &parsed, &err);
        if (!ok) {
                print_error("%s\n  %s\n", expr->text.data, err.text);
        } else {
                promql_expr_format_pretty(&out, parsed);
                ok = str_equal(buf_str(&out), json_find(line, "formatted")->text);
                if (!ok)
                        print_error("want:\n%s\ngot:\n%s\n",
                                    json_find(line, "formatted")->text.data, out.data);
        }
        buf_release(&out);
        arena_release(&arena);
        return ok;
}

static void dashboard_expressions_format_exactly(void **state)
{
        FILE *file = fopen(conformance_file("promql_expressions.jsonl"), "r");
        size_t capacity = 0, lines = 0, failures = 0;
        char *line = NULL;
        ssize_t len;

        (void)state;
        if (!file)
                skip();
        while ((len = getline(&line, &capacity, file)) > 0) {
                struct json_value *value;
                struct arena arena;
                struct error err;

                arena_init(&arena, 64 << 20);
                assert_true(json_parse(&arena, str_make(line, (size_t)len), &value, &err));
                lines++;
                failures += !formats_as(value);
                arena_release(&arena);
        }
        free(line);
        fclose(file);
        print_message("%zu expressions, %zu differ\n", lines, failures);
        assert_int_equal(failures, 0);
}

static void selector_for_series_matching(void **state)
{
        struct promql_selector selector;
        struct arena arena;
        struct error err;

        (void)state;
        arena_init(&arena, 1 << 20);
        assert_true(promql_selector_parse(&arena, STR_LIT("up{job=~\"a|b\"}"), &selector, &err));
        assert_int_equal(selector.count, 2);
        assert_false(promql_selector_parse(&arena, STR_LIT("up[5m]"), &selector, &err));
        assert_string_equal(err.text, "1:3: parse error: unexpected \"[\"");
        arena_release(&arena);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(precedence_and_association),
                cmocka_unit_test(selectors),
                cmocka_unit_test(newer_grammar),
                cmocka_unit_test(syntax_errors),
                cmocka_unit_test(regex_errors),
                cmocka_unit_test(type_errors),
                cmocka_unit_test(experimental_grammar_is_gated),
                cmocka_unit_test(hostile_nesting_is_an_error),
                cmocka_unit_test(dashboard_expressions_format_exactly),
                cmocka_unit_test(selector_for_series_matching),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The templates of tests/golden/template, which Go itself rendered, and what Go has not: limits and
 * Prometheus's functions, whose results are those of its documentation. */
#include "template/template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/file.h"
#include "codec/json.h"
#include "template/prometheus.h"
#include "template/time.h"

enum { OUTPUT_MAX_BYTES = 1 << 20 };

static const char *const t_fields[] = {"Name", "Value", "Labels", NULL};
static const struct template_type t_type = {
        .name = "main.T", .kind = TEMPLATE_STRUCT, .is_named = true, .fields = t_fields};
static const struct template_type t_list_type = {
        .name = "[]main.T", .kind = TEMPLATE_LIST, .element = &t_type};

static struct template_value text(const char *s)
{
        return template_from_str(str_from(s));
}

static struct template_value labels(struct arena *arena)
{
        struct template_entry *entries = arena_array(arena, struct template_entry, 3);

        entries[0] = (struct template_entry){STR_LIT("k2"), text("v2")};
        entries[1] = (struct template_entry){STR_LIT("k1"), text("v1")};
        entries[2] = (struct template_entry){STR_LIT("instance"), text("host-1.example.com:9100")};
        return template_from_map(&template_string_map, arena, entries, 3);
}

static struct template_value wrap(struct arena *arena, const char *key, struct template_value value)
{
        struct template_entry *entry = arena_new(arena, struct template_entry);

        *entry = (struct template_entry){str_from(key), value};
        return template_from_map(&template_any_map, arena, entry, 1);
}

static struct template_value make_list(struct arena *arena, const struct template_type *type,
                                       const struct template_value *items, size_t count)
{
        struct template_value *kept = arena_array(arena, struct template_value, count + 1);

        memcpy(kept, items, count * sizeof(*items));
        return template_from_list(type, arena, kept, count);
}

/* The data of tests/golden/template/generate.go. */
static struct template_value make_data(struct arena *arena)
{
        struct template_value *fields = arena_array(arena, struct template_value, 3);
        struct template_value list[] = {text("a"), text("b"), text("c d")};
        struct template_value nums[] = {template_from_int(1), template_from_float(2.5), text("x"),
                                        TEMPLATE_NO_VALUE};
        struct template_value t = {&t_type, .fields = fields}, ts[] = {t, t};
        int64_t at_ns = 1710061687123456789;
        const struct zone *new_york;
        struct error err;

        fields[0] = text("ann");
        fields[1] = template_from_float(1e6);
        fields[2] = labels(arena);
        assert_true(zone_open(STR_LIT("America/New_York"), &new_york, &err));
        struct template_entry entries[] = {
                {STR_LIT("s"), text("hello")},
                {STR_LIT("e"), text("")},
                {STR_LIT("n"), template_from_int(42)},
                {STR_LIT("neg"), template_from_int(-7)},
                {STR_LIT("f"), template_from_float(3.14159)},
                {STR_LIT("big"), template_from_float(1.5e21)},
                {STR_LIT("zero"), template_from_int(0)},
                {STR_LIT("b"), template_from_bool(true)},
                {STR_LIT("list"), make_list(arena, &template_string_list, list, 3)},
                {STR_LIT("nums"), make_list(arena, &template_any_list, nums, 4)},
                {STR_LIT("m"), labels(arena)},
                {STR_LIT("empty"), make_list(arena, &template_string_list, list, 0)},
                {STR_LIT("t"), template_from_unix_ns(arena, at_ns, NULL)},
                {STR_LIT("ny"), template_from_unix_ns(arena, at_ns, new_york)},
                {STR_LIT("d"), template_from_duration(5430500000000)},
                {STR_LIT("nil"), TEMPLATE_NO_VALUE},
                {STR_LIT("html"), text("<a href=\"x\">'&</a>")},
                {STR_LIT("nested"),
                 wrap(arena, "x", wrap(arena, "y", template_from_int(7)))},
                {STR_LIT("u"), text("h\u00e9llo w\u00f6rld \u20ac")},
                {STR_LIT("T"), t},
                {STR_LIT("Ts"), make_list(arena, &t_list_type, ts, 2)},
        };
        struct template_entry *kept = arena_array(arena, struct template_entry, ARRAY_LEN(entries));

        memcpy(kept, entries, sizeof(entries));
        return template_from_map(&template_any_map, arena, kept, ARRAY_LEN(entries));
}

/* What a template gives, and the error behind it, if any; in the arena. */
static struct str render(struct arena *arena, struct str source, struct template_value data,
                         struct template_prometheus *env, const char **ret_error)
{
        struct buf out CLEANUP(buf_release) = BUF_INIT(OUTPUT_MAX_BYTES);
        struct template_run run = {data, env, arena, &out};
        struct template_set *set = template_set_new();
        struct error err = {0};
        struct str result;
        bool good;

        template_set_add_functions(set, template_prometheus_functions);
        good = template_set_parse(set, STR_LIT("t"), source, &err) &&
               template_execute(set, STR_LIT("t"), &run, &err);
        assert_int_equal(good, err.text[0] == '\0');
        template_set_free(set);
        result = arena_str(arena, buf_str(&out));
        *ret_error = arena_str(arena, str_from(err.text)).data;
        return result;
}

static void test_golden(void **state)
{
        struct buf file CLEANUP(buf_release) = BUF_INIT(16 << 20);
        char path[4096];
        struct error err;
        struct str left, line;
        unsigned count = 0;

        (void)state;
        snprintf(path, sizeof(path), "%s/tests/golden/template/cases.jsonl",
                 getenv("PITWALL_SOURCE_ROOT"));
        assert_true(file_read_all(path, &file, &err));
        left = buf_str(&file);
        while (left.len && str_cut(&left, '\n', &line)) {
                const struct json_value *source, *output, *error;
                struct json_value *json;
                struct arena arena;
                const char *said;
                struct str got;

                arena_init(&arena, SIZE_MAX);
                assert_true(json_parse(&arena, line, &json, &err));
                source = json_find(json, "template");
                output = json_find(json, "output");
                error = json_find(json, "error");
                got = render(&arena, source->text, make_data(&arena), NULL, &said);
                if (!str_equal(got, output->text) ||
                    !str_is(error ? error->text : STR_LIT(""), said))
                        fail_msg(STR_FMT "\n  gives " STR_FMT "\n  and   %s", STR_ARG(line),
                                 STR_ARG(got), said);
                arena_release(&arena);
                count++;
        }
        assert_true(count >= 290);
}

/* ---- Prometheus's functions --------------------------------------------------------------- */

static bool answer(void *ctx, struct str expression, struct arena *arena,
                   struct template_value **ret_samples, size_t *ret_count, struct error *err)
{
        (void)ctx;
        if (!str_is(expression, "up"))
                return error_set(err, ERROR_EXECUTION, "no such thing");
        *ret_count = 2;
        *ret_samples = arena_array(arena, struct template_value, 2);
        for (size_t i = 0; i < 2; i++) {
                struct template_entry *entry = arena_array(arena, struct template_entry, 1);

                *entry = (struct template_entry){STR_LIT("job"), text(i ? "a" : "b")};
                (*ret_samples)[i] = template_prometheus_sample(
                        arena, template_from_map(&template_string_map, arena, entry, 1),
                        (double)i + 0.5);
        }
        return true;
}

static const struct {
        const char *source, *output, *error;
} functions[] = {
        {"{{humanize 1234567.0}} {{humanize 0.00012}} {{humanize 0.0}} {{humanize \"1e9\"}}",
         "1.235M 120u 0 1G", ""},
        {"{{humanize 999}} {{humanize 1000}} {{humanize -12345.678}}", "999 1k -12.35k", ""},
        {"{{humanize1024 1048576.0}} {{humanize1024 1000}} {{humanize1024 0.5}}", "1Mi 1000 0.5",
         ""},
        {"{{humanizeDuration 899.99}} {{humanizeDuration 3600}} {{humanizeDuration 86399.99}}",
         "14m 59s 1h 0m 0s 23h 59m 59s", ""},
        {"{{humanizeDuration 1.2345}} {{humanizeDuration 0.00012}} {{humanizeDuration -90061}}",
         "1.234s 120us -1d 1h 1m 1s", ""},
        {"{{humanizePercentage 0.1234567}}", "12.35%", ""},
        {"{{humanizeTimestamp 1435065584.128}}", "2015-06-23 13:19:44.128 +0000 UTC", ""},
        {"{{humanizeTimestamp \"NaN\"}} {{humanize \"+Inf\"}}", "NaN +Inf", ""},
        {"{{(toTime 1435065584).Format \"2006-01-02\"}} {{toDuration 90}}", "2015-06-23 1m30s", ""},
        {"{{now | printf \"%.3f\"}} {{parseDuration \"1h30m\"}}", "1710061687.123 5400", ""},
        {"{{query \"up\" | first | value}} {{with query \"up\"}}{{. | first | label \"job\"}}"
         "{{end}}",
         "0.5 b", ""},
        {"{{range query \"up\" | sortByLabel \"job\"}}{{.Labels.job}}={{.Value}} {{end}}",
         "a=1.5 b=0.5 ", ""},
        {"{{query \"down\"}}", "",
         "template: t:1:2: executing \"t\" at <query \"down\">: error calling query: "
         "no such thing"},
        {"{{with args 1 \"x\"}}{{.arg0}} {{.arg1}}{{end}}", "1 x", ""},
        {"{{reReplaceAll \"a(x*)b\" \"${1}W\" \"-ab-axxb-\"}} "
         "{{reReplaceAll \"x*\" \"-\" \"abc\"}}",
         "-W-xxW- -a-b-c-", ""},
        {"{{match \"a.*\" \"bar\"}} {{match \"^a\" \"bar\"}}", "true false", ""},
        {"{{stripPort \"host:9100\"}} {{stripPort \"[::1]:80\"}} {{stripPort \"host\"}}",
         "host ::1 host", ""},
        {"{{stripDomain \"a.example.com:9100\"}} {{stripDomain \"10.0.0.1:80\"}}"
         " {{stripDomain \"a.b\"}}", "a:9100 10.0.0.1:80 a", ""},
        {"{{graphLink \"up == 0\"}} {{tableLink \"up\"}} {{externalURL}} {{pathPrefix}}",
         "/graph?g0.expr=up+%3D%3D+0&g0.tab=0 /graph?g0.expr=up&g0.tab=1 http://x/y /y", ""},
        {"{{urlQueryEscape \"a b&c\"}} {{title \"hello wORLD\"}} {{safeHtml \"<b>\"}}",
         "a+b%26c Hello WORLD <b>", ""},
        {"{{humanize .list}}", "",
         "template: t:1:2: executing \"t\" at <humanize .list>: error calling humanize: "
         "can't convert []string to float"},
};

static void test_prometheus(void **state)
{
        struct template_prometheus env = {1710061687123, "http://x/y", "/y", answer, NULL};

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
                struct arena arena;
                const char *said;
                struct str got;

                arena_init(&arena, SIZE_MAX);
                got = render(&arena, str_from(functions[i].source), make_data(&arena), &env, &said);
                assert_string_equal(got.data, functions[i].output);
                assert_string_equal(said, functions[i].error);
                arena_release(&arena);
        }
}

/* ---- limits ------------------------------------------------------------------------------- */

static void assert_stops(const char *source, const char *reason)
{
        struct arena arena;
        const char *said;

        arena_init(&arena, 64 << 20);
        render(&arena, str_from(source), make_data(&arena), NULL, &said);
        if (!strstr(said, reason))
                fail_msg("%s: %s", source, said);
        arena_release(&arena);
}

static void test_limits(void **state)
{
        struct buf deep CLEANUP(buf_release) = BUF_INIT(1 << 20);

        (void)state;
        assert_stops("{{range 1000000000}}{{end}}", "took too much time");
        assert_stops("{{range 1000000000}}{{print .}}{{end}}", "wrote more than");
        assert_stops("{{define \"r\"}}{{template \"r\"}}{{end}}{{template \"r\"}}",
                     "exceeded maximum template depth");
        assert_stops("{{$x := \"0123456789\"}}{{range 100}}{{$x = print $x $x}}{{end}}",
                     "too much");
        assert_stops("{{printf \"%1000000d%1000000d\" 1 1}}", "wrote more than");
        buf_append_cstr(&deep, "{{");
        for (int i = 0; i < 600; i++)
                buf_append_byte(&deep, '(');
        buf_append(&deep, "1}}", sizeof("1}}"));
        assert_stops(deep.data, "max expression depth exceeded");
        buf_clear(&deep);
        for (int i = 0; i < 600; i++)
                buf_append_cstr(&deep, "{{if 1}}");
        buf_append_byte(&deep, '\0');
        assert_stops(deep.data, "exceeded maximum depth");
}

static void add(struct template_set *set, const char *name, const char *source)
{
        struct error err;

        assert_true(template_set_parse(set, str_from(name), str_from(source), &err));
}

static void test_sets(void **state)
{
        struct template_set *set = template_set_new();
        struct buf out CLEANUP(buf_release) = BUF_INIT(100);
        struct arena arena;
        struct template_run run = {TEMPLATE_NO_VALUE, NULL, &arena, &out};
        struct error err;

        (void)state;
        arena_init(&arena, 1 << 20);
        add(set, "a", "{{define \"x\"}}1{{end}}");
        add(set, "b", "{{template \"x\"}}");
        /* An empty one replaces nothing, another does. */
        add(set, "c", "{{define \"x\"}} {{end}}");
        assert_true(template_execute(set, STR_LIT("b"), &run, &err));
        add(set, "d", "{{define \"x\"}}2{{end}}");
        assert_false(template_set_parse(set, STR_LIT("b"), STR_LIT("{{"), &err));
        assert_true(template_execute(set, STR_LIT("b"), &run, &err));
        assert_true(str_is(buf_str(&out), "12"));
        assert_false(template_execute(set, STR_LIT("none"), &run, &err));
        assert_true(template_set_has(set, STR_LIT("x")));
        assert_false(template_set_has(set, STR_LIT("y")));
        arena_release(&arena);
        template_set_free(set);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_golden),
                cmocka_unit_test(test_prometheus),
                cmocka_unit_test(test_limits),
                cmocka_unit_test(test_sets),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

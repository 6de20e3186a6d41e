/* model comes before testing/, so its tests stand on cmocka alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/duration.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "model/relabel.h"

static struct labels make(struct arena *arena, const char *const *pairs)
{
        struct labels_builder builder;

        labels_builder_init(&builder, arena, (struct labels){0});
        for (; *pairs; pairs += 2)
                labels_builder_set(&builder, str_from(pairs[0]), str_from(pairs[1]));
        return labels_builder_finish(&builder);
}

#define LABELS(arena, ...) make((arena), (const char *const[]){__VA_ARGS__, NULL})

static void check_format(struct labels labels, const char *want)
{
        struct buf out CLEANUP(buf_release) = BUF_INIT(1 << 10);

        labels_format(&out, labels);
        assert_string_equal(out.data, want);
}

static void test_labels(void **state)
{
        struct arena arena;
        struct labels_builder builder;
        struct labels labels;

        (void)state;
        arena_init(&arena, 1 << 20);
        labels = LABELS(&arena, "b", "2", "__name__", "up", "a", "x\"y\\z\n", "gone", "");
        assert_int_equal(labels.count, 3);
        check_format(labels, "up{a=\"x\\\"y\\\\z\\n\", b=\"2\"}");
        check_format(LABELS(&arena, "__name__", "my.metric", "a-b", "1"),
                     "{\"my.metric\", \"a-b\"=\"1\"}");
        check_format(LABELS(&arena, "__name__", "up"), "up");
        labels_builder_init(&builder, &arena, labels);
        labels_builder_delete(&builder, STR_LIT("a"));
        labels_builder_set(&builder, STR_LIT("c"), STR_LIT("3"));
        check_format(labels_builder_finish(&builder), "up{b=\"2\", c=\"3\"}");
        assert_true(labels_compare(LABELS(&arena, "a", "1"), LABELS(&arena, "a", "2")) < 0);
        assert_true(labels_compare(LABELS(&arena, "a", "1", "b", "1"), LABELS(&arena, "b", "1")) <
                    0);
        assert_true(labels_equal(labels, labels_copy(&arena, labels)));
        arena_release(&arena);
}

static void test_matchers(void **state)
{
        struct arena arena;
        struct matcher m;
        struct error err;

        (void)state;
        arena_init(&arena, 1 << 20);
        assert_true(matcher_init(&m, &arena, MATCHER_REGEX, STR_LIT("a"), STR_LIT("x|y.*"), &err));
        assert_true(matcher_matches(&m, STR_LIT("x")) && matcher_matches(&m, STR_LIT("yes")));
        assert_false(matcher_matches(&m, STR_LIT("xx")) || matcher_matches(&m, STR_LIT("")));
        assert_true(matcher_init(&m, &arena, MATCHER_NOT_EQUAL, STR_LIT("a"), STR_LIT(""), &err));
        assert_false(matcher_matches(&m, STR_LIT("")));
        assert_false(matcher_init(&m, &arena, MATCHER_REGEX, STR_LIT("a"), STR_LIT("("), &err));
        arena_release(&arena);
}

static void check_duration(const char *text, int64_t want_ms, const char *printed)
{
        struct buf out CLEANUP(buf_release) = BUF_INIT(64);
        int64_t ms;

        assert_true(duration_parse(str_from(text), &ms, NULL));
        assert_int_equal(ms, want_ms);
        duration_append(&out, ms);
        assert_string_equal(out.data, printed);
}

/* Cases of prometheus/common's model.Duration documentation and tests. */
static void test_durations(void **state)
{
        static const char *const bad[] = {"", "1", "-1s", "1.5h", "1m1h", "s", "1x", "1h 1m",
                                          "300000y"};
        int64_t ms;

        (void)state;
        check_duration("0", 0, "0s");
        check_duration("324ms", 324, "324ms");
        check_duration("5m", 300000, "5m");
        check_duration("1h30m", 5400000, "1h30m");
        check_duration("1d", 86400000, "1d");
        check_duration("3w", 3 * 7 * 86400000LL, "3w");
        check_duration("3w2d1h", 23 * 86400000LL + 3600000, "23d1h");
        check_duration("1y", 365 * 86400000LL, "1y");
        check_duration("4d1h", 4 * 86400000LL + 3600000, "4d1h");
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                if (duration_parse(str_from(bad[i]), &ms, NULL))
                        fail_msg("took \"%s\"", bad[i]);
}

struct relabel_case {
        struct relabel_spec spec;
        const char *sources[4];
        const char *want; /* NULL: dropped */
};

static void check_relabel(const struct relabel_case *test)
{
        struct arena arena;
        struct relabel_rule rule;
        struct relabel_spec spec = test->spec;
        struct labels_builder builder;
        struct str sources[4];
        struct error err;
        bool kept;

        arena_init(&arena, 1 << 20);
        for (; spec.source_count < 4 && test->sources[spec.source_count]; spec.source_count++)
                sources[spec.source_count] = str_from(test->sources[spec.source_count]);
        spec.source_labels = sources;
        spec.has_regex = spec.regex.data != NULL;
        spec.has_replacement = spec.replacement.data != NULL;
        spec.has_separator = spec.separator.data != NULL;
        if (!relabel_rule_init(&rule, &arena, &spec, &err))
                fail_msg("%s", err.text);
        labels_builder_init(&builder, &arena,
                            LABELS(&arena, "a", "foo", "b", "bar", "c", "Baz", "d", "foo"));
        kept = relabel_apply((struct relabel_rules){&rule, 1}, &builder);
        assert_int_equal(kept, test->want != NULL);
        if (kept)
                check_format(labels_builder_finish(&builder), test->want);
        arena_release(&arena);
}

#define S(text) STR_LIT(text)

/* One case an action and edge, worked out by hand from the documentation of <relabel_config>. */
static const struct relabel_case relabel_cases[] = {
        {{.regex = S("f(.*)"), .target_label = S("e"), .replacement = S("ch${1}-ch${1}")},
         {"a"}, "{a=\"foo\", b=\"bar\", c=\"Baz\", d=\"foo\", e=\"choo-choo\"}"},
        {{.regex = S("no"), .target_label = S("e"), .replacement = S("x")},
         {"a"}, "{a=\"foo\", b=\"bar\", c=\"Baz\", d=\"foo\"}"},
        {{.regex = S("(.*);(.*)"), .target_label = S("${2}"), .replacement = S("${1}")},
         {"a", "b"}, "{a=\"foo\", b=\"bar\", bar=\"foo\", c=\"Baz\", d=\"foo\"}"},
        {{.target_label = S("a"), .replacement = S("")},
         {"b"}, "{b=\"bar\", c=\"Baz\", d=\"foo\"}"},
        {{.action = S("keep"), .regex = S("foo")}, {"a"},
         "{a=\"foo\", b=\"bar\", c=\"Baz\", d=\"foo\"}"},
        {{.action = S("keep"), .regex = S("fo")}, {"a"}, NULL},
        {{.action = S("drop"), .regex = S("foo;bar")}, {"a", "b"}, NULL},
        {{.action = S("drop"), .regex = S("foo-bar"), .separator = S("-")}, {"a", "b"}, NULL},
        {{.action = S("keepequal"), .target_label = S("d")}, {"a"},
         "{a=\"foo\", b=\"bar\", c=\"Baz\", d=\"foo\"}"},
        {{.action = S("keepequal"), .target_label = S("b")}, {"a"}, NULL},
        {{.action = S("dropequal"), .target_label = S("d")}, {"a"}, NULL},
        {{.action = S("labelmap"), .regex = S("(b|c)"), .replacement = S("x_${1}")}, {NULL},
         "{a=\"foo\", b=\"bar\", c=\"Baz\", d=\"foo\", x_b=\"bar\", x_c=\"Baz\"}"},
        {{.action = S("labeldrop"), .regex = S("a|d")}, {NULL}, "{b=\"bar\", c=\"Baz\"}"},
        {{.action = S("labelkeep"), .regex = S("a|d")}, {NULL}, "{a=\"foo\", d=\"foo\"}"},
        {{.action = S("lowercase"), .target_label = S("c")}, {"c"},
         "{a=\"foo\", b=\"bar\", c=\"baz\", d=\"foo\"}"},
        {{.action = S("uppercase"), .target_label = S("c")}, {"c"},
         "{a=\"foo\", b=\"bar\", c=\"BAZ\", d=\"foo\"}"},
        /* From Python: int.from_bytes(hashlib.md5(b"Baz").digest()[8:], "big") % 1000. */
        {{.action = S("hashmod"), .target_label = S("d"), .modulus = 1000}, {"c"},
         "{a=\"foo\", b=\"bar\", c=\"Baz\", d=\"940\"}"},
};

static void test_relabel(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(relabel_cases); i++)
                check_relabel(&relabel_cases[i]);
}

static void test_relabel_errors(void **state)
{
        static const struct relabel_spec bad[] = {
                {.action = S("replcae")},
                {.action = S("hashmod"), .target_label = S("x")},
                {.action = S("lowercase")},
                {.action = S("replace")},
                {.action = S("labeldrop"), .target_label = S("x")},
                {.action = S("keepequal"), .target_label = S("x"), .has_regex = true,
                 .regex = S("y")},
                {.action = S("keep"), .has_regex = true, .regex = S("(")},
        };
        struct arena arena;
        struct relabel_rule rule;
        struct error err;

        (void)state;
        arena_init(&arena, 1 << 20);
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_false(relabel_rule_init(&rule, &arena, &bad[i], &err));
        arena_release(&arena);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_labels),    cmocka_unit_test(test_matchers),
                cmocka_unit_test(test_durations), cmocka_unit_test(test_relabel),
                cmocka_unit_test(test_relabel_errors),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

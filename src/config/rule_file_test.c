#include "config/rule_file.h"

#include "promql/promql.h"
#include "testing/unit.h"

static const struct promql_features features;

static struct rule_file *parse(const char *text)
{
        const struct rule_file_options options = {.features = &features};

        return rule_file_parse("f", str_from(text), &options);
}

static void check_error(const char *text, const char *want)
{
        struct rule_file *file = parse(text);

        assert_int_equal(file->error_count, 1);
        assert_string_equal(file->errors[0], want);
        rule_file_free(file);
}

static void test_rules(void **state)
{
        struct rule_file *file = parse(
                "groups:\n"
                "- name: g\n"
                "  interval: 30s\n"
                "  query_offset: 1m\n"
                "  limit: 10\n"
                "  labels: {team: fx}\n"
                "  rules:\n"
                "  - record: a:b\n"
                "    expr: sum(x)\n"
                "  - alert: Down\n"
                "    expr: up == 0\n"
                "    for: 5m\n"
                "    keep_firing_for: 1h\n"
                "    labels: {severity: page, area: desk}\n"
                "    annotations: {summary: '{{ $labels.x }}'}\n"
                "- name: empty\n");
        const struct rule_group *group = &file->groups[0];
        const struct rule *down = &group->rules[1];

        (void)state;
        assert_int_equal(file->error_count, 0);
        assert_int_equal(file->group_count, 2);
        assert_str(group->name, "g");
        assert_int_equal(group->interval_ms, 30000);
        assert_int_equal(group->query_offset_ms, 60000);
        assert_int_equal(group->limit, 10);
        assert_str(labels_get(group->labels, STR_LIT("team")), "fx");
        assert_int_equal(group->rule_count, 2);
        assert_str(group->rules[0].record, "a:b");
        assert_int_equal(group->rules[0].alert.len, 0);
        assert_int_equal(group->rules[0].line, 8);
        assert_non_null(group->rules[0].parsed);
        assert_str(down->alert, "Down");
        assert_str(down->expr, "up == 0");
        assert_int_equal(down->for_ms, 300000);
        assert_int_equal(down->keep_firing_for_ms, 3600000);
        assert_int_equal(down->labels.count, 2);
        assert_str(down->labels.items[0].name, "area");
        assert_str(down->annotations.items[0].value, "{{ $labels.x }}");
        assert_int_equal(file->groups[1].interval_ms, 0);
        assert_int_equal(file->groups[1].query_offset_ms, -1);
        rule_file_free(file);
}

static void test_nothing(void **state)
{
        struct rule_file *file = parse("");

        (void)state;
        assert_int_equal(file->error_count, 0);
        assert_int_equal(file->group_count, 0);
        rule_file_free(file);
}

static void test_errors(void **state)
{
        (void)state;
        check_error("groups: [{name: a, rules: [{record: r, expr: x, for: 5x}]}]",
                    "f: 1:54: group \"a\", rule 1, \"r\": unknown unit \"x\" in duration \"5x\"");
        check_error("groups: [{name: a, rules: [{alert: r}]}]",
                    "f: 1:28: group \"a\", rule 1, \"r\": field 'expr' must be set in rule");
        check_error("groups: [{name: a, rules: [{expr: x}]}]",
                    "f: 1:28: group \"a\", rule 1, \"\": one of 'record' or 'alert' must be set");
        check_error("groups: {}", "f: 1:9: groups must be a list");
        check_error("- a", "f: 1:1: a rule file must be a mapping with groups");
        check_error("groups: [1]", "f: 1:10: a group must be a mapping");
        check_error("groups: [{name: a, limit: x}]",
                    "f: 1:27: cannot unmarshal \"x\" into a whole number");
        check_error("groups: [{name: a, rules: [{alert: r, expr: x, annotations: {a: [b]}}]}]",
                    "f: 1:65: group \"a\", rule 1, \"r\": cannot unmarshal a list into a string");
}

/* All mistakes are told at once; a field that is not known hides the others. */
static void test_many_errors(void **state)
{
        struct rule_file *file = parse("groups:\n- rules:\n  - expr: x\n  - record: r\n- name: b\n"
                                       "- name: b\n");

        (void)state;
        assert_int_equal(file->error_count, 4);
        assert_string_equal(file->errors[0], "f: 2:3: Groupname must not be empty");
        assert_string_equal(file->errors[3],
                            "f: 6:3: groupname: \"b\" is repeated in the same file");
        rule_file_free(file);
        check_error("groups:\n- foo: 1\n  rules:\n  - {bar: x}\n",
                    "f: yaml: unmarshal errors:\n"
                    "  line 2: field foo not found in type rulefmt.RuleGroup\n"
                    "  line 4: field bar not found in type rulefmt.Rule");
}

static void test_unknown_fields_can_be_ignored(void **state)
{
        const struct rule_file_options options = {&features, .ignore_unknown_fields = true};
        struct rule_file *file = rule_file_parse(
                "f", STR_LIT("groups: [{name: a, foo: 1, rules: [{record: r, expr: x, b: c}]}]"),
                &options);

        (void)state;
        assert_int_equal(file->error_count, 0);
        rule_file_free(file);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rules),
                cmocka_unit_test(test_nothing),
                cmocka_unit_test(test_errors),
                cmocka_unit_test(test_many_errors),
                cmocka_unit_test(test_unknown_fields_can_be_ignored),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

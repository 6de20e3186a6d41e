#include "promtool/test_file_int.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/file.h"
#include "codec/double.h"
#include "codec/yaml.h"
#include "model/duration.h"
#include "promql/script.h"

enum { FILE_MAX_BYTES = 64 << 20 };

struct reading {
        struct arena *arena;
        const char *path;
        struct buf unknown; /* "  line 3: field x not found ..." for every such field */
        struct error *err;
        bool failed;
};

static void fail(struct reading *r, const struct yaml_node *node, const char *what)
{
        if (!r->failed)
                error_set(r->err, ERROR_INVALID, "%s:%u:%u: %s", r->path, node->line, node->column,
                          what);
        r->failed = true;
}

static void check_fields(struct reading *r, const struct yaml_node *node, const char *type,
                         const char *const *names, size_t count)
{
        for (const struct yaml_node *field = node->first; field; field = field->next) {
                bool known = false;

                for (size_t i = 0; i < count; i++)
                        known |= str_is(field->key->text, names[i]);
                if (!known)
                        buf_printf(&r->unknown, "\n  line %u: field " STR_FMT
                                   " not found in type %s", field->key->line,
                                   STR_ARG(field->key->text), type);
        }
}

static struct str text_of(struct reading *r, const struct yaml_node *node)
{
        if (!node || node->kind == YAML_NULL)
                return STR_LIT("");
        if (node->kind != YAML_SCALAR)
                fail(r, node, "a text is wanted here");
        return node->kind == YAML_SCALAR ? node->text : STR_LIT("");
}

static int64_t duration_of(struct reading *r, const struct yaml_node *node)
{
        struct error reason;
        int64_t ms = 0;

        if (node && node->kind != YAML_NULL && !duration_parse(text_of(r, node), &ms, &reason))
                fail(r, node, reason.text);
        return ms;
}

/* The children of a list, and how many; none when it is not there. */
static const struct yaml_node *list_of(struct reading *r, const struct yaml_node *node,
                                       size_t *ret_count)
{
        *ret_count = 0;
        if (!node || node->kind == YAML_NULL)
                return NULL;
        if (node->kind != YAML_SEQUENCE) {
                fail(r, node, "a list is wanted here");
                return NULL;
        }
        for (const struct yaml_node *child = node->first; child; child = child->next)
                ++*ret_count;
        return node->first;
}

static bool is_mapping(struct reading *r, const struct yaml_node *node)
{
        if (node->kind == YAML_MAPPING)
                return true;
        fail(r, node, "a mapping is wanted here");
        return false;
}

static struct labels labels_of(struct reading *r, const struct yaml_node *node)
{
        struct labels_builder builder;

        labels_builder_init(&builder, r->arena, (struct labels){0});
        if (node && node->kind != YAML_NULL && is_mapping(r, node))
                for (const struct yaml_node *field = node->first; field; field = field->next)
                        labels_builder_set(&builder, field->key->text, text_of(r, field));
        return labels_builder_finish(&builder);
}

static const struct str *texts_of(struct reading *r, const struct yaml_node *node,
                                  size_t *ret_count)
{
        const struct yaml_node *item = list_of(r, node, ret_count);
        struct str *texts = arena_array(r->arena, struct str, *ret_count + 1);

        for (size_t i = 0; item; item = item->next)
                texts[i++] = text_of(r, item);
        return texts;
}

/* ---- cases -------------------------------------------------------------------------------- */

int expected_alert_compare(const void *a_ptr, const void *b_ptr)
{
        const struct expected_alert *a = a_ptr, *b = b_ptr;
        int order = labels_compare(a->labels, b->labels);

        return order ? order : labels_compare(a->annotations, b->annotations);
}

static void read_alert_case(struct reading *r, const struct yaml_node *node,
                            struct alert_case *ret_case)
{
        static const char *const names[] = {"eval_time", "alertname", "exp_alerts"};
        static const char *const alert_names[] = {"exp_labels", "exp_annotations"};
        const struct yaml_node *item;
        struct expected_alert *expected;
        size_t i = 0;

        if (!is_mapping(r, node))
                return;
        check_fields(r, node, "main.alertTestCase", names, ARRAY_LEN(names));
        ret_case->at_ms = duration_of(r, yaml_find(node, "eval_time"));
        ret_case->alert = text_of(r, yaml_find(node, "alertname"));
        item = list_of(r, yaml_find(node, "exp_alerts"), &ret_case->count);
        ret_case->expected = expected = arena_array(r->arena, struct expected_alert,
                                                    ret_case->count + 1);
        for (; item; item = item->next, i++) {
                struct labels_builder builder;

                if (!is_mapping(r, item))
                        return;
                check_fields(r, item, "main.alert", alert_names, ARRAY_LEN(alert_names));
                labels_builder_init(&builder, r->arena,
                                    labels_of(r, yaml_find(item, "exp_labels")));
                labels_builder_set(&builder, STR_LIT("alertname"), ret_case->alert);
                expected[i].labels = labels_builder_finish(&builder);
                expected[i].annotations = labels_of(r, yaml_find(item, "exp_annotations"));
        }
        qsort(expected, ret_case->count, sizeof(*expected), expected_alert_compare);
}

int expected_sample_compare(const void *a, const void *b)
{
        return labels_compare(((const struct expected_sample *)a)->labels,
                              ((const struct expected_sample *)b)->labels);
}

static void read_sample(struct reading *r, const struct yaml_node *node,
                        struct expected_sample *ret_sample)
{
        static const char *const names[] = {"labels", "value", "histogram"};
        const struct yaml_node *value;
        struct error reason;
        double v;

        if (!is_mapping(r, node))
                return;
        check_fields(r, node, "main.sample", names, ARRAY_LEN(names));
        value = yaml_find(node, "value");
        if (!promql_script_sample(r->arena, text_of(r, yaml_find(node, "labels")),
                                  text_of(r, yaml_find(node, "histogram")), &ret_sample->labels, &v,
                                  &ret_sample->h, &reason))
                fail(r, node, reason.text);
        if (value && !double_parse(text_of(r, value), &ret_sample->v) &&
            !str_is(text_of(r, value), ".nan") && !str_is(text_of(r, value), ".NaN"))
                fail(r, value, "a number is wanted here");
}

static void read_expr_case(struct reading *r, const struct yaml_node *node,
                           struct expr_case *ret_case)
{
        static const char *const names[] = {"expr", "eval_time", "exp_samples"};
        const struct yaml_node *item;
        struct expected_sample *expected;

        if (!is_mapping(r, node))
                return;
        check_fields(r, node, "main.promqlTestCase", names, ARRAY_LEN(names));
        ret_case->expr = text_of(r, yaml_find(node, "expr"));
        ret_case->at_ms = duration_of(r, yaml_find(node, "eval_time"));
        item = list_of(r, yaml_find(node, "exp_samples"), &ret_case->count);
        ret_case->expected = expected = arena_array(r->arena, struct expected_sample,
                                                    ret_case->count + 1);
        for (size_t i = 0; item; item = item->next)
                read_sample(r, item, &expected[i++]);
        qsort(expected, ret_case->count, sizeof(*expected), expected_sample_compare);
}

/* ---- tests -------------------------------------------------------------------------------- */

static void read_input(struct reading *r, const struct yaml_node *node, struct rule_test *test)
{
        static const char *const names[] = {"series", "values"};
        const struct yaml_node *item = list_of(r, node, &test->input_count);
        struct str *lines = arena_array(r->arena, struct str, test->input_count + 1);

        test->input = lines;
        for (; item; item = item->next) {
                if (!is_mapping(r, item))
                        return;
                check_fields(r, item, "main.series", names, ARRAY_LEN(names));
                *lines++ = str_from(arena_printf(r->arena, STR_FMT " " STR_FMT,
                                                 STR_ARG(text_of(r, yaml_find(item, "series"))),
                                                 STR_ARG(text_of(r, yaml_find(item, "values")))));
        }
}

static void read_test(struct reading *r, const struct yaml_node *node, struct rule_test *test)
{
        static const char *const names[] = {"interval", "input_series", "alert_rule_test",
                                            "promql_expr_test", "external_labels", "external_url",
                                            "name"};
        const struct yaml_node *item;
        struct alert_case *alerts;
        struct expr_case *exprs;

        if (!is_mapping(r, node))
                return;
        check_fields(r, node, "main.testGroup", names, ARRAY_LEN(names));
        test->name = text_of(r, yaml_find(node, "name"));
        test->gap_ms = duration_of(r, yaml_find(node, "interval"));
        test->external_labels = labels_of(r, yaml_find(node, "external_labels"));
        test->external_url = text_of(r, yaml_find(node, "external_url"));
        read_input(r, yaml_find(node, "input_series"), test);
        item = list_of(r, yaml_find(node, "alert_rule_test"), &test->alert_count);
        test->alerts = alerts = arena_array(r->arena, struct alert_case, test->alert_count + 1);
        for (; item; item = item->next, alerts++) {
                read_alert_case(r, item, alerts);
                if (alerts->at_ms > test->last_ms)
                        test->last_ms = alerts->at_ms;
        }
        item = list_of(r, yaml_find(node, "promql_expr_test"), &test->expr_count);
        test->exprs = exprs = arena_array(r->arena, struct expr_case, test->expr_count + 1);
        for (; item; item = item->next, exprs++) {
                read_expr_case(r, item, exprs);
                if (exprs->at_ms > test->last_ms)
                        test->last_ms = exprs->at_ms;
        }
}

static void read_file(struct reading *r, const struct yaml_node *root, struct rule_test_file *file)
{
        static const char *const names[] = {"rule_files", "evaluation_interval", "group_eval_order",
                                            "tests", "fuzzy_compare"};
        const struct yaml_node *item;
        struct rule_test *tests;

        if (root->kind == YAML_NULL || !is_mapping(r, root))
                return;
        check_fields(r, root, "main.unitTestFile", names, ARRAY_LEN(names));
        file->rule_files = texts_of(r, yaml_find(root, "rule_files"), &file->rule_file_count);
        file->interval_ms = duration_of(r, yaml_find(root, "evaluation_interval"));
        file->group_order = texts_of(r, yaml_find(root, "group_eval_order"),
                                     &file->group_order_count);
        item = yaml_find(root, "fuzzy_compare");
        if (item && !yaml_to_bool(item, &file->fuzzy_compare))
                fail(r, item, "true or false is wanted here");
        item = list_of(r, yaml_find(root, "tests"), &file->count);
        file->tests = tests = arena_array(r->arena, struct rule_test, file->count + 1);
        for (; item; item = item->next)
                read_test(r, item, tests++);
        if (!file->interval_ms)
                file->interval_ms = 60000;
}

bool rule_test_file_load(struct arena *arena, const char *path, bool ignore_unknown_fields,
                         struct rule_test_file *ret_file, struct error *err)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(FILE_MAX_BYTES);
        struct reading r = {.arena = arena, .path = path, .err = err,
                            .unknown = BUF_INIT(sizeof(err->text))};
        struct rule_test_file file = {0};
        struct yaml_node *root;
        bool ok;

        if (!file_read_all(path, &text, err) ||
            !yaml_parse(arena, path, arena_str(arena, buf_str(&text)), &root, err))
                return false;
        read_file(&r, root, &file);
        ok = !r.failed;
        if (r.unknown.len && !ignore_unknown_fields)
                ok = error_set(err, ERROR_INVALID, "yaml: unmarshal errors:" STR_FMT,
                               STR_ARG(buf_str(&r.unknown)));
        buf_release(&r.unknown);
        if (ok)
                *ret_file = file;
        return ok;
}

#include "config/rule_file.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/file.h"
#include "codec/yaml.h"
#include "model/duration.h"
#include "promql/promql.h"
#include "template/prometheus.h"

ALLOC_TYPE(rule_file_type, "rule_file")

enum { FILE_MAX_BYTES = 64 << 20, ARENA_MAX_BYTES = 512 << 20, ERRORS_MAX = 1000 };

struct parser {
        struct rule_file *file;
        const struct rule_file_options *options;
        size_t error_capacity;
        /* Where in the file: for errors. */
        struct str group;
        size_t rule; /* from 1; 0: in none */
        struct str rule_name;
        struct buf unknown; /* "  line 3: field x not found ..." for every such field */
};

static void add_error(struct parser *p, const char *text)
{
        struct rule_file *file = p->file;

        if (file->error_count == ERRORS_MAX)
                return;
        file->errors = alloc_array_reserve(&rule_file_type, file->errors, &p->error_capacity,
                                           file->error_count + 1, sizeof(*file->errors));
        file->errors[file->error_count++] = text;
}

static void PRINTF_LIKE(4, 0) add_text(struct parser *p, const struct yaml_node *node,
                                       const struct yaml_node *other, const char *fmt,
                                       va_list args)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(1 << 16);

        buf_printf(&text, STR_FMT ": ", STR_ARG(p->file->path));
        if (node)
                buf_printf(&text, "%u:%u: ", node->line, node->column);
        if (other)
                buf_printf(&text, "%u:%u: ", other->line, other->column);
        if (p->rule)
                buf_printf(&text, "group \"" STR_FMT "\", rule %zu, \"" STR_FMT "\": ",
                           STR_ARG(p->group), p->rule, STR_ARG(p->rule_name));
        buf_vprintf(&text, fmt, args);
        add_error(p, arena_str(&p->file->arena, buf_str(&text)).data);
}

/* "path: line:column: group "g", rule 1, "name": reason"; the node may be NULL. */
static void PRINTF_LIKE(3, 4) fail(struct parser *p, const struct yaml_node *node,
                                   const char *fmt, ...)
{
        va_list args;

        va_start(args, fmt);
        add_text(p, node, NULL, fmt, args);
        va_end(args);
}

/* The same with two places. */
static void PRINTF_LIKE(4, 5) fail_at(struct parser *p, const struct yaml_node *node,
                                      const struct yaml_node *other, const char *fmt, ...)
{
        va_list args;

        va_start(args, fmt);
        add_text(p, node, other, fmt, args);
        va_end(args);
}

static size_t child_count(const struct yaml_node *node)
{
        size_t count = 0;

        for (const struct yaml_node *child = node ? node->first : NULL; child; child = child->next)
                count++;
        return count;
}

/* ---- fields --------------------------------------------------------------------------------- */

static struct str text_of(struct parser *p, const struct yaml_node *node)
{
        if (!node || node->kind == YAML_NULL)
                return STR_LIT("");
        if (node->kind == YAML_SCALAR)
                return arena_str(&p->file->arena, node->text);
        fail(p, node, "cannot unmarshal a %s into a string",
             node->kind == YAML_SEQUENCE ? "list" : "mapping");
        return STR_LIT("");
}

static int64_t duration_of(struct parser *p, const struct yaml_node *node, int64_t fallback)
{
        struct error err;
        int64_t ms;

        if (!node || node->kind == YAML_NULL)
                return fallback;
        if (duration_parse(text_of(p, node), &ms, &err))
                return ms;
        fail(p, node, "%s", err.text);
        return fallback;
}

static uint64_t limit_of(struct parser *p, const struct yaml_node *node)
{
        struct str text = text_of(p, node);
        char *end;
        long long value;

        if (!text.len)
                return 0;
        value = strtoll(text.data, &end, 10);
        if (*end || node->quoted) {
                fail(p, node, "cannot unmarshal \"" STR_FMT "\" into a whole number",
                     STR_ARG(text));
                return 0;
        }
        return value > 0 ? (uint64_t)value : 0;
}

static bool label_name_valid(struct str name)
{
        return name.len && str_is_utf8(name) && !str_equal(name, LABEL_METRIC_NAME);
}

/* A mapping of strings, sorted by name. `what` is "label" or "annotation". */
static struct labels strings_of(struct parser *p, const struct yaml_node *node, const char *what)
{
        struct labels_builder builder;
        bool labels = strcmp(what, "label") == 0;

        labels_builder_init(&builder, &p->file->arena, (struct labels){0});
        if (node && node->kind != YAML_MAPPING && node->kind != YAML_NULL) {
                fail(p, node, "%ss must be a mapping of strings", what);
                return (struct labels){0};
        }
        for (const struct yaml_node *pair = node ? node->first : NULL; pair; pair = pair->next) {
                struct str name = arena_str(&p->file->arena, pair->key->text);
                struct str value = text_of(p, pair);

                if (labels ? !label_name_valid(name) : !name.len || !str_is_utf8(name))
                        fail(p, NULL, "invalid %s name: " STR_FMT, what, STR_ARG(name));
                else if (labels && !str_is_utf8(value))
                        fail(p, NULL, "invalid label value: " STR_FMT, STR_ARG(value));
                labels_builder_set(&builder, name, value);
        }
        return labels_builder_finish(&builder);
}

static void check_fields(struct parser *p, const struct yaml_node *node, const char *type,
                         const char *const *names, size_t count)
{
        if (p->options->ignore_unknown_fields)
                return;
        for (const struct yaml_node *pair = node->first; pair; pair = pair->next) {
                bool known = false;

                for (size_t i = 0; i < count && !known; i++)
                        known = str_is(pair->key->text, names[i]);
                if (!known)
                        buf_printf(&p->unknown, "\n  line %u: field " STR_FMT " not found in type "
                                   "%s", pair->key->line, STR_ARG(pair->key->text), type);
        }
}

/* ---- rules ---------------------------------------------------------------------------------- */

static bool has_braces(struct str text)
{
        return str_find_byte(text, '{') < text.len || str_find_byte(text, '}') < text.len;
}

static void check_recording(struct parser *p, const struct yaml_node *node,
                            const struct rule *rule)
{
        const struct yaml_node *record = yaml_find(node, "record");

        if (rule->annotations.count)
                fail(p, record, "invalid field 'annotations' in recording rule");
        if (rule->for_ms)
                fail(p, record, "invalid field 'for' in recording rule");
        if (rule->keep_firing_for_ms)
                fail(p, record, "invalid field 'keep_firing_for' in recording rule");
        if (has_braces(rule->record))
                fail(p, record, "braces present in the recording rule name; should it be in expr?: "
                     STR_FMT, STR_ARG(rule->record));
        else if (!str_is_utf8(rule->record))
                fail(p, record, "invalid recording rule name: " STR_FMT, STR_ARG(rule->record));
}

static void parse_expression(struct parser *p, const struct yaml_node *node,
                             const struct yaml_node *rule_node, struct rule *rule)
{
        struct error err;

        rule->expr = text_of(p, node);
        if (!rule->expr.len)
                fail(p, node ? node : rule_node, "field 'expr' must be set in rule");
        else if (!promql_expr_parse(&p->file->arena, rule->expr, p->options->features,
                                    &rule->parsed, &err))
                fail(p, node, "could not parse expression: %s", err.text);
}

/* What is told an alert's template comes before its text. */
static void check_templates(struct parser *p, const char *what, struct labels texts,
                            struct str alert)
{
        struct arena *arena = &p->file->arena;
        struct str name = str_from(arena_printf(arena, "__alert_" STR_FMT, STR_ARG(alert)));
        struct error err;

        for (size_t i = 0; i < texts.count; i++) {
                const struct label *text = &texts.items[i];
                struct template_set *set = template_set_new();

                template_set_add_functions(set, template_prometheus_functions);
                if (!template_set_parse(set, name,
                                        str_from(arena_printf(arena, "%s" STR_FMT,
                                                              template_prometheus_definitions,
                                                              STR_ARG(text->value))),
                                        &err))
                        fail(p, NULL, "%s \"" STR_FMT "\": %s", what, STR_ARG(text->name),
                             err.text);
                template_set_free(set);
        }
}

static void parse_rule(struct parser *p, const struct yaml_node *node, struct rule *rule)
{
        static const char *const names[] = {"record", "alert", "expr", "for", "keep_firing_for",
                                            "labels", "annotations"};
        const struct yaml_node *record, *alert;

        if (node->kind != YAML_MAPPING) {
                fail(p, node, "a rule must be a mapping");
                return;
        }
        record = yaml_find(node, "record");
        alert = yaml_find(node, "alert");
        rule->line = node->line;
        rule->record = text_of(p, record);
        rule->alert = text_of(p, alert);
        p->rule_name = rule->alert.len ? rule->alert : rule->record;
        check_fields(p, node, "rulefmt.Rule", names, ARRAY_LEN(names));
        if (rule->record.len && rule->alert.len)
                fail_at(p, record, alert, "only one of 'record' and 'alert' must be set");
        else if (!rule->record.len && !rule->alert.len)
                fail(p, node, "one of 'record' or 'alert' must be set");
        rule->for_ms = duration_of(p, yaml_find(node, "for"), 0);
        rule->keep_firing_for_ms = duration_of(p, yaml_find(node, "keep_firing_for"), 0);
        parse_expression(p, yaml_find(node, "expr"), node, rule);
        rule->labels = strings_of(p, yaml_find(node, "labels"), "label");
        rule->annotations = strings_of(p, yaml_find(node, "annotations"), "annotation");
        if (rule->record.len)
                check_recording(p, node, rule);
        if (!rule->alert.len)
                return;
        check_templates(p, "label", rule->labels, rule->alert);
        check_templates(p, "annotation", rule->annotations, rule->alert);
}

static void parse_rules(struct parser *p, const struct yaml_node *node, struct rule_group *group)
{
        struct rule *rules = arena_array(&p->file->arena, struct rule, child_count(node));

        group->rules = rules;
        if (node && node->kind != YAML_SEQUENCE && node->kind != YAML_NULL) {
                fail(p, node, "rules must be a list");
                return;
        }
        for (const struct yaml_node *item = node ? node->first : NULL; item; item = item->next) {
                p->rule = group->rule_count + 1;
                p->rule_name = STR_LIT("");
                parse_rule(p, item, &rules[group->rule_count++]);
        }
        p->rule = 0;
}

/* ---- groups --------------------------------------------------------------------------------- */

static void parse_group(struct parser *p, const struct yaml_node *node, struct rule_group *group)
{
        static const char *const names[] = {"name", "interval", "query_offset", "limit", "labels",
                                            "rules"};

        if (node->kind != YAML_MAPPING) {
                fail(p, node, "a group must be a mapping");
                return;
        }
        check_fields(p, node, "rulefmt.RuleGroup", names, ARRAY_LEN(names));
        group->name = text_of(p, yaml_find(node, "name"));
        p->group = group->name;
        if (!group->name.len)
                fail(p, node, "Groupname must not be empty");
        for (const struct rule_group *other = p->file->groups; other < group; other++)
                if (group->name.len && str_equal(other->name, group->name))
                        fail(p, node, "groupname: \"" STR_FMT "\" is repeated in the same file",
                             STR_ARG(group->name));
        group->interval_ms = duration_of(p, yaml_find(node, "interval"), 0);
        group->query_offset_ms = duration_of(p, yaml_find(node, "query_offset"), -1);
        group->limit = limit_of(p, yaml_find(node, "limit"));
        group->labels = strings_of(p, yaml_find(node, "labels"), "label");
        parse_rules(p, yaml_find(node, "rules"), group);
}

static void parse_document(struct parser *p, const struct yaml_node *root)
{
        static const char *const names[] = {"groups"};
        const struct yaml_node *list;
        struct rule_group *groups;

        if (root->kind == YAML_NULL)
                return;
        if (root->kind != YAML_MAPPING) {
                fail(p, root, "a rule file must be a mapping with groups");
                return;
        }
        check_fields(p, root, "rulefmt.RuleGroups", names, ARRAY_LEN(names));
        list = yaml_find(root, "groups");
        if (list && list->kind != YAML_SEQUENCE && list->kind != YAML_NULL) {
                fail(p, list, "groups must be a list");
                return;
        }
        groups = arena_array(&p->file->arena, struct rule_group, child_count(list));
        p->file->groups = groups;
        for (const struct yaml_node *item = list ? list->first : NULL; item; item = item->next)
                parse_group(p, item, &groups[p->file->group_count++]);
}

/* Fields that are not known stop a decoder of Go's before anything else is looked at. */
static void report_unknown(struct parser *p)
{
        if (!p->unknown.len)
                return;
        p->file->error_count = 0;
        add_error(p, arena_printf(&p->file->arena, STR_FMT ": yaml: unmarshal errors:" STR_FMT,
                                  STR_ARG(p->file->path), STR_ARG(buf_str(&p->unknown))));
}

/* ---- files ---------------------------------------------------------------------------------- */

static struct rule_file *file_new(const char *path)
{
        struct rule_file *file = alloc_new(&rule_file_type, sizeof(*file));

        arena_init(&file->arena, ARENA_MAX_BYTES);
        file->path = arena_str(&file->arena, str_from(path));
        return file;
}

struct rule_file *rule_file_parse(const char *path, struct str text,
                                  const struct rule_file_options *options)
{
        struct rule_file *file = file_new(path);
        struct parser p = {.file = file, .options = options, .unknown = BUF_INIT(1 << 20)};
        struct yaml_node *root;
        struct error err;

        if (yaml_parse(&file->arena, path, text, &root, &err)) {
                parse_document(&p, root);
                report_unknown(&p);
        } else {
                add_error(&p, arena_str(&file->arena, str_from(err.text)).data);
        }
        buf_release(&p.unknown);
        return file;
}

struct rule_file *rule_file_load(const char *path, const struct rule_file_options *options)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(FILE_MAX_BYTES);
        struct rule_file *file;
        struct error err;

        if (file_read_all(path, &text, &err))
                return rule_file_parse(path, buf_str(&text), options);
        file = file_new(path);
        add_error(&(struct parser){.file = file},
                  arena_printf(&file->arena, "%s: %s", path, err.text));
        return file;
}

struct rule_file *rule_file_free(struct rule_file *file)
{
        if (!file)
                return NULL;
        alloc_free(&rule_file_type, file->errors);
        arena_release(&file->arena);
        return alloc_free(&rule_file_type, file);
}

#include "codec/yaml.h"
#include "collectors/discovery_int.h"

/* JSON as the YAML tree it nearly is, so that one reader serves both. A number or a boolean is no
 * text in JSON: it becomes a list, which is refused wherever text is wanted. */
static struct yaml_node *from_json(struct arena *arena, const struct json_value *value)
{
        static const enum yaml_kind kinds[] = {
                [JSON_NULL] = YAML_NULL,       [JSON_STRING] = YAML_SCALAR,
                [JSON_BOOL] = YAML_SEQUENCE,   [JSON_NUMBER] = YAML_SEQUENCE,
                [JSON_ARRAY] = YAML_SEQUENCE,  [JSON_OBJECT] = YAML_MAPPING,
        };
        struct yaml_node *node = arena_new(arena, struct yaml_node);
        struct yaml_node **tail = &node->first;

        node->kind = kinds[value->kind];
        node->text = value->text;
        for (const struct json_value *child = value->first; child && !arena_over_budget(arena);
             child = child->next) {
                *tail = from_json(arena, child);
                if (value->kind == JSON_OBJECT) {
                        (*tail)->key = arena_new(arena, struct yaml_node);
                        (*tail)->key->text = child->key;
                }
                tail = &(*tail)->next;
        }
        return node;
}

static size_t child_count(const struct yaml_node *node)
{
        size_t count = 0;

        for (const struct yaml_node *child = node->first; child; child = child->next)
                count++;
        return count;
}

static bool read_labels(struct arena *arena, const struct yaml_node *node,
                        struct label origin, struct labels *ret_labels, struct error *err)
{
        struct labels_builder builder;

        labels_builder_init(&builder, arena, (struct labels){0});
        if (node && node->kind != YAML_MAPPING && node->kind != YAML_NULL)
                return error_set(err, ERROR_INVALID, "labels must be a mapping");
        for (const struct yaml_node *pair = node ? node->first : NULL; pair; pair = pair->next) {
                if (pair->kind != YAML_SCALAR && pair->kind != YAML_NULL)
                        return error_set(err, ERROR_INVALID, "label " STR_FMT " must be a string",
                                         STR_ARG(pair->key->text));
                if (!pair->key->text.len || !str_is_utf8(pair->key->text))
                        return error_set(err, ERROR_INVALID, "\"" STR_FMT
                                         "\" is not a valid label name", STR_ARG(pair->key->text));
                labels_builder_set(&builder, pair->key->text, pair->text);
        }
        labels_builder_set(&builder, origin.name, origin.value);
        *ret_labels = labels_builder_finish(&builder);
        return true;
}

static bool read_targets(struct arena *arena, const struct yaml_node *node,
                         struct target_group *group, struct error *err)
{
        struct labels *targets;

        if (!node || node->kind == YAML_NULL)
                return true;
        if (node->kind != YAML_SEQUENCE)
                return error_set(err, ERROR_INVALID, "targets must be a list of strings");
        targets = arena_array(arena, struct labels, child_count(node));
        group->targets = targets;
        for (const struct yaml_node *item = node->first; item; item = item->next) {
                struct label *address = arena_new(arena, struct label);

                if (item->kind != YAML_SCALAR)
                        return error_set(err, ERROR_INVALID, "targets must be a list of strings");
                *address = (struct label){STR_LIT("__address__"), item->text};
                targets[group->target_count++] = (struct labels){address, item->text.len != 0};
        }
        return true;
}

static bool read_group(struct arena *arena, const struct yaml_node *node,
                       struct label origin, size_t index, struct target_group *group,
                       struct error *err)
{
        if (node->kind == YAML_NULL)
                return error_set(err, ERROR_INVALID, "nil target group item found (index %zu)",
                                 index);
        if (node->kind != YAML_MAPPING)
                return error_set(err, ERROR_INVALID, "target group %zu is not a mapping", index);
        for (const struct yaml_node *pair = node->first; pair; pair = pair->next)
                if (!str_is(pair->key->text, "targets") && !str_is(pair->key->text, "labels"))
                        return error_set(err, ERROR_INVALID, "unknown field \"" STR_FMT
                                         "\" in target group", STR_ARG(pair->key->text));
        return read_targets(arena, yaml_find(node, "targets"), group, err) &&
               read_labels(arena, yaml_find(node, "labels"), origin, &group->labels, err);
}

bool target_groups_parse(struct arena *arena, struct str text, enum target_groups_format format,
                         struct label origin, struct target_groups *ret_groups, struct error *err)
{
        struct target_groups groups = {0};
        struct json_value *json;
        struct yaml_node *root;

        if (format == TARGET_GROUPS_YAML) {
                if (!yaml_parse(arena, arena_str(arena, origin.value).data, text, &root, err))
                        return false;
        } else {
                if (!json_parse(arena, text, &json, err))
                        return false;
                root = from_json(arena, json);
                if (arena_over_budget(arena))
                        return error_set(err, ERROR_LIMIT, "more targets than fit into %zu bytes "
                                         "of memory", arena->limit_bytes);
        }
        if (root->kind != YAML_SEQUENCE && root->kind != YAML_NULL)
                return error_set(err, ERROR_INVALID, "expected a list of target groups");
        groups.items = arena_array(arena, struct target_group, child_count(root));
        for (const struct yaml_node *node = root->first; node; node = node->next, groups.count++)
                if (!read_group(arena, node, origin, groups.count, &groups.items[groups.count],
                                err))
                        return false;
        *ret_groups = groups;
        return true;
}

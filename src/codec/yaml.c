#include "codec/yaml.h"

#include <yaml.h>

#include "base/map.h"

enum { NODES_MAX = 1000000, DEPTH_MAX = 100 };

struct yaml_reader {
        struct arena *arena;
        const char *file;
        yaml_parser_t parser;
        struct map anchors; /* name -> struct yaml_node */
        unsigned node_count;
        unsigned depth;
};

static bool fail_at(const struct yaml_reader *reader, unsigned line, unsigned column,
                    struct error *err, const char *reason)
{
        return error_set(err, ERROR_INVALID, "%s:%u:%u: %s", reader->file, line, column, reason);
}

static bool next_event(struct yaml_reader *reader, yaml_event_t *event, struct error *err)
{
        const yaml_parser_t *parser = &reader->parser;
        char reason[512];

        if (yaml_parser_parse(&reader->parser, event))
                return true;
        snprintf(reason, sizeof(reason), "%s%s%s", parser->problem ? parser->problem : "bad YAML",
                 parser->context ? " " : "", parser->context ? parser->context : "");
        return fail_at(reader, (unsigned)parser->problem_mark.line + 1,
                       (unsigned)parser->problem_mark.column + 1, err, reason);
}

static struct yaml_node *new_node(struct yaml_reader *reader, enum yaml_kind kind,
                                  const yaml_event_t *event)
{
        struct yaml_node *node = arena_new(reader->arena, struct yaml_node);

        node->kind = kind;
        node->line = (unsigned)event->start_mark.line + 1;
        node->column = (unsigned)event->start_mark.column + 1;
        node->weight = 1;
        return node;
}

static bool is_null_text(struct str text)
{
        return text.len == 0 || str_is(text, "~") || str_is(text, "null") ||
               str_is(text, "Null") || str_is(text, "NULL");
}

static struct yaml_node *read_scalar(struct yaml_reader *reader, const yaml_event_t *event)
{
        struct yaml_node *node = new_node(reader, YAML_SCALAR, event);
        const char *tag = (const char *)event->data.scalar.tag;

        node->text = arena_str(reader->arena, str_make((const char *)event->data.scalar.value,
                                                       event->data.scalar.length));
        node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE ||
                       (tag && strcmp(tag, "tag:yaml.org,2002:str") == 0);
        if (!node->quoted && is_null_text(node->text))
                node->kind = YAML_NULL;
        return node;
}

static bool read_node(struct yaml_reader *reader, const yaml_event_t *event,
                      struct yaml_node **ret_node, struct error *err);

static void remember_anchor(struct yaml_reader *reader, const yaml_char_t *anchor,
                            struct yaml_node *node)
{
        if (anchor)
                map_put(&reader->anchors,
                        arena_str(reader->arena, str_from((const char *)anchor)), node);
}

static bool read_sequence(struct yaml_reader *reader, struct yaml_node *node, struct error *err)
{
        struct yaml_node **tail = &node->first;

        for (;;) {
                yaml_event_t event CLEANUP(yaml_event_delete);

                if (!next_event(reader, &event, err))
                        return false;
                if (event.type == YAML_SEQUENCE_END_EVENT)
                        return true;
                if (!read_node(reader, &event, tail, err))
                        return false;
                node->weight += (*tail)->weight;
                tail = &(*tail)->next;
        }
}

/* Adds the pairs of a merged mapping that the mapping does not have itself. */
static bool merge_mapping(struct yaml_reader *reader, struct yaml_node *into,
                          const struct yaml_node *from, struct error *err)
{
        struct yaml_node **tail = &into->first;

        if (from->kind == YAML_SEQUENCE) {
                for (const struct yaml_node *part = from->first; part; part = part->next)
                        if (!merge_mapping(reader, into, part, err))
                                return false;
                return true;
        }
        if (from->kind != YAML_MAPPING)
                return fail_at(reader, from->line, from->column, err,
                               "map merge requires map or sequence of maps as the value");
        while (*tail)
                tail = &(*tail)->next;
        for (const struct yaml_node *pair = from->first; pair; pair = pair->next) {
                if (yaml_find(into, pair->key->text.data))
                        continue;
                *tail = arena_new(reader->arena, struct yaml_node);
                **tail = *pair;
                (*tail)->next = NULL;
                into->weight += pair->weight;
                tail = &(*tail)->next;
        }
        return true;
}

static bool check_key(struct yaml_reader *reader, const struct yaml_node *mapping,
                      const struct yaml_node *key, struct error *err)
{
        char reason[256];
        const struct yaml_node *before;

        if (key->kind != YAML_SCALAR && key->kind != YAML_NULL)
                return fail_at(reader, key->line, key->column, err, "a key must be a plain value");
        before = yaml_find(mapping, key->text.data);
        if (!before)
                return true;
        snprintf(reason, sizeof(reason), "key \"%.100s\" is already set on line %u",
                 key->text.data, before->key->line);
        return fail_at(reader, key->line, key->column, err, reason);
}

static bool read_mapping(struct yaml_reader *reader, struct yaml_node *node, struct error *err)
{
        struct yaml_node **tail = &node->first, *merges = NULL;

        for (;;) {
                yaml_event_t event CLEANUP(yaml_event_delete);
                yaml_event_t value CLEANUP(yaml_event_delete) = {0};
                struct yaml_node *key, *child;

                if (!next_event(reader, &event, err))
                        return false;
                if (event.type == YAML_MAPPING_END_EVENT)
                        break;
                if (!read_node(reader, &event, &key, err) || !check_key(reader, node, key, err) ||
                    !next_event(reader, &value, err) || !read_node(reader, &value, &child, err))
                        return false;
                child->key = key;
                node->weight += child->weight;
                if (!key->quoted && str_is(key->text, "<<")) {
                        child->next = merges;
                        merges = child;
                        continue;
                }
                *tail = child;
                tail = &child->next;
        }
        for (; merges; merges = merges->next)
                if (!merge_mapping(reader, node, merges, err))
                        return false;
        return true;
}

static bool read_alias(struct yaml_reader *reader, const yaml_event_t *event,
                       struct yaml_node **ret_node, struct error *err)
{
        const struct yaml_node *target =
                map_get(&reader->anchors, str_from((const char *)event->data.alias.anchor));
        struct yaml_node *node = new_node(reader, YAML_NULL, event);

        if (!target)
                return fail_at(reader, node->line, node->column, err, "unknown anchor");
        *node = *target;
        node->next = node->key = NULL;
        *ret_node = node;
        return true;
}

static bool read_node(struct yaml_reader *reader, const yaml_event_t *event,
                      struct yaml_node **ret_node, struct error *err)
{
        struct yaml_node *node = NULL;
        bool ok = true;

        switch (event->type) {
        case YAML_SCALAR_EVENT:
                node = read_scalar(reader, event);
                remember_anchor(reader, event->data.scalar.anchor, node);
                break;
        case YAML_ALIAS_EVENT:
                ok = read_alias(reader, event, &node, err);
                break;
        case YAML_SEQUENCE_START_EVENT:
        case YAML_MAPPING_START_EVENT:
                node = new_node(reader, event->type == YAML_MAPPING_START_EVENT ? YAML_MAPPING
                                                                                : YAML_SEQUENCE,
                                event);
                if (++reader->depth > DEPTH_MAX)
                        return fail_at(reader, node->line, node->column, err, "nested too deeply");
                ok = node->kind == YAML_MAPPING ? read_mapping(reader, node, err)
                                                : read_sequence(reader, node, err);
                reader->depth--;
                /* Remembered only now: an anchor may not contain itself. */
                remember_anchor(reader,
                                node->kind == YAML_MAPPING ? event->data.mapping_start.anchor
                                                           : event->data.sequence_start.anchor,
                                node);
                break;
        default:
                BUG_ON(true);
        }
        if (!ok)
                return false;
        reader->node_count += node->weight;
        if (reader->node_count > NODES_MAX || arena_over_budget(reader->arena))
                return fail_at(reader, node->line, node->column, err, "document is too large");
        *ret_node = node;
        return true;
}

static bool read_document(struct yaml_reader *reader, struct yaml_node **ret_root,
                          struct error *err)
{
        struct yaml_node *root = NULL;

        for (;;) {
                yaml_event_t event CLEANUP(yaml_event_delete);

                if (!next_event(reader, &event, err))
                        return false;
                switch (event.type) {
                case YAML_STREAM_END_EVENT:
                        *ret_root = root ? root : new_node(reader, YAML_NULL, &event);
                        return true;
                case YAML_STREAM_START_EVENT:
                case YAML_DOCUMENT_END_EVENT:
                        break;
                case YAML_DOCUMENT_START_EVENT:
                        if (root)
                                return fail_at(reader, (unsigned)event.start_mark.line + 1, 1, err,
                                               "more than one document");
                        break;
                default:
                        if (!read_node(reader, &event, &root, err))
                                return false;
                }
        }
}

bool yaml_parse(struct arena *arena, const char *file, struct str text,
                struct yaml_node **ret_root, struct error *err)
{
        struct yaml_reader reader = {.arena = arena, .file = file};
        bool ok;

        if (!yaml_parser_initialize(&reader.parser))
                return error_set(err, ERROR_EXECUTION, "%s: cannot start the YAML parser", file);
        yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text.data, text.len);
        ok = read_document(&reader, ret_root, err);
        yaml_parser_delete(&reader.parser);
        map_release(&reader.anchors);
        return ok;
}

struct yaml_node *yaml_find(const struct yaml_node *mapping, const char *key)
{
        for (struct yaml_node *pair = mapping->first; pair; pair = pair->next)
                if (pair->key && str_is(pair->key->text, key))
                        return pair;
        return NULL;
}

bool yaml_to_bool(const struct yaml_node *node, bool *ret_value)
{
        static const char *const yes[] = {"y",   "Y",   "yes", "Yes", "YES", "true",
                                          "True", "TRUE", "on", "On",  "ON"};
        static const char *const no[] = {"n",     "N",     "no",  "No",  "NO", "false",
                                         "False", "FALSE", "off", "Off", "OFF"};

        if (node->kind != YAML_SCALAR || node->quoted)
                return false;
        for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
                if (str_is(node->text, yes[i]) || str_is(node->text, no[i])) {
                        *ret_value = str_is(node->text, yes[i]);
                        return true;
                }
        }
        return false;
}

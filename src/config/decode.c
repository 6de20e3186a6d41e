#include "config/decode_int.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec/double.h"
#include "base/hash.h"
#include "model/duration.h"
#include "model/size.h"

enum { FIELDS_MAX = 128 };

bool decode_fail(struct decoder *d, const struct yaml_node *node, const char *fmt, ...)
{
        char reason[768];
        va_list args;

        va_start(args, fmt);
        vsnprintf(reason, sizeof(reason), fmt, args);
        va_end(args);
        return error_set(d->err, ERROR_INVALID, "%s:%u:%u: %s", d->file, node->line, node->column,
                         reason);
}

void decode_warn(struct decoder *d, const struct yaml_node *node, const char *fmt, ...)
{
        char reason[768];
        va_list args;

        va_start(args, fmt);
        vsnprintf(reason, sizeof(reason), fmt, args);
        va_end(args);
        if (d->warning_count == d->warning_capacity) {
                size_t grown = d->warning_capacity ? d->warning_capacity * 2 : 8;
                const char **moved = arena_array(d->arena, const char *, grown);

                if (d->warning_count)
                        memcpy(moved, d->warnings, d->warning_count * sizeof(*moved));
                d->warnings = moved;
                d->warning_capacity = grown;
        }
        d->warnings[d->warning_count++] =
                arena_printf(d->arena, "%s:%u:%u: %s", d->file, node->line, node->column, reason);
}

static bool fail_unknown(struct decoder *d, const struct yaml_node *key, const char *what,
                         const struct field *fields, size_t field_count)
{
        const char *names[FIELDS_MAX], *closest;

        for (size_t i = 0; i < field_count; i++)
                names[i] = fields[i].name;
        closest = str_closest(key->text, names, field_count);
        if (closest)
                return decode_fail(d, key, "unknown field \"" STR_FMT "\" in %s, did you mean "
                                   "\"%s\"?", STR_ARG(key->text), what, closest);
        return decode_fail(d, key, "unknown field \"" STR_FMT "\" in %s", STR_ARG(key->text),
                           what);
}

static bool asks_for_nothing(const struct yaml_node *node)
{
        bool value;

        if (node->kind == YAML_NULL)
                return true;
        if (node->kind == YAML_SEQUENCE || node->kind == YAML_MAPPING)
                return !node->first;
        return yaml_to_bool(node, &value) && !value;
}

void decode_not_yet(struct decoder *d, const struct yaml_node *key, const char *feature)
{
        if (!d->unsupported)
                d->unsupported = arena_printf(d->arena, "%s:%u:%u: " STR_FMT ": Pitwall does not "
                                              "support %s yet", d->file, key->line, key->column,
                                              STR_ARG(key->text), feature);
}

bool decode_mapping(struct decoder *d, const struct yaml_node *node, const char *what,
                    const struct field *fields, size_t field_count, void *target)
{
        BUG_ON(field_count > FIELDS_MAX);
        if (node->kind == YAML_NULL)
                return true;
        if (node->kind != YAML_MAPPING)
                return decode_fail(d, node, "%s must be a mapping", what);
        for (const struct yaml_node *pair = node->first; pair; pair = pair->next) {
                const struct field *field = NULL;

                for (size_t i = 0; i < field_count && !field; i++)
                        if (str_is(pair->key->text, fields[i].name))
                                field = &fields[i];
                if (!field)
                        return fail_unknown(d, pair->key, what, fields, field_count);
                if (field->not_yet && !asks_for_nothing(pair))
                        decode_not_yet(d, pair->key, field->not_yet);
                if (!field->not_yet && !field->decode(d, pair, (char *)target + field->offset))
                        return false;
        }
        return true;
}

bool decode_list(struct decoder *d, const struct yaml_node *node, const char *what,
                 size_t item_size,
                 bool (*decode_item)(struct decoder *d, const struct yaml_node *node, void *slot),
                 void **ret_items, size_t *ret_count)
{
        size_t count = 0;
        char *items;

        *ret_items = NULL;
        *ret_count = 0;
        if (node->kind == YAML_NULL)
                return true;
        if (node->kind != YAML_SEQUENCE)
                return decode_fail(d, node, "%s must be a list", what);
        for (const struct yaml_node *item = node->first; item; item = item->next)
                count++;
        items = arena_zero(d->arena, item_size * count);
        *ret_items = items;
        for (const struct yaml_node *item = node->first; item; item = item->next) {
                if (!decode_item(d, item, items + *ret_count * item_size))
                        return false;
                ++*ret_count;
        }
        return true;
}

static bool need_scalar(struct decoder *d, const struct yaml_node *node, const char *type)
{
        if (node->kind == YAML_SCALAR)
                return true;
        return decode_fail(d, node, "\"" STR_FMT "\" must be a %s",
                           STR_ARG(node->key ? node->key->text : STR_LIT("value")), type);
}

bool decode_string(struct decoder *d, const struct yaml_node *node, void *slot)
{
        if (node->kind != YAML_NULL && !need_scalar(d, node, "string"))
                return false;
        *(struct str *)slot = node->kind == YAML_NULL ? STR_LIT("")
                                                      : arena_str(d->arena, node->text);
        return true;
}

bool decode_path(struct decoder *d, const struct yaml_node *node, void *slot)
{
        struct str *path = slot;

        if (!decode_string(d, node, slot))
                return false;
        if (path->len && path->data[0] != '/' && d->directory.len)
                *path = str_from(arena_printf(d->arena, STR_FMT "/" STR_FMT,
                                              STR_ARG(d->directory), STR_ARG(*path)));
        return true;
}

bool decode_bool(struct decoder *d, const struct yaml_node *node, void *slot)
{
        if (node->kind == YAML_NULL)
                return true;
        if (!yaml_to_bool(node, slot))
                return decode_fail(d, node, "\"" STR_FMT "\" must be true or false",
                                   STR_ARG(node->key->text));
        return true;
}

bool decode_uint(struct decoder *d, const struct yaml_node *node, void *slot)
{
        char *end;
        unsigned long long value;

        if (node->kind == YAML_NULL)
                return true;
        if (!need_scalar(d, node, "whole number"))
                return false;
        errno = 0;
        value = strtoull(node->text.data, &end, 10);
        if (node->quoted || errno || *end || node->text.data[0] < '0' || node->text.data[0] > '9')
                return decode_fail(d, node, "\"" STR_FMT "\" must be a whole number, not \"" STR_FMT
                                   "\"", STR_ARG(node->key->text), STR_ARG(node->text));
        *(uint64_t *)slot = value;
        return true;
}

bool decode_float(struct decoder *d, const struct yaml_node *node, void *slot)
{
        if (node->kind == YAML_NULL)
                return true;
        if (!need_scalar(d, node, "number"))
                return false;
        if (node->quoted || !double_parse(node->text, slot))
                return decode_fail(d, node, "\"" STR_FMT "\" must be a number, not \"" STR_FMT "\"",
                                   STR_ARG(node->key->text), STR_ARG(node->text));
        return true;
}

bool decode_duration(struct decoder *d, const struct yaml_node *node, void *slot)
{
        struct error err;

        if (node->kind == YAML_NULL)
                return true;
        if (!need_scalar(d, node, "duration such as 15s"))
                return false;
        if (!duration_parse(node->text, slot, &err))
                return decode_fail(d, node, "%s", err.text);
        return true;
}

/* Sizes as Prometheus takes them: a number and a unit, powers of 1024; no unit means bytes only
 * for 0. */
bool decode_size(struct decoder *d, const struct yaml_node *node, void *slot)
{
        struct error err;

        if (node->kind == YAML_NULL)
                return true;
        if (!need_scalar(d, node, "size such as 512MB"))
                return false;
        return size_parse(node->text, slot, &err) || decode_fail(d, node, "%s", err.text);
}

bool decode_strings(struct decoder *d, const struct yaml_node *node, void *slot)
{
        struct str_list *list = slot;
        void *items;
        size_t count;

        if (!decode_list(d, node, node->key ? node->key->text.data : "value", sizeof(struct str),
                         decode_string, &items, &count))
                return false;
        *list = (struct str_list){items, count};
        return true;
}

bool decode_paths(struct decoder *d, const struct yaml_node *node, void *slot)
{
        struct str_list *list = slot;
        void *items;
        size_t count;

        if (!decode_list(d, node, node->key ? node->key->text.data : "value", sizeof(struct str),
                         decode_path, &items, &count))
                return false;
        *list = (struct str_list){items, count};
        return true;
}

bool decode_labels(struct decoder *d, const struct yaml_node *node, void *slot)
{
        struct labels_builder builder;

        labels_builder_init(&builder, d->arena, (struct labels){0});
        if (node->kind != YAML_NULL && node->kind != YAML_MAPPING)
                return decode_fail(d, node, "\"" STR_FMT "\" must be a mapping of labels",
                                   STR_ARG(node->key->text));
        for (const struct yaml_node *pair = node->first; pair; pair = pair->next) {
                struct str name = arena_str(d->arena, pair->key->text), value;

                if (!name.len || !str_is_utf8(name))
                        return decode_fail(d, pair->key,
                                           "\"" STR_FMT "\" is not a valid label name",
                                           STR_ARG(name));
                if (!decode_string(d, pair, &value))
                        return false;
                labels_builder_set(&builder, name, value);
        }
        *(struct labels *)slot = labels_builder_finish(&builder);
        return true;
}

bool decode_ignored(struct decoder *d, const struct yaml_node *node, void *slot)
{
        (void)slot;
        decode_warn(d, node->key, "%s has no effect in Pitwall", node->key->text.data);
        return true;
}

uint64_t decode_fingerprint(const struct yaml_node *node, uint64_t seed)
{
        if (!node)
                return seed;
        if (node->key)
                seed = hash_bytes_seeded(node->key->text.data, node->key->text.len, seed + 1);
        seed = hash_bytes_seeded(node->text.data, node->text.len, seed + (uint64_t)node->kind);
        for (const struct yaml_node *child = node->first; child; child = child->next)
                seed = decode_fingerprint(child, seed);
        return hash_u64(seed);
}

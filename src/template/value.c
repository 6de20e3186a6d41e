#include "template/value.h"

#include <stdlib.h>

const struct template_type template_any = {.name = "interface {}", .kind = TEMPLATE_ANY};
const struct template_type template_bool = {.name = "bool", .kind = TEMPLATE_BOOL};
const struct template_type template_int = {.name = "int", .kind = TEMPLATE_INT};
const struct template_type template_uint8 = {.name = "uint8", .kind = TEMPLATE_UINT};
const struct template_type template_float64 = {.name = "float64", .kind = TEMPLATE_FLOAT};
const struct template_type template_string = {.name = "string", .kind = TEMPLATE_STRING};
const struct template_type template_any_list = {
        .name = "[]interface {}", .kind = TEMPLATE_LIST, .element = &template_any};
const struct template_type template_string_list = {
        .name = "[]string", .kind = TEMPLATE_LIST, .element = &template_string};
const struct template_type template_any_map = {
        .name = "map[string]interface {}", .kind = TEMPLATE_MAP, .element = &template_any};
const struct template_type template_string_map = {
        .name = "map[string]string", .kind = TEMPLATE_MAP, .element = &template_string};

struct template_value template_from_list(const struct template_type *type, struct arena *arena,
                                         const struct template_value *items, size_t count)
{
        struct template_list *list = arena_new(arena, struct template_list);

        *list = (struct template_list){count, items};
        return (struct template_value){type, .list = list};
}

static int compare_entries(const void *a, const void *b)
{
        const struct template_entry *left = a, *right = b;

        return str_compare(left->key, right->key);
}

struct template_value template_from_map(const struct template_type *type, struct arena *arena,
                                        struct template_entry *entries, size_t count)
{
        struct template_map *map = arena_new(arena, struct template_map);

        if (count)
                qsort(entries, count, sizeof(*entries), compare_entries);
        *map = (struct template_map){count, entries};
        return (struct template_value){type, .map = map};
}

const struct template_value *template_map_get(const struct template_map *map, struct str key)
{
        struct template_entry wanted = {.key = key}, *found;

        if (!map || !map->count)
                return NULL;
        found = bsearch(&wanted, map->entries, map->count, sizeof(wanted), compare_entries);
        return found ? &found->value : NULL;
}

size_t template_count(const struct template_value *value)
{
        switch (value->type->kind) {
        case TEMPLATE_STRING:
                return value->text.len;
        case TEMPLATE_LIST:
                return value->list ? value->list->count : 0;
        case TEMPLATE_MAP:
                return value->map ? value->map->count : 0;
        default:
                return 0;
        }
}

bool template_is_true(const struct template_value *value)
{
        if (!value->type)
                return false;
        switch (value->type->kind) {
        case TEMPLATE_BOOL:
                return value->boolean;
        case TEMPLATE_INT:
        case TEMPLATE_UINT:
                return value->integer != 0;
        case TEMPLATE_FLOAT:
                return value->number != 0;
        case TEMPLATE_STRING:
        case TEMPLATE_LIST:
        case TEMPLATE_MAP:
                return template_count(value) > 0;
        case TEMPLATE_STRUCT:
        case TEMPLATE_ANY:
                break;
        }
        return true;
}

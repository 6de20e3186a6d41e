/* What the kinds of discovery have in common when they make labels of JSON. */
#include <ctype.h>

#include "collectors/discovery_int.h"

struct str discovery_address(struct arena *arena, struct str host, unsigned port)
{
        bool brackets = str_find_byte(host, ':') < host.len || str_find_byte(host, '%') < host.len;

        return str_from(arena_printf(arena, "%s" STR_FMT "%s:%u", brackets ? "[" : "",
                                     STR_ARG(host), brackets ? "]" : "", port));
}

struct str discovery_label_name(struct arena *arena, const char *prefix, struct str name)
{
        size_t len = strlen(prefix);
        char *text = arena_alloc(arena, len + name.len + 1);

        memcpy(text, prefix, len);
        for (size_t i = 0; i < name.len; i++) {
                unsigned char c = (unsigned char)name.data[i];

                /* A character of several bytes becomes one underscore. */
                if ((c & 0xc0) == 0x80 && len > strlen(prefix))
                        continue;
                text[len++] = c < 0x80 && isalnum(c) ? (char)c : '_';
        }
        text[len] = '\0';
        return str_make(text, len);
}

struct str discovery_text(const struct json_value *object, const char *key)
{
        const struct json_value *value = object ? json_find(object, key) : NULL;

        return value && value->kind == JSON_STRING ? value->text : STR_LIT("");
}

unsigned discovery_port(const struct json_value *object, const char *key)
{
        const struct json_value *value = object ? json_find(object, key) : NULL;

        if (!value || value->kind != JSON_NUMBER || !(value->number >= 0 && value->number < 65536))
                return 0;
        return (unsigned)value->number;
}

bool discovery_flag(const struct json_value *object, const char *key)
{
        const struct json_value *value = object ? json_find(object, key) : NULL;

        return value && value->kind == JSON_BOOL && value->boolean;
}

const struct json_value *discovery_find(const struct json_value *object, const char *key)
{
        const struct json_value *value = object && object->kind == JSON_OBJECT
                                                 ? json_find(object, key) : NULL;

        return value && (value->kind == JSON_OBJECT || value->kind == JSON_ARRAY) ? value : NULL;
}

const struct json_value *discovery_first(const struct json_value *object, const char *key)
{
        const struct json_value *value = discovery_find(object, key);

        return value ? value->first : NULL;
}

void discovery_add_map(struct labels_builder *builder, const char *prefix,
                       const struct json_value *map)
{
        for (const struct json_value *item = map && map->kind == JSON_OBJECT ? map->first : NULL;
             item; item = item->next)
                if (item->kind == JSON_STRING)
                        labels_builder_set(builder,
                                           discovery_label_name(builder->arena, prefix, item->key),
                                           item->text);
}

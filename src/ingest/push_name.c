#include "ingest/push_int.h"

static bool is_legacy(char c, bool metric)
{
        return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' ||
               (metric && c == ':');
}

struct str push_legacy_name(struct arena *arena, struct str name, bool metric)
{
        char *out = arena_alloc(arena, name.len + 2);
        size_t len = 0;

        if (name.len && name.data[0] >= '0' && name.data[0] <= '9')
                out[len++] = '_';
        for (size_t i = 0; i < name.len; i++)
                out[len++] = is_legacy(name.data[i], metric) ? name.data[i] : '_';
        return str_make(out, len);
}

struct labels push_legacy_labels(struct arena *arena, struct str name, struct labels tags)
{
        struct labels_builder builder;

        labels_builder_init(&builder, arena, (struct labels){0});
        for (size_t i = 0; i < tags.count; i++)
                labels_builder_set(&builder, push_legacy_name(arena, tags.items[i].name, false),
                                   tags.items[i].value);
        labels_builder_set(&builder, LABEL_METRIC_NAME, push_legacy_name(arena, name, true));
        return labels_builder_finish(&builder);
}

#include "model/labels.h"

#include "base/hash.h"
#include "codec/quote.h"

struct str labels_get(struct labels labels, struct str name)
{
        for (size_t i = 0; i < labels.count; i++)
                if (str_equal(labels.items[i].name, name))
                        return labels.items[i].value;
        return STR_LIT("");
}

bool labels_has(struct labels labels, struct str name)
{
        for (size_t i = 0; i < labels.count; i++)
                if (str_equal(labels.items[i].name, name))
                        return true;
        return false;
}

int labels_compare(struct labels a, struct labels b)
{
        for (size_t i = 0; i < a.count && i < b.count; i++) {
                int order = str_compare(a.items[i].name, b.items[i].name);

                if (!order)
                        order = str_compare(a.items[i].value, b.items[i].value);
                if (order)
                        return order;
        }
        return a.count < b.count ? -1 : a.count > b.count;
}

bool labels_equal(struct labels a, struct labels b)
{
        return a.count == b.count && labels_compare(a, b) == 0;
}

uint64_t labels_hash(struct labels labels)
{
        uint64_t hash = labels.count;

        for (size_t i = 0; i < labels.count; i++) {
                const struct label *label = &labels.items[i];

                hash = hash_bytes_seeded(label->name.data, label->name.len, hash);
                hash = hash_bytes_seeded(label->value.data, label->value.len, hash);
        }
        return hash;
}

struct labels labels_copy(struct arena *arena, struct labels labels)
{
        struct label *items = arena_array(arena, struct label, labels.count);

        for (size_t i = 0; i < labels.count; i++) {
                items[i].name = arena_str(arena, labels.items[i].name);
                items[i].value = arena_str(arena, labels.items[i].value);
        }
        return (struct labels){items, labels.count};
}

bool label_name_is_legacy(struct str name)
{
        return metric_name_is_legacy(name) && str_find_byte(name, ':') == name.len;
}

bool metric_name_is_legacy(struct str name)
{
        for (size_t i = 0; i < name.len; i++) {
                char c = name.data[i];

                if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' ||
                      (i > 0 && c >= '0' && c <= '9')))
                        return false;
        }
        return name.len > 0;
}

static void append_pair(struct buf *out, const struct label *label)
{
        if (label_name_is_legacy(label->name))
                buf_append_str(out, label->name);
        else
                quote_append(out, label->name);
        buf_append_byte(out, '=');
        quote_append(out, label->value);
}

void labels_append_set(struct buf *out, struct labels labels, const char *separator)
{
        buf_append_byte(out, '{');
        for (size_t i = 0; i < labels.count; i++) {
                if (i)
                        buf_append_cstr(out, separator);
                append_pair(out, &labels.items[i]);
        }
        buf_append_byte(out, '}');
}

void labels_format(struct buf *out, struct labels labels)
{
        struct str metric = labels_get(labels, LABEL_METRIC_NAME);
        bool bare_metric = metric_name_is_legacy(metric);
        const char *separator = "";

        if (bare_metric) {
                buf_append_str(out, metric);
                if (labels.count == 1)
                        return;
        }
        buf_append_byte(out, '{');
        if (metric.len && !bare_metric) {
                quote_append(out, metric);
                separator = ", ";
        }
        for (size_t i = 0; i < labels.count; i++) {
                const struct label *label = &labels.items[i];

                if (str_equal(label->name, LABEL_METRIC_NAME))
                        continue;
                buf_append_cstr(out, separator);
                append_pair(out, label);
                separator = ", ";
        }
        buf_append_byte(out, '}');
}

void labels_builder_init(struct labels_builder *builder, struct arena *arena, struct labels base)
{
        size_t capacity = base.count + 8;

        *builder = (struct labels_builder){arena, arena_array(arena, struct label, capacity),
                                           base.count, capacity};
        if (base.count)
                memcpy(builder->items, base.items, base.count * sizeof(*base.items));
}

/* Position of name, or where it belongs. */
static size_t builder_find(const struct labels_builder *builder, struct str name, bool *ret_found)
{
        size_t low = 0, high = builder->count;

        *ret_found = false;
        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int order = str_compare(builder->items[middle].name, name);

                if (order == 0) {
                        *ret_found = true;
                        return middle;
                }
                if (order < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

void labels_builder_set(struct labels_builder *builder, struct str name, struct str value)
{
        bool found;
        size_t at = builder_find(builder, name, &found);

        if (found) {
                builder->items[at].value = value;
                return;
        }
        if (value.len == 0)
                return;
        if (builder->count == builder->capacity) {
                struct label *moved = arena_array(builder->arena, struct label,
                                                  builder->capacity * 2);

                memcpy(moved, builder->items, builder->count * sizeof(*moved));
                builder->items = moved;
                builder->capacity *= 2;
        }
        memmove(builder->items + at + 1, builder->items + at,
                (builder->count - at) * sizeof(*builder->items));
        builder->items[at] = (struct label){name, value};
        builder->count++;
}

void labels_builder_delete(struct labels_builder *builder, struct str name)
{
        bool found;
        size_t at = builder_find(builder, name, &found);

        if (found)
                builder->items[at].value = STR_LIT("");
}

struct str labels_builder_get(const struct labels_builder *builder, struct str name)
{
        bool found;
        size_t at = builder_find(builder, name, &found);

        return found ? builder->items[at].value : STR_LIT("");
}

struct labels labels_builder_finish(struct labels_builder *builder)
{
        size_t kept = 0;

        for (size_t i = 0; i < builder->count; i++)
                if (builder->items[i].value.len)
                        builder->items[kept++] = builder->items[i];
        builder->count = kept;
        return (struct labels){builder->items, kept};
}

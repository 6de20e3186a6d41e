#include "promql/labelset_int.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

static bool is_metadata(struct str name)
{
        return name.len >= 8 && name.data[0] == '_' &&
               (str_is(name, "__name__") || str_is(name, "__type__") || str_is(name, "__unit__"));
}

bool labelset_has_metadata(struct labels labels)
{
        for (size_t i = 0; i < labels.count; i++)
                if (is_metadata(labels.items[i].name))
                        return true;
        return false;
}

struct labels labelset_drop_metadata(struct arena *arena, struct labels labels)
{
        struct label *items;
        size_t count = 0;

        /* The name is usually all there is, in front. */
        if (labels.count && is_metadata(labels.items[0].name))
                labels = (struct labels){labels.items + 1, labels.count - 1};
        if (!labelset_has_metadata(labels))
                return labels;
        items = arena_array(arena, struct label, labels.count);
        for (size_t i = 0; i < labels.count; i++)
                if (!is_metadata(labels.items[i].name))
                        items[count++] = labels.items[i];
        return (struct labels){items, count};
}

/* A length takes one byte, or from 255 on that and three more. */
static void hash_part(XXH64_state_t *state, struct str part)
{
        uint8_t length[4] = {255, (uint8_t)part.len, (uint8_t)(part.len >> 8),
                             (uint8_t)(part.len >> 16)};
        uint8_t small = (uint8_t)part.len;

        if (part.len < 255)
                XXH64_update(state, &small, 1);
        else
                XXH64_update(state, length, sizeof(length));
        XXH64_update(state, part.data, part.len);
}

double labelset_place(struct labels labels)
{
        XXH64_state_t state;

        XXH64_reset(&state, 0);
        for (size_t i = 0; i < labels.count; i++) {
                hash_part(&state, labels.items[i].name);
                hash_part(&state, labels.items[i].value);
        }
        return (double)XXH64_digest(&state) / 18446744073709551615.0;
}

static bool is_named(const struct names *names, struct str name)
{
        for (size_t i = 0; i < names->count; i++)
                if (str_equal(names->items[i], name))
                        return true;
        return false;
}

static struct labels filter(struct label *items, struct labels labels, const struct names *names,
                            bool keep_named, bool drop_metric_name)
{
        size_t count = 0;

        for (size_t i = 0; i < labels.count; i++) {
                struct str name = labels.items[i].name;

                if (is_named(names, name) != keep_named)
                        continue;
                if (drop_metric_name && str_equal(name, LABEL_METRIC_NAME))
                        continue;
                items[count++] = labels.items[i];
        }
        return (struct labels){items, count};
}

struct labels labelset_keep(struct arena *arena, struct labels labels, const struct names *names)
{
        return filter(arena_array(arena, struct label, labels.count), labels, names, true, false);
}

struct labels labelset_remove(struct arena *arena, struct labels labels,
                              const struct names *names)
{
        return filter(arena_array(arena, struct label, labels.count), labels, names, false,
                      false);
}

struct labels labelset_scratch_select(struct labelset_scratch *scratch, struct labels labels,
                                      const struct names *names, bool keep_named)
{
        if (labels.count > scratch->capacity) {
                scratch->capacity = labels.count * 2;
                scratch->items = arena_array(scratch->arena, struct label, scratch->capacity);
        }
        return filter(scratch->items, labels, names, keep_named, !keep_named);
}

void labelset_table_init(struct labelset_table *table, struct arena *arena)
{
        *table = (struct labelset_table){.arena = arena};
}

static void grow(struct labelset_table *table)
{
        size_t slot_count = table->slot_count ? table->slot_count * 2 : 64;
        uint32_t *slots = arena_array(table->arena, uint32_t, slot_count);

        for (size_t i = 0; i < table->count; i++) {
                size_t at = table->hashes[i] & (slot_count - 1);

                while (slots[at])
                        at = (at + 1) & (slot_count - 1);
                slots[at] = (uint32_t)(i + 1);
        }
        table->slots = slots;
        table->slot_count = slot_count;
}

static void reserve_item(struct labelset_table *table)
{
        size_t capacity = table->capacity ? table->capacity * 2 : 32;
        struct labels *items;
        uint64_t *hashes;

        if (table->count < table->capacity)
                return;
        items = arena_array(table->arena, struct labels, capacity);
        hashes = arena_array(table->arena, uint64_t, capacity);
        if (table->count) {
                memcpy(items, table->items, table->count * sizeof(*items));
                memcpy(hashes, table->hashes, table->count * sizeof(*hashes));
        }
        table->items = items;
        table->hashes = hashes;
        table->capacity = capacity;
}

/* The slot of a label set, or the free one where it belongs. */
static size_t find_slot(const struct labelset_table *table, struct labels labels, uint64_t hash)
{
        size_t at = hash & (table->slot_count - 1);

        for (; table->slots[at]; at = (at + 1) & (table->slot_count - 1)) {
                size_t index = table->slots[at] - 1;

                if (table->hashes[index] == hash && labels_equal(table->items[index], labels))
                        break;
        }
        return at;
}

size_t labelset_table_find(const struct labelset_table *table, struct labels labels)
{
        size_t at;

        if (!table->slot_count)
                return SIZE_MAX;
        at = find_slot(table, labels, labels_hash(labels));
        return table->slots[at] ? table->slots[at] - 1 : SIZE_MAX;
}

size_t labelset_table_add(struct labelset_table *table, struct labels labels, bool *ret_new)
{
        uint64_t hash = labels_hash(labels);
        size_t at;

        if (table->count * 4 >= table->slot_count * 3)
                grow(table);
        at = find_slot(table, labels, hash);
        if (ret_new)
                *ret_new = table->slots[at] == 0;
        if (table->slots[at])
                return table->slots[at] - 1;
        reserve_item(table);
        table->items[table->count] = labels;
        table->hashes[table->count] = hash;
        table->slots[at] = (uint32_t)++table->count;
        return table->count - 1;
}

size_t labelset_table_intern(struct labelset_table *table, struct arena *arena,
                             struct labels labels, bool *ret_new)
{
        size_t index = labelset_table_find(table, labels);
        struct label *items;

        *ret_new = index == SIZE_MAX;
        if (!*ret_new)
                return index;
        items = arena_array(arena, struct label, labels.count);
        if (labels.count)
                memcpy(items, labels.items, labels.count * sizeof(*items));
        return labelset_table_add(table, (struct labels){items, labels.count}, NULL);
}

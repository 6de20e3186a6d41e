#include "base/map.h"

#include "base/alloc.h"
#include "base/hash.h"

ALLOC_TYPE(map_type, "map")

void map_release(struct map *map)
{
        alloc_free(&map_type, map->entries);
        *map = MAP_INIT;
}

static struct map_entry *find_slot(const struct map *map, struct str key, uint64_t hash)
{
        size_t mask = map->capacity - 1;
        size_t at = hash & mask;

        while (map->entries[at].value) {
                struct map_entry *entry = &map->entries[at];

                if (entry->hash == hash && str_equal(entry->key, key))
                        break;
                at = (at + 1) & mask;
        }
        return &map->entries[at];
}

static void grow(struct map *map)
{
        struct map old = *map;

        map->capacity = old.capacity ? old.capacity * 2 : 16;
        map->entries = alloc_new(&map_type, map->capacity * sizeof(*map->entries));
        for (size_t i = 0; i < old.capacity; i++) {
                struct map_entry *entry = &old.entries[i];

                if (entry->value)
                        *find_slot(map, entry->key, entry->hash) = *entry;
        }
        alloc_free(&map_type, old.entries);
}

void *map_get(const struct map *map, struct str key)
{
        return map->count ? find_slot(map, key, hash_str(key))->value : NULL;
}

void *map_put(struct map *map, struct str key, void *value)
{
        uint64_t hash = hash_str(key);
        struct map_entry *slot;
        void *replaced;

        BUG_ON(!value);
        if ((map->count + 1) * 4 > map->capacity * 3)
                grow(map);
        slot = find_slot(map, key, hash);
        replaced = slot->value;
        map->count += !replaced;
        *slot = (struct map_entry){key, hash, value};
        return replaced;
}

void *map_remove(struct map *map, struct str key)
{
        size_t mask = map->capacity - 1;
        struct map_entry *hole;
        void *removed;

        if (!map->count)
                return NULL;
        hole = find_slot(map, key, hash_str(key));
        removed = hole->value;
        if (!removed)
                return NULL;
        map->count--;
        /* Move later entries of the run back, so that no probe stops at the hole too early. */
        for (size_t at = (size_t)(hole - map->entries + 1) & mask; map->entries[at].value;
             at = (at + 1) & mask) {
                size_t home = map->entries[at].hash & mask;
                size_t hole_at = (size_t)(hole - map->entries);

                if (((at - home) & mask) >= ((at - hole_at) & mask)) {
                        *hole = map->entries[at];
                        hole = &map->entries[at];
                }
        }
        *hole = (struct map_entry){0};
        return removed;
}

struct map_entry *map_next(const struct map *map, struct map_entry *previous)
{
        size_t at = previous ? (size_t)(previous - map->entries) + 1 : 0;

        for (; at < map->capacity; at++)
                if (map->entries[at].value)
                        return &map->entries[at];
        return NULL;
}

/* base/map.h - hash table from bytes to a pointer.
 *
 * Open addressing, power-of-two size, at most 3/4 full. Keys are borrowed: the caller keeps
 * their bytes alive and unchanged while they are in the map (usually inside the value).
 * Iteration order is unspecified. Not thread-safe.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/str.h"

struct map_entry {
        struct str key;
        uint64_t hash;
        void *value; /* NULL marks a free slot */
};

struct map {
        struct map_entry *entries;
        size_t capacity;
        size_t count;
};

#define MAP_INIT ((struct map){0})

void map_release(struct map *map); /* frees the table, not the values */
void *map_get(const struct map *map, struct str key);
/* Sets key to value (not NULL) and returns the value it replaced, or NULL. */
void *map_put(struct map *map, struct str key, void *value);
void *map_remove(struct map *map, struct str key); /* returns the removed value or NULL */

/* for (struct map_entry *e = NULL; (e = map_next(map, e));) ...; do not change the map inside. */
struct map_entry *map_next(const struct map *map, struct map_entry *previous);

#endif

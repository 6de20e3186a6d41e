/* ingest/push_cache_int.h - which series a key is.
 *
 * A table from the identity of a key to the series' reference. Bounded: what was not asked for in
 * a while goes. There are two generations; a generation that is full or old becomes the previous
 * one, and what is found there moves to the new one. Thread-safe.
 */
#ifndef INGEST_PUSH_CACHE_INT_H
#define INGEST_PUSH_CACHE_INT_H

#include "base/hash.h"
#include "model/series.h"

struct push_cache;

struct push_cache_entry {
        struct hash_identity key;
        series_ref ref; /* SERIES_REF_NONE: not known */
};

/* At most twice `entries_max` are kept. */
struct push_cache *push_cache_new(size_t entries_max, int64_t generation_ns);
struct push_cache *push_cache_free(struct push_cache *cache);

/* Fills in the references of many keys. */
void push_cache_find(struct push_cache *cache, struct push_cache_entry *entries, size_t count);
/* Keeps those that have a reference; replaces what was known of a key. */
void push_cache_put(struct push_cache *cache, const struct push_cache_entry *entries,
                    size_t count);

#endif

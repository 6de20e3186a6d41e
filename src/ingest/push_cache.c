#include "ingest/push_cache_int.h"

#include <pthread.h>

#include "base/alloc.h"
#include "base/clock.h"

ALLOC_TYPE(push_cache_type, "push_cache")

enum { CAPACITY_MIN = 1024 };
/* How far ahead of its use a slot is asked for: the time of a few cache misses. */
enum { PREFETCH_AHEAD = 8 };

struct generation {
        struct push_cache_entry *slots; /* open addressing; free: no reference */
        size_t capacity, count;         /* capacity is a power of two, at most 3/4 full */
};

struct push_cache {
        pthread_rwlock_t lock;
        struct generation current, previous; /* lock */
        size_t entries_max;
        int64_t generation_ns, begun_ns;     /* lock */
};

struct push_cache *push_cache_new(size_t entries_max, int64_t generation_ns)
{
        struct push_cache *cache = alloc_new(&push_cache_type, sizeof(*cache));

        pthread_rwlock_init(&cache->lock, NULL);
        cache->entries_max = entries_max;
        cache->generation_ns = generation_ns;
        cache->begun_ns = clock_mono_ns(&clock_real);
        return cache;
}

struct push_cache *push_cache_free(struct push_cache *cache)
{
        if (!cache)
                return NULL;
        alloc_free(&push_cache_type, cache->current.slots);
        alloc_free(&push_cache_type, cache->previous.slots);
        pthread_rwlock_destroy(&cache->lock);
        return alloc_free(&push_cache_type, cache);
}

/* The slot of a key, or the free one where it belongs. */
static struct push_cache_entry *find_slot(const struct generation *generation,
                                          struct hash_identity key)
{
        size_t mask = generation->capacity - 1, at = key.low & mask;

        while (generation->slots[at].ref != SERIES_REF_NONE &&
               (generation->slots[at].key.low != key.low ||
                generation->slots[at].key.high != key.high))
                at = (at + 1) & mask;
        return &generation->slots[at];
}

static void prefetch(const struct generation *generation, struct hash_identity key)
{
        if (generation->capacity)
                __builtin_prefetch(&generation->slots[key.low & (generation->capacity - 1)]);
}

static series_ref find(const struct generation *generation, struct hash_identity key)
{
        return generation->capacity ? find_slot(generation, key)->ref : SERIES_REF_NONE;
}

static void put(struct generation *generation, const struct push_cache_entry *entry)
{
        struct push_cache_entry *slot = find_slot(generation, entry->key);

        generation->count += slot->ref == SERIES_REF_NONE;
        *slot = *entry;
}

static void make_room(struct generation *generation)
{
        struct generation grown = {0};

        if (generation->count < generation->capacity / 4 * 3)
                return;
        grown.capacity = generation->capacity ? generation->capacity * 2 : CAPACITY_MIN;
        grown.slots = alloc_new(&push_cache_type, grown.capacity * sizeof(*grown.slots));
        for (size_t i = 0; i < generation->capacity; i++)
                if (generation->slots[i].ref != SERIES_REF_NONE)
                        put(&grown, &generation->slots[i]);
        alloc_free(&push_cache_type, generation->slots);
        *generation = grown;
}

static void begin_generation(struct push_cache *cache, int64_t now_ns)
{
        if (cache->current.count < cache->entries_max &&
            now_ns - cache->begun_ns < cache->generation_ns)
                return;
        alloc_free(&push_cache_type, cache->previous.slots);
        cache->previous = cache->current;
        cache->current = (struct generation){0};
        cache->begun_ns = now_ns;
}

void push_cache_put(struct push_cache *cache, const struct push_cache_entry *entries,
                    size_t count)
{
        int64_t now_ns = clock_mono_ns(&clock_real);

        pthread_rwlock_wrlock(&cache->lock);
        /* Also for nothing to keep: a generation must end when nothing new ever comes. */
        begin_generation(cache, now_ns);
        for (size_t i = 0; i < count; i++) {
                if (entries[i].ref == SERIES_REF_NONE)
                        continue;
                begin_generation(cache, now_ns);
                make_room(&cache->current);
                put(&cache->current, &entries[i]);
        }
        pthread_rwlock_unlock(&cache->lock);
}

/* Those that were found in the previous generation only. */
static void keep_old(struct push_cache *cache, const struct push_cache_entry *entries,
                     size_t count)
{
        enum { AT_ONCE = 256 };
        struct push_cache_entry old[AT_ONCE];

        for (size_t from = 0; from < count; from += AT_ONCE) {
                size_t to = from + AT_ONCE < count ? from + AT_ONCE : count, n = 0;

                pthread_rwlock_rdlock(&cache->lock);
                for (size_t i = from; i < to; i++)
                        if (entries[i].ref != SERIES_REF_NONE &&
                            find(&cache->current, entries[i].key) == SERIES_REF_NONE)
                                old[n++] = entries[i];
                pthread_rwlock_unlock(&cache->lock);
                push_cache_put(cache, old, n);
        }
}

void push_cache_find(struct push_cache *cache, struct push_cache_entry *entries, size_t count)
{
        bool any_old = false;

        pthread_rwlock_rdlock(&cache->lock);
        for (size_t i = 0; i < count; i++) {
                if (i + PREFETCH_AHEAD < count)
                        prefetch(&cache->current, entries[i + PREFETCH_AHEAD].key);
                entries[i].ref = find(&cache->current, entries[i].key);
                if (LIKELY(entries[i].ref != SERIES_REF_NONE))
                        continue;
                entries[i].ref = find(&cache->previous, entries[i].key);
                any_old |= entries[i].ref != SERIES_REF_NONE;
        }
        any_old |= clock_mono_ns(&clock_real) - cache->begun_ns >= cache->generation_ns;
        pthread_rwlock_unlock(&cache->lock);
        if (any_old)
                keep_old(cache, entries, count);
}

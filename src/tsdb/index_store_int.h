/* tsdb/index_store_int.h - the tables of the index, shared by what fills and what searches it. */
#ifndef TSDB_INDEX_STORE_INT_H
#define TSDB_INDEX_STORE_INT_H

#include <pthread.h>

#include "tsdb/index_int.h"
#include "tsdb/pages_int.h"

struct symbol {
        const char *data;
        uint32_t len;
        uint32_t name; /* index in names plus one when it is a label name */
};

struct pair {
        struct index_pair symbols;
        uint32_t hash;
        uint32_t count;           /* series that carry it */
        uint32_t single;          /* the first of them */
        uint32_t optimized_count; /* count when the map was last compacted */
        roaring_bitmap_t *map;    /* all of them, once there are two */
};

struct name {
        uint32_t symbol;
        uint32_t *pairs;
        size_t count, capacity;
};

struct record {
        uint32_t count;
        uint32_t pairs[];
};

enum {
        RECORD_HEAD_WORDS = 1,
        RECORD_CHUNK_WORDS = 1 << 18,
        RECORD_CHUNKS = 1 << 14,
};

/* Open addressing. The hash stands beside the id: what it leads to is far away in memory. */
struct id_slot {
        uint32_t hash;
        uint32_t id; /* 0: free */
};

struct id_table {
        struct id_slot *slots;
        size_t capacity, count;
};

struct index {
        _Atomic uint32_t references;
        pthread_rwlock_t lock;

        /* Items are immutable once reachable (except postings: lock) and read without the lock. */
        struct pages symbols;     /* struct symbol, from 1 */
        struct pages pairs;       /* struct pair, from 1 */
        struct pages record_refs; /* series id -> word in the record chunks, 0: unknown */
        uint32_t *record_chunks[RECORD_CHUNKS];

        /* lock */
        size_t record_chunk_count, record_used;
        char **text_chunks;
        size_t text_chunk_count, text_chunk_capacity, text_used;
        uint32_t symbol_count, pair_count;
        struct name *names;
        size_t name_count, name_capacity;
        struct id_table symbol_table, pair_table, series_table;
        roaring_bitmap_t *all;
        uint64_t series_count;
        const struct record *last_record; /* made by create_series */
};

static inline struct symbol *symbol_at(const struct index *index, uint32_t id)
{
        return pages_get(&index->symbols, id);
}

static inline struct pair *pair_at(const struct index *index, uint32_t id)
{
        return pages_get(&index->pairs, id);
}

static inline struct record *record_at(const struct index *index, uint32_t id)
{
        const _Atomic uint32_t *slot = pages_get(&index->record_refs, id);
        uint32_t ref = atomic_load_explicit(slot, memory_order_acquire);

        return (struct record *)(index->record_chunks[ref / RECORD_CHUNK_WORDS] +
                                 ref % RECORD_CHUNK_WORDS);
}

/* Both under the lock; 0 and NULL when there is none. */
uint32_t index_find_pair(const struct index *index, struct str name, struct str value);
const struct name *index_find_name(const struct index *index, struct str name);

#endif

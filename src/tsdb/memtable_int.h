/* tsdb/memtable_int.h - open samples of all series, in order of arrival.
 *
 * One thread inserts at a time (the store's append lock); any number read meanwhile without a
 * lock: a sample is seen whole or not at all. Reference counted; frozen by no longer inserting.
 */
#ifndef TSDB_MEMTABLE_INT_H
#define TSDB_MEMTABLE_INT_H

#include "base/arena.h"
#include "model/sample.h"
#include "tsdb/pages_int.h"

/* Four samples of 16 bytes: what a 15 s scrape leaves between two flushes. */
enum { MEMTABLE_NODE_SAMPLES = 4 };

struct memtable_node {
        uint32_t older; /* node number, 0: none */
        _Atomic uint32_t count;
        struct sample samples[MEMTABLE_NODE_SAMPLES];
};

/* A sample that is more than a float (sample_record_int.h). */
struct memtable_record {
        struct memtable_record *older;
        int64_t t_ms;
        uint32_t len;
        char bytes[];
};

struct memtable {
        _Atomic uint32_t references;
        struct pages heads; /* series id -> newest node, _Atomic uint32_t */
        struct pages nodes; /* from 1 */
        uint32_t node_count;
        struct pages records;  /* series id -> newest record, _Atomic(struct memtable_record *) */
        struct arena arena;    /* of the records */
        _Atomic uint64_t record_bytes;
        _Atomic uint64_t samples;
        _Atomic int64_t min_t_ms, max_t_ms;
        uint64_t sequence;   /* order among memtables and parts */
        uint64_t wal_end;    /* once frozen: log segment behind its samples */
        uint32_t series_end; /* once frozen: ids of its series are below */
};

struct memtable *memtable_new(uint64_t sequence);
struct memtable *memtable_ref(struct memtable *memtable);
struct memtable *memtable_unref(struct memtable *memtable);

void memtable_insert(struct memtable *memtable, uint32_t series, struct sample sample);
/* Fetches what an insert will need, some inserts ahead: at a million series it is in no cache. */
void memtable_prefetch(const struct memtable *memtable, uint32_t series);
void memtable_insert_record(struct memtable *memtable, uint32_t series, int64_t t_ms,
                            struct str bytes);

/* Appends the series' samples in [mint_ms, maxt_ms]: floats in order of arrival, then the others
 * in theirs. */
void memtable_read(const struct memtable *memtable, uint32_t series, int64_t mint_ms,
                   int64_t maxt_ms, struct samples *samples);
bool memtable_has(const struct memtable *memtable, uint32_t series);

/* The next series with samples after `series` (0 at first); 0 when there is none. */
uint32_t memtable_next_series(const struct memtable *memtable, uint32_t series);

static inline size_t memtable_bytes(const struct memtable *memtable)
{
        return pages_bytes(&memtable->heads) + pages_bytes(&memtable->nodes) +
               pages_bytes(&memtable->records) +
               atomic_load_explicit(&memtable->record_bytes, memory_order_relaxed);
}

#endif

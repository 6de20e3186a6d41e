/* tsdb/exemplars_int.h - the newest exemplars of all series, in memory, as many as a limit says.
 *
 * An exemplar leaves when a newer arrival needs its place, whatever their timestamps; of one
 * series they stand in order of time. Any number of readers, one writer at a time (the store's
 * append lock); inside, a lock of its own.
 */
#ifndef TSDB_EXEMPLARS_INT_H
#define TSDB_EXEMPLARS_INT_H

#include <pthread.h>

#include "model/series.h"
#include "tsdb/pages_int.h"

/* Slots are numbered from 1; 0 is none. */
struct exemplar_slot {
        uint32_t series;             /* 0: free; then `newer` links the free ones */
        uint32_t older, newer;       /* by arrival */
        uint32_t before, after;      /* of the same series, by time */
        uint32_t labels_len;
        uint64_t arrival;            /* counts up */
        int64_t t_ms;
        double v;
        char *labels;                /* exemplar_labels_put's bytes; NULL when there are none */
};

struct exemplars {
        pthread_rwlock_t lock;
        struct exemplar_slot *slots; /* [0] is not used */
        uint32_t slot_count, free;
        size_t slot_capacity;
        uint32_t oldest, newest;     /* by arrival */
        struct pages newest_of;      /* series id -> slot of its newest by time, uint32_t */
        uint64_t count, label_bytes, arrivals;
};

/* One exemplar as it is stored. `labels` are bytes of exemplar_labels_put. */
struct exemplar_item {
        uint32_t series;
        int64_t t_ms;
        double v;
        struct str labels;
};

/* Labels as bytes: varint count, then of each: varint length, name; varint length, value. */
void exemplar_labels_put(struct buf *out, struct labels labels);
/* Borrows from the bytes, the array is in the arena. False when they make no sense. */
bool exemplar_labels_read(struct str bytes, struct arena *arena, struct labels *ret_labels);

void exemplars_init(struct exemplars *exemplars);
void exemplars_release(struct exemplars *exemplars);

/* What would become of it. */
enum append_outcome exemplars_check(struct exemplars *exemplars, const struct exemplar_item *item,
                                    uint64_t limit, int64_t out_of_order_ms);
/* Adds one that was checked; the oldest arrivals leave until there are no more than limit. */
void exemplars_add(struct exemplars *exemplars, const struct exemplar_item *item, uint64_t limit);

uint64_t exemplars_count(struct exemplars *exemplars);
/* Calls visit for those that arrived after number `after`, in order of arrival, under the lock;
 * returns the number of the last arrival. */
uint64_t exemplars_each(struct exemplars *exemplars, uint64_t after,
                        void (*visit)(void *ctx, const struct exemplar_item *item), void *ctx);
/* Those of one series in [mint_ms, maxt_ms], by time, copied to the arena. */
const struct exemplar *exemplars_of(struct exemplars *exemplars, uint32_t series, int64_t mint_ms,
                                    int64_t maxt_ms, struct arena *arena, size_t *ret_count);

#endif

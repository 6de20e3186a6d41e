/* query/budget.h - what one query may use: samples, bytes, seconds; and whether anybody still
 * wants its answer.
 *
 * The query's own thread adds and checks; helper threads may only ask query_budget_expired() and
 * count what they read.
 */
#ifndef QUERY_BUDGET_H
#define QUERY_BUDGET_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/error.h"

struct query_arena;

struct query_budget {
        size_t samples_max, bytes_max;
        int64_t deadline_ns;         /* monotonic */
        const atomic_bool *cancel; /* may be NULL */
        size_t samples, samples_peak;
        uint64_t read_max;           /* samples read from the store in all */
        _Atomic uint64_t read;
        size_t extra_bytes; /* held outside of arenas */
        struct query_arena *arenas;
};

/* An arena that counts towards a budget from init to release. */
struct query_arena {
        struct arena arena;
        struct query_budget *budget;
        struct query_arena *next;
};

void query_budget_init(struct query_budget *budget, size_t samples_max, size_t bytes_max,
                       int64_t timeout_ms, const atomic_bool *cancel);

void query_arena_init(struct query_arena *arena, struct query_budget *budget);
void query_arena_release(struct query_arena *arena);

/* Counts samples as held in memory; ERROR_LIMIT beyond the maximum. Give back by lowering
 * budget->samples. */
NODISCARD bool query_budget_add_samples(struct query_budget *budget, size_t count,
                                        struct error *err);

/* Counts samples as read from the store, kept or not; ERROR_LIMIT beyond the maximum. Any
 * thread. */
NODISCARD bool query_budget_add_read(struct query_budget *budget, size_t count,
                                     struct error *err);

/* ERROR_LIMIT (bytes), ERROR_TIMEOUT or ERROR_CANCELED. Cheap enough for every series. */
NODISCARD bool query_budget_check(struct query_budget *budget, struct error *err);
/* True when time is up or the client has left. Any thread. */
bool query_budget_expired(const struct query_budget *budget);

#endif

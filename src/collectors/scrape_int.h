/* collectors/scrape_int.h - what the parts of scraping share: the schedule, one scrape, pools.
 *
 * A target belongs to its pool and to the schedule until it is removed; from then on to whoever
 * ends it: the remover, or the scrape that was under way. "Lock" is the manager's lock.
 */
#ifndef COLLECTORS_SCRAPE_INT_H
#define COLLECTORS_SCRAPE_INT_H

#include <pthread.h>

#include "base/map.h"
#include "collectors/discovery_int.h"
#include "collectors/target_int.h"

struct target {
        struct scrape_manager *manager;
        struct scrape_config *config; /* counted */
        struct arena arena;           /* labels, url, headers */
        struct target_plan plan;
        struct str key;               /* identity within the pool */
        struct exposition *exposition;
        struct http_fetch fetch;
        struct http_header headers[2];
        bool kept;                    /* by the sync under way; manager lock */
        bool scraping;                /* a fetch or its processing is under way; manager lock */
        bool removed;                 /* to be ended by whoever finishes the scrape; lock */
        bool succeeded;               /* another pool goes on with its series: no markers; lock */
        atomic_size_t over_limit;     /* how many there are, when over target_limit; else 0 */
        int64_t due_ns;               /* next scrape, wall clock; lock */
        size_t heap_at;               /* position in the schedule; lock */
        int64_t scrape_time_ms;       /* of the scrape under way */
        /* outcome of the last scrape; lock */
        enum target_health health;
        char *error_text;
        int64_t last_scrape_ms;
        double last_duration_s;
};

/* Targets dropped by relabeling, as many of them as the configuration keeps. */
struct dropped_targets {
        struct arena arena;
        struct labels *discovered;
        size_t kept, count;
};

struct pool {
        struct scrape_config *config; /* counted */
        struct discovery **discoveries;
        struct discovery_result **results; /* what the targets are made of, one reference each;
                                            * NULL where nothing was found yet */
        struct map targets;           /* key -> struct target; lock */
        struct dropped_targets dropped; /* lock */
};

struct scrape_manager {
        struct series_sink sink;
        bool type_and_unit_labels;
        struct http_client *client;
        struct workers *workers;
        pthread_t scheduler, discoverer;
        pthread_mutex_t change_lock; /* held by who changes pools; taken before lock */
        pthread_mutex_t lock;
        pthread_cond_t wake;       /* the schedule changed, or a target was ended */
        struct pool **pools;       /* changed under both locks */
        size_t pool_count;         /* changed under both locks */
        struct target **heap;      /* by due_ns; lock */
        size_t heap_count, heap_capacity; /* lock */
        struct discovery_set discoveries; /* change_lock */
        bool discovered;           /* a discovery found something else; lock */
        atomic_bool stopping;
};

/* ---- scrape_schedule.c: a heap of targets by the time they are due; all under the lock ------ */

void scrape_schedule_add(struct scrape_manager *manager, struct target *target);
void scrape_schedule_remove(struct scrape_manager *manager, struct target *target);
void scrape_schedule_release(struct scrape_manager *manager);
/* Waits for a change or the time, whichever is first. */
void scrape_schedule_wait(struct scrape_manager *manager, int64_t wall_ns);
void *scrape_schedule_main(void *manager); /* the thread; takes the lock itself */

/* ---- scrape_loop.c: one target's scrapes --------------------------------------------------- */

struct target *scrape_target_new(struct scrape_manager *manager, struct scrape_config *config,
                                 const struct target_plan *plan, struct str key);
/* Begins a scrape, under the lock. */
void scrape_target_start(struct target *target, int64_t due_ms, int64_t now_ms);
/* Ends a removed target that no scrape uses any more. Without the lock. */
void scrape_target_end(struct target *target);

/* ---- scrape_pool.c: pools and their targets ------------------------------------------------ */

struct pool *scrape_pool_new(struct scrape_manager *manager, struct scrape_config *config);
/* Takes what its discoveries found last; true when something changed. */
bool scrape_pool_refresh(struct pool *pool);
/* Makes the pool's targets those of its groups now. Takes the lock. */
void scrape_pool_sync(struct scrape_manager *manager, struct pool *pool);
/* Ends a pool. What its successor (may be NULL) scrapes on gets no staleness markers. */
void scrape_pool_end(struct scrape_manager *manager, struct pool *pool,
                     const struct pool *successor);

#endif

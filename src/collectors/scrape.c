#include "collectors/scrape.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/thread.h"
#include "collectors/scrape_int.h"
#include "ingest/exposition.h"

ALLOC_TYPE(scrape_config_type, "scrape_config")
ALLOC_TYPE(scrape_manager_type, "scrape_manager")

enum { CONFIG_ARENA_BYTES = 64 << 20, WORKER_QUEUE_MAX = 1 << 20 };
/* The least time between two takings of discovered targets: a burst of changes costs one. */
enum { SYNC_INTERVAL_MS = 500 };
/* How long fetches that come together may be apart: a wake for each costs more than the fetch. */
enum { GATHER_NS = 1000000 };
/* What a source that answers at once has, is there when a reload ends: no gap, no stale series.
 * A slow one is not waited for. */
enum { FIRST_RESULT_WAIT_MS = 250 };

struct scrape_config *scrape_config_new(void)
{
        struct scrape_config *config = alloc_new(&scrape_config_type, sizeof(*config));

        atomic_init(&config->references, 1);
        arena_init(&config->arena, CONFIG_ARENA_BYTES);
        config->series_quota = arena_new(&config->arena, struct series_quota);
        return config;
}

struct scrape_config *scrape_config_ref(struct scrape_config *config)
{
        atomic_fetch_add(&config->references, 1);
        return config;
}

struct scrape_config *scrape_config_unref(struct scrape_config *config)
{
        if (config && atomic_fetch_sub(&config->references, 1) == 1) {
                arena_release(&config->arena);
                alloc_free(&scrape_config_type, config);
        }
        return NULL;
}

/* ---- the manager -------------------------------------------------------------------------- */

static void on_discovered(void *ctx)
{
        struct scrape_manager *manager = ctx;

        pthread_mutex_lock(&manager->lock);
        manager->discovered = true;
        pthread_cond_broadcast(&manager->wake);
        pthread_mutex_unlock(&manager->lock);
}

static void sync_discovered(struct scrape_manager *manager)
{
        pthread_mutex_lock(&manager->change_lock);
        for (size_t i = 0; i < manager->pool_count; i++)
                if (scrape_pool_refresh(manager->pools[i]))
                        scrape_pool_sync(manager, manager->pools[i]);
        pthread_mutex_unlock(&manager->change_lock);
}

/* Takes what the discoveries found into the pools. */
static void *discoverer_main(void *arg)
{
        struct scrape_manager *manager = arg;

        pthread_mutex_lock(&manager->lock);
        while (!atomic_load(&manager->stopping)) {
                int64_t next_ns = clock_now_ns(&clock_real) + SYNC_INTERVAL_MS * 1000000LL;
                bool discovered = manager->discovered;

                manager->discovered = false;
                pthread_mutex_unlock(&manager->lock);
                if (discovered)
                        sync_discovered(manager);
                pthread_mutex_lock(&manager->lock);
                while (!atomic_load(&manager->stopping) &&
                       (!manager->discovered || clock_now_ns(&clock_real) < next_ns))
                        scrape_schedule_wait(manager, manager->discovered ? next_ns : INT64_MAX);
        }
        pthread_mutex_unlock(&manager->lock);
        return NULL;
}

struct scrape_manager *scrape_manager_new(const struct series_sink *sink, unsigned worker_count,
                                          bool type_and_unit_labels)
{
        struct scrape_manager *manager = alloc_new(&scrape_manager_type, sizeof(*manager));

        manager->sink = *sink;
        manager->type_and_unit_labels = type_and_unit_labels;
        pthread_mutex_init(&manager->change_lock, NULL);
        pthread_mutex_init(&manager->lock, NULL);
        pthread_cond_init(&manager->wake, NULL);
        manager->discoveries.on_change = on_discovered;
        manager->discoveries.ctx = manager;
        manager->client = http_client_new("scrape-http");
        http_client_set_gather(manager->client, GATHER_NS);
        manager->workers = workers_new("scrape-worker", worker_count, WORKER_QUEUE_MAX);
        thread_start(&manager->scheduler, "scrape-schedule", scrape_schedule_main, manager);
        thread_start(&manager->discoverer, "discovery-sync", discoverer_main, manager);
        return manager;
}

struct scrape_manager *scrape_manager_free(struct scrape_manager *manager)
{
        if (!manager)
                return NULL;
        pthread_mutex_lock(&manager->lock);
        atomic_store(&manager->stopping, true);
        pthread_cond_broadcast(&manager->wake);
        pthread_mutex_unlock(&manager->lock);
        pthread_join(manager->scheduler, NULL);
        pthread_join(manager->discoverer, NULL);
        http_client_free(manager->client);
        workers_free(manager->workers);
        for (size_t i = 0; i < manager->pool_count; i++)
                scrape_pool_end(manager, manager->pools[i], NULL);
        alloc_free(&scrape_manager_type, manager->pools);
        scrape_schedule_release(manager);
        pthread_cond_destroy(&manager->wake);
        pthread_mutex_destroy(&manager->lock);
        pthread_mutex_destroy(&manager->change_lock);
        return alloc_free(&scrape_manager_type, manager);
}

static struct pool *find_pool(struct pool *const *pools, size_t count, struct str job_name)
{
        for (size_t i = 0; i < count; i++)
                if (str_equal(pools[i]->config->job_name, job_name))
                        return pools[i];
        return NULL;
}

/* Pools that are new get their first targets. */
static void fill_pools(struct scrape_manager *manager, struct pool *const *pools, size_t count)
{
        int64_t until_ns = clock_mono_ns(&clock_real) + FIRST_RESULT_WAIT_MS * 1000000LL;

        for (size_t i = 0; i < count; i++)
                for (size_t d = 0; d < pools[i]->config->discovery_count; d++)
                        discovery_wait_first(pools[i]->discoveries[d], until_ns);
        for (size_t i = 0; i < count; i++) {
                scrape_pool_refresh(pools[i]);
                scrape_pool_sync(manager, pools[i]);
        }
}

static bool is_among(const struct pool *pool, struct pool *const *pools, size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (pools[i] == pool)
                        return true;
        return false;
}

void scrape_manager_apply(struct scrape_manager *manager, struct scrape_config *const *configs,
                          size_t count)
{
        struct pool **fresh = alloc_new(&scrape_manager_type, (count + 1) * sizeof(*fresh));
        struct pool **added = alloc_new(&scrape_manager_type, (count + 1) * sizeof(*added));
        size_t old_count, added_count = 0;
        struct pool **old;

        pthread_mutex_lock(&manager->change_lock);
        old = manager->pools;
        old_count = manager->pool_count;
        for (size_t i = 0; i < count; i++) {
                struct pool *before = find_pool(old, old_count, configs[i]->job_name);

                if (before && before->config->fingerprint == configs[i]->fingerprint) {
                        fresh[i] = before;
                        continue;
                }
                fresh[i] = scrape_pool_new(manager, configs[i]);
                added[added_count++] = fresh[i];
        }
        fill_pools(manager, added, added_count);
        pthread_mutex_lock(&manager->lock);
        manager->pools = fresh;
        manager->pool_count = count;
        pthread_mutex_unlock(&manager->lock);
        for (size_t i = 0; i < old_count; i++)
                if (!is_among(old[i], fresh, count))
                        scrape_pool_end(manager, old[i],
                                 find_pool(fresh, count, old[i]->config->job_name));
        alloc_free(&scrape_manager_type, old);
        alloc_free(&scrape_manager_type, added);
        pthread_mutex_unlock(&manager->change_lock);
}

/* ---- what the API shows ------------------------------------------------------------------- */

static struct target_status status_of(const struct target *target)
{
        return (struct target_status){
                .job_name = target->config->job_name,
                .labels = target->plan.labels,
                .discovered = target->plan.discovered,
                .url = target->plan.url,
                .health = target->health,
                .last_error = str_from(target->error_text ? target->error_text : ""),
                .last_scrape_ms = target->last_scrape_ms,
                .last_duration_s = target->last_duration_s,
                .interval_ms = target->plan.interval_ms,
                .timeout_ms = target->plan.timeout_ms,
        };
}

void scrape_manager_each(struct scrape_manager *manager,
                         void (*visit)(const struct target_status *target, void *ctx), void *ctx)
{
        pthread_mutex_lock(&manager->lock);
        for (size_t i = 0; i < manager->pool_count; i++) {
                const struct pool *pool = manager->pools[i];

                for (struct map_entry *e = NULL; (e = map_next(&pool->targets, e));) {
                        struct target_status status = status_of(e->value);

                        visit(&status, ctx);
                }
                for (size_t d = 0; d < pool->dropped.kept; d++) {
                        struct target_status status = {.job_name = pool->config->job_name,
                                                       .discovered = pool->dropped.discovered[d],
                                                       .dropped = true};

                        visit(&status, ctx);
                }
        }
        pthread_mutex_unlock(&manager->lock);
}

struct metadata_visit {
        struct target_status status;
        void (*visit)(const struct target_status *target,
                      const struct metric_metadata *metadata, void *ctx);
        void *ctx;
};

static void visit_metadata(const struct metric_metadata *metadata, void *ctx)
{
        struct metadata_visit *visit = ctx;

        visit->visit(&visit->status, metadata, visit->ctx);
}

void scrape_manager_each_metadata(struct scrape_manager *manager,
                                  void (*visit)(const struct target_status *target,
                                                const struct metric_metadata *metadata,
                                                void *ctx),
                                  void *ctx)
{
        pthread_mutex_lock(&manager->lock);
        for (size_t i = 0; i < manager->pool_count; i++) {
                const struct pool *pool = manager->pools[i];

                for (struct map_entry *e = NULL; (e = map_next(&pool->targets, e));) {
                        struct target *target = e->value;
                        struct metadata_visit each = {status_of(target), visit, ctx};

                        exposition_metadata_each(target->exposition, visit_metadata, &each);
                }
        }
        pthread_mutex_unlock(&manager->lock);
}

void scrape_manager_each_pool(struct scrape_manager *manager,
                              void (*visit)(struct str job_name, size_t dropped, void *ctx),
                              void *ctx)
{
        pthread_mutex_lock(&manager->lock);
        for (size_t i = 0; i < manager->pool_count; i++)
                visit(manager->pools[i]->config->job_name, manager->pools[i]->dropped.count, ctx);
        pthread_mutex_unlock(&manager->lock);
}

bool scrape_manager_find_pool(struct scrape_manager *manager, struct str job_name,
                              void (*visit)(const struct scrape_config *config, void *ctx),
                              void *ctx)
{
        bool found = false;

        pthread_mutex_lock(&manager->lock);
        for (size_t i = 0; i < manager->pool_count && !found; i++) {
                found = str_equal(manager->pools[i]->config->job_name, job_name);
                if (found)
                        visit(manager->pools[i]->config, ctx);
        }
        pthread_mutex_unlock(&manager->lock);
        return found;
}

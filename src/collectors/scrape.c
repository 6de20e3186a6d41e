#include "collectors/scrape.h"

#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/map.h"
#include "base/metrics.h"
#include "base/thread.h"
#include "collectors/file_discovery_int.h"
#include "collectors/target_int.h"
#include "http/client.h"
#include "ingest/exposition.h"

ALLOC_TYPE(scrape_config_type, "scrape_config")
ALLOC_TYPE(scrape_pool_type, "scrape_pool")
ALLOC_TYPE(scrape_target_type, "scrape_target")

METRIC_COUNTER(scrapes_total, "pitwall_scrapes_total", "", "Scrapes that were started.")
METRIC_COUNTER(scrapes_failed, "pitwall_scrapes_failed_total", "", "Scrapes that failed.")
METRIC_COUNTER(samples_total, "pitwall_scraped_samples_total", "", "Samples read from targets.")
METRIC_COUNTER(samples_duplicate, "pitwall_scrape_samples_refused_total", "reason=\"duplicate\"",
               "Scraped samples that the store refused.")
METRIC_COUNTER(samples_disorder, "pitwall_scrape_samples_refused_total",
               "reason=\"out_of_order\"", "Scraped samples that the store refused.")
METRIC_COUNTER(samples_bounds, "pitwall_scrape_samples_refused_total",
               "reason=\"out_of_bounds\"", "Scraped samples that the store refused.")

/* A body without a configured limit. 1 M series at 110 bytes a line fit twice. */
enum { BODY_DEFAULT_MAX_BYTES = 256 << 20 };
/* How often discovered files are looked at; a look is one stat() a file. */
enum { DISCOVERY_INTERVAL_MS = 1000 };
enum { TARGET_ARENA_BYTES = 1 << 20, PLAN_ARENA_BYTES = 64 << 20, WORKER_QUEUE_MAX = 1 << 20 };
/* A scrape that starts this late or less has the time it was due as its timestamp, so that the
 * distance of samples stays constant and compresses to nothing. */
enum { ALIGN_TOLERANCE_MS = 10 };

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
        bool over_target_limit;       /* lock */
        int64_t due_ns;               /* next scrape, wall clock; lock */
        size_t heap_at;               /* position in the schedule; lock */
        int64_t scrape_time_ms;       /* of the scrape under way */
        /* outcome of the last scrape; lock */
        enum target_health health;
        char *error_text;
        int64_t last_scrape_ms;
        double last_duration_s;
};

struct pool {
        struct scrape_config *config; /* counted */
        struct file_discovery **discoveries;
        struct map targets;           /* key -> struct target */
        struct arena dropped_arena;
        struct labels *dropped;       /* discovered labels of dropped targets that are kept */
        size_t dropped_kept, dropped_count;
};

struct scrape_manager {
        struct series_sink sink;
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
        atomic_bool stopping;
};

struct scrape_config *scrape_config_new(void)
{
        struct scrape_config *config = alloc_new(&scrape_config_type, sizeof(*config));

        atomic_init(&config->references, 1);
        arena_init(&config->arena, PLAN_ARENA_BYTES);
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

/* ---- the schedule: a heap of targets by the time they are due ------------------------------ */

static void heap_place(struct scrape_manager *manager, size_t at, struct target *target)
{
        manager->heap[at] = target;
        target->heap_at = at;
}

static void heap_rise(struct scrape_manager *manager, size_t at)
{
        struct target *target = manager->heap[at];

        while (at > 0 && manager->heap[(at - 1) / 2]->due_ns > target->due_ns) {
                heap_place(manager, at, manager->heap[(at - 1) / 2]);
                at = (at - 1) / 2;
        }
        heap_place(manager, at, target);
}

static void heap_sink(struct scrape_manager *manager, size_t at)
{
        struct target *target = manager->heap[at];

        for (;;) {
                size_t child = at * 2 + 1;

                if (child >= manager->heap_count)
                        break;
                if (child + 1 < manager->heap_count &&
                    manager->heap[child + 1]->due_ns < manager->heap[child]->due_ns)
                        child++;
                if (manager->heap[child]->due_ns >= target->due_ns)
                        break;
                heap_place(manager, at, manager->heap[child]);
                at = child;
        }
        heap_place(manager, at, target);
}

static void heap_push(struct scrape_manager *manager, struct target *target)
{
        manager->heap = alloc_array_reserve(&scrape_pool_type, manager->heap,
                                            &manager->heap_capacity, manager->heap_count + 1,
                                            sizeof(*manager->heap));
        manager->heap[manager->heap_count++] = target;
        heap_rise(manager, manager->heap_count - 1);
}

static void heap_remove(struct scrape_manager *manager, struct target *target)
{
        size_t at = target->heap_at;
        struct target *last = manager->heap[--manager->heap_count];

        if (last == target)
                return;
        heap_place(manager, at, last);
        heap_rise(manager, at);
        heap_sink(manager, last->heap_at);
}

/* ---- one scrape --------------------------------------------------------------------------- */

/* -1 says that it was over the limit. */
static double body_size(const struct http_fetch *fetch)
{
        if (fetch->failed)
                return fetch->err.code == ERROR_LIMIT ? -1 : 0;
        return fetch->status == 200 ? (double)fetch->body.len : 0;
}

static void report(struct target *target, const struct exposition_result *result, bool up)
{
        const struct scrape_config *config = target->config;
        struct exposition *exposition = target->exposition;
        int64_t t_ms = target->scrape_time_ms;

        exposition_report(exposition, "up", t_ms, up);
        exposition_report(exposition, "scrape_duration_seconds", t_ms,
                          (double)target->fetch.duration_ns / 1e9);
        exposition_report(exposition, "scrape_samples_scraped", t_ms, (double)result->scraped);
        exposition_report(exposition, "scrape_samples_post_metric_relabeling", t_ms,
                          (double)result->post_relabel);
        exposition_report(exposition, "scrape_series_added", t_ms, (double)result->series_added);
        if (!config->extra_scrape_metrics)
                return;
        exposition_report(exposition, "scrape_timeout_seconds", t_ms,
                          (double)target->plan.timeout_ms / 1000);
        exposition_report(exposition, "scrape_sample_limit", t_ms, (double)config->sample_limit);
        exposition_report(exposition, "scrape_body_size_bytes", t_ms, body_size(&target->fetch));
}

static bool check_answer(const struct target *target, enum exposition_format *ret_format,
                         struct error *err)
{
        const struct http_fetch *fetch = &target->fetch;
        enum scrape_protocol protocol;

        if (fetch->failed && fetch->err.code == ERROR_LIMIT)
                return error_set(err, ERROR_LIMIT, "body size limit exceeded");
        if (fetch->failed)
                return error_set(err, fetch->err.code, "Get \"" STR_FMT "\": %s",
                                 STR_ARG(fetch->url), fetch->err.text);
        if (fetch->status != 200)
                return error_set(err, ERROR_NETWORK, "server returned HTTP status %d",
                                 fetch->status);
        if (!scrape_protocol_of_answer(str_from(fetch->content_type),
                                       target->config->fallback_protocol, &protocol, err))
                return false;
        *ret_format = protocol == SCRAPE_PROMETHEUS_PROTO ? EXPOSITION_PROTO
                      : protocol == SCRAPE_OPENMETRICS_1_0_0 ||
                                        protocol == SCRAPE_OPENMETRICS_0_0_1
                              ? EXPOSITION_OPENMETRICS : EXPOSITION_TEXT;
        return true;
}

static void count_result(const struct exposition_result *result, bool up)
{
        metric_add(&samples_total, (int64_t)result->scraped);
        metric_add(&samples_duplicate, (int64_t)result->duplicate);
        metric_add(&samples_disorder, (int64_t)result->out_of_order);
        metric_add(&samples_bounds, (int64_t)result->out_of_bounds);
        metric_add(&scrapes_failed, !up);
}

static void target_free(struct target *target)
{
        exposition_free(target->exposition);
        buf_release(&target->fetch.body);
        alloc_free(&scrape_target_type, target->error_text);
        arena_release(&target->arena);
        scrape_config_unref(target->config);
        alloc_free(&scrape_target_type, target);
}

/* Ends a removed target that no scrape uses any more. Without the lock. */
static void target_end(struct target *target)
{
        if (target->last_scrape_ms && !target->succeeded &&
            !atomic_load(&target->manager->stopping)) {
                int64_t now_ms = clock_now_ms(&clock_real);

                exposition_mark_stale(target->exposition, now_ms);
                exposition_mark_reports_stale(target->exposition, now_ms);
        }
        target_free(target);
}

static void leave_scrape(struct target *target, bool up, const struct error *err)
{
        struct scrape_manager *manager = target->manager;
        bool end;

        pthread_mutex_lock(&manager->lock);
        target->health = up ? TARGET_UP : TARGET_DOWN;
        target->error_text = alloc_free(&scrape_target_type, target->error_text);
        if (!up)
                target->error_text = alloc_strdup(&scrape_target_type, err->text,
                                                  strlen(err->text));
        target->last_scrape_ms = target->scrape_time_ms;
        target->last_duration_s = (double)target->fetch.duration_ns / 1e9;
        target->scraping = false;
        end = target->removed;
        pthread_mutex_unlock(&manager->lock);
        if (end)
                target_end(target);
}

/* Parses, stores and reports, on a worker. */
static void process_answer(void *arg)
{
        struct target *target = arg;
        struct exposition_result result = {0};
        enum exposition_format format = EXPOSITION_TEXT;
        struct error err = {0};
        bool up;

        if (atomic_load(&target->manager->stopping)) {
                leave_scrape(target, false, &err);
                return;
        }
        up = check_answer(target, &format, &err);
        if (up)
                up = exposition_ingest(target->exposition, format, buf_str(&target->fetch.body),
                                       target->scrape_time_ms, &result, &err);
        else
                exposition_mark_stale(target->exposition, target->scrape_time_ms);
        report(target, &result, up);
        count_result(&result, up);
        buf_release(&target->fetch.body);
        leave_scrape(target, up, &err);
}

static void on_fetched(struct http_fetch *fetch)
{
        struct target *target = fetch->ctx;

        if (!workers_submit(target->manager->workers, process_answer, target))
                process_answer(target);
}

/* A built-in target's turn, on a worker: rendering takes the place of fetching. */
static void process_render(void *arg)
{
        struct target *target = arg;
        struct http_fetch *fetch = &target->fetch;
        int64_t started_ns = clock_mono_ns(&clock_real);

        buf_clear(&fetch->body);
        target->config->render(target->config->render_ctx, &fetch->body);
        fetch->duration_ns = clock_mono_ns(&clock_real) - started_ns;
        fetch->status = 200;
        strcpy(fetch->content_type, "text/plain");
        process_answer(target);
}

static void fail_without_fetch(void *arg)
{
        struct target *target = arg;
        struct exposition_result result = {0};
        struct error err;

        error_set(&err, ERROR_LIMIT, "target_limit exceeded (limit: %llu)",
                  (unsigned long long)target->config->target_limit);
        exposition_mark_stale(target->exposition, target->scrape_time_ms);
        report(target, &result, false);
        count_result(&result, false);
        leave_scrape(target, false, &err);
}

/* Under the lock. */
static void start_scrape(struct target *target, int64_t due_ms, int64_t now_ms)
{
        struct scrape_manager *manager = target->manager;
        void (*job)(void *arg) = target->over_target_limit ? fail_without_fetch
                                 : target->config->render  ? process_render : NULL;

        target->scraping = true;
        target->scrape_time_ms = now_ms - due_ms <= ALIGN_TOLERANCE_MS ? due_ms : now_ms;
        target->fetch.failed = false;
        target->fetch.status = 0;
        target->fetch.duration_ns = 0;
        metric_add(&scrapes_total, 1);
        if (!job)
                http_client_start(manager->client, &target->fetch);
        else if (!workers_submit(manager->workers, job, target))
                BUG_ON(true); /* the queue is larger than the number of targets can be */
}

static void run_due(struct scrape_manager *manager, int64_t now_ns)
{
        while (manager->heap_count && manager->heap[0]->due_ns <= now_ns) {
                struct target *target = manager->heap[0];
                int64_t due_ms = target->due_ns / 1000000;
                int64_t interval_ns = target->plan.interval_ms * 1000000;

                target->due_ns += interval_ns;
                /* After a pause of the machine: go on with the present, do not catch up. */
                if (target->due_ns <= now_ns)
                        target->due_ns += (now_ns - target->due_ns) / interval_ns * interval_ns +
                                          interval_ns;
                heap_sink(manager, 0);
                if (!target->scraping)
                        start_scrape(target, due_ms, now_ns / 1000000);
        }
}

/* ---- pools and their targets -------------------------------------------------------------- */

static void fill_fetch(struct target *target)
{
        const struct scrape_config *config = target->config;
        struct buf accept CLEANUP(buf_release) = BUF_INIT(4096);
        const char *timeout;

        scrape_protocols_accept(&accept, &config->protocols, config->escaping);
        timeout = arena_printf(&target->arena, "%g", (double)target->plan.timeout_ms / 1000);
        target->headers[0] = (struct http_header){
                STR_LIT("Accept"), arena_str(&target->arena, buf_str(&accept))};
        target->headers[1] = (struct http_header){
                STR_LIT("X-Prometheus-Scrape-Timeout-Seconds"), str_from(timeout)};
        target->fetch = (struct http_fetch){
                .options = config->http,
                .url = target->plan.url,
                .headers = target->headers,
                .header_count = ARRAY_LEN(target->headers),
                .accept_gzip = config->enable_compression,
                .timeout_ms = target->plan.timeout_ms,
                .body = BUF_INIT(config->body_size_limit ? config->body_size_limit
                                                         : BODY_DEFAULT_MAX_BYTES),
                .done = on_fetched,
                .ctx = target,
        };
}

static struct str plan_key(struct arena *arena, const struct target_plan *plan)
{
        struct buf key CLEANUP(buf_release) = BUF_INIT(1 << 20);

        buf_append_str(&key, plan->url);
        labels_format(&key, plan->labels);
        buf_printf(&key, "%lld %lld %d%d%d", (long long)plan->interval_ms,
                   (long long)plan->timeout_ms, plan->native_histograms, plan->convert_classic,
                   plan->always_classic);
        return arena_str(arena, buf_str(&key));
}

/* Spreads the targets of an interval over it, the same way after every start. */
static int64_t first_due_ns(const struct target *target)
{
        int64_t interval_ns = target->plan.interval_ms * 1000000;
        int64_t now_ns = clock_now_ns(&clock_real);
        int64_t offset_ns = (int64_t)(hash_str(target->key) % (uint64_t)interval_ns);
        int64_t due_ns = now_ns - now_ns % interval_ns + offset_ns;

        /* Whole milliseconds: the timestamps of samples are. */
        due_ns -= due_ns % 1000000;
        return due_ns > now_ns ? due_ns : due_ns + interval_ns;
}

static void add_target(struct scrape_manager *manager, struct pool *pool,
                       const struct target_plan *plan, struct str key)
{
        struct target *target = alloc_new(&scrape_target_type, sizeof(*target));
        const struct scrape_config *config = pool->config;
        struct exposition_options options = {
                .metric_relabel = config->metric_relabel,
                .honor_labels = config->honor_labels,
                .honor_timestamps = config->honor_timestamps,
                .track_timestamps_staleness = config->track_timestamps_staleness,
                .legacy_names = config->legacy_names,
                .native_histograms = plan->native_histograms,
                .convert_classic = plan->convert_classic,
                .always_classic = plan->always_classic,
                .native_bucket_factor_min = config->native_bucket_factor_min,
                .native_bucket_limit = config->native_bucket_limit,
                .sample_limit = config->sample_limit,
                .label_limit = config->label_limit,
                .label_name_length_limit = config->label_name_length_limit,
                .label_value_length_limit = config->label_value_length_limit,
        };

        arena_init(&target->arena, TARGET_ARENA_BYTES);
        target->manager = manager;
        target->config = scrape_config_ref(pool->config);
        target->plan = *plan;
        target->plan.labels = labels_copy(&target->arena, plan->labels);
        target->plan.discovered = labels_copy(&target->arena, plan->discovered);
        target->plan.url = arena_str(&target->arena, plan->url);
        target->key = arena_str(&target->arena, key);
        options.target_labels = target->plan.labels;
        target->exposition = exposition_new(&options, &manager->sink);
        target->kept = true;
        fill_fetch(target);
        map_put(&pool->targets, target->key, target);
        /* A built-in target has nobody to spare: it starts at once, to have data to show. */
        target->due_ns = config->render ? clock_now_ns(&clock_real) : first_due_ns(target);
        heap_push(manager, target);
}

static void plan_group(struct scrape_manager *manager, struct pool *pool,
                       const struct target_group *group, struct arena *arena)
{
        size_t keep_dropped = pool->config->keep_dropped_targets;

        for (size_t i = 0; i < group->target_count; i++) {
                struct arena_point mark = arena_mark(arena);
                struct target_plan plan;
                struct target *target;
                struct error err;
                struct str key;

                if (!target_plan_make(&plan, arena, pool->config, group, i, &err)) {
                        log_warn("target is not usable", LOG_STR("job", pool->config->job_name),
                                 LOG_CSTR("error", err.text));
                } else if (plan.dropped) {
                        if (!keep_dropped || pool->dropped_kept < keep_dropped)
                                pool->dropped[pool->dropped_kept++] =
                                        labels_copy(&pool->dropped_arena, plan.discovered);
                        pool->dropped_count++;
                } else {
                        key = plan_key(arena, &plan);
                        target = map_get(&pool->targets, key);
                        if (target)
                                target->kept = true;
                        else
                                add_target(manager, pool, &plan, key);
                }
                arena_rewind(arena, mark);
        }
}

static size_t count_targets(const struct target_group *groups, size_t count)
{
        size_t total = 0;

        for (size_t i = 0; i < count; i++)
                total += groups[i].target_count;
        return total;
}

/* Takes a target off the schedule. Returns it when it can be ended at once, else NULL: then the
 * scrape under way ends it. */
static struct target *remove_target(struct scrape_manager *manager, struct target *target)
{
        heap_remove(manager, target);
        target->removed = true;
        return target->scraping ? NULL : target;
}

/* Removes what the sync has not kept; returns a list of targets to end without the lock. */
static struct target **remove_unkept(struct scrape_manager *manager, struct pool *pool)
{
        struct target **gone = alloc_new(&scrape_pool_type,
                                         (pool->targets.count + 1) * sizeof(*gone));
        struct target **unkept = alloc_new(&scrape_pool_type,
                                           (pool->targets.count + 1) * sizeof(*unkept));
        size_t count = 0, gone_count = 0;

        for (struct map_entry *e = NULL; (e = map_next(&pool->targets, e));)
                if (!((struct target *)e->value)->kept)
                        unkept[count++] = e->value;
        for (size_t i = 0; i < count; i++) {
                map_remove(&pool->targets, unkept[i]->key);
                gone[gone_count] = remove_target(manager, unkept[i]);
                gone_count += gone[gone_count] != NULL;
        }
        gone[gone_count] = NULL;
        alloc_free(&scrape_pool_type, unkept);
        return gone;
}

static void end_targets(struct target **gone)
{
        for (size_t i = 0; gone[i]; i++)
                target_end(gone[i]);
        alloc_free(&scrape_pool_type, gone);
}

/* Makes the pool's targets those of its groups now. Takes the lock. */
static void sync_pool(struct scrape_manager *manager, struct pool *pool)
{
        const struct scrape_config *config = pool->config;
        size_t total = count_targets(config->static_groups, config->static_group_count);
        struct target **gone;
        struct arena arena;
        bool over_limit;

        arena_init(&arena, PLAN_ARENA_BYTES);
        pthread_mutex_lock(&manager->lock);
        for (size_t d = 0; d < config->file_discovery_count; d++) {
                size_t count;
                const struct target_group *groups =
                        file_discovery_groups(pool->discoveries[d], &count);

                total += count_targets(groups, count);
        }
        arena_release(&pool->dropped_arena);
        arena_init(&pool->dropped_arena, PLAN_ARENA_BYTES);
        pool->dropped = arena_array(&pool->dropped_arena, struct labels, total);
        pool->dropped_kept = pool->dropped_count = 0;
        for (struct map_entry *e = NULL; (e = map_next(&pool->targets, e));)
                ((struct target *)e->value)->kept = false;
        for (size_t i = 0; i < config->static_group_count; i++)
                plan_group(manager, pool, &config->static_groups[i], &arena);
        for (size_t d = 0; d < config->file_discovery_count; d++) {
                size_t count;
                const struct target_group *groups =
                        file_discovery_groups(pool->discoveries[d], &count);

                for (size_t i = 0; i < count; i++)
                        plan_group(manager, pool, &groups[i], &arena);
        }
        gone = remove_unkept(manager, pool);
        over_limit = config->target_limit && pool->targets.count > config->target_limit;
        for (struct map_entry *e = NULL; (e = map_next(&pool->targets, e));)
                ((struct target *)e->value)->over_target_limit = over_limit;
        pthread_cond_broadcast(&manager->wake);
        pthread_mutex_unlock(&manager->lock);
        end_targets(gone);
        arena_release(&arena);
}

static void log_discovery_error(const char *file, const struct error *err)
{
        log_warn("target file is not usable, its last targets stay", LOG_CSTR("file", file),
                 LOG_CSTR("error", err->text));
}

static struct pool *pool_new(struct scrape_config *config)
{
        struct pool *pool = alloc_new(&scrape_pool_type, sizeof(*pool));

        pool->config = scrape_config_ref(config);
        arena_init(&pool->dropped_arena, PLAN_ARENA_BYTES);
        pool->discoveries = alloc_new(&scrape_pool_type, config->file_discovery_count *
                                                                 sizeof(*pool->discoveries));
        for (size_t i = 0; i < config->file_discovery_count; i++) {
                pool->discoveries[i] = file_discovery_new(&config->file_discoveries[i]);
                file_discovery_refresh(pool->discoveries[i], log_discovery_error);
        }
        return pool;
}

static void pool_free(struct pool *pool)
{
        for (size_t i = 0; i < pool->config->file_discovery_count; i++)
                file_discovery_free(pool->discoveries[i]);
        alloc_free(&scrape_pool_type, pool->discoveries);
        map_release(&pool->targets);
        arena_release(&pool->dropped_arena);
        scrape_config_unref(pool->config);
        alloc_free(&scrape_pool_type, pool);
}

/* Ends a pool. What its successor (may be NULL) scrapes on gets no staleness markers. */
static void pool_end(struct scrape_manager *manager, struct pool *pool,
                     const struct pool *successor)
{
        struct target **gone;

        pthread_mutex_lock(&manager->lock);
        for (struct map_entry *e = NULL; (e = map_next(&pool->targets, e));) {
                struct target *target = e->value;

                target->kept = false;
                target->succeeded = successor && map_get(&successor->targets, target->key);
        }
        gone = remove_unkept(manager, pool);
        pthread_mutex_unlock(&manager->lock);
        end_targets(gone);
        pool_free(pool);
}

/* ---- the manager -------------------------------------------------------------------------- */

static void wait_until(struct scrape_manager *manager, int64_t wall_ns)
{
        struct timespec until = {.tv_sec = wall_ns / 1000000000, .tv_nsec = wall_ns % 1000000000};

        pthread_cond_timedwait(&manager->wake, &manager->lock, &until);
}

static void *scheduler_main(void *arg)
{
        struct scrape_manager *manager = arg;
        /* Never sleeps longer, so that a jump of the clock is noticed. */
        const int64_t nap_ns = 1000000000;

        pthread_mutex_lock(&manager->lock);
        while (!atomic_load(&manager->stopping)) {
                int64_t now_ns = clock_now_ns(&clock_real), until_ns = now_ns + nap_ns;

                run_due(manager, now_ns);
                if (manager->heap_count && manager->heap[0]->due_ns < until_ns)
                        until_ns = manager->heap[0]->due_ns;
                wait_until(manager, until_ns);
        }
        pthread_mutex_unlock(&manager->lock);
        return NULL;
}

static void refresh_discoveries(struct scrape_manager *manager)
{
        pthread_mutex_lock(&manager->change_lock);
        for (size_t i = 0; i < manager->pool_count; i++) {
                struct pool *pool = manager->pools[i];
                bool changed = false;

                for (size_t d = 0; d < pool->config->file_discovery_count; d++)
                        changed |= file_discovery_refresh(pool->discoveries[d],
                                                          log_discovery_error);
                if (changed)
                        sync_pool(manager, pool);
        }
        pthread_mutex_unlock(&manager->change_lock);
}

static void *discoverer_main(void *arg)
{
        struct scrape_manager *manager = arg;
        int64_t next_ns = 0;

        while (!atomic_load(&manager->stopping)) {
                int64_t now_ns = clock_now_ns(&clock_real);

                if (now_ns >= next_ns || next_ns - now_ns > DISCOVERY_INTERVAL_MS * 1000000LL) {
                        refresh_discoveries(manager);
                        next_ns = now_ns + DISCOVERY_INTERVAL_MS * 1000000LL;
                }
                pthread_mutex_lock(&manager->lock);
                if (!atomic_load(&manager->stopping))
                        wait_until(manager, next_ns);
                pthread_mutex_unlock(&manager->lock);
        }
        return NULL;
}

struct scrape_manager *scrape_manager_new(const struct series_sink *sink, unsigned worker_count)
{
        struct scrape_manager *manager = alloc_new(&scrape_pool_type, sizeof(*manager));

        manager->sink = *sink;
        pthread_mutex_init(&manager->change_lock, NULL);
        pthread_mutex_init(&manager->lock, NULL);
        pthread_cond_init(&manager->wake, NULL);
        manager->client = http_client_new("scrape-http");
        manager->workers = workers_new("scrape-worker", worker_count, WORKER_QUEUE_MAX);
        thread_start(&manager->scheduler, "scrape-schedule", scheduler_main, manager);
        thread_start(&manager->discoverer, "discovery", discoverer_main, manager);
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
                pool_end(manager, manager->pools[i], NULL);
        alloc_free(&scrape_pool_type, manager->pools);
        alloc_free(&scrape_pool_type, manager->heap);
        pthread_cond_destroy(&manager->wake);
        pthread_mutex_destroy(&manager->lock);
        pthread_mutex_destroy(&manager->change_lock);
        return alloc_free(&scrape_pool_type, manager);
}

static struct pool *find_pool(struct pool *const *pools, size_t count, struct str job_name)
{
        for (size_t i = 0; i < count; i++)
                if (str_equal(pools[i]->config->job_name, job_name))
                        return pools[i];
        return NULL;
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
        struct pool **fresh = alloc_new(&scrape_pool_type, (count + 1) * sizeof(*fresh));
        struct pool **old;
        size_t old_count;

        pthread_mutex_lock(&manager->change_lock);
        old = manager->pools;
        old_count = manager->pool_count;
        for (size_t i = 0; i < count; i++) {
                struct pool *before = find_pool(old, old_count, configs[i]->job_name);

                if (before && before->config->fingerprint == configs[i]->fingerprint) {
                        fresh[i] = before;
                        continue;
                }
                fresh[i] = pool_new(configs[i]);
                sync_pool(manager, fresh[i]);
        }
        pthread_mutex_lock(&manager->lock);
        manager->pools = fresh;
        manager->pool_count = count;
        pthread_mutex_unlock(&manager->lock);
        for (size_t i = 0; i < old_count; i++)
                if (!is_among(old[i], fresh, count))
                        pool_end(manager, old[i],
                                 find_pool(fresh, count, old[i]->config->job_name));
        alloc_free(&scrape_pool_type, old);
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
                for (size_t d = 0; d < pool->dropped_kept; d++) {
                        struct target_status status = {.job_name = pool->config->job_name,
                                                       .discovered = pool->dropped[d],
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
                visit(manager->pools[i]->config->job_name, manager->pools[i]->dropped_count, ctx);
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

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/thread.h"
#include "collectors/discovery_int.h"
#include "collectors/scrape.h"

ALLOC_TYPE(discovery_type, "discovery")

METRIC_COUNTER(updates_total, "pitwall_discovery_updates_total", "",
               "Times that discovered targets changed.")
METRIC_GAUGE(running, "pitwall_discoveries", "", "Discoveries that run.")

/* 100,000 targets of Kubernetes, at 2 KB of labels each. */
enum { RESULT_ARENA_BYTES = 512 << 20 };

struct discovery {
        const struct discovery_config *config; /* in the owner */
        struct scrape_config *owner;           /* counted */
        const struct discovery_set *set;
        unsigned users;                        /* lock of the set's caller */
        pthread_t thread;
        atomic_bool stopping;
        pthread_mutex_t lock;
        pthread_cond_t wake;                   /* anything below changed */
        struct http_client *client;            /* from the first request to the stop; lock */
        struct discovery_call *finished;       /* lock */
        size_t pending;                        /* calls that are not finished; lock */
        struct discovery_result *result;       /* lock */
        uint64_t result_hash;                  /* of the discovery's thread */
};

/* In order of names. */
static const struct discovery_kind *const kinds[] = {
        &consul_discovery_kind, &dns_discovery_kind,  &docker_discovery_kind,
        &file_discovery_kind,   &http_discovery_kind, &kubernetes_discovery_kind,
};

const struct discovery_kind *discovery_kind_find(const char *name)
{
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
                if (strcmp(kinds[i]->name, name) == 0)
                        return kinds[i];
        return NULL;
}

const char *discovery_kind_name(size_t index)
{
        return index < ARRAY_LEN(kinds) ? kinds[index]->name : NULL;
}

/* ---- results --------------------------------------------------------------------------------- */

struct discovery_result *discovery_result_new(void)
{
        struct discovery_result *result = alloc_new(&discovery_type, sizeof(*result));

        atomic_init(&result->references, 1);
        arena_init(&result->arena, RESULT_ARENA_BYTES);
        return result;
}

struct discovery_result *discovery_result_unref(struct discovery_result *result)
{
        if (result && atomic_fetch_sub(&result->references, 1) == 1) {
                arena_release(&result->arena);
                alloc_free(&discovery_type, result->groups);
                alloc_free(&discovery_type, result);
        }
        return NULL;
}

void discovery_result_add(struct discovery_result *result, const struct target_group *group)
{
        struct arena *arena = &result->arena;
        struct labels *targets = arena_array(arena, struct labels, group->target_count);

        for (size_t i = 0; i < group->target_count; i++)
                targets[i] = labels_copy(arena, group->targets[i]);
        result->groups = alloc_array_reserve(&discovery_type, result->groups, &result->capacity,
                                             result->count + 1, sizeof(*result->groups));
        result->groups[result->count++] = (struct target_group){
                labels_copy(arena, group->labels), targets, group->target_count};
}

static uint64_t hash_result(const struct discovery_result *result)
{
        uint64_t hash = result->count;

        for (size_t g = 0; g < result->count; g++) {
                const struct target_group *group = &result->groups[g];

                hash = hash_u64(hash ^ labels_hash(group->labels));
                for (size_t t = 0; t < group->target_count; t++)
                        hash = hash_u64(hash ^ labels_hash(group->targets[t]));
        }
        return hash;
}

/* ---- for kinds ------------------------------------------------------------------------------- */

const struct discovery_config *discovery_config_of(const struct discovery *discovery)
{
        return discovery->config;
}

bool discovery_stopping(const struct discovery *discovery)
{
        return atomic_load(&discovery->stopping);
}

/* False at the time. */
static bool wait_until(struct discovery *discovery, int64_t mono_ns)
{
        struct timespec until = {.tv_sec = mono_ns / 1000000000, .tv_nsec = mono_ns % 1000000000};

        return pthread_cond_timedwait(&discovery->wake, &discovery->lock, &until) == 0;
}

bool discovery_sleep(struct discovery *discovery, int64_t ms)
{
        int64_t until_ns = clock_mono_ns(&clock_real) + ms * 1000000;

        pthread_mutex_lock(&discovery->lock);
        while (!discovery_stopping(discovery) && wait_until(discovery, until_ns))
                ;
        pthread_mutex_unlock(&discovery->lock);
        return !discovery_stopping(discovery);
}

void discovery_publish(struct discovery *discovery, struct discovery_result *result)
{
        uint64_t hash = hash_result(result);
        struct discovery_result *old;

        if (discovery->result && hash == discovery->result_hash) {
                discovery_result_unref(result);
                return;
        }
        discovery->result_hash = hash;
        pthread_mutex_lock(&discovery->lock);
        old = discovery->result;
        discovery->result = result;
        pthread_cond_broadcast(&discovery->wake);
        pthread_mutex_unlock(&discovery->lock);
        discovery_result_unref(old);
        metric_add(&updates_total, 1);
        discovery->set->on_change(discovery->set->ctx);
}

void discovery_fail(struct discovery *discovery, const struct error *err)
{
        if (discovery_stopping(discovery))
                return;
        metric_add(discovery->config->kind->failures, 1);
        log_warn("discovery failed, the last targets stay",
                 LOG_CSTR("kind", discovery->config->kind->name),
                 LOG_STR("job", discovery->owner->job_name), LOG_CSTR("error", err->text));
}

void discovery_run_refresh(struct discovery *discovery,
                           bool (*refresh)(struct discovery *discovery, void *state,
                                           struct discovery_result *result, struct error *err),
                           void *state)
{
        do {
                struct discovery_result *result = discovery_result_new();
                struct error err;

                if (refresh(discovery, state, result, &err)) {
                        discovery_publish(discovery, result);
                } else {
                        discovery_result_unref(result);
                        discovery_fail(discovery, &err);
                }
        } while (discovery_sleep(discovery, discovery->config->refresh_interval_ms));
}

/* ---- requests -------------------------------------------------------------------------------- */

static void on_call_done(struct http_fetch *fetch)
{
        struct discovery_call *call = fetch->ctx;
        struct discovery *discovery = call->discovery;

        pthread_mutex_lock(&discovery->lock);
        call->next = discovery->finished;
        discovery->finished = call;
        discovery->pending--;
        pthread_cond_broadcast(&discovery->wake);
        pthread_mutex_unlock(&discovery->lock);
}

bool discovery_start(struct discovery *discovery, struct discovery_call *call)
{
        bool stopping;

        call->discovery = discovery;
        call->fetch.done = on_call_done;
        call->fetch.ctx = call;
        pthread_mutex_lock(&discovery->lock);
        stopping = discovery_stopping(discovery);
        if (!stopping) {
                if (!discovery->client)
                        discovery->client = http_client_new("discovery-http");
                discovery->pending++;
                http_client_start(discovery->client, &call->fetch);
        }
        pthread_mutex_unlock(&discovery->lock);
        return !stopping;
}

struct discovery_call *discovery_wait(struct discovery *discovery, int64_t until_mono_ns)
{
        struct discovery_call *call = NULL;

        pthread_mutex_lock(&discovery->lock);
        while (!discovery_stopping(discovery) && !discovery->finished &&
               wait_until(discovery, until_mono_ns))
                ;
        if (!discovery_stopping(discovery) && discovery->finished) {
                call = discovery->finished;
                discovery->finished = call->next;
        }
        pthread_mutex_unlock(&discovery->lock);
        return call;
}

void discovery_drain(struct discovery *discovery)
{
        pthread_mutex_lock(&discovery->lock);
        while (discovery->pending)
                pthread_cond_wait(&discovery->wake, &discovery->lock);
        discovery->finished = NULL;
        pthread_mutex_unlock(&discovery->lock);
}

bool discovery_check_answer(const struct http_fetch *fetch, struct error *err)
{
        if (fetch->failed)
                return error_set(err, fetch->err.code, "Get \"" STR_FMT "\": %s",
                                 STR_ARG(fetch->url), fetch->err.text);
        if (fetch->status != 200)
                return error_set(err, ERROR_NETWORK, "Get \"" STR_FMT "\": server returned HTTP "
                                 "status %d", STR_ARG(fetch->url), fetch->status);
        return true;
}

bool discovery_fetch(struct discovery *discovery, struct http_fetch *fetch, struct error *err)
{
        struct discovery_call call = {.fetch = *fetch};
        bool done = false;

        if (!discovery_start(discovery, &call))
                return error_set(err, ERROR_CANCELED, "stopping");
        while (!done && !discovery_stopping(discovery))
                done = discovery_wait(discovery, INT64_MAX) != NULL;
        if (!done)
                discovery_drain(discovery);
        *fetch = call.fetch;
        return discovery_check_answer(fetch, err);
}

/* ---- running --------------------------------------------------------------------------------- */

static void *discovery_main(void *arg)
{
        struct discovery *discovery = arg;

        discovery->config->kind->run(discovery);
        return NULL;
}

static struct discovery *discovery_new(const struct discovery_set *set, struct scrape_config *owner,
                                       const struct discovery_config *config)
{
        struct discovery *discovery = alloc_new(&discovery_type, sizeof(*discovery));
        pthread_condattr_t attributes;

        discovery->config = config;
        discovery->owner = scrape_config_ref(owner);
        discovery->set = set;
        pthread_mutex_init(&discovery->lock, NULL);
        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        pthread_cond_init(&discovery->wake, &attributes);
        pthread_condattr_destroy(&attributes);
        metric_add(&running, 1);
        thread_start(&discovery->thread, "discovery", discovery_main, discovery);
        return discovery;
}

static void discovery_free(struct discovery *discovery)
{
        struct http_client *client;

        pthread_mutex_lock(&discovery->lock);
        atomic_store(&discovery->stopping, true);
        client = TAKE(discovery->client);
        pthread_cond_broadcast(&discovery->wake);
        pthread_mutex_unlock(&discovery->lock);
        http_client_free(client);
        pthread_join(discovery->thread, NULL);
        discovery_result_unref(discovery->result);
        scrape_config_unref(discovery->owner);
        pthread_cond_destroy(&discovery->wake);
        pthread_mutex_destroy(&discovery->lock);
        metric_add(&running, -1);
        alloc_free(&discovery_type, discovery);
}

struct discovery *discovery_set_acquire(struct discovery_set *set, struct scrape_config *owner,
                                        const struct discovery_config *config)
{
        struct discovery *discovery = NULL;

        for (size_t i = 0; i < set->count && !discovery; i++)
                if (set->items[i]->config->fingerprint == config->fingerprint)
                        discovery = set->items[i];
        if (!discovery) {
                discovery = discovery_new(set, owner, config);
                set->items = alloc_array_reserve(&discovery_type, set->items, &set->capacity,
                                                 set->count + 1, sizeof(*set->items));
                set->items[set->count++] = discovery;
        }
        discovery->users++;
        return discovery;
}

void discovery_set_release(struct discovery_set *set, struct discovery *discovery)
{
        size_t at = 0;

        if (--discovery->users)
                return;
        while (set->items[at] != discovery)
                at++;
        set->items[at] = set->items[--set->count];
        discovery_free(discovery);
        if (!set->count) {
                set->items = alloc_free(&discovery_type, set->items);
                set->capacity = 0;
        }
}

struct discovery_result *discovery_result_get(struct discovery *discovery)
{
        struct discovery_result *result;

        pthread_mutex_lock(&discovery->lock);
        result = discovery->result;
        if (result)
                atomic_fetch_add(&result->references, 1);
        pthread_mutex_unlock(&discovery->lock);
        return result;
}

void discovery_wait_first(struct discovery *discovery, int64_t until_mono_ns)
{
        pthread_mutex_lock(&discovery->lock);
        while (!discovery->result && wait_until(discovery, until_mono_ns))
                ;
        pthread_mutex_unlock(&discovery->lock);
}

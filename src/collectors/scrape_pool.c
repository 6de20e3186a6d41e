#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "collectors/scrape_int.h"
#include "ingest/exposition.h"

ALLOC_TYPE(scrape_pool_type, "scrape_pool")

enum { PLAN_ARENA_BYTES = 64 << 20 };

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

static void add_target(struct scrape_manager *manager, struct pool *pool,
                       const struct target_plan *plan, struct str key)
{
        struct target *target = scrape_target_new(manager, pool->config, plan, key);

        target->kept = true;
        map_put(&pool->targets, target->key, target);
        scrape_schedule_add(manager, target);
}

/* Without the lock but for a moment: relabeling many targets takes time. */
static void plan_target(struct scrape_manager *manager, struct pool *pool,
                        const struct target_group *group, size_t index,
                        struct dropped_targets *dropped, struct arena *arena)
{
        size_t keep_dropped = pool->config->keep_dropped_targets;
        struct target_plan plan;
        struct target *target;
        struct error err;
        struct str key;

        if (!target_plan_make(&plan, arena, pool->config, group, index, &err)) {
                log_warn("target is not usable", LOG_STR("job", pool->config->job_name),
                         LOG_CSTR("error", err.text));
        } else if (plan.dropped) {
                if (!keep_dropped || dropped->kept < keep_dropped)
                        dropped->discovered[dropped->kept++] =
                                labels_copy(&dropped->arena, plan.discovered);
                dropped->count++;
        } else {
                key = plan_key(arena, &plan);
                pthread_mutex_lock(&manager->lock);
                target = map_get(&pool->targets, key);
                if (target)
                        target->kept = true;
                else
                        add_target(manager, pool, &plan, key);
                pthread_mutex_unlock(&manager->lock);
        }
}

static void plan_groups(struct scrape_manager *manager, struct pool *pool,
                        const struct target_group *groups, size_t count,
                        struct dropped_targets *dropped)
{
        struct arena arena;

        arena_init(&arena, PLAN_ARENA_BYTES);
        for (size_t g = 0; g < count; g++) {
                for (size_t i = 0; i < groups[g].target_count; i++) {
                        struct arena_point mark = arena_mark(&arena);

                        plan_target(manager, pool, &groups[g], i, dropped, &arena);
                        arena_rewind(&arena, mark);
                }
        }
        arena_release(&arena);
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
        scrape_schedule_remove(manager, target);
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
                scrape_target_end(gone[i]);
        alloc_free(&scrape_pool_type, gone);
}

static size_t count_all(const struct pool *pool)
{
        const struct scrape_config *config = pool->config;
        size_t total = count_targets(config->static_groups, config->static_group_count);

        for (size_t d = 0; d < config->discovery_count; d++)
                if (pool->results[d])
                        total += count_targets(pool->results[d]->groups, pool->results[d]->count);
        return total;
}

void scrape_pool_sync(struct scrape_manager *manager, struct pool *pool)
{
        const struct scrape_config *config = pool->config;
        struct dropped_targets dropped = {0};
        struct target **gone;
        size_t over_limit = 0;

        arena_init(&dropped.arena, PLAN_ARENA_BYTES);
        dropped.discovered = arena_array(&dropped.arena, struct labels, count_all(pool));
        pthread_mutex_lock(&manager->lock);
        for (struct map_entry *e = NULL; (e = map_next(&pool->targets, e));)
                ((struct target *)e->value)->kept = false;
        pthread_mutex_unlock(&manager->lock);
        plan_groups(manager, pool, config->static_groups, config->static_group_count, &dropped);
        for (size_t d = 0; d < config->discovery_count; d++)
                if (pool->results[d])
                        plan_groups(manager, pool, pool->results[d]->groups,
                                    pool->results[d]->count, &dropped);
        pthread_mutex_lock(&manager->lock);
        arena_release(&pool->dropped.arena);
        pool->dropped = dropped;
        gone = remove_unkept(manager, pool);
        if (config->target_limit && pool->targets.count > config->target_limit)
                over_limit = pool->targets.count;
        for (struct map_entry *e = NULL; (e = map_next(&pool->targets, e));)
                atomic_store(&((struct target *)e->value)->over_limit, over_limit);
        pthread_cond_broadcast(&manager->wake);
        pthread_mutex_unlock(&manager->lock);
        end_targets(gone);
}

bool scrape_pool_refresh(struct pool *pool)
{
        bool changed = false;

        for (size_t d = 0; d < pool->config->discovery_count; d++) {
                struct discovery_result *found = discovery_result_get(pool->discoveries[d]);

                changed |= found != pool->results[d];
                discovery_result_unref(pool->results[d]);
                pool->results[d] = found;
        }
        return changed;
}

struct pool *scrape_pool_new(struct scrape_manager *manager, struct scrape_config *config)
{
        struct pool *pool = alloc_new(&scrape_pool_type, sizeof(*pool));
        size_t count = config->discovery_count;

        pool->config = scrape_config_ref(config);
        arena_init(&pool->dropped.arena, PLAN_ARENA_BYTES);
        pool->discoveries = alloc_new(&scrape_pool_type, count * sizeof(*pool->discoveries));
        pool->results = alloc_new(&scrape_pool_type, count * sizeof(*pool->results));
        for (size_t i = 0; i < count; i++)
                pool->discoveries[i] = discovery_set_acquire(&manager->discoveries, config,
                                                             &config->discoveries[i]);
        return pool;
}

static void pool_free(struct scrape_manager *manager, struct pool *pool)
{
        for (size_t i = 0; i < pool->config->discovery_count; i++) {
                discovery_set_release(&manager->discoveries, pool->discoveries[i]);
                discovery_result_unref(pool->results[i]);
        }
        alloc_free(&scrape_pool_type, pool->discoveries);
        alloc_free(&scrape_pool_type, pool->results);
        map_release(&pool->targets);
        arena_release(&pool->dropped.arena);
        scrape_config_unref(pool->config);
        alloc_free(&scrape_pool_type, pool);
}

void scrape_pool_end(struct scrape_manager *manager, struct pool *pool,
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
        pool_free(manager, pool);
}

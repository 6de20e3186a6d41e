/* The targets of one configuration, found once, without scraping them. */
#include "base/clock.h"
#include "collectors/discovery_int.h"
#include "collectors/scrape.h"
#include "collectors/target_int.h"

enum { ARENA_MAX_BYTES = 64 << 20 };

struct finder {
        struct scrape_config *config;
        void (*visit)(const struct found_target *target, void *ctx);
        void *ctx;
};

static void visit_target(const struct finder *finder, const struct target_group *group,
                         size_t index)
{
        struct target_plan plan;
        struct found_target found = {.error = NULL};
        struct arena arena;
        struct error err;

        arena_init(&arena, ARENA_MAX_BYTES);
        if (!target_plan_make(&plan, &arena, finder->config, group, index, &err))
                found.error = err.text;
        found.discovered = plan.discovered;
        found.relabeled = plan.relabeled;
        finder->visit(&found, finder->ctx);
        arena_release(&arena);
}

static void visit_groups(const struct finder *finder, const struct target_group *groups,
                         size_t count)
{
        for (size_t g = 0; g < count; g++)
                for (size_t i = 0; i < groups[g].target_count; i++)
                        visit_target(finder, &groups[g], i);
}

static void ignore_change(void *ctx)
{
        (void)ctx;
}

/* All discoveries run at once, so that the wait is that of the slowest. */
static void visit_discovered(const struct finder *finder, int64_t until_ns)
{
        size_t count = finder->config->discovery_count;
        struct discovery_set set = {.on_change = ignore_change};
        struct discovery **running;
        struct arena arena;

        arena_init(&arena, ARENA_MAX_BYTES);
        running = arena_array(&arena, struct discovery *, count + 1);
        for (size_t i = 0; i < count; i++)
                running[i] = discovery_set_acquire(&set, finder->config,
                                                   &finder->config->discoveries[i]);
        for (size_t i = 0; i < count; i++) {
                struct discovery_result *result;

                discovery_wait_first(running[i], until_ns);
                result = discovery_result_get(running[i]);
                if (result)
                        visit_groups(finder, result->groups, result->count);
                discovery_result_unref(result);
        }
        for (size_t i = 0; i < count; i++)
                discovery_set_release(&set, running[i]);
        arena_release(&arena);
}

void scrape_config_find_targets(struct scrape_config *config, int64_t timeout_ms,
                                void (*visit)(const struct found_target *target, void *ctx),
                                void *ctx)
{
        const struct finder finder = {config, visit, ctx};

        visit_groups(&finder, config->static_groups, config->static_group_count);
        if (timeout_ms)
                visit_discovered(&finder, clock_mono_ns(&clock_real) + timeout_ms * 1000000);
}

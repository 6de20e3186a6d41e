#include "query/budget.h"

#include "base/clock.h"

void query_budget_init(struct query_budget *budget, size_t samples_max, size_t bytes_max,
                       int64_t timeout_ms, const atomic_bool *cancel)
{
        *budget = (struct query_budget){
                .samples_max = samples_max,
                .bytes_max = bytes_max,
                .read_max = UINT64_MAX,
                .deadline_ns = clock_mono_coarse_ns() + timeout_ms * 1000000,
                .cancel = cancel,
        };
}

void query_arena_init(struct query_arena *arena, struct query_budget *budget)
{
        arena_init(&arena->arena, budget->bytes_max);
        arena->budget = budget;
        arena->next = budget->arenas;
        budget->arenas = arena;
}

void query_arena_release(struct query_arena *arena)
{
        struct query_arena **link = &arena->budget->arenas;

        while (*link != arena)
                link = &(*link)->next;
        *link = arena->next;
        arena_release(&arena->arena);
}

bool query_budget_add_samples(struct query_budget *budget, size_t count, struct error *err)
{
        budget->samples += count;
        if (budget->samples > budget->samples_peak)
                budget->samples_peak = budget->samples;
        if (budget->samples > budget->samples_max)
                return error_set(err, ERROR_LIMIT,
                                 "query processing would load too many samples into memory in "
                                 "query execution");
        return true;
}

bool query_budget_add_read(struct query_budget *budget, size_t count, struct error *err)
{
        uint64_t read = atomic_fetch_add_explicit(&budget->read, count, memory_order_relaxed);

        if (read + count > budget->read_max)
                return error_set(err, ERROR_LIMIT,
                                 "query would read more than %llu samples, the limit of one query; "
                                 "narrow its selectors or its time range",
                                 (unsigned long long)budget->read_max);
        return true;
}

static bool is_canceled(const struct query_budget *budget)
{
        return budget->cancel && *budget->cancel;
}

bool query_budget_expired(const struct query_budget *budget)
{
        return is_canceled(budget) || clock_mono_coarse_ns() > budget->deadline_ns;
}

bool query_budget_check(struct query_budget *budget, struct error *err)
{
        size_t bytes = budget->extra_bytes;

        for (const struct query_arena *arena = budget->arenas; arena; arena = arena->next)
                bytes += arena->arena.used_bytes;
        if (bytes > budget->bytes_max)
                return error_set(err, ERROR_LIMIT,
                                 "query processing would use more than %zu bytes of memory in "
                                 "query execution",
                                 budget->bytes_max);
        if (is_canceled(budget))
                return error_set(err, ERROR_CANCELED,
                                 "query was canceled in expression evaluation");
        if (clock_mono_coarse_ns() > budget->deadline_ns)
                return error_set(err, ERROR_TIMEOUT,
                                 "query timed out in expression evaluation");
        return true;
}

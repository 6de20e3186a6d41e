#include "model/sample.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "model/histogram.h"

ALLOC_TYPE(samples_type, "samples")

/* A column whose unused entries are zero; NULL stays NULL. */
static void *grow_zeroed(void *column, size_t capacity, size_t grown, size_t size_bytes)
{
        if (!column)
                return NULL;
        column = alloc_resize(&samples_type, column, grown * size_bytes);
        memset((char *)column + capacity * size_bytes, 0, (grown - capacity) * size_bytes);
        return column;
}

void samples_reserve(struct samples *samples, size_t more)
{
        size_t old = samples->capacity, capacity = old, again = old;
        size_t needed = samples->count + more;

        if (needed <= capacity)
                return;
        samples->t_ms = alloc_array_reserve(&samples_type, samples->t_ms, &capacity, needed,
                                            sizeof(*samples->t_ms));
        samples->v = alloc_array_reserve(&samples_type, samples->v, &again, needed,
                                         sizeof(*samples->v));
        samples->h = grow_zeroed(samples->h, old, capacity, sizeof(*samples->h));
        samples->start_ms = grow_zeroed(samples->start_ms, old, capacity,
                                        sizeof(*samples->start_ms));
        samples->capacity = capacity;
}

static void release_arena(struct samples *samples)
{
        if (!samples->arena)
                return;
        arena_release(samples->arena);
        samples->arena = alloc_free(&samples_type, samples->arena);
}

void samples_release(struct samples *samples)
{
        alloc_free(&samples_type, samples->t_ms);
        alloc_free(&samples_type, samples->v);
        alloc_free(&samples_type, samples->h);
        alloc_free(&samples_type, samples->start_ms);
        release_arena(samples);
        *samples = (struct samples){0};
}

void samples_truncate(struct samples *samples, size_t count)
{
        size_t gone = samples->count - count;

        if (samples->h)
                memset(samples->h + count, 0, gone * sizeof(*samples->h));
        if (samples->start_ms)
                memset(samples->start_ms + count, 0, gone * sizeof(*samples->start_ms));
        samples->count = count;
        if (count == 0)
                release_arena(samples);
}

struct arena *samples_arena(struct samples *samples)
{
        if (!samples->arena) {
                samples->arena = alloc_new(&samples_type, sizeof(*samples->arena));
                arena_init(samples->arena, SIZE_MAX);
        }
        return samples->arena;
}

void samples_set_histogram(struct samples *samples, size_t at, const struct histogram *h)
{
        if (!samples->h && h)
                samples->h = alloc_new(&samples_type, samples->capacity * sizeof(*samples->h));
        if (samples->h)
                samples->h[at] = h;
        if (h)
                samples->v[at] = h->sum;
}

void samples_set_start(struct samples *samples, size_t at, int64_t start_ms)
{
        if (!samples->start_ms && start_ms)
                samples->start_ms = alloc_new(&samples_type,
                                              samples->capacity * sizeof(*samples->start_ms));
        if (samples->start_ms)
                samples->start_ms[at] = start_ms;
}

#include "model/histogram_classic.h"

#include <math.h>

#include "base/alloc.h"
#include "model/histogram_shape.h"

ALLOC_TYPE(histogram_classic_type, "histogram_classic")

void histogram_classic_clear(struct histogram_classic *classic)
{
        classic->count = 0;
        classic->total = classic->sum = 0;
        classic->has_total = classic->broken = false;
}

void histogram_classic_release(struct histogram_classic *classic)
{
        alloc_free(&histogram_classic_type, classic->buckets);
        *classic = (struct histogram_classic){0};
}

void histogram_classic_bucket(struct histogram_classic *classic, double le, double count)
{
        struct histogram_classic_bucket *buckets;
        size_t at = classic->count;

        /* NaN, too, is not at least 0. */
        if (isnan(le) || !(count >= 0) || classic->count > HISTOGRAM_MAX_BUCKETS)
                classic->broken = true;
        if (classic->broken)
                return;
        while (at > 0 && classic->buckets[at - 1].le >= le)
                at--;
        if (at < classic->count && classic->buckets[at].le == le)
                return;
        if ((at > 0 && classic->buckets[at - 1].count > count) ||
            (at < classic->count && classic->buckets[at].count < count)) {
                classic->broken = true;
                return;
        }
        buckets = alloc_array_reserve(&histogram_classic_type, classic->buckets,
                                      &classic->capacity, classic->count + 1, sizeof(*buckets));
        memmove(buckets + at + 1, buckets + at, (classic->count - at) * sizeof(*buckets));
        buckets[at] = (struct histogram_classic_bucket){le, count};
        classic->buckets = buckets;
        classic->count++;
}

void histogram_classic_count(struct histogram_classic *classic, double count)
{
        classic->broken |= !(count >= 0);
        classic->total = count;
        classic->has_total = true;
}

void histogram_classic_sum(struct histogram_classic *classic, double sum)
{
        classic->sum = sum;
}

static bool is_whole(double count)
{
        return count == rint(count) && count <= 0x1p53;
}

const struct histogram *histogram_classic_convert(struct histogram_classic *classic,
                                                  struct arena *arena)
{
        struct histogram *h;
        struct histogram_span *span;
        double *counts, *bounds, before = 0;
        size_t count;

        if (!classic->has_total && classic->count)
                histogram_classic_count(classic, classic->buckets[classic->count - 1].count);
        if (!classic->has_total || classic->broken)
                return NULL;
        if (!classic->count || !isinf(classic->buckets[classic->count - 1].le))
                histogram_classic_bucket(classic, INFINITY, classic->total);
        count = classic->count;
        if (classic->broken || classic->buckets[count - 1].count != classic->total)
                return NULL;
        h = arena_new(arena, struct histogram);
        span = arena_new(arena, struct histogram_span);
        counts = arena_try_alloc(arena, count * sizeof(*counts));
        bounds = arena_try_alloc(arena, count * sizeof(*bounds));
        if (!counts || !bounds)
                return NULL;
        h->integer = is_whole(classic->total);
        for (size_t i = 0; i < count; i++) {
                h->integer &= is_whole(classic->buckets[i].count);
                counts[i] = classic->buckets[i].count - before;
                bounds[i] = classic->buckets[i].le;
                before = classic->buckets[i].count;
        }
        span->length = (uint32_t)count;
        h->schema = HISTOGRAM_SCHEMA_CUSTOM;
        h->count = classic->total;
        h->sum = classic->sum;
        h->positive = (struct histogram_side){span, counts, 1, (uint32_t)count};
        h->custom_values = bounds;
        h->custom_count = (uint32_t)count - 1;
        return histogram_compact(arena, h);
}

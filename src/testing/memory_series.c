#include "testing/memory_series.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/map.h"

ALLOC_TYPE(memory_series_type, "memory_series")

struct stored {
        struct labels labels;
        struct str key;
        struct samples samples;
};

struct memory_series {
        struct arena arena;
        struct map by_key;
        struct stored **items;
        size_t count, capacity;
};

struct memory_querier {
        struct querier querier;
        struct memory_series *store;
        int64_t mint_ms, maxt_ms;
};

struct memory_series *memory_series_new(void)
{
        struct memory_series *store = alloc_new(&memory_series_type, sizeof(*store));

        arena_init(&store->arena, SIZE_MAX);
        return store;
}

struct memory_series *memory_series_free(struct memory_series *store)
{
        if (!store)
                return NULL;
        for (size_t i = 0; i < store->count; i++)
                samples_release(&store->items[i]->samples);
        map_release(&store->by_key);
        arena_release(&store->arena);
        alloc_free(&memory_series_type, store->items);
        return alloc_free(&memory_series_type, store);
}

/* ---- reading ---------------------------------------------------------------------------- */

static int compare_series(const void *a, const void *b)
{
        const struct series *x = a, *y = b;

        return labels_compare(x->labels, y->labels);
}

static bool has_samples(const struct memory_querier *querier, const struct samples *samples)
{
        return samples->count && samples->t_ms[0] <= querier->maxt_ms &&
               samples->t_ms[samples->count - 1] >= querier->mint_ms;
}

static bool select_series(struct querier *base, struct arena *arena,
                          const struct matcher *matchers, size_t matcher_count,
                          const atomic_bool *cancel, struct series_list *ret_list,
                          struct error *err)
{
        struct memory_querier *querier = (struct memory_querier *)base;
        struct memory_series *store = querier->store;
        struct series *items = arena_array(arena, struct series, store->count);
        size_t count = 0;

        if (cancel && *cancel)
                return error_set(err, ERROR_CANCELED, "canceled");
        for (size_t i = 0; i < store->count; i++)
                if (has_samples(querier, &store->items[i]->samples) &&
                    matchers_match_labels(matchers, matcher_count, store->items[i]->labels))
                        items[count++] = (struct series){
                                labels_copy(arena, store->items[i]->labels), i};
        qsort(items, count, sizeof(*items), compare_series);
        *ret_list = (struct series_list){items, count};
        return true;
}

static size_t first_at_or_after(const struct samples *samples, int64_t t_ms)
{
        size_t low = 0, high = samples->count;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (samples->t_ms[middle] < t_ms)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static void read_one(struct samples *samples, const struct samples *stored, size_t i)
{
        const struct histogram *h = samples_histogram(stored, i);

        samples_append(samples, stored->t_ms[i], stored->v[i]);
        if (h)
                samples_set_histogram(samples, samples->count - 1,
                                      histogram_copy(samples_arena(samples), h));
        if (stored->start_ms)
                samples_set_start(samples, samples->count - 1, stored->start_ms[i]);
}

static bool read_series(struct querier *base, const struct series *series, int64_t mint_ms,
                        int64_t maxt_ms, struct samples *samples, struct error *err)
{
        struct memory_querier *querier = (struct memory_querier *)base;
        const struct samples *stored = &querier->store->items[series->ref]->samples;

        (void)err;
        for (size_t i = first_at_or_after(stored, mint_ms);
             i < stored->count && stored->t_ms[i] <= maxt_ms; i++)
                read_one(samples, stored, i);
        return true;
}

static bool no_labels(struct querier *base, struct arena *arena, const struct matcher *matchers,
                      size_t matcher_count, struct str **ret_names, size_t *ret_count,
                      struct error *err)
{
        (void)base, (void)arena, (void)matchers, (void)matcher_count;
        (void)ret_names, (void)ret_count;
        return error_set(err, ERROR_UNSUPPORTED, "label names of a store in memory");
}

static bool no_values(struct querier *base, struct arena *arena, struct str name,
                      const struct matcher *matchers, size_t matcher_count,
                      struct str **ret_values, size_t *ret_count, struct error *err)
{
        (void)name;
        return no_labels(base, arena, matchers, matcher_count, ret_values, ret_count, err);
}

static void close_querier(struct querier *querier)
{
        alloc_free(&memory_series_type, querier);
}

static bool open_querier(void *ctx, int64_t mint_ms, int64_t maxt_ms,
                         struct querier **ret_querier, struct error *err)
{
        static const struct querier_ops ops = {.select = select_series,
                                               .read = read_series,
                                               .label_names = no_labels,
                                               .label_values = no_values,
                                               .close = close_querier};
        struct memory_querier *querier = alloc_new(&memory_series_type, sizeof(*querier));

        (void)err;
        *querier = (struct memory_querier){{&ops}, ctx, mint_ms, maxt_ms};
        *ret_querier = &querier->querier;
        return true;
}

struct series_source memory_series_source(struct memory_series *store)
{
        return (struct series_source){open_querier, store};
}

/* ---- writing ---------------------------------------------------------------------------- */

static struct str key_of(struct arena *arena, struct labels labels)
{
        struct buf text = BUF_INIT(1 << 24);
        struct str key;

        labels_format(&text, labels);
        key = arena_str(arena, buf_str(&text));
        buf_release(&text);
        return key;
}

static bool resolve(void *ctx, struct labels labels, series_ref *ret_ref, struct error *err)
{
        struct memory_series *store = ctx;
        struct str key = key_of(&store->arena, labels);
        struct stored *stored = map_get(&store->by_key, key);

        (void)err;
        if (!stored) {
                stored = arena_new(&store->arena, struct stored);
                stored->labels = labels_copy(&store->arena, labels);
                stored->key = key;
                store->items = alloc_array_reserve(&memory_series_type, store->items,
                                                   &store->capacity, store->count + 1,
                                                   sizeof(struct stored *));
                store->items[store->count++] = stored;
                map_put(&store->by_key, key, stored);
        }
        *ret_ref = (series_ref)(uintptr_t)stored;
        return true;
}

static void put_extra(struct samples *samples, const struct append_extra *extra)
{
        size_t at = samples->count - 1;

        if (extra->h)
                samples_set_histogram(samples, at,
                                      histogram_copy(samples_arena(samples), extra->h));
        samples_set_start(samples, at, extra->start_ms);
}

static bool append(void *ctx, const struct append_sample *samples,
                   const struct append_extra *extras, size_t count, uint8_t *outcomes,
                   struct error *err)
{
        (void)ctx, (void)err;
        for (size_t i = 0; i < count; i++) {
                struct stored *stored = (struct stored *)(uintptr_t)samples[i].ref;
                struct samples *own = &stored->samples;

                if (own->count && own->t_ms[own->count - 1] >= samples[i].t_ms) {
                        if (outcomes)
                                outcomes[i] = APPEND_OUT_OF_ORDER;
                        continue;
                }
                samples_append(own, samples[i].t_ms, samples[i].v);
                if (extras)
                        put_extra(own, &extras[i]);
                if (outcomes)
                        outcomes[i] = APPEND_OK;
        }
        return true;
}

struct series_sink memory_series_sink(struct memory_series *store)
{
        return (struct series_sink){.resolve = resolve, .append = append, .ctx = store};
}

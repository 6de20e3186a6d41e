/* The source: queriers over a view and an index. */
#include <stdlib.h>

#include "tsdb/store_int.h"

ALLOC_TYPE(querier_type, "tsdb_querier")

struct store_querier {
        struct querier base;
        struct tsdb *tsdb;
        struct view *view;
        struct index *index;
        struct retained *retained;
        int64_t mint_ms, maxt_ms, now_ms;
};

/* The first timestamp of the series that the querier shows. */
static int64_t begin_of(const struct store_querier *querier, uint32_t series)
{
        int64_t since_ms = retained_since(querier->retained, series, querier->now_ms);

        return since_ms > querier->mint_ms ? since_ms : querier->mint_ms;
}

/* A step that checks the budget and the client once in a while. */
enum { CHECK_EVERY = 4096 };

static bool may_go_on(const struct arena *arena, const atomic_bool *cancel, struct error *err)
{
        if (cancel && *cancel)
                return error_set(err, ERROR_CANCELED, "query was canceled");
        if (arena_over_budget(arena))
                return error_set(err, ERROR_LIMIT, "query needs more memory than its budget");
        return true;
}

/* Ids that match and have samples in the querier's range, ascending. */
static bool find_ids(struct store_querier *querier, struct arena *arena,
                     const struct matcher *matchers, size_t matcher_count,
                     const atomic_bool *cancel, uint32_t **ret_ids, size_t *ret_count,
                     struct error *err)
{
        uint32_t *ids;
        size_t count, kept = 0;

        if (!index_select(querier->index, arena, matchers, matcher_count, cancel, &ids, &count,
                          err))
                return false;
        for (size_t i = 0; i < count; i++) {
                int64_t begin_ms = begin_of(querier, ids[i]);

                if (i % CHECK_EVERY == 0 && !may_go_on(arena, cancel, err))
                        return false;
                if (begin_ms <= querier->maxt_ms &&
                    view_has(querier->view, ids[i], begin_ms, querier->maxt_ms))
                        ids[kept++] = ids[i];
        }
        *ret_ids = ids;
        *ret_count = kept;
        return true;
}

static void drop_index(void *index)
{
        index_unref(index);
}

static bool querier_select(struct querier *base, struct arena *arena,
                           const struct matcher *matchers, size_t matcher_count,
                           const atomic_bool *cancel, struct series_list *ret_list,
                           struct error *err)
{
        struct store_querier *querier = (struct store_querier *)base;
        struct series *items;
        uint32_t *ids;
        size_t count;

        if (!find_ids(querier, arena, matchers, matcher_count, cancel, &ids, &count, err))
                return false;
        items = arena_try_alloc(arena, (count + 1) * sizeof(*items));
        if (!items)
                return error_set(err, ERROR_LIMIT, "query needs more memory than its budget");
        index_sort(querier->index, ids, count);
        for (size_t i = 0; i < count; i++) {
                if (i % CHECK_EVERY == 0 && !may_go_on(arena, cancel, err))
                        return false;
                items[i] = (struct series){index_labels(querier->index, ids[i], arena), ids[i]};
        }
        /* The labels' bytes belong to the index, which the arena now keeps alive. */
        arena_on_release(arena, drop_index, index_ref(querier->index));
        *ret_list = (struct series_list){items, count};
        return true;
}

static bool querier_read(struct querier *base, const struct series *series, int64_t mint_ms,
                         int64_t maxt_ms, struct samples *samples, struct error *err)
{
        struct store_querier *querier = (struct store_querier *)base;

        int64_t begin_ms = begin_of(querier, (uint32_t)series->ref);

        (void)err;
        if (mint_ms < begin_ms)
                mint_ms = begin_ms;
        if (maxt_ms > querier->maxt_ms)
                maxt_ms = querier->maxt_ms;
        view_read(querier->tsdb, querier->view, (uint32_t)series->ref, mint_ms, maxt_ms, samples);
        return true;
}

static int by_text(const void *a, const void *b)
{
        return str_compare(*(const struct str *)a, *(const struct str *)b);
}

/* Symbols to sorted texts of the arena's own. */
static bool finish_symbols(struct store_querier *querier, struct arena *arena,
                           roaring_bitmap_t *symbols, struct str **ret_texts, size_t *ret_count,
                           struct error *err)
{
        uint64_t count = roaring_bitmap_get_cardinality(symbols);
        struct str *texts = arena_try_alloc(arena, (count + 1) * sizeof(*texts));
        roaring_uint32_iterator_t *each;
        size_t at = 0;

        if (!texts)
                return error_set(err, ERROR_LIMIT, "query needs more memory than its budget");
        each = roaring_create_iterator(symbols);
        for (; each->has_value; roaring_advance_uint32_iterator(each))
                texts[at++] = arena_str(arena, index_symbol(querier->index, each->current_value));
        roaring_free_uint32_iterator(each);
        if (!may_go_on(arena, NULL, err))
                return false;
        qsort(texts, at, sizeof(*texts), by_text);
        *ret_texts = texts;
        *ret_count = at;
        return true;
}

/* Adds the series' label names, or (with a name) its value of that label. */
static void add_symbols(const struct index *index, uint32_t id, const struct str *name,
                        roaring_bitmap_t *symbols)
{
        uint32_t count;
        const uint32_t *pairs = index_record(index, id, &count);

        for (uint32_t i = 0; i < count; i++) {
                struct index_pair pair = index_pair(index, pairs[i]);

                if (!name)
                        roaring_bitmap_add(symbols, pair.name);
                else if (str_equal(index_symbol(index, pair.name), *name))
                        roaring_bitmap_add(symbols, pair.value);
        }
}

static bool list_symbols(struct store_querier *querier, struct arena *arena,
                         const struct str *name, const struct matcher *matchers,
                         size_t matcher_count, struct str **ret_texts, size_t *ret_count,
                         struct error *err)
{
        roaring_bitmap_t *symbols;
        uint32_t *ids;
        size_t count;
        bool ok;

        if (!find_ids(querier, arena, matchers, matcher_count, NULL, &ids, &count, err))
                return false;
        symbols = roaring_bitmap_create();
        for (size_t i = 0; i < count; i++)
                add_symbols(querier->index, ids[i], name, symbols);
        ok = finish_symbols(querier, arena, symbols, ret_texts, ret_count, err);
        roaring_bitmap_free(symbols);
        return ok;
}

static bool querier_label_names(struct querier *base, struct arena *arena,
                                const struct matcher *matchers, size_t matcher_count,
                                struct str **ret_names, size_t *ret_count, struct error *err)
{
        return list_symbols((struct store_querier *)base, arena, NULL, matchers, matcher_count,
                            ret_names, ret_count, err);
}

static bool querier_label_values(struct querier *base, struct arena *arena, struct str name,
                                 const struct matcher *matchers, size_t matcher_count,
                                 struct str **ret_values, size_t *ret_count, struct error *err)
{
        return list_symbols((struct store_querier *)base, arena, &name, matchers, matcher_count,
                            ret_values, ret_count, err);
}

/* Ids that any of the selectors matches, ordered by labels, whether or not they have samples. */
static bool select_any(struct store_querier *querier, struct arena *arena,
                       const struct series_selector *selectors, size_t selector_count,
                       uint32_t **ret_ids, size_t *ret_count, struct error *err)
{
        roaring_bitmap_t *any = roaring_bitmap_create();
        bool ok = true;

        for (size_t i = 0; ok && i < selector_count; i++) {
                uint32_t *ids;
                size_t count;

                ok = index_select(querier->index, arena, selectors[i].matchers, selectors[i].count,
                                  NULL, &ids, &count, err);
                if (ok)
                        roaring_bitmap_add_many(any, count, ids);
        }
        if (ok) {
                *ret_count = roaring_bitmap_get_cardinality(any);
                *ret_ids = arena_array(arena, uint32_t, *ret_count + 1);
                roaring_bitmap_to_uint32_array(any, *ret_ids);
                index_sort(querier->index, *ret_ids, *ret_count);
        }
        roaring_bitmap_free(any);
        return ok;
}

static bool querier_exemplars(struct querier *base, struct arena *arena,
                              const struct series_selector *selectors, size_t selector_count,
                              struct exemplar_series **ret_series, size_t *ret_count,
                              struct error *err)
{
        struct store_querier *querier = (struct store_querier *)base;
        struct exemplar_series *list;
        size_t count, kept = 0;
        uint32_t *ids;

        if (!select_any(querier, arena, selectors, selector_count, &ids, &count, err))
                return false;
        list = arena_array(arena, struct exemplar_series, count + 1);
        for (size_t i = 0; i < count; i++) {
                struct exemplar_series *series = &list[kept];

                if (i % CHECK_EVERY == 0 && !may_go_on(arena, NULL, err))
                        return false;
                series->exemplars = exemplars_of(&querier->tsdb->exemplars, ids[i],
                                                 querier->mint_ms, querier->maxt_ms, arena,
                                                 &series->count);
                if (!series->count)
                        continue;
                series->labels = index_labels(querier->index, ids[i], arena);
                kept++;
        }
        arena_on_release(arena, drop_index, index_ref(querier->index));
        *ret_series = list;
        *ret_count = kept;
        return may_go_on(arena, NULL, err);
}

static void querier_close(struct querier *base)
{
        struct store_querier *querier = (struct store_querier *)base;

        view_unref(querier->view);
        index_unref(querier->index);
        retained_unref(querier->retained);
        alloc_free(&querier_type, querier);
}

bool store_open_querier(void *ctx, int64_t mint_ms, int64_t maxt_ms, struct querier **ret_querier,
                        struct error *err)
{
        static const struct querier_ops ops = {
                .select = querier_select,
                .read = querier_read,
                .label_names = querier_label_names,
                .label_values = querier_label_values,
                .exemplars = querier_exemplars,
                .close = querier_close,
        };
        struct store_querier *querier = alloc_new(&querier_type, sizeof(*querier));

        (void)err;
        querier->base.ops = &ops;
        querier->tsdb = ctx;
        querier->mint_ms = mint_ms;
        querier->maxt_ms = maxt_ms;
        querier->view = store_view(ctx);
        querier->index = store_index(ctx);
        querier->now_ms = clock_now_ms(&querier->tsdb->clock);
        querier->retained = store_retained(ctx, querier->index);
        *ret_querier = &querier->base;
        return true;
}

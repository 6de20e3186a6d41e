#include <stdlib.h>

#include "tsdb/store_int.h"

static void add_view(struct tsdb *tsdb, struct tsdb_stats *stats)
{
        struct view *view = store_view(tsdb);

        stats->min_t_ms = INT64_MAX;
        stats->max_t_ms = INT64_MIN;
        stats->parts = view->part_count;
        stats->tombstones = view->tombstones ? view->tombstones->count : 0;
        for (size_t i = 0; i < view->part_count; i++) {
                const struct part *part = view->parts[i];

                stats->blocks += part->block_count;
                stats->block_samples += part->samples;
                stats->part_bytes += part->map.len;
                if (part->min_t_ms < stats->min_t_ms)
                        stats->min_t_ms = part->min_t_ms;
                if (part->max_t_ms > stats->max_t_ms)
                        stats->max_t_ms = part->max_t_ms;
        }
        for (size_t i = 0; i < view->memtable_count; i++) {
                struct memtable *memtable = view->memtables[i];
                int64_t min_t_ms = atomic_load(&memtable->min_t_ms);
                int64_t max_t_ms = atomic_load(&memtable->max_t_ms);

                stats->open_samples += atomic_load(&memtable->samples);
                stats->open_bytes += memtable_bytes(memtable);
                if (min_t_ms < stats->min_t_ms)
                        stats->min_t_ms = min_t_ms;
                if (max_t_ms > stats->max_t_ms)
                        stats->max_t_ms = max_t_ms;
        }
        view_unref(view);
}

static void add_counters(struct tsdb *tsdb, struct tsdb_stats *stats)
{
        stats->series_created = atomic_load(&tsdb->series_created);
        stats->series_forgotten = atomic_load(&tsdb->series_forgotten);
        stats->series_refused = atomic_load(&tsdb->series_refused);
        for (size_t i = 0; i < TSDB_OUTCOMES; i++)
                stats->outcomes[i] = atomic_load(&tsdb->outcomes[i]);
        for (size_t i = 0; i < TSDB_OUTCOMES; i++)
                stats->exemplar_outcomes[i] = atomic_load(&tsdb->exemplar_outcomes[i]);
        stats->exemplars = exemplars_count(&tsdb->exemplars);
        for (size_t i = 0; i < TSDB_EVENT_KINDS; i++)
                stats->events[i] = atomic_load(&tsdb->events[i]);
        stats->append_failures = atomic_load(&tsdb->append_failures);
        stats->flushes = atomic_load(&tsdb->flushes);
        stats->merges = atomic_load(&tsdb->merges);
        stats->merged_samples = atomic_load(&tsdb->merged_samples);
        stats->parts_expired = atomic_load(&tsdb->parts_expired);
        stats->replayed_records = tsdb->replayed_records;
        stats->replayed_samples = tsdb->replayed_samples;
        stats->open_ns = tsdb->open_ns;
        stats->full = atomic_load(&tsdb->full);
}

void tsdb_stats(struct tsdb *tsdb, struct tsdb_stats *ret_stats)
{
        struct index *index = store_index(tsdb);
        struct tsdb_stats stats = {0};
        struct index_stats labels;
        struct wal_stats wal;

        index_stats(index, &labels);
        index_unref(index);
        stats.series = labels.series;
        stats.label_names = labels.names;
        stats.label_pairs = labels.pairs;
        stats.index_bytes = labels.bytes;
        wal_stats(tsdb->wal, &wal);
        stats.wal_bytes = wal.bytes;
        stats.wal_segments = wal.segments;
        stats.wal_syncs = wal.syncs;
        stats.wal_sync_max_ns = wal.sync_max_ns;
        add_view(tsdb, &stats);
        add_counters(tsdb, &stats);
        *ret_stats = stats;
}

/* The series of a part's index follow each other. */
static uint64_t count_series(const struct part *part)
{
        uint64_t count = part->block_count > 0;

        for (size_t i = 1; i < part->block_count; i++)
                count += part->series[i] != part->series[i - 1];
        part_forget_index(part);
        return count;
}

bool tsdb_parts(struct tsdb *tsdb, struct arena *arena, struct tsdb_part_info **ret_parts,
                size_t *ret_count, struct error *err)
{
        struct view *view = store_view(tsdb);
        struct tsdb_part_info *parts = arena_array(arena, struct tsdb_part_info, view->part_count);

        for (size_t i = 0; i < view->part_count; i++) {
                const struct part *part = view->parts[i];

                parts[i] = (struct tsdb_part_info){
                        .number = part->number,
                        .min_t_ms = part->min_t_ms,
                        .max_t_ms = part->max_t_ms,
                        .samples = part->samples,
                        .series = count_series(part),
                        .blocks = part->block_count,
                        .bytes = part->map.len,
                        .level = part->head.level,
                };
        }
        *ret_count = view->part_count;
        view_unref(view);
        if (arena_over_budget(arena))
                return error_set(err, ERROR_LIMIT, "memory budget reached");
        *ret_parts = parts;
        return true;
}

/* ---- cardinality --------------------------------------------------------------------------- */

/* The largest `limit` entries, ordered. */
struct top {
        struct tsdb_count *items;
        size_t count, limit;
};

struct survey {
        struct arena *arena;
        struct top metrics, values, bytes, pairs;
};

static bool is_before(const struct tsdb_count *a, uint64_t value, struct str name)
{
        return a->value > value || (a->value == value && str_compare(a->name, name) < 0);
}

/* Whether the entry is among the largest, and if so its place, made free. */
static struct tsdb_count *top_place(struct top *top, uint64_t value, struct str name)
{
        size_t at = top->count;

        while (at > 0 && !is_before(&top->items[at - 1], value, name))
                at--;
        if (at >= top->limit)
                return NULL;
        if (top->count < top->limit)
                top->count++;
        memmove(top->items + at + 1, top->items + at, (top->count - at - 1) * sizeof(*top->items));
        return &top->items[at];
}

static void top_add(struct survey *survey, struct top *top, struct str name, uint64_t value)
{
        struct tsdb_count *place = value ? top_place(top, value, name) : NULL;

        if (place)
                *place = (struct tsdb_count){arena_str(survey->arena, name), value};
}

static void survey_name(void *ctx, struct str name, uint64_t values, uint64_t series,
                        uint64_t value_bytes)
{
        struct survey *survey = ctx;

        (void)series;
        top_add(survey, &survey->values, name, values);
        top_add(survey, &survey->bytes, name, value_bytes);
}

static void survey_pair(void *ctx, struct str name, struct str value, uint64_t series)
{
        struct survey *survey = ctx;
        const struct top *pairs = &survey->pairs;
        const char *text;

        if (str_equal(name, LABEL_METRIC_NAME))
                top_add(survey, &survey->metrics, value, series);
        if (pairs->count == pairs->limit &&
            (!pairs->limit || pairs->items[pairs->count - 1].value > series))
                return;
        text = arena_printf(survey->arena, STR_FMT "=" STR_FMT, STR_ARG(name), STR_ARG(value));
        top_add(survey, &survey->pairs, str_from(text), series);
}

static struct top top_make(struct arena *arena, size_t limit)
{
        return (struct top){arena_array(arena, struct tsdb_count, limit + 1), 0, limit};
}

static struct tsdb_count_list top_list(const struct top *top)
{
        return (struct tsdb_count_list){top->items, top->count};
}

bool tsdb_cardinality(struct tsdb *tsdb, struct arena *arena, size_t limit,
                      struct tsdb_cardinality *ret, struct error *err)
{
        struct survey survey = {arena, top_make(arena, limit), top_make(arena, limit),
                                top_make(arena, limit), top_make(arena, limit)};
        struct index_visitor visitor = {survey_name, survey_pair, &survey};
        struct index *index = store_index(tsdb);

        index_visit(index, &visitor);
        index_unref(index);
        if (arena_over_budget(arena))
                return error_set(err, ERROR_LIMIT, "memory budget reached");
        ret->series_by_metric = top_list(&survey.metrics);
        ret->values_by_label = top_list(&survey.values);
        ret->bytes_by_label = top_list(&survey.bytes);
        ret->series_by_pair = top_list(&survey.pairs);
        return true;
}

#include "promql/script_load_int.h"

#include "codec/double.h"
#include "model/histogram_classic.h"
#include "model/histogram_math.h"
#include "promql/script.h"

void script_load_init(struct script_load *load, struct arena *arena, int64_t gap_ms)
{
        *load = (struct script_load){.arena = arena, .gap_ms = gap_ms};
        labelset_table_init(&load->table, arena);
}

/* Of two lines for one series the later counts. */
static void put_series(struct script_load *load, const struct script_load_series *series)
{
        size_t index = labelset_table_add(&load->table, series->labels, NULL);

        if (index >= load->capacity) {
                size_t capacity = load->capacity * 2 + 16;
                struct script_load_series *items =
                        arena_array(load->arena, struct script_load_series, capacity);

                if (index)
                        memcpy(items, load->items, index * sizeof(*items));
                load->items = items;
                load->capacity = capacity;
        }
        load->items[index] = *series;
}

static bool add_starts(struct script_load *load, const struct script_series *series,
                       struct error *err)
{
        if (load->has_starts)
                return error_set(err, ERROR_INVALID, "start timestamps without their series");
        if (series->is_default) {
                load->defaults = *series;
        } else {
                load->starts = *series;
                load->has_starts = true;
        }
        return true;
}

bool script_load_add(struct script_load *load, const struct script_series *series,
                     struct error *err)
{
        const struct script_series *starts = load->has_starts ? &load->starts : &load->defaults;

        if (series->is_starts)
                return add_starts(load, series, err);
        if (load->has_starts && !labels_equal(starts->labels, series->labels))
                return error_set(err, ERROR_INVALID, "start timestamps of another series");
        if (load->has_starts && starts->count != series->count)
                return error_set(err, ERROR_INVALID, "%zu start timestamps of %zu samples",
                                 starts->count, series->count);
        load->has_starts = false;
        put_series(load, &(struct script_load_series){series->labels, series->values,
                                                      starts->values, series->count,
                                                      starts->count});
        return true;
}

/* ---- classic histograms ------------------------------------------------------------------- */

enum part { PART_BUCKET, PART_COUNT, PART_SUM, PART_NONE };

/* A series of a classic histogram. */
struct member {
        struct member *next;
        const struct script_load_series *series;
        enum part part;
        double le;
};

struct group {
        struct labels labels;
        struct member *members;
        size_t count; /* of values: the longest */
};

static enum part part_of(struct labels labels, struct str *ret_name, double *ret_le)
{
        static const char *const suffixes[] = {"_bucket", "_count", "_sum"};
        struct str name = labels_get(labels, LABEL_METRIC_NAME);

        for (size_t part = 0; part < ARRAY_LEN(suffixes); part++) {
                struct str suffix = str_from(suffixes[part]);

                if (!str_ends_with(name, suffix))
                        continue;
                *ret_name = str_slice(name, 0, name.len - suffix.len);
                if (part == PART_BUCKET &&
                    (!double_parse(labels_get(labels, STR_LIT("le")), ret_le) || isnan(*ret_le)))
                        return PART_NONE;
                return (enum part)part;
        }
        return PART_NONE;
}

/* Groups what is loaded so far; *ret_groups has one per label set of `table`. */
static void find_groups(struct script_load *load, struct labelset_table *table,
                        struct group *ret_groups)
{
        for (size_t i = 0; i < load->table.count; i++) {
                const struct script_load_series *series = &load->items[i];
                struct labels_builder builder;
                struct member *member;
                struct group *group;
                struct str name;
                double le = 0;
                enum part part = part_of(series->labels, &name, &le);

                if (part == PART_NONE)
                        continue;
                labels_builder_init(&builder, load->arena, series->labels);
                labels_builder_set(&builder, LABEL_METRIC_NAME, name);
                labels_builder_delete(&builder, STR_LIT("le"));
                group = &ret_groups[labelset_table_add(table, labels_builder_finish(&builder),
                                                       NULL)];
                member = arena_new(load->arena, struct member);
                *member = (struct member){group->members, series, part, le};
                group->members = member;
                if (series->count > group->count)
                        group->count = series->count;
        }
}

/* What the members of a group say at one time. False: nothing. */
static bool collect_classic(const struct group *group, size_t at,
                            struct histogram_classic *classic)
{
        bool any = false;

        histogram_classic_clear(classic);
        for (const struct member *m = group->members; m; m = m->next) {
                const struct script_value *value =
                        at < m->series->count ? &m->series->values[at] : NULL;

                if (!value || value->omitted || value->h)
                        continue;
                any = true;
                if (m->part == PART_BUCKET)
                        histogram_classic_bucket(classic, m->le, value->v);
                else if (m->part == PART_COUNT)
                        histogram_classic_count(classic, value->v);
                else
                        histogram_classic_sum(classic, value->v);
        }
        return any;
}

static bool convert_group(struct script_load *load, const struct group *group,
                          struct histogram_classic *classic, struct script_value *values,
                          struct error *err)
{
        for (size_t i = 0; i < group->count; i++) {
                values[i].omitted = !collect_classic(group, i, classic);
                if (values[i].omitted)
                        continue;
                values[i].h = histogram_classic_convert(classic, load->arena);
                if (!values[i].h)
                        return error_set(err, ERROR_INVALID, "sample %zu is no histogram", i);
        }
        return true;
}

bool script_load_convert(struct script_load *load, struct error *err)
{
        struct group *groups = arena_array(load->arena, struct group, load->table.count);
        struct histogram_classic classic = {0};
        struct labelset_table table;
        bool ok = true;

        labelset_table_init(&table, load->arena);
        find_groups(load, &table, groups);
        for (size_t g = 0; ok && g < table.count; g++) {
                struct script_value *values =
                        arena_array(load->arena, struct script_value, groups[g].count);

                ok = convert_group(load, &groups[g], &classic, values, err);
                put_series(load, &(struct script_load_series){
                                         table.items[g], values, NULL, groups[g].count, 0});
        }
        histogram_classic_release(&classic);
        return ok;
}

/* ---- storing ------------------------------------------------------------------------------ */

static bool store_value(const struct script_load *load, const struct script_load_series *series,
                        size_t at, const struct histogram *h, series_ref ref,
                        struct series_sink sink, struct error *err)
{
        const struct script_value *start =
                series->start_count ? &series->starts[at % series->start_count] : NULL;
        struct append_sample sample = {ref, 0, h ? h->sum : series->values[at].v};
        struct append_extra extra = {.h = h};
        uint8_t outcome = APPEND_OK;

        if (__builtin_mul_overflow((int64_t)at, load->gap_ms, &sample.t_ms) ||
            (start && !start->omitted &&
             __builtin_add_overflow(sample.t_ms, start->offset_ms, &extra.start_ms)))
                return error_set(err, ERROR_INVALID, "the time of sample %zu is out of range", at);
        if (!sink.append(sink.ctx, &sample, &extra, 1, &outcome, err))
                return false;
        return outcome == APPEND_OK || outcome == APPEND_DUPLICATE_SAME ||
               error_set(err, ERROR_INVALID, "sample %zu was refused (%d)", at, outcome);
}

static bool store_series(const struct script_load *load, const struct script_load_series *series,
                         struct series_sink sink, struct error *err)
{
        const struct histogram *previous = NULL;
        struct arena arena;
        series_ref ref;
        bool ok = sink.resolve(sink.ctx, series->labels, &ref, err);

        arena_init(&arena, SIZE_MAX);
        for (size_t i = 0; ok && i < series->count; i++) {
                const struct histogram *h = series->values[i].h;

                if (series->values[i].omitted)
                        continue;
                if (h) {
                        ok = histogram_validate(h, err);
                        h = histogram_with_reset(&arena, h, histogram_reset_after(previous, h));
                }
                ok = ok && store_value(load, series, i, h, ref, sink, err);
                previous = series->values[i].h;
        }
        arena_release(&arena);
        return ok;
}

bool script_load_store(const struct script_load *load, struct series_sink sink, struct error *err)
{
        if (load->has_starts)
                return error_set(err, ERROR_INVALID, "start timestamps without their series");
        for (size_t i = 0; i < load->table.count; i++)
                if (!store_series(load, &load->items[i], sink, err))
                        return false;
        return true;
}

bool promql_script_load(struct arena *arena, const struct str *lines, size_t count, int64_t gap_ms,
                        struct series_sink sink, struct error *err)
{
        struct script_load load;

        script_load_init(&load, arena, gap_ms);
        for (size_t i = 0; i < count; i++) {
                struct script_series series;

                if (!script_series_parse(arena, lines[i], &series, err) ||
                    !script_load_add(&load, &series, err))
                        return false;
        }
        return script_load_store(&load, sink, err);
}

bool promql_script_sample(struct arena *arena, struct str metric, struct str value,
                          struct labels *ret_labels, double *ret_v,
                          const struct histogram **ret_h, struct error *err)
{
        struct str line = str_from(arena_printf(arena, STR_FMT " " STR_FMT, STR_ARG(metric),
                                                STR_ARG(value)));
        struct script_series series;

        if (!script_series_parse(arena, line, &series, err))
                return false;
        if (value.len && (series.count != 1 || series.values[0].omitted))
                return error_set(err, ERROR_INVALID, "\"" STR_FMT "\" is not one value",
                                 STR_ARG(value));
        *ret_labels = series.labels;
        *ret_v = value.len ? series.values[0].v : 0;
        *ret_h = value.len ? series.values[0].h : NULL;
        return true;
}

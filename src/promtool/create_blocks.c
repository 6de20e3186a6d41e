/* tsdb create-blocks-from openmetrics. */
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/map.h"
#include "formats/openmetrics.h"
#include "promtool/blocks_int.h"
#include "promtool/promtool_int.h"

enum { SERIES_LABELS_MAX = 1024 };

#define BLOCK_MS (INT64_C(2) * 3600 * 1000)

struct input_series {
        struct labels labels;
        struct samples samples;
        bool unordered;
};

struct creation {
        const struct words *words;
        struct arena arena;
        struct map by_text; /* struct input_series */
        struct input_series **series;
        size_t series_count, series_capacity;
        struct str *symbols;
        size_t symbol_count;
        int64_t min_ms, max_ms;
        size_t block_count;
};

/* ---- reading -------------------------------------------------------------------------------- */

static bool add_labels(const struct words *words, struct labels_builder *builder,
                       struct error *err)
{
        const char *given;

        for (size_t i = 0; (given = words_list(words, "label", i)); i++) {
                struct str value = str_from(given), name;

                BUG_ON(!str_cut(&value, '=', &name));
                if (!value.data)
                        return error_set(err, ERROR_INVALID, "expected KEY=VALUE got '%s'", given);
                labels_builder_set(builder, name, value);
        }
        return true;
}

static bool find_series(struct creation *creation, struct str text,
                        struct input_series **ret_series, struct error *err)
{
        struct input_series *series = map_get(&creation->by_text, text);
        struct labels_builder builder;

        *ret_series = series;
        if (series)
                return true;
        labels_builder_init(&builder, &creation->arena, (struct labels){0});
        if (!openmetrics_series(text, SERIES_LABELS_MAX, &builder, err) ||
            !add_labels(creation->words, &builder, err))
                return false;
        series = arena_new(&creation->arena, struct input_series);
        series->labels = labels_copy(&creation->arena, labels_builder_finish(&builder));
        map_put(&creation->by_text, arena_str(&creation->arena, text), series);
        if (creation->series_count == creation->series_capacity) {
                size_t capacity = 2 * creation->series_capacity + 1024;
                struct input_series **more = arena_array(&creation->arena,
                                                         struct input_series *, capacity);

                if (creation->series_count)
                        memcpy(more, creation->series, creation->series_count * sizeof(*more));
                creation->series = more;
                creation->series_capacity = capacity;
        }
        creation->series[creation->series_count++] = *ret_series = series;
        return true;
}

static bool add_sample(struct creation *creation, const struct openmetrics_entry *entry,
                       struct error *err)
{
        struct input_series *series;
        struct samples *samples;

        if (!find_series(creation, entry->series, &series, err))
                return false;
        samples = &series->samples;
        series->unordered |= samples->count && entry->t_ms <= samples->t_ms[samples->count - 1];
        samples_append(samples, entry->t_ms, entry->value);
        if (entry->t_ms < creation->min_ms)
                creation->min_ms = entry->t_ms;
        if (entry->t_ms > creation->max_ms)
                creation->max_ms = entry->t_ms;
        return true;
}

struct ordered {
        int64_t t_ms;
        double v;
        size_t at; /* where it came */
};

static int compare_ordered(const void *a_ptr, const void *b_ptr)
{
        const struct ordered *a = a_ptr, *b = b_ptr;

        if (a->t_ms != b->t_ms)
                return a->t_ms < b->t_ms ? -1 : 1;
        return a->at < b->at ? -1 : a->at > b->at;
}

/* By time; of several samples of one time the first stays. */
static void put_in_order(struct creation *creation, struct input_series *series)
{
        struct samples *samples = &series->samples;
        struct ordered *order = arena_array(&creation->arena, struct ordered, samples->count);
        size_t kept = 0;

        for (size_t i = 0; i < samples->count; i++)
                order[i] = (struct ordered){samples->t_ms[i], samples->v[i], i};
        qsort(order, samples->count, sizeof(*order), compare_ordered);
        for (size_t i = 0; i < samples->count; i++) {
                if (kept && samples->t_ms[kept - 1] == order[i].t_ms)
                        continue;
                samples->t_ms[kept] = order[i].t_ms;
                samples->v[kept++] = order[i].v;
        }
        samples_truncate(samples, kept);
}

static bool read_text(struct creation *creation, struct str text, struct error *err)
{
        struct openmetrics reader = openmetrics_make(text);

        for (;;) {
                struct openmetrics_entry entry = {0};

                switch (openmetrics_next(&reader, STR_LIT(""), &entry, err)) {
                case OPENMETRICS_END:
                        return true;
                case OPENMETRICS_ERROR:
                        return error_prefix(err, "getting min and max timestamp: next");
                case OPENMETRICS_SAMPLE:
                        if (!entry.has_timestamp)
                                return error_set(err, ERROR_INVALID, "getting min and max "
                                                 "timestamp: expected timestamp for series got "
                                                 "none");
                        if (!add_sample(creation, &entry, err))
                                return false;
                        break;
                default:
                        break;
                }
        }
}

/* ---- writing -------------------------------------------------------------------------------- */

static int compare_series(const void *a, const void *b)
{
        return labels_compare((*(struct input_series *const *)a)->labels,
                              (*(struct input_series *const *)b)->labels);
}

static int compare_symbols(const void *a, const void *b)
{
        return str_compare(*(const struct str *)a, *(const struct str *)b);
}

static void collect_symbols(struct creation *creation)
{
        size_t count = 0, kept = 0;

        for (size_t i = 0; i < creation->series_count; i++)
                count += 2 * creation->series[i]->labels.count;
        creation->symbols = arena_array(&creation->arena, struct str, count + 1);
        count = 0;
        for (size_t i = 0; i < creation->series_count; i++) {
                struct labels labels = creation->series[i]->labels;

                for (size_t k = 0; k < labels.count; k++) {
                        creation->symbols[count++] = labels.items[k].name;
                        creation->symbols[count++] = labels.items[k].value;
                }
        }
        qsort(creation->symbols, count, sizeof(*creation->symbols), compare_symbols);
        for (size_t i = 0; i < count; i++)
                if (!kept || !str_equal(creation->symbols[kept - 1], creation->symbols[i]))
                        creation->symbols[kept++] = creation->symbols[i];
        creation->symbol_count = kept;
}

/* The samples in [from, to), without copying: they are in order. */
static struct samples samples_within(const struct samples *samples, int64_t from_ms, int64_t to_ms)
{
        size_t begin = 0, end;

        while (begin < samples->count && samples->t_ms[begin] < from_ms)
                begin++;
        for (end = begin; end < samples->count && samples->t_ms[end] < to_ms;)
                end++;
        return (struct samples){.t_ms = samples->t_ms + begin, .v = samples->v + begin,
                                .count = end - begin};
}

/* A block spans from its first to its last sample. */
static bool find_span(const struct creation *creation, int64_t from_ms, int64_t to_ms,
                      int64_t *ret_min_ms, int64_t *ret_max_ms)
{
        *ret_min_ms = INT64_MAX;
        *ret_max_ms = INT64_MIN;
        for (size_t i = 0; i < creation->series_count; i++) {
                struct samples within = samples_within(&creation->series[i]->samples, from_ms,
                                                       to_ms);

                if (!within.count)
                        continue;
                if (within.t_ms[0] < *ret_min_ms)
                        *ret_min_ms = within.t_ms[0];
                if (within.t_ms[within.count - 1] > *ret_max_ms)
                        *ret_max_ms = within.t_ms[within.count - 1];
        }
        return *ret_min_ms <= *ret_max_ms;
}

static bool write_block(struct creation *creation, const char *dir, int64_t from_ms,
                        int64_t to_ms, struct error *err)
{
        struct prom_block_writer *writer;
        struct prom_block_meta meta;
        struct block block;
        int64_t min_ms, max_ms;

        if (!find_span(creation, from_ms, to_ms, &min_ms, &max_ms))
                return true;
        if (!prom_block_writer_new(&writer, dir, min_ms, max_ms + 1, creation->symbols,
                                   creation->symbol_count, err))
                return false;
        for (size_t i = 0; i < creation->series_count; i++) {
                struct samples within = samples_within(&creation->series[i]->samples, from_ms,
                                                       to_ms);

                if (prom_block_writer_add(writer, creation->series[i]->labels, &within, err))
                        continue;
                prom_block_writer_abandon(writer);
                return false;
        }
        if (!prom_block_writer_finish(writer, &meta, err))
                return false;
        if (words_on(creation->words, "quiet"))
                return true;
        if (!block_describe(dir, &meta, &creation->arena, &block, err))
                return false;
        blocks_print(&block, 1, creation->block_count++ == 0,
                     words_on(creation->words, "human-readable"));
        return true;
}

/* The longest of 2h, 6h, 18h, ... that is no longer than was asked for. */
static int64_t block_length(const struct words *words)
{
        int64_t asked = words_duration_ms(words, "max-block-duration"), length = BLOCK_MS;

        for (int i = 0; i < 9 && length * 3 <= asked; i++)
                length *= 3;
        return length;
}

static bool write_blocks(struct creation *creation, const char *dir, struct error *err)
{
        int64_t length = block_length(creation->words);

        for (size_t i = 0; i < creation->series_count; i++)
                if (creation->series[i]->unordered)
                        put_in_order(creation, creation->series[i]);
        qsort(creation->series, creation->series_count, sizeof(*creation->series),
              compare_series);
        collect_symbols(creation);
        for (int64_t t = creation->min_ms / length * length; t <= creation->max_ms; t += length)
                if (!write_block(creation, dir, t, t + length, err))
                        return error_prefix(err, "block creation");
        return true;
}

int tsdb_create_openmetrics(const struct words *words)
{
        const char *path = words_argument(words, 0), *dir = words_argument(words, 1);
        struct creation creation = {.words = words, .min_ms = INT64_MAX, .max_ms = INT64_MIN};
        struct file_map map = {0};
        struct error err;
        bool ok;

        arena_init(&creation.arena, SIZE_MAX);
        ok = file_map_open(&map, path, &err) && dir_make(dir, &err) &&
             read_text(&creation, str_make((const char *)map.data, map.len), &err) &&
             (!creation.series_count || write_blocks(&creation, dir, &err));
        for (size_t i = 0; i < creation.series_count; i++)
                samples_release(&creation.series[i]->samples);
        map_release(&creation.by_text);
        arena_release(&creation.arena);
        file_map_close(&map);
        return ok ? EXIT_GOOD : print_failure(&err);
}

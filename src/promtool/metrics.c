/* check metrics: an exposition as families, to be linted and counted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "formats/prom_text.h"
#include "promtool/metrics_int.h"
#include "promtool/promtool_int.h"

enum { STDIN_MAX_BYTES = 1 << 30, LABELS_MAX = 1024 };

struct reading {
        struct arena arena;
        struct map by_name;  /* struct family */
        struct family **items;
        size_t count, capacity;
};

static struct family *find_family(struct reading *reading, struct str name)
{
        struct family *family = map_get(&reading->by_name, name);

        if (family)
                return family;
        family = arena_new(&reading->arena, struct family);
        family->name = arena_str(&reading->arena, name);
        map_put(&reading->by_name, family->name, family);
        if (reading->count == reading->capacity) {
                size_t capacity = 2 * reading->capacity + 256;
                struct family **more = arena_array(&reading->arena, struct family *, capacity);

                if (reading->count)
                        memcpy(more, reading->items, reading->count * sizeof(*more));
                reading->items = more;
                reading->capacity = capacity;
        }
        return reading->items[reading->count++] = family;
}

/* A sample of name_sum belongs to the family `name` when that is a histogram or a summary. */
static struct family *family_of_sample(struct reading *reading, struct str name)
{
        static const struct {
                struct str suffix;
                bool summary;
        } parts[] = {{STR_LIT("_bucket"), false}, {STR_LIT("_sum"), true},
                     {STR_LIT("_count"), true}};

        for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
                struct family *family;

                if (!str_ends_with(name, parts[i].suffix))
                        continue;
                family = map_get(&reading->by_name,
                                 str_slice(name, 0, name.len - parts[i].suffix.len));
                if (family && (family->type == FAMILY_HISTOGRAM ||
                               (parts[i].summary && family->type == FAMILY_SUMMARY)))
                        return family;
        }
        return find_family(reading, name);
}

/* The label that tells the parts of one histogram or summary apart. */
static struct str part_label(enum family_type type)
{
        return type == FAMILY_HISTOGRAM ? STR_LIT("le")
               : type == FAMILY_SUMMARY ? STR_LIT("quantile") : STR_LIT("");
}

static void add_sample(struct reading *reading, struct labels labels)
{
        struct str name = labels_get(labels, LABEL_METRIC_NAME), part;
        struct family *family = family_of_sample(reading, name);
        struct labels_builder builder;
        struct metric *metric;
        bool has_part;

        part = part_label(family->type);
        has_part = part.len && labels_has(labels, part);
        labels_builder_init(&builder, &reading->arena, labels);
        labels_builder_delete(&builder, LABEL_METRIC_NAME);
        if (has_part)
                labels_builder_delete(&builder, part);
        labels = labels_copy(&reading->arena, labels_builder_finish(&builder));
        metric = family->last;
        /* The samples of one histogram or summary stand together. */
        if (!metric || !part_label(family->type).len || !labels_equal(metric->labels, labels)) {
                metric = arena_new(&reading->arena, struct metric);
                metric->labels = labels;
                if (family->last)
                        family->last->next = metric;
                else
                        family->first = metric;
                family->last = metric;
                family->metric_count++;
        }
        metric->parts += has_part;
}

static bool set_type(struct family *family, struct str text, struct error *err)
{
        static const char *const names[] = {"untyped", "counter", "gauge", "histogram", "summary"};

        if (family->typed || family->first)
                return error_set(err, ERROR_INVALID, "second TYPE line for metric name \"" STR_FMT
                                 "\", or TYPE reported after samples", STR_ARG(family->name));
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                if (str_is(text, names[i])) {
                        family->type = (enum family_type)i;
                        family->typed = true;
                        return true;
                }
        return error_set(err, ERROR_INVALID, "unknown metric type \"" STR_FMT "\"", STR_ARG(text));
}

static bool set_help(struct family *family, struct error *err)
{
        if (family->helped)
                return error_set(err, ERROR_INVALID, "second HELP line for metric name \"" STR_FMT
                                 "\"", STR_ARG(family->name));
        family->helped = true;
        return true;
}

static bool add_series(struct reading *reading, struct str series, struct error *err)
{
        struct labels_builder builder;

        labels_builder_init(&builder, &reading->arena, (struct labels){0});
        if (!prom_text_series(series, LABELS_MAX, &builder, err))
                return false;
        add_sample(reading, labels_builder_finish(&builder));
        return true;
}

/* "line 3: reason" as the decoder of exposition formats says it. */
static bool explain(unsigned line, struct error *err)
{
        struct error reason = *err;
        const char *text = reason.text;

        if (strncmp(text, "line ", 5) == 0 && strstr(text, ": "))
                text = strstr(text, ": ") + 2;
        return error_set(err, ERROR_INVALID, "text format parsing error in line %u: %s", line,
                         text);
}

static bool read_families(struct reading *reading, struct str body, struct error *err)
{
        struct prom_text text = prom_text_make(body);

        for (;;) {
                struct prom_text_entry entry;
                bool ok = true;

                switch (prom_text_next(&text, STR_LIT(""), &entry, err)) {
                case PROM_TEXT_END:
                        return true;
                case PROM_TEXT_ERROR:
                        ok = false;
                        break;
                case PROM_TEXT_HELP:
                        ok = set_help(find_family(reading, entry.name), err);
                        break;
                case PROM_TEXT_TYPE:
                        ok = set_type(find_family(reading, entry.name), entry.text, err);
                        break;
                case PROM_TEXT_SAMPLE:
                        ok = add_series(reading, entry.series, err);
                        break;
                }
                if (!ok)
                        return explain(text.line, err);
        }
}

/* ---- how many there are --------------------------------------------------------------------- */

static size_t series_of(const struct family *family)
{
        bool parts = part_label(family->type).len != 0;

        return family->metric_count * (parts ? 2 + family->first->parts : 1);
}

static int by_series(const void *a_ptr, const void *b_ptr)
{
        const struct family *a = *(const struct family *const *)a_ptr;
        const struct family *b = *(const struct family *const *)b_ptr;
        size_t x = series_of(a), y = series_of(b);

        return x > y ? -1 : x < y ? 1 : str_compare(a->name, b->name);
}

static void print_counts(struct family **families, size_t count)
{
        struct buf out CLEANUP(buf_release) = BUF_INIT(STDIN_MAX_BYTES);
        size_t total = 0;

        qsort(families, count, sizeof(*families), by_series);
        for (size_t i = 0; i < count; i++)
                total += series_of(families[i]);
        buf_append_cstr(&out, "Metric\tCardinality\tPercentage\t\n");
        for (size_t i = 0; i < count; i++)
                buf_printf(&out, STR_FMT "\t%zu\t%.2f%%\t\n", STR_ARG(families[i]->name),
                           series_of(families[i]),
                           100.0 * (double)series_of(families[i]) / (double)total);
        buf_printf(&out, "Total\t%zu\t100%%\t\n", total);
        columns_print(buf_str(&out), 4, 4);
}

/* ---- the command ---------------------------------------------------------------------------- */

/* Families without samples are none. */
static void drop_empty(struct reading *reading)
{
        size_t kept = 0;

        for (size_t i = 0; i < reading->count; i++)
                if (reading->items[i]->first)
                        reading->items[kept++] = reading->items[i];
        reading->count = kept;
}

int check_metrics(const struct words *words)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(STDIN_MAX_BYTES);
        bool extended = words_on(words, "extended");
        bool lint = strcmp(words_text(words, "lint"), "none") != 0;
        struct reading reading = {.count = 0};
        int code = EXIT_GOOD;
        struct error err;

        if (!extended && !lint) {
                fprintf(stderr, "error: at least one of --extended or linting must be enabled\n"
                        "Use --extended for cardinality analysis, or remove --lint=none to enable "
                        "linting\n");
                return EXIT_FAILED;
        }
        arena_init(&reading.arena, SIZE_MAX);
        if (!read_stdin(&text, &err) || !read_families(&reading, buf_str(&text), &err)) {
                fprintf(stderr, "error while %s: %s\n",
                        lint ? "linting" : "parsing text to metric families", err.text);
                code = EXIT_FAILED;
        } else {
                drop_empty(&reading);
                if (lint && !lint_families(reading.items, reading.count))
                        code = EXIT_LINT;
                if (extended)
                        print_counts(reading.items, reading.count);
        }
        map_release(&reading.by_name);
        arena_release(&reading.arena);
        return code;
}

/* The conventions that check metrics looks after: those of client_golang's promlint, its texts. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "promtool/metrics_int.h"

struct problem {
        struct str metric;
        const char *text;
};

struct linter {
        struct arena arena;
        struct problem *items;
        size_t count, capacity;
        const struct family *family;
};

static void complain(struct linter *linter, const char *text)
{
        if (linter->count == linter->capacity) {
                size_t capacity = 2 * linter->capacity + 64;
                struct problem *more = arena_array(&linter->arena, struct problem, capacity);

                if (linter->count)
                        memcpy(more, linter->items, linter->count * sizeof(*more));
                linter->items = more;
                linter->capacity = capacity;
        }
        linter->items[linter->count++] = (struct problem){linter->family->name, text};
}

/* The word stands between underscores or behind the last one. */
static bool has_word(struct str name, const char *word)
{
        struct str rest = name, part;
        size_t index = 0;

        for (; str_cut(&rest, '_', &part); index++)
                if (index && part.len == strlen(word) &&
                    strncasecmp(part.data, word, part.len) == 0)
                        return true;
        return false;
}

/* ---- units ---------------------------------------------------------------------------------- */

static const char *base_unit(struct str unit)
{
        static const struct {
                const char *unit, *base;
        } units[] = {
                {"amperes", "amperes"}, {"bytes", "bytes"}, {"celsius", "celsius"},
                {"grams", "grams"}, {"joules", "joules"}, {"kelvin", "kelvin"},
                {"meters", "meters"}, {"metres", "metres"}, {"seconds", "seconds"},
                {"volts", "volts"}, {"minutes", "seconds"}, {"hours", "seconds"},
                {"days", "seconds"}, {"weeks", "seconds"}, {"kelvins", "kelvin"},
                {"fahrenheit", "celsius"}, {"rankine", "celsius"}, {"inches", "meters"},
                {"yards", "meters"}, {"miles", "meters"}, {"bits", "bytes"},
                {"calories", "joules"}, {"pounds", "grams"}, {"ounces", "grams"},
        };

        for (size_t i = 0; i < ARRAY_LEN(units); i++)
                if (str_is(unit, units[i].unit))
                        return units[i].base;
        return NULL;
}

static const char *base_of(struct str part)
{
        static const char *const prefixes[] = {
                "", "pico", "nano", "micro", "milli", "centi", "deci", "deca", "hecto", "kilo",
                "kibi", "mega", "mibi", "giga", "gibi", "tera", "tebi", "peta", "pebi"};

        for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
                struct str prefix = str_from(prefixes[i]);
                const char *base;

                if (str_starts_with(part, prefix) &&
                    (base = base_unit(str_slice(part, prefix.len, part.len))))
                        return base;
        }
        return NULL;
}

static void lint_unit(struct linter *linter)
{
        struct str rest = linter->family->name, part;

        while (str_cut(&rest, '_', &part)) {
                const char *base = base_of(part);

                if (!base)
                        continue;
                if (!str_is(part, base))
                        complain(linter, arena_printf(&linter->arena, "use base unit \"%s\" "
                                                      "instead of \"" STR_FMT "\"", base,
                                                      STR_ARG(part)));
                return;
        }
}

static void lint_abbreviation(struct linter *linter)
{
        static const char *const units[] = {"s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb",
                                            "tb", "pb", "m", "h", "d"};

        for (size_t i = 0; i < ARRAY_LEN(units); i++)
                if (has_word(linter->family->name, units[i]))
                        complain(linter, "metric names should not contain abbreviated units");
}

/* ---- types ---------------------------------------------------------------------------------- */

static bool has_label(const struct family *family, const char *name, size_t *ret_times)
{
        *ret_times = 0;
        for (const struct metric *metric = family->first; metric; metric = metric->next)
                *ret_times += labels_has(metric->labels, str_from(name));
        return *ret_times;
}

static void lint_reserved(struct linter *linter)
{
        const struct family *family = linter->family;
        bool histogram = family->type == FAMILY_HISTOGRAM, summary = family->type == FAMILY_SUMMARY;
        size_t times;

        if (!histogram && str_ends_with(family->name, STR_LIT("_bucket")))
                complain(linter, "non-histogram metrics should not have \"_bucket\" suffix");
        if (!histogram && !summary && str_ends_with(family->name, STR_LIT("_count")))
                complain(linter, "non-histogram and non-summary metrics should not have "
                         "\"_count\" suffix");
        if (!histogram && !summary && str_ends_with(family->name, STR_LIT("_sum")))
                complain(linter, "non-histogram and non-summary metrics should not have "
                         "\"_sum\" suffix");
        if (!histogram && has_label(family, "le", &times))
                while (times--)
                        complain(linter, "non-histogram metrics should not have \"le\" label");
        if (!summary && has_label(family, "quantile", &times))
                while (times--)
                        complain(linter, "non-summary metrics should not have \"quantile\" label");
}

static void lint_type(struct linter *linter)
{
        const struct family *family = linter->family;
        bool total = str_ends_with(family->name, STR_LIT("_total"));

        if (family->type == FAMILY_COUNTER && !total)
                complain(linter, "counter metrics should have \"_total\" suffix");
        if (family->type == FAMILY_UNTYPED)
                return;
        if (family->type != FAMILY_COUNTER && total)
                complain(linter, "non-counter metrics should not have \"_total\" suffix");
        if (family->type != FAMILY_GAUGE &&
            str_ends_with(family->name, STR_LIT("_timestamp_seconds")))
                complain(linter, "non-gauge metrics should not have \"_timestamp_seconds\" "
                         "suffix");
        lint_reserved(linter);
}

/* ---- names ---------------------------------------------------------------------------------- */

static bool is_camel(struct str name)
{
        for (size_t i = 1; i < name.len; i++)
                if (islower((unsigned char)name.data[i - 1]) &&
                    isupper((unsigned char)name.data[i]))
                        return true;
        return false;
}

static void lint_names(struct linter *linter)
{
        static const char *const types[] = {"counter", "gauge", "summary", "histogram",
                                            "gauge_histogram"};
        const struct family *family = linter->family;

        for (size_t i = 0; i < ARRAY_LEN(types); i++)
                if (has_word(family->name, types[i]))
                        complain(linter, arena_printf(&linter->arena, "metric name should not "
                                                      "include type '%s'", types[i]));
        if (str_find_byte(family->name, ':') < family->name.len)
                complain(linter, "metric names should not contain ':'");
        if (is_camel(family->name))
                complain(linter, "metric names should be written in 'snake_case' not "
                         "'camelCase'");
        for (const struct metric *metric = family->first; metric; metric = metric->next)
                for (size_t i = 0; i < metric->labels.count; i++)
                        if (is_camel(metric->labels.items[i].name))
                                complain(linter, "label names should be written in 'snake_case' "
                                         "not 'camelCase'");
}

static int compare_metrics(const void *a, const void *b)
{
        return labels_compare((*(const struct metric *const *)a)->labels,
                              (*(const struct metric *const *)b)->labels);
}

static void lint_duplicates(struct linter *linter)
{
        const struct family *family = linter->family;
        const struct metric **sorted = arena_array(&linter->arena, const struct metric *,
                                                   family->metric_count);
        size_t count = 0;

        for (const struct metric *metric = family->first; metric; metric = metric->next)
                sorted[count++] = metric;
        qsort(sorted, count, sizeof(*sorted), compare_metrics);
        for (size_t i = 1; i < count; i++)
                if (labels_equal(sorted[i - 1]->labels, sorted[i]->labels))
                        complain(linter, "metric not unique");
}

/* ---- all of it ------------------------------------------------------------------------------ */

static int compare_problems(const void *a_ptr, const void *b_ptr)
{
        const struct problem *a = a_ptr, *b = b_ptr;
        int order = str_compare(a->metric, b->metric);

        return order ? order : strcmp(a->text, b->text);
}

bool lint_families(struct family *const *families, size_t count)
{
        struct linter linter = {.count = 0};
        bool good;

        arena_init(&linter.arena, SIZE_MAX);
        for (size_t i = 0; i < count; i++) {
                linter.family = families[i];
                if (!families[i]->helped)
                        complain(&linter, "no help text");
                lint_unit(&linter);
                lint_type(&linter);
                lint_names(&linter);
                lint_abbreviation(&linter);
                lint_duplicates(&linter);
        }
        if (linter.count)
                qsort(linter.items, linter.count, sizeof(*linter.items), compare_problems);
        for (size_t i = 0; i < linter.count; i++)
                fprintf(stderr, STR_FMT " %s\n", STR_ARG(linter.items[i].metric),
                        linter.items[i].text);
        good = !linter.count;
        arena_release(&linter.arena);
        return good;
}

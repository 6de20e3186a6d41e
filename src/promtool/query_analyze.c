/* query analyze: how many buckets of histograms are used, and change from sample to sample. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "codec/double.h"
#include "codec/quote.h"
#include "model/labels.h"
#include "promtool/query_int.h"

enum { TEXT_MAX_BYTES = 64 << 20 };

/* ---- statistics ----------------------------------------------------------------------------- */

struct range {
        int64_t min, max;
        double sum;
        int64_t count;
};

static void range_add(struct range *range, int64_t value)
{
        if (!range->count || value < range->min)
                range->min = value;
        if (!range->count || value > range->max)
                range->max = value;
        range->sum += (double)value;
        range->count++;
}

static double range_mean(const struct range *range)
{
        return range->sum / (double)range->count;
}

/* Of one series: of its samples but the first. */
struct usage {
        struct range changed, delta, populated; /* buckets, counts, buckets */
        int64_t total;                          /* buckets that ever occurred */
};

/* Of all series. */
struct summary {
        struct range parts[10];
};

static const char *const summary_names[] = {
        "minChanged", "avgChanged", "maxChanged", "minDelta", "avgDelta", "maxDelta",
        "minPop", "avgPop", "maxPop", "total"};

static void add_usage(struct summary *summary, const struct usage *usage)
{
        const struct range *ranges[] = {&usage->changed, &usage->delta, &usage->populated};

        for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
                range_add(&summary->parts[3 * i], ranges[i]->min);
                range_add(&summary->parts[3 * i + 1], (int64_t)range_mean(ranges[i]));
                range_add(&summary->parts[3 * i + 2], ranges[i]->max);
        }
        range_add(&summary->parts[9], usage->total);
}

static void print_range(const struct range *range)
{
        printf("%" PRId64 "/%.3f/%" PRId64, range->min, range_mean(range), range->max);
}

static void print_usage(const struct usage *usage)
{
        printf("Bucket stats (min/avg/max) - number of buckets changed: ");
        print_range(&usage->changed);
        printf(" total delta of changed buckets: ");
        print_range(&usage->delta);
        printf(" number of populated buckets: ");
        print_range(&usage->populated);
        printf(". total number of buckets: %" PRId64 "\n", usage->total);
}

static void print_summary(const struct summary *summary)
{
        for (size_t i = 0; i < ARRAY_LEN(summary_names); i++) {
                const struct range *range = &summary->parts[i];

                printf("%s - min/avg/max: ", summary_names[i]);
                if (range->count)
                        print_range(range);
                else
                        printf("%" PRId64 "/0.000/0", INT64_MAX);
                printf("\n");
        }
        printf("count - %" PRId64 "\n", summary->parts[0].count);
}

/* ---- native histograms ---------------------------------------------------------------------- */

struct bucket {
        struct str key; /* boundaries and limits */
        double count, before;
        bool seen;
};

/* All buckets that a series ever had. */
struct buckets {
        struct map by_key;
        struct bucket **items;
        size_t count, capacity;
        struct arena *arena;
};

static struct bucket *find_bucket(struct buckets *buckets, const struct json_value *json)
{
        const struct json_value *lower = json->first->next;
        struct str key = str_from(arena_printf(buckets->arena, "%d " STR_FMT " " STR_FMT,
                                               (int)json->first->number, STR_ARG(lower->text),
                                               STR_ARG(lower->next->text)));
        struct bucket *bucket = map_get(&buckets->by_key, key);

        if (bucket)
                return bucket;
        bucket = arena_new(buckets->arena, struct bucket);
        bucket->key = key;
        map_put(&buckets->by_key, key, bucket);
        if (buckets->count == buckets->capacity) {
                struct bucket **more = arena_array(buckets->arena, struct bucket *,
                                                   buckets->capacity = 2 * buckets->capacity + 64);

                memcpy(more, buckets->items, buckets->count * sizeof(*more));
                buckets->items = more;
        }
        return buckets->items[buckets->count++] = bucket;
}

/* Takes the counts of one sample; how many buckets it has. */
static int64_t take_buckets(struct buckets *buckets, const struct json_value *point)
{
        const struct json_value *list = point->first && point->first->next
                                                ? json_find(point->first->next, "buckets") : NULL;
        int64_t populated = 0;

        for (size_t i = 0; i < buckets->count; i++) {
                buckets->items[i]->before = buckets->items[i]->count;
                buckets->items[i]->count = 0;
        }
        for (const struct json_value *b = list ? list->first : NULL; b; b = b->next) {
                const struct json_value *last = b->first;

                while (last && last->next)
                        last = last->next;
                if (!last || !double_parse(last->text, &find_bucket(buckets, b)->count))
                        continue;
                populated++;
        }
        return populated;
}

static void compare_buckets(const struct buckets *buckets, struct usage *usage)
{
        int64_t changed = 0, delta = 0;

        for (size_t i = 0; i < buckets->count; i++) {
                const struct bucket *bucket = buckets->items[i];

                if (bucket->count == bucket->before)
                        continue;
                changed++;
                delta += (int64_t)fabs(bucket->count - bucket->before);
        }
        range_add(&usage->changed, changed);
        range_add(&usage->delta, delta);
}

static bool native_usage(struct arena *arena, const struct json_value *series,
                         struct usage *usage)
{
        const struct json_value *points = json_find(series, "histograms");
        struct buckets buckets = {.arena = arena};

        *usage = (struct usage){.total = 0};
        if (!points || !points->first || !points->first->next)
                return false;
        take_buckets(&buckets, points->first);
        for (const struct json_value *p = points->first->next; p; p = p->next) {
                int64_t populated = take_buckets(&buckets, p);

                compare_buckets(&buckets, usage);
                range_add(&usage->populated, populated);
        }
        usage->total = (int64_t)buckets.count;
        map_release(&buckets.by_key);
        return true;
}

/* ---- classic histograms --------------------------------------------------------------------- */

struct classic_bucket {
        double le;
        const struct json_value *point; /* the one being looked at */
};

static int by_bound(const void *a_ptr, const void *b_ptr)
{
        const struct classic_bucket *a = a_ptr, *b = b_ptr;

        return a->le < b->le ? -1 : a->le > b->le;
}

static double value_of(const struct json_value *point)
{
        double v = 0;

        if (!point->first || !point->first->next || !double_parse(point->first->next->text, &v))
                v = 0;
        return v;
}

/* The counts of single buckets at the points that are being looked at. */
static bool take_classic(const struct classic_bucket *buckets, size_t count, int64_t *counts,
                         struct error *err)
{
        for (size_t i = 0; i < count; i++) {
                const struct json_value *point = buckets[i].point;

                if (!point || (i && point->first->number != buckets[0].point->first->number))
                        return error_set(err, ERROR_EXECUTION,
                                         "matrix result is not time aligned");
                counts[i] = (int64_t)(value_of(point) -
                                      (i ? value_of(buckets[i - 1].point) : 0));
        }
        return true;
}

/* The buckets of a matrix by their bounds, at their first points. */
static struct classic_bucket *find_classic(struct arena *arena, const struct json_value *matrix,
                                           size_t *ret_count)
{
        struct classic_bucket *buckets;
        size_t count = 0;

        for (const struct json_value *s = matrix->first; s; s = s->next)
                count++;
        buckets = arena_array(arena, struct classic_bucket, count + 1);
        count = 0;
        for (const struct json_value *s = matrix->first; s; s = s->next) {
                const struct json_value *metric = json_find(s, "metric");
                const struct json_value *le = metric ? json_find(metric, "le") : NULL;
                const struct json_value *values = json_find(s, "values");

                if (!le || !values || !double_parse(le->text, &buckets[count].le))
                        continue;
                buckets[count++].point = values->first;
        }
        qsort(buckets, count, sizeof(*buckets), by_bound);
        *ret_count = count;
        return buckets;
}

/* usage->total stays 0 when there is not enough to compare. */
static bool classic_usage(struct arena *arena, const struct json_value *matrix,
                          struct usage *usage, struct error *err)
{
        size_t count;
        struct classic_bucket *buckets = find_classic(arena, matrix, &count);
        int64_t *counts = arena_array(arena, int64_t, count + 1);
        int64_t *before = arena_array(arena, int64_t, count + 1);

        *usage = (struct usage){.total = 0};
        if (!count || !buckets[0].point || !buckets[0].point->next)
                return true;
        if (!take_classic(buckets, count, before, err))
                return false;
        for (;;) {
                int64_t changed = 0, delta = 0, populated = 0;

                for (size_t i = 0; i < count; i++)
                        buckets[i].point = buckets[i].point->next;
                if (!buckets[0].point)
                        break;
                if (!take_classic(buckets, count, counts, err))
                        return false;
                for (size_t i = 0; i < count; i++) {
                        populated += counts[i] != 0;
                        changed += counts[i] != before[i];
                        delta += llabs(counts[i] - before[i]);
                        before[i] = counts[i];
                }
                range_add(&usage->changed, changed);
                range_add(&usage->delta, delta);
                range_add(&usage->populated, populated);
        }
        usage->total = (int64_t)count;
        return true;
}

/* ---- asking --------------------------------------------------------------------------------- */

struct analysis {
        const struct words *words;
        double t_s;
        struct str duration;
        struct summary summary;
};

static bool ask(struct analysis *analysis, struct query *query, struct str text,
                const struct json_value **ret_result, struct error *err)
{
        const struct json_value *data;

        query_put(query, "query", text);
        query_put_time(query, "time", analysis->t_s);
        if (!query_ask(query, "/api/v1/query", false, &data, err))
                return false;
        *ret_result = json_find(data, "result");
        return *ret_result || error_set(err, ERROR_EXECUTION, "no result");
}

static bool analyze_native(struct analysis *analysis, const char *match, struct error *err)
{
        struct buf line CLEANUP(buf_release) = BUF_INIT(TEXT_MAX_BYTES);
        const struct json_value *result;
        struct query query;
        bool ok;

        query_init(&query, analysis->words, words_text(analysis->words, "server"));
        buf_printf(&line, "%s[" STR_FMT "]", match, STR_ARG(analysis->duration));
        ok = ask(analysis, &query, buf_str(&line), &result, err);
        for (const struct json_value *s = ok ? result->first : NULL; s; s = s->next) {
                struct usage usage;

                if (!native_usage(&query.arena, s, &usage))
                        continue;
                buf_clear(&line);
                query_append_metric(&line, &query.arena, json_find(s, "metric"));
                printf(STR_FMT "=", STR_ARG(buf_str(&line)));
                print_usage(&usage);
                add_usage(&analysis->summary, &usage);
        }
        query_release(&query);
        return ok;
}

/* name_bucket{...}[1h] for the labels of a name_sum. */
static void append_bucket_selector(struct buf *out, const struct json_value *metric,
                                   struct str duration)
{
        const struct json_value *name = json_find(metric, "__name__");
        struct str base = name ? name->text : STR_LIT("");
        bool first = true;

        if (str_ends_with(base, STR_LIT("_sum")))
                base.len -= 4;
        buf_printf(out, STR_FMT "_bucket{", STR_ARG(base));
        for (const struct json_value *label = metric->first; label; label = label->next) {
                if (str_is(label->key, "__name__"))
                        continue;
                buf_printf(out, "%s" STR_FMT "=", first ? "" : ",", STR_ARG(label->key));
                quote_append(out, label->text);
                first = false;
        }
        buf_printf(out, "}[" STR_FMT "]", STR_ARG(duration));
}

static bool analyze_one_classic(struct analysis *analysis, const struct json_value *metric,
                                struct error *err)
{
        struct buf selector CLEANUP(buf_release) = BUF_INIT(TEXT_MAX_BYTES);
        const struct json_value *result;
        struct query query;
        struct usage usage;
        bool ok;

        query_init(&query, analysis->words, words_text(analysis->words, "server"));
        append_bucket_selector(&selector, metric, analysis->duration);
        ok = ask(analysis, &query, buf_str(&selector), &result, err) &&
             classic_usage(&query.arena, result, &usage, err);
        if (ok && usage.total) {
                printf(STR_FMT "=", STR_ARG(buf_str(&selector)));
                print_usage(&usage);
                add_usage(&analysis->summary, &usage);
        }
        query_release(&query);
        return ok;
}

static bool analyze_classic(struct analysis *analysis, const char *match, struct error *err)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(TEXT_MAX_BYTES);
        const struct json_value *result;
        struct query query;
        bool ok;

        query_init(&query, analysis->words, words_text(analysis->words, "server"));
        buf_printf(&text, "last_over_time(%s[" STR_FMT "])", match, STR_ARG(analysis->duration));
        ok = ask(analysis, &query, buf_str(&text), &result, err);
        for (const struct json_value *s = ok ? result->first : NULL; ok && s; s = s->next)
                if (json_find(s, "metric"))
                        ok = analyze_one_classic(analysis, json_find(s, "metric"), err);
        query_release(&query);
        return ok;
}

/* "_sum" at the end of a word. */
static bool names_sums(const char *match)
{
        for (const char *at = match; (at = strstr(at, "_sum")); at++)
                if (!strspn(at + 4, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                            "0123456789_"))
                        return true;
        return false;
}

static bool check_words(const struct words *words, bool *ret_native, double *ret_s,
                        struct error *err)
{
        const char *type = words_text(words, "type"), *time = words_text(words, "time"), *match;

        *ret_native = strcmp(type, "nativehistograms") == 0;
        *ret_s = (double)clock_now_ms(&clock_real) / 1e3;
        if (!*ret_native && strcmp(type, "classichistograms") != 0)
                return error_set(err, ERROR_INVALID, "analyze type is %s, must be "
                                 "'classichistograms' or 'nativehistograms'", type);
        if (time && !query_parse_time(time, ret_s, err))
                return error_prefix(err, "error parsing time '%s'", time);
        for (size_t i = 0; !*ret_native && (match = words_list(words, "match", i)); i++)
                if (!names_sums(match))
                        return error_set(err, ERROR_INVALID, "every classic histogram matcher "
                                         "must have a '_sum' suffix in the metric name, but the "
                                         "matcher '%s' does not", match);
        return true;
}

int query_analyze(const struct words *words)
{
        struct buf duration CLEANUP(buf_release) = BUF_INIT(64);
        struct analysis analysis = {.words = words};
        const char *match;
        struct error err;
        bool native;

        duration_go_append(&duration, words_duration_ms(words, "duration"));
        analysis.duration = buf_str(&duration);
        if (!check_words(words, &native, &analysis.t_s, &err))
                return print_failure(&err);
        for (size_t i = 0; (match = words_list(words, "match", i)); i++)
                if (!(native ? analyze_native(&analysis, match, &err)
                             : analyze_classic(&analysis, match, &err)))
                        return print_failure(&err);
        print_summary(&analysis.summary);
        return EXIT_GOOD;
}

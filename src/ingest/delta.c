#include "ingest/delta.h"

#include <pthread.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/metrics.h"
#include "model/histogram_math.h"
#include "model/sample.h"

ALLOC_TYPE(delta_type, "delta")

METRIC_GAUGE(delta_series, "pitwall_delta_series", "",
             "Series whose samples of delta temporality are added up.")

#define IDLE_NS ((int64_t)3600 * 1000000000)
#define SWEEP_NS ((int64_t)60 * 1000000000)

struct total {
        int64_t last_ms, start_ms, seen_ns;
        double v;
        struct histogram *h; /* with its arrays in one block; NULL: a float */
};

struct series {
        struct hash_identity identity;
        struct total total;
};

struct change {
        struct series *series;
        struct total before;
        bool is_new;
};

struct delta_table {
        pthread_mutex_t lock; /* all below; held from begin to end */
        struct map series;    /* identity -> struct series */
        size_t series_max;
        const struct clock *clock;
        int64_t swept_ns;
        struct change *changes;
        size_t change_count, change_capacity;
};

struct delta_table *delta_table_new(size_t series_max, const struct clock *clock)
{
        struct delta_table *table = alloc_new(&delta_type, sizeof(*table));

        pthread_mutex_init(&table->lock, NULL);
        table->series_max = series_max;
        table->clock = clock;
        table->swept_ns = clock_mono_ns(clock);
        return table;
}

static struct str identity_str(const struct series *series)
{
        return str_make((const char *)&series->identity, sizeof(series->identity));
}

static void free_series(struct series *series)
{
        alloc_free(&delta_type, series->total.h);
        alloc_free(&delta_type, series);
}

struct delta_table *delta_table_free(struct delta_table *table)
{
        if (!table)
                return NULL;
        for (struct map_entry *e = NULL; (e = map_next(&table->series, e));)
                free_series(e->value);
        metric_add(&delta_series, -(int64_t)table->series.count);
        map_release(&table->series);
        alloc_free(&delta_type, table->changes);
        pthread_mutex_destroy(&table->lock);
        return alloc_free(&delta_type, table);
}

static void forget(struct delta_table *table, struct series *series)
{
        map_remove(&table->series, identity_str(series));
        metric_add(&delta_series, -1);
        free_series(series);
}

static void sweep(struct delta_table *table, int64_t now_ns)
{
        struct series **idle = NULL;
        size_t count = 0, capacity = 0;

        for (struct map_entry *e = NULL; (e = map_next(&table->series, e));) {
                struct series *series = e->value;

                if (now_ns - series->total.seen_ns < IDLE_NS)
                        continue;
                idle = alloc_array_reserve(&delta_type, idle, &capacity, count + 1,
                                           sizeof(struct series *));
                idle[count++] = series;
        }
        for (size_t i = 0; i < count; i++)
                forget(table, idle[i]);
        alloc_free(&delta_type, idle);
        table->swept_ns = now_ns;
}

void delta_table_begin(struct delta_table *table)
{
        int64_t now_ns = clock_mono_ns(table->clock);

        pthread_mutex_lock(&table->lock);
        if (now_ns - table->swept_ns > SWEEP_NS)
                sweep(table, now_ns);
}

void delta_table_end(struct delta_table *table, bool keep)
{
        /* Newest first: one series may have changed several times. */
        for (size_t i = table->change_count; i-- > 0;) {
                struct change *change = &table->changes[i];

                if (keep) {
                        alloc_free(&delta_type, change->before.h);
                        continue;
                }
                alloc_free(&delta_type, change->series->total.h);
                change->series->total = change->before;
                if (change->is_new)
                        forget(table, change->series);
        }
        table->change_count = 0;
        pthread_mutex_unlock(&table->lock);
}

/* ---- adding ------------------------------------------------------------------------------- */

static void *put_array(char **at, const void *items, size_t bytes)
{
        void *copy = *at;

        if (bytes)
                memcpy(copy, items, bytes);
        *at += bytes;
        return copy;
}

static struct histogram_side put_side(char **at, const struct histogram_side *side)
{
        struct histogram_side copy = *side;

        copy.buckets = put_array(at, side->buckets, side->bucket_count * sizeof(double));
        copy.spans = put_array(at, side->spans, side->span_count * sizeof(*side->spans));
        return copy;
}

static struct histogram *pack(const struct histogram *h)
{
        size_t arrays = h->custom_count * sizeof(double) +
                        (h->positive.bucket_count + h->negative.bucket_count) * sizeof(double) +
                        (h->positive.span_count + h->negative.span_count) *
                                sizeof(struct histogram_span);
        struct histogram *packed = alloc_new(&delta_type, sizeof(*packed) + arrays);
        char *at = (char *)(packed + 1);

        *packed = *h;
        packed->custom_values = put_array(&at, h->custom_values,
                                          h->custom_count * sizeof(double));
        packed->positive = put_side(&at, &h->positive);
        packed->negative = put_side(&at, &h->negative);
        return packed;
}

/* Totals of whole counts are whole. NULL when the two cannot be added. */
static const struct histogram *add_histograms(struct arena *arena, const struct histogram *a,
                                              const struct histogram *b)
{
        struct histogram_outcome outcome = {0};
        const struct histogram *added = histogram_add(arena, a, b, &outcome);
        struct histogram *sum;

        if (!added)
                return NULL;
        sum = arena_new(arena, struct histogram);
        *sum = *added;
        sum->integer = a->integer && b->integer;
        sum->reset = HISTOGRAM_RESET_UNKNOWN;
        return sum;
}

static struct series *find_or_make(struct delta_table *table, struct str key, bool *ret_is_new)
{
        struct hash_identity identity = hash_identity(key.data, key.len);
        struct series *series = map_get(&table->series,
                                        str_make((const char *)&identity, sizeof(identity)));

        *ret_is_new = !series;
        if (series || table->series.count >= table->series_max)
                return series;
        series = alloc_new(&delta_type, sizeof(*series));
        series->identity = identity;
        map_put(&table->series, identity_str(series), series);
        metric_add(&delta_series, 1);
        return series;
}

static void note_change(struct delta_table *table, struct series *series, bool is_new)
{
        table->changes = alloc_array_reserve(&delta_type, table->changes, &table->change_capacity,
                                             table->change_count + 1, sizeof(*table->changes));
        table->changes[table->change_count++] = (struct change){series, series->total, is_new};
}

bool delta_table_add(struct delta_table *table, struct str key, struct arena *arena,
                     struct delta_sample *sample, struct error *err)
{
        bool stale = !sample->h && sample_is_stale(sample->v), is_new;
        struct series *series = find_or_make(table, key, &is_new);
        struct total *total;

        if (!series)
                return error_set(err, ERROR_LIMIT, "more than %zu series of delta temporality",
                                 table->series_max);
        total = &series->total;
        if (!is_new && sample->t_ms <= total->last_ms)
                return error_set(err, ERROR_INVALID, "out of order delta sample");
        note_change(table, series, is_new);
        if (is_new)
                total->start_ms = sample->start_ms;
        /* What was there before stays with the change. */
        if (stale) {
                total->h = total->h ? pack(total->h) : NULL;
        } else if (sample->h) {
                if (total->h)
                        sample->h = add_histograms(arena, total->h, sample->h) ?: sample->h;
                total->h = pack(sample->h);
        } else {
                total->h = NULL;
                total->v += sample->v;
                sample->v = total->v;
        }
        sample->start_ms = total->start_ms;
        total->last_ms = sample->t_ms;
        total->seen_ns = clock_mono_ns(table->clock);
        return true;
}

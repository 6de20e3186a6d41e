#include <math.h>

#include "base/alloc.h"
#include "base/map.h"
#include "base/metrics.h"
#include "codec/double.h"
#include "formats/remote_write.h"
#include "formats/statsd.h"
#include "ingest/push_int.h"
#include "ingest/push_lines.h"
#include "model/histogram_bucket.h"
#include "model/sample.h"

ALLOC_TYPE(statsd_type, "push_statsd")

METRIC_COUNTER(lines_taken, "pitwall_lines_total", "protocol=\"statsd\"",
               "Lines that were received.")
METRIC_COUNTER(lines_bad, "pitwall_lines_bad_total", "protocol=\"statsd\"",
               "Lines that could not be read.")
METRIC_COUNTER(series_refused, "pitwall_statsd_series_refused_total", "",
               "StatsD lines of new series beyond the most that are kept, or of another type than "
               "the series has.")

/* Buckets that grow by 9 %, as Prometheus's clients have them with a factor of 1.1. */
enum { SCHEMA = 3, SIDE_BUCKETS_MAX = 4096, SET_MAX = 1 << 20, ARENA_BYTES = 1 << 20 };
#define ZERO_THRESHOLD 0x1p-128
#define IDLE_NS ((int64_t)3600 * 1000000000)

struct side {
        int32_t *indexes; /* rising */
        double *counts;
        size_t count, index_capacity, count_capacity;
};

struct statsd_series {
        struct str key;
        enum statsd_type type;
        double value;        /* counter, gauge; sum of a histogram */
        double count, zero;  /* of a histogram */
        struct side positive, negative;
        struct map members;  /* of a set, since the last flush */
        int64_t seen_ns, start_ms;
};

struct push_statsd {
        struct push *push;
        const struct clock *clock;
        struct map series;
        size_t series_max, members; /* members of all sets */
};

struct push_statsd *push_statsd_new(struct push *push, const struct clock *clock,
                                    size_t series_max)
{
        struct push_statsd *statsd = alloc_new(&statsd_type, sizeof(*statsd));

        *statsd = (struct push_statsd){.push = push, .clock = clock, .series_max = series_max};
        return statsd;
}

static void clear_set(struct push_statsd *statsd, struct statsd_series *series)
{
        for (struct map_entry *e = NULL; (e = map_next(&series->members, e));)
                alloc_free(&statsd_type, e->value);
        statsd->members -= series->members.count;
        map_release(&series->members);
        series->members = MAP_INIT;
}

static void free_side(struct side *side)
{
        alloc_free(&statsd_type, side->indexes);
        alloc_free(&statsd_type, side->counts);
}

static void free_series(struct push_statsd *statsd, struct statsd_series *series)
{
        clear_set(statsd, series);
        free_side(&series->positive);
        free_side(&series->negative);
        alloc_free(&statsd_type, series);
}

struct push_statsd *push_statsd_free(struct push_statsd *statsd)
{
        if (!statsd)
                return NULL;
        for (struct map_entry *e = NULL; (e = map_next(&statsd->series, e));)
                free_series(statsd, e->value);
        map_release(&statsd->series);
        return alloc_free(&statsd_type, statsd);
}

/* ---- values ------------------------------------------------------------------------------- */

static void add_to_side(struct side *side, double magnitude, double count)
{
        int32_t index = (int32_t)ceil(log2(magnitude) * (1 << SCHEMA));
        size_t at = side->count;

        /* log2 may miss by one at a bound. */
        while (magnitude > histogram_exponential_bound(SCHEMA, index))
                index++;
        while (magnitude <= histogram_exponential_bound(SCHEMA, index - 1))
                index--;
        while (at > 0 && side->indexes[at - 1] > index)
                at--;
        if (at > 0 && side->indexes[at - 1] == index) {
                side->counts[at - 1] += count;
                return;
        }
        if (side->count == SIDE_BUCKETS_MAX)
                return;
        side->indexes = alloc_array_reserve(&statsd_type, side->indexes, &side->index_capacity,
                                            side->count + 1, sizeof(*side->indexes));
        side->counts = alloc_array_reserve(&statsd_type, side->counts, &side->count_capacity,
                                           side->count + 1, sizeof(*side->counts));
        memmove(side->indexes + at + 1, side->indexes + at,
                (side->count - at) * sizeof(*side->indexes));
        memmove(side->counts + at + 1, side->counts + at,
                (side->count - at) * sizeof(*side->counts));
        side->indexes[at] = index;
        side->counts[at] = count;
        side->count++;
}

static void observe(struct statsd_series *series, double v, double count)
{
        series->value += v * count;
        series->count += count;
        if (fabs(v) <= ZERO_THRESHOLD)
                series->zero += count;
        else
                add_to_side(v > 0 ? &series->positive : &series->negative, fabs(v), count);
}

static void add_member(struct push_statsd *statsd, struct statsd_series *series, struct str text)
{
        char *copy;

        if (statsd->members >= SET_MAX || map_get(&series->members, text))
                return;
        copy = alloc_strdup(&statsd_type, text.data, text.len);
        map_put(&series->members, str_make(copy, text.len), copy);
        statsd->members++;
}

static bool add_value(struct push_statsd *statsd, struct statsd_series *series,
                      const struct statsd_line *line, struct str text)
{
        bool is_change = text.len && (text.data[0] == '+' || text.data[0] == '-');
        double v;

        if (series->type == STATSD_SET) {
                add_member(statsd, series, text);
                return true;
        }
        if (!double_parse(text, &v) || !isfinite(v))
                return false;
        switch (series->type) {
        case STATSD_COUNTER:
                series->value += v / line->rate;
                break;
        case STATSD_GAUGE:
                series->value = is_change ? series->value + v : v;
                break;
        case STATSD_TIMER:
                observe(series, v / 1000, 1 / line->rate);
                break;
        default:
                observe(series, v, 1 / line->rate);
                break;
        }
        return true;
}

/* ---- lines -------------------------------------------------------------------------------- */

static struct statsd_series *find_or_make(struct push_statsd *statsd,
                                          const struct statsd_line *line, struct arena *arena)
{
        struct str key = remote_write_key(arena, push_legacy_labels(arena, line->name,
                                                                    line->tags));
        struct statsd_series *series = map_get(&statsd->series, key);

        if (series)
                return series->type == line->type ? series : NULL;
        if (statsd->series.count >= statsd->series_max)
                return NULL;
        series = alloc_new(&statsd_type, sizeof(*series) + key.len);
        series->key = str_make(memcpy(series + 1, key.data, key.len), key.len);
        series->type = line->type;
        series->start_ms = clock_now_ms(statsd->clock);
        map_put(&statsd->series, series->key, series);
        return series;
}

static bool take_line(struct push_statsd *statsd, struct str text, int64_t now_ns,
                      struct arena *arena)
{
        struct statsd_line line;
        struct statsd_series *series;
        struct str value;
        bool ok = true;

        if (!statsd_parse(text, arena, &line, NULL))
                return false;
        if (line.type == STATSD_NOTHING)
                return true;
        series = find_or_make(statsd, &line, arena);
        if (!series) {
                metric_add(&series_refused, 1);
                return true;
        }
        series->seen_ns = now_ns;
        while (statsd_next_value(&line, &value))
                ok &= add_value(statsd, series, &line, value);
        return ok;
}

void push_statsd_take(void *ctx, struct str lines)
{
        struct push_statsd *statsd = ctx;
        int64_t now_ns = clock_mono_ns(statsd->clock);
        struct arena arena;
        struct str line;

        arena_init(&arena, ARENA_BYTES);
        while (lines.len && str_cut(&lines, '\n', &line)) {
                struct arena_point mark = arena_mark(&arena);

                line = str_trim(line);
                if (!line.len)
                        continue;
                metric_add(&lines_taken, 1);
                if (!take_line(statsd, line, now_ns, &arena))
                        metric_add(&lines_bad, 1);
                arena_rewind(&arena, mark);
        }
        arena_release(&arena);
}

/* ---- flushing ----------------------------------------------------------------------------- */

static struct histogram_side make_side(struct arena *arena, const struct side *side)
{
        struct histogram_span *spans = arena_array(arena, struct histogram_span, side->count);
        double *buckets = arena_array(arena, double, side->count);
        uint32_t span_count = 0;
        int32_t next = 0;

        for (size_t i = 0; i < side->count; i++) {
                if (!span_count || side->indexes[i] != next)
                        spans[span_count++] = (struct histogram_span){side->indexes[i] - next, 0};
                spans[span_count - 1].length++;
                next = side->indexes[i] + 1;
                buckets[i] = side->counts[i];
        }
        return (struct histogram_side){spans, buckets, span_count, (uint32_t)side->count};
}

static bool put_series(struct push_batch *batch, const struct statsd_series *series,
                       int64_t now_ms, struct arena *arena)
{
        static const struct push_series_metadata metadata[] = {
                [STATSD_COUNTER] = {STR_LIT("counter")},
                [STATSD_GAUGE] = {STR_LIT("gauge")},
                [STATSD_TIMER] = {STR_LIT("histogram"), .unit = STR_LIT("seconds")},
                [STATSD_HISTOGRAM] = {STR_LIT("histogram")},
                [STATSD_SET] = {STR_LIT("gauge")},
        };
        struct histogram *h;

        if (!push_batch_series(batch, series->key, &metadata[series->type], NULL))
                return false;
        switch (series->type) {
        case STATSD_COUNTER:
                return push_batch_sample(batch, now_ms, series->value, series->start_ms, NULL);
        case STATSD_GAUGE:
                return push_batch_sample(batch, now_ms, series->value, 0, NULL);
        case STATSD_SET:
                return push_batch_sample(batch, now_ms, (double)series->members.count, 0, NULL);
        default:
                break;
        }
        h = arena_new(arena, struct histogram);
        *h = (struct histogram){.schema = SCHEMA, .zero_threshold = ZERO_THRESHOLD,
                                .zero_count = series->zero, .count = series->count,
                                .sum = series->value};
        h->positive = make_side(arena, &series->positive);
        h->negative = make_side(arena, &series->negative);
        return push_batch_histogram(batch, now_ms, h, series->start_ms, NULL);
}

static void put_stale(struct push_batch *batch, const struct statsd_series *series, int64_t now_ms)
{
        if (push_batch_series(batch, series->key, NULL, NULL) &&
            !push_batch_sample(batch, now_ms, sample_from_bits(SAMPLE_STALE_BITS), 0, NULL))
                return;
}

void push_statsd_flush(void *ctx)
{
        struct push_statsd *statsd = ctx;
        struct push_batch *batch = push_batch_new(statsd->push);
        int64_t now_ms = clock_now_ms(statsd->clock), now_ns = clock_mono_ns(statsd->clock);
        struct statsd_series **idle = NULL;
        size_t idle_count = 0, idle_capacity = 0;
        struct push_result result;
        struct arena arena;

        arena_init(&arena, SIZE_MAX);
        for (struct map_entry *e = NULL; (e = map_next(&statsd->series, e));) {
                struct statsd_series *series = e->value;

                if (now_ns - series->seen_ns > IDLE_NS) {
                        idle = alloc_array_reserve(&statsd_type, idle, &idle_capacity,
                                                   idle_count + 1, sizeof(*idle));
                        idle[idle_count++] = series;
                        put_stale(batch, series, now_ms);
                        continue;
                }
                if (!put_series(batch, series, now_ms, &arena))
                        break;
                clear_set(statsd, series);
        }
        /* When it cannot be stored, the next flush has it all. */
        if (!push_batch_write(batch, &result, NULL))
                idle_count = 0;
        push_batch_free(batch);
        arena_release(&arena);
        for (size_t i = 0; i < idle_count; i++) {
                map_remove(&statsd->series, idle[i]->key);
                free_series(statsd, idle[i]);
        }
        alloc_free(&statsd_type, idle);
}

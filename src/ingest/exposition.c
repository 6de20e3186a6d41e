#include "ingest/exposition.h"

#include "base/alloc.h"
#include "ingest/exposition_int.h"
#include "model/histogram_shape.h"

ALLOC_TYPE(exposition_type, "exposition")
ALLOC_TYPE(scraped_series_type, "scraped_series")

enum { SCRATCH_BYTES = 4 << 20 };
/* Histograms and exemplars in memory are a few times what they are in a body. */
enum { DATA_MIN_BYTES = 16 << 20, DATA_PER_BYTE = 16 };

struct exposition *exposition_new(const struct exposition_options *options,
                                  const struct series_sink *sink)
{
        struct exposition *exposition = alloc_new(&exposition_type, sizeof(*exposition));

        exposition->options = *options;
        exposition->sink = *sink;
        exposition->native_schema_max =
                options->native_bucket_factor_min != 0
                        ? histogram_schema_of_factor(options->native_bucket_factor_min)
                        : HISTOGRAM_SCHEMA_MAX;
        exposition->metadata = metadata_table_new();
        return exposition;
}

static void order_release(struct series_order *order)
{
        alloc_free(&exposition_type, order->items);
        *order = (struct series_order){0};
}

void series_order_reserve(struct series_order *order, size_t count)
{
        order->items = alloc_array_reserve(&exposition_type, order->items, &order->capacity,
                                           count, sizeof(*order->items));
}

void series_order_push(struct series_order *order, struct scraped_series *series)
{
        if (UNLIKELY(order->count == order->capacity))
                series_order_reserve(order, order->count + 1);
        order->items[order->count++] = series;
}

static void series_map_release(struct map *map)
{
        for (struct map_entry *e = NULL; (e = map_next(map, e));)
                scraped_series_free(e->value);
        map_release(map);
}

struct exposition *exposition_free(struct exposition *exposition)
{
        if (!exposition)
                return NULL;
        if (exposition->options.job_quota)
                atomic_fetch_sub(&exposition->options.job_quota->used,
                                 exposition->series_counted);
        for (size_t i = 0; i < exposition->order.count; i++)
                scraped_series_free(exposition->order.items[i]);
        order_release(&exposition->order);
        series_map_release(&exposition->natives);
        series_map_release(&exposition->reports);
        metadata_table_free(exposition->metadata);
        exposition_families_release(exposition);
        return alloc_free(&exposition_type, exposition);
}

struct scraped_series *scraped_series_new(struct str text, const struct series_part *part)
{
        size_t part_bytes = part ? sizeof(*part) + _Alignof(struct series_part) : 0;
        struct scraped_series *series = alloc_new(&scraped_series_type,
                                                  sizeof(*series) + text.len + part_bytes);

        series->len = (uint32_t)text.len;
        if (text.len)
                memcpy(series->text, text.data, text.len);
        series->has_part = part != NULL;
        if (part)
                *scraped_series_part(series) = *part;
        return series;
}

struct scraped_series *scraped_series_free(struct scraped_series *series)
{
        return alloc_free(&scraped_series_type, series);
}

/* ---- staleness ---------------------------------------------------------------------------- */

static void append_stale(struct exposition *exposition, struct series_order *gone, int64_t t_ms)
{
        struct append_sample *samples;
        size_t count = 0;

        if (!gone->count)
                return;
        samples = alloc_new(&exposition_type, gone->count * sizeof(*samples));
        for (size_t i = 0; i < gone->count; i++) {
                const struct scraped_series *series = gone->items[i];

                if (series->ref != SERIES_REF_NONE &&
                    (!series->timed || exposition->options.track_timestamps_staleness))
                        samples[count++] = (struct append_sample){
                                series->ref, t_ms, sample_from_bits(SAMPLE_STALE_BITS)};
        }
        /* A full disk is reported by the scrape itself; a marker lost then is made up for by the
         * lookback window. */
        if (count)
                exposition->sink.append(exposition->sink.ctx, samples, NULL, count, NULL, NULL);
        alloc_free(&exposition_type, samples);
}

/* Adds the natives that the last scrape did not have, or all. */
static void push_natives(struct exposition *exposition, struct series_order *order, bool all)
{
        for (struct map_entry *e = NULL; (e = map_next(&exposition->natives, e));) {
                struct scraped_series *native = e->value;

                if (all || native->seen_in != exposition->scrape_number)
                        series_order_push(order, native);
        }
}

static void forget(struct exposition *exposition, struct scraped_series *series)
{
        struct series_part *part = series->has_part ? scraped_series_part(series) : NULL;

        if (part && part->role == PART_NATIVE)
                map_remove(&exposition->natives,
                           str_make((const char *)&part->group, sizeof(part->group)));
        if (series->counted) {
                exposition->series_counted--;
                if (exposition->options.job_quota)
                        atomic_fetch_sub(&exposition->options.job_quota->used, 1);
        }
        scraped_series_free(series);
}

/* Replaces the old order by this scrape's; what is gone gets its marker and is forgotten. */
static void adopt_order(struct scrape *scrape)
{
        struct exposition *exposition = scrape->exposition;
        struct series_order gone = {0};

        for (size_t i = 0; i < exposition->order.count; i++)
                if (exposition->order.items[i]->seen_in != exposition->scrape_number)
                        series_order_push(&gone, exposition->order.items[i]);
        push_natives(exposition, &gone, false);
        if (!exposition->all_stale)
                append_stale(exposition, &gone, scrape->t_ms);
        for (size_t i = 0; i < gone.count; i++)
                forget(exposition, gone.items[i]);
        order_release(&gone);
        order_release(&exposition->order);
        exposition->order = scrape->order;
        scrape->order = (struct series_order){0};
        exposition->all_stale = false;
}

/* Forgets the series that only this failed scrape has made. */
static void abandon_order(struct scrape *scrape)
{
        for (size_t i = 0; i < scrape->added.count; i++)
                forget(scrape->exposition, scrape->added.items[i]);
        scrape->result.series_added = 0;
        order_release(&scrape->order);
        exposition_mark_stale(scrape->exposition, scrape->t_ms);
}

static void scrape_release(struct scrape *scrape)
{
        order_release(&scrape->added);
        scrape_samples_release(scrape);
        histogram_classic_release(&scrape->classic.buckets);
        map_release(&scrape->by_text);
        arena_release(&scrape->data);
        arena_release(&scrape->scratch);
}

bool exposition_ingest(struct exposition *exposition, enum exposition_format format,
                       struct str body, int64_t t_ms, struct exposition_result *ret_result,
                       struct error *err)
{
        struct scrape scrape = {.exposition = exposition, .format = format, .t_ms = t_ms,
                                .family = {"", 0}, .said_of = {"", 0}};
        bool ok;

        exposition->scrape_number++;
        arena_init(&scrape.scratch, SCRATCH_BYTES);
        arena_init(&scrape.data, DATA_MIN_BYTES + DATA_PER_BYTE * body.len);
        scrape_samples_reserve(&scrape);
        ok = scrape_read(&scrape, body, err) && scrape_store(&scrape, err);
        if (ok)
                adopt_order(&scrape);
        else
                abandon_order(&scrape);
        scrape_release(&scrape);
        *ret_result = scrape.result;
        return ok;
}

void exposition_mark_stale(struct exposition *exposition, int64_t t_ms)
{
        struct series_order natives = {0};

        if (exposition->all_stale)
                return;
        append_stale(exposition, &exposition->order, t_ms);
        push_natives(exposition, &natives, true);
        append_stale(exposition, &natives, t_ms);
        order_release(&natives);
        exposition->all_stale = true;
}

/* ---- the target's own series -------------------------------------------------------------- */

static bool resolve_report(struct exposition *exposition, struct scraped_series *series)
{
        struct labels_builder builder;
        struct arena scratch;
        bool ok;

        arena_init(&scratch, SCRATCH_BYTES);
        labels_builder_init(&builder, &scratch, exposition->options.target_labels);
        labels_builder_set(&builder, LABEL_METRIC_NAME, scraped_series_text(series));
        ok = exposition->sink.resolve(exposition->sink.ctx, labels_builder_finish(&builder),
                                      &series->ref, NULL);
        arena_release(&scratch);
        return ok;
}

static struct scraped_series *find_report(struct exposition *exposition, const char *name)
{
        struct scraped_series *series = map_get(&exposition->reports, str_from(name));

        if (!series) {
                series = scraped_series_new(str_from(name), NULL);
                map_put(&exposition->reports, scraped_series_text(series), series);
        }
        return series;
}

/* Appends what the sink knows or takes; keeps of `series` and `values` what it has forgotten since
 * it was resolved, and returns how many. */
static size_t append_reports(struct exposition *exposition, struct scraped_series **series,
                             double *values, size_t count, int64_t t_ms)
{
        struct append_sample samples[EXPOSITION_REPORTS_MAX];
        uint8_t outcomes[EXPOSITION_REPORTS_MAX];
        size_t resolved = 0, kept = 0;

        for (size_t i = 0; i < count; i++) {
                /* The sink counts what it refuses. */
                if (series[i]->ref == SERIES_REF_NONE && !resolve_report(exposition, series[i]))
                        continue;
                series[resolved] = series[i];
                values[resolved] = values[i];
                samples[resolved++] = (struct append_sample){series[i]->ref, t_ms, values[i]};
        }
        if (!resolved || !exposition->sink.append(exposition->sink.ctx, samples, NULL, resolved,
                                                  outcomes, NULL))
                return 0;
        for (size_t i = 0; i < resolved; i++) {
                if (outcomes[i] != APPEND_UNKNOWN_SERIES)
                        continue;
                series[i]->ref = SERIES_REF_NONE;
                series[kept] = series[i];
                values[kept++] = values[i];
        }
        return kept;
}

void exposition_report(struct exposition *exposition, const struct exposition_report *reports,
                       size_t count, int64_t t_ms)
{
        struct scraped_series *series[EXPOSITION_REPORTS_MAX];
        double values[EXPOSITION_REPORTS_MAX];

        BUG_ON(count > EXPOSITION_REPORTS_MAX);
        for (size_t i = 0; i < count; i++) {
                series[i] = find_report(exposition, reports[i].name);
                values[i] = reports[i].v;
        }
        for (int attempt = 0; attempt < 2 && count; attempt++)
                count = append_reports(exposition, series, values, count, t_ms);
}

void exposition_mark_reports_stale(struct exposition *exposition, int64_t t_ms)
{
        struct series_order reports = {0};

        for (struct map_entry *e = NULL; (e = map_next(&exposition->reports, e));)
                series_order_push(&reports, e->value);
        append_stale(exposition, &reports, t_ms);
        order_release(&reports);
}

void exposition_metadata_each(struct exposition *exposition,
                              void (*visit)(const struct metric_metadata *metadata, void *ctx),
                              void *ctx)
{
        metadata_table_each(exposition->metadata, visit, ctx);
}

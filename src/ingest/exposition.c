#include "ingest/exposition.h"

#include <pthread.h>

#include "base/alloc.h"
#include "base/map.h"
#include "formats/prom_text.h"

ALLOC_TYPE(exposition_type, "exposition")
ALLOC_TYPE(scraped_series_type, "scraped_series")
ALLOC_TYPE(metadata_type, "exposition_metadata")

/* No honest series comes near these; they bound what one hostile line can cost. */
enum { LABELS_MAX = 1024, SERIES_TEXT_MAX_BYTES = 64 << 10 };
/* HELP texts beyond this are cut, and families beyond the maximum have no metadata. */
enum { HELP_MAX_BYTES = 1024, METADATA_MAX = 100000 };
enum { SCRATCH_BYTES = 4 << 20 };

struct scraped_series {
        series_ref ref;      /* SERIES_REF_NONE until resolved */
        uint32_t seen_in;    /* number of the last scrape that held it */
        uint32_t len;
        bool dropped;        /* by metric relabeling */
        bool timed;          /* came with its own timestamp */
        char text[];         /* as it stood in the body */
};

struct series_order {
        struct scraped_series **items;
        size_t count, capacity;
};

struct metadata {
        char *metric, *type, *help;
};

struct exposition {
        struct exposition_options options;
        struct series_sink sink;
        struct series_order order;   /* series of the last good scrape, as they stood there */
        uint32_t scrape_number;
        bool all_stale;              /* staleness markers were written for all of order */
        struct map reports;          /* name -> struct scraped_series */
        pthread_mutex_t metadata_lock;
        struct map metadata;         /* metric -> struct metadata; metadata_lock */
};

/* One scrape under way. */
struct scrape {
        struct exposition *exposition;
        struct arena scratch;
        struct exposition_result result;
        struct series_order order;   /* as it stands in this body */
        struct series_order added;   /* those of order that the scrape has made */
        struct map by_text;          /* of the old order; built at the first surprise */
        bool indexed;
        size_t position;             /* in the old order */
        struct append_sample *samples;
        struct scraped_series **owners; /* of each sample */
        size_t count, capacity, owner_capacity;
        int64_t t_ms;
};

struct exposition *exposition_new(const struct exposition_options *options,
                                  const struct series_sink *sink)
{
        struct exposition *exposition = alloc_new(&exposition_type, sizeof(*exposition));

        exposition->options = *options;
        exposition->sink = *sink;
        pthread_mutex_init(&exposition->metadata_lock, NULL);
        return exposition;
}

static void order_release(struct series_order *order)
{
        alloc_free(&exposition_type, order->items);
        *order = (struct series_order){0};
}

static void order_push(struct series_order *order, struct scraped_series *series)
{
        order->items = alloc_array_reserve(&exposition_type, order->items, &order->capacity,
                                           order->count + 1, sizeof(*order->items));
        order->items[order->count++] = series;
}

struct exposition *exposition_free(struct exposition *exposition)
{
        if (!exposition)
                return NULL;
        for (size_t i = 0; i < exposition->order.count; i++)
                alloc_free(&scraped_series_type, exposition->order.items[i]);
        order_release(&exposition->order);
        for (struct map_entry *e = NULL; (e = map_next(&exposition->reports, e));)
                alloc_free(&scraped_series_type, e->value);
        map_release(&exposition->reports);
        for (struct map_entry *e = NULL; (e = map_next(&exposition->metadata, e));) {
                struct metadata *metadata = e->value;

                alloc_free(&metadata_type, metadata->metric);
                alloc_free(&metadata_type, metadata->type);
                alloc_free(&metadata_type, metadata->help);
                alloc_free(&metadata_type, metadata);
        }
        map_release(&exposition->metadata);
        pthread_mutex_destroy(&exposition->metadata_lock);
        return alloc_free(&exposition_type, exposition);
}

static struct scraped_series *series_new(struct str text)
{
        struct scraped_series *series = alloc_new(&scraped_series_type,
                                                  sizeof(*series) + text.len);

        series->len = (uint32_t)text.len;
        memcpy(series->text, text.data, text.len);
        return series;
}

static struct str series_text(const struct scraped_series *series)
{
        return str_make(series->text, series->len);
}

/* ---- labels of a new series --------------------------------------------------------------- */

static void attach_target_labels(const struct exposition_options *options,
                                 struct labels_builder *builder)
{
        for (size_t i = 0; i < options->target_labels.count; i++) {
                const struct label *label = &options->target_labels.items[i];
                struct str scraped = labels_builder_get(builder, label->name);
                struct str renamed = label->name;

                if (scraped.len && options->honor_labels)
                        continue;
                if (scraped.len) {
                        do
                                renamed = str_from(arena_printf(builder->arena,
                                                                "exported_" STR_FMT,
                                                                STR_ARG(renamed)));
                        while (labels_builder_get(builder, renamed).len ||
                               labels_has(options->target_labels, renamed));
                        labels_builder_set(builder, renamed, scraped);
                }
                labels_builder_set(builder, label->name, label->value);
        }
}

static bool check_limits(const struct exposition_options *options, struct labels labels,
                         struct error *err)
{
        struct str metric = labels_get(labels, LABEL_METRIC_NAME);
        int shown = metric.len > 50 ? 50 : (int)metric.len;

        if (options->label_limit && labels.count > options->label_limit)
                return error_set(err, ERROR_LIMIT,
                                 "label_limit exceeded (metric: %.*s, number of labels: %zu, "
                                 "limit: %llu)", shown, metric.data, labels.count,
                                 (unsigned long long)options->label_limit);
        for (size_t i = 0; i < labels.count; i++) {
                const struct label *label = &labels.items[i];

                if (options->label_name_length_limit &&
                    label->name.len > options->label_name_length_limit)
                        return error_set(err, ERROR_LIMIT,
                                         "label_name_length_limit exceeded (metric: %.*s, label "
                                         "name: %.*s, length: %zu, limit: %llu)", shown,
                                         metric.data,
                                         label->name.len > 50 ? 50 : (int)label->name.len,
                                         label->name.data, label->name.len,
                                         (unsigned long long)options->label_name_length_limit);
                if (options->label_value_length_limit &&
                    label->value.len > options->label_value_length_limit)
                        return error_set(err, ERROR_LIMIT,
                                         "label_value_length_limit exceeded (metric: %.*s, label "
                                         "name: %.*s, length: %zu, limit: %llu)", shown,
                                         metric.data,
                                         label->name.len > 50 ? 50 : (int)label->name.len,
                                         label->name.data, label->value.len,
                                         (unsigned long long)options->label_value_length_limit);
        }
        return true;
}

static bool check_names(struct labels labels, struct error *err)
{
        for (size_t i = 0; i < labels.count; i++) {
                const struct label *label = &labels.items[i];
                bool metric = str_equal(label->name, LABEL_METRIC_NAME);

                if (metric ? !metric_name_is_legacy(label->value)
                           : !label_name_is_legacy(label->name))
                        return error_set(err, ERROR_INVALID,
                                         "invalid metric name or label names: " STR_FMT,
                                         STR_ARG(metric ? label->value : label->name));
        }
        return true;
}

/* The labels a series is stored under; ret_kept is false when relabeling drops it. */
static bool make_labels(const struct exposition_options *options, struct arena *scratch,
                        struct str text, struct labels *ret_labels, bool *ret_kept,
                        struct error *err)
{
        struct labels_builder builder;

        if (text.len > SERIES_TEXT_MAX_BYTES)
                return error_set(err, ERROR_LIMIT, "a series is longer than %d bytes: %.80s",
                                 SERIES_TEXT_MAX_BYTES, text.data);
        labels_builder_init(&builder, scratch, (struct labels){0});
        if (!prom_text_series(text, LABELS_MAX, &builder, err))
                return false;
        attach_target_labels(options, &builder);
        *ret_kept = relabel_apply(options->metric_relabel, &builder);
        *ret_labels = labels_builder_finish(&builder);
        if (!*ret_kept || ret_labels->count == 0) {
                *ret_kept = false;
                return true;
        }
        if (!labels_get(*ret_labels, LABEL_METRIC_NAME).len)
                return error_set(err, ERROR_INVALID,
                                 "missing metric name (__name__ label) after relabeling");
        if (options->legacy_names && !check_names(*ret_labels, err))
                return false;
        return check_limits(options, *ret_labels, err);
}

/* ---- one scrape --------------------------------------------------------------------------- */

static void index_old_order(struct scrape *scrape)
{
        const struct series_order *old = &scrape->exposition->order;

        for (size_t i = 0; i < old->count; i++)
                map_put(&scrape->by_text, series_text(old->items[i]), old->items[i]);
        scrape->indexed = true;
}

static struct str expected_text(const struct scrape *scrape)
{
        const struct series_order *old = &scrape->exposition->order;

        return scrape->position < old->count ? series_text(old->items[scrape->position])
                                             : STR_LIT("");
}

/* A series that is not where the last scrape had it: moved, or new. */
static bool find_surprise(struct scrape *scrape, struct str text,
                          struct scraped_series **ret_series, struct error *err)
{
        const struct series_order *old = &scrape->exposition->order;
        struct arena_point mark = arena_mark(&scrape->scratch);
        struct scraped_series *series;
        struct labels labels;
        bool kept, ok;

        if (!scrape->indexed)
                index_old_order(scrape);
        series = map_get(&scrape->by_text, text);
        if (series) {
                while (scrape->position < old->count && old->items[scrape->position] != series)
                        scrape->position++;
                scrape->position += scrape->position < old->count;
                *ret_series = series;
                return true;
        }
        ok = make_labels(&scrape->exposition->options, &scrape->scratch, text, &labels, &kept,
                         err);
        arena_rewind(&scrape->scratch, mark);
        if (!ok)
                return false;
        series = series_new(text);
        series->dropped = !kept;
        order_push(&scrape->added, series);
        *ret_series = series;
        return true;
}

static void push_sample(struct scrape *scrape, struct scraped_series *series, int64_t t_ms,
                        double v)
{
        scrape->samples = alloc_array_reserve(&exposition_type, scrape->samples,
                                              &scrape->capacity, scrape->count + 1,
                                              sizeof(*scrape->samples));
        scrape->owners = alloc_array_reserve(&exposition_type, scrape->owners,
                                             &scrape->owner_capacity, scrape->count + 1,
                                             sizeof(*scrape->owners));
        scrape->owners[scrape->count] = series;
        scrape->samples[scrape->count++] = (struct append_sample){series->ref, t_ms, v};
}

static bool take_sample(struct scrape *scrape, const struct prom_text_entry *entry,
                        struct error *err)
{
        struct exposition *exposition = scrape->exposition;
        const struct exposition_options *options = &exposition->options;
        bool timed = entry->has_timestamp && options->honor_timestamps;
        struct scraped_series *series;

        scrape->result.scraped++;
        if (str_equal(entry->series, expected_text(scrape)))
                series = exposition->order.items[scrape->position++];
        else if (!find_surprise(scrape, entry->series, &series, err))
                return false;
        if (series->seen_in != exposition->scrape_number) {
                scrape->result.series_added += series->seen_in == 0 && !series->dropped;
                series->seen_in = exposition->scrape_number;
                order_push(&scrape->order, series);
        }
        series->timed = timed;
        if (series->dropped)
                return true;
        scrape->result.post_relabel++;
        if (options->sample_limit && scrape->result.post_relabel > options->sample_limit)
                return error_set(err, ERROR_LIMIT, "sample limit exceeded");
        push_sample(scrape, series, timed ? entry->t_ms : scrape->t_ms, entry->value);
        return true;
}

static struct metadata *find_metadata(struct exposition *exposition, struct str metric)
{
        struct metadata *metadata = map_get(&exposition->metadata, metric);

        if (metadata || exposition->metadata.count >= METADATA_MAX)
                return metadata;
        metadata = alloc_new(&metadata_type, sizeof(*metadata));
        metadata->metric = alloc_strdup(&metadata_type, metric.data, metric.len);
        map_put(&exposition->metadata, str_make(metadata->metric, metric.len), metadata);
        return metadata;
}

static void take_metadata(struct exposition *exposition, enum prom_text_kind kind,
                          const struct prom_text_entry *entry, struct arena *scratch)
{
        struct arena_point mark = arena_mark(scratch);
        struct str text = entry->text;
        struct metadata *metadata = NULL;
        char **field;

        if (text.len > HELP_MAX_BYTES)
                text.len = HELP_MAX_BYTES;
        if (kind == PROM_TEXT_HELP)
                text = prom_text_help(scratch, text);
        pthread_mutex_lock(&exposition->metadata_lock);
        if (str_is_utf8(text) && str_is_utf8(entry->name) && entry->name.len <= HELP_MAX_BYTES)
                metadata = find_metadata(exposition, entry->name);
        if (metadata) {
                field = kind == PROM_TEXT_HELP ? &metadata->help : &metadata->type;
                if (!*field || !str_is(text, *field)) {
                        alloc_free(&metadata_type, *field);
                        *field = alloc_strdup(&metadata_type, text.data, text.len);
                }
        }
        pthread_mutex_unlock(&exposition->metadata_lock);
        arena_rewind(scratch, mark);
}

static bool read_body(struct scrape *scrape, struct str body, struct error *err)
{
        struct prom_text reader = prom_text_make(body);
        struct prom_text_entry entry;

        for (;;) {
                enum prom_text_kind kind = prom_text_next(&reader, expected_text(scrape), &entry,
                                                          err);

                switch (kind) {
                case PROM_TEXT_END:
                        return true;
                case PROM_TEXT_ERROR:
                        return false;
                case PROM_TEXT_HELP:
                case PROM_TEXT_TYPE:
                        take_metadata(scrape->exposition, kind, &entry, &scrape->scratch);
                        break;
                case PROM_TEXT_SAMPLE:
                        if (!take_sample(scrape, &entry, err)) {
                                if (err->code == ERROR_INVALID)
                                        error_prefix(err, "line %u", reader.line);
                                return false;
                        }
                        break;
                }
        }
}

/* Creates the series of this scrape that the sink does not know yet. */
static bool resolve_new(struct scrape *scrape, struct error *err)
{
        const struct exposition *exposition = scrape->exposition;

        for (size_t i = 0; i < scrape->count; i++) {
                struct scraped_series *series = scrape->owners[i];
                struct arena_point mark = arena_mark(&scrape->scratch);
                struct labels labels;
                bool kept = true;

                if (series->ref == SERIES_REF_NONE) {
                        if (!make_labels(&exposition->options, &scrape->scratch,
                                         series_text(series), &labels, &kept, err) ||
                            !exposition->sink.resolve(exposition->sink.ctx, labels, &series->ref,
                                                      err))
                                return false;
                        arena_rewind(&scrape->scratch, mark);
                }
                scrape->samples[i].ref = series->ref;
        }
        return true;
}

static void count_outcomes(struct scrape *scrape, const uint8_t *outcomes)
{
        for (size_t i = 0; i < scrape->count; i++) {
                switch ((enum append_outcome)outcomes[i]) {
                case APPEND_OK:
                case APPEND_DUPLICATE_SAME:
                        break;
                case APPEND_DUPLICATE_OTHER:
                        scrape->result.duplicate++;
                        break;
                case APPEND_OUT_OF_ORDER:
                        scrape->result.out_of_order++;
                        break;
                case APPEND_TOO_OLD:
                case APPEND_TOO_FAR_AHEAD:
                        scrape->result.out_of_bounds++;
                        break;
                case APPEND_UNKNOWN_SERIES:
                        scrape->owners[i]->ref = SERIES_REF_NONE;
                        break;
                }
        }
}

/* Keeps of the batch what the sink has forgotten the series of; returns how many. */
static size_t keep_unknown(struct scrape *scrape, const uint8_t *outcomes)
{
        size_t kept = 0;

        for (size_t i = 0; i < scrape->count; i++) {
                if (outcomes[i] != APPEND_UNKNOWN_SERIES)
                        continue;
                scrape->samples[kept] = scrape->samples[i];
                scrape->owners[kept++] = scrape->owners[i];
        }
        scrape->count = kept;
        return kept;
}

static bool store(struct scrape *scrape, struct error *err)
{
        const struct series_sink *sink = &scrape->exposition->sink;
        uint8_t *outcomes = alloc_new(&exposition_type, scrape->count + 1);
        bool ok;

        /* Twice at most: a series forgotten between resolve and append is made anew. */
        for (int attempt = 0; attempt < 2; attempt++) {
                ok = resolve_new(scrape, err) &&
                     (scrape->count == 0 || sink->append(sink->ctx, scrape->samples, NULL,
                                                         scrape->count, outcomes, err));
                if (!ok)
                        break;
                count_outcomes(scrape, outcomes);
                if (!keep_unknown(scrape, outcomes))
                        break;
        }
        alloc_free(&exposition_type, outcomes);
        return ok;
}

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
        if (count && !exposition->sink.append(exposition->sink.ctx, samples, NULL, count, NULL,
                                              NULL))
                count = 0;
        alloc_free(&exposition_type, samples);
}

/* Replaces the old order by this scrape's; what is gone gets its marker and is forgotten. */
static void adopt_order(struct scrape *scrape)
{
        struct exposition *exposition = scrape->exposition;
        struct series_order gone = {0};

        for (size_t i = 0; i < exposition->order.count; i++)
                if (exposition->order.items[i]->seen_in != exposition->scrape_number)
                        order_push(&gone, exposition->order.items[i]);
        if (!exposition->all_stale)
                append_stale(exposition, &gone, scrape->t_ms);
        for (size_t i = 0; i < gone.count; i++)
                alloc_free(&scraped_series_type, gone.items[i]);
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
                alloc_free(&scraped_series_type, scrape->added.items[i]);
        order_release(&scrape->order);
        exposition_mark_stale(scrape->exposition, scrape->t_ms);
}

bool exposition_ingest(struct exposition *exposition, struct str body, int64_t t_ms,
                       struct exposition_result *ret_result, struct error *err)
{
        struct scrape scrape = {.exposition = exposition, .t_ms = t_ms};
        bool ok;

        exposition->scrape_number++;
        arena_init(&scrape.scratch, SCRATCH_BYTES);
        ok = read_body(&scrape, body, err) && store(&scrape, err);
        if (ok)
                adopt_order(&scrape);
        else
                abandon_order(&scrape);
        order_release(&scrape.added);
        alloc_free(&exposition_type, scrape.samples);
        alloc_free(&exposition_type, scrape.owners);
        map_release(&scrape.by_text);
        arena_release(&scrape.scratch);
        *ret_result = scrape.result;
        return ok;
}

void exposition_mark_stale(struct exposition *exposition, int64_t t_ms)
{
        if (exposition->all_stale)
                return;
        append_stale(exposition, &exposition->order, t_ms);
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
        labels_builder_set(&builder, LABEL_METRIC_NAME, series_text(series));
        ok = exposition->sink.resolve(exposition->sink.ctx, labels_builder_finish(&builder),
                                      &series->ref, NULL);
        arena_release(&scratch);
        return ok;
}

static struct scraped_series *find_report(struct exposition *exposition, const char *name)
{
        struct scraped_series *series = map_get(&exposition->reports, str_from(name));

        if (!series) {
                series = series_new(str_from(name));
                map_put(&exposition->reports, series_text(series), series);
        }
        return series;
}

void exposition_report(struct exposition *exposition, const char *name, int64_t t_ms, double v)
{
        struct scraped_series *series = find_report(exposition, name);
        uint8_t outcome = APPEND_UNKNOWN_SERIES;

        for (int attempt = 0; attempt < 2 && outcome == APPEND_UNKNOWN_SERIES; attempt++) {
                struct append_sample sample;

                if ((attempt || series->ref == SERIES_REF_NONE) &&
                    !resolve_report(exposition, series))
                        return; /* the sink counts what it refuses */
                sample = (struct append_sample){series->ref, t_ms, v};
                if (!exposition->sink.append(exposition->sink.ctx, &sample, NULL, 1, &outcome,
                                             NULL))
                        return;
        }
}

void exposition_mark_reports_stale(struct exposition *exposition, int64_t t_ms)
{
        struct series_order reports = {0};

        for (struct map_entry *e = NULL; (e = map_next(&exposition->reports, e));)
                order_push(&reports, e->value);
        append_stale(exposition, &reports, t_ms);
        order_release(&reports);
}

void exposition_metadata_each(struct exposition *exposition,
                              void (*visit)(const struct exposition_metadata *metadata, void *ctx),
                              void *ctx)
{
        pthread_mutex_lock(&exposition->metadata_lock);
        for (struct map_entry *e = NULL; (e = map_next(&exposition->metadata, e));) {
                const struct metadata *metadata = e->value;
                struct exposition_metadata shown = {
                        str_from(metadata->metric),
                        str_from(metadata->type ? metadata->type : "unknown"),
                        str_from(metadata->help ? metadata->help : ""),
                };

                if (str_is(shown.type, "untyped"))
                        shown.type = STR_LIT("unknown");
                visit(&shown, ctx);
        }
        pthread_mutex_unlock(&exposition->metadata_lock);
}

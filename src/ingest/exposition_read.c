/* From a body in any format to samples and the series that own them. */
#include "base/alloc.h"
#include "formats/openmetrics.h"
#include "formats/prom_proto.h"
#include "formats/prom_text.h"
#include "ingest/exposition_int.h"
#include "model/histogram_shape.h"

ALLOC_TYPE(scrape_samples_type, "scrape_samples")

/* An exemplar whose labels have more characters is passed over (OpenMetrics 1.0.0, Exemplars). */
enum { EXEMPLAR_CHARACTERS_MAX = 128 };
/* What one hostile exemplar can cost. */
enum { EXEMPLAR_LABELS_MAX = 1024 };
/* In series. */
enum { PREFETCH_AHEAD = 8 };

static void reserve(struct scrape *scrape, size_t count)
{
        scrape->samples = alloc_array_reserve(&scrape_samples_type, scrape->samples,
                                              &scrape->capacity, count, sizeof(*scrape->samples));
        scrape->owners = alloc_array_reserve(&scrape_samples_type, scrape->owners,
                                             &scrape->owner_capacity, count,
                                             sizeof(*scrape->owners));
}

void scrape_samples_reserve(struct scrape *scrape)
{
        size_t count = scrape->exposition->order.count;

        reserve(scrape, count);
        series_order_reserve(&scrape->order, count);
}

void scrape_samples_release(struct scrape *scrape)
{
        alloc_free(&scrape_samples_type, scrape->samples);
        alloc_free(&scrape_samples_type, scrape->extras);
        alloc_free(&scrape_samples_type, scrape->owners);
        alloc_free(&scrape_samples_type, scrape->exemplars);
}

/* ---- which series ------------------------------------------------------------------------- */

static void index_old_order(struct scrape *scrape)
{
        const struct series_order *old = &scrape->exposition->order;

        for (size_t i = 0; i < old->count; i++)
                map_put(&scrape->by_text, scraped_series_text(old->items[i]), old->items[i]);
        scrape->indexed = true;
}

static struct str expected_text(const struct scrape *scrape)
{
        const struct series_order *old = &scrape->exposition->order;

        /* At a million series none of them is in a cache. */
        if (scrape->position + PREFETCH_AHEAD < old->count) {
                const char *ahead = (const char *)old->items[scrape->position + PREFETCH_AHEAD];

                __builtin_prefetch(ahead);
                __builtin_prefetch(ahead + 64);
                __builtin_prefetch(ahead + 128);
        }
        return scrape->position < old->count ? scraped_series_text(old->items[scrape->position])
                                             : STR_LIT("");
}

static bool add_series(struct scrape *scrape, struct str text,
                       struct scraped_series **ret_series, struct error *err)
{
        struct arena_point mark = arena_mark(&scrape->scratch);
        struct scraped_series *series;
        struct series_traits traits = {0};
        struct labels labels;
        bool ok = scraped_series_labels(&scrape->exposition->options, scrape, &scrape->scratch,
                                        text, scrape->format, &traits, &labels, err);

        arena_rewind(&scrape->scratch, mark);
        if (!ok) {
                scrape->result.scraped += traits.kept; /* the line is good, the labels are not */
                return false;
        }
        series = scraped_series_new(text, traits.has_part ? &traits.part : NULL);
        series->dropped = !traits.kept;
        series->format = (uint8_t)scrape->format;
        series->bound = (uint8_t)traits.bound;
        series->family = scrape->said_number;
        series_order_push(&scrape->added, series);
        map_put(&scrape->by_text, scraped_series_text(series), series);
        *ret_series = series;
        return true;
}

/* A series that is not where the last scrape had it, or says something else of itself: moved, or
 * new. */
static bool find_surprise(struct scrape *scrape, struct str text,
                          struct scraped_series **ret_series, struct error *err)
{
        const struct series_order *old = &scrape->exposition->order;
        struct scraped_series *series;

        if (!scrape->indexed)
                index_old_order(scrape);
        series = map_get(&scrape->by_text, text);
        /* A second line of one series does not say where in the old order we are. */
        if (series && series->seen_in == scrape->exposition->scrape_number) {
                *ret_series = series;
                return true;
        }
        if (series) {
                while (scrape->position < old->count && old->items[scrape->position] != series)
                        scrape->position++;
                scrape->position += scrape->position < old->count;
        }
        if (!series || series->family != scrape->said_number)
                return add_series(scrape, text, ret_series, err);
        *ret_series = series;
        return true;
}

/* ---- samples ------------------------------------------------------------------------------ */

void scrape_set_start(struct scrape *scrape, size_t at, int64_t start_ms)
{
        size_t before = scrape->extra_capacity;

        scrape->extras = alloc_array_reserve(&scrape_samples_type, scrape->extras,
                                             &scrape->extra_capacity, scrape->capacity,
                                             sizeof(*scrape->extras));
        memset(scrape->extras + before, 0,
               (scrape->extra_capacity - before) * sizeof(*scrape->extras));
        scrape->extras[at].start_ms = start_ms;
}

static bool limit_histogram(struct scrape *scrape, const struct histogram **h, struct error *err)
{
        const struct exposition *exposition = scrape->exposition;
        uint64_t limit = exposition->options.native_bucket_limit;

        if (!histogram_is_custom(*h) && (*h)->schema > exposition->native_schema_max)
                *h = histogram_coarsen(&scrape->data, *h, exposition->native_schema_max);
        if (limit)
                *h = histogram_limit(&scrape->data, *h, limit);
        return *h || error_set(err, ERROR_LIMIT, "histogram bucket limit exceeded");
}

bool scrape_push(struct scrape *scrape, struct scraped_series *series,
                 const struct scraped_sample *sample, struct error *err)
{
        uint64_t limit = scrape->exposition->options.sample_limit;
        const struct histogram *h = sample->h;
        size_t at = scrape->count;

        scrape->result.post_relabel++;
        if (limit && scrape->result.post_relabel > limit)
                return error_set(err, ERROR_LIMIT, "sample limit exceeded");
        if (h && !limit_histogram(scrape, &h, err))
                return false;
        if (UNLIKELY(at == scrape->capacity || at == scrape->owner_capacity))
                reserve(scrape, at + 1);
        scrape->owners[at] = series;
        scrape->samples[at] = (struct append_sample){series->ref, sample->t_ms, sample->v};
        scrape->count++;
        if (UNLIKELY(h || sample->start_ms || scrape->extras)) {
                scrape_set_start(scrape, at, sample->start_ms);
                scrape->extras[at].h = h;
        }
        return true;
}

/* Stores one sample; *ret_series is NULL when it is dropped. */
static bool take(struct scrape *scrape, struct str text, bool is_expected,
                 struct scraped_sample *sample, struct scraped_series **ret_series,
                 struct error *err)
{
        struct exposition *exposition = scrape->exposition;
        struct scraped_series *series;
        bool absorbed = false;

        if (LIKELY(is_expected &&
                   exposition->order.items[scrape->position]->family == scrape->said_number))
                series = exposition->order.items[scrape->position++];
        else if (!find_surprise(scrape, text, &series, err))
                return false;
        sample->has_timestamp &= exposition->options.honor_timestamps;
        if (!sample->has_timestamp)
                sample->t_ms = scrape->t_ms;
        *ret_series = series->dropped ? NULL : series;
        if (UNLIKELY(series->has_part || scrape->classic.active) &&
            !scrape_take_part(scrape, series, sample, &absorbed, err))
                return false;
        scrape->result.scraped += !absorbed;
        if (series->seen_in != exposition->scrape_number) {
                scrape->result.series_added += series->seen_in == 0 && !series->dropped &&
                                               !absorbed;
                series->seen_in = exposition->scrape_number;
                series_order_push(&scrape->order, series);
        }
        series->timed = sample->has_timestamp;
        return series->dropped || absorbed || scrape_push(scrape, series, sample, err);
}

/* ---- exemplars ---------------------------------------------------------------------------- */

static size_t count_characters(struct str text)
{
        size_t count = 0;

        for (size_t i = 0; i < text.len; i++)
                count += (text.data[i] & 0xc0) != 0x80;
        return count;
}

void scrape_push_exemplar(struct scrape *scrape, const struct scraped_series *series,
                          const struct exemplar *exemplar)
{
        const struct labels labels = exemplar->labels;
        size_t characters = 0;

        for (size_t i = 0; i < labels.count; i++)
                characters += count_characters(labels.items[i].name) +
                              count_characters(labels.items[i].value);
        if (characters > EXEMPLAR_CHARACTERS_MAX)
                return;
        scrape->exemplars = alloc_array_reserve(&scrape_samples_type, scrape->exemplars,
                                                &scrape->exemplar_capacity,
                                                scrape->exemplar_count + 1,
                                                sizeof(*scrape->exemplars));
        scrape->exemplars[scrape->exemplar_count++] = (struct scraped_exemplar){series, *exemplar};
}

static bool take_text_exemplar(struct scrape *scrape, const struct scraped_series *series,
                               const struct openmetrics_entry *entry, int64_t t_ms,
                               struct error *err)
{
        struct labels_builder builder;
        struct exemplar exemplar = {
                .t_ms = entry->exemplar_has_timestamp ? entry->exemplar_t_ms : t_ms,
                .v = entry->exemplar_value,
        };

        /* A native histogram takes only those that have a time. */
        if (scrape->classic.active && !entry->exemplar_has_timestamp)
                return true;
        labels_builder_init(&builder, &scrape->data, (struct labels){0});
        if (!openmetrics_exemplar(entry->exemplar, EXEMPLAR_LABELS_MAX, &builder, err))
                return false;
        exemplar.labels = labels_builder_finish(&builder);
        scrape_push_exemplar(scrape, series, &exemplar);
        return true;
}

static bool take_proto_exemplars(struct scrape *scrape, const struct scraped_series *series,
                                 const struct prom_proto_entry *entry, int64_t t_ms,
                                 struct error *err)
{
        for (size_t i = 0; i < entry->exemplar_count; i++) {
                struct prom_proto_exemplar read;
                struct labels_builder builder;
                struct exemplar exemplar;

                labels_builder_init(&builder, &scrape->data, (struct labels){0});
                if (!prom_proto_exemplar(entry->exemplars[i], EXEMPLAR_LABELS_MAX, &builder, &read,
                                         err))
                        return false;
                exemplar = (struct exemplar){labels_builder_finish(&builder),
                                             read.has_timestamp ? read.t_ms : t_ms, read.value};
                scrape_push_exemplar(scrape, series, &exemplar);
        }
        return true;
}

/* ---- the formats -------------------------------------------------------------------------- */

static void enter_family(struct scrape *scrape, struct str name, struct str type)
{
        scrape->family = name;
        scrape->family_type = str_is(type, "counter")     ? FAMILY_COUNTER
                              : str_is(type, "summary")   ? FAMILY_SUMMARY
                              : str_is(type, "histogram") ? FAMILY_HISTOGRAM : FAMILY_OTHER;
        scrape->family_from = scrape->count;
        scrape_describe(scrape, name, &type, NULL);
}

static void take_metadata(struct scrape *scrape, struct str name, enum metadata_field field,
                          struct str text)
{
        metadata_table_set(scrape->exposition->metadata, name, field, text);
}

static bool take_text(struct scrape *scrape, const struct prom_text_entry *entry,
                      struct error *err)
{
        struct scraped_sample sample = {.v = entry->value, .t_ms = entry->t_ms,
                                        .has_timestamp = entry->has_timestamp};
        struct scraped_series *series;

        return take(scrape, entry->series, entry->is_expected, &sample, &series, err);
}

static bool read_text(struct scrape *scrape, struct str body, struct error *err)
{
        struct prom_text reader = prom_text_make(body);
        struct prom_text_entry entry;
        struct arena_point mark;

        for (;;) {
                switch (prom_text_next(&reader, expected_text(scrape), &entry, err)) {
                case PROM_TEXT_END:
                        return scrape_end_classic(scrape, err);
                case PROM_TEXT_ERROR:
                        return false;
                case PROM_TEXT_HELP:
                        mark = arena_mark(&scrape->scratch);
                        scrape_describe(scrape, entry.name, NULL, NULL);
                        take_metadata(scrape, entry.name, METADATA_HELP,
                                      prom_text_help(&scrape->scratch, entry.text));
                        arena_rewind(&scrape->scratch, mark);
                        break;
                case PROM_TEXT_TYPE:
                        if (!scrape_end_classic(scrape, err))
                                return false;
                        enter_family(scrape, entry.name, entry.text);
                        take_metadata(scrape, entry.name, METADATA_TYPE, entry.text);
                        break;
                case PROM_TEXT_SAMPLE:
                        if (take_text(scrape, &entry, err))
                                break;
                        if (err->code == ERROR_INVALID)
                                error_prefix(err, "line %u", reader.line);
                        return false;
                }
        }
}

static bool take_openmetrics(struct scrape *scrape, const struct openmetrics_entry *entry,
                             struct error *err)
{
        struct scraped_sample sample = {.v = entry->value, .t_ms = entry->t_ms,
                                        .has_timestamp = entry->has_timestamp};
        struct scraped_series *series;

        return take(scrape, entry->series, entry->is_expected, &sample, &series, err) &&
               (LIKELY(!entry->exemplar.len) || !series ||
                take_text_exemplar(scrape, series, entry, sample.t_ms, err));
}

static bool read_openmetrics(struct scrape *scrape, struct str body, struct error *err)
{
        struct openmetrics reader = openmetrics_make(body);
        struct openmetrics_entry entry;
        struct arena_point mark;

        for (;;) {
                switch (openmetrics_next(&reader, expected_text(scrape), &entry, err)) {
                case OPENMETRICS_END:
                        return scrape_end_classic(scrape, err);
                case OPENMETRICS_ERROR:
                        return false;
                case OPENMETRICS_HELP:
                        mark = arena_mark(&scrape->scratch);
                        scrape_describe(scrape, entry.name, NULL, NULL);
                        take_metadata(scrape, entry.name, METADATA_HELP,
                                      openmetrics_help(&scrape->scratch, entry.text));
                        arena_rewind(&scrape->scratch, mark);
                        break;
                case OPENMETRICS_UNIT:
                        scrape_describe(scrape, entry.name, NULL, &entry.text);
                        take_metadata(scrape, entry.name, METADATA_UNIT, entry.text);
                        break;
                case OPENMETRICS_TYPE:
                        if (!scrape_end_classic(scrape, err))
                                return false;
                        enter_family(scrape, entry.name, entry.text);
                        take_metadata(scrape, entry.name, METADATA_TYPE, entry.text);
                        break;
                case OPENMETRICS_SAMPLE:
                        if (take_openmetrics(scrape, &entry, err))
                                break;
                        if (err->code == ERROR_INVALID)
                                error_prefix(err, "line %u", reader.line);
                        return false;
                }
                if (arena_over_budget(&scrape->data))
                        return error_set(err, ERROR_LIMIT, "exemplars take too much memory");
        }
}

static bool take_proto(struct scrape *scrape, const struct prom_proto_entry *entry,
                       struct error *err)
{
        struct scraped_sample sample = {.v = entry->value, .h = entry->h, .t_ms = entry->t_ms,
                                        .start_ms = entry->start_ms,
                                        .has_timestamp = entry->has_timestamp};
        bool is_expected = str_equal(entry->key, expected_text(scrape));
        struct scraped_series *series;

        return take(scrape, entry->key, is_expected, &sample, &series, err) &&
               (LIKELY(!entry->exemplar_count) || !series ||
                take_proto_exemplars(scrape, series, entry, sample.t_ms, err));
}

static bool read_proto(struct scrape *scrape, struct str body, struct error *err)
{
        const struct exposition_options *options = &scrape->exposition->options;
        struct prom_proto_options proto = {.native = options->native_histograms,
                                           .classic = options->always_classic,
                                           .convert = options->convert_classic};
        struct prom_proto reader CLEANUP(prom_proto_release);
        struct prom_proto_entry entry;

        prom_proto_init(&reader, body, &proto, &scrape->data);
        for (;;) {
                switch (prom_proto_next(&reader, &entry, err)) {
                case PROM_PROTO_END:
                        return true;
                case PROM_PROTO_ERROR:
                        return false;
                case PROM_PROTO_FAMILY:
                        enter_family(scrape, entry.name, str_from(entry.type));
                        take_metadata(scrape, entry.name, METADATA_HELP, entry.help);
                        take_metadata(scrape, entry.name, METADATA_TYPE, str_from(entry.type));
                        take_metadata(scrape, entry.name, METADATA_UNIT, entry.unit);
                        scrape_describe(scrape, entry.name, NULL, &entry.unit);
                        break;
                case PROM_PROTO_SAMPLE:
                        if (!take_proto(scrape, &entry, err))
                                return false;
                        break;
                }
        }
}

bool scrape_read(struct scrape *scrape, struct str body, struct error *err)
{
        switch (scrape->format) {
        case EXPOSITION_TEXT:
                return read_text(scrape, body, err);
        case EXPOSITION_OPENMETRICS:
                return read_openmetrics(scrape, body, err);
        case EXPOSITION_PROTO:
                return read_proto(scrape, body, err);
        }
        return false;
}

#include "ingest/push.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/metrics.h"
#include "formats/remote_write.h"
#include "ingest/push_cache_int.h"
#include "ingest/push_int.h"

ALLOC_TYPE(push_type, "push")

METRIC_COUNTER(samples_pushed, "pitwall_pushed_samples_total", "",
               "Samples that clients pushed and the store took.")
METRIC_COUNTER(samples_refused, "pitwall_pushed_samples_refused_total", "",
               "Samples that clients pushed and that were refused.")

/* Twice so many series may be known; what is not asked for in half an hour goes. */
enum { CACHE_SERIES_MAX = 8 << 20 };
#define CACHE_GENERATION_NS ((int64_t)1800 * 1000000000)
/* At 150 bytes each, or what a histogram takes. */
enum { DELTA_SERIES_MAX = 1 << 20 };
/* What one request may hold, in each kind: a sender's batch is a hundredth of it. */
enum { BATCH_ITEMS_MAX = 512 << 10 };
/* No honest series comes near these; they bound what one hostile series can cost. */
enum { LABELS_MAX = 1024, KEY_MAX_BYTES = 64 << 10 };
enum { EXEMPLAR_CHARACTERS_MAX = 128 };
enum { SCRATCH_BYTES = 4 << 20, REASONS_MAX_BYTES = 16 << 10 };

struct push {
        struct series_sink sink;
        struct push_cache *cache;
        struct metadata_table *metadata;
        struct delta_table *deltas;
};

struct batch_series {
        struct str key;
        size_t sample_from, exemplar_from; /* up to those of the next series */
        bool refused;
};

struct push_batch {
        struct push *push;
        struct batch_series *series;
        struct push_cache_entry *entries;  /* of each series */
        const struct push_series_metadata **metadata; /* of each series; NULL: nobody has any */
        struct append_sample *samples;
        struct append_extra *extras;       /* NULL until a sample needs one */
        struct append_exemplar *exemplars;
        uint8_t *outcomes;
        size_t series_count, sample_count, exemplar_count;
        size_t series_capacity, entry_capacity, metadata_capacity, sample_capacity,
                extra_capacity, exemplar_capacity, outcome_capacity;
        struct arena scratch;
        struct push_result result;
        struct buf reasons;
};

struct push *push_new(const struct series_sink *sink)
{
        struct push *push = alloc_new(&push_type, sizeof(*push));

        push->sink = *sink;
        push->cache = push_cache_new(CACHE_SERIES_MAX, CACHE_GENERATION_NS);
        push->metadata = metadata_table_new();
        push->deltas = delta_table_new(DELTA_SERIES_MAX, &clock_real);
        return push;
}

struct push *push_free(struct push *push)
{
        if (!push)
                return NULL;
        push_cache_free(push->cache);
        metadata_table_free(push->metadata);
        delta_table_free(push->deltas);
        return alloc_free(&push_type, push);
}

struct metadata_table *push_metadata(struct push *push)
{
        return push->metadata;
}

struct delta_table *push_delta_table(struct push *push)
{
        return push->deltas;
}

/* ---- filling a batch ---------------------------------------------------------------------- */

struct push_batch *push_batch_new(struct push *push)
{
        struct push_batch *batch = alloc_new(&push_type, sizeof(*batch));

        batch->push = push;
        batch->reasons = BUF_INIT(REASONS_MAX_BYTES);
        arena_init(&batch->scratch, SCRATCH_BYTES);
        return batch;
}

struct push_batch *push_batch_free(struct push_batch *batch)
{
        if (!batch)
                return NULL;
        alloc_free(&push_type, batch->series);
        alloc_free(&push_type, batch->entries);
        alloc_free(&push_type, batch->metadata);
        alloc_free(&push_type, batch->samples);
        alloc_free(&push_type, batch->extras);
        alloc_free(&push_type, batch->exemplars);
        alloc_free(&push_type, batch->outcomes);
        arena_release(&batch->scratch);
        buf_release(&batch->reasons);
        return alloc_free(&push_type, batch);
}

#define RESERVE(items, capacity, count)                                                          \
        ((items) = alloc_array_reserve(&push_type, (items), &(capacity), (count), sizeof(*(items))))

static bool has_room(size_t count, struct error *err)
{
        return LIKELY(count < BATCH_ITEMS_MAX) ||
               error_set(err, ERROR_LIMIT, "more than %d series or samples in one request",
                         BATCH_ITEMS_MAX);
}

static void set_metadata(struct push_batch *batch, const struct push_series_metadata *metadata)
{
        size_t before = batch->metadata_capacity;

        if (!metadata && !batch->metadata)
                return;
        RESERVE(batch->metadata, batch->metadata_capacity, batch->series_capacity);
        memset(batch->metadata + before, 0,
               (batch->metadata_capacity - before) * sizeof(*batch->metadata));
        batch->metadata[batch->series_count] = metadata;
}

bool push_batch_series(struct push_batch *batch, struct str key,
                       const struct push_series_metadata *metadata, struct error *err)
{
        size_t at = batch->series_count;

        if (!has_room(at, err))
                return false;
        RESERVE(batch->series, batch->series_capacity, at + 1);
        RESERVE(batch->entries, batch->entry_capacity, at + 1);
        batch->series[at] = (struct batch_series){key, batch->sample_count,
                                                  batch->exemplar_count, false};
        batch->entries[at].key = hash_identity(key.data, key.len);
        set_metadata(batch, metadata);
        batch->series_count++;
        return true;
}

static void set_extra(struct push_batch *batch, size_t at, const struct histogram *h,
                      int64_t start_ms)
{
        size_t before = batch->extra_capacity;

        RESERVE(batch->extras, batch->extra_capacity, batch->sample_capacity);
        memset(batch->extras + before, 0,
               (batch->extra_capacity - before) * sizeof(*batch->extras));
        batch->extras[at] = (struct append_extra){h, start_ms};
}

static bool add_sample(struct push_batch *batch, int64_t t_ms, double v,
                       const struct histogram *h, int64_t start_ms, struct error *err)
{
        size_t at = batch->sample_count;

        BUG_ON(!batch->series_count);
        if (!has_room(at, err))
                return false;
        RESERVE(batch->samples, batch->sample_capacity, at + 1);
        batch->samples[at] = (struct append_sample){SERIES_REF_NONE, t_ms, v};
        if (UNLIKELY(h || start_ms || batch->extras))
                set_extra(batch, at, h, start_ms);
        batch->sample_count++;
        return true;
}

bool push_batch_sample(struct push_batch *batch, int64_t t_ms, double v, int64_t start_ms,
                       struct error *err)
{
        return add_sample(batch, t_ms, v, NULL, start_ms, err);
}

bool push_batch_histogram(struct push_batch *batch, int64_t t_ms, const struct histogram *h,
                          int64_t start_ms, struct error *err)
{
        return add_sample(batch, t_ms, h->sum, h, start_ms, err);
}

bool push_batch_exemplar(struct push_batch *batch, const struct exemplar *exemplar,
                         struct error *err)
{
        size_t at = batch->exemplar_count;

        BUG_ON(!batch->series_count);
        if (!has_room(at, err))
                return false;
        RESERVE(batch->exemplars, batch->exemplar_capacity, at + 1);
        batch->exemplars[at] = (struct append_exemplar){SERIES_REF_NONE, *exemplar};
        batch->exemplar_count++;
        return true;
}

/* ---- refusing ----------------------------------------------------------------------------- */

/* A key as labels, as far as it is any. */
static void append_labels(struct push_batch *batch, struct str key)
{
        struct arena_point mark = arena_mark(&batch->scratch);
        struct labels_builder builder;

        labels_builder_init(&builder, &batch->scratch, (struct labels){0});
        if (remote_write_labels(key, &builder, NULL))
                labels_format(&batch->reasons, labels_builder_finish(&builder));
        arena_rewind(&batch->scratch, mark);
}

static void give_reason(struct push_batch *batch, const struct batch_series *series,
                        const char *reason)
{
        size_t before = batch->reasons.len;

        /* The first that does not fit ends the list. */
        if (batch->reasons.overflow)
                return;
        buf_append_cstr(&batch->reasons, reason);
        if (!series->refused) {
                buf_append_cstr(&batch->reasons, " for series ");
                append_labels(batch, series->key);
        }
        buf_append_byte(&batch->reasons, '\n');
        if (batch->reasons.overflow && batch->reasons.data) {
                batch->reasons.len = before;
                batch->reasons.data[before] = '\0';
        }
}

void push_batch_refuse(struct push_batch *batch, const char *reason)
{
        BUG_ON(!batch->series_count);
        batch->result.refused_samples++;
        give_reason(batch, &batch->series[batch->series_count - 1], reason);
}

static const char *describe(enum append_outcome outcome)
{
        switch (outcome) {
        case APPEND_DUPLICATE_OTHER:
                return "duplicate sample for timestamp";
        case APPEND_OUT_OF_ORDER:
                return "out of order sample";
        case APPEND_TOO_OLD:
                return "too old sample";
        case APPEND_TOO_FAR_AHEAD:
                return "out of bounds: timestamp is too far in the future";
        case APPEND_OK:
        case APPEND_DUPLICATE_SAME:
        case APPEND_UNKNOWN_SERIES:
                break;
        }
        return "series is not known any more";
}

/* ---- resolving ---------------------------------------------------------------------------- */

static struct str strip_suffix(struct str metric, const char *suffix)
{
        if (str_ends_with(metric, str_from(suffix)))
                metric.len -= strlen(suffix);
        return metric;
}

/* Metadata is the family's, and a series of a histogram or summary is not called that. */
static struct str family_of(struct str metric, struct str type)
{
        bool histogram = str_is(type, "histogram") || str_is(type, "gaugehistogram");

        if (!histogram && !str_is(type, "summary"))
                return metric;
        if (histogram)
                metric = strip_suffix(metric, "_bucket");
        return strip_suffix(strip_suffix(metric, "_count"), "_sum");
}

static void note_metadata(struct push_batch *batch, size_t at, struct labels labels)
{
        const struct push_series_metadata *metadata = batch->metadata ? batch->metadata[at] : NULL;
        struct metadata_table *table = batch->push->metadata;
        struct str metric;

        if (!metadata)
                return;
        metric = family_of(labels_get(labels, LABEL_METRIC_NAME), metadata->type);
        if (metadata->type.len && !str_is(metadata->type, "unknown"))
                metadata_table_set(table, metric, METADATA_TYPE, metadata->type);
        if (metadata->help.len)
                metadata_table_set(table, metric, METADATA_HELP, metadata->help);
        if (metadata->unit.len)
                metadata_table_set(table, metric, METADATA_UNIT, metadata->unit);
}

static bool resolve(struct push_batch *batch, size_t at, struct error *err)
{
        const struct series_sink *sink = &batch->push->sink;
        const struct batch_series *series = &batch->series[at];
        struct labels_builder builder;
        struct labels labels;

        if (series->key.len > KEY_MAX_BYTES)
                return error_set(err, ERROR_INVALID, "series is longer than %d bytes",
                                 KEY_MAX_BYTES);
        labels_builder_init(&builder, &batch->scratch, (struct labels){0});
        if (!remote_write_labels(series->key, &builder, err))
                return false;
        labels = labels_builder_finish(&builder);
        if (labels.count > LABELS_MAX)
                return error_set(err, ERROR_INVALID, "series has more than %d labels", LABELS_MAX);
        note_metadata(batch, at, labels);
        return sink->resolve(sink->ctx, labels, &batch->entries[at].ref, err);
}

static size_t samples_end(const struct push_batch *batch, size_t at)
{
        return at + 1 < batch->series_count ? batch->series[at + 1].sample_from
                                            : batch->sample_count;
}

static size_t exemplars_end(const struct push_batch *batch, size_t at)
{
        return at + 1 < batch->series_count ? batch->series[at + 1].exemplar_from
                                            : batch->exemplar_count;
}

/* Finds the series the cache does not know. False only when the disk is full. */
static bool resolve_missing(struct push_batch *batch, struct error *err)
{
        enum { AT_ONCE = 256 };
        struct push_cache_entry found[AT_ONCE];
        size_t found_count = 0;

        for (size_t i = 0; i < batch->series_count; i++) {
                struct arena_point mark = arena_mark(&batch->scratch);
                struct batch_series *series = &batch->series[i];
                struct error reason;
                bool ok;

                if (LIKELY(batch->entries[i].ref != SERIES_REF_NONE) || series->refused)
                        continue;
                ok = resolve(batch, i, &reason);
                arena_rewind(&batch->scratch, mark);
                if (ok)
                        found[found_count++] = batch->entries[i];
                if (found_count == AT_ONCE) {
                        push_cache_put(batch->push->cache, found, found_count);
                        found_count = 0;
                }
                if (ok)
                        continue;
                if (reason.code == ERROR_FULL)
                        return error_set(err, ERROR_FULL, "%s", reason.text);
                series->refused = true;
                batch->result.refused_series++;
                batch->result.refused_samples += samples_end(batch, i) - series->sample_from;
                batch->result.refused_exemplars += exemplars_end(batch, i) -
                                                   series->exemplar_from;
                give_reason(batch, series, reason.text);
        }
        if (found_count)
                push_cache_put(batch->push->cache, found, found_count);
        return true;
}

/* ---- storing ------------------------------------------------------------------------------ */

/* Gives samples their references, and takes out those of refused series. */
static void place_samples(struct push_batch *batch)
{
        size_t kept = 0;

        for (size_t i = 0; i < batch->series_count; i++) {
                struct batch_series *series = &batch->series[i];
                size_t from = series->sample_from, to = samples_end(batch, i);

                series->sample_from = kept;
                if (series->refused)
                        continue;
                for (size_t s = from; s < to; s++, kept++) {
                        batch->samples[kept] = batch->samples[s];
                        batch->samples[kept].ref = batch->entries[i].ref;
                        if (batch->extras)
                                batch->extras[kept] = batch->extras[s];
                }
        }
        batch->sample_count = kept;
}

static bool append(struct push_batch *batch, struct error *err)
{
        const struct series_sink *sink = &batch->push->sink;

        if (!batch->sample_count)
                return true;
        RESERVE(batch->outcomes, batch->outcome_capacity, batch->sample_count);
        return sink->append(sink->ctx, batch->samples, batch->extras, batch->sample_count,
                            batch->outcomes, err);
}

static bool is_stored(uint8_t outcome)
{
        return outcome == APPEND_OK || outcome == APPEND_DUPLICATE_SAME;
}

/* Counts what became of the samples. Those of series the store has forgotten are kept in the
 * batch, and their series are to be resolved again. */
static void take_outcomes(struct push_batch *batch, bool last)
{
        struct push_result *result = &batch->result;
        size_t kept = 0;

        for (size_t i = 0; i < batch->series_count; i++) {
                struct batch_series *series = &batch->series[i];
                size_t from = series->sample_from, to = samples_end(batch, i);

                series->sample_from = kept;
                for (size_t s = from; s < to; s++) {
                        bool is_histogram = batch->extras && batch->extras[s].h;
                        uint8_t outcome = batch->outcomes[s];

                        if (LIKELY(is_stored(outcome))) {
                                *(is_histogram ? &result->histograms : &result->samples) += 1;
                        } else if (outcome == APPEND_UNKNOWN_SERIES && !last) {
                                batch->entries[i].ref = SERIES_REF_NONE;
                                batch->samples[kept] = batch->samples[s];
                                if (batch->extras)
                                        batch->extras[kept] = batch->extras[s];
                                kept++;
                        } else {
                                result->refused_samples++;
                                give_reason(batch, series,
                                            describe((enum append_outcome)outcome));
                        }
                }
        }
        batch->sample_count = kept;
}

static bool store_samples(struct push_batch *batch, struct error *err)
{
        place_samples(batch);
        if (!append(batch, err))
                return false;
        take_outcomes(batch, false);
        if (!batch->sample_count)
                return true;
        /* A series forgotten between find and append is made anew, once. */
        if (!resolve_missing(batch, err))
                return false;
        place_samples(batch);
        if (!append(batch, err))
                return false;
        take_outcomes(batch, true);
        return true;
}

static bool labels_fit(struct labels labels)
{
        size_t characters = 0;

        for (size_t i = 0; i < labels.count; i++) {
                struct str parts[] = {labels.items[i].name, labels.items[i].value};

                for (size_t p = 0; p < ARRAY_LEN(parts); p++)
                        for (size_t c = 0; c < parts[p].len; c++)
                                characters += (parts[p].data[c] & 0xc0) != 0x80;
        }
        return characters <= EXEMPLAR_CHARACTERS_MAX;
}

/* Exemplars are an aid: one that the store does not take never fails the request for good. */
static void store_exemplars(struct push_batch *batch)
{
        const struct series_sink *sink = &batch->push->sink;
        size_t kept = 0, at = 0;

        if (!batch->exemplar_count || !sink->append_exemplars)
                return;
        for (size_t i = 0; i < batch->series_count; i++) {
                size_t from = batch->series[i].exemplar_from, to = exemplars_end(batch, i);

                batch->series[i].exemplar_from = kept;
                for (size_t e = from; e < to && !batch->series[i].refused; e++) {
                        if (!labels_fit(batch->exemplars[e].exemplar.labels))
                                continue;
                        batch->exemplars[kept] = batch->exemplars[e];
                        batch->exemplars[kept++].ref = batch->entries[i].ref;
                }
        }
        batch->exemplar_count = kept;
        RESERVE(batch->outcomes, batch->outcome_capacity, kept + 1);
        if (!kept || !sink->append_exemplars(sink->ctx, batch->exemplars, kept, batch->outcomes,
                                             NULL))
                return;
        for (size_t i = 0; i < batch->series_count; i++) {
                for (at = batch->series[i].exemplar_from; at < exemplars_end(batch, i); at++) {
                        if (is_stored(batch->outcomes[at])) {
                                batch->result.exemplars++;
                        } else if (batch->outcomes[at] == APPEND_OUT_OF_ORDER) {
                                batch->result.refused_exemplars++;
                                give_reason(batch, &batch->series[i], "out of order exemplar");
                        }
                }
        }
}

bool push_batch_write(struct push_batch *batch, struct push_result *ret_result, struct error *err)
{
        push_cache_find(batch->push->cache, batch->entries, batch->series_count);
        if (!resolve_missing(batch, err) || !store_samples(batch, err))
                return false;
        store_exemplars(batch);
        metric_add(&samples_pushed, (int64_t)(batch->result.samples + batch->result.histograms));
        metric_add(&samples_refused, (int64_t)batch->result.refused_samples);
        batch->result.reasons = buf_str(&batch->reasons);
        *ret_result = batch->result;
        return true;
}

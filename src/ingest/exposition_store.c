/* What a scrape has read goes to the sink. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/metrics.h"
#include "ingest/exposition_int.h"

ALLOC_TYPE(scrape_outcomes_type, "scrape_outcomes")

METRIC_COUNTER(refused_target, "pitwall_scrape_series_refused_total",
               "reason=\"target_series_limit\"", "New series of targets that were refused.")
METRIC_COUNTER(refused_job, "pitwall_scrape_series_refused_total", "reason=\"series_limit\"",
               "New series of targets that were refused.")

static bool resolve(struct scrape *scrape, struct scraped_series *series, struct error *err)
{
        const struct exposition *exposition = scrape->exposition;
        struct series_traits traits = {
                .bound = (enum bound_label)series->bound,
                .said = exposition_family_said(exposition, series->family),
        };
        struct arena_point mark = arena_mark(&scrape->scratch);
        struct labels labels;
        bool ok = scraped_series_labels(&exposition->options, NULL, &scrape->scratch,
                                        scraped_series_text(series),
                                        (enum exposition_format)series->format, &traits, &labels,
                                        err) &&
                  exposition->sink.resolve(exposition->sink.ctx, labels, &series->ref, err);

        arena_rewind(&scrape->scratch, mark);
        return ok;
}

/* A place in the limits of the target and its job, which a series keeps until it is gone. */
static bool take_place(struct exposition *exposition, struct scraped_series *series,
                       struct error *err)
{
        struct series_quota *job = exposition->options.job_quota;
        uint64_t limit = exposition->options.series_limit;
        uint64_t job_limit = exposition->options.job_series_limit;

        if (series->counted)
                return true;
        if (limit && exposition->series_counted >= limit) {
                metric_add(&refused_target, 1);
                return error_set(err, ERROR_LIMIT, "target_series_limit of %llu exceeded",
                                 (unsigned long long)limit);
        }
        if (job && atomic_fetch_add(&job->used, 1) >= job_limit && job_limit) {
                atomic_fetch_sub(&job->used, 1);
                metric_add(&refused_job, 1);
                return error_set(err, ERROR_LIMIT, "series_limit of %llu exceeded",
                                 (unsigned long long)job_limit);
        }
        exposition->series_counted++;
        series->counted = true;
        return true;
}

static void give_place_back(struct exposition *exposition, struct scraped_series *series)
{
        if (!series->counted)
                return;
        series->counted = false;
        exposition->series_counted--;
        if (exposition->options.job_quota)
                atomic_fetch_sub(&exposition->options.job_quota->used, 1);
}

static bool make_series(struct scrape *scrape, struct scraped_series *series, struct error *err)
{
        if (!take_place(scrape->exposition, series, err))
                return false;
        if (resolve(scrape, series, err))
                return true;
        give_place_back(scrape->exposition, series);
        return false;
}

static void move_sample(struct scrape *scrape, size_t to, size_t from)
{
        scrape->samples[to] = scrape->samples[from];
        if (scrape->extras)
                scrape->extras[to] = scrape->extras[from];
        scrape->owners[to] = scrape->owners[from];
}

/* Creates the series of this scrape that the sink does not know yet. What is over a limit is left
 * out: series that are known go on. */
static bool resolve_new(struct scrape *scrape, struct error *err)
{
        size_t kept = 0;

        for (size_t i = 0; i < scrape->count; i++) {
                struct scraped_series *series = scrape->owners[i];
                struct error reason;

                if (series->ref == SERIES_REF_NONE && !make_series(scrape, series, &reason)) {
                        if (reason.code != ERROR_LIMIT)
                                return error_set(err, reason.code, "%s", reason.text);
                        if (!scrape->result.series_refused++)
                                scrape->result.refusal = reason;
                        continue;
                }
                move_sample(scrape, kept, i);
                scrape->samples[kept++].ref = series->ref;
        }
        scrape->count = kept;
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
                move_sample(scrape, kept++, i);
        }
        scrape->count = kept;
        return kept;
}

static bool store_samples(struct scrape *scrape, struct error *err)
{
        const struct series_sink *sink = &scrape->exposition->sink;
        uint8_t *outcomes = alloc_new(&scrape_outcomes_type, scrape->count + 1);
        bool ok;

        /* Twice at most: a series forgotten between resolve and append is made anew. */
        for (int attempt = 0; attempt < 2; attempt++) {
                ok = resolve_new(scrape, err) &&
                     (scrape->count == 0 || sink->append(sink->ctx, scrape->samples,
                                                         scrape->extras, scrape->count, outcomes,
                                                         err));
                if (!ok)
                        break;
                count_outcomes(scrape, outcomes);
                if (!keep_unknown(scrape, outcomes))
                        break;
        }
        alloc_free(&scrape_outcomes_type, outcomes);
        return ok;
}

static int compare_exemplars(const void *a, const void *b)
{
        const struct append_exemplar *x = a, *y = b;

        if (x->ref != y->ref)
                return x->ref < y->ref ? -1 : 1;
        if (x->exemplar.t_ms != y->exemplar.t_ms)
                return x->exemplar.t_ms < y->exemplar.t_ms ? -1 : 1;
        return x->exemplar.v < y->exemplar.v ? -1 : x->exemplar.v > y->exemplar.v;
}

/* Exemplars are an aid: what becomes of them does not decide over the scrape. */
static void store_exemplars(struct scrape *scrape)
{
        const struct series_sink *sink = &scrape->exposition->sink;
        struct append_exemplar *batch;
        size_t count = 0;

        if (!scrape->exemplar_count || !sink->append_exemplars)
                return;
        batch = alloc_new(&scrape_outcomes_type, scrape->exemplar_count * sizeof(*batch));
        for (size_t i = 0; i < scrape->exemplar_count; i++)
                if (scrape->exemplars[i].owner->ref != SERIES_REF_NONE)
                        batch[count++] = (struct append_exemplar){
                                scrape->exemplars[i].owner->ref, scrape->exemplars[i].exemplar};
        /* The store takes those of a series by rising time only. */
        qsort(batch, count, sizeof(*batch), compare_exemplars);
        if (count)
                sink->append_exemplars(sink->ctx, batch, count, NULL, NULL);
        alloc_free(&scrape_outcomes_type, batch);
}

bool scrape_store(struct scrape *scrape, struct error *err)
{
        if (!store_samples(scrape, err))
                return false;
        store_exemplars(scrape);
        return true;
}

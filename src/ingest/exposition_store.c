/* What a scrape has read goes to the sink. */
#include <stdlib.h>

#include "base/alloc.h"
#include "ingest/exposition_int.h"

ALLOC_TYPE(scrape_outcomes_type, "scrape_outcomes")

static bool resolve(struct scrape *scrape, struct scraped_series *series, struct error *err)
{
        const struct exposition *exposition = scrape->exposition;
        struct series_traits traits = {.bound = (enum bound_label)series->bound};
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

/* Creates the series of this scrape that the sink does not know yet. */
static bool resolve_new(struct scrape *scrape, struct error *err)
{
        for (size_t i = 0; i < scrape->count; i++) {
                struct scraped_series *series = scrape->owners[i];

                if (series->ref == SERIES_REF_NONE && !resolve(scrape, series, err))
                        return false;
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
                if (scrape->extras)
                        scrape->extras[kept] = scrape->extras[i];
                scrape->owners[kept++] = scrape->owners[i];
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

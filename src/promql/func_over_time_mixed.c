/* <aggregation>_over_time where some samples are histograms. */
#include "promql/func_range_int.h"

/* Sums and means are of one kind. */
static bool is_one_kind(struct window *w)
{
        if (!w->floats->count || !w->histograms->count)
                return true;
        w->notes |= NOTE_MIXED_FLOATS;
        return false;
}

static void note_outcome(struct window *w, const struct histogram_outcome *outcome)
{
        const struct points *p = w->histograms;
        bool reset = false, no_reset = false;

        for (size_t i = 0; i < p->count; i++) {
                reset = reset || p->h[i]->reset == HISTOGRAM_RESET_YES;
                no_reset = no_reset || p->h[i]->reset == HISTOGRAM_RESET_NO;
        }
        if (reset && no_reset)
                w->notes |= NOTE_COLLISION_AGGREGATION;
        if (outcome->reconciled)
                w->notes |= NOTE_RECONCILED_AGGREGATION;
}

bool range_mixed_sum(struct window *w, double *ret_v)
{
        const struct points *p = w->histograms;
        struct histogram_outcome outcome = {0};
        struct histogram_sum sum;

        if (!is_one_kind(w))
                return false;
        if (!p->count)
                return range_kind_of(FUNCTION_SUM_OVER_TIME)->function(w, ret_v);
        histogram_sum_init(&sum, &w->scratch->made, p->h[0], true);
        for (size_t i = 1; i < p->count; i++) {
                if (!histogram_sum_add(&sum, p->h[i], &outcome)) {
                        w->notes = NOTE_MIXED_BUCKETS;
                        return false;
                }
        }
        note_outcome(w, &outcome);
        w->result = histogram_sum_finish(&sum, &w->scratch->made, false);
        return true;
}

bool range_mixed_avg(struct window *w, double *ret_v)
{
        const struct points *p = w->histograms;
        struct histogram_outcome outcome = {0};
        struct histogram_mean mean;

        if (!is_one_kind(w))
                return false;
        if (!p->count)
                return range_kind_of(FUNCTION_AVG_OVER_TIME)->function(w, ret_v);
        histogram_mean_init(&mean, &w->scratch->made, p->h[0]);
        for (size_t i = 1; i < p->count; i++) {
                if (!histogram_mean_add(&mean, p->h[i], &outcome)) {
                        w->notes = NOTE_MIXED_BUCKETS;
                        return false;
                }
        }
        note_outcome(w, &outcome);
        w->result = histogram_mean_finish(&mean, &w->scratch->made, false);
        return true;
}

bool range_mixed_count(struct window *w, double *ret_v)
{
        *ret_v = (double)(w->floats->count + w->histograms->count);
        return true;
}

bool range_mixed_present(struct window *w, double *ret_v)
{
        (void)w;
        *ret_v = 1;
        return true;
}

/* ---- first and last ----------------------------------------------------------------------- */

static bool histogram_is_first(const struct window *w)
{
        return w->histograms->count &&
               (!w->floats->count || w->floats->t_ms[0] >= w->histograms->t_ms[0]);
}

static bool histogram_is_last(const struct window *w)
{
        return w->histograms->count &&
               (!w->floats->count || w->histograms->t_ms[w->histograms->count - 1] >=
                                             w->floats->t_ms[w->floats->count - 1]);
}

bool range_mixed_first(struct window *w, double *ret_v)
{
        if (histogram_is_first(w))
                w->result = histogram_copy(&w->scratch->made, w->histograms->h[0]);
        else
                *ret_v = w->floats->v[0];
        return true;
}

bool range_mixed_last(struct window *w, double *ret_v)
{
        if (histogram_is_last(w))
                w->result = histogram_copy(&w->scratch->made,
                                           w->histograms->h[w->histograms->count - 1]);
        else
                *ret_v = w->floats->v[w->floats->count - 1];
        return true;
}

bool range_mixed_ts_of_first(struct window *w, double *ret_v)
{
        const struct points *p = histogram_is_first(w) ? w->histograms : w->floats;

        *ret_v = (double)p->t_ms[0] / 1000;
        return true;
}

bool range_mixed_ts_of_last(struct window *w, double *ret_v)
{
        const struct points *p = histogram_is_last(w) ? w->histograms : w->floats;

        *ret_v = (double)p->t_ms[p->count - 1] / 1000;
        return true;
}

/* <aggregation>_over_time, and the table of all functions over range vectors. */
#include <stdlib.h>

#include "promql/func_range_int.h"

static bool range_sum(const struct window *w, double *ret_v)
{
        double sum = 0, c = 0;

        for (size_t i = 0; i < w->count; i++)
                number_kahan(w->v[i], &sum, &c);
        *ret_v = isinf(sum) ? sum : sum + c;
        return true;
}

/* A plain mean; only when the sum overflows, an incremental one. */
static bool range_avg(const struct window *w, double *ret_v)
{
        double sum = w->v[0], mean = 0, c = 0, count = 1;
        bool incremental = false;

        for (size_t i = 1; i < w->count; i++) {
                double q;

                count = (double)(i + 1);
                if (!incremental) {
                        double next = sum, next_c = c;

                        number_kahan(w->v[i], &next, &next_c);
                        if (!isinf(next)) {
                                sum = next;
                                c = next_c;
                                continue;
                        }
                        incremental = true;
                        mean = sum / (count - 1);
                        c /= count - 1;
                }
                q = (count - 1) / count;
                mean *= q;
                c *= q;
                number_kahan(w->v[i] / count, &mean, &c);
        }
        *ret_v = incremental ? mean + c : sum / count + c / count;
        return true;
}

static bool range_count(const struct window *w, double *ret_v)
{
        *ret_v = (double)w->count;
        return true;
}

/* Position of the extreme: a number wins over NaN, the first or last of equals as asked. */
static size_t extreme(const struct window *w, bool max, bool last_of_equals)
{
        size_t best = 0;

        for (size_t i = 1; i < w->count; i++) {
                double v = w->v[i], current = w->v[best];

                if ((max ? v > current : v < current) || isnan(current) ||
                    (last_of_equals && v == current))
                        best = i;
        }
        return best;
}

static bool range_max(const struct window *w, double *ret_v)
{
        *ret_v = w->v[extreme(w, true, false)];
        return true;
}

static bool range_min(const struct window *w, double *ret_v)
{
        *ret_v = w->v[extreme(w, false, false)];
        return true;
}

static bool range_ts_of_max(const struct window *w, double *ret_v)
{
        *ret_v = (double)w->t_ms[extreme(w, true, true)] / 1000;
        return true;
}

static bool range_ts_of_min(const struct window *w, double *ret_v)
{
        *ret_v = (double)w->t_ms[extreme(w, false, true)] / 1000;
        return true;
}

static bool range_first(const struct window *w, double *ret_v)
{
        *ret_v = w->v[0];
        return true;
}

static bool range_last(const struct window *w, double *ret_v)
{
        *ret_v = w->v[w->count - 1];
        return true;
}

static bool range_ts_of_first(const struct window *w, double *ret_v)
{
        *ret_v = (double)w->t_ms[0] / 1000;
        return true;
}

static bool range_ts_of_last(const struct window *w, double *ret_v)
{
        *ret_v = (double)w->t_ms[w->count - 1] / 1000;
        return true;
}

static bool range_present(const struct window *w, double *ret_v)
{
        (void)w;
        *ret_v = 1;
        return true;
}

static double variance(const struct window *w)
{
        double count = 0, mean = 0, mean_c = 0, square = 0, square_c = 0;

        for (size_t i = 0; i < w->count; i++) {
                double delta = w->v[i] - (mean + mean_c);

                count++;
                number_kahan(delta / count, &mean, &mean_c);
                number_kahan(delta * (w->v[i] - (mean + mean_c)), &square, &square_c);
        }
        return (square + square_c) / count;
}

static bool range_stdvar(const struct window *w, double *ret_v)
{
        *ret_v = variance(w);
        return true;
}

static bool range_stddev(const struct window *w, double *ret_v)
{
        *ret_v = sqrt(variance(w));
        return true;
}

static int compare_values(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        if (isnan(x) || isnan(y))
                return (int)isnan(y) - (int)isnan(x);
        return x < y ? -1 : x > y;
}

void values_sort(double *values, size_t count)
{
        qsort(values, count, sizeof(*values), compare_values);
}

double quantile_of(double q, double *values, size_t count)
{
        double n = (double)count, rank, lower, upper, weight;

        if (count == 0 || isnan(q))
                return number_nan();
        if (q < 0 || q > 1)
                return q < 0 ? -INFINITY : INFINITY;
        values_sort(values, count);
        rank = q * (n - 1);
        lower = fmax(0, floor(rank));
        upper = fmin(n - 1, lower + 1);
        weight = rank - floor(rank);
        return values[(size_t)lower] * (1 - weight) + values[(size_t)upper] * weight;
}

void quantile_warn(struct eval *eval, const struct node *where, double q)
{
        struct buf text = BUF_INIT(64);

        if (q >= 0 && q <= 1)
                return;
        number_append_go(&text, q);
        notes_warn(&eval->notes, node_unwrap(where),
                   "quantile value should be between 0 and 1, got %s", text.data);
        buf_release(&text);
}

static double *sorted_copy(const struct window *w)
{
        double *values = scratch_sort(w->scratch, w->count);

        memcpy(values, w->v, w->count * sizeof(*values));
        return values;
}

static bool range_quantile(const struct window *w, double *ret_v)
{
        *ret_v = quantile_of(w->args[0], sorted_copy(w), w->count);
        return true;
}

/* The median of the distances from the median. */
static bool range_mad(const struct window *w, double *ret_v)
{
        double *values = sorted_copy(w);
        double median = quantile_of(0.5, values, w->count);

        /* Sorted, NaN comes first: with one among them there is no median. */
        if (isnan(values[0]))
                median = values[0];
        for (size_t i = 0; i < w->count; i++)
                values[i] = fabs(values[i] - median);
        *ret_v = quantile_of(0.5, values, w->count);
        return true;
}

static const struct range_kind kinds[FUNCTION_COUNT] = {
        [FUNCTION_ABSENT_OVER_TIME] = {range_present, EVENTS_NONE, false},
        [FUNCTION_AVG_OVER_TIME] = {range_avg, EVENTS_NONE, false},
        [FUNCTION_CHANGES] = {range_event_count, EVENTS_CHANGES, false},
        [FUNCTION_COUNT_OVER_TIME] = {range_count, EVENTS_NONE, false},
        [FUNCTION_DELTA] = {range_delta, EVENTS_NONE, false},
        [FUNCTION_DERIV] = {range_deriv, EVENTS_NONE, false},
        [FUNCTION_DOUBLE_EXPONENTIAL_SMOOTHING] = {range_double_exponential_smoothing,
                                                   EVENTS_NONE, false},
        [FUNCTION_FIRST_OVER_TIME] = {range_first, EVENTS_NONE, true},
        [FUNCTION_IDELTA] = {range_idelta, EVENTS_NONE, false},
        [FUNCTION_INCREASE] = {range_increase, EVENTS_RESETS, false},
        [FUNCTION_IRATE] = {range_irate, EVENTS_NONE, false},
        [FUNCTION_LAST_OVER_TIME] = {range_last, EVENTS_NONE, true},
        [FUNCTION_MAD_OVER_TIME] = {range_mad, EVENTS_NONE, false},
        [FUNCTION_MAX_OVER_TIME] = {range_max, EVENTS_NONE, false},
        [FUNCTION_MIN_OVER_TIME] = {range_min, EVENTS_NONE, false},
        [FUNCTION_PREDICT_LINEAR] = {range_predict_linear, EVENTS_NONE, false},
        [FUNCTION_PRESENT_OVER_TIME] = {range_present, EVENTS_NONE, false},
        [FUNCTION_QUANTILE_OVER_TIME] = {range_quantile, EVENTS_NONE, false},
        [FUNCTION_RATE] = {range_rate, EVENTS_RESETS, false},
        [FUNCTION_RESETS] = {range_event_count, EVENTS_RESETS, false},
        [FUNCTION_STDDEV_OVER_TIME] = {range_stddev, EVENTS_NONE, false},
        [FUNCTION_STDVAR_OVER_TIME] = {range_stdvar, EVENTS_NONE, false},
        [FUNCTION_SUM_OVER_TIME] = {range_sum, EVENTS_NONE, false},
        [FUNCTION_TS_OF_FIRST_OVER_TIME] = {range_ts_of_first, EVENTS_NONE, false},
        [FUNCTION_TS_OF_LAST_OVER_TIME] = {range_ts_of_last, EVENTS_NONE, false},
        [FUNCTION_TS_OF_MAX_OVER_TIME] = {range_ts_of_max, EVENTS_NONE, false},
        [FUNCTION_TS_OF_MIN_OVER_TIME] = {range_ts_of_min, EVENTS_NONE, false},
};

const struct range_kind *range_kind_of(enum function_kind function)
{
        return kinds[function].function ? &kinds[function] : NULL;
}

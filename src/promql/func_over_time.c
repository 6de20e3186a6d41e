/* <aggregation>_over_time, and the table of all functions over range vectors. */
#include "codec/double.h"
#include "promql/func_range_int.h"

static bool range_sum(struct window *w, double *ret_v)
{
        double sum = 0, c = 0;

        for (size_t i = 0; i < w->count; i++)
                number_kahan(w->v[i], &sum, &c);
        *ret_v = isinf(sum) ? sum : sum + c;
        return true;
}

/* A plain mean; only when the sum overflows, an incremental one. */
static bool range_avg(struct window *w, double *ret_v)
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

static bool range_count(struct window *w, double *ret_v)
{
        *ret_v = (double)w->count;
        return true;
}

/* Position of the extreme: a number wins over NaN, the first or last of equals as asked. While the
 * extreme of the window before is still inside, only what is new is looked at. */
static size_t extreme(struct window *w, bool max, bool last_of_equals)
{
        size_t best = 0, from = 1;

        if (w->extreme_end && w->extreme >= w->base) {
                best = w->extreme - w->base;
                from = w->extreme_end - w->base;
        }
        for (size_t i = from; i < w->count; i++) {
                double v = w->v[i], current = w->v[best];

                if ((max ? v > current : v < current) || isnan(current) ||
                    (last_of_equals && v == current))
                        best = i;
        }
        w->extreme = w->base + best;
        w->extreme_end = w->base + w->count;
        return best;
}

static bool range_max(struct window *w, double *ret_v)
{
        *ret_v = w->v[extreme(w, true, false)];
        return true;
}

static bool range_min(struct window *w, double *ret_v)
{
        *ret_v = w->v[extreme(w, false, false)];
        return true;
}

static bool range_ts_of_max(struct window *w, double *ret_v)
{
        *ret_v = (double)w->t_ms[extreme(w, true, true)] / 1000;
        return true;
}

static bool range_ts_of_min(struct window *w, double *ret_v)
{
        *ret_v = (double)w->t_ms[extreme(w, false, true)] / 1000;
        return true;
}

static bool range_first(struct window *w, double *ret_v)
{
        *ret_v = w->v[0];
        return true;
}

static bool range_last(struct window *w, double *ret_v)
{
        *ret_v = w->v[w->count - 1];
        return true;
}

static bool range_ts_of_first(struct window *w, double *ret_v)
{
        *ret_v = (double)w->t_ms[0] / 1000;
        return true;
}

static bool range_ts_of_last(struct window *w, double *ret_v)
{
        *ret_v = (double)w->t_ms[w->count - 1] / 1000;
        return true;
}

static bool range_present(struct window *w, double *ret_v)
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

static bool range_stdvar(struct window *w, double *ret_v)
{
        *ret_v = variance(w);
        return true;
}

static bool range_stddev(struct window *w, double *ret_v)
{
        *ret_v = sqrt(variance(w));
        return true;
}

static bool is_less(double a, double b)
{
        return isnan(a) ? !isnan(b) : a < b;
}

/* Puts the value that belongs at position k there, smaller ones before it (quickselect, with the
 * median of three as pivot). */
static void select_nth(double *values, size_t count, size_t k)
{
        size_t low = 0, high = count - 1;

        while (low < high) {
                double a = values[low], b = values[low + (high - low) / 2], c = values[high];
                double pivot = is_less(a, b) ? (is_less(b, c) ? b : is_less(a, c) ? c : a)
                                             : (is_less(a, c) ? a : is_less(b, c) ? c : b);
                size_t left = low, right = high;

                for (;;) {
                        double held;

                        while (is_less(values[left], pivot))
                                left++;
                        while (is_less(pivot, values[right]))
                                right--;
                        if (left >= right)
                                break;
                        held = values[left];
                        values[left++] = values[right];
                        values[right--] = held;
                }
                if (k <= right)
                        high = right;
                else
                        low = right + 1;
        }
}

double quantile_of(double q, double *values, size_t count)
{
        double n = (double)count, rank, upper, weight;
        size_t at;

        if (count == 0 || isnan(q))
                return number_nan();
        if (q < 0 || q > 1)
                return q < 0 ? -INFINITY : INFINITY;
        rank = q * (n - 1);
        at = (size_t)floor(rank);
        weight = rank - floor(rank);
        select_nth(values, count, at);
        upper = values[at];
        if (at + 1 < count) {
                upper = values[at + 1];
                for (size_t i = at + 2; i < count; i++)
                        if (is_less(values[i], upper))
                                upper = values[i];
        }
        return values[at] * (1 - weight) + upper * weight;
}

void quantile_warn(struct eval *eval, const struct node *where, double q)
{
        struct buf text = BUF_INIT(64);

        if (q >= 0 && q <= 1)
                return;
        double_append(&text, q, DOUBLE_G);
        notes_warn(&eval->notes, node_unwrap(where),
                   "quantile value should be between 0 and 1, got %s", text.data);
        buf_release(&text);
}

static double *copy_of(const struct window *w)
{
        double *values = scratch_sort(w->scratch, w->count);

        memcpy(values, w->v, w->count * sizeof(*values));
        return values;
}

static bool range_quantile(struct window *w, double *ret_v)
{
        *ret_v = quantile_of(w->args[0], copy_of(w), w->count);
        return true;
}

/* The median of the distances from the median. */
static bool range_mad(struct window *w, double *ret_v)
{
        double *values = copy_of(w);
        double median = quantile_of(0.5, values, w->count);

        for (size_t i = 0; i < w->count; i++) {
                if (isnan(values[i])) {
                        *ret_v = number_nan();
                        return true;
                }
                values[i] = fabs(values[i] - median);
        }
        *ret_v = quantile_of(0.5, values, w->count);
        return true;
}

static const struct range_kind kinds[FUNCTION_COUNT] = {
        /* Nobody looks at the labels, so they may be equal without the name. */
        [FUNCTION_ABSENT_OVER_TIME] = {range_present, EVENTS_NONE, true, range_mixed_present},
        [FUNCTION_AVG_OVER_TIME] = {range_avg, EVENTS_NONE, false, range_mixed_avg},
        [FUNCTION_CHANGES] = {range_event_count, EVENTS_CHANGES, false, range_mixed_changes},
        [FUNCTION_COUNT_OVER_TIME] = {range_count, EVENTS_NONE, false, range_mixed_count},
        [FUNCTION_DELTA] = {range_delta, EVENTS_NONE, false, range_mixed_delta},
        [FUNCTION_DERIV] = {range_deriv, EVENTS_NONE, false},
        [FUNCTION_DOUBLE_EXPONENTIAL_SMOOTHING] = {range_double_exponential_smoothing,
                                                   EVENTS_NONE, false},
        [FUNCTION_FIRST_OVER_TIME] = {range_first, EVENTS_NONE, true, range_mixed_first},
        [FUNCTION_IDELTA] = {range_idelta, EVENTS_NONE, false, range_mixed_idelta},
        [FUNCTION_INCREASE] = {range_increase, EVENTS_RESETS, false, range_mixed_increase},
        [FUNCTION_IRATE] = {range_irate, EVENTS_NONE, false, range_mixed_irate},
        [FUNCTION_LAST_OVER_TIME] = {range_last, EVENTS_NONE, true, range_mixed_last},
        [FUNCTION_MAD_OVER_TIME] = {range_mad, EVENTS_NONE, false},
        [FUNCTION_MAX_OVER_TIME] = {range_max, EVENTS_NONE, false},
        [FUNCTION_MIN_OVER_TIME] = {range_min, EVENTS_NONE, false},
        [FUNCTION_PREDICT_LINEAR] = {range_predict_linear, EVENTS_NONE, false},
        [FUNCTION_PRESENT_OVER_TIME] = {range_present, EVENTS_NONE, false, range_mixed_present},
        [FUNCTION_QUANTILE_OVER_TIME] = {range_quantile, EVENTS_NONE, false},
        [FUNCTION_RATE] = {range_rate, EVENTS_RESETS, false, range_mixed_rate},
        [FUNCTION_RESETS] = {range_event_count, EVENTS_RESETS, false, range_mixed_resets},
        [FUNCTION_STDDEV_OVER_TIME] = {range_stddev, EVENTS_NONE, false},
        [FUNCTION_STDVAR_OVER_TIME] = {range_stdvar, EVENTS_NONE, false},
        [FUNCTION_SUM_OVER_TIME] = {range_sum, EVENTS_NONE, false, range_mixed_sum},
        [FUNCTION_TS_OF_FIRST_OVER_TIME] = {range_ts_of_first, EVENTS_NONE, false,
                                            range_mixed_ts_of_first},
        [FUNCTION_TS_OF_LAST_OVER_TIME] = {range_ts_of_last, EVENTS_NONE, false,
                                           range_mixed_ts_of_last},
        [FUNCTION_TS_OF_MAX_OVER_TIME] = {range_ts_of_max, EVENTS_NONE, false},
        [FUNCTION_TS_OF_MIN_OVER_TIME] = {range_ts_of_min, EVENTS_NONE, false},
};

const struct range_kind *range_kind_of(enum function_kind function)
{
        return kinds[function].function ? &kinds[function] : NULL;
}

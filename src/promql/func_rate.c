/* rate, increase, delta and their relatives. */
#include "promql/func_range_int.h"

static double factor_of(const struct window *w, double to_start, bool is_rate)
{
        const struct window_stretch *stretch = &w->stretch;
        double factor = (stretch->sampled + to_start + stretch->to_end) / stretch->sampled;

        return is_rate ? factor / ((double)w->range_ms / 1000) : factor;
}

/* How far the samples are stretched towards the ends of the range. Scraping is regular, so that
 * one window after the other has its samples at the same places. */
static void find_stretch(struct window *w, bool is_rate)
{
        struct window_stretch *stretch = &w->stretch;
        size_t gaps = w->count - 1;
        int64_t before_ms = w->t_ms[0] - w->start_ms, after_ms = w->end_ms - w->t_ms[gaps];
        int64_t span_ms = w->t_ms[gaps] - w->t_ms[0];
        double average, threshold;

        if (stretch->gaps == gaps && stretch->before_ms == before_ms &&
            stretch->after_ms == after_ms && stretch->span_ms == span_ms)
                return;
        *stretch = (struct window_stretch){gaps, before_ms, after_ms, span_ms,
                                           .to_start = (double)before_ms / 1000,
                                           .to_end = (double)after_ms / 1000,
                                           .sampled = (double)span_ms / 1000};
        average = stretch->sampled / (double)gaps;
        /* A sample within 1.1 average gaps of the end of the range is taken to be next to it. */
        threshold = average * 1.1;
        if (stretch->to_start >= threshold)
                stretch->to_start = average / 2;
        if (stretch->to_end >= threshold)
                stretch->to_end = average / 2;
        stretch->factor = factor_of(w, stretch->to_start, is_rate);
}

/* last - first, with what a counter lost at its resets added back, stretched to the ends of the
 * range as far as the spacing of the samples suggests that the series goes on. */
static bool extrapolate(struct window *w, bool is_counter, bool is_rate, double *ret_v)
{
        const struct window_stretch *stretch = &w->stretch;
        double result, factor;

        if (w->count < 2)
                return false;
        result = w->v[w->count - 1] - w->v[0];
        for (size_t i = 0; is_counter && i < w->event_count; i++)
                result += w->v[w->events[i] - w->base - 1];
        find_stretch(w, is_rate);
        factor = stretch->factor;
        /* Counters do not go below zero. One that began above its growth was zero longer ago than
         * the samples reach, and needs no division to know. */
        if (is_counter && result > 0 && w->v[0] >= 0 &&
            (w->v[0] < result || stretch->sampled < stretch->to_start)) {
                double to_zero = stretch->sampled * (w->v[0] / result);

                if (to_zero < stretch->to_start)
                        factor = factor_of(w, to_zero, is_rate);
        }
        *ret_v = result * factor;
        return true;
}

bool range_rate(struct window *w, double *ret_v)
{
        return extrapolate(w, true, true, ret_v);
}

bool range_increase(struct window *w, double *ret_v)
{
        return extrapolate(w, true, false, ret_v);
}

bool range_delta(struct window *w, double *ret_v)
{
        return extrapolate(w, false, false, ret_v);
}

/* From the last two samples. */
static bool instant_change(const struct window *w, bool is_rate, double *ret_v)
{
        size_t last = w->count - 1;
        int64_t gap_ms;
        double change;

        if (w->count < 2)
                return false;
        gap_ms = w->t_ms[last] - w->t_ms[last - 1];
        if (gap_ms == 0)
                return false;
        change = w->v[last] - w->v[last - 1];
        if (is_rate && w->v[last] < w->v[last - 1])
                change = w->v[last];
        *ret_v = is_rate ? change / ((double)gap_ms / 1000) : change;
        return true;
}

bool range_irate(struct window *w, double *ret_v)
{
        return instant_change(w, true, ret_v);
}

bool range_idelta(struct window *w, double *ret_v)
{
        return instant_change(w, false, ret_v);
}

bool range_event_count(struct window *w, double *ret_v)
{
        *ret_v = (double)w->event_count;
        return true;
}

/* Least squares, with time counted in seconds from `origin_ms`. */
static void fit_line(const struct window *w, int64_t origin_ms, double *ret_slope,
                     double *ret_intercept)
{
        double n = 0, x_sum = 0, x_c = 0, y_sum = 0, y_c = 0;
        double xy_sum = 0, xy_c = 0, xx_sum = 0, xx_c = 0, covariance, variance;
        bool constant = true;

        for (size_t i = 0; i < w->count; i++) {
                double x = (double)(w->t_ms[i] - origin_ms) / 1e3, y = w->v[i];

                constant = constant && (i == 0 || y == w->v[0]);
                n++;
                number_kahan(x, &x_sum, &x_c);
                number_kahan(y, &y_sum, &y_c);
                number_kahan(x * y, &xy_sum, &xy_c);
                number_kahan(x * x, &xx_sum, &xx_c);
        }
        if (constant) {
                *ret_slope = isinf(w->v[0]) ? number_nan() : 0;
                *ret_intercept = isinf(w->v[0]) ? number_nan() : w->v[0];
                return;
        }
        x_sum += x_c;
        y_sum += y_c;
        xy_sum += xy_c;
        xx_sum += xx_c;
        covariance = xy_sum - x_sum * y_sum / n;
        variance = xx_sum - x_sum * x_sum / n;
        *ret_slope = covariance / variance;
        *ret_intercept = y_sum / n - *ret_slope * x_sum / n;
}

bool range_deriv(struct window *w, double *ret_v)
{
        double intercept;

        if (w->count < 2)
                return false;
        fit_line(w, w->t_ms[0], ret_v, &intercept);
        return true;
}

bool range_predict_linear(struct window *w, double *ret_v)
{
        double slope, intercept;

        if (w->count < 2)
                return false;
        fit_line(w, w->eval_ms, &slope, &intercept);
        *ret_v = slope * w->args[1] + intercept;
        return true;
}

bool range_double_exponential_smoothing(struct window *w, double *ret_v)
{
        double smoothing = w->args[1], trend = w->args[2];
        double previous = 0, level, slope;

        if (w->count < 2)
                return false;
        level = w->v[0];
        slope = w->v[1] - w->v[0];
        for (size_t i = 1; i < w->count; i++) {
                double scaled = smoothing * w->v[i], carried;

                if (i > 1)
                        slope = trend * (level - previous) + (1 - trend) * slope;
                carried = (1 - smoothing) * (level + slope);
                previous = level;
                level = scaled + carried;
        }
        *ret_v = level;
        return true;
}

/* The modifiers anchored and smoothed: changes between the very ends of a window. Anchored takes
 * the newest sample at or before an end, smoothed what lies on the line to the next one. */
#include "base/alloc.h"
#include "promql/func_range_int.h"

double range_between(double a, int64_t a_ms, double b, int64_t b_ms, int64_t t_ms,
                     bool is_counter)
{
        if (is_counter && b < a)
                a = 0;
        return a + (b - a) * (double)(t_ms - a_ms) / (double)(b_ms - a_ms);
}

const struct histogram *range_histogram_between(struct arena *arena, const struct histogram *a,
                                                int64_t a_ms, const struct histogram *b,
                                                int64_t b_ms, int64_t t_ms, bool is_counter,
                                                uint32_t *notes)
{
        struct histogram_outcome subtraction = {0}, addition = {0};
        struct histogram_sum sum;
        double fraction = (double)(t_ms - a_ms) / (double)(b_ms - a_ms);

        if (t_ms == a_ms || t_ms == b_ms)
                return histogram_copy(arena, t_ms == a_ms ? a : b);
        if (histogram_is_custom(a) != histogram_is_custom(b)) {
                *notes |= NOTE_MIXED_BUCKETS;
                return NULL;
        }
        if (is_counter && histogram_detect_reset(b, a))
                return histogram_multiply(arena, histogram_copy(arena, b), fraction);
        histogram_sum_init(&sum, arena, b, false);
        if (!histogram_sum_subtract(&sum, a, &subtraction))
                return NULL;
        histogram_sum_multiply(&sum, fraction);
        if (!histogram_sum_add(&sum, a, &addition))
                return NULL;
        if (subtraction.reconciled)
                *notes |= NOTE_RECONCILED_SUBTRACTION;
        if (addition.reconciled)
                *notes |= NOTE_RECONCILED_ADDITION;
        return histogram_sum_finish(&sum, arena, false);
}

/* ---- the ends ----------------------------------------------------------------------------- */

/* The samples that matter: from the newest at or before the start to the last inside, or with
 * smoothed to the first at or behind the end. False: there is nothing between the ends. */
struct reach {
        size_t first, last;
};

static bool find_reach(const int64_t *t_ms, size_t count, int64_t start_ms, int64_t end_ms,
                       bool smoothed, struct reach *ret_reach)
{
        struct reach reach = {0, count - 1};

        while (reach.first + 1 < count && t_ms[reach.first + 1] <= start_ms)
                reach.first++;
        if (smoothed) {
                reach.last = 0;
                while (reach.last < count - 1 && t_ms[reach.last] < end_ms)
                        reach.last++;
        }
        *ret_reach = reach;
        return t_ms[reach.last] > start_ms && !(smoothed && t_ms[reach.first] > end_ms);
}

static double left_end(const struct window *w, size_t first, bool is_counter)
{
        const struct points *p = w->floats;

        if (w->extended == RANGE_SMOOTHED && p->t_ms[first] < w->start_ms)
                return range_between(p->v[first], p->t_ms[first], p->v[first + 1],
                                     p->t_ms[first + 1], w->start_ms, is_counter);
        return p->v[first];
}

static double right_end(const struct window *w, size_t last, bool is_counter)
{
        const struct points *p = w->floats;

        if (w->extended == RANGE_SMOOTHED && last > 0 && p->t_ms[last] > w->end_ms)
                return range_between(p->v[last - 1], p->t_ms[last - 1], p->v[last],
                                     p->t_ms[last], w->end_ms, is_counter);
        return p->v[last];
}

static bool float_rate(struct window *w, bool is_counter, bool is_rate, double *ret_v)
{
        const struct points *p = w->floats;
        struct reach reach;
        double left, right, result, previous;

        if (!find_reach(p->t_ms, p->count, w->start_ms, w->end_ms,
                        w->extended == RANGE_SMOOTHED, &reach))
                return false;
        left = previous = left_end(w, reach.first, is_counter);
        right = right_end(w, reach.last, is_counter);
        result = right - left;
        /* The ends have been dealt with: resets count strictly inside. */
        for (size_t i = reach.first; is_counter && i <= reach.last; i++) {
                if ((i == reach.first && p->t_ms[i] <= w->start_ms) ||
                    (i == reach.last && p->t_ms[i] >= w->end_ms))
                        continue;
                if (p->v[i] < previous)
                        result += previous;
                previous = p->v[i];
        }
        if (is_counter && right < previous)
                result += previous;
        *ret_v = is_rate ? result / ((double)w->range_ms / 1000) : result;
        return true;
}

/* ---- histograms --------------------------------------------------------------------------- */

static bool check_kinds(struct window *w, const struct reach *reach, bool is_counter)
{
        const struct points *p = w->histograms;

        for (size_t i = reach->first; i <= reach->last; i++) {
                if (histogram_is_custom(p->h[i]) != histogram_is_custom(p->h[reach->first])) {
                        w->notes |= NOTE_MIXED_BUCKETS;
                        return false;
                }
                if (is_counter && p->h[i]->reset == HISTOGRAM_GAUGE)
                        w->notes |= NOTE_NOT_COUNTER;
        }
        return true;
}

static const struct histogram *histogram_end(struct window *w, size_t at, bool left,
                                             bool is_counter)
{
        const struct points *p = w->histograms;
        bool smoothed = w->extended == RANGE_SMOOTHED;
        size_t other;

        if (!(smoothed && (left ? p->t_ms[at] < w->start_ms
                                : at > 0 && p->t_ms[at] > w->end_ms)))
                return p->h[at];
        other = left ? at : at - 1;
        return range_histogram_between(&w->scratch->made, p->h[other], p->t_ms[other],
                                       p->h[other + 1], p->t_ms[other + 1],
                                       left ? w->start_ms : w->end_ms, is_counter, &w->notes);
}

/* Adds back what was lost at resets between the ends. */
static bool add_resets(struct window *w, const struct reach *reach, const struct histogram *left,
                       const struct histogram *right, struct histogram_sum *sum)
{
        const struct points *p = w->histograms;
        const struct histogram *previous = left;
        struct histogram_outcome outcome = {0};
        size_t first = reach->first + 1;

        /* A reset that the left end lies in is in it already. */
        if (w->extended == RANGE_SMOOTHED && p->t_ms[reach->first] < w->start_ms &&
            histogram_detect_reset(p->h[first], p->h[reach->first]))
                previous = p->h[first++];
        if (first > reach->last)
                return true;
        for (size_t i = first; i <= reach->last; i++) {
                const struct histogram *h = i == reach->last ? right : p->h[i];

                if (histogram_detect_reset(h, previous) &&
                    !histogram_sum_add(sum, previous, &outcome)) {
                        w->notes |= NOTE_MIXED_BUCKETS;
                        return false;
                }
                previous = h;
        }
        if (outcome.reconciled)
                w->notes |= NOTE_RECONCILED_ADDITION;
        return true;
}

static bool histogram_rate(struct window *w, bool is_counter, bool is_rate)
{
        const struct points *p = w->histograms;
        const struct histogram *left, *right;
        struct histogram_outcome outcome = {0};
        struct histogram_sum sum;
        struct reach reach;

        if (!find_reach(p->t_ms, p->count, w->start_ms, w->end_ms,
                        w->extended == RANGE_SMOOTHED, &reach) ||
            !check_kinds(w, &reach, is_counter))
                return false;
        left = histogram_end(w, reach.first, true, is_counter);
        right = histogram_end(w, reach.last, false, is_counter);
        if (!left || !right)
                return false;
        if (!is_counter && (left->reset != HISTOGRAM_GAUGE || right->reset != HISTOGRAM_GAUGE))
                w->notes |= NOTE_NOT_GAUGE;
        histogram_sum_init(&sum, &w->scratch->made, right, false);
        if (!histogram_sum_subtract(&sum, left, &outcome)) {
                w->notes |= NOTE_MIXED_BUCKETS;
                return false;
        }
        if (outcome.reconciled)
                w->notes |= NOTE_RECONCILED_SUBTRACTION;
        if (is_counter && !add_resets(w, &reach, left, right, &sum))
                return false;
        if (is_rate)
                histogram_sum_divide(&sum, (double)w->range_ms / 1000);
        sum.reset = HISTOGRAM_GAUGE;
        w->result = histogram_sum_finish(&sum, &w->scratch->made, true);
        return true;
}

bool range_extended_rate(struct window *w, bool is_counter, bool is_rate, double *ret_v)
{
        if (w->floats->count && w->histograms->count) {
                w->notes |= NOTE_MIXED_FLOATS;
                return false;
        }
        return w->histograms->count ? histogram_rate(w, is_counter, is_rate)
                                    : float_rate(w, is_counter, is_rate, ret_v);
}

/* ---- range vectors ------------------------------------------------------------------------ */

static void put_end(const struct samples *samples, size_t at, size_t other, int64_t t_ms,
                    bool between, struct samples *out, struct scratch *scratch, uint32_t *notes)
{
        const struct histogram *h = samples_histogram(samples, at);
        const struct histogram *g = between ? samples_histogram(samples, other) : NULL;

        samples_append(out, t_ms, samples->v[at]);
        if (!between) {
                samples_set_histogram(out, out->count - 1, h);
                return;
        }
        if (!h) {
                out->v[out->count - 1] = range_between(samples->v[at], samples->t_ms[at],
                                                       samples->v[other], samples->t_ms[other],
                                                       t_ms, false);
                return;
        }
        h = range_histogram_between(&scratch->made, h, samples->t_ms[at], g,
                                    samples->t_ms[other], t_ms, false, notes);
        if (h)
                samples_set_histogram(out, out->count - 1, h);
        else
                out->count--;
}

static bool is_mixed(const struct samples *samples)
{
        for (size_t i = 1; samples->h && i < samples->count; i++)
                if (!samples->h[i] != !samples->h[0])
                        return true;
        return false;
}

void range_extend(const struct samples *samples, int64_t start_ms, int64_t end_ms, bool smoothed,
                  struct samples *out, struct scratch *scratch, uint32_t *notes)
{
        struct reach reach;

        samples_truncate(out, 0);
        if (!samples->count)
                return;
        if (is_mixed(samples)) {
                *notes |= NOTE_MIXED_FLOATS;
                return;
        }
        if (!find_reach(samples->t_ms, samples->count, start_ms, end_ms, smoothed, &reach))
                return;
        put_end(samples, reach.first, reach.first + 1, start_ms,
                smoothed && samples->t_ms[reach.first] < start_ms, out, scratch, notes);
        for (size_t i = reach.first; i <= reach.last; i++) {
                if ((i == reach.first && samples->t_ms[i] <= start_ms) ||
                    (i == reach.last && samples->t_ms[i] >= end_ms))
                        continue;
                samples_append(out, samples->t_ms[i], samples->v[i]);
                samples_set_histogram(out, out->count - 1, samples_histogram(samples, i));
        }
        if (smoothed && reach.last > 0 && samples->t_ms[reach.last] > end_ms)
                put_end(samples, reach.last - 1, reach.last, end_ms, true, out, scratch, notes);
        else
                put_end(samples, reach.last, reach.last, end_ms, false, out, scratch, notes);
}

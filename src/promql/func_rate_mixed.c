/* rate, increase, delta and their relatives where some samples are histograms or say since when
 * they count. */
#include "promql/func_range_int.h"

bool range_is_start(int64_t previous_start_ms, int64_t previous_ms, int64_t start_ms,
                    int64_t t_ms)
{
        /* One at the sample itself is OpenTelemetry's way to say that it is not known. */
        if (start_ms == 0 || start_ms >= t_ms || start_ms < previous_ms)
                return false;
        if (start_ms > previous_ms)
                return true;
        /* The samples of a delta follow each other so. */
        return previous_start_ms != 0 && previous_start_ms < previous_ms;
}

static bool begins_anew(const struct points *points, size_t at)
{
        return range_is_start(points->start_ms[at - 1], points->t_ms[at - 1],
                              points->start_ms[at], points->t_ms[at]);
}

static bool overlaps(const struct points *points, size_t at)
{
        return points->start_ms[at] != 0 && points->start_ms[at] < points->t_ms[at - 1] &&
               points->start_ms[at] != points->start_ms[at - 1];
}

/* ---- increase over the samples of a window ------------------------------------------------ */

static double float_increase(struct window *w, bool is_counter)
{
        const struct points *points = w->floats;
        double result = points->v[points->count - 1] - points->v[0];

        for (size_t i = 1; is_counter && i < points->count; i++) {
                if (overlaps(points, i))
                        w->notes |= NOTE_START_OVERLAP;
                if (points->v[i] < points->v[i - 1] || begins_anew(points, i))
                        result += points->v[i - 1];
        }
        return result;
}

static bool is_reset(const struct points *points, size_t at)
{
        return begins_anew(points, at) || points->reset[at];
}

/* The coarsest schema that is looked at. False: exponential and custom buckets. */
static bool coarsest(struct window *w, bool is_counter, const struct histogram *first,
                     int8_t *ret_schema)
{
        const struct points *points = w->histograms;
        const struct histogram *last = points->h[points->count - 1];
        bool custom = histogram_is_custom(first);
        int8_t schema = first->schema;

        if (last->schema < schema)
                schema = last->schema;
        if (histogram_is_custom(last) != custom) {
                w->notes |= NOTE_MIXED_BUCKETS;
                return false;
        }
        for (size_t i = 1; is_counter && i + 1 < points->count; i++) {
                const struct histogram *h = points->h[i];

                if (h->reset == HISTOGRAM_GAUGE)
                        w->notes |= NOTE_NOT_COUNTER;
                if (histogram_is_custom(h) != custom) {
                        w->notes = NOTE_MIXED_BUCKETS;
                        return false;
                }
                if (h->schema < schema)
                        schema = h->schema;
        }
        *ret_schema = schema;
        return true;
}

/* What was lost at resets is added back. */
static bool add_resets(struct window *w, const struct histogram *first, struct histogram_sum *sum)
{
        const struct points *points = w->histograms;
        const struct histogram *previous = first;
        struct histogram_outcome outcome = {0};

        for (size_t i = 1; i < points->count; i++) {
                if (overlaps(points, i))
                        w->notes |= NOTE_START_OVERLAP;
                if (is_reset(points, i) && !histogram_sum_add(sum, previous, &outcome)) {
                        w->notes = NOTE_MIXED_BUCKETS;
                        return false;
                }
                previous = points->h[i];
        }
        if (outcome.reconciled)
                w->notes |= NOTE_RECONCILED_ADDITION;
        return true;
}

/* At least two histograms. */
static bool histogram_increase(struct window *w, bool is_counter, struct histogram_sum *sum)
{
        const struct points *points = w->histograms;
        const struct histogram *first = points->h[0], *last = points->h[points->count - 1];
        bool gauges = first->reset == HISTOGRAM_GAUGE && last->reset == HISTOGRAM_GAUGE;
        struct histogram_outcome outcome = {0};
        struct histogram nothing;
        int8_t schema = 0;

        if (is_counter &&
            (first->reset == HISTOGRAM_GAUGE || last->reset == HISTOGRAM_GAUGE))
                w->notes |= NOTE_NOT_COUNTER;
        /* Before a reset nobody needs to look at the first, whatever its buckets. */
        if (is_counter && is_reset(points, 1)) {
                nothing = (struct histogram){.schema = points->h[1]->schema,
                                             .custom_values = points->h[1]->custom_values,
                                             .custom_count = points->h[1]->custom_count};
                first = &nothing;
        }
        if (!coarsest(w, is_counter, first, &schema))
                return false;
        histogram_sum_init(sum, &w->scratch->made, last, false);
        histogram_sum_coarsen(sum, schema);
        if (!histogram_sum_subtract(sum, first, &outcome)) {
                w->notes = NOTE_MIXED_BUCKETS;
                return false;
        }
        if (outcome.reconciled)
                w->notes |= NOTE_RECONCILED_SUBTRACTION;
        if (is_counter && !add_resets(w, first, sum))
                return false;
        if (!is_counter && !gauges)
                w->notes |= NOTE_NOT_GAUGE;
        sum->reset = HISTOGRAM_GAUGE;
        return true;
}

/* ---- rate, increase, delta ---------------------------------------------------------------- */

/* One of the two is in use. */
struct change {
        double v;
        struct histogram_sum sum;
        bool is_histogram, has_sum;
};

/* A counter that says it began inside of the window began there with zero. */
static bool add_start(struct window *w, struct change *change)
{
        struct histogram_outcome outcome = {0};

        if (!change->is_histogram) {
                change->v += w->floats->v[0];
        } else if (!change->has_sum) {
                histogram_sum_init(&change->sum, &w->scratch->made, w->histograms->h[0], false);
                change->has_sum = true;
        } else if (!histogram_sum_add(&change->sum, w->histograms->h[0], &outcome)) {
                w->notes |= NOTE_MIXED_BUCKETS;
                return false;
        }
        if (outcome.reconciled)
                w->notes |= NOTE_RECONCILED_ADDITION;
        return true;
}

/* How far before the first sample the series is taken to go on. */
static double stretch_to_start(const struct window *w, const struct change *change,
                               bool is_counter, double sampled, double average, double to_start)
{
        double first = change->is_histogram ? w->histograms->h[0]->count : w->floats->v[0];
        double result = change->is_histogram ? change->sum.count : change->v, to_zero;

        if (to_start >= average * 1.1)
                to_start = average / 2;
        if (!is_counter || !(result > 0) || !(first >= 0))
                return to_start;
        to_zero = sampled * (first / result);
        return to_zero < to_start ? to_zero : to_start;
}

static bool finish(struct window *w, struct change *change, double factor, double *ret_v)
{
        if (change->is_histogram) {
                histogram_sum_multiply(&change->sum, factor);
                w->result = histogram_sum_finish(&change->sum, &w->scratch->made, true);
        }
        *ret_v = change->v * factor;
        return true;
}

/* As range_rate() and its like in func_rate.c, and with start timestamps. */
static bool extrapolate(struct window *w, bool is_counter, bool is_rate, double *ret_v)
{
        struct change change = {.is_histogram = w->histograms->count > 0};
        const struct points *points = change.is_histogram ? w->histograms : w->floats;
        size_t gaps = points->count - 1;
        int64_t first_ms = points->t_ms[0], last_ms = points->t_ms[gaps];
        int64_t counts_since_ms = points->start_ms[0];
        double to_start = (double)(first_ms - w->start_ms) / 1000;
        double to_end = (double)(w->end_ms - last_ms) / 1000;
        double sampled = (double)(last_ms - first_ms) / 1000;
        double average = gaps ? sampled / (double)gaps : 0, factor = 1;

        if (w->histograms->count && w->floats->count) {
                w->notes |= NOTE_MIXED_FLOATS;
                return false;
        }
        if (!change.is_histogram) {
                change.v = float_increase(w, is_counter);
        } else if (gaps) {
                change.has_sum = histogram_increase(w, is_counter, &change.sum);
                if (!change.has_sum)
                        return false;
        }
        if (is_counter && counts_since_ms != 0 && counts_since_ms > w->start_ms &&
            counts_since_ms < first_ms) {
                to_start = 0;
                sampled = (double)(last_ms - counts_since_ms) / 1000;
                if (!add_start(w, &change))
                        return false;
        } else if (gaps == 0) {
                return false;
        } else {
                to_start = stretch_to_start(w, &change, is_counter, sampled, average, to_start);
        }
        if (to_end >= average * 1.1)
                to_end = average / 2;
        if (sampled != 0)
                factor = (sampled + to_start + to_end) / sampled;
        if (is_rate)
                factor /= (double)w->range_ms / 1000;
        return finish(w, &change, factor, ret_v);
}

static bool mixed_rate(struct window *w, bool is_counter, bool is_rate, double *ret_v)
{
        return w->extended ? range_extended_rate(w, is_counter, is_rate, ret_v)
                           : extrapolate(w, is_counter, is_rate, ret_v);
}

bool range_mixed_rate(struct window *w, double *ret_v)
{
        return mixed_rate(w, true, true, ret_v);
}

bool range_mixed_increase(struct window *w, double *ret_v)
{
        return mixed_rate(w, true, false, ret_v);
}

bool range_mixed_delta(struct window *w, double *ret_v)
{
        return mixed_rate(w, false, false, ret_v);
}

/* ---- irate, idelta ------------------------------------------------------------------------ */

struct point {
        int64_t t_ms, start_ms;
        double v;
        const struct histogram *h;
        bool reset; /* as in struct points */
};

/* The samples of both kinds in the order of time, from a place in each on. */
struct sequence {
        const struct points *floats, *histograms;
        size_t next_float, next_histogram;
};

static bool sequence_next(struct sequence *sequence, struct point *ret_point)
{
        bool more_floats = sequence->next_float < sequence->floats->count;
        bool more_histograms = sequence->next_histogram < sequence->histograms->count;
        bool is_float = more_floats &&
                        (!more_histograms ||
                         sequence->floats->t_ms[sequence->next_float] <
                                 sequence->histograms->t_ms[sequence->next_histogram]);
        const struct points *points = is_float ? sequence->floats : sequence->histograms;
        size_t at;

        if (!more_floats && !more_histograms)
                return false;
        at = is_float ? sequence->next_float++ : sequence->next_histogram++;
        *ret_point = (struct point){points->t_ms[at], points->start_ms[at],
                                    is_float ? points->v[at] : 0,
                                    is_float ? NULL : points->h[at],
                                    is_float ? false : points->reset[at]};
        return true;
}

/* The last two samples of the window. */
static bool last_two(const struct window *w, struct point *ret_first, struct point *ret_second)
{
        struct sequence sequence = {w->floats, w->histograms, 0, 0};
        size_t total = w->floats->count + w->histograms->count;

        if (total < 2)
                return false;
        sequence.next_float = w->floats->count > 2 ? w->floats->count - 2 : 0;
        sequence.next_histogram = w->histograms->count > 2 ? w->histograms->count - 2 : 0;
        (void)sequence_next(&sequence, ret_first);
        (void)sequence_next(&sequence, ret_second);
        for (struct point point; sequence_next(&sequence, &point);) {
                *ret_first = *ret_second;
                *ret_second = point;
        }
        return true;
}

static bool histogram_change(struct window *w, const struct point *first,
                             const struct point *second, bool is_rate, double seconds)
{
        struct arena *made = &w->scratch->made;
        bool any_gauge = first->h->reset == HISTOGRAM_GAUGE ||
                         second->h->reset == HISTOGRAM_GAUGE;
        bool both_gauges = first->h->reset == HISTOGRAM_GAUGE &&
                           second->h->reset == HISTOGRAM_GAUGE;
        struct histogram_outcome outcome = {0};
        struct histogram_sum sum;

        if (is_rate ? any_gauge : !both_gauges)
                w->notes |= is_rate ? NOTE_NOT_COUNTER : NOTE_NOT_GAUGE;
        histogram_sum_init(&sum, made, second->h, false);
        if (!is_rate ||
            (!range_is_start(first->start_ms, first->t_ms, second->start_ms, second->t_ms) &&
             !histogram_detect_reset(second->h, first->h))) {
                if (!histogram_sum_subtract(&sum, first->h, &outcome)) {
                        w->notes |= NOTE_MIXED_BUCKETS;
                        return false;
                }
        }
        if (outcome.reconciled)
                w->notes |= NOTE_RECONCILED_SUBTRACTION;
        sum.reset = HISTOGRAM_GAUGE;
        if (is_rate)
                histogram_sum_divide(&sum, seconds);
        w->result = histogram_sum_finish(&sum, made, true);
        return true;
}

static bool instant_change(struct window *w, bool is_rate, double *ret_v)
{
        struct point first, second;
        double seconds;

        if (!last_two(w, &first, &second) || first.t_ms == second.t_ms)
                return false;
        seconds = (double)(second.t_ms - first.t_ms) / 1000;
        if (!first.h != !second.h) {
                w->notes |= NOTE_MIXED_FLOATS;
                return false;
        }
        if (first.h)
                return histogram_change(w, &first, &second, is_rate, seconds);
        *ret_v = second.v - first.v;
        if (is_rate && (second.v < first.v || range_is_start(first.start_ms, first.t_ms,
                                                             second.start_ms, second.t_ms)))
                *ret_v = second.v;
        if (is_rate)
                *ret_v /= seconds;
        return true;
}

bool range_mixed_irate(struct window *w, double *ret_v)
{
        return instant_change(w, true, ret_v);
}

bool range_mixed_idelta(struct window *w, double *ret_v)
{
        return instant_change(w, false, ret_v);
}

/* ---- resets, changes ---------------------------------------------------------------------- */

static size_t count_until(const struct points *points, int64_t t_ms)
{
        size_t count = 0;

        while (count < points->count && points->t_ms[count] <= t_ms)
                count++;
        return count;
}

/* Where the window begins: with `anchored`, at the newest sample before it. False: there is
 * nothing inside. */
static bool sequence_begin(const struct window *w, struct sequence *ret_sequence)
{
        size_t floats = 0, histograms = 0;

        if (w->extended == RANGE_ANCHORED) {
                floats = count_until(w->floats, w->start_ms);
                histograms = count_until(w->histograms, w->start_ms);
                if (floats == w->floats->count && histograms == w->histograms->count)
                        return false;
                if (floats && (!histograms || w->floats->t_ms[floats - 1] >=
                                                      w->histograms->t_ms[histograms - 1]))
                        floats--;
                else if (histograms)
                        histograms--;
        }
        *ret_sequence = (struct sequence){w->floats, w->histograms, floats, histograms};
        return true;
}

static bool is_reset_between(const struct point *before, const struct point *point)
{
        if (!before->h != !point->h)
                return true;
        if (range_is_start(before->start_ms, before->t_ms, point->start_ms, point->t_ms))
                return true;
        return point->h ? point->reset : point->v < before->v;
}

static bool is_change_between(const struct point *before, const struct point *point)
{
        if (!before->h != !point->h)
                return true;
        if (point->h)
                return !histogram_equal(point->h, before->h);
        return point->v != before->v && !(isnan(point->v) && isnan(before->v));
}

static bool count_between(const struct window *w,
                          bool (*holds)(const struct point *before, const struct point *point),
                          double *ret_v)
{
        struct sequence sequence;
        struct point before, point;
        size_t count = 0;

        if (!sequence_begin(w, &sequence) || !sequence_next(&sequence, &before))
                return false;
        while (sequence_next(&sequence, &point)) {
                count += holds(&before, &point);
                before = point;
        }
        *ret_v = (double)count;
        return true;
}

bool range_mixed_resets(struct window *w, double *ret_v)
{
        return count_between(w, is_reset_between, ret_v);
}

bool range_mixed_changes(struct window *w, double *ret_v)
{
        return count_between(w, is_change_between, ret_v);
}

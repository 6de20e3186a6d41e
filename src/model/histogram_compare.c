/* Equality and counter resets of native histograms. */
#include <math.h>

#include "model/histogram_bucket.h"
#include "model/histogram_math.h"

/* ---- equality ----------------------------------------------------------------------------- */

static bool same_number(double a, double b)
{
        return a == b || (isnan(a) && isnan(b));
}

static bool equal_sides(const struct histogram_side *a, const struct histogram_side *b)
{
        struct histogram_cursor x, y;
        int64_t i = 0, j = 0;
        double v = 0, w = 0;

        if (a->bucket_count != b->bucket_count)
                return false;
        histogram_cursor_init(&x, a);
        histogram_cursor_init(&y, b);
        while (histogram_cursor_next(&x, &i, &v))
                if (!histogram_cursor_next(&y, &j, &w) || i != j || !same_number(v, w))
                        return false;
        return true;
}

bool histogram_same_bounds(const struct histogram *a, const struct histogram *b)
{
        if (a->custom_count != b->custom_count)
                return false;
        for (uint32_t i = 0; i < a->custom_count; i++)
                if (a->custom_values[i] != b->custom_values[i])
                        return false;
        return true;
}

bool histogram_equal(const struct histogram *a, const struct histogram *b)
{
        return a->schema == b->schema && same_number(a->count, b->count) &&
               same_number(a->sum, b->sum) && a->zero_threshold == b->zero_threshold &&
               same_number(a->zero_count, b->zero_count) && histogram_same_bounds(a, b) &&
               equal_sides(&a->negative, &b->negative) && equal_sides(&a->positive, &b->positive);
}

/* ---- resets ------------------------------------------------------------------------------- */

/* The buckets of one side at a coarser schema, without those inside of a zero bucket. */
struct merged {
        struct histogram_cursor cursor;
        int from_schema, to_schema;
        double zero_threshold; /* below 0: all buckets */
        int64_t next_index;
        double next_count;
        bool more;
};

static struct merged merged_of(const struct histogram *h, const struct histogram_side *side,
                               int to_schema, double zero_threshold)
{
        struct merged merged = {.from_schema = h->schema,
                                .to_schema = to_schema,
                                .zero_threshold = zero_threshold};

        histogram_cursor_init(&merged.cursor, side);
        merged.more = histogram_cursor_next(&merged.cursor, &merged.next_index,
                                            &merged.next_count);
        return merged;
}

static int64_t merged_index(const struct merged *merged)
{
        return merged->to_schema == HISTOGRAM_SCHEMA_CUSTOM
                       ? merged->next_index
                       : histogram_coarser_index(merged->next_index, merged->from_schema,
                                                 merged->to_schema);
}

static bool merged_next(struct merged *merged, int64_t *ret_index, double *ret_count)
{
        while (merged->more) {
                int64_t index = merged_index(merged);
                double count = 0;

                do {
                        count += merged->next_count;
                        merged->more = histogram_cursor_next(&merged->cursor, &merged->next_index,
                                                             &merged->next_count);
                } while (merged->more && merged_index(merged) == index);
                if (merged->to_schema != HISTOGRAM_SCHEMA_CUSTOM &&
                    histogram_exponential_bound(merged->to_schema, index) <=
                            merged->zero_threshold)
                        continue;
                *ret_index = index;
                *ret_count = count;
                return true;
        }
        return false;
}

/* Does a bucket hold less than before? A missing one holds less than any populated one. */
static bool side_fell(const struct histogram *h, const struct histogram_side *side,
                      const struct histogram *previous, const struct histogram_side *previous_side)
{
        struct merged now = merged_of(h, side, h->schema, h->zero_threshold);
        struct merged before = merged_of(previous, previous_side, h->schema, h->zero_threshold);
        int64_t index = 0, previous_index = 0;
        double count = 0, previous_count = 0;
        bool more = merged_next(&now, &index, &count);

        while (merged_next(&before, &previous_index, &previous_count)) {
                while (more && index < previous_index)
                        more = merged_next(&now, &index, &count);
                if (more && index == previous_index ? count < previous_count
                                                    : previous_count != 0)
                        return true;
        }
        return false;
}

/* What the zero bucket would hold were it as wide as `threshold`. False: that width ends inside
 * of a populated bucket. */
static bool zero_within(const struct histogram *h, double threshold, double *ret_zero)
{
        const struct histogram_side *const sides[] = {&h->positive, &h->negative};
        double zero = h->zero_count;

        for (size_t s = 0; threshold > h->zero_threshold && s < ARRAY_LEN(sides); s++) {
                struct histogram_cursor cursor;
                int64_t index;
                double count;

                histogram_cursor_init(&cursor, sides[s]);
                while (histogram_cursor_next(&cursor, &index, &count)) {
                        if (histogram_exponential_bound(h->schema, index - 1) >= threshold)
                                break;
                        if (count != 0 &&
                            histogram_exponential_bound(h->schema, index) > threshold)
                                return false;
                        zero += count;
                }
        }
        *ret_zero = zero;
        return true;
}

/* The observations up to the bound at *at among those of `cursor`, and moves on. */
static double count_up_to(const struct histogram *h, struct histogram_cursor *cursor,
                          int64_t *pending_index, double *pending_count, bool *more, double bound)
{
        double total = 0;

        while (*more && histogram_bound(h, *pending_index) <= bound) {
                total += *pending_count;
                *more = histogram_cursor_next(cursor, pending_index, pending_count);
        }
        return total;
}

/* Of different custom bounds only those that both have are compared. */
static bool mismatched_fell(const struct histogram *h, const struct histogram *previous)
{
        struct histogram_cursor now, before;
        int64_t index = 0, previous_index = 0;
        double count = 0, previous_count = 0;
        bool more, previous_more;
        uint32_t i = 0, j = 0;

        histogram_cursor_init(&now, &h->positive);
        histogram_cursor_init(&before, &previous->positive);
        more = histogram_cursor_next(&now, &index, &count);
        previous_more = histogram_cursor_next(&before, &previous_index, &previous_count);
        for (bool last = false; !last;) {
                double bound = INFINITY;

                while (i < h->custom_count && j < previous->custom_count &&
                       h->custom_values[i] != previous->custom_values[j]) {
                        if (h->custom_values[i] < previous->custom_values[j])
                                i++;
                        else
                                j++;
                }
                last = i >= h->custom_count || j >= previous->custom_count;
                if (!last) {
                        bound = h->custom_values[i++];
                        j++;
                }
                if (count_up_to(h, &now, &index, &count, &more, bound) <
                    count_up_to(previous, &before, &previous_index, &previous_count,
                                &previous_more, bound))
                        return true;
        }
        return false;
}

static bool any_fell(const struct histogram *h, const struct histogram *previous)
{
        double zero = 0;

        if (h->count < previous->count)
                return true;
        if (histogram_is_custom(h) != histogram_is_custom(previous))
                return true;
        if (histogram_is_custom(h) && !histogram_same_bounds(h, previous))
                return mismatched_fell(h, previous);
        if (h->schema > previous->schema || h->zero_threshold < previous->zero_threshold)
                return true;
        if (!histogram_is_custom(h) &&
            (!zero_within(previous, h->zero_threshold, &zero) || h->zero_count < zero))
                return true;
        return side_fell(h, &h->positive, previous, &previous->positive) ||
               side_fell(h, &h->negative, previous, &previous->negative);
}

/* A gauge is looked at as if it were a counter, for want of anything better. */
bool histogram_detect_reset(const struct histogram *h, const struct histogram *previous)
{
        if (h->reset == HISTOGRAM_RESET_YES || h->reset == HISTOGRAM_RESET_NO)
                return h->reset == HISTOGRAM_RESET_YES;
        return any_fell(h, previous);
}

/* Prometheus knows only of samples in one chunk that nothing was reset between them, and it starts
 * a chunk where the layout changes. */
enum histogram_reset histogram_reset_after(const struct histogram *previous,
                                           const struct histogram *h)
{
        if (h->reset == HISTOGRAM_GAUGE)
                return HISTOGRAM_GAUGE;
        if (!previous || h->reset == HISTOGRAM_RESET_YES || previous->reset == HISTOGRAM_GAUGE ||
            h->schema != previous->schema || h->zero_threshold != previous->zero_threshold ||
            !histogram_same_bounds(h, previous) || any_fell(h, previous))
                return HISTOGRAM_RESET_UNKNOWN;
        return HISTOGRAM_RESET_NO;
}

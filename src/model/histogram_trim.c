/* Cutting off the observations above or below a value. */
#include <math.h>
#include <string.h>

#include "model/histogram_bucket.h"
#include "model/histogram_math.h"
#include "model/histogram_shape.h"

/* What is left of a bucket: how many observations, and what each of them counts as. */
struct remainder {
        double count, middle;
};

struct trim {
        const struct histogram *h;
        double at;
        bool above; /* what is above goes */
        double count, sum;
        bool cut; /* something was */
};

static double finite_or_zero(double v)
{
        return isinf(v) ? 0 : v;
}

/* The middle of an interval: arithmetic for custom buckets, geometric for exponential ones. */
static double middle_of(const struct trim *trim, double lower, double upper, bool negative)
{
        double middle;

        if (isinf(lower)) {
                if (isinf(upper))
                        return 0;
                return upper > 0 ? upper / 2 : upper;
        }
        if (isinf(upper))
                return lower;
        if (histogram_is_custom(trim->h))
                return (lower + upper) / 2;
        middle = sqrt(fabs(lower * upper));
        return negative ? -middle : middle;
}

/* Nobody knows how observations are spread in an infinite bucket: one that is cut goes as a whole,
 * unless zero is a natural end of it. */
static struct remainder cut_infinite(const struct trim *trim, const struct histogram_bucket *b)
{
        double at = trim->at;

        if (b->lower != -INFINITY) {
                if (!trim->above && at >= b->lower)
                        return (struct remainder){b->count, at};
                return (struct remainder){0, finite_or_zero(b->lower)};
        }
        if (trim->above) {
                if (at >= b->upper)
                        return (struct remainder){b->count, 0};
                if (at > 0 && b->upper > 0 && b->upper != INFINITY)
                        return (struct remainder){b->count * at / b->upper, at / 2};
                if (b->upper <= 0)
                        return (struct remainder){b->count, at};
                return (struct remainder){0, finite_or_zero(b->upper)};
        }
        if (at <= b->lower)
                return (struct remainder){b->count, 0};
        if (at >= 0 && b->upper > at && b->upper != INFINITY)
                return (struct remainder){b->count * (1 - at / b->upper), (at + b->upper) / 2};
        return (struct remainder){0, finite_or_zero(b->upper)};
}

static struct remainder cut_bucket(const struct trim *trim, const struct histogram_bucket *b,
                                   bool negative)
{
        double fraction, low, high, below;

        if (b->lower == -INFINITY || b->upper == INFINITY)
                return cut_infinite(trim, b);
        if (histogram_is_custom(trim->h)) {
                fraction = (trim->at - b->lower) / (b->upper - b->lower);
        } else {
                low = log2(fabs(b->lower));
                high = log2(fabs(b->upper));
                fraction = negative ? 1 - (log2(fabs(trim->at)) - high) / (low - high)
                                    : (log2(fabs(trim->at)) - low) / (high - low);
        }
        below = b->count * fraction;
        if (trim->above)
                return (struct remainder){below, middle_of(trim, b->lower, trim->at, negative)};
        return (struct remainder){b->count - below,
                                  middle_of(trim, trim->at, b->upper, negative)};
}

static void keep(struct trim *trim, double before, struct remainder left)
{
        trim->count += left.count;
        trim->sum += left.middle * left.count;
        trim->cut |= left.count != before;
}

/* One side; returns whether it has any observations. */
static bool trim_side(struct trim *trim, const struct histogram_side *side, double *buckets,
                      bool negative)
{
        struct histogram_cursor cursor;
        bool populated = false;
        int64_t index;
        double count;

        histogram_cursor_init(&cursor, side);
        for (uint32_t i = 0; histogram_cursor_next(&cursor, &index, &count); i++) {
                double near = histogram_bound(trim->h, index - 1);
                double far = histogram_bound(trim->h, index);
                struct histogram_bucket b = {negative ? -far : near, negative ? -near : far,
                                             count, false, false};
                struct remainder left;

                if (count == 0)
                        continue;
                populated = true;
                if (trim->above ? b.upper <= trim->at : b.lower >= trim->at)
                        left = (struct remainder){
                                count, middle_of(trim, b.lower, b.upper, negative)};
                else if (trim->above ? b.lower < trim->at : b.upper > trim->at)
                        left = cut_bucket(trim, &b, negative);
                else
                        left = (struct remainder){0, 0};
                buckets[i] = left.count;
                keep(trim, count, left);
        }
        return populated;
}

/* The zero bucket ends at zero when all other observations are on one side of it. */
static struct remainder trim_zero(const struct trim *trim, bool has_negative, bool has_positive)
{
        const struct histogram *h = trim->h;
        double lower = has_positive && !has_negative ? 0 : -h->zero_threshold;
        double upper = has_negative && !has_positive ? 0 : h->zero_threshold;
        double at = trim->at;

        if (trim->above ? at >= upper : at <= lower)
                return (struct remainder){h->zero_count, (lower + upper) / 2};
        if (trim->above ? at <= lower : at >= upper)
                return (struct remainder){0, 0};
        if (trim->above)
                return (struct remainder){h->zero_count * ((at - lower) / (upper - lower)),
                                          (lower + at) / 2};
        return (struct remainder){h->zero_count * ((upper - at) / (upper - lower)),
                                  (at + upper) / 2};
}

static double *copy_buckets(struct arena *arena, const struct histogram_side *side)
{
        double *buckets = arena_alloc(arena, side->bucket_count * sizeof(*buckets));

        if (side->bucket_count)
                memcpy(buckets, side->buckets, side->bucket_count * sizeof(*buckets));
        return buckets;
}

static const struct histogram *trim_histogram(struct arena *arena, const struct histogram *h,
                                              double at, bool above)
{
        struct trim trim = {.h = h, .at = at, .above = above};
        struct histogram *result = arena_alloc(arena, sizeof(*result));
        double *positive = copy_buckets(arena, &h->positive);
        double *negative = copy_buckets(arena, &h->negative);
        bool has_positive = trim_side(&trim, &h->positive, positive, false);
        bool has_negative = trim_side(&trim, &h->negative, negative, true);

        *result = *h;
        result->integer = false;
        result->positive.buckets = positive;
        result->negative.buckets = negative;
        if (h->zero_count > 0) {
                struct remainder left = trim_zero(&trim, has_negative, has_positive);

                result->zero_count = left.count;
                keep(&trim, h->zero_count, left);
        }
        if (!trim.cut)
                return h;
        result->count = trim.count;
        result->sum = trim.sum;
        return histogram_compact(arena, result);
}

const struct histogram *histogram_trim_above(struct arena *arena, const struct histogram *h,
                                             double at)
{
        return trim_histogram(arena, h, at, true);
}

const struct histogram *histogram_trim_below(struct arena *arena, const struct histogram *h,
                                             double at)
{
        return trim_histogram(arena, h, at, false);
}

/* What can be said about single observations from their buckets. */
#include <math.h>

#include "model/histogram_bucket.h"
#include "model/histogram_math.h"
#include "model/sample.h"

static double not_a_number(void)
{
        return sample_from_bits(SAMPLE_NAN_BITS);
}

/* With observations on one side of zero only, the zero bucket ends there. */
static void cut_zero_bucket(const struct histogram *h, struct histogram_bucket *bucket)
{
        if (!h->negative.bucket_count && h->positive.bucket_count)
                bucket->lower = 0;
        else if (!h->positive.bucket_count && h->negative.bucket_count)
                bucket->upper = 0;
}

/* Observations are taken to be spread evenly in custom buckets and around zero, and on a
 * logarithmic scale in the rest. */
static double inside(const struct histogram *h, const struct histogram_bucket *bucket,
                     double fraction)
{
        double low, high;

        if (histogram_is_custom(h) || (bucket->lower <= 0 && bucket->upper >= 0))
                return bucket->lower + (bucket->upper - bucket->lower) * fraction;
        low = log2(fabs(bucket->lower));
        high = log2(fabs(bucket->upper));
        return bucket->lower > 0 ? exp2(low + (high - low) * fraction)
                                 : -exp2(high + (low - high) * (1 - fraction));
}

double histogram_quantile(const struct histogram *h, double q, enum histogram_nan *ret_nan)
{
        bool rising = isnan(h->sum) || q < 0.5;
        struct histogram_bucket bucket = {0}, other;
        struct histogram_walk walk;
        double rank = rising ? q * h->count : (1 - q) * h->count, count = 0;

        *ret_nan = HISTOGRAM_NAN_NONE;
        if (q < 0 || q > 1)
                return q < 0 ? -INFINITY : INFINITY;
        if (h->count == 0 || isnan(q))
                return not_a_number();
        histogram_walk_init(&walk, h, !rising);
        while (count < rank || count == 0) {
                if (!histogram_walk_next(&walk, &bucket))
                        break;
                count += bucket.count;
                if (bucket.count != 0 && count >= rank)
                        break;
        }
        if (histogram_is_custom(h)) {
                if (bucket.lower == -INFINITY) {
                        if (bucket.upper <= 0)
                                return bucket.upper;
                        bucket.lower = 0;
                } else if (bucket.upper == INFINITY) {
                        return bucket.lower;
                }
        } else if (bucket.lower < 0 && bucket.upper > 0) {
                cut_zero_bucket(h, &bucket);
        }
        if (count > h->count)
                count = h->count;
        if (count < rank) {
                if (!isnan(h->sum))
                        return bucket.upper;
                *ret_nan = HISTOGRAM_NAN_RESULT;
                return not_a_number();
        }
        rank = rising ? rank - (count - bucket.count) : count - rank;
        if (isnan(h->sum)) {
                while (histogram_walk_next(&walk, &other))
                        count += other.count;
                if (count < h->count)
                        *ret_nan = HISTOGRAM_NAN_SKEWED;
        }
        return inside(h, &bucket, rank / bucket.count);
}

/* How many observations are below v, which is inside of the bucket; `rank` are below that. */
static double rank_inside(const struct histogram *h, const struct histogram_bucket *bucket,
                          bool zero_bucket, double rank, double v)
{
        double low, high, fraction;

        if (histogram_is_custom(h) || zero_bucket)
                return bucket->lower == -INFINITY
                               ? bucket->count
                               : rank + bucket->count * (v - bucket->lower) /
                                                (bucket->upper - bucket->lower);
        low = log2(fabs(bucket->lower));
        high = log2(fabs(bucket->upper));
        fraction = v > 0 ? (log2(fabs(v)) - low) / (high - low)
                         : 1 - (log2(fabs(v)) - high) / (low - high);
        return rank + bucket->count * fraction;
}

static double rank_of(const struct histogram *h, double v, double most)
{
        struct histogram_bucket bucket;
        struct histogram_walk walk;
        double rank = 0, found = most;

        histogram_walk_init(&walk, h, false);
        while (histogram_walk_next(&walk, &bucket)) {
                bool zero_bucket = bucket.lower <= 0 && bucket.upper >= 0;

                if (zero_bucket)
                        cut_zero_bucket(h, &bucket);
                if (bucket.lower >= v) {
                        found = rank;
                        break;
                }
                if (bucket.upper > v) {
                        found = rank_inside(h, &bucket, zero_bucket, rank, v);
                        break;
                }
                rank += bucket.count;
        }
        return found > most ? most : found;
}

double histogram_fraction(const struct histogram *h, double lower, double upper,
                          enum histogram_nan *ret_nan)
{
        double count = h->count;

        *ret_nan = HISTOGRAM_NAN_NONE;
        if (h->count == 0 || isnan(lower) || isnan(upper))
                return not_a_number();
        if (lower >= upper)
                return 0;
        if (isnan(h->sum)) {
                struct histogram_bucket bucket;
                struct histogram_walk walk;

                count = 0;
                histogram_walk_init(&walk, h, false);
                while (histogram_walk_next(&walk, &bucket))
                        count += bucket.count;
                if (count < h->count)
                        *ret_nan = HISTOGRAM_NAN_SKEWED;
        }
        return (rank_of(h, upper, count) - rank_of(h, lower, count)) / h->count;
}

/* Every observation counts as the middle of its bucket. */
double histogram_variance(const struct histogram *h)
{
        double mean = h->sum / h->count, total = 0, lost = 0;
        struct histogram_bucket bucket;
        struct histogram_walk walk;

        histogram_walk_init(&walk, h, false);
        while (histogram_walk_next(&walk, &bucket)) {
                double middle, v, t;

                if (bucket.count == 0)
                        continue;
                if (histogram_is_custom(h))
                        middle = (bucket.upper + bucket.lower) / 2;
                else if (bucket.lower <= 0 && bucket.upper >= 0)
                        middle = 0;
                else
                        middle = copysign(sqrt(bucket.upper * bucket.lower), bucket.upper);
                v = bucket.count * (middle - mean) * (middle - mean);
                t = total + v;
                if (isinf(t))
                        lost = 0;
                else if (fabs(total) >= fabs(v))
                        lost += (total - t) + v;
                else
                        lost += (v - t) + total;
                total = t;
        }
        return (total + lost) / h->count;
}

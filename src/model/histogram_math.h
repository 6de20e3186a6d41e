/* model/histogram_math.h - arithmetic of native histograms, as Prometheus 3.14 does it.
 *
 * Where two histograms differ in resolution, the result has the coarser one; in zero buckets, the
 * zero bucket that covers both and cuts through no populated bucket; in custom bounds, the bounds
 * they share. Results are new histograms in the arena given; what comes in is never changed.
 * Compact results are those of histogram_compact().
 */
#ifndef MODEL_HISTOGRAM_MATH_H
#define MODEL_HISTOGRAM_MATH_H

#include "model/histogram.h"

/* What is worth telling whoever asked; bits stay set over several operations. */
struct histogram_outcome {
        bool collision;  /* a counter that was reset was combined with one that was not */
        bool reconciled; /* custom bounds differed */
};

/* NULL when one has exponential and the other custom buckets. Compact. */
const struct histogram *histogram_add(struct arena *arena, const struct histogram *a,
                                      const struct histogram *b,
                                      struct histogram_outcome *outcome);
const struct histogram *histogram_subtract(struct arena *arena, const struct histogram *a,
                                           const struct histogram *b,
                                           struct histogram_outcome *outcome);
/* The layout stays, except that dividing by 0 leaves no buckets. */
const struct histogram *histogram_multiply(struct arena *arena, const struct histogram *h,
                                           double factor);
const struct histogram *histogram_divide(struct arena *arena, const struct histogram *h,
                                         double divisor);
/* The same with another reset hint; borrows the buckets. */
const struct histogram *histogram_with_reset(struct arena *arena, const struct histogram *h,
                                             enum histogram_reset reset);
/* Without the observations above `at`, or below it; buckets that hold it are split by
 * interpolation, and the sum is estimated anew from the middles of buckets. */
const struct histogram *histogram_trim_above(struct arena *arena, const struct histogram *h,
                                             double at);
const struct histogram *histogram_trim_below(struct arena *arena, const struct histogram *h,
                                             double at);

/* Has a counter been reset between the two? */
bool histogram_detect_reset(const struct histogram *h, const struct histogram *previous);
/* Same numbers and same buckets, however they are spread over spans. */
bool histogram_equal(const struct histogram *a, const struct histogram *b);
bool histogram_same_bounds(const struct histogram *a, const struct histogram *b);
/* The hint that a store gives to a sample when it is read: `previous` is the sample before in
 * its series, NULL when there is none or it is a float or staleness marker. */
enum histogram_reset histogram_reset_after(const struct histogram *previous,
                                           const struct histogram *h);

/* ---- estimates ---------------------------------------------------------------------------- */

enum histogram_nan { /* observations that are NaN: in the count, in no bucket */
        HISTOGRAM_NAN_NONE,
        HISTOGRAM_NAN_SKEWED, /* the result leans upwards, or leaves them out */
        HISTOGRAM_NAN_RESULT,
};
double histogram_quantile(const struct histogram *h, double q, enum histogram_nan *ret_nan);
/* The share of the observations between two values. */
double histogram_fraction(const struct histogram *h, double lower, double upper,
                          enum histogram_nan *ret_nan);
double histogram_variance(const struct histogram *h);

/* ---- sums --------------------------------------------------------------------------------- */

struct histogram_cells {
        int64_t *index; /* rising */
        double *v, *c;  /* counts; c: what rounding lost, NULL when nobody keeps it */
        uint32_t count, capacity;
};

/* A histogram to which others are added in place. Grows in its arena. */
struct histogram_sum {
        struct arena *arena;
        bool compensated;
        int8_t schema;
        uint8_t reset;
        double zero_threshold, zero, zero_c, count, count_c, sum, sum_c;
        struct histogram_cells positive, negative;
        const double *custom_values;
        uint32_t custom_count;
};

void histogram_sum_init(struct histogram_sum *sum, struct arena *arena,
                        const struct histogram *h, bool compensated);
/* False, changing nothing, when exponential and custom buckets meet. */
NODISCARD bool histogram_sum_add(struct histogram_sum *sum, const struct histogram *h,
                                 struct histogram_outcome *outcome);
NODISCARD bool histogram_sum_subtract(struct histogram_sum *sum, const struct histogram *h,
                                      struct histogram_outcome *outcome);
void histogram_sum_multiply(struct histogram_sum *sum, double factor);
void histogram_sum_divide(struct histogram_sum *sum, double divisor); /* not 0 */
void histogram_sum_coarsen(struct histogram_sum *sum, int schema);
const struct histogram *histogram_sum_finish(const struct histogram_sum *sum,
                                             struct arena *arena, bool compact);

/* A mean that is the compensated sum by the number, and only where that overflows one that is
 * carried along. */
struct histogram_mean {
        struct histogram_sum sum;
        double count;
        bool incremental; /* `sum` is the mean */
};

void histogram_mean_init(struct histogram_mean *mean, struct arena *arena,
                         const struct histogram *h);
NODISCARD bool histogram_mean_add(struct histogram_mean *mean, const struct histogram *h,
                                  struct histogram_outcome *outcome);
const struct histogram *histogram_mean_finish(struct histogram_mean *mean, struct arena *arena,
                                              bool compact);

#endif

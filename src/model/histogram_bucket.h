/* model/histogram_bucket.h - the buckets of a native histogram, one after the other.
 *
 * A histogram stores its buckets as spans; here they are walked without being unpacked. Bounds are
 * those of Prometheus bit for bit. Nothing is allocated.
 */
#ifndef MODEL_HISTOGRAM_BUCKET_H
#define MODEL_HISTOGRAM_BUCKET_H

#include "model/histogram.h"

/* The upper bound of a bucket by its index; of an exponential one in absolute value. The lower
 * bound is the upper bound of index - 1. */
double histogram_bound(const struct histogram *h, int64_t index);
double histogram_exponential_bound(int schema, int64_t index);
/* The index that a bucket of one exponential schema falls into in a coarser one. */
static inline int64_t histogram_coarser_index(int64_t index, int from_schema, int to_schema)
{
        return ((index - 1) >> (from_schema - to_schema)) + 1;
}

/* The stored buckets of one side by rising index, empty ones among them. */
struct histogram_cursor {
        const struct histogram_side *side;
        uint32_t span, in_span, bucket;
        int64_t index;
};

void histogram_cursor_init(struct histogram_cursor *cursor, const struct histogram_side *side);
bool histogram_cursor_next(struct histogram_cursor *cursor, int64_t *ret_index,
                           double *ret_count);

/* All buckets by rising bounds, or by falling ones: the negative side, the zero bucket unless it
 * is empty, the positive side. A bucket that the zero bucket reaches into begins behind it. */
struct histogram_bucket {
        double lower, upper, count;
        bool lower_inclusive, upper_inclusive;
};

struct histogram_walk {
        const struct histogram *h;
        bool falling;
        enum { WALK_FIRST, WALK_ZERO, WALK_SECOND, WALK_DONE } part;
        struct histogram_cursor cursor; /* of the side whose indexes rise on the way */
        uint32_t span, in_span, bucket; /* of the other: how many are left */
        int64_t index;
};

void histogram_walk_init(struct histogram_walk *walk, const struct histogram *h, bool falling);
bool histogram_walk_next(struct histogram_walk *walk, struct histogram_bucket *ret_bucket);

#endif

/* model/histogram_shape.h - the same native histogram in fewer buckets.
 *
 * A histogram is immutable: each function gives a new one in the arena, or the one it was given
 * when there is nothing to do. Source: Prometheus, model/histogram, Compact and ReduceResolution.
 */
#ifndef MODEL_HISTOGRAM_SHAPE_H
#define MODEL_HISTOGRAM_SHAPE_H

#include "model/histogram.h"

/* What Prometheus makes of what a sender gives it: validated (ERROR_INVALID), compact, and with an
 * exponential schema that is finer than any (9 to 52) at the finest there is. */
const struct histogram *histogram_admit(struct arena *arena, const struct histogram *h,
                                        struct error *err);

/* Without empty buckets, and spans that touch made one. h must be valid. */
const struct histogram *histogram_compact(struct arena *arena, const struct histogram *h);

/* With the resolution of a schema that is not finer than its own; h must be exponential. */
const struct histogram *histogram_coarsen(struct arena *arena, const struct histogram *h,
                                          int schema);

/* With at most `buckets` of both sides together, as coarse as that takes; NULL when even the
 * coarsest schema has more, or when the buckets are custom ones. */
const struct histogram *histogram_limit(struct arena *arena, const struct histogram *h,
                                        size_t buckets);

/* The finest schema whose buckets grow by at least `factor` (from 1 on) each. */
int histogram_schema_of_factor(double factor);

#endif

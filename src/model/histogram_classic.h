/* model/histogram_classic.h - from the buckets of a classic histogram to a native one with custom
 * buckets (Prometheus: convert_classic_histograms_to_nhcb, util/convertnhcb).
 *
 * Collect what a classic histogram's series say, in any order, then convert. Heap-backed, so that
 * it can be used again; ended with histogram_classic_release.
 */
#ifndef MODEL_HISTOGRAM_CLASSIC_H
#define MODEL_HISTOGRAM_CLASSIC_H

#include "model/histogram.h"

struct histogram_classic_bucket {
        double le, count; /* cumulative */
};

struct histogram_classic {
        struct histogram_classic_bucket *buckets; /* by rising le, each once */
        size_t count, capacity;
        double total, sum;
        bool has_total;
        bool broken; /* not cumulative, negative or NaN: there is no such histogram */
};

void histogram_classic_clear(struct histogram_classic *classic); /* keeps the memory */
void histogram_classic_release(struct histogram_classic *classic);

void histogram_classic_bucket(struct histogram_classic *classic, double le, double count);
void histogram_classic_count(struct histogram_classic *classic, double count);
void histogram_classic_sum(struct histogram_classic *classic, double sum);

/* The native histogram, in the arena; NULL when what was collected is none. */
const struct histogram *histogram_classic_convert(struct histogram_classic *classic,
                                                  struct arena *arena);

#endif

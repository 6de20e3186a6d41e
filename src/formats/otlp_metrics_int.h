/* formats/otlp_metrics_int.h - between the walk over a message and what becomes of its points. */
#ifndef FORMATS_OTLP_METRICS_INT_H
#define FORMATS_OTLP_METRICS_INT_H

#include "formats/otlp_attributes_int.h"
#include "formats/otlp_metrics.h"

/* Values of AggregationTemporality. */
enum { TEMPORALITY_DELTA = 1, TEMPORALITY_CUMULATIVE = 2 };

struct otlp_reader {
        const struct otlp_options *options;
        const struct otlp_metrics_sink *sink;
        struct arena *arena;   /* what samples point to */
        struct arena scratch;  /* of one resource, rewound after each point */
        size_t points;
        /* Of the resource and the scope under way. */
        struct otlp_attributes resource;
        struct labels promoted;    /* where a point has no such label */
        struct labels fixed;       /* job, instance and otel_scope_*, which win */
        uint64_t first_ns, last_ns; /* of the resource's points; first > last: none */
        /* Of the metric under way. */
        struct str name; /* as Prometheus has it */
        enum otlp_metric_kind kind;
        bool delta;
        const struct otlp_metadata *metadata;
};

/* A data point of any kind; what a kind lacks is zero. */
struct otlp_point {
        struct str message;
        uint64_t time_ns, start_ns;
        uint32_t flags;
        bool has_sum;
        double value;  /* of a number; else the sum */
        uint64_t count;
        struct labels labels; /* without a name */
        const struct exemplar *exemplars;
        size_t exemplar_count;
};

/* Gives the point's samples to the sink. False only for what fails the request; a point that
 * cannot be translated is refused. */
NODISCARD bool otlp_point_translate(struct otlp_reader *reader, struct str message,
                                    struct error *err);
/* Gives one sample of a series: labels, and a name of its own. */
NODISCARD bool otlp_sample_put(struct otlp_reader *reader, struct labels labels, struct str name,
                               struct otlp_sample *sample, struct error *err);

/* In otlp_histogram.c: a point as a native histogram, in the arena; NULL with the reason when it
 * is none. */
const struct histogram *otlp_histogram_exponential(struct arena *arena,
                                                   const struct otlp_point *point,
                                                   struct error *err);
/* The buckets of a point with bounds of its own; counts are not cumulative. */
struct otlp_buckets {
        const double *bounds;
        double *counts;
        size_t bound_count, count;
};

NODISCARD bool otlp_histogram_read(struct arena *arena, const struct otlp_point *point,
                                   struct otlp_buckets *ret_buckets, struct error *err);
const struct histogram *otlp_histogram_custom(struct arena *arena, const struct otlp_point *point,
                                              struct error *err);

#endif

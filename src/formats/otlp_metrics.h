/* formats/otlp_metrics.h - OTLP metrics (ExportMetricsServiceRequest in protobuf) as samples of
 * series, as Prometheus 3.14 translates them.
 *
 * Resource attributes become job, instance and target_info, and labels where they are promoted;
 * attributes of points become labels; histograms become classic series or native histograms. What
 * cannot be translated is refused point by point; what is malformed fails the request. Source:
 * opentelemetry-proto, the data model's compatibility page, Prometheus 3.14.
 */
#ifndef FORMATS_OTLP_METRICS_H
#define FORMATS_OTLP_METRICS_H

#include "formats/otlp_name.h"
#include "model/series.h"

struct otlp_options {
        struct otlp_naming naming;
        bool promote_all;         /* all resource attributes are labels but for those listed */
        const struct str *listed; /* else these alone are */
        size_t listed_count;
        bool keep_identifying;    /* service.* in target_info, too */
        bool convert_histograms;  /* to native ones with custom buckets */
        bool promote_scope;       /* otel_scope_* labels */
        bool type_and_unit_labels;
        int64_t target_info_interval_ms; /* at most so far apart stand samples of target_info */
};

void otlp_options_init(struct otlp_options *options); /* Prometheus's defaults */

struct otlp_metadata {
        struct str type, unit, help; /* empty: not said */
};

struct otlp_sample {
        struct str key; /* of formats/remote_write */
        const struct otlp_metadata *metadata;
        int64_t t_ms, start_ms;    /* start 0: unknown */
        double v;
        const struct histogram *h; /* admitted; NULL: a float */
        bool delta;                /* what was added since the last, not the total */
        const struct exemplar *exemplars;
        size_t exemplar_count;
};

struct otlp_metrics_sink {
        /* What a sample points to lives as long as the arena and the message. False ends it. */
        bool (*sample)(void *ctx, const struct otlp_sample *sample, struct error *err);
        void (*refuse)(void *ctx, size_t points, const char *reason);
        void *ctx;
};

/* ERROR_INVALID when the message is malformed; ERROR_LIMIT when it takes more than the arena may
 * hold. Some samples may have been given before. ret_points: data points, refused ones too. */
NODISCARD bool otlp_metrics_read(struct str message, const struct otlp_options *options,
                                 struct arena *arena, const struct otlp_metrics_sink *sink,
                                 size_t *ret_points, struct error *err);

#endif

/* formats/otlp_name.h - what OTLP's metrics, attributes and units are called in Prometheus.
 *
 * Texts are made in the arena, or are those given when nothing changes. Source: "Prometheus and
 * OpenMetrics Compatibility" of OpenTelemetry, and Prometheus 3.14's way where it is open.
 */
#ifndef FORMATS_OTLP_NAME_H
#define FORMATS_OTLP_NAME_H

#include "base/arena.h"

struct otlp_naming {
        bool utf8;     /* names stay as they are; else what is not [a-zA-Z0-9_:] becomes _ */
        bool suffixes; /* unit, _total and _ratio are added to metric names */
        bool key_before_underscore;         /* _x is called key_x */
        bool keep_multiple_underscores;     /* in label names; else they become one */
};

enum otlp_metric_kind {
        OTLP_GAUGE,
        OTLP_SUM,       /* one that goes up and down */
        OTLP_MONOTONIC, /* a counter */
        OTLP_HISTOGRAM,
        OTLP_EXPONENTIAL,
        OTLP_SUMMARY,
};

/* Empty when nothing is left to call it by. */
struct str otlp_metric_name(struct arena *arena, const struct otlp_naming *naming,
                            struct str name, struct str unit, enum otlp_metric_kind kind);
struct str otlp_label_name(struct arena *arena, const struct otlp_naming *naming,
                           struct str name);
/* "By/s" is bytes_per_second. */
struct str otlp_unit_name(struct arena *arena, struct str unit);

#endif

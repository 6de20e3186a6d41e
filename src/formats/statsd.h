/* formats/statsd.h - StatsD's lines, with the tags and the packed values of DogStatsD:
 *
 *     orders:1|c|@0.1|#venue:XLON,side:buy        latency:3.2:4.1|ms        depth:+5|g
 *
 * Tags may also stand behind the name, as Librato (name#a=b), InfluxDB (name,a=b) and SignalFx
 * (name[a=b]) have them. Source: statsd's docs/metric_types.md, DogStatsD's datagram format.
 */
#ifndef FORMATS_STATSD_H
#define FORMATS_STATSD_H

#include "base/error.h"
#include "model/labels.h"

enum statsd_type {
        STATSD_COUNTER,
        STATSD_GAUGE,
        STATSD_TIMER,        /* ms */
        STATSD_HISTOGRAM,    /* h and d */
        STATSD_SET,
        STATSD_NOTHING,      /* an event or a service check */
};

struct statsd_line {
        struct str name;
        struct str values; /* one or more, with colons between */
        enum statsd_type type;
        double rate;       /* sampled at: above 0, up to 1 */
        struct labels tags; /* sorted; names and values as sent */
};

/* Tags go into the arena. ERROR_INVALID with the reason. */
NODISCARD bool statsd_parse(struct str line, struct arena *arena, struct statsd_line *ret_line,
                            struct error *err);
/* The next of the values; +5 and -5 are changes when it is a gauge. */
NODISCARD bool statsd_next_value(struct statsd_line *line, struct str *ret_text);

#endif

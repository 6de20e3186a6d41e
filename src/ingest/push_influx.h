/* ingest/push_influx.h - InfluxDB's line protocol into the store: each field of a point becomes a
 * sample of the series measurement_field with the point's tags as labels. */
#ifndef INGEST_PUSH_INFLUX_H
#define INGEST_PUSH_INFLUX_H

#include "ingest/push.h"

struct push_influx_options {
        struct str db;         /* becomes the label db where there is no such tag; may be empty */
        int64_t unit_ns;       /* of timestamps */
        int64_t now_ms;        /* of points without one */
};

struct push_influx_result {
        struct push_result written;
        uint64_t bad_lines;
        struct str reasons; /* in the arena, a line for each of the first ones */
};

/* Good lines are stored, whatever the others are. ERROR_LIMIT when the body is too large,
 * ERROR_FULL when the disk is full: then nothing is stored. */
NODISCARD bool push_influx(struct push *push, struct str body,
                           const struct push_influx_options *options, struct arena *arena,
                           struct push_influx_result *ret_result, struct error *err);

#endif

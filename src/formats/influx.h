/* formats/influx.h - InfluxDB's line protocol:
 *
 *     measurement,tag=a,other=b field=1.5,count=2i,ok=t 1700000000000000000
 *
 * A pull over a body in memory, a line at a time. A line that is malformed is told, and the next
 * one read. Numbers, integers (i), unsigned ones (u) and booleans have a value here; strings are
 * left out. Source: InfluxData, "Line protocol".
 */
#ifndef FORMATS_INFLUX_H
#define FORMATS_INFLUX_H

#include "base/error.h"
#include "model/labels.h"

enum influx_kind { INFLUX_END, INFLUX_POINT, INFLUX_BAD_LINE };

struct influx_field {
        struct str name;
        double value;
};

struct influx_point {
        struct str measurement;
        struct labels tags; /* sorted; the last of those that are there twice */
        const struct influx_field *fields;
        size_t field_count;
        bool has_time;
        int64_t time; /* as sent, in whatever unit */
};

struct influx {
        struct str rest;
        unsigned line; /* the one last read, from 1 */
        struct arena *arena;
};

/* What points hold is borrowed from the body or in the arena, which the caller may rewind between
 * points. */
struct influx influx_make(struct str body, struct arena *arena);
/* A line that is malformed is INFLUX_BAD_LINE with the reason in err. */
enum influx_kind influx_next(struct influx *reader, struct influx_point *point,
                             struct error *err);

#endif

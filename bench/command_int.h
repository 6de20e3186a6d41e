/* bench/command_int.h - what the fleet program can be asked to do; each in a file of its own. */
#ifndef BENCH_COMMAND_INT_H
#define BENCH_COMMAND_INT_H

#include "base/error.h"
#include "fleet.h"

struct fleet_options {
        struct fleet fleet;
        unsigned first_target;   /* dump and write: targets from here up to fleet.targets */
        int64_t from_s, to_s;    /* first sample, and the end behind the last */
        int64_t step_s;
        bool milliseconds;       /* dump: as the older text format has it */
        bool gzip;               /* serve: for clients that accept it */
        const char *server;      /* write: host:port */
        unsigned connections;
        unsigned series_per_request, samples_per_request;
};

/* Serves every target at its own address, forever. */
NODISCARD bool fleet_serve(const struct fleet_options *options, struct error *err);

/* Writes samples with timestamps as text to stdout: OpenMetrics, or with `milliseconds` the older
 * format. */
NODISCARD bool fleet_dump(const struct fleet_options *options, struct error *err);

/* Builds remote write requests in memory, says "ready", and on a line from stdin posts them.
 * Prints "SAMPLES SECONDS". */
NODISCARD bool fleet_write(const struct fleet_options *options, struct error *err);

#endif

/* bench/fleet.h - a fleet of simulated trading programs, as series whose values are a function of
 * time: whoever scrapes a target at one second, and whoever is handed the same second as a file or
 * as remote write, gets the same numbers.
 *
 * A target has orders, fills and feed messages (counters), positions, queues and margins (gauges),
 * bids, asks and trades with nine digits (prices), and order latencies (classic histograms).
 */
#ifndef BENCH_FLEET_H
#define BENCH_FLEET_H

#include "base/arena.h"
#include "model/labels.h"

enum fleet_kind { FLEET_COUNTERS, FLEET_GAUGES, FLEET_PRICES, FLEET_HISTOGRAMS, FLEET_KINDS };

struct fleet {
        unsigned targets;
        unsigned series_per_target;
        unsigned kinds; /* bits of enum fleet_kind; the series are divided among these */
};

struct fleet_family {
        const char *name;
        const char *type; /* as # TYPE says it */
        const char *help;
        enum fleet_kind kind;
        unsigned share;        /* of the series of its kind */
        unsigned shape;        /* how values move; see fleet_value() */
        const char *labels[5]; /* which of the fleet's labels, sorted */
};

struct fleet_series {
        const struct fleet_family *family;
        const char *name; /* the family's, or with _bucket, _sum, _count */
        unsigned target;
        unsigned number; /* in its family and target; of a histogram, the histogram's */
        unsigned part;   /* of a histogram: bucket, or FLEET_SUM, FLEET_COUNT */
        uint64_t seed;
};

enum { FLEET_BUCKETS = 13, FLEET_SUM = FLEET_BUCKETS, FLEET_COUNT, FLEET_HISTOGRAM_SERIES };

extern const struct fleet_family fleet_families[];
extern const size_t fleet_family_count;

/* The kind's bit, by its name in the plural; 0 when there is none. */
unsigned fleet_kind_bit(const char *name);

/* How many series one target has in a family. */
unsigned fleet_family_series(const struct fleet *fleet, const struct fleet_family *family);
/* The i-th series of a family in a target. */
struct fleet_series fleet_series_at(const struct fleet *fleet, const struct fleet_family *family,
                                    unsigned target, unsigned i);

/* Sorted, with the metric name; with job and instance when `scraped`. In the arena. */
struct labels fleet_labels(const struct fleet_series *series, bool scraped, struct arena *arena);

/* A line of text up to its value: name{...} and a blank. */
void fleet_append_text(struct buf *out, const struct fleet_series *series, struct labels labels);

double fleet_value(const struct fleet_series *series, int64_t t_s);

/* 127.1.x.y, in host byte order: every target has a loopback address of its own. */
uint32_t fleet_address(unsigned target);
enum { FLEET_PORT = 9400 };

#endif

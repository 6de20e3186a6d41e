/* ingest/push_lines.h - lines that nobody waits for an answer to: StatsD's and Graphite's.
 *
 * Names that StatsD and Graphite allow and Prometheus's legacy characters do not get underscores
 * (desk.fx-1 is desk_fx_1), as Prometheus's exporters for both do. Bad lines are counted, and
 * what is refused too. Each of the two is one thread's.
 */
#ifndef INGEST_PUSH_LINES_H
#define INGEST_PUSH_LINES_H

#include "base/clock.h"
#include "ingest/push.h"

/* Graphite's lines are stored as they come. */
struct push_graphite;

struct push_graphite *push_graphite_new(struct push *push, const struct clock *clock);
struct push_graphite *push_graphite_free(struct push_graphite *graphite); /* takes NULL */
void push_graphite_take(void *graphite, struct str lines);

/* StatsD's are added up, and what they come to is stored at every flush: counters as totals since
 * the start, gauges, sets as how many different values came since the last flush, and timers,
 * histograms and distributions as native histograms, timers in seconds. A series is kept for an
 * hour after its last line. */
struct push_statsd;

struct push_statsd *push_statsd_new(struct push *push, const struct clock *clock,
                                    size_t series_max);
struct push_statsd *push_statsd_free(struct push_statsd *statsd); /* takes NULL */
void push_statsd_take(void *statsd, struct str lines);
void push_statsd_flush(void *statsd);

#endif

/* base/metrics.h - Pitwall's own metrics, shown at /metrics and scraped by itself.
 *
 * A metric is a static variable, defined where it is counted and registered at program start:
 *
 *     METRIC_COUNTER(scrapes_failed, "pitwall_scrapes_failed_total", "", "Scrapes that failed.");
 *     metric_add(&scrapes_failed, 1);
 *
 * Metrics of one name must share kind and help; `labels` is text as it stands between the braces.
 * Updates are atomic and cheap; rendering takes no lock an update could wait for.
 */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include <stdatomic.h>

#include "base/buf.h"

enum metric_kind { METRIC_KIND_COUNTER, METRIC_KIND_GAUGE, METRIC_KIND_HISTOGRAM };

enum { METRIC_BUCKETS = 12 };

struct metric {
        const char *name;
        const char *labels;
        const char *help;
        enum metric_kind kind;
        _Atomic int64_t value;          /* histograms: sum in microseconds */
        _Atomic uint64_t buckets[METRIC_BUCKETS + 1];
        double (*read)(void);           /* when set, asked at rendering instead of value */
        struct metric *next;
};

#define METRIC_DEFINE(var, metric_kind, metric_name, metric_labels, metric_help, reader)     \
        static struct metric var = {.name = (metric_name), .labels = (metric_labels),        \
                                    .help = (metric_help), .kind = (metric_kind),            \
                                    .read = (reader)};                                       \
        __attribute__((constructor)) static void var##_register_metric(void)                 \
        {                                                                                    \
                metrics_register(&var);                                                      \
        }
#define METRIC_COUNTER(var, name, labels, help) \
        METRIC_DEFINE(var, METRIC_KIND_COUNTER, name, labels, help, NULL)
#define METRIC_GAUGE(var, name, labels, help) \
        METRIC_DEFINE(var, METRIC_KIND_GAUGE, name, labels, help, NULL)
#define METRIC_GAUGE_READ(var, name, labels, help, reader) \
        METRIC_DEFINE(var, METRIC_KIND_GAUGE, name, labels, help, reader)
#define METRIC_COUNTER_READ(var, name, labels, help, reader) \
        METRIC_DEFINE(var, METRIC_KIND_COUNTER, name, labels, help, reader)
#define METRIC_HISTOGRAM(var, name, labels, help) \
        METRIC_DEFINE(var, METRIC_KIND_HISTOGRAM, name, labels, help, NULL)

void metrics_register(struct metric *metric);

static inline void metric_add(struct metric *metric, int64_t delta)
{
        atomic_fetch_add_explicit(&metric->value, delta, memory_order_relaxed);
}

static inline void metric_set(struct metric *metric, int64_t value)
{
        atomic_store_explicit(&metric->value, value, memory_order_relaxed);
}

/* Counts a duration in a histogram of seconds (buckets from 1 ms to 60 s). */
void metric_observe_ns(struct metric *metric, int64_t duration_ns);

/* Every metric in text format 0.0.4, families sorted by name, with process_* and alloc counts. */
void metrics_render(struct buf *out);

#endif

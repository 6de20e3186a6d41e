/* ingest/exposition.h - from an exposition body to a sink: the scrape's write path.
 *
 * One `struct exposition` per target remembers which series text was which series at which
 * position, so that an unchanged line costs a compare, a float parse and nothing else. It also
 * knows what the last scrape held, and writes staleness markers for what is gone. Semantics are
 * those of Prometheus's scrape loop. Not thread-safe: one scrape of a target at a time.
 */
#ifndef INGEST_EXPOSITION_H
#define INGEST_EXPOSITION_H

#include <stdatomic.h>

#include "ingest/metadata.h"
#include "model/relabel.h"
#include "model/series.h"

struct exposition;

enum exposition_format {
        EXPOSITION_TEXT,        /* 0.0.4 and 1.0.0 */
        EXPOSITION_OPENMETRICS, /* 0.0.1 and 1.0.0 */
        EXPOSITION_PROTO,       /* delimited MetricFamily messages */
};

/* How many series there are at one time, over all expositions that share it. */
struct series_quota {
        _Atomic uint64_t used;
};

/* What the scrape config says. Everything is borrowed and must outlive the exposition. */
struct exposition_options {
        struct labels target_labels; /* without __ labels */
        struct relabel_rules metric_relabel;
        bool honor_labels;
        bool honor_timestamps;
        bool track_timestamps_staleness;
        bool legacy_names;                 /* names must be [a-zA-Z_:][a-zA-Z0-9_:]* */
        bool native_histograms;            /* take them; else what is classic in them */
        bool convert_classic;              /* make native histograms of classic ones */
        bool always_classic;               /* keep the classic ones beside native ones */
        bool type_and_unit_labels;         /* __type__ and __unit__, of what the family says */
        double native_bucket_factor_min;   /* at most this resolution; 0: any */
        uint64_t native_bucket_limit;      /* 0: none; the same below */
        uint64_t sample_limit;
        uint64_t series_limit;             /* of this exposition at one time */
        struct series_quota *job_quota;    /* may be NULL */
        uint64_t job_series_limit;
        uint64_t label_limit;
        uint64_t label_name_length_limit;
        uint64_t label_value_length_limit;
};

struct exposition_result {
        uint64_t scraped;          /* samples in the body */
        uint64_t post_relabel;     /* left after metric relabeling */
        uint64_t series_added;     /* not seen in the last scrape's memory */
        uint64_t duplicate;        /* refused by the sink, by reason */
        uint64_t out_of_order;
        uint64_t out_of_bounds;
        uint64_t series_refused;   /* new ones, over a limit; the others were stored */
        struct error refusal;      /* of the first of them */
};

struct exposition *exposition_new(const struct exposition_options *options,
                                  const struct series_sink *sink);
struct exposition *exposition_free(struct exposition *exposition);

/* Stores the body's samples at t_ms (or at their own timestamps). On failure nothing of the body
 * is stored and every series of the scrape before gets a staleness marker. */
NODISCARD bool exposition_ingest(struct exposition *exposition, enum exposition_format format,
                                 struct str body, int64_t t_ms,
                                 struct exposition_result *ret_result, struct error *err);

/* The scrape failed before there was a body, or the target is gone: staleness markers for all
 * that was there. */
void exposition_mark_stale(struct exposition *exposition, int64_t t_ms);

/* One sample each of the target's own series (up, scrape_duration_seconds, ...). */
enum { EXPOSITION_REPORTS_MAX = 8 };

struct exposition_report {
        const char *name;
        double v;
};

void exposition_report(struct exposition *exposition, const struct exposition_report *reports,
                       size_t count, int64_t t_ms);
/* Staleness markers for all reported series; the target is gone. */
void exposition_mark_reports_stale(struct exposition *exposition, int64_t t_ms);

/* Of every metric family, as the target last declared it. Thread-safe with respect to
 * exposition_ingest. */
void exposition_metadata_each(struct exposition *exposition,
                              void (*visit)(const struct metric_metadata *metadata, void *ctx),
                              void *ctx);

#endif

/* formats/remote_write.h - Prometheus remote write, both messages, both ways: 1.0
 * (prometheus.WriteRequest) and 2.0 (io.prometheus.write.v2.Request), without the snappy around
 * them.
 *
 * Reading is a pull over a body in memory. Every series comes with a key, its labels as bytes, so
 * that a receiver who has seen it before need not look at its labels again; in 2.0, where labels
 * are numbers that mean something else in every request, the key is made of what they stand for.
 * Source: the remote write specifications 1.0 and 2.0, and prompb.
 */
#ifndef FORMATS_REMOTE_WRITE_H
#define FORMATS_REMOTE_WRITE_H

#include "base/buf.h"
#include "base/error.h"
#include "base/map.h"
#include "base/reader.h"
#include "model/histogram.h"
#include "model/labels.h"
#include "model/series.h"

enum remote_write_version { REMOTE_WRITE_1, REMOTE_WRITE_2 };

/* Of a metric family in 1.0, of a series in 2.0. Empty texts: not said. */
struct remote_write_metadata {
        struct str metric; /* 2.0: empty */
        const char *type;  /* as the text formats spell it; "unknown" when it is not said */
        struct str help, unit;
};

/* ---- reading ------------------------------------------------------------------------------ */

enum remote_write_kind {
        REMOTE_WRITE_END,
        REMOTE_WRITE_SERIES,   /* key; in 2.0 also metadata. What follows belongs to it */
        REMOTE_WRITE_SAMPLE,   /* t_ms, v, start_ms */
        REMOTE_WRITE_HISTOGRAM,/* t_ms, h, start_ms; or h NULL and why it is none in `error` */
        REMOTE_WRITE_EXEMPLAR, /* exemplar */
        REMOTE_WRITE_METADATA, /* metadata */
        REMOTE_WRITE_ERROR,
};

struct remote_write_entry {
        struct str key; /* lives as long as the body and the arena */
        int64_t t_ms, start_ms;
        double v;
        const struct histogram *h; /* admitted; in the arena */
        struct exemplar exemplar;  /* in the arena */
        struct remote_write_metadata metadata;
        struct error error;
};

struct remote_write_symbol {
        struct str text;
        struct str encoded; /* with its length before it */
};

struct remote_write {
        enum remote_write_version version;
        struct reader body;          /* what is left of the request */
        struct reader series;        /* of the series being read */
        struct arena *arena;
        const struct remote_write_symbol *symbols; /* 2.0 */
        size_t symbol_count;
        int64_t created_ms;          /* 2.0: of the series, where its samples have none */
        bool in_series;
};

/* ERROR_INVALID when the symbols are malformed, ERROR_LIMIT beyond the arena. */
NODISCARD bool remote_write_init(struct remote_write *reader, enum remote_write_version version,
                                 struct str body, struct arena *arena, struct error *err);
enum remote_write_kind remote_write_next(struct remote_write *reader,
                                         struct remote_write_entry *entry, struct error *err);

/* The labels of a key, sorted, into the builder. ERROR_INVALID for what no series may have: no
 * metric name, an empty or repeated label name, what is not UTF-8. Borrows from the key. */
NODISCARD bool remote_write_labels(struct str key, struct labels_builder *builder,
                                   struct error *err);
/* The key of labels, in the arena. */
struct str remote_write_key(struct arena *arena, struct labels labels);

/* ---- writing ------------------------------------------------------------------------------ */

struct remote_write_writer {
        enum remote_write_version version;
        struct buf body;    /* series, and in 1.0 metadata */
        struct buf strings; /* 2.0: the symbols, encoded */
        struct map symbols; /* 2.0: text -> its number + 1 */
        struct arena *arena;
        size_t series_begun;
};

/* The symbols' texts go into the arena. */
void remote_write_writer_init(struct remote_write_writer *writer,
                              enum remote_write_version version, size_t max_bytes,
                              struct arena *arena);
void remote_write_writer_release(struct remote_write_writer *writer);

/* metadata may be NULL; 1.0 has it beside the series, see below. */
void remote_write_begin_series(struct remote_write_writer *writer, struct labels labels,
                               const struct remote_write_metadata *metadata);
void remote_write_put_sample(struct remote_write_writer *writer, int64_t t_ms, double v,
                             int64_t start_ms);
void remote_write_put_histogram(struct remote_write_writer *writer, int64_t t_ms,
                                const struct histogram *h, int64_t start_ms);
void remote_write_put_exemplar(struct remote_write_writer *writer,
                               const struct exemplar *exemplar);
void remote_write_end_series(struct remote_write_writer *writer);
/* 1.0 only. */
void remote_write_put_metadata(struct remote_write_writer *writer,
                               const struct remote_write_metadata *metadata);

/* Appends the message to out; false when it grew beyond max_bytes. */
NODISCARD bool remote_write_finish(struct remote_write_writer *writer, struct buf *out);

#endif

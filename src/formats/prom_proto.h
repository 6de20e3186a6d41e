/* formats/prom_proto.h - the protobuf exposition format: a stream of delimited messages of type
 * io.prometheus.client.MetricFamily.
 *
 * A pull reader over a body in memory. It hands out families, and behind each its samples: a
 * summary or a classic histogram is as many samples as it would be lines of text, a native
 * histogram is one. Every sample comes with a key that is the same for the same series in every
 * scrape, so that a caller who has seen it before need not look at its labels again. Semantics:
 * Prometheus 3.14's model/textparse.
 */
#ifndef FORMATS_PROM_PROTO_H
#define FORMATS_PROM_PROTO_H

#include "base/buf.h"
#include "base/error.h"
#include "base/reader.h"
#include "model/histogram.h"
#include "model/labels.h"

enum prom_proto_kind {
        PROM_PROTO_END,
        PROM_PROTO_FAMILY, /* name, help, unit, type */
        PROM_PROTO_SAMPLE,
        PROM_PROTO_ERROR,
};

struct prom_proto_options {
        bool native;  /* read native histograms; else only what is classic in them */
        bool classic; /* also give the classic buckets of what is read as native */
        bool convert; /* make native histograms with custom buckets of classic ones */
};

struct prom_proto_entry {
        struct str name, help, unit;
        const char *type; /* as the text formats spell it */
        struct str key;   /* valid until the next call */
        double value;
        const struct histogram *h; /* in the arena; NULL: a float */
        int64_t t_ms;
        bool has_timestamp;
        int64_t start_ms;            /* 0: unknown */
        const struct str *exemplars; /* messages, for prom_proto_exemplar; in the arena */
        size_t exemplar_count;
};

/* The one metric that is being read. */
struct prom_proto_metric {
        struct str labels;   /* its label fields as they stand */
        struct str body;     /* of its summary or histogram */
        struct str exemplar; /* of its counter */
        double value;
        int64_t t_ms, start_ms;
        double count, sum;
        struct reader parts; /* of body: what is left of its buckets or quantiles */
        bool native;
        bool open_top;       /* no bucket up to +Inf was seen yet */
};

struct prom_proto {
        struct reader families, metrics; /* what is left of the body, and of the family */
        struct prom_proto_options options;
        struct arena *arena;
        struct str name;
        uint64_t type;
        struct prom_proto_metric metric;
        unsigned step; /* what of the metric comes next */
        struct buf key;
};

/* Histograms and exemplars go into the arena. */
void prom_proto_init(struct prom_proto *reader, struct str body,
                     const struct prom_proto_options *options, struct arena *arena);
void prom_proto_release(struct prom_proto *reader);

/* ERROR_INVALID when malformed, ERROR_LIMIT beyond the arena. */
enum prom_proto_kind prom_proto_next(struct prom_proto *reader, struct prom_proto_entry *entry,
                                     struct error *err);

/* Keys begin with this byte, which no text does. */
#define PROM_PROTO_KEY_MARK '\xff'

/* The labels of a series from its key. Names and values are borrowed from the key or made in the
 * builder's arena. More than label_max labels, a duplicate name or invalid UTF-8 is an error. */
NODISCARD bool prom_proto_series(struct str key, size_t label_max, struct labels_builder *builder,
                                 struct error *err);

struct prom_proto_exemplar {
        double value;
        int64_t t_ms;
        bool has_timestamp;
};

/* One exemplar's message; its labels go into the builder. */
NODISCARD bool prom_proto_exemplar(struct str message, size_t label_max,
                                   struct labels_builder *builder,
                                   struct prom_proto_exemplar *ret_exemplar, struct error *err);

#endif

/* ingest/push.h - from what clients push to a sink: the write path of remote write, OTLP and every
 * other protocol in which the client says when a sample was.
 *
 * A request becomes a batch: series, each with its samples, histograms and exemplars. The batch is
 * written in one go, and then says what became of each. A series is known by its key, its labels
 * as bytes in the form of formats/remote_write: one that was written before costs a hash and a
 * look into a table, without its labels being read.
 */
#ifndef INGEST_PUSH_H
#define INGEST_PUSH_H

#include "base/arena.h"
#include "ingest/metadata.h"
#include "model/series.h"

struct push;
struct push_batch;

/* Thread-safe: one for all clients. The sink is copied. */
struct push *push_new(const struct series_sink *sink);
struct push *push_free(struct push *push); /* takes NULL */

/* What clients said of their metrics. */
struct metadata_table *push_metadata(struct push *push);

/* ---- one request -------------------------------------------------------------------------- */

/* Not thread-safe. What is borrowed must live until push_batch_free. */
struct push_batch *push_batch_new(struct push *push);
struct push_batch *push_batch_free(struct push_batch *batch); /* takes NULL */

/* What is said of a series' metric; empty texts are not said. */
struct push_series_metadata {
        struct str type, help, unit;
};

/* Begins a series: what is added next belongs to it. The key is borrowed, metadata (may be NULL)
 * too. False when the batch is full: ERROR_LIMIT. */
NODISCARD bool push_batch_series(struct push_batch *batch, struct str key,
                                 const struct push_series_metadata *metadata, struct error *err);
/* start_ms 0: unknown. h is borrowed, and must be admitted (model/histogram_shape). */
NODISCARD bool push_batch_sample(struct push_batch *batch, int64_t t_ms, double v,
                                 int64_t start_ms, struct error *err);
NODISCARD bool push_batch_histogram(struct push_batch *batch, int64_t t_ms,
                                    const struct histogram *h, int64_t start_ms,
                                    struct error *err);
NODISCARD bool push_batch_exemplar(struct push_batch *batch, const struct exemplar *exemplar,
                                   struct error *err);
/* Something of the series that its protocol refuses, a broken histogram for one. */
void push_batch_refuse(struct push_batch *batch, const char *reason);

struct push_result {
        uint64_t samples, histograms, exemplars; /* stored, or stored already */
        uint64_t refused_series;                 /* bad labels, or over a limit */
        uint64_t refused_samples;                /* histograms too; those of such series too */
        uint64_t refused_exemplars;              /* out of order */
        struct str reasons; /* a line for each of the first ones refused; in the batch */
};

/* Stores all that can be stored. False when nothing is: ERROR_FULL when the disk is full. Once
 * for a batch. */
NODISCARD bool push_batch_write(struct push_batch *batch, struct push_result *ret_result,
                                struct error *err);

#endif

/* formats/remote_read.h - Prometheus remote read: the request, and its two answers: samples, or a
 * stream of chunks. Without the snappy around the first two. Source: prompb/remote.proto of
 * Prometheus and its documentation of remote read.
 *
 * The answer in samples holds, for each query, what a prometheus.WriteRequest holds of series: it
 * is read and written with formats/remote_write.
 */
#ifndef FORMATS_REMOTE_READ_H
#define FORMATS_REMOTE_READ_H

#include "base/buf.h"
#include "base/error.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "model/sample.h"

struct remote_read_query {
        int64_t start_ms, end_ms; /* both inclusive */
        const struct matcher *matchers;
        size_t matcher_count;
};

struct remote_read_request {
        const struct remote_read_query *queries;
        size_t query_count;
        bool chunks; /* the first answer the client named that there is: a stream of chunks */
};

/* In the arena. ERROR_INVALID for what is malformed, a bad regex too; ERROR_LIMIT. */
NODISCARD bool remote_read_request_parse(struct arena *arena, struct str message,
                                         struct remote_read_request *ret_request,
                                         struct error *err);
/* A request of one query that takes either answer. */
void remote_read_request_put(struct buf *out, const struct remote_read_query *query);

/* ---- answer in samples: ReadResponse ------------------------------------------------------- */

/* One query's result, which is a prometheus.WriteRequest. */
void remote_read_result_put(struct buf *out, struct str write_request);
/* The first query's. ERROR_INVALID. */
NODISCARD bool remote_read_result_parse(struct str message, struct str *ret_write_request,
                                        struct error *err);

/* ---- answer in chunks: frames of ChunkedReadResponse ---------------------------------------- */

/* Appends frames of one series, each of at most about 1 MiB; samples are put into chunks as
 * Prometheus does. */
void remote_read_frames_put(struct buf *out, struct labels labels, const struct samples *samples,
                            size_t query_index);

struct remote_read_frames {
        struct str rest;   /* frames not read yet */
        struct str series; /* of the frame being read: ChunkedSeries not read yet */
};

/* The next series of a stream: its labels (in the arena) and what this frame has of its samples,
 * which are appended. False at the end (ERROR_NONE), or ERROR_CORRUPT. A series may come in
 * several pieces. */
NODISCARD bool remote_read_frames_next(struct remote_read_frames *frames, struct arena *arena,
                                       struct labels *ret_labels, struct samples *samples,
                                       struct error *err);

#endif

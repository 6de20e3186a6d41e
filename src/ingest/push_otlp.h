/* ingest/push_otlp.h - OTLP metrics into the store: translated, delta samples made totals, written
 * as one batch. */
#ifndef INGEST_PUSH_OTLP_H
#define INGEST_PUSH_OTLP_H

#include "formats/otlp_metrics.h"
#include "ingest/push.h"

struct push_otlp_result {
        size_t points;
        size_t rejected;    /* of them, at least in part */
        struct str reasons; /* in the arena, a line for each of the first ones */
};

/* The message is an ExportMetricsServiceRequest. ERROR_INVALID when it is malformed, ERROR_LIMIT
 * when it is too large, ERROR_FULL when the disk is full: then nothing is stored. */
NODISCARD bool push_otlp_metrics(struct push *push, struct str message,
                                 const struct otlp_options *options, struct arena *arena,
                                 struct push_otlp_result *ret_result, struct error *err);

#endif

/* formats/histogram_wire_int.h - the buckets of a native histogram in protobuf, which the protobuf
 * exposition and remote write spell alike but for the numbers of the fields. */
#ifndef FORMATS_HISTOGRAM_WIRE_INT_H
#define FORMATS_HISTOGRAM_WIRE_INT_H

#include "codec/protobuf.h"
#include "model/histogram.h"

/* Numbers of one side's fields: repeated BucketSpan, packed sint64, packed double. */
struct histogram_wire_side {
        uint32_t spans, deltas, counts;
};

/* Reads one side out of a histogram's message into the arena. Integer histograms have deltas of
 * counts, float ones counts. ERROR_INVALID when malformed, ERROR_LIMIT beyond the arena. */
NODISCARD bool histogram_wire_read(struct str message, struct histogram_wire_side fields,
                                   bool integer, struct arena *arena,
                                   struct histogram_side *ret_side, struct error *err);
void histogram_wire_write(struct buf *out, struct histogram_wire_side fields, bool integer,
                          const struct histogram_side *side);

/* A repeated double field as an array in the arena. */
NODISCARD bool histogram_wire_doubles(struct str message, uint32_t number, struct arena *arena,
                                      const double **ret_items, uint32_t *ret_count,
                                      struct error *err);
void histogram_wire_put_doubles(struct buf *out, uint32_t number, const double *items,
                                uint32_t count);

#endif

/* tsdb/histogram_layout_int.h - what the histograms of a run have in common: everything but the
 * sum and the counts. Log records and blocks spell it alike. */
#ifndef TSDB_HISTOGRAM_LAYOUT_INT_H
#define TSDB_HISTOGRAM_LAYOUT_INT_H

#include "base/reader.h"
#include "model/histogram.h"

/* Bytes (docs/format/chunk.md):
 *
 *   zigzag  schema
 *   u8      bit 0: came with integer counts; bits 1-2: counter reset hint
 *   8       zero threshold
 *   varint  number of positive spans, then of each: zigzag offset, varint length
 *   varint  number of negative spans, then of each: zigzag offset, varint length
 *   varint  number of custom bounds, 8 each
 */
bool histogram_layout_same(const struct histogram *a, const struct histogram *b);
size_t histogram_layout_bound(const struct histogram *h);
uint8_t *histogram_layout_put(uint8_t *at, const struct histogram *h);
/* Spans and bounds in the arena; sides have their bucket counts and no buckets yet. False, and
 * r->failed, when the bytes make no sense. */
bool histogram_layout_read(struct reader *r, struct arena *arena, struct histogram *ret_h);

static inline size_t histogram_bucket_count(const struct histogram *h)
{
        return (size_t)h->positive.bucket_count + h->negative.bucket_count;
}

#endif

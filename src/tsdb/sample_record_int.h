/* tsdb/sample_record_int.h - one sample that is more than a float, as bytes: how it stands in the
 * log and in memory until it goes into a block. */
#ifndef TSDB_SAMPLE_RECORD_INT_H
#define TSDB_SAMPLE_RECORD_INT_H

#include "base/buf.h"
#include "base/reader.h"
#include "model/series.h"

/* Bytes (docs/format/wal.md):
 *
 *   u8      bit 0: a histogram; bit 1: a start timestamp; bit 2: counts are integers
 *   zigzag  with a start timestamp: timestamp minus start
 *   8       a float's value, and that is all; or a histogram's sum, then:
 *   ...     layout (histogram_layout_int.h)
 *           integers: varint count, varint zero count, of each bucket (positive, then negative)
 *           zigzag: minus the one before (0 at first); else 8 each
 */
struct sample_record {
        double v;                  /* of a histogram: its sum */
        struct append_extra extra; /* the histogram lives in the arena */
};

void sample_record_put(struct buf *out, int64_t t_ms, double v, const struct append_extra *extra);
/* Reads what is left of the reader; false when it makes no sense. */
bool sample_record_read(struct str bytes, int64_t t_ms, struct arena *arena,
                        struct sample_record *ret_record);

/* What stands for the value when two samples of one timestamp are compared: a float's bits, or a
 * hash of a histogram without its reset hint. */
uint64_t sample_record_bits(double v, const struct histogram *h);

#endif

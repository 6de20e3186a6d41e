/* model/histogram.h - a native histogram: one sample that holds a whole distribution.
 *
 * Semantics and names are Prometheus's (model/histogram, native histogram specification 1.1).
 * Counts are float64 whether the histogram came with integer counts or not: integers are exact up
 * to 2^53, which is where the wire formats' own readers stop too. A histogram is immutable once
 * it is in a `struct samples`; it borrows everything from the arena it was made in.
 *
 * Exponential schemas -4 to 8: bucket index i covers (base^(i-1), base^i] with base 2^(2^-schema);
 * negative buckets mirror that. Schema -53 has custom upper bounds in custom_values (without the
 * last, +Inf), only positive buckets, index 0 first, and no zero bucket.
 */
#ifndef MODEL_HISTOGRAM_H
#define MODEL_HISTOGRAM_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

enum {
        HISTOGRAM_SCHEMA_MIN = -4,
        HISTOGRAM_SCHEMA_MAX = 8,
        HISTOGRAM_SCHEMA_CUSTOM = -53,
};

/* Of one side, and of custom bounds: a hundred times what any real one has. */
enum { HISTOGRAM_MAX_BUCKETS = 1 << 16 };

/* Values are those of the protobuf's and chunk's counter reset hint. What a source says is one
 * thing; a sample that is read from a store has what histogram_reset_after() says of it and the
 * sample before it. */
enum histogram_reset {
        HISTOGRAM_RESET_UNKNOWN = 0,
        HISTOGRAM_RESET_YES = 1, /* a counter reset happened before this one */
        HISTOGRAM_RESET_NO = 2,  /* none happened since the one before */
        HISTOGRAM_GAUGE = 3,     /* no counter at all */
};

/* `length` buckets that follow each other, `offset` behind the end of the span before (the first:
 * index of its first bucket). */
struct histogram_span {
        int32_t offset;
        uint32_t length;
};

struct histogram_side {
        const struct histogram_span *spans;
        const double *buckets; /* absolute counts, of all spans in a row */
        uint32_t span_count, bucket_count;
};

struct histogram {
        int8_t schema;
        uint8_t reset; /* enum histogram_reset */
        bool integer;  /* came with integer counts, and is passed on so */
        double zero_threshold, zero_count;
        double count, sum;
        struct histogram_side positive, negative;
        const double *custom_values;
        uint32_t custom_count;
};

static inline bool histogram_is_custom(const struct histogram *h)
{
        return h->schema == HISTOGRAM_SCHEMA_CUSTOM;
}

const struct histogram *histogram_copy(struct arena *arena, const struct histogram *h);
/* Same bits throughout; spans, too, must be the same. The reset hint does not count. */
bool histogram_same(const struct histogram *a, const struct histogram *b);
/* What a writer may send, as Prometheus's Validate has it, with its texts (ERROR_INVALID). */
NODISCARD bool histogram_validate(const struct histogram *h, struct error *err);
/* Bytes it holds beside the struct. */
size_t histogram_bytes(const struct histogram *h);
/* How many float samples it counts as where Prometheus limits samples in memory. */
size_t histogram_samples(const struct histogram *h);

/* In histogram_text.c: as Prometheus prints it, {count:4, sum:5, (0.5,1]:1, (1,2]:3}; as its API
 * does, {"count":"4","sum":"5","buckets":[[0,"0.5","1","1"],...]}; and as test scripts have it,
 * {{count:4 sum:5 buckets:[1 3]}}. */
void histogram_append_text(struct buf *out, const struct histogram *h);
void histogram_append_json(struct buf *out, const struct histogram *h);
void histogram_append_expression(struct buf *out, const struct histogram *h);

#endif

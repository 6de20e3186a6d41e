#include "tsdb/histogram_layout_int.h"

#include <string.h>

#include "codec/varint.h"
#include "model/sample.h"

enum { FIXED_BYTES = VARINT_MAX_BYTES + 1 + 8 + 3 * VARINT_MAX_BYTES };

static bool same_bytes(const void *a, const void *b, size_t size_bytes)
{
        return size_bytes == 0 || memcmp(a, b, size_bytes) == 0;
}

static bool same_spans(const struct histogram_side *a, const struct histogram_side *b)
{
        return a->span_count == b->span_count && a->bucket_count == b->bucket_count &&
               (a->spans == b->spans ||
                same_bytes(a->spans, b->spans, a->span_count * sizeof(*a->spans)));
}

bool histogram_layout_same(const struct histogram *a, const struct histogram *b)
{
        return a->schema == b->schema && a->reset == b->reset && a->integer == b->integer &&
               sample_bits(a->zero_threshold) == sample_bits(b->zero_threshold) &&
               same_spans(&a->positive, &b->positive) && same_spans(&a->negative, &b->negative) &&
               a->custom_count == b->custom_count &&
               (a->custom_values == b->custom_values ||
                same_bytes(a->custom_values, b->custom_values,
                           a->custom_count * sizeof(*a->custom_values)));
}

size_t histogram_layout_bound(const struct histogram *h)
{
        size_t spans = (size_t)h->positive.span_count + h->negative.span_count;

        return FIXED_BYTES + 2 * VARINT_MAX_BYTES * spans + 8 * (size_t)h->custom_count;
}

static uint8_t *put_spans(uint8_t *at, const struct histogram_side *side)
{
        at = varint_put(at, side->span_count);
        for (uint32_t i = 0; i < side->span_count; i++) {
                at = varint_put_zigzag(at, side->spans[i].offset);
                at = varint_put(at, side->spans[i].length);
        }
        return at;
}

uint8_t *histogram_layout_put(uint8_t *at, const struct histogram *h)
{
        at = varint_put_zigzag(at, h->schema);
        *at++ = (uint8_t)(h->integer | h->reset << 1);
        at = varint_put_u64(at, sample_bits(h->zero_threshold));
        at = put_spans(at, &h->positive);
        at = put_spans(at, &h->negative);
        at = varint_put(at, h->custom_count);
        for (uint32_t i = 0; i < h->custom_count; i++)
                at = varint_put_u64(at, sample_bits(h->custom_values[i]));
        return at;
}

static void read_spans(struct reader *r, struct arena *arena, struct histogram_side *side)
{
        uint64_t count = reader_varint(r), buckets = 0;
        struct histogram_span *spans;

        /* A span takes two bytes at least. */
        if (r->failed || count > reader_left(r) / 2) {
                r->failed = true;
                return;
        }
        spans = count ? arena_alloc(arena, count * sizeof(*spans)) : NULL;
        for (uint64_t i = 0; i < count && !r->failed; i++) {
                int64_t offset = reader_zigzag(r);
                uint64_t length = reader_varint(r);

                r->failed |= offset < INT32_MIN || offset > INT32_MAX ||
                             length > HISTOGRAM_MAX_BUCKETS;
                buckets += length;
                spans[i] = (struct histogram_span){(int32_t)offset, (uint32_t)length};
        }
        r->failed |= buckets > HISTOGRAM_MAX_BUCKETS;
        *side = (struct histogram_side){.spans = spans,
                                        .span_count = (uint32_t)count,
                                        .bucket_count = (uint32_t)buckets};
}

static void read_custom(struct reader *r, struct arena *arena, struct histogram *h)
{
        uint64_t count = reader_varint(r);
        const uint8_t *bytes;
        double *values;

        if (count > HISTOGRAM_MAX_BUCKETS)
                r->failed = true;
        bytes = reader_take(r, count * sizeof(*values));
        if (!bytes || !count)
                return;
        values = arena_alloc(arena, count * sizeof(*values));
        memcpy(values, bytes, count * sizeof(*values));
        h->custom_values = values;
        h->custom_count = (uint32_t)count;
}

bool histogram_layout_read(struct reader *r, struct arena *arena, struct histogram *ret_h)
{
        struct histogram h = {0};
        int64_t schema = reader_zigzag(r);
        uint8_t flags = reader_u8(r);

        h.zero_threshold = sample_from_bits(reader_u64(r));
        read_spans(r, arena, &h.positive);
        read_spans(r, arena, &h.negative);
        read_custom(r, arena, &h);
        if (r->failed || schema < INT8_MIN || schema > INT8_MAX || flags > 7) {
                r->failed = true;
                return false;
        }
        h.schema = (int8_t)schema;
        h.integer = flags & 1;
        h.reset = flags >> 1;
        *ret_h = h;
        return true;
}

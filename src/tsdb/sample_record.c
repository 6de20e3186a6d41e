#include "tsdb/sample_record_int.h"

#include "base/hash.h"
#include "codec/varint.h"
#include "tsdb/histogram_layout_int.h"

enum { HAS_HISTOGRAM = 1, HAS_START = 2, INTEGER_COUNTS = 4, FLAGS_END = 8 };

/* Integers in the range that float64 holds without gaps; -0 is none, as it would not come back. */
static bool is_integer(double v)
{
        return v >= 0 && v <= 0x1p53 && v == (double)(uint64_t)v && sample_bits(v) >> 63 == 0;
}

static bool side_is_integer(const struct histogram_side *side)
{
        for (uint32_t i = 0; i < side->bucket_count; i++)
                if (!is_integer(side->buckets[i]))
                        return false;
        return true;
}

static bool has_integer_counts(const struct histogram *h)
{
        return is_integer(h->count) && is_integer(h->zero_count) &&
               side_is_integer(&h->positive) && side_is_integer(&h->negative);
}

static uint8_t *put_double(uint8_t *at, double v)
{
        return varint_put_u64(at, sample_bits(v));
}

static uint8_t *put_side(uint8_t *at, const struct histogram_side *side, bool integers,
                         int64_t *previous)
{
        for (uint32_t i = 0; i < side->bucket_count; i++) {
                if (!integers) {
                        at = put_double(at, side->buckets[i]);
                        continue;
                }
                at = varint_put_zigzag(at, (int64_t)side->buckets[i] - *previous);
                *previous = (int64_t)side->buckets[i];
        }
        return at;
}

static uint8_t *put_histogram(uint8_t *at, const struct histogram *h, bool integers)
{
        int64_t previous = 0;

        at = histogram_layout_put(at, h);
        if (integers) {
                at = varint_put(at, (uint64_t)h->count);
                at = varint_put(at, (uint64_t)h->zero_count);
        } else {
                at = put_double(at, h->count);
                at = put_double(at, h->zero_count);
        }
        at = put_side(at, &h->positive, integers, &previous);
        return put_side(at, &h->negative, integers, &previous);
}

void sample_record_put(struct buf *out, int64_t t_ms, double v, const struct append_extra *extra)
{
        const struct histogram *h = extra->h;
        bool integers = h && has_integer_counts(h);
        size_t bound = 64;
        uint8_t *at;

        if (h) {
                BUG_ON(histogram_bucket_count(h) > 2 * HISTOGRAM_MAX_BUCKETS);
                bound += histogram_layout_bound(h) + VARINT_MAX_BYTES * histogram_bucket_count(h);
        }
        at = (uint8_t *)buf_reserve(out, bound);
        BUG_ON(!at);
        *at++ = (uint8_t)((h ? HAS_HISTOGRAM : 0) | (extra->start_ms ? HAS_START : 0) |
                          (integers ? INTEGER_COUNTS : 0));
        if (extra->start_ms)
                at = varint_put_zigzag(at, (int64_t)((uint64_t)t_ms - (uint64_t)extra->start_ms));
        at = put_double(at, h ? h->sum : v);
        if (h)
                at = put_histogram(at, h, integers);
        out->len = (size_t)(at - (uint8_t *)out->data);
}

static double read_double(struct reader *r)
{
        return sample_from_bits(reader_u64(r));
}

static double read_count(struct reader *r, bool integers)
{
        return integers ? (double)reader_varint(r) : read_double(r);
}

static void read_side(struct reader *r, struct arena *arena, struct histogram_side *side,
                      bool integers, uint64_t *previous)
{
        double *buckets;

        /* A bucket takes a byte at least. */
        if (r->failed || side->bucket_count > reader_left(r)) {
                r->failed = true;
                return;
        }
        if (!side->bucket_count)
                return;
        buckets = arena_alloc(arena, side->bucket_count * sizeof(*buckets));
        for (uint32_t i = 0; i < side->bucket_count; i++) {
                if (integers)
                        *previous += (uint64_t)reader_zigzag(r);
                buckets[i] = integers ? (double)(int64_t)*previous : read_double(r);
        }
        side->buckets = buckets;
}

static const struct histogram *read_histogram(struct reader *r, struct arena *arena, double sum,
                                              bool integers)
{
        struct histogram *h = arena_alloc(arena, sizeof(*h));
        uint64_t previous = 0;

        if (!histogram_layout_read(r, arena, h))
                return NULL;
        h->sum = sum;
        h->count = read_count(r, integers);
        h->zero_count = read_count(r, integers);
        read_side(r, arena, &h->positive, integers, &previous);
        read_side(r, arena, &h->negative, integers, &previous);
        return h;
}

bool sample_record_read(struct str bytes, int64_t t_ms, struct arena *arena,
                        struct sample_record *ret_record)
{
        struct reader r = reader_make(bytes.data, bytes.len);
        uint8_t flags = reader_u8(&r);
        struct sample_record record = {0};

        if (flags & HAS_START)
                record.extra.start_ms = (int64_t)((uint64_t)t_ms - (uint64_t)reader_zigzag(&r));
        record.v = read_double(&r);
        if (flags & HAS_HISTOGRAM)
                record.extra.h = read_histogram(&r, arena, record.v, flags & INTEGER_COUNTS);
        if (r.failed || flags >= FLAGS_END || reader_left(&r))
                return false;
        *ret_record = record;
        return true;
}

static uint64_t mix_bytes(uint64_t hash, const void *data, size_t len)
{
        return len ? hash_bytes_seeded(data, len, hash) : hash;
}

static uint64_t mix_side(uint64_t hash, const struct histogram_side *side)
{
        hash = mix_bytes(hash, side->spans, side->span_count * sizeof(*side->spans));
        return mix_bytes(hash, side->buckets, side->bucket_count * sizeof(*side->buckets));
}

uint64_t sample_record_bits(double v, const struct histogram *h)
{
        uint64_t hash;

        if (!h)
                return sample_bits(v);
        hash = hash_u64((uint64_t)(uint8_t)h->schema << 32 | (uint64_t)h->integer << 31 |
                        h->positive.span_count);
        hash = hash_u64(hash ^ sample_bits(h->zero_threshold));
        hash = hash_u64(hash ^ sample_bits(h->zero_count));
        hash = hash_u64(hash ^ sample_bits(h->count));
        hash = hash_u64(hash ^ sample_bits(h->sum));
        hash = mix_side(mix_side(hash, &h->positive), &h->negative);
        return mix_bytes(hash, h->custom_values, h->custom_count * sizeof(*h->custom_values));
}

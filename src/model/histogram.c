#include "model/histogram.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "model/sample.h"

static void *copy_array(struct arena *arena, const void *items, size_t size_bytes)
{
        void *copy;

        if (!size_bytes)
                return NULL;
        copy = arena_alloc(arena, size_bytes);
        memcpy(copy, items, size_bytes);
        return copy;
}

static struct histogram_side copy_side(struct arena *arena, const struct histogram_side *side)
{
        struct histogram_side copy = *side;

        copy.spans = copy_array(arena, side->spans, side->span_count * sizeof(*side->spans));
        copy.buckets = copy_array(arena, side->buckets,
                                  side->bucket_count * sizeof(*side->buckets));
        return copy;
}

const struct histogram *histogram_copy(struct arena *arena, const struct histogram *h)
{
        struct histogram *copy = arena_alloc(arena, sizeof(*copy));

        *copy = *h;
        copy->positive = copy_side(arena, &h->positive);
        copy->negative = copy_side(arena, &h->negative);
        copy->custom_values = copy_array(arena, h->custom_values,
                                         h->custom_count * sizeof(*h->custom_values));
        return copy;
}

static bool same_bytes(const void *a, const void *b, size_t size_bytes)
{
        return size_bytes == 0 || memcmp(a, b, size_bytes) == 0;
}

static bool same_side(const struct histogram_side *a, const struct histogram_side *b)
{
        return a->span_count == b->span_count && a->bucket_count == b->bucket_count &&
               same_bytes(a->spans, b->spans, a->span_count * sizeof(*a->spans)) &&
               same_bytes(a->buckets, b->buckets, a->bucket_count * sizeof(*a->buckets));
}

static bool same_double(double a, double b)
{
        return sample_bits(a) == sample_bits(b);
}

bool histogram_same(const struct histogram *a, const struct histogram *b)
{
        return a->schema == b->schema && a->integer == b->integer &&
               same_double(a->zero_threshold, b->zero_threshold) &&
               same_double(a->zero_count, b->zero_count) && same_double(a->count, b->count) &&
               same_double(a->sum, b->sum) && same_side(&a->positive, &b->positive) &&
               same_side(&a->negative, &b->negative) && a->custom_count == b->custom_count &&
               same_bytes(a->custom_values, b->custom_values,
                          a->custom_count * sizeof(*a->custom_values));
}

static size_t side_bytes(const struct histogram_side *side)
{
        return side->span_count * sizeof(*side->spans) +
               side->bucket_count * sizeof(*side->buckets);
}

size_t histogram_bytes(const struct histogram *h)
{
        return side_bytes(&h->positive) + side_bytes(&h->negative) +
               h->custom_count * sizeof(*h->custom_values);
}

size_t histogram_samples(const struct histogram *h)
{
        /* Prometheus counts 16 bytes a sample: a time, its struct of 168 bytes, its slices. */
        return (8 + 168 + histogram_bytes(h)) / 16;
}

/* ---- validation -------------------------------------------------------------------------- */

static bool check_spans(const struct histogram_side *side, const char *name, struct error *err)
{
        uint64_t total = 0;

        if (side->span_count > HISTOGRAM_MAX_BUCKETS || side->bucket_count > HISTOGRAM_MAX_BUCKETS)
                return error_set(err, ERROR_INVALID, "%s side: histogram has too many buckets",
                                 name);
        for (uint32_t i = 0; i < side->span_count; i++) {
                if (i > 0 && side->spans[i].offset < 0)
                        return error_set(err, ERROR_INVALID,
                                         "%s side: span number %u with offset %d: histogram has a "
                                         "span whose offset is negative",
                                         name, i + 1, side->spans[i].offset);
                total += side->spans[i].length;
        }
        if (total != side->bucket_count)
                return error_set(err, ERROR_INVALID,
                                 "%s side: spans need %" PRIu64 " buckets, have %u buckets: "
                                 "histogram spans specify different number of buckets than "
                                 "provided",
                                 name, total, side->bucket_count);
        return true;
}

static bool check_buckets(const struct histogram_side *side, const char *name, double *total,
                          struct error *err)
{
        for (uint32_t i = 0; i < side->bucket_count; i++) {
                if (side->buckets[i] < 0)
                        return error_set(err, ERROR_INVALID,
                                         "%s side: bucket number %u has observation count of %g: "
                                         "histogram has a bucket whose observation count is "
                                         "negative",
                                         name, i + 1, side->buckets[i]);
                *total += side->buckets[i];
        }
        return true;
}

static bool check_custom(const struct histogram *h, struct error *err)
{
        if (h->custom_count > HISTOGRAM_MAX_BUCKETS)
                return error_set(err, ERROR_INVALID,
                                 "custom buckets: histogram has too many bounds");
        for (uint32_t i = 0; i < h->custom_count; i++) {
                double bound = h->custom_values[i];

                if (isnan(bound) || (isinf(bound) && i + 1 == h->custom_count && bound > 0))
                        return error_set(err, ERROR_INVALID,
                                         "custom buckets: histogram custom bounds must be finite");
                if (i > 0 && bound <= h->custom_values[i - 1])
                        return error_set(err, ERROR_INVALID,
                                         "custom buckets: previous bound is %g and current is %g: "
                                         "histogram custom bounds must be in strictly increasing "
                                         "order",
                                         h->custom_values[i - 1], bound);
        }
        if (h->zero_count != 0 || h->zero_threshold != 0)
                return error_set(err, ERROR_INVALID,
                                 "custom buckets: must have zero count and threshold of 0");
        if (h->negative.span_count || h->negative.bucket_count)
                return error_set(err, ERROR_INVALID,
                                 "custom buckets: must not have negative buckets");
        if (h->positive.bucket_count > h->custom_count + 1)
                return error_set(err, ERROR_INVALID,
                                 "custom buckets: only %u custom bounds defined which is "
                                 "insufficient to cover total span length of %u",
                                 h->custom_count, h->positive.bucket_count);
        return true;
}

static bool check_schema(const struct histogram *h, struct error *err)
{
        if (histogram_is_custom(h))
                return check_custom(h, err);
        if (h->schema < HISTOGRAM_SCHEMA_MIN || h->schema > HISTOGRAM_SCHEMA_MAX)
                return error_set(err, ERROR_INVALID,
                                 "schema %d: histogram has an invalid schema, which must be "
                                 "between -4 and 8 for exponential buckets, or -53 for custom "
                                 "buckets",
                                 h->schema);
        if (h->custom_count)
                return error_set(err, ERROR_INVALID,
                                 "histogram with exponential schema must not have custom bounds");
        return true;
}

bool histogram_validate(const struct histogram *h, struct error *err)
{
        double total = h->zero_count;

        if (!check_schema(h, err) || !check_spans(&h->positive, "positive", err) ||
            !check_spans(&h->negative, "negative", err))
                return false;
        if (h->zero_count < 0 || h->count < 0)
                return error_set(err, ERROR_INVALID,
                                 "histogram's observation count is negative");
        if (!check_buckets(&h->negative, "negative", &total, err) ||
            !check_buckets(&h->positive, "positive", &total, err))
                return false;
        /* With a NaN observed, or with float counts whose sums round, the count says more. */
        if (h->integer && (isnan(h->sum) ? total > h->count : total != h->count))
                return error_set(err, ERROR_INVALID,
                                 "%.0f observations found in buckets, but the Count field is "
                                 "%.0f: histogram's observation count should equal the number of "
                                 "observations found in the buckets",
                                 total, h->count);
        return true;
}

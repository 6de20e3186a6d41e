#include "formats/otlp_metrics_int.h"
#include "model/histogram_shape.h"

enum { HISTOGRAM_COUNTS = 6, HISTOGRAM_BOUNDS = 7 };
enum { EXPONENTIAL_SCALE = 6, EXPONENTIAL_ZERO_COUNT = 7, EXPONENTIAL_POSITIVE = 8,
       EXPONENTIAL_NEGATIVE = 9 };
enum { BUCKETS_OFFSET = 1, BUCKETS_COUNT = 2 };

/* What Prometheus takes for the width of the zero bucket. */
#define ZERO_THRESHOLD 1e-128
/* The finest that can be made coarser. */
enum { SCALE_MAX = 52 };

static struct reader read_message(struct str message)
{
        return reader_make(message.data, message.len);
}

static bool fail(const char *why, struct error *err)
{
        return error_set(err, ERROR_INVALID, "%s", why);
}

/* How many numbers a field has: the bytes below 0x80 end a varint. */
static size_t count_varints(const struct protobuf_field *field)
{
        size_t count = 0;

        for (size_t i = 0; i < field->raw.len; i++)
                count += (unsigned char)field->raw.data[i] < 0x80;
        return count;
}

/* Dense buckets: one span. OTLP's index i is (base^i, base^(i+1)], ours (base^(i-1), base^i]. */
static bool read_side(struct str message, struct arena *arena, struct histogram_side *ret_side,
                      struct error *err)
{
        struct histogram_span *span = arena_new(arena, struct histogram_span);
        struct reader r = read_message(message);
        struct protobuf_field field;
        size_t max = 0, count = 0;
        double *buckets;

        while (protobuf_next(&r, &field))
                max += field.number == BUCKETS_COUNT ? count_varints(&field) : 0;
        if (max > HISTOGRAM_MAX_BUCKETS)
                return fail("histogram has too many buckets", err);
        buckets = arena_alloc(arena, max * sizeof(*buckets) + 1);
        r = read_message(message);
        while (protobuf_next(&r, &field)) {
                if (field.number == BUCKETS_OFFSET) {
                        span->offset = (int32_t)protobuf_sint(&r, &field);
                } else if (field.number == BUCKETS_COUNT) {
                        struct reader inner = protobuf_numbers(&r, &field, PROTOBUF_VARINT);

                        while (reader_left(&inner) && !inner.failed) {
                                uint64_t number = protobuf_varint(&inner);

                                /* One that is cut was not counted above. */
                                if (!inner.failed)
                                        buckets[count++] = (double)number;
                        }
                        r.failed |= inner.failed;
                }
        }
        if (r.failed)
                return fail("malformed buckets", err);
        if (span->offset > INT32_MAX - HISTOGRAM_MAX_BUCKETS - 1)
                return fail("histogram bucket index is out of range", err);
        span->offset++;
        span->length = (uint32_t)count;
        *ret_side = count ? (struct histogram_side){span, buckets, 1, (uint32_t)count}
                          : (struct histogram_side){0};
        return true;
}

static uint64_t read_fixed64(struct reader *r, const struct protobuf_field *field)
{
        double bits = protobuf_double(r, field);
        uint64_t value;

        memcpy(&value, &bits, sizeof(value));
        return value;
}

static struct histogram *new_histogram(struct arena *arena, const struct otlp_point *point)
{
        struct histogram *h = arena_new(arena, struct histogram);

        h->integer = true;
        h->count = (double)point->count;
        h->sum = point->has_sum ? point->value : 0;
        return h;
}

const struct histogram *otlp_histogram_exponential(struct arena *arena,
                                                   const struct otlp_point *point,
                                                   struct error *err)
{
        struct histogram *h = new_histogram(arena, point);
        struct reader r = read_message(point->message);
        struct protobuf_field field;
        int64_t scale = 0;
        bool ok = true;

        h->zero_threshold = ZERO_THRESHOLD;
        while (ok && protobuf_next(&r, &field)) {
                if (field.number == EXPONENTIAL_SCALE)
                        scale = (int32_t)protobuf_sint(&r, &field);
                else if (field.number == EXPONENTIAL_ZERO_COUNT)
                        h->zero_count = (double)read_fixed64(&r, &field);
                else if (field.number == EXPONENTIAL_POSITIVE)
                        ok = read_side(protobuf_bytes(&r, &field), arena, &h->positive, err);
                else if (field.number == EXPONENTIAL_NEGATIVE)
                        ok = read_side(protobuf_bytes(&r, &field), arena, &h->negative, err);
        }
        if (!ok)
                return NULL;
        if (r.failed) {
                fail("malformed histogram", err);
                return NULL;
        }
        if (scale < HISTOGRAM_SCHEMA_MIN || scale > SCALE_MAX) {
                error_set(err, ERROR_INVALID, "cannot convert exponential to native histogram: "
                          "scale must be from %d to %d, was %lld", HISTOGRAM_SCHEMA_MIN,
                          SCALE_MAX, (long long)scale);
                return NULL;
        }
        h->schema = (int8_t)scale;
        return histogram_admit(arena, h, err);
}

/* Doubles, or counts as their bits. */
static bool read_eights(struct str message, uint32_t number, struct arena *arena,
                        double **ret_items, size_t *ret_count, struct error *err)
{
        struct reader r = read_message(message);
        struct protobuf_field field;
        size_t count = 0;
        double *items;

        while (protobuf_next(&r, &field))
                count += field.number == number ? field.raw.len / sizeof(*items) : 0;
        if (count > HISTOGRAM_MAX_BUCKETS)
                return fail("histogram has too many buckets", err);
        items = arena_alloc(arena, count * sizeof(*items) + 1);
        *ret_items = items;
        r = read_message(message);
        while (protobuf_next(&r, &field)) {
                struct reader inner;

                if (field.number != number)
                        continue;
                inner = protobuf_numbers(&r, &field, PROTOBUF_FIXED64);
                for (; reader_left(&inner) >= sizeof(*items); items++)
                        memcpy(items, reader_take(&inner, sizeof(*items)), sizeof(*items));
                r.failed |= reader_left(&inner) != 0;
        }
        *ret_count = count;
        return !r.failed || fail("malformed histogram", err);
}

bool otlp_histogram_read(struct arena *arena, const struct otlp_point *point,
                         struct otlp_buckets *ret_buckets, struct error *err)
{
        struct otlp_buckets made;
        double *bounds;

        if (!read_eights(point->message, HISTOGRAM_BOUNDS, arena, &bounds, &made.bound_count,
                         err) ||
            !read_eights(point->message, HISTOGRAM_COUNTS, arena, &made.counts, &made.count,
                         err))
                return false;
        made.bounds = bounds;
        for (size_t i = 0; i < made.count; i++) {
                uint64_t count;

                memcpy(&count, &made.counts[i], sizeof(count));
                made.counts[i] = (double)count;
        }
        *ret_buckets = made;
        return true;
}

const struct histogram *otlp_histogram_custom(struct arena *arena, const struct otlp_point *point,
                                              struct error *err)
{
        struct histogram *h = new_histogram(arena, point);
        struct histogram_span *span = arena_new(arena, struct histogram_span);
        struct otlp_buckets buckets;
        double *all;

        if (!otlp_histogram_read(arena, point, &buckets, err))
                return NULL;
        /* Without buckets everything is between the infinities. */
        if (!buckets.count) {
                all = arena_new(arena, double);
                *all = h->count;
                buckets = (struct otlp_buckets){.counts = all, .count = 1};
        }
        span->length = (uint32_t)buckets.count;
        h->schema = HISTOGRAM_SCHEMA_CUSTOM;
        h->positive = (struct histogram_side){span, buckets.counts, 1, (uint32_t)buckets.count};
        h->custom_values = buckets.bounds;
        h->custom_count = (uint32_t)buckets.bound_count;
        return histogram_admit(arena, h, err);
}

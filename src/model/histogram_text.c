/* Native histograms as text. */
#include <inttypes.h>
#include <string.h>

#include "codec/double.h"
#include "model/histogram_bucket.h"

static void put_bucket(struct buf *out, const struct histogram_bucket *bucket)
{
        buf_append_byte(out, bucket->lower_inclusive ? '[' : '(');
        double_append(out, bucket->lower, DOUBLE_G);
        buf_append_byte(out, ',');
        double_append(out, bucket->upper, DOUBLE_G);
        buf_append_byte(out, bucket->upper_inclusive ? ']' : ')');
        buf_append_byte(out, ':');
        double_append(out, bucket->count, DOUBLE_G);
}

void histogram_append_text(struct buf *out, const struct histogram *h)
{
        struct histogram_bucket bucket;
        struct histogram_walk walk;

        buf_append_cstr(out, "{count:");
        double_append(out, h->count, DOUBLE_G);
        buf_append_cstr(out, ", sum:");
        double_append(out, h->sum, DOUBLE_G);
        histogram_walk_init(&walk, h, false);
        while (histogram_walk_next(&walk, &bucket)) {
                if (bucket.count == 0)
                        continue;
                buf_append_cstr(out, ", ");
                put_bucket(out, &bucket);
        }
        buf_append_byte(out, '}');
}

static void put_quoted(struct buf *out, double v)
{
        buf_append_byte(out, '"');
        double_append(out, v, DOUBLE_API);
        buf_append_byte(out, '"');
}

void histogram_append_json(struct buf *out, const struct histogram *h)
{
        struct histogram_bucket bucket;
        struct histogram_walk walk;
        bool first = true;

        buf_append_cstr(out, "{\"count\":");
        put_quoted(out, h->count);
        buf_append_cstr(out, ",\"sum\":");
        put_quoted(out, h->sum);
        histogram_walk_init(&walk, h, false);
        while (histogram_walk_next(&walk, &bucket)) {
                /* 0: upper end inclusive, 1: lower end, 2: neither, 3: both */
                int boundaries = bucket.lower_inclusive ? bucket.upper_inclusive ? 3 : 1
                                                        : bucket.upper_inclusive ? 0 : 2;

                if (bucket.count == 0)
                        continue;
                buf_printf(out, first ? ",\"buckets\":[[%d," : ",[%d,", boundaries);
                put_quoted(out, bucket.lower);
                buf_append_byte(out, ',');
                put_quoted(out, bucket.upper);
                buf_append_byte(out, ',');
                put_quoted(out, bucket.count);
                buf_append_byte(out, ']');
                first = false;
        }
        buf_append_cstr(out, first ? "}" : "]}");
}

/* ---- test scripts ------------------------------------------------------------------------- */

static void put_item(struct buf *out, const char *name, double v)
{
        if (v == 0)
                return;
        buf_printf(out, " %s:", name);
        double_append(out, v, DOUBLE_G);
}

static void put_buckets(struct buf *out, const char *prefix, const struct histogram_side *side)
{
        struct histogram_cursor cursor;
        int64_t index, expected = 0;
        double count;
        bool first = true;

        histogram_cursor_init(&cursor, side);
        while (histogram_cursor_next(&cursor, &index, &count)) {
                if (first) {
                        if (index)
                                buf_printf(out, " %soffset:%" PRId64, prefix, index);
                        buf_printf(out, " %sbuckets:[", prefix);
                        expected = index;
                }
                for (; expected < index && index - expected < 10000; expected++)
                        buf_append_cstr(out, " 0");
                if (!first)
                        buf_append_byte(out, ' ');
                double_append(out, count, DOUBLE_G);
                expected = index + 1;
                first = false;
        }
        if (!first)
                buf_append_byte(out, ']');
}

void histogram_append_expression(struct buf *out, const struct histogram *h)
{
        static const char *const resets[] = {"", " counter_reset_hint:reset",
                                             " counter_reset_hint:not_reset",
                                             " counter_reset_hint:gauge"};
        size_t start = out->len;

        buf_append_cstr(out, "{{");
        if (h->schema)
                buf_printf(out, " schema:%d", h->schema);
        put_item(out, "count", h->count);
        put_item(out, "sum", h->sum);
        put_item(out, "z_bucket", h->zero_count);
        put_item(out, "z_bucket_w", h->zero_threshold);
        if (histogram_is_custom(h)) {
                buf_append_cstr(out, " custom_values:[");
                for (uint32_t i = 0; i < h->custom_count; i++) {
                        if (i)
                                buf_append_byte(out, ' ');
                        double_append(out, h->custom_values[i], DOUBLE_G);
                }
                buf_append_byte(out, ']');
        }
        buf_append_cstr(out, resets[h->reset & 3]);
        put_buckets(out, "", &h->positive);
        put_buckets(out, "n_", &h->negative);
        /* No space behind the braces. */
        if (!out->overflow && out->len > start + 2)
                memmove(out->data + start + 2, out->data + start + 3, out->len-- - start - 3);
        buf_append_cstr(out, "}}");
}

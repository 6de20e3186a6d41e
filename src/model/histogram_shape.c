#include "model/histogram_shape.h"

#include <math.h>

#include "model/histogram_bucket.h"

enum { SENT_SCHEMA_MAX = 52 };

/* Buckets of one side in the making, by rising index. */
struct side_maker {
        struct histogram_span *spans;
        double *buckets;
        uint32_t span_count, bucket_count;
        int64_t next; /* index behind the last bucket */
};

static void make_bucket(struct side_maker *maker, int64_t index, double count)
{
        if (!maker->span_count || index != maker->next) {
                struct histogram_span *span = &maker->spans[maker->span_count++];

                span->offset = (int32_t)(index - maker->next);
                span->length = 0;
        }
        maker->spans[maker->span_count - 1].length++;
        maker->buckets[maker->bucket_count++] = count;
        maker->next = index + 1;
}

/* One side without empty buckets, from one schema to another. */
static struct histogram_side shape_side(struct arena *arena, const struct histogram_side *side,
                                        int from, int to)
{
        struct side_maker maker = {
                .spans = arena_array(arena, struct histogram_span, side->bucket_count),
                .buckets = arena_array(arena, double, side->bucket_count),
        };
        struct histogram_cursor cursor;
        int64_t index, under_way = 0;
        double count, sum = 0;

        histogram_cursor_init(&cursor, side);
        while (histogram_cursor_next(&cursor, &index, &count)) {
                if (count == 0)
                        continue;
                index = histogram_coarser_index(index, from, to);
                if (sum != 0 && index != under_way) {
                        make_bucket(&maker, under_way, sum);
                        sum = 0;
                }
                under_way = index;
                sum += count;
        }
        if (sum != 0)
                make_bucket(&maker, under_way, sum);
        return (struct histogram_side){maker.spans, maker.buckets, maker.span_count,
                                       maker.bucket_count};
}

static bool is_compact(const struct histogram_side *side)
{
        for (uint32_t i = 0; i < side->span_count; i++)
                if (side->spans[i].length == 0 || (i > 0 && side->spans[i].offset == 0))
                        return false;
        for (uint32_t i = 0; i < side->bucket_count; i++)
                if (side->buckets[i] == 0)
                        return false;
        return true;
}

static const struct histogram *shape(struct arena *arena, const struct histogram *h, int schema)
{
        struct histogram *made = arena_new(arena, struct histogram);

        *made = *h;
        made->schema = (int8_t)schema;
        made->positive = shape_side(arena, &h->positive, h->schema, schema);
        made->negative = shape_side(arena, &h->negative, h->schema, schema);
        return made;
}

const struct histogram *histogram_compact(struct arena *arena, const struct histogram *h)
{
        if (is_compact(&h->positive) && is_compact(&h->negative))
                return h;
        return shape(arena, h, h->schema);
}

const struct histogram *histogram_admit(struct arena *arena, const struct histogram *h,
                                        struct error *err)
{
        bool too_fine = h->schema > HISTOGRAM_SCHEMA_MAX && h->schema <= SENT_SCHEMA_MAX;
        struct histogram checked = *h;

        if (too_fine)
                checked.schema = HISTOGRAM_SCHEMA_MAX;
        if (!histogram_validate(&checked, err))
                return NULL;
        return too_fine ? shape(arena, h, HISTOGRAM_SCHEMA_MAX) : histogram_compact(arena, h);
}

const struct histogram *histogram_coarsen(struct arena *arena, const struct histogram *h,
                                          int schema)
{
        BUG_ON(histogram_is_custom(h));
        return h->schema <= schema ? h : shape(arena, h, schema);
}

const struct histogram *histogram_limit(struct arena *arena, const struct histogram *h,
                                        size_t buckets)
{
        while ((size_t)h->positive.bucket_count + h->negative.bucket_count > buckets) {
                if (histogram_is_custom(h) || h->schema <= HISTOGRAM_SCHEMA_MIN)
                        return NULL;
                h = histogram_coarsen(arena, h, h->schema - 1);
        }
        return h;
}

int histogram_schema_of_factor(double factor)
{
        double schema = floor(-log2(log2(factor)));

        if (!(factor > 1) || schema > HISTOGRAM_SCHEMA_MAX)
                return HISTOGRAM_SCHEMA_MAX;
        return schema < HISTOGRAM_SCHEMA_MIN ? HISTOGRAM_SCHEMA_MIN : (int)schema;
}

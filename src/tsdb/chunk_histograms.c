/* The histograms of a block: what they have in common, then a column of each of their numbers. */
#include "base/arena.h"
#include "base/reader.h"
#include "codec/varint.h"
#include "tsdb/chunk_int.h"
#include "tsdb/histogram_layout_int.h"

/* Columns beside those of the buckets. */
enum { OTHER_COLUMNS = 3, COLUMN_HEAD_BYTES = 9 };

size_t chunk_histograms_bound(const struct histogram *first, size_t count)
{
        return histogram_layout_bound(first) + (histogram_bucket_count(first) + OTHER_COLUMNS) *
                                                       (COLUMN_HEAD_BYTES + 8 * count);
}

static uint8_t *put_buckets(uint8_t *at, const struct histogram *const *h, size_t count,
                            size_t bucket, bool negative)
{
        double column[CHUNK_MAX_SAMPLES];

        for (size_t i = 0; i < count; i++)
                column[i] = (negative ? &h[i]->negative : &h[i]->positive)->buckets[bucket];
        return chunk_values_encode(at, column, count);
}

uint8_t *chunk_histograms_encode(uint8_t *at, const struct samples *samples, size_t from,
                                 size_t count)
{
        const struct histogram *const *h = samples->h + from;
        double column[CHUNK_MAX_SAMPLES];

        at = histogram_layout_put(at, h[0]);
        for (size_t i = 0; i < count; i++)
                column[i] = h[i]->count;
        at = chunk_values_encode(at, column, count);
        for (size_t i = 0; i < count; i++)
                column[i] = h[i]->sum;
        at = chunk_values_encode(at, column, count);
        for (size_t i = 0; i < count; i++)
                column[i] = h[i]->zero_count;
        at = chunk_values_encode(at, column, count);
        for (size_t bucket = 0; bucket < h[0]->positive.bucket_count; bucket++)
                at = put_buckets(at, h, count, bucket, false);
        for (size_t bucket = 0; bucket < h[0]->negative.bucket_count; bucket++)
                at = put_buckets(at, h, count, bucket, true);
        return at;
}

/* Copies of `layout` whose buckets, still zero, stand in one array, histogram by histogram. */
static struct histogram *make_histograms(struct arena *arena, const struct histogram *layout,
                                         size_t count, double **ret_buckets)
{
        size_t positive = layout->positive.bucket_count, negative = layout->negative.bucket_count;
        struct histogram *list = arena_alloc(arena, count * sizeof(*list));
        double *buckets = arena_zero(arena, (count * (positive + negative) + 1) * sizeof(*buckets));

        *ret_buckets = buckets;
        for (size_t i = 0; i < count; i++) {
                list[i] = *layout;
                list[i].positive.buckets = positive ? buckets : NULL;
                list[i].negative.buckets = negative ? buckets + positive : NULL;
                buckets += positive + negative;
        }
        return list;
}

static void get_buckets(struct reader *r, double *buckets, size_t bucket_count, size_t count)
{
        double column[CHUNK_MAX_SAMPLES];

        for (size_t bucket = 0; bucket < bucket_count && !r->failed; bucket++) {
                chunk_values_decode(r, column, count, 0, count);
                for (size_t i = 0; i < count && !r->failed; i++)
                        buckets[i * bucket_count + bucket] = column[i];
        }
}

static void get_others(struct reader *r, struct histogram *list, size_t count)
{
        double column[CHUNK_MAX_SAMPLES] = {0};

        chunk_values_decode(r, column, count, 0, count);
        for (size_t i = 0; i < count; i++)
                list[i].count = column[i];
        chunk_values_decode(r, column, count, 0, count);
        for (size_t i = 0; i < count; i++)
                list[i].sum = column[i];
        chunk_values_decode(r, column, count, 0, count);
        for (size_t i = 0; i < count; i++)
                list[i].zero_count = column[i];
}

void chunk_histograms_decode(struct reader *r, struct samples *samples, size_t count)
{
        struct arena *arena = samples_arena(samples);
        struct histogram layout, *list;
        double *buckets;

        if (!histogram_layout_read(r, arena, &layout))
                return;
        /* The encoder keeps to the first; a column takes more than two bytes, which bounds what
         * damaged lengths can make of one block. */
        if ((count > 1 && (histogram_bucket_count(&layout) + 1) * count > CHUNK_MAX_VALUES) ||
            histogram_bucket_count(&layout) > reader_left(r) / 2) {
                r->failed = true;
                return;
        }
        list = make_histograms(arena, &layout, count, &buckets);
        get_others(r, list, count);
        get_buckets(r, buckets, histogram_bucket_count(&layout), count);
        for (size_t i = 0; i < count && !r->failed; i++)
                samples_set_histogram(samples, samples->count + i, &list[i]);
}

#include "model/histogram_bucket.h"

#include <float.h>
#include <math.h>

enum { FRACTIONS = 1 << HISTOGRAM_SCHEMA_MAX };

/* 2^(i / FRACTIONS - 1). */
static double fractions[FRACTIONS];

/* The published bounds are rounded in a certain way: those of a schema lie between those of the
 * schema before it, each the one below times the growth factor. Their square root of 2 is one
 * unit in the last place below the nearest double. */
__attribute__((constructor)) static void fill_fractions(void)
{
        static const double growth[] = {1.414213562373095,  1.189207115002721,
                                        1.0905077326652577, 1.0442737824274138,
                                        1.0218971486541166, 1.0108892860517005,
                                        1.0054299011128027, 1.0027112750502025};

        fractions[0] = 0.5;
        for (size_t schema = 0; schema < ARRAY_LEN(growth); schema++) {
                size_t gap = FRACTIONS >> (schema + 1);

                for (size_t i = 0; i < FRACTIONS; i += 2 * gap)
                        fractions[i + gap] = fractions[i] * growth[schema];
        }
}

/* 2^exponent, as ldexp has it, for any exponent. */
static double scale(double fraction, int64_t exponent)
{
        return ldexp(fraction, exponent > 5000 ? 5000 : exponent < -5000 ? -5000 : (int)exponent);
}

double histogram_exponential_bound(int schema, int64_t index)
{
        int64_t doublings = schema < 0 ? index * ((int64_t)1 << -schema) : index >> schema;
        int64_t fraction = schema < 0 ? 0 : index & (((int64_t)1 << schema) - 1);

        /* What would be 2^1024 is the end of the finite numbers: the infinite bucket is next. */
        if (doublings == 1024 && fraction == 0)
                return DBL_MAX;
        return scale(fractions[fraction << (HISTOGRAM_SCHEMA_MAX - (schema < 0 ? 0 : schema))],
                     doublings + 1);
}

double histogram_bound(const struct histogram *h, int64_t index)
{
        if (!histogram_is_custom(h))
                return histogram_exponential_bound(h->schema, index);
        if (index < 0)
                return -INFINITY;
        return index < h->custom_count ? h->custom_values[index] : INFINITY;
}

void histogram_cursor_init(struct histogram_cursor *cursor, const struct histogram_side *side)
{
        *cursor = (struct histogram_cursor){.side = side};
        if (side->span_count)
                cursor->index = side->spans[0].offset;
}

bool histogram_cursor_next(struct histogram_cursor *cursor, int64_t *ret_index, double *ret_count)
{
        const struct histogram_side *side = cursor->side;

        while (cursor->span < side->span_count &&
               cursor->in_span == side->spans[cursor->span].length) {
                cursor->span++;
                cursor->in_span = 0;
                if (cursor->span < side->span_count)
                        cursor->index += side->spans[cursor->span].offset;
        }
        if (cursor->span == side->span_count || cursor->bucket == side->bucket_count)
                return false;
        *ret_index = cursor->index++;
        *ret_count = side->buckets[cursor->bucket++];
        cursor->in_span++;
        return true;
}

/* ---- all buckets ------------------------------------------------------------------------- */

/* The side that is walked against its indexes: the negative one on the way up. */
static const struct histogram_side *backward_side(const struct histogram_walk *walk)
{
        return walk->falling ? &walk->h->positive : &walk->h->negative;
}

void histogram_walk_init(struct histogram_walk *walk, const struct histogram *h, bool falling)
{
        const struct histogram_side *side;

        *walk = (struct histogram_walk){.h = h, .falling = falling};
        histogram_cursor_init(&walk->cursor, falling ? &h->negative : &h->positive);
        side = backward_side(walk);
        walk->span = side->span_count;
        walk->bucket = side->bucket_count;
        for (uint32_t i = 0; i < side->span_count; i++)
                walk->index += (int64_t)side->spans[i].offset + side->spans[i].length;
        if (side->span_count)
                walk->in_span = side->spans[side->span_count - 1].length;
}

static bool previous(struct histogram_walk *walk, int64_t *ret_index, double *ret_count)
{
        const struct histogram_side *side = backward_side(walk);

        while (walk->span > 0 && walk->in_span == 0) {
                walk->index -= side->spans[walk->span - 1].offset;
                walk->span--;
                walk->in_span = walk->span > 0 ? side->spans[walk->span - 1].length : 0;
        }
        if (walk->span == 0 || walk->bucket == 0)
                return false;
        walk->in_span--;
        *ret_index = --walk->index;
        *ret_count = side->buckets[--walk->bucket];
        return true;
}

static struct histogram_bucket bucket_of(const struct histogram_walk *walk, bool negative,
                                         int64_t index, double count)
{
        const struct histogram *h = walk->h;
        double near = histogram_bound(h, index - 1), far = histogram_bound(h, index);
        struct histogram_bucket bucket = {negative ? -far : near, negative ? -near : far, count,
                                          false, false};

        if (histogram_is_custom(h)) {
                bucket.lower_inclusive = index == 0;
                bucket.upper_inclusive = true;
                return bucket;
        }
        bucket.lower_inclusive = bucket.lower < 0;
        bucket.upper_inclusive = bucket.upper > 0;
        if (bucket.upper < 0 && bucket.upper > -h->zero_threshold)
                bucket.upper = -h->zero_threshold;
        else if (bucket.lower > 0 && bucket.lower < h->zero_threshold)
                bucket.lower = h->zero_threshold;
        return bucket;
}

bool histogram_walk_next(struct histogram_walk *walk, struct histogram_bucket *ret_bucket)
{
        const struct histogram *h = walk->h;
        int64_t index = 0;
        double count = 0;

        if (walk->part == WALK_FIRST) {
                if (previous(walk, &index, &count)) {
                        *ret_bucket = bucket_of(walk, !walk->falling, index, count);
                        return true;
                }
                walk->part = WALK_ZERO;
        }
        if (walk->part == WALK_ZERO) {
                walk->part = WALK_SECOND;
                if (h->zero_count > 0) {
                        *ret_bucket = (struct histogram_bucket){
                                -h->zero_threshold, h->zero_threshold, h->zero_count, true, true};
                        return true;
                }
        }
        if (walk->part == WALK_SECOND && histogram_cursor_next(&walk->cursor, &index, &count)) {
                *ret_bucket = bucket_of(walk, walk->falling, index, count);
                return true;
        }
        walk->part = WALK_DONE;
        return false;
}

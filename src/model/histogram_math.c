#include "model/histogram_math.h"

#include <string.h>

const struct histogram *histogram_add(struct arena *arena, const struct histogram *a,
                                      const struct histogram *b,
                                      struct histogram_outcome *outcome)
{
        struct histogram_sum sum;

        histogram_sum_init(&sum, arena, a, false);
        return histogram_sum_add(&sum, b, outcome) ? histogram_sum_finish(&sum, arena, true)
                                                   : NULL;
}

const struct histogram *histogram_subtract(struct arena *arena, const struct histogram *a,
                                           const struct histogram *b,
                                           struct histogram_outcome *outcome)
{
        struct histogram_sum sum;

        histogram_sum_init(&sum, arena, a, false);
        return histogram_sum_subtract(&sum, b, outcome) ? histogram_sum_finish(&sum, arena, true)
                                                        : NULL;
}

const struct histogram *histogram_with_reset(struct arena *arena, const struct histogram *h,
                                             enum histogram_reset reset)
{
        struct histogram *copy;

        if (h->reset == reset)
                return h;
        copy = arena_alloc(arena, sizeof(*copy));
        *copy = *h;
        copy->reset = (uint8_t)reset;
        return copy;
}

/* A copy whose buckets may be written. */
static struct histogram *copy_numbers(struct arena *arena, const struct histogram *h,
                                      double **ret_positive, double **ret_negative)
{
        struct histogram *copy = arena_alloc(arena, sizeof(*copy));
        size_t positive_bytes = h->positive.bucket_count * sizeof(double);
        size_t negative_bytes = h->negative.bucket_count * sizeof(double);

        *copy = *h;
        copy->integer = false;
        *ret_positive = arena_alloc(arena, positive_bytes);
        *ret_negative = arena_alloc(arena, negative_bytes);
        if (positive_bytes)
                memcpy(*ret_positive, h->positive.buckets, positive_bytes);
        if (negative_bytes)
                memcpy(*ret_negative, h->negative.buckets, negative_bytes);
        copy->positive.buckets = *ret_positive;
        copy->negative.buckets = *ret_negative;
        return copy;
}

const struct histogram *histogram_multiply(struct arena *arena, const struct histogram *h,
                                           double factor)
{
        double *positive, *negative;
        struct histogram *result = copy_numbers(arena, h, &positive, &negative);

        result->zero_count *= factor;
        result->count *= factor;
        result->sum *= factor;
        for (uint32_t i = 0; i < h->positive.bucket_count; i++)
                positive[i] *= factor;
        for (uint32_t i = 0; i < h->negative.bucket_count; i++)
                negative[i] *= factor;
        if (factor < 0)
                result->reset = HISTOGRAM_GAUGE;
        return result;
}

const struct histogram *histogram_divide(struct arena *arena, const struct histogram *h,
                                         double divisor)
{
        double *positive, *negative;
        struct histogram *result = copy_numbers(arena, h, &positive, &negative);

        result->zero_count /= divisor;
        result->count /= divisor;
        result->sum /= divisor;
        if (divisor == 0) {
                result->positive = result->negative = (struct histogram_side){0};
                return result;
        }
        for (uint32_t i = 0; i < h->positive.bucket_count; i++)
                positive[i] /= divisor;
        for (uint32_t i = 0; i < h->negative.bucket_count; i++)
                negative[i] /= divisor;
        if (divisor < 0)
                result->reset = HISTOGRAM_GAUGE;
        return result;
}

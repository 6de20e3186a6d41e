#include "model/feed.h"

#include "base/alloc.h"

ALLOC_TYPE(feed_type, "feed")

void feed_batch_init(struct feed_batch *batch)
{
        *batch = (struct feed_batch){0};
        arena_init(&batch->arena, SIZE_MAX);
}

void feed_batch_clear(struct feed_batch *batch)
{
        arena_release(&batch->arena);
        arena_init(&batch->arena, SIZE_MAX);
        batch->sample_count = batch->exemplar_count = 0;
}

void feed_batch_release(struct feed_batch *batch)
{
        arena_release(&batch->arena);
        alloc_free(&feed_type, batch->samples);
        alloc_free(&feed_type, batch->exemplars);
        *batch = (struct feed_batch){0};
}

void feed_batch_add(struct feed_batch *batch, const struct feed_sample *sample)
{
        batch->samples = alloc_array_reserve(&feed_type, batch->samples, &batch->sample_capacity,
                                             batch->sample_count + 1, sizeof(*batch->samples));
        batch->samples[batch->sample_count++] = *sample;
}

void feed_batch_add_exemplar(struct feed_batch *batch, const struct feed_exemplar *exemplar)
{
        batch->exemplars = alloc_array_reserve(&feed_type, batch->exemplars,
                                               &batch->exemplar_capacity,
                                               batch->exemplar_count + 1,
                                               sizeof(*batch->exemplars));
        batch->exemplars[batch->exemplar_count++] = *exemplar;
}

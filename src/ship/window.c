#include "ship/window_int.h"

#include "base/alloc.h"
#include "base/hash.h"

ALLOC_TYPE(window_type, "remote_write_window")

void window_init(struct window *window)
{
        *window = (struct window){0};
        feed_batch_init(&window->batch);
}

void window_clear(struct window *window)
{
        feed_batch_clear(&window->batch);
        for (size_t i = 0; i < window->shard_count; i++)
                alloc_free(&window_type, window->shards[i].items);
        window->shards = alloc_free(&window_type, window->shards);
        window->shard_count = 0;
}

void window_release(struct window *window)
{
        window_clear(window);
        feed_batch_release(&window->batch);
}

static void add_item(struct window *window, struct window_item item)
{
        struct window_shard *shard = &window->shards[hash_u64(item.ref) % window->shard_count];

        shard->items = alloc_array_reserve(&window_type, shard->items, &shard->capacity,
                                           shard->count + 1, sizeof(*shard->items));
        shard->items[shard->count++] = item;
}

size_t window_spread(struct window *window, const struct remote_write_config *config,
                     size_t shard_count, int64_t now_ms)
{
        const struct feed_batch *batch = &window->batch;
        int64_t oldest_ms = config->sample_age_limit_ms ? now_ms - config->sample_age_limit_ms
                                                        : INT64_MIN;
        size_t left_out = 0;

        window->shards = alloc_new(&window_type, shard_count * sizeof(*window->shards));
        window->shard_count = shard_count;
        for (size_t i = 0; i < batch->sample_count; i++) {
                const struct feed_sample *sample = &batch->samples[i];

                if (sample->t_ms < oldest_ms || (sample->h && !config->send_native_histograms))
                        left_out++;
                else
                        add_item(window, (struct window_item){sample->ref, sample, NULL});
        }
        for (size_t i = 0; i < batch->exemplar_count && config->send_exemplars; i++)
                add_item(window, (struct window_item){batch->exemplars[i].ref, NULL,
                                                      &batch->exemplars[i].exemplar});
        return left_out;
}

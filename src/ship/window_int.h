/* ship/window_int.h - what a queue sends before it moves on: some of the feed, spread over shards
 * so that each series is in one. */
#ifndef SHIP_WINDOW_INT_H
#define SHIP_WINDOW_INT_H

#include "ship/remote_write.h"

struct window_item {
        series_ref ref;
        const struct feed_sample *sample; /* or else: */
        const struct exemplar *exemplar;
};

struct window_shard {
        struct window_item *items;
        size_t count, capacity;
};

struct window {
        struct feed_batch batch;
        struct window_shard *shards;
        size_t shard_count;
};

void window_init(struct window *window);
void window_clear(struct window *window);
void window_release(struct window *window);

/* Spreads the batch over so many shards. Returns how many items the settings leave out. */
size_t window_spread(struct window *window, const struct remote_write_config *config,
                     size_t shard_count, int64_t now_ms);

#endif

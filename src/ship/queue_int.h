/* ship/queue_int.h - one destination of remote write: a thread that reads the feed and keeps
 * requests under way.
 *
 * It works in windows: reads some samples, spreads them over shards, sends every shard's requests
 * one after the other and the shards at once, and when the last was answered for good, writes the
 * new position. A window is what may be sent twice after a crash, and all that is in memory.
 */
#ifndef SHIP_QUEUE_INT_H
#define SHIP_QUEUE_INT_H

#include "ship/remote_write.h"

struct queue;

struct queue_stats {
        uint64_t samples_sent, histograms_sent, exemplars_sent, metadata_sent;
        uint64_t samples_failed;   /* refused for good */
        uint64_t samples_retried;  /* sent once more */
        uint64_t samples_dropped;  /* by relabeling, age, or because the series was forgotten */
        uint64_t bytes_sent;
        uint64_t requests, requests_failed;
        uint64_t behind_bytes;     /* of the log */
        uint64_t lost_bytes;       /* of the log, before they were read */
        uint64_t shards;
        int64_t newest_sent_ms;
};

/* `path` is the position's file. */
struct queue *queue_new(struct remote_write_config *config, const char *path,
                        const struct sample_feed *feed,
                        const struct remote_metadata_source *metadata,
                        void (*moved)(void *ctx), void *ctx);
struct queue *queue_free(struct queue *queue);
const struct remote_write_config *queue_config(const struct queue *queue);
uint64_t queue_segment(struct queue *queue); /* the oldest it still needs */
void queue_read_stats(struct queue *queue, struct queue_stats *ret_stats);

/* A position file's content; false when there is none that makes sense. */
NODISCARD bool position_read(const char *path, struct feed_position *ret_position);
NODISCARD bool position_write(const char *path, struct feed_position position,
                              struct error *err);

#endif

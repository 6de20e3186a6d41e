/* ship/remote_write.h - sends what the store takes on to other servers: Prometheus remote write
 * 1.0 and 2.0.
 *
 * A queue per destination reads the store's log (model/feed.h) and remembers, in a file, up to
 * where everything was taken or refused for good by the other end. While that end is down nothing
 * is held in memory but the requests under way: the log waits, up to the store's limit for it.
 * Within a queue, series are spread over shards that send at once; samples of one series stay in
 * order. Semantics of the settings: Prometheus's <remote_write> and the specifications "Remote
 * Write 1.0" and "2.0". Thread-safe.
 */
#ifndef SHIP_REMOTE_WRITE_H
#define SHIP_REMOTE_WRITE_H

#include <stdatomic.h>

#include "base/buf.h"
#include "model/feed.h"
#include "model/relabel.h"

struct http_client_options; /* http/client.h */

/* One remote_write entry, complete. Immutable and counted: config/ makes it with one reference. */
struct remote_write_config {
        atomic_int references;
        struct arena arena;        /* holds everything below */
        uint64_t fingerprint;      /* equal means: the same configuration, the queue may go on */
        struct str name, url;      /* a name follows from the URL when none is given */
        bool version_2;            /* io.prometheus.write.v2.Request */
        int64_t timeout_ms;
        const struct http_client_options *http;
        struct relabel_rules relabel;
        struct labels external_labels; /* added where a series lacks them */
        bool send_exemplars, send_native_histograms, send_metadata;
        int64_t metadata_interval_ms;
        uint64_t metadata_max_per_send;
        uint64_t shards_min, shards_max, samples_max; /* samples in one request */
        int64_t deadline_ms;       /* how long a sample waits for others */
        int64_t backoff_min_ms, backoff_max_ms;
        int64_t sample_age_limit_ms; /* older ones are dropped; 0: none */
        bool retry_on_429;
};

struct remote_write_config *remote_write_config_new(void);
struct remote_write_config *remote_write_config_ref(struct remote_write_config *config);
struct remote_write_config *remote_write_config_unref(struct remote_write_config *config);

/* What is known of metrics; either may be asked from any queue's thread. */
struct remote_metadata {
        struct str metric, type, help, unit; /* valid inside the visit */
};

struct remote_metadata_source {
        void (*each)(void *ctx, void (*visit)(const struct remote_metadata *metadata, void *to),
                     void *to);
        void *ctx;
};

struct remote_writer;

/* Positions are files in `dir`, which is created. The feed must outlive the writer. */
NODISCARD bool remote_writer_new(struct remote_writer **ret_writer, const char *dir,
                                 const struct sample_feed *feed,
                                 const struct remote_metadata_source *metadata,
                                 struct error *err);
/* Ends all queues: requests under way are abandoned, to be sent again at the next start. What is
 * left answers remote_writer_render. */
void remote_writer_stop(struct remote_writer *writer);
/* Stopped or not; takes NULL. */
struct remote_writer *remote_writer_free(struct remote_writer *writer);

/* Makes these the running queues; unchanged ones go on. Takes its own references. A queue that
 * was never here begins with what is appended from now on. */
void remote_writer_apply(struct remote_writer *writer, struct remote_write_config *const *configs,
                         size_t count);

/* The segment of the log that the positions in `dir` still need; 0 when there are none. For
 * tsdb_options.feed_segment, before there is a writer. */
uint64_t remote_writer_oldest_segment(const char *dir);

/* Metrics of all queues, as an exposition. */
void remote_writer_render(struct remote_writer *writer, struct buf *out);

#endif

#include "ship/remote_write.h"

#include <pthread.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/hash.h"
#include "codec/quote.h"
#include "ship/queue_int.h"

ALLOC_TYPE(config_type, "remote_write_config")
ALLOC_TYPE(writer_type, "remote_writer")

enum { PATH_BYTES = 4096, CONFIG_ARENA_BYTES = 16 << 20 };

#define POSITION_SUFFIX ".position"

struct remote_writer {
        char *dir;
        struct sample_feed feed;
        struct remote_metadata_source metadata;
        pthread_mutex_t lock;      /* of the list; a queue's own lock is inside of it */
        struct queue **queues;     /* lock */
        size_t count;              /* lock */
};

struct remote_write_config *remote_write_config_new(void)
{
        struct remote_write_config *config = alloc_new(&config_type, sizeof(*config));

        atomic_init(&config->references, 1);
        arena_init(&config->arena, CONFIG_ARENA_BYTES);
        return config;
}

struct remote_write_config *remote_write_config_ref(struct remote_write_config *config)
{
        atomic_fetch_add(&config->references, 1);
        return config;
}

struct remote_write_config *remote_write_config_unref(struct remote_write_config *config)
{
        if (config && atomic_fetch_sub(&config->references, 1) == 1) {
                arena_release(&config->arena);
                alloc_free(&config_type, config);
        }
        return NULL;
}

/* The name and the URL say whose position it is: other settings may change. */
static void position_path(const char *dir, const struct remote_write_config *config, char *path)
{
        struct buf key CLEANUP(buf_release) = BUF_INIT(1 << 20);

        buf_printf(&key, STR_FMT "\n" STR_FMT, STR_ARG(config->name), STR_ARG(config->url));
        snprintf(path, PATH_BYTES, "%s/%016llx" POSITION_SUFFIX, dir,
                 (unsigned long long)hash_str(buf_str(&key)));
}

/* With the lock. The log stays from the oldest segment that a queue needs. */
static void hold_segments(struct remote_writer *writer)
{
        uint64_t oldest = UINT64_MAX;

        for (size_t i = 0; i < writer->count; i++) {
                uint64_t segment = queue_segment(writer->queues[i]);

                if (segment < oldest)
                        oldest = segment;
        }
        writer->feed.hold(writer->feed.ctx, oldest);
}

/* A queue moved on. While the list is being changed, whoever changes it will hold anew. */
static void on_moved(void *ctx)
{
        struct remote_writer *writer = ctx;

        if (pthread_mutex_trylock(&writer->lock) != 0)
                return;
        hold_segments(writer);
        pthread_mutex_unlock(&writer->lock);
}

bool remote_writer_new(struct remote_writer **ret_writer, const char *dir,
                       const struct sample_feed *feed,
                       const struct remote_metadata_source *metadata, struct error *err)
{
        struct remote_writer *writer;

        if (!dir_make(dir, err))
                return false;
        writer = alloc_new(&writer_type, sizeof(*writer));
        writer->dir = alloc_strdup(&writer_type, dir, strlen(dir));
        writer->feed = *feed;
        writer->metadata = *metadata;
        pthread_mutex_init(&writer->lock, NULL);
        *ret_writer = writer;
        return true;
}

void remote_writer_stop(struct remote_writer *writer)
{
        pthread_mutex_lock(&writer->lock);
        for (size_t i = 0; i < writer->count; i++)
                queue_free(writer->queues[i]);
        writer->count = 0;
        pthread_mutex_unlock(&writer->lock);
}

struct remote_writer *remote_writer_free(struct remote_writer *writer)
{
        if (!writer)
                return NULL;
        remote_writer_stop(writer);
        pthread_mutex_destroy(&writer->lock);
        alloc_free(&writer_type, writer->queues);
        alloc_free(&writer_type, writer->dir);
        return alloc_free(&writer_type, writer);
}

/* Takes a running queue of the same configuration out of the list. */
static struct queue *take_running(struct remote_writer *writer,
                                  const struct remote_write_config *config)
{
        for (size_t i = 0; i < writer->count; i++) {
                struct queue *queue = writer->queues[i];
                const struct remote_write_config *own = queue ? queue_config(queue) : NULL;

                if (!own || own->fingerprint != config->fingerprint ||
                    !str_equal(own->name, config->name))
                        continue;
                writer->queues[i] = NULL;
                return queue;
        }
        return NULL;
}

/* Positions of destinations that are no longer configured hold nothing back after a restart. */
static void drop_stale_positions(struct remote_writer *writer)
{
        struct arena arena;
        const char **names;
        struct error err;
        size_t count;

        arena_init(&arena, SIZE_MAX);
        if (!dir_list(writer->dir, &arena, &names, &count, &err))
                count = 0;
        for (size_t i = 0; i < count; i++) {
                const char *path = arena_printf(&arena, "%s/%s", writer->dir, names[i]);
                bool used = false;

                for (size_t k = 0; k < writer->count && !used; k++) {
                        char own[PATH_BYTES];

                        position_path(writer->dir, queue_config(writer->queues[k]), own);
                        used = strcmp(own, path) == 0;
                }
                if (!used)
                        file_discard(path);
        }
        arena_release(&arena);
}

void remote_writer_apply(struct remote_writer *writer, struct remote_write_config *const *configs,
                         size_t count)
{
        struct queue **queues = alloc_new(&writer_type, (count + 1) * sizeof(*queues));

        pthread_mutex_lock(&writer->lock);
        for (size_t i = 0; i < count; i++)
                queues[i] = take_running(writer, configs[i]);
        /* Those that go end first: a changed one leaves its position to its successor. */
        for (size_t i = 0; i < writer->count; i++)
                if (writer->queues[i])
                        queue_free(writer->queues[i]);
        for (size_t i = 0; i < count; i++) {
                char path[PATH_BYTES];

                if (queues[i])
                        continue;
                position_path(writer->dir, configs[i], path);
                queues[i] = queue_new(configs[i], path, &writer->feed, &writer->metadata, on_moved,
                                      writer);
        }
        alloc_free(&writer_type, writer->queues);
        writer->queues = queues;
        writer->count = count;
        drop_stale_positions(writer);
        hold_segments(writer);
        pthread_mutex_unlock(&writer->lock);
}

uint64_t remote_writer_oldest_segment(const char *dir)
{
        uint64_t oldest = UINT64_MAX;
        struct arena arena;
        const char **names;
        struct error err;
        size_t count;

        arena_init(&arena, SIZE_MAX);
        if (!dir_list(dir, &arena, &names, &count, &err))
                count = 0;
        for (size_t i = 0; i < count; i++) {
                struct feed_position position;

                if (str_ends_with(str_from(names[i]), STR_LIT(POSITION_SUFFIX)) &&
                    position_read(arena_printf(&arena, "%s/%s", dir, names[i]), &position) &&
                    position.segment < oldest)
                        oldest = position.segment;
        }
        arena_release(&arena);
        return oldest == UINT64_MAX ? 0 : oldest;
}

/* ---- metrics ------------------------------------------------------- */

static const struct shown {
        const char *name, *type, *help;
        size_t offset; /* of a uint64_t in struct queue_stats */
} shown[] = {
        {"samples_total", "counter", "Samples the other end took.",
         offsetof(struct queue_stats, samples_sent)},
        {"histograms_total", "counter", "Histograms the other end took.",
         offsetof(struct queue_stats, histograms_sent)},
        {"exemplars_total", "counter", "Exemplars the other end took.",
         offsetof(struct queue_stats, exemplars_sent)},
        {"metadata_total", "counter", "Metadata the other end took.",
         offsetof(struct queue_stats, metadata_sent)},
        {"samples_failed_total", "counter", "Samples refused for good.",
         offsetof(struct queue_stats, samples_failed)},
        {"samples_retried_total", "counter", "Samples sent once more.",
         offsetof(struct queue_stats, samples_retried)},
        {"samples_dropped_total", "counter",
         "Samples not sent: relabeling, age, or their series was forgotten.",
         offsetof(struct queue_stats, samples_dropped)},
        {"bytes_total", "counter", "Bytes of requests.",
         offsetof(struct queue_stats, bytes_sent)},
        {"requests_total", "counter", "Requests.", offsetof(struct queue_stats, requests)},
        {"requests_failed_total", "counter", "Requests that failed.",
         offsetof(struct queue_stats, requests_failed)},
        {"pending_bytes", "gauge", "Log that is not passed on yet.",
         offsetof(struct queue_stats, behind_bytes)},
        {"lost_bytes_total", "counter", "Log removed before it was passed on.",
         offsetof(struct queue_stats, lost_bytes)},
        {"shards", "gauge", "Requests at once.", offsetof(struct queue_stats, shards)},
        {"newest_sent_timestamp_milliseconds", "gauge", "Newest sample the other end took.",
         offsetof(struct queue_stats, newest_sent_ms)},
};

void remote_writer_render(struct remote_writer *writer, struct buf *out)
{
        struct queue_stats *stats;

        pthread_mutex_lock(&writer->lock);
        stats = alloc_new(&writer_type, (writer->count + 1) * sizeof(*stats));
        for (size_t i = 0; i < writer->count; i++)
                queue_read_stats(writer->queues[i], &stats[i]);
        for (size_t k = 0; k < ARRAY_LEN(shown) && writer->count; k++) {
                buf_printf(out, "# HELP pitwall_remote_write_%s %s\n"
                           "# TYPE pitwall_remote_write_%s %s\n", shown[k].name, shown[k].help,
                           shown[k].name, shown[k].type);
                for (size_t i = 0; i < writer->count; i++) {
                        const char *from = (const char *)&stats[i] + shown[k].offset;
                        uint64_t value;

                        memcpy(&value, from, sizeof(value));
                        buf_printf(out, "pitwall_remote_write_%s{remote_name=", shown[k].name);
                        quote_append(out, queue_config(writer->queues[i])->name);
                        buf_printf(out, "} %llu\n", (unsigned long long)value);
                }
        }
        alloc_free(&writer_type, stats);
        pthread_mutex_unlock(&writer->lock);
}

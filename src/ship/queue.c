#include "ship/queue_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/thread.h"
#include "codec/compress.h"
#include "formats/remote_write.h"
#include "http/client.h"
#include "ship/window_int.h"

ALLOC_TYPE(queue_type, "remote_write_queue")

/* A body is kept below what receivers take; a request has at most samples_max samples anyway. */
enum { BODY_MAX_BYTES = 256 << 20, ANSWER_MAX_BYTES = 64 << 10, ANSWER_SHOWN_BYTES = 256 };
/* How often an idle queue looks for something new. */
enum { LOOK_INTERVAL_MS = 100 };
/* A log this far ahead wants more shards; a window this empty fewer. */
enum { BEHIND_BYTES = 1 << 20 };
enum { RETRY_AFTER_MAX_MS = 600000, METADATA_ATTEMPTS = 3 };
/* Taking metadata once more waits for this, and for so many times what the last time took. */
enum { METADATA_PAUSE_NS = 1000000000, METADATA_PAUSE_SHARE = 100 };

enum { WROTE_SAMPLES, WROTE_HISTOGRAMS, WROTE_EXEMPLARS, RETRY_AFTER, WANTED_HEADERS };

struct counts {
        size_t samples, histograms, exemplars;
};

/* One request at a time of a shard. */
struct sender {
        struct queue *queue;
        const struct window_shard *shard;
        size_t next, end;          /* items of the request */
        struct counts counts;
        size_t dropped;            /* of the window: by relabeling, or forgotten by the store */
        struct buf body;
        struct http_fetch fetch;
        struct http_wanted_header wanted[WANTED_HEADERS];
        struct http_header headers[3];
        enum remote_write_version version;
        unsigned attempts;
        int64_t retry_ns;          /* monotonic; when it waits */
        enum { SENDER_IDLE, SENDER_SENDING, SENDER_ANSWERED, SENDER_WAITING } state; /* lock */
};

struct queue {
        struct remote_write_config *config;
        char *path;
        struct sample_feed feed;
        struct remote_metadata_source metadata;
        void (*moved)(void *ctx);
        void *ctx;
        struct http_client *client;
        pthread_t thread;
        pthread_mutex_t lock;
        pthread_cond_t wake;
        bool stopping;                  /* lock */
        struct feed_position position;  /* lock; everything before it is done with */
        struct queue_stats stats;       /* lock */
        /* Of the queue's thread. */
        enum remote_write_version version;
        size_t shards;
        struct window window;
        struct sender *senders;         /* shards_max */
        bool told_trouble;              /* logged, until something works again */
        struct arena metadata_arena;
        struct map metadata_of;         /* metric -> struct remote_write_metadata, for 2.0 */
        int64_t metadata_due_ns;        /* when it is taken, and sent in 1.0, next */
        int64_t rested_ns;              /* when a lonely sample need not wait for others */
};

static int64_t mono_ns(void)
{
        return clock_mono_ns(&clock_real);
}

/* ---- requests ------------------------------------------------------------------------------- */

static const char *const family_suffixes[] = {"_total", "_bucket", "_sum", "_count", "_created",
                                              "_info"};

/* Of the series' family, whose name may lack the sample's suffix. */
static const struct remote_write_metadata *find_metadata(const struct queue *queue,
                                                         struct labels labels)
{
        struct str name = labels_get(labels, LABEL_METRIC_NAME);
        const struct remote_write_metadata *found = map_get(&queue->metadata_of, name);

        for (size_t i = 0; i < ARRAY_LEN(family_suffixes) && !found; i++) {
                struct str suffix = str_from(family_suffixes[i]);

                if (str_ends_with(name, suffix))
                        found = map_get(&queue->metadata_of,
                                        str_slice(name, 0, name.len - suffix.len));
        }
        return found;
}

/* The labels as they are sent; false when relabeling drops the series or nobody knows it. */
static bool find_labels(const struct queue *queue, series_ref ref, struct arena *arena,
                        struct labels *ret_labels)
{
        const struct remote_write_config *config = queue->config;
        struct labels_builder builder;
        struct labels own;

        if (!queue->feed.labels(queue->feed.ctx, ref, arena, &own))
                return false;
        *ret_labels = own;
        if (!config->external_labels.count && !config->relabel.count)
                return true;
        labels_builder_init(&builder, arena, own);
        for (size_t i = 0; i < config->external_labels.count; i++) {
                const struct label *label = &config->external_labels.items[i];

                if (!labels_has(own, label->name))
                        labels_builder_set(&builder, label->name, label->value);
        }
        if (!relabel_apply(config->relabel, &builder))
                return false;
        *ret_labels = labels_builder_finish(&builder);
        return ret_labels->count > 0;
}

static void put_item(struct sender *sender, struct remote_write_writer *writer,
                     const struct window_item *item)
{
        const struct remote_write_metadata *metadata = NULL;
        const struct feed_sample *sample = item->sample;
        struct labels labels;

        if (!find_labels(sender->queue, item->ref, writer->arena, &labels)) {
                sender->dropped++;
                return;
        }
        if (sender->version == REMOTE_WRITE_2)
                metadata = find_metadata(sender->queue, labels);
        remote_write_begin_series(writer, labels, metadata);
        if (item->exemplar) {
                remote_write_put_exemplar(writer, item->exemplar);
                sender->counts.exemplars++;
        } else if (sample->h) {
                remote_write_put_histogram(writer, sample->t_ms, sample->h, sample->start_ms);
                sender->counts.histograms++;
        } else {
                remote_write_put_sample(writer, sample->t_ms, sample->v, sample->start_ms);
                sender->counts.samples++;
        }
        remote_write_end_series(writer);
}

static void compress_body(struct sender *sender, struct remote_write_writer *writer)
{
        struct buf plain CLEANUP(buf_release) = BUF_INIT(BODY_MAX_BYTES);

        buf_clear(&sender->body);
        if (remote_write_finish(writer, &plain))
                compress_snappy(&sender->body, buf_str(&plain));
}

static size_t item_count(const struct sender *sender)
{
        return sender->counts.samples + sender->counts.histograms + sender->counts.exemplars;
}

/* Makes the request of the items from sender->next on. */
static void encode(struct sender *sender)
{
        uint64_t max = sender->queue->config->samples_max;
        struct remote_write_writer writer;
        struct arena arena;

        arena_init(&arena, SIZE_MAX);
        sender->version = sender->queue->version;
        sender->counts = (struct counts){0};
        remote_write_writer_init(&writer, sender->version, BODY_MAX_BYTES, &arena);
        sender->end = sender->next;
        while (sender->end < sender->shard->count && item_count(sender) < max)
                put_item(sender, &writer, &sender->shard->items[sender->end++]);
        compress_body(sender, &writer);
        remote_write_writer_release(&writer);
        arena_release(&arena);
}

static void on_answer(struct http_fetch *fetch)
{
        struct sender *sender = fetch->ctx;
        struct queue *queue = sender->queue;

        pthread_mutex_lock(&queue->lock);
        sender->state = SENDER_ANSWERED;
        pthread_cond_signal(&queue->wake);
        pthread_mutex_unlock(&queue->lock);
}

static void fill_headers(struct sender *sender)
{
        bool second = sender->version == REMOTE_WRITE_2;

        sender->headers[0] = (struct http_header){STR_LIT("Content-Encoding"), STR_LIT("snappy")};
        sender->headers[1] = (struct http_header){
                STR_LIT("Content-Type"),
                second ? STR_LIT("application/x-protobuf;proto=io.prometheus.write.v2.Request")
                       : STR_LIT("application/x-protobuf")};
        sender->headers[2] = (struct http_header){
                STR_LIT("X-Prometheus-Remote-Write-Version"),
                second ? STR_LIT("2.0.0") : STR_LIT("0.1.0")};
        sender->wanted[WROTE_SAMPLES].name = "X-Prometheus-Remote-Write-Samples-Written";
        sender->wanted[WROTE_HISTOGRAMS].name = "X-Prometheus-Remote-Write-Histograms-Written";
        sender->wanted[WROTE_EXEMPLARS].name = "X-Prometheus-Remote-Write-Exemplars-Written";
        sender->wanted[RETRY_AFTER].name = "Retry-After";
}

static void send_request(struct sender *sender)
{
        struct queue *queue = sender->queue;

        fill_headers(sender);
        buf_release(&sender->fetch.body);
        sender->fetch = (struct http_fetch){
                .options = queue->config->http,
                .url = queue->config->url,
                .request_body = buf_str(&sender->body),
                .headers = sender->headers,
                .header_count = ARRAY_LEN(sender->headers),
                .wanted = sender->wanted,
                .wanted_count = WANTED_HEADERS,
                .timeout_ms = queue->config->timeout_ms,
                .body = BUF_INIT(ANSWER_MAX_BYTES),
                .done = on_answer,
                .ctx = sender,
        };
        pthread_mutex_lock(&queue->lock);
        sender->state = SENDER_SENDING;
        queue->stats.requests++;
        queue->stats.bytes_sent += sender->body.len;
        pthread_mutex_unlock(&queue->lock);
        http_client_start(queue->client, &sender->fetch);
}

/* ---- answers -------------------------------------------------------------------------------- */

/* Seconds, or a date of HTTP; 0 when it says nothing. */
static int64_t retry_after_ms(const char *text)
{
        struct tm tm = {0};
        char *end;
        int64_t ms = strtoll(text, &end, 10) * 1000;

        if (!*text)
                return 0;
        if (*end)
                ms = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm)
                             ? (int64_t)timegm(&tm) * 1000 - clock_now_ms(&clock_real) : 0;
        return ms < 0 ? 0 : ms > RETRY_AFTER_MAX_MS ? RETRY_AFTER_MAX_MS : ms;
}

/* 0: there was no answer. What follows the status may be broken or without end: it says enough. */
static int answer_status(const struct sender *sender)
{
        const struct http_fetch *fetch = &sender->fetch;

        return fetch->failed && fetch->status < 200 ? 0 : fetch->status;
}

static bool is_good(const struct sender *sender)
{
        return answer_status(sender) / 100 == 2;
}

static void tell(struct queue *queue, const struct sender *sender, const char *what)
{
        const struct http_fetch *fetch = &sender->fetch;
        const char *text = fetch->body.len ? fetch->body.data
                           : fetch->failed ? fetch->err.text : "";
        char reason[ANSWER_SHOWN_BYTES + 64];

        if (!answer_status(sender))
                snprintf(reason, sizeof(reason), "%.*s", ANSWER_SHOWN_BYTES, fetch->err.text);
        else
                snprintf(reason, sizeof(reason), "HTTP status %d: %.*s", fetch->status,
                         ANSWER_SHOWN_BYTES, text);
        log_with(LOG_WARN, what, LOG_STR("remote_name", queue->config->name),
                 LOG_STR("url", queue->config->url), LOG_CSTR("error", reason));
}

static uint64_t wrote(const struct sender *sender, int which, uint64_t fallback)
{
        const char *text = sender->wanted[which].value;

        return *text ? strtoull(text, NULL, 10) : fallback;
}

/* What the other end says it wrote, where it says so (2.0); all or nothing else. */
static void count_written(struct sender *sender, bool good)
{
        struct queue *queue = sender->queue;
        struct counts wrote_counts = {
                wrote(sender, WROTE_SAMPLES, good ? sender->counts.samples : 0),
                wrote(sender, WROTE_HISTOGRAMS, good ? sender->counts.histograms : 0),
                wrote(sender, WROTE_EXEMPLARS, good ? sender->counts.exemplars : 0),
        };
        size_t sent = wrote_counts.samples + wrote_counts.histograms + wrote_counts.exemplars;

        pthread_mutex_lock(&queue->lock);
        queue->stats.samples_sent += wrote_counts.samples;
        queue->stats.histograms_sent += wrote_counts.histograms;
        queue->stats.exemplars_sent += wrote_counts.exemplars;
        if (sent < item_count(sender))
                queue->stats.samples_failed += item_count(sender) - sent;
        queue->stats.requests_failed += !good;
        for (size_t i = sender->next; i < sender->end && good; i++) {
                const struct feed_sample *sample = sender->shard->items[i].sample;

                if (sample && sample->t_ms > queue->stats.newest_sent_ms)
                        queue->stats.newest_sent_ms = sample->t_ms;
        }
        pthread_mutex_unlock(&queue->lock);
}

static bool is_recoverable(const struct sender *sender)
{
        int status = answer_status(sender);

        return !status || status / 100 == 5 ||
               (status == 429 && sender->queue->config->retry_on_429);
}

static void wait_and_retry(struct sender *sender)
{
        struct queue *queue = sender->queue;
        int64_t wait_ms = queue->config->backoff_min_ms;
        int64_t asked_ms = retry_after_ms(sender->wanted[RETRY_AFTER].value);

        for (unsigned i = 0; i < sender->attempts && wait_ms < queue->config->backoff_max_ms; i++)
                wait_ms *= 2;
        if (wait_ms > queue->config->backoff_max_ms)
                wait_ms = queue->config->backoff_max_ms;
        if (asked_ms > 0)
                wait_ms = asked_ms;
        if (!queue->told_trouble)
                tell(queue, sender, "remote write fails, will go on trying");
        queue->told_trouble = true;
        sender->attempts++;
        sender->retry_ns = mono_ns() + wait_ms * 1000000;
        pthread_mutex_lock(&queue->lock);
        sender->state = SENDER_WAITING;
        queue->stats.requests_failed++;
        queue->stats.samples_retried += item_count(sender);
        pthread_mutex_unlock(&queue->lock);
}

/* Goes on with the next items of the shard, or is done. */
static void advance(struct sender *sender)
{
        sender->attempts = 0;
        do {
                sender->next = sender->end;
                encode(sender);
        } while (!item_count(sender) && sender->end < sender->shard->count);
        if (item_count(sender)) {
                send_request(sender);
                return;
        }
        pthread_mutex_lock(&sender->queue->lock);
        sender->state = SENDER_IDLE;
        sender->queue->stats.samples_dropped += sender->dropped;
        pthread_mutex_unlock(&sender->queue->lock);
}

static void handle_answer(struct sender *sender)
{
        struct queue *queue = sender->queue;
        bool good = is_good(sender);

        if (!good && is_recoverable(sender)) {
                wait_and_retry(sender);
                return;
        }
        if (!good && answer_status(sender) == 415 && sender->version == REMOTE_WRITE_2) {
                tell(queue, sender, "remote write 2.0 is not taken, going on with 1.0");
                queue->version = REMOTE_WRITE_1;
                encode(sender);
                send_request(sender);
                return;
        }
        if (!good)
                tell(queue, sender, "remote write is refused, its samples are dropped");
        else if (queue->told_trouble)
                log_info("remote write works again", LOG_STR("remote_name", queue->config->name));
        queue->told_trouble = queue->told_trouble && !good;
        count_written(sender, good);
        advance(sender);
}

/* ---- windows -------------------------------------------------------------------------------- */

static void nap(struct queue *queue, int64_t ns)
{
        struct timespec until;

        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += ns / 1000000000;
        until.tv_nsec += ns % 1000000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&queue->wake, &queue->lock, &until);
}

static bool is_stopping(struct queue *queue)
{
        bool stopping;

        pthread_mutex_lock(&queue->lock);
        stopping = queue->stopping;
        pthread_mutex_unlock(&queue->lock);
        return stopping;
}

/* Waits until a sender was answered, one may try again, or nothing is left. False at the end. */
static bool wait_for_senders(struct queue *queue)
{
        bool busy = false;

        pthread_mutex_lock(&queue->lock);
        for (;;) {
                int64_t now_ns = mono_ns(), next_ns = INT64_MAX;
                bool ready = queue->stopping;

                busy = false;
                for (size_t i = 0; i < queue->window.shard_count; i++) {
                        struct sender *sender = &queue->senders[i];

                        busy |= sender->state != SENDER_IDLE;
                        ready |= sender->state == SENDER_ANSWERED;
                        if (sender->state == SENDER_WAITING && sender->retry_ns < next_ns)
                                next_ns = sender->retry_ns;
                }
                if (!busy || ready || next_ns <= now_ns)
                        break;
                nap(queue, next_ns == INT64_MAX ? LOOK_INTERVAL_MS * 1000000LL
                                                : next_ns - now_ns);
        }
        busy = busy && !queue->stopping;
        pthread_mutex_unlock(&queue->lock);
        return busy;
}

static int state_of(struct sender *sender)
{
        int state;

        pthread_mutex_lock(&sender->queue->lock);
        state = sender->state;
        pthread_mutex_unlock(&sender->queue->lock);
        return state;
}

/* Sends the window; false when it was broken off. */
static bool send_window(struct queue *queue)
{
        for (size_t i = 0; i < queue->window.shard_count; i++) {
                struct sender *sender = &queue->senders[i];

                sender->shard = &queue->window.shards[i];
                sender->next = sender->end = 0;
                sender->dropped = 0;
                advance(sender);
        }
        while (wait_for_senders(queue)) {
                for (size_t i = 0; i < queue->window.shard_count; i++) {
                        struct sender *sender = &queue->senders[i];
                        int state = state_of(sender);

                        if (state == SENDER_ANSWERED)
                                handle_answer(sender);
                        else if (state == SENDER_WAITING && sender->retry_ns <= mono_ns())
                                send_request(sender);
                }
        }
        return !is_stopping(queue);
}

/* Reads until a window is full, its first sample has waited long enough, or, when the last request
 * was that long ago, until nothing more comes: there is nothing to save by waiting then. */
static bool gather(struct queue *queue, struct feed_reader *reader,
                   struct feed_position *ret_position)
{
        size_t wanted = queue->shards * queue->config->samples_max;
        struct feed_batch *batch = &queue->window.batch;
        int64_t first_ns = 0;
        bool quiet = false;
        struct error err;

        while (!is_stopping(queue)) {
                size_t before = batch->sample_count + batch->exemplar_count;
                int64_t now_ns = mono_ns();

                if (!queue->feed.read(reader, wanted, batch, ret_position, &err))
                        log_with(LOG_WARN, "remote write cannot read the log",
                                 LOG_CSTR("error", err.text));
                if (!first_ns && batch->sample_count + batch->exemplar_count)
                        first_ns = now_ns;
                if (batch->sample_count >= wanted || batch->exemplar_count >= wanted ||
                    (first_ns && now_ns - first_ns >= queue->config->deadline_ms * 1000000))
                        return true;
                if (batch->sample_count + batch->exemplar_count != before) {
                        quiet = false;
                        continue;
                }
                if (!before)
                        return false;
                if (quiet && now_ns >= queue->rested_ns)
                        return true;
                quiet = true;
                pthread_mutex_lock(&queue->lock);
                if (!queue->stopping)
                        nap(queue, LOOK_INTERVAL_MS * 1000000LL);
                pthread_mutex_unlock(&queue->lock);
        }
        return false;
}

/* More shards while the log runs ahead, fewer while windows stay small. */
static void adapt(struct queue *queue, struct feed_position position)
{
        const struct remote_write_config *config = queue->config;
        uint64_t behind = queue->feed.behind_bytes(queue->feed.ctx, position);
        size_t sent = queue->window.batch.sample_count;

        if (behind > BEHIND_BYTES && queue->shards < config->shards_max)
                queue->shards = queue->shards * 2 < config->shards_max ? queue->shards * 2
                                                                       : config->shards_max;
        else if (sent < queue->shards * config->samples_max / 4 &&
                 queue->shards > config->shards_min)
                queue->shards = queue->shards / 2 > config->shards_min ? queue->shards / 2
                                                                       : config->shards_min;
        pthread_mutex_lock(&queue->lock);
        queue->stats.shards = queue->shards;
        pthread_mutex_unlock(&queue->lock);
}

static void save_position(const struct queue *queue, struct feed_position position)
{
        struct error err;

        if (!position_write(queue->path, position, &err))
                log_with(LOG_WARN, "remote write cannot save its position",
                         LOG_CSTR("error", err.text));
}

static void move_on(struct queue *queue, struct feed_position position, size_t left_out)
{
        pthread_mutex_lock(&queue->lock);
        queue->position = position;
        queue->stats.samples_dropped += left_out;
        pthread_mutex_unlock(&queue->lock);
        save_position(queue, position);
        queue->moved(queue->ctx);
}

/* ---- metadata ------------------------------------------------------------------------------- */

static const char *type_text(struct arena *arena, struct str type)
{
        return type.len ? arena_str(arena, type).data : "unknown";
}

static void keep_metadata(const struct remote_metadata *metadata, void *to)
{
        struct queue *queue = to;
        struct arena *arena = &queue->metadata_arena;
        struct remote_write_metadata *kept = arena_new(arena, struct remote_write_metadata);

        kept->metric = arena_str(arena, metadata->metric);
        kept->type = type_text(arena, metadata->type);
        kept->help = arena_str(arena, metadata->help);
        kept->unit = arena_str(arena, metadata->unit);
        map_put(&queue->metadata_of, kept->metric, kept);
}

static void take_metadata(struct queue *queue)
{
        map_release(&queue->metadata_of);
        queue->metadata_of = MAP_INIT;
        arena_release(&queue->metadata_arena);
        arena_init(&queue->metadata_arena, SIZE_MAX);
        queue->metadata.each(queue->metadata.ctx, keep_metadata, queue);
}

/* 2.0: every series carries its own, the first time already. */
static void refresh_metadata(struct queue *queue)
{
        int64_t began_ns = mono_ns(), took_ns;

        if (queue->version != REMOTE_WRITE_2 || !queue->config->send_metadata ||
            began_ns < queue->metadata_due_ns)
                return;
        take_metadata(queue);
        took_ns = mono_ns() - began_ns;
        queue->metadata_due_ns = began_ns + (took_ns > METADATA_PAUSE_NS / METADATA_PAUSE_SHARE
                                                     ? took_ns * METADATA_PAUSE_SHARE
                                                     : METADATA_PAUSE_NS);
}

/* One request of metadata of its own, as 1.0 has it; tried a few times. */
static void send_metadata(struct queue *queue, struct remote_write_writer *writer, size_t count)
{
        struct sender *sender = &queue->senders[0];

        window_clear(&queue->window);
        window_spread(&queue->window, queue->config, 1, 0);
        sender->shard = &queue->window.shards[0];
        sender->next = sender->end = 0;
        sender->version = REMOTE_WRITE_1;
        sender->counts = (struct counts){0};
        compress_body(sender, writer);
        for (int attempt = 0; attempt < METADATA_ATTEMPTS && !is_stopping(queue); attempt++) {
                send_request(sender);
                while (wait_for_senders(queue) && state_of(sender) == SENDER_SENDING)
                        continue;
                if (is_stopping(queue) || !is_recoverable(sender))
                        break;
        }
        pthread_mutex_lock(&queue->lock);
        if (sender->state == SENDER_ANSWERED) {
                sender->state = SENDER_IDLE;
                if (is_good(sender))
                        queue->stats.metadata_sent += count;
        }
        pthread_mutex_unlock(&queue->lock);
}

static void send_all_metadata(struct queue *queue)
{
        struct map_entry *entry = map_next(&queue->metadata_of, NULL);

        while (entry && !is_stopping(queue)) {
                struct remote_write_writer writer;
                struct arena arena;
                size_t count = 0;

                arena_init(&arena, SIZE_MAX);
                remote_write_writer_init(&writer, REMOTE_WRITE_1, BODY_MAX_BYTES, &arena);
                for (; entry && count < queue->config->metadata_max_per_send; count++) {
                        remote_write_put_metadata(&writer, entry->value);
                        entry = map_next(&queue->metadata_of, entry);
                }
                send_metadata(queue, &writer, count);
                remote_write_writer_release(&writer);
                arena_release(&arena);
        }
}

/* 1.0: now and then, and behind the samples it is about. */
static void send_due_metadata(struct queue *queue)
{
        int64_t now_ns = mono_ns();

        if (queue->version != REMOTE_WRITE_1 || !queue->config->send_metadata ||
            now_ns < queue->metadata_due_ns)
                return;
        take_metadata(queue);
        send_all_metadata(queue);
        if (queue->metadata_of.count)
                queue->metadata_due_ns = now_ns + queue->config->metadata_interval_ms * 1000000;
}

/* ---- the queue ------------------------------------------------------------------------------ */

static void run_window(struct queue *queue, struct feed_reader *reader)
{
        struct feed_position position;
        size_t left_out;

        window_clear(&queue->window);
        if (!gather(queue, reader, &position)) {
                pthread_mutex_lock(&queue->lock);
                if (!queue->stopping)
                        nap(queue, LOOK_INTERVAL_MS * 1000000LL);
                pthread_mutex_unlock(&queue->lock);
                return;
        }
        refresh_metadata(queue);
        left_out = window_spread(&queue->window, queue->config, queue->shards,
                                 clock_now_ms(&clock_real));
        if (!send_window(queue))
                return;
        queue->rested_ns = mono_ns() + queue->config->deadline_ms * 1000000;
        move_on(queue, position, left_out);
        adapt(queue, position);
        send_due_metadata(queue);
}

static void *queue_main(void *arg)
{
        struct queue *queue = arg;
        struct feed_reader *reader = queue->feed.open(queue->feed.ctx, queue->position);

        while (!is_stopping(queue))
                run_window(queue, reader);
        queue->feed.close(reader);
        return NULL;
}

struct queue *queue_new(struct remote_write_config *config, const char *path,
                        const struct sample_feed *feed,
                        const struct remote_metadata_source *metadata,
                        void (*moved)(void *ctx), void *ctx)
{
        struct queue *queue = alloc_new(&queue_type, sizeof(*queue));

        queue->config = remote_write_config_ref(config);
        queue->path = alloc_strdup(&queue_type, path, strlen(path));
        queue->feed = *feed;
        queue->metadata = *metadata;
        queue->moved = moved;
        queue->ctx = ctx;
        queue->version = config->version_2 ? REMOTE_WRITE_2 : REMOTE_WRITE_1;
        queue->shards = queue->stats.shards = config->shards_min;
        queue->senders = alloc_new(&queue_type, config->shards_max * sizeof(*queue->senders));
        for (size_t i = 0; i < config->shards_max; i++) {
                queue->senders[i].queue = queue;
                queue->senders[i].body = BUF_INIT(BODY_MAX_BYTES);
        }
        if (!position_read(path, &queue->position)) {
                queue->position = feed->end(feed->ctx);
                save_position(queue, queue->position);
        }
        pthread_mutex_init(&queue->lock, NULL);
        pthread_cond_init(&queue->wake, NULL);
        arena_init(&queue->metadata_arena, SIZE_MAX);
        window_init(&queue->window);
        queue->client = http_client_new("remote-write");
        thread_start(&queue->thread, "remote-write", queue_main, queue);
        return queue;
}

struct queue *queue_free(struct queue *queue)
{
        pthread_mutex_lock(&queue->lock);
        queue->stopping = true;
        pthread_cond_broadcast(&queue->wake);
        pthread_mutex_unlock(&queue->lock);
        pthread_join(queue->thread, NULL);
        http_client_free(queue->client); /* answers what is under way */
        for (size_t i = 0; i < queue->config->shards_max; i++) {
                buf_release(&queue->senders[i].body);
                buf_release(&queue->senders[i].fetch.body);
        }
        alloc_free(&queue_type, queue->senders);
        window_release(&queue->window);
        map_release(&queue->metadata_of);
        arena_release(&queue->metadata_arena);
        pthread_cond_destroy(&queue->wake);
        pthread_mutex_destroy(&queue->lock);
        remote_write_config_unref(queue->config);
        alloc_free(&queue_type, queue->path);
        return alloc_free(&queue_type, queue);
}

const struct remote_write_config *queue_config(const struct queue *queue)
{
        return queue->config;
}

uint64_t queue_segment(struct queue *queue)
{
        uint64_t segment;

        pthread_mutex_lock(&queue->lock);
        segment = queue->position.segment;
        pthread_mutex_unlock(&queue->lock);
        return segment;
}

void queue_read_stats(struct queue *queue, struct queue_stats *ret_stats)
{
        struct feed_position position;

        pthread_mutex_lock(&queue->lock);
        *ret_stats = queue->stats;
        position = queue->position;
        pthread_mutex_unlock(&queue->lock);
        ret_stats->behind_bytes = queue->feed.behind_bytes(queue->feed.ctx, position);
        ret_stats->lost_bytes = queue->feed.lost_bytes(queue->feed.ctx);
}

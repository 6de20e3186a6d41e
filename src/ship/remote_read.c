#include "ship/remote_read.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/metrics.h"
#include "codec/compress.h"
#include "formats/remote_read.h"
#include "formats/remote_write.h"
#include "http/client.h"

ALLOC_TYPE(config_type, "remote_read_config")
ALLOC_TYPE(reader_type, "remote_reader")

METRIC_COUNTER(reads_total, "pitwall_remote_read_queries_total", "", "Remote read requests.")
METRIC_COUNTER(reads_failed, "pitwall_remote_read_queries_failed_total", "",
               "Remote read requests that failed: their data are missing in what was asked.")

/* Of one querier: what fails once usually fails every time, in few ways. */
enum { WARNINGS_MAX = 16 };
enum { CONFIG_ARENA_BYTES = 16 << 20, ANSWER_MAX_BYTES = 256 << 20, SAMPLES_MAX = 20000000 };

struct config_list {
        struct remote_read_config **items;
        size_t count;
};

struct remote_reader {
        struct series_source local;
        int64_t (*oldest_ms)(void *ctx);
        void *ctx;
        pthread_mutex_t lock;
        struct config_list configs; /* lock; one reference each */
};

/* One series of a list that was given out: where its samples are. */
struct joined {
        struct series local; /* when has_local */
        bool has_local;
        struct samples *remote; /* NULL: none */
        struct joined *next;    /* all of the querier */
};

struct remote_querier {
        struct querier base;
        struct remote_reader *reader;
        struct querier *local;
        int64_t mint_ms, maxt_ms;
        struct config_list configs;
        struct joined *joined;
        char **warnings;
        size_t warning_count, warning_capacity;
};

/* ---- configurations ------------------------------------------------------- */

struct remote_read_config *remote_read_config_new(void)
{
        struct remote_read_config *config = alloc_new(&config_type, sizeof(*config));

        atomic_init(&config->references, 1);
        arena_init(&config->arena, CONFIG_ARENA_BYTES);
        return config;
}

struct remote_read_config *remote_read_config_ref(struct remote_read_config *config)
{
        atomic_fetch_add(&config->references, 1);
        return config;
}

struct remote_read_config *remote_read_config_unref(struct remote_read_config *config)
{
        if (config && atomic_fetch_sub(&config->references, 1) == 1) {
                arena_release(&config->arena);
                alloc_free(&config_type, config);
        }
        return NULL;
}

static struct config_list list_ref(struct remote_read_config *const *items, size_t count)
{
        struct config_list list = {.count = count};

        list.items = alloc_new(&reader_type, (count + 1) * sizeof(*list.items));
        for (size_t i = 0; i < count; i++)
                list.items[i] = remote_read_config_ref(items[i]);
        return list;
}

static void list_unref(struct config_list *list)
{
        for (size_t i = 0; i < list->count; i++)
                remote_read_config_unref(list->items[i]);
        alloc_free(&reader_type, list->items);
        *list = (struct config_list){0};
}

/* ---- asking ------------------------------------------------------- */

static void add_sample(struct samples *samples, const struct remote_write_entry *entry)
{
        samples_append(samples, entry->t_ms, entry->h ? entry->h->sum : entry->v);
        if (entry->h)
                samples_set_histogram(samples, samples->count - 1,
                                      histogram_copy(samples_arena(samples), entry->h));
}

/* What was read of one series. */
struct fetched {
        struct labels labels; /* in the arena of the select */
        struct samples *samples;
};

struct fetched_list {
        struct fetched *items;
        size_t count, capacity, samples;
};

static struct samples *add_fetched(struct fetched_list *list, struct labels labels)
{
        struct fetched *last = list->count ? &list->items[list->count - 1] : NULL;

        /* A stream may bring a series in pieces, one behind the other. */
        if (last && labels_equal(last->labels, labels))
                return last->samples;
        list->items = alloc_array_reserve(&reader_type, list->items, &list->capacity,
                                          list->count + 1, sizeof(*list->items));
        list->items[list->count] = (struct fetched){
                labels, alloc_new(&reader_type, sizeof(struct samples))};
        return list->items[list->count++].samples;
}

static void fetched_release(struct fetched_list *list)
{
        for (size_t i = 0; i < list->count; i++) {
                if (!list->items[i].samples)
                        continue;
                samples_release(list->items[i].samples);
                alloc_free(&reader_type, list->items[i].samples);
        }
        alloc_free(&reader_type, list->items);
}

/* The labels without those that were only added for the question. */
static struct labels own_labels(const struct remote_read_config *config, struct arena *arena,
                                struct labels labels)
{
        struct labels_builder builder;

        labels_builder_init(&builder, arena, labels);
        for (size_t i = 0; i < config->external_labels.count; i++) {
                const struct label *label = &config->external_labels.items[i];

                if (str_equal(labels_get(labels, label->name), label->value))
                        labels_builder_delete(&builder, label->name);
        }
        return labels_copy(arena, labels_builder_finish(&builder));
}

static bool too_many(struct fetched_list *list, size_t more, struct error *err)
{
        list->samples += more;
        return list->samples > SAMPLES_MAX &&
               !error_set(err, ERROR_LIMIT, "more than %d samples", SAMPLES_MAX);
}

static bool take_samples(const struct remote_read_config *config, struct str body,
                         struct arena *arena, struct fetched_list *list, struct error *err)
{
        struct buf message CLEANUP(buf_release) = BUF_INIT(ANSWER_MAX_BYTES);
        struct samples *samples = NULL;
        struct remote_write_entry entry;
        struct remote_write reader;
        struct str result;

        if (!compress_unsnappy(&message, body, ANSWER_MAX_BYTES, err) ||
            !remote_read_result_parse(buf_str(&message), &result, err) ||
            !remote_write_init(&reader, REMOTE_WRITE_1, result, arena, err))
                return false;
        for (;;) {
                struct labels_builder builder;

                switch (remote_write_next(&reader, &entry, err)) {
                case REMOTE_WRITE_END:
                        return true;
                case REMOTE_WRITE_ERROR:
                        return false;
                case REMOTE_WRITE_SERIES:
                        labels_builder_init(&builder, arena, (struct labels){0});
                        if (!remote_write_labels(entry.key, &builder, err))
                                return false;
                        samples = add_fetched(list,
                                              own_labels(config, arena,
                                                         labels_builder_finish(&builder)));
                        break;
                case REMOTE_WRITE_SAMPLE:
                case REMOTE_WRITE_HISTOGRAM:
                        add_sample(samples, &entry);
                        if (too_many(list, 1, err))
                                return false;
                        break;
                default:
                        break;
                }
        }
}

static bool take_chunks(const struct remote_read_config *config, struct str body,
                        struct arena *arena, struct fetched_list *list, struct error *err)
{
        struct remote_read_frames frames = {.rest = body, .series = STR_LIT("")};
        struct samples piece = {0};
        struct labels labels;
        bool ok = true;

        while (ok && remote_read_frames_next(&frames, arena, &labels, &piece, err)) {
                struct samples *samples = add_fetched(list, own_labels(config, arena, labels));

                for (size_t i = 0; i < piece.count; i++)
                        add_sample(samples, &(struct remote_write_entry){
                                                    .t_ms = piece.t_ms[i],
                                                    .v = piece.v[i],
                                                    .h = samples_histogram(&piece, i)});
                ok = !too_many(list, piece.count, err);
                samples_truncate(&piece, 0);
        }
        samples_release(&piece);
        return ok && err->code == ERROR_NONE;
}

static void ignore_done(struct http_fetch *fetch)
{
        (void)fetch;
}

/* Without a user and a password. */
static const char *shown_url(const struct remote_read_config *config, struct arena *arena)
{
        struct str rest = config->url, scheme = STR_LIT(""), host;
        size_t at;

        for (at = 0; at + 3 <= rest.len && memcmp(rest.data + at, "://", 3) != 0; at++)
                ;
        if (at + 3 <= rest.len) {
                scheme = str_slice(rest, 0, at + 3);
                rest = str_slice(rest, at + 3, rest.len);
        }
        host = str_slice(rest, 0, str_find_byte(rest, '/'));
        for (at = host.len; at > 0 && host.data[at - 1] != '@'; at--)
                ;
        return arena_printf(arena, STR_FMT STR_FMT, STR_ARG(scheme),
                            STR_ARG(str_slice(rest, at, rest.len)));
}

static bool fetch_answer(const struct remote_read_config *config, struct str body,
                         struct arena *arena, struct http_fetch *fetch, struct error *err)
{
        static const struct http_header headers[] = {
                {STR_LIT("Content-Encoding"), STR_LIT("snappy")},
                {STR_LIT("Content-Type"), STR_LIT("application/x-protobuf")},
                {STR_LIT("X-Prometheus-Remote-Read-Version"), STR_LIT("0.1.0")},
        };

        *fetch = (struct http_fetch){.options = config->http,
                                     .url = config->url,
                                     .request_body = body,
                                     .headers = headers,
                                     .header_count = ARRAY_LEN(headers),
                                     .timeout_ms = config->timeout_ms,
                                     .body = BUF_INIT(ANSWER_MAX_BYTES),
                                     .done = ignore_done};
        http_fetch_wait(fetch);
        if (fetch->failed) {
                *err = fetch->err;
                return error_prefix(err, "error sending request: Post \"%s\"",
                                    shown_url(config, arena));
        }
        if (fetch->status / 100 != 2)
                return error_set(err, ERROR_NETWORK,
                                 "remote server %s returned HTTP status %d: %.200s",
                                 shown_url(config, arena), fetch->status,
                                 fetch->body.data ? fetch->body.data : "");
        return true;
}

static bool ask(const struct remote_read_config *config, const struct remote_read_query *query,
                struct arena *arena, struct fetched_list *list, struct error *err)
{
        struct buf message CLEANUP(buf_release) = BUF_INIT(ANSWER_MAX_BYTES);
        struct buf body CLEANUP(buf_release) = BUF_INIT(ANSWER_MAX_BYTES);
        struct http_fetch fetch;
        struct str type;
        bool ok;

        remote_read_request_put(&message, query);
        compress_snappy(&body, buf_str(&message));
        ok = fetch_answer(config, buf_str(&body), arena, &fetch, err);
        type = str_from(fetch.content_type);
        if (ok && str_starts_with(type, STR_LIT("application/x-streamed-protobuf")))
                ok = take_chunks(config, buf_str(&fetch.body), arena, list, err);
        else if (ok)
                ok = take_samples(config, buf_str(&fetch.body), arena, list, err);
        buf_release(&fetch.body);
        return ok;
}

/* ---- which servers a selector concerns ------------------------------------------------------- */

static bool has_equal(const struct matcher *matchers, size_t count, const struct label *label)
{
        for (size_t i = 0; i < count; i++)
                if (matchers[i].op == MATCHER_EQUAL && str_equal(matchers[i].name, label->name) &&
                    str_equal(matchers[i].value, label->value))
                        return true;
        return false;
}

static bool applies(const struct remote_read_config *config, const struct matcher *matchers,
                    size_t count)
{
        for (size_t i = 0; i < config->required.count; i++)
                if (!has_equal(matchers, count, &config->required.items[i]))
                        return false;
        return true;
}

static bool names_label(const struct matcher *matchers, size_t count, struct str name)
{
        for (size_t i = 0; i < count; i++)
                if (str_equal(matchers[i].name, name))
                        return true;
        return false;
}

/* The question, narrowed to what the other end stores of us; false when it need not be asked. */
static bool make_query(const struct remote_querier *querier,
                       const struct remote_read_config *config, struct arena *arena,
                       const struct matcher *matchers, size_t count,
                       struct remote_read_query *ret_query, struct error *err)
{
        struct matcher *all = arena_array(arena, struct matcher,
                                          count + config->external_labels.count + 1);
        size_t total = count;

        if (!applies(config, matchers, count))
                return false;
        *ret_query = (struct remote_read_query){querier->mint_ms, querier->maxt_ms, all, 0};
        if (!config->read_recent) {
                int64_t oldest_ms = querier->reader->oldest_ms(querier->reader->ctx);

                if (oldest_ms <= querier->mint_ms)
                        return false;
                if (oldest_ms < ret_query->end_ms)
                        ret_query->end_ms = oldest_ms;
        }
        if (count)
                memcpy(all, matchers, count * sizeof(*all));
        for (size_t i = 0; i < config->external_labels.count; i++) {
                const struct label *label = &config->external_labels.items[i];

                if (!names_label(matchers, count, label->name) &&
                    matcher_init(&all[total], arena, MATCHER_EQUAL, label->name, label->value, err))
                        total++;
        }
        ret_query->matcher_count = total;
        return true;
}

/* ---- the querier ------------------------------------------------------- */

static int by_labels(const void *a, const void *b)
{
        return labels_compare(((const struct fetched *)a)->labels,
                              ((const struct fetched *)b)->labels);
}

static struct joined *join_new(struct remote_querier *querier)
{
        struct joined *joined = alloc_new(&reader_type, sizeof(*joined));

        joined->next = querier->joined;
        querier->joined = joined;
        return joined;
}

static int by_sample_time(const void *a, const void *b, void *ctx)
{
        const struct samples *samples = ctx;
        size_t x = *(const size_t *)a, y = *(const size_t *)b;

        if (samples->t_ms[x] != samples->t_ms[y])
                return samples->t_ms[x] < samples->t_ms[y] ? -1 : 1;
        return x < y ? -1 : x > y;
}

/* Samples of several servers in time order, of one timestamp the first. */
static void settle(struct samples *samples)
{
        struct samples sorted = {0};
        size_t *order;
        bool ascends = true;

        for (size_t i = 1; i < samples->count && ascends; i++)
                ascends = samples->t_ms[i - 1] < samples->t_ms[i];
        if (ascends)
                return;
        order = alloc_new(&reader_type, samples->count * sizeof(*order));
        for (size_t i = 0; i < samples->count; i++)
                order[i] = i;
        qsort_r(order, samples->count, sizeof(*order), by_sample_time, samples);
        for (size_t i = 0; i < samples->count; i++) {
                if (sorted.count && sorted.t_ms[sorted.count - 1] == samples->t_ms[order[i]])
                        continue;
                add_sample(&sorted, &(struct remote_write_entry){
                                            .t_ms = samples->t_ms[order[i]],
                                            .v = samples->v[order[i]],
                                            .h = samples_histogram(samples, order[i])});
        }
        alloc_free(&reader_type, order);
        samples_release(samples);
        *samples = sorted;
}

static void append_all(struct samples *to, const struct samples *from)
{
        for (size_t i = 0; i < from->count; i++)
                add_sample(to, &(struct remote_write_entry){.t_ms = from->t_ms[i],
                                                            .v = from->v[i],
                                                            .h = samples_histogram(from, i)});
}

/* Brings local and fetched series into one list; takes the fetched samples. */
static struct series_list join(struct remote_querier *querier, struct arena *arena,
                               const struct series_list *local, struct fetched_list *fetched)
{
        struct series_list all = {
                .items = arena_array(arena, struct series, local->count + fetched->count + 1)};
        size_t l = 0, f = 0;

        if (fetched->count)
                qsort(fetched->items, fetched->count, sizeof(*fetched->items), by_labels);
        while (l < local->count || f < fetched->count) {
                struct joined *joined = join_new(querier);
                int order = l == local->count     ? 1
                            : f == fetched->count ? -1
                                                  : labels_compare(local->items[l].labels,
                                                                   fetched->items[f].labels);
                struct labels labels = order <= 0 ? local->items[l].labels
                                                  : fetched->items[f].labels;

                if (order <= 0) {
                        joined->has_local = true;
                        joined->local = local->items[l++];
                }
                for (; f < fetched->count && labels_equal(fetched->items[f].labels, labels); f++) {
                        if (!joined->remote) {
                                joined->remote = TAKE(fetched->items[f].samples);
                                continue;
                        }
                        append_all(joined->remote, fetched->items[f].samples);
                }
                if (joined->remote)
                        settle(joined->remote);
                all.items[all.count++] = (struct series){labels, (uint64_t)(uintptr_t)joined};
        }
        return all;
}

static void add_warning(struct remote_querier *querier, const struct error *failure)
{
        char text[sizeof(failure->text) + 16];

        snprintf(text, sizeof(text), "remote_read: %s", failure->text);
        for (size_t i = 0; i < querier->warning_count; i++)
                if (strcmp(querier->warnings[i], text) == 0)
                        return;
        if (querier->warning_count == WARNINGS_MAX)
                return;
        querier->warnings = alloc_array_reserve(&reader_type, querier->warnings,
                                                &querier->warning_capacity,
                                                querier->warning_count + 1,
                                                sizeof(*querier->warnings));
        querier->warnings[querier->warning_count++] =
                alloc_strdup(&reader_type, text, strlen(text));
}

static const char *const *remote_warnings(struct querier *base, size_t *ret_count)
{
        struct remote_querier *querier = (struct remote_querier *)base;

        *ret_count = querier->warning_count;
        return (const char *const *)querier->warnings;
}

static bool remote_select(struct querier *base, struct arena *arena,
                          const struct matcher *matchers, size_t matcher_count,
                          const atomic_bool *cancel, struct series_list *ret_list,
                          struct error *err)
{
        struct remote_querier *querier = (struct remote_querier *)base;
        struct fetched_list fetched = {0};
        struct series_list local;

        if (!querier->local->ops->select(querier->local, arena, matchers, matcher_count, cancel,
                                         &local, err))
                return false;
        for (size_t i = 0; i < querier->configs.count; i++) {
                const struct remote_read_config *config = querier->configs.items[i];
                struct remote_read_query query;
                struct error failure;
                size_t before = fetched.count;

                if (!make_query(querier, config, arena, matchers, matcher_count, &query, &failure))
                        continue;
                metric_add(&reads_total, 1);
                if (ask(config, &query, arena, &fetched, &failure))
                        continue;
                metric_add(&reads_failed, 1);
                add_warning(querier, &failure);
                log_with(LOG_WARN, "remote read fails, its data are missing",
                         LOG_STR("remote_name", config->name), LOG_STR("url", config->url),
                         LOG_CSTR("error", failure.text));
                for (size_t k = before; k < fetched.count; k++)
                        samples_truncate(fetched.items[k].samples, 0);
        }
        *ret_list = join(querier, arena, &local, &fetched);
        fetched_release(&fetched);
        return true;
}

static bool remote_read(struct querier *base, const struct series *series, int64_t mint_ms,
                        int64_t maxt_ms, struct samples *samples, struct error *err)
{
        struct remote_querier *querier = (struct remote_querier *)base;
        const struct joined *joined = (const struct joined *)(uintptr_t)series->ref;
        struct samples both = {0};

        if (joined->has_local && !joined->remote)
                return querier->local->ops->read(querier->local, &joined->local, mint_ms, maxt_ms,
                                                 samples, err);
        if (joined->has_local &&
            !querier->local->ops->read(querier->local, &joined->local, mint_ms, maxt_ms, &both,
                                       err)) {
                samples_release(&both);
                return false;
        }
        for (size_t i = 0; i < joined->remote->count; i++)
                if (joined->remote->t_ms[i] >= mint_ms && joined->remote->t_ms[i] <= maxt_ms)
                        add_sample(&both, &(struct remote_write_entry){
                                                  .t_ms = joined->remote->t_ms[i],
                                                  .v = joined->remote->v[i],
                                                  .h = samples_histogram(joined->remote, i)});
        settle(&both);
        append_all(samples, &both);
        samples_release(&both);
        return true;
}

static bool remote_label_names(struct querier *base, struct arena *arena,
                               const struct matcher *matchers, size_t matcher_count,
                               struct str **ret_names, size_t *ret_count, struct error *err)
{
        struct querier *local = ((struct remote_querier *)base)->local;

        return local->ops->label_names(local, arena, matchers, matcher_count, ret_names, ret_count,
                                       err);
}

static bool remote_label_values(struct querier *base, struct arena *arena, struct str name,
                                const struct matcher *matchers, size_t matcher_count,
                                struct str **ret_values, size_t *ret_count, struct error *err)
{
        struct querier *local = ((struct remote_querier *)base)->local;

        return local->ops->label_values(local, arena, name, matchers, matcher_count, ret_values,
                                        ret_count, err);
}

static bool remote_exemplars(struct querier *base, struct arena *arena,
                             const struct series_selector *selectors, size_t selector_count,
                             struct exemplar_series **ret_series, size_t *ret_count,
                             struct error *err)
{
        struct querier *local = ((struct remote_querier *)base)->local;

        return local->ops->exemplars(local, arena, selectors, selector_count, ret_series,
                                     ret_count, err);
}

static void remote_close(struct querier *base)
{
        struct remote_querier *querier = (struct remote_querier *)base;

        while (querier->joined) {
                struct joined *joined = querier->joined;

                querier->joined = joined->next;
                if (joined->remote)
                        samples_release(joined->remote);
                alloc_free(&reader_type, joined->remote);
                alloc_free(&reader_type, joined);
        }
        for (size_t i = 0; i < querier->warning_count; i++)
                alloc_free(&reader_type, querier->warnings[i]);
        alloc_free(&reader_type, querier->warnings);
        querier->local->ops->close(querier->local);
        list_unref(&querier->configs);
        alloc_free(&reader_type, querier);
}

static bool open_querier(void *ctx, int64_t mint_ms, int64_t maxt_ms, struct querier **ret_querier,
                         struct error *err)
{
        static const struct querier_ops ops = {
                .select = remote_select,
                .read = remote_read,
                .label_names = remote_label_names,
                .label_values = remote_label_values,
                .exemplars = remote_exemplars,
                .warnings = remote_warnings,
                .close = remote_close,
        };
        struct remote_reader *reader = ctx;
        struct remote_querier *querier;
        struct config_list configs;
        struct querier *local;

        if (!reader->local.open(reader->local.ctx, mint_ms, maxt_ms, &local, err))
                return false;
        pthread_mutex_lock(&reader->lock);
        configs = list_ref(reader->configs.items, reader->configs.count);
        pthread_mutex_unlock(&reader->lock);
        if (!configs.count) {
                list_unref(&configs);
                *ret_querier = local;
                return true;
        }
        querier = alloc_new(&reader_type, sizeof(*querier));
        *querier = (struct remote_querier){.base = {.ops = &ops},
                                           .reader = reader,
                                           .local = local,
                                           .mint_ms = mint_ms,
                                           .maxt_ms = maxt_ms,
                                           .configs = configs};
        *ret_querier = &querier->base;
        return true;
}

/* ---- the reader ------------------------------------------------------- */

struct remote_reader *remote_reader_new(const struct series_source *local,
                                        int64_t (*oldest_ms)(void *ctx), void *ctx)
{
        struct remote_reader *reader = alloc_new(&reader_type, sizeof(*reader));

        reader->local = *local;
        reader->oldest_ms = oldest_ms;
        reader->ctx = ctx;
        pthread_mutex_init(&reader->lock, NULL);
        return reader;
}

struct remote_reader *remote_reader_free(struct remote_reader *reader)
{
        if (!reader)
                return NULL;
        list_unref(&reader->configs);
        pthread_mutex_destroy(&reader->lock);
        return alloc_free(&reader_type, reader);
}

void remote_reader_apply(struct remote_reader *reader, struct remote_read_config *const *configs,
                         size_t count)
{
        struct config_list fresh = list_ref(configs, count), old;

        pthread_mutex_lock(&reader->lock);
        old = reader->configs;
        reader->configs = fresh;
        pthread_mutex_unlock(&reader->lock);
        list_unref(&old);
}

struct series_source remote_reader_source(struct remote_reader *reader)
{
        return (struct series_source){open_querier, reader};
}

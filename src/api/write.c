/* POST /api/v1/write: the remote write receiver, messages 1.0 and 2.0. Status codes, headers and
 * what is stored of a request that is partly bad are the specification's; where 1.0 leaves it
 * open, 2.0's way is taken for both. */
#include <stdatomic.h>
#include <strings.h>

#include "api/api_int.h"
#include "base/thread.h"
#include "codec/compress.h"
#include "formats/remote_write.h"
#include "ingest/push.h"

/* A sender's default batch is a hundredth of it; what a request is in memory is bounded too. */
enum { MESSAGE_MAX_BYTES = 32 << 20, ARENA_MAX_BYTES = 64 << 20 };
/* A byte of a message takes at most about so many while it is stored. */
enum { COST_PER_BYTE = 8 };
/* Storing takes a core; more at once would only take more memory. */
enum { WRITES_PER_CORE = 2 };

static bool is_word(struct str text, const char *word)
{
        return text.len == strlen(word) && strncasecmp(text.data, word, text.len) == 0;
}

/* ---- what was sent ------------------------------------------------------------------------ */

static bool unsupported(struct http_response *response, struct arena *arena, const char *what,
                        struct str value)
{
        http_response_text(response, 415,
                           arena_printf(arena, "%s \"%.*s\" is not accepted by this server; "
                                        "remote write is application/x-protobuf with proto="
                                        "prometheus.WriteRequest or "
                                        "io.prometheus.write.v2.Request, compressed with "
                                        "snappy\n", what, value.len > 200 ? 200 : (int)value.len,
                                        value.data));
        return false;
}

/* Without a type it is 1.0, whose first senders had none. */
static bool read_version(struct http_request *request, struct http_response *response,
                         enum remote_write_version *ret_version)
{
        struct str type = str_trim(http_request_header(request, "Content-Type"));
        struct str rest = type, part, name;

        *ret_version = REMOTE_WRITE_1;
        if (!type.len)
                return true;
        if (!str_cut(&rest, ';', &part) || !is_word(str_trim(part), "application/x-protobuf"))
                return unsupported(response, request->arena, "Content-Type", type);
        while (rest.len && str_cut(&rest, ';', &part)) {
                if (!str_cut(&part, '=', &name) || !is_word(str_trim(name), "proto"))
                        continue;
                if (str_is(str_trim(part), "io.prometheus.write.v2.Request"))
                        *ret_version = REMOTE_WRITE_2;
                else if (!str_is(str_trim(part), "prometheus.WriteRequest"))
                        return unsupported(response, request->arena, "Content-Type", type);
        }
        return true;
}

/* All writes under way may take as much memory as one query; one of them may always go on. */
static bool reserve(struct api *api, struct http_request *request, struct http_response *response,
                    size_t *ret_cost)
{
        size_t decoded, cost = request->body.len;

        if (compress_snappy_length(request->body, &decoded) && decoded <= MESSAGE_MAX_BYTES)
                cost += COST_PER_BYTE * decoded;
        *ret_cost = cost;
        if (atomic_fetch_add(&api->write_bytes, cost) == 0 ||
            atomic_load(&api->write_bytes) <= api->query_options->max_bytes)
                return true;
        atomic_fetch_sub(&api->write_bytes, cost);
        http_response_text(response, 503, "too much is being written at once\n");
        http_response_header(response, "Retry-After", "1");
        return false;
}

static bool decode_body(struct http_request *request, struct http_response *response,
                        struct buf *message)
{
        struct str encoding = str_trim(http_request_header(request, "Content-Encoding"));
        struct error err;

        if (encoding.len && !is_word(encoding, "snappy"))
                return unsupported(response, request->arena, "Content-Encoding", encoding);
        if (compress_unsnappy(message, request->body, MESSAGE_MAX_BYTES, &err))
                return true;
        http_response_text(response, err.code == ERROR_LIMIT ? 413 : 400,
                           arena_printf(request->arena, "%s\n", err.text));
        return false;
}

/* ---- from message to batch ---------------------------------------------------------------- */

static const struct push_series_metadata *
series_metadata(struct arena *arena, const struct remote_write_metadata *metadata)
{
        struct push_series_metadata *said;

        if (!metadata->help.len && !metadata->unit.len && strcmp(metadata->type, "unknown") == 0)
                return NULL;
        said = arena_new(arena, struct push_series_metadata);
        *said = (struct push_series_metadata){str_from(metadata->type), metadata->help,
                                              metadata->unit};
        return said;
}

/* With type-and-unit-labels what a series says of its metric becomes labels, whatever it has of
 * these names. A broken key stays: the batch says what is wrong with it. */
static struct str labelled_key(const struct api *api, struct arena *arena,
                               const struct remote_write_entry *entry)
{
        struct str type = str_from(entry->metadata.type), unit = entry->metadata.unit;
        struct labels_builder builder;

        if (str_is(type, "unknown"))
                type = STR_LIT("");
        if (!api->query_options->features.type_and_unit_labels || (!type.len && !unit.len))
                return entry->key;
        labels_builder_init(&builder, arena, (struct labels){0});
        if (!remote_write_labels(entry->key, &builder, NULL))
                return entry->key;
        if (type.len)
                labels_builder_set(&builder, STR_LIT("__type__"), type);
        if (unit.len)
                labels_builder_set(&builder, STR_LIT("__unit__"), unit);
        return remote_write_key(arena, labels_builder_finish(&builder));
}

static void note_metadata(struct metadata_table *table,
                          const struct remote_write_metadata *metadata)
{
        metadata_table_set(table, metadata->metric, METADATA_TYPE, str_from(metadata->type));
        metadata_table_set(table, metadata->metric, METADATA_HELP, metadata->help);
        metadata_table_set(table, metadata->metric, METADATA_UNIT, metadata->unit);
}

static bool add_histogram(struct push_batch *batch, const struct remote_write_entry *entry,
                          struct error *err)
{
        if (entry->h)
                return push_batch_histogram(batch, entry->t_ms, entry->h, entry->start_ms, err);
        push_batch_refuse(batch, entry->error.text);
        return true;
}

static bool fill_batch(struct api *api, struct remote_write *reader, struct push_batch *batch,
                       struct error *err)
{
        struct remote_write_entry entry;
        bool ok = true;

        while (ok) {
                switch (remote_write_next(reader, &entry, err)) {
                case REMOTE_WRITE_END:
                        return true;
                case REMOTE_WRITE_ERROR:
                        return false;
                case REMOTE_WRITE_SERIES:
                        ok = push_batch_series(batch, labelled_key(api, reader->arena, &entry),
                                               series_metadata(reader->arena, &entry.metadata),
                                               err);
                        break;
                case REMOTE_WRITE_SAMPLE:
                        ok = push_batch_sample(batch, entry.t_ms, entry.v, entry.start_ms, err);
                        break;
                case REMOTE_WRITE_HISTOGRAM:
                        ok = add_histogram(batch, &entry, err);
                        break;
                case REMOTE_WRITE_EXEMPLAR:
                        ok = push_batch_exemplar(batch, &entry.exemplar, err);
                        break;
                case REMOTE_WRITE_METADATA:
                        note_metadata(push_metadata(api->push), &entry.metadata);
                        break;
                }
        }
        return false;
}

/* ---- the answer --------------------------------------------------------------------------- */

static void put_count(struct http_response *response, struct arena *arena, const char *name,
                      uint64_t count)
{
        http_response_header(response, name,
                             arena_printf(arena, "%llu", (unsigned long long)count));
}

static void put_counts(struct http_response *response, struct arena *arena,
                       const struct push_result *result)
{
        put_count(response, arena, "X-Prometheus-Remote-Write-Samples-Written", result->samples);
        put_count(response, arena, "X-Prometheus-Remote-Write-Histograms-Written",
                  result->histograms);
        put_count(response, arena, "X-Prometheus-Remote-Write-Exemplars-Written",
                  result->exemplars);
}

static void fail_write(struct http_response *response, struct arena *arena,
                       const struct error *err)
{
        int status = err->code == ERROR_FULL ? 503 : err->code == ERROR_LIMIT ? 413
                     : err->code == ERROR_INVALID ? 400 : 500;

        http_response_text(response, status, arena_printf(arena, "%s\n", err->text));
        if (status == 503)
                http_response_header(response, "Retry-After", "30");
}

static void write_message(struct api *api, struct http_request *request,
                          struct http_response *response, enum remote_write_version version,
                          struct str message, struct arena *arena)
{
        struct push_batch *batch = push_batch_new(api->push);
        struct push_result result = {.reasons = {"", 0}};
        struct remote_write reader;
        struct error err;
        bool ok = remote_write_init(&reader, version, message, arena, &err) &&
                  fill_batch(api, &reader, batch, &err) && push_batch_write(batch, &result, &err);
        bool refused = result.refused_series || result.refused_samples ||
                       (version == REMOTE_WRITE_2 && result.refused_exemplars);

        if (!ok)
                fail_write(response, request->arena, &err);
        else if (refused)
                http_response_text(response, 400,
                                   arena_str(request->arena, result.reasons).data);
        else
                response->status = 204;
        if (version == REMOTE_WRITE_2)
                put_counts(response, request->arena, &result);
        push_batch_free(batch);
}

static void handle_write(struct http_request *request, struct http_response *response, void *ctx)
{
        struct buf message CLEANUP(buf_release) = BUF_INIT(MESSAGE_MAX_BYTES);
        enum remote_write_version version;
        struct api *api = ctx;
        struct arena arena;
        size_t cost;

        if (!read_version(request, response, &version) ||
            !api_gate_enter(api->write_gate, response))
                return;
        if (reserve(api, request, response, &cost)) {
                if (decode_body(request, response, &message)) {
                        arena_init(&arena, ARENA_MAX_BYTES);
                        write_message(api, request, response, version, buf_str(&message), &arena);
                        arena_release(&arena);
                }
                atomic_fetch_sub(&api->write_bytes, cost);
        }
        api_gate_leave(api->write_gate);
}

void api_write_register(struct api *api, struct http_router *router)
{
        unsigned writes_max = WRITES_PER_CORE * (unsigned)thread_core_count();

        api->write_gate = api_gate_new(writes_max, writes_max);
        http_router_add(router, "POST", "/api/v1/write", handle_write, api);
}

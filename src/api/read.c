/* POST /api/v1/read: remote read, in samples or as a stream of chunks. */
#include "api/api_int.h"
#include "codec/compress.h"
#include "formats/remote_read.h"
#include "formats/remote_write.h"

enum { REQUEST_MAX_BYTES = 32 << 20 };

struct reading {
        struct api *api;
        struct http_request *request;
        const struct remote_read_query *query;
        struct querier *querier;
        struct series_list list;
        size_t samples_left;
};

static bool open_reading(struct reading *reading, struct error *err)
{
        const struct series_source *source = &reading->api->local; /* or two could ask in circles */
        const struct remote_read_query *query = reading->query;

        if (!source->open(source->ctx, query->start_ms, query->end_ms, &reading->querier, err))
                return false;
        if (reading->querier->ops->select(reading->querier, reading->request->arena,
                                          query->matchers, query->matcher_count,
                                          &reading->request->canceled, &reading->list, err))
                return true;
        reading->querier->ops->close(reading->querier);
        return false;
}

static bool read_series(struct reading *reading, size_t index, struct samples *samples,
                        struct error *err)
{
        samples_truncate(samples, 0);
        if (!reading->querier->ops->read(reading->querier, &reading->list.items[index],
                                         reading->query->start_ms, reading->query->end_ms, samples,
                                         err))
                return false;
        if (samples->count > reading->samples_left)
                return error_set(err, ERROR_LIMIT, "exceeded sample limit (%llu)",
                                 (unsigned long long)reading->api->read_sample_limit);
        reading->samples_left -= samples->count;
        return true;
}

static void put_samples(struct remote_write_writer *writer, struct labels labels,
                        const struct samples *samples)
{
        remote_write_begin_series(writer, labels, NULL);
        for (size_t i = 0; i < samples->count; i++) {
                const struct histogram *h = samples_histogram(samples, i);

                if (h)
                        remote_write_put_histogram(writer, samples->t_ms[i], h, 0);
                else
                        remote_write_put_sample(writer, samples->t_ms[i], samples->v[i], 0);
        }
        remote_write_end_series(writer);
}

static bool answer_samples(struct reading *reading, struct buf *out, struct error *err)
{
        struct buf result CLEANUP(buf_release) = BUF_INIT(out->max_bytes);
        struct remote_write_writer writer;
        struct samples samples = {0};
        bool ok = true;

        remote_write_writer_init(&writer, REMOTE_WRITE_1, out->max_bytes,
                                 reading->request->arena);
        for (size_t i = 0; i < reading->list.count && ok; i++) {
                ok = read_series(reading, i, &samples, err);
                if (ok && samples.count)
                        put_samples(&writer, reading->list.items[i].labels, &samples);
        }
        if (ok && !remote_write_finish(&writer, &result))
                ok = error_set(err, ERROR_LIMIT, "the answer is larger than %zu bytes",
                               out->max_bytes);
        remote_write_writer_release(&writer);
        samples_release(&samples);
        if (ok)
                remote_read_result_put(out, buf_str(&result));
        return ok;
}

static bool answer_chunks(struct reading *reading, struct buf *out, size_t query_index,
                          struct error *err)
{
        struct samples samples = {0};
        bool ok = true;

        for (size_t i = 0; i < reading->list.count && ok; i++) {
                ok = read_series(reading, i, &samples, err);
                if (ok)
                        remote_read_frames_put(out, reading->list.items[i].labels, &samples,
                                               query_index);
                if (ok && out->overflow)
                        ok = error_set(err, ERROR_LIMIT, "the answer is larger than %zu bytes",
                                       out->max_bytes);
        }
        samples_release(&samples);
        return ok;
}

static bool answer_queries(struct api *api, struct http_request *request,
                           const struct remote_read_request *read, struct buf *out,
                           struct error *err)
{
        uint64_t limit = api->read_sample_limit;
        size_t samples_left = limit ? limit : SIZE_MAX;

        for (size_t i = 0; i < read->query_count; i++) {
                struct reading reading = {.api = api, .request = request,
                                          .query = &read->queries[i],
                                          .samples_left = samples_left};
                bool ok = open_reading(&reading, err);

                if (!ok)
                        return false;
                ok = read->chunks ? answer_chunks(&reading, out, i, err)
                                  : answer_samples(&reading, out, err);
                reading.querier->ops->close(reading.querier);
                if (!ok)
                        return false;
                samples_left = reading.samples_left;
        }
        return true;
}

static void fail(struct http_request *request, struct http_response *response,
                 const struct error *err)
{
        bool theirs = err->code == ERROR_INVALID || err->code == ERROR_CORRUPT ||
                      err->code == ERROR_LIMIT;
        int status = theirs ? 400 : 500;

        http_response_text(response, status, arena_printf(request->arena, "%s\n", err->text));
}

static void handle_read(struct http_request *request, struct http_response *response, void *ctx)
{
        struct buf message CLEANUP(buf_release) = BUF_INIT(REQUEST_MAX_BYTES);
        struct buf plain CLEANUP(buf_release) = BUF_INIT(response->body.max_bytes);
        struct remote_read_request read;
        struct api *api = ctx;
        struct error err;
        bool ok;

        if (!compress_unsnappy(&message, request->body, REQUEST_MAX_BYTES, &err) ||
            !remote_read_request_parse(request->arena, buf_str(&message), &read, &err)) {
                fail(request, response, &err);
                return;
        }
        if (!api_gate_enter(api->gate, response))
                return;
        ok = answer_queries(api, request, &read, read.chunks ? &response->body : &plain, &err);
        api_gate_leave(api->gate);
        if (!ok) {
                fail(request, response, &err);
                return;
        }
        if (read.chunks) {
                response->content_type =
                        "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse";
                return;
        }
        compress_snappy(&response->body, buf_str(&plain));
        response->content_type = "application/x-protobuf";
        http_response_header(response, "Content-Encoding", "snappy");
}

void api_read_register(struct api *api, struct http_router *router)
{
        http_router_add(router, "POST", "/api/v1/read", handle_read, api);
}

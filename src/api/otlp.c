/* OTLP over HTTP: POST /v1/metrics and the paths that Prometheus has for it, in protobuf and JSON.
 * Answers are the specification's (OTLP 1.x, "OTLP/HTTP Response"): what could not be taken for
 * good is told in a partial success, so that clients do not send it again. */
#include "api/api_int.h"
#include "codec/protobuf.h"
#include "formats/otlp_json.h"
#include "ingest/push_otlp.h"

enum { MESSAGE_MAX_BYTES = 64 << 20, ARENA_MAX_BYTES = 256 << 20 };
/* The numbers of ExportMetricsServiceResponse, ExportMetricsPartialSuccess, google.rpc.Status. */
enum { RESPONSE_PARTIAL = 1, PARTIAL_REJECTED = 1, PARTIAL_MESSAGE = 2, STATUS_CODE = 1,
       STATUS_MESSAGE = 2 };
/* Of google.rpc.Code. */
enum { CODE_INVALID_ARGUMENT = 3, CODE_RESOURCE_EXHAUSTED = 8, CODE_INTERNAL = 13,
       CODE_UNAVAILABLE = 14 };

static bool is_json(struct str type)
{
        return api_is_word(type, "application/json");
}

static struct str media_type(struct http_request *request)
{
        struct str rest = http_request_header(request, "Content-Type"), type;

        return str_cut(&rest, ';', &type) ? str_trim(type) : STR_LIT("");
}

static int rpc_code(int status)
{
        return status == 503   ? CODE_UNAVAILABLE
               : status == 413 ? CODE_RESOURCE_EXHAUSTED
               : status == 500 ? CODE_INTERNAL
                               : CODE_INVALID_ARGUMENT;
}

static void fail(struct http_response *response, bool json, const struct error *err)
{
        struct json_writer writer = json_writer_make(&response->body);
        int status = api_push_status(err);

        response->status = status;
        buf_clear(&response->body);
        if (status == 503)
                http_response_header(response, "Retry-After", "30");
        if (json) {
                json_object_begin(&writer);
                json_key(&writer, "code");
                json_int(&writer, rpc_code(status));
                json_key(&writer, "message");
                json_cstring(&writer, err->text);
                json_object_end(&writer);
        } else {
                protobuf_put_uint(&response->body, STATUS_CODE, (uint64_t)rpc_code(status));
                protobuf_put_bytes(&response->body, STATUS_MESSAGE, str_from(err->text));
        }
}

static void succeed(struct http_response *response, bool json,
                    const struct push_otlp_result *result)
{
        bool partial = result->rejected || result->reasons.len;
        struct json_writer writer = json_writer_make(&response->body);
        size_t begun;

        if (!json && partial) {
                begun = protobuf_begin(&response->body, RESPONSE_PARTIAL);
                if (result->rejected)
                        protobuf_put_uint(&response->body, PARTIAL_REJECTED, result->rejected);
                protobuf_put_bytes(&response->body, PARTIAL_MESSAGE, result->reasons);
                protobuf_end(&response->body, begun);
        }
        if (!json)
                return;
        json_object_begin(&writer);
        if (partial) {
                json_key(&writer, "partialSuccess");
                json_object_begin(&writer);
                json_key(&writer, "rejectedDataPoints");
                buf_printf(&response->body, "\"%zu\"", result->rejected);
                writer.need_comma = true;
                json_key(&writer, "errorMessage");
                json_string(&writer, result->reasons);
                json_object_end(&writer);
        }
        json_object_end(&writer);
}

static bool take_metrics(struct api *api, struct http_request *request, bool json,
                         struct arena *arena, struct push_otlp_result *ret_result,
                         struct error *err)
{
        struct buf plain CLEANUP(buf_release) = BUF_INIT(MESSAGE_MAX_BYTES);
        struct buf converted CLEANUP(buf_release) = BUF_INIT(MESSAGE_MAX_BYTES);
        struct otlp_options options;
        struct str message;

        if (!api_body(request, &plain, &message, err))
                return false;
        if (json) {
                if (!otlp_json_convert(message, &otlp_json_metrics, &converted, err))
                        return false;
                message = buf_str(&converted);
        }
        api->otlp_options(api->ctx, arena, &options);
        options.target_info_interval_ms = api->query_options->lookback_ms / 2;
        return push_otlp_metrics(api->push, message, &options, arena, ret_result, err);
}

static void handle_metrics(struct http_request *request, struct http_response *response, void *ctx)
{
        struct str type = media_type(request);
        struct push_otlp_result result;
        bool json = is_json(type);
        struct api *api = ctx;
        struct arena arena;
        struct error err;

        if (!json && !api_is_word(type, "application/x-protobuf")) {
                http_response_text(response, 415, "OTLP is application/x-protobuf or "
                                                  "application/json\n");
                return;
        }
        if (!api_gate_enter(api->write_gate, response))
                return;
        response->content_type = json ? "application/json" : "application/x-protobuf";
        arena_init(&arena, ARENA_MAX_BYTES);
        if (take_metrics(api, request, json, &arena, &result, &err))
                succeed(response, json, &result);
        else
                fail(response, json, &err);
        arena_release(&arena);
        api_gate_leave(api->write_gate);
}

void api_otlp_register(struct api *api, struct http_router *router)
{
        http_router_add(router, "POST", "/api/v1/otlp/v1/metrics", handle_metrics, api);
        http_router_add(router, "POST", "/otlp/v1/metrics", handle_metrics, api);
        http_router_add(router, "POST", "/v1/metrics", handle_metrics, api);
}

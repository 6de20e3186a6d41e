/* InfluxDB's write APIs, 1.x and 2.x: lines in, 204 out. What of a body is bad is told, the rest is
 * stored, as InfluxDB does it. */
#include "api/api_int.h"
#include "ingest/push_influx.h"

enum { BODY_MAX_BYTES = 64 << 20, ARENA_MAX_BYTES = 256 << 20 };

static bool read_precision(struct http_request *request, int64_t *ret_unit_ns, struct error *err)
{
        static const struct {
                const char *name;
                int64_t unit_ns;
        } units[] = {
                {"", 1}, {"n", 1}, {"ns", 1}, {"u", 1000}, {"us", 1000}, {"\xc2\xb5", 1000},
                {"ms", 1000000}, {"s", 1000000000}, {"m", (int64_t)60 * 1000000000},
                {"h", (int64_t)3600 * 1000000000},
        };
        struct str precision = http_request_param(request, "precision");

        for (size_t i = 0; i < ARRAY_LEN(units); i++) {
                if (!str_is(precision, units[i].name))
                        continue;
                *ret_unit_ns = units[i].unit_ns;
                return true;
        }
        return error_set(err, ERROR_INVALID, "invalid precision \"%.*s\" (use n, u, ms, s, m or "
                         "h)", precision.len > 50 ? 50 : (int)precision.len, precision.data);
}

/* 1.x reads "error", 2.x "code" and "message". */
static void fail(struct http_response *response, int status, struct str text)
{
        struct json_writer writer = json_writer_make(&response->body);

        response->status = status;
        response->content_type = "application/json";
        if (status == 503)
                http_response_header(response, "Retry-After", "30");
        json_object_begin(&writer);
        json_key(&writer, "code");
        json_cstring(&writer, status == 413   ? "request too large"
                              : status == 503 ? "unavailable"
                              : status < 500  ? "invalid"
                                              : "internal error");
        json_key(&writer, "error");
        json_string(&writer, text);
        json_key(&writer, "message");
        json_string(&writer, text);
        json_object_end(&writer);
}

static bool write_lines(struct api *api, struct http_request *request, struct arena *arena,
                        struct push_influx_result *ret_result, struct error *err)
{
        struct buf plain CLEANUP(buf_release) = BUF_INIT(BODY_MAX_BYTES);
        struct push_influx_options options = {.db = http_request_param(request, "db"),
                                              .now_ms = clock_now_ms(api->clock)};
        struct str body;

        if (!options.db.len)
                options.db = http_request_param(request, "bucket");
        return read_precision(request, &options.unit_ns, err) &&
               api_body(request, &plain, &body, err) &&
               push_influx(api->push, body, &options, arena, ret_result, err);
}

static void handle_write(struct http_request *request, struct http_response *response, void *ctx)
{
        struct push_influx_result result;
        struct api *api = ctx;
        struct arena arena;
        struct error err;

        if (!api_gate_enter(api->write_gate, response))
                return;
        arena_init(&arena, ARENA_MAX_BYTES);
        if (!write_lines(api, request, &arena, &result, &err))
                fail(response, api_push_status(&err), str_from(err.text));
        else if (result.bad_lines || result.written.refused_series ||
                 result.written.refused_samples)
                fail(response, 400, str_from(arena_printf(request->arena, "partial write: %.*s",
                                                          STR_ARG(str_trim(result.reasons)))));
        else
                response->status = 204;
        arena_release(&arena);
        api_gate_leave(api->write_gate);
}

static void handle_ping(struct http_request *request, struct http_response *response, void *ctx)
{
        (void)request;
        (void)ctx;
        response->status = 204;
        http_response_header(response, "X-Influxdb-Version", "1.8.0");
}

void api_influx_register(struct api *api, struct http_router *router)
{
        static const struct {
                const char *method, *path;
                http_handler handler;
        } routes[] = {
                {"POST", "/write", handle_write},
                {"POST", "/api/v2/write", handle_write},
                {"POST", "/influx/write", handle_write},
                {"POST", "/influx/api/v2/write", handle_write},
                /* Clients ask whether anybody is there. */
                {"GET", "/ping", handle_ping},
                {"GET", "/influx/ping", handle_ping},
        };

        for (size_t i = 0; i < ARRAY_LEN(routes); i++)
                http_router_add(router, routes[i].method, routes[i].path, routes[i].handler, api);
}

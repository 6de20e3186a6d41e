/* /api/v1/admin/tsdb: deleting series, giving their space back, snapshots. */
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

#include "api/api_int.h"
#include "base/file.h"
#include "tsdb/tsdb.h"

static bool refuse(struct api *api, struct http_response *response)
{
        struct error err;

        if (api->admin_enabled)
                return false;
        error_set(&err, ERROR_NETWORK, "admin APIs disabled");
        api_fail(response, &err);
        return true;
}

static void handle_delete_series(struct http_request *request, struct http_response *response,
                                 void *ctx)
{
        struct api *api = ctx;
        struct series_selector *selectors;
        struct api_selectors given;
        int64_t start_ms, end_ms;
        struct error err;

        if (refuse(api, response))
                return;
        if (!http_request_has_param(request, "match[]")) {
                error_set(&err, ERROR_INVALID, "no match[] parameter provided");
                api_fail(response, &err);
                return;
        }
        if (!api_time(request, response, "start", API_MIN_TIME_MS, &start_ms) ||
            !api_time(request, response, "end", API_MAX_TIME_MS, &end_ms))
                return;
        if (!api_selectors(request, &given, &err)) {
                api_bad_parameter(response, "match[]", "%s", err.text);
                return;
        }
        selectors = arena_array(request->arena, struct series_selector, given.count);
        for (size_t i = 0; i < given.count; i++)
                selectors[i] = (struct series_selector){given.items[i].matchers,
                                                        given.items[i].count};
        if (tsdb_delete(api->tsdb, selectors, given.count, start_ms, end_ms, &err))
                response->status = 204;
        else
                api_fail(response, &err);
}

static void handle_clean_tombstones(struct http_request *request, struct http_response *response,
                                    void *ctx)
{
        struct api *api = ctx;
        struct error err;

        (void)request;
        if (refuse(api, response))
                return;
        if (tsdb_clean_tombstones(api->tsdb, &err))
                response->status = 204;
        else
                api_fail(response, &err);
}

/* As Prometheus names them: the time, and something random. */
static const char *snapshot_name(struct api *api, struct arena *arena)
{
        time_t now = (time_t)(clock_now_ms(api->clock) / 1000);
        uint64_t chance;
        struct tm tm;
        char text[32];

        BUG_ON(getrandom(&chance, sizeof(chance), 0) != sizeof(chance));
        gmtime_r(&now, &tm);
        strftime(text, sizeof(text), "%Y%m%dT%H%M%SZ", &tm);
        return arena_printf(arena, "%s-%016llx", text, (unsigned long long)chance);
}

static void handle_snapshot(struct http_request *request, struct http_response *response,
                            void *ctx)
{
        struct api *api = ctx;
        struct str skip = http_request_param(request, "skip_head");
        struct json_writer writer;
        const char *name, *dir;
        struct error err;

        if (refuse(api, response))
                return;
        if (skip.len && !str_is(skip, "true") && !str_is(skip, "false")) {
                api_bad_parameter(response, "skip_head", "unable to parse boolean \"" STR_FMT "\"",
                                  STR_ARG(skip));
                return;
        }
        name = snapshot_name(api, request->arena);
        dir = arena_printf(request->arena, "%s/snapshots", api->data_dir);
        if (!dir_make(dir, &err) ||
            !tsdb_snapshot(api->tsdb, arena_printf(request->arena, "%s/%s", dir, name),
                           str_is(skip, "true"), &err)) {
                api_fail(response, &err);
                return;
        }
        writer = api_begin(response);
        json_object_begin(&writer);
        json_key(&writer, "name");
        json_cstring(&writer, name);
        json_object_end(&writer);
        api_end(response, NULL);
}

void api_admin_tsdb_register(struct api *api, struct http_router *router)
{
        static const char *const methods[] = {"POST", "PUT"};

        for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
                http_router_add(router, methods[i], "/api/v1/admin/tsdb/delete_series",
                                handle_delete_series, api);
                http_router_add(router, methods[i], "/api/v1/admin/tsdb/clean_tombstones",
                                handle_clean_tombstones, api);
                http_router_add(router, methods[i], "/api/v1/admin/tsdb/snapshot",
                                handle_snapshot, api);
        }
}

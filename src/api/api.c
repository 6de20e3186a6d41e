#include "api/api_int.h"
#include "codec/regex.h"

void api_cors(const struct api *api, struct http_request *request,
              struct http_response *response)
{
        struct str origin = http_request_header(request, "Origin");

        if (!origin.len || !str_starts_with(request->path, STR_LIT("/api/")) ||
            !regex_match(api->cors_regex, origin))
                return;
        http_response_header(response, "Access-Control-Allow-Headers",
                             "Accept, Authorization, Content-Type, Origin");
        http_response_header(response, "Access-Control-Allow-Methods", "GET, POST, OPTIONS");
        http_response_header(response, "Access-Control-Expose-Headers", "Date");
        http_response_header(response, "Vary", "Origin");
        http_response_header(response, "Access-Control-Allow-Origin",
                             strcmp(api->cors_origin, ".*") == 0
                                     ? "*" : arena_str(request->arena, origin).data);
}

static void handle_options(struct http_request *request, struct http_response *response, void *ctx)
{
        (void)request;
        (void)ctx;
        response->status = 204;
}

bool api_register(struct api *api, struct http_router *router, struct error *err)
{
        if (!regex_new(&api->cors_regex, str_from(api->cors_origin), REGEX_FULL, err))
                return error_prefix(err, "--web.cors.origin");
        /* As many wait as workers can be spared for; see server/. */
        api->gate = api_gate_new(api->query_concurrency_max, api->query_concurrency_max / 2 + 1);
        api_query_register(api, router);
        api_series_register(api, router);
        api_write_register(api, router);
        api_otlp_register(api, router);
        api_pushgateway_register(api, router);
        api_influx_register(api, router);
        api_read_register(api, router);
        api_targets_register(api, router);
        api_status_register(api, router);
        api_self_metrics_register(api, router);
        api_notifications_register(api, router);
        api_target_tools_register(api, router);
        api_rules_register(api, router);
        api_features_register(api, router);
        api_search_register(api, router);
        api_federate_register(api, router);
        api_exemplars_register(api, router);
        api_openapi_register(api, router);
        api_admin_tsdb_register(api, router);
        api_admin_register(api, router);
        http_router_add(router, "OPTIONS", "/api/v1/*", handle_options, api);
        return true;
}

void api_release(struct api *api)
{
        api->gate = api_gate_free(api->gate);
        api->write_gate = api_gate_free(api->write_gate);
        api_notifications_release(api);
        api->cors_regex = regex_free(api->cors_regex);
}

/* Rules and alerts: the shapes that clients read, empty while there are no rules. */
#include "api/api_int.h"

static void answer_list(struct http_response *response, const char *key)
{
        struct json_writer writer = api_begin(response);

        json_object_begin(&writer);
        json_key(&writer, key);
        json_array_begin(&writer);
        json_array_end(&writer);
        json_object_end(&writer);
        api_end(response, NULL);
}

static void handle_rules(struct http_request *request, struct http_response *response, void *ctx)
{
        struct str type = http_request_param(request, "type");
        struct api_selectors selectors;
        struct error err;

        (void)ctx;
        if (type.len && !str_is(type, "alert") && !str_is(type, "record")) {
                api_bad_parameter(response, "type", "not supported value \"" STR_FMT "\"",
                                  STR_ARG(type));
                return;
        }
        if (!api_selectors(request, &selectors, &err)) {
                api_fail(response, &err);
                return;
        }
        answer_list(response, "groups");
}

static void handle_alerts(struct http_request *request, struct http_response *response, void *ctx)
{
        (void)request;
        (void)ctx;
        answer_list(response, "alerts");
}

static void handle_alertmanagers(struct http_request *request, struct http_response *response,
                                 void *ctx)
{
        struct json_writer writer = api_begin(response);

        (void)request;
        (void)ctx;
        json_object_begin(&writer);
        json_key(&writer, "activeAlertmanagers");
        json_array_begin(&writer);
        json_array_end(&writer);
        json_key(&writer, "droppedAlertmanagers");
        json_array_begin(&writer);
        json_array_end(&writer);
        json_object_end(&writer);
        api_end(response, NULL);
}

void api_rules_register(struct api *api, struct http_router *router)
{
        http_router_add(router, "GET", "/api/v1/rules", handle_rules, api);
        http_router_add(router, "GET", "/api/v1/alerts", handle_alerts, api);
        http_router_add(router, "GET", "/api/v1/alertmanagers", handle_alertmanagers, api);
}

#include "api/api_int.h"
#include "collectors/host.h"

static void handle_healthy(struct http_request *request, struct http_response *response, void *ctx)
{
        (void)request;
        (void)ctx;
        http_response_text(response, 200, "Pitwall is healthy.\n");
}

static void handle_ready(struct http_request *request, struct http_response *response, void *ctx)
{
        struct api *api = ctx;

        (void)request;
        if (api->ready(api->ctx))
                http_response_text(response, 200, "Pitwall is ready.\n");
        else
                http_response_text(response, 503, "Service Unavailable\n");
}

static void handle_reload(struct http_request *request, struct http_response *response, void *ctx)
{
        struct api *api = ctx;
        struct error err;
        const char *text;

        if (api->reload(api->ctx, &err))
                return;
        text = arena_printf(request->arena, "failed to reload config: %s\n", err.text);
        http_response_text(response, 500, text);
}

static void handle_quit(struct http_request *request, struct http_response *response, void *ctx)
{
        struct api *api = ctx;

        (void)request;
        if (!api->lifecycle_enabled) {
                http_response_text(response, 403, "Lifecycle API is not enabled.");
                return;
        }
        http_response_text(response, 200, "Requesting termination... Goodbye!");
        api->quit(api->ctx);
}

static void handle_metrics(struct http_request *request, struct http_response *response, void *ctx)
{
        struct api *api = ctx;

        (void)request;
        response->content_type = "text/plain; version=0.0.4; charset=utf-8";
        api->render_metrics(api->ctx, &response->body);
}

static void handle_host_metrics(struct http_request *request, struct http_response *response,
                                void *ctx)
{
        (void)request;
        (void)ctx;
        response->content_type = "text/plain; version=0.0.4; charset=utf-8";
        host_render(&response->body);
}

void api_admin_register(struct api *api, struct http_router *router)
{
        http_router_add(router, "GET", "/-/healthy", handle_healthy, api);
        http_router_add(router, "GET", "/-/ready", handle_ready, api);
        http_router_add(router, "POST", "/-/reload", handle_reload, api);
        http_router_add(router, "PUT", "/-/reload", handle_reload, api);
        http_router_add(router, "POST", "/-/quit", handle_quit, api);
        http_router_add(router, "PUT", "/-/quit", handle_quit, api);
        http_router_add(router, "GET", "/metrics", handle_metrics, api);
        http_router_add(router, "GET", "/metrics/host", handle_host_metrics, api);
}

/* Pushgateway's API: groups under /metrics/job/..., and its list of them. Paths, answers and texts
 * are those of Pushgateway 1.11. */
#include "api/api_int.h"
#include "codec/base64.h"
#include "ingest/push_groups.h"

enum { BODY_MAX_BYTES = 64 << 20 };

static void fail(struct http_response *response, struct arena *arena, const struct error *err)
{
        http_response_text(response, api_push_status(err), arena_printf(arena, "%s\n", err->text));
        if (response->status == 503)
                http_response_header(response, "Retry-After", "30");
}

/* Of RFC 4648, with the alphabet for URLs, padded or not. */
static bool decode_base64(struct arena *arena, struct str text, struct str *ret_plain)
{
        struct buf padded CLEANUP(buf_release) = BUF_INIT(1 << 20);
        struct buf plain CLEANUP(buf_release) = BUF_INIT(1 << 20);

        while (text.len && text.data[text.len - 1] == '=')
                text.len--;
        for (size_t i = 0; i < text.len; i++)
                buf_append_byte(&padded, text.data[i] == '-'   ? '+'
                                         : text.data[i] == '_' ? '/'
                                                               : text.data[i]);
        while (padded.len % 4)
                buf_append_byte(&padded, '=');
        if (!base64_decode(buf_str(&padded), &plain))
                return false;
        *ret_plain = arena_str(arena, buf_str(&plain));
        return true;
}

static bool set_label(struct arena *arena, struct labels_builder *builder, struct str name,
                      struct str value, struct error *err)
{
        static const struct str suffix = STR_LIT("@base64");

        if (str_ends_with(name, suffix)) {
                name = str_slice(name, 0, name.len - suffix.len);
                if (!decode_base64(arena, value, &value))
                        return error_set(err, ERROR_INVALID, "invalid base64 encoding in job name "
                                         "or label value of %.*s", STR_ARG(name));
        }
        if (!name.len || !str_is_utf8(name) || str_starts_with(name, STR_LIT("__")))
                return error_set(err, ERROR_INVALID, "improper label name \"%.*s\"",
                                 name.len > 100 ? 100 : (int)name.len, name.data);
        if (!str_is_utf8(value))
                return error_set(err, ERROR_INVALID, "label value is not UTF-8");
        labels_builder_set(builder, name, value);
        return true;
}

/* /metrics/job/JOB/NAME/VALUE/... */
static bool read_group(struct http_request *request, struct labels *ret_group, struct error *err)
{
        struct str rest = str_slice(request->path, strlen("/metrics/"), request->path.len);
        struct labels_builder builder;
        struct str name, value;

        labels_builder_init(&builder, request->arena, (struct labels){0});
        while (rest.len && str_cut(&rest, '/', &name)) {
                if (!str_cut(&rest, '/', &value))
                        return error_set(err, ERROR_INVALID, "odd number of components in label "
                                         "string \"%.*s\"", (int)request->path.len,
                                         request->path.data);
                if (!set_label(request->arena, &builder, name, value, err))
                        return false;
        }
        *ret_group = labels_builder_finish(&builder);
        return labels_has(*ret_group, STR_LIT("job")) ||
               error_set(err, ERROR_INVALID, "job name is required");
}

static bool is_protobuf(struct http_request *request)
{
        struct str rest = http_request_header(request, "Content-Type"), type;

        return str_cut(&rest, ';', &type) &&
               api_is_word(str_trim(type), "application/vnd.google.protobuf");
}

static void push(struct http_request *request, struct http_response *response, struct api *api,
                 bool replace_all)
{
        struct buf plain CLEANUP(buf_release) = BUF_INIT(BODY_MAX_BYTES);
        enum push_groups_format format = is_protobuf(request) ? PUSH_GROUPS_PROTO
                                                              : PUSH_GROUPS_TEXT;
        struct labels group;
        struct str body;
        struct error err;

        if (!api_gate_enter(api->write_gate, response))
                return;
        if (!read_group(request, &group, &err) || !api_body(request, &plain, &body, &err) ||
            !push_groups_put(api->push_groups, group, body, format, replace_all, &err))
                fail(response, request->arena, &err);
        else
                api->groups_changed(api->ctx);
        api_gate_leave(api->write_gate);
}

static void handle_put(struct http_request *request, struct http_response *response, void *ctx)
{
        push(request, response, ctx, true);
}

static void handle_post(struct http_request *request, struct http_response *response, void *ctx)
{
        push(request, response, ctx, false);
}

static void handle_delete(struct http_request *request, struct http_response *response, void *ctx)
{
        struct api *api = ctx;
        struct labels group;
        struct error err;

        if (read_group(request, &group, &err) &&
            push_groups_delete(api->push_groups, group, &err))
                response->status = 202;
        else
                fail(response, request->arena, &err);
}

static void handle_wipe(struct http_request *request, struct http_response *response, void *ctx)
{
        struct api *api = ctx;
        struct error err;

        if (!api->admin_enabled) {
                http_response_text(response, 403, "The admin API is not enabled.\n");
                return;
        }
        if (push_groups_wipe(api->push_groups, &err))
                response->status = 202;
        else
                fail(response, request->arena, &err);
}

static void handle_list(struct http_request *request, struct http_response *response, void *ctx)
{
        struct json_writer writer = api_begin(response);
        struct api *api = ctx;

        (void)request;
        push_groups_write_json(api->push_groups, &writer);
        api_end(response, NULL);
}

static void handle_exposition(struct http_request *request, struct http_response *response,
                              void *ctx)
{
        struct api *api = ctx;

        (void)request;
        response->content_type = "text/plain; version=0.0.4; charset=utf-8";
        push_groups_render(api->push_groups, &response->body);
}

void api_pushgateway_register(struct api *api, struct http_router *router)
{
        /* /metrics/job/... and /metrics/job@base64/... */
        static const char *const paths[] = {"/metrics/job/*", "/metrics/job@base64/*"};

        for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
                http_router_add(router, "PUT", paths[i], handle_put, api);
                http_router_add(router, "POST", paths[i], handle_post, api);
                http_router_add(router, "DELETE", paths[i], handle_delete, api);
        }
        http_router_add(router, "GET", "/metrics/pushed", handle_exposition, api);
        http_router_add(router, "GET", "/api/v1/metrics", handle_list, api);
        http_router_add(router, "PUT", "/api/v1/admin/wipe", handle_wipe, api);
}

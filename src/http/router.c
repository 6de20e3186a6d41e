#include "http/server.h"

#include <stdio.h>

#include "base/alloc.h"
#include "http/server_int.h"

ALLOC_TYPE(router_type, "http_router")

struct route {
        struct str method;
        struct str path;
        http_handler handler;
        void *ctx;
};

struct http_router {
        struct route *routes;
        size_t count, capacity;
};

struct http_router *http_router_new(void)
{
        return alloc_new(&router_type, sizeof(struct http_router));
}

struct http_router *http_router_free(struct http_router *router)
{
        if (router)
                alloc_free(&router_type, router->routes);
        return alloc_free(&router_type, router);
}

void http_router_add(struct http_router *router, const char *method, const char *path,
                     http_handler handler, void *ctx)
{
        router->routes = alloc_array_reserve(&router_type, router->routes, &router->capacity,
                                             router->count + 1, sizeof(*router->routes));
        router->routes[router->count++] =
                (struct route){str_from(method), str_from(path), handler, ctx};
}

/* Matches the raw path, so that an encoded slash does not split a segment. */
static bool path_matches(struct str pattern, struct str path, struct str *args)
{
        size_t arg_count = 0;

        while (pattern.len) {
                if (str_is(pattern, "*"))
                        return true;
                if (str_starts_with(pattern, STR_LIT("{}"))) {
                        size_t end = str_find_byte(path, '/');

                        if (end == 0)
                                return false;
                        BUG_ON(arg_count == HTTP_PATH_ARGS_MAX);
                        args[arg_count++] = str_slice(path, 0, end);
                        path = str_slice(path, end, path.len);
                        pattern = str_slice(pattern, 2, pattern.len);
                        continue;
                }
                if (!path.len || path.data[0] != pattern.data[0])
                        return false;
                path = str_slice(path, 1, path.len);
                pattern = str_slice(pattern, 1, pattern.len);
        }
        return path.len == 0;
}

static void answer_missing(const struct http_router *router, struct str raw_path,
                           struct http_request *request, struct http_response *response)
{
        struct buf allow CLEANUP(buf_release) = BUF_INIT(256);
        struct str args[HTTP_PATH_ARGS_MAX];

        for (size_t i = 0; i < router->count; i++) {
                /* What only takes OPTIONS does not exist otherwise. */
                if (str_is(router->routes[i].method, "OPTIONS") ||
                    !path_matches(router->routes[i].path, raw_path, args))
                        continue;
                if (allow.len)
                        buf_append_cstr(&allow, ", ");
                buf_append_str(&allow, router->routes[i].method);
        }
        if (!allow.len) {
                http_response_text(response, 404, "404 page not found\n");
                return;
        }
        http_response_header(response, "Allow", arena_str(request->arena, buf_str(&allow)).data);
        http_response_text(response, 405, "Method Not Allowed\n");
}

void http_router_dispatch(const struct http_router *router, struct str raw_path,
                          struct http_request *request, struct http_response *response)
{
        for (size_t i = 0; i < router->count; i++) {
                const struct route *route = &router->routes[i];

                if (!str_equal(route->method, request->method) ||
                    !path_matches(route->path, raw_path, request->path_args))
                        continue;
                for (size_t a = 0; a < HTTP_PATH_ARGS_MAX && request->path_args[a].data; a++)
                        request->path_args[a] =
                                http_url_decode(request->arena, request->path_args[a], false);
                route->handler(request, response, route->ctx);
                return;
        }
        answer_missing(router, raw_path, request, response);
}

#include "webui/webui.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "http/server.h"
#include "webui/assets_int.h"

/* The paths that the UI itself routes (web/src/app/main.tsx). */
static const char *const pages[] = {"/", "/query", "/targets", "/cardinality"};

static const char content_security_policy[] =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'";

static int compare_path(const void *key, const void *element)
{
        const struct str *path = key;
        const struct webui_asset *asset = element;

        return str_compare(*path, str_from(asset->path));
}

static const struct webui_asset *find_asset(struct str path)
{
        return bsearch(&path, webui_assets, webui_asset_count, sizeof(webui_assets[0]),
                       compare_path);
}

static void add_security_headers(struct http_response *response)
{
        http_response_header(response, "Content-Security-Policy", content_security_policy);
        http_response_header(response, "X-Content-Type-Options", "nosniff");
        http_response_header(response, "Referrer-Policy", "no-referrer");
        http_response_header(response, "X-Frame-Options", "DENY");
        http_response_header(response, "Cross-Origin-Opener-Policy", "same-origin");
}

static bool refuses(struct str parameters)
{
        struct str weight = str_trim(parameters);

        return str_is(weight, "q=0") || str_is(weight, "q=0.0") || str_is(weight, "q=0.00") ||
               str_is(weight, "q=0.000");
}

static bool accepts_gzip(const struct http_request *request)
{
        struct str header = http_request_header(request, "Accept-Encoding"), part, coding;

        while (str_cut(&header, ',', &part)) {
                if (!str_cut(&part, ';', &coding))
                        continue;
                coding = str_trim(coding);
                if (str_is(coding, "gzip") || str_is(coding, "*"))
                        return !refuses(part);
        }
        return false;
}

static bool is_current(const struct http_request *request, const struct webui_asset *asset)
{
        struct str known = http_request_header(request, "If-None-Match");

        return str_is(str_trim(known), "*") || str_contains(known, str_from(asset->etag));
}

static void send_asset(const struct webui_asset *asset, const struct http_request *request,
                       struct http_response *response)
{
        const unsigned char *data = asset->data;
        size_t size_bytes = asset->size_bytes;

        add_security_headers(response);
        http_response_header(response, "ETag", asset->etag);
        http_response_header(response, "Vary", "Accept-Encoding");
        http_response_header(response, "Cache-Control",
                             asset->immutable ? "public, max-age=31536000, immutable"
                                              : "no-cache");
        if (is_current(request, asset)) {
                response->status = 304;
                return;
        }
        if (asset->gzip && accepts_gzip(request)) {
                http_response_header(response, "Content-Encoding", "gzip");
                data = asset->gzip;
                size_bytes = asset->gzip_size_bytes;
        }
        response->content_type = asset->content_type;
        response->fixed_body = str_make((const char *)data, size_bytes);
}

static void serve_page(struct http_request *request, struct http_response *response, void *ctx)
{
        const struct webui_asset *page = find_asset(STR_LIT("/index.html"));

        (void)ctx;
        BUG_ON(!page);
        send_asset(page, request, response);
}

static void serve_asset(struct http_request *request, struct http_response *response, void *ctx)
{
        const struct webui_asset *asset = find_asset(request->path);

        (void)ctx;
        if (asset) {
                send_asset(asset, request, response);
                return;
        }
        add_security_headers(response);
        http_response_text(response, 404, "404 page not found\n");
}

void webui_add_routes(struct http_router *router)
{
        for (size_t i = 0; i < ARRAY_LEN(pages); i++)
                http_router_add(router, "GET", pages[i], serve_page, NULL);
        http_router_add(router, "GET", "/assets/*", serve_asset, NULL);
}

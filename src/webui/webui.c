#include "webui/webui.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/hash.h"
#include "http/server.h"
#include "webui/assets_int.h"

ALLOC_TYPE(webui_type, "webui")

enum { PAGE_MAX_BYTES = 1 << 20 };

struct webui {
        struct webui_asset page; /* the document, with the title that is wanted */
        struct buf html;         /* what of that is not built in */
        char etag[32];
};

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
        const struct webui *webui = ctx;

        send_asset(&webui->page, request, response);
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

static void append_html(struct buf *out, const char *text)
{
        for (const char *c = text; *c; c++)
                if (strchr("<>&\"", *c))
                        buf_printf(out, "&#%d;", *c);
                else
                        buf_append_byte(out, *c);
}

struct webui *webui_new(const char *title)
{
        static const char tag[] = "<title>Pitwall</title>";
        const struct webui_asset *built = find_asset(STR_LIT("/index.html"));
        struct webui *webui = alloc_new(&webui_type, sizeof(*webui));
        const char *from;

        BUG_ON(!built);
        webui->page = *built;
        from = memmem(built->data, built->size_bytes, tag, sizeof(tag) - 1);
        if (strcmp(title, "Pitwall") == 0 || !from)
                return webui;
        webui->html = BUF_INIT(PAGE_MAX_BYTES);
        buf_append(&webui->html, built->data, (size_t)(from - (const char *)built->data));
        buf_append_cstr(&webui->html, "<title>");
        append_html(&webui->html, title);
        buf_append_cstr(&webui->html, "</title>");
        from += sizeof(tag) - 1;
        buf_append(&webui->html, from,
                   built->size_bytes - (size_t)(from - (const char *)built->data));
        snprintf(webui->etag, sizeof(webui->etag), "W/\"%016llx\"",
                 (unsigned long long)hash_str(buf_str(&webui->html)));
        webui->page.data = (const unsigned char *)webui->html.data;
        webui->page.size_bytes = webui->html.len;
        webui->page.gzip = NULL;
        webui->page.etag = webui->etag;
        return webui;
}

struct webui *webui_free(struct webui *webui)
{
        if (webui)
                buf_release(&webui->html);
        return alloc_free(&webui_type, webui);
}

void webui_add_routes(struct webui *webui, struct http_router *router)
{
        for (size_t i = 0; i < ARRAY_LEN(pages); i++)
                http_router_add(router, "GET", pages[i], serve_page, webui);
        http_router_add(router, "GET", "/assets/*", serve_asset, NULL);
}

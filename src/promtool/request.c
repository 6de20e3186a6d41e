/* How commands talk to a server. */
#include <stdio.h>
#include <string.h>

#include "config/config.h"
#include "promtool/promtool_int.h"

enum { URL_MAX_BYTES = 64 << 20, HEADERS_MAX = 64 };

static void ignore_done(struct http_fetch *fetch)
{
        (void)fetch;
}

/* The headers of the command line behind those that the request has itself. */
static bool collect_headers(const struct request *request, struct arena *arena,
                            struct http_fetch *fetch, struct error *err)
{
        struct http_header *headers = arena_array(arena, struct http_header,
                                                  request->header_count + HEADERS_MAX);
        const char *given;

        for (size_t i = 0; i < request->header_count; i++)
                headers[fetch->header_count++] = request->headers[i];
        for (size_t i = 0; request->has_headers && i < HEADERS_MAX &&
                           (given = words_list(request->words, "header", i)); i++) {
                struct str value = str_from(given), name;

                BUG_ON(!str_cut(&value, '=', &name));
                if (!value.data)
                        return error_set(err, ERROR_INVALID, "promtool: error: expected "
                                         "KEY=VALUE got '%s', try --help", given);
                headers[fetch->header_count++] = (struct http_header){name, value};
        }
        if (request->form.len)
                headers[fetch->header_count++] = (struct http_header){
                        STR_LIT("Content-Type"), STR_LIT("application/x-www-form-urlencoded")};
        fetch->headers = headers;
        return true;
}

bool request_send(const struct request *request, struct arena *arena, struct http_fetch *fetch,
                  struct error *err)
{
        struct http_client_options *options = arena_new(arena, struct http_client_options);
        const char *config = words_text(request->words, "http.config.file");
        struct str server = str_from(request->server);
        const char *url;

        options->follow_redirects = options->enable_http2 = true;
        if (config && !config_load_http_client(options, arena, config, err))
                return false;
        if (str_ends_with(server, STR_LIT("/")) && request->path[0] == '/')
                server.len--;
        url = arena_printf(arena, "%s" STR_FMT "%s", strstr(request->server, "://") ? "" :
                           "http://", STR_ARG(server), request->path);
        fetch->options = options;
        fetch->url = str_from(url);
        fetch->request_body = request->form.len ? request->form : request->body;
        fetch->accept_gzip = true;
        fetch->timeout_ms = request->timeout_ms;
        fetch->done = ignore_done;
        if (!collect_headers(request, arena, fetch, err))
                return false;
        http_fetch_wait(fetch);
        if (!fetch->failed)
                return true;
        *err = fetch->err;
        return error_prefix(err, "%s \"%s\"", fetch->request_body.len ? "Post" : "Get", url);
}

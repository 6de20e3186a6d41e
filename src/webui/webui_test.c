#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"
#include "http/server.h"
#include "webui/assets_int.h"
#include "webui/webui.h"

enum { ANSWER_MAX_BYTES = 1 << 20 };

struct fixture {
        struct webui *webui;
        struct http_router *router;
        struct http_server *server;
        char answer[ANSWER_MAX_BYTES];
        struct str head; /* of the last answer, status line included */
        struct str body;
};

static int start_server(void **state)
{
        static struct fixture fixture;
        struct http_server_options options = {
                .host = STR_LIT("127.0.0.1"), .worker_count = 1, .queue_max = 8,
                .connection_max = 8, .body_max_bytes = 1024, .response_max_bytes = 1024,
                .arena_max_bytes = 65536,
        };
        struct error err;

        fixture.router = http_router_new();
        fixture.webui = webui_new("Pitwall");
        webui_add_routes(fixture.webui, fixture.router);
        if (!http_server_new(&fixture.server, &options, fixture.router, &err))
                return -1;
        *state = &fixture;
        return 0;
}

static int stop_server(void **state)
{
        struct fixture *fixture = *state;

        http_server_free(fixture->server);
        http_router_free(fixture->router);
        webui_free(fixture->webui);
        return 0;
}

static int connect_to(uint16_t port)
{
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        assert_true(fd >= 0);
        assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        return fd;
}

/* Sends a request and splits the answer into head and body. */
static void ask(struct fixture *fixture, const char *method, const char *path,
                const char *headers)
{
        char request[1024];
        size_t len = 0;
        ssize_t got;
        const char *end;
        int fd = connect_to(http_server_port(fixture->server));
        int size = snprintf(request, sizeof(request),
                            "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n",
                            method, path, headers);

        assert_int_equal(write(fd, request, (size_t)size), size);
        while ((got = read(fd, fixture->answer + len, ANSWER_MAX_BYTES - 1 - len)) > 0)
                len += (size_t)got;
        close(fd);
        fixture->answer[len] = '\0';
        end = strstr(fixture->answer, "\r\n\r\n");
        assert_non_null(end);
        fixture->head = str_make(fixture->answer, (size_t)(end - fixture->answer) + 2);
        fixture->body = str_make(end + 4, len - fixture->head.len - 2);
}

static bool head_has(const struct fixture *fixture, const char *text)
{
        return str_contains(fixture->head, str_from(text));
}

static const struct webui_asset *asset_like(const char *part)
{
        for (size_t i = 0; i < webui_asset_count; i++)
                if (strstr(webui_assets[i].path, part))
                        return &webui_assets[i];
        fail_msg("the build has no file like %s", part);
        return NULL;
}

static void test_table_is_sorted(void **state)
{
        (void)state;
        for (size_t i = 1; i < webui_asset_count; i++)
                assert_true(strcmp(webui_assets[i - 1].path, webui_assets[i].path) < 0);
}

static void test_pages_are_the_document(void **state)
{
        static const char *const paths[] = {"/", "/query?g0.expr=up", "/targets",
                                            "/cardinality"};
        const struct webui_asset *page = asset_like("/index.html");
        struct fixture *fixture = *state;

        for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
                ask(fixture, "GET", paths[i], "");
                assert_true(head_has(fixture, "HTTP/1.1 200 "));
                assert_true(head_has(fixture, "text/html; charset=utf-8"));
                assert_true(head_has(fixture, "Cache-Control: no-cache\r\n"));
                assert_true(str_equal(fixture->body, str_make((const char *)page->data,
                                                              page->size_bytes)));
        }
}

static void test_title(void **state)
{
        static struct fixture named;
        struct fixture *fixture = *state;
        struct http_server_options options = {
                .host = STR_LIT("127.0.0.1"), .worker_count = 1, .queue_max = 8,
                .connection_max = 8, .body_max_bytes = 1024, .response_max_bytes = 1024,
                .arena_max_bytes = 65536,
        };
        struct error err;

        ask(fixture, "GET", "/", "Accept-Encoding: gzip\r\n");
        assert_true(head_has(fixture, "Content-Encoding: gzip\r\n"));
        named.webui = webui_new("Desk <7> & \"co\"");
        named.router = http_router_new();
        webui_add_routes(named.webui, named.router);
        assert_true(http_server_new(&named.server, &options, named.router, &err));
        ask(&named, "GET", "/query", "Accept-Encoding: gzip\r\n");
        assert_false(head_has(&named, "Content-Encoding"));
        assert_true(str_contains(named.body, STR_LIT("<title>Desk &#60;7&#62; &#38; &#34;co&#34;"
                                                     "</title>")));
        assert_true(str_contains(named.body, STR_LIT("</html>")));
        http_server_free(named.server);
        http_router_free(named.router);
        webui_free(named.webui);
}

static void test_unknown_paths_are_missing(void **state)
{
        struct fixture *fixture = *state;

        ask(fixture, "GET", "/graph/", "");
        assert_true(head_has(fixture, "HTTP/1.1 404 "));
        ask(fixture, "GET", "/assets/../index.html", "");
        assert_true(head_has(fixture, "HTTP/1.1 404 "));
        ask(fixture, "GET", "/assets/", "");
        assert_true(head_has(fixture, "HTTP/1.1 404 "));
        assert_true(head_has(fixture, "X-Content-Type-Options: nosniff\r\n"));
}

static void test_security_headers(void **state)
{
        struct fixture *fixture = *state;

        ask(fixture, "GET", "/", "");
        assert_true(head_has(fixture, "Content-Security-Policy: default-src 'none'; "
                                      "script-src 'self'; style-src 'self'; "
                                      "img-src 'self' data:; connect-src 'self'; "
                                      "font-src 'self'; base-uri 'none'; form-action 'none'; "
                                      "frame-ancestors 'none'\r\n"));
        assert_true(head_has(fixture, "X-Content-Type-Options: nosniff\r\n"));
        assert_true(head_has(fixture, "Referrer-Policy: no-referrer\r\n"));
        assert_true(head_has(fixture, "X-Frame-Options: DENY\r\n"));
        assert_true(head_has(fixture, "Cross-Origin-Opener-Policy: same-origin\r\n"));
}

static void test_encodings(void **state)
{
        const struct webui_asset *script = asset_like("/assets/main-");
        struct fixture *fixture = *state;

        ask(fixture, "GET", script->path, "Accept-Encoding: br, gzip\r\n");
        assert_true(head_has(fixture, "Content-Encoding: gzip\r\n"));
        assert_true(head_has(fixture, "Vary: Accept-Encoding\r\n"));
        assert_true(str_equal(fixture->body, str_make((const char *)script->gzip,
                                                      script->gzip_size_bytes)));
        ask(fixture, "GET", script->path, "Accept-Encoding: gzip;q=0, br\r\n");
        assert_false(head_has(fixture, "Content-Encoding"));
        assert_int_equal(fixture->body.len, script->size_bytes);
        assert_true(head_has(fixture, "text/javascript; charset=utf-8"));
}

static void test_caching(void **state)
{
        const struct webui_asset *style = asset_like("/assets/app-");
        struct fixture *fixture = *state;
        char header[128];

        ask(fixture, "GET", style->path, "");
        assert_true(head_has(fixture, "public, max-age=31536000, immutable\r\n"));
        assert_true(head_has(fixture, style->etag));
        snprintf(header, sizeof(header), "If-None-Match: \"other\", %s\r\n", style->etag);
        ask(fixture, "GET", style->path, header);
        assert_true(head_has(fixture, "HTTP/1.1 304 "));
        assert_int_equal(fixture->body.len, 0);
        ask(fixture, "GET", style->path, "If-None-Match: \"other\"\r\n");
        assert_true(head_has(fixture, "HTTP/1.1 200 "));
}

static void test_methods(void **state)
{
        struct fixture *fixture = *state;

        ask(fixture, "HEAD", "/", "");
        assert_true(head_has(fixture, "HTTP/1.1 200 "));
        assert_int_equal(fixture->body.len, 0);
        ask(fixture, "POST", "/", "Content-Length: 0\r\n");
        assert_true(head_has(fixture, "HTTP/1.1 405 "));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_table_is_sorted),
                cmocka_unit_test(test_pages_are_the_document),
                cmocka_unit_test(test_title),
                cmocka_unit_test(test_unknown_paths_are_missing),
                cmocka_unit_test(test_security_headers),
                cmocka_unit_test(test_encodings),
                cmocka_unit_test(test_caching),
                cmocka_unit_test(test_methods),
        };

        return cmocka_run_group_tests(tests, start_server, stop_server);
}

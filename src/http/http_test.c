/* http comes before testing/, so its tests stand on cmocka alone. Server and client meet on
 * loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "http/client.h"
#include "http/server.h"

static atomic_bool saw_cancel;

static void echo(struct http_request *request, struct http_response *response, void *ctx)
{
        (void)ctx;
        response->content_type = "text/plain";
        buf_printf(&response->body, STR_FMT " " STR_FMT, STR_ARG(request->method),
                   STR_ARG(request->path));
        for (size_t i = 0; i < request->param_count; i++)
                buf_printf(&response->body, " " STR_FMT "=" STR_FMT,
                           STR_ARG(request->params[i].name), STR_ARG(request->params[i].value));
        if (request->path_args[0].data)
                buf_printf(&response->body, " [" STR_FMT "]", STR_ARG(request->path_args[0]));
        buf_append_str(&response->body, http_request_header(request, "Authorization"));
}

static void large(struct http_request *request, struct http_response *response, void *ctx)
{
        (void)request;
        (void)ctx;
        for (int i = 0; i < 100000; i++)
                buf_append_cstr(&response->body, "0123456789");
}

static void wait_for_cancel(struct http_request *request, struct http_response *response,
                            void *ctx)
{
        (void)response;
        (void)ctx;
        for (int i = 0; i < 500 && !request->canceled; i++)
                usleep(10000);
        atomic_store(&saw_cancel, request->canceled);
}

static void redirect(struct http_request *request, struct http_response *response, void *ctx)
{
        (void)request;
        (void)ctx;
        response->status = 302;
        http_response_header(response, "Location", "/echo");
}

struct fixture {
        struct http_router *router;
        struct http_server *server;
        struct http_client_options options;
        char url[128];
};

static int set_up(void **state)
{
        static struct fixture f;
        struct http_server_options options = {.host = STR_LIT("127.0.0.1"),
                                              .worker_count = 4,
                                              .queue_max = 64,
                                              .connection_max = 64,
                                              .body_max_bytes = 1000,
                                              .response_max_bytes = 4 << 20,
                                              .arena_max_bytes = 1 << 20};
        struct error err;

        f = (struct fixture){.router = http_router_new()};
        http_router_add(f.router, "GET", "/echo", echo, NULL);
        http_router_add(f.router, "POST", "/echo", echo, NULL);
        http_router_add(f.router, "GET", "/label/{}/values", echo, NULL);
        http_router_add(f.router, "GET", "/files/*", echo, NULL);
        http_router_add(f.router, "GET", "/large", large, NULL);
        http_router_add(f.router, "GET", "/slow", wait_for_cancel, NULL);
        http_router_add(f.router, "GET", "/redirect", redirect, NULL);
        if (!http_server_new(&f.server, &options, f.router, &err))
                fail_msg("%s", err.text);
        *state = &f;
        return 0;
}

static int tear_down(void **state)
{
        struct fixture *f = *state;

        f->server = http_server_free(f->server);
        f->router = http_router_free(f->router);
        return 0;
}

static void ignore_done(struct http_fetch *fetch)
{
        (void)fetch;
}

static void get(struct fixture *f, struct http_fetch *fetch, const char *path)
{
        snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%u%s", http_server_port(f->server),
                 path);
        fetch->options = &f->options;
        fetch->url = str_from(f->url);
        fetch->done = ignore_done;
        if (!fetch->timeout_ms)
                fetch->timeout_ms = 5000;
        if (!fetch->body.max_bytes)
                fetch->body = BUF_INIT(8 << 20);
        http_fetch_wait(fetch);
}

static void check_get(struct fixture *f, const char *path, int status, const char *body)
{
        struct http_fetch fetch = {0};

        get(f, &fetch, path);
        if (fetch.failed)
                fail_msg("%s", fetch.err.text);
        assert_int_equal(fetch.status, status);
        assert_string_equal(fetch.body.data, body);
        buf_release(&fetch.body);
}

static void test_routes_and_params(void **state)
{
        check_get(*state, "/echo?a=1&b=x%20y+z&c&a=2", 200, "GET /echo a=1 b=x y z c= a=2");
        check_get(*state, "/echo?a=%zz&b=1;2&c=%4&d=%41", 200, "GET /echo d=A");
        check_get(*state, "/label/a%2Fb/values", 200, "GET /label/a/b/values [a/b]");
        check_get(*state, "/files/x/y.js", 200, "GET /files/x/y.js");
        check_get(*state, "/nowhere", 404, "404 page not found\n");
        check_get(*state, "/label//values", 404, "404 page not found\n");
        check_get(*state, "/echo/", 404, "404 page not found\n");
}

/* Outside the prefix there is only the way in. */
static void test_prefix(void **state)
{
        struct http_server_options options = {.host = STR_LIT("127.0.0.1"),
                                              .worker_count = 1,
                                              .queue_max = 8,
                                              .connection_max = 8,
                                              .response_max_bytes = 4096,
                                              .arena_max_bytes = 1 << 16,
                                              .prefix = STR_LIT("/a/b")};
        struct fixture under = *(struct fixture *)*state;
        struct http_fetch fetch = {0};
        struct error err;

        assert_true(http_server_new(&under.server, &options, under.router, &err));
        check_get(&under, "/a/b/echo?x=1", 200, "GET /echo x=1");
        check_get(&under, "/a/b/label/a%2Fb/values", 200, "GET /label/a/b/values [a/b]");
        check_get(&under, "/echo", 404, "404 page not found\n");
        check_get(&under, "/a/bc", 404, "404 page not found\n");
        check_get(&under, "/a/b/", 404, "404 page not found\n");
        get(&under, &fetch, "/a/b?x");
        assert_int_equal(fetch.status, 302);
        buf_release(&fetch.body);
        under.options.follow_redirects = true;
        http_router_add(under.router, "GET", "/", echo, NULL);
        check_get(&under, "/", 200, "GET /");
        http_server_free(under.server);
}

static void test_client_credentials(void **state)
{
        struct fixture *f = *state;

        f->options.basic_username = STR_LIT("user");
        f->options.basic_password = STR_LIT("pass");
        check_get(f, "/echo", 200, "GET /echoBasic dXNlcjpwYXNz");
        f->options = (struct http_client_options){
                .authorization_credentials = STR_LIT("token")};
        check_get(f, "/echo", 200, "GET /echoBearer token");
        f->options = (struct http_client_options){0};
}

static void test_redirects(void **state)
{
        struct fixture *f = *state;
        struct http_fetch fetch = {0};

        f->options.follow_redirects = true;
        check_get(f, "/redirect", 200, "GET /echo");
        f->options.follow_redirects = false;
        get(f, &fetch, "/redirect");
        assert_int_equal(fetch.status, 302);
        buf_release(&fetch.body);
}

static void test_compression_and_size_limit(void **state)
{
        struct http_fetch fetch = {.accept_gzip = true};
        struct http_fetch small = {.body = BUF_INIT(5000)};
        struct http_fetch bomb = {.accept_gzip = true, .body = BUF_INIT(5000)};

        get(*state, &fetch, "/large");
        assert_int_equal(fetch.body.len, 1000000);
        assert_memory_equal(fetch.body.data + 999990, "0123456789", 10);
        buf_release(&fetch.body);
        get(*state, &small, "/large");
        assert_true(small.failed && small.err.code == ERROR_LIMIT);
        buf_release(&small.body);
        get(*state, &bomb, "/large");
        assert_true(bomb.failed && bomb.err.code == ERROR_LIMIT);
        assert_true(bomb.body.len <= 5000);
        buf_release(&bomb.body);
}

static void test_client_timeout_cancels_the_handler(void **state)
{
        struct http_fetch fetch = {.timeout_ms = 200};

        atomic_store(&saw_cancel, false);
        get(*state, &fetch, "/slow");
        assert_true(fetch.failed && fetch.err.code == ERROR_TIMEOUT);
        buf_release(&fetch.body);
        for (int i = 0; i < 200 && !atomic_load(&saw_cancel); i++)
                usleep(10000);
        assert_true(atomic_load(&saw_cancel));
}

/* Raw bytes out, whatever comes back in. */
static void send_raw(struct fixture *f, const char *bytes, char *answer, size_t size)
{
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_port = htons(http_server_port(f->server)),
                                      .sin_addr = {htonl(INADDR_LOOPBACK)}};
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        size_t len = 0;
        ssize_t got;

        assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(write(fd, bytes, strlen(bytes)), (ssize_t)strlen(bytes));
        while (len < size - 1 && (got = read(fd, answer + len, size - 1 - len)) > 0)
                len += (size_t)got;
        answer[len] = '\0';
        close(fd);
}

static void test_methods_and_bodies(void **state)
{
        char answer[4096], request[4096], filler[2000];

        send_raw(*state, "POST /echo?a=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                         "Content-Type: application/x-www-form-urlencoded\r\n"
                         "Content-Length: 11\r\n\r\nb=2&c=%3d+x",
                 answer, sizeof(answer));
        assert_non_null(strstr(answer, "POST /echo b=2 c== x a=1"));
        send_raw(*state, "DELETE /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", answer,
                 sizeof(answer));
        assert_non_null(strstr(answer, "HTTP/1.1 405"));
        assert_non_null(strstr(answer, "Allow: GET, POST"));
        send_raw(*state, "HEAD /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", answer,
                 sizeof(answer));
        assert_non_null(strstr(answer, "HTTP/1.1 200"));
        assert_null(strstr(answer, "GET /echo"));
        memset(filler, 'x', sizeof(filler));
        snprintf(request, sizeof(request),
                 "POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n"
                 "\r\n%.*s", sizeof(filler), (int)sizeof(filler), filler);
        send_raw(*state, request, answer, sizeof(answer));
        assert_non_null(strstr(answer, "HTTP/1.1 413"));
        send_raw(*state, "nonsense\r\n\r\n", answer, sizeof(answer));
        check_get(*state, "/echo", 200, "GET /echo");
}

static atomic_int fetched;

static void count_done(struct http_fetch *fetch)
{
        if (!fetch->failed && fetch->status == 200)
                atomic_fetch_add(&fetched, 1);
        buf_release(&fetch->body);
}

static void test_many_fetches_at_once(void **state)
{
        enum { COUNT = 50 };
        static struct http_fetch fetches[COUNT];
        struct http_client *client = http_client_new("test-client");
        struct fixture *f = *state;

        snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%u/large",
                 http_server_port(f->server));
        http_client_set_gather(client, 1000000);
        for (int i = 0; i < COUNT; i++) {
                fetches[i] = (struct http_fetch){.options = &f->options,
                                                 .url = str_from(f->url),
                                                 .timeout_ms = 10000,
                                                 .done = count_done,
                                                 .accept_gzip = i % 2,
                                                 .group = (unsigned)i % 3,
                                                 .body = BUF_INIT(8 << 20)};
                http_client_start(client, &fetches[i]);
        }
        for (int i = 0; i < 1000 && atomic_load(&fetched) < COUNT; i++)
                usleep(10000);
        assert_int_equal(atomic_load(&fetched), COUNT);
        http_client_free(client);
}

static void *ask_until_refused(void *arg)
{
        const struct http_client_options options = {0};
        char url[64];

        snprintf(url, sizeof(url), "http://127.0.0.1:%u/echo", *(const uint16_t *)arg);
        for (bool refused = false; !refused;) {
                struct http_fetch fetch = {.options = &options, .url = str_from(url),
                                           .timeout_ms = 5000, .done = ignore_done,
                                           .body = BUF_INIT(1 << 16)};

                http_fetch_wait(&fetch);
                refused = fetch.failed || fetch.status != 200;
                buf_release(&fetch.body);
        }
        return NULL;
}

/* Stopping in the middle of requests and of new connections. */
static void test_stops_under_load(void **state)
{
        enum { ROUNDS = 60, CLIENTS = 4 };
        struct fixture *f = *state;
        struct http_server_options options = {.host = STR_LIT("127.0.0.1"),
                                              .worker_count = 2,
                                              .queue_max = 64,
                                              .connection_max = 64,
                                              .body_max_bytes = 1000,
                                              .response_max_bytes = 1 << 20,
                                              .arena_max_bytes = 1 << 20};

        for (int round = 0; round < ROUNDS; round++) {
                struct http_server *server;
                pthread_t clients[CLIENTS];
                struct error err;
                uint16_t port;

                assert_true(http_server_new(&server, &options, f->router, &err));
                port = http_server_port(server);
                for (int i = 0; i < CLIENTS; i++)
                        pthread_create(&clients[i], NULL, ask_until_refused, &port);
                usleep((useconds_t)(round % 10) * 2000);
                http_server_free(server);
                for (int i = 0; i < CLIENTS; i++)
                        pthread_join(clients[i], NULL);
        }
}

static void test_addresses(void **state)
{
        static const char *const bad[] = {"", "9090", "a:", "a:b", "a:70000", "a:-1"};
        struct error err;
        struct str host;
        uint16_t port;

        (void)state;
        assert_true(http_parse_address(STR_LIT("127.0.0.1:9090"), &host, &port, &err));
        assert_true(str_is(host, "127.0.0.1") && port == 9090);
        assert_true(http_parse_address(STR_LIT("[::1]:80"), &host, &port, &err));
        assert_true(str_is(host, "::1") && port == 80);
        assert_true(http_parse_address(STR_LIT(":0"), &host, &port, &err));
        assert_true(host.len == 0 && port == 0);
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_false(http_parse_address(str_from(bad[i]), &host, &port, &err));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_routes_and_params),
                cmocka_unit_test(test_prefix),
                cmocka_unit_test(test_client_credentials),
                cmocka_unit_test(test_redirects),
                cmocka_unit_test(test_compression_and_size_limit),
                cmocka_unit_test(test_client_timeout_cancels_the_handler),
                cmocka_unit_test(test_methods_and_bodies),
                cmocka_unit_test(test_many_fetches_at_once),
                cmocka_unit_test(test_stops_under_load),
                cmocka_unit_test(test_addresses),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}

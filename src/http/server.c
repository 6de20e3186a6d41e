#include "http/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/thread.h"
#include "codec/gzip.h"
#include "http/channel_int.h"
#include "http/server_int.h"
#include "http/tls_int.h"

ALLOC_TYPE(http_server_type, "http_server")
ALLOC_TYPE(http_exchange_type, "http_exchange")
ALLOC_TYPE(http_body_type, "http_body")
ALLOC_TYPE(http_connection_type, "http_connection")

METRIC_COUNTER(requests_total, "pitwall_http_requests_total", "",
               "HTTP requests that were given to a handler.")
METRIC_COUNTER(requests_refused, "pitwall_http_requests_refused_total", "",
               "HTTP requests refused because the queue was full.")
METRIC_COUNTER(connections_dropped, "pitwall_http_connections_dropped_total", "",
               "HTTP connections closed because no whole request came.")
METRIC_COUNTER(clients_left, "pitwall_http_clients_left_total", "",
               "HTTP requests whose client left before the answer.")

/* How often the sockets of running requests are asked whether the client is still there: well
 * below what a person notices, and 20 polls a second cost nothing. */
enum { WATCH_INTERVAL_MS = 50 };
enum { NETWORK_THREADS = 2 };
/* How long a connection may be without a whole request, also when it dribbles bytes, and how long
 * when connections become scarce; how often that is looked at. */
enum { IDLE_MAX_MS = 60000, IDLE_SCARCE_MS = 5000, IDLE_CHECK_MS = 1000 };
/* Head of a request and of its answer; expressions of 64 KiB in a URL exist. */
enum { CONNECTION_MEMORY_BYTES = 160 << 10 };
/* Below this a gzip frame saves no packet. */
enum { GZIP_MIN_BYTES = 1024, GZIP_LEVEL = 1 };

/* What libmicrohttpd does not do: see that a client has left when its last bytes and its end came
 * at once, and give a request as a whole a time limit. */
struct http_connection {
        struct http_server *server;
        int fd;
        bool busy;         /* a request is with a worker or being answered; server lock */
        bool ended;        /* the client had ended its side when last looked; server lock */
        int64_t since_ms;  /* open or without a request since; server lock */
        struct http_connection *next, *previous; /* server lock */
};

struct http_exchange {
        struct http_server *server;
        struct MHD_Connection *connection;
        struct http_request request;
        struct http_response response;
        struct arena arena;
        struct str uri;   /* raw, in the arena */
        struct buf body;
        bool dispatched;  /* given to a worker; the network thread is done with it until resume */
        bool too_large;
        struct http_connection *peer;
        struct http_exchange *next, *previous; /* running ones; server lock */
};

struct http_server {
        struct http_server_options options;
        const struct http_router *router;
        struct MHD_Daemon *daemon;
        struct workers *workers;
        int listen_fd;
        uint16_t port;
        pthread_t watcher;
        pthread_mutex_t lock;
        pthread_cond_t changed;
        struct http_exchange *running; /* lock */
        size_t running_count;          /* lock */
        struct http_connection *connections; /* lock */
        size_t connection_count;             /* lock */
        bool stopping;                 /* lock */
};

/* ---- what handlers use -------------------------------------------------------------------- */

struct str http_request_param(const struct http_request *request, const char *name)
{
        for (size_t i = 0; i < request->param_count; i++)
                if (str_is(request->params[i].name, name))
                        return request->params[i].value;
        return STR_LIT("");
}

bool http_request_has_param(const struct http_request *request, const char *name)
{
        for (size_t i = 0; i < request->param_count; i++)
                if (str_is(request->params[i].name, name))
                        return true;
        return false;
}

struct str http_request_header(const struct http_request *request, const char *name)
{
        const char *value = MHD_lookup_connection_value(request->exchange->connection,
                                                        MHD_HEADER_KIND, name);

        return value ? str_from(value) : STR_LIT("");
}

void http_response_header(struct http_response *response, const char *name, const char *value)
{
        BUG_ON(response->header_count == HTTP_RESPONSE_HEADERS_MAX);
        response->headers[response->header_count].name = name;
        response->headers[response->header_count++].value = value;
}

void http_response_text(struct http_response *response, int status, const char *text)
{
        response->status = status;
        response->content_type = "text/plain; charset=utf-8";
        buf_clear(&response->body);
        buf_append_cstr(&response->body, text);
}

const char *http_status_text(int status)
{
        return MHD_get_reason_phrase_for((unsigned)status);
}

/* ---- reading a request -------------------------------------------------------------------- */

/* Pairs with a semicolon or a broken escape are left out, as by Go's net/http. */
static void parse_params(struct arena *arena, struct str text, struct http_param *params,
                         size_t *count)
{
        struct str pair, name;

        while (str_cut(&text, '&', &pair)) {
                if (!pair.len || str_find_byte(pair, ';') < pair.len || !http_url_valid(pair))
                        continue;
                BUG_ON(!str_cut(&pair, '=', &name));
                params[*count].name = http_url_decode(arena, name, true);
                params[(*count)++].value = http_url_decode(arena, pair, true);
        }
}

static size_t count_params(struct str text)
{
        size_t count = 1;

        for (size_t i = 0; i < text.len; i++)
                count += text.data[i] == '&';
        return count;
}

static bool has_form(const struct http_request *request)
{
        static const char form[] = "application/x-www-form-urlencoded";
        struct str type = http_request_header(request, "Content-Type"), name;

        BUG_ON(!str_cut(&type, ';', &name));
        name = str_trim(name);
        return !str_is(request->method, "GET") && name.len == strlen(form) &&
               strncasecmp(name.data, form, name.len) == 0;
}

/* A path outside is left empty. */
static struct str without_prefix(struct str path, struct str prefix)
{
        if (!str_starts_with(path, prefix) || path.len == prefix.len ||
            path.data[prefix.len] != '/')
                return str_slice(path, 0, 0);
        return str_slice(path, prefix.len, path.len);
}

static void parse_request(struct http_exchange *exchange, struct str *ret_raw_path)
{
        struct http_request *request = &exchange->request;
        struct str query = exchange->uri, form = STR_LIT(""), raw_path;
        struct http_param *params;

        BUG_ON(!str_cut(&query, '?', &raw_path));
        if (exchange->server->options.prefix.len)
                raw_path = without_prefix(raw_path, exchange->server->options.prefix);
        request->path = http_url_decode(&exchange->arena, raw_path, false);
        request->body = buf_str(&exchange->body);
        if (has_form(request))
                form = request->body;
        params = arena_array(&exchange->arena, struct http_param,
                             count_params(query) + count_params(form));
        parse_params(&exchange->arena, form, params, &request->param_count);
        if (query.data)
                parse_params(&exchange->arena, query, params, &request->param_count);
        request->params = params;
        *ret_raw_path = raw_path;
}

/* ---- answering ---------------------------------------------------------------------------- */

static bool accepts_gzip(const struct http_request *request)
{
        struct str header = http_request_header(request, "Accept-Encoding"), part;

        while (str_cut(&header, ',', &part)) {
                struct str name;

                BUG_ON(!str_cut(&part, ';', &name));
                if (str_is(str_trim(name), "gzip") && !str_contains(part, STR_LIT("q=0,")) &&
                    !str_is(str_trim(part), "q=0"))
                        return true;
        }
        return false;
}

static void compress_body(struct http_exchange *exchange)
{
        struct http_response *response = &exchange->response;
        struct buf compressed = BUF_INIT(response->body.max_bytes);

        for (size_t i = 0; i < response->header_count; i++)
                if (strcmp(response->headers[i].name, "Content-Encoding") == 0)
                        return;
        if (response->body.len < GZIP_MIN_BYTES || !accepts_gzip(&exchange->request))
                return;
        if (!gzip_compress(buf_str(&response->body), GZIP_LEVEL, &compressed, NULL)) {
                buf_release(&compressed);
                return;
        }
        buf_release(&response->body);
        response->body = compressed;
        http_response_header(response, "Content-Encoding", "gzip");
        http_response_header(response, "Vary", "Accept-Encoding");
}

static void free_body(void *ctx)
{
        struct buf *body = ctx;

        buf_release(body);
        alloc_free(&http_body_type, body);
}

/* The body must outlive the exchange: libmicrohttpd lets go of it after the completed callback. */
static struct MHD_Response *make_response(struct http_exchange *exchange)
{
        struct http_response *response = &exchange->response;
        struct http_listener *listener = response->listener;
        struct buf *body;

        response->listener = NULL;
        if (listener)
                return http_listener_response(listener, exchange->connection, exchange->peer->fd);
        if (response->fixed_body.data)
                return MHD_create_response_from_buffer(response->fixed_body.len,
                                                       (void *)(uintptr_t)response->fixed_body.data,
                                                       MHD_RESPMEM_PERSISTENT);
        body = alloc_new(&http_body_type, sizeof(*body));
        *body = response->body;
        response->body = BUF_INIT(0);
        return MHD_create_response_from_buffer_with_free_callback_cls(body->len, body->data,
                                                                      free_body, body);
}

static enum MHD_Result send_response(struct http_exchange *exchange)
{
        struct http_response *response = &exchange->response;
        struct MHD_Response *made;
        enum MHD_Result result;

        if (response->body.overflow)
                http_response_text(response, 500, "the answer is too large\n");
        made = make_response(exchange);
        if (response->content_type)
                MHD_add_response_header(made, "Content-Type", response->content_type);
        for (size_t i = 0; i < response->header_count; i++)
                MHD_add_response_header(made, response->headers[i].name,
                                        response->headers[i].value);
        result = MHD_queue_response(exchange->connection, (unsigned)response->status, made);
        MHD_destroy_response(made);
        return result;
}

/* ---- running handlers --------------------------------------------------------------------- */

/* False when the server is stopping: from then on nothing may be suspended any more. */
static bool enter_running(struct http_exchange *exchange)
{
        struct http_server *server = exchange->server;

        pthread_mutex_lock(&server->lock);
        if (server->stopping) {
                pthread_mutex_unlock(&server->lock);
                return false;
        }
        exchange->previous = NULL;
        exchange->next = server->running;
        if (server->running)
                server->running->previous = exchange;
        server->running = exchange;
        server->running_count++;
        pthread_cond_broadcast(&server->changed);
        pthread_mutex_unlock(&server->lock);
        return true;
}

static void leave_running(struct http_exchange *exchange)
{
        struct http_server *server = exchange->server;

        pthread_mutex_lock(&server->lock);
        if (exchange->previous)
                exchange->previous->next = exchange->next;
        else
                server->running = exchange->next;
        if (exchange->next)
                exchange->next->previous = exchange->previous;
        pthread_mutex_unlock(&server->lock);
        MHD_resume_connection(exchange->connection);
        pthread_mutex_lock(&server->lock);
        server->running_count--;
        pthread_cond_broadcast(&server->changed);
        pthread_mutex_unlock(&server->lock);
}

/* Outside the prefix, only who asks for the root of all or forgets the last slash is shown in. */
static void answer(struct http_exchange *exchange, struct str raw_path)
{
        struct str prefix = exchange->server->options.prefix, query = exchange->uri, path;

        if (raw_path.len || !prefix.len) {
                http_router_dispatch(exchange->server->router, raw_path, &exchange->request,
                                     &exchange->response);
                return;
        }
        BUG_ON(!str_cut(&query, '?', &path));
        if (!str_is(path, "/") && !str_equal(path, prefix)) {
                http_response_text(&exchange->response, 404, "404 page not found\n");
                return;
        }
        exchange->response.status = 302;
        http_response_header(&exchange->response, "Location",
                             arena_printf(&exchange->arena, STR_FMT "/", STR_ARG(prefix)));
}

static void run_exchange(void *arg)
{
        struct http_exchange *exchange = arg;
        const struct http_guard *guard = &exchange->server->options.guard;
        struct str raw_path;

        parse_request(exchange, &raw_path);
        if (!guard->check || guard->check(&exchange->request, &exchange->response, guard->ctx))
                answer(exchange, raw_path);
        if (!exchange->response.fixed_body.data)
                compress_body(exchange);
        leave_running(exchange);
}

static enum MHD_Result dispatch(struct http_exchange *exchange)
{
        exchange->dispatched = true;
        if (exchange->too_large) {
                http_response_text(&exchange->response, 413, "request body is too large\n");
                return send_response(exchange);
        }
        metric_add(&requests_total, 1);
        if (!enter_running(exchange)) {
                http_response_text(&exchange->response, 503, "the server is stopping\n");
                return send_response(exchange);
        }
        MHD_suspend_connection(exchange->connection);
        if (!workers_submit(exchange->server->workers, run_exchange, exchange)) {
                metric_add(&requests_refused, 1);
                http_response_text(&exchange->response, 503, "too many requests are waiting\n");
                http_response_header(&exchange->response, "Retry-After", "1");
                leave_running(exchange);
        }
        return MHD_YES;
}

/* Marks the requests whose client has gone. */
static void watch_running(struct http_server *server)
{
        for (struct http_exchange *e = server->running; e; e = e->next) {
                struct pollfd poll_fd = {.fd = e->peer->fd, .events = POLLRDHUP};

                if (e->request.canceled || poll(&poll_fd, 1, 0) <= 0)
                        continue;
                if (poll_fd.revents & (POLLRDHUP | POLLHUP | POLLERR)) {
                        e->request.canceled = true;
                        metric_add(&clients_left, 1);
                }
        }
}

static int64_t now_ms(void)
{
        return clock_mono_ns(&clock_real) / 1000000;
}

static bool has_ended(int fd)
{
        struct pollfd poll_fd = {.fd = fd, .events = POLLRDHUP};

        return poll(&poll_fd, 1, 0) > 0 && poll_fd.revents & (POLLRDHUP | POLLHUP | POLLERR);
}

/* Ends connections that bring no request; libmicrohttpd then sees that and cleans up. */
static void drop_idle(struct http_server *server)
{
        bool scarce = server->connection_count > server->options.connection_max / 4 * 3;
        int64_t idle_max_ms = server->options.idle_max_ms;
        int64_t scarce_ms = idle_max_ms < IDLE_SCARCE_MS ? idle_max_ms : IDLE_SCARCE_MS;
        int64_t now = now_ms();

        for (struct http_connection *c = server->connections; c; c = c->next) {
                bool ended_before = c->ended;

                if (c->busy)
                        continue;
                c->ended = has_ended(c->fd);
                /* Seen twice: what was already sent has had its time to be read. */
                if (!(c->ended && ended_before) &&
                    now - c->since_ms < (scarce ? scarce_ms : idle_max_ms))
                        continue;
                shutdown(c->fd, SHUT_RDWR);
                metric_add(&connections_dropped, 1);
        }
}

/* Sleeps with the lock released: briefly while requests run, else until something happens. */
static void watcher_wait(struct http_server *server)
{
        int64_t wait_ms = server->running ? WATCH_INTERVAL_MS : IDLE_CHECK_MS;
        struct timespec until;

        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += wait_ms % 1000 * 1000000;
        until.tv_sec += wait_ms / 1000 + until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        if (!server->running) {
                pthread_cond_timedwait(&server->changed, &server->lock, &until);
                return;
        }
        pthread_mutex_unlock(&server->lock);
        clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL);
        pthread_mutex_lock(&server->lock);
}

static void *watcher_main(void *arg)
{
        struct http_server *server = arg;
        int64_t checked_ms = now_ms();

        pthread_mutex_lock(&server->lock);
        while (!server->stopping) {
                if (!server->running && !server->connections)
                        pthread_cond_wait(&server->changed, &server->lock);
                else
                        watcher_wait(server);
                watch_running(server);
                if (now_ms() - checked_ms >= IDLE_CHECK_MS) {
                        drop_idle(server);
                        checked_ms = now_ms();
                }
        }
        pthread_mutex_unlock(&server->lock);
        return NULL;
}

/* ---- libmicrohttpd's callbacks ------------------------------------------------------------ */

static void on_connection(void *ctx, struct MHD_Connection *connection, void **socket_ctx,
                          enum MHD_ConnectionNotificationCode code)
{
        struct http_server *server = ctx;
        struct http_connection *made = *socket_ctx;

        pthread_mutex_lock(&server->lock);
        if (code == MHD_CONNECTION_NOTIFY_STARTED) {
                made = alloc_new(&http_connection_type, sizeof(*made));
                made->server = server;
                made->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)
                                   ->connect_fd;
                made->since_ms = now_ms();
                made->next = server->connections;
                if (server->connections)
                        server->connections->previous = made;
                server->connections = made;
                server->connection_count++;
                *socket_ctx = made;
        } else {
                if (made->previous)
                        made->previous->next = made->next;
                else
                        server->connections = made->next;
                if (made->next)
                        made->next->previous = made->previous;
                server->connection_count--;
                *socket_ctx = alloc_free(&http_connection_type, made);
        }
        pthread_cond_broadcast(&server->changed);
        pthread_mutex_unlock(&server->lock);
}

static void set_busy(struct http_connection *connection, bool busy)
{
        pthread_mutex_lock(&connection->server->lock);
        connection->busy = busy;
        connection->ended = false;
        connection->since_ms = now_ms();
        pthread_mutex_unlock(&connection->server->lock);
}

static void *on_uri(void *ctx, const char *uri, struct MHD_Connection *connection)
{
        struct http_server *server = ctx;
        struct http_exchange *exchange = alloc_new(&http_exchange_type, sizeof(*exchange));
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

        exchange->server = server;
        exchange->connection = connection;
        exchange->peer = info->socket_context;
        arena_init(&exchange->arena, server->options.arena_max_bytes);
        exchange->uri = arena_str(&exchange->arena, str_from(uri));
        exchange->body = BUF_INIT(server->options.body_max_bytes);
        exchange->request.arena = &exchange->arena;
        exchange->request.exchange = exchange;
        exchange->response.status = 200;
        exchange->response.body = BUF_INIT(server->options.response_max_bytes);
        return exchange;
}

static enum MHD_Result on_access(void *ctx, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *data,
                                 size_t *data_size, void **request_ctx)
{
        struct http_exchange *exchange = *request_ctx;

        (void)ctx;
        (void)connection;
        (void)url;
        (void)version;
        if (exchange->dispatched)
                return send_response(exchange);
        if (!exchange->request.method.data) {
                bool head = strcmp(method, "HEAD") == 0;

                exchange->request.method =
                        head ? STR_LIT("GET") : arena_str(&exchange->arena, str_from(method));
                return MHD_YES;
        }
        if (*data_size) {
                buf_append(&exchange->body, data, *data_size);
                exchange->too_large = exchange->body.overflow;
                *data_size = 0;
                return MHD_YES;
        }
        set_busy(exchange->peer, true);
        return dispatch(exchange);
}

static void on_completed(void *ctx, struct MHD_Connection *connection, void **request_ctx,
                         enum MHD_RequestTerminationCode code)
{
        struct http_exchange *exchange = *request_ctx;

        (void)ctx;
        (void)connection;
        (void)code;
        if (!exchange)
                return;
        set_busy(exchange->peer, false);
        buf_release(&exchange->body);
        buf_release(&exchange->response.body);
        http_listener_free(exchange->response.listener);
        arena_release(&exchange->arena);
        *request_ctx = alloc_free(&http_exchange_type, exchange);
}

/* ---- listening ---------------------------------------------------------------------------- */

union socket_address {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
};

static bool resolve_literal(struct str host, uint16_t port, union socket_address *address,
                            socklen_t *ret_len)
{
        char text[INET6_ADDRSTRLEN + 1];

        memset(address, 0, sizeof(*address));
        if (host.len >= sizeof(text))
                return false;
        memcpy(text, host.data, host.len);
        text[host.len] = '\0';
        if (!host.len)
                strcpy(text, "0.0.0.0");
        if (str_is(host, "localhost"))
                strcpy(text, "127.0.0.1");
        if (inet_pton(AF_INET, text, &address->v4.sin_addr) == 1) {
                address->v4.sin_family = AF_INET;
                address->v4.sin_port = htons(port);
                *ret_len = sizeof(address->v4);
                return true;
        }
        if (inet_pton(AF_INET6, text, &address->v6.sin6_addr) == 1) {
                address->v6.sin6_family = AF_INET6;
                address->v6.sin6_port = htons(port);
                *ret_len = sizeof(address->v6);
                return true;
        }
        return false;
}

static bool open_listener(struct http_server *server, struct error *err)
{
        const struct http_server_options *options = &server->options;
        union socket_address address;
        socklen_t len;
        int on = 1;

        if (!resolve_literal(options->host, options->port, &address, &len))
                return error_set(err, ERROR_INVALID, "\"" STR_FMT "\" is not an IP address",
                                 STR_ARG(options->host));
        server->listen_fd = socket(address.any.sa_family,
                                   SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (server->listen_fd < 0)
                return error_set(err, ERROR_NETWORK, "cannot open a socket: %m");
        setsockopt(server->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        if (bind(server->listen_fd, &address.any, len) != 0 ||
            listen(server->listen_fd, SOMAXCONN) != 0 ||
            getsockname(server->listen_fd, &address.any, &len) != 0) {
                error_set(err, ERROR_NETWORK, "cannot listen on " STR_FMT ":%u: %m",
                          STR_ARG(options->host), options->port);
                close(server->listen_fd);
                return false;
        }
        server->port = ntohs(address.any.sa_family == AF_INET ? address.v4.sin_port
                                                              : address.v6.sin6_port);
        return true;
}

static void ignore_log(void *ctx, const char *format, va_list args)
{
        (void)ctx;
        (void)format;
        (void)args;
}

static void start_daemon(struct http_server *server)
{
        const char *priority = server->options.tls_priority;
        struct MHD_OptionItem tls[] = {
                {MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)(uintptr_t)http_tls_retrieve},
                {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)priority},
                {MHD_OPTION_END, 0, NULL},
        };
        unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
                         MHD_USE_ERROR_LOG | (priority ? MHD_USE_TLS : 0);

        server->daemon = MHD_start_daemon(
                flags, 0,
                NULL, NULL, on_access, server, MHD_OPTION_EXTERNAL_LOGGER, ignore_log, NULL,
                MHD_OPTION_LISTEN_SOCKET, server->listen_fd, MHD_OPTION_URI_LOG_CALLBACK, on_uri,
                server, MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
                MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
                MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY_BYTES,
                MHD_OPTION_THREAD_POOL_SIZE, NETWORK_THREADS, MHD_OPTION_CONNECTION_LIMIT,
                server->options.connection_max, MHD_OPTION_CONNECTION_TIMEOUT,
                (unsigned)(server->options.idle_max_ms / 1000 + 1), MHD_OPTION_ARRAY,
                priority ? tls : tls + 2, MHD_OPTION_END);
}

bool http_server_new(struct http_server **ret_server, const struct http_server_options *options,
                     const struct http_router *router, struct error *err)
{
        struct http_server *server = alloc_new(&http_server_type, sizeof(*server));

        server->options = *options;
        if (!options->idle_max_ms)
                server->options.idle_max_ms = IDLE_MAX_MS;
        server->router = router;
        if (!open_listener(server, err)) {
                alloc_free(&http_server_type, server);
                return false;
        }
        pthread_mutex_init(&server->lock, NULL);
        pthread_cond_init(&server->changed, NULL);
        server->workers = workers_new("http-worker", options->worker_count, options->queue_max);
        thread_start(&server->watcher, "http-watch", watcher_main, server);
        start_daemon(server);
        BUG_ON(!server->daemon);
        *ret_server = server;
        return true;
}

uint16_t http_server_port(const struct http_server *server)
{
        return server->port;
}

/* libmicrohttpd aborts when stopped with a suspended connection: cancel and wait first. Requests
 * that come meanwhile get 503. MHD_quiesce_daemon() would keep them out, but it races with the
 * network threads for the listener's place in their epoll sets, and whoever loses aborts. */
struct http_server *http_server_free(struct http_server *server)
{
        if (!server)
                return NULL;
        pthread_mutex_lock(&server->lock);
        server->stopping = true;
        for (struct http_exchange *e = server->running; e; e = e->next)
                e->request.canceled = true;
        pthread_cond_broadcast(&server->changed);
        while (server->running_count)
                pthread_cond_wait(&server->changed, &server->lock);
        pthread_mutex_unlock(&server->lock);
        MHD_stop_daemon(server->daemon); /* closes the listener */
        pthread_join(server->watcher, NULL);
        workers_free(server->workers);
        pthread_cond_destroy(&server->changed);
        pthread_mutex_destroy(&server->lock);
        return alloc_free(&http_server_type, server);
}

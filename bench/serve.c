/* The fleet as scrape targets: one thread, one epoll, one listening socket a target. Everything
 * but the values is text made at the start, so that serving costs little beside scraping. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "codec/double.h"
#include "codec/gzip.h"
#include "command_int.h"

ALLOC_TYPE(line_type, "line")
ALLOC_TYPE(connection_type, "connection")

enum { REQUEST_BYTES = 8 << 10, RESPONSE_BYTES = 64 << 20, EVENTS = 64 };

struct line {
        struct str text; /* up to the value; for a comment, all of it */
        struct fleet_series series;
        bool comment;
};

struct target {
        struct line *lines;
        size_t count;
};

struct connection {
        int fd;
        unsigned target;
        bool listening;
        size_t request_len;
        size_t sent;
        struct buf response;
        char request[REQUEST_BYTES];
};

struct server {
        const struct fleet *fleet;
        bool gzip;
        struct target *targets;
        struct arena texts;
        int epoll;
        uint64_t served; /* samples */
        struct buf body, packed;
};

/* ---- text ------------------------------------------------------------------------------------ */

static struct line *add_line(struct target *target, size_t *capacity)
{
        target->lines = alloc_array_reserve(&line_type, target->lines, capacity,
                                            target->count + 1, sizeof(*target->lines));
        return &target->lines[target->count++];
}

static struct str series_text(const struct fleet_series *series, struct arena *texts)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(4096);
        struct arena scratch;

        arena_init(&scratch, SIZE_MAX);
        fleet_append_text(&text, series, fleet_labels(series, false, &scratch));
        arena_release(&scratch);
        return arena_str(texts, buf_str(&text));
}

static void make_target(struct server *server, unsigned number)
{
        struct target *target = &server->targets[number];
        size_t capacity = 0;

        for (size_t f = 0; f < fleet_family_count; f++) {
                const struct fleet_family *family = &fleet_families[f];
                unsigned count = fleet_family_series(server->fleet, family);
                struct line *line;

                if (!count)
                        continue;
                line = add_line(target, &capacity);
                *line = (struct line){.comment = true,
                                      .text = str_from(arena_printf(
                                              &server->texts, "# HELP %s %s\n# TYPE %s %s\n",
                                              family->name, family->help, family->name,
                                              family->type))};
                for (unsigned i = 0; i < count; i++) {
                        line = add_line(target, &capacity);
                        *line = (struct line){.series = fleet_series_at(server->fleet, family,
                                                                        number, i)};
                        line->text = series_text(&line->series, &server->texts);
                }
        }
}

static void write_target(struct server *server, const struct target *target)
{
        int64_t t_s = clock_now_ms(&clock_real) / 1000;

        buf_clear(&server->body);
        for (size_t i = 0; i < target->count; i++) {
                const struct line *line = &target->lines[i];

                buf_append_str(&server->body, line->text);
                if (line->comment)
                        continue;
                double_append(&server->body, fleet_value(&line->series, t_s), DOUBLE_G);
                buf_append_byte(&server->body, '\n');
                server->served++;
        }
}

/* ---- connections ----------------------------------------------------------------------------- */

static bool watch(struct server *server, struct connection *connection, uint32_t events, int op)
{
        struct epoll_event event = {.events = events, .data.ptr = connection};

        return epoll_ctl(server->epoll, op, connection->fd, &event) == 0;
}

static void close_connection(struct connection *connection)
{
        close(connection->fd);
        buf_release(&connection->response);
        alloc_free(&connection_type, connection);
}

static bool listen_at(struct server *server, unsigned target, struct error *err)
{
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(FLEET_PORT),
                                      .sin_addr.s_addr = htonl(fleet_address(target))};
        struct connection *connection = alloc_new(&connection_type, sizeof(*connection));
        int one = 1;

        connection->listening = true;
        connection->target = target;
        connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (connection->fd < 0 ||
            setsockopt(connection->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
            bind(connection->fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
            listen(connection->fd, 64) < 0 ||
            !watch(server, connection, EPOLLIN, EPOLL_CTL_ADD))
                return error_set(err, ERROR_NETWORK, "target %u: %s", target, strerror(errno));
        return true;
}

static void accept_client(struct server *server, const struct connection *listener)
{
        struct connection *client;
        int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0)
                return;
        client = alloc_new(&connection_type, sizeof(*client));
        client->fd = fd;
        client->target = listener->target;
        client->response = BUF_INIT(RESPONSE_BYTES);
        if (!watch(server, client, EPOLLIN, EPOLL_CTL_ADD))
                close_connection(client);
}

/* As cheaply as zlib can: the fleet has the same two cores. */
static bool pack(struct server *server, const struct connection *client)
{
        buf_clear(&server->packed);
        return server->gzip && strcasestr(client->request, "\naccept-encoding: gzip") &&
               gzip_compress(buf_str(&server->body), 1, &server->packed, NULL);
}

/* /served says how many samples all targets have given out; every other path is the metrics. */
static void answer(struct server *server, struct connection *client)
{
        bool packed;

        if (!strncmp(client->request, "GET /served ", 12)) {
                buf_clear(&server->body);
                buf_printf(&server->body, "%lu\n", (unsigned long)server->served);
        } else {
                write_target(server, &server->targets[client->target]);
        }
        packed = pack(server, client);
        client->request_len = 0;
        client->sent = 0;
        buf_clear(&client->response);
        buf_printf(&client->response,
                   "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
                   "%sContent-Length: %zu\r\n\r\n",
                   packed ? "Content-Encoding: gzip\r\n" : "",
                   packed ? server->packed.len : server->body.len);
        buf_append_str(&client->response, buf_str(packed ? &server->packed : &server->body));
}

/* False when the client is gone. */
static bool send_rest(struct server *server, struct connection *client)
{
        while (client->sent < client->response.len) {
                ssize_t n = send(client->fd, client->response.data + client->sent,
                                 client->response.len - client->sent, MSG_NOSIGNAL);

                if (n < 0)
                        return errno == EAGAIN &&
                               watch(server, client, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
                client->sent += (size_t)n;
        }
        /* A thousand idle connections need no buffers. */
        buf_release(&client->response);
        client->response = BUF_INIT(RESPONSE_BYTES);
        client->sent = 0;
        return watch(server, client, EPOLLIN, EPOLL_CTL_MOD);
}

static bool receive(struct server *server, struct connection *client)
{
        size_t room = sizeof(client->request) - client->request_len;
        ssize_t n = recv(client->fd, client->request + client->request_len, room, 0);

        if (n < 0)
                return errno == EAGAIN;
        client->request_len += (size_t)n;
        if (n == 0 || (size_t)n == room)
                return false;
        client->request[client->request_len] = '\0';
        if (client->request_len < 4 ||
            memcmp(client->request + client->request_len - 4, "\r\n\r\n", 4))
                return true;
        answer(server, client);
        return send_rest(server, client);
}

bool fleet_serve(const struct fleet_options *options, struct error *err)
{
        struct server server = {.fleet = &options->fleet, .gzip = options->gzip,
                                .body = BUF_INIT(RESPONSE_BYTES),
                                .packed = BUF_INIT(RESPONSE_BYTES)};

        arena_init(&server.texts, SIZE_MAX);
        server.targets = arena_array(&server.texts, struct target, options->fleet.targets);
        server.epoll = epoll_create1(EPOLL_CLOEXEC);
        for (unsigned i = 0; i < options->fleet.targets; i++) {
                make_target(&server, i);
                if (!listen_at(&server, i, err))
                        return false;
        }
        printf("ready\n");
        fflush(stdout);
        for (;;) {
                struct epoll_event events[EVENTS];
                int count = epoll_wait(server.epoll, events, EVENTS, -1);

                for (int i = 0; i < count; i++) {
                        struct connection *connection = events[i].data.ptr;

                        if (connection->listening)
                                accept_client(&server, connection);
                        else if (connection->sent < connection->response.len
                                         ? !send_rest(&server, connection)
                                         : !receive(&server, connection))
                                close_connection(connection);
                }
        }
}

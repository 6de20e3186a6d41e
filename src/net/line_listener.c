#include "net/line_listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/thread.h"

ALLOC_TYPE(listener_type, "line_listener")

METRIC_COUNTER(datagrams, "pitwall_listener_datagrams_total", "",
               "UDP datagrams of lines that arrived.")
METRIC_COUNTER(connections_closed, "pitwall_listener_connections_closed_total", "",
               "TCP connections that were closed for a line too long, or as one too many.")

/* The kernel's buffer rides out what a busy moment holds up; it takes what the system allows. */
enum { RECEIVE_BUFFER_BYTES = 8 << 20, DATAGRAM_MAX_BYTES = 64 << 10, DATAGRAMS_AT_ONCE = 256 };
enum { UDP, TCP, WAKE, FIXED };

struct connection {
        char *line; /* what came after the last newline, room for line_max_bytes */
        size_t len;
};

struct line_listener {
        struct line_listener_options options;
        struct pollfd *sockets;         /* the fixed ones, then connections, oldest first */
        struct connection *connections; /* beside them */
        size_t connection_count;
        char *room; /* for a datagram, or what one read gives */
        pthread_t thread;
        bool started;
};

/* ---- sockets ------------------------------------------------------------------------------ */

static bool fill_address(const struct line_listener_options *options,
                         struct sockaddr_storage *address, socklen_t *ret_len)
{
        struct sockaddr_in *v4 = (struct sockaddr_in *)address;
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;
        char host[64];

        *address = (struct sockaddr_storage){0};
        snprintf(host, sizeof(host), "%.*s", (int)options->host.len, options->host.data);
        if (str_is(options->host, "localhost"))
                snprintf(host, sizeof(host), "127.0.0.1");
        if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
                v4->sin_family = AF_INET;
                v4->sin_port = htons(options->port);
                *ret_len = sizeof(*v4);
                return true;
        }
        if (inet_pton(AF_INET6, host, &v6->sin6_addr) != 1)
                return false;
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(options->port);
        *ret_len = sizeof(*v6);
        return true;
}

static bool open_socket(const struct line_listener_options *options, int type, int *ret_socket,
                        struct error *err)
{
        struct sockaddr_storage address;
        socklen_t len;
        int on = 1, bytes = RECEIVE_BUFFER_BYTES, fd;

        if (!fill_address(options, &address, &len))
                return error_set(err, ERROR_NETWORK, "\"%.*s\" is not an address",
                                 (int)options->host.len, options->host.data);
        fd = socket(address.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd >= 0 && type == SOCK_DGRAM)
                setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
        else if (fd >= 0)
                setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 ||
            (type == SOCK_STREAM && listen(fd, SOMAXCONN) != 0)) {
                error_set(err, ERROR_NETWORK, "cannot listen on %.*s:%u: %s",
                          (int)options->host.len, options->host.data, options->port,
                          strerror(errno));
                if (fd >= 0)
                        close(fd);
                return false;
        }
        *ret_socket = fd;
        return true;
}

/* ---- what arrives ------------------------------------------------------------------------- */

static void take(struct line_listener *listener, const char *data, size_t len)
{
        listener->options.take(listener->options.ctx, str_make(data, len));
}

static void read_datagrams(struct line_listener *listener)
{
        for (int i = 0; i < DATAGRAMS_AT_ONCE; i++) {
                ssize_t len = recv(listener->sockets[UDP].fd, listener->room,
                                   DATAGRAM_MAX_BYTES, 0);

                if (len < 0)
                        return;
                metric_add(&datagrams, 1);
                take(listener, listener->room, (size_t)len);
        }
}

static void drop_connection(struct line_listener *listener, size_t at)
{
        size_t after = listener->connection_count - at - 1;

        close(listener->sockets[FIXED + at].fd);
        alloc_free(&listener_type, listener->connections[at].line);
        memmove(&listener->sockets[FIXED + at], &listener->sockets[FIXED + at + 1],
                after * sizeof(*listener->sockets));
        memmove(&listener->connections[at], &listener->connections[at + 1],
                after * sizeof(*listener->connections));
        listener->connection_count--;
}

static void accept_connection(struct line_listener *listener)
{
        int fd = accept4(listener->sockets[TCP].fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        size_t at;

        if (fd < 0)
                return;
        if (listener->connection_count == listener->options.connection_max) {
                metric_add(&connections_closed, 1);
                drop_connection(listener, 0);
        }
        at = listener->connection_count++;
        listener->sockets[FIXED + at] = (struct pollfd){.fd = fd, .events = POLLIN};
        listener->connections[at] = (struct connection){
                alloc_new(&listener_type, listener->options.line_max_bytes), 0};
}

/* Gives away all whole lines, keeps the rest. False when that is longer than a line may be. */
static bool take_lines(struct line_listener *listener, struct connection *connection, size_t len)
{
        const char *data = listener->room, *newline;
        size_t head;

        newline = memchr(data, '\n', len);
        if (connection->len && newline) {
                /* The rest of the line that was begun. */
                head = (size_t)(newline - data);
                if (connection->len + head > listener->options.line_max_bytes)
                        return false;
                memcpy(connection->line + connection->len, data, head);
                take(listener, connection->line, connection->len + head);
                connection->len = 0;
                data += head + 1;
                len -= head + 1;
        }
        newline = memrchr(data, '\n', len);
        if (newline) {
                head = (size_t)(newline - data);
                take(listener, data, head);
                data += head + 1;
                len -= head + 1;
        }
        if (connection->len + len > listener->options.line_max_bytes)
                return false;
        memcpy(connection->line + connection->len, data, len);
        connection->len += len;
        return true;
}

/* False when the connection has ended. A last line needs no newline. */
static bool read_connection(struct line_listener *listener, size_t at)
{
        struct connection *connection = &listener->connections[at];
        ssize_t len = recv(listener->sockets[FIXED + at].fd, listener->room, DATAGRAM_MAX_BYTES,
                           0);

        if (len < 0)
                return errno == EAGAIN || errno == EINTR;
        if (len == 0) {
                if (connection->len)
                        take(listener, connection->line, connection->len);
                return false;
        }
        if (take_lines(listener, connection, (size_t)len))
                return true;
        metric_add(&connections_closed, 1);
        return false;
}

static void serve(struct line_listener *listener)
{
        if (listener->sockets[UDP].revents)
                read_datagrams(listener);
        for (size_t at = listener->connection_count; at-- > 0;)
                if (listener->sockets[FIXED + at].revents && !read_connection(listener, at))
                        drop_connection(listener, at);
        if (listener->sockets[TCP].revents)
                accept_connection(listener);
}

static void *run(void *arg)
{
        struct line_listener *listener = arg;
        const struct line_listener_options *options = &listener->options;
        int64_t due_ms = clock_mono_ns(&clock_real) / 1000000 + options->tick_ms;

        while (!listener->sockets[WAKE].revents) {
                int64_t left_ms = due_ms - clock_mono_ns(&clock_real) / 1000000;

                if (options->tick && left_ms <= 0) {
                        options->tick(options->ctx);
                        due_ms += options->tick_ms;
                        continue;
                }
                if (poll(listener->sockets, FIXED + listener->connection_count,
                         options->tick ? (int)left_ms : -1) > 0)
                        serve(listener);
        }
        listener->sockets[UDP].revents = POLLIN;
        read_datagrams(listener);
        if (options->tick)
                options->tick(options->ctx);
        return NULL;
}

/* ---- beginning and end -------------------------------------------------------------------- */

bool line_listener_new(struct line_listener **ret_listener,
                       const struct line_listener_options *options, struct error *err)
{
        struct line_listener *listener = alloc_new(&listener_type, sizeof(*listener));

        listener->options = *options;
        listener->room = alloc_new(&listener_type, DATAGRAM_MAX_BYTES);
        listener->sockets = alloc_new(&listener_type, (FIXED + options->connection_max) *
                                                              sizeof(*listener->sockets));
        listener->connections = alloc_new(&listener_type, options->connection_max *
                                                                  sizeof(struct connection));
        for (int i = 0; i < FIXED; i++)
                listener->sockets[i] = (struct pollfd){.fd = -1, .events = POLLIN};
        if (!open_socket(options, SOCK_DGRAM, &listener->sockets[UDP].fd, err) ||
            !open_socket(options, SOCK_STREAM, &listener->sockets[TCP].fd, err)) {
                line_listener_free(listener);
                return false;
        }
        listener->sockets[WAKE].fd = eventfd(0, EFD_CLOEXEC);
        BUG_ON(listener->sockets[WAKE].fd < 0);
        thread_start(&listener->thread, "line-listener", run, listener);
        listener->started = true;
        *ret_listener = listener;
        return true;
}

struct line_listener *line_listener_free(struct line_listener *listener)
{
        if (!listener)
                return NULL;
        if (listener->started) {
                BUG_ON(eventfd_write(listener->sockets[WAKE].fd, 1) != 0);
                pthread_join(listener->thread, NULL);
        }
        while (listener->connection_count)
                drop_connection(listener, 0);
        for (int i = 0; i < FIXED; i++)
                if (listener->sockets[i].fd >= 0)
                        close(listener->sockets[i].fd);
        alloc_free(&listener_type, listener->sockets);
        alloc_free(&listener_type, listener->connections);
        alloc_free(&listener_type, listener->room);
        return alloc_free(&listener_type, listener);
}

/* The fleet as remote write: requests are built first, so that sending them costs next to nothing
 * beside receiving them. */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "codec/compress.h"
#include "command_int.h"
#include "formats/remote_write.h"

ALLOC_TYPE(request_type, "request")

enum { REQUEST_BYTES = 64 << 20, ANSWER_BYTES = 64 << 10, CONNECTIONS_MAX = 64 };

struct replay {
        const struct fleet_options *options;
        struct fleet_series *series;
        size_t series_count;
        struct buf *requests;
        size_t count;
};

struct sender {
        const struct replay *replay;
        unsigned number;
        pthread_t thread;
        struct error error;
        bool failed;
};

/* ---- building -------------------------------------------------------------------------------- */

static void list_series(struct replay *replay)
{
        const struct fleet_options *options = replay->options;
        size_t capacity = 0;

        for (unsigned target = options->first_target; target < options->fleet.targets; target++)
                for (size_t f = 0; f < fleet_family_count; f++)
                        for (unsigned i = 0;
                             i < fleet_family_series(&options->fleet, &fleet_families[f]); i++) {
                                replay->series = alloc_array_reserve(
                                        &request_type, replay->series, &capacity,
                                        replay->series_count + 1, sizeof(*replay->series));
                                replay->series[replay->series_count++] = fleet_series_at(
                                        &options->fleet, &fleet_families[f], target, i);
                        }
}

static bool build_request(const struct replay *replay, size_t first_series, int64_t from_s,
                          struct buf *ret_request, struct error *err)
{
        const struct fleet_options *options = replay->options;
        struct buf message CLEANUP(buf_release) = BUF_INIT(REQUEST_BYTES);
        struct buf body CLEANUP(buf_release) = BUF_INIT(REQUEST_BYTES);
        struct remote_write_writer writer;
        struct arena arena;
        int64_t to_s = from_s + options->samples_per_request * options->step_s;
        bool ok;

        arena_init(&arena, SIZE_MAX);
        remote_write_writer_init(&writer, REMOTE_WRITE_1, REQUEST_BYTES, &arena);
        for (size_t i = first_series;
             i < replay->series_count && i < first_series + options->series_per_request; i++) {
                const struct fleet_series *series = &replay->series[i];

                remote_write_begin_series(&writer, fleet_labels(series, true, &arena), NULL);
                for (int64_t t_s = from_s; t_s < to_s && t_s < options->to_s;
                     t_s += options->step_s)
                        remote_write_put_sample(&writer, t_s * 1000, fleet_value(series, t_s), 0);
                remote_write_end_series(&writer);
        }
        ok = remote_write_finish(&writer, &message);
        remote_write_writer_release(&writer);
        arena_release(&arena);
        if (!ok)
                return error_set(err, ERROR_LIMIT, "a request is beyond %d bytes", REQUEST_BYTES);
        compress_snappy(&body, buf_str(&message));
        *ret_request = BUF_INIT(REQUEST_BYTES);
        buf_printf(ret_request, "POST /api/v1/write HTTP/1.1\r\nHost: %s\r\n"
                   "Content-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\n"
                   "X-Prometheus-Remote-Write-Version: 0.1.0\r\nContent-Length: %zu\r\n\r\n",
                   options->server, body.len);
        buf_append_str(ret_request, buf_str(&body));
        return true;
}

static bool build(struct replay *replay, struct error *err)
{
        const struct fleet_options *options = replay->options;
        int64_t span_s = options->samples_per_request * options->step_s;
        size_t capacity = 0;

        list_series(replay);
        for (int64_t from_s = options->from_s; from_s < options->to_s; from_s += span_s)
                for (size_t i = 0; i < replay->series_count; i += options->series_per_request) {
                        replay->requests = alloc_array_reserve(
                                &request_type, replay->requests, &capacity, replay->count + 1,
                                sizeof(*replay->requests));
                        if (!build_request(replay, i, from_s, &replay->requests[replay->count],
                                           err))
                                return false;
                        replay->count++;
                }
        return true;
}

/* ---- sending --------------------------------------------------------------------------------- */

static bool connect_to(const char *server, int *ret_fd, struct error *err)
{
        struct sockaddr_in address = {.sin_family = AF_INET};
        struct str port = str_from(server), host;
        char text[64];

        str_cut(&port, ':', &host);
        snprintf(text, sizeof(text), STR_FMT, STR_ARG(host));
        address.sin_port = htons((uint16_t)strtoul(port.data ? port.data : "", NULL, 10));
        if (inet_pton(AF_INET, text, &address.sin_addr) != 1)
                return error_set(err, ERROR_INVALID, "%s: not an address", server);
        *ret_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (*ret_fd < 0 || connect(*ret_fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                return error_set(err, ERROR_NETWORK, "%s: %s", server, strerror(errno));
        return true;
}

static bool post(int fd, struct str request, struct error *err)
{
        char answer[ANSWER_BYTES];
        size_t len = 0;

        while (request.len) {
                ssize_t n = send(fd, request.data, request.len, MSG_NOSIGNAL);

                if (n < 0)
                        return error_set(err, ERROR_NETWORK, "send: %s", strerror(errno));
                request = str_slice(request, (size_t)n, request.len);
        }
        /* Answers to writes that went well are a head without a body. */
        do {
                ssize_t n = recv(fd, answer + len, sizeof(answer) - 1 - len, 0);

                if (n <= 0)
                        return error_set(err, ERROR_NETWORK, "no answer");
                len += (size_t)n;
                answer[len] = '\0';
        } while (!strstr(answer, "\r\n\r\n"));
        if (!strstr(answer, " 200 ") && !strstr(answer, " 204 "))
                return error_set(err, ERROR_NETWORK, "refused: %.500s", answer);
        return true;
}

static void *send_all(void *ctx)
{
        struct sender *sender = ctx;
        const struct replay *replay = sender->replay;
        unsigned connections = replay->options->connections;
        int fd = -1;

        sender->failed = !connect_to(replay->options->server, &fd, &sender->error);
        /* A series is always sent over the same connection: its samples keep their order. */
        for (size_t i = 0; i < replay->count && !sender->failed; i++) {
                size_t per_span = (replay->series_count +
                                   replay->options->series_per_request - 1) /
                                  replay->options->series_per_request;

                if (i % per_span % connections == sender->number)
                        sender->failed = !post(fd, buf_str(&replay->requests[i]), &sender->error);
        }
        if (fd >= 0)
                close(fd);
        return NULL;
}

bool fleet_write(const struct fleet_options *options, struct error *err)
{
        struct replay replay = {.options = options};
        struct sender senders[CONNECTIONS_MAX] = {0};
        unsigned connections = options->connections;
        size_t samples;
        int64_t began_ns;

        if (!connections || connections > CONNECTIONS_MAX)
                return error_set(err, ERROR_INVALID, "1 to %d connections", CONNECTIONS_MAX);
        if (!build(&replay, err))
                return false;
        printf("ready\n");
        fflush(stdout);
        if (getchar() == EOF)
                return true;
        began_ns = clock_mono_ns(&clock_real);
        for (unsigned i = 0; i < connections; i++) {
                senders[i].replay = &replay;
                senders[i].number = i;
                pthread_create(&senders[i].thread, NULL, send_all, &senders[i]);
        }
        for (unsigned i = 0; i < connections; i++)
                pthread_join(senders[i].thread, NULL);
        for (unsigned i = 0; i < connections; i++)
                if (senders[i].failed) {
                        *err = senders[i].error;
                        return false;
                }
        samples = replay.series_count *
                  (size_t)((options->to_s - options->from_s + options->step_s - 1) /
                           options->step_s);
        printf("%zu %.3f\n", samples,
               (double)(clock_mono_ns(&clock_real) - began_ns) / 1e9);
        return true;
}

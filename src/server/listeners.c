#include "server/listeners_int.h"

#include "base/alloc.h"
#include "config/config.h"
#include "http/server.h"
#include "ingest/push_lines.h"
#include "net/line_listener.h"

ALLOC_TYPE(listeners_type, "listeners")

enum { CONNECTIONS_MAX = 256, LINE_MAX_BYTES = 64 << 10 };
enum { STATSD_FLUSH_MS = 10000, STATSD_SERIES_MAX = 200000 };

struct listeners {
        struct push_statsd *statsd;
        struct push_graphite *graphite;
        struct line_listener *statsd_port, *graphite_port;
};

static bool listen_on(struct line_listener **ret_listener, const struct config_listener *config,
                      struct line_listener_options *options, const char *name, struct error *err)
{
        if (!config->address.len)
                return true;
        if (!http_parse_address(config->address, &options->host, &options->port, err))
                return error_prefix(err, "server.listeners.%s", name);
        if (!server_is_loopback(options->host) && !config->allow_remote)
                return error_set(err, ERROR_UNSUPPORTED, "server.listeners.%s: anybody could send "
                                 "to " STR_FMT ", for its protocol knows no passwords; {listen: "
                                 STR_FMT ", allow_remote: true} says that this is meant", name,
                                 STR_ARG(config->address), STR_ARG(config->address));
        options->connection_max = CONNECTIONS_MAX;
        options->line_max_bytes = LINE_MAX_BYTES;
        return line_listener_new(ret_listener, options, err) ||
               error_prefix(err, "server.listeners.%s", name);
}

bool listeners_new(struct listeners **ret_listeners, const struct config *config,
                   struct push *push, struct error *err)
{
        struct listeners *listeners = alloc_new(&listeners_type, sizeof(*listeners));
        struct line_listener_options statsd = {.take = push_statsd_take,
                                               .tick = push_statsd_flush,
                                               .tick_ms = STATSD_FLUSH_MS};
        struct line_listener_options graphite = {.take = push_graphite_take};

        statsd.ctx = listeners->statsd = push_statsd_new(push, &clock_real, STATSD_SERIES_MAX);
        graphite.ctx = listeners->graphite = push_graphite_new(push, &clock_real);
        if (!listen_on(&listeners->statsd_port, &config->statsd, &statsd, "statsd", err) ||
            !listen_on(&listeners->graphite_port, &config->graphite, &graphite, "graphite",
                       err)) {
                listeners_free(listeners);
                return false;
        }
        *ret_listeners = listeners;
        return true;
}

struct listeners *listeners_free(struct listeners *listeners)
{
        if (!listeners)
                return NULL;
        line_listener_free(listeners->statsd_port);
        line_listener_free(listeners->graphite_port);
        push_statsd_free(listeners->statsd);
        push_graphite_free(listeners->graphite);
        return alloc_free(&listeners_type, listeners);
}

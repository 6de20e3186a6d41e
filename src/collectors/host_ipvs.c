/* Virtual servers: /proc/net/ip_vs_stats and ip_vs; see the kernel's net/netfilter/ipvs. */
#include <arpa/inet.h>
#include <stdio.h>

#include "collectors/host_int.h"

enum { FIELD_COUNT = 6, ADDRESS_MAX = 46 }; /* of a "->" line; INET6_ADDRSTRLEN */

struct backend {
        struct str labels;
        uint64_t active, inactive, weight;
};

struct service {
        const char *proto;
        struct str mark;
        char address[ADDRESS_MAX];
        uint64_t port;
};

/* The third line: connections, packets in and out, bytes in and out, hexadecimal. */
static bool write_totals(struct host_table *out, struct error *err)
{
        static const char *const metrics[][2] = {
                {"node_ipvs_connections_total", "The total number of connections made."},
                {"node_ipvs_incoming_packets_total", "The total number of incoming packets."},
                {"node_ipvs_outgoing_packets_total", "The total number of outgoing packets."},
                {"node_ipvs_incoming_bytes_total", "The total amount of incoming data."},
                {"node_ipvs_outgoing_bytes_total", "The total amount of outgoing data."},
        };
        struct buf text CLEANUP(buf_release) = {0};
        struct str rest, line = STR_LIT("");

        if (!host_read(&text, "/proc/net/ip_vs_stats", err))
                return false;
        rest = buf_str(&text);
        for (int i = 0; i < 3; i++)
                if (!str_cut(&rest, '\n', &line))
                        return error_set(err, ERROR_INVALID, "/proc/net/ip_vs_stats: too short");
        for (size_t i = 0; i < ARRAY_LEN(metrics); i++) {
                struct str field = host_field(&line);

                if (!field.len)
                        return error_set(err, ERROR_INVALID, "/proc/net/ip_vs_stats: too short");
                host_single(out, metrics[i][0], "counter", metrics[i][1], NULL,
                            (double)host_hex(field));
        }
        return true;
}

/* "C0A80016:0CEA" or "[2620:0000:0000:0000:0000:0000:0000:0001]:0050". */
static bool read_endpoint(struct str text, char address[ADDRESS_MAX], uint64_t *ret_port)
{
        struct in6_addr v6;
        struct in_addr v4;

        if (text.len == 13 && text.data[8] == ':') {
                v4.s_addr = htonl((uint32_t)host_hex(str_slice(text, 0, 8)));
                *ret_port = host_hex(str_slice(text, 9, 13));
                return inet_ntop(AF_INET, &v4, address, ADDRESS_MAX);
        }
        if (text.len != 46 || text.data[0] != '[' || text.data[40] != ']')
                return false;
        memcpy(address, text.data + 1, 39);
        address[39] = '\0';
        *ret_port = host_hex(str_slice(text, 42, 46));
        return inet_pton(AF_INET6, address, &v6) == 1 &&
               inet_ntop(AF_INET6, &v6, address, ADDRESS_MAX);
}

/* The same backend may stand behind a service more than once: its numbers are added up. */
static void add_backend(struct arena *arena, struct map *backends, const struct service *service,
                        const char *address, uint64_t port, const struct str *fields)
{
        struct buf labels CLEANUP(buf_release) = BUF_INIT(HOST_LABELS_MAX_BYTES);
        char local_port[24], remote_port[24];
        struct backend *backend;

        snprintf(local_port, sizeof(local_port), "%llu", (unsigned long long)service->port);
        snprintf(remote_port, sizeof(remote_port), "%llu", (unsigned long long)port);
        host_label(&labels, "local_address", str_from(service->address));
        host_label(&labels, "local_mark", service->mark);
        host_label(&labels, "local_port", str_from(local_port));
        host_label(&labels, "proto", str_from(service->proto));
        host_label(&labels, "remote_address", str_from(address));
        host_label(&labels, "remote_port", str_from(remote_port));
        backend = map_get(backends, buf_str(&labels));
        if (!backend) {
                backend = arena_new(arena, struct backend);
                backend->labels = arena_str(arena, buf_str(&labels));
                map_put(backends, backend->labels, backend);
        }
        backend->weight += host_number(fields[3]);
        backend->active += host_number(fields[4]);
        backend->inactive += host_number(fields[5]);
}

static bool read_line(struct arena *arena, struct map *backends, struct service *service,
                      struct str line, struct error *err)
{
        struct str fields[FIELD_COUNT];
        char address[ADDRESS_MAX];
        uint64_t port;

        for (size_t i = 0; i < FIELD_COUNT; i++)
                fields[i] = host_field(&line);
        if (str_is(fields[0], "FWM")) {
                *service = (struct service){.proto = "FWM", .mark = fields[1]};
                return true;
        }
        if (str_is(fields[0], "TCP") || str_is(fields[0], "UDP")) {
                *service = (struct service){.proto = str_is(fields[0], "TCP") ? "TCP" : "UDP"};
                return read_endpoint(fields[1], service->address, &service->port) ||
                       error_set(err, ERROR_INVALID, "/proc/net/ip_vs: not an address: " STR_FMT,
                                 STR_ARG(fields[1]));
        }
        if (!str_is(fields[0], "->") || !fields[5].len ||
            str_is(fields[1], "RemoteAddress:Port") || !service->proto)
                return true;
        if (!read_endpoint(fields[1], address, &port))
                return error_set(err, ERROR_INVALID, "/proc/net/ip_vs: not an address: " STR_FMT,
                                 STR_ARG(fields[1]));
        add_backend(arena, backends, service, address, port, fields);
        return true;
}

static void add_metrics(struct host_table *out, const struct map *backends)
{
        for (struct map_entry *e = NULL; (e = map_next(backends, e));) {
                const struct backend *backend = e->value;

                host_single(out, "node_ipvs_backend_connections_active", "gauge",
                            "The current active connections by local and remote address.",
                            backend->labels.data, (double)backend->active);
                host_single(out, "node_ipvs_backend_connections_inactive", "gauge",
                            "The current inactive connections by local and remote address.",
                            backend->labels.data, (double)backend->inactive);
                host_single(out, "node_ipvs_backend_weight", "gauge",
                            "The current backend weight by local and remote address.",
                            backend->labels.data, (double)backend->weight);
        }
}

bool host_collect_ipvs(struct host_table *out, struct error *err)
{
        struct arena arena CLEANUP(arena_release) = {.limit_bytes = 16 << 20};
        struct map backends CLEANUP(map_release) = MAP_INIT;
        struct buf text CLEANUP(buf_release) = {0};
        struct service service = {0};
        struct str rest, line;

        if (!write_totals(out, err) || !host_read(&text, "/proc/net/ip_vs", err))
                return false;
        rest = buf_str(&text);
        while (str_cut(&rest, '\n', &line) && !arena_over_budget(&arena))
                if (!read_line(&arena, &backends, &service, line, err))
                        return false;
        add_metrics(out, &backends);
        return true;
}

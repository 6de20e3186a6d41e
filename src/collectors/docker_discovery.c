/* Targets from the containers of a Docker daemon (docker_sd_configs). */
#include "base/map.h"
#include "collectors/discovery_int.h"
#include "http/server.h"

METRIC_COUNTER(failures, "pitwall_discovery_failures_total", "kind=\"docker\"",
               "Discoveries that gave no good answer; the last targets stayed.")

/* A container that shares the network of one that shares the network of ... */
enum { SHARED_NETWORKS_MAX = 32 };

struct docker {
        struct discovery *discovery;
        const struct docker_discovery_options *options;
        struct arena arena;     /* of one refresh */
        struct map networks;    /* id -> struct labels of the network, boxed */
        const struct json_value *containers;
        struct labels *targets;
        size_t count, capacity;
};

static bool fetch(struct docker *docker, const char *path, struct json_value **ret_answer,
                  struct error *err)
{
        struct http_fetch fetch = {
                .options = &docker->options->http,
                .url = str_from(arena_printf(&docker->arena, STR_FMT "%s",
                                             STR_ARG(docker->options->url), path)),
                .accept_gzip = true,
                .timeout_ms = discovery_config_of(docker->discovery)->refresh_interval_ms,
                .body = BUF_INIT(DISCOVERY_BODY_MAX_BYTES),
        };
        bool ok = discovery_fetch(docker->discovery, &fetch, err);

        if (ok) {
                ok = json_parse(&docker->arena, buf_str(&fetch.body), ret_answer, err);
                if (ok && (*ret_answer)->kind != JSON_ARRAY)
                        ok = error_set(err, ERROR_INVALID, "the answer is not a list");
                if (!ok)
                        error_prefix(err, "Get \"" STR_FMT "\"", STR_ARG(fetch.url));
        }
        buf_release(&fetch.body);
        return ok;
}

static bool list_networks(struct docker *docker, struct error *err)
{
        struct json_value *networks;

        if (!fetch(docker, "/networks", &networks, err))
                return error_prefix(err, "error while computing network labels");
        for (const struct json_value *network = networks->first; network;
             network = network->next) {
                struct labels *labels = arena_new(&docker->arena, struct labels);
                struct str id = discovery_text(network, "Id");
                struct labels_builder builder;

                labels_builder_init(&builder, &docker->arena, (struct labels){0});
                labels_builder_set(&builder, STR_LIT("__meta_docker_network_id"), id);
                labels_builder_set(&builder, STR_LIT("__meta_docker_network_name"),
                                   discovery_text(network, "Name"));
                labels_builder_set(&builder, STR_LIT("__meta_docker_network_scope"),
                                   discovery_text(network, "Scope"));
                labels_builder_set(&builder, STR_LIT("__meta_docker_network_internal"),
                                   discovery_flag(network, "Internal") ? STR_LIT("true")
                                                                       : STR_LIT("false"));
                labels_builder_set(&builder, STR_LIT("__meta_docker_network_ingress"),
                                   discovery_flag(network, "Ingress") ? STR_LIT("true")
                                                                      : STR_LIT("false"));
                discovery_add_map(&builder, "__meta_docker_network_label_",
                                  discovery_find(network, "Labels"));
                *labels = labels_builder_finish(&builder);
                map_put(&docker->networks, id, labels);
        }
        return true;
}

/* ---- containers ------------------------------------------------------------------------------ */

static struct str network_mode(const struct json_value *container)
{
        return discovery_text(discovery_find(container, "HostConfig"), "NetworkMode");
}

static const struct json_value *networks_of(const struct json_value *container)
{
        return discovery_find(discovery_find(container, "NetworkSettings"), "Networks");
}

static const struct json_value *find_container(const struct docker *docker, struct str id)
{
        for (const struct json_value *c = docker->containers->first; c; c = c->next)
                if (str_equal(discovery_text(c, "Id"), id))
                        return c;
        return NULL;
}

/* A container's own networks, or those of the container whose network it shares. */
static const struct json_value *shared_networks(const struct docker *docker,
                                                const struct json_value *container)
{
        const struct str prefix = STR_LIT("container:");

        for (int i = 0; container && i < SHARED_NETWORKS_MAX; i++) {
                const struct json_value *networks = networks_of(container);
                struct str mode = network_mode(container);

                if (networks && networks->first)
                        return networks;
                if (!str_starts_with(mode, prefix))
                        return NULL;
                container = find_container(docker, str_slice(mode, prefix.len, mode.len));
        }
        return NULL;
}

static void add_target(struct docker *docker, struct labels_builder *builder)
{
        if (docker->count == docker->capacity) {
                size_t grown = docker->capacity ? docker->capacity * 2 : 64;
                struct labels *moved = arena_array(&docker->arena, struct labels, grown);

                if (docker->count)
                        memcpy(moved, docker->targets, docker->count * sizeof(*moved));
                docker->targets = moved;
                docker->capacity = grown;
        }
        docker->targets[docker->count++] = labels_builder_finish(builder);
}

static void begin_target(struct docker *docker, const struct json_value *network,
                         struct labels common, struct labels_builder *builder)
{
        const struct labels *labels = map_get(&docker->networks,
                                              discovery_text(network, "NetworkID"));

        labels_builder_init(builder, &docker->arena, common);
        for (size_t i = 0; labels && i < labels->count; i++)
                labels_builder_set(builder, labels->items[i].name, labels->items[i].value);
        labels_builder_set(builder, STR_LIT("__meta_docker_network_ip"),
                           discovery_text(network, "IPAddress"));
}

/* One target a TCP port; without any, one target. */
static void add_network(struct docker *docker, const struct json_value *container,
                        const struct json_value *network, struct labels common)
{
        struct str ip = discovery_text(network, "IPAddress");
        struct labels_builder builder;
        bool added = false;

        for (const struct json_value *port = discovery_first(container, "Ports"); port;
             port = port->next) {
                unsigned inside = discovery_port(port, "PrivatePort");
                unsigned outside = discovery_port(port, "PublicPort");

                if (!str_is(discovery_text(port, "Type"), "tcp"))
                        continue;
                begin_target(docker, network, common, &builder);
                labels_builder_set(&builder, STR_LIT("__meta_docker_port_private"),
                                   str_from(arena_printf(&docker->arena, "%u", inside)));
                if (outside) {
                        labels_builder_set(&builder, STR_LIT("__meta_docker_port_public"),
                                           str_from(arena_printf(&docker->arena, "%u", outside)));
                        labels_builder_set(&builder, STR_LIT("__meta_docker_port_public_ip"),
                                           discovery_text(port, "IP"));
                }
                labels_builder_set(&builder, STR_LIT("__address__"),
                                   discovery_address(&docker->arena, ip, inside));
                add_target(docker, &builder);
                added = true;
        }
        if (added)
                return;
        begin_target(docker, network, common, &builder);
        labels_builder_set(&builder, STR_LIT("__address__"),
                           str_is(network_mode(container), "host")
                                   ? docker->options->host_networking_host
                                   : discovery_address(&docker->arena, ip, docker->options->port));
        add_target(docker, &builder);
}

static const struct json_value *first_by_name(const struct json_value *networks)
{
        const struct json_value *first = NULL;

        for (const struct json_value *network = networks->first; network; network = network->next)
                if (network->kind == JSON_OBJECT &&
                    (!first || str_compare(network->key, first->key) < 0))
                        first = network;
        return first;
}

static void add_container(struct docker *docker, const struct json_value *container)
{
        const struct json_value *names = discovery_first(container, "Names");
        const struct json_value *networks = shared_networks(docker, container);
        struct labels_builder builder;
        struct labels common;

        if (!names || !networks)
                return;
        labels_builder_init(&builder, &docker->arena, (struct labels){0});
        labels_builder_set(&builder, STR_LIT("__meta_docker_container_id"),
                           discovery_text(container, "Id"));
        labels_builder_set(&builder, STR_LIT("__meta_docker_container_name"), names->text);
        labels_builder_set(&builder, STR_LIT("__meta_docker_container_network_mode"),
                           network_mode(container));
        discovery_add_map(&builder, "__meta_docker_container_label_",
                          discovery_find(container, "Labels"));
        common = labels_builder_finish(&builder);
        if (docker->options->match_first_network) {
                const struct json_value *first = first_by_name(networks);

                if (first)
                        add_network(docker, container, first, common);
                return;
        }
        for (const struct json_value *network = networks->first; network; network = network->next)
                if (network->kind == JSON_OBJECT)
                        add_network(docker, container, network, common);
}

static bool list_containers(struct docker *docker, struct error *err)
{
        struct buf path CLEANUP(buf_release) = BUF_INIT(1 << 20);
        struct json_value *containers;

        buf_append_cstr(&path, "/containers/json");
        if (docker->options->filters.len) {
                buf_append_cstr(&path, "?filters=");
                http_url_encode(&path, docker->options->filters);
        }
        if (!fetch(docker, path.data, &containers, err))
                return error_prefix(err, "error while listing containers");
        docker->containers = containers;
        return true;
}

static bool refresh_docker(struct discovery *discovery, void *state,
                           struct discovery_result *result, struct error *err)
{
        struct docker docker = {.discovery = discovery,
                                .options = discovery_config_of(discovery)->options};
        bool ok;

        (void)state;
        arena_init(&docker.arena, DISCOVERY_ARENA_MAX_BYTES);
        ok = list_containers(&docker, err) && list_networks(&docker, err);
        if (ok) {
                for (const struct json_value *c = docker.containers->first; c; c = c->next)
                        add_container(&docker, c);
                discovery_result_add(result, &(struct target_group){.targets = docker.targets,
                                                                    .target_count = docker.count});
        }
        map_release(&docker.networks);
        arena_release(&docker.arena);
        return ok;
}

static void run_docker(struct discovery *discovery)
{
        discovery_run_refresh(discovery, refresh_docker, NULL);
}

const struct discovery_kind docker_discovery_kind = {"docker", run_docker, &failures};

#include "config/discovery_section_int.h"

#include <stddef.h>
#include <strings.h>

#include "base/hash.h"
#include "codec/json.h"

/* Prometheus's defaults (docs: Configuration, the section of each kind). */
enum { CONSUL_REFRESH_MS = 30000, DNS_REFRESH_MS = 30000, FILE_REFRESH_MS = 300000 };
enum { DOCKER_REFRESH_MS = 60000, DOCKER_PORT = 80, HTTP_REFRESH_MS = 60000 };

#define HTTP_DEFAULTS {.follow_redirects = true, .enable_http2 = true}

static bool decode_discoveries(struct decoder *d, const struct yaml_node *node,
                               const char *kind, struct discovery_list *list,
                               bool (*decode)(struct decoder *d, const struct yaml_node *node,
                                              void *slot))
{
        struct discovery_config *joined;
        size_t count;
        void *items;

        if (!decode_list(d, node, node->key->text.data, sizeof(*joined), decode, &items, &count))
                return false;
        joined = arena_array(d->arena, struct discovery_config, list->count + count);
        if (list->count)
                memcpy(joined, list->items, list->count * sizeof(*joined));
        if (count)
                memcpy(joined + list->count, items, count * sizeof(*joined));
        list->items = joined;
        for (const struct yaml_node *item = node->first; item; item = item->next) {
                struct discovery_config *config = &joined[list->count++];

                if (yaml_find(item, "refresh_interval") && config->refresh_interval_ms <= 0)
                        return decode_fail(d, item, "refresh_interval must be greater than 0");
                config->kind = discovery_kind_find(kind);
                config->fingerprint = decode_fingerprint(item, hash_str(str_from(kind)));
        }
        return true;
}

/* The mapping of one discovery into `section`, which holds its defaults. */
static bool decode_section(struct decoder *d, const struct yaml_node *node, const char *what,
                           const struct field *fields, size_t field_count, void *section)
{
        if (node->kind == YAML_NULL)
                return decode_fail(d, node, "empty or null section in %ss", what);
        return decode_mapping(d, node, what, fields, field_count, section);
}

/* ---- consul ---------------------------------------------------------------------------------- */

struct consul_section {
        struct consul_discovery_options options;
        struct str server, scheme, path_prefix, token, username, password;
        struct str_list services, tags;
        struct header_list node_meta;
        int64_t refresh_ms;
};

#define CONSUL(member) offsetof(struct consul_section, member)

/* The token and the older pair of username and password, as the client's options. */
static bool complete_consul_http(struct decoder *d, const struct yaml_node *node,
                                 const struct consul_section *section,
                                 struct http_client_options *http)
{
        struct http_header *headers;

        if (section->username.len || section->password.len) {
                if (yaml_find(node, "basic_auth"))
                        return decode_fail(d, node, "at most one of consul SD configuration "
                                           "username and password and basic auth configuration "
                                           "can be configured");
                http->basic_username = section->username;
                http->basic_password = section->password;
        }
        if (!section->token.len)
                return true;
        if (yaml_find(node, "authorization") || yaml_find(node, "oauth2"))
                return decode_fail(d, node, "at most one of consul SD token, authorization, or "
                                   "oauth2 can be configured");
        headers = arena_array(d->arena, struct http_header, http->header_count + 1);
        if (http->header_count)
                memcpy(headers, http->headers, http->header_count * sizeof(*headers));
        headers[http->header_count++] =
                (struct http_header){STR_LIT("X-Consul-Token"), section->token};
        http->headers = headers;
        return true;
}

/* The server may be host:port, or with a scheme of its own, or unix:///path. */
static struct str consul_url(struct decoder *d, struct consul_section *section)
{
        struct str server = section->server, scheme = section->scheme;

        if (str_starts_with(server, STR_LIT("unix://"))) {
                section->options.http.unix_socket =
                        arena_str(d->arena, str_slice(server, strlen("unix://"), server.len));
                server = STR_LIT("localhost");
                scheme = STR_LIT("http");
        } else if (str_starts_with(server, STR_LIT("http://"))) {
                server = str_slice(server, strlen("http://"), server.len);
                scheme = STR_LIT("http");
        } else if (str_starts_with(server, STR_LIT("https://"))) {
                server = str_slice(server, strlen("https://"), server.len);
                scheme = STR_LIT("https");
        }
        return str_from(arena_printf(d->arena, STR_FMT "://" STR_FMT "%s" STR_FMT, STR_ARG(scheme),
                                     STR_ARG(server), section->path_prefix.len ? "/" : "",
                                     STR_ARG(section->path_prefix)));
}

static bool decode_consul_discovery(struct decoder *d, const struct yaml_node *node, void *slot)
{
        static const struct field fields[] = {
                {"server", decode_string, CONSUL(server), NULL},
                {"path_prefix", decode_string, CONSUL(path_prefix), NULL},
                {"token", decode_string, CONSUL(token), NULL},
                {"datacenter", decode_string, CONSUL(options.datacenter), NULL},
                {"namespace", decode_string, CONSUL(options.name_space), NULL},
                {"partition", decode_string, CONSUL(options.partition), NULL},
                {"tag_separator", decode_string, CONSUL(options.tag_separator), NULL},
                {"scheme", decode_string, CONSUL(scheme), NULL},
                {"username", decode_string, CONSUL(username), NULL},
                {"password", decode_string, CONSUL(password), NULL},
                {"allow_stale", decode_bool, CONSUL(options.allow_stale), NULL},
                {"refresh_interval", decode_duration, CONSUL(refresh_ms), NULL},
                {"services", decode_strings, CONSUL(services), NULL},
                {"tags", decode_strings, CONSUL(tags), NULL},
                {"node_meta", decode_string_map, CONSUL(node_meta), NULL},
                {"filter", decode_string, CONSUL(options.filter), NULL},
                {"health_filter", decode_string, CONSUL(options.health_filter), NULL},
                HTTP_CLIENT_FIELDS(CONSUL(options.http)),
        };
        struct consul_section *section = arena_new(d->arena, struct consul_section);
        struct consul_discovery_options *options = &section->options;
        struct discovery_config *config = slot;

        *section = (struct consul_section){
                .options = {.allow_stale = true, .tag_separator = STR_LIT(","),
                            .http = HTTP_DEFAULTS},
                .server = STR_LIT("localhost:8500"),
                .scheme = STR_LIT("http"),
                .refresh_ms = CONSUL_REFRESH_MS,
        };
        if (!decode_section(d, node, "consul_sd_config", fields, ARRAY_LEN(fields), section))
                return false;
        if (!str_trim(section->server).len)
                return decode_fail(d, node, "consul SD configuration requires a server address");
        if (!complete_consul_http(d, node, section, &options->http) ||
            !decode_check_http(d, node, &options->http))
                return false;
        options->url = consul_url(d, section);
        options->services = section->services.items;
        options->service_count = section->services.count;
        options->tags = section->tags.items;
        options->tag_count = section->tags.count;
        options->node_meta = section->node_meta.items;
        options->node_meta_count = section->node_meta.count;
        config->refresh_interval_ms = section->refresh_ms;
        config->options = options;
        return true;
}

bool decode_consul_discoveries(struct decoder *d, const struct yaml_node *node, void *slot)
{
        return decode_discoveries(d, node, "consul", slot, decode_consul_discovery);
}

/* ---- dns ------------------------------------------------------------------------------------- */

struct dns_section {
        struct str_list names;
        struct str type;
        uint64_t port;
        struct dns_discovery_options options;
        int64_t refresh_ms;
};

#define DNS(member) offsetof(struct dns_section, member)

static bool decode_dns_type(struct decoder *d, const struct yaml_node *node, struct str name,
                            uint16_t *ret_type)
{
        static const struct {
                const char *name;
                uint16_t type;
        } types[] = {{"A", 1}, {"AAAA", 28}, {"MX", 15}, {"NS", 2}, {"SRV", 33}};

        for (size_t i = 0; i < ARRAY_LEN(types); i++) {
                if (name.len == strlen(types[i].name) &&
                    strncasecmp(name.data, types[i].name, name.len) == 0) {
                        *ret_type = types[i].type;
                        return true;
                }
        }
        return decode_fail(d, node, "invalid DNS-SD records type " STR_FMT, STR_ARG(name));
}

static bool decode_dns_discovery(struct decoder *d, const struct yaml_node *node, void *slot)
{
        static const struct field fields[] = {
                {"names", decode_strings, DNS(names), NULL},
                {"type", decode_string, DNS(type), NULL},
                {"port", decode_uint, DNS(port), NULL},
                {"refresh_interval", decode_duration, DNS(refresh_ms), NULL},
        };
        struct dns_section *section = arena_new(d->arena, struct dns_section);
        struct dns_discovery_options *options = &section->options;
        struct discovery_config *config = slot;

        section->refresh_ms = DNS_REFRESH_MS;
        section->type = STR_LIT("SRV");
        if (!decode_section(d, node, "dns_sd_config", fields, ARRAY_LEN(fields), section))
                return false;
        if (!section->names.count)
                return decode_fail(d, node, "DNS-SD config must contain at least one SRV record "
                                   "name");
        if (!decode_dns_type(d, node, section->type, &options->type))
                return false;
        if (section->port > UINT16_MAX)
                return decode_fail(d, node, "port must be at most %d", UINT16_MAX);
        if (!section->port && strncasecmp(section->type.data, "SRV", section->type.len) != 0)
                return decode_fail(d, node, "a port is required in DNS-SD configs for all record "
                                   "types except SRV");
        options->names = section->names.items;
        options->name_count = section->names.count;
        options->port = (uint16_t)section->port;
        config->refresh_interval_ms = section->refresh_ms;
        config->options = options;
        return true;
}

bool decode_dns_discoveries(struct decoder *d, const struct yaml_node *node, void *slot)
{
        return decode_discoveries(d, node, "dns", slot, decode_dns_discovery);
}

/* ---- docker ---------------------------------------------------------------------------------- */

struct docker_filter {
        struct str name;
        struct str_list values;
};

struct docker_section {
        struct docker_discovery_options options;
        struct str host;
        uint64_t port;
        struct docker_filter *filters;
        size_t filter_count;
        int64_t refresh_ms;
};

#define DOCKER(member) offsetof(struct docker_section, member)

static bool decode_docker_filter(struct decoder *d, const struct yaml_node *node, void *slot)
{
        static const struct field fields[] = {
                {"name", decode_string, offsetof(struct docker_filter, name), NULL},
                {"values", decode_strings, offsetof(struct docker_filter, values), NULL},
        };

        return decode_mapping(d, node, "filter", fields, ARRAY_LEN(fields), slot);
}

static bool decode_docker_filters(struct decoder *d, const struct yaml_node *node, void *slot)
{
        struct docker_section *section = slot;
        void *items;

        if (!decode_list(d, node, "filters", sizeof(struct docker_filter), decode_docker_filter,
                         &items, &section->filter_count))
                return false;
        section->filters = items;
        return true;
}

/* {"name": ["value", ...]}, as Docker's API takes them. */
static struct str docker_filters(struct decoder *d, const struct docker_section *section)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(1 << 20);
        struct json_writer writer = json_writer_make(&text);

        json_object_begin(&writer);
        for (size_t i = 0; i < section->filter_count; i++) {
                const struct docker_filter *filter = &section->filters[i];
                bool seen = false;

                for (size_t j = 0; j < i; j++)
                        seen |= str_equal(section->filters[j].name, filter->name);
                if (seen)
                        continue;
                json_key_str(&writer, filter->name);
                json_array_begin(&writer);
                for (size_t j = i; j < section->filter_count; j++)
                        for (size_t v = 0; str_equal(section->filters[j].name, filter->name) &&
                                           v < section->filters[j].values.count; v++)
                                json_string(&writer, section->filters[j].values.items[v]);
                json_array_end(&writer);
        }
        json_object_end(&writer);
        return section->filter_count ? arena_str(d->arena, buf_str(&text)) : STR_LIT("");
}

/* unix:///path, tcp://host:port, http:// or https://. */
static bool complete_docker_host(struct decoder *d, const struct yaml_node *node,
                                 struct docker_section *section)
{
        struct docker_discovery_options *options = &section->options;
        struct str host = section->host;

        if (!host.len)
                return decode_fail(d, node, "host missing");
        while (str_ends_with(host, STR_LIT("/")))
                host.len--;
        if (str_starts_with(host, STR_LIT("unix://"))) {
                options->http = (struct http_client_options)HTTP_DEFAULTS;
                options->http.unix_socket =
                        arena_str(d->arena, str_slice(host, strlen("unix://"), host.len));
                options->url = STR_LIT("http://docker");
        } else if (str_starts_with(host, STR_LIT("tcp://"))) {
                host = str_slice(host, strlen("tcp://"), host.len);
                options->url = str_from(arena_printf(d->arena, "http://" STR_FMT, STR_ARG(host)));
        } else if (str_starts_with(host, STR_LIT("http://")) ||
                   str_starts_with(host, STR_LIT("https://"))) {
                options->url = host;
        } else {
                return decode_fail(d, node, "unable to parse docker host \"" STR_FMT "\"",
                                   STR_ARG(section->host));
        }
        return true;
}

static bool decode_docker_discovery(struct decoder *d, const struct yaml_node *node, void *slot)
{
        static const struct field fields[] = {
                {"host", decode_string, DOCKER(host), NULL},
                {"port", decode_uint, DOCKER(port), NULL},
                {"filters", decode_docker_filters, 0, NULL},
                {"host_networking_host", decode_string, DOCKER(options.host_networking_host),
                 NULL},
                {"match_first_network", decode_bool, DOCKER(options.match_first_network), NULL},
                {"refresh_interval", decode_duration, DOCKER(refresh_ms), NULL},
                HTTP_CLIENT_FIELDS(DOCKER(options.http)),
        };
        struct docker_section *section = arena_new(d->arena, struct docker_section);
        struct discovery_config *config = slot;

        *section = (struct docker_section){
                .options = {.host_networking_host = STR_LIT("localhost"),
                            .match_first_network = true, .http = HTTP_DEFAULTS},
                .port = DOCKER_PORT,
                .refresh_ms = DOCKER_REFRESH_MS,
        };
        if (!decode_section(d, node, "docker_sd_config", fields, ARRAY_LEN(fields), section) ||
            !complete_docker_host(d, node, section) ||
            !decode_check_http(d, node, &section->options.http))
                return false;
        if (section->port > UINT16_MAX)
                return decode_fail(d, node, "port must be at most %d", UINT16_MAX);
        section->options.port = (uint16_t)section->port;
        section->options.filters = docker_filters(d, section);
        config->refresh_interval_ms = section->refresh_ms;
        config->options = &section->options;
        return true;
}

bool decode_docker_discoveries(struct decoder *d, const struct yaml_node *node, void *slot)
{
        return decode_discoveries(d, node, "docker", slot, decode_docker_discovery);
}

/* ---- file ------------------------------------------------------------------------------------ */

/* The last part of a path may hold one *; it must name a format we read. */
static bool decode_file_pattern(struct decoder *d, const struct yaml_node *node, void *slot)
{
        struct str *pattern = slot;

        if (!decode_path(d, node, slot))
                return false;
        if (!str_ends_with(*pattern, STR_LIT(".json")) &&
            !str_ends_with(*pattern, STR_LIT(".yml")) && !str_ends_with(*pattern, STR_LIT(".yaml")))
                return decode_fail(d, node, "path name \"" STR_FMT "\" is not valid for file "
                                   "discovery", STR_ARG(node->text));
        return true;
}

static bool decode_file_patterns(struct decoder *d, const struct yaml_node *node, void *slot)
{
        struct file_discovery_options *options = slot;
        void *items;

        if (!decode_list(d, node, "files", sizeof(struct str), decode_file_pattern, &items,
                         &options->pattern_count))
                return false;
        options->patterns = items;
        return true;
}

struct file_section {
        struct file_discovery_options options;
        int64_t refresh_ms;
};

static bool decode_file_discovery(struct decoder *d, const struct yaml_node *node, void *slot)
{
        static const struct field fields[] = {
                {"files", decode_file_patterns, offsetof(struct file_section, options), NULL},
                {"refresh_interval", decode_duration, offsetof(struct file_section, refresh_ms),
                 NULL},
        };
        struct file_section *section = arena_new(d->arena, struct file_section);
        struct discovery_config *config = slot;

        section->refresh_ms = FILE_REFRESH_MS;
        if (!decode_section(d, node, "file_sd_config", fields, ARRAY_LEN(fields), section))
                return false;
        if (!section->options.pattern_count)
                return decode_fail(d, node, "file service discovery config must contain at least "
                                   "one path name");
        config->refresh_interval_ms = section->refresh_ms;
        config->options = &section->options;
        return true;
}

bool decode_file_discoveries(struct decoder *d, const struct yaml_node *node, void *slot)
{
        return decode_discoveries(d, node, "file", slot, decode_file_discovery);
}

/* ---- http ------------------------------------------------------------------------------------ */

struct http_section {
        struct http_discovery_options options;
        int64_t refresh_ms;
};

#define HTTP_SD(member) offsetof(struct http_section, member)

static bool check_url(struct decoder *d, const struct yaml_node *node, struct str url)
{
        struct str host;

        if (!url.len)
                return decode_fail(d, node, "URL is missing");
        if (str_starts_with(url, STR_LIT("http://")))
                host = str_slice(url, strlen("http://"), url.len);
        else if (str_starts_with(url, STR_LIT("https://")))
                host = str_slice(url, strlen("https://"), url.len);
        else
                return decode_fail(d, node, "URL scheme must be 'http' or 'https'");
        if (!host.len || host.data[0] == '/' || host.data[0] == '?' || host.data[0] == '#')
                return decode_fail(d, node, "host is missing in URL");
        return true;
}

static bool decode_http_discovery(struct decoder *d, const struct yaml_node *node, void *slot)
{
        static const struct field fields[] = {
                {"url", decode_string, HTTP_SD(options.url), NULL},
                {"refresh_interval", decode_duration, HTTP_SD(refresh_ms), NULL},
                HTTP_CLIENT_FIELDS(HTTP_SD(options.http)),
        };
        struct http_section *section = arena_new(d->arena, struct http_section);
        struct discovery_config *config = slot;

        *section = (struct http_section){{.http = HTTP_DEFAULTS}, HTTP_REFRESH_MS};
        if (!decode_section(d, node, "http_sd_config", fields, ARRAY_LEN(fields), section) ||
            !check_url(d, node, section->options.url) ||
            !decode_check_http(d, node, &section->options.http))
                return false;
        config->refresh_interval_ms = section->refresh_ms;
        config->options = &section->options;
        return true;
}

bool decode_http_discoveries(struct decoder *d, const struct yaml_node *node, void *slot)
{
        return decode_discoveries(d, node, "http", slot, decode_http_discovery);
}

/* ---- kubernetes ------------------------------------------------------------------------------ */

struct selector_section {
        struct str role;
        struct kubernetes_selector selector;
};

struct kubernetes_section {
        struct kubernetes_discovery_options options;
        struct str role;
        struct str_list namespaces;
        struct selector_section *selectors;
        size_t selector_count;
};

#define KUBERNETES(member) offsetof(struct kubernetes_section, member)

static const char *const kubernetes_roles[KUBERNETES_ROLES] = {
        [KUBERNETES_NODE] = "node",
        [KUBERNETES_POD] = "pod",
        [KUBERNETES_SERVICE] = "service",
        [KUBERNETES_ENDPOINTS] = "endpoints",
        [KUBERNETES_ENDPOINTSLICE] = "endpointslice",
        [KUBERNETES_INGRESS] = "ingress",
};

static bool decode_kubernetes_role(struct decoder *d, const struct yaml_node *node, struct str name,
                                   enum kubernetes_role *ret_role)
{
        for (int role = 0; role < KUBERNETES_ROLES; role++) {
                if (str_is(name, kubernetes_roles[role])) {
                        *ret_role = (enum kubernetes_role)role;
                        return true;
                }
        }
        return decode_fail(d, node, "unknown Kubernetes SD role \"" STR_FMT "\"", STR_ARG(name));
}

static bool decode_kubernetes_namespaces(struct decoder *d, const struct yaml_node *node,
                                         void *slot)
{
        static const struct field fields[] = {
                {"own_namespace", decode_bool, KUBERNETES(options.own_namespace), NULL},
                {"names", decode_strings, KUBERNETES(namespaces), NULL},
        };

        return decode_mapping(d, node, "namespaces", fields, ARRAY_LEN(fields), slot);
}

static bool decode_attach_metadata(struct decoder *d, const struct yaml_node *node, void *slot)
{
        static const struct field fields[] = {
                {"node", decode_bool, KUBERNETES(options.attach_node), NULL},
                {"namespace", decode_bool, KUBERNETES(options.attach_namespace), NULL},
                {"deployment", decode_bool, KUBERNETES(options.attach_deployment), NULL},
                {"job", decode_bool, KUBERNETES(options.attach_job), NULL},
                {"cronjob", decode_bool, KUBERNETES(options.attach_cronjob), NULL},
        };

        return decode_mapping(d, node, "attach_metadata", fields, ARRAY_LEN(fields), slot);
}

static bool decode_selector(struct decoder *d, const struct yaml_node *node, void *slot)
{
        static const struct field fields[] = {
                {"role", decode_string, offsetof(struct selector_section, role), NULL},
                {"label", decode_string, offsetof(struct selector_section, selector.label), NULL},
                {"field", decode_string, offsetof(struct selector_section, selector.field), NULL},
        };

        return decode_mapping(d, node, "selector", fields, ARRAY_LEN(fields), slot);
}

static bool decode_selectors(struct decoder *d, const struct yaml_node *node, void *slot)
{
        struct kubernetes_section *section = slot;
        void *items;

        if (!decode_list(d, node, "selectors", sizeof(struct selector_section), decode_selector,
                         &items, &section->selector_count))
                return false;
        section->selectors = items;
        return true;
}

static bool may_select(const struct kubernetes_discovery_options *options,
                       enum kubernetes_role role)
{
        switch (options->role) {
        case KUBERNETES_ENDPOINTS:
        case KUBERNETES_ENDPOINTSLICE:
                return role == options->role || role == KUBERNETES_POD ||
                       role == KUBERNETES_SERVICE;
        case KUBERNETES_POD:
                return role == KUBERNETES_POD || (role == KUBERNETES_NODE && options->attach_node);
        default:
                return role == options->role;
        }
}

static bool place_selectors(struct decoder *d, const struct yaml_node *node,
                            struct kubernetes_section *section)
{
        struct kubernetes_discovery_options *options = &section->options;
        bool seen[KUBERNETES_ROLES] = {0};

        for (size_t i = 0; i < section->selector_count; i++) {
                enum kubernetes_role role;

                if (!decode_kubernetes_role(d, node, section->selectors[i].role, &role))
                        return false;
                if (seen[role])
                        return decode_fail(d, node, "duplicated selector role: %s",
                                           kubernetes_roles[role]);
                if (!may_select(options, role))
                        return decode_fail(d, node, "%s role does not support %s selectors",
                                           kubernetes_roles[options->role],
                                           kubernetes_roles[role]);
                seen[role] = true;
                options->selectors[role] = section->selectors[i].selector;
        }
        return true;
}

static bool check_kubernetes(struct decoder *d, const struct yaml_node *node,
                             const struct kubernetes_discovery_options *options,
                             const struct http_client_options *defaults)
{
        bool is_custom = memcmp(&options->http, defaults, sizeof(*defaults)) != 0;

        if (options->api_server.len && options->kubeconfig_file.len)
                return decode_fail(d, node, "cannot use 'kubeconfig_file' and 'api_server' "
                                   "simultaneously");
        if (options->kubeconfig_file.len && is_custom)
                return decode_fail(d, node, "cannot use a custom HTTP client configuration "
                                   "together with 'kubeconfig_file'");
        if (!options->api_server.len && is_custom)
                return decode_fail(d, node, "to use custom HTTP client configuration please "
                                   "provide the 'api_server' URL explicitly");
        if (options->api_server.len && options->own_namespace)
                return decode_fail(d, node, "cannot use 'api_server' and "
                                   "'namespaces.own_namespace' simultaneously");
        if (options->kubeconfig_file.len && options->own_namespace)
                return decode_fail(d, node, "cannot use 'kubeconfig_file' and "
                                   "'namespaces.own_namespace' simultaneously");
        return decode_check_http(d, node, &options->http);
}

static struct str api_server_url(struct decoder *d, struct str server)
{
        while (str_ends_with(server, STR_LIT("/")))
                server.len--;
        if (!server.len || str_contains(server, STR_LIT("://")))
                return server;
        return str_from(arena_printf(d->arena, "http://" STR_FMT, STR_ARG(server)));
}

static bool decode_kubernetes_discovery(struct decoder *d, const struct yaml_node *node,
                                        void *slot)
{
        static const struct http_client_options defaults = HTTP_DEFAULTS;
        static const struct field fields[] = {
                {"api_server", decode_string, KUBERNETES(options.api_server), NULL},
                {"role", decode_string, KUBERNETES(role), NULL},
                {"kubeconfig_file", decode_path, KUBERNETES(options.kubeconfig_file), NULL},
                {"namespaces", decode_kubernetes_namespaces, 0, NULL},
                {"selectors", decode_selectors, 0, NULL},
                {"attach_metadata", decode_attach_metadata, 0, NULL},
                HTTP_CLIENT_FIELDS(KUBERNETES(options.http)),
        };
        struct kubernetes_section *section = arena_new(d->arena, struct kubernetes_section);
        struct kubernetes_discovery_options *options = &section->options;
        struct discovery_config *config = slot;

        memcpy(&options->http, &defaults, sizeof(defaults));
        if (!decode_section(d, node, "kubernetes_sd_config", fields, ARRAY_LEN(fields), section))
                return false;
        if (!section->role.len)
                return decode_fail(d, node, "role missing (one of: pod, service, endpoints, "
                                   "endpointslice, node, ingress)");
        if (!decode_kubernetes_role(d, node, section->role, &options->role) ||
            !check_kubernetes(d, node, options, &defaults) ||
            !place_selectors(d, node, section))
                return false;
        options->api_server = api_server_url(d, options->api_server);
        options->namespaces = section->namespaces.items;
        options->namespace_count = section->namespaces.count;
        config->options = options;
        return true;
}

bool decode_kubernetes_discoveries(struct decoder *d, const struct yaml_node *node, void *slot)
{
        return decode_discoveries(d, node, "kubernetes", slot, decode_kubernetes_discovery);
}

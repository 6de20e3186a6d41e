/* collectors/discovery.h - finding targets: the kinds of discovery and their configuration.
 *
 * Semantics, fields, defaults and __meta_ labels are those of Prometheus 3.14 (docs:
 * Configuration, *_sd_config). A discovery runs on a thread of its own, so that a slow API delays
 * neither scraping nor a reload; while its source gives no good answer, the last targets stay.
 */
#ifndef COLLECTORS_DISCOVERY_H
#define COLLECTORS_DISCOVERY_H

#include "http/client.h"
#include "model/labels.h"

/* Targets with labels in common. */
struct target_group {
        struct labels labels;
        const struct labels *targets; /* each with at least __address__; before the group's */
        size_t target_count;
};

struct discovery_kind; /* how targets are found: "http", "dns", ... */

/* NULL when there is none of that name. */
const struct discovery_kind *discovery_kind_find(const char *name);
/* Names in order; NULL behind the last. */
const char *discovery_kind_name(size_t index);

struct discovery_config {
        const struct discovery_kind *kind;
        uint64_t fingerprint; /* equal in two jobs: one discovery serves both */
        int64_t refresh_interval_ms;
        const void *options;  /* the structure of the kind, below */
};

struct docker_discovery_options {
        struct str url;     /* of the API, without a version */
        uint16_t port;      /* of containers that expose none */
        struct str filters; /* of the list of containers, as JSON; empty: none */
        struct str host_networking_host;
        bool match_first_network;
        struct http_client_options http; /* with the socket of a unix:// host */
};

struct file_discovery_options {
        const struct str *patterns; /* absolute paths, or relative to the process; glob(7) */
        size_t pattern_count;
};

/* Whether a file holds target groups; for those who check configurations. */
NODISCARD bool file_discovery_check(const char *path, struct error *err);

struct consul_discovery_options {
        struct str url; /* of the API, without /v1 */
        struct str datacenter, name_space, partition, tag_separator;
        struct str filter, health_filter;
        bool allow_stale;
        const struct str *services; /* only these; none: all */
        size_t service_count;
        const struct str *tags;     /* that an instance must have, all of them */
        size_t tag_count;
        const struct http_header *node_meta;
        size_t node_meta_count;
        struct http_client_options http;
};

struct dns_discovery_options {
        const struct str *names;
        size_t name_count;
        uint16_t type;  /* of the records, as DNS numbers them */
        uint16_t port;  /* where the records hold none */
};

struct http_discovery_options {
        struct str url;
        struct http_client_options http;
};

enum kubernetes_role {
        KUBERNETES_NODE,
        KUBERNETES_POD,
        KUBERNETES_SERVICE,
        KUBERNETES_ENDPOINTS,
        KUBERNETES_ENDPOINTSLICE,
        KUBERNETES_INGRESS,
        KUBERNETES_ROLES,
};

struct kubernetes_selector {
        struct str label, field; /* as the API takes them; empty: everything */
};

struct kubernetes_discovery_options {
        /* Without both: the service account of the pod that this runs in. */
        struct str api_server, kubeconfig_file;
        enum kubernetes_role role;
        const struct str *namespaces; /* none: all, unless own_namespace */
        size_t namespace_count;
        bool own_namespace;
        bool attach_node, attach_namespace, attach_deployment, attach_job, attach_cronjob;
        struct kubernetes_selector selectors[KUBERNETES_ROLES];
        struct http_client_options http;
};

#endif

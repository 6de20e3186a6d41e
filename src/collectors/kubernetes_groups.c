#include <ctype.h>

#include "collectors/kubernetes_int.h"

/* One object at a time: with a thousand endpoints in a slice and a hundred labels each. */
enum { GROUP_ARENA_BYTES = 64 << 20 };

#define META "__meta_kubernetes_"

/* The group being made. */
struct maker {
        const struct kubernetes_discovery_options *options;
        const struct kube_view *view;
        struct discovery_result *result;
        struct arena arena;
        struct labels_builder labels; /* of the group */
        struct labels *targets;
        size_t count, capacity;
};

static const struct json_value *meta_of(const struct json_value *object)
{
        return discovery_find(object, "metadata");
}

static struct str name_of(const struct json_value *object)
{
        return discovery_text(meta_of(object), "name");
}

static struct str namespace_of(const struct json_value *object)
{
        return discovery_text(meta_of(object), "namespace");
}

static void set(struct labels_builder *builder, const char *name, struct str value)
{
        labels_builder_set(builder, str_from(name), value);
}

static void set_number(struct labels_builder *builder, const char *name, unsigned number)
{
        set(builder, name, str_from(arena_printf(builder->arena, "%u", number)));
}

static void set_flag(struct labels_builder *builder, const char *name, bool flag)
{
        set(builder, name, flag ? STR_LIT("true") : STR_LIT("false"));
}

/* What is set only where the object has it. */
static void set_optional_flag(struct labels_builder *builder, const char *name,
                              const struct json_value *object, const char *key)
{
        const struct json_value *value = object ? json_find(object, key) : NULL;

        if (value && value->kind == JSON_BOOL)
                set_flag(builder, name, value->boolean);
}

/* A label for every member, and one that says it is there, for those that are empty. */
static void add_present_map(struct labels_builder *builder, const char *value_prefix,
                            const char *present_prefix, const struct json_value *map)
{
        if (!map || map->kind != JSON_OBJECT)
                return;
        discovery_add_map(builder, value_prefix, map);
        for (const struct json_value *item = map->first; item; item = item->next)
                labels_builder_set(builder, discovery_label_name(builder->arena, present_prefix,
                                                                 item->key), STR_LIT("true"));
}

/* <prefix>label_x and <prefix>labelpresent_x, or the same with annotation. */
static void add_user_map(struct labels_builder *builder, const char *prefix, const char *word,
                         const struct json_value *map)
{
        add_present_map(builder, arena_printf(builder->arena, "%s%s_", prefix, word),
                        arena_printf(builder->arena, "%s%spresent_", prefix, word), map);
}

/* Name, labels and annotations; `prefix` is __meta_kubernetes_<what>_. */
static void add_meta(struct labels_builder *builder, const char *prefix,
                     const struct json_value *object)
{
        const struct json_value *meta = meta_of(object);

        set(builder, arena_printf(builder->arena, "%sname", prefix), name_of(object));
        add_user_map(builder, prefix, "label", discovery_find(meta, "labels"));
        add_user_map(builder, prefix, "annotation", discovery_find(meta, "annotations"));
}

/* ---- one group ------------------------------------------------------------------------------- */

static void begin_group(struct maker *maker, const struct json_value *object)
{
        const struct json_value *space = kube_store_find(maker->view->stores[KUBE_NAMESPACES],
                                                         STR_LIT(""), namespace_of(object));

        arena_init(&maker->arena, GROUP_ARENA_BYTES);
        labels_builder_init(&maker->labels, &maker->arena, (struct labels){0});
        maker->targets = NULL;
        maker->count = maker->capacity = 0;
        set(&maker->labels, META "namespace", namespace_of(object));
        if (!space)
                return;
        add_user_map(&maker->labels, META "namespace_", "label",
                     discovery_find(meta_of(space), "labels"));
        add_user_map(&maker->labels, META "namespace_", "annotation",
                     discovery_find(meta_of(space), "annotations"));
}

static void end_group(struct maker *maker)
{
        if (maker->count)
                discovery_result_add(maker->result, &(struct target_group){
                        labels_builder_finish(&maker->labels), maker->targets, maker->count});
        arena_release(&maker->arena);
}

static struct labels_builder begin_target(struct maker *maker, struct str address)
{
        struct labels_builder builder;

        labels_builder_init(&builder, &maker->arena, (struct labels){0});
        set(&builder, "__address__", address);
        return builder;
}

static void end_target(struct maker *maker, struct labels_builder *builder)
{
        if (maker->count == maker->capacity) {
                size_t grown = maker->capacity ? maker->capacity * 2 : 8;
                struct labels *moved = arena_array(&maker->arena, struct labels, grown);

                if (maker->count)
                        memcpy(moved, maker->targets, maker->count * sizeof(*moved));
                maker->targets = moved;
                maker->capacity = grown;
        }
        maker->targets[maker->count++] = labels_builder_finish(builder);
}

static void attach_node(struct maker *maker, struct labels_builder *builder, struct str name)
{
        const struct json_value *node = kube_store_find(maker->view->stores[KUBE_NODES],
                                                        STR_LIT(""), name);

        if (!maker->options->attach_node || !node)
                return;
        set(builder, META "node_name", name);
        add_user_map(builder, META "node_", "label", discovery_find(meta_of(node), "labels"));
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static struct str node_address(const struct json_value *node, const char *type)
{
        const struct json_value *status = discovery_find(node, "status");

        for (const struct json_value *address = discovery_first(status, "addresses"); address;
             address = address->next)
                if (str_is(discovery_text(address, "type"), type))
                        return discovery_text(address, "address");
        return STR_LIT("");
}

static void add_node(struct maker *maker, const struct json_value *node)
{
        static const char *const preferred[] = {"InternalIP", "InternalDNS", "ExternalIP",
                                                "ExternalDNS", "LegacyHostIP", "Hostname"};
        const struct json_value *status = discovery_find(node, "status");
        const struct json_value *kubelet =
                discovery_find(discovery_find(status, "daemonEndpoints"), "kubeletEndpoint");
        struct labels_builder builder;
        struct str address = {0};

        for (size_t i = 0; i < ARRAY_LEN(preferred) && !address.len; i++)
                address = node_address(node, preferred[i]);
        if (!address.len)
                return;
        add_meta(&maker->labels, META "node_", node);
        set(&maker->labels, META "node_provider_id",
            discovery_text(discovery_find(node, "spec"), "providerID"));
        builder = begin_target(maker, discovery_address(&maker->arena, address,
                                                        discovery_port(kubelet, "Port")));
        set(&builder, "instance", name_of(node));
        for (const struct json_value *item = discovery_first(status, "addresses"); item;
             item = item->next) {
                struct str label = discovery_label_name(&maker->arena, META "node_address_",
                                                        discovery_text(item, "type"));

                /* The first of each type. */
                if (!labels_builder_get(&builder, label).len)
                        labels_builder_set(&builder, label, discovery_text(item, "address"));
        }
        end_target(maker, &builder);
}

/* ---- services -------------------------------------------------------------------------------- */

static void add_service_labels(struct maker *maker, struct str name_space, struct str name)
{
        const struct json_value *service =
                kube_store_find(maker->view->stores[KUBE_SERVICES], name_space, name);

        if (service)
                add_meta(&maker->labels, META "service_", service);
}

static void add_service(struct maker *maker, const struct json_value *service)
{
        const struct json_value *spec = discovery_find(service, "spec");
        struct str type = discovery_text(spec, "type");
        struct str host = str_from(arena_printf(&maker->arena, STR_FMT "." STR_FMT ".svc",
                                                STR_ARG(name_of(service)),
                                                STR_ARG(namespace_of(service))));

        add_meta(&maker->labels, META "service_", service);
        for (const struct json_value *port = discovery_first(spec, "ports"); port;
             port = port->next) {
                unsigned number = discovery_port(port, "port");
                struct labels_builder builder =
                        begin_target(maker, discovery_address(&maker->arena, host, number));

                set(&builder, META "service_port_name", discovery_text(port, "name"));
                set_number(&builder, META "service_port_number", number);
                set(&builder, META "service_port_protocol", discovery_text(port, "protocol"));
                set(&builder, META "service_type", type);
                if (str_is(type, "ExternalName"))
                        set(&builder, META "service_external_name",
                            discovery_text(spec, "externalName"));
                else
                        set(&builder, META "service_cluster_ip",
                            discovery_text(spec, "clusterIP"));
                if (str_is(type, "LoadBalancer"))
                        set(&builder, META "service_loadbalancer_ip",
                            discovery_text(spec, "loadBalancerIP"));
                end_target(maker, &builder);
        }
}

/* ---- pods ------------------------------------------------------------------------------------ */

static struct str pod_ip(const struct json_value *pod)
{
        return discovery_text(discovery_find(pod, "status"), "podIP");
}

static struct str pod_ready(struct arena *arena, const struct json_value *pod)
{
        const struct json_value *status = discovery_find(pod, "status");

        for (const struct json_value *condition = discovery_first(status, "conditions"); condition;
             condition = condition->next) {
                struct str value = discovery_text(condition, "status");
                char *lower;

                if (!str_is(discovery_text(condition, "type"), "Ready"))
                        continue;
                lower = arena_alloc(arena, value.len + 1);
                for (size_t i = 0; i < value.len; i++)
                        lower[i] = (char)tolower((unsigned char)value.data[i]);
                return str_make(lower, value.len);
        }
        return STR_LIT("unknown");
}

static const struct json_value *controller_of(const struct json_value *object)
{
        for (const struct json_value *owner = discovery_first(meta_of(object), "ownerReferences");
             owner; owner = owner->next)
                if (discovery_flag(owner, "controller"))
                        return owner;
        return NULL;
}

/* What stands behind the controller: a deployment behind a replica set, a cron job behind a job. */
static struct str owner_of(const struct maker *maker, enum kube_kind kind,
                           const struct json_value *pod, struct str name, const char *wanted)
{
        const struct json_value *owner = controller_of(
                kube_store_find(maker->view->stores[kind], namespace_of(pod), name));

        return str_is(discovery_text(owner, "kind"), wanted) ? discovery_text(owner, "name")
                                                             : STR_LIT("");
}

static void add_pod_controller(struct maker *maker, struct labels_builder *builder,
                               const struct json_value *pod)
{
        const struct json_value *controller = controller_of(pod);
        struct str kind = discovery_text(controller, "kind");
        struct str name = discovery_text(controller, "name");

        set(builder, META "pod_controller_kind", kind);
        set(builder, META "pod_controller_name", name);
        if (maker->options->attach_deployment && str_is(kind, "ReplicaSet"))
                set(builder, META "pod_deployment_name",
                    owner_of(maker, KUBE_REPLICASETS, pod, name, "Deployment"));
        if (maker->options->attach_job && str_is(kind, "Job"))
                set(builder, META "pod_job_name", name);
        if (maker->options->attach_cronjob && str_is(kind, "Job"))
                set(builder, META "pod_cronjob_name",
                    owner_of(maker, KUBE_JOBS, pod, name, "CronJob"));
}

static void add_pod_labels(struct maker *maker, struct labels_builder *builder,
                           const struct json_value *pod)
{
        const struct json_value *status = discovery_find(pod, "status");

        add_meta(builder, META "pod_", pod);
        set(builder, META "pod_ip", pod_ip(pod));
        set(builder, META "pod_ready", pod_ready(&maker->arena, pod));
        set(builder, META "pod_phase", discovery_text(status, "phase"));
        set(builder, META "pod_node_name",
            discovery_text(discovery_find(pod, "spec"), "nodeName"));
        set(builder, META "pod_host_ip", discovery_text(status, "hostIP"));
        set(builder, META "pod_uid", discovery_text(meta_of(pod), "uid"));
        add_pod_controller(maker, builder, pod);
}

/* The containers of a pod, those that run before the others last. */
struct containers {
        const struct json_value *item;
        const struct json_value *init; /* first of those; NULL once they have begun */
        bool is_init;
};

static struct containers first_container(const struct json_value *pod)
{
        const struct json_value *spec = discovery_find(pod, "spec");
        const struct json_value *init = discovery_first(spec, "initContainers");
        const struct json_value *item = discovery_first(spec, "containers");

        return item ? (struct containers){item, init, false}
                    : (struct containers){init, NULL, true};
}

static void next_container(struct containers *at)
{
        at->item = at->item->next;
        if (!at->item && at->init)
                *at = (struct containers){at->init, NULL, true};
}

static void add_container(struct labels_builder *builder, const struct containers *at,
                          const struct json_value *port, struct str protocol)
{
        set(builder, META "pod_container_name", discovery_text(at->item, "name"));
        set(builder, META "pod_container_image", discovery_text(at->item, "image"));
        set_flag(builder, META "pod_container_init", at->is_init);
        if (!port)
                return;
        set(builder, META "pod_container_port_name", discovery_text(port, "name"));
        set_number(builder, META "pod_container_port_number",
                   discovery_port(port, "containerPort"));
        set(builder, META "pod_container_port_protocol", protocol);
}

static struct str container_id(const struct json_value *pod, const struct containers *at)
{
        const struct json_value *status = discovery_find(pod, "status");
        const char *list = at->is_init ? "initContainerStatuses" : "containerStatuses";

        for (const struct json_value *item = discovery_first(status, list); item;
             item = item->next)
                if (str_equal(discovery_text(item, "name"), discovery_text(at->item, "name")))
                        return discovery_text(item, "containerID");
        return STR_LIT("");
}

/* One target a port; a container without ports has one without a port. */
static void add_pod(struct maker *maker, const struct json_value *pod)
{
        struct str ip = pod_ip(pod);

        /* A pod that is about to start, or was evicted. */
        if (!ip.len)
                return;
        add_pod_labels(maker, &maker->labels, pod);
        attach_node(maker, &maker->labels,
                    discovery_text(discovery_find(pod, "spec"), "nodeName"));
        for (struct containers at = first_container(pod); at.item; next_container(&at)) {
                const struct json_value *port = discovery_first(at.item, "ports");

                do {
                        unsigned number = discovery_port(port, "containerPort");
                        struct labels_builder builder = begin_target(
                                maker, port ? discovery_address(&maker->arena, ip, number) : ip);

                        add_container(&builder, &at, port, discovery_text(port, "protocol"));
                        set(&builder, META "pod_container_id", container_id(pod, &at));
                        end_target(maker, &builder);
                        port = port ? port->next : NULL;
                } while (port);
        }
}

/* ---- what endpoints and endpoint slices share ------------------------------------------------ */

/* A pod behind endpoints of a group, and a port of theirs. */
struct served {
        const struct json_value *pod;
        unsigned port;
        bool is_first; /* of this pod */
};

struct served_list {
        struct served *items;
        size_t count, capacity;
};

static void add_served(struct maker *maker, struct served_list *list,
                       const struct json_value *pod, unsigned port)
{
        bool is_first = true;

        for (size_t i = 0; i < list->count && is_first; i++)
                is_first = list->items[i].pod != pod;
        if (list->count == list->capacity) {
                size_t grown = list->capacity ? list->capacity * 2 : 8;
                struct served *moved = arena_array(&maker->arena, struct served, grown);

                if (list->count)
                        memcpy(moved, list->items, list->count * sizeof(*moved));
                list->items = moved;
                list->capacity = grown;
        }
        list->items[list->count++] = (struct served){pod, port, is_first};
}

static bool is_served(const struct served_list *list, const struct json_value *pod, unsigned port)
{
        for (size_t i = 0; i < list->count; i++)
                if (list->items[i].pod == pod && list->items[i].port == port)
                        return true;
        return false;
}

/* The labels of the pod behind an endpoint, and of its container that has the port. */
static void add_backing_pod(struct maker *maker, struct labels_builder *builder,
                            struct served_list *list, const struct json_value *ref, unsigned port,
                            struct str protocol)
{
        const struct json_value *pod = NULL;

        if (str_is(discovery_text(ref, "kind"), "Pod"))
                pod = kube_store_find(maker->view->stores[KUBE_PODS],
                                      discovery_text(ref, "namespace"),
                                      discovery_text(ref, "name"));
        if (!pod)
                return;
        add_pod_labels(maker, builder, pod);
        for (struct containers at = first_container(pod); at.item && port; next_container(&at))
                for (const struct json_value *item = discovery_first(at.item, "ports"); item;
                     item = item->next)
                        if (discovery_port(item, "containerPort") == port)
                                add_container(builder, &at, item,
                                              protocol.len ? protocol
                                                           : discovery_text(item, "protocol"));
        add_served(maker, list, pod, port);
}

/* Ports of the pods that no endpoint has. */
static void add_unserved_ports(struct maker *maker, const struct served_list *list, int family)
{
        for (size_t i = 0; i < list->count; i++) {
                const struct json_value *pod = list->items[i].pod;
                struct str ip = pod_ip(pod);
                bool is_ipv6 = str_find_byte(ip, ':') < ip.len;

                /* The slices of both families of a service have the same pods. */
                if (!list->items[i].is_first || !ip.len || (family && is_ipv6 != (family == 6)))
                        continue;
                for (struct containers at = first_container(pod); at.item; next_container(&at)) {
                        for (const struct json_value *item = discovery_first(at.item, "ports");
                             item; item = item->next) {
                                unsigned port = discovery_port(item, "containerPort");
                                struct labels_builder builder;

                                if (is_served(list, pod, port))
                                        continue;
                                builder = begin_target(maker, discovery_address(&maker->arena, ip,
                                                                                port));
                                add_container(&builder, &at, item,
                                              discovery_text(item, "protocol"));
                                add_pod_labels(maker, &builder, pod);
                                end_target(maker, &builder);
                        }
                }
        }
}

/* ---- endpoints ------------------------------------------------------------------------------- */

static void add_endpoint(struct maker *maker, struct served_list *list,
                         const struct json_value *address, const struct json_value *port,
                         bool is_ready)
{
        const struct json_value *ref = discovery_find(address, "targetRef");
        struct str protocol = discovery_text(port, "protocol");
        unsigned number = discovery_port(port, "port");
        struct labels_builder builder = begin_target(
                maker, discovery_address(&maker->arena, discovery_text(address, "ip"), number));

        set(&builder, META "endpoint_port_name", discovery_text(port, "name"));
        set(&builder, META "endpoint_port_protocol", protocol);
        set_flag(&builder, META "endpoint_ready", is_ready);
        set(&builder, META "endpoint_address_target_kind", discovery_text(ref, "kind"));
        set(&builder, META "endpoint_address_target_name", discovery_text(ref, "name"));
        set(&builder, META "endpoint_node_name", discovery_text(address, "nodeName"));
        set(&builder, META "endpoint_hostname", discovery_text(address, "hostname"));
        attach_node(maker, &builder, discovery_text(address, "nodeName"));
        add_backing_pod(maker, &builder, list, ref, number, protocol);
        end_target(maker, &builder);
}

static void add_endpoints(struct maker *maker, const struct json_value *endpoints)
{
        struct served_list list = {0};

        add_meta(&maker->labels, META "endpoints_", endpoints);
        add_service_labels(maker, namespace_of(endpoints), name_of(endpoints));
        for (const struct json_value *subset = discovery_first(endpoints, "subsets"); subset;
             subset = subset->next) {
                for (const struct json_value *port = discovery_first(subset, "ports"); port;
                     port = port->next) {
                        const struct json_value *address = discovery_first(subset, "addresses");

                        for (; address; address = address->next)
                                add_endpoint(maker, &list, address, port, true);
                        address = discovery_first(subset, "notReadyAddresses");
                        for (; address; address = address->next)
                                add_endpoint(maker, &list, address, port, false);
                }
        }
        add_unserved_ports(maker, &list, 0);
}

/* ---- endpoint slices ------------------------------------------------------------------------- */

static void add_slice_endpoint(struct maker *maker, struct served_list *list, struct str address,
                               const struct json_value *endpoint, const struct json_value *port)
{
        const struct json_value *ref = discovery_find(endpoint, "targetRef");
        const struct json_value *conditions = discovery_find(endpoint, "conditions");
        const struct json_value *number_at = json_find(port, "port");
        struct str node = discovery_text(endpoint, "nodeName");
        bool has_port = number_at && number_at->kind == JSON_NUMBER;
        unsigned number = discovery_port(port, "port");
        struct labels_builder builder = begin_target(
                maker, has_port ? discovery_address(&maker->arena, address, number) : address);

#define SLICE META "endpointslice_"
        set(&builder, SLICE "port_name", discovery_text(port, "name"));
        set(&builder, SLICE "port_protocol", discovery_text(port, "protocol"));
        set(&builder, SLICE "port_app_protocol", discovery_text(port, "appProtocol"));
        if (has_port)
                set_number(&builder, SLICE "port", number);
        set_optional_flag(&builder, SLICE "endpoint_conditions_ready", conditions, "ready");
        set_optional_flag(&builder, SLICE "endpoint_conditions_serving", conditions, "serving");
        set_optional_flag(&builder, SLICE "endpoint_conditions_terminating", conditions,
                          "terminating");
        set(&builder, SLICE "endpoint_hostname", discovery_text(endpoint, "hostname"));
        set(&builder, SLICE "endpoint_node_name", node);
        set(&builder, SLICE "endpoint_zone", discovery_text(endpoint, "zone"));
        set(&builder, SLICE "address_target_kind", discovery_text(ref, "kind"));
        set(&builder, SLICE "address_target_name", discovery_text(ref, "name"));
        add_present_map(&builder, SLICE "endpoint_topology_", SLICE "endpoint_topology_present_",
                        discovery_find(endpoint, "deprecatedTopology"));
        attach_node(maker, &builder, str_is(discovery_text(ref, "kind"), "Node")
                                             ? discovery_text(ref, "name") : node);
        add_backing_pod(maker, &builder, list, ref, number, STR_LIT(""));
        end_target(maker, &builder);
}

static void add_slice(struct maker *maker, const struct json_value *slice)
{
        const struct json_value *labels = discovery_find(meta_of(slice), "labels");
        struct str type = discovery_text(slice, "addressType");
        struct served_list list = {0};

        add_meta(&maker->labels, SLICE, slice);
        set(&maker->labels, SLICE "address_type", type);
        add_service_labels(maker, namespace_of(slice),
                           discovery_text(labels, "kubernetes.io/service-name"));
        for (const struct json_value *endpoint = discovery_first(slice, "endpoints"); endpoint;
             endpoint = endpoint->next)
                for (const struct json_value *port = discovery_first(slice, "ports"); port;
                     port = port->next)
                        for (const struct json_value *address =
                                     discovery_first(endpoint, "addresses");
                             address; address = address->next)
                                add_slice_endpoint(maker, &list, address->text, endpoint, port);
        add_unserved_ports(maker, &list, str_is(type, "IPv4") ? 4 : str_is(type, "IPv6") ? 6 : 0);
}

/* ---- ingresses ------------------------------------------------------------------------------- */

/* Equal, or *.domain for one label more. */
static bool host_matches(struct str pattern, struct str host)
{
        size_t dot = str_find_byte(host, '.');

        if (str_equal(pattern, host))
                return true;
        return str_starts_with(pattern, STR_LIT("*.")) && dot < host.len &&
               str_equal(str_slice(pattern, 1, pattern.len), str_slice(host, dot, host.len));
}

static bool has_tls(const struct json_value *spec, struct str host)
{
        for (const struct json_value *tls = discovery_first(spec, "tls"); tls; tls = tls->next)
                for (const struct json_value *item = discovery_first(tls, "hosts"); item;
                     item = item->next)
                        if (host_matches(item->text, host))
                                return true;
        return false;
}

static void add_ingress_path(struct maker *maker, const struct json_value *spec, struct str host,
                             struct str path)
{
        struct labels_builder builder = begin_target(maker, host);

        set(&builder, META "ingress_scheme", has_tls(spec, host) ? STR_LIT("https")
                                                                 : STR_LIT("http"));
        set(&builder, META "ingress_host", host);
        set(&builder, META "ingress_path", path.len ? path : STR_LIT("/"));
        end_target(maker, &builder);
}

static void add_ingress(struct maker *maker, const struct json_value *ingress)
{
        const struct json_value *spec = discovery_find(ingress, "spec");

        add_meta(&maker->labels, META "ingress_", ingress);
        set(&maker->labels, META "ingress_class_name", discovery_text(spec, "ingressClassName"));
        for (const struct json_value *rule = discovery_first(spec, "rules"); rule;
             rule = rule->next) {
                const struct json_value *http = discovery_find(rule, "http");
                struct str host = discovery_text(rule, "host");

                if (!http)
                        add_ingress_path(maker, spec, host, STR_LIT("/"));
                for (const struct json_value *path = discovery_first(http, "paths"); path;
                     path = path->next)
                        add_ingress_path(maker, spec, host, discovery_text(path, "path"));
        }
}

void kube_groups_add(struct discovery_result *result,
                     const struct kubernetes_discovery_options *options,
                     const struct kube_view *view)
{
        static void (*const add[KUBERNETES_ROLES])(struct maker *maker,
                                                   const struct json_value *object) = {
                [KUBERNETES_NODE] = add_node,
                [KUBERNETES_POD] = add_pod,
                [KUBERNETES_SERVICE] = add_service,
                [KUBERNETES_ENDPOINTS] = add_endpoints,
                [KUBERNETES_ENDPOINTSLICE] = add_slice,
                [KUBERNETES_INGRESS] = add_ingress,
        };
        struct maker maker = {.options = options, .view = view, .result = result};
        const struct map *objects = &view->stores[options->role]->objects;

        for (struct map_entry *e = NULL; (e = map_next(objects, e));) {
                const struct kube_object *object = e->value;

                begin_group(&maker, object->json);
                add[options->role](&maker, object->json);
                end_group(&maker);
        }
}

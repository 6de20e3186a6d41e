/* Targets from the objects of a Kubernetes cluster (kubernetes_sd_configs). Each namespace stands
 * for itself: one that may not be read does not keep the others from being found. */
#include "base/alloc.h"
#include "base/clock.h"
#include "collectors/kubernetes_int.h"

ALLOC_TYPE(kubernetes_type, "kubernetes_discovery")

METRIC_COUNTER(failures, "pitwall_discovery_failures_total", "kind=\"kubernetes\"",
               "Discoveries that gave no good answer; the last targets stayed.")

/* How long changes are gathered before they are published, and the wait before another try to
 * find the API. */
enum { GATHER_MS = 500, RETRY_MS = 10000 };

/* What is watched in one namespace, and in the cluster as a whole. */
struct scope {
        struct str name_space;
        struct kube_watch *watches[KUBE_KINDS]; /* NULL: not needed */
};

struct kubernetes {
        struct discovery *discovery;
        const struct kubernetes_discovery_options *options;
        struct kube_client client;
        struct scope *scopes;
        size_t scope_count;
        struct kube_watch **watches; /* of all scopes, each once */
        size_t watch_count, watch_capacity;
        int64_t publish_ns;          /* 0: nothing new */
        bool published;
};

static struct kube_watch *add_watch(struct kubernetes *kubernetes, enum kube_kind kind,
                                    struct str name_space)
{
        struct kube_watch *watch = alloc_new(&kubernetes_type, sizeof(*watch));
        struct kubernetes_selector selector = {0};

        if ((int)kind < (int)KUBERNETES_ROLES)
                selector = kubernetes->options->selectors[kind];
        kube_watch_init(watch, &kubernetes->client, kind, name_space, selector);
        kubernetes->watches = alloc_array_reserve(&kubernetes_type, kubernetes->watches,
                                                  &kubernetes->watch_capacity,
                                                  kubernetes->watch_count + 1,
                                                  sizeof(struct kube_watch *));
        kubernetes->watches[kubernetes->watch_count++] = watch;
        return watch;
}

static bool is_cluster_wide(enum kube_kind kind)
{
        return kind == KUBE_NODES || kind == KUBE_NAMESPACES;
}

static bool is_needed(const struct kubernetes_discovery_options *options, enum kube_kind kind)
{
        bool has_endpoints = options->role == KUBERNETES_ENDPOINTS ||
                             options->role == KUBERNETES_ENDPOINTSLICE;
        bool has_pods = has_endpoints || options->role == KUBERNETES_POD;

        if ((int)kind == (int)options->role)
                return true;
        switch (kind) {
        case KUBE_PODS:
        case KUBE_SERVICES:
                return has_endpoints;
        case KUBE_NODES:
                return has_pods && options->attach_node;
        case KUBE_NAMESPACES:
                return options->role != KUBERNETES_NODE && options->attach_namespace;
        case KUBE_REPLICASETS:
                return has_pods && options->attach_deployment;
        case KUBE_JOBS:
                return has_pods && options->attach_cronjob;
        default:
                return false;
        }
}

static void add_scope(struct kubernetes *kubernetes, struct str name_space)
{
        struct scope *scope = &kubernetes->scopes[kubernetes->scope_count++];

        scope->name_space = name_space;
        for (int kind = 0; kind < KUBE_KINDS; kind++) {
                if (!is_needed(kubernetes->options, (enum kube_kind)kind))
                        continue;
                if (is_cluster_wide((enum kube_kind)kind) && scope != kubernetes->scopes)
                        scope->watches[kind] = kubernetes->scopes->watches[kind];
                else
                        scope->watches[kind] =
                                add_watch(kubernetes, (enum kube_kind)kind,
                                          is_cluster_wide((enum kube_kind)kind) ? STR_LIT("")
                                                                                : name_space);
        }
}

static void add_scopes(struct kubernetes *kubernetes)
{
        const struct kubernetes_discovery_options *options = kubernetes->options;

        kubernetes->scopes = alloc_new(&kubernetes_type, (options->namespace_count + 1) *
                                                                 sizeof(struct scope));
        if (options->role == KUBERNETES_NODE ||
            (!options->namespace_count && !kubernetes->client.own_namespace.len)) {
                add_scope(kubernetes, STR_LIT(""));
                return;
        }
        for (size_t i = 0; i < options->namespace_count; i++)
                add_scope(kubernetes, options->namespaces[i]);
        if (kubernetes->client.own_namespace.len)
                add_scope(kubernetes, kubernetes->client.own_namespace);
}

static bool is_synced(const struct scope *scope)
{
        for (int kind = 0; kind < KUBE_KINDS; kind++)
                if (scope->watches[kind] && !scope->watches[kind]->synced)
                        return false;
        return true;
}

static void publish(struct kubernetes *kubernetes)
{
        struct discovery_result *result = NULL;

        kubernetes->publish_ns = 0;
        for (size_t i = 0; i < kubernetes->scope_count; i++) {
                const struct scope *scope = &kubernetes->scopes[i];
                struct kube_view view = {0};

                if (!is_synced(scope))
                        continue;
                if (!result)
                        result = discovery_result_new();
                for (int kind = 0; kind < KUBE_KINDS; kind++)
                        if (scope->watches[kind])
                                view.stores[kind] = &scope->watches[kind]->store;
                kube_groups_add(result, kubernetes->options, &view);
        }
        if (!result)
                return;
        kubernetes->published = true;
        discovery_publish(kubernetes->discovery, result);
}

/* Starts what is due; returns when the next is. */
static int64_t start_due(struct kubernetes *kubernetes)
{
        int64_t now_ns = clock_mono_ns(&clock_real);
        int64_t next_ns = kubernetes->publish_ns ? kubernetes->publish_ns : INT64_MAX;

        for (size_t i = 0; i < kubernetes->watch_count; i++) {
                struct kube_watch *watch = kubernetes->watches[i];

                if (watch->in_flight)
                        continue;
                if (watch->due_ns > now_ns) {
                        if (watch->due_ns < next_ns)
                                next_ns = watch->due_ns;
                        continue;
                }
                kube_watch_prepare(watch);
                if (!discovery_start(kubernetes->discovery, &watch->call))
                        break;
        }
        return next_ns;
}

static void watch_all(struct kubernetes *kubernetes)
{
        struct discovery *discovery = kubernetes->discovery;

        while (!discovery_stopping(discovery)) {
                struct discovery_call *call = discovery_wait(discovery, start_due(kubernetes));
                struct error err;
                bool changed;

                if (call && !kube_watch_take(call->ctx, &changed, &err))
                        discovery_fail(discovery, &err);
                if (call && changed && !kubernetes->publish_ns)
                        kubernetes->publish_ns =
                                clock_mono_ns(&clock_real) +
                                (kubernetes->published ? GATHER_MS * 1000000LL : 0);
                if (kubernetes->publish_ns &&
                    kubernetes->publish_ns <= clock_mono_ns(&clock_real))
                        publish(kubernetes);
        }
}

static void release(struct kubernetes *kubernetes)
{
        discovery_drain(kubernetes->discovery);
        for (size_t i = 0; i < kubernetes->watch_count; i++) {
                kube_watch_release(kubernetes->watches[i]);
                alloc_free(&kubernetes_type, kubernetes->watches[i]);
        }
        alloc_free(&kubernetes_type, kubernetes->watches);
        alloc_free(&kubernetes_type, kubernetes->scopes);
        kube_client_release(&kubernetes->client);
}

static void run_kubernetes(struct discovery *discovery)
{
        struct kubernetes kubernetes = {
                .discovery = discovery,
                .options = discovery_config_of(discovery)->options,
        };
        struct error err;

        while (!kube_client_init(&kubernetes.client, kubernetes.options, &err)) {
                discovery_fail(discovery, &err);
                if (!discovery_sleep(discovery, RETRY_MS))
                        return;
        }
        add_scopes(&kubernetes);
        watch_all(&kubernetes);
        release(&kubernetes);
}

const struct discovery_kind kubernetes_discovery_kind = {"kubernetes", run_kubernetes, &failures};

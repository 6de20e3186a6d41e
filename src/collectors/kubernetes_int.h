/* collectors/kubernetes_int.h - Kubernetes discovery in parts: how to reach the API, objects kept
 * in step with it by list and watch, target groups made of objects. */
#ifndef COLLECTORS_KUBERNETES_INT_H
#define COLLECTORS_KUBERNETES_INT_H

#include "base/map.h"
#include "collectors/discovery_int.h"

/* What is watched; the first are those of the roles. */
enum kube_kind {
        KUBE_NODES = KUBERNETES_NODE,
        KUBE_PODS = KUBERNETES_POD,
        KUBE_SERVICES = KUBERNETES_SERVICE,
        KUBE_ENDPOINTS = KUBERNETES_ENDPOINTS,
        KUBE_ENDPOINTSLICES = KUBERNETES_ENDPOINTSLICE,
        KUBE_INGRESSES = KUBERNETES_INGRESS,
        KUBE_NAMESPACES,
        KUBE_REPLICASETS,
        KUBE_JOBS,
        KUBE_KINDS,
};

/* ---- kubernetes_client.c: where the API is -------------------------------------------------- */

struct kube_client {
        struct arena arena; /* holds everything below */
        struct str url;
        struct str own_namespace; /* when asked for */
        struct http_client_options http;
};

NODISCARD bool kube_client_init(struct kube_client *client,
                                const struct kubernetes_discovery_options *options,
                                struct error *err);
void kube_client_release(struct kube_client *client);
/* The current context of a kubeconfig file, into the client. */
NODISCARD bool kube_client_read_config(struct kube_client *client, const char *path,
                                       struct str text, struct error *err);

/* ---- kubernetes_store.c: objects of one kind ------------------------------------------------ */

struct kube_store {
        struct arena arena;  /* of the objects, those that were replaced among them */
        struct map objects;  /* "namespace/name", or "name" -> struct kube_object */
        size_t garbage;      /* replaced or removed objects in the arena */
};

struct kube_object {
        struct str key;
        const struct json_value *json; /* without what discovery never looks at */
};

void kube_store_init(struct kube_store *store);
void kube_store_release(struct kube_store *store);
/* Copies what matters of the object. False, without a change, when it has no name. */
bool kube_store_put(struct kube_store *store, const struct json_value *object);
void kube_store_remove(struct kube_store *store, const struct json_value *object);
/* An object, or NULL. `store` may be NULL; `name_space` is empty for what is in none. */
const struct json_value *kube_store_find(const struct kube_store *store, struct str name_space,
                                         struct str name);

/* ---- kubernetes_watch.c: a store kept in step ----------------------------------------------- */

struct kube_watch {
        struct discovery_call call;
        const struct kube_client *client;
        enum kube_kind kind;
        struct str name_space; /* empty: all */
        struct kubernetes_selector selector;
        struct kube_store store;
        bool synced;           /* the store has been complete once */
        bool in_flight;
        int64_t started_ns, due_ns;
        /* private */
        bool listing;
        struct kube_store fresh; /* of the list under way */
        struct buf url, version, next_page;
        int64_t backoff_ms;
};

void kube_watch_init(struct kube_watch *watch, const struct kube_client *client,
                     enum kube_kind kind, struct str name_space,
                     struct kubernetes_selector selector);
void kube_watch_release(struct kube_watch *watch);
/* Sets up the next request in watch->call, to be started by the caller. */
void kube_watch_prepare(struct kube_watch *watch);
/* Takes its answer; sets due_ns. *ret_changed says whether the store did. False when the answer
 * was bad: the store stays, and the next request comes later and later. */
NODISCARD bool kube_watch_take(struct kube_watch *watch, bool *ret_changed, struct error *err);

/* ---- kubernetes_groups.c: target groups of objects ------------------------------------------ */

struct kube_view {
        const struct kube_store *stores[KUBE_KINDS]; /* NULL for what is not watched */
};

void kube_groups_add(struct discovery_result *result,
                     const struct kubernetes_discovery_options *options,
                     const struct kube_view *view);

#endif

/* Objects of any shape, a JSON list of them: no crash in any role, and every target has labels in
 * order. All stores hold the same objects, so that whatever refers to another finds one. */
#include "collectors/kubernetes_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_labels(struct labels labels)
{
        for (size_t i = 0; i < labels.count; i++) {
                BUG_ON(!labels.items[i].name.len || !labels.items[i].value.len);
                BUG_ON(i && str_compare(labels.items[i - 1].name, labels.items[i].name) >= 0);
        }
}

static void make_groups(const struct kube_store *store, enum kubernetes_role role)
{
        const struct kubernetes_discovery_options options = {
                .role = role, .attach_node = true, .attach_namespace = true,
                .attach_deployment = true, .attach_job = true, .attach_cronjob = true,
        };
        struct discovery_result *result = discovery_result_new();
        struct kube_view view;

        for (int kind = 0; kind < KUBE_KINDS; kind++)
                view.stores[kind] = store;
        kube_groups_add(result, &options, &view);
        for (size_t g = 0; g < result->count; g++) {
                check_labels(result->groups[g].labels);
                for (size_t t = 0; t < result->groups[g].target_count; t++)
                        check_labels(result->groups[g].targets[t]);
        }
        discovery_result_unref(result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct kube_store store;
        struct json_value *list;
        struct arena arena;
        struct error err;

        arena_init(&arena, 64 << 20);
        kube_store_init(&store);
        if (json_parse(&arena, str_make((const char *)data, size), &list, &err) &&
            list->kind == JSON_ARRAY) {
                for (const struct json_value *item = list->first; item; item = item->next)
                        (void)kube_store_put(&store, item);
                for (int role = 0; role < KUBERNETES_ROLES; role++)
                        make_groups(&store, (enum kubernetes_role)role);
        }
        kube_store_release(&store);
        arena_release(&arena);
        return 0;
}

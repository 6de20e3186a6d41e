#include <stdio.h>

#include "collectors/kubernetes_int.h"

/* 50,000 pods, at 8 KB each. */
enum { STORE_ARENA_BYTES = 400 << 20, GARBAGE_MIN = 64 };
/* DNS names; the API allows no longer ones. */
enum { NAME_MAX_BYTES = 253, KEY_MAX_BYTES = 2 * NAME_MAX_BYTES + 2 };

/* Most of an object, and nothing that a label is made of. */
static const char *const ignored_keys[] = {
        "affinity",        "allocatable",     "args",           "capacity",
        "command",         "env",             "envFrom",        "images",
        "lifecycle",       "livenessProbe",   "managedFields",  "nodeInfo",
        "readinessProbe",  "resources",       "securityContext", "startupProbe",
        "template",        "tolerations",     "volumeDevices",  "volumeMounts",
        "volumes",         "volumesAttached", "volumesInUse",
};

static bool is_ignored(struct str key)
{
        for (size_t i = 0; i < ARRAY_LEN(ignored_keys); i++)
                if (str_is(key, ignored_keys[i]))
                        return true;
        return false;
}

/* Keys of labels and annotations are the user's: none of them is ignored. */
static bool is_user_map(const struct json_value *value)
{
        return str_is(value->key, "labels") || str_is(value->key, "annotations");
}

static struct json_value *copy_value(struct arena *arena, const struct json_value *value)
{
        struct json_value *copy = arena_new(arena, struct json_value);
        struct json_value **tail = &copy->first;
        bool keep_all = value->kind == JSON_ARRAY || is_user_map(value);

        *copy = *value;
        copy->key = arena_str(arena, value->key);
        copy->text = arena_str(arena, value->text);
        copy->first = copy->next = NULL;
        for (const struct json_value *child = value->first; child; child = child->next) {
                if (!keep_all && is_ignored(child->key))
                        continue;
                *tail = copy_value(arena, child);
                tail = &(*tail)->next;
        }
        return copy;
}

void kube_store_init(struct kube_store *store)
{
        *store = (struct kube_store){0};
        arena_init(&store->arena, STORE_ARENA_BYTES);
}

void kube_store_release(struct kube_store *store)
{
        map_release(&store->objects);
        arena_release(&store->arena);
}

/* "namespace/name", or only the name; empty when there is none that the API would allow. */
static struct str make_key(char *text, struct str name_space, struct str name)
{
        if (!name.len || name.len > NAME_MAX_BYTES || name_space.len > NAME_MAX_BYTES)
                return STR_LIT("");
        return str_make(text, (size_t)snprintf(text, KEY_MAX_BYTES, STR_FMT "%s" STR_FMT,
                                               STR_ARG(name_space), name_space.len ? "/" : "",
                                               STR_ARG(name)));
}

static struct str key_of(char *text, const struct json_value *object)
{
        const struct json_value *meta = discovery_find(object, "metadata");

        return make_key(text, discovery_text(meta, "namespace"), discovery_text(meta, "name"));
}

static void put_copy(struct kube_store *store, struct str key, const struct json_value *object)
{
        struct kube_object *copy = arena_new(&store->arena, struct kube_object);

        copy->key = arena_str(&store->arena, key);
        copy->json = copy_value(&store->arena, object);
        store->garbage += map_put(&store->objects, copy->key, copy) != NULL;
}

/* Gives back what replaced objects hold, once they are more than those that live. */
static void collect_garbage(struct kube_store *store)
{
        struct kube_store compact;

        if (store->garbage < GARBAGE_MIN || store->garbage < store->objects.count)
                return;
        kube_store_init(&compact);
        for (struct map_entry *e = NULL; (e = map_next(&store->objects, e));)
                put_copy(&compact, e->key, ((struct kube_object *)e->value)->json);
        kube_store_release(store);
        *store = compact;
}

bool kube_store_put(struct kube_store *store, const struct json_value *object)
{
        char text[KEY_MAX_BYTES];
        struct str key = key_of(text, object);

        if (!key.len)
                return false;
        put_copy(store, key, object);
        collect_garbage(store);
        return true;
}

void kube_store_remove(struct kube_store *store, const struct json_value *object)
{
        char text[KEY_MAX_BYTES];

        store->garbage += map_remove(&store->objects, key_of(text, object)) != NULL;
        collect_garbage(store);
}

const struct json_value *kube_store_find(const struct kube_store *store, struct str name_space,
                                         struct str name)
{
        const struct kube_object *object;
        char text[KEY_MAX_BYTES];

        object = store ? map_get(&store->objects, make_key(text, name_space, name)) : NULL;
        return object ? object->json : NULL;
}

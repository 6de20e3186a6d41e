#include <stdlib.h>

#include "base/clock.h"
#include "collectors/kubernetes_int.h"
#include "http/server.h"

/* A list comes in pages. A watch ends after a while, and its answer is the events until then: what
 * changes is known at most that much later, as it is in Prometheus, which looks every 5 s. */
enum { PAGE_OBJECTS = 500, WATCH_S = 5, TIMEOUT_MS = 30000 };
enum { WATCH_INTERVAL_MS = 1000, BACKOFF_MIN_MS = 1000, BACKOFF_MAX_MS = 30000 };
enum { GONE = 410 };

static const struct {
        const char *api, *name;
} resources[KUBE_KINDS] = {
        [KUBE_NODES] = {"/api/v1", "nodes"},
        [KUBE_PODS] = {"/api/v1", "pods"},
        [KUBE_SERVICES] = {"/api/v1", "services"},
        [KUBE_ENDPOINTS] = {"/api/v1", "endpoints"},
        [KUBE_ENDPOINTSLICES] = {"/apis/discovery.k8s.io/v1", "endpointslices"},
        [KUBE_INGRESSES] = {"/apis/networking.k8s.io/v1", "ingresses"},
        [KUBE_NAMESPACES] = {"/api/v1", "namespaces"},
        [KUBE_REPLICASETS] = {"/apis/apps/v1", "replicasets"},
        [KUBE_JOBS] = {"/apis/batch/v1", "jobs"},
};

void kube_watch_init(struct kube_watch *watch, const struct kube_client *client,
                     enum kube_kind kind, struct str name_space,
                     struct kubernetes_selector selector)
{
        *watch = (struct kube_watch){
                .client = client,
                .kind = kind,
                .name_space = name_space,
                .selector = selector,
                .listing = true,
                .url = BUF_INIT(64 << 10),
                .version = BUF_INIT(4096),
                .next_page = BUF_INIT(64 << 10),
                .backoff_ms = BACKOFF_MIN_MS,
        };
        watch->call.ctx = watch;
        kube_store_init(&watch->store);
        kube_store_init(&watch->fresh);
}

void kube_watch_release(struct kube_watch *watch)
{
        kube_store_release(&watch->store);
        kube_store_release(&watch->fresh);
        buf_release(&watch->url);
        buf_release(&watch->version);
        buf_release(&watch->next_page);
        buf_release(&watch->call.fetch.body);
}

static void add_param(struct buf *url, const char *name, struct str value)
{
        if (!value.len)
                return;
        buf_printf(url, "&%s=", name);
        http_url_encode(url, value);
}

void kube_watch_prepare(struct kube_watch *watch)
{
        struct buf *url = &watch->url;

        buf_clear(url);
        buf_printf(url, STR_FMT "%s", STR_ARG(watch->client->url), resources[watch->kind].api);
        if (watch->name_space.len) {
                buf_append_cstr(url, "/namespaces/");
                http_url_encode(url, watch->name_space);
        }
        buf_printf(url, "/%s?", resources[watch->kind].name);
        if (watch->listing) {
                buf_printf(url, "limit=%d", PAGE_OBJECTS);
                add_param(url, "continue", buf_str(&watch->next_page));
        } else {
                buf_printf(url, "watch=1&allowWatchBookmarks=true&timeoutSeconds=%d", WATCH_S);
                add_param(url, "resourceVersion", buf_str(&watch->version));
        }
        add_param(url, "labelSelector", watch->selector.label);
        add_param(url, "fieldSelector", watch->selector.field);
        watch->started_ns = clock_mono_ns(&clock_real);
        watch->in_flight = true;
        watch->call.fetch = (struct http_fetch){
                .options = &watch->client->http,
                .url = buf_str(url),
                .accept_gzip = true,
                .timeout_ms = TIMEOUT_MS,
                .body = BUF_INIT(DISCOVERY_BODY_MAX_BYTES),
        };
}

static void set_text(struct buf *buf, struct str text)
{
        buf_clear(buf);
        buf_append_str(buf, text);
}

static void start_over(struct kube_watch *watch)
{
        kube_store_release(&watch->fresh);
        kube_store_init(&watch->fresh);
        buf_clear(&watch->next_page);
        watch->listing = true;
}

/* ---- lists ----------------------------------------------------------------------------------- */

static bool take_list(struct kube_watch *watch, struct arena *arena, bool *ret_changed,
                      struct error *err)
{
        const struct json_value *meta;
        struct json_value *list;

        if (!json_parse(arena, buf_str(&watch->call.fetch.body), &list, err))
                return false;
        meta = discovery_find(list, "metadata");
        if (!meta || !str_ends_with(discovery_text(list, "kind"), STR_LIT("List")))
                return error_set(err, ERROR_INVALID, "the answer is not a list of objects");
        for (const struct json_value *item = discovery_first(list, "items"); item;
             item = item->next)
                if (!kube_store_put(&watch->fresh, item))
                        return error_set(err, ERROR_INVALID, "an object has no name");
        set_text(&watch->next_page, discovery_text(meta, "continue"));
        if (watch->next_page.len)
                return true;
        set_text(&watch->version, discovery_text(meta, "resourceVersion"));
        kube_store_release(&watch->store);
        watch->store = watch->fresh;
        kube_store_init(&watch->fresh);
        watch->listing = false;
        watch->synced = true;
        *ret_changed = true;
        return true;
}

/* ---- events ---------------------------------------------------------------------------------- */

static bool take_event(struct kube_watch *watch, const struct json_value *event,
                       bool *ret_changed, struct error *err)
{
        const struct json_value *object = discovery_find(event, "object");
        struct str type = discovery_text(event, "type");
        struct str version = discovery_text(discovery_find(object, "metadata"),
                                            "resourceVersion");

        if (str_is(type, "ERROR")) {
                const struct json_value *code = object ? json_find(object, "code") : NULL;
                struct str message = discovery_text(object, "message");

                start_over(watch);
                if (code && code->kind == JSON_NUMBER && code->number == GONE)
                        return true;
                return error_set(err, ERROR_NETWORK, "the watch failed: " STR_FMT,
                                 STR_ARG(message));
        }
        if (str_is(type, "ADDED") || str_is(type, "MODIFIED")) {
                if (!object || !kube_store_put(&watch->store, object))
                        return error_set(err, ERROR_INVALID, "an object has no name");
                *ret_changed = true;
        } else if (str_is(type, "DELETED")) {
                if (object)
                        kube_store_remove(&watch->store, object);
                *ret_changed = true;
        } else if (!str_is(type, "BOOKMARK")) {
                return error_set(err, ERROR_INVALID, "unknown event \"" STR_FMT "\"",
                                 STR_ARG(type));
        }
        if (version.len)
                set_text(&watch->version, version);
        return true;
}

/* One document a line. What came before a bad line holds. */
static bool take_events(struct kube_watch *watch, struct arena *arena, bool *ret_changed,
                        struct error *err)
{
        struct str rest = buf_str(&watch->call.fetch.body), line;
        bool ok = true;

        while (ok && !watch->listing && str_cut(&rest, '\n', &line)) {
                struct json_value *event;

                line = str_trim(line);
                if (!line.len)
                        continue;
                ok = json_parse(arena, line, &event, err) &&
                     take_event(watch, event, ret_changed, err);
                arena_release(arena);
                arena_init(arena, DISCOVERY_ARENA_MAX_BYTES);
        }
        if (!ok)
                start_over(watch);
        return ok;
}

static bool take_answer(struct kube_watch *watch, bool *ret_changed, struct error *err)
{
        struct arena arena;
        bool ok;

        if (!watch->call.fetch.failed && watch->call.fetch.status == GONE) {
                start_over(watch);
                return true;
        }
        if (!discovery_check_answer(&watch->call.fetch, err)) {
                start_over(watch);
                return false;
        }
        arena_init(&arena, DISCOVERY_ARENA_MAX_BYTES);
        ok = watch->listing ? take_list(watch, &arena, ret_changed, err)
                            : take_events(watch, &arena, ret_changed, err);
        arena_release(&arena);
        if (ok)
                return true;
        start_over(watch);
        return error_prefix(err, "Get \"" STR_FMT "\"", STR_ARG(watch->call.fetch.url));
}

bool kube_watch_take(struct kube_watch *watch, bool *ret_changed, struct error *err)
{
        int64_t now_ns = clock_mono_ns(&clock_real);
        bool was_listing = watch->listing;
        bool changed = false;
        bool ok = take_answer(watch, &changed, err);

        watch->in_flight = false;
        buf_release(&watch->call.fetch.body);
        *ret_changed = changed;
        if (!ok) {
                watch->due_ns = now_ns + watch->backoff_ms * 1000000;
                watch->backoff_ms = watch->backoff_ms * 2 < BACKOFF_MAX_MS ? watch->backoff_ms * 2
                                                                           : BACKOFF_MAX_MS;
                return false;
        }
        watch->backoff_ms = BACKOFF_MIN_MS;
        /* A server that ends every watch at once is not asked in a loop. */
        watch->due_ns = was_listing && (watch->next_page.len || !watch->listing)
                                ? now_ns : watch->started_ns + WATCH_INTERVAL_MS * 1000000LL;
        return true;
}

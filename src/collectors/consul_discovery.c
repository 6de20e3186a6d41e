/* Targets from Consul's catalog (consul_sd_configs): a blocking query for the names of services,
 * and one for the healthy and unhealthy instances of each service. A query that changed nothing
 * costs Consul a request every two minutes. */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/map.h"
#include "collectors/discovery_int.h"
#include "http/server.h"

ALLOC_TYPE(consul_watch_type, "consul_watch")

METRIC_COUNTER(failures, "pitwall_discovery_failures_total", "kind=\"consul\"",
               "Discoveries that gave no good answer; the last targets stayed.")

enum { WAIT_MS = 120000, TIMEOUT_MS = WAIT_MS + 15000, RETRY_MS = 15000 };
/* Services answer one by one: what comes within this time is published at once. */
enum { GATHER_MS = 200 };

struct consul;

/* The catalog, or one service. */
struct watch {
        struct discovery_call call;
        struct buf url;
        struct http_wanted_header index_header;
        struct str name;          /* of the service; in the map */
        uint64_t index;           /* of the last answer */
        bool in_flight, known, gone;
        bool listed;              /* in the catalog that is being taken */
        int64_t started_ns, due_ns;
        struct arena arena;       /* of the group */
        struct target_group group;
};

struct consul {
        struct discovery *discovery;
        const struct consul_discovery_options *options;
        int64_t refresh_ms, retry_ms;
        struct buf datacenter;
        struct watch *catalog;    /* NULL: the services are given */
        struct map services;      /* name -> struct watch */
        struct watch **leaving;   /* their queries are still under way */
        size_t leaving_count, leaving_capacity;
        int64_t publish_ns;       /* 0: nothing new */
};

static struct watch *watch_new(struct str name)
{
        struct watch *watch = alloc_new(&consul_watch_type, sizeof(*watch));

        watch->name = str_from(alloc_strdup(&consul_watch_type, name.data, name.len));
        watch->name.len = name.len;
        watch->url = BUF_INIT(64 << 10);
        watch->call.ctx = watch;
        watch->index_header.name = "X-Consul-Index";
        return watch;
}

static void watch_free(struct watch *watch)
{
        arena_release(&watch->arena);
        buf_release(&watch->url);
        buf_release(&watch->call.fetch.body);
        alloc_free(&consul_watch_type, (char *)watch->name.data);
        alloc_free(&consul_watch_type, watch);
}

/* ---- queries --------------------------------------------------------------------------------- */

static void add_param(struct buf *url, const char *name, struct str value)
{
        if (!value.len)
                return;
        buf_append_byte(url, memchr(url->data, '?', url->len) ? '&' : '?');
        buf_append_cstr(url, name);
        buf_append_byte(url, '=');
        http_url_encode(url, value);
}

static void make_url(const struct consul *consul, struct watch *watch)
{
        const struct consul_discovery_options *options = consul->options;
        bool is_catalog = watch == consul->catalog;
        struct buf *url = &watch->url;
        char text[32];

        buf_clear(url);
        buf_append_str(url, options->url);
        buf_append_cstr(url, is_catalog ? "/v1/catalog/services" : "/v1/health/service/");
        http_url_encode(url, watch->name);
        add_param(url, "dc", options->datacenter);
        add_param(url, "ns", options->name_space);
        add_param(url, "partition", options->partition);
        if (options->allow_stale)
                buf_append_cstr(url, memchr(url->data, '?', url->len) ? "&stale=" : "?stale=");
        snprintf(text, sizeof(text), "%dms", WAIT_MS);
        add_param(url, "wait", str_from(text));
        snprintf(text, sizeof(text), "%llu", (unsigned long long)watch->index);
        if (watch->index)
                add_param(url, "index", str_from(text));
        for (size_t i = 0; i < options->node_meta_count; i++) {
                struct buf pair CLEANUP(buf_release) = BUF_INIT(64 << 10);

                buf_printf(&pair, STR_FMT ":" STR_FMT, STR_ARG(options->node_meta[i].name),
                           STR_ARG(options->node_meta[i].value));
                add_param(url, "node-meta", buf_str(&pair));
        }
        for (size_t i = 0; i < options->tag_count && !is_catalog; i++)
                add_param(url, "tag", options->tags[i]);
        add_param(url, "filter", is_catalog ? options->filter : options->health_filter);
}

/* False when the discovery is to stop. */
static bool start_query(struct consul *consul, struct watch *watch)
{
        make_url(consul, watch);
        watch->started_ns = clock_mono_ns(&clock_real);
        watch->in_flight = true;
        watch->call.fetch = (struct http_fetch){
                .options = &consul->options->http,
                .url = buf_str(&watch->url),
                .wanted = &watch->index_header,
                .wanted_count = 1,
                .accept_gzip = true,
                .timeout_ms = TIMEOUT_MS,
                .body = BUF_INIT(DISCOVERY_BODY_MAX_BYTES),
        };
        return discovery_start(consul->discovery, &watch->call);
}

/* The datacenter of the agent, for the label. */
static bool fetch_datacenter(struct consul *consul, struct error *err)
{
        struct buf url CLEANUP(buf_release) = BUF_INIT(64 << 10);
        struct http_fetch fetch = {
                .options = &consul->options->http,
                .timeout_ms = TIMEOUT_MS,
                .body = BUF_INIT(DISCOVERY_BODY_MAX_BYTES),
        };
        struct json_value *agent;
        struct arena arena;
        struct str name;
        bool ok;

        buf_append_str(&url, consul->options->url);
        buf_append_cstr(&url, "/v1/agent/self");
        fetch.url = buf_str(&url);
        arena_init(&arena, DISCOVERY_ARENA_MAX_BYTES);
        ok = discovery_fetch(consul->discovery, &fetch, err) &&
             json_parse(&arena, buf_str(&fetch.body), &agent, err);
        if (ok) {
                name = discovery_text(json_find(agent, "Config"), "Datacenter");
                ok = name.len || error_set(err, ERROR_INVALID, "Get \"" STR_FMT "\": no value for "
                                           "Config.Datacenter", STR_ARG(fetch.url));
                buf_append_str(&consul->datacenter, name);
        }
        arena_release(&arena);
        buf_release(&fetch.body);
        return ok;
}

/* ---- services -------------------------------------------------------------------------------- */

static bool is_among(struct str name, const struct str *items, size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (str_equal(items[i], name))
                        return true;
        return false;
}

static bool has_tag(const struct json_value *tags, struct str wanted)
{
        for (const struct json_value *tag = tags->first; tag; tag = tag->next)
                if (str_equal(tag->text, wanted))
                        return true;
        return false;
}

static bool is_wanted(const struct consul_discovery_options *options,
                      const struct json_value *service)
{
        if (options->service_count &&
            !is_among(service->key, options->services, options->service_count))
                return false;
        for (size_t i = 0; i < options->tag_count; i++)
                if (!has_tag(service, options->tags[i]))
                        return false;
        return true;
}

static void add_service(struct consul *consul, struct str name)
{
        struct watch *watch;

        if (map_get(&consul->services, name))
                return;
        watch = watch_new(name);
        watch->listed = true;
        map_put(&consul->services, watch->name, watch);
}

static void remove_service(struct consul *consul, struct watch *watch)
{
        map_remove(&consul->services, watch->name);
        if (!watch->in_flight) {
                watch_free(watch);
                return;
        }
        watch->gone = true;
        consul->leaving = alloc_array_reserve(&consul_watch_type, consul->leaving,
                                              &consul->leaving_capacity,
                                              consul->leaving_count + 1,
                                              sizeof(*consul->leaving));
        consul->leaving[consul->leaving_count++] = watch;
}

static void forget_leaving(struct consul *consul, struct watch *watch)
{
        size_t at = 0;

        while (consul->leaving[at] != watch)
                at++;
        consul->leaving[at] = consul->leaving[--consul->leaving_count];
        watch_free(watch);
}

static bool take_catalog(struct consul *consul, const struct json_value *catalog,
                         struct error *err)
{
        struct watch **absent;
        size_t count = 0;

        if (catalog->kind != JSON_OBJECT)
                return error_set(err, ERROR_INVALID, "the list of services is not an object");
        for (struct map_entry *e = NULL; (e = map_next(&consul->services, e));)
                ((struct watch *)e->value)->listed = false;
        for (const struct json_value *service = catalog->first; service; service = service->next) {
                struct watch *watch = map_get(&consul->services, service->key);

                if (watch)
                        watch->listed = true;
                else if (is_wanted(consul->options, service))
                        add_service(consul, service->key);
        }
        absent = alloc_new(&consul_watch_type, (consul->services.count + 1) * sizeof(*absent));
        for (struct map_entry *e = NULL; (e = map_next(&consul->services, e));)
                if (!((struct watch *)e->value)->listed)
                        absent[count++] = e->value;
        for (size_t i = 0; i < count; i++)
                remove_service(consul, absent[i]);
        alloc_free(&consul_watch_type, absent);
        return true;
}

/* The worst of an instance's checks, as Consul itself sums them up. */
static struct str health_of(const struct json_value *checks)
{
        bool maintenance = false, critical = false, warning = false;

        for (const struct json_value *check = checks ? checks->first : NULL; check;
             check = check->next) {
                struct str id = discovery_text(check, "CheckID");
                struct str status = discovery_text(check, "Status");

                if (str_is(id, "_node_maintenance") ||
                    str_starts_with(id, STR_LIT("_service_maintenance:")))
                        maintenance = true;
                else if (str_is(status, "critical"))
                        critical = true;
                else if (str_is(status, "warning"))
                        warning = true;
                else if (!str_is(status, "passing"))
                        return STR_LIT("");
        }
        return maintenance ? STR_LIT("maintenance") : critical ? STR_LIT("critical")
               : warning   ? STR_LIT("warning")     : STR_LIT("passing");
}

/* Separators around them too, so that an expression need not care where a tag stands. */
static struct str join_tags(struct arena *arena, const struct json_value *tags,
                            struct str separator)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(1 << 20);

        buf_append_str(&text, separator);
        for (const struct json_value *tag = tags ? tags->first : NULL; tag; tag = tag->next) {
                buf_append_str(&text, tag->text);
                if (tag->next)
                        buf_append_str(&text, separator);
        }
        buf_append_str(&text, separator);
        return arena_str(arena, buf_str(&text));
}

static struct labels make_target(const struct consul *consul, struct arena *arena,
                                 const struct json_value *instance)
{
        const struct json_value *node = discovery_find(instance, "Node");
        const struct json_value *service = discovery_find(instance, "Service");
        struct str address = discovery_text(service, "Address");
        struct str node_address = discovery_text(node, "Address");
        unsigned port = discovery_port(service, "Port");
        struct labels_builder builder;

        labels_builder_init(&builder, arena, (struct labels){0});
        labels_builder_set(&builder, STR_LIT("__address__"),
                           discovery_address(arena, address.len ? address : node_address, port));
        labels_builder_set(&builder, STR_LIT("__meta_consul_address"), node_address);
        labels_builder_set(&builder, STR_LIT("__meta_consul_node"), discovery_text(node, "Node"));
        labels_builder_set(&builder, STR_LIT("__meta_consul_namespace"),
                           discovery_text(service, "Namespace"));
        labels_builder_set(&builder, STR_LIT("__meta_consul_partition"),
                           discovery_text(service, "Partition"));
        labels_builder_set(&builder, STR_LIT("__meta_consul_tags"),
                           join_tags(arena, discovery_find(service, "Tags"),
                                     consul->options->tag_separator));
        labels_builder_set(&builder, STR_LIT("__meta_consul_service_address"), address);
        labels_builder_set(&builder, STR_LIT("__meta_consul_service_port"),
                           str_from(arena_printf(arena, "%u", port)));
        labels_builder_set(&builder, STR_LIT("__meta_consul_service_id"),
                           discovery_text(service, "ID"));
        labels_builder_set(&builder, STR_LIT("__meta_consul_health"),
                           health_of(discovery_find(instance, "Checks")));
        discovery_add_map(&builder, "__meta_consul_metadata_", discovery_find(node, "Meta"));
        discovery_add_map(&builder, "__meta_consul_service_metadata_",
                          discovery_find(service, "Meta"));
        discovery_add_map(&builder, "__meta_consul_tagged_address_",
                          discovery_find(node, "TaggedAddresses"));
        return labels_builder_finish(&builder);
}

static bool take_service(struct consul *consul, struct watch *watch,
                         const struct json_value *instances, struct error *err)
{
        struct labels_builder builder;
        struct target_group group = {0};
        struct labels *targets;
        struct arena scratch;
        size_t count = 0;

        if (instances->kind != JSON_ARRAY)
                return error_set(err, ERROR_INVALID, "the instances of a service are not a list");
        arena_release(&watch->arena);
        arena_init(&watch->arena, DISCOVERY_ARENA_MAX_BYTES);
        arena_init(&scratch, DISCOVERY_ARENA_MAX_BYTES);
        for (const struct json_value *item = instances->first; item; item = item->next)
                count++;
        targets = arena_array(&watch->arena, struct labels, count);
        for (const struct json_value *item = instances->first; item; item = item->next)
                targets[group.target_count++] =
                        labels_copy(&watch->arena, make_target(consul, &scratch, item));
        labels_builder_init(&builder, &scratch, (struct labels){0});
        labels_builder_set(&builder, STR_LIT("__meta_consul_service"), watch->name);
        labels_builder_set(&builder, STR_LIT("__meta_consul_dc"),
                           consul->options->datacenter.len ? consul->options->datacenter
                                                           : buf_str(&consul->datacenter));
        group.labels = labels_copy(&watch->arena, labels_builder_finish(&builder));
        group.targets = targets;
        watch->group = group;
        watch->known = true;
        arena_release(&scratch);
        return true;
}

/* ---- answers --------------------------------------------------------------------------------- */

static bool take_body(struct consul *consul, struct watch *watch, struct error *err)
{
        struct json_value *body;
        struct arena arena;
        bool ok;

        arena_init(&arena, DISCOVERY_ARENA_MAX_BYTES);
        ok = json_parse(&arena, buf_str(&watch->call.fetch.body), &body, err) &&
             (watch == consul->catalog ? take_catalog(consul, body, err)
                                       : take_service(consul, watch, body, err));
        arena_release(&arena);
        return ok || error_prefix(err, "Get \"" STR_FMT "\"", STR_ARG(watch->call.fetch.url));
}

static void on_answer(struct consul *consul, struct watch *watch)
{
        int64_t now_ns = clock_mono_ns(&clock_real);
        uint64_t index = strtoull(watch->index_header.value, NULL, 10);
        struct error err;
        bool ok = discovery_check_answer(&watch->call.fetch, &err);

        watch->in_flight = false;
        watch->due_ns = watch->started_ns + consul->refresh_ms * 1000000;
        /* An index that did not move says that the wait ended without a change. */
        if (ok && (!index || index != watch->index)) {
                ok = take_body(consul, watch, &err);
                /* One that went back is not to be trusted: start over. */
                if (ok)
                        watch->index = index < watch->index ? 0 : index;
                if (ok && !consul->publish_ns)
                        consul->publish_ns = now_ns + GATHER_MS * 1000000;
        }
        if (!ok) {
                discovery_fail(consul->discovery, &err);
                watch->due_ns = now_ns + consul->retry_ms * 1000000;
        }
        buf_release(&watch->call.fetch.body);
}

static void publish(struct consul *consul)
{
        struct discovery_result *result = discovery_result_new();

        for (struct map_entry *e = NULL; (e = map_next(&consul->services, e));) {
                const struct watch *watch = e->value;

                if (watch->known)
                        discovery_result_add(result, &watch->group);
        }
        consul->publish_ns = 0;
        discovery_publish(consul->discovery, result);
}

/* Starts what is due; returns when the next is. */
static int64_t start_due(struct consul *consul)
{
        int64_t now_ns = clock_mono_ns(&clock_real);
        int64_t next_ns = consul->publish_ns ? consul->publish_ns : INT64_MAX;
        struct watch *watch = consul->catalog;
        struct map_entry *e = NULL;

        do {
                if (watch && !watch->in_flight && watch->due_ns <= now_ns &&
                    !start_query(consul, watch))
                        break;
                if (watch && !watch->in_flight && watch->due_ns < next_ns)
                        next_ns = watch->due_ns;
                e = map_next(&consul->services, e);
                watch = e ? e->value : NULL;
        } while (e);
        return next_ns;
}

static void watch_all(struct consul *consul)
{
        while (!discovery_stopping(consul->discovery)) {
                struct discovery_call *call =
                        discovery_wait(consul->discovery, start_due(consul));
                struct watch *watch = call ? call->ctx : NULL;

                if (watch && watch->gone)
                        forget_leaving(consul, watch);
                else if (watch)
                        on_answer(consul, watch);
                if (consul->publish_ns && consul->publish_ns <= clock_mono_ns(&clock_real))
                        publish(consul);
        }
}

static void release(struct consul *consul)
{
        discovery_drain(consul->discovery);
        for (struct map_entry *e = NULL; (e = map_next(&consul->services, e));)
                watch_free(e->value);
        for (size_t i = 0; i < consul->leaving_count; i++)
                watch_free(consul->leaving[i]);
        if (consul->catalog)
                watch_free(consul->catalog);
        alloc_free(&consul_watch_type, consul->leaving);
        map_release(&consul->services);
        buf_release(&consul->datacenter);
}

static void run_consul(struct discovery *discovery)
{
        const struct discovery_config *config = discovery_config_of(discovery);
        const struct consul_discovery_options *options = config->options;
        struct consul consul = {
                .discovery = discovery,
                .options = options,
                .refresh_ms = config->refresh_interval_ms,
                .retry_ms = config->refresh_interval_ms < RETRY_MS ? config->refresh_interval_ms
                                                                   : RETRY_MS,
                .datacenter = BUF_INIT(64 << 10),
        };
        struct error err;

        while (!options->datacenter.len && !fetch_datacenter(&consul, &err)) {
                discovery_fail(discovery, &err);
                if (!discovery_sleep(discovery, consul.retry_ms))
                        break;
        }
        if (!options->service_count || options->tag_count || options->filter.len)
                consul.catalog = watch_new(STR_LIT(""));
        for (size_t i = 0; i < options->service_count && !consul.catalog; i++)
                add_service(&consul, options->services[i]);
        watch_all(&consul);
        release(&consul);
}

const struct discovery_kind consul_discovery_kind = {"consul", run_consul, &failures};

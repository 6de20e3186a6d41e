#include <stdlib.h>

#include "api/api_int.h"
#include "base/map.h"
#include "codec/double.h"
#include "collectors/scrape.h"
#include "ingest/push.h"
#include "model/duration.h"

struct targets_answer {
        const struct api *api;
        struct json_writer writer;
        struct str pool; /* empty: all */
        bool active;     /* write the active ones, else the dropped ones */
};

static void write_duration(struct json_writer *writer, const char *key, int64_t ms)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(64);

        duration_append(&text, ms);
        json_key(writer, key);
        json_string(writer, buf_str(&text));
}

/* Scheme and place, "host:port", of a URL; empty when it is nothing but a path. */
static void split_url(struct str url, struct str *ret_scheme, struct str *ret_place,
                      struct str *ret_rest)
{
        struct str rest = url;
        size_t colon = str_find_byte(url, ':');

        *ret_scheme = *ret_place = str_slice(url, 0, 0);
        if (colon < url.len && str_starts_with(str_slice(url, colon, url.len), STR_LIT("://"))) {
                *ret_scheme = str_slice(url, 0, colon);
                rest = str_slice(url, colon + 3, url.len);
                *ret_place = str_slice(rest, 0, str_find_byte(rest, '/'));
                rest = str_slice(rest, ret_place->len, rest.len);
        }
        *ret_rest = rest;
}

/* The port follows the last colon that is not inside of brackets. */
static struct str split_port(struct str place, struct str *ret_host)
{
        size_t colon = place.len;

        while (colon > 0 && place.data[colon - 1] != ':' && place.data[colon - 1] != ']')
                colon--;
        if (colon == 0 || place.data[colon - 1] == ']') {
                *ret_host = place;
                return str_slice(place, place.len, place.len);
        }
        *ret_host = str_slice(place, 0, colon - 1);
        return str_slice(place, colon, place.len);
}

/* What is on this machine has another name elsewhere: that of --web.external-url. */
static void write_global_url(struct json_writer *writer, const struct api *api, struct str url)
{
        struct buf out CLEANUP(buf_release) = BUF_INIT(16 << 10);
        struct str scheme, place, rest, host, port, own_port;
        struct str own_scheme, own_place, own_rest, own_host;

        split_url(url, &scheme, &place, &rest);
        port = split_port(place, &host);
        own_port = split_port(str_from(api->address), &own_host);
        split_url(str_from(api->external_url), &own_scheme, &own_place, &own_rest);
        json_key(writer, "globalUrl");
        if ((!str_is(host, "localhost") && !str_is(host, "127.0.0.1")) || !port.len ||
            !own_place.len) {
                json_string(writer, url);
                return;
        }
        if (str_equal(port, own_port)) {
                buf_printf(&out, STR_FMT "://" STR_FMT, STR_ARG(own_scheme), STR_ARG(own_place));
        } else {
                split_port(own_place, &own_host);
                buf_printf(&out, STR_FMT "://" STR_FMT ":" STR_FMT, STR_ARG(scheme),
                           STR_ARG(own_host), STR_ARG(port));
        }
        buf_append_str(&out, rest);
        json_string(writer, buf_str(&out));
}

static void write_active(struct json_writer *writer, const struct api *api,
                         const struct target_status *target)
{
        static const char *const health[] = {"unknown", "up", "down"};

        json_object_begin(writer);
        json_key(writer, "discoveredLabels");
        api_write_labels(writer, target->discovered);
        json_key(writer, "labels");
        api_write_labels(writer, target->labels);
        json_key(writer, "scrapePool");
        json_string(writer, target->job_name);
        json_key(writer, "scrapeUrl");
        json_string(writer, target->url);
        write_global_url(writer, api, target->url);
        json_key(writer, "lastError");
        json_string(writer, target->last_error);
        json_key(writer, "lastScrape");
        api_write_time(writer, target->last_scrape_ms);
        json_key(writer, "lastScrapeDuration");
        double_append(writer->out, target->last_duration_s, DOUBLE_API);
        writer->need_comma = true;
        json_key(writer, "health");
        json_cstring(writer, health[target->health]);
        write_duration(writer, "scrapeInterval", target->interval_ms);
        write_duration(writer, "scrapeTimeout", target->timeout_ms);
        json_object_end(writer);
}

static void visit_target(const struct target_status *target, void *ctx)
{
        struct targets_answer *answer = ctx;

        if (target->dropped == answer->active ||
            (answer->pool.len && !str_equal(answer->pool, target->job_name)))
                return;
        if (answer->active) {
                write_active(&answer->writer, answer->api, target);
                return;
        }
        json_object_begin(&answer->writer);
        json_key(&answer->writer, "discoveredLabels");
        api_write_labels(&answer->writer, target->discovered);
        json_key(&answer->writer, "scrapePool");
        json_string(&answer->writer, target->job_name);
        json_object_end(&answer->writer);
}

static void visit_pool(struct str job_name, size_t dropped, void *ctx)
{
        struct targets_answer *answer = ctx;

        if (answer->pool.len && !str_equal(answer->pool, job_name))
                return;
        json_key_str(&answer->writer, job_name);
        json_int(&answer->writer, (int64_t)dropped);
}

static void write_targets(struct api *api, struct targets_answer *answer, const char *key,
                          bool wanted, bool active)
{
        json_key(&answer->writer, key);
        json_array_begin(&answer->writer);
        answer->active = active;
        if (wanted)
                scrape_manager_each(api->scrapes, visit_target, answer);
        json_array_end(&answer->writer);
}

static void handle_targets(struct http_request *request, struct http_response *response, void *ctx)
{
        struct api *api = ctx;
        struct str state = http_request_param(request, "state");
        struct targets_answer answer = {.api = api,
                                        .pool = http_request_param(request, "scrapePool")};
        bool any = !state.len || str_is(state, "any");

        answer.writer = api_begin(response);
        json_object_begin(&answer.writer);
        write_targets(api, &answer, "activeTargets", any || str_is(state, "active"), true);
        write_targets(api, &answer, "droppedTargets", any || str_is(state, "dropped"), false);
        json_key(&answer.writer, "droppedTargetCounts");
        json_object_begin(&answer.writer);
        if (any || str_is(state, "dropped"))
                scrape_manager_each_pool(api->scrapes, visit_pool, &answer);
        json_object_end(&answer.writer);
        json_object_end(&answer.writer);
        api_end(response, NULL);
}

/* ---- scrape pools -------------------------------------------------------------------------- */

struct pool_names {
        struct arena *arena;
        struct str *items;
        size_t count, capacity;
};

static void collect_pool(struct str job_name, size_t dropped, void *ctx)
{
        struct pool_names *names = ctx;

        (void)dropped;
        if (names->count == names->capacity) {
                size_t capacity = names->capacity ? names->capacity * 2 : 16;
                struct str *grown = arena_array(names->arena, struct str, capacity);

                if (names->count)
                        memcpy(grown, names->items, names->count * sizeof(*grown));
                names->items = grown;
                names->capacity = capacity;
        }
        names->items[names->count++] = arena_str(names->arena, job_name);
}

static int compare_names(const void *a, const void *b)
{
        return str_compare(*(const struct str *)a, *(const struct str *)b);
}

static void handle_scrape_pools(struct http_request *request, struct http_response *response,
                                void *ctx)
{
        struct api *api = ctx;
        struct pool_names names = {.arena = request->arena};
        struct json_writer writer;

        scrape_manager_each_pool(api->scrapes, collect_pool, &names);
        if (names.count)
                qsort(names.items, names.count, sizeof(*names.items), compare_names);
        writer = api_begin(response);
        json_object_begin(&writer);
        json_key(&writer, "scrapePools");
        json_array_begin(&writer);
        for (size_t i = 0; i < names.count; i++)
                json_string(&writer, names.items[i]);
        json_array_end(&writer);
        json_object_end(&writer);
        api_end(response, NULL);
}

/* ---- metadata ------------------------------------------------------------------------------ */

struct metadata {
        struct str type, help, unit;
        struct metadata *next;
};

struct metadata_family {
        struct str metric;
        struct metadata *first;
        size_t count;
};

struct metadata_answer {
        struct arena *arena;
        struct str metric;        /* empty: all */
        struct map families;      /* metric -> struct metadata_family */
        size_t per_metric;        /* 0: all */
};

static void collect_metadata(const struct metric_metadata *metadata, void *ctx)
{
        struct metadata_answer *answer = ctx;
        struct metadata_family *family = map_get(&answer->families, metadata->metric);
        struct metadata *made;

        if (answer->metric.len && !str_equal(answer->metric, metadata->metric))
                return;
        if (!family) {
                family = arena_new(answer->arena, struct metadata_family);
                family->metric = arena_str(answer->arena, metadata->metric);
                map_put(&answer->families, family->metric, family);
        }
        if (answer->per_metric && family->count >= answer->per_metric)
                return;
        for (const struct metadata *known = family->first; known; known = known->next)
                if (str_equal(known->type, metadata->type) &&
                    str_equal(known->help, metadata->help) &&
                    str_equal(known->unit, metadata->unit))
                        return;
        made = arena_new(answer->arena, struct metadata);
        made->type = arena_str(answer->arena, metadata->type);
        made->help = arena_str(answer->arena, metadata->help);
        made->unit = arena_str(answer->arena, metadata->unit);
        made->next = family->first;
        family->first = made;
        family->count++;
}

static void collect_target_metadata(const struct target_status *target,
                                    const struct metric_metadata *metadata, void *ctx)
{
        (void)target;
        collect_metadata(metadata, ctx);
}

static int compare_families(const void *a, const void *b)
{
        return str_compare((*(struct metadata_family *const *)a)->metric,
                           (*(struct metadata_family *const *)b)->metric);
}

static void write_family(struct json_writer *writer, const struct metadata_family *family)
{
        json_key_str(writer, family->metric);
        json_array_begin(writer);
        for (const struct metadata *item = family->first; item; item = item->next) {
                json_object_begin(writer);
                json_key(writer, "type");
                json_string(writer, item->type);
                json_key(writer, "help");
                json_string(writer, item->help);
                json_key(writer, "unit");
                json_string(writer, item->unit);
                json_object_end(writer);
        }
        json_array_end(writer);
}

static bool metadata_limit(struct http_request *request, struct http_response *response,
                           const char *name, int64_t *ret_limit)
{
        struct error err;

        if (api_integer(request, name, -1, ret_limit))
                return true;
        error_set(&err, ERROR_INVALID, "%s must be a number", name);
        api_fail(response, &err);
        return false;
}

static void handle_metadata(struct http_request *request, struct http_response *response,
                            void *ctx)
{
        struct api *api = ctx;
        struct metadata_answer answer = {.arena = request->arena,
                                         .metric = http_request_param(request, "metric")};
        struct metadata_family **sorted;
        struct json_writer writer;
        int64_t limit, per_metric;
        size_t count = 0;

        if (!metadata_limit(request, response, "limit", &limit) ||
            !metadata_limit(request, response, "limit_per_metric", &per_metric))
                return;
        answer.per_metric = per_metric > 0 ? (size_t)per_metric : 0;
        scrape_manager_each_metadata(api->scrapes, collect_target_metadata, &answer);
        metadata_table_each(push_metadata(api->push), collect_metadata, &answer);
        sorted = arena_array(request->arena, struct metadata_family *, answer.families.count);
        for (struct map_entry *e = NULL; (e = map_next(&answer.families, e));)
                sorted[count++] = e->value;
        map_release(&answer.families);
        qsort(sorted, count, sizeof(*sorted), compare_families);
        if (limit >= 0 && (size_t)limit < count)
                count = (size_t)limit;
        writer = api_begin(response);
        json_object_begin(&writer);
        for (size_t i = 0; i < count; i++)
                write_family(&writer, sorted[i]);
        json_object_end(&writer);
        api_end(response, NULL);
}

void api_targets_register(struct api *api, struct http_router *router)
{
        http_router_add(router, "GET", "/api/v1/targets", handle_targets, api);
        http_router_add(router, "GET", "/api/v1/metadata", handle_metadata, api);
        http_router_add(router, "GET", "/api/v1/scrape_pools", handle_scrape_pools, api);
}

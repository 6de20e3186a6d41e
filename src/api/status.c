#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "api/api_int.h"
#include "base/thread.h"
#include "model/duration.h"
#include "tsdb/tsdb.h"

/* The API of Prometheus 3.14 is what we serve; clients such as Grafana decide by this number what
 * they may ask for. What comes behind the plus is ours. */
#define API_VERSION "3.14.0+pitwall." PITWALL_VERSION

static void handle_config(struct http_request *request, struct http_response *response, void *ctx)
{
        struct api *api = ctx;
        struct json_writer writer = api_begin(response);

        json_object_begin(&writer);
        json_key(&writer, "yaml");
        json_string(&writer, api->config_yaml(api->ctx, request->arena));
        json_object_end(&writer);
        api_end(response, NULL);
}

static void handle_flags(struct http_request *request, struct http_response *response, void *ctx)
{
        struct api *api = ctx;
        struct json_writer writer = api_begin(response);

        (void)request;
        json_object_begin(&writer);
        for (size_t i = 0; i < api->flag_count; i++) {
                json_key(&writer, api->flags[i].name);
                json_cstring(&writer, api->flags[i].value);
        }
        json_object_end(&writer);
        api_end(response, NULL);
}

static void write_pair(struct json_writer *writer, const char *key, const char *value)
{
        json_key(writer, key);
        json_cstring(writer, value);
}

static void handle_buildinfo(struct http_request *request, struct http_response *response,
                             void *ctx)
{
        struct json_writer writer = api_begin(response);

        (void)request;
        (void)ctx;
        json_object_begin(&writer);
        write_pair(&writer, "version", API_VERSION);
        write_pair(&writer, "revision", "");
        write_pair(&writer, "branch", "");
        write_pair(&writer, "buildUser", "");
        write_pair(&writer, "buildDate", "");
        write_pair(&writer, "goVersion", "");
        write_pair(&writer, "application", "Pitwall");
        json_object_end(&writer);
        api_end(response, NULL);
}

static void write_retention(struct api *api, struct json_writer *writer)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(64);

        duration_append(&text, api->retention_ms(api->ctx));
        json_key(writer, "storageRetention");
        json_string(writer, buf_str(&text));
}

static void handle_runtimeinfo(struct http_request *request, struct http_response *response,
                               void *ctx)
{
        struct api *api = ctx;
        struct json_writer writer = api_begin(response);
        char cwd[PATH_MAX] = "", hostname[256] = "";
        struct tsdb_stats stats;
        bool reload_ok;
        int64_t reload_ms;

        (void)request;
        api->reload_state(api->ctx, &reload_ok, &reload_ms);
        tsdb_stats(api->tsdb, &stats);
        if (!getcwd(cwd, sizeof(cwd)))
                cwd[0] = '\0';
        gethostname(hostname, sizeof(hostname) - 1);
        json_object_begin(&writer);
        json_key(&writer, "startTime");
        api_write_time(&writer, api->started_ms);
        write_pair(&writer, "CWD", cwd);
        write_pair(&writer, "hostname", hostname);
        json_key(&writer, "serverTime");
        api_write_time(&writer, clock_now_ms(api->clock));
        json_key(&writer, "reloadConfigSuccess");
        json_bool(&writer, reload_ok);
        json_key(&writer, "lastConfigTime");
        api_write_time(&writer, reload_ms);
        json_key(&writer, "corruptionCount");
        json_int(&writer, (int64_t)(stats.events[TSDB_EVENT_BLOCK_DAMAGED] +
                                    stats.events[TSDB_EVENT_WAL_DAMAGED]));
        json_key(&writer, "goroutineCount");
        json_int(&writer, 0);
        json_key(&writer, "GOMAXPROCS");
        json_int(&writer, (int64_t)thread_core_count());
        json_key(&writer, "GOMEMLIMIT");
        json_int(&writer, 0);
        write_pair(&writer, "GOGC", "");
        write_pair(&writer, "GODEBUG", "");
        write_retention(api, &writer);
        json_object_end(&writer);
        api_end(response, NULL);
}

static void write_counts(struct json_writer *writer, const char *key,
                         const struct tsdb_count_list *list)
{
        json_key(writer, key);
        json_array_begin(writer);
        for (size_t i = 0; i < list->count; i++) {
                json_object_begin(writer);
                json_key(writer, "name");
                json_string(writer, list->items[i].name);
                json_key(writer, "value");
                json_int(writer, (int64_t)list->items[i].value);
                json_object_end(writer);
        }
        json_array_end(writer);
}

static void write_head(struct json_writer *writer, const struct tsdb_stats *stats)
{
        json_key(writer, "headStats");
        json_object_begin(writer);
        json_key(writer, "numSeries");
        json_int(writer, (int64_t)stats->series);
        json_key(writer, "numLabelPairs");
        json_int(writer, (int64_t)stats->label_pairs);
        json_key(writer, "chunkCount");
        json_int(writer, (int64_t)stats->blocks);
        json_key(writer, "minTime");
        json_int(writer, stats->min_t_ms);
        json_key(writer, "maxTime");
        json_int(writer, stats->max_t_ms);
        json_object_end(writer);
}

static void handle_tsdb(struct http_request *request, struct http_response *response, void *ctx)
{
        enum { LIMIT_DEFAULT = 10, LIMIT_MAX = 10000 };
        struct api *api = ctx;
        struct tsdb_cardinality cardinality;
        struct tsdb_stats stats;
        struct json_writer writer;
        struct error err;
        int64_t limit;

        if (!api_integer(request, "limit", LIMIT_DEFAULT, &limit) || limit < 1) {
                error_set(&err, ERROR_INVALID, "limit must be a positive number");
                api_fail(response, &err);
                return;
        }
        if (limit > LIMIT_MAX) {
                error_set(&err, ERROR_INVALID, "limit must not exceed %d", LIMIT_MAX);
                api_fail(response, &err);
                return;
        }
        tsdb_stats(api->tsdb, &stats);
        if (!tsdb_cardinality(api->tsdb, request->arena, (size_t)limit, &cardinality, &err)) {
                api_fail(response, &err);
                return;
        }
        writer = api_begin(response);
        json_object_begin(&writer);
        write_head(&writer, &stats);
        write_counts(&writer, "seriesCountByMetricName", &cardinality.series_by_metric);
        write_counts(&writer, "labelValueCountByLabelName", &cardinality.values_by_label);
        write_counts(&writer, "memoryInBytesByLabelName", &cardinality.bytes_by_label);
        write_counts(&writer, "seriesCountByLabelValuePair", &cardinality.series_by_pair);
        json_object_end(&writer);
        api_end(response, NULL);
}

/* A block's name is 26 digits of Crockford's base 32; ours say when its newest sample was taken,
 * and the number of its file. */
static void write_ulid(struct json_writer *writer, const struct tsdb_part_info *part)
{
        static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        uint64_t time_ms = part->max_t_ms > 0 ? (uint64_t)part->max_t_ms : 0;
        char ulid[27];

        for (size_t i = 0; i < 10; i++)
                ulid[i] = digits[time_ms >> 5 * (9 - i) & 31];
        for (size_t i = 0; i < 16; i++)
                ulid[10 + i] = i < 3 ? '0' : digits[part->number >> 5 * (15 - i) & 31];
        ulid[26] = '\0';
        json_cstring(writer, ulid);
}

static void write_count(struct json_writer *writer, const char *key, uint64_t value)
{
        json_key(writer, key);
        json_int(writer, (int64_t)value);
}

static void write_block(struct json_writer *writer, const struct tsdb_part_info *part)
{
        json_object_begin(writer);
        json_key(writer, "ulid");
        write_ulid(writer, part);
        json_key(writer, "minTime");
        json_int(writer, part->min_t_ms);
        json_key(writer, "maxTime");
        json_int(writer, part->max_t_ms + 1); /* the end of a block is not in it */
        json_key(writer, "stats");
        json_object_begin(writer);
        write_count(writer, "numSamples", part->samples);
        write_count(writer, "numSeries", part->series);
        write_count(writer, "numChunks", part->blocks);
        json_object_end(writer);
        json_key(writer, "compaction");
        json_object_begin(writer);
        write_count(writer, "level", part->level + 1);
        json_key(writer, "sources");
        json_array_begin(writer);
        write_ulid(writer, part);
        json_array_end(writer);
        json_object_end(writer);
        write_count(writer, "version", 1);
        json_object_end(writer);
}

/* Our parts, as the blocks of Prometheus. */
static void handle_tsdb_blocks(struct http_request *request, struct http_response *response,
                               void *ctx)
{
        struct api *api = ctx;
        struct json_writer writer;
        struct tsdb_part_info *parts;
        struct error err;
        size_t count;

        if (!tsdb_parts(api->tsdb, request->arena, &parts, &count, &err)) {
                api_fail(response, &err);
                return;
        }
        writer = api_begin(response);
        json_object_begin(&writer);
        json_key(&writer, "blocks");
        json_array_begin(&writer);
        for (size_t i = 0; i < count; i++)
                write_block(&writer, &parts[i]);
        json_array_end(&writer);
        json_object_end(&writer);
        api_end(response, NULL);
}

static void handle_walreplay(struct http_request *request, struct http_response *response,
                             void *ctx)
{
        struct api *api = ctx;
        struct json_writer writer = api_begin(response);
        struct tsdb_stats stats;

        (void)request;
        tsdb_stats(api->tsdb, &stats);
        json_object_begin(&writer);
        json_key(&writer, "min");
        json_int(&writer, 0);
        json_key(&writer, "max");
        json_int(&writer, (int64_t)stats.replayed_records);
        json_key(&writer, "current");
        json_int(&writer, (int64_t)stats.replayed_records);
        json_object_end(&writer);
        api_end(response, NULL);
}

void api_status_register(struct api *api, struct http_router *router)
{
        http_router_add(router, "GET", "/api/v1/status/config", handle_config, api);
        http_router_add(router, "GET", "/api/v1/status/flags", handle_flags, api);
        http_router_add(router, "GET", "/api/v1/status/buildinfo", handle_buildinfo, api);
        http_router_add(router, "GET", "/api/v1/status/runtimeinfo", handle_runtimeinfo, api);
        http_router_add(router, "GET", "/api/v1/status/tsdb", handle_tsdb, api);
        http_router_add(router, "GET", "/api/v1/status/tsdb/blocks", handle_tsdb_blocks, api);
        http_router_add(router, "GET", "/api/v1/status/walreplay", handle_walreplay, api);
}

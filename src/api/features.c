/* Which optional parts of Prometheus this server has: /api/v1/features, by category. */
#include "api/api_int.h"
#include "collectors/discovery.h"

static void write_flag(struct json_writer *writer, const char *name, bool on)
{
        json_key(writer, name);
        json_bool(writer, on);
}

static void write_all(struct json_writer *writer, const char *category,
                      const char *const *names, size_t count)
{
        json_key(writer, category);
        json_object_begin(writer);
        for (size_t i = 0; i < count; i++)
                write_flag(writer, names[i], true);
        json_object_end(writer);
}

static void write_api(struct json_writer *writer, const struct api *api)
{
        json_key(writer, "api");
        json_object_begin(writer);
        write_flag(writer, "admin", api->admin_enabled);
        write_flag(writer, "exclude_alerts", true);
        write_flag(writer, "label_values_match", true);
        write_flag(writer, "lifecycle", api->lifecycle_enabled);
        write_flag(writer, "openapi_3.1", true);
        write_flag(writer, "openapi_3.2", false);
        write_flag(writer, "otlp_write_receiver", true);
        write_flag(writer, "query_stats", true);
        write_flag(writer, "query_warnings", true);
        write_flag(writer, "remote_write_receiver", true);
        write_flag(writer, "search", true);
        write_flag(writer, "time_range_labels", true);
        write_flag(writer, "time_range_series", true);
        json_object_end(writer);
}

static void write_promql(struct json_writer *writer, const struct promql_features *features)
{
        json_key(writer, "promql");
        json_object_begin(writer);
        write_flag(writer, "anchored", features->extended_range_selectors);
        write_flag(writer, "at_modifier", true);
        write_flag(writer, "bool", true);
        write_flag(writer, "by", true);
        write_flag(writer, "delayed_name_removal", features->delayed_name_removal);
        write_flag(writer, "duration_expr", true);
        write_flag(writer, "fill", features->fill_modifiers);
        write_flag(writer, "fill_left", features->fill_modifiers);
        write_flag(writer, "fill_right", features->fill_modifiers);
        write_flag(writer, "group_left", true);
        write_flag(writer, "group_right", true);
        write_flag(writer, "ignoring", true);
        write_flag(writer, "negative_offset", true);
        write_flag(writer, "offset", true);
        write_flag(writer, "on", true);
        write_flag(writer, "per_query_lookback_delta", true);
        write_flag(writer, "per_step_stats", true);
        write_flag(writer, "smoothed", features->extended_range_selectors);
        write_flag(writer, "subqueries", true);
        write_flag(writer, "without", true);
        json_object_end(writer);
}

static void write_functions(struct json_writer *writer, const struct promql_features *features)
{
        json_key(writer, "promql_functions");
        json_object_begin(writer);
        for (size_t i = 0; i < promql_function_count(); i++) {
                struct promql_function_info info = promql_function_at(i);

                write_flag(writer, info.name,
                           !info.experimental || features->experimental_functions);
        }
        json_object_end(writer);
}

static void write_operators(struct json_writer *writer, const struct promql_features *features)
{
        static const char *const names[] = {
                "!=", "!~", "%", "*", "+", "-", "/", "<", "<=", "==", "=~", ">", ">=", "@", "^",
                "and", "atan2", "avg", "bottomk", "count", "count_values", "group", "max", "min",
                "or", "quantile", "stddev", "stdvar", "sum", "topk", "unless",
        };

        json_key(writer, "promql_operators");
        json_object_begin(writer);
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                write_flag(writer, names[i], true);
        write_flag(writer, "limit_ratio", features->experimental_functions);
        write_flag(writer, "limitk", features->experimental_functions);
        json_object_end(writer);
}

static void write_scrape(struct json_writer *writer, const struct promql_features *features)
{
        json_key(writer, "scrape");
        json_object_begin(writer);
        write_flag(writer, "extra_scrape_metrics", true);
        write_flag(writer, "start_timestamps", true);
        write_flag(writer, "type_and_unit_labels", features->type_and_unit_labels);
        json_object_end(writer);
}

static void write_discovery(struct json_writer *writer)
{
        const char *name;

        json_key(writer, "service_discovery_providers");
        json_object_begin(writer);
        for (size_t i = 0; (name = discovery_kind_name(i)); i++)
                write_flag(writer, name, true);
        write_flag(writer, "static", true);
        json_object_end(writer);
}

static void handle_features(struct http_request *request, struct http_response *response,
                            void *ctx)
{
        static const char *const tsdb[] = {"exemplars", "isolation", "native_histograms",
                                           "start_timestamps"};
        const struct api *api = ctx;
        const struct promql_features *features = &api->query_options->features;
        struct json_writer writer = api_begin(response);

        (void)request;
        json_object_begin(&writer);
        write_api(&writer, api);
        write_promql(&writer, features);
        write_functions(&writer, features);
        write_operators(&writer, features);
        write_scrape(&writer, features);
        write_discovery(&writer);
        write_all(&writer, "tsdb", tsdb, ARRAY_LEN(tsdb));
        json_object_end(&writer);
        api_end(response, NULL);
}

void api_features_register(struct api *api, struct http_router *router)
{
        http_router_add(router, "GET", "/api/v1/features", handle_features, api);
}

#include "api/api_int.h"
#include "codec/double.h"

static void write_exemplar(struct json_writer *writer, const struct exemplar *exemplar)
{
        json_object_begin(writer);
        json_key(writer, "labels");
        api_write_labels(writer, exemplar->labels);
        json_key(writer, "value");
        buf_append_byte(writer->out, '"');
        double_append(writer->out, exemplar->v, DOUBLE_API);
        buf_append_byte(writer->out, '"');
        writer->need_comma = true;
        json_key(writer, "timestamp");
        api_write_timestamp(writer->out, exemplar->t_ms);
        writer->need_comma = true;
        json_object_end(writer);
}

static void answer(struct http_response *response, const struct exemplar_series *series,
                   size_t count)
{
        struct json_writer writer = api_begin(response);

        json_array_begin(&writer);
        for (size_t i = 0; i < count; i++) {
                json_object_begin(&writer);
                json_key(&writer, "seriesLabels");
                api_write_labels(&writer, series[i].labels);
                json_key(&writer, "exemplars");
                json_array_begin(&writer);
                for (size_t e = 0; e < series[i].count; e++)
                        write_exemplar(&writer, &series[i].exemplars[e]);
                json_array_end(&writer);
                json_object_end(&writer);
        }
        json_array_end(&writer);
        api_end(response, NULL);
}

static bool select_exemplars(struct api *api, struct http_request *request,
                             const struct promql_expr *expr, int64_t start_ms, int64_t end_ms,
                             struct exemplar_series **ret_series, size_t *ret_count,
                             struct error *err)
{
        struct series_selector *selectors;
        struct promql_selector *found;
        struct querier *querier;
        size_t count;
        bool ok = true;

        *ret_count = 0;
        promql_expr_selectors(request->arena, expr, &found, &count);
        selectors = arena_array(request->arena, struct series_selector, count);
        for (size_t i = 0; i < count; i++)
                selectors[i] = (struct series_selector){found[i].matchers, found[i].count};
        if (!api->source.open(api->source.ctx, start_ms, end_ms, &querier, err))
                return false;
        if (count && querier->ops->exemplars)
                ok = querier->ops->exemplars(querier, request->arena, selectors, count, ret_series,
                                             ret_count, err);
        querier->ops->close(querier);
        return ok;
}

static void handle_query_exemplars(struct http_request *request, struct http_response *response,
                                   void *ctx)
{
        struct api *api = ctx;
        const struct promql_expr *expr;
        struct exemplar_series *series;
        int64_t start_ms, end_ms;
        struct error err;
        size_t count;

        if (!api_time(request, response, "start", API_MIN_TIME_MS, &start_ms) ||
            !api_time(request, response, "end", API_MAX_TIME_MS, &end_ms))
                return;
        if (end_ms < start_ms) {
                error_set(&err, ERROR_INVALID, "end timestamp must not be before start timestamp");
                api_fail(response, &err);
                return;
        }
        if (!promql_expr_parse(request->arena, http_request_param(request, "query"),
                               &api->query_options->features, &expr, &err) ||
            !select_exemplars(api, request, expr, start_ms, end_ms, &series, &count, &err)) {
                api_fail(response, &err);
                return;
        }
        answer(response, series, count);
}

void api_exemplars_register(struct api *api, struct http_router *router)
{
        http_router_add(router, "GET", "/api/v1/query_exemplars", handle_query_exemplars, api);
        http_router_add(router, "POST", "/api/v1/query_exemplars", handle_query_exemplars, api);
}

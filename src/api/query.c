#include "api/api_int.h"
#include "base/metrics.h"
#include "codec/double.h"

METRIC_HISTOGRAM(query_seconds, "pitwall_query_duration_seconds", "", "Time that queries took.")
METRIC_COUNTER(query_failures, "pitwall_query_failures_total", "", "Queries that failed.")
METRIC_COUNTER(query_samples, "pitwall_query_samples_total", "", "Samples that queries read.")

/* As Prometheus: more points a series help nobody's screen. */
enum { POINTS_MAX = 11000 };

static void write_value(struct buf *out, int64_t t_ms, double v)
{
        char text[API_TIMESTAMP_MAX + DOUBLE_TEXT_MAX + 8], *at = text;

        *at++ = '[';
        at += api_format_timestamp(at, t_ms);
        *at++ = ',';
        *at++ = '"';
        at += double_format(at, v, DOUBLE_API);
        memcpy(at, "\"]", 2);
        buf_append(out, text, (size_t)(at + 2 - text));
}

static void write_histogram(struct buf *out, int64_t t_ms, const struct histogram *h)
{
        buf_append_byte(out, '[');
        api_write_timestamp(out, t_ms);
        buf_append_byte(out, ',');
        histogram_append_json(out, h);
        buf_append_byte(out, ']');
}

static void write_vector(struct json_writer *writer, const struct promql_result *result,
                         size_t count)
{
        json_array_begin(writer);
        for (size_t i = 0; i < count; i++) {
                const struct promql_series *series = &result->series[i];

                json_object_begin(writer);
                json_key(writer, "metric");
                api_write_labels(writer, series->labels);
                if (series->h && series->h[0]) {
                        json_key(writer, "histogram");
                        write_histogram(writer->out, series->t_ms[0], series->h[0]);
                } else {
                        json_key(writer, "value");
                        write_value(writer->out, series->t_ms[0], series->v[0]);
                }
                json_object_end(writer);
        }
        json_array_end(writer);
}

/* Left out when there is none: all are histograms. */
static void write_floats(struct json_writer *writer, const struct promql_series *series)
{
        bool any = false;

        for (size_t p = 0; p < series->count; p++) {
                if (series->h && series->h[p])
                        continue;
                if (any) {
                        buf_append_byte(writer->out, ',');
                } else {
                        json_key(writer, "values");
                        buf_append_byte(writer->out, '[');
                }
                write_value(writer->out, series->t_ms[p], series->v[p]);
                any = true;
        }
        if (any)
                buf_append_byte(writer->out, ']');
        writer->need_comma = true;
}

static void write_histograms(struct json_writer *writer, const struct promql_series *series)
{
        bool any = false;

        for (size_t p = 0; p < series->count; p++) {
                if (!series->h[p])
                        continue;
                if (any) {
                        buf_append_byte(writer->out, ',');
                } else {
                        json_key(writer, "histograms");
                        buf_append_byte(writer->out, '[');
                }
                write_histogram(writer->out, series->t_ms[p], series->h[p]);
                any = true;
        }
        if (any)
                buf_append_byte(writer->out, ']');
        writer->need_comma = true;
}

static void write_matrix(struct json_writer *writer, const struct promql_result *result,
                         size_t count)
{
        json_array_begin(writer);
        for (size_t i = 0; i < count && !writer->out->overflow; i++) {
                const struct promql_series *series = &result->series[i];

                json_object_begin(writer);
                json_key(writer, "metric");
                api_write_labels(writer, series->labels);
                write_floats(writer, series);
                if (series->h)
                        write_histograms(writer, series);
                json_object_end(writer);
        }
        json_array_end(writer);
}

static void write_result(struct json_writer *writer, const struct promql_result *result,
                         size_t series_count)
{
        json_key(writer, "result");
        switch (result->type) {
        case PROMQL_SCALAR:
                write_value(writer->out, result->scalar.t_ms, result->scalar.v);
                break;
        case PROMQL_STRING:
                buf_append_byte(writer->out, '[');
                api_write_timestamp(writer->out, result->scalar.t_ms);
                buf_append_byte(writer->out, ',');
                json_quote(writer->out, result->string);
                buf_append_byte(writer->out, ']');
                break;
        case PROMQL_VECTOR:
                write_vector(writer, result, series_count);
                break;
        case PROMQL_MATRIX:
                write_matrix(writer, result, series_count);
                break;
        }
        writer->need_comma = true;
}

static void write_seconds(struct json_writer *writer, const char *name, int64_t ns)
{
        json_key(writer, name);
        double_append(writer->out, (double)ns / 1e9, DOUBLE_API);
        writer->need_comma = true;
}

static void write_stats(struct json_writer *writer, const struct promql_query *query,
                        const struct promql_stats *stats)
{
        json_key(writer, "stats");
        json_object_begin(writer);
        json_key(writer, "timings");
        json_object_begin(writer);
        write_seconds(writer, "evalTotalTime", stats->prepare_ns + stats->eval_ns + stats->sort_ns);
        write_seconds(writer, "resultSortTime", stats->sort_ns);
        write_seconds(writer, "queryPreparationTime", stats->prepare_ns);
        write_seconds(writer, "innerEvalTime", stats->eval_ns);
        write_seconds(writer, "execQueueTime", 0);
        write_seconds(writer, "execTotalTime", stats->prepare_ns + stats->eval_ns + stats->sort_ns);
        json_object_end(writer);
        json_key(writer, "samples");
        json_object_begin(writer);
        if (stats->samples_per_step) {
                json_key(writer, "totalQueryableSamplesPerStep");
                json_array_begin(writer);
                for (size_t i = 0; i < stats->step_count; i++) {
                        json_array_begin(writer);
                        api_write_timestamp(writer->out,
                                            query->start_ms + (int64_t)i * query->step_ms);
                        writer->need_comma = true;
                        json_int(writer, (int64_t)stats->samples_per_step[i]);
                        json_array_end(writer);
                }
                json_array_end(writer);
        }
        json_key(writer, "totalQueryableSamples");
        json_int(writer, (int64_t)stats->samples_total);
        json_key(writer, "peakSamples");
        json_int(writer, (int64_t)stats->samples_peak);
        json_object_end(writer);
        json_object_end(writer);
}

/* One more warning in front of the query's own. */
static void add_warning(struct arena *arena, struct promql_notes *notes, const char *text)
{
        const char **texts = arena_array(arena, const char *, notes->warning_count + 1);

        texts[0] = text;
        for (size_t i = 0; i < notes->warning_count; i++)
                texts[i + 1] = notes->warnings[i];
        notes->warnings = texts;
        notes->warning_count++;
}

static void answer(struct http_request *request, struct http_response *response,
                   const struct promql_query *query, struct promql_result *result, uint64_t limit)
{
        struct json_writer writer = api_begin(response);
        size_t count = result->series_count;

        if (limit && count > limit) {
                count = limit;
                add_warning(request->arena, &result->notes, "results truncated due to limit");
        }
        json_object_begin(&writer);
        json_key(&writer, "resultType");
        json_cstring(&writer, promql_type_name(result->type));
        write_result(&writer, result, count);
        if (http_request_param(request, "stats").len)
                write_stats(&writer, query, &result->stats);
        json_object_end(&writer);
        api_end(response, &result->notes);
}

/* What both kinds of query share: expression, limits, options; then evaluates and answers. */
static void run_query(struct api *api, struct http_request *request,
                      struct http_response *response, struct promql_query *query)
{
        struct promql_options options = *api->query_options;
        struct promql_result result;
        int64_t timeout_ms, started_ns = clock_mono_ns(&clock_real);
        struct error err;
        uint64_t limit;
        bool ok;

        if (!api_limit(request, response, &limit) ||
            !api_duration(request, response, "timeout", options.timeout_ms, &timeout_ms) ||
            !api_duration(request, response, "lookback_delta", options.lookback_ms,
                          &query->lookback_ms))
                return;
        if (!promql_expr_parse(request->arena, http_request_param(request, "query"),
                               &options.features, &query->expr, &err)) {
                api_bad_parameter(response, "query", "%s", err.text);
                return;
        }
        if (query->step_ms && promql_expr_type(query->expr) != PROMQL_SCALAR &&
            promql_expr_type(query->expr) != PROMQL_VECTOR) {
                bool string = promql_expr_type(query->expr) == PROMQL_STRING;

                api_bad_parameter(response, "query", "invalid expression type \"%s\" for range "
                                  "query, must be Scalar or instant Vector",
                                  string ? "string" : "range vector");
                return;
        }
        if (timeout_ms < options.timeout_ms)
                options.timeout_ms = timeout_ms;
        query->cancel = &request->canceled;
        query->per_step_stats = str_is(http_request_param(request, "stats"), "all");
        if (!api_gate_enter(api->gate, response))
                return;
        ok = promql_query_run(&api->source, &options, query, request->arena, &result, &err);
        api_gate_leave(api->gate);
        metric_observe_ns(&query_seconds, clock_mono_ns(&clock_real) - started_ns);
        metric_add(&query_failures, !ok);
        if (!ok) {
                if (err.code == ERROR_INVALID)
                        api_bad_parameter(response, "query", "%s", err.text);
                else
                        api_fail(response, &err);
                return;
        }
        metric_add(&query_samples, (int64_t)result.stats.samples_total);
        answer(request, response, query, &result, limit);
}

static void handle_query(struct http_request *request, struct http_response *response, void *ctx)
{
        struct api *api = ctx;
        struct promql_query query = {0};

        if (!api_time(request, response, "time", clock_now_ms(api->clock), &query.start_ms))
                return;
        query.end_ms = query.start_ms;
        run_query(api, request, response, &query);
}

static void handle_query_range(struct http_request *request, struct http_response *response,
                               void *ctx)
{
        struct promql_query query = {0};

        if (!api_required_time(request, response, "start", &query.start_ms) ||
            !api_required_time(request, response, "end", &query.end_ms))
                return;
        if (query.end_ms < query.start_ms) {
                api_bad_parameter(response, "end", "end timestamp must not be before start time");
                return;
        }
        if (!api_duration(request, response, "step", 0, &query.step_ms))
                return;
        if (query.step_ms <= 0) {
                api_bad_parameter(response, "step", "zero or negative query resolution step widths "
                                  "are not accepted. Try a positive integer");
                return;
        }
        if ((uint64_t)query.end_ms - (uint64_t)query.start_ms >
            (uint64_t)query.step_ms * POINTS_MAX) {
                struct error err;

                error_set(&err, ERROR_INVALID, "exceeded maximum resolution of 11,000 points per "
                          "timeseries. Try decreasing the query resolution (?step=XX)");
                api_fail(response, &err);
                return;
        }
        run_query(ctx, request, response, &query);
}

static void handle_format_query(struct http_request *request, struct http_response *response,
                                void *ctx)
{
        struct api *api = ctx;
        struct buf text CLEANUP(buf_release) = BUF_INIT(response->body.max_bytes);
        const struct promql_expr *expr;
        struct json_writer writer;
        struct error err;

        if (!promql_expr_parse(request->arena, http_request_param(request, "query"),
                               &api->query_options->features, &expr, &err)) {
                api_bad_parameter(response, "query", "%s", err.text);
                return;
        }
        promql_expr_format_pretty(&text, expr);
        writer = api_begin(response);
        json_string(&writer, buf_str(&text));
        api_end(response, NULL);
}

static void handle_parse_query(struct http_request *request, struct http_response *response,
                               void *ctx)
{
        struct api *api = ctx;
        const struct promql_expr *expr;
        struct json_writer writer;
        struct error err;

        if (!promql_expr_parse(request->arena, http_request_param(request, "query"),
                               &api->query_options->features, &expr, &err)) {
                api_bad_parameter(response, "query", "%s", err.text);
                return;
        }
        writer = api_begin(response);
        promql_expr_write_tree(&writer, expr);
        api_end(response, NULL);
}

void api_query_register(struct api *api, struct http_router *router)
{
        static const char *const methods[] = {"GET", "POST"};

        for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
                http_router_add(router, methods[i], "/api/v1/query", handle_query, api);
                http_router_add(router, methods[i], "/api/v1/query_range", handle_query_range, api);
                http_router_add(router, methods[i], "/api/v1/format_query", handle_format_query,
                                api);
                http_router_add(router, methods[i], "/api/v1/parse_query", handle_parse_query,
                                api);
        }
}

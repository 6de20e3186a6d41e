/* /api/v1/openapi.yaml: what the API takes, for programs that write clients. */
#include <stdio.h>

#include "api/api_int.h"

enum { PARAMETERS_MAX = 12 };

/* A trailing "!" marks what must be given, "[]" what may be repeated. Paths are below /api/v1, but
 * those whose tag begins with "/" stand at the root. */
static const struct operation {
        const char *path, *methods, *tag, *summary;
        const char *parameters[PARAMETERS_MAX];
} operations[] = {
        {"/query", "get post", "query", "Evaluate an expression at one moment.",
         {"query!", "time", "timeout", "limit", "lookback_delta", "stats"}},
        {"/query_range", "get post", "query", "Evaluate an expression over a range of time.",
         {"query!", "start!", "end!", "step!", "timeout", "limit", "lookback_delta", "stats"}},
        {"/query_exemplars", "get post", "query", "Exemplars of the series of an expression.",
         {"query!", "start", "end"}},
        {"/format_query", "get post", "query", "Lay an expression out.", {"query!"}},
        {"/parse_query", "get post", "query", "The syntax tree of an expression.", {"query!"}},
        {"/series", "get post", "series", "Series that match.",
         {"match[]!", "start", "end", "limit"}},
        {"/labels", "get post", "labels", "Label names.", {"match[]", "start", "end", "limit"}},
        {"/label/{name}/values", "get", "labels", "Values of a label.",
         {"match[]", "start", "end", "limit"}},
        {"/search/metric_names", "get post", "labels", "Metric names that resemble a text.",
         {"search[]", "match[]", "start", "end", "fuzz_alg", "fuzz_threshold", "case_sensitive",
          "sort_by", "sort_dir", "limit", "batch_size", "include_metadata"}},
        {"/search/label_names", "get post", "labels", "Label names that resemble a text.",
         {"search[]", "match[]", "start", "end", "fuzz_alg", "fuzz_threshold", "case_sensitive",
          "sort_by", "sort_dir", "limit", "batch_size", "include_frequency"}},
        {"/search/label_values", "get post", "labels", "Values of a label that resemble a text.",
         {"label!", "search[]", "match[]", "start", "end", "fuzz_alg", "fuzz_threshold",
          "case_sensitive", "sort_by", "sort_dir", "limit", "batch_size"}},
        {"/metadata", "get", "metadata", "Type, help and unit of metrics.",
         {"metric", "limit", "limit_per_metric"}},
        {"/targets", "get", "targets", "Targets and how their last scrape went.",
         {"state", "scrapePool"}},
        {"/targets/metadata", "get", "targets", "Metadata by target.",
         {"match_target", "metric", "limit"}},
        {"/targets/relabel_steps", "get", "targets", "What relabeling makes of labels.",
         {"scrapePool!", "labels!"}},
        {"/scrape_pools", "get", "targets", "Names of the scrape pools.", {NULL}},
        {"/rules", "get", "rules", "Recording and alerting rules.",
         {"type", "rule_name[]", "rule_group[]", "file[]", "exclude_alerts", "match[]",
          "group_limit", "group_next_token"}},
        {"/alerts", "get", "alerts", "Alerts that are pending or firing.", {NULL}},
        {"/alertmanagers", "get", "alerts", "Alertmanagers that alerts are sent to.", {NULL}},
        {"/status/config", "get", "status", "The configuration, without secrets.", {NULL}},
        {"/status/flags", "get", "status", "Command line flags.", {NULL}},
        {"/status/runtimeinfo", "get", "status", "About the running process.", {NULL}},
        {"/status/buildinfo", "get", "status", "About the program.", {NULL}},
        {"/status/tsdb", "get", "status", "What costs most in the store.", {"limit"}},
        {"/status/tsdb/blocks", "get", "status", "The sealed files of the store.", {NULL}},
        {"/status/self_metrics", "get", "status", "Pitwall's own metrics.",
         {"metric_name_pattern"}},
        {"/status/walreplay", "get", "status", "What was read of the log at the start.", {NULL}},
        {"/notifications", "get", "status", "What an operator should know now.", {NULL}},
        {"/notifications/live", "get", "status", "The same as it changes, as an event stream.",
         {NULL}},
        {"/features", "get", "status", "Optional parts that are on.", {NULL}},
        {"/write", "post", "remote", "Remote write 1.0 and 2.0.", {NULL}},
        {"/read", "post", "remote", "Remote read, in samples or chunks.", {NULL}},
        {"/otlp/v1/metrics", "post", "otlp", "OpenTelemetry metrics, in protobuf or JSON.",
         {NULL}},
        {"/metrics", "get", "pushgateway", "The groups that were pushed.", {NULL}},
        {"/admin/wipe", "put", "pushgateway", "Delete all groups.", {NULL}},
        {"/admin/tsdb/delete_series", "post put", "admin", "Delete series.",
         {"match[]!", "start", "end"}},
        {"/admin/tsdb/clean_tombstones", "post put", "admin", "Give deleted space back.", {NULL}},
        {"/admin/tsdb/snapshot", "post put", "admin", "Make a snapshot.", {"skip_head"}},
        {"/federate", "get", "/query", "The newest samples of series, as an exposition.",
         {"match[]!"}},
        {"/metrics/job/{job}", "put post delete", "/pushgateway",
         "Replace, add to or delete a group; names and values of its labels may follow.", {NULL}},
        {"/v1/metrics", "post", "/otlp", "OpenTelemetry metrics, in protobuf or JSON.", {NULL}},
        {"/influx/write", "post", "/influx", "InfluxDB 1.x line protocol.", {"db", "precision"}},
        {"/influx/api/v2/write", "post", "/influx", "InfluxDB 2.x line protocol.",
         {"bucket", "org", "precision"}},
        {"/influx/ping", "get", "/influx", "Whether InfluxDB's protocol is spoken here.", {NULL}},
};

static void write_parameter(struct buf *out, const char *text, const char *in)
{
        struct str name = str_from(text);
        bool required = str_ends_with(name, STR_LIT("!")), many;

        if (required)
                name = str_slice(name, 0, name.len - 1);
        many = str_ends_with(name, STR_LIT("[]"));
        buf_append_cstr(out, "        - name: \"");
        buf_append_str(out, name);
        buf_printf(out, "\"\n          in: %s\n          required: %s\n          schema:\n", in,
                   required ? "true" : "false");
        if (many)
                buf_append_cstr(out, "            type: array\n            items:\n"
                                     "              type: string\n");
        else
                buf_append_cstr(out, "            type: string\n");
}

static void write_id(struct buf *out, const struct operation *operation, struct str method)
{
        bool at_root = operation->tag[0] == '/';

        buf_printf(out, "      operationId: %s" STR_FMT, at_root ? "root-" : "", STR_ARG(method));
        for (const char *c = operation->path; *c; c++)
                if (*c == '/')
                        buf_append_byte(out, '-');
                else if (*c != '{' && *c != '}')
                        buf_append_byte(out, *c == '_' ? '-' : *c);
        buf_append_byte(out, '\n');
}

static void write_operation(struct buf *out, const struct operation *operation, struct str method)
{
        const char *in_path = strchr(operation->path, '{');
        bool at_root = operation->tag[0] == '/';

        buf_printf(out, "    " STR_FMT ":\n      tags:\n        - %s\n      summary: \"%s\"\n",
                   STR_ARG(method), operation->tag + at_root, operation->summary);
        write_id(out, operation, method);
        if (at_root)
                buf_append_cstr(out, "      servers:\n        - url: /\n");
        if (operation->parameters[0] || in_path)
                buf_append_cstr(out, "      parameters:\n");
        if (in_path) {
                struct str name = str_from(in_path + 1);
                char required[32];

                name = str_slice(name, 0, str_find_byte(name, '}'));
                snprintf(required, sizeof(required), STR_FMT "!", STR_ARG(name));
                write_parameter(out, required, "path");
        }
        for (size_t i = 0; i < PARAMETERS_MAX && operation->parameters[i]; i++)
                write_parameter(out, operation->parameters[i], "query");
        buf_append_cstr(out, "      responses:\n        \"200\":\n"
                             "          description: It worked.\n        default:\n"
                             "          description: It did not; errorType and error say why.\n");
}

static void handle_openapi(struct http_request *request, struct http_response *response,
                           void *ctx)
{
        struct buf *out = &response->body;

        (void)request;
        (void)ctx;
        response->content_type = "application/yaml; charset=utf-8";
        buf_append_cstr(out, "openapi: 3.1.0\ninfo:\n  title: Pitwall API\n"
                             "  description: The HTTP API of Prometheus 3.14, as Pitwall has it.\n"
                             "  version: \"" PITWALL_VERSION "\"\nservers:\n  - url: /api/v1\n"
                             "paths:\n");
        for (size_t i = 0; i < ARRAY_LEN(operations); i++) {
                struct str methods = str_from(operations[i].methods), method;

                buf_printf(out, "  %s:\n", operations[i].path);
                while (str_cut(&methods, ' ', &method))
                        write_operation(out, &operations[i], method);
        }
}

void api_openapi_register(struct api *api, struct http_router *router)
{
        http_router_add(router, "GET", "/api/v1/openapi.yaml", handle_openapi, api);
}

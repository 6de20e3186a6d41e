/* What tells about single targets: metadata by target, and relabeling step by step. */
#include "api/api_int.h"
#include "codec/regex.h"
#include "collectors/scrape.h"
#include "ingest/metadata.h"

/* ---- targets/metadata ---------------------------------------------------------------------- */

struct metadata_answer {
        struct json_writer writer;
        struct promql_selector selector; /* of targets; empty: all */
        struct str metric;               /* empty: all */
        int64_t left;                    /* -1: no limit */
        size_t written;
};

static void write_metadata(const struct target_status *target,
                           const struct metric_metadata *metadata, void *ctx)
{
        struct metadata_answer *answer = ctx;
        struct json_writer *writer = &answer->writer;

        if (answer->left == 0 ||
            (answer->metric.len && !str_equal(answer->metric, metadata->metric)) ||
            !matchers_match_labels(answer->selector.matchers, answer->selector.count,
                                   target->labels))
                return;
        json_object_begin(writer);
        json_key(writer, "target");
        api_write_labels(writer, target->labels);
        if (!answer->metric.len) {
                json_key(writer, "metric");
                json_string(writer, metadata->metric);
        }
        json_key(writer, "type");
        json_string(writer, metadata->type);
        json_key(writer, "help");
        json_string(writer, metadata->help);
        json_key(writer, "unit");
        json_string(writer, metadata->unit);
        json_object_end(writer);
        answer->written++;
        answer->left -= answer->left > 0;
}

static void handle_target_metadata(struct http_request *request, struct http_response *response,
                                   void *ctx)
{
        struct api *api = ctx;
        struct metadata_answer answer = {.metric = http_request_param(request, "metric")};
        struct str match = http_request_param(request, "match_target");
        struct error err;

        if (!api_integer(request, "limit", -1, &answer.left)) {
                error_set(&err, ERROR_INVALID, "limit must be a number");
                api_fail(response, &err);
                return;
        }
        if (match.len && !promql_selector_parse(request->arena, match, &answer.selector, &err)) {
                api_fail(response, &err);
                return;
        }
        answer.writer = api_begin(response);
        json_array_begin(&answer.writer);
        scrape_manager_each_metadata(api->scrapes, write_metadata, &answer);
        json_array_end(&answer.writer);
        api_end(response, NULL);
        if (!answer.written) {
                error_set(&err, ERROR_NOT_FOUND, "specified metadata not found");
                api_fail(response, &err);
        }
}

/* ---- targets/relabel_steps ------------------------------------------------------------------ */

struct relabel_answer {
        struct json_writer writer;
        struct arena *arena;
        struct labels labels;
};

static void write_text(struct json_writer *writer, const char *key, struct str text)
{
        if (!text.len)
                return;
        json_key(writer, key);
        json_string(writer, text);
}

static void write_rule(struct json_writer *writer, const struct relabel_rule *rule)
{
        json_key(writer, "rule");
        json_object_begin(writer);
        if (rule->source_count) {
                json_key(writer, "sourceLabels");
                json_array_begin(writer);
                for (size_t i = 0; i < rule->source_count; i++)
                        json_string(writer, rule->source_labels[i]);
                json_array_end(writer);
        }
        write_text(writer, "separator", rule->separator);
        if (rule->regex)
                write_text(writer, "regex", regex_pattern(rule->regex));
        if (rule->modulus) {
                json_key(writer, "modulus");
                json_int(writer, (int64_t)rule->modulus);
        }
        write_text(writer, "targetLabel", rule->target_label);
        write_text(writer, "replacement", rule->replacement);
        json_key(writer, "action");
        json_cstring(writer, relabel_action_name(rule->action));
        json_object_end(writer);
}

/* Each step shows what the rules up to it make of the labels. */
static void write_steps(const struct scrape_config *config, void *ctx)
{
        struct relabel_answer *answer = ctx;
        struct json_writer *writer = &answer->writer;
        struct labels_builder builder;
        bool keep = true;

        labels_builder_init(&builder, answer->arena, answer->labels);
        for (size_t i = 0; i < config->relabel.count; i++) {
                const struct relabel_rule *rule = &config->relabel.items[i];
                struct labels output = {0};

                keep = keep && relabel_apply((struct relabel_rules){rule, 1}, &builder);
                if (keep)
                        output = labels_builder_finish(&builder);
                json_object_begin(writer);
                write_rule(writer, rule);
                json_key(writer, "output");
                api_write_labels(writer, output);
                json_key(writer, "keep");
                json_bool(writer, keep);
                json_object_end(writer);
        }
}

static bool parse_labels(struct arena *arena, struct str text, struct labels *ret_labels,
                         struct error *err)
{
        static const struct labels none = {0};
        struct labels_builder builder;
        struct json_value *value;

        if (!json_parse(arena, text, &value, err))
                return error_prefix(err, "error parsing labels");
        if (value->kind != JSON_OBJECT)
                return error_set(err, ERROR_INVALID, "error parsing labels: not an object");
        labels_builder_init(&builder, arena, none);
        for (const struct json_value *pair = value->first; pair; pair = pair->next) {
                if (pair->kind != JSON_STRING)
                        return error_set(err, ERROR_INVALID,
                                         "error parsing labels: \"" STR_FMT "\" is not a string",
                                         STR_ARG(pair->key));
                labels_builder_set(&builder, pair->key, pair->text);
        }
        *ret_labels = labels_builder_finish(&builder);
        return true;
}

static void handle_relabel_steps(struct http_request *request, struct http_response *response,
                                 void *ctx)
{
        struct api *api = ctx;
        struct relabel_answer answer = {.arena = request->arena};
        struct str pool = http_request_param(request, "scrapePool");
        struct error err;
        bool found;

        if (!pool.len) {
                error_set(&err, ERROR_INVALID, "no scrapePool parameter provided");
                api_fail(response, &err);
                return;
        }
        if (!parse_labels(request->arena, http_request_param(request, "labels"), &answer.labels,
                          &err)) {
                api_fail(response, &err);
                return;
        }
        answer.writer = api_begin(response);
        json_object_begin(&answer.writer);
        json_key(&answer.writer, "steps");
        json_array_begin(&answer.writer);
        found = scrape_manager_find_pool(api->scrapes, pool, write_steps, &answer);
        json_array_end(&answer.writer);
        json_object_end(&answer.writer);
        api_end(response, NULL);
        if (!found) {
                error_set(&err, ERROR_INVALID, "error retrieving scrape config: unknown scrape "
                          "pool \"" STR_FMT "\"", STR_ARG(pool));
                api_fail(response, &err);
        }
}

void api_target_tools_register(struct api *api, struct http_router *router)
{
        http_router_add(router, "GET", "/api/v1/targets/metadata", handle_target_metadata, api);
        http_router_add(router, "GET", "/api/v1/targets/relabel_steps", handle_relabel_steps,
                        api);
}

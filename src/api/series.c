#include "api/api_int.h"
#include "base/map.h"
#include "base/utf8.h"

/* Time range, selectors and limit: what the three endpoints share. */
struct series_request {
        int64_t start_ms, end_ms;
        struct api_selectors selectors;
        uint64_t limit;
};

static bool read_request(struct http_request *request, struct http_response *response,
                         struct series_request *ret)
{
        if (!api_time(request, response, "start", API_MIN_TIME_MS, &ret->start_ms) ||
            !api_time(request, response, "end", API_MAX_TIME_MS, &ret->end_ms) ||
            !api_limit(request, response, &ret->limit))
                return false;
        return true;
}

static const char *const truncated[] = {"results truncated due to limit"};

static void write_strings(struct http_response *response, struct str *texts, size_t count,
                          uint64_t limit)
{
        bool cut = limit && count > limit;
        struct promql_notes notes = {.warnings = truncated, .warning_count = cut};
        struct json_writer writer = api_begin(response);

        json_array_begin(&writer);
        for (size_t i = 0; i < (cut ? limit : count); i++)
                json_string(&writer, texts[i]);
        json_array_end(&writer);
        api_end(response, &notes);
}

/* Merges sorted, unique lists. */
static void merge(struct arena *arena, struct str **into, size_t *into_count, struct str *from,
                  size_t from_count)
{
        struct str *out = arena_array(arena, struct str, *into_count + from_count);
        size_t a = 0, b = 0, count = 0;

        while (a < *into_count || b < from_count) {
                int order = a == *into_count ? 1
                            : b == from_count ? -1 : str_compare((*into)[a], from[b]);

                out[count++] = order <= 0 ? (*into)[a] : from[b];
                a += order <= 0;
                b += order >= 0;
        }
        *into = out;
        *into_count = count;
}

bool api_collect_texts(struct querier *querier, struct arena *arena,
                       const struct api_selectors *given, const struct str *name,
                       struct str **ret_texts, size_t *ret_count, struct error *err)
{
        static const struct promql_selector everything = {NULL, 0};
        const struct promql_selector *selectors = given->count ? given->items : &everything;
        size_t selector_count = given->count ? given->count : 1;

        *ret_texts = NULL;
        *ret_count = 0;
        for (size_t i = 0; i < selector_count; i++) {
                struct str *texts;
                size_t count;
                bool ok = name ? querier->ops->label_values(querier, arena, *name,
                                                            selectors[i].matchers,
                                                            selectors[i].count, &texts, &count,
                                                            err)
                               : querier->ops->label_names(querier, arena, selectors[i].matchers,
                                                           selectors[i].count, &texts, &count,
                                                           err);

                if (!ok)
                        return false;
                merge(arena, ret_texts, ret_count, texts, count);
        }
        return true;
}

static void answer_labels(struct api *api, struct http_request *request,
                          struct http_response *response, const struct str *name)
{
        struct series_request query;
        struct querier *querier;
        struct str *texts = NULL;
        struct error err;
        size_t count = 0;
        bool ok;

        if (!read_request(request, response, &query))
                return;
        if (!api_selectors(request, &query.selectors, &err) ||
            !api->source.open(api->source.ctx, query.start_ms, query.end_ms, &querier, &err)) {
                api_fail(response, &err);
                return;
        }
        ok = query.end_ms < query.start_ms ||
             api_collect_texts(querier, request->arena, &query.selectors, name, &texts, &count,
                               &err);
        if (ok)
                write_strings(response, texts, count, query.limit);
        else
                api_fail(response, &err);
        querier->ops->close(querier);
}

static void handle_labels(struct http_request *request, struct http_response *response, void *ctx)
{
        answer_labels(ctx, request, response, NULL);
}

/* U__ names: __ is an underscore, _HEX_ a character (Prometheus's value encoding escaping). A
 * name that is not well escaped stands for itself. */
static struct str unescape_name(struct arena *arena, struct str name)
{
        struct buf out CLEANUP(buf_release) = BUF_INIT(64 << 10);

        if (!str_starts_with(name, STR_LIT("U__")))
                return name;
        for (size_t at = 3; at < name.len;) {
                uint32_t code = 0;
                size_t digits = 0;

                if (name.data[at] != '_') {
                        buf_append_byte(&out, name.data[at++]);
                        continue;
                }
                if (at + 1 < name.len && name.data[at + 1] == '_') {
                        buf_append_byte(&out, '_');
                        at += 2;
                        continue;
                }
                for (at++; at < name.len && str_hex_digit(name.data[at]) < 16 && digits < 6;
                     at++, digits++)
                        code = code << 4 | str_hex_digit(name.data[at]);
                if (!digits || at >= name.len || name.data[at] != '_' || code > 0x10ffff ||
                    (code >= 0xd800 && code < 0xe000))
                        return name;
                at++;
                utf8_append(&out, code);
        }
        return arena_str(arena, buf_str(&out));
}

static void handle_label_values(struct http_request *request, struct http_response *response,
                                void *ctx)
{
        struct str name = unescape_name(request->arena, request->path_args[0]);
        struct error err;

        if (!name.len || !str_is_utf8(name)) {
                error_set(&err, ERROR_INVALID, "invalid label name: \"" STR_FMT "\"",
                          STR_ARG(name));
                api_fail(response, &err);
                return;
        }
        answer_labels(ctx, request, response, &name);
}

static void add_warnings(struct arena *arena, struct querier *querier, bool cut,
                         struct promql_notes *notes)
{
        size_t count;
        const char *const *warnings = querier_warnings(querier, &count);
        const char **all = arena_array(arena, const char *, count + 1);

        for (size_t i = 0; i < count; i++)
                all[i] = warnings[i];
        all[count] = truncated[0];
        notes->warnings = all;
        notes->warning_count = count + cut;
}

static void write_series(struct http_request *request, struct http_response *response,
                         struct querier *querier, const struct series_list *lists,
                         size_t list_count, uint64_t limit)
{
        struct promql_notes notes = {0};
        struct json_writer writer = api_begin(response);
        struct map seen CLEANUP(map_release) = MAP_INIT;
        uint64_t written = 0;
        bool cut = false;

        json_array_begin(&writer);
        for (size_t l = 0; l < list_count; l++) {
                for (size_t i = 0; i < lists[l].count; i++) {
                        struct buf key CLEANUP(buf_release) = BUF_INIT(1 << 20);
                        struct labels labels = lists[l].items[i].labels;

                        if (list_count > 1) {
                                labels_format(&key, labels);
                                if (map_get(&seen, buf_str(&key)))
                                        continue;
                                map_put(&seen, arena_str(request->arena, buf_str(&key)), request);
                        }
                        if (limit && written == limit) {
                                cut = true;
                                break;
                        }
                        written++;
                        api_write_labels(&writer, labels);
                }
        }
        json_array_end(&writer);
        add_warnings(request->arena, querier, cut, &notes);
        api_end(response, &notes);
}

static void handle_series(struct http_request *request, struct http_response *response, void *ctx)
{
        struct api *api = ctx;
        struct series_request query;
        struct series_list *lists;
        struct querier *querier;
        struct error err;
        bool ok = true;

        if (!http_request_has_param(request, "match[]")) {
                error_set(&err, ERROR_INVALID, "no match[] parameter provided");
                api_fail(response, &err);
                return;
        }
        if (!read_request(request, response, &query))
                return;
        if (!api_selectors(request, &query.selectors, &err)) {
                api_bad_parameter(response, "match[]", "%s", err.text);
                return;
        }
        if (!api->source.open(api->source.ctx, query.start_ms, query.end_ms, &querier, &err)) {
                api_fail(response, &err);
                return;
        }
        lists = arena_array(request->arena, struct series_list, query.selectors.count);
        for (size_t i = 0; i < query.selectors.count && ok && query.start_ms <= query.end_ms; i++)
                ok = querier->ops->select(querier, request->arena,
                                          query.selectors.items[i].matchers,
                                          query.selectors.items[i].count, &request->canceled,
                                          &lists[i], &err);
        if (ok)
                write_series(request, response, querier, lists, query.selectors.count, query.limit);
        else
                api_fail(response, &err);
        querier->ops->close(querier);
}

void api_series_register(struct api *api, struct http_router *router)
{
        http_router_add(router, "GET", "/api/v1/labels", handle_labels, api);
        http_router_add(router, "POST", "/api/v1/labels", handle_labels, api);
        http_router_add(router, "GET", "/api/v1/label/{}/values", handle_label_values, api);
        http_router_add(router, "GET", "/api/v1/series", handle_series, api);
        http_router_add(router, "POST", "/api/v1/series", handle_series, api);
}

/* Targets from a web service (http_sd_configs). */
#include <ctype.h>
#include <strings.h>

#include "collectors/discovery_int.h"

METRIC_COUNTER(failures, "pitwall_discovery_failures_total", "kind=\"http\"",
               "Discoveries that gave no good answer; the last targets stayed.")

/* application/json, perhaps with charset=utf-8: what Prometheus takes. */
static bool is_json(struct str content_type)
{
        struct str kind, rest = str_trim(content_type);

        str_cut(&rest, ';', &kind);
        if (kind.len != strlen("application/json") ||
            strncasecmp(kind.data, "application/json", kind.len) != 0)
                return false;
        if (!rest.data)
                return true;
        while (rest.len && isspace((unsigned char)rest.data[0]))
                rest = str_slice(rest, 1, rest.len);
        return (rest.len == strlen("charset=utf-8") &&
                strncasecmp(rest.data, "charset=utf-8", rest.len) == 0) ||
               (rest.len == strlen("charset=\"utf-8\"") &&
                strncasecmp(rest.data, "charset=\"utf-8\"", rest.len) == 0);
}

static bool take_answer(const struct http_discovery_options *options,
                        const struct http_fetch *fetch, struct discovery_result *result,
                        struct error *err)
{
        struct label origin = {STR_LIT("__meta_url"), options->url};
        struct target_groups groups;
        struct arena arena;
        bool ok;

        if (!is_json(str_from(fetch->content_type)))
                return error_set(err, ERROR_INVALID, "Get \"" STR_FMT "\": unsupported content "
                                 "type \"%s\"", STR_ARG(options->url), fetch->content_type);
        arena_init(&arena, DISCOVERY_ARENA_MAX_BYTES);
        ok = target_groups_parse(&arena, buf_str(&fetch->body), TARGET_GROUPS_JSON, origin,
                                 &groups, err);
        for (size_t i = 0; ok && i < groups.count; i++)
                discovery_result_add(result, &groups.items[i]);
        arena_release(&arena);
        return ok || error_prefix(err, "Get \"" STR_FMT "\"", STR_ARG(options->url));
}

static bool refresh_http(struct discovery *discovery, void *state,
                         struct discovery_result *result, struct error *err)
{
        const struct discovery_config *config = discovery_config_of(discovery);
        const struct http_discovery_options *options = config->options;
        struct buf seconds CLEANUP(buf_release) = BUF_INIT(64);
        struct http_header headers[2] = {{STR_LIT("Accept"), STR_LIT("application/json")}};
        struct http_fetch fetch = {
                .options = &options->http,
                .url = options->url,
                .headers = headers,
                .header_count = ARRAY_LEN(headers),
                .accept_gzip = true,
                .timeout_ms = config->refresh_interval_ms,
                .body = BUF_INIT(DISCOVERY_BODY_MAX_BYTES),
        };
        bool ok;

        (void)state;
        buf_printf(&seconds, "%.15g", (double)config->refresh_interval_ms / 1000);
        headers[1] = (struct http_header){STR_LIT("X-Prometheus-Refresh-Interval-Seconds"),
                                          buf_str(&seconds)};
        ok = discovery_fetch(discovery, &fetch, err) && take_answer(options, &fetch, result, err);
        buf_release(&fetch.body);
        return ok;
}

static void run_http(struct discovery *discovery)
{
        discovery_run_refresh(discovery, refresh_http, NULL);
}

const struct discovery_kind http_discovery_kind = {"http", run_http, &failures};

#include "server/settings_int.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/thread.h"
#include "model/duration.h"
#include "model/size.h"
#include "server/memory_int.h"

static bool read_duration(const char *flag, const char *text, int64_t *ret_ms,
                          struct error *err)
{
        return duration_parse(str_from(text), ret_ms, err) ||
               error_prefix(err, "%s", flag);
}

static bool read_size(const char *flag, const char *text, uint64_t *ret_bytes,
                      struct error *err)
{
        return size_parse(str_from(text), ret_bytes, err) ||
               error_prefix(err, "%s", flag);
}

/* Also as 5e7, which Prometheus takes. */
static bool read_count(const char *flag, const char *text, uint64_t min, uint64_t max,
                       uint64_t *ret_count, struct error *err)
{
        double number;
        char *end;

        number = strtod(text, &end);
        if (*text < '0' || *text > '9' || *end || number != floor(number) ||
            !(number >= (double)min && number <= (double)max))
                return error_set(err, ERROR_INVALID, "%s: \"%s\" is not a number from %llu to %llu",
                                 flag, text, (unsigned long long)min, (unsigned long long)max);
        *ret_count = (uint64_t)number;
        return true;
}

/* Flags of Prometheus that are always on here, or do nothing here. */
static bool is_known_feature(struct str name)
{
        static const char *const names[] = {
                "auto-gomaxprocs", "auto-gomemlimit", "concurrent-rule-eval",
                "created-timestamp-zero-ingestion", "delayed-compaction", "exemplar-storage",
                "expand-external-labels", "extra-scrape-metrics", "fast-startup",
                "memory-snapshot-on-shutdown", "metadata-wal-records", "native-histograms",
                "new-service-discovery-manager", "old-ui", "otlp-deltatocumulative",
                "otlp-native-delta-ingestion", "otlp-write-receiver", "promql-at-modifier",
                "promql-binop-fill-modifiers", "promql-experimental-functions",
                "promql-extended-range-selectors",
                "promql-duration-expr", "promql-negative-offset", "promql-per-step-stats",
                "remote-write-receiver", "search-api", "st-storage", "st-synthesis",
                "use-uncached-io", "xor2-encoding",
        };

        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                if (str_is(name, names[i]))
                        return true;
        return false;
}

static void set_features(struct promql_features *features, const char *text,
                         bool *auto_reload)
{
        struct str rest = str_from(text), name;

        while (str_cut(&rest, ',', &name)) {
                name = str_trim(name);
                if (str_is(name, "promql-delayed-name-removal"))
                        features->delayed_name_removal = true;
                else if (str_is(name, "use-start-timestamps"))
                        features->start_timestamps = true;
                else if (str_is(name, "type-and-unit-labels"))
                        features->type_and_unit_labels = true;
                else if (str_is(name, "auto-reload-config"))
                        *auto_reload = true;
                else if (name.len && !is_known_feature(name))
                        log_with(LOG_WARN, "unknown feature, ignored", LOG_STR("feature", name));
        }
}

/* ---- where the pages are ------------------------------------------------------------------ */

/* The path of a URL, or of one that is nothing but a path. */
static struct str path_of(struct str url)
{
        for (size_t i = 0; i + 2 < url.len; i++) {
                struct str rest;

                if (memcmp(url.data + i, "://", 3) != 0)
                        continue;
                rest = str_slice(url, i + 3, url.len);
                return str_slice(rest, str_find_byte(rest, '/'), rest.len);
        }
        return url;
}

static struct str without_slashes(struct str text, bool at_start)
{
        while (text.len && text.data[text.len - 1] == '/')
                text.len--;
        while (at_start && text.len && text.data[0] == '/')
                text = str_slice(text, 1, text.len);
        return text;
}

static bool is_printable(struct str text)
{
        for (size_t i = 0; i < text.len; i++)
                if (text.data[i] <= ' ' || text.data[i] == 0x7f || strchr("\"'?#", text.data[i]))
                        return false;
        return text.len < SETTINGS_URL_MAX_BYTES - 1;
}

/* As Prometheus does it: the prefix of all paths is that of the URL unless it is given. */
static bool set_addresses(struct settings *settings, const struct server_options *options,
                          struct error *err)
{
        struct str url = without_slashes(str_from(options->external_url), false);
        struct str prefix = options->route_prefix ? str_from(options->route_prefix)
                                                   : path_of(url);

        if (!is_printable(url))
                return error_set(err, ERROR_INVALID, "--web.external-url: \"%s\" is not a URL",
                                 options->external_url);
        if (!is_printable(prefix))
                return error_set(err, ERROR_INVALID, "--web.route-prefix: \"%s\" is not a path",
                                 options->route_prefix);
        prefix = without_slashes(prefix, true);
        snprintf(settings->external_url, sizeof(settings->external_url), STR_FMT, STR_ARG(url));
        if (prefix.len)
                snprintf(settings->route_prefix, sizeof(settings->route_prefix), "/" STR_FMT,
                         STR_ARG(prefix));
        return true;
}

/* ---- all of it ---------------------------------------------------------------------------- */

static bool read_query_flags(struct settings *settings, const struct server_options *options,
                             struct error *err)
{
        enum { CONCURRENCY_MAX = 1000 };
        uint64_t samples, concurrency;

        if (!read_duration("--query.lookback-delta", options->lookback_delta,
                           &settings->query.lookback_ms, err) ||
            !read_duration("--query.timeout", options->query_timeout, &settings->query.timeout_ms,
                           err) ||
            !read_count("--query.max-samples", options->query_max_samples, 1, SIZE_MAX, &samples,
                        err) ||
            !read_count("--query.max-concurrency", options->query_max_concurrency, 1,
                        CONCURRENCY_MAX, &concurrency, err))
                return false;
        settings->query.max_samples = samples;
        settings->query_concurrency_max = (unsigned)concurrency;
        return true;
}

/* Zero is what Prometheus shows for a retention that is not given. */
static bool read_store_flags(struct settings *settings, const struct server_options *options,
                             struct error *err)
{
        if (!read_duration("--storage.tsdb.retention.time", options->retention_time,
                           &settings->retention_ms, err) ||
            !read_size("--storage.tsdb.retention.size", options->retention_size,
                       &settings->retention_bytes, err) ||
            !read_count("--storage.remote.read-sample-limit", options->read_sample_limit, 0,
                        UINT64_MAX, &settings->read_sample_limit, err))
                return false;
        if (!settings->retention_ms)
                settings->retention_ms = -1;
        if (!settings->retention_bytes)
                settings->retention_bytes = UINT64_MAX;
        return true;
}

static bool read_web_flags(struct settings *settings, const struct server_options *options,
                           struct error *err)
{
        enum { CONNECTIONS_MIN = 4, CONNECTIONS_MAX = 100000, LISTENERS_MAX = 1000 };
        uint64_t connections, listeners;

        if (!read_count("--web.max-connections", options->max_connections, CONNECTIONS_MIN,
                        CONNECTIONS_MAX, &connections, err) ||
            !read_count("--web.max-notifications-subscribers", options->max_listeners, 1,
                        LISTENERS_MAX, &listeners, err) ||
            !read_duration("--web.read-timeout", options->read_timeout,
                           &settings->read_timeout_ms, err))
                return false;
        settings->connection_max = (unsigned)connections;
        settings->listener_max = (unsigned)listeners;
        return set_addresses(settings, options, err);
}

bool settings_init(struct settings *settings, const struct server_options *options,
                   struct error *err)
{
        uint64_t memory_bytes = memory_limit_bytes();
        bool auto_reload = options->auto_reload;

        *settings = (struct settings){.retention_ms = -1, .retention_bytes = UINT64_MAX};
        settings->query = (struct promql_options){
                /* One eighth of what the process may have: several big queries at once, the store
                 * and scraping must fit beside it. */
                .max_bytes = memory_bytes / 8 < (1ull << 30) ? memory_bytes / 8 : 1ull << 30,
                /* As many as would fill that memory at a byte each: a query that touches more
                 * takes longer than anybody waits. */
                .max_read = memory_bytes / 8,
                .threads = (unsigned)thread_core_count(),
                /* What extends the grammar changes no query that a default Prometheus takes. */
                .features = {.experimental_functions = true,
                             .extended_range_selectors = true,
                             .fill_modifiers = true},
        };
        if (!read_query_flags(settings, options, err) ||
            !read_store_flags(settings, options, err) || !read_web_flags(settings, options, err))
                return false;
        if (options->features)
                set_features(&settings->query.features, options->features, &auto_reload);
        return !auto_reload || read_duration("--config.auto-reload-interval",
                                             options->auto_reload_interval,
                                             &settings->auto_reload_ms, err);
}

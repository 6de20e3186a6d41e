#include "server/settings_int.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/thread.h"
#include "model/duration.h"
#include "model/size.h"
#include "server/memory_int.h"

/* Defaults of Prometheus. */
enum { QUERY_CONCURRENCY_MAX = 20, QUERY_SAMPLES_MAX = 50000000 };
enum { LOOKBACK_MS = 300000, QUERY_TIMEOUT_MS = 120000 };

static bool read_duration(const char *flag, const char *text, int64_t *ret_ms,
                          struct error *err)
{
        return !text || duration_parse(str_from(text), ret_ms, err) ||
               error_prefix(err, "%s", flag);
}

static bool read_size(const char *flag, const char *text, uint64_t *ret_bytes,
                      struct error *err)
{
        return !text || size_parse(str_from(text), ret_bytes, err) ||
               error_prefix(err, "%s", flag);
}

static bool read_count(const char *flag, const char *text, uint64_t max, uint64_t *ret_count,
                       struct error *err)
{
        char *end;

        if (!text)
                return true;
        *ret_count = strtoull(text, &end, 10);
        if (*text < '0' || *text > '9' || *end || *ret_count == 0 || *ret_count > max)
                return error_set(err, ERROR_INVALID, "%s: \"%s\" is not a number from 1 to %llu",
                                 flag, text, (unsigned long long)max);
        return true;
}

/* Flags of Prometheus that are always on here, or do nothing here. */
static bool is_known_feature(struct str name)
{
        static const char *const names[] = {
                "auto-gomaxprocs", "auto-gomemlimit", "auto-reload-config", "concurrent-rule-eval",
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

static void set_features(struct promql_features *features, const char *text)
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
                else if (name.len && !is_known_feature(name))
                        log_with(LOG_WARN, "unknown feature, ignored", LOG_STR("feature", name));
        }
}

bool settings_init(struct settings *settings, const struct server_options *options,
                   struct error *err)
{
        uint64_t memory_bytes = memory_limit_bytes();
        uint64_t samples = QUERY_SAMPLES_MAX, concurrency = QUERY_CONCURRENCY_MAX;

        *settings = (struct settings){.retention_ms = -1, .retention_bytes = UINT64_MAX};
        settings->query = (struct promql_options){
                .lookback_ms = LOOKBACK_MS,
                /* One eighth of what the process may have: several big queries at once, the store
                 * and scraping must fit beside it. */
                .max_bytes = memory_bytes / 8 < (1ull << 30) ? memory_bytes / 8 : 1ull << 30,
                /* As many as would fill that memory at a byte each: a query that touches more
                 * takes longer than anybody waits. */
                .max_read = memory_bytes / 8,
                .timeout_ms = QUERY_TIMEOUT_MS,
                .threads = (unsigned)thread_core_count(),
                /* What extends the grammar changes no query that a default Prometheus takes. */
                .features = {.experimental_functions = true,
                             .extended_range_selectors = true,
                             .fill_modifiers = true},
        };
        if (!read_duration("--query.lookback-delta", options->lookback_delta,
                           &settings->query.lookback_ms, err) ||
            !read_duration("--query.timeout", options->query_timeout, &settings->query.timeout_ms,
                           err) ||
            !read_count("--query.max-samples", options->query_max_samples, SIZE_MAX, &samples,
                        err) ||
            !read_count("--query.max-concurrency", options->query_max_concurrency, 1000,
                        &concurrency, err) ||
            !read_duration("--storage.tsdb.retention.time", options->retention_time,
                           &settings->retention_ms, err) ||
            !read_size("--storage.tsdb.retention.size", options->retention_size,
                       &settings->retention_bytes, err))
                return false;
        settings->query.max_samples = samples;
        settings->query_concurrency_max = (unsigned)concurrency;
        if (options->features)
                set_features(&settings->query.features, options->features);
        return true;
}

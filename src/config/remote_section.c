#include "config/remote_section_int.h"

#include <stddef.h>

#include "base/hash.h"
#include "http/server.h"

/* Defaults of Prometheus 3.14, but for retry_on_http_429: what is refused only for now is lost
 * there. */
enum {
        TIMEOUT_MS = 30000,
        SHARDS_MIN = 1,
        SHARDS_MAX = 50,
        SAMPLES_MAX = 2000,
        DEADLINE_MS = 5000,
        BACKOFF_MIN_MS = 30,
        BACKOFF_MAX_MS = 5000,
        METADATA_INTERVAL_MS = 60000,
        METADATA_MAX = 2000,
        SHARDS_LIMIT = 1000,
};

struct write_section {
        struct str url, name, message;
        struct header_list headers;
        struct relabel_rules relabel;
        struct http_client_options http;
        bool round_robin_dns;
        struct remote_write_config values; /* numbers and switches */
};

#define WRITE(member) offsetof(struct write_section, member)
#define VALUE(member) offsetof(struct remote_write_config, member)

static bool decode_queue(struct decoder *d, const struct yaml_node *node, void *slot)
{
        static const struct field fields[] = {
                {"capacity", decode_ignored, 0, NULL}, /* nothing is queued in memory here */
                {"min_shards", decode_uint, VALUE(shards_min), NULL},
                {"max_shards", decode_uint, VALUE(shards_max), NULL},
                {"max_samples_per_send", decode_uint, VALUE(samples_max), NULL},
                {"batch_send_deadline", decode_duration, VALUE(deadline_ms), NULL},
                {"min_backoff", decode_duration, VALUE(backoff_min_ms), NULL},
                {"max_backoff", decode_duration, VALUE(backoff_max_ms), NULL},
                {"retry_on_http_429", decode_bool, VALUE(retry_on_429), NULL},
                {"sample_age_limit", decode_duration, VALUE(sample_age_limit_ms), NULL},
        };
        const struct remote_write_config *values = slot;

        if (!decode_mapping(d, node, "queue_config", fields, ARRAY_LEN(fields), slot))
                return false;
        if (!values->shards_min || values->shards_min > values->shards_max ||
            values->shards_max > SHARDS_LIMIT)
                return decode_fail(d, node, "shards must be 1 <= min_shards <= max_shards <= %d",
                                   SHARDS_LIMIT);
        if (!values->samples_max)
                return decode_fail(d, node, "max_samples_per_send must not be 0");
        if (values->backoff_min_ms <= 0 || values->backoff_min_ms > values->backoff_max_ms)
                return decode_fail(d, node, "backoff must be 0 < min_backoff <= max_backoff");
        return true;
}

static bool decode_metadata(struct decoder *d, const struct yaml_node *node, void *slot)
{
        static const struct field fields[] = {
                {"send", decode_bool, VALUE(send_metadata), NULL},
                {"send_interval", decode_duration, VALUE(metadata_interval_ms), NULL},
                {"max_samples_per_send", decode_uint, VALUE(metadata_max_per_send), NULL},
        };

        return decode_mapping(d, node, "metadata_config", fields, ARRAY_LEN(fields), slot);
}

static const struct field write_fields[] = {
        {"url", decode_string, WRITE(url), NULL},
        {"name", decode_string, WRITE(name), NULL},
        {"protobuf_message", decode_string, WRITE(message), NULL},
        {"remote_timeout", decode_duration, WRITE(values.timeout_ms), NULL},
        {"headers", decode_string_map, WRITE(headers), NULL},
        {"write_relabel_configs", decode_relabel_rules, WRITE(relabel), NULL},
        {"send_exemplars", decode_bool, WRITE(values.send_exemplars), NULL},
        {"send_native_histograms", decode_bool, WRITE(values.send_native_histograms), NULL},
        {"round_robin_dns", decode_bool, WRITE(round_robin_dns), NULL},
        {"queue_config", decode_queue, WRITE(values), NULL},
        {"metadata_config", decode_metadata, WRITE(values), NULL},
        HTTP_CLIENT_FIELDS(WRITE(http)),
};

static bool check_write(struct decoder *d, const struct yaml_node *node,
                        struct write_section *section)
{
        if (!section->url.len)
                return decode_fail(d, node, "url for remote_write is empty");
        if (!str_starts_with(section->url, STR_LIT("http://")) &&
            !str_starts_with(section->url, STR_LIT("https://")))
                return decode_fail(d, node, "url for remote_write must be http or https: " STR_FMT,
                                   STR_ARG(section->url));
        if (section->message.len &&
            !str_is(section->message, "prometheus.WriteRequest") &&
            !str_is(section->message, "io.prometheus.write.v2.Request"))
                return decode_fail(d, node, "unknown remote write protobuf message " STR_FMT
                                   ", supported: prometheus.WriteRequest, "
                                   "io.prometheus.write.v2.Request", STR_ARG(section->message));
        return decode_check_http(d, node, &section->http);
}

/* Headers of the section and those of http_headers together. */
static const struct http_client_options *join_headers(struct arena *arena,
                                                      const struct header_list *headers,
                                                      const struct http_client_options *options)
{
        struct http_client_options *http = arena_new(arena, struct http_client_options);
        size_t own = headers->count, more = options->header_count;
        struct http_header *all = arena_array(arena, struct http_header, own + more);

        for (size_t i = 0; i < own; i++)
                all[i] = headers->items[i];
        for (size_t i = 0; i < more; i++)
                all[own + i] = options->headers[i];
        *http = *options;
        http->headers = all;
        http->header_count = own + more;
        return http;
}

static struct str name_of(struct arena *arena, const struct write_section *section,
                          uint64_t fingerprint)
{
        if (section->name.len)
                return section->name;
        return str_from(arena_printf(arena, "%06llx",
                                     (unsigned long long)(fingerprint & 0xffffff)));
}

static void fill_write(struct remote_write_config *config, struct write_section *section,
                       struct labels external_labels, uint64_t fingerprint)
{
        struct arena *arena = &config->arena;
        const struct remote_write_config *values = &section->values;

        config->fingerprint = fingerprint;
        config->name = name_of(arena, section, fingerprint);
        config->url = section->url;
        config->version_2 = str_is(section->message, "io.prometheus.write.v2.Request");
        config->timeout_ms = values->timeout_ms;
        config->http = join_headers(arena, &section->headers, &section->http);
        config->relabel = section->relabel;
        config->external_labels = labels_copy(arena, external_labels);
        config->send_exemplars = values->send_exemplars;
        config->send_native_histograms = values->send_native_histograms;
        config->send_metadata = values->send_metadata;
        config->metadata_interval_ms = values->metadata_interval_ms;
        config->metadata_max_per_send = values->metadata_max_per_send;
        config->shards_min = values->shards_min;
        config->shards_max = values->shards_max;
        config->samples_max = values->samples_max;
        config->deadline_ms = values->deadline_ms;
        config->backoff_min_ms = values->backoff_min_ms;
        config->backoff_max_ms = values->backoff_max_ms;
        config->sample_age_limit_ms = values->sample_age_limit_ms;
        config->retry_on_429 = values->retry_on_429;
}

static uint64_t add_labels(uint64_t seed, struct labels labels)
{
        return hash_u64(seed ^ labels_hash(labels));
}

bool decode_remote_write(struct decoder *d, const struct yaml_node *node,
                         struct labels external_labels, uint64_t seed,
                         struct remote_write_config **ret_config)
{
        struct remote_write_config *config = remote_write_config_new();
        struct arena *outer = d->arena;
        struct write_section section = {
                .http = {.follow_redirects = true},
                .values = {.timeout_ms = TIMEOUT_MS,
                           .shards_min = SHARDS_MIN,
                           .shards_max = SHARDS_MAX,
                           .samples_max = SAMPLES_MAX,
                           .deadline_ms = DEADLINE_MS,
                           .backoff_min_ms = BACKOFF_MIN_MS,
                           .backoff_max_ms = BACKOFF_MAX_MS,
                           .metadata_interval_ms = METADATA_INTERVAL_MS,
                           .metadata_max_per_send = METADATA_MAX,
                           .send_metadata = true,
                           .retry_on_429 = true},
        };
        bool ok;

        d->arena = &config->arena;
        ok = node->kind == YAML_MAPPING
                     ? decode_mapping(d, node, "remote_write", write_fields,
                                      ARRAY_LEN(write_fields), &section) &&
                               check_write(d, node, &section)
                     : decode_fail(d, node, "empty or null remote write config section");
        d->arena = outer;
        if (!ok) {
                remote_write_config_unref(config);
                return false;
        }
        fill_write(config, &section, external_labels,
                   add_labels(decode_fingerprint(node, seed), external_labels));
        *ret_config = config;
        return true;
}

/* ---- remote_read ------------------------------------------------------- */

struct read_section {
        struct str url, name;
        int64_t timeout_ms;
        struct header_list headers;
        struct labels required;
        bool read_recent, filter_external_labels;
        struct http_client_options http;
};

#define READ(member) offsetof(struct read_section, member)

enum { READ_TIMEOUT_MS = 60000 };

static const struct field read_fields[] = {
        {"url", decode_string, READ(url), NULL},
        {"name", decode_string, READ(name), NULL},
        {"remote_timeout", decode_duration, READ(timeout_ms), NULL},
        {"headers", decode_string_map, READ(headers), NULL},
        {"chunked_read_limit", decode_ignored, 0, NULL}, /* answers are bounded anyway */
        {"required_matchers", decode_labels, READ(required), NULL},
        {"read_recent", decode_bool, READ(read_recent), NULL},
        {"filter_external_labels", decode_bool, READ(filter_external_labels), NULL},
        HTTP_CLIENT_FIELDS(READ(http)),
};

static bool check_read(struct decoder *d, const struct yaml_node *node,
                       const struct read_section *section)
{
        if (!section->url.len)
                return decode_fail(d, node, "url for remote_read is empty");
        if (!str_starts_with(section->url, STR_LIT("http://")) &&
            !str_starts_with(section->url, STR_LIT("https://")))
                return decode_fail(d, node, "url for remote_read must be http or https: " STR_FMT,
                                   STR_ARG(section->url));
        return decode_check_http(d, node, &section->http);
}

bool decode_remote_read(struct decoder *d, const struct yaml_node *node,
                        struct labels external_labels, struct remote_read_config **ret_config)
{
        struct remote_read_config *config = remote_read_config_new();
        struct arena *outer = d->arena;
        struct read_section section = {.http = {.follow_redirects = true},
                                       .timeout_ms = READ_TIMEOUT_MS,
                                       .filter_external_labels = true};
        bool ok;

        d->arena = &config->arena;
        ok = node->kind == YAML_MAPPING
                     ? decode_mapping(d, node, "remote_read", read_fields, ARRAY_LEN(read_fields),
                                      &section) &&
                               check_read(d, node, &section)
                     : decode_fail(d, node, "empty or null remote read config section");
        d->arena = outer;
        if (!ok) {
                remote_read_config_unref(config);
                return false;
        }
        config->name = section.name;
        config->url = section.url;
        config->timeout_ms = section.timeout_ms;
        config->http = join_headers(&config->arena, &section.headers, &section.http);
        config->required = section.required;
        if (section.filter_external_labels)
                config->external_labels = labels_copy(&config->arena, external_labels);
        config->read_recent = section.read_recent;
        *ret_config = config;
        return true;
}

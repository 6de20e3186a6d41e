#include "config/scrape_section_int.h"

#include <stddef.h>

#include "base/hash.h"
#include "config/discovery_section_int.h"

/* Prometheus's defaults (docs: Configuration, global). */
enum { DEFAULT_INTERVAL_MS = 60000, DEFAULT_TIMEOUT_MS = 10000 };

#define SETTING(member) offsetof(struct scrape_settings, member)
#define GLOBAL(member) offsetof(struct global_section, member)

/* ---- settings that global and scrape_config share ------------------------------------------ */

static bool decode_protocol(struct decoder *d, const struct yaml_node *node, void *slot)
{
        static const char *const known[] = {"PrometheusProto", "OpenMetricsText0.0.1",
                                            "OpenMetricsText1.0.0", "PrometheusText0.0.4",
                                            "PrometheusText1.0.0"};
        enum scrape_protocol *protocol = slot;
        const char *closest;
        struct str name;

        if (!decode_string(d, node, &name))
                return false;
        *protocol = scrape_protocol_find(name);
        if (*protocol != SCRAPE_PROTOCOL_NONE)
                return true;
        closest = str_closest(node->text, known, ARRAY_LEN(known));
        return decode_fail(d, node, "unknown scrape protocol " STR_FMT "%s%s, supported: "
                           "[OpenMetricsText0.0.1 OpenMetricsText1.0.0 PrometheusProto "
                           "PrometheusText0.0.4 PrometheusText1.0.0]", STR_ARG(node->text),
                           closest ? ", did you mean " : "", closest ? closest : "");
}

static bool decode_protocols(struct decoder *d, const struct yaml_node *node, void *slot)
{
        struct scrape_protocols *protocols = slot;
        const enum scrape_protocol *items;
        void *decoded;
        size_t count;

        if (!decode_list(d, node, "scrape_protocols", sizeof(*items), decode_protocol, &decoded,
                         &count))
                return false;
        if (!count && node->kind == YAML_SEQUENCE)
                return decode_fail(d, node, "scrape_protocols cannot be empty");
        items = decoded;
        for (size_t i = 0; i < count; i++)
                for (size_t j = 0; j < i; j++)
                        if (items[i] == items[j])
                                return decode_fail(d, node, "duplicated protocol in "
                                                   "scrape_protocols");
        protocols->count = count;
        if (count)
                memcpy(protocols->items, items, count * sizeof(*items));
        return true;
}

static bool decode_choice(struct decoder *d, const struct yaml_node *node, void *slot,
                          const char *const *choices, size_t count)
{
        if (!decode_string(d, node, slot))
                return false;
        for (size_t i = 0; i < count; i++)
                if (str_is(*(struct str *)slot, choices[i]))
                        return true;
        return decode_fail(d, node, "\"" STR_FMT "\": unknown value \"" STR_FMT "\"",
                           STR_ARG(node->key->text), STR_ARG(node->text));
}

static bool decode_validation(struct decoder *d, const struct yaml_node *node, void *slot)
{
        static const char *const schemes[] = {"", "utf8", "legacy"};

        return decode_choice(d, node, slot, schemes, ARRAY_LEN(schemes));
}

static bool decode_escaping(struct decoder *d, const struct yaml_node *node, void *slot)
{
        static const char *const schemes[] = {"", "allow-utf-8", "underscores", "dots", "values"};

        return decode_choice(d, node, slot, schemes, ARRAY_LEN(schemes));
}

#define SHARED_FIELDS(base)                                                                        \
        {"scrape_interval", decode_duration, (base) + SETTING(interval_ms), NULL},                 \
        {"scrape_timeout", decode_duration, (base) + SETTING(timeout_ms), NULL},                   \
        {"scrape_protocols", decode_protocols, (base) + SETTING(protocols), NULL},                 \
        {"body_size_limit", decode_size, (base) + SETTING(body_size_limit), NULL},                 \
        {"sample_limit", decode_uint, (base) + SETTING(sample_limit), NULL},                       \
        {"target_limit", decode_uint, (base) + SETTING(target_limit), NULL},                       \
        {"series_limit", decode_uint, (base) + SETTING(series_limit), NULL},                       \
        {"target_series_limit", decode_uint, (base) + SETTING(target_series_limit), NULL},         \
        {"label_limit", decode_uint, (base) + SETTING(label_limit), NULL},                         \
        {"label_name_length_limit", decode_uint, (base) + SETTING(label_name_length_limit), NULL}, \
        {"label_value_length_limit", decode_uint, (base) + SETTING(label_value_length_limit),      \
         NULL},                                                                                    \
        {"keep_dropped_targets", decode_uint, (base) + SETTING(keep_dropped_targets), NULL},       \
        {"metric_name_validation_scheme", decode_validation, (base) + SETTING(validation_scheme),  \
         NULL},                                                                                    \
        {"metric_name_escaping_scheme", decode_escaping, (base) + SETTING(escaping_scheme), NULL}, \
        {"extra_scrape_metrics", decode_bool, (base) + SETTING(extra_scrape_metrics), NULL},       \
        {"scrape_native_histograms", decode_bool, (base) + SETTING(native_histograms), NULL},      \
        {"convert_classic_histograms_to_nhcb", decode_bool, (base) + SETTING(convert_classic),     \
         NULL},                                                                                    \
        {"always_scrape_classic_histograms", decode_bool, (base) + SETTING(always_classic), NULL}, \
        {"scrape_failure_log_file", NULL, 0, "scrape failure logs"}

bool decode_global(struct decoder *d, const struct yaml_node *node, struct global_section *global)
{
        static const struct field fields[] = {
                SHARED_FIELDS(GLOBAL(scrape)),
                {"evaluation_interval", decode_duration, GLOBAL(evaluation_interval_ms), NULL},
                {"rule_query_offset", decode_duration, GLOBAL(rule_query_offset_ms), NULL},
                {"external_labels", decode_labels, GLOBAL(external_labels), NULL},
                {"query_log_file", NULL, 0, "query logs"},
        };
        struct scrape_settings *scrape = &global->scrape;

        *global = (struct global_section){0};
        if (node && !decode_mapping(d, node, "global", fields, ARRAY_LEN(fields), global))
                return false;
        if (!scrape->interval_ms)
                scrape->interval_ms = DEFAULT_INTERVAL_MS;
        if (scrape->timeout_ms > scrape->interval_ms)
                return decode_fail(d, node, "global scrape timeout greater than scrape interval");
        if (!scrape->timeout_ms)
                scrape->timeout_ms = scrape->interval_ms < DEFAULT_TIMEOUT_MS
                                             ? scrape->interval_ms : DEFAULT_TIMEOUT_MS;
        if (!global->evaluation_interval_ms)
                global->evaluation_interval_ms = DEFAULT_INTERVAL_MS;
        global->fingerprint = decode_fingerprint(node, 1);
        return true;
}

/* ---- one scrape_config -------------------------------------------------------------------- */

struct list {
        void *items;
        size_t count;
};

struct scrape_section {
        struct scrape_settings settings;
        struct str job_name, metrics_path, scheme;
        enum scrape_protocol fallback_protocol;
        bool honor_labels, honor_timestamps, track_timestamps_staleness, enable_compression;
        struct list params, static_groups;
        struct discovery_list discoveries;
        struct relabel_rules relabel, metric_relabel;
        struct http_client_options http;
        uint64_t native_bucket_limit;
        double native_bucket_factor;
};

static bool decode_target(struct decoder *d, const struct yaml_node *node, void *slot)
{
        struct label *address = arena_new(d->arena, struct label);

        if (node->kind != YAML_SCALAR)
                return decode_fail(d, node, "a target must be a string such as host:9100");
        *address = (struct label){STR_LIT("__address__"), arena_str(d->arena, node->text)};
        *(struct labels *)slot = (struct labels){address, 1};
        return true;
}

static bool decode_targets(struct decoder *d, const struct yaml_node *node, void *slot)
{
        struct target_group *group = slot;
        void *items;

        if (!decode_list(d, node, "targets", sizeof(struct labels), decode_target, &items,
                         &group->target_count))
                return false;
        group->targets = items;
        return true;
}

static bool decode_static_group(struct decoder *d, const struct yaml_node *node, void *slot)
{
        static const struct field fields[] = {
                {"targets", decode_targets, 0, NULL},
                {"labels", decode_labels, offsetof(struct target_group, labels), NULL},
        };

        if (node->kind != YAML_MAPPING)
                return decode_fail(d, node, "empty or null section in static_configs");
        return decode_mapping(d, node, "static_config", fields, ARRAY_LEN(fields), slot);
}

static bool decode_static_groups(struct decoder *d, const struct yaml_node *node, void *slot)
{
        struct list *list = slot;

        return decode_list(d, node, "static_configs", sizeof(struct target_group),
                           decode_static_group, &list->items, &list->count);
}

static bool decode_params(struct decoder *d, const struct yaml_node *node, void *slot)
{
        struct list *list = slot;
        struct label *params;
        size_t total = 0;

        if (node->kind == YAML_NULL)
                return true;
        if (node->kind != YAML_MAPPING)
                return decode_fail(d, node, "params must be a mapping of lists");
        for (const struct yaml_node *pair = node->first; pair; pair = pair->next)
                for (const struct yaml_node *item = pair->first; item; item = item->next)
                        total++;
        params = arena_array(d->arena, struct label, total);
        list->items = params;
        for (const struct yaml_node *pair = node->first; pair; pair = pair->next) {
                if (pair->kind != YAML_SEQUENCE && pair->kind != YAML_NULL)
                        return decode_fail(d, pair, "params: \"" STR_FMT "\" must be a list",
                                           STR_ARG(pair->key->text));
                for (const struct yaml_node *item = pair->first; item; item = item->next) {
                        struct label *param = &params[list->count++];

                        param->name = arena_str(d->arena, pair->key->text);
                        if (!decode_string(d, item, &param->value))
                                return false;
                }
        }
        return true;
}

static bool decode_scheme(struct decoder *d, const struct yaml_node *node, void *slot)
{
        static const char *const schemes[] = {"http", "https"};

        return decode_choice(d, node, slot, schemes, ARRAY_LEN(schemes));
}

#define SECTION(member) offsetof(struct scrape_section, member)

static const struct field scrape_fields[] = {
        SHARED_FIELDS(SECTION(settings)),
        {"job_name", decode_string, SECTION(job_name), NULL},
        {"honor_labels", decode_bool, SECTION(honor_labels), NULL},
        {"honor_timestamps", decode_bool, SECTION(honor_timestamps), NULL},
        {"track_timestamps_staleness", decode_bool, SECTION(track_timestamps_staleness), NULL},
        {"params", decode_params, SECTION(params), NULL},
        {"fallback_scrape_protocol", decode_protocol, SECTION(fallback_protocol), NULL},
        {"metrics_path", decode_string, SECTION(metrics_path), NULL},
        {"scheme", decode_scheme, SECTION(scheme), NULL},
        {"enable_compression", decode_bool, SECTION(enable_compression), NULL},
        {"native_histogram_bucket_limit", decode_uint, SECTION(native_bucket_limit), NULL},
        {"native_histogram_min_bucket_factor", decode_float, SECTION(native_bucket_factor), NULL},
        {"relabel_configs", decode_relabel_rules, SECTION(relabel), NULL},
        {"metric_relabel_configs", decode_relabel_rules, SECTION(metric_relabel), NULL},
        {"static_configs", decode_static_groups, SECTION(static_groups), NULL},
        HTTP_CLIENT_FIELDS(SECTION(http)),
        DISCOVERY_FIELDS(SECTION(discoveries)),
};

static struct str first_set(struct str own, struct str global)
{
        return own.len ? own : global;
}

static bool check_section(struct decoder *d, const struct yaml_node *node,
                          const struct global_section *global, struct scrape_section *section)
{
        struct scrape_settings *settings = &section->settings;
        const struct target_group *groups = section->static_groups.items;

        if (!section->job_name.len)
                return decode_fail(d, node, "job_name is empty");
        if (!settings->interval_ms)
                settings->interval_ms = global->scrape.interval_ms;
        if (settings->timeout_ms > settings->interval_ms)
                return decode_fail(d, node, "scrape timeout greater than scrape interval for "
                                   "scrape config with job name \"" STR_FMT "\"",
                                   STR_ARG(section->job_name));
        if (!settings->timeout_ms)
                settings->timeout_ms = global->scrape.timeout_ms < settings->interval_ms
                                               ? global->scrape.timeout_ms : settings->interval_ms;
        if (str_is(first_set(settings->escaping_scheme, global->scrape.escaping_scheme),
                   "allow-utf-8") &&
            str_is(first_set(settings->validation_scheme, global->scrape.validation_scheme),
                   "legacy"))
                return decode_fail(d, node, "utf8 metric names requested but validation scheme is "
                                   "not set to UTF8");
        for (size_t g = 0; g < section->static_groups.count && !section->relabel.count; g++) {
                for (size_t t = 0; t < groups[g].target_count; t++) {
                        struct str address = groups[g].targets[t].items[0].value;

                        if (str_find_byte(address, '/') < address.len)
                                return decode_fail(d, node, "\"" STR_FMT "\" is not a valid "
                                                   "hostname", STR_ARG(address));
                }
        }
        return decode_check_http(d, node, &section->http);
}

static uint64_t inherit(uint64_t own, uint64_t global)
{
        return own ? own : global;
}

static void inherit_limits(struct scrape_config *config, const struct scrape_settings *own,
                           const struct scrape_settings *global)
{
        config->body_size_limit = inherit(own->body_size_limit, global->body_size_limit);
        config->sample_limit = inherit(own->sample_limit, global->sample_limit);
        config->target_limit = inherit(own->target_limit, global->target_limit);
        config->target_series_limit =
                inherit(own->target_series_limit, global->target_series_limit);
        config->series_limit = inherit(own->series_limit, global->series_limit);
        config->keep_dropped_targets =
                inherit(own->keep_dropped_targets, global->keep_dropped_targets);
        config->label_limit = inherit(own->label_limit, global->label_limit);
        config->label_name_length_limit =
                inherit(own->label_name_length_limit, global->label_name_length_limit);
        config->label_value_length_limit =
                inherit(own->label_value_length_limit, global->label_value_length_limit);
}

/* Strings that come from global live in the config's arena, not in the scrape config's. */
static struct str inherit_string(struct arena *arena, struct str own, struct str global,
                                 const char *fallback)
{
        if (own.len)
                return own;
        return global.len ? arena_str(arena, global) : str_from(fallback);
}

static bool choice(const struct yaml_node *node, const char *name, bool own, bool global)
{
        return yaml_find(node, name) ? own : global;
}

static void inherit_choices(struct scrape_config *config, const struct scrape_settings *own,
                            const struct scrape_settings *global, const struct yaml_node *node)
{
        config->extra_scrape_metrics = choice(node, "extra_scrape_metrics",
                                              own->extra_scrape_metrics,
                                              global->extra_scrape_metrics);
        config->native_histograms = choice(node, "scrape_native_histograms",
                                           own->native_histograms, global->native_histograms);
        config->convert_classic = choice(node, "convert_classic_histograms_to_nhcb",
                                         own->convert_classic, global->convert_classic);
        config->always_classic = choice(node, "always_scrape_classic_histograms",
                                        own->always_classic, global->always_classic);
        config->protocols = own->protocols.count      ? own->protocols
                            : global->protocols.count ? global->protocols
                            : scrape_protocols_default(config->native_histograms);
}

static void fill_config(struct scrape_config *config, const struct scrape_section *section,
                        const struct global_section *global, const struct yaml_node *node,
                        uint64_t fingerprint)
{
        const struct scrape_settings *own = &section->settings;
        struct http_client_options *http;

        inherit_limits(config, own, &global->scrape);
        config->fingerprint = decode_fingerprint(node, fingerprint);
        config->job_name = section->job_name;
        config->interval_ms = own->interval_ms;
        config->timeout_ms = own->timeout_ms;
        config->metrics_path = section->metrics_path;
        config->scheme = section->scheme;
        config->params = section->params.items;
        config->param_count = section->params.count;
        config->honor_labels = section->honor_labels;
        config->honor_timestamps = section->honor_timestamps;
        config->track_timestamps_staleness = section->track_timestamps_staleness;
        config->enable_compression = section->enable_compression;
        config->legacy_names = str_is(inherit_string(&config->arena, own->validation_scheme,
                                                     global->scrape.validation_scheme, "utf8"),
                                      "legacy");
        config->escaping = inherit_string(&config->arena, own->escaping_scheme,
                                          global->scrape.escaping_scheme,
                                          config->legacy_names ? "underscores" : "allow-utf-8");
        inherit_choices(config, own, &global->scrape, node);
        config->fallback_protocol = section->fallback_protocol;
        config->native_bucket_limit = section->native_bucket_limit;
        config->native_bucket_factor_min = section->native_bucket_factor;
        http = arena_new(&config->arena, struct http_client_options);
        *http = section->http;
        config->http = http;
        config->relabel = section->relabel;
        config->metric_relabel = section->metric_relabel;
        config->static_groups = section->static_groups.items;
        config->static_group_count = section->static_groups.count;
        config->discoveries = section->discoveries.items;
        config->discovery_count = section->discoveries.count;
}

bool decode_scrape_config(struct decoder *d, const struct yaml_node *node,
                          const struct global_section *global, struct scrape_config **ret_config)
{
        struct scrape_config *config = scrape_config_new();
        struct arena *outer = d->arena;
        struct scrape_section section = {
                .metrics_path = STR_LIT("/metrics"),
                .scheme = STR_LIT("http"),
                .honor_timestamps = true,
                .enable_compression = true,
                .http = {.follow_redirects = true, .enable_http2 = true},
        };
        bool ok;

        d->arena = &config->arena;
        ok = node->kind == YAML_MAPPING
                     ? decode_mapping(d, node, "scrape_config", scrape_fields,
                                      ARRAY_LEN(scrape_fields), &section) &&
                               check_section(d, node, global, &section)
                     : decode_fail(d, node, "empty or null scrape config section");
        d->arena = outer;
        if (!ok) {
                scrape_config_unref(config);
                return false;
        }
        /* Relative paths start at the directory. */
        fill_config(config, &section, global, node,
                    hash_bytes_seeded(d->directory.data, d->directory.len,
                                      global->fingerprint));
        *ret_config = config;
        return true;
}

#include "config/config.h"

#include <glob.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/hash.h"
#include "codec/quote.h"
#include "collectors/scrape.h"
#include "config/otlp_section_int.h"
#include "config/remote_section_int.h"
#include "config/scrape_section_int.h"
#include "http/server.h"
#include "promql/promql.h"
#include "tsdb/tsdb.h"

ALLOC_TYPE(config_type, "config")

enum { FILE_MAX_BYTES = 64 << 20, ARENA_MAX_BYTES = 512 << 20 };
/* Without a file, the host is shown moving: often enough to be live, 1/500 of a core. */
enum { HOST_INTERVAL_MS = 5000 };

struct document {
        struct config *config;
        struct global_section global;
        const struct yaml_node *scrape_configs, *remote_writes, *remote_reads;
        struct str_list scrape_config_files; /* patterns, glob(7) */
        struct scrape_file *scrape_files;
};

struct config *config_free(struct config *config)
{
        if (!config)
                return NULL;
        for (size_t i = 0; i < config->scrape_count; i++)
                scrape_config_unref(config->scrapes[i]);
        for (size_t i = 0; i < config->remote_write_count; i++)
                remote_write_config_unref(config->remote_writes[i]);
        for (size_t i = 0; i < config->remote_read_count; i++)
                remote_read_config_unref(config->remote_reads[i]);
        arena_release(&config->arena);
        return alloc_free(&config_type, config);
}

/* ---- storage ------------------------------------------------------------------------------ */

struct tsdb_section {
        int64_t out_of_order_window_ms, retention_ms;
        uint64_t retention_bytes, series_limit;
        double retention_percentage;
};

#define TSDB(member) offsetof(struct tsdb_section, member)

static bool decode_percentage(struct decoder *d, const struct yaml_node *node, void *slot)
{
        double *percentage = slot;

        return decode_float(d, node, slot) &&
               ((*percentage >= 0 && *percentage <= 100) ||
                decode_fail(d, node, "\"percentage\" must be from 0 to 100"));
}

/* retention: 90d, or retention: {time: 90d, size: 100GB}. */
static bool decode_retention(struct decoder *d, const struct yaml_node *node, void *slot)
{
        static const struct field fields[] = {
                {"time", decode_duration, TSDB(retention_ms), NULL},
                {"size", decode_size, TSDB(retention_bytes), NULL},
                {"percentage", decode_percentage, TSDB(retention_percentage), NULL},
        };
        struct tsdb_section *tsdb = slot;

        if (node->kind == YAML_SCALAR)
                return decode_duration(d, node, &tsdb->retention_ms);
        return decode_mapping(d, node, "retention", fields, ARRAY_LEN(fields), slot);
}

static bool decode_tsdb(struct decoder *d, const struct yaml_node *node, void *slot)
{
        static const struct field fields[] = {
                {"out_of_order_time_window", decode_duration, TSDB(out_of_order_window_ms), NULL},
                {"retention", decode_retention, 0, NULL},
                {"retention-time", decode_duration, TSDB(retention_ms), NULL},
                {"retention-size", decode_size, TSDB(retention_bytes), NULL},
                {"series_limit", decode_uint, TSDB(series_limit), NULL},
                {"stale_series_compaction_threshold", decode_ignored, 0, NULL},
                {"chunk_encoding", decode_ignored, 0, NULL},
        };
        struct config *config = slot;
        struct tsdb_section tsdb = {.out_of_order_window_ms = -1};

        if (!decode_mapping(d, node, "tsdb", fields, ARRAY_LEN(fields), &tsdb))
                return false;
        config->out_of_order_window_ms = tsdb.out_of_order_window_ms;
        config->retention_ms = tsdb.retention_ms;
        config->retention_bytes = tsdb.retention_bytes;
        config->retention_percentage = tsdb.retention_percentage;
        config->series_limit = tsdb.series_limit;
        return true;
}

static bool decode_exemplars(struct decoder *d, const struct yaml_node *node, void *slot)
{
        struct config *config = slot;
        uint64_t max = UINT64_MAX;
        const struct field fields[] = {{"max_exemplars", decode_uint, 0, NULL}};

        if (!decode_mapping(d, node, "exemplars", fields, ARRAY_LEN(fields), &max))
                return false;
        if (max <= INT64_MAX)
                config->exemplar_limit = (int64_t)max;
        return true;
}

static bool decode_storage(struct decoder *d, const struct yaml_node *node, void *slot)
{
        static const struct field fields[] = {
                {"tsdb", decode_tsdb, 0, NULL},
                {"exemplars", decode_exemplars, 0, NULL},
        };
        struct document *document = slot;

        return decode_mapping(d, node, "storage", fields, ARRAY_LEN(fields), document->config);
}

/* ---- retention by selector ---------------------------------------------------------------- */

struct retention_section {
        struct str_list match;
        int64_t keep_ms;
};

static bool decode_match(struct decoder *d, const struct yaml_node *node, void *slot)
{
        struct str_list *list = slot;
        struct str *only;

        if (node->kind == YAML_SEQUENCE)
                return decode_strings(d, node, slot);
        only = arena_new(d->arena, struct str);
        *list = (struct str_list){only, 1};
        return decode_string(d, node, only);
}

static bool decode_retention_rule(struct decoder *d, const struct yaml_node *node, void *slot)
{
        static const struct field fields[] = {
                {"match", decode_match, offsetof(struct retention_section, match), NULL},
                {"keep", decode_duration, offsetof(struct retention_section, keep_ms), NULL},
        };
        struct retention_section section = {.keep_ms = -1};
        struct tsdb_retention_rule *rule = slot;
        struct series_selector *selectors;

        if (!decode_mapping(d, node, "retention rule", fields, ARRAY_LEN(fields), &section))
                return false;
        if (!section.match.count || section.keep_ms < 0)
                return decode_fail(d, node, "a retention rule needs match and keep");
        selectors = arena_array(d->arena, struct series_selector, section.match.count);
        for (size_t i = 0; i < section.match.count; i++) {
                struct promql_selector parsed;
                struct error err;

                if (!promql_selector_parse(d->arena, section.match.items[i], &parsed, &err))
                        return decode_fail(d, node, "%s", err.text);
                selectors[i] = (struct series_selector){parsed.matchers, parsed.count};
        }
        *rule = (struct tsdb_retention_rule){selectors, section.match.count, section.keep_ms};
        return true;
}

static bool decode_retention_rules(struct decoder *d, const struct yaml_node *node, void *slot)
{
        struct document *document = slot;
        void *items;

        if (!decode_list(d, node, "retention", sizeof(struct tsdb_retention_rule),
                         decode_retention_rule, &items, &document->config->retention_rule_count))
                return false;
        document->config->retention_rules = items;
        return true;
}

/* ---- collectors and server ---------------------------------------------------------------- */

static bool decode_host(struct decoder *d, const struct yaml_node *node, void *slot)
{
        static const struct field fields[] = {
                {"scrape_interval", decode_duration, offsetof(struct config, host_interval_ms),
                 NULL},
        };
        struct config *config = slot;

        config->watch_host = true;
        if (node->kind == YAML_SCALAR)
                return decode_bool(d, node, &config->watch_host);
        return decode_mapping(d, node, "host", fields, ARRAY_LEN(fields), slot);
}

static bool decode_collectors(struct decoder *d, const struct yaml_node *node, void *slot)
{
        static const struct field fields[] = {
                {"host", decode_host, 0, NULL},
        };
        struct document *document = slot;

        return decode_mapping(d, node, "collectors", fields, ARRAY_LEN(fields), document->config);
}

/* statsd: 127.0.0.1:8125, or statsd: {listen: 0.0.0.0:8125, allow_remote: true}. */
static bool decode_listener(struct decoder *d, const struct yaml_node *node, void *slot)
{
        static const struct field fields[] = {
                {"listen", decode_string, offsetof(struct config_listener, address), NULL},
                {"allow_remote", decode_bool, offsetof(struct config_listener, allow_remote),
                 NULL},
        };
        struct config_listener *listener = slot;
        struct error reason;
        struct str host;
        uint16_t port;

        if (node->kind == YAML_SCALAR ? !decode_string(d, node, &listener->address)
                                      : !decode_mapping(d, node, "listener", fields,
                                                        ARRAY_LEN(fields), slot))
                return false;
        if (!http_parse_address(listener->address, &host, &port, &reason))
                return decode_fail(d, node, "%s", reason.text);
        return true;
}

static bool decode_listeners(struct decoder *d, const struct yaml_node *node, void *slot)
{
        static const struct field fields[] = {
                {"statsd", decode_listener, offsetof(struct config, statsd), NULL},
                {"graphite", decode_listener, offsetof(struct config, graphite), NULL},
        };

        return decode_mapping(d, node, "listeners", fields, ARRAY_LEN(fields), slot);
}

static bool decode_server(struct decoder *d, const struct yaml_node *node, void *slot)
{
        static const struct field fields[] = {
                {"listen", decode_string, offsetof(struct config, listen), NULL},
                {"listeners", decode_listeners, 0, NULL},
        };
        struct document *document = slot;

        return decode_mapping(d, node, "server", fields, ARRAY_LEN(fields), document->config);
}

static bool decode_runtime(struct decoder *d, const struct yaml_node *node, void *slot)
{
        static const struct field fields[] = {{"gogc", decode_ignored, 0, NULL}};

        return decode_mapping(d, node, "runtime", fields, ARRAY_LEN(fields), slot);
}

static bool check_is_list(struct decoder *d, const struct yaml_node *node)
{
        return node->kind == YAML_SEQUENCE || node->kind == YAML_NULL ||
               decode_fail(d, node, "scrape_configs must be a list");
}

static bool remember_scrape_configs(struct decoder *d, const struct yaml_node *node, void *slot)
{
        struct document *document = slot;

        document->scrape_configs = node;
        return check_is_list(d, node);
}

static bool decode_rule_files(struct decoder *d, const struct yaml_node *node, void *slot)
{
        struct document *document = slot;
        void *items;

        if (!decode_list(d, node, "rule_files", sizeof(struct str), decode_path, &items,
                         &document->config->rule_file_count))
                return false;
        document->config->rule_files = items;
        if (document->config->rule_file_count)
                decode_not_yet(d, node->key, "rules");
        return true;
}

static bool remember_remote_writes(struct decoder *d, const struct yaml_node *node, void *slot)
{
        struct document *document = slot;

        if (node->kind != YAML_SEQUENCE && node->kind != YAML_NULL)
                return decode_fail(d, node, "remote_write must be a list");
        document->remote_writes = node;
        return true;
}

static bool remember_remote_reads(struct decoder *d, const struct yaml_node *node, void *slot)
{
        struct document *document = slot;

        if (node->kind != YAML_SEQUENCE && node->kind != YAML_NULL)
                return decode_fail(d, node, "remote_read must be a list");
        document->remote_reads = node;
        return true;
}

static bool decode_global_section(struct decoder *d, const struct yaml_node *node, void *slot)
{
        struct document *document = slot;

        return decode_global(d, node, &document->global);
}

static bool decode_otlp_section(struct decoder *d, const struct yaml_node *node, void *slot)
{
        struct document *document = slot;

        return decode_otlp(d, node, &document->config->otlp);
}

static const struct field document_fields[] = {
        {"global", decode_global_section, 0, NULL},
        {"runtime", decode_runtime, 0, NULL},
        {"scrape_configs", remember_scrape_configs, 0, NULL},
        {"storage", decode_storage, 0, NULL},
        {"collectors", decode_collectors, 0, NULL},
        {"server", decode_server, 0, NULL},
        {"scrape_config_files", decode_paths, offsetof(struct document, scrape_config_files), NULL},
        {"rule_files", decode_rule_files, 0, NULL},
        {"alerting", NULL, 0, "alerting"},
        {"alertmanager", NULL, 0, "alerting"},
        {"remote_write", remember_remote_writes, 0, NULL},
        {"remote_read", remember_remote_reads, 0, NULL},
        {"otlp", decode_otlp_section, 0, NULL},
        {"tracing", NULL, 0, "traces"},
        {"traces", NULL, 0, "traces"},
        {"logs", NULL, 0, "logs"},
        {"events", NULL, 0, "events"},
        {"dashboards", NULL, 0, "dashboards"},
        {"slos", NULL, 0, "service level objectives"},
        {"probes", NULL, 0, "probes"},
        {"detect", NULL, 0, "detection"},
        {"auth", NULL, 0, "access control"},
        {"retention", decode_retention_rules, 0, NULL},
};

/* ---- external labels ---------------------------------------------------------------------- */

/* ${VAR} and $VAR of the environment, as os.Expand does it; $$ is a dollar. */
static struct str expand_environment(struct arena *arena, struct str text)
{
        struct buf out CLEANUP(buf_release) = BUF_INIT(1 << 20);

        for (size_t at = 0; at < text.len;) {
                bool braced;
                size_t from, to;
                const char *value;

                if (text.data[at] != '$') {
                        buf_append_byte(&out, text.data[at++]);
                        continue;
                }
                if (at + 1 < text.len && text.data[at + 1] == '$') {
                        buf_append_byte(&out, '$');
                        at += 2;
                        continue;
                }
                braced = at + 1 < text.len && text.data[at + 1] == '{';
                from = to = at + 1 + braced;
                while (to < text.len && ((text.data[to] | 0x20) >= 'a' || text.data[to] == '_' ||
                                         (text.data[to] >= '0' && text.data[to] <= '9')) &&
                       text.data[to] != '}')
                        to++;
                value = getenv(arena_str(arena, str_slice(text, from, to)).data);
                if (value)
                        buf_append_cstr(&out, value);
                at = to + (braced && to < text.len);
        }
        return arena_str(arena, buf_str(&out));
}

static void expand_external_labels(struct config *config, struct labels labels)
{
        struct labels_builder builder;

        labels_builder_init(&builder, &config->arena, labels);
        for (size_t i = 0; i < labels.count; i++)
                labels_builder_set(&builder, labels.items[i].name,
                                   expand_environment(&config->arena, labels.items[i].value));
        config->external_labels = labels_builder_finish(&builder);
}

/* ---- scrape configs ----------------------------------------------------------------------- */

/* One of scrape_config_files. */
struct scrape_file {
        struct scrape_file *next;
        const char *path;
        const struct yaml_node *scrape_configs;
};

static struct str directory_of(struct arena *arena, const char *path)
{
        const char *slash = path ? strrchr(path, '/') : NULL;

        if (!slash)
                return STR_LIT("");
        if (slash == path)
                return STR_LIT("/");
        return arena_str(arena, str_make(path, (size_t)(slash - path)));
}

static bool remember_file_configs(struct decoder *d, const struct yaml_node *node, void *slot)
{
        struct scrape_file *file = slot;

        file->scrape_configs = node;
        return check_is_list(d, node);
}

static bool read_scrape_file(struct decoder *d, struct config *config, const char *path,
                             struct scrape_file **tail)
{
        static const struct field fields[] = {{"scrape_configs", remember_file_configs, 0, NULL}};
        static const struct yaml_node nothing = {.kind = YAML_NULL};
        struct buf text CLEANUP(buf_release) = BUF_INIT(FILE_MAX_BYTES);
        struct scrape_file *file = arena_new(d->arena, struct scrape_file);
        struct decoder of_file = *d;
        struct yaml_node *root;

        file->path = arena_str(d->arena, str_from(path)).data;
        file->scrape_configs = &nothing;
        of_file.file = file->path;
        if (!file_read_all(path, &text, d->err) ||
            !yaml_parse(d->arena, path, buf_str(&text), &root, d->err) ||
            !decode_mapping(&of_file, root, "the file of scrape configs", fields,
                            ARRAY_LEN(fields), file))
                return false;
        config->fingerprint = hash_bytes_seeded(text.data, text.len, config->fingerprint);
        *tail = file;
        return true;
}

static bool read_scrape_files(struct decoder *d, struct document *document)
{
        struct scrape_file **tail = &document->scrape_files;
        bool ok = true;

        for (size_t i = 0; i < document->scrape_config_files.count && ok; i++) {
                glob_t found = {0};

                if (glob(document->scrape_config_files.items[i].data, 0, NULL, &found) != 0)
                        found.gl_pathc = 0;
                for (size_t f = 0; f < found.gl_pathc && ok; f++) {
                        ok = read_scrape_file(d, document->config, found.gl_pathv[f], tail);
                        tail = ok ? &(*tail)->next : tail;
                }
                globfree(&found);
        }
        return ok;
}

static size_t count_items(const struct yaml_node *list)
{
        size_t count = 0;

        for (const struct yaml_node *item = list->first; item; item = item->next)
                count++;
        return count;
}

static bool decode_scrape_list(struct decoder *d, struct document *document,
                               const struct yaml_node *list)
{
        struct config *config = document->config;

        for (const struct yaml_node *item = list->first; item; item = item->next) {
                struct scrape_config *scrape;

                if (!decode_scrape_config(d, item, &document->global, &scrape))
                        return false;
                for (size_t i = 0; i < config->scrape_count; i++) {
                        if (!str_equal(config->scrapes[i]->job_name, scrape->job_name))
                                continue;
                        decode_fail(d, item, "found multiple scrape configs with job name \""
                                    STR_FMT "\"", STR_ARG(scrape->job_name));
                        scrape_config_unref(scrape);
                        return false;
                }
                config->scrapes[config->scrape_count++] = scrape;
        }
        return true;
}

/* Three places stay free: for what Pitwall scrapes of itself. */
static bool decode_scrape_configs(struct decoder *d, struct document *document)
{
        struct config *config = document->config;
        const char *main_file = d->file;
        struct str main_directory = d->directory;
        size_t count;
        bool ok;

        if (!read_scrape_files(d, document))
                return false;
        count = count_items(document->scrape_configs) + 3;
        for (const struct scrape_file *file = document->scrape_files; file; file = file->next)
                count += count_items(file->scrape_configs);
        config->scrapes = arena_array(&config->arena, struct scrape_config *, count);
        ok = decode_scrape_list(d, document, document->scrape_configs);
        for (const struct scrape_file *file = document->scrape_files; file && ok;
             file = file->next) {
                d->file = file->path;
                d->directory = directory_of(d->arena, file->path);
                ok = decode_scrape_list(d, document, file->scrape_configs);
        }
        d->file = main_file;
        d->directory = main_directory;
        return ok;
}

static bool decode_remote_writes(struct decoder *d, struct document *document)
{
        struct config *config = document->config;
        size_t count = 0;

        for (const struct yaml_node *item = document->remote_writes->first; item;
             item = item->next)
                count++;
        config->remote_writes = arena_array(&config->arena, struct remote_write_config *, count);
        for (const struct yaml_node *item = document->remote_writes->first; item;
             item = item->next) {
                struct remote_write_config *write;

                if (!decode_remote_write(d, item, config->external_labels, 0, &write))
                        return false;
                for (size_t i = 0; i < config->remote_write_count; i++) {
                        if (!str_equal(config->remote_writes[i]->name, write->name))
                                continue;
                        decode_fail(d, item, "found multiple remote write configs with job name "
                                    "\"" STR_FMT "\"", STR_ARG(write->name));
                        remote_write_config_unref(write);
                        return false;
                }
                config->remote_writes[config->remote_write_count++] = write;
        }
        return true;
}

static bool decode_remote_reads(struct decoder *d, struct document *document)
{
        struct config *config = document->config;
        size_t count = 0;

        for (const struct yaml_node *item = document->remote_reads->first; item;
             item = item->next)
                count++;
        config->remote_reads = arena_array(&config->arena, struct remote_read_config *, count);
        for (const struct yaml_node *item = document->remote_reads->first; item;
             item = item->next) {
                if (!decode_remote_read(d, item, config->external_labels,
                                        &config->remote_reads[config->remote_read_count]))
                        return false;
                config->remote_read_count++;
        }
        return true;
}

/* ---- what status/config shows ------------------------------------------------------------- */

/* All below such a key. */
static bool is_secret(const struct yaml_node *key)
{
        static const char *const names[] = {"password", "credentials", "bearer_token", "key",
                                            "client_secret", "secrets", "token",
                                            "proxy_connect_header"};

        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                if (str_is(key->text, names[i]))
                        return true;
        return false;
}

/* user:password@ in a URL. */
static void emit_scalar(struct buf *out, const struct yaml_node *node, bool secret)
{
        struct str text = node->text;
        struct str userinfo = text;
        size_t scheme = 0;

        if (secret && text.len) {
                buf_append_cstr(out, "<secret>");
                return;
        }
        while (scheme + 2 < text.len && memcmp(text.data + scheme, "://", 3) != 0)
                scheme++;
        if (scheme + 3 < text.len) {
                size_t at;

                userinfo = str_slice(text, scheme + 3, text.len);
                at = str_find_byte(userinfo, '@');
                if (at < userinfo.len && str_find_byte(str_slice(userinfo, 0, at), ':') < at &&
                    str_find_byte(str_slice(userinfo, 0, at), '/') == at) {
                        size_t colon = str_find_byte(userinfo, ':');

                        buf_append(out, text.data, scheme + 3 + colon + 1);
                        buf_append_cstr(out, "<secret>");
                        buf_append(out, userinfo.data + at, userinfo.len - at);
                        return;
                }
        }
        if (node->quoted || text.len == 0)
                quote_append(out, text);
        else
                buf_append_str(out, text);
}

static void emit_node(struct buf *out, const struct yaml_node *node,
                      const struct yaml_node *parent, int indent, bool secret)
{
        bool first = true;

        switch (node->kind) {
        case YAML_NULL:
                buf_append_cstr(out, " null\n");
                return;
        case YAML_SCALAR:
                buf_append_byte(out, ' ');
                emit_scalar(out, node, secret);
                buf_append_byte(out, '\n');
                return;
        case YAML_SEQUENCE:
        case YAML_MAPPING:
                break;
        }
        if (!node->first) {
                buf_append_cstr(out, node->kind == YAML_SEQUENCE ? " []\n" : " {}\n");
                return;
        }
        /* A mapping inside a list starts on the line of its dash. */
        if (parent && (parent->kind == YAML_MAPPING || node->kind == YAML_SEQUENCE))
                buf_append_byte(out, '\n');
        for (const struct yaml_node *child = node->first; child; child = child->next) {
                bool on_dash = first && parent && parent->kind == YAML_SEQUENCE &&
                               node->kind == YAML_MAPPING;

                buf_printf(out, "%*s", on_dash ? 1 : indent, "");
                first = false;
                if (node->kind == YAML_SEQUENCE) {
                        buf_append_byte(out, '-');
                        emit_node(out, child, node, indent + 2, secret);
                } else {
                        buf_append_str(out, child->key->text);
                        buf_append_byte(out, ':');
                        emit_node(out, child, node,
                                  child->kind == YAML_SEQUENCE ? indent : indent + 2,
                                  secret || is_secret(child->key));
                }
        }
}

static struct str redacted(struct arena *arena, const struct yaml_node *root)
{
        struct buf out CLEANUP(buf_release) = BUF_INIT(FILE_MAX_BYTES);

        if (root->kind == YAML_NULL)
                return STR_LIT("{}\n");
        emit_node(&out, root, NULL, 0, false);
        return arena_str(arena, buf_str(&out));
}

/* ---- loading ------------------------------------------------------------------------------ */

static bool decode_document(struct decoder *d, const struct yaml_node *root,
                            struct config *config)
{
        static const struct yaml_node nothing = {.kind = YAML_NULL};
        struct document document = {.config = config, .scrape_configs = &nothing,
                                    .remote_writes = &nothing, .remote_reads = &nothing};

        if (!decode_global(d, NULL, &document.global) ||
            !decode_mapping(d, root, "the configuration", document_fields,
                            ARRAY_LEN(document_fields), &document) ||
            !decode_scrape_configs(d, &document))
                return false;
        config->scrape_interval_ms = document.global.scrape.interval_ms;
        config->evaluation_interval_ms = document.global.evaluation_interval_ms;
        expand_external_labels(config, document.global.external_labels);
        if (!decode_remote_writes(d, &document) || !decode_remote_reads(d, &document))
                return false;
        if (!config->scrape_count && !(root->kind == YAML_MAPPING && yaml_find(root, "collectors")))
                config->watch_host = true;
        if (!config->host_interval_ms)
                config->host_interval_ms = root->kind == YAML_MAPPING && yaml_find(root, "global")
                                                   ? config->scrape_interval_ms
                                                   : HOST_INTERVAL_MS;
        config->unsupported = d->unsupported;
        config->warnings = d->warnings;
        config->warning_count = d->warning_count;
        return true;
}

bool config_read(struct config **ret_config, const char *path, struct error *err)
{
        struct config *config = alloc_new(&config_type, sizeof(*config));
        struct buf text CLEANUP(buf_release) = BUF_INIT(FILE_MAX_BYTES);
        struct yaml_node *root;
        struct decoder decoder;

        arena_init(&config->arena, ARENA_MAX_BYTES);
        config->out_of_order_window_ms = config->exemplar_limit = -1;
        otlp_options_init(&config->otlp);
        decoder = (struct decoder){.arena = &config->arena,
                                   .file = path ? path : "built-in configuration",
                                   .directory = directory_of(&config->arena, path),
                                   .err = err};
        if ((path && !file_read_all(path, &text, err)) ||
            !yaml_parse(&config->arena, decoder.file, buf_str(&text), &root, err) ||
            !decode_document(&decoder, root, config)) {
                config_free(config);
                return false;
        }
        config->fingerprint = hash_bytes_seeded(text.data, text.len, config->fingerprint);
        config->yaml = redacted(&config->arena, root);
        *ret_config = config;
        return true;
}

bool config_load(struct config **ret_config, const char *path, struct error *err)
{
        struct config *config;

        if (!config_read(&config, path, err))
                return false;
        if (config->unsupported) {
                error_set(err, ERROR_INVALID, "%s", config->unsupported);
                config_free(config);
                return false;
        }
        *ret_config = config;
        return true;
}

/* config/config.h - pitwall.yml, a superset of prometheus.yml, as typed structures.
 *
 * Strict: an unknown or ill-typed field is an error with file, line, column and, where one is
 * close, the name that was meant. A known section whose feature does not exist yet is refused by
 * name. Field names, defaults and checks are those of Prometheus 3.14 (docs: Configuration).
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/arena.h"
#include "formats/otlp_metrics.h"
#include "model/labels.h"

struct scrape_config;       /* collectors/scrape.h */
struct remote_read_config;  /* ship/remote_read.h */
struct remote_write_config; /* ship/remote_write.h */
struct tsdb_retention_rule; /* tsdb/tsdb.h */

struct config_listener {
        struct str address; /* host:port; empty: none */
        bool allow_remote;  /* beyond loopback */
};

struct config {
        struct arena arena;         /* holds everything but the scrape configs */
        uint64_t fingerprint;       /* of what the files say */
        struct str yaml;            /* the file's tree written anew, secrets as <secret> */
        int64_t scrape_interval_ms;
        int64_t evaluation_interval_ms;
        struct labels external_labels;
        struct scrape_config **scrapes; /* one reference each */
        size_t scrape_count;
        struct remote_write_config **remote_writes; /* one reference each */
        size_t remote_write_count;
        struct remote_read_config **remote_reads; /* one reference each */
        size_t remote_read_count;
        bool watch_host;            /* collectors.host, or no scrape_configs */
        int64_t host_interval_ms;
        int64_t retention_ms;       /* of the metrics store; 0: its default */
        uint64_t retention_bytes;   /* 0: no limit */
        double retention_percentage; /* of the file system; wins over the bytes; 0: no limit */
        const struct tsdb_retention_rule *retention_rules; /* where that differs */
        size_t retention_rule_count;
        uint64_t series_limit;      /* 0: the store's default */
        int64_t exemplar_limit;     /* -1: the store's default */
        int64_t out_of_order_window_ms; /* -1: the store's default */
        struct otlp_options otlp;
        struct config_listener statsd, graphite; /* server.listeners */
        struct str listen;          /* server.listen; empty: the command line's */
        const struct str *rule_files; /* patterns, glob(7) */
        size_t rule_file_count;
        const char **warnings;      /* accepted, but without effect here */
        size_t warning_count;
        const char *unsupported;    /* where a feature that is not here is asked for; or NULL */
};

/* Reads a file; path NULL gives the configuration of an empty one. ERROR_INVALID for what the
 * file says, ERROR_IO when it cannot be read. */
NODISCARD bool config_load(struct config **ret_config, const char *path, struct error *err);
/* The same for those who only check a file: sections of features that are not here are passed
 * over, and `unsupported` names the first. */
NODISCARD bool config_read(struct config **ret_config, const char *path, struct error *err);
struct config *config_free(struct config *config);

/* How to reach a server, from a file of its own: what promtool's --http.config.file names. All in
 * the arena. */
struct http_client_options; /* http/client.h */
NODISCARD bool config_load_http_client(struct http_client_options *ret_options,
                                       struct arena *arena, const char *path, struct error *err);

#endif

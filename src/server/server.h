/* server/server.h - the running program: wires stores, collectors, languages and API together,
 * starts, reloads and stops them. The only place that knows everyone. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "base/log.h"

/* What a flag of the command line is worth, to be shown. */
struct server_flag {
        const char *name, *value;
        bool ignored; /* something else was asked for than it is here */
};

/* Texts as they were given; NULL: not. Start from SERVER_OPTIONS_INIT. */
struct server_options {
        const char *config_path; /* none: watch this host and Pitwall itself */
        const char *data_dir;
        const char *listen;      /* HOST:PORT; none: as the config says, else 127.0.0.1:9090 */
        const char *web_config_path; /* Prometheus's web configuration */
        const char *cors_origin; /* regex of origins that browsers may read from */
        const char *features;    /* names of --enable-feature, with commas */
        const char *retention_time, *retention_size; /* zero: as the config says */
        const char *lookback_delta, *query_timeout, *read_timeout, *auto_reload_interval;
        const char *query_max_samples, *query_max_concurrency, *read_sample_limit;
        const char *max_connections, *max_listeners;
        const char *external_url; /* its path is the prefix of what pages link to */
        const char *route_prefix; /* of all paths; none: the path of external_url */
        const char *page_title;
        const struct server_flag *flags; /* all there are */
        size_t flag_count;
        bool admin_api;          /* deleting series and snapshots over HTTP */
        bool lifecycle;          /* stopping over HTTP */
        bool auto_reload;        /* when the configuration file changes */
        enum log_format log_format;
        enum log_level log_level;
};

/* Defaults of Prometheus, but for those that are safer here or follow the memory. */
#define SERVER_OPTIONS_INIT                                                                      \
        ((struct server_options){.data_dir = "data", .cors_origin = ".*",                        \
                                 .lookback_delta = "5m", .query_timeout = "2m",                  \
                                 .read_timeout = "1m", .auto_reload_interval = "30s",            \
                                 .query_max_samples = "50000000", .query_max_concurrency = "20", \
                                 .retention_time = "0s", .retention_size = "0B",                 \
                                 .read_sample_limit = "5e7", .max_connections = "2048",          \
                                 .max_listeners = "16", .page_title = "Pitwall",                 \
                                 .log_level = LOG_INFO})

/* Serves until SIGTERM or SIGINT; SIGHUP reloads. Returns the exit code: 0 after a clean end, 1
 * when it could not start (the reason is on standard error). Call once, from the main thread. */
int server_run(const struct server_options *options);

#endif

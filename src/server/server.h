/* server/server.h - the running program: wires stores, collectors, languages and API together,
 * starts, reloads and stops them. The only place that knows everyone. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "base/log.h"

struct server_options {
        const char *config_path; /* NULL: watch this host and Pitwall itself */
        const char *data_dir;
        const char *listen;      /* HOST:PORT; NULL: as the config says, else 127.0.0.1:9090 */
        const char *web_config_path; /* Prometheus's web configuration; NULL: none */
        const char *cors_origin; /* regex of origins that browsers may read from; NULL: all */
        const char *features;    /* names of --enable-feature, with commas; NULL: none */
        const char *retention_time, *retention_size; /* NULL: as the config says */
        const char *lookback_delta, *query_timeout;  /* durations; NULL: 5m, 2m */
        const char *query_max_samples, *query_max_concurrency; /* NULL: 50000000, 20 */
        bool admin_api;          /* deleting series and snapshots over HTTP */
        bool lifecycle;          /* stopping over HTTP */
        enum log_format log_format;
};

/* Serves until SIGTERM or SIGINT; SIGHUP reloads. Returns the exit code: 0 after a clean end, 1
 * when it could not start (the reason is on standard error). Call once, from the main thread. */
int server_run(const struct server_options *options);

#endif

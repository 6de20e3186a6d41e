/* server/settings_int.h - what the command line says, checked. */
#ifndef SERVER_SETTINGS_INT_H
#define SERVER_SETTINGS_INT_H

#include "promql/promql.h"
#include "server/server.h"

enum { SETTINGS_URL_MAX_BYTES = 2048 };

struct settings {
        struct promql_options query; /* limits follow the memory that the process may have */
        unsigned query_concurrency_max;
        int64_t retention_ms;        /* -1: as the config says */
        uint64_t retention_bytes;    /* UINT64_MAX: as the config says */
        int64_t auto_reload_ms;      /* how often the files are looked at; 0: not at all */
        int64_t read_timeout_ms;
        uint64_t read_sample_limit;  /* 0: none */
        unsigned connection_max, listener_max;
        char external_url[SETTINGS_URL_MAX_BYTES]; /* no slash at the end; empty: not given */
        char route_prefix[SETTINGS_URL_MAX_BYTES]; /* "/x", or empty */
};

/* ERROR_INVALID names the flag. */
NODISCARD bool settings_init(struct settings *settings, const struct server_options *options,
                             struct error *err);

#endif

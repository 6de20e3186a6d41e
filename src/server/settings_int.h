/* server/settings_int.h - what the command line says, checked. */
#ifndef SERVER_SETTINGS_INT_H
#define SERVER_SETTINGS_INT_H

#include "promql/promql.h"
#include "server/server.h"

struct settings {
        struct promql_options query; /* limits follow the memory that the process may have */
        unsigned query_concurrency_max;
        int64_t retention_ms;        /* -1: as the config says */
        uint64_t retention_bytes;    /* UINT64_MAX: as the config says */
};

/* ERROR_INVALID names the flag. */
NODISCARD bool settings_init(struct settings *settings, const struct server_options *options,
                             struct error *err);

#endif

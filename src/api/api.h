/* api/api.h - HTTP routes of Prometheus's API: parameters in, calls down, JSON out; no logic.
 *
 * One file per area. Shapes, error types, codes and texts are those of Prometheus 3.14
 * (docs/querying/api.md and web/api/v1).
 */
#ifndef API_API_H
#define API_API_H

#include "base/clock.h"
#include "base/error.h"
#include "base/str.h"
#include "model/series.h"

struct http_request;
struct http_response;
struct http_router;
struct otlp_options;
struct promql_options;
struct push;
struct push_groups;
struct regex;
struct scrape_manager;
struct tsdb;

struct api_flag {
        const char *name;
        const char *value;
};

/* What the handlers call; everything outlives the server. */
struct api {
        struct series_source source;
        struct series_source local; /* without what other servers have */
        struct tsdb *tsdb;
        struct scrape_manager *scrapes;
        struct push *push;
        struct push_groups *push_groups;
        const struct promql_options *query_options;
        const struct clock *clock;
        const struct api_flag *flags;
        size_t flag_count;
        int64_t started_ms;
        unsigned query_concurrency_max;
        unsigned listener_max;    /* of notifications, at once */
        uint64_t read_sample_limit; /* of an answer to remote read; 0: none */
        const char *address;      /* host:port that is listened on */
        const char *external_url; /* where others find this server */
        const char *cors_origin;  /* regex; ".*" is every origin */
        const char *data_dir;
        bool admin_enabled, lifecycle_enabled; /* else their routes are refused */
        /* The server's side; thread-safe. */
        bool (*reload)(void *ctx, struct error *err);
        void (*quit)(void *ctx);
        void (*groups_changed)(void *ctx); /* a group was pushed */
        bool (*ready)(void *ctx);
        struct str (*config_yaml)(void *ctx, struct arena *arena);
        struct labels (*external_labels)(void *ctx, struct arena *arena);
        void (*otlp_options)(void *ctx, struct arena *arena, struct otlp_options *ret_options);
        void (*reload_state)(void *ctx, bool *ret_success, int64_t *ret_time_ms);
        int64_t (*retention_ms)(void *ctx);
        int64_t (*series_refused_ms)(void *ctx); /* when a limit last refused one; 0: long ago */
        void (*render_metrics)(void *ctx, struct buf *out); /* Pitwall's own */
        void *ctx;
        struct api_gate *gate; /* the API's own; so are the next */
        struct api_gate *write_gate;
        struct api_notices *notices;
        _Atomic size_t write_bytes;
        struct regex *cors_regex;
};

/* Adds all routes. api must stay where it is. ERROR_INVALID when cors_origin is no regex. */
NODISCARD bool api_register(struct api *api, struct http_router *router, struct error *err);
/* About once a second: sends notifications to those who listen. */
void api_tick(struct api *api);
/* Ends answers that stay open; before the server is freed. */
void api_close(struct api *api);
void api_release(struct api *api);

/* Puts on the answer which origins may read it; for every request, before its route. */
void api_cors(const struct api *api, struct http_request *request,
              struct http_response *response);

#endif

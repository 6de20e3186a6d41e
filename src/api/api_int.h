/* api/api_int.h - what the areas of the API share: envelope, parameters, selectors. */
#ifndef API_API_INT_H
#define API_API_INT_H

#include "api/api.h"
#include "codec/json.h"
#include "http/server.h"
#include "promql/promql.h"

/* ---- envelope: {"status":"success","data":...,"warnings":[...],"infos":[...]} -------------- */

/* Begins a successful answer; the caller writes one JSON value with the writer, then ends. */
struct json_writer api_begin(struct http_response *response);
void api_end(struct http_response *response, const struct promql_notes *notes);

/* Replaces the answer by an error: {"status":"error","errorType":...,"error":...}. */
void api_fail(struct http_response *response, const struct error *err);
void api_bad_parameter(struct http_response *response, const char *name, const char *fmt, ...)
        PRINTF_LIKE(3, 4);

/* ---- parameters; false when an error has been answered -------------------------------------- */

NODISCARD bool api_time(struct http_request *request, struct http_response *response,
                        const char *name, int64_t fallback_ms, int64_t *ret_ms);
NODISCARD bool api_required_time(struct http_request *request, struct http_response *response,
                                 const char *name, int64_t *ret_ms);
/* With a fallback of 0 the parameter is required. */
NODISCARD bool api_duration(struct http_request *request, struct http_response *response,
                            const char *name, int64_t fallback_ms, int64_t *ret_ms);
NODISCARD bool api_limit(struct http_request *request, struct http_response *response,
                         uint64_t *ret_limit);

struct api_selectors {
        struct promql_selector *items;
        size_t count;
};

/* A parameter that is a whole number; false when it is something else, with no answer given. */
NODISCARD bool api_integer(struct http_request *request, const char *name, int64_t fallback,
                           int64_t *ret_value);

/* All match[] parameters; false with an error, with no answer given. */
NODISCARD bool api_selectors(struct http_request *request, struct api_selectors *ret_selectors,
                             struct error *err);

/* Sorted, unique label names, or values of `name` when it is not NULL, of the series that match
 * any of the selectors (none: of all). In the arena. */
NODISCARD bool api_collect_texts(struct querier *querier, struct arena *arena,
                                 const struct api_selectors *selectors, const struct str *name,
                                 struct str **ret_texts, size_t *ret_count, struct error *err);

/* The widest time range: what start and end mean when they are absent. */
#define API_MIN_TIME_MS INT64_MIN
#define API_MAX_TIME_MS INT64_MAX

/* ---- values ------------------------------------------------------------------------------- */

void api_write_labels(struct json_writer *writer, struct labels labels);
/* The same into `text` of at least API_TIMESTAMP_MAX bytes, without a NUL; returns the length. */
enum { API_TIMESTAMP_MAX = 32 };
size_t api_format_timestamp(char *text, int64_t t_ms);
void api_write_timestamp(struct buf *out, int64_t t_ms); /* seconds, at most 3 decimals */
void api_write_time(struct json_writer *writer, int64_t t_ms); /* RFC 3339; never: year 1 */

/* ---- the gate: so many queries at once, some more wait, the rest is told to come again ------- */

struct api_gate;

struct api_gate *api_gate_new(unsigned running_max, unsigned waiting_max);
struct api_gate *api_gate_free(struct api_gate *gate);
NODISCARD bool api_gate_enter(struct api_gate *gate, struct http_response *response);
void api_gate_leave(struct api_gate *gate);

/* ---- what is pushed ----------------------------------------------------------------------- */

bool api_is_word(struct str text, const char *word); /* in any case */
/* The request's body without its Content-Encoding: borrowed, or decompressed into room, whose
 * maximum holds for both. ERROR_UNSUPPORTED for another encoding. */
NODISCARD bool api_body(struct http_request *request, struct buf *room, struct str *ret_body,
                        struct error *err);
/* The status that tells a client whether to send it again. */
int api_push_status(const struct error *err);

/* ---- areas -------------------------------------------------------------------------------- */

void api_query_register(struct api *api, struct http_router *router);
void api_series_register(struct api *api, struct http_router *router);
void api_write_register(struct api *api, struct http_router *router);
void api_otlp_register(struct api *api, struct http_router *router);
void api_pushgateway_register(struct api *api, struct http_router *router);
void api_influx_register(struct api *api, struct http_router *router);
void api_read_register(struct api *api, struct http_router *router);
void api_targets_register(struct api *api, struct http_router *router);
void api_status_register(struct api *api, struct http_router *router);
void api_self_metrics_register(struct api *api, struct http_router *router);
void api_notifications_register(struct api *api, struct http_router *router);
void api_notifications_release(struct api *api);
void api_target_tools_register(struct api *api, struct http_router *router);
void api_rules_register(struct api *api, struct http_router *router);
void api_features_register(struct api *api, struct http_router *router);
void api_search_register(struct api *api, struct http_router *router);
void api_federate_register(struct api *api, struct http_router *router);
void api_exemplars_register(struct api *api, struct http_router *router);
void api_openapi_register(struct api *api, struct http_router *router);
void api_admin_tsdb_register(struct api *api, struct http_router *router);
void api_admin_register(struct api *api, struct http_router *router);

#endif

/* promtool/query_int.h - the client of the query API. */
#ifndef PROMTOOL_QUERY_INT_H
#define PROMTOOL_QUERY_INT_H

#include "codec/json.h"
#include "promtool/promtool_int.h"

struct query {
        const struct words *words;
        const char *server;
        struct arena arena;
        struct buf form;
        bool has_headers;
};

void query_init(struct query *query, const struct words *words, const char *server);
void query_release(struct query *query);
void query_put(struct query *query, const char *name, struct str value);
void query_put_time(struct query *query, const char *name, double t_s);
/* Seconds since 1970 or RFC 3339. "cannot parse "x" to a valid timestamp". */
NODISCARD bool query_parse_time(const char *text, double *ret_s, struct error *err);
/* Asks; with `get` the form goes into the URL. The error is what stands behind "query error: ". */
NODISCARD bool query_ask(struct query *query, const char *path, bool get,
                         const struct json_value **ret_data, struct error *err);

/* Prints data of a query as promtool's format option says. */
void query_print_value(struct arena *arena, const struct json_value *data, bool json);
void query_print_series(struct arena *arena, const struct json_value *data, bool json);
void query_print_values(struct arena *arena, const struct json_value *data, bool json);
/* name{a="1"}, as model.Metric is printed. */
void query_append_metric(struct buf *out, struct arena *arena, const struct json_value *metric);

#endif

/* promtool/promtool_int.h - the commands. */
#ifndef PROMTOOL_PROMTOOL_INT_H
#define PROMTOOL_PROMTOOL_INT_H

#include "http/client.h"
#include "promql/promql.h"
#include "promtool/command_int.h"

/* What promtool's parser of PromQL takes. */
extern const struct promql_features promtool_features;

int check_config(const struct words *words);
int check_rules(const struct words *words);
int check_web_config(const struct words *words);
int check_metrics(const struct words *words);
int check_healthy(const struct words *words);
int check_ready(const struct words *words);
int check_service_discovery(const struct words *words);
int query_instant(const struct words *words);
int query_range(const struct words *words);
int query_series(const struct words *words);
int query_labels(const struct words *words);
int query_analyze(const struct words *words);
int push_metrics(const struct words *words);
int test_rules(const struct words *words);
int tsdb_list(const struct words *words);
int tsdb_dump(const struct words *words);
int tsdb_dump_openmetrics(const struct words *words);
int tsdb_analyze(const struct words *words);
int tsdb_create_openmetrics(const struct words *words);
int promql_format(const struct words *words);
int promql_matchers_set(const struct words *words);
int promql_matchers_delete(const struct words *words);

/* Prints the error as most commands do, and returns the exit code that follows. */
int print_failure(const struct error *err);
/* Everything on standard input. */
NODISCARD bool read_stdin(struct buf *text, struct error *err);

/* ---- talking to a server -------------------------------------------------------------------- */

/* Asks and waits; the body is in fetch->body. `given` is the server as it was typed, `path` is put
 * behind it, form goes into the body of a POST unless it is empty. --http.config.file and --header
 * are honoured. ERROR_* when there is no answer, with Go's `Get "URL": ...`. */
struct request {
        const struct words *words;
        const char *server, *path;
        struct str form;
        struct str body;                  /* instead of a form */
        const struct http_header *headers; /* more */
        size_t header_count;
        bool has_headers;                 /* the command has --header */
        int64_t timeout_ms;
};
NODISCARD bool request_send(const struct request *request, struct arena *arena,
                            struct http_fetch *fetch, struct error *err);

/* A string as Go's encoder of JSON writes it by default, which thinks of HTML. */
void append_json_string(struct buf *out, struct str text);

/* ---- tables --------------------------------------------------------------------------------- */

/* Columns as Go's tabwriter sets them: cells of a line end with a tab. */
void columns_print(struct str text, size_t width_min, size_t gap);

#endif

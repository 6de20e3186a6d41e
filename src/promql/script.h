/* promql/script.h - test scripts in Prometheus's promqltest language.
 *
 * A script loads series and evaluates expressions; each `eval` is one case. As in Prometheus, an
 * instant case is also run with every selector pinned by @ at several other times, and each of
 * those again as the middle step of a range query; values compare with a relative tolerance of
 * 1e-6.
 */
#ifndef PROMQL_SCRIPT_H
#define PROMQL_SCRIPT_H

#include "base/buf.h"
#include "model/series.h"
#include "promql/promql.h"

/* Where a script keeps its series: one store, or several that get the same samples and are kept in
 * different ways. A case passes when it does on each of them. */
enum { PROMQL_SCRIPT_STORES_MAX = 2 };

struct promql_script_storage {
        size_t store_count;
        /* Starts over with an empty store; called before the first command too. */
        bool (*clear)(void *ctx, size_t store, struct series_source *ret_source,
                      struct series_sink *ret_sink, struct error *err);
        /* A `load` has been written; the place to seal it into blocks. May be NULL. */
        bool (*loaded)(void *ctx, size_t store, struct error *err);
        void *ctx;
};

struct promql_script_result {
        size_t passed, failed;
        size_t reruns; /* evaluations of cases beyond their first */
};

/* Runs one script. Adds to *result. Appends a text to `report` for every failure (file:line,
 * expression, what was wanted and what came).
 * `options` may be NULL; features and sample limit are the language's own. False when the script
 * itself cannot be read or the storage fails. */
NODISCARD bool promql_script_run(const char *file_name, struct str text,
                                 const struct promql_script_storage *storage,
                                 const struct promql_options *options,
                                 struct promql_script_result *result, struct buf *report,
                                 struct error *err);

/* The load command alone, for tests of rules: lines of `name{a="b"} 1+1x3`, the first value of each
 * at time 0, the others gap_ms apart. What the lines made lives in the arena. */
NODISCARD bool promql_script_load(struct arena *arena, const struct str *lines, size_t count,
                                  int64_t gap_ms, struct series_sink sink, struct error *err);
/* `name{a="b"}`, and a value of load, which may be empty. *ret_h is NULL for a float. */
NODISCARD bool promql_script_sample(struct arena *arena, struct str metric, struct str value,
                                    struct labels *ret_labels, double *ret_v,
                                    const struct histogram **ret_h, struct error *err);

/* The closing line: "N passed, M failed, K re-runs". */
void promql_script_summary(struct buf *out, const struct promql_script_result *result);

#endif

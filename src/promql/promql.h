/* promql/promql.h - PromQL: parse, format, evaluate.
 *
 * The language of Prometheus 3.14. An expression is parsed once into an arena, is immutable from
 * then on and may be evaluated by many threads at once. A query reads series through a
 * series_source and leaves its result in an arena of the caller.
 *
 * Parse errors have code ERROR_INVALID and Prometheus's text, "1:7: parse error: ...".
 * Evaluation errors have Prometheus's text too: ERROR_EXECUTION, ERROR_LIMIT (samples, bytes),
 * ERROR_TIMEOUT, ERROR_CANCELED, ERROR_UNSUPPORTED (known language, not evaluated here), and
 * whatever the source reports.
 */
#ifndef PROMQL_PROMQL_H
#define PROMQL_PROMQL_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/error.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "model/series.h"

/* ---- language --------------------------------------------------------------------------- */

/* What Prometheus keeps behind --enable-feature; all off by default. */
struct promql_features {
        /* These extend the grammar: a query that a default Prometheus takes means the same with
         * them, and they are for parsing. */
        bool experimental_functions;   /* promql-experimental-functions */
        bool extended_range_selectors; /* promql-extended-range-selectors: anchored, smoothed */
        bool fill_modifiers;           /* promql-binop-fill-modifiers: fill, fill_left, ... */
        /* These change answers of queries that a default Prometheus takes, and are for
         * evaluation. */
        bool delayed_name_removal; /* promql-delayed-name-removal */
        bool start_timestamps;     /* use-start-timestamps: of counters that say since when */
        bool type_and_unit_labels; /* type-and-unit-labels: __type__ tells what is a counter */
};

enum promql_type {
        PROMQL_SCALAR,
        PROMQL_STRING,
        PROMQL_VECTOR, /* instant vector: one sample per series */
        PROMQL_MATRIX, /* range vector: many samples per series */
};

const char *promql_type_name(enum promql_type type); /* the API's: "vector", "matrix", ... */

struct promql_expr;

/* Parses and type-checks. `features` may be NULL (all off). The expression and a copy of the text
 * live in `arena`. Nesting deeper than 1,000 levels is an error. */
NODISCARD bool promql_expr_parse(struct arena *arena, struct str text,
                                 const struct promql_features *features,
                                 const struct promql_expr **ret_expr, struct error *err);

enum promql_type promql_expr_type(const struct promql_expr *expr);

/* The canonical spelling: on one line, or laid out over several as the format_query API does. */
void promql_expr_format(struct buf *out, const struct promql_expr *expr);
void promql_expr_format_pretty(struct buf *out, const struct promql_expr *expr);
/* The syntax tree as the parse_query API shows it. */
struct json_writer;
void promql_expr_write_tree(struct json_writer *writer, const struct promql_expr *expr);

struct promql_selector {
        const struct matcher *matchers;
        size_t count;
};

/* One vector selector without modifiers, as match[] takes it: up{job="x"}. */
NODISCARD bool promql_selector_parse(struct arena *arena, struct str text,
                                     struct promql_selector *ret_selector, struct error *err);

/* All vector selectors of an expression, from left to right. In the arena. */
void promql_expr_selectors(struct arena *arena, const struct promql_expr *expr,
                           struct promql_selector **ret_selectors, size_t *ret_count);

/* Give every selector this matcher in place of those of the label, or take those away: to be
 * printed. In place, so nobody else may use the expression yet. ERROR_INVALID for a bad regex. */
NODISCARD bool promql_expr_set_matcher(struct arena *arena, const struct promql_expr *expr,
                                       enum matcher_op op, struct str name, struct str value,
                                       struct error *err);
void promql_expr_delete_matcher(const struct promql_expr *expr, struct str name);

/* ---- evaluation ------------------------------------------------------------------------- */

struct promql_options {
        int64_t lookback_ms;      /* how far back an instant selector looks; 0: 5 minutes */
        int64_t subquery_step_ms; /* of a subquery without a step; 0: 1 minute */
        size_t max_samples;       /* in memory at once, counted as Prometheus does; 0: 50,000,000 */
        uint64_t max_read;        /* samples read from the source in all; 0: no limit */
        size_t max_bytes;         /* of working memory beside the result's arena; 0: 1 GiB */
        int64_t timeout_ms;       /* 0: 2 minutes */
        unsigned threads;         /* that evaluate one query; 0: 1 */
        struct promql_features features;
};

/* An instant query has step_ms 0 and start_ms == end_ms. A range query has step_ms > 0 and its
 * expression must be a scalar or an instant vector. */
struct promql_query {
        const struct promql_expr *expr;
        int64_t start_ms, end_ms, step_ms;
        int64_t lookback_ms;         /* overrides the option; 0: does not */
        const atomic_bool *cancel; /* polled; may be NULL */
        bool per_step_stats;
};

struct promql_series {
        struct labels labels;
        const int64_t *t_ms; /* `count` timestamps in order, and values */
        const double *v;     /* of no meaning where there is a histogram */
        const struct histogram *const *h; /* NULL: all are floats; else NULL where it is one */
        size_t count; /* 1 in a vector; at least 1 in a matrix */
};

/* Texts with their position in the query, as the API shows them, each once. */
struct promql_notes {
        const char *const *warnings;
        size_t warning_count;
        const char *const *infos;
        size_t info_count;
};

struct promql_stats {
        uint64_t samples_total;     /* totalQueryableSamples */
        uint64_t samples_peak;      /* peakSamples */
        uint64_t *samples_per_step; /* `step_count` entries from start_ms on; NULL unless asked */
        size_t step_count;
        uint64_t series_selected;
        int64_t prepare_ns, eval_ns, sort_ns; /* select; evaluate; order the result */
};

/* A range query over a scalar gives one series without labels, as in Prometheus. Series of a
 * matrix are sorted by labels; a vector has the order that the expression gives it. */
struct promql_result {
        enum promql_type type;
        struct sample scalar; /* PROMQL_SCALAR */
        struct str string;    /* PROMQL_STRING, at scalar.t_ms */
        struct promql_series *series;
        size_t series_count;
        struct promql_notes notes;
        struct promql_stats stats;
};

/* `options` may be NULL (all defaults). Everything in the result lives in `arena`, whose budget
 * bounds the size of the result. Thread-safe. */
NODISCARD bool promql_query_run(const struct series_source *source,
                                const struct promql_options *options,
                                const struct promql_query *query, struct arena *arena,
                                struct promql_result *ret_result, struct error *err);

/* ---- catalogue -------------------------------------------------------------------------- */

struct promql_function_info {
        const char *name;
        bool experimental;
};

/* All functions in alphabetical order; aggregation operators are not among them. */
size_t promql_function_count(void);
struct promql_function_info promql_function_at(size_t index);

#endif

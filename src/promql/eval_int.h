/* promql/eval_int.h - how a query is evaluated.
 *
 * A query is a grid of times. The value of a vector expression is a set of rows: a label set and
 * one value per time of the grid, where the staleness marker says "no value at this time" (no
 * operator ever computes that bit pattern). Rows are pushed from the leaves of the tree to the
 * root one at a time, so that a sum over a million series holds one row and its groups; operators
 * that need several rows at once (matching, sorting, quantiles) collect them in a matrix.
 *
 * A row's values belong to who pushes it and may be changed by who receives it; they are valid
 * during the call. A row's labels live in eval->keep until the query ends. All of this runs on
 * the query's own thread; only scan.c spreads reading series over helpers.
 *
 * A value may be a native histogram. A row that has some has a second column; histograms are
 * immutable and, like the columns, valid during the call. Whoever makes histograms for a row makes
 * them in eval->rows: marks it, pushes the row, rewinds it. Whoever holds rows copies them.
 *
 * Samples are counted as Prometheus counts them, as if every operator held all its input and all
 * its output: see struct tally.
 */
#ifndef PROMQL_EVAL_INT_H
#define PROMQL_EVAL_INT_H

#include "model/histogram_math.h"
#include "promql/expr_int.h"
#include "promql/labelset_int.h"
#include "promql/notes_int.h"
#include "promql/number_int.h"
#include "query/budget.h"

struct grid {
        int64_t start_ms, step_ms;
        size_t count; /* at least 1 */
        bool ranged;  /* the end is behind the start, though maybe by less than a step */
};

static inline int64_t grid_time(const struct grid *grid, size_t step)
{
        return grid->start_ms + (int64_t)step * grid->step_ms;
}

struct row {
        struct labels labels;
        bool drop_name; /* with delayed name removal: the metric name goes at the end */
        double *v;      /* one per time of the grid; of a histogram: 0 */
        /* One per time, NULL where the value is a float or absent; NULL: there are none. */
        const struct histogram **h;
};

static inline double row_absent(void)
{
        return sample_from_bits(SAMPLE_STALE_BITS);
}

static inline bool row_is_absent(double v)
{
        return sample_is_stale(v);
}

/* Times beyond 70 million years are cut off, so that adding offsets and ranges cannot overflow. */
static inline int64_t eval_clamp_time(int64_t t_ms)
{
        const int64_t limit = (int64_t)1 << 61;

        return t_ms > limit ? limit : t_ms < -limit ? -limit : t_ms;
}

/* How many times have a value. */
size_t row_present(const double *v, size_t count);
/* The same in samples: a histogram counts as several. */
size_t row_samples(const struct row *row, size_t count);
static inline const struct histogram *row_histogram(const struct row *row, size_t step)
{
        return row->h ? row->h[step] : NULL;
}
/* Takes the histograms out: their times become absent. True: there were some. */
bool row_drop_histograms(struct row *row, size_t count);
/* A copy of a column of histograms; what is shared in a run of times stays shared. */
const struct histogram **row_copy_histograms(struct arena *arena,
                                             const struct histogram *const *h, size_t count);

struct sink {
        bool (*push)(void *ctx, struct row *row, struct error *err);
        void *ctx;
};

static inline bool sink_push(struct sink sink, struct row *row, struct error *err)
{
        return sink.push(sink.ctx, row, err);
}

/* What was worked out about a node before evaluation. */
struct node_plan {
        bool invariant; /* the same at all times: evaluate once */
        bool stats;     /* of histograms only count and sum are asked for */
        enum { UNIQUE_UNKNOWN, UNIQUE_YES, UNIQUE_NO } unique;
        bool has_at;
        int64_t at_ms, offset_ms, range_ms, step_ms;
        struct series_list list; /* of a selector */
};

struct eval {
        const struct promql_expr *expr;
        struct promql_query query;
        struct promql_options options;
        struct grid grid; /* of the query */
        struct querier *querier;
        struct query_budget budget;
        struct query_arena keep; /* labels, plans, scalars: until the query ends */
        struct query_arena rows; /* histograms of rows that are being pushed, as a stack */
        struct notes notes;
        struct node_plan *plans; /* by node id */
        struct promql_stats stats;
        size_t subqueries; /* how many are open: their samples are not counted as read */
};

static inline struct node_plan *eval_plan(const struct eval *eval, const struct node *node)
{
        return &eval->plans[node->id];
}

/* In plan.c. Resolves durations and @, finds what is invariant, tells the time range that the
 * selectors read. */
NODISCARD bool eval_prepare(struct eval *eval, int64_t *ret_mint_ms, int64_t *ret_maxt_ms,
                            struct error *err);
/* Selects the series of all selectors. */
NODISCARD bool eval_select(struct eval *eval, struct error *err);
/* Would the rows of this expression still differ without their metadata labels? */
bool eval_rows_unique(struct eval *eval, const struct node *node);

/* In eval.c. */
NODISCARD bool eval_vector(struct eval *eval, const struct node *node, const struct grid *grid,
                           struct sink sink, struct error *err);
NODISCARD bool eval_scalar(struct eval *eval, const struct node *node, const struct grid *grid,
                           double *ret_v, struct error *err);
/* One value per time, in eval->keep. */
NODISCARD bool eval_scalar_new(struct eval *eval, const struct node *node,
                               const struct grid *grid, double **ret_v, struct error *err);

/* Samples of one operator: what it was given is what the budget has beyond `before` when it is
 * done; what it gave is `out`. */
struct tally {
        size_t before, out;
};
static inline struct tally tally_begin(const struct eval *eval)
{
        return (struct tally){eval->budget.samples, 0};
}
NODISCARD bool tally_end(struct eval *eval, const struct tally *tally, const struct grid *grid,
                         struct error *err);
/* Fails as soon as what an operator gave is too much, so that it need not run to its end. */
NODISCARD bool tally_check(const struct eval *eval, const struct tally *tally, struct error *err);

/* In map.c: operators that change each row by itself. */
struct map {
        const struct node *child;
        /* Sees absent values in place of histograms. */
        void (*apply)(const void *ctx, const struct grid *grid, double *v);
        /* What becomes of a histogram: another one, made in the arena, or NULL and a float or
         * absence in *v, which is absent before. Without this, histograms are left out. */
        const struct histogram *(*apply_histogram)(const void *ctx, struct arena *arena,
                                                   const struct grid *grid, size_t step,
                                                   const struct histogram *h, double *v);
        const void *ctx;
        bool computed; /* the result is no longer what the metric name says */
};
NODISCARD bool eval_map(struct eval *eval, const struct map *map, const struct grid *grid,
                        struct sink sink, struct error *err);
/* The labels of a computed value: without name now, or marked to lose it later. */
void eval_row_computed(struct eval *eval, struct row *row);
/* Runs `produce` into a sink that joins rows of equal labels, and passes them on; two values at
 * one time are an error. With `strict`, two rows are. */
struct producer {
        bool (*run)(struct eval *eval, const void *ctx, const struct grid *grid, struct sink sink,
                    struct error *err);
        const void *ctx;
};
NODISCARD bool eval_merged(struct eval *eval, struct producer producer, const struct grid *grid,
                           bool strict, struct sink sink, struct error *err);

/* In matrix.c: rows that are held. */
struct matrix {
        struct query_arena arena;
        size_t width;
        struct row *rows;
        size_t count, capacity;
};
void matrix_init(struct matrix *matrix, struct eval *eval, size_t width);
void matrix_release(struct matrix *matrix);
/* A row with all values absent; ERROR_LIMIT when the budget is reached. */
NODISCARD bool matrix_add(struct matrix *matrix, struct labels labels, bool drop_name,
                          struct row **ret_row, struct error *err);
NODISCARD bool matrix_collect(struct matrix *matrix, struct eval *eval, const struct node *node,
                              const struct grid *grid, struct error *err);
/* Pushes the rows that have a value and counts them. */
NODISCARD bool matrix_push(struct matrix *matrix, struct tally *tally, struct sink sink,
                           struct error *err);

/* Operators and function families, a file each. */
enum selector_value {
        SELECT_SAMPLE,
        SELECT_TIMESTAMP,
        SELECT_FLOAT_TIMESTAMP, /* histograms stay what they are */
        SELECT_START_TIMESTAMP,
};
NODISCARD bool eval_selector(struct eval *eval, const struct node *node, const struct grid *grid,
                             enum selector_value value, struct sink sink, struct error *err);
/* A selector that is not written in the query: series of a list at shifted times. */
NODISCARD bool eval_series(struct eval *eval, const struct series_list *list,
                           const struct node_plan *plan, const struct grid *grid,
                           enum selector_value value, struct sink sink, struct error *err);
NODISCARD bool eval_aggregate(struct eval *eval, const struct node *node,
                              const struct grid *grid, struct sink sink, struct error *err);
/* Says that an aggregation left histograms out. */
void aggregate_note_ignored(struct eval *eval, const struct node_aggregate *aggregate);
NODISCARD bool eval_aggregate_k(struct eval *eval, const struct node *node,
                                const struct grid *grid, struct sink sink, struct error *err);
NODISCARD bool eval_count_values(struct eval *eval, const struct node *node,
                                 const struct grid *grid, struct sink sink, struct error *err);
NODISCARD bool eval_binary(struct eval *eval, const struct node *node, const struct grid *grid,
                           struct sink sink, struct error *err);
NODISCARD bool eval_binary_scalars(struct eval *eval, const struct node *node,
                                   const struct grid *grid, double *ret_v, struct error *err);
NODISCARD bool eval_match(struct eval *eval, const struct node *node, const struct grid *grid,
                          struct sink sink, struct error *err);
NODISCARD bool eval_set(struct eval *eval, const struct node *node, const struct grid *grid,
                        struct sink sink, struct error *err);
NODISCARD bool eval_call(struct eval *eval, const struct node *node, const struct grid *grid,
                         struct sink sink, struct error *err);
NODISCARD bool eval_math(struct eval *eval, const struct node *node, const struct grid *grid,
                         struct sink sink, struct error *err);
bool math_is_function(enum function_kind function);
NODISCARD bool eval_time_function(struct eval *eval, const struct node *node,
                                  const struct grid *grid, struct sink sink, struct error *err);
NODISCARD bool eval_timestamp(struct eval *eval, const struct node *node,
                              const struct grid *grid, struct sink sink, struct error *err);
NODISCARD bool eval_absent(struct eval *eval, const struct node *node, const struct grid *grid,
                           struct sink sink, struct error *err);
NODISCARD bool eval_sort(struct eval *eval, const struct node *node, const struct grid *grid,
                         struct sink sink, struct error *err);
NODISCARD bool eval_label_replace(struct eval *eval, const struct node *node,
                                  const struct grid *grid, struct sink sink, struct error *err);
NODISCARD bool eval_label_join(struct eval *eval, const struct node *node,
                               const struct grid *grid, struct sink sink, struct error *err);
NODISCARD bool eval_histogram(struct eval *eval, const struct node *node,
                              const struct grid *grid, struct sink sink, struct error *err);
NODISCARD bool eval_histogram_number(struct eval *eval, const struct node *node,
                                     const struct grid *grid, struct sink sink,
                                     struct error *err);
NODISCARD bool eval_info(struct eval *eval, const struct node *node, const struct grid *grid,
                         struct sink sink, struct error *err);

/* Quantile of values, which it reorders. NaN is the smallest, as Prometheus orders them. */
double quantile_of(double q, double *values, size_t count);
/* Warns when a quantile is not in [0, 1]. */
void quantile_warn(struct eval *eval, const struct node *where, double q);

#endif

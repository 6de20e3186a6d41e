/* Calls of functions that give an instant vector: which file evaluates which. */
#include "promql/scan_int.h"

/* vector(s): one row without labels. */
static bool eval_vector_of(struct eval *eval, const struct node *node, const struct grid *grid,
                           struct sink sink, struct error *err)
{
        struct tally tally = tally_begin(eval);
        struct row row = {.labels = {NULL, 0}};

        if (!eval_scalar_new(eval, node->call.args[0], grid, &row.v, err))
                return false;
        tally.out = grid->count;
        return sink_push(sink, &row, err) && tally_end(eval, &tally, grid, err);
}

static bool eval_other_call(struct eval *eval, const struct node *node, const struct grid *grid,
                            struct sink sink, struct error *err)
{
        switch (function_kind(node->call.function)) {
        case FUNCTION_ABSENT:
        case FUNCTION_ABSENT_OVER_TIME:
                return eval_absent(eval, node, grid, sink, err);
        case FUNCTION_TIMESTAMP:
        case FUNCTION_START_TIMESTAMP:
                return eval_timestamp(eval, node, grid, sink, err);
        case FUNCTION_SORT:
        case FUNCTION_SORT_DESC:
        case FUNCTION_SORT_BY_LABEL:
        case FUNCTION_SORT_BY_LABEL_DESC:
                return eval_sort(eval, node, grid, sink, err);
        case FUNCTION_LABEL_REPLACE:
                return eval_label_replace(eval, node, grid, sink, err);
        case FUNCTION_LABEL_JOIN:
                return eval_label_join(eval, node, grid, sink, err);
        case FUNCTION_HISTOGRAM_FRACTION:
        case FUNCTION_HISTOGRAM_QUANTILE:
        case FUNCTION_HISTOGRAM_QUANTILES:
                return eval_histogram(eval, node, grid, sink, err);
        case FUNCTION_HISTOGRAM_AVG:
        case FUNCTION_HISTOGRAM_COUNT:
        case FUNCTION_HISTOGRAM_STDDEV:
        case FUNCTION_HISTOGRAM_STDVAR:
        case FUNCTION_HISTOGRAM_SUM:
                return eval_histogram_number(eval, node, grid, sink, err);
        case FUNCTION_VECTOR:
                return eval_vector_of(eval, node, grid, sink, err);
        case FUNCTION_INFO:
                return eval_info(eval, node, grid, sink, err);
        default:
                return eval_time_function(eval, node, grid, sink, err);
        }
}

bool eval_call(struct eval *eval, const struct node *node, const struct grid *grid,
               struct sink sink, struct error *err)
{
        enum function_kind kind = function_kind(node->call.function);

        if (kind != FUNCTION_ABSENT_OVER_TIME && range_kind_of(kind))
                return eval_range_call(eval, node, grid, sink, err);
        if (math_is_function(kind))
                return eval_math(eval, node, grid, sink, err);
        return eval_other_call(eval, node, grid, sink, err);
}

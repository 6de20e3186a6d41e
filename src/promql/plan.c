/* What is settled before evaluation: durations that depend on the query, @ start() and end(),
 * which parts are the same at all times, and which time range each selector reads. */
#include "promql/binary_int.h"
#include "promql/scan_int.h"

/* ---- durations --------------------------------------------------------------------------- */

/* With the range of bytes in front, as Prometheus has it here. */
static bool fail_duration(const struct node *node, const char *reason, struct error *err)
{
        return error_set(err, ERROR_INVALID, "%zu:%zu: %s", node->span.start, node->span.end,
                         reason);
}

static bool duration_value(const struct eval *eval, const struct node *node, double *ret_s,
                           struct error *err)
{
        const struct node_duration *duration = &node->duration;
        double lhs = 0, rhs = 0;

        if (node->kind == NODE_NUMBER) {
                *ret_s = node->number.value;
                return true;
        }
        if (duration->op == TOKEN_STEP || duration->op == TOKEN_RANGE) {
                *ret_s = duration->op == TOKEN_STEP
                                 ? (double)eval->query.step_ms / 1000
                                 : (double)(eval->query.end_ms - eval->query.start_ms) / 1000;
                return true;
        }
        if (duration->lhs && !duration_value(eval, duration->lhs, &lhs, err))
                return false;
        if (!duration_value(eval, duration->rhs, &rhs, err))
                return false;
        if ((duration->op == TOKEN_DIV || duration->op == TOKEN_MOD) && rhs == 0)
                return fail_duration(node, duration->op == TOKEN_DIV ? "division by zero"
                                                                     : "modulo by zero", err);
        switch (duration->op) {
        case TOKEN_MIN_OF:
                *ret_s = number_min(lhs, rhs);
                return true;
        case TOKEN_MAX_OF:
                *ret_s = number_max(lhs, rhs);
                return true;
        default:
                *ret_s = binary_operate(duration->op, lhs, rhs, NULL);
                return true;
        }
}

static bool resolve_extent(const struct eval *eval, int64_t ms, const struct node *expr,
                           bool may_be_negative, int64_t *ret_ms, struct error *err)
{
        double seconds = 0;

        if (!expr) {
                *ret_ms = ms;
                return true;
        }
        if (!duration_value(eval, expr, &seconds, err))
                return false;
        if (!isfinite(seconds))
                return fail_duration(expr, "duration is NaN or infinite", err);
        if (seconds <= 0 && !may_be_negative)
                return fail_duration(expr, "duration must be greater than 0", err);
        if (!(fabs(seconds) < 9.2e9))
                return fail_duration(expr, "duration is out of range", err);
        *ret_ms = (int64_t)(seconds * 1000);
        return true;
}

static bool resolve_shift(struct eval *eval, const struct node *node,
                          const struct time_shift *shift, struct error *err)
{
        struct node_plan *plan = eval_plan(eval, node);

        plan->has_at = shift->at != AT_NONE;
        plan->at_ms = shift->at == AT_START ? eval->query.start_ms
                      : shift->at == AT_END ? eval->query.end_ms
                                            : eval_clamp_time(shift->at_ms);
        return resolve_extent(eval, shift->offset_ms, shift->offset_expr, true,
                              &plan->offset_ms, err);
}

/* ---- walking the tree -------------------------------------------------------------------- */

/* Times at which an expression is evaluated, and the union of what is read. */
struct reach {
        int64_t from_ms, to_ms;
        int64_t *mint_ms, *maxt_ms;
        bool stats; /* inside of histogram_count(), histogram_sum() or histogram_avg() ... */
        bool whole; /* ... but something needs the buckets as well */
};

static bool plan_node(struct eval *eval, const struct node *node, struct reach reach,
                      struct error *err);

static int64_t add_clamped(int64_t a, int64_t b)
{
        int64_t sum;

        if (__builtin_add_overflow(a, b, &sum))
                return b > 0 ? INT64_MAX / 2 : INT64_MIN / 2;
        return sum > INT64_MAX / 2 ? INT64_MAX / 2 : sum < INT64_MIN / 2 ? INT64_MIN / 2 : sum;
}

/* A shift inside of another. */
static void add_shift(struct node_plan *shift, const struct node_plan *inner)
{
        if (inner->has_at) {
                shift->has_at = true;
                shift->at_ms = inner->at_ms;
                shift->offset_ms = 0;
        }
        shift->offset_ms = add_clamped(shift->offset_ms, inner->offset_ms);
}

/* Where evaluation looks when it is shifted by offset and @. */
static struct reach shifted(struct reach reach, const struct node_plan *plan)
{
        if (plan->has_at)
                reach.from_ms = reach.to_ms = plan->at_ms;
        reach.from_ms = add_clamped(reach.from_ms, -plan->offset_ms);
        reach.to_ms = add_clamped(reach.to_ms, -plan->offset_ms);
        return reach;
}

static void read_between(struct reach reach, int64_t back_ms, int64_t ahead_ms)
{
        int64_t from = add_clamped(reach.from_ms, 1 - back_ms);
        int64_t to = add_clamped(reach.to_ms, ahead_ms);

        if (from < *reach.mint_ms)
                *reach.mint_ms = from;
        if (to > *reach.maxt_ms)
                *reach.maxt_ms = to;
}

/* With range_ms 0, an instant vector selector. */
static bool plan_selector(struct eval *eval, const struct node *node, struct reach reach,
                          int64_t range_ms, struct error *err)
{
        const struct node_selector *selector = &node->selector;
        struct node_plan *plan = eval_plan(eval, node);
        int64_t lookback_ms = eval->options.lookback_ms;

        if (!resolve_shift(eval, node, &selector->shift, err))
                return false;
        plan->invariant = plan->has_at;
        plan->stats = reach.stats && !reach.whole;
        if (range_ms && (selector->anchored || selector->smoothed))
                range_ms = add_clamped(range_ms, lookback_ms);
        read_between(shifted(reach, plan), range_ms ? range_ms : lookback_ms,
                     selector->smoothed ? lookback_ms : 0);
        return true;
}

static bool plan_subquery(struct eval *eval, const struct node *node, struct reach reach,
                          struct error *err)
{
        const struct node_subquery *subquery = &node->subquery;
        struct node_plan *plan = eval_plan(eval, node);

        if (!resolve_shift(eval, node, &subquery->shift, err) ||
            !resolve_extent(eval, subquery->range.ms, subquery->range.expr, false,
                            &plan->range_ms, err) ||
            !resolve_extent(eval, subquery->step.ms, subquery->step.expr, false, &plan->step_ms,
                            err))
                return false;
        if (!plan->step_ms)
                plan->step_ms = eval->options.subquery_step_ms;
        plan->invariant = plan->has_at;
        reach = shifted(reach, plan);
        reach.from_ms = add_clamped(reach.from_ms, -plan->range_ms);
        reach.whole = true;
        return plan_node(eval, subquery->expr, reach, err);
}

/* Prometheus reads but count and sum of a histogram where a function asks for no more and none
 * around the selector, nor a subquery, needs its buckets. */
static void note_what_is_read(enum function_kind kind, struct reach *reach)
{
        switch (kind) {
        case FUNCTION_HISTOGRAM_COUNT:
        case FUNCTION_HISTOGRAM_SUM:
        case FUNCTION_HISTOGRAM_AVG:
                reach->stats = true;
                break;
        case FUNCTION_HISTOGRAM_QUANTILE:
        case FUNCTION_HISTOGRAM_QUANTILES:
        case FUNCTION_HISTOGRAM_FRACTION:
                reach->whole = true;
                break;
        default:
                break;
        }
}

/* The first selector below a node, and how far the subqueries around it shift it. */
static const struct node *first_selector(const struct eval *eval, const struct node *node,
                                         struct node_plan *shift)
{
        struct node_plan outer = *shift;
        const struct node *found = NULL;

        switch (node->kind) {
        case NODE_SELECTOR:
                add_shift(shift, eval_plan(eval, node));
                return node;
        case NODE_MATRIX:
                return first_selector(eval, node->matrix.selector, shift);
        case NODE_SUBQUERY:
                add_shift(shift, eval_plan(eval, node));
                found = first_selector(eval, node->subquery.expr, shift);
                break;
        case NODE_CALL:
                for (size_t i = 0; !found && i < node->call.arg_count; i++)
                        found = first_selector(eval, node->call.args[i], shift);
                break;
        case NODE_AGGREGATE:
                found = first_selector(eval, node->aggregate.expr, shift);
                break;
        case NODE_BINARY:
                found = first_selector(eval, node->binary.lhs, shift);
                if (!found)
                        found = first_selector(eval, node->binary.rhs, shift);
                break;
        case NODE_UNARY:
                return first_selector(eval, node->unary.expr, shift);
        case NODE_PAREN:
                return first_selector(eval, node->paren, shift);
        default:
                break;
        }
        if (!found)
                *shift = outer;
        return found;
}

/* info() looks at info series at the time of what they are about. */
static void plan_info(struct eval *eval, const struct node *node, struct reach reach)
{
        struct node_plan *plan = eval_plan(eval, node);

        (void)first_selector(eval, node->call.args[0], plan);
        read_between(shifted(reach, plan), eval->options.lookback_ms, 0);
}

static bool plan_call(struct eval *eval, const struct node *node, struct reach reach,
                      struct error *err)
{
        const struct node_call *call = &node->call;
        enum function_kind kind = function_kind(call->function);
        bool invariant = true, pinned_selectors = true;

        note_what_is_read(kind, &reach);
        for (size_t i = 0; i < call->arg_count; i++) {
                const struct node *arg = node_unwrap(call->args[i]);

                if (!plan_node(eval, arg, reach, err))
                        return false;
                invariant = invariant && eval_plan(eval, arg)->invariant;
                pinned_selectors = pinned_selectors && arg->kind == NODE_SELECTOR &&
                                   eval_plan(eval, arg)->invariant;
        }
        eval_plan(eval, node)->invariant =
                (invariant && !function_uses_time(kind)) ||
                (kind == FUNCTION_TIMESTAMP && pinned_selectors);
        if (kind == FUNCTION_INFO)
                plan_info(eval, node, reach);
        return true;
}

static bool plan_children(struct eval *eval, const struct node *node, struct reach reach,
                          struct error *err)
{
        struct node_plan *plan = eval_plan(eval, node);

        switch (node->kind) {
        case NODE_AGGREGATE:
                if (node->aggregate.param && !plan_node(eval, node->aggregate.param, reach, err))
                        return false;
                if (!plan_node(eval, node->aggregate.expr, reach, err))
                        return false;
                plan->invariant = eval_plan(eval, node->aggregate.expr)->invariant;
                return true;
        case NODE_BINARY:
                reach.stats = reach.whole = false;
                if (!plan_node(eval, node->binary.lhs, reach, err) ||
                    !plan_node(eval, node->binary.rhs, reach, err))
                        return false;
                plan->invariant = eval_plan(eval, node->binary.lhs)->invariant &&
                                  eval_plan(eval, node->binary.rhs)->invariant;
                return true;
        case NODE_UNARY:
                if (!plan_node(eval, node->unary.expr, reach, err))
                        return false;
                plan->invariant = eval_plan(eval, node->unary.expr)->invariant;
                return true;
        default:
                if (!plan_node(eval, node->paren, reach, err))
                        return false;
                plan->invariant = eval_plan(eval, node->paren)->invariant;
                return true;
        }
}

static bool plan_node(struct eval *eval, const struct node *node, struct reach reach,
                      struct error *err)
{
        struct node_plan *plan = eval_plan(eval, node);

        switch (node->kind) {
        case NODE_NUMBER:
        case NODE_STRING:
        case NODE_DURATION:
                plan->invariant = true;
                return true;
        case NODE_SELECTOR:
                return plan_selector(eval, node, reach, 0, err);
        case NODE_MATRIX:
                if (!resolve_extent(eval, node->matrix.range.ms, node->matrix.range.expr, false,
                                    &plan->range_ms, err) ||
                    !plan_selector(eval, node->matrix.selector, reach, plan->range_ms, err))
                        return false;
                plan->invariant = eval_plan(eval, node->matrix.selector)->invariant;
                return true;
        case NODE_SUBQUERY:
                return plan_subquery(eval, node, reach, err);
        case NODE_CALL:
                return plan_call(eval, node, reach, err);
        default:
                return plan_children(eval, node, reach, err);
        }
}

bool eval_prepare(struct eval *eval, int64_t *ret_mint_ms, int64_t *ret_maxt_ms,
                  struct error *err)
{
        struct reach reach = {eval->query.start_ms, eval->query.end_ms, ret_mint_ms,
                              ret_maxt_ms, false, false};

        *ret_mint_ms = INT64_MAX;
        *ret_maxt_ms = INT64_MIN;
        eval->plans = arena_array(&eval->keep.arena, struct node_plan, eval->expr->node_count);
        if (!plan_node(eval, eval->expr->root, reach, err))
                return false;
        if (*ret_mint_ms > *ret_maxt_ms)
                *ret_mint_ms = *ret_maxt_ms = eval->query.start_ms;
        return true;
}

/* ---- series ------------------------------------------------------------------------------ */

/* The second argument of info() tells labels, not series. */
static bool is_label_selector(const struct node *call, size_t argument)
{
        return function_kind(call->call.function) == FUNCTION_INFO && argument == 1;
}

static bool select_below(struct eval *eval, const struct node *node, struct error *err)
{
        struct node_plan *plan = eval_plan(eval, node);

        switch (node->kind) {
        case NODE_SELECTOR:
                if (!eval->querier->ops->select(eval->querier, &eval->keep.arena,
                                                node->selector.matchers,
                                                node->selector.matcher_count,
                                                eval->query.cancel, &plan->list, err))
                        return false;
                eval->stats.series_selected += plan->list.count;
                return query_budget_check(&eval->budget, err);
        case NODE_MATRIX:
                return select_below(eval, node->matrix.selector, err);
        case NODE_SUBQUERY:
                return select_below(eval, node->subquery.expr, err);
        case NODE_CALL:
                for (size_t i = 0; i < node->call.arg_count; i++)
                        if (!is_label_selector(node, i) &&
                            !select_below(eval, node->call.args[i], err))
                                return false;
                return true;
        case NODE_AGGREGATE:
                return (!node->aggregate.param ||
                        select_below(eval, node->aggregate.param, err)) &&
                       select_below(eval, node->aggregate.expr, err);
        case NODE_BINARY:
                return select_below(eval, node->binary.lhs, err) &&
                       select_below(eval, node->binary.rhs, err);
        case NODE_UNARY:
                return select_below(eval, node->unary.expr, err);
        case NODE_PAREN:
                return select_below(eval, node->paren, err);
        default:
                return true;
        }
}

bool eval_select(struct eval *eval, struct error *err)
{
        return select_below(eval, eval->expr->root, err);
}

/* Series differ in what is not metadata when all have one name and no other metadata. */
static bool list_of_one_name(const struct series_list *list)
{
        for (size_t i = 0; i < list->count; i++) {
                struct labels labels = list->items[i].labels;

                if (!labels.count || !str_equal(labels.items[0].name, LABEL_METRIC_NAME) ||
                    !str_equal(labels.items[0].value, list->items[0].labels.items[0].value) ||
                    labelset_has_metadata((struct labels){labels.items + 1, labels.count - 1}))
                        return false;
        }
        return true;
}

static bool list_unique(struct eval *eval, const struct series_list *list)
{
        struct query_arena arena;
        struct labelset_table table;
        bool unique = true;

        if (list_of_one_name(list))
                return true;
        query_arena_init(&arena, &eval->budget);
        labelset_table_init(&table, &arena.arena);
        for (size_t i = 0; i < list->count && unique; i++)
                labelset_table_add(&table,
                                   labelset_drop_metadata(&arena.arena, list->items[i].labels),
                                   &unique);
        query_arena_release(&arena);
        return unique;
}

static bool grouping_drops_metadata(const struct node_aggregate *aggregate)
{
        if (aggregate->without)
                return false;
        for (size_t i = 0; i < aggregate->grouping.count; i++)
                if (str_starts_with(aggregate->grouping.items[i], STR_LIT("__")))
                        return false;
        return aggregate->op != TOKEN_COUNT_VALUES && aggregate->op != TOKEN_TOPK &&
               aggregate->op != TOKEN_BOTTOMK && aggregate->op != TOKEN_LIMITK &&
               aggregate->op != TOKEN_LIMIT_RATIO;
}

static bool rows_unique(struct eval *eval, const struct node *node)
{
        switch (node->kind) {
        case NODE_SELECTOR:
                return list_unique(eval, &eval_plan(eval, node)->list);
        case NODE_MATRIX:
                return eval_rows_unique(eval, node->matrix.selector);
        case NODE_SUBQUERY:
                return eval_rows_unique(eval, node->subquery.expr);
        case NODE_UNARY:
                return eval_rows_unique(eval, node->unary.expr);
        case NODE_PAREN:
                return eval_rows_unique(eval, node->paren);
        case NODE_AGGREGATE:
                return grouping_drops_metadata(&node->aggregate);
        case NODE_BINARY:
                if (node_type(node->binary.lhs) == PROMQL_SCALAR)
                        return eval_rows_unique(eval, node->binary.rhs);
                if (node_type(node->binary.rhs) == PROMQL_SCALAR)
                        return eval_rows_unique(eval, node->binary.lhs);
                return false;
        case NODE_CALL:
                if (range_kind_of(function_kind(node->call.function)))
                        return eval_rows_unique(eval, range_argument(node));
                return math_is_function(function_kind(node->call.function)) &&
                       eval_rows_unique(eval, node->call.args[0]);
        default:
                return true;
        }
}

bool eval_rows_unique(struct eval *eval, const struct node *node)
{
        struct node_plan *plan = eval_plan(eval, node);

        if (plan->unique == UNIQUE_UNKNOWN)
                plan->unique = rows_unique(eval, node) ? UNIQUE_YES : UNIQUE_NO;
        return plan->unique == UNIQUE_YES;
}

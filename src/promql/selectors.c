#include "promql/expr_int.h"

struct collector {
        struct promql_selector *items;
        size_t count;
};

static void collect(struct collector *collector, const struct node *node)
{
        switch (node->kind) {
        case NODE_SELECTOR:
                collector->items[collector->count++] = (struct promql_selector){
                        node->selector.matchers, node->selector.matcher_count};
                break;
        case NODE_MATRIX:
                collect(collector, node->matrix.selector);
                break;
        case NODE_SUBQUERY:
                collect(collector, node->subquery.expr);
                break;
        case NODE_CALL:
                for (size_t i = 0; i < node->call.arg_count; i++)
                        collect(collector, node->call.args[i]);
                break;
        case NODE_AGGREGATE:
                if (node->aggregate.param)
                        collect(collector, node->aggregate.param);
                collect(collector, node->aggregate.expr);
                break;
        case NODE_BINARY:
                collect(collector, node->binary.lhs);
                collect(collector, node->binary.rhs);
                break;
        case NODE_UNARY:
                collect(collector, node->unary.expr);
                break;
        case NODE_PAREN:
                collect(collector, node->paren);
                break;
        case NODE_NUMBER:
        case NODE_STRING:
        case NODE_DURATION:
                break;
        }
}

void promql_expr_selectors(struct arena *arena, const struct promql_expr *expr,
                           struct promql_selector **ret_selectors, size_t *ret_count)
{
        struct collector collector = {
                arena_array(arena, struct promql_selector, expr->node_count), 0};

        collect(&collector, expr->root);
        *ret_selectors = collector.items;
        *ret_count = collector.count;
}

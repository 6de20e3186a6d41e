#include "promql/expr_int.h"

/* Calls visit for every selector, from left to right. */
static void each_selector(struct node *node,
                          void (*visit)(struct node_selector *selector, void *ctx), void *ctx)
{
        switch (node->kind) {
        case NODE_SELECTOR:
                visit(&node->selector, ctx);
                break;
        case NODE_MATRIX:
                each_selector(node->matrix.selector, visit, ctx);
                break;
        case NODE_SUBQUERY:
                each_selector(node->subquery.expr, visit, ctx);
                break;
        case NODE_CALL:
                for (size_t i = 0; i < node->call.arg_count; i++)
                        each_selector(node->call.args[i], visit, ctx);
                break;
        case NODE_AGGREGATE:
                if (node->aggregate.param)
                        each_selector(node->aggregate.param, visit, ctx);
                each_selector(node->aggregate.expr, visit, ctx);
                break;
        case NODE_BINARY:
                each_selector(node->binary.lhs, visit, ctx);
                each_selector(node->binary.rhs, visit, ctx);
                break;
        case NODE_UNARY:
                each_selector(node->unary.expr, visit, ctx);
                break;
        case NODE_PAREN:
                each_selector(node->paren, visit, ctx);
                break;
        case NODE_NUMBER:
        case NODE_STRING:
        case NODE_DURATION:
                break;
        }
}

/* ---- reading ------------------------------------------------------------------------------ */

struct collector {
        struct promql_selector *items;
        size_t count;
};

static void collect(struct node_selector *selector, void *ctx)
{
        struct collector *collector = ctx;

        collector->items[collector->count++] = (struct promql_selector){
                selector->matchers, selector->matcher_count};
}

void promql_expr_selectors(struct arena *arena, const struct promql_expr *expr,
                           struct promql_selector **ret_selectors, size_t *ret_count)
{
        struct collector collector = {
                arena_array(arena, struct promql_selector, expr->node_count), 0};

        each_selector((struct node *)expr->root, collect, &collector);
        *ret_selectors = collector.items;
        *ret_count = collector.count;
}

/* ---- editing ------------------------------------------------------------------------------ */

struct edit {
        struct arena *arena;
        struct matcher matcher;
};

static void set_matcher(struct node_selector *selector, void *ctx)
{
        const struct edit *edit = ctx;
        struct matcher *matchers;
        bool found = false;

        for (size_t i = 0; i < selector->matcher_count; i++)
                if (str_equal(selector->matchers[i].name, edit->matcher.name)) {
                        selector->matchers[i] = edit->matcher;
                        found = true;
                }
        if (found)
                return;
        matchers = arena_array(edit->arena, struct matcher, selector->matcher_count + 1);
        for (size_t i = 0; i < selector->matcher_count; i++)
                matchers[i] = selector->matchers[i];
        matchers[selector->matcher_count++] = edit->matcher;
        selector->matchers = matchers;
}

static void delete_matcher(struct node_selector *selector, void *ctx)
{
        const struct edit *edit = ctx;
        size_t kept = 0;

        for (size_t i = 0; i < selector->matcher_count; i++)
                if (!str_equal(selector->matchers[i].name, edit->matcher.name))
                        selector->matchers[kept++] = selector->matchers[i];
        selector->matcher_count = kept;
}

bool promql_expr_set_matcher(struct arena *arena, const struct promql_expr *expr,
                             enum matcher_op op, struct str name, struct str value,
                             struct error *err)
{
        struct edit edit = {.arena = arena};

        if (!matcher_init(&edit.matcher, arena, op, name, value, err))
                return false;
        each_selector((struct node *)expr->root, set_matcher, &edit);
        return true;
}

void promql_expr_delete_matcher(const struct promql_expr *expr, struct str name)
{
        struct edit edit = {.matcher = {.name = name}};

        each_selector((struct node *)expr->root, delete_matcher, &edit);
}

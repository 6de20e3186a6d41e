/* The syntax tree as JSON, in the shapes of Prometheus's parse_query API. */
#include "codec/double.h"
#include "codec/json.h"
#include "promql/expr_int.h"

static void put_node(struct json_writer *w, const struct node *node);

static void put_text(struct json_writer *w, const char *key, const char *text)
{
        json_key(w, key);
        json_cstring(w, text);
}

static void put_str(struct json_writer *w, const char *key, struct str text)
{
        json_key(w, key);
        json_string(w, text);
}

static void put_int(struct json_writer *w, const char *key, int64_t value)
{
        json_key(w, key);
        json_int(w, value);
}

static void put_bool(struct json_writer *w, const char *key, bool value)
{
        json_key(w, key);
        json_bool(w, value);
}

static void put_child(struct json_writer *w, const char *key, const struct node *node)
{
        json_key(w, key);
        if (node)
                put_node(w, node);
        else
                json_null(w);
}

static void put_names(struct json_writer *w, const char *key, const struct names *names)
{
        json_key(w, key);
        json_array_begin(w);
        for (size_t i = 0; i < names->count; i++)
                json_string(w, names->items[i]);
        json_array_end(w);
}

static void put_number(struct json_writer *w, const char *key, double value)
{
        char text[DOUBLE_TEXT_MAX];
        size_t len = double_format(text, value, DOUBLE_F);

        put_str(w, key, str_make(text, len));
}

/* offset, @, and which end of the query @ means. */
static void put_shift(struct json_writer *w, const struct time_shift *shift)
{
        put_int(w, "offset", shift->offset_ms);
        json_key(w, "timestamp");
        if (shift->at == AT_TIME)
                json_int(w, shift->at_ms);
        else
                json_null(w);
        json_key(w, "startOrEnd");
        if (shift->at == AT_START || shift->at == AT_END)
                json_cstring(w, shift->at == AT_START ? "start" : "end");
        else
                json_null(w);
}

static void put_selector(struct json_writer *w, const struct node_selector *selector)
{
        put_str(w, "name", selector->name);
        json_key(w, "matchers");
        json_array_begin(w);
        for (size_t i = 0; i < selector->matcher_count; i++) {
                const struct matcher *matcher = &selector->matchers[i];

                json_object_begin(w);
                put_text(w, "type", matcher_op_text(matcher->op));
                put_str(w, "name", matcher->name);
                put_str(w, "value", matcher->value);
                json_object_end(w);
        }
        json_array_end(w);
        put_shift(w, &selector->shift);
        put_bool(w, "anchored", selector->anchored);
        put_bool(w, "smoothed", selector->smoothed);
}

static void put_matrix(struct json_writer *w, const struct node_matrix *matrix)
{
        put_text(w, "type", "matrixSelector");
        put_selector(w, &matrix->selector->selector);
        put_int(w, "range", matrix->range.ms);
}

static void put_subquery(struct json_writer *w, const struct node_subquery *subquery)
{
        put_text(w, "type", "subquery");
        put_child(w, "expr", subquery->expr);
        put_int(w, "range", subquery->range.ms);
        put_int(w, "step", subquery->step.ms);
        put_shift(w, &subquery->shift);
}

static void put_call(struct json_writer *w, const struct node_call *call)
{
        const struct function *function = call->function;

        put_text(w, "type", "call");
        json_key(w, "func");
        json_object_begin(w);
        put_text(w, "name", function->name);
        json_key(w, "argTypes");
        json_array_begin(w);
        for (size_t i = 0; i < function->arg_count; i++)
                json_cstring(w, promql_type_name(function->args[i]));
        json_array_end(w);
        put_int(w, "variadic", function->variadic);
        put_text(w, "returnType", promql_type_name(function->result));
        json_object_end(w);
        json_key(w, "args");
        json_array_begin(w);
        for (size_t i = 0; i < call->arg_count; i++)
                put_node(w, call->args[i]);
        json_array_end(w);
}

static void put_aggregate(struct json_writer *w, const struct node_aggregate *aggregate)
{
        put_text(w, "type", "aggregation");
        put_text(w, "op", token_kind_text(aggregate->op));
        put_child(w, "expr", aggregate->expr);
        put_child(w, "param", aggregate->param);
        put_names(w, "grouping", &aggregate->grouping);
        put_bool(w, "without", aggregate->without);
}

static void put_fill(struct json_writer *w, const char *key, bool set, double value)
{
        if (set) {
                put_number(w, key, value);
                return;
        }
        json_key(w, key);
        json_null(w);
}

static void put_matching(struct json_writer *w, const struct node_binary *binary)
{
        static const char *const cards[] = {
                [MATCH_ONE_TO_ONE] = "one-to-one",
                [MATCH_MANY_TO_ONE] = "many-to-one",
                [MATCH_ONE_TO_MANY] = "one-to-many",
                [MATCH_MANY_TO_MANY] = "many-to-many",
        };

        json_key(w, "matching");
        if (!binary->matching) {
                json_null(w);
                return;
        }
        json_object_begin(w);
        put_text(w, "card", cards[binary->card]);
        put_names(w, "labels", &binary->labels);
        put_bool(w, "on", binary->on);
        put_names(w, "include", &binary->include);
        json_key(w, "fillValues");
        json_object_begin(w);
        put_fill(w, "lhs", binary->fill_left_set, binary->fill_left);
        put_fill(w, "rhs", binary->fill_right_set, binary->fill_right);
        json_object_end(w);
        json_object_end(w);
}

static void put_binary(struct json_writer *w, const struct node_binary *binary)
{
        put_text(w, "type", "binaryExpr");
        put_text(w, "op", token_kind_text(binary->op));
        put_child(w, "lhs", binary->lhs);
        put_child(w, "rhs", binary->rhs);
        put_matching(w, binary);
        put_bool(w, "bool", binary->return_bool);
}

static void put_node(struct json_writer *w, const struct node *node)
{
        json_object_begin(w);
        switch (node->kind) {
        case NODE_NUMBER:
                put_text(w, "type", "numberLiteral");
                put_number(w, "val", node->number.value);
                break;
        case NODE_STRING:
                put_text(w, "type", "stringLiteral");
                put_str(w, "val", node->string);
                break;
        case NODE_SELECTOR:
                put_text(w, "type", "vectorSelector");
                put_selector(w, &node->selector);
                break;
        case NODE_MATRIX:
                put_matrix(w, &node->matrix);
                break;
        case NODE_SUBQUERY:
                put_subquery(w, &node->subquery);
                break;
        case NODE_CALL:
                put_call(w, &node->call);
                break;
        case NODE_AGGREGATE:
                put_aggregate(w, &node->aggregate);
                break;
        case NODE_BINARY:
                put_binary(w, &node->binary);
                break;
        case NODE_UNARY:
                put_text(w, "type", "unaryExpr");
                put_text(w, "op", token_kind_text(node->unary.op));
                put_child(w, "expr", node->unary.expr);
                break;
        case NODE_PAREN:
                put_text(w, "type", "parenExpr");
                put_child(w, "expr", node->paren);
                break;
        case NODE_DURATION:
                BUG_ON(true); /* part of an extent, never a child */
        }
        json_object_end(w);
}

void promql_expr_write_tree(struct json_writer *writer, const struct promql_expr *expr)
{
        put_node(writer, expr->root);
}

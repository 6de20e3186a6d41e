#include <stdarg.h>
#include <stdio.h>

#include "codec/quote.h"
#include "promql/expr_int.h"

enum promql_type node_type(const struct node *node)
{
        switch (node->kind) {
        case NODE_NUMBER:
        case NODE_DURATION:
                return PROMQL_SCALAR;
        case NODE_STRING:
                return PROMQL_STRING;
        case NODE_SELECTOR:
        case NODE_AGGREGATE:
                return PROMQL_VECTOR;
        case NODE_MATRIX:
        case NODE_SUBQUERY:
                return PROMQL_MATRIX;
        case NODE_CALL:
                return node->call.function->result;
        case NODE_BINARY:
                return node_type(node->binary.lhs) == PROMQL_SCALAR &&
                                       node_type(node->binary.rhs) == PROMQL_SCALAR
                               ? PROMQL_SCALAR
                               : PROMQL_VECTOR;
        case NODE_UNARY:
                return node_type(node->unary.expr);
        case NODE_PAREN:
                return node_type(node->paren);
        }
        BUG_ON(true);
}

bool aggregate_has_param(enum token_kind op)
{
        return op == TOKEN_TOPK || op == TOKEN_BOTTOMK || op == TOKEN_COUNT_VALUES ||
               op == TOKEN_QUANTILE || op == TOKEN_LIMITK || op == TOKEN_LIMIT_RATIO;
}

void position_format(char *out, struct str text, size_t offset)
{
        size_t line = 1, column_zero = 0;
        bool broken = false;

        if (text.len == 0) {
                strcpy(out, "unknown position");
                return;
        }
        for (size_t i = 0; i < offset && i < text.len; i++) {
                if (text.data[i] == '\n') {
                        line++;
                        column_zero = i;
                        broken = true;
                }
        }
        snprintf(out, POSITION_TEXT_MAX, "%zu:%zu", line,
                 broken ? offset - column_zero : offset + 1);
}

bool parse_error(struct error *err, struct str text, size_t offset, const char *fmt, ...)
{
        char position[POSITION_TEXT_MAX], message[768];
        va_list args;

        va_start(args, fmt);
        vsnprintf(message, sizeof(message), fmt, args);
        va_end(args);
        position_format(position, text, offset);
        return error_set(err, ERROR_INVALID, "%s: parse error: %s", position, message);
}

struct checker {
        struct str text;
        struct error *err;
};

static bool check_node(struct checker *checker, struct node *node);

#define FAIL_AT(checker, offset, ...) \
        parse_error((checker)->err, (checker)->text, (offset), __VA_ARGS__)

static const char *documented_type(enum promql_type type)
{
        static const char *const names[] = {"scalar", "string", "instant vector",
                                            "range vector"};

        return names[type];
}

static bool expect_type(struct checker *checker, struct node *node, enum promql_type want,
                        const char *context)
{
        if (!check_node(checker, node))
                return false;
        if (node_type(node) != want)
                return FAIL_AT(checker, node->span.start, "expected type %s in %s, got %s",
                               documented_type(want), context,
                               documented_type(node_type(node)));
        return true;
}

static bool check_aggregate(struct checker *checker, struct node *node)
{
        struct node_aggregate *aggregate = &node->aggregate;

        if (!expect_type(checker, aggregate->expr, PROMQL_VECTOR, "aggregation expression"))
                return false;
        if (!aggregate->param)
                return true;
        return expect_type(checker, aggregate->param,
                           aggregate->op == TOKEN_COUNT_VALUES ? PROMQL_STRING : PROMQL_SCALAR,
                           "aggregation parameter");
}

/* Where the operator itself is written: behind the left side and any space. */
static size_t operator_offset(const struct checker *checker, const struct node *node)
{
        size_t at = node->binary.lhs->span.end;

        while (at < checker->text.len && strchr(" \t\n\r", checker->text.data[at]))
                at++;
        return at;
}

static bool check_matching(struct checker *checker, struct node *node, bool vectors)
{
        struct node_binary *binary = &node->binary;
        const char *op = token_kind_text(binary->op);
        bool set = token_is_set_operator(binary->op);
        bool fill = binary->fill_left_set || binary->fill_right_set;

        if (!vectors) {
                if (binary->labels.count)
                        return FAIL_AT(checker, node->span.start,
                                       "vector matching only allowed between instant vectors");
                if (fill)
                        return FAIL_AT(checker, node->span.start,
                                       "filling in missing series only allowed between instant "
                                       "vectors");
                binary->matching = false;
        } else if (set) {
                if (binary->card != MATCH_MANY_TO_MANY)
                        return FAIL_AT(checker, node->span.start,
                                       "no grouping allowed for \"%s\" operation", op);
                if (fill)
                        return FAIL_AT(checker, node->span.start,
                                       "filling in missing series not allowed for set operators");
        }
        if (set && (node_type(binary->lhs) == PROMQL_SCALAR ||
                    node_type(binary->rhs) == PROMQL_SCALAR))
                return FAIL_AT(checker, node->span.start,
                               "set operator \"%s\" not allowed in binary scalar expression", op);
        return true;
}

static bool check_binary(struct checker *checker, struct node *node)
{
        struct node_binary *binary = &node->binary;
        enum promql_type left, right;

        if (!check_node(checker, binary->lhs) || !check_node(checker, binary->rhs))
                return false;
        left = node_type(binary->lhs);
        right = node_type(binary->rhs);
        if (binary->return_bool && !token_is_comparison(binary->op))
                return FAIL_AT(checker, operator_offset(checker, node),
                               "bool modifier can only be used on comparison operators");
        if (token_is_comparison(binary->op) && !binary->return_bool && left == PROMQL_SCALAR &&
            right == PROMQL_SCALAR)
                return FAIL_AT(checker, operator_offset(checker, node),
                               "comparisons between scalars must use BOOL modifier");
        if (token_is_set_operator(binary->op) && binary->card == MATCH_ONE_TO_ONE)
                binary->card = MATCH_MANY_TO_MANY;
        for (size_t i = 0; binary->on && i < binary->labels.count; i++)
                for (size_t j = 0; j < binary->include.count; j++)
                        if (str_equal(binary->labels.items[i], binary->include.items[j]))
                                return FAIL_AT(checker, operator_offset(checker, node),
                                               "label \"" STR_FMT "\" must not occur in ON and "
                                               "GROUP clause at once",
                                               STR_ARG(binary->labels.items[i]));
        if (left != PROMQL_SCALAR && left != PROMQL_VECTOR)
                return FAIL_AT(checker, binary->lhs->span.start,
                               "binary expression must contain only scalar and instant vector "
                               "types");
        if (right != PROMQL_SCALAR && right != PROMQL_VECTOR)
                return FAIL_AT(checker, binary->rhs->span.start,
                               "binary expression must contain only scalar and instant vector "
                               "types");
        return check_matching(checker, node, left == PROMQL_VECTOR && right == PROMQL_VECTOR);
}

static bool check_arg_count(struct checker *checker, const struct node *node)
{
        const struct function *function = node->call.function;
        size_t got = node->call.arg_count, least = function->arg_count - 1;

        if (function->variadic == 0) {
                if (got != function->arg_count)
                        return FAIL_AT(checker, node->span.start,
                                       "expected %zu argument(s) in call to \"%s\", got %zu",
                                       function->arg_count, function->name, got);
                return true;
        }
        if (got < least)
                return FAIL_AT(checker, node->span.start,
                               "expected at least %zu argument(s) in call to \"%s\", got %zu",
                               least, function->name, got);
        if (function->variadic > 0 && got > least + (size_t)function->variadic)
                return FAIL_AT(checker, node->span.start,
                               "expected at most %zu argument(s) in call to \"%s\", got %zu",
                               least + (size_t)function->variadic, function->name, got);
        return true;
}

/* The second argument of info() is a bare set of label matchers. */
static bool check_info(struct checker *checker, struct node *node)
{
        struct node *selector = node->call.args[1];

        if (node_type(selector) != PROMQL_VECTOR)
                return FAIL_AT(checker, node->span.start,
                               "expected type instant vector in call to function \"info\", "
                               "got %s",
                               documented_type(node_type(selector)));
        if (selector->kind != NODE_SELECTOR)
                return FAIL_AT(checker, selector->span.start, "expected label selectors only");
        if (selector->selector.name.len)
                return FAIL_AT(checker, selector->span.start,
                               "expected label selectors only, got vector selector instead");
        selector->selector.any_matcher = true;
        return true;
}

static bool check_call(struct checker *checker, struct node *node)
{
        const struct function *function = node->call.function;

        if (!check_arg_count(checker, node))
                return false;
        if (function_kind(function) == FUNCTION_INFO && node->call.arg_count > 1 &&
            !check_info(checker, node))
                return false;
        for (size_t i = 0; i < node->call.arg_count; i++) {
                size_t slot = i < function->arg_count ? i : function->arg_count - 1;
                struct node *arg = node->call.args[i];

                if (!check_node(checker, arg))
                        return false;
                if (node_type(arg) != function->args[slot])
                        return FAIL_AT(checker, arg->span.start,
                                       "expected type %s in call to function \"%s\", got %s",
                                       documented_type(function->args[slot]), function->name,
                                       documented_type(node_type(arg)));
        }
        return true;
}

static bool fail_second_name(struct checker *checker, const struct node *node, struct str other)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(1 << 16);

        quote_append(&text, node->selector.name);
        buf_append_cstr(&text, " or ");
        quote_append(&text, other);
        return FAIL_AT(checker, node->span.start, "metric name must not be set twice: " STR_FMT,
                       STR_ARG(buf_str(&text)));
}

static bool check_selector(struct checker *checker, struct node *node)
{
        struct node_selector *selector = &node->selector;

        if (selector->name.len) {
                for (size_t i = 0; i + 1 < selector->matcher_count; i++)
                        if (str_equal(selector->matchers[i].name, LABEL_METRIC_NAME))
                                return fail_second_name(checker, node,
                                                        selector->matchers[i].value);
                return true;
        }
        for (size_t i = 0; i < selector->matcher_count; i++)
                if (!matcher_matches(&selector->matchers[i], STR_LIT("")))
                        return true;
        if (selector->any_matcher)
                return true;
        return FAIL_AT(checker, node->span.start,
                       "vector selector must contain at least one non-empty matcher");
}

static bool check_subquery(struct checker *checker, struct node *node)
{
        struct node *expr = node->subquery.expr;

        if (!check_node(checker, expr))
                return false;
        if (node_type(expr) != PROMQL_VECTOR)
                return FAIL_AT(checker, node->span.start,
                               "subquery is only allowed on instant vector, got %s instead",
                               promql_type_name(node_type(expr)));
        return true;
}

static bool check_unary(struct checker *checker, struct node *node)
{
        struct node *expr = node->unary.expr;

        if (!check_node(checker, expr))
                return false;
        if (node_type(expr) != PROMQL_SCALAR && node_type(expr) != PROMQL_VECTOR)
                return FAIL_AT(checker, node->span.start,
                               "unary expression only allowed on expressions of type scalar or "
                               "instant vector, got \"%s\"",
                               documented_type(node_type(expr)));
        return true;
}

static bool check_node(struct checker *checker, struct node *node)
{
        switch (node->kind) {
        case NODE_NUMBER:
        case NODE_STRING:
        case NODE_DURATION:
                return true;
        case NODE_SELECTOR:
                return check_selector(checker, node);
        case NODE_MATRIX:
                return check_node(checker, node->matrix.selector);
        case NODE_SUBQUERY:
                return check_subquery(checker, node);
        case NODE_CALL:
                return check_call(checker, node);
        case NODE_AGGREGATE:
                return check_aggregate(checker, node);
        case NODE_BINARY:
                return check_binary(checker, node);
        case NODE_UNARY:
                return check_unary(checker, node);
        case NODE_PAREN:
                return check_node(checker, node->paren);
        }
        BUG_ON(true);
}

bool expr_check(struct str text, struct node *root, struct error *err)
{
        struct checker checker = {text, err};

        return check_node(&checker, root);
}

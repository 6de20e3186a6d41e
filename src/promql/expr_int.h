/* promql/expr_int.h - the syntax tree. Nodes live in the arena of the expression and do not
 * change once it is parsed. */
#ifndef PROMQL_EXPR_INT_H
#define PROMQL_EXPR_INT_H

#include "model/matcher.h"
#include "promql/function_int.h"
#include "promql/lex_int.h"
#include "promql/promql.h"

/* Evaluation recurses over the tree: a level takes a few hundred bytes of stack. */
enum { EXPR_DEPTH_MAX = 1000 };

enum node_kind {
        NODE_NUMBER,
        NODE_STRING,
        NODE_SELECTOR,
        NODE_MATRIX,
        NODE_SUBQUERY,
        NODE_CALL,
        NODE_AGGREGATE,
        NODE_BINARY,
        NODE_UNARY,
        NODE_PAREN,
        NODE_DURATION, /* arithmetic in a range, step or offset */
};

struct span {
        size_t start, end; /* byte offsets in the text */
};

enum at_kind { AT_NONE, AT_TIME, AT_START, AT_END };

/* offset and @ of a selector or subquery. */
struct time_shift {
        int64_t offset_ms;
        const struct node *offset_expr; /* a NODE_DURATION, or NULL */
        enum at_kind at;
        int64_t at_ms;
};

/* A range or step: fixed, or a NODE_DURATION that depends on the query. */
struct extent {
        int64_t ms;
        const struct node *expr;
};

enum match_card { MATCH_ONE_TO_ONE, MATCH_MANY_TO_ONE, MATCH_ONE_TO_MANY, MATCH_MANY_TO_MANY };

struct names {
        struct str *items;
        size_t count;
};

struct node_selector {
        struct str name; /* written outside the braces; empty when not */
        struct matcher *matchers;
        size_t matcher_count;
        struct time_shift shift;
        bool anchored, smoothed;
        bool any_matcher; /* the second argument of info() may match everything */
};

struct node_matrix {
        struct node *selector;
        struct extent range;
};

struct node_subquery {
        struct node *expr;
        struct extent range, step; /* step.ms 0 without expr: the default */
        struct time_shift shift;
};

struct node_call {
        const struct function *function;
        struct node **args;
        size_t arg_count;
};

struct node_aggregate {
        enum token_kind op;
        bool without;
        struct names grouping;
        struct node *expr, *param; /* param is NULL for most operators */
};

struct node_binary {
        enum token_kind op;
        bool return_bool;
        bool matching; /* between vectors: what follows counts */
        bool on;
        enum match_card card;
        struct names labels, include;
        bool fill_left_set, fill_right_set;
        double fill_left, fill_right;
        struct node *lhs, *rhs;
};

struct node_unary {
        enum token_kind op;
        struct node *expr;
};

struct node_duration {
        enum token_kind op; /* TOKEN_STEP and TOKEN_RANGE have no operands */
        bool wrapped;       /* in parentheses */
        struct node *lhs, *rhs;
};

struct node {
        enum node_kind kind;
        struct span span;
        size_t depth; /* 1 for a leaf */
        size_t id;    /* 0, 1, 2, ... within one expression */
        union {
                struct {
                        double value;
                        bool is_duration; /* written as 5m */
                } number;
                struct str string;
                struct node_selector selector;
                struct node_matrix matrix;
                struct node_subquery subquery;
                struct node_call call;
                struct node_aggregate aggregate;
                struct node_binary binary;
                struct node_unary unary;
                struct node *paren;
                struct node_duration duration;
        };
};

struct promql_expr {
        struct str text;
        const struct node *root;
        size_t node_count;
};

enum promql_type node_type(const struct node *node);
bool aggregate_has_param(enum token_kind op);

/* Type-checks the tree and settles what depends on types. */
NODISCARD bool expr_check(struct str text, struct node *root, struct error *err);

/* "line:column" of a byte offset, as Prometheus counts them, into at least 48 bytes. */
enum { POSITION_TEXT_MAX = 48 };
void position_format(char *out, struct str text, size_t offset);
/* Fills err with "line:column: parse error: message" and returns false. */
bool parse_error(struct error *err, struct str text, size_t offset, const char *fmt, ...)
        PRINTF_LIKE(4, 5);

/* Removes parentheses around a node. */
static inline const struct node *node_unwrap(const struct node *node)
{
        while (node->kind == NODE_PAREN)
                node = node->paren;
        return node;
}

#endif

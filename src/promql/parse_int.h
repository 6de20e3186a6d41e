/* promql/parse_int.h - the parser's state, shared by its files. */
#ifndef PROMQL_PARSE_INT_H
#define PROMQL_PARSE_INT_H

#include "promql/expr_int.h"

struct parser {
        struct arena *arena;
        struct str text;
        struct promql_features features;
        struct lexer lexer;
        struct token token; /* the next one, not yet consumed */
        size_t last_end;    /* end of the last consumed token */
        size_t depth;
        size_t node_count;
        size_t aggregations; /* how many aggregation bodies are open */
        const char *duration_context, *duration_expected; /* inside a duration expression */
        struct error *err;
};

struct node *parser_node(struct parser *parser, enum node_kind kind, size_t start);
void parser_advance(struct parser *parser);
NODISCARD bool parser_accept(struct parser *parser, enum token_kind kind);
NODISCARD bool parser_enter(struct parser *parser); /* one level deeper, or an error */
/* Ends a node at the last token, one level above children of that depth; or an error. */
NODISCARD bool parser_finish(struct parser *parser, struct node *node, size_t child_depth);
void parser_report(struct parser *parser, size_t offset, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* "unexpected <token> in context, expected what"; context and what may be NULL. */
void parser_report_unexpected(struct parser *parser, const char *context, const char *expected);
/* The same as expressions that are false, so that `return parser_fail(...)` reads well. */
#define parser_fail(...) (parser_report(__VA_ARGS__), false)
#define parser_unexpected(...) (parser_report_unexpected(__VA_ARGS__), false)
bool parser_is_number(const struct parser *parser);
/* The number or duration that is next. */
NODISCARD bool parser_number(struct parser *parser, struct node **ret_node);

/* In parse_duration.c: what stands in brackets and behind offset. */
NODISCARD bool parse_positive_duration(struct parser *parser, const char *context,
                                       const char *expected, struct extent *ret_extent);
NODISCARD bool parse_offset_duration(struct parser *parser, struct extent *ret_extent);

/* In parse_selector.c. */
bool parse_is_metric_name(enum token_kind kind);
NODISCARD bool parse_vector_selector(struct parser *parser, struct node **ret_node);

#endif

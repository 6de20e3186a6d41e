/* promql/lex_int.h - text of an expression -> tokens, with Prometheus's lexical error texts.
 *
 * The lexer is a value: copy it to look ahead. Tokens borrow the text they were read from.
 */
#ifndef PROMQL_LEX_INT_H
#define PROMQL_LEX_INT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

enum token_kind {
        TOKEN_EOF,
        TOKEN_ERROR, /* the token's text is the message */
        TOKEN_IDENTIFIER,
        TOKEN_METRIC_IDENTIFIER, /* with a colon in it */
        TOKEN_STRING,            /* with its quotes */
        TOKEN_NUMBER,
        TOKEN_DURATION,
        TOKEN_LEFT_PAREN,
        TOKEN_RIGHT_PAREN,
        TOKEN_LEFT_BRACE,
        TOKEN_RIGHT_BRACE,
        TOKEN_LEFT_BRACKET,
        TOKEN_RIGHT_BRACKET,
        TOKEN_COMMA,
        TOKEN_COLON,
        TOKEN_EQUAL,

        TOKEN_OPERATORS,
        TOKEN_ADD,
        TOKEN_SUB,
        TOKEN_MUL,
        TOKEN_DIV,
        TOKEN_MOD,
        TOKEN_POW,
        TOKEN_ATAN2,
        TOKEN_EQLC,
        TOKEN_NEQ,
        TOKEN_LTE,
        TOKEN_LSS,
        TOKEN_GTE,
        TOKEN_GTR,
        TOKEN_TRIM_UPPER,
        TOKEN_TRIM_LOWER,
        TOKEN_AND,
        TOKEN_OR,
        TOKEN_UNLESS,
        TOKEN_EQL_REGEX,
        TOKEN_NEQ_REGEX,
        TOKEN_AT,
        TOKEN_OPERATORS_END,

        TOKEN_AGGREGATORS,
        TOKEN_SUM,
        TOKEN_AVG,
        TOKEN_COUNT,
        TOKEN_MIN,
        TOKEN_MAX,
        TOKEN_GROUP,
        TOKEN_STDDEV,
        TOKEN_STDVAR,
        TOKEN_TOPK,
        TOKEN_BOTTOMK,
        TOKEN_COUNT_VALUES,
        TOKEN_QUANTILE,
        TOKEN_LIMITK,
        TOKEN_LIMIT_RATIO,
        TOKEN_AGGREGATORS_END,

        TOKEN_KEYWORDS,
        TOKEN_OFFSET,
        TOKEN_SMOOTHED,
        TOKEN_ANCHORED,
        TOKEN_BY,
        TOKEN_WITHOUT,
        TOKEN_ON,
        TOKEN_IGNORING,
        TOKEN_GROUP_LEFT,
        TOKEN_GROUP_RIGHT,
        TOKEN_FILL,
        TOKEN_FILL_LEFT,
        TOKEN_FILL_RIGHT,
        TOKEN_BOOL,
        TOKEN_KEYWORDS_END,

        TOKEN_START,
        TOKEN_END,
        TOKEN_STEP,
        TOKEN_RANGE,
        TOKEN_MIN_OF,
        TOKEN_MAX_OF,
};

struct token {
        enum token_kind kind;
        size_t at; /* byte offset in the expression */
        struct str text;
};

struct lexer {
        struct arena *arena; /* for error texts */
        struct str input;
        size_t pos;
        size_t start; /* of the token being read */
        size_t paren_depth;
        bool brace_open, bracket_open, got_colon;
        bool in_duration; /* behind a '[', before its first number */
        bool failed;
        struct token error; /* when failed: what every further call returns */
};

void lexer_init(struct lexer *lexer, struct arena *arena, struct str input);
struct token lexer_next(struct lexer *lexer);

bool token_is_operator(enum token_kind kind);
bool token_is_aggregator(enum token_kind kind);
bool token_is_comparison(enum token_kind kind);
bool token_is_set_operator(enum token_kind kind);
bool token_is_keyword(enum token_kind kind);
/* The canonical spelling of an operator, aggregator or keyword. */
const char *token_kind_text(enum token_kind kind);
/* How Prometheus names a token in "unexpected ...". */
void token_describe(struct buf *out, const struct token *token);

#endif

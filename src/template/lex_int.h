/* template/lex_int.h - the text of a template as tokens, by the rules of Go's text/template. */
#ifndef TEMPLATE_LEX_INT_H
#define TEMPLATE_LEX_INT_H

#include "base/buf.h"

enum token_kind {
        TOKEN_ERROR, /* text is the reason */
        TOKEN_EOF,
        TOKEN_TEXT,
        TOKEN_LEFT_DELIM,
        TOKEN_RIGHT_DELIM,
        TOKEN_SPACE,
        TOKEN_BOOL,
        TOKEN_CHAR, /* a comma and other single characters */
        TOKEN_CHAR_CONSTANT,
        TOKEN_ASSIGN,
        TOKEN_DECLARE,
        TOKEN_FIELD,
        TOKEN_IDENTIFIER,
        TOKEN_LEFT_PAREN,
        TOKEN_RIGHT_PAREN,
        TOKEN_NUMBER,
        TOKEN_PIPE,
        TOKEN_RAW_STRING,
        TOKEN_STRING,
        TOKEN_VARIABLE,
        /* keywords */
        TOKEN_DOT,
        TOKEN_BLOCK,
        TOKEN_BREAK,
        TOKEN_CONTINUE,
        TOKEN_DEFINE,
        TOKEN_ELSE,
        TOKEN_END,
        TOKEN_IF,
        TOKEN_NIL,
        TOKEN_RANGE,
        TOKEN_TEMPLATE,
        TOKEN_WITH,
};

struct lexeme {
        enum token_kind kind;
        size_t pos;      /* of its first byte in the text */
        struct str text; /* as written */
        unsigned line;   /* of its first byte, from 1 */
};

struct scanner {
        struct str input;
        size_t pos, start;
        unsigned line, start_line;
        unsigned paren_depth;
        bool inside;     /* an action */
        bool ended;      /* at the end, or after an error */
        char reason[96]; /* of the error */
};

void scanner_init(struct scanner *lexer, struct str input);
struct lexeme scanner_next(struct scanner *lexer); /* at the end for ever TOKEN_EOF */

/* How an error names a token. */
void lexeme_describe(struct buf *out, const struct lexeme *token);

#endif

#include <math.h>

#include "promql/parse_int.h"

static const char number_or_step[] = "number, duration, step(), or range()";

static bool parse_sum(struct parser *parser, int least_precedence, struct node **ret_node);

/* Beyond this many seconds Prometheus's nanoseconds overflow. */
static bool out_of_range(double seconds)
{
        return seconds > 9223372036.854775807 || seconds < -9223372036.854775807;
}

static int precedence_of(enum token_kind op)
{
        switch (op) {
        case TOKEN_ADD:
        case TOKEN_SUB:
                return 1;
        case TOKEN_MUL:
        case TOKEN_DIV:
        case TOKEN_MOD:
                return 2;
        case TOKEN_POW:
                return 3;
        default:
                return 0;
        }
}

static struct node *duration_node(struct parser *parser, enum token_kind op, size_t start,
                                  struct node *lhs, struct node *rhs)
{
        struct node *node = parser_node(parser, NODE_DURATION, start);

        node->duration.op = op;
        node->duration.lhs = lhs;
        node->duration.rhs = rhs;
        node->span.end = parser->last_end;
        return node;
}

static bool parse_literal(struct parser *parser, struct node **ret_node)
{
        if (!parser_number(parser, ret_node))
                return false;
        if (out_of_range((*ret_node)->number.value))
                return parser_fail(parser, (*ret_node)->span.start, "duration out of range");
        return true;
}

/* step(), range(), min_of(a, b), max_of(a, b) */
static bool parse_word(struct parser *parser, struct node **ret_node)
{
        struct token word = parser->token;
        struct node *lhs = NULL, *rhs = NULL;

        parser_advance(parser);
        if (!parser_accept(parser, TOKEN_LEFT_PAREN))
                return parser_unexpected(parser, NULL, NULL);
        if (word.kind == TOKEN_MIN_OF || word.kind == TOKEN_MAX_OF) {
                if (!parse_sum(parser, 1, &lhs))
                        return false;
                if (!parser_accept(parser, TOKEN_COMMA))
                        return parser_unexpected(parser, NULL, NULL);
                if (!parse_sum(parser, 1, &rhs))
                        return false;
        }
        if (!parser_accept(parser, TOKEN_RIGHT_PAREN))
                return parser_unexpected(parser, NULL, NULL);
        *ret_node = duration_node(parser, word.kind, word.at, lhs, rhs);
        return true;
}

/* A parenthesized literal keeps its parentheses as a wrapped unary plus, so that it prints as it
 * was written. */
static struct node *wrap(struct parser *parser, struct node *inner, size_t start)
{
        if (inner->kind != NODE_DURATION)
                inner = duration_node(parser, TOKEN_ADD, start, NULL, inner);
        inner->duration.wrapped = true;
        return inner;
}

static bool parse_parens(struct parser *parser, struct node **ret_node)
{
        size_t start = parser->token.at;
        struct node *inner;

        parser_advance(parser);
        if (!parse_sum(parser, 1, &inner))
                return false;
        if (!parser_accept(parser, TOKEN_RIGHT_PAREN))
                return parser_unexpected(parser, NULL, NULL);
        *ret_node = wrap(parser, inner, start);
        return true;
}

static bool is_word(enum token_kind kind)
{
        return kind == TOKEN_STEP || kind == TOKEN_RANGE || kind == TOKEN_MIN_OF ||
               kind == TOKEN_MAX_OF;
}

static bool parse_primary(struct parser *parser, struct node **ret_node)
{
        if (parser_is_number(parser))
                return parse_literal(parser, ret_node);
        if (is_word(parser->token.kind))
                return parse_word(parser, ret_node);
        if (parser->token.kind == TOKEN_LEFT_PAREN)
                return parse_parens(parser, ret_node);
        return parser_unexpected(parser, NULL, NULL);
}

static struct node *apply_sign(struct parser *parser, struct token sign, struct node *node)
{
        if (node->kind == NODE_DURATION)
                return sign.kind == TOKEN_SUB
                               ? duration_node(parser, TOKEN_SUB, sign.at, NULL, node)
                               : node;
        if (sign.kind == TOKEN_SUB)
                node->number.value = -node->number.value;
        node->span.start = sign.at;
        return node;
}

static bool parse_signed(struct parser *parser, struct node **ret_node)
{
        struct token sign = parser->token;

        if (sign.kind != TOKEN_ADD && sign.kind != TOKEN_SUB)
                return parse_primary(parser, ret_node);
        parser_advance(parser);
        if (!parse_sum(parser, precedence_of(TOKEN_POW), ret_node))
                return false;
        *ret_node = apply_sign(parser, sign, *ret_node);
        return true;
}

static bool combine(struct parser *parser, struct token op, struct node *lhs, struct node *rhs,
                    struct node **ret_node)
{
        if (rhs->kind == NODE_NUMBER && rhs->number.value == 0) {
                if (op.kind == TOKEN_DIV)
                        return parser_fail(parser, op.at, "division by zero");
                if (op.kind == TOKEN_MOD)
                        return parser_fail(parser, op.at, "modulo by zero");
        }
        *ret_node = duration_node(parser, op.kind, lhs->span.start, lhs, rhs);
        return true;
}

static bool parse_sum(struct parser *parser, int least_precedence, struct node **ret_node)
{
        struct node *lhs, *rhs;

        if (!parser_enter(parser) || !parse_signed(parser, &lhs))
                return false;
        for (;;) {
                struct token op = parser->token;
                int precedence = precedence_of(op.kind);

                if (!precedence || precedence < least_precedence)
                        break;
                parser_advance(parser);
                if (!parse_sum(parser, op.kind == TOKEN_POW ? precedence : precedence + 1,
                               &rhs) ||
                    !combine(parser, op, lhs, rhs, &lhs))
                        return false;
        }
        parser->depth--;
        *ret_node = lhs;
        return true;
}

static struct extent extent_of(const struct node *node)
{
        /* Go rounds to nanoseconds and then cuts to milliseconds. */
        if (node->kind == NODE_NUMBER)
                return (struct extent){.ms = llround(node->number.value * 1e9) / 1000000};
        return (struct extent){.expr = node};
}

bool parse_positive_duration(struct parser *parser, const char *context, const char *expected,
                             struct extent *ret_extent)
{
        enum token_kind kind = parser->token.kind;
        struct node *node = NULL;

        if (!parser_is_number(parser) && !is_word(kind) && kind != TOKEN_LEFT_PAREN &&
            kind != TOKEN_ADD && kind != TOKEN_SUB)
                return parser_unexpected(parser, context, expected);
        parser->duration_context = context;
        parser->duration_expected = expected;
        if (!parse_sum(parser, 1, &node))
                return false;
        parser->duration_context = NULL;
        if (node->kind == NODE_NUMBER && node->number.value <= 0)
                return parser_fail(parser, node->span.start, "duration must be greater than 0");
        *ret_extent = extent_of(node);
        return true;
}

/* Behind offset a bare literal ends the duration: foo offset 1m + 1m adds to the value. */
bool parse_offset_duration(struct parser *parser, struct extent *ret_extent)
{
        struct token sign = parser->token;
        bool is_signed = sign.kind == TOKEN_ADD || sign.kind == TOKEN_SUB;
        struct node *node = NULL;

        if (is_signed)
                parser_advance(parser);
        if (!parser_is_number(parser) && !is_word(parser->token.kind) &&
            parser->token.kind != TOKEN_LEFT_PAREN)
                return parser_unexpected(parser, "offset", number_or_step);
        parser->duration_context = "offset";
        parser->duration_expected = number_or_step;
        if (!parse_primary(parser, &node))
                return false;
        parser->duration_context = NULL;
        if (is_signed)
                node = apply_sign(parser, sign, node);
        *ret_extent = extent_of(node);
        return true;
}

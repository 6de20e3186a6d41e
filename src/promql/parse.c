#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec/double.h"
#include "codec/quote.h"
#include "model/duration.h"
#include "promql/parse_int.h"

static bool parse_expr(struct parser *parser, int least_precedence, struct node **ret_node);

static const int unary_operand_precedence = 6; /* above multiplication: only ^ binds tighter */

/* ---- helpers of all parser files -------------------------------------------------------- */

struct node *parser_node(struct parser *parser, enum node_kind kind, size_t start)
{
        struct node *node = arena_new(parser->arena, struct node);

        node->kind = kind;
        node->span = (struct span){start, start};
        node->depth = 1;
        node->id = parser->node_count++;
        return node;
}

void parser_advance(struct parser *parser)
{
        parser->last_end = parser->token.at + parser->token.text.len;
        parser->token = lexer_next(&parser->lexer);
}

bool parser_accept(struct parser *parser, enum token_kind kind)
{
        if (parser->token.kind != kind)
                return false;
        parser_advance(parser);
        return true;
}

void parser_report(struct parser *parser, size_t offset, const char *fmt, ...)
{
        char message[768];
        va_list args;

        va_start(args, fmt);
        vsnprintf(message, sizeof(message), fmt, args);
        va_end(args);
        parse_error(parser->err, parser->text, offset, "%s", message);
}

static bool fail_too_deep(struct parser *parser, size_t offset)
{
        return parser_fail(parser, offset, "expression is nested deeper than %d levels",
                           EXPR_DEPTH_MAX);
}

bool parser_enter(struct parser *parser)
{
        return ++parser->depth <= EXPR_DEPTH_MAX || fail_too_deep(parser, parser->token.at);
}

bool parser_finish(struct parser *parser, struct node *node, size_t child_depth)
{
        node->depth = child_depth + 1;
        node->span.end = parser->last_end;
        return node->depth <= EXPR_DEPTH_MAX || fail_too_deep(parser, node->span.start);
}

void parser_report_unexpected(struct parser *parser, const char *context, const char *expected)
{
        struct buf text = BUF_INIT(512);

        if (parser->token.kind == TOKEN_ERROR) {
                parser_report(parser, parser->token.at, STR_FMT, STR_ARG(parser->token.text));
                return;
        }
        if (!context && parser->duration_context) {
                context = parser->duration_context;
                expected = parser->duration_expected;
        }
        if (!context && parser->aggregations)
                context = "aggregation";
        buf_append_cstr(&text, "unexpected ");
        token_describe(&text, &parser->token);
        if (context)
                buf_printf(&text, " in %s", context);
        if (expected)
                buf_printf(&text, ", expected %s", expected);
        parser_report(parser, parser->token.at, "%s", text.data);
        buf_release(&text);
}

bool parser_is_number(const struct parser *parser)
{
        return parser->token.kind == TOKEN_NUMBER || parser->token.kind == TOKEN_DURATION;
}

/* ---- numbers ---------------------------------------------------------------------------- */

/* Go's ParseInt with base 0: 12, 0x1f, 0o17, 017, 0b11, all with underscores between digits. */
static bool parse_go_integer(struct str text, double *ret_value)
{
        char digits[80], *end;
        size_t len = 0, from = 0;
        int base = 10;
        long long value;

        if (text.len > 1 && text.data[0] == '0') {
                char mark = (char)(text.data[1] | 0x20);

                base = mark == 'x' ? 16 : mark == 'b' ? 2 : 8;
                from = mark == 'x' || mark == 'b' || mark == 'o' ? 2 : 1;
        }
        for (size_t i = from; i < text.len && len < sizeof(digits) - 1; i++)
                if (text.data[i] != '_')
                        digits[len++] = text.data[i];
        digits[len] = '\0';
        if (len == 0 || len == sizeof(digits) - 1 || text.data[text.len - 1] == '_')
                return false;
        errno = 0;
        value = strtoll(digits, &end, base);
        if (errno || *end)
                return false;
        *ret_value = (double)value;
        return true;
}

static size_t skip_digits(struct str text, size_t at)
{
        while (at < text.len && text.data[at] >= '0' && text.data[at] <= '9')
                at++;
        return at;
}

/* Whether a token that is no float64 is too large for one, rather than not a number at all. */
static bool is_number_syntax(struct str text)
{
        size_t at = skip_digits(text, 0), digits = at, exponent;

        if (at < text.len && text.data[at] == '.') {
                at = skip_digits(text, at + 1);
                digits = at - 1;
        }
        if (!digits || at == text.len || (text.data[at] != 'e' && text.data[at] != 'E'))
                return digits && at == text.len;
        at++;
        at += at < text.len && (text.data[at] == '+' || text.data[at] == '-');
        exponent = skip_digits(text, at);
        return exponent > at && exponent == text.len;
}

static bool number_value(struct parser *parser, struct token token, double *ret_value)
{
        if (parse_go_integer(token.text, ret_value) || double_parse(token.text, ret_value))
                return true;
        return parser_fail(parser, token.at,
                           "error parsing number: strconv.ParseFloat: parsing \"" STR_FMT
                           "\": %s",
                           STR_ARG(token.text),
                           is_number_syntax(token.text) ? "value out of range"
                                                        : "invalid syntax");
}

/* Consumes the number or duration that is next. */
static bool take_number(struct parser *parser, double *ret_value, bool *ret_is_duration)
{
        struct token token = parser->token;
        struct error reason;
        double value = 0;
        int64_t ms;

        if (token.kind == TOKEN_DURATION) {
                if (!duration_parse(token.text, &ms, &reason))
                        return parser_fail(parser, token.at, "%s", reason.text);
                value = (double)ms / 1000;
        } else if (!number_value(parser, token, &value)) {
                return false;
        }
        parser_advance(parser);
        *ret_value = value;
        *ret_is_duration = token.kind == TOKEN_DURATION;
        return true;
}

bool parser_number(struct parser *parser, struct node **ret_node)
{
        struct node *node = parser_node(parser, NODE_NUMBER, parser->token.at);

        if (!take_number(parser, &node->number.value, &node->number.is_duration))
                return false;
        node->span.end = parser->last_end;
        *ret_node = node;
        return true;
}

static bool parse_signed_number(struct parser *parser, double *ret_value)
{
        bool negative = parser->token.kind == TOKEN_SUB, is_duration;
        double value = 0;

        if (negative || parser->token.kind == TOKEN_ADD)
                parser_advance(parser);
        if (!take_number(parser, &value, &is_duration))
                return false;
        *ret_value = negative ? -value : value;
        return true;
}

/* ---- modifiers behind a selector --------------------------------------------------------- */

static struct time_shift *shift_of(struct node *node)
{
        if (node->kind == NODE_MATRIX)
                node = node->matrix.selector;
        if (node->kind == NODE_SELECTOR)
                return &node->selector.shift;
        return node->kind == NODE_SUBQUERY ? &node->subquery.shift : NULL;
}

static bool parse_offset(struct parser *parser, struct node *node)
{
        struct time_shift *shift = shift_of(node);
        struct extent offset;

        parser_advance(parser);
        if (!parse_offset_duration(parser, &offset))
                return false;
        if (!shift)
                return parser_fail(parser, node->span.start,
                                   "offset modifier must be preceded by an instant vector "
                                   "selector or range vector selector or a subquery");
        if (shift->offset_ms || shift->offset_expr)
                return parser_fail(parser, node->span.start,
                                   "offset may not be set multiple times");
        shift->offset_ms = offset.ms;
        shift->offset_expr = offset.expr;
        node->span.end = parser->last_end;
        return true;
}

static bool parse_at_value(struct parser *parser, struct node *node, struct time_shift *ret_at)
{
        double seconds;

        if (parser->token.kind == TOKEN_START || parser->token.kind == TOKEN_END) {
                ret_at->at = parser->token.kind == TOKEN_START ? AT_START : AT_END;
                parser_advance(parser);
                if (!parser_accept(parser, TOKEN_LEFT_PAREN) ||
                    !parser_accept(parser, TOKEN_RIGHT_PAREN))
                        return parser_unexpected(parser, "@", "timestamp");
                return true;
        }
        if (!parser_is_number(parser) && parser->token.kind != TOKEN_ADD &&
            parser->token.kind != TOKEN_SUB)
                return parser_unexpected(parser, "@", "timestamp");
        if (parser->token.kind == TOKEN_ADD || parser->token.kind == TOKEN_SUB) {
                struct lexer ahead = parser->lexer;
                enum token_kind next = lexer_next(&ahead).kind;

                if (next != TOKEN_NUMBER && next != TOKEN_DURATION) {
                        parser_advance(parser);
                        return parser_unexpected(parser, "@", "timestamp");
                }
        }
        if (!parse_signed_number(parser, &seconds))
                return false;
        if (!(seconds < 9223372036854775807.0 && seconds > -9223372036854775808.0))
                return parser_fail(parser, node->span.start,
                                   "timestamp out of bounds for @ modifier: %f", seconds);
        ret_at->at = AT_TIME;
        ret_at->at_ms = (int64_t)fmin(fmax(round(seconds * 1000), -9223372036854774784.0),
                                      9223372036854774784.0);
        return true;
}

static bool parse_at(struct parser *parser, struct node *node)
{
        struct time_shift *shift = shift_of(node), given = {0};

        parser_advance(parser);
        if (!parse_at_value(parser, node, &given))
                return false;
        if (!shift)
                return parser_fail(parser, node->span.start,
                                   "@ modifier must be preceded by an instant vector selector or "
                                   "range vector selector or a subquery");
        if (shift->at != AT_NONE)
                return parser_fail(parser, node->span.start,
                                   "@ <timestamp> may not be set multiple times");
        shift->at = given.at;
        shift->at_ms = given.at_ms;
        node->span.end = parser->last_end;
        return true;
}

static bool parse_extended(struct parser *parser, struct node *node)
{
        bool anchored = parser->token.kind == TOKEN_ANCHORED;
        const char *word = anchored ? "anchored" : "smoothed";
        struct node *selector = node->kind == NODE_MATRIX ? node->matrix.selector : node;

        parser_advance(parser);
        if (!parser->features.extended_range_selectors)
                return parser_fail(parser, node->span.start,
                                   "%s modifier is experimental and not enabled", word);
        if (node->kind == NODE_SUBQUERY)
                return parser_fail(parser, node->span.start,
                                   "%s modifier is not supported for subqueries", word);
        if (selector->kind != NODE_SELECTOR)
                return parser_fail(parser, node->span.start, "%s modifier not implemented",
                                   word);
        if (anchored ? selector->selector.smoothed : selector->selector.anchored)
                return parser_fail(parser, node->span.start,
                                   "anchored and smoothed modifiers cannot be used together");
        if (anchored)
                selector->selector.anchored = true;
        else
                selector->selector.smoothed = true;
        return true;
}

static bool finish_matrix(struct parser *parser, struct node *inner, struct extent range,
                          size_t bracket_at, struct node **ret_node)
{
        const struct time_shift *shift = &inner->selector.shift;
        struct node *node;

        if (inner->kind != NODE_SELECTOR)
                return parser_fail(parser, bracket_at,
                                   "ranges only allowed for vector selectors");
        if (shift->offset_ms)
                return parser_fail(parser, bracket_at,
                                   "no offset modifiers allowed before range");
        if (shift->at == AT_TIME)
                return parser_fail(parser, bracket_at, "no @ modifiers allowed before range");
        node = parser_node(parser, NODE_MATRIX, inner->span.start);
        node->matrix = (struct node_matrix){inner, range};
        *ret_node = node;
        return parser_finish(parser, node, inner->depth);
}

/* expr[range] and expr[range:step] */
static bool parse_brackets(struct parser *parser, struct node *inner, struct node **ret_node)
{
        size_t bracket_at = parser->token.at;
        struct extent range, step = {0};
        struct node *node;

        parser_advance(parser);
        if (!parse_positive_duration(parser, "subquery or range selector",
                                     "number, duration, step(), or range()", &range))
                return false;
        if (parser_accept(parser, TOKEN_RIGHT_BRACKET))
                return finish_matrix(parser, inner, range, bracket_at, ret_node);
        if (!parser_accept(parser, TOKEN_COLON))
                return parser_unexpected(parser, "subquery or range", "\":\" or \"]\"");
        if (!parser_accept(parser, TOKEN_RIGHT_BRACKET)) {
                if (!parse_positive_duration(parser, "subquery selector",
                                             "number, duration, step(), range(), or \"]\"",
                                             &step))
                        return false;
                if (!parser_accept(parser, TOKEN_RIGHT_BRACKET))
                        return parser_unexpected(parser, "subquery selector", "\"]\"");
        }
        node = parser_node(parser, NODE_SUBQUERY, inner->span.start);
        node->subquery = (struct node_subquery){.expr = inner, .range = range, .step = step};
        *ret_node = node;
        return parser_finish(parser, node, inner->depth);
}

static bool parse_modifiers(struct parser *parser, struct node **node)
{
        for (;;) {
                bool ok;

                switch (parser->token.kind) {
                case TOKEN_LEFT_BRACKET:
                        ok = parse_brackets(parser, *node, node);
                        break;
                case TOKEN_OFFSET:
                        ok = parse_offset(parser, *node);
                        break;
                case TOKEN_AT:
                        ok = parse_at(parser, *node);
                        break;
                case TOKEN_ANCHORED:
                case TOKEN_SMOOTHED:
                        ok = parse_extended(parser, *node);
                        break;
                default:
                        return true;
                }
                if (!ok)
                        return false;
        }
}

/* ---- label lists ------------------------------------------------------------------------ */

static bool is_label_word(enum token_kind kind)
{
        switch (kind) {
        case TOKEN_IDENTIFIER:
        case TOKEN_METRIC_IDENTIFIER:
        case TOKEN_AND:
        case TOKEN_OR:
        case TOKEN_UNLESS:
        case TOKEN_ATAN2:
        case TOKEN_START:
        case TOKEN_END:
        case TOKEN_STEP:
        case TOKEN_RANGE:
                return true;
        default:
                return token_is_aggregator(kind) || token_is_keyword(kind);
        }
}

static bool parse_label(struct parser *parser, struct str *ret_name)
{
        struct token token = parser->token;
        struct str name = token.text;

        if (token.kind == TOKEN_STRING) {
                if (!quote_parse(parser->arena, token.text, &name))
                        return parser_fail(parser, token.at,
                                           "error unquoting string: invalid syntax");
        } else if (!is_label_word(token.kind)) {
                return parser_unexpected(parser, "grouping opts", "label");
        }
        if (name.len == 0 || !str_is_utf8(name))
                return parser_fail(parser, token.at, "invalid label name for grouping: \"" STR_FMT
                                   "\"", STR_ARG(name));
        parser_advance(parser);
        *ret_name = name;
        return true;
}

static void append_name(struct arena *arena, struct names *names, struct str name)
{
        /* The capacity is the next power of two, so it need not be kept. */
        if ((names->count & (names->count - 1)) == 0) {
                struct str *items = arena_array(arena, struct str, names->count * 2 + 1);

                if (names->count)
                        memcpy(items, names->items, names->count * sizeof(*items));
                names->items = items;
        }
        names->items[names->count++] = name;
}

static bool parse_labels(struct parser *parser, struct names *ret_names)
{
        struct names names = {0};
        struct str name = STR_LIT("");

        if (!parser_accept(parser, TOKEN_LEFT_PAREN))
                return parser_unexpected(parser, "grouping opts", "\"(\"");
        while (!parser_accept(parser, TOKEN_RIGHT_PAREN)) {
                if (!parse_label(parser, &name))
                        return false;
                append_name(parser->arena, &names, name);
                if (parser_accept(parser, TOKEN_RIGHT_PAREN))
                        break;
                if (!parser_accept(parser, TOKEN_COMMA))
                        return parser_unexpected(parser, "grouping opts", "\",\" or \")\"");
        }
        *ret_names = names;
        return true;
}

/* ---- calls and aggregations -------------------------------------------------------------- */

struct args {
        struct node **items;
        size_t count, capacity, depth;
};

static void append_arg(struct arena *arena, struct args *args, struct node *arg)
{
        if (args->count == args->capacity) {
                struct node **items = arena_array(arena, struct node *, args->capacity * 2 + 4);

                if (args->count)
                        memcpy(items, args->items, args->count * sizeof(*items));
                args->items = items;
                args->capacity = args->capacity * 2 + 4;
        }
        args->items[args->count++] = arg;
        if (arg->depth > args->depth)
                args->depth = arg->depth;
}

static bool starts_expression(const struct parser *parser)
{
        switch (parser->token.kind) {
        case TOKEN_LEFT_PAREN:
        case TOKEN_LEFT_BRACE:
        case TOKEN_STRING:
        case TOKEN_NUMBER:
        case TOKEN_DURATION:
        case TOKEN_ADD:
        case TOKEN_SUB:
        case TOKEN_MIN_OF:
        case TOKEN_MAX_OF:
                return true;
        default:
                return parse_is_metric_name(parser->token.kind);
        }
}

static bool parse_args(struct parser *parser, struct args *ret_args)
{
        struct args args = {0};
        struct node *arg;

        if (!parser_accept(parser, TOKEN_LEFT_PAREN))
                return parser_unexpected(parser, NULL, NULL);
        while (!parser_accept(parser, TOKEN_RIGHT_PAREN)) {
                struct token comma;

                if (!parse_expr(parser, 1, &arg))
                        return false;
                append_arg(parser->arena, &args, arg);
                if (parser_accept(parser, TOKEN_RIGHT_PAREN))
                        break;
                comma = parser->token;
                if (!parser_accept(parser, TOKEN_COMMA))
                        return parser_unexpected(parser, NULL, NULL);
                if (parser->token.kind != TOKEN_ERROR && !starts_expression(parser))
                        return parser_fail(parser, comma.at,
                                           "trailing commas not allowed in function call args");
        }
        *ret_args = args;
        return true;
}

static bool parse_grouping(struct parser *parser, struct node_aggregate *aggregate)
{
        if (parser->token.kind != TOKEN_BY && parser->token.kind != TOKEN_WITHOUT)
                return true;
        aggregate->without = parser->token.kind == TOKEN_WITHOUT;
        parser_advance(parser);
        return parse_labels(parser, &aggregate->grouping);
}

static bool finish_aggregate(struct parser *parser, struct node *node, const struct args *args)
{
        struct node_aggregate *aggregate = &node->aggregate;
        size_t wanted = 1;

        if (args->count == 0)
                return parser_fail(parser, node->span.start,
                                   "no arguments for aggregate expression provided");
        if (aggregate_has_param(aggregate->op)) {
                if (!parser->features.experimental_functions &&
                    (aggregate->op == TOKEN_LIMITK || aggregate->op == TOKEN_LIMIT_RATIO))
                        return parser_fail(parser, node->span.start,
                                           "%s() is experimental and must be enabled with "
                                           "--enable-feature=promql-experimental-functions",
                                           token_kind_text(aggregate->op));
                wanted = 2;
                aggregate->param = args->items[0];
        }
        if (args->count != wanted)
                return parser_fail(parser, node->span.start,
                                   "wrong number of arguments for aggregate expression provided, "
                                   "expected %zu, got %zu",
                                   wanted, args->count);
        aggregate->expr = args->items[wanted - 1];
        return parser_finish(parser, node, args->depth);
}

static bool parse_aggregate(struct parser *parser, struct node **ret_node)
{
        struct node *node = parser_node(parser, NODE_AGGREGATE, parser->token.at);
        struct args args;
        bool grouped;

        node->aggregate.op = parser->token.kind;
        parser_advance(parser);
        parser->aggregations++;
        grouped = parser->token.kind != TOKEN_LEFT_PAREN;
        if (!parse_grouping(parser, &node->aggregate) || !parse_args(parser, &args))
                return false;
        if (!grouped && parser->token.kind == TOKEN_ERROR)
                return parser_unexpected(parser, NULL, NULL);
        if (!grouped && !parse_grouping(parser, &node->aggregate))
                return false;
        parser->aggregations--;
        *ret_node = node;
        return finish_aggregate(parser, node, &args);
}

static bool parse_call(struct parser *parser, struct node **ret_node)
{
        struct token name = parser->token;
        struct node *node = parser_node(parser, NODE_CALL, name.at);
        struct args args;

        parser_advance(parser);
        if (!parse_args(parser, &args))
                return false;
        node->call.function = function_find(name.text);
        if (!node->call.function)
                return parser_fail(parser, name.at, "unknown function with name \"" STR_FMT "\"",
                                   STR_ARG(name.text));
        if (node->call.function->experimental && !parser->features.experimental_functions)
                return parser_fail(parser, name.at, "function \"" STR_FMT "\" is not enabled",
                                   STR_ARG(name.text));
        node->call.args = args.items;
        node->call.arg_count = args.count;
        *ret_node = node;
        return parser_finish(parser, node, args.depth);
}

static enum token_kind peek_kind(const struct parser *parser)
{
        struct lexer ahead = parser->lexer;

        return lexer_next(&ahead).kind;
}

static bool parse_name(struct parser *parser, struct node **ret_node)
{
        enum token_kind kind = parser->token.kind, next = peek_kind(parser);

        if (token_is_aggregator(kind) &&
            (next == TOKEN_LEFT_PAREN || next == TOKEN_BY || next == TOKEN_WITHOUT))
                return parse_aggregate(parser, ret_node);
        if (next == TOKEN_LEFT_PAREN &&
            (kind == TOKEN_IDENTIFIER || (kind >= TOKEN_START && kind <= TOKEN_MAX_OF)))
                return parse_call(parser, ret_node);
        return parse_vector_selector(parser, ret_node);
}

/* ---- expressions ------------------------------------------------------------------------ */

static bool parse_parens(struct parser *parser, struct node **ret_node)
{
        struct node *node = parser_node(parser, NODE_PAREN, parser->token.at);

        parser_advance(parser);
        if (!parse_expr(parser, 1, &node->paren))
                return false;
        if (!parser_accept(parser, TOKEN_RIGHT_PAREN))
                return parser_unexpected(parser, NULL, NULL);
        *ret_node = node;
        return parser_finish(parser, node, node->paren->depth);
}

static bool parse_string(struct parser *parser, struct node **ret_node)
{
        struct node *node = parser_node(parser, NODE_STRING, parser->token.at);

        if (!quote_parse(parser->arena, parser->token.text, &node->string))
                return parser_fail(parser, parser->token.at,
                                   "error unquoting string: invalid syntax");
        parser_advance(parser);
        node->span.end = parser->last_end;
        *ret_node = node;
        return true;
}

static bool parse_primary(struct parser *parser, struct node **ret_node)
{
        switch (parser->token.kind) {
        case TOKEN_LEFT_PAREN:
                return parse_parens(parser, ret_node);
        case TOKEN_STRING:
                return parse_string(parser, ret_node);
        case TOKEN_NUMBER:
        case TOKEN_DURATION:
                return parser_number(parser, ret_node);
        case TOKEN_LEFT_BRACE:
                return parse_vector_selector(parser, ret_node);
        default:
                if (parse_is_metric_name(parser->token.kind) ||
                    parser->token.kind == TOKEN_MIN_OF || parser->token.kind == TOKEN_MAX_OF)
                        return parse_name(parser, ret_node);
                return parser_unexpected(parser, NULL, NULL);
        }
}

static bool parse_unary(struct parser *parser, struct node **ret_node)
{
        struct token sign = parser->token;
        struct node *operand, *node;

        if (sign.kind != TOKEN_ADD && sign.kind != TOKEN_SUB)
                return parse_primary(parser, ret_node) && parse_modifiers(parser, ret_node);
        parser_advance(parser);
        if (!parse_expr(parser, unary_operand_precedence, &operand))
                return false;
        if (operand->kind == NODE_NUMBER) {
                if (sign.kind == TOKEN_SUB)
                        operand->number.value = -operand->number.value;
                operand->span.start = sign.at;
                *ret_node = operand;
                return true;
        }
        node = parser_node(parser, NODE_UNARY, sign.at);
        node->unary = (struct node_unary){sign.kind, operand};
        *ret_node = node;
        return parser_finish(parser, node, operand->depth);
}

static int precedence_of(enum token_kind op)
{
        switch (op) {
        case TOKEN_OR:
                return 1;
        case TOKEN_AND:
        case TOKEN_UNLESS:
                return 2;
        case TOKEN_ADD:
        case TOKEN_SUB:
                return 4;
        case TOKEN_MUL:
        case TOKEN_DIV:
        case TOKEN_MOD:
        case TOKEN_ATAN2:
                return 5;
        case TOKEN_POW:
                return 6;
        case TOKEN_TRIM_UPPER:
        case TOKEN_TRIM_LOWER:
                return 3;
        default:
                return token_is_comparison(op) ? 3 : 0;
        }
}

static bool parse_fill(struct parser *parser, double *ret_value)
{
        if (!parser_accept(parser, TOKEN_LEFT_PAREN))
                return parser_unexpected(parser, NULL, NULL);
        if (parser->token.kind == TOKEN_ADD || parser->token.kind == TOKEN_SUB) {
                enum token_kind next = peek_kind(parser);

                if (next != TOKEN_NUMBER && next != TOKEN_DURATION) {
                        parser_advance(parser);
                        return parser_unexpected(parser, NULL, NULL);
                }
        } else if (!parser_is_number(parser)) {
                return parser_unexpected(parser, NULL, NULL);
        }
        if (!parse_signed_number(parser, ret_value))
                return false;
        if (!parser_accept(parser, TOKEN_RIGHT_PAREN))
                return parser_unexpected(parser, NULL, NULL);
        return true;
}

static bool parse_fills(struct parser *parser, struct node_binary *binary)
{
        if (parser_accept(parser, TOKEN_FILL)) {
                binary->fill_left_set = binary->fill_right_set = true;
                if (!parse_fill(parser, &binary->fill_left))
                        return false;
                binary->fill_right = binary->fill_left;
                return true;
        }
        for (int i = 0; i < 2; i++) {
                if (!binary->fill_left_set && parser_accept(parser, TOKEN_FILL_LEFT)) {
                        binary->fill_left_set = true;
                        if (!parse_fill(parser, &binary->fill_left))
                                return false;
                } else if (!binary->fill_right_set && parser_accept(parser, TOKEN_FILL_RIGHT)) {
                        binary->fill_right_set = true;
                        if (!parse_fill(parser, &binary->fill_right))
                                return false;
                }
        }
        return true;
}

/* bool, on or ignoring, group_left or group_right, fill: what may follow an operator. */
static bool parse_matching(struct parser *parser, struct node_binary *binary)
{
        binary->matching = true;
        binary->return_bool = parser_accept(parser, TOKEN_BOOL);
        if (parser->token.kind == TOKEN_ON || parser->token.kind == TOKEN_IGNORING) {
                binary->on = parser->token.kind == TOKEN_ON;
                parser_advance(parser);
                if (!parse_labels(parser, &binary->labels))
                        return false;
                if (parser->token.kind == TOKEN_GROUP_LEFT ||
                    parser->token.kind == TOKEN_GROUP_RIGHT) {
                        binary->card = parser->token.kind == TOKEN_GROUP_LEFT ? MATCH_MANY_TO_ONE
                                                                              : MATCH_ONE_TO_MANY;
                        parser_advance(parser);
                        if ((parser->token.kind == TOKEN_LEFT_PAREN ||
                             !starts_expression(parser)) &&
                            !parse_labels(parser, &binary->include))
                                return false;
                }
        }
        return parse_fills(parser, binary);
}

static bool parse_operation(struct parser *parser, int precedence, struct node **lhs)
{
        struct node *node = parser_node(parser, NODE_BINARY, (*lhs)->span.start);
        struct node_binary *binary = &node->binary;

        binary->op = parser->token.kind;
        parser_advance(parser);
        if (!parse_matching(parser, binary) ||
            !parse_expr(parser, binary->op == TOKEN_POW ? precedence : precedence + 1,
                        &binary->rhs))
                return false;
        binary->lhs = *lhs;
        if ((binary->fill_left_set || binary->fill_right_set) &&
            !parser->features.fill_modifiers)
                return parser_fail(parser, node->span.start,
                                   "binop fill modifiers are experimental and not enabled");
        *lhs = node;
        return parser_finish(parser, node,
                             binary->lhs->depth > binary->rhs->depth ? binary->lhs->depth
                                                                     : binary->rhs->depth);
}

static bool parse_expr(struct parser *parser, int least_precedence, struct node **ret_node)
{
        struct node *lhs;

        if (!parser_enter(parser) || !parse_unary(parser, &lhs))
                return false;
        for (;;) {
                int precedence = precedence_of(parser->token.kind);

                if (!precedence || precedence < least_precedence)
                        break;
                if (!parse_operation(parser, precedence, &lhs))
                        return false;
        }
        parser->depth--;
        *ret_node = lhs;
        return true;
}

/* ---- entry points ----------------------------------------------------------------------- */

static void parser_init(struct parser *parser, struct arena *arena, struct str text,
                        const struct promql_features *features, struct error *err)
{
        *parser = (struct parser){.arena = arena, .text = arena_str(arena, text), .err = err};
        if (features)
                parser->features = *features;
        lexer_init(&parser->lexer, arena, parser->text);
        parser->token = lexer_next(&parser->lexer);
}

bool promql_expr_parse(struct arena *arena, struct str text,
                       const struct promql_features *features,
                       const struct promql_expr **ret_expr, struct error *err)
{
        struct promql_expr *expr = arena_new(arena, struct promql_expr);
        struct parser parser;
        struct node *root;

        parser_init(&parser, arena, text, features, err);
        if (parser.token.kind == TOKEN_EOF)
                return parser_fail(&parser, 0, "no expression found in input");
        if (!parse_expr(&parser, 1, &root))
                return false;
        if (parser.token.kind != TOKEN_EOF)
                return parser_unexpected(&parser, NULL, NULL);
        if (!expr_check(parser.text, root, err))
                return false;
        *expr = (struct promql_expr){parser.text, root, parser.node_count};
        *ret_expr = expr;
        return true;
}

bool promql_selector_parse(struct arena *arena, struct str text,
                           struct promql_selector *ret_selector, struct error *err)
{
        struct parser parser;
        struct node *node;

        parser_init(&parser, arena, text, NULL, err);
        if (!parse_vector_selector(&parser, &node))
                return false;
        if (parser.token.kind != TOKEN_EOF)
                return parser_unexpected(&parser, NULL, NULL);
        *ret_selector = (struct promql_selector){node->selector.matchers,
                                                 node->selector.matcher_count};
        return true;
}

enum promql_type promql_expr_type(const struct promql_expr *expr)
{
        return node_type(expr->root);
}

#include "codec/quote.h"
#include "promql/parse_int.h"

/* Keywords that may also name a metric. */
bool parse_is_metric_name(enum token_kind kind)
{
        switch (kind) {
        case TOKEN_IDENTIFIER:
        case TOKEN_METRIC_IDENTIFIER:
        case TOKEN_AND:
        case TOKEN_OR:
        case TOKEN_UNLESS:
        case TOKEN_OFFSET:
        case TOKEN_ANCHORED:
        case TOKEN_SMOOTHED:
        case TOKEN_BY:
        case TOKEN_WITHOUT:
        case TOKEN_START:
        case TOKEN_END:
        case TOKEN_STEP:
        case TOKEN_RANGE:
        case TOKEN_FILL:
        case TOKEN_FILL_LEFT:
        case TOKEN_FILL_RIGHT:
                return true;
        default:
                return token_is_aggregator(kind);
        }
}

/* Prometheus shows Go's words for a bad regex. */
static bool fail_regex(struct parser *parser, size_t at, const char *reason)
{
        static const struct {
                const char *re2, *go;
        } words[] = {
                {"missing ]: ", "missing closing ]"},
                {"missing ): ", "missing closing )"},
                {"unexpected ): ", "unexpected )"},
                {"no argument for repetition operator: ",
                 "missing argument to repetition operator"},
                {"invalid repetition size: ", "invalid repeat count"},
                {"bad repetition operator: ", "invalid nested repetition operator"},
                {"invalid perl operator: ", "invalid or unsupported Perl syntax"},
                {"invalid named capture group: ", "invalid named capture"},
                {"invalid escape sequence: ", "invalid escape sequence"},
                {"invalid character class range: ", "invalid character class range"},
        };

        if (str_starts_with(str_from(reason), STR_LIT("trailing \\")))
                return parser_fail(parser, at, "error parsing regexp: "
                                   "trailing backslash at end of expression: ``");
        for (size_t i = 0; i < ARRAY_LEN(words); i++) {
                size_t len = strlen(words[i].re2);

                if (strncmp(reason, words[i].re2, len) == 0 && reason[len] != '`')
                        return parser_fail(parser, at, "error parsing regexp: %s: `%s`",
                                           words[i].go, reason + len);
        }
        return parser_fail(parser, at, "error parsing regexp: %s", reason);
}

struct matcher_list {
        struct matcher *items;
        size_t count, capacity;
};

static bool add_matcher(struct parser *parser, struct matcher_list *list, enum matcher_op op,
                        struct str name, struct str value, size_t at)
{
        struct error reason;

        if (list->count == list->capacity) {
                size_t capacity = list->capacity ? list->capacity * 2 : 4;
                struct matcher *items = arena_array(parser->arena, struct matcher, capacity);

                if (list->count)
                        memcpy(items, list->items, list->count * sizeof(*items));
                list->items = items;
                list->capacity = capacity;
        }
        if (!matcher_init(&list->items[list->count], parser->arena, op, name, value, &reason))
                return fail_regex(parser, at, reason.text);
        list->count++;
        return true;
}

static bool matcher_op_of(enum token_kind kind, enum matcher_op *ret_op)
{
        switch (kind) {
        case TOKEN_EQUAL:
                *ret_op = MATCHER_EQUAL;
                return true;
        case TOKEN_NEQ:
                *ret_op = MATCHER_NOT_EQUAL;
                return true;
        case TOKEN_EQL_REGEX:
                *ret_op = MATCHER_REGEX;
                return true;
        case TOKEN_NEQ_REGEX:
                *ret_op = MATCHER_NOT_REGEX;
                return true;
        default:
                return false;
        }
}

static bool unquote(struct parser *parser, struct str *ret_value)
{
        if (!quote_parse(parser->arena, parser->token.text, ret_value))
                return parser_fail(parser, parser->token.at,
                                   "error unquoting string: invalid syntax");
        parser_advance(parser);
        return true;
}

static bool parse_matcher(struct parser *parser, struct matcher_list *list)
{
        struct token label = parser->token;
        struct str name = label.text, value;
        enum matcher_op op;

        if (label.kind == TOKEN_STRING) {
                if (!unquote(parser, &name))
                        return false;
                if (!matcher_op_of(parser->token.kind, &op))
                        return add_matcher(parser, list, MATCHER_EQUAL, LABEL_METRIC_NAME, name,
                                           label.at);
        } else if (label.kind == TOKEN_IDENTIFIER) {
                parser_advance(parser);
                if (!matcher_op_of(parser->token.kind, &op))
                        return parser_unexpected(parser, "label matching",
                                                 "label matching operator");
        } else {
                return parser_unexpected(parser, "label matching", "identifier or \"}\"");
        }
        parser_advance(parser);
        if (parser->token.kind != TOKEN_STRING)
                return parser_unexpected(parser, "label matching", "string");
        return unquote(parser, &value) && add_matcher(parser, list, op, name, value, label.at);
}

static bool parse_matchers(struct parser *parser, struct matcher_list *list)
{
        parser_advance(parser);
        while (!parser_accept(parser, TOKEN_RIGHT_BRACE)) {
                if (!parse_matcher(parser, list))
                        return false;
                if (parser_accept(parser, TOKEN_RIGHT_BRACE))
                        break;
                if (!parser_accept(parser, TOKEN_COMMA))
                        return parser_unexpected(parser, "label matching", "\",\" or \"}\"");
        }
        return true;
}

bool parse_vector_selector(struct parser *parser, struct node **ret_node)
{
        struct node *node = parser_node(parser, NODE_SELECTOR, parser->token.at);
        struct matcher_list list = {0};
        struct str name = STR_LIT("");

        if (parse_is_metric_name(parser->token.kind)) {
                name = parser->token.text;
                parser_advance(parser);
        } else if (parser->token.kind != TOKEN_LEFT_BRACE) {
                return parser_unexpected(parser, NULL, NULL);
        }
        if (parser->token.kind == TOKEN_LEFT_BRACE && !parse_matchers(parser, &list))
                return false;
        if (name.len && !add_matcher(parser, &list, MATCHER_EQUAL, LABEL_METRIC_NAME, name,
                                     node->span.start))
                return false;
        node->selector.name = name;
        node->selector.matchers = list.items;
        node->selector.matcher_count = list.count;
        node->span.end = parser->last_end;
        *ret_node = node;
        return true;
}

#include "codec/quote.h"
#include "template/lex_int.h"
#include "template/tree_int.h"

/* Of pipelines in parentheses and of lists in lists: far more than anyone writes, far less than
 * the stack holds. */
enum { DEPTH_MAX = 500 };

enum { LOOKAHEAD = 3 };

struct parser {
        struct arena *arena;
        struct tree_functions functions;
        const struct tree_source *source;
        struct tree *trees;
        struct scanner lexer;
        struct lexeme tokens[LOOKAHEAD]; /* the newest that was read is first */
        int peeked;
        struct str *variables;
        size_t variable_count, variable_capacity;
        unsigned action_line; /* where the action began, 0 outside */
        unsigned range_depth;
        unsigned depth;
        bool failed;
        struct error *err;
};

/* ---- errors ------------------------------------------------------------------------------- */

/* The first error counts; from then on the parser sees nothing but the end. */
PRINTF_LIKE(2, 3)
static struct node *fail(struct parser *parser, const char *fmt, ...)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(sizeof(parser->err->text));
        va_list args;

        if (parser->failed)
                return NULL;
        va_start(args, fmt);
        buf_vprintf(&text, fmt, args);
        va_end(args);
        error_set(parser->err, ERROR_INVALID, "template: " STR_FMT ":%u: " STR_FMT,
                  STR_ARG(parser->source->name), parser->tokens[0].line, STR_ARG(buf_str(&text)));
        parser->failed = true;
        parser->peeked = 0;
        return NULL;
}

static struct node *fail_quoted(struct parser *parser, const char *what, struct str text)
{
        struct buf quoted CLEANUP(buf_release) = BUF_INIT(sizeof(parser->err->text));

        quote_append(&quoted, text);
        return fail(parser, "%s" STR_FMT, what, STR_ARG(buf_str(&quoted)));
}

static struct node *fail_unexpected(struct parser *parser, struct lexeme token, const char *context)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(sizeof(parser->err->text));

        if (token.kind != TOKEN_ERROR) {
                lexeme_describe(&text, &token);
                return fail(parser, "unexpected " STR_FMT " in %s", STR_ARG(buf_str(&text)),
                            context);
        }
        buf_append_str(&text, token.text);
        if (parser->action_line && parser->action_line != token.line)
                buf_printf(&text, "%s started at " STR_FMT ":%u",
                           str_ends_with(token.text, STR_LIT(" action")) ? "" : " in action",
                           STR_ARG(parser->source->name), parser->action_line);
        return fail(parser, STR_FMT, STR_ARG(buf_str(&text)));
}

/* ---- tokens ------------------------------------------------------------------------------- */

static struct lexeme next(struct parser *parser)
{
        if (parser->failed)
                return (struct lexeme){.kind = TOKEN_EOF, .line = parser->tokens[0].line};
        if (parser->peeked > 0)
                parser->peeked--;
        else
                parser->tokens[0] = scanner_next(&parser->lexer);
        return parser->tokens[parser->peeked];
}

static void back_up(struct parser *parser)
{
        parser->peeked++;
}

/* Puts back one token behind the one that was read last. */
static void back_up_2(struct parser *parser, struct lexeme first)
{
        parser->tokens[1] = first;
        parser->peeked = 2;
}

static void back_up_3(struct parser *parser, struct lexeme first, struct lexeme second)
{
        parser->tokens[1] = second;
        parser->tokens[2] = first;
        parser->peeked = 3;
}

static struct lexeme peek(struct parser *parser)
{
        struct lexeme token = next(parser);

        if (!parser->failed)
                back_up(parser);
        return token;
}

static struct lexeme next_nonspace(struct parser *parser)
{
        struct lexeme token;

        do
                token = next(parser);
        while (token.kind == TOKEN_SPACE);
        return token;
}

static struct lexeme peek_nonspace(struct parser *parser)
{
        struct lexeme token = next_nonspace(parser);

        if (!parser->failed)
                back_up(parser);
        return token;
}

static struct lexeme expect(struct parser *parser, enum token_kind kind, const char *context)
{
        struct lexeme token = next_nonspace(parser);

        if (token.kind != kind)
                fail_unexpected(parser, token, context);
        return token;
}

/* ---- nodes -------------------------------------------------------------------------------- */

static struct node *new_node(struct parser *parser, enum node_kind kind, size_t pos)
{
        struct node *node = arena_new(parser->arena, struct node);

        node->kind = kind;
        node->pos = pos;
        node->source = parser->source;
        return node;
}

static struct node **append(struct node **end, struct node *node)
{
        *end = node;
        return &node->next;
}

/* The names of ".a.b" or "$a.b": an empty first one is left out. */
static void set_names(struct parser *parser, struct node *node, struct str text)
{
        size_t count = 1, from = 0;

        for (size_t i = 0; i < text.len; i++)
                count += text.data[i] == '.';
        node->names = arena_array(parser->arena, struct str, count);
        for (size_t i = 0; i <= text.len; i++) {
                if (i < text.len && text.data[i] != '.')
                        continue;
                if (i > 0)
                        node->names[node->name_count++] = str_slice(text, from, i);
                from = i + 1;
        }
}

static void push_variable(struct parser *parser, struct str name)
{
        if (parser->variable_count == parser->variable_capacity) {
                size_t capacity = 2 * parser->variable_capacity + 8;
                struct str *grown = arena_array(parser->arena, struct str, capacity);

                if (parser->variable_count)
                        memcpy(grown, parser->variables,
                               parser->variable_count * sizeof(*grown));
                parser->variables = grown;
                parser->variable_capacity = capacity;
        }
        parser->variables[parser->variable_count++] = name;
}

static bool add_tree(struct parser *parser, struct str name, struct node *root)
{
        struct tree *tree;

        if (parser->failed)
                return false;
        for (tree = parser->trees; tree; tree = tree->next)
                if (str_equal(tree->name, name))
                        break;
        if (tree && !tree_is_empty(tree->root)) {
                if (!tree_is_empty(root))
                        fail_quoted(parser, "template: multiple definition of template ", name);
                return !parser->failed;
        }
        if (!tree) {
                tree = arena_new(parser->arena, struct tree);
                tree->next = parser->trees;
                parser->trees = tree;
        }
        tree->name = name;
        tree->source = parser->source;
        tree->root = root;
        return true;
}

bool tree_is_empty(const struct node *node)
{
        if (!node)
                return true;
        if (node->kind == NODE_TEXT)
                return str_trim(node->text).len == 0;
        if (node->kind != NODE_LIST)
                return false;
        for (const struct node *child = node->first; child; child = child->next)
                if (!tree_is_empty(child))
                        return false;
        return true;
}

/* ---- pipelines ---------------------------------------------------------------------------- */

static struct node *parse_pipeline(struct parser *parser, const char *context,
                                   enum token_kind end);

static struct node *parse_number(struct parser *parser, struct lexeme token)
{
        struct node *node = new_node(parser, NODE_NUMBER, token.pos);
        struct buf reason CLEANUP(buf_release) = BUF_INIT(sizeof(parser->err->text));

        if (!number_parse(node, token.text, &reason))
                return fail(parser, STR_FMT, STR_ARG(buf_str(&reason)));
        return node;
}

static struct node *parse_string(struct parser *parser, struct lexeme token)
{
        struct node *node = new_node(parser, NODE_STRING, token.pos);

        node->text = token.text;
        if (!quote_parse(parser->arena, token.text, &node->value))
                return fail(parser, "invalid syntax");
        return node;
}

static struct node *parse_variable(struct parser *parser, struct lexeme token)
{
        struct node *node = new_node(parser, NODE_VARIABLE, token.pos);

        set_names(parser, node, token.text);
        for (size_t i = 0; i < parser->variable_count; i++)
                if (str_equal(parser->variables[i], node->names[0]))
                        return node;
        return fail_quoted(parser, "undefined variable ", node->names[0]);
}

static struct node *parse_identifier(struct parser *parser, struct lexeme token)
{
        struct node *node = new_node(parser, NODE_IDENTIFIER, token.pos);

        node->text = token.text;
        if (!parser->functions.has(parser->functions.ctx, token.text)) {
                struct buf quoted CLEANUP(buf_release) = BUF_INIT(sizeof(parser->err->text));

                quote_append(&quoted, token.text);
                return fail(parser, "function " STR_FMT " not defined", STR_ARG(buf_str(&quoted)));
        }
        return node;
}

/* NULL when the next token begins none. */
static struct node *parse_term(struct parser *parser)
{
        struct lexeme token = next_nonspace(parser);
        struct node *node;

        switch (token.kind) {
        case TOKEN_IDENTIFIER:
                return parse_identifier(parser, token);
        case TOKEN_DOT:
                return new_node(parser, NODE_DOT, token.pos);
        case TOKEN_NIL:
                return new_node(parser, NODE_NIL, token.pos);
        case TOKEN_VARIABLE:
                return parse_variable(parser, token);
        case TOKEN_FIELD:
                node = new_node(parser, NODE_FIELD, token.pos);
                set_names(parser, node, token.text);
                return node;
        case TOKEN_BOOL:
                node = new_node(parser, NODE_BOOL, token.pos);
                node->boolean = str_is(token.text, "true");
                return node;
        case TOKEN_CHAR_CONSTANT:
        case TOKEN_NUMBER:
                return parse_number(parser, token);
        case TOKEN_LEFT_PAREN:
                if (++parser->depth > DEPTH_MAX)
                        return fail(parser, "max expression depth exceeded");
                node = parse_pipeline(parser, "parenthesized pipeline", TOKEN_RIGHT_PAREN);
                parser->depth--;
                return node;
        case TOKEN_STRING:
        case TOKEN_RAW_STRING:
                return parse_string(parser, token);
        default:
                if (!parser->failed)
                        back_up(parser);
                return NULL;
        }
}

/* A term and the fields behind it. */
static struct node *parse_operand(struct parser *parser)
{
        struct node *node = parse_term(parser), *chain;
        struct str names[64], *joined;
        size_t count = 0;
        size_t pos;

        if (!node || peek(parser).kind != TOKEN_FIELD)
                return node;
        pos = peek(parser).pos;
        while (peek(parser).kind == TOKEN_FIELD) {
                struct str name = next(parser).text;

                if (count == ARRAY_LEN(names))
                        return fail(parser, "too many fields in a row");
                names[count++] = str_slice(name, 1, name.len);
        }
        if (node->kind == NODE_BOOL || node->kind == NODE_STRING || node->kind == NODE_NUMBER ||
            node->kind == NODE_NIL || node->kind == NODE_DOT) {
                struct buf text CLEANUP(buf_release) = BUF_INIT(sizeof(parser->err->text));

                node_print(&text, node);
                return fail_quoted(parser, "unexpected . after term ", buf_str(&text));
        }
        chain = node;
        if (node->kind != NODE_FIELD && node->kind != NODE_VARIABLE) {
                chain = new_node(parser, NODE_CHAIN, pos);
                chain->first = node;
        }
        joined = arena_array(parser->arena, struct str, chain->name_count + count);
        if (chain->name_count)
                memcpy(joined, chain->names, chain->name_count * sizeof(*names));
        memcpy(joined + chain->name_count, names, count * sizeof(*names));
        chain->pos = pos;
        chain->names = joined;
        chain->name_count += count;
        return chain;
}

static struct node *parse_command(struct parser *parser)
{
        struct node *command = new_node(parser, NODE_COMMAND, peek_nonspace(parser).pos);
        struct node **end = &command->first;
        struct lexeme token;

        do {
                struct node *operand;

                peek_nonspace(parser);
                operand = parse_operand(parser);
                if (operand)
                        end = append(end, operand);
                token = next(parser);
        } while (token.kind == TOKEN_SPACE);
        if (token.kind == TOKEN_RIGHT_DELIM || token.kind == TOKEN_RIGHT_PAREN)
                back_up(parser);
        else if (token.kind != TOKEN_PIPE)
                fail_unexpected(parser, token, "operand");
        if (!command->first)
                fail(parser, "empty command");
        return command;
}

static void check_pipeline(struct parser *parser, const struct node *pipe, const char *context)
{
        unsigned stage = 1;

        if (!pipe->first) {
                fail(parser, "missing value for %s", context);
                return;
        }
        for (const struct node *command = pipe->first->next; command; command = command->next) {
                enum node_kind kind = command->first ? command->first->kind : NODE_IDENTIFIER;

                stage++;
                if (kind == NODE_BOOL || kind == NODE_DOT || kind == NODE_NIL ||
                    kind == NODE_NUMBER || kind == NODE_STRING)
                        fail(parser, "non executable command in pipeline stage %u", stage);
        }
}

static void declare(struct parser *parser, struct node *pipe, struct lexeme token)
{
        struct node *variable = new_node(parser, NODE_VARIABLE, token.pos), **end;

        set_names(parser, variable, token.text);
        for (end = &pipe->declared; *end; end = &(*end)->next)
                continue;
        *end = variable;
        push_variable(parser, token.text);
}

/* The variables before := or =, if there are. */
static void parse_declarations(struct parser *parser, struct node *pipe, const char *context)
{
        bool is_range = strcmp(context, "range") == 0;

        for (;;) {
                struct lexeme variable = peek_nonspace(parser), behind, separator;

                if (variable.kind != TOKEN_VARIABLE)
                        return;
                next(parser);
                /* Since space is a token, three tokens of look-ahead are needed here. */
                behind = peek(parser);
                separator = peek_nonspace(parser);
                if (separator.kind == TOKEN_ASSIGN || separator.kind == TOKEN_DECLARE) {
                        pipe->assigns = separator.kind == TOKEN_ASSIGN;
                        next_nonspace(parser);
                        declare(parser, pipe, variable);
                        return;
                }
                if (separator.kind != TOKEN_CHAR || !str_is(separator.text, ",")) {
                        if (behind.kind == TOKEN_SPACE)
                                back_up_3(parser, variable, behind);
                        else
                                back_up_2(parser, variable);
                        return;
                }
                next_nonspace(parser);
                declare(parser, pipe, variable);
                if (!is_range || pipe->declared->next) {
                        fail(parser, "too many declarations in %s", context);
                        return;
                }
                separator = peek_nonspace(parser);
                if (separator.kind != TOKEN_VARIABLE && separator.kind != TOKEN_RIGHT_DELIM &&
                    separator.kind != TOKEN_RIGHT_PAREN) {
                        fail(parser, "range can only initialize variables");
                        return;
                }
        }
}

static struct node *parse_pipeline(struct parser *parser, const char *context, enum token_kind end)
{
        struct node *pipe = new_node(parser, NODE_PIPE, peek_nonspace(parser).pos);
        struct node **last = &pipe->first;

        parse_declarations(parser, pipe, context);
        while (!parser->failed) {
                struct lexeme token = next_nonspace(parser);

                if (token.kind == end) {
                        check_pipeline(parser, pipe, context);
                        break;
                }
                switch (token.kind) {
                case TOKEN_BOOL:
                case TOKEN_CHAR_CONSTANT:
                case TOKEN_DOT:
                case TOKEN_FIELD:
                case TOKEN_IDENTIFIER:
                case TOKEN_NUMBER:
                case TOKEN_NIL:
                case TOKEN_RAW_STRING:
                case TOKEN_STRING:
                case TOKEN_VARIABLE:
                case TOKEN_LEFT_PAREN:
                        back_up(parser);
                        last = append(last, parse_command(parser));
                        break;
                default:
                        fail_unexpected(parser, token, context);
                }
        }
        return pipe;
}

/* ---- actions ------------------------------------------------------------------------------ */

static struct node *parse_item(struct parser *parser);

/* Items up to {{end}} or {{else}}, which goes to ret_end. */
static struct node *parse_list(struct parser *parser, struct node **ret_end)
{
        struct node *list = new_node(parser, NODE_LIST, peek_nonspace(parser).pos);
        struct node **end = &list->first;

        *ret_end = new_node(parser, NODE_END, 0);
        if (++parser->depth > DEPTH_MAX)
                fail(parser, "exceeded maximum depth of nested actions");
        while (peek_nonspace(parser).kind != TOKEN_EOF) {
                struct node *node = parse_item(parser);

                if (!node)
                        break;
                if (node->kind == NODE_END || node->kind == NODE_ELSE) {
                        parser->depth--;
                        *ret_end = node;
                        return list;
                }
                end = append(end, node);
        }
        fail(parser, "unexpected EOF");
        return list;
}

static struct node *parse_control(struct parser *parser, enum node_kind kind, const char *context)
{
        enum token_kind again = kind == NODE_IF ? TOKEN_IF : kind == NODE_WITH ? TOKEN_WITH
                                                                               : TOKEN_ERROR;
        size_t variable_count = parser->variable_count;
        struct node *node = new_node(parser, kind, 0), *end;

        node->pipe = parse_pipeline(parser, context, TOKEN_RIGHT_DELIM);
        node->pos = node->pipe->pos;
        parser->range_depth += kind == NODE_RANGE;
        node->list = parse_list(parser, &end);
        parser->range_depth -= kind == NODE_RANGE;
        if (end->kind == NODE_ELSE && again != TOKEN_ERROR && peek(parser).kind == again) {
                /* {{else if}}: a list of one, and the {{end}} is of both. */
                next(parser);
                if (++parser->depth > DEPTH_MAX)
                        fail(parser, "exceeded maximum depth of nested actions");
                node->else_list = new_node(parser, NODE_LIST, end->pos);
                node->else_list->first = parse_control(parser, kind, context);
                parser->depth--;
        } else if (end->kind == NODE_ELSE) {
                node->else_list = parse_list(parser, &end);
                if (end->kind != NODE_END)
                        fail(parser, "expected end; found {{else}}");
        }
        parser->variable_count = variable_count;
        return node;
}

static struct node *parse_jump(struct parser *parser, enum node_kind kind, const char *shown,
                               size_t pos)
{
        struct lexeme token = next_nonspace(parser);

        if (token.kind != TOKEN_RIGHT_DELIM)
                return fail_unexpected(parser, token, shown);
        if (!parser->range_depth)
                return fail(parser, "%s outside {{range}}", shown);
        return new_node(parser, kind, pos);
}

static struct node *parse_else(struct parser *parser)
{
        struct lexeme token = peek_nonspace(parser);

        if (token.kind != TOKEN_IF && token.kind != TOKEN_WITH)
                token = expect(parser, TOKEN_RIGHT_DELIM, "else");
        return new_node(parser, NODE_ELSE, token.pos);
}

static struct lexeme parse_name(struct parser *parser, const char *context, struct str *ret_name)
{
        struct lexeme token = next_nonspace(parser);

        *ret_name = STR_LIT("");
        if (token.kind != TOKEN_STRING && token.kind != TOKEN_RAW_STRING)
                fail_unexpected(parser, token, context);
        else if (!quote_parse(parser->arena, token.text, ret_name))
                fail(parser, "invalid syntax");
        return token;
}

/* The body of a {{define}} or {{block}}: its own variables, its own tree. */
static void parse_body(struct parser *parser, struct str name, const char *context)
{
        struct str *variables = parser->variables;
        size_t count = parser->variable_count, capacity = parser->variable_capacity;
        unsigned range_depth = parser->range_depth;
        struct node *root, *end;

        parser->variables = NULL;
        parser->variable_count = parser->variable_capacity = 0;
        parser->range_depth = 0;
        push_variable(parser, STR_LIT("$"));
        root = parse_list(parser, &end);
        if (end->kind != NODE_END)
                fail(parser, "unexpected {{else}} in %s", context);
        (void)add_tree(parser, name, root);
        parser->variables = variables;
        parser->variable_count = count;
        parser->variable_capacity = capacity;
        parser->range_depth = range_depth;
}

static void parse_define(struct parser *parser)
{
        static const char context[] = "define clause";
        struct str name;

        parse_name(parser, context, &name);
        expect(parser, TOKEN_RIGHT_DELIM, context);
        parse_body(parser, name, context);
}

static struct node *parse_block(struct parser *parser)
{
        static const char context[] = "block clause";
        struct str name;
        struct node *node = new_node(parser, NODE_TEMPLATE, parse_name(parser, context, &name).pos);

        node->text = name;
        node->pipe = parse_pipeline(parser, context, TOKEN_RIGHT_DELIM);
        parse_body(parser, name, context);
        return node;
}

static struct node *parse_template(struct parser *parser)
{
        static const char context[] = "template clause";
        struct str name;
        struct node *node = new_node(parser, NODE_TEMPLATE, parse_name(parser, context, &name).pos);

        node->text = name;
        if (next_nonspace(parser).kind != TOKEN_RIGHT_DELIM && !parser->failed) {
                back_up(parser);
                node->pipe = parse_pipeline(parser, context, TOKEN_RIGHT_DELIM);
        }
        return node;
}

static struct node *parse_action(struct parser *parser)
{
        struct lexeme token = next_nonspace(parser);
        struct node *node;

        switch (token.kind) {
        case TOKEN_BLOCK:
                return parse_block(parser);
        case TOKEN_BREAK:
                return parse_jump(parser, NODE_BREAK, "{{break}}", token.pos);
        case TOKEN_CONTINUE:
                return parse_jump(parser, NODE_CONTINUE, "{{continue}}", token.pos);
        case TOKEN_ELSE:
                return parse_else(parser);
        case TOKEN_END:
                return new_node(parser, NODE_END, expect(parser, TOKEN_RIGHT_DELIM, "end").pos);
        case TOKEN_IF:
                return parse_control(parser, NODE_IF, "if");
        case TOKEN_RANGE:
                return parse_control(parser, NODE_RANGE, "range");
        case TOKEN_TEMPLATE:
                return parse_template(parser);
        case TOKEN_WITH:
                return parse_control(parser, NODE_WITH, "with");
        default:
                break;
        }
        if (parser->failed)
                return NULL;
        back_up(parser);
        node = new_node(parser, NODE_ACTION, peek(parser).pos);
        node->pipe = parse_pipeline(parser, "command", TOKEN_RIGHT_DELIM);
        return node;
}

/* Text or an action; NULL after an error. */
static struct node *parse_item(struct parser *parser)
{
        struct lexeme token = next_nonspace(parser);
        struct node *node;

        switch (token.kind) {
        case TOKEN_TEXT:
                node = new_node(parser, NODE_TEXT, token.pos);
                node->text = token.text;
                return node;
        case TOKEN_LEFT_DELIM:
                parser->action_line = token.line;
                node = parse_action(parser);
                parser->action_line = 0;
                return parser->failed ? NULL : node;
        default:
                return fail_unexpected(parser, token, "input");
        }
}

static struct node *parse_root(struct parser *parser)
{
        struct node *root = new_node(parser, NODE_LIST, peek(parser).pos);
        struct node **end = &root->first;

        while (peek(parser).kind != TOKEN_EOF) {
                struct node *node;

                if (peek(parser).kind == TOKEN_LEFT_DELIM) {
                        struct lexeme delim = next(parser);

                        if (next_nonspace(parser).kind == TOKEN_DEFINE) {
                                parse_define(parser);
                                continue;
                        }
                        if (parser->failed)
                                break;
                        back_up_2(parser, delim);
                }
                node = parse_item(parser);
                if (!node)
                        break;
                if (node->kind == NODE_END || node->kind == NODE_ELSE)
                        fail(parser, "unexpected {{%s}}", node->kind == NODE_END ? "end" : "else");
                else
                        end = append(end, node);
        }
        return root;
}

bool tree_parse(struct arena *arena, struct str name, struct str text,
                struct tree_functions functions, struct tree **ret_trees, struct error *err)
{
        struct tree_source *source = arena_new(arena, struct tree_source);
        struct parser parser = {.arena = arena, .functions = functions, .source = source,
                                .err = err};

        *source = (struct tree_source){arena_str(arena, name), arena_str(arena, text)};
        scanner_init(&parser.lexer, source->text);
        push_variable(&parser, STR_LIT("$"));
        if (!add_tree(&parser, source->name, parse_root(&parser)))
                return false;
        *ret_trees = parser.trees;
        return true;
}

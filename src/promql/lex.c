#include "promql/lex_int.h"

#include <stdio.h>
#include <strings.h>

#include "base/utf8.h"
#include "codec/quote.h"
#include "model/labels.h"

enum { END_OF_INPUT = -1, BAD_RUNE = UTF8_REPLACEMENT };

static const struct {
        const char *name;
        enum token_kind kind;
} keywords[] = {
        {"and", TOKEN_AND},
        {"or", TOKEN_OR},
        {"unless", TOKEN_UNLESS},
        {"atan2", TOKEN_ATAN2},
        {"sum", TOKEN_SUM},
        {"avg", TOKEN_AVG},
        {"count", TOKEN_COUNT},
        {"min", TOKEN_MIN},
        {"max", TOKEN_MAX},
        {"group", TOKEN_GROUP},
        {"stddev", TOKEN_STDDEV},
        {"stdvar", TOKEN_STDVAR},
        {"topk", TOKEN_TOPK},
        {"bottomk", TOKEN_BOTTOMK},
        {"count_values", TOKEN_COUNT_VALUES},
        {"quantile", TOKEN_QUANTILE},
        {"limitk", TOKEN_LIMITK},
        {"limit_ratio", TOKEN_LIMIT_RATIO},
        {"offset", TOKEN_OFFSET},
        {"smoothed", TOKEN_SMOOTHED},
        {"anchored", TOKEN_ANCHORED},
        {"by", TOKEN_BY},
        {"without", TOKEN_WITHOUT},
        {"on", TOKEN_ON},
        {"ignoring", TOKEN_IGNORING},
        {"group_left", TOKEN_GROUP_LEFT},
        {"group_right", TOKEN_GROUP_RIGHT},
        {"fill", TOKEN_FILL},
        {"fill_left", TOKEN_FILL_LEFT},
        {"fill_right", TOKEN_FILL_RIGHT},
        {"bool", TOKEN_BOOL},
        {"start", TOKEN_START},
        {"end", TOKEN_END},
        {"step", TOKEN_STEP},
        {"range", TOKEN_RANGE},
        {"min_of", TOKEN_MIN_OF},
        {"max_of", TOKEN_MAX_OF},
        {"inf", TOKEN_NUMBER},
        {"nan", TOKEN_NUMBER},
};

static const struct {
        const char *text;
        enum token_kind kind;
} symbols[] = {
        {"(", TOKEN_LEFT_PAREN},  {")", TOKEN_RIGHT_PAREN},  {"{", TOKEN_LEFT_BRACE},
        {"}", TOKEN_RIGHT_BRACE}, {"[", TOKEN_LEFT_BRACKET}, {"]", TOKEN_RIGHT_BRACKET},
        {",", TOKEN_COMMA},       {":", TOKEN_COLON},        {"=", TOKEN_EQUAL},
        {"+", TOKEN_ADD},         {"-", TOKEN_SUB},          {"*", TOKEN_MUL},
        {"/", TOKEN_DIV},         {"%", TOKEN_MOD},          {"^", TOKEN_POW},
        {"==", TOKEN_EQLC},       {"!=", TOKEN_NEQ},         {"<=", TOKEN_LTE},
        {"<", TOKEN_LSS},         {">=", TOKEN_GTE},         {">", TOKEN_GTR},
        {"</", TOKEN_TRIM_UPPER}, {">/", TOKEN_TRIM_LOWER},  {"=~", TOKEN_EQL_REGEX},
        {"!~", TOKEN_NEQ_REGEX},  {"@", TOKEN_AT},
};

bool token_is_operator(enum token_kind kind)
{
        return kind > TOKEN_OPERATORS && kind < TOKEN_OPERATORS_END;
}

bool token_is_aggregator(enum token_kind kind)
{
        return kind > TOKEN_AGGREGATORS && kind < TOKEN_AGGREGATORS_END;
}

bool token_is_comparison(enum token_kind kind)
{
        return kind >= TOKEN_EQLC && kind <= TOKEN_GTR;
}

bool token_is_set_operator(enum token_kind kind)
{
        return kind >= TOKEN_AND && kind <= TOKEN_UNLESS;
}

bool token_is_keyword(enum token_kind kind)
{
        return kind > TOKEN_KEYWORDS && kind < TOKEN_KEYWORDS_END;
}

const char *token_kind_text(enum token_kind kind)
{
        for (size_t i = 0; i < ARRAY_LEN(symbols); i++)
                if (symbols[i].kind == kind)
                        return symbols[i].text;
        for (size_t i = 0; i < ARRAY_LEN(keywords); i++)
                if (keywords[i].kind == kind)
                        return keywords[i].name;
        return "";
}

/* Go's %q of a text, of at most ten characters when it is long. */
static void describe_quoted(struct buf *out, struct str text)
{
        size_t len = text.len;

        if (text.len > 10) {
                size_t characters = 0;

                for (len = 0; len < text.len; len++) {
                        if (((unsigned char)text.data[len] & 0xc0) != 0x80 && characters++ == 10)
                                break;
                }
        }
        quote_append(out, str_slice(text, 0, len));
        if (text.len > 10)
                buf_append_cstr(out, "...");
}

void token_describe(struct buf *out, const struct token *token)
{
        const char *kind = token->kind == TOKEN_STRING          ? "string "
                           : token->kind == TOKEN_NUMBER        ? "number "
                           : token->kind == TOKEN_DURATION      ? "duration "
                           : token->kind == TOKEN_IDENTIFIER    ? "identifier "
                           : token->kind == TOKEN_METRIC_IDENTIFIER ? "metric identifier "
                                                                : "";

        if (token->kind == TOKEN_EOF) {
                buf_append_cstr(out, "end of input");
                return;
        }
        buf_append_cstr(out, kind);
        if (token->kind == TOKEN_IDENTIFIER || token->kind == TOKEN_METRIC_IDENTIFIER)
                quote_append(out, token->text);
        else if (token_is_keyword(token->kind))
                buf_printf(out, "<" STR_FMT ">", STR_ARG(token->text));
        else if (token_is_operator(token->kind))
                buf_printf(out, "<op:" STR_FMT ">", STR_ARG(token->text));
        else if (token_is_aggregator(token->kind))
                buf_printf(out, "<aggr:" STR_FMT ">", STR_ARG(token->text));
        else
                describe_quoted(out, token->text);
}

void lexer_init(struct lexer *lexer, struct arena *arena, struct str input)
{
        *lexer = (struct lexer){.arena = arena, .input = input};
}

static bool is_space(int c)
{
        return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(int c)
{
        return c >= '0' && c <= '9';
}

static bool is_alpha(int c)
{
        return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_alphanumeric(int c)
{
        return is_alpha(c) || is_digit(c);
}

/* Decodes one character at `at`; *ret_width is 0 at the end. */
static int rune_at(struct str input, size_t at, size_t *ret_width)
{
        *ret_width = 0;
        return at < input.len ? (int)utf8_decode(input, at, ret_width) : END_OF_INPUT;
}

static int peek(const struct lexer *lexer)
{
        size_t width;

        return rune_at(lexer->input, lexer->pos, &width);
}

static int take(struct lexer *lexer)
{
        size_t width;
        int rune = rune_at(lexer->input, lexer->pos, &width);

        lexer->pos += width;
        return rune;
}

static bool accept(struct lexer *lexer, const char *valid)
{
        int c = peek(lexer);

        if (c <= 0 || c > 0x7f || !strchr(valid, c))
                return false;
        lexer->pos++;
        return true;
}

static struct token emit(struct lexer *lexer, enum token_kind kind)
{
        struct token token = {kind, lexer->start,
                              str_slice(lexer->input, lexer->start, lexer->pos)};

        lexer->start = lexer->pos;
        return token;
}

static struct token fail(struct lexer *lexer, const char *message)
{
        lexer->failed = true;
        lexer->error = (struct token){TOKEN_ERROR, lexer->start, str_from(message)};
        return lexer->error;
}

/* "text 'c'" with the character quoted as Go's %q does. */
static struct token fail_rune(struct lexer *lexer, const char *text, int rune, const char *tail)
{
        static const char named[] = "abtnvfr"; /* 0x07 to 0x0d */
        char shown[8] = "";

        if (rune == END_OF_INPUT)
                rune = BAD_RUNE;
        if (rune >= 0x07 && rune <= 0x0d) {
                shown[0] = '\\';
                shown[1] = named[rune - 0x07];
        } else if (rune == '\'' || rune == '\\') {
                shown[0] = '\\';
                shown[1] = (char)rune;
        } else if (rune < 0x20 || rune == 0x7f) {
                snprintf(shown, sizeof(shown), "\\x%02x", (unsigned)rune & 0xff);
        } else if (!utf8_is_print((uint32_t)rune)) {
                snprintf(shown, sizeof(shown), "\\u%04x", (unsigned)rune & 0xffff);
        } else {
                utf8_encode(shown, (uint32_t)rune);
        }
        return fail(lexer, arena_printf(lexer->arena, "%s'%s'%s", text, shown, tail));
}

static struct token fail_quoted(struct lexer *lexer, const char *text)
{
        struct buf quoted = BUF_INIT(1 << 20);
        struct token token;

        quote_append(&quoted, str_slice(lexer->input, lexer->start, lexer->pos));
        token = fail(lexer, arena_printf(lexer->arena, "%s%s", text, quoted.data));
        buf_release(&quoted);
        return token;
}

static int digit_value(int c)
{
        return c >= 0 && c < 0x80 ? (int)str_hex_digit((char)c) : 16;
}

/* Reads what follows a backslash. Returns NULL, or the message. */
static const char *lex_escape(struct lexer *lexer, int quote)
{
        int c = take(lexer), digits, base;
        uint32_t max = 255, value = 0;

        if (c == quote || (c > 0 && c < 0x80 && strchr("abfnrtv\\", c)))
                return NULL;
        if (c == END_OF_INPUT)
                return "escape sequence not terminated";
        if (c >= '0' && c <= '7') {
                digits = 3, base = 8;
        } else if (c == 'x' || c == 'u' || c == 'U') {
                digits = c == 'x' ? 2 : c == 'u' ? 4 : 8;
                base = 16;
                if (c != 'x')
                        max = 0x10ffff;
                c = take(lexer);
        } else {
                char shown[5] = {0};

                if (!utf8_is_print((uint32_t)c))
                        return arena_printf(lexer->arena, "unknown escape sequence U+%04X",
                                            (unsigned)c);
                utf8_encode(shown, (uint32_t)c);
                return arena_printf(lexer->arena, "unknown escape sequence U+%04X '%s'",
                                    (unsigned)c, shown);
        }
        for (; digits > 0; digits--) {
                if (c == END_OF_INPUT)
                        return "escape sequence not terminated";
                if (digit_value(c) >= base) {
                        char shown[5] = {0};

                        utf8_encode(shown, (uint32_t)c);
                        return arena_printf(lexer->arena,
                                            "illegal character U+%04X '%s' in escape sequence",
                                            (unsigned)c, shown);
                }
                value = value * (uint32_t)base + (uint32_t)digit_value(c);
                if (digits > 1)
                        c = take(lexer);
        }
        if (value > max || (value >= 0xd800 && value < 0xe000))
                return "escape sequence is an invalid Unicode code point";
        return NULL;
}

static struct token lex_string(struct lexer *lexer, int quote)
{
        for (;;) {
                int c = take(lexer);

                if (c == quote)
                        return emit(lexer, TOKEN_STRING);
                if (c == BAD_RUNE)
                        return fail(lexer, "invalid UTF-8 rune");
                if (quote == '`') {
                        if (c == END_OF_INPUT)
                                return fail(lexer, "unterminated raw string");
                        continue;
                }
                if (c == END_OF_INPUT || c == '\n')
                        return fail(lexer, "unterminated quoted string");
                if (c == '\\') {
                        const char *message = lex_escape(lexer, quote);

                        if (message)
                                return fail(lexer, message);
                }
        }
}

static bool looking_at(const struct lexer *lexer, const char *valid)
{
        int c = peek(lexer);

        return c > 0 && c < 0x80 && strchr(valid, c);
}

/* Reads digits, dots, underscores and exponents; false when they do not make a number. */
static bool scan_number_body(struct lexer *lexer, const char *digits, bool hex)
{
        bool dot = false, exponent = false;

        while (looking_at(lexer, digits) || looking_at(lexer, "._eE")) {
                if ((looking_at(lexer, ".") && dot) ||
                    (!hex && looking_at(lexer, "eE") && exponent)) {
                        lexer->pos++;
                        return false;
                }
                if (accept(lexer, ".")) {
                        dot = true;
                        if (accept(lexer, "_.") || hex)
                                return false;
                } else if (!hex && accept(lexer, "eE")) {
                        exponent = true;
                        accept(lexer, "+-");
                        if (accept(lexer, "._eE") || peek(lexer) == END_OF_INPUT)
                                return false;
                } else if (accept(lexer, "_")) {
                        if (accept(lexer, hex ? "._" : "._eE") || peek(lexer) == END_OF_INPUT)
                                return false;
                } else {
                        while (accept(lexer, digits))
                                continue;
                }
        }
        return true;
}

static bool scan_number(struct lexer *lexer)
{
        const char *digits = "0123456789";
        bool hex = false;

        if (accept(lexer, "0") && accept(lexer, "xX")) {
                accept(lexer, "_");
                digits = "0123456789abcdefABCDEF";
                hex = true;
        }
        accept(lexer, ".");
        accept(lexer, digits);
        return scan_number_body(lexer, digits, hex) && lexer->pos != lexer->start &&
               !is_alphanumeric(peek(lexer));
}

static bool scan_duration_rest(struct lexer *lexer)
{
        if (!accept(lexer, "smhdwy"))
                return false;
        accept(lexer, "s");
        while (accept(lexer, "0123456789")) {
                while (accept(lexer, "0123456789"))
                        continue;
                if (!accept(lexer, "smhdw"))
                        return false;
                accept(lexer, "s");
        }
        if (!is_alphanumeric(peek(lexer)))
                return true;
        lexer->pos++; /* the offender belongs to the error text */
        return false;
}

static struct token lex_number(struct lexer *lexer)
{
        lexer->in_duration = false;
        if (scan_number(lexer))
                return emit(lexer, TOKEN_NUMBER);
        if (scan_duration_rest(lexer))
                return emit(lexer, TOKEN_DURATION);
        return fail_quoted(lexer, "bad number or duration syntax: ");
}

static enum token_kind keyword_kind(struct str word)
{
        for (size_t i = 0; i < ARRAY_LEN(keywords); i++)
                if (strlen(keywords[i].name) == word.len &&
                    strncasecmp(keywords[i].name, word.data, word.len) == 0)
                        return keywords[i].kind;
        return str_find_byte(word, ':') < word.len ? TOKEN_METRIC_IDENTIFIER : TOKEN_IDENTIFIER;
}

/* fill, fill_left and fill_right are keywords only before a parenthesis, so that metrics of
 * those names go on working. min_of and max_of are function names outside of durations. */
static bool followed_by_paren(const struct lexer *lexer)
{
        size_t at = lexer->pos;

        while (at < lexer->input.len && is_space(lexer->input.data[at]))
                at++;
        return at < lexer->input.len && lexer->input.data[at] == '(';
}

static struct token lex_word(struct lexer *lexer)
{
        enum token_kind kind;

        while (is_alphanumeric(peek(lexer)) || peek(lexer) == ':')
                lexer->pos++;
        kind = keyword_kind(str_slice(lexer->input, lexer->start, lexer->pos));
        if ((kind == TOKEN_FILL || kind == TOKEN_FILL_LEFT || kind == TOKEN_FILL_RIGHT ||
             kind == TOKEN_MIN_OF || kind == TOKEN_MAX_OF) &&
            !followed_by_paren(lexer))
                kind = TOKEN_IDENTIFIER;
        return emit(lexer, kind);
}

/* step, range, min_of and max_of between brackets; `first` has been peeked, not taken. */
static struct token lex_duration_word(struct lexer *lexer, int first)
{
        enum token_kind kind;

        while (is_alpha(peek(lexer)))
                lexer->pos++;
        kind = keyword_kind(str_slice(lexer->input, lexer->start, lexer->pos));
        if (kind == TOKEN_STEP || kind == TOKEN_RANGE || kind == TOKEN_MIN_OF ||
            kind == TOKEN_MAX_OF)
                return emit(lexer, kind);
        if (lexer->in_duration)
                return fail_rune(lexer, "unexpected character in duration expression: ", first,
                                 "");
        return fail_rune(lexer, "unexpected character: ", first, ", expected ':'");
}

static struct token lex_inside_braces(struct lexer *lexer)
{
        int c = take(lexer), next;

        if (is_alpha(c)) {
                while (is_alphanumeric(peek(lexer)))
                        lexer->pos++;
                return emit(lexer, TOKEN_IDENTIFIER);
        }
        switch (c) {
        case END_OF_INPUT:
                return fail(lexer, "unexpected end of input inside braces");
        case ',':
                return emit(lexer, TOKEN_COMMA);
        case '"':
        case '\'':
        case '`':
                return lex_string(lexer, c);
        case '=':
                return emit(lexer, accept(lexer, "~") ? TOKEN_EQL_REGEX : TOKEN_EQUAL);
        case '!':
                next = take(lexer);
                if (next == '~' || next == '=')
                        return emit(lexer, next == '~' ? TOKEN_NEQ_REGEX : TOKEN_NEQ);
                return fail_rune(lexer, "unexpected character after '!' inside braces: ", next,
                                 "");
        case '{':
                return fail_rune(lexer, "unexpected left brace ", c, "");
        case '}':
                lexer->brace_open = false;
                return emit(lexer, TOKEN_RIGHT_BRACE);
        default:
                return fail_rune(lexer, "unexpected character inside braces: ", c, "");
        }
}

static struct token lex_bracket_or_paren(struct lexer *lexer, int c)
{
        struct token token;

        switch (c) {
        case '(':
                lexer->paren_depth++;
                return emit(lexer, TOKEN_LEFT_PAREN);
        case ')':
                token = emit(lexer, TOKEN_RIGHT_PAREN);
                if (lexer->paren_depth == 0)
                        return fail_rune(lexer, "unexpected right parenthesis ", c, "");
                lexer->paren_depth--;
                return token;
        case '{':
                lexer->brace_open = true;
                return emit(lexer, TOKEN_LEFT_BRACE);
        case '[':
                if (lexer->in_duration)
                        return fail_rune(lexer, "unexpected character in duration expression: ",
                                         c, "");
                if (lexer->bracket_open)
                        return fail_rune(lexer, "unexpected left bracket ", c, "");
                lexer->bracket_open = true;
                lexer->got_colon = false;
                lexer->in_duration = true;
                return emit(lexer, TOKEN_LEFT_BRACKET);
        default:
                if (!lexer->bracket_open)
                        return fail_rune(lexer, "unexpected right bracket ", c, "");
                lexer->bracket_open = lexer->in_duration = false;
                return emit(lexer, TOKEN_RIGHT_BRACKET);
        }
}

static struct token lex_colon(struct lexer *lexer)
{
        lexer->pos++;
        if (lexer->in_duration) {
                emit(lexer, TOKEN_COLON);
                return fail(lexer, "unexpected colon before duration in duration expression");
        }
        if (lexer->got_colon)
                return fail_rune(lexer, "unexpected colon ", ':', "");
        lexer->got_colon = true;
        return emit(lexer, TOKEN_COLON);
}

static struct token lex_comparison(struct lexer *lexer, int c)
{
        int next = peek(lexer);

        if (c == '=') {
                if (next == '~')
                        return fail_rune(lexer, "unexpected character after '=': ", next, "");
                return emit(lexer, accept(lexer, "=") ? TOKEN_EQLC : TOKEN_EQUAL);
        }
        if (c == '!') {
                take(lexer);
                if (next != '=')
                        return fail_rune(lexer, "unexpected character after '!': ", next, "");
                return emit(lexer, TOKEN_NEQ);
        }
        if (accept(lexer, "="))
                return emit(lexer, c == '<' ? TOKEN_LTE : TOKEN_GTE);
        if (accept(lexer, "/"))
                return emit(lexer, c == '<' ? TOKEN_TRIM_UPPER : TOKEN_TRIM_LOWER);
        return emit(lexer, c == '<' ? TOKEN_LSS : TOKEN_GTR);
}

static struct token lex_end(struct lexer *lexer)
{
        if (lexer->in_duration)
                return fail(lexer, "unexpected end of input in duration expression");
        if (lexer->paren_depth)
                return fail(lexer, "unclosed left parenthesis");
        if (lexer->bracket_open)
                return fail(lexer, "unclosed left bracket");
        return emit(lexer, TOKEN_EOF);
}

static struct token lex_symbol(struct lexer *lexer, int c)
{
        static const char singles[] = ",*/%+-^@";
        static const enum token_kind kinds[] = {TOKEN_COMMA, TOKEN_MUL, TOKEN_DIV, TOKEN_MOD,
                                                TOKEN_ADD,   TOKEN_SUB, TOKEN_POW, TOKEN_AT};
        const char *single = c > 0 && c < 0x80 ? strchr(singles, c) : NULL;

        if (single && !(lexer->in_duration && c == '@'))
                return emit(lexer, kinds[single - singles]);
        if (c > 0 && c < 0x80 && strchr("()[]", c))
                return lex_bracket_or_paren(lexer, c);
        if (lexer->in_duration)
                return fail_rune(lexer, "unexpected character in duration expression: ", c, "");
        switch (c) {
        case '{':
                return lex_bracket_or_paren(lexer, c);
        case '=':
        case '!':
        case '<':
        case '>':
                return lex_comparison(lexer, c);
        case '"':
        case '\'':
        case '`':
                return lex_string(lexer, c);
        default:
                return fail_rune(lexer, "unexpected character: ", c, "");
        }
}

static void skip_blanks_and_comments(struct lexer *lexer)
{
        for (;;) {
                int c = peek(lexer);

                if (c == '#' && !lexer->in_duration) {
                        while (c != END_OF_INPUT && c != '\n' && c != '\r') {
                                take(lexer);
                                c = peek(lexer);
                        }
                } else if (is_space(c)) {
                        lexer->pos++;
                } else {
                        break;
                }
        }
        lexer->start = lexer->pos;
}

struct token lexer_next(struct lexer *lexer)
{
        size_t width;
        int c;

        if (lexer->failed)
                return lexer->error;
        skip_blanks_and_comments(lexer);
        if (lexer->brace_open)
                return lex_inside_braces(lexer);
        c = rune_at(lexer->input, lexer->pos, &width);
        if (c == END_OF_INPUT)
                return lex_end(lexer);
        if (is_digit(c) || (c == '.' && lexer->pos + 1 < lexer->input.len &&
                            is_digit(lexer->input.data[lexer->pos + 1])))
                return lex_number(lexer);
        if (c == ':' && lexer->bracket_open)
                return lex_colon(lexer);
        if (is_alpha(c) && lexer->bracket_open)
                return lex_duration_word(lexer, c);
        if (is_alpha(c) || c == ':')
                return lex_word(lexer);
        lexer->pos += width;
        return lex_symbol(lexer, c);
}

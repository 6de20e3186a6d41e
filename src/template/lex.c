#include <stdio.h>

#include "base/utf8.h"
#include "codec/quote.h"
#include "template/lex_int.h"

static const char left_delim[] = "{{", right_delim[] = "}}";
static const char left_comment[] = "/*", right_comment[] = "*/";

enum { DELIM_BYTES = 2, COMMENT_BYTES = 2, TRIM_BYTES = 2 };

static const uint32_t END_OF_INPUT = UINT32_MAX;

void scanner_init(struct scanner *lexer, struct str input)
{
        *lexer = (struct scanner){.input = input, .line = 1, .start_line = 1};
}

static bool is_space(uint32_t c)
{
        return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_alphanumeric(uint32_t rune)
{
        return rune != END_OF_INPUT &&
               (rune == '_' || utf8_is_letter(rune) || utf8_is_digit(rune));
}

static struct str rest(const struct scanner *lexer, size_t at)
{
        return str_slice(lexer->input, at < lexer->input.len ? at : lexer->input.len,
                         lexer->input.len);
}

static bool is_at(const struct scanner *lexer, size_t at, const char *what)
{
        return str_starts_with(rest(lexer, at), str_from(what));
}

/* Position of `what` from `at` on, or the end of the input. */
static size_t find(const struct scanner *lexer, size_t at, const char *what)
{
        struct str left = rest(lexer, at);
        const char *hit = left.len ? memmem(left.data, left.len, what, strlen(what)) : NULL;

        return hit ? (size_t)(hit - lexer->input.data) : lexer->input.len;
}

static uint32_t peek(const struct scanner *lexer, size_t *ret_width)
{
        *ret_width = 0;
        if (lexer->pos >= lexer->input.len)
                return END_OF_INPUT;
        return utf8_decode(lexer->input, lexer->pos, ret_width);
}

static uint32_t look(const struct scanner *lexer)
{
        size_t width;

        return peek(lexer, &width);
}

static uint32_t next(struct scanner *lexer)
{
        size_t width;
        uint32_t rune = peek(lexer, &width);

        lexer->pos += width;
        if (rune == '\n')
                lexer->line++;
        return rune;
}

static void move_to(struct scanner *lexer, size_t pos)
{
        for (; lexer->pos < pos; lexer->pos++)
                if (lexer->input.data[lexer->pos] == '\n')
                        lexer->line++;
}

static void ignore(struct scanner *lexer)
{
        lexer->start = lexer->pos;
        lexer->start_line = lexer->line;
}

static struct lexeme emit(struct scanner *lexer, enum token_kind kind)
{
        struct lexeme token = {kind, lexer->start,
                              str_slice(lexer->input, lexer->start, lexer->pos),
                              lexer->start_line};

        ignore(lexer);
        return token;
}

PRINTF_LIKE(2, 3)
static struct lexeme fail(struct scanner *lexer, const char *fmt, ...)
{
        va_list args;

        va_start(args, fmt);
        vsnprintf(lexer->reason, sizeof(lexer->reason), fmt, args);
        va_end(args);
        lexer->ended = true;
        return (struct lexeme){TOKEN_ERROR, lexer->start, str_from(lexer->reason),
                              lexer->start_line};
}

/* "what U+0023 '#'" */
static struct lexeme fail_rune(struct scanner *lexer, const char *what, uint32_t rune)
{
        char text[UTF8_MAX_BYTES + 1] = "";

        if (rune == END_OF_INPUT)
                return fail(lexer, "%s U+FFFFFFFFFFFFFFFF", what);
        if (!utf8_is_print(rune))
                return fail(lexer, "%s U+%04X", what, rune);
        text[utf8_encode(text, rune)] = '\0';
        return fail(lexer, "%s U+%04X '%s'", what, rune, text);
}

/* ---- text and delimiters ------------------------------------------------------------------ */

static bool has_left_trim(const struct scanner *lexer, size_t at)
{
        struct str left = rest(lexer, at);

        return left.len >= 2 && left.data[0] == '-' && is_space((unsigned char)left.data[1]);
}

static bool has_right_trim(const struct scanner *lexer, size_t at)
{
        struct str left = rest(lexer, at);

        return left.len >= 2 && is_space((unsigned char)left.data[0]) && left.data[1] == '-';
}

static bool at_right_delim(const struct scanner *lexer, bool *ret_trims)
{
        *ret_trims = has_right_trim(lexer, lexer->pos) &&
                     is_at(lexer, lexer->pos + TRIM_BYTES, right_delim);
        return *ret_trims || is_at(lexer, lexer->pos, right_delim);
}

static void skip_spaces(struct scanner *lexer)
{
        while (lexer->pos < lexer->input.len &&
               is_space((unsigned char)lexer->input.data[lexer->pos]))
                next(lexer);
        ignore(lexer);
}

/* From the left delimiter of a comment to behind its right one. */
static bool skip_comment(struct scanner *lexer, struct lexeme *ret_error)
{
        size_t end = find(lexer, lexer->pos + COMMENT_BYTES, right_comment);
        bool trims;

        ignore(lexer);
        if (end == lexer->input.len) {
                *ret_error = fail(lexer, "unclosed comment");
                return false;
        }
        move_to(lexer, end + COMMENT_BYTES);
        if (!at_right_delim(lexer, &trims)) {
                *ret_error = fail(lexer, "comment ends before closing delimiter");
                return false;
        }
        move_to(lexer, lexer->pos + DELIM_BYTES + (trims ? TRIM_BYTES : 0));
        ignore(lexer);
        if (trims)
                skip_spaces(lexer);
        return true;
}

static struct lexeme lex_left_delim(struct scanner *lexer)
{
        struct lexeme token;
        bool trims;

        lexer->pos += DELIM_BYTES;
        trims = has_left_trim(lexer, lexer->pos);
        token = emit(lexer, TOKEN_LEFT_DELIM);
        if (trims)
                move_to(lexer, lexer->pos + TRIM_BYTES);
        ignore(lexer);
        lexer->paren_depth = 0;
        lexer->inside = true;
        return token;
}

static struct lexeme lex_text(struct scanner *lexer)
{
        for (;;) {
                size_t at = find(lexer, lexer->pos, left_delim), end = at, behind;
                struct lexeme token;

                if (at == lexer->input.len) {
                        move_to(lexer, at);
                        lexer->ended = lexer->pos == lexer->start;
                        return emit(lexer, lexer->ended ? TOKEN_EOF : TOKEN_TEXT);
                }
                behind = at + DELIM_BYTES;
                if (has_left_trim(lexer, behind)) {
                        while (end > lexer->start &&
                               is_space((unsigned char)lexer->input.data[end - 1]))
                                end--;
                        behind += TRIM_BYTES;
                }
                move_to(lexer, end);
                if (end > lexer->start)
                        return emit(lexer, TOKEN_TEXT);
                move_to(lexer, at);
                ignore(lexer);
                if (!is_at(lexer, behind, left_comment))
                        return lex_left_delim(lexer);
                move_to(lexer, behind);
                if (!skip_comment(lexer, &token))
                        return token;
        }
}

static struct lexeme lex_right_delim(struct scanner *lexer, bool trims)
{
        struct lexeme token;

        if (trims) {
                move_to(lexer, lexer->pos + TRIM_BYTES);
                ignore(lexer);
        }
        lexer->pos += DELIM_BYTES;
        token = emit(lexer, TOKEN_RIGHT_DELIM);
        if (trims)
                skip_spaces(lexer);
        lexer->inside = false;
        return token;
}

/* ---- inside an action --------------------------------------------------------------------- */

static bool at_terminator(const struct scanner *lexer)
{
        uint32_t rune = look(lexer);

        return rune == END_OF_INPUT || is_space(rune) ||
               (rune < 0x80 && strchr(".,|:()", (int)rune)) ||
               is_at(lexer, lexer->pos, right_delim);
}

static struct lexeme lex_space(struct scanner *lexer)
{
        size_t count = 0;

        while (is_space(look(lexer))) {
                next(lexer);
                count++;
        }
        /* The last space may belong to a trimming right delimiter. */
        if (has_right_trim(lexer, lexer->pos - 1) &&
            is_at(lexer, lexer->pos - 1 + TRIM_BYTES, right_delim)) {
                lexer->pos--;
                if (lexer->input.data[lexer->pos] == '\n')
                        lexer->line--;
                if (count == 1)
                        return lex_right_delim(lexer, true);
        }
        return emit(lexer, TOKEN_SPACE);
}

static struct lexeme lex_word(struct scanner *lexer)
{
        static const struct {
                const char *word;
                enum token_kind kind;
        } words[] = {
                {"block", TOKEN_BLOCK},   {"break", TOKEN_BREAK}, {"continue", TOKEN_CONTINUE},
                {"define", TOKEN_DEFINE}, {"else", TOKEN_ELSE},   {"end", TOKEN_END},
                {"if", TOKEN_IF},         {"nil", TOKEN_NIL},     {"range", TOKEN_RANGE},
                {"with", TOKEN_WITH},     {"true", TOKEN_BOOL},   {"false", TOKEN_BOOL},
                {"template", TOKEN_TEMPLATE},
        };
        struct str word;

        while (is_alphanumeric(look(lexer)))
                next(lexer);
        if (!at_terminator(lexer))
                return fail_rune(lexer, "bad character", look(lexer));
        word = str_slice(lexer->input, lexer->start, lexer->pos);
        for (size_t i = 0; i < ARRAY_LEN(words); i++)
                if (str_is(word, words[i].word))
                        return emit(lexer, words[i].kind);
        return emit(lexer, TOKEN_IDENTIFIER);
}

/* Behind a dot or a dollar sign. */
static struct lexeme lex_name(struct scanner *lexer, enum token_kind kind, enum token_kind alone)
{
        if (at_terminator(lexer))
                return emit(lexer, alone);
        while (is_alphanumeric(look(lexer)))
                next(lexer);
        if (!at_terminator(lexer))
                return fail_rune(lexer, "bad character", look(lexer));
        return emit(lexer, kind);
}

static struct lexeme lex_quoted(struct scanner *lexer, uint32_t quote, enum token_kind kind,
                               const char *what)
{
        for (;;) {
                uint32_t rune = next(lexer);

                if (rune == '\\' && quote != '`') {
                        rune = next(lexer);
                        if (rune != END_OF_INPUT && rune != '\n')
                                continue;
                } else if (rune == quote) {
                        return emit(lexer, kind);
                }
                if (rune == END_OF_INPUT || (rune == '\n' && quote != '`'))
                        return fail(lexer, "unterminated %s", what);
        }
}

static bool accept(struct scanner *lexer, const char *any)
{
        uint32_t rune = look(lexer);

        if (rune == 0 || rune >= 0x80 || !strchr(any, (int)rune))
                return false;
        lexer->pos++;
        return true;
}

static bool scan_number(struct scanner *lexer)
{
        const char *digits = "0123456789_";
        const char *exponent = "eE";

        accept(lexer, "+-");
        if (accept(lexer, "0")) {
                if (accept(lexer, "xX")) {
                        digits = "0123456789abcdefABCDEF_";
                        exponent = "pP";
                } else if (accept(lexer, "oO")) {
                        digits = "01234567_";
                        exponent = "";
                } else if (accept(lexer, "bB")) {
                        digits = "01_";
                        exponent = "";
                }
        }
        while (accept(lexer, digits))
                continue;
        if (accept(lexer, "."))
                while (accept(lexer, digits))
                        continue;
        if (*exponent && accept(lexer, exponent)) {
                accept(lexer, "+-");
                while (accept(lexer, "0123456789_"))
                        continue;
        }
        if (!is_alphanumeric(look(lexer)))
                return true;
        next(lexer);
        return false;
}

static struct lexeme lex_number(struct scanner *lexer)
{
        bool good = scan_number(lexer);
        struct str text = str_slice(lexer->input, lexer->start, lexer->pos);
        struct buf quoted CLEANUP(buf_release) = BUF_INIT(sizeof(lexer->reason));

        if (good)
                return emit(lexer, TOKEN_NUMBER);
        quote_append(&quoted, text.len > 40 ? str_slice(text, 0, 40) : text);
        return fail(lexer, "bad number syntax: " STR_FMT, STR_ARG(buf_str(&quoted)));
}

static struct lexeme lex_symbol(struct scanner *lexer, uint32_t rune)
{
        next(lexer);
        switch (rune) {
        case '=':
                return emit(lexer, TOKEN_ASSIGN);
        case ':':
                if (next(lexer) != '=')
                        return fail(lexer, "expected :=");
                return emit(lexer, TOKEN_DECLARE);
        case '|':
                return emit(lexer, TOKEN_PIPE);
        case '"':
                return lex_quoted(lexer, rune, TOKEN_STRING, "quoted string");
        case '`':
                return lex_quoted(lexer, rune, TOKEN_RAW_STRING, "raw quoted string");
        case '\'':
                return lex_quoted(lexer, rune, TOKEN_CHAR_CONSTANT, "character constant");
        case '$':
                return lex_name(lexer, TOKEN_VARIABLE, TOKEN_VARIABLE);
        case '.':
                return lex_name(lexer, TOKEN_FIELD, TOKEN_DOT);
        case '(':
                lexer->paren_depth++;
                return emit(lexer, TOKEN_LEFT_PAREN);
        case ')':
                if (lexer->paren_depth == 0)
                        return fail(lexer, "unexpected right paren");
                lexer->paren_depth--;
                return emit(lexer, TOKEN_RIGHT_PAREN);
        default:
                if (rune < 0x80 && utf8_is_print(rune))
                        return emit(lexer, TOKEN_CHAR);
                return fail_rune(lexer, "unrecognized character in action:", rune);
        }
}

static struct lexeme lex_inside(struct scanner *lexer)
{
        uint32_t rune = look(lexer);
        char behind = '\0';
        bool trims;

        if (at_right_delim(lexer, &trims)) {
                if (lexer->paren_depth)
                        return fail(lexer, "unclosed left paren");
                return lex_right_delim(lexer, trims);
        }
        if (rune == END_OF_INPUT)
                return fail(lexer, "unclosed action");
        if (is_space(rune))
                return lex_space(lexer);
        if (lexer->pos + 1 < lexer->input.len)
                behind = lexer->input.data[lexer->pos + 1];
        if ((rune == '.' && behind >= '0' && behind <= '9') || rune == '+' || rune == '-' ||
            (rune >= '0' && rune <= '9'))
                return lex_number(lexer);
        if (is_alphanumeric(rune))
                return lex_word(lexer);
        return lex_symbol(lexer, rune);
}

struct lexeme scanner_next(struct scanner *lexer)
{
        if (lexer->ended)
                return (struct lexeme){TOKEN_EOF, lexer->pos, STR_LIT(""), lexer->line};
        return lexer->inside ? lex_inside(lexer) : lex_text(lexer);
}

void lexeme_describe(struct buf *out, const struct lexeme *token)
{
        enum { SHOWN_BYTES = 10 };
        size_t at = 0, width;

        if (token->kind == TOKEN_EOF) {
                buf_append_cstr(out, "EOF");
        } else if (token->kind == TOKEN_ERROR) {
                buf_append_str(out, token->text);
        } else if (token->kind >= TOKEN_DOT) {
                buf_printf(out, "<" STR_FMT ">", STR_ARG(token->text));
        } else if (token->text.len <= SHOWN_BYTES) {
                quote_append(out, token->text);
        } else {
                for (unsigned i = 0; i < SHOWN_BYTES && at < token->text.len; i++, at += width)
                        utf8_decode(token->text, at, &width);
                quote_append(out, str_slice(token->text, 0, at));
                buf_append_cstr(out, "...");
        }
}

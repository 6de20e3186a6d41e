#include "codec/quote.h"

#include "base/utf8.h"

static const char letters[] = "abfnrtv";
static const char controls[] = "\a\b\f\n\r\t\v";

static void append_rune(struct buf *out, uint32_t rune, bool ascii)
{
        const char *control = rune && rune < 0x20 ? strchr(controls, (int)rune) : NULL;

        if (rune == '"' || rune == '\\')
                buf_append_byte(out, '\\');
        if (utf8_is_print(rune) && (rune < 0x80 || !ascii))
                utf8_append(out, rune);
        else if (control)
                buf_printf(out, "\\%c", letters[control - controls]);
        else if (rune < 0x20 || rune == 0x7f)
                buf_printf(out, "\\x%02x", rune);
        else
                buf_printf(out, rune < 0x10000 ? "\\u%04x" : "\\U%08x", rune);
}

static void append(struct buf *out, struct str text, bool ascii)
{
        size_t width;

        buf_append_byte(out, '"');
        for (size_t at = 0; at < text.len; at += width) {
                uint32_t rune = utf8_decode(text, at, &width);

                if (width == 1 && rune == UTF8_REPLACEMENT)
                        buf_printf(out, "\\x%02x", (unsigned char)text.data[at]);
                else
                        append_rune(out, rune, ascii);
        }
        buf_append_byte(out, '"');
}

void quote_append(struct buf *out, struct str text)
{
        append(out, text, false);
}

void quote_append_ascii(struct buf *out, struct str text)
{
        append(out, text, true);
}

/* ---- reading ------------------------------------------------------------------------------ */

/* One escape sequence at text[*at], behind the backslash; appends what it stands for. */
static bool parse_escape(struct buf *out, struct str text, size_t *at, char quote)
{
        char c = text.data[(*at)++];
        const char *letter = c ? strchr(letters, c) : NULL;
        unsigned base = c == 'x' || c == 'u' || c == 'U' ? 16 : 8;
        size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 3;
        uint32_t value = 0;

        if (c == quote || c == '\\' || letter) {
                buf_append_byte(out, letter ? controls[letter - letters] : c);
                return true;
        }
        if (base == 8)
                --*at;
        if (text.len - *at < digits)
                return false;
        for (size_t i = 0; i < digits; i++) {
                unsigned digit = str_hex_digit(text.data[(*at)++]);

                if (digit >= base)
                        return false;
                value = value * base + digit;
        }
        if (digits > 3) {
                utf8_append(out, value);
                return value <= 0x10ffff && (value < 0xd800 || value >= 0xe000);
        }
        buf_append_byte(out, (char)value);
        return value <= 255;
}

bool quote_parse(struct arena *arena, struct str quoted, struct str *ret_text)
{
        struct buf out CLEANUP(buf_release) = BUF_INIT(SIZE_MAX / 2);
        struct str text;
        char quote;

        if (quoted.len < 2 || !strchr("\"'`", quoted.data[0]) ||
            quoted.data[quoted.len - 1] != quoted.data[0])
                return false;
        quote = quoted.data[0];
        text = str_slice(quoted, 1, quoted.len - 1);
        if (str_find_byte(text, quote == '`' ? '\r' : '\\') == text.len) {
                *ret_text = text;
                return true;
        }
        for (size_t at = 0; at < text.len;) {
                char c = text.data[at++];

                if (quote == '`' ? c != '\r' : c != '\\')
                        buf_append_byte(&out, c);
                else if (quote != '`' &&
                         (at == text.len || !parse_escape(&out, text, &at, quote)))
                        return false;
        }
        *ret_text = arena_str(arena, buf_str(&out));
        return true;
}

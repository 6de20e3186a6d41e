#include <stdlib.h>

#include "base/utf8.h"
#include "codec/double.h"
#include "codec/quote.h"
#include "template/tree_int.h"

enum { NUMBER_MAX_BYTES = 400 };

/* Underscores only between digits or behind a prefix, as in Go. */
static bool underscores_ok(struct str digits, bool has_prefix)
{
        bool digit_before = has_prefix;

        for (size_t i = 0; i < digits.len; i++) {
                if (digits.data[i] == '_' &&
                    (!digit_before || i + 1 == digits.len || digits.data[i + 1] == '_'))
                        return false;
                digit_before = digits.data[i] != '_';
        }
        return true;
}

static bool parse_natural(struct str text, uint64_t *ret_value)
{
        unsigned base = 10;
        bool has_prefix = text.len > 1 && text.data[0] == '0';
        uint64_t value = 0;

        if (has_prefix) {
                char c = text.data[1] | 0x20;

                base = c == 'x' ? 16 : c == 'b' ? 2 : 8;
                text = str_slice(text, c == 'x' || c == 'b' || c == 'o' ? 2 : 1, text.len);
        }
        if (!text.len || !underscores_ok(text, has_prefix))
                return false;
        for (size_t i = 0; i < text.len; i++) {
                unsigned digit = str_hex_digit(text.data[i]);

                if (text.data[i] == '_')
                        continue;
                if (digit >= base || __builtin_mul_overflow(value, base, &value) ||
                    __builtin_add_overflow(value, digit, &value))
                        return false;
        }
        *ret_value = value;
        return true;
}

static void set_integer(struct node *node, bool negative, uint64_t value)
{
        if (value <= (uint64_t)INT64_MAX + negative) {
                node->is_int = true;
                node->integer = negative ? (int64_t)(0 - value) : (int64_t)value;
        }
        if (!negative || value == 0) {
                node->is_uint = true;
                node->natural = value;
        }
}

static bool parse_rune(struct node *node, struct str text, struct buf *reason)
{
        struct arena arena;
        struct str bytes;
        size_t width = 0;
        uint32_t rune = 0;
        bool good;

        arena_init(&arena, 1 << 16);
        good = quote_parse(&arena, text, &bytes) && bytes.len > 0;
        if (!good) {
                buf_append_cstr(reason, "invalid syntax");
        } else {
                /* '\xff' is the byte, not a broken character. */
                rune = text.data[1] == '\\' && bytes.len == 1 ? (unsigned char)bytes.data[0]
                                                              : utf8_decode(bytes, 0, &width);
                good = bytes.len == 1 || width == bytes.len;
                if (!good)
                        buf_printf(reason, "malformed character constant: " STR_FMT,
                                   STR_ARG(text));
        }
        arena_release(&arena);
        set_integer(node, false, rune);
        node->is_float = true;
        node->number = rune;
        return good;
}

static bool parse_float(struct str text, double *ret_value)
{
        char digits[NUMBER_MAX_BYTES];
        size_t len = 0;

        if (text.len >= sizeof(digits))
                return false;
        for (size_t i = 0; i < text.len; i++)
                if (text.data[i] != '_')
                        digits[len++] = text.data[i];
        return double_parse(str_make(digits, len), ret_value);
}

static bool fail(struct buf *reason, const char *what, struct str text)
{
        buf_append_cstr(reason, what);
        quote_append(reason, text);
        return false;
}

bool number_parse(struct node *node, struct str text, struct buf *reason)
{
        bool negative = text.data[0] == '-';
        struct str plain = text.data[0] == '-' || text.data[0] == '+'
                                   ? str_slice(text, 1, text.len)
                                   : text;
        uint64_t natural;

        node->text = text;
        if (text.data[0] == '\'')
                return parse_rune(node, text, reason);
        if (parse_natural(plain, &natural)) {
                set_integer(node, negative, natural);
                node->is_uint = node->is_uint && plain.len == text.len;
        }
        if (node->is_int || node->is_uint) {
                node->is_float = true;
                node->number = node->is_int ? (double)node->integer : (double)node->natural;
                return true;
        }
        if (!parse_float(text, &node->number))
                return fail(reason, "illegal number syntax: ", text);
        for (size_t i = 0;; i++) {
                if (i == text.len)
                        return fail(reason, "integer overflow: ", text);
                if (strchr(".eEpP", text.data[i]))
                        break;
        }
        node->is_float = true;
        if (node->number >= -0x1p63 && node->number < 0x1p63 &&
            node->number == (double)(int64_t)node->number) {
                node->is_int = true;
                node->integer = (int64_t)node->number;
        }
        if (node->number >= 0 && node->number < 0x1p64 &&
            node->number == (double)(uint64_t)node->number) {
                node->is_uint = true;
                node->natural = (uint64_t)node->number;
        }
        return true;
}

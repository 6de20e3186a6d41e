/* What Go's package fmt prints, mistakes included. */
#include <math.h>
#include <stdio.h>

#include "base/utf8.h"
#include "codec/double.h"
#include "codec/quote.h"
#include "template/value.h"

/* A width or precision beyond this is a mistake, as in Go. */
enum { WIDTH_MAX = 1000000, NO_PRECISION = -1 };

struct verb {
        uint32_t letter;
        bool plus, minus, sharp, space, zero;
        bool sharp_v, plus_v; /* %#v and %+v: these flags mean something else there */
        bool has_width;
        int width, precision;
};

static const struct verb plain = {.letter = 'v', .precision = NO_PRECISION};

static void print_value(struct buf *out, const struct template_value *value,
                        const struct verb *verb, unsigned depth);

/* ---- padding ------------------------------------------------------------------------------ */

static void pad(struct buf *out, struct str text, const struct verb *verb)
{
        size_t count = verb->has_width ? utf8_count(text) : 0;
        size_t fill = verb->has_width && (size_t)verb->width > count ? (size_t)verb->width - count
                                                                     : 0;

        if (verb->minus)
                buf_append_str(out, text);
        for (; fill && !out->overflow; fill--)
                buf_append_byte(out, verb->zero && !verb->minus ? '0' : ' ');
        if (!verb->minus)
                buf_append_str(out, text);
}

/* A number with its sign: zeros go between the two. */
static void pad_number(struct buf *out, const char *sign, struct str digits,
                       const struct verb *verb)
{
        size_t len = strlen(sign) + digits.len;
        struct buf text CLEANUP(buf_release) = BUF_INIT(WIDTH_MAX + DOUBLE_TEXT_MAX);

        buf_append_cstr(&text, sign);
        if (verb->zero && !verb->minus && verb->has_width)
                for (; len < (size_t)verb->width; len++)
                        buf_append_byte(&text, '0');
        buf_append_str(&text, digits);
        pad(out, buf_str(&text), verb);
}

/* ---- single values ------------------------------------------------------------------------ */

static void print_bad_verb(struct buf *out, const struct template_value *value,
                           const struct verb *verb)
{
        buf_append_cstr(out, "%!");
        utf8_append(out, verb->letter);
        buf_append_byte(out, '(');
        if (value->type) {
                buf_append_cstr(out, value->type->name);
                buf_append_byte(out, '=');
                print_value(out, value, &plain, 0);
        } else {
                buf_append_cstr(out, "<nil>");
        }
        buf_append_byte(out, ')');
}

static const char *sign_of(bool negative, const struct verb *verb)
{
        return negative ? "-" : verb->plus ? "+" : verb->space ? " " : "";
}

static void print_integer(struct buf *out, bool negative, uint64_t value, unsigned base,
                          const char *prefix, bool upper, const struct verb *verb)
{
        static const char lower_digits[] = "0123456789abcdef", upper_digits[] = "0123456789ABCDEF";
        struct buf text CLEANUP(buf_release) = BUF_INIT(WIDTH_MAX + 80);
        struct verb how = *verb;
        char digits[72], sign[8];
        size_t at = sizeof(digits);

        snprintf(sign, sizeof(sign), "%s%s", sign_of(negative, verb), prefix);
        if (how.precision != NO_PRECISION)
                how.zero = false;
        if (value || how.precision != 0)
                do
                        digits[--at] = (upper ? upper_digits : lower_digits)[value % base];
                while (value /= base);
        for (int zeros = how.precision - (int)(sizeof(digits) - at); zeros > 0; zeros--)
                buf_append_byte(&text, '0');
        buf_append(&text, digits + at, sizeof(digits) - at);
        pad_number(out, sign, buf_str(&text), &how);
}

static void print_code_point(struct buf *out, uint64_t value, const struct verb *verb)
{
        char text[UTF8_MAX_BYTES + 40];
        uint32_t rune = value > 0x10ffff ? UTF8_REPLACEMENT : (uint32_t)value;
        int len = snprintf(text, sizeof(text), "U+%04llX", (unsigned long long)value);

        if (verb->sharp && value <= 0x10ffff && utf8_is_print(rune)) {
                len += snprintf(text + len, sizeof(text) - (size_t)len, " '");
                len += (int)utf8_encode(text + len, rune);
                text[len++] = '\'';
        }
        pad(out, str_make(text, (size_t)len), verb);
}

static void print_rune(struct buf *out, uint64_t value, const struct verb *verb)
{
        uint32_t rune = value > 0x10ffff ? UTF8_REPLACEMENT : (uint32_t)value;
        struct buf quoted CLEANUP(buf_release) = BUF_INIT(64);
        char text[UTF8_MAX_BYTES];
        struct str bytes = str_make(text, utf8_encode(text, rune));

        if (verb->letter == 'c') {
                pad(out, bytes, verb);
                return;
        }
        if (rune == '\'')
                buf_append_cstr(&quoted, "'\\''");
        else if (rune == '"')
                buf_append_cstr(&quoted, "'\"'");
        else
                (verb->plus ? quote_append_ascii : quote_append)(&quoted, bytes);
        if (quoted.data[0] == '"')
                quoted.data[0] = quoted.data[quoted.len - 1] = '\'';
        pad(out, buf_str(&quoted), verb);
}

static void print_int(struct buf *out, const struct template_value *value, const struct verb *verb)
{
        bool is_signed = value->type->kind == TEMPLATE_INT;
        bool negative = is_signed && value->integer < 0;
        uint64_t magnitude = negative ? 0 - (uint64_t)value->integer : (uint64_t)value->integer;

        switch (verb->letter) {
        case 'v':
                if (verb->sharp_v && !is_signed)
                        print_integer(out, false, magnitude, 16, "0x", false, verb);
                else
                        print_integer(out, negative, magnitude, 10, "", false, verb);
                break;
        case 'd':
                print_integer(out, negative, magnitude, 10, "", false, verb);
                break;
        case 'b':
                print_integer(out, negative, magnitude, 2, verb->sharp ? "0b" : "", false, verb);
                break;
        case 'o':
                print_integer(out, negative, magnitude, 8, verb->sharp ? "0" : "", false, verb);
                break;
        case 'O':
                print_integer(out, negative, magnitude, 8, "0o", false, verb);
                break;
        case 'x':
                print_integer(out, negative, magnitude, 16, verb->sharp ? "0x" : "", false, verb);
                break;
        case 'X':
                print_integer(out, negative, magnitude, 16, verb->sharp ? "0X" : "", true, verb);
                break;
        case 'c':
        case 'q':
                print_rune(out, (uint64_t)value->integer, verb);
                break;
        case 'U':
                print_code_point(out, (uint64_t)value->integer, verb);
                break;
        default:
                print_bad_verb(out, value, verb);
        }
}

static void print_float(struct buf *out, const struct template_value *value,
                        const struct verb *verb)
{
        char format[16], text[WIDTH_MAX > 4096 ? 4096 : WIDTH_MAX];
        double number = fabs(value->number);
        int precision = verb->precision;
        struct verb how = *verb;
        size_t len;

        if (!strchr("vgGeEfF", (int)verb->letter) || verb->letter >= 0x80) {
                print_bad_verb(out, value, verb);
                return;
        }
        if (isnan(number) || isinf(number)) {
                how.zero = false;
                pad_number(out, isnan(number) ? verb->plus ? "+" : verb->space ? " " : ""
                                : value->number < 0 ? "-" : verb->space && !verb->plus ? " " : "+",
                           isnan(number) ? STR_LIT("NaN") : STR_LIT("Inf"), &how);
                return;
        }
        if (precision == NO_PRECISION && strchr("vgG", (int)verb->letter)) {
                len = double_format(text, number, DOUBLE_G);
                for (size_t i = 0; i < len && verb->letter == 'G'; i++)
                        text[i] = text[i] == 'e' ? 'E' : text[i];
        } else {
                /* The C library rounds correctly, too, and writes at least two digits of exponent.
                 * No text of 2,000 digits behind the point fails to fit. */
                snprintf(format, sizeof(format), verb->sharp ? "%%#.*%c" : "%%.*%c",
                         verb->letter == 'v' ? 'g' : verb->letter == 'F' ? 'f' : (int)verb->letter);
                precision = precision == NO_PRECISION ? 6 : precision > 2000 ? 2000 : precision;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
                len = (size_t)snprintf(text, sizeof(text), format, precision, number);
#pragma GCC diagnostic pop
        }
        pad_number(out, sign_of(signbit(value->number), verb), str_make(text, len), &how);
}

static void print_hex(struct buf *out, struct str text, const struct verb *verb)
{
        struct buf hex CLEANUP(buf_release) = BUF_INIT(SIZE_MAX / 2);
        size_t len = verb->precision != NO_PRECISION && (size_t)verb->precision < text.len
                             ? (size_t)verb->precision
                             : text.len;

        for (size_t i = 0; i < len; i++) {
                if (verb->space && i > 0)
                        buf_append_byte(&hex, ' ');
                if (verb->sharp && (i == 0 || verb->space))
                        buf_append_cstr(&hex, verb->letter == 'x' ? "0x" : "0X");
                buf_printf(&hex, verb->letter == 'x' ? "%02x" : "%02X",
                           (unsigned char)text.data[i]);
        }
        pad(out, buf_str(&hex), verb);
}

static struct str truncate(struct str text, const struct verb *verb)
{
        size_t at = 0, width;

        if (verb->precision == NO_PRECISION)
                return text;
        for (int i = 0; i < verb->precision && at < text.len; i++, at += width)
                utf8_decode(text, at, &width);
        return str_slice(text, 0, at);
}

static bool fits_backquotes(struct str text)
{
        size_t width;

        for (size_t at = 0; at < text.len; at += width) {
                uint32_t rune = utf8_decode(text, at, &width);

                if ((rune < 0x20 && rune != '\t') || rune == '`' || rune == 0x7f ||
                    rune == 0xfeff || (rune == UTF8_REPLACEMENT && width == 1))
                        return false;
        }
        return true;
}

/* False when the verb is none for texts. */
static bool print_text(struct buf *out, struct str text, const struct verb *verb)
{
        struct buf quoted CLEANUP(buf_release) = BUF_INIT(SIZE_MAX / 2);

        switch (verb->letter) {
        case 'v':
        case 's':
                if (!verb->sharp_v) {
                        pad(out, truncate(text, verb), verb);
                        return true;
                }
                break;
        case 'q':
                text = truncate(text, verb);
                break;
        case 'x':
        case 'X':
                print_hex(out, text, verb);
                return true;
        default:
                return false;
        }
        if (verb->sharp && fits_backquotes(text))
                buf_printf(&quoted, "`" STR_FMT "`", STR_ARG(text));
        else
                (verb->plus ? quote_append_ascii : quote_append)(&quoted, text);
        pad(out, buf_str(&quoted), verb);
        return true;
}

/* ---- lists, maps and structs -------------------------------------------------------------- */

static void print_list(struct buf *out, const struct template_value *value,
                       const struct verb *verb, unsigned depth)
{
        size_t count = template_count(value);

        if (verb->sharp_v && !value->list) {
                buf_printf(out, "%s(nil)", value->type->name);
                return;
        }
        buf_printf(out, "%s%s", verb->sharp_v ? value->type->name : "", verb->sharp_v ? "{" : "[");
        for (size_t i = 0; i < count && !out->overflow; i++) {
                if (i > 0)
                        buf_append_cstr(out, verb->sharp_v ? ", " : " ");
                print_value(out, &value->list->items[i], verb, depth + 1);
        }
        buf_append_byte(out, verb->sharp_v ? '}' : ']');
}

static void print_map(struct buf *out, const struct template_value *value,
                      const struct verb *verb, unsigned depth)
{
        size_t count = template_count(value);

        if (verb->sharp_v && !value->map) {
                buf_printf(out, "%s(nil)", value->type->name);
                return;
        }
        buf_printf(out, "%s%s", verb->sharp_v ? value->type->name : "map",
                   verb->sharp_v ? "{" : "[");
        for (size_t i = 0; i < count && !out->overflow; i++) {
                struct template_value key = template_from_str(value->map->entries[i].key);

                if (i > 0)
                        buf_append_cstr(out, verb->sharp_v ? ", " : " ");
                print_value(out, &key, verb, depth + 1);
                buf_append_byte(out, ':');
                print_value(out, &value->map->entries[i].value, verb, depth + 1);
        }
        buf_append_byte(out, verb->sharp_v ? '}' : ']');
}

static void print_struct(struct buf *out, const struct template_value *value,
                         const struct verb *verb, unsigned depth)
{
        const char *const *names = value->type->fields;

        if (verb->sharp_v)
                buf_append_cstr(out, value->type->name);
        buf_append_byte(out, '{');
        for (size_t i = 0; names && names[i] && !value->type->is_opaque; i++) {
                if (i > 0)
                        buf_append_cstr(out, verb->sharp_v ? ", " : " ");
                if (verb->sharp_v || verb->plus_v)
                        buf_printf(out, "%s:", names[i]);
                print_value(out, &value->fields[i], verb, depth + 1);
        }
        buf_append_byte(out, '}');
}

static void print_nil(struct buf *out, const struct template_value *value,
                      const struct verb *verb, unsigned depth)
{
        if (depth > 0)
                buf_append_cstr(out, verb->sharp_v ? "interface {}(nil)" : "<nil>");
        else if (verb->letter == 'v')
                pad(out, STR_LIT("<nil>"), verb);
        else
                print_bad_verb(out, value, verb);
}

static bool print_method(struct buf *out, const struct template_value *value,
                         const struct verb *verb)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(1 << 20);

        if (!value->type->print || verb->sharp_v || verb->letter >= 0x80 ||
            !strchr("vsxXq", (int)verb->letter))
                return false;
        value->type->print(&text, value);
        return print_text(out, buf_str(&text), verb);
}

static void print_value(struct buf *out, const struct template_value *value,
                        const struct verb *verb, unsigned depth)
{
        if (!value->type) {
                print_nil(out, value, verb, depth);
                return;
        }
        if (print_method(out, value, verb))
                return;
        switch (value->type->kind) {
        case TEMPLATE_BOOL:
                if (verb->letter == 't' || verb->letter == 'v')
                        pad(out, value->boolean ? STR_LIT("true") : STR_LIT("false"), verb);
                else
                        print_bad_verb(out, value, verb);
                break;
        case TEMPLATE_INT:
        case TEMPLATE_UINT:
                print_int(out, value, verb);
                break;
        case TEMPLATE_FLOAT:
                print_float(out, value, verb);
                break;
        case TEMPLATE_STRING:
                if (!print_text(out, value->text, verb))
                        print_bad_verb(out, value, verb);
                break;
        case TEMPLATE_LIST:
                print_list(out, value, verb, depth);
                break;
        case TEMPLATE_MAP:
                print_map(out, value, verb, depth);
                break;
        case TEMPLATE_STRUCT:
                print_struct(out, value, verb, depth);
                break;
        case TEMPLATE_ANY:
                BUG_ON(true); /* no value is of that type */
        }
}

void template_print(struct buf *out, const struct template_value *value)
{
        print_value(out, value, &plain, 0);
}

void template_print_all(struct buf *out, const struct template_value *values, size_t count)
{
        bool was_text = false;

        for (size_t i = 0; i < count; i++) {
                bool is_text = values[i].type && values[i].type->kind == TEMPLATE_STRING;

                if (i > 0 && !is_text && !was_text)
                        buf_append_byte(out, ' ');
                template_print(out, &values[i]);
                was_text = is_text;
        }
}

/* ---- formats ------------------------------------------------------------------------------ */

struct formatter {
        struct buf *out;
        struct str format;
        size_t at; /* in the format */
        const struct template_value *values;
        size_t count, next; /* the value that comes next */
        bool reordered;     /* by an index: then left-over values are no mistake */
        bool good_index;
};

static bool is_at(const struct formatter *f, char c)
{
        return f->at < f->format.len && f->format.data[f->at] == c;
}

static bool scan_number(struct formatter *f, int *ret_number)
{
        int number = 0;
        size_t from = f->at;

        for (; f->at < f->format.len && f->format.data[f->at] >= '0' &&
               f->format.data[f->at] <= '9'; f->at++) {
                number = number * 10 + (f->format.data[f->at] - '0');
                if (number > WIDTH_MAX)
                        return false;
        }
        *ret_number = number;
        return f->at > from;
}

/* [n]: the next value is the n-th. True when there was one. */
static bool scan_index(struct formatter *f)
{
        size_t end;
        int number;

        if (!is_at(f, '['))
                return false;
        f->reordered = true;
        end = f->at + str_find_byte(str_slice(f->format, f->at, f->format.len), ']');
        f->at++;
        if (end == f->format.len || !scan_number(f, &number) || f->at != end || number < 1 ||
            (size_t)number > f->count) {
                f->good_index = false;
                f->at = end == f->format.len ? f->at : end + 1;
                return true;
        }
        f->at = end + 1;
        f->next = (size_t)number - 1;
        return true;
}

static bool take_star(struct formatter *f, int *ret_number)
{
        const struct template_value *value;

        f->at++;
        if (f->next >= f->count)
                return false;
        value = &f->values[f->next++];
        if (!value->type ||
            (value->type->kind != TEMPLATE_INT && value->type->kind != TEMPLATE_UINT) ||
            value->integer > WIDTH_MAX || value->integer < -WIDTH_MAX)
                return false;
        *ret_number = (int)value->integer;
        return true;
}

static void scan_flags(struct formatter *f, struct verb *verb)
{
        for (; f->at < f->format.len; f->at++) {
                switch (f->format.data[f->at]) {
                case '#':
                        verb->sharp = true;
                        break;
                case '0':
                        verb->zero = true;
                        break;
                case '+':
                        verb->plus = true;
                        break;
                case '-':
                        verb->minus = true;
                        break;
                case ' ':
                        verb->space = true;
                        break;
                default:
                        return;
                }
        }
}

static void scan_width(struct formatter *f, struct verb *verb)
{
        if (is_at(f, '*')) {
                verb->has_width = take_star(f, &verb->width);
                if (!verb->has_width)
                        buf_append_cstr(f->out, "%!(BADWIDTH)");
                if (verb->has_width && verb->width < 0) {
                        verb->width = -verb->width;
                        verb->minus = true;
                }
        } else {
                verb->has_width = scan_number(f, &verb->width);
        }
}

static void scan_precision(struct formatter *f, struct verb *verb)
{
        if (!is_at(f, '.'))
                return;
        f->at++;
        scan_index(f);
        verb->precision = 0;
        if (!is_at(f, '*')) {
                (void)scan_number(f, &verb->precision);
                return;
        }
        if (!take_star(f, &verb->precision) || verb->precision < 0) {
                if (verb->precision >= 0)
                        buf_append_cstr(f->out, "%!(BADPREC)");
                verb->precision = NO_PRECISION;
        }
}

static void print_verb(struct formatter *f, struct verb *verb)
{
        const struct template_value *value;

        if (verb->letter == '%') {
                buf_append_byte(f->out, '%');
                return;
        }
        if (!f->good_index || f->next >= f->count) {
                buf_append_cstr(f->out, "%!");
                utf8_append(f->out, verb->letter);
                buf_append_cstr(f->out, f->good_index ? "(MISSING)" : "(BADINDEX)");
                return;
        }
        value = &f->values[f->next++];
        if (verb->letter == 'T') {
                pad(f->out, str_from(value->type ? value->type->name : "<nil>"), verb);
                return;
        }
        if (verb->letter == 'v') {
                verb->sharp_v = verb->sharp;
                verb->plus_v = verb->plus;
                verb->sharp = verb->plus = false;
        }
        print_value(f->out, value, verb, 0);
}

static void print_directive(struct formatter *f)
{
        struct verb verb = {.precision = NO_PRECISION};
        size_t width;

        f->good_index = true;
        scan_flags(f, &verb);
        scan_index(f);
        scan_width(f, &verb);
        scan_precision(f, &verb);
        scan_index(f);
        if (f->at >= f->format.len) {
                buf_append_cstr(f->out, "%!(NOVERB)");
                return;
        }
        verb.letter = utf8_decode(f->format, f->at, &width);
        f->at += width;
        print_verb(f, &verb);
}

static void print_left_over(struct formatter *f)
{
        buf_append_cstr(f->out, "%!(EXTRA ");
        for (size_t i = f->next; i < f->count; i++) {
                const struct template_value *value = &f->values[i];

                if (i > f->next)
                        buf_append_cstr(f->out, ", ");
                if (value->type) {
                        buf_append_cstr(f->out, value->type->name);
                        buf_append_byte(f->out, '=');
                        template_print(f->out, value);
                } else {
                        buf_append_cstr(f->out, "<nil>");
                }
        }
        buf_append_byte(f->out, ')');
}

void template_printf(struct buf *out, struct str format, const struct template_value *values,
                     size_t count)
{
        struct formatter f = {.out = out, .format = format, .values = values, .count = count};

        while (f.at < format.len && !out->overflow) {
                struct str left = str_slice(format, f.at, format.len);
                size_t plain_len = str_find_byte(left, '%');

                buf_append(out, left.data, plain_len);
                f.at += plain_len;
                if (f.at == format.len)
                        break;
                f.at++;
                print_directive(&f);
        }
        if (!f.reordered && f.next < count)
                print_left_over(&f);
}

#include <double-conversion/double-conversion.h>

#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

extern "C" {
#include "codec/double.h"
}

using double_conversion::DoubleToStringConverter;

/* Shortest digits of |v| and the position of the decimal point in them. */
static int shortest_digits(double v, char *digits, int *ret_count)
{
        bool negative;
        int point;

        DoubleToStringConverter::DoubleToAscii(v, DoubleToStringConverter::SHORTEST, 0, digits, 20,
                                               &negative, ret_count, &point);
        return point;
}

static char *put_plain(char *out, const char *digits, int count, int point)
{
        if (point <= 0) {
                *out++ = '0';
                *out++ = '.';
                for (int i = point; i < 0; i++)
                        *out++ = '0';
                memcpy(out, digits, static_cast<size_t>(count));
                return out + count;
        }
        for (int i = 0; i < point; i++)
                *out++ = i < count ? digits[i] : '0';
        if (count > point) {
                *out++ = '.';
                memcpy(out, digits + point, static_cast<size_t>(count - point));
                out += count - point;
        }
        return out;
}

static char *put_exponent(char *out, const char *digits, int count, int exponent)
{
        *out++ = digits[0];
        if (count > 1) {
                *out++ = '.';
                memcpy(out, digits + 1, static_cast<size_t>(count - 1));
                out += count - 1;
        }
        return out + snprintf(out, 8, "e%c%02d", exponent < 0 ? '-' : '+', std::abs(exponent));
}

/* Digits of v from the back; returns where they begin. */
static char *put_digits_before(char *end, uint64_t v)
{
        do {
                *--end = static_cast<char>('0' + v % 10);
                v /= 10;
        } while (v);
        return end;
}

enum { FEW_PLACES = 6 };

/* Values of at most 15 digits, 6 of them behind the point, which most measured ones are. No two
 * such decimals are the same double, so one that reads back to v is its shortest text. Returns 0
 * when v is none, or so large or small that it is not written like that. */
static size_t put_short(char *text, double v, enum double_style style)
{
        static const double scale = 1e6;
        char digits[24], *end = digits + sizeof(digits), *begin, *out = text;
        double magnitude = std::fabs(v);
        uint64_t integer;
        bool whole;

        if (!(magnitude >= 1e-3 && magnitude < (style == DOUBLE_F || style == DOUBLE_API ? 1e15
                                                                                         : 1e6)))
                return 0;
        integer = static_cast<uint64_t>(magnitude);
        whole = static_cast<double>(integer) == magnitude;
        if (!whole) {
                if (magnitude >= 1e9)
                        return 0;
                integer = static_cast<uint64_t>(magnitude * scale + 0.5);
                if (static_cast<double>(integer) / scale != magnitude)
                        return 0;
        }
        begin = put_digits_before(end, integer);
        if (v < 0)
                *out++ = '-';
        if (whole) {
                memcpy(out, begin, static_cast<size_t>(end - begin));
                return static_cast<size_t>(out + (end - begin) - text);
        }
        while (end - begin <= FEW_PLACES)
                *--begin = '0';
        while (begin < end - FEW_PLACES)
                *out++ = *begin++;
        *out++ = '.';
        while (end[-1] == '0')
                end--;
        memcpy(out, begin, static_cast<size_t>(end - begin));
        return static_cast<size_t>(out + (end - begin) - text);
}

static bool wants_exponent(double magnitude, int exponent, enum double_style style)
{
        switch (style) {
        case DOUBLE_F:
                return false;
        case DOUBLE_G:
        case DOUBLE_OPENMETRICS:
                return exponent < -4 || exponent >= 6;
        case DOUBLE_API:
                return magnitude < 1e-6 || magnitude >= 1e21;
        }
        return false;
}

extern "C" size_t double_format(char *text, double v, enum double_style style)
{
        char digits[24], *out = text;
        size_t len = put_short(text, v, style);
        int count, point;

        if (len && style == DOUBLE_OPENMETRICS && !memchr(text, '.', len)) {
                memcpy(text + len, ".0", 2);
                len += 2;
        }
        if (len) {
                text[len] = '\0';
                return len;
        }
        if (std::isnan(v)) {
                memcpy(text, "NaN", 4);
                return 3;
        }
        if (std::isinf(v)) {
                memcpy(text, v > 0 ? "+Inf" : "-Inf", 5);
                return 4;
        }
        if (std::signbit(v)) {
                *out++ = '-';
                v = -v;
        }
        if (v == 0) {
                *out++ = '0';
        } else {
                point = shortest_digits(v, digits, &count);
                out = wants_exponent(v, point - 1, style)
                              ? put_exponent(out, digits, count, point - 1)
                              : put_plain(out, digits, count, point);
        }
        *out = '\0';
        if (style == DOUBLE_OPENMETRICS && !strpbrk(text, ".e")) {
                strcpy(out, ".0");
                out += 2;
        }
        return static_cast<size_t>(out - text);
}

extern "C" void double_append(struct buf *out, double v, enum double_style style)
{
        char text[DOUBLE_TEXT_MAX];

        buf_append(out, text, double_format(text, v, style));
}

/* Powers of ten that a double holds exactly. */
static const double exact_powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                      1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                      1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* Plain decimals with a mantissa up to 2^53 and an exponent up to 22: one exact integer and one
 * exact power, so one correctly rounded operation. Covers nearly all scraped values. */
static bool parse_exact(const char *p, const char *end, double *ret_v)
{
        uint64_t mantissa = 0;
        int exponent = 0, digits = 0;
        bool negative = false, point = false, any = false;

        if (p < end && (*p == '-' || *p == '+'))
                negative = *p++ == '-';
        for (; p < end; p++) {
                if (*p >= '0' && *p <= '9') {
                        mantissa = mantissa * 10 + static_cast<uint64_t>(*p - '0');
                        digits += mantissa != 0;
                        exponent -= point;
                        any = true;
                        if (digits > 18)
                                return false;
                } else if (*p == '.' && !point) {
                        point = true;
                } else {
                        break;
                }
        }
        if (any && p < end && (*p == 'e' || *p == 'E')) {
                int sign = 1, value = 0;

                if (++p < end && (*p == '-' || *p == '+'))
                        sign = *p++ == '-' ? -1 : 1;
                if (p == end)
                        return false;
                for (; p < end && *p >= '0' && *p <= '9' && value < 1000; p++)
                        value = value * 10 + (*p - '0');
                exponent += sign * value;
        }
        if (!any || p != end || mantissa > (1ull << 53) || exponent < -22 || exponent > 22)
                return false;
        *ret_v = static_cast<double>(mantissa);
        if (exponent < 0)
                *ret_v /= exact_powers[-exponent];
        else
                *ret_v *= exact_powers[exponent];
        if (negative)
                *ret_v = -*ret_v;
        return true;
}

static bool is_word(struct str text, const char *word)
{
        for (size_t i = 0; i < text.len; i++)
                if ((text.data[i] | 0x20) != word[i])
                        return false;
        return word[text.len] == '\0';
}

static bool parse_special(struct str text, double *ret_v)
{
        bool negative = text.data[0] == '-';

        if (is_word(text, "nan")) {
                uint64_t quiet_nan = 0x7ff8000000000001u; /* Go's NaN */

                memcpy(ret_v, &quiet_nan, sizeof(quiet_nan));
                return true;
        }
        if (negative || text.data[0] == '+')
                text = str_slice(text, 1, text.len);
        if (!is_word(text, "inf") && !is_word(text, "infinity"))
                return false;
        *ret_v = negative ? -HUGE_VAL : HUGE_VAL;
        return true;
}

/* Any decimal with a digit, or a point and a digit, in front. False: something else, or out of the
 * range of a double. */
static bool parse_decimal(struct str text, double *ret_v)
{
        const char *p = text.data, *end = p + text.len;
        bool negative = *p == '-';
        double v;

        p += *p == '-' || *p == '+';
        if (p == end || !((*p >= '0' && *p <= '9') || *p == '.'))
                return false;
        std::from_chars_result result = std::from_chars(p, end, v);
        if (result.ec != std::errc() || result.ptr != end)
                return false;
        *ret_v = negative ? -v : v;
        return true;
}

/* strtod takes more than Go: spaces, "nan(x)", hexadecimals without an exponent. */
static bool looks_numeric(struct str text)
{
        bool hex = false, exponent = false;

        for (size_t i = 0; i < text.len; i++) {
                char c = text.data[i];

                if (c == 'x' || c == 'X')
                        hex = true;
                else if (c == 'p' || c == 'P')
                        exponent = true;
                else if (!((c >= '0' && c <= '9') || c == '.' || c == '+' || c == '-' ||
                           (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')))
                        return false;
        }
        return !hex || exponent;
}

extern "C" bool double_parse(struct str text, double *ret_v)
{
        char copy[128], *end;
        char *heap = nullptr, *number = copy;
        bool ok;
        double v;

        if (!text.len)
                return false;
        if (parse_exact(text.data, text.data + text.len, ret_v))
                return true;
        if (parse_decimal(text, ret_v) || parse_special(text, ret_v))
                return true;
        if (!looks_numeric(text))
                return false;
        if (text.len >= sizeof(copy)) {
                heap = static_cast<char *>(malloc(text.len + 1));
                BUG_ON(!heap);
                number = heap;
        }
        memcpy(number, text.data, text.len);
        number[text.len] = '\0';
        v = strtod(number, &end);
        ok = end == number + text.len && !std::isinf(v);
        free(heap);
        if (ok)
                *ret_v = v;
        return ok;
}

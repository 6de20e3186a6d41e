/* Labels, and the small pieces of the kernel's texts. */
#include "collectors/host_int.h"

enum { LABEL_VALUE_MAX_BYTES = 4096 };

/* Length of the UTF-8 sequence at the front of text; 0 when there is none. A NUL would end the
 * labels, which are passed on as C strings. */
static size_t sequence_len(struct str text)
{
        unsigned char lead = (unsigned char)text.data[0];
        size_t len = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;

        if (!lead || len > text.len || !str_is_utf8(str_slice(text, 0, len)))
                return 0;
        return len;
}

/* How much of text needs no care. */
static size_t plain_len(struct str text)
{
        size_t len = 0;

        while (len < text.len && text.data[len] >= ' ' && text.data[len] <= '~' &&
               text.data[len] != '\\' && text.data[len] != '"')
                len++;
        return len;
}

void host_escape(struct buf *out, struct str text, bool quotes)
{
        size_t plain = plain_len(text);
        bool replaced = false;

        buf_append(out, text.data, plain);
        text = str_slice(text, plain, text.len);

        for (size_t i = 0, len; i < text.len; i += len) {
                struct str rest = str_slice(text, i, text.len);

                len = sequence_len(rest);
                if (!len) {
                        if (!replaced)
                                buf_append_cstr(out, "\xef\xbf\xbd");
                        replaced = true;
                        len = 1;
                        continue;
                }
                replaced = false;
                if (rest.data[0] == '\n') {
                        buf_append_cstr(out, "\\n");
                        continue;
                }
                if (rest.data[0] == '\\' || (quotes && rest.data[0] == '"'))
                        buf_append_byte(out, '\\');
                buf_append(out, rest.data, len);
        }
}

void host_label(struct buf *labels, const char *name, struct str value)
{
        if (value.len > LABEL_VALUE_MAX_BYTES)
                value.len = LABEL_VALUE_MAX_BYTES;
        if (labels->len)
                buf_append_byte(labels, ',');
        buf_append_cstr(labels, name);
        buf_append_cstr(labels, "=\"");
        host_escape(labels, value, true);
        buf_append_byte(labels, '"');
}

struct str host_field(struct str *line)
{
        size_t from = 0, to;
        struct str field;

        while (from < line->len && (line->data[from] == ' ' || line->data[from] == '\t'))
                from++;
        for (to = from; to < line->len && line->data[to] != ' ' && line->data[to] != '\t';)
                to++;
        field = str_slice(*line, from, to);
        *line = str_slice(*line, to, line->len);
        return field;
}

size_t host_line_count(struct str text, size_t max)
{
        size_t count = 1;

        for (size_t i = 0; i < text.len && count < max; i++)
                count += text.data[i] == '\n';
        return count;
}

uint64_t host_number(struct str text)
{
        uint64_t value = 0;

        for (size_t i = 0; i < text.len && text.data[i] >= '0' && text.data[i] <= '9'; i++)
                value = value * 10 + (uint64_t)(text.data[i] - '0');
        return value;
}

uint64_t host_hex(struct str text)
{
        uint64_t value = 0;

        for (size_t i = 0; i < text.len && str_hex_digit(text.data[i]) < 16; i++)
                value = value * 16 + str_hex_digit(text.data[i]);
        return value;
}

bool host_parse_uint(struct str text, uint64_t *ret_value)
{
        unsigned base = str_starts_with(text, STR_LIT("0x")) ? 16 : 10;
        uint64_t value = 0;

        if (base == 16)
                text = str_slice(text, 2, text.len);
        for (size_t i = 0; i < text.len; i++) {
                unsigned digit = str_hex_digit(text.data[i]);

                if (digit >= base || __builtin_mul_overflow(value, (uint64_t)base, &value) ||
                    __builtin_add_overflow(value, (uint64_t)digit, &value))
                        return false;
        }
        if (!text.len)
                return false;
        *ret_value = value;
        return true;
}

bool host_parse_int(struct str text, int64_t *ret_value)
{
        bool negative = text.len && text.data[0] == '-';
        uint64_t value;

        if (!host_parse_uint(str_slice(text, negative, text.len), &value) || value > INT64_MAX)
                return false;
        *ret_value = negative ? -(int64_t)value : (int64_t)value;
        return true;
}

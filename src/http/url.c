#include "http/server.h"

bool http_url_valid(struct str text)
{
        for (size_t i = 0; i < text.len; i++)
                if (text.data[i] == '%' &&
                    (text.len - i < 3 || str_hex_digit(text.data[i + 1]) > 15 ||
                     str_hex_digit(text.data[i + 2]) > 15))
                        return false;
        return true;
}

struct str http_url_decode(struct arena *arena, struct str text, bool plus)
{
        char *out = arena_alloc(arena, text.len + 1);
        size_t len = 0;

        for (size_t i = 0; i < text.len; i++) {
                char c = text.data[i];

                if (c == '%' && text.len - i > 2 && str_hex_digit(text.data[i + 1]) < 16 &&
                    str_hex_digit(text.data[i + 2]) < 16) {
                        c = (char)(str_hex_digit(text.data[i + 1]) << 4 |
                                   str_hex_digit(text.data[i + 2]));
                        i += 2;
                } else if (c == '+' && plus) {
                        c = ' ';
                }
                out[len++] = c;
        }
        out[len] = '\0';
        return str_make(out, len);
}

static void encode(struct buf *out, struct str text, const char *space)
{
        for (size_t i = 0; i < text.len; i++) {
                unsigned char c = (unsigned char)text.data[i];

                if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '-' || c == '_' || c == '.' || c == '~')
                        buf_append_byte(out, (char)c);
                else if (c == ' ')
                        buf_append_cstr(out, space);
                else
                        buf_printf(out, "%%%02X", c);
        }
}

void http_url_encode(struct buf *out, struct str text)
{
        encode(out, text, "%20");
}

void http_url_encode_query(struct buf *out, struct str text)
{
        encode(out, text, "+");
}

bool http_parse_address(struct str text, struct str *ret_host, uint16_t *ret_port,
                        struct error *err)
{
        size_t colon = text.len;
        uint32_t port = 0;
        struct str host;

        while (colon > 0 && text.data[colon - 1] != ':')
                colon--;
        if (colon == 0 || colon == text.len || text.len - colon > 5)
                return error_set(err, ERROR_INVALID, "\"" STR_FMT "\" is not HOST:PORT",
                                 STR_ARG(text));
        for (size_t i = colon; i < text.len; i++) {
                if (text.data[i] < '0' || text.data[i] > '9')
                        return error_set(err, ERROR_INVALID, "\"" STR_FMT "\": bad port",
                                         STR_ARG(text));
                port = port * 10 + (uint32_t)(text.data[i] - '0');
        }
        host = str_slice(text, 0, colon - 1);
        if (host.len > 1 && host.data[0] == '[' && host.data[host.len - 1] == ']')
                host = str_slice(host, 1, host.len - 1);
        if (port > 65535)
                return error_set(err, ERROR_INVALID, "\"" STR_FMT "\": bad port", STR_ARG(text));
        *ret_host = host;
        *ret_port = (uint16_t)port;
        return true;
}

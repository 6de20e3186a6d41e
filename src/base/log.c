#include "base/log.h"

#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/civil.h"
#include "base/clock.h"

static enum log_format configured_format = LOG_TEXT;
static enum log_level configured_lowest = LOG_INFO;

/* A line longer than this is cut: a log must not be a way to fill a disk with one event. */
enum { LINE_MAX_BYTES = 8 << 10 };

void log_configure(enum log_format format, enum log_level lowest)
{
        configured_format = format;
        configured_lowest = lowest;
}

static void put_quoted(struct buf *line, struct str text)
{
        buf_append_byte(line, '"');
        for (size_t i = 0; i < text.len; i++) {
                unsigned char c = (unsigned char)text.data[i];

                if (c == '"' || c == '\\')
                        buf_printf(line, "\\%c", c);
                else if (c == '\n')
                        buf_append_cstr(line, "\\n");
                else if (c < 0x20 || c == 0x7f)
                        buf_printf(line, "\\u%04x", c);
                else
                        buf_append_byte(line, (char)c);
        }
        buf_append_byte(line, '"');
}

static bool needs_quotes(struct str text)
{
        for (size_t i = 0; i < text.len; i++) {
                unsigned char c = (unsigned char)text.data[i];

                if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7f)
                        return true;
        }
        return text.len == 0;
}

static void put_field(struct buf *line, const char *key, struct str text, bool number)
{
        bool json = configured_format == LOG_JSON;

        if (json)
                buf_printf(line, "%s\"%s\":", line->len > 1 ? "," : "", key);
        else
                buf_printf(line, "%s%s=", line->len ? " " : "", key);
        if (number || (!json && !needs_quotes(text)))
                buf_append_str(line, text);
        else
                put_quoted(line, text);
}

void log_write(enum log_level level, const char *message, const struct log_field *fields)
{
        static const char *const names[] = {"debug", "info", "warn", "error"};
        struct buf line CLEANUP(buf_release) = BUF_INIT(LINE_MAX_BYTES);
        struct buf time CLEANUP(buf_release) = BUF_INIT(64);

        if (level < configured_lowest)
                return;
        if (configured_format == LOG_JSON)
                buf_append_byte(&line, '{');
        civil_format_rfc3339(&time, clock_now_ms(&clock_real) * 1000000);
        put_field(&line, "time", buf_str(&time), false);
        put_field(&line, "level", str_from(names[level]), false);
        put_field(&line, "msg", str_from(message), false);
        for (; fields->key; fields++) {
                char number[24];
                size_t len = (size_t)snprintf(number, sizeof(number), "%lld",
                                              (long long)fields->number);

                put_field(&line, fields->key,
                          fields->is_number ? str_make(number, len) : fields->text,
                          fields->is_number);
        }
        buf_append_cstr(&line, configured_format == LOG_JSON ? "}\n" : "\n");
        if (line.overflow)
                buf_append_byte(&line, '\n');
        if (write(STDERR_FILENO, line.data, line.len) < 0)
                return; /* nowhere left to say it */
}

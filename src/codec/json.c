#include "codec/json.h"

#include "base/utf8.h"

static void before_value(struct json_writer *w)
{
        if (w->need_comma)
                buf_append_byte(w->out, ',');
        w->need_comma = true;
}

void json_object_begin(struct json_writer *w)
{
        before_value(w);
        buf_append_byte(w->out, '{');
        w->need_comma = false;
}

void json_object_end(struct json_writer *w)
{
        buf_append_byte(w->out, '}');
        w->need_comma = true;
}

void json_array_begin(struct json_writer *w)
{
        before_value(w);
        buf_append_byte(w->out, '[');
        w->need_comma = false;
}

void json_array_end(struct json_writer *w)
{
        buf_append_byte(w->out, ']');
        w->need_comma = true;
}

void json_key_str(struct json_writer *w, struct str key)
{
        before_value(w);
        json_quote(w->out, key);
        buf_append_byte(w->out, ':');
        w->need_comma = false;
}

void json_key(struct json_writer *w, const char *key)
{
        json_key_str(w, str_from(key));
}

void json_string(struct json_writer *w, struct str text)
{
        before_value(w);
        json_quote(w->out, text);
}

void json_cstring(struct json_writer *w, const char *text)
{
        json_string(w, str_from(text));
}

void json_int(struct json_writer *w, int64_t value)
{
        before_value(w);
        buf_printf(w->out, "%lld", (long long)value);
}

void json_bool(struct json_writer *w, bool value)
{
        before_value(w);
        buf_append_cstr(w->out, value ? "true" : "false");
}

void json_null(struct json_writer *w)
{
        before_value(w);
        buf_append_cstr(w->out, "null");
}

void json_raw(struct json_writer *w, struct str json)
{
        before_value(w);
        buf_append_str(w->out, json);
}

/* Length of the plain run at the start of text: bytes that need no escape. */
static size_t plain_run(struct str text)
{
        size_t at = 0;

        for (; at < text.len; at++) {
                unsigned char c = (unsigned char)text.data[at];

                if (c < 0x20 || c == '"' || c == '\\' || c >= 0x7f)
                        break;
        }
        return at;
}

static size_t quote_special(struct buf *out, struct str text)
{
        unsigned char c = (unsigned char)text.data[0];
        size_t len;

        if (c >= 0x7f) {
                utf8_append(out, utf8_decode(text, 0, &len));
                return len;
        }
        if (c == '"' || c == '\\')
                buf_printf(out, "\\%c", c);
        else if (c == '\n')
                buf_append_cstr(out, "\\n");
        else if (c == '\r')
                buf_append_cstr(out, "\\r");
        else if (c == '\t')
                buf_append_cstr(out, "\\t");
        else
                buf_printf(out, "\\u%04x", c);
        return 1;
}

void json_quote(struct buf *out, struct str text)
{
        buf_append_byte(out, '"');
        while (text.len) {
                size_t run = plain_run(text);

                buf_append(out, text.data, run);
                text = str_slice(text, run, text.len);
                if (text.len)
                        text = str_slice(text, quote_special(out, text), text.len);
        }
        buf_append_byte(out, '"');
}

const struct json_value *json_find(const struct json_value *object, const char *key)
{
        if (object->kind != JSON_OBJECT)
                return NULL;
        for (const struct json_value *child = object->first; child; child = child->next)
                if (str_is(child->key, key))
                        return child;
        return NULL;
}

#include "codec/json_reader.h"

#include "base/utf8.h"

struct json_reader json_reader_make(struct str text)
{
        return (struct json_reader){.in = reader_make(text.data, text.len)};
}

static int next_byte(struct json_reader *j)
{
        struct reader *r = &j->in;

        while (r->pos < r->end &&
               (*r->pos == ' ' || *r->pos == '\n' || *r->pos == '\r' || *r->pos == '\t'))
                r->pos++;
        return r->failed || r->pos == r->end ? -1 : *r->pos;
}

static void expect(struct json_reader *j, int c)
{
        if (next_byte(j) == c)
                j->in.pos++;
        else
                j->in.failed = true;
}

bool json_reader_done(struct json_reader *j)
{
        return !j->in.failed && next_byte(j) < 0 && j->need_comma && !j->depth;
}

enum json_kind json_reader_peek(struct json_reader *j)
{
        switch (next_byte(j)) {
        case '{':
                return JSON_OBJECT;
        case '[':
                return JSON_ARRAY;
        case '"':
                return JSON_STRING;
        case 't':
        case 'f':
                return JSON_BOOL;
        case 'n':
                return JSON_NULL;
        default:
                return JSON_NUMBER;
        }
}

void json_reader_enter(struct json_reader *j, enum json_kind kind)
{
        expect(j, kind == JSON_OBJECT ? '{' : '[');
        if (++j->depth > JSON_READER_DEPTH_MAX)
                j->in.failed = true;
        j->need_comma = false;
}

/* Whether another member follows; else leaves. */
static bool has_next(struct json_reader *j, int end)
{
        if (next_byte(j) == end) {
                j->in.pos++;
                j->depth--;
                j->need_comma = true;
                return false;
        }
        if (j->need_comma)
                expect(j, ',');
        j->need_comma = false;
        return !j->in.failed;
}

bool json_reader_item(struct json_reader *j)
{
        return has_next(j, ']');
}

/* ---- strings ------------------------------------------------------------------------------ */

static unsigned read_hex4(struct reader *r)
{
        struct str digits = reader_str(r, 4);
        unsigned value = 0;

        for (size_t i = 0; i < digits.len; i++) {
                unsigned digit = str_hex_digit(digits.data[i]);

                value = value << 4 | (digit & 15);
                r->failed |= digit > 15;
        }
        return value;
}

/* Behind \u. A surrogate without its other half is U+FFFD, as Go reads it. */
static void read_unicode(struct reader *r, struct buf *out)
{
        unsigned code = read_hex4(r);

        if (code >= 0xd800 && code < 0xdc00 && reader_left(r) >= 6 && r->pos[0] == '\\' &&
            r->pos[1] == 'u') {
                struct reader ahead = *r;
                unsigned low;

                reader_take(&ahead, 2);
                low = read_hex4(&ahead);
                if (low >= 0xdc00 && low < 0xe000) {
                        *r = ahead;
                        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                }
        }
        utf8_append(out, code);
}

static void read_escape(struct reader *r, struct buf *out)
{
        static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
        char c = (char)reader_u8(r);
        const char *found = c ? strchr(from, c) : NULL;

        if (c == 'u')
                read_unicode(r, out);
        else if (found)
                buf_append_byte(out, to[found - from]);
        else
                r->failed = true;
}

void json_reader_string(struct json_reader *j, struct buf *out)
{
        struct reader *r = &j->in;
        const uint8_t *start;

        expect(j, '"');
        start = r->pos;
        while (!r->failed) {
                const uint8_t *run = r->pos;

                while (r->pos < r->end && *r->pos != '"' && *r->pos != '\\' && *r->pos >= 0x20)
                        r->pos++;
                buf_append(out, run, (size_t)(r->pos - run));
                if (r->pos == r->end || *r->pos < 0x20)
                        r->failed = true;
                else if (*r->pos++ == '"')
                        break;
                else
                        read_escape(r, out);
        }
        if (!r->failed && !str_is_utf8(str_make((const char *)start,
                                                (size_t)(r->pos - 1 - start))))
                r->failed = true;
        j->need_comma = true;
}

bool json_reader_key(struct json_reader *j, struct str *ret_key)
{
        struct buf key CLEANUP(buf_release) = BUF_INIT(JSON_READER_KEY_MAX);
        const uint8_t *at;

        if (!has_next(j, '}'))
                return false;
        next_byte(j);
        for (at = j->in.pos + 1; at < j->in.end && *at != '"' && *at != '\\' && *at < 0x80 &&
                                 *at >= 0x20;)
                at++;
        if (LIKELY(at < j->in.end && *at == '"' && *j->in.pos == '"')) {
                *ret_key = str_make((const char *)j->in.pos + 1, (size_t)(at - j->in.pos - 1));
                j->in.pos = at + 1;
        } else {
                json_reader_string(j, &key);
                *ret_key = str_make(j->key, key.overflow ? 0 : key.len);
                memcpy(j->key, buf_str(&key).data, ret_key->len);
        }
        expect(j, ':');
        j->need_comma = false;
        return !j->in.failed;
}

/* ---- the rest ----------------------------------------------------------------------------- */

static bool take_digits(struct reader *r)
{
        const uint8_t *start = r->pos;

        while (r->pos < r->end && *r->pos >= '0' && *r->pos <= '9')
                r->pos++;
        return r->pos > start;
}

static bool take_one_of(struct reader *r, char a, char b)
{
        bool found = r->pos < r->end && (*r->pos == a || *r->pos == b);

        r->pos += found;
        return found;
}

struct str json_reader_number(struct json_reader *j)
{
        struct reader *r = &j->in;
        const uint8_t *start;
        bool ok;

        next_byte(j);
        start = r->pos;
        take_one_of(r, '-', '-');
        ok = take_one_of(r, '0', '0') || take_digits(r);
        if (take_one_of(r, '.', '.'))
                ok &= take_digits(r);
        if (take_one_of(r, 'e', 'E')) {
                take_one_of(r, '+', '-');
                ok &= take_digits(r);
        }
        r->failed |= !ok;
        j->need_comma = true;
        return r->failed ? STR_LIT("0")
                         : str_make((const char *)start, (size_t)(r->pos - start));
}

static bool take_word(struct json_reader *j, const char *word)
{
        size_t len = strlen(word);

        next_byte(j);
        if (reader_left(&j->in) < len || memcmp(j->in.pos, word, len) != 0)
                return false;
        j->in.pos += len;
        j->need_comma = true;
        return true;
}

bool json_reader_bool(struct json_reader *j)
{
        bool value = take_word(j, "true");

        if (!value && !take_word(j, "false"))
                j->in.failed = true;
        return value;
}

/* A string's content is gone through, not kept. */
static void skip_string(struct json_reader *j)
{
        struct buf nothing CLEANUP(buf_release) = BUF_INIT(0);

        json_reader_string(j, &nothing);
}

void json_reader_skip(struct json_reader *j)
{
        struct str key;

        switch (json_reader_peek(j)) {
        case JSON_NULL:
                j->in.failed |= !take_word(j, "null");
                break;
        case JSON_BOOL:
                json_reader_bool(j);
                break;
        case JSON_NUMBER:
                json_reader_number(j);
                break;
        case JSON_STRING:
                skip_string(j);
                break;
        case JSON_ARRAY:
                for (json_reader_enter(j, JSON_ARRAY); json_reader_item(j);)
                        json_reader_skip(j);
                break;
        case JSON_OBJECT:
                for (json_reader_enter(j, JSON_OBJECT); json_reader_key(j, &key);)
                        json_reader_skip(j);
                break;
        }
}

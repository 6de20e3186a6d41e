#include "formats/otlp_attributes_int.h"

#include <stdlib.h>

#include "codec/base64.h"
#include "codec/double.h"
#include "codec/json.h"

/* KeyValue and AnyValue. */
enum { KEY = 1, VALUE = 2 };
enum { ANY_STRING = 1, ANY_BOOL, ANY_INT, ANY_DOUBLE, ANY_ARRAY, ANY_MAP, ANY_BYTES };
enum { LIST_VALUES = 1 };
enum { DEPTH_MAX = 32, TEXT_MAX_BYTES = 1 << 20, VALUE_MAX_BYTES = 64 << 10 };

static struct reader read_message(struct str message)
{
        return reader_make(message.data, message.len);
}

static bool malformed(struct error *err)
{
        return error_set(err, ERROR_INVALID, "malformed attribute");
}

static bool read_pair(struct str message, struct str *ret_key, struct str *ret_value)
{
        struct reader r = read_message(message);
        struct protobuf_field field;

        *ret_key = *ret_value = STR_LIT("");
        while (protobuf_next(&r, &field)) {
                if (field.number == KEY)
                        *ret_key = protobuf_bytes(&r, &field);
                else if (field.number == VALUE)
                        *ret_value = protobuf_bytes(&r, &field);
        }
        return !r.failed;
}

/* ---- values as JSON ----------------------------------------------------------------------- */

/* The last alternative counts, as in every oneof; number 0: none. */
static bool read_any(struct str message, struct protobuf_field *ret_field)
{
        struct reader r = read_message(message);
        struct protobuf_field field;

        ret_field->number = 0;
        while (protobuf_next(&r, &field))
                if (field.number >= ANY_STRING && field.number <= ANY_BYTES)
                        *ret_field = field;
        return !r.failed;
}

static void put_double(struct buf *out, double v)
{
        char text[DOUBLE_TEXT_MAX];
        size_t len = double_format(text, v, DOUBLE_API);

        /* Go's JSON drops the zero of e-07. */
        if (len >= 4 && memcmp(text + len - 4, "e-0", 3) == 0) {
                text[len - 2] = text[len - 1];
                len--;
        }
        buf_append(out, text, len);
}

/* One value of these kinds; false when it is of another wire type. */
static bool put_scalar(struct buf *out, const struct protobuf_field *field)
{
        struct reader r = reader_make("", 0);

        if (field->number == ANY_BOOL)
                buf_append_cstr(out, protobuf_uint(&r, field) ? "true" : "false");
        else if (field->number == ANY_INT)
                buf_printf(out, "%lld", (long long)protobuf_uint(&r, field));
        else if (field->number == ANY_DOUBLE)
                put_double(out, protobuf_double(&r, field));
        else if (field->number == ANY_BYTES)
                base64_encode(out, protobuf_bytes(&r, field));
        return !r.failed;
}

/* As Go's encoder writes it, which escapes what HTML gives a meaning. */
static void put_quoted(struct buf *out, struct str text)
{
        struct buf quoted CLEANUP(buf_release) = BUF_INIT(out->max_bytes);

        json_quote(&quoted, text);
        for (size_t at = 0; at < quoted.len; at++) {
                char c = quoted.data[at];

                if (c == '<' || c == '>' || c == '&')
                        buf_printf(out, "\\u%04x", (unsigned)c);
                else
                        buf_append_byte(out, c);
        }
        out->overflow |= quoted.overflow;
}

static bool put_json(struct buf *out, struct str message, unsigned depth, struct arena *arena);

static bool put_list(struct buf *out, struct str message, unsigned depth, struct arena *arena)
{
        struct reader r = read_message(message);
        struct protobuf_field field;
        bool ok = true;

        buf_append_byte(out, '[');
        while (ok && protobuf_next(&r, &field)) {
                if (field.number != LIST_VALUES)
                        continue;
                if (out->data && out->data[out->len - 1] != '[')
                        buf_append_byte(out, ',');
                ok = put_json(out, protobuf_bytes(&r, &field), depth, arena);
        }
        buf_append_byte(out, ']');
        return ok && !r.failed;
}

struct member {
        struct str key, value;
        size_t position;
};

static int by_key(const void *a, const void *b)
{
        const struct member *left = a, *right = b;
        int order = str_compare(left->key, right->key);

        return order ? order : left->position < right->position ? -1 : 1;
}

/* Keys sorted; of one that is there twice the last. */
static bool put_map(struct buf *out, struct str message, unsigned depth, struct arena *arena)
{
        struct reader r = read_message(message);
        struct protobuf_field field;
        struct member *members;
        size_t count = 0;
        bool ok = true;

        while (protobuf_next(&r, &field))
                count += field.number == LIST_VALUES;
        members = arena_try_alloc(arena, (count + 1) * sizeof(*members));
        if (!members || r.failed)
                return false;
        r = read_message(message);
        count = 0;
        while (ok && protobuf_next(&r, &field)) {
                if (field.number != LIST_VALUES)
                        continue;
                members[count].position = count;
                ok = read_pair(protobuf_bytes(&r, &field), &members[count].key,
                               &members[count].value);
                count++;
        }
        qsort(members, count, sizeof(*members), by_key);
        buf_append_byte(out, '{');
        for (size_t i = 0, put = 0; ok && i < count; i++) {
                if (i + 1 < count && str_equal(members[i].key, members[i + 1].key))
                        continue;
                if (put++)
                        buf_append_byte(out, ',');
                put_quoted(out, members[i].key);
                buf_append_byte(out, ':');
                ok = put_json(out, members[i].value, depth, arena);
        }
        buf_append_byte(out, '}');
        return ok && !r.failed;
}

static bool put_json(struct buf *out, struct str message, unsigned depth, struct arena *arena)
{
        struct protobuf_field field;
        struct reader r = reader_make("", 0);

        if (!depth || !read_any(message, &field))
                return false;
        switch (field.number) {
        case 0:
                buf_append_cstr(out, "null");
                return true;
        case ANY_STRING:
                put_quoted(out, protobuf_bytes(&r, &field));
                return !r.failed;
        case ANY_ARRAY:
                return put_list(out, protobuf_bytes(&r, &field), depth - 1, arena) && !r.failed;
        case ANY_MAP:
                return put_map(out, protobuf_bytes(&r, &field), depth - 1, arena) && !r.failed;
        case ANY_BYTES:
                buf_append_byte(out, '"');
                if (!put_scalar(out, &field))
                        return false;
                buf_append_byte(out, '"');
                return true;
        default:
                return put_scalar(out, &field);
        }
}

static bool value_text(struct str message, struct arena *arena, struct str *ret_text)
{
        struct buf out CLEANUP(buf_release) = BUF_INIT(TEXT_MAX_BYTES);
        struct reader r = reader_make("", 0);
        struct protobuf_field field;
        bool ok;

        if (!read_any(message, &field))
                return false;
        if (field.number == 0 || field.number == ANY_STRING) {
                *ret_text = field.number ? protobuf_bytes(&r, &field) : STR_LIT("");
                return !r.failed;
        }
        ok = field.number == ANY_ARRAY || field.number == ANY_MAP
                     ? put_json(&out, message, DEPTH_MAX, arena)
                     : put_scalar(&out, &field);
        *ret_text = arena_str(arena, buf_str(&out));
        return ok && !out.overflow;
}

/* ---- attributes --------------------------------------------------------------------------- */

bool otlp_attributes_read(struct str message, uint32_t number, struct arena *arena,
                          struct otlp_attributes *ret_attributes, struct error *err)
{
        struct reader r = read_message(message);
        struct otlp_attributes made = {0};
        struct protobuf_field field;
        size_t count = 0;

        while (protobuf_next(&r, &field))
                count += field.number == number;
        if (count > OTLP_ATTRIBUTES_MAX)
                return error_set(err, ERROR_INVALID, "more than %d attributes",
                                 OTLP_ATTRIBUTES_MAX);
        made.items = arena_alloc(arena, count * sizeof(*made.items) + 1);
        r = read_message(message);
        while (protobuf_next(&r, &field)) {
                struct label *item = &made.items[made.count];
                struct str value;

                if (field.number != number)
                        continue;
                if (!read_pair(protobuf_bytes(&r, &field), &item->name, &value) ||
                    !value_text(value, arena, &item->value))
                        return malformed(err);
                made.count++;
        }
        if (r.failed)
                return malformed(err);
        *ret_attributes = made;
        return true;
}

const struct str *otlp_attributes_find(const struct otlp_attributes *attributes, const char *name)
{
        for (size_t i = 0; i < attributes->count; i++)
                if (str_is(attributes->items[i].name, name))
                        return &attributes->items[i].value;
        return NULL;
}

static bool is_listed(struct str name, const char *const *names, size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (str_is(name, names[i]))
                        return true;
        return false;
}

static bool set_joined(struct labels_builder *builder, struct str name, struct str value)
{
        struct str there = labels_builder_get(builder, name);

        if (there.len + value.len > VALUE_MAX_BYTES)
                return false;
        if (there.len) {
                char *joined = arena_alloc(builder->arena, there.len + 1 + value.len);

                memcpy(joined, there.data, there.len);
                joined[there.len] = ';';
                memcpy(joined + there.len + 1, value.data, value.len);
                value = str_make(joined, there.len + 1 + value.len);
        }
        labels_builder_set(builder, name, value);
        return true;
}

bool otlp_attributes_set(struct labels_builder *builder, const struct otlp_naming *naming,
                         const struct otlp_attributes *attributes, const char *const *ignored,
                         size_t ignored_count, struct error *err)
{
        struct label *items = attributes->items;

        /* By name: most senders sort them, and there are few. */
        for (size_t i = 1; i < attributes->count; i++) {
                struct label item = items[i];
                size_t at = i;

                for (; at > 0 && str_compare(items[at - 1].name, item.name) > 0; at--)
                        items[at] = items[at - 1];
                items[at] = item;
        }
        for (size_t i = 0; i < attributes->count; i++) {
                struct str name;

                if (is_listed(items[i].name, ignored, ignored_count))
                        continue;
                name = otlp_label_name(builder->arena, naming, items[i].name);
                if (!name.len)
                        return error_set(err, ERROR_INVALID,
                                         "attribute \"%.*s\" has no name as a label",
                                         items[i].name.len > 100 ? 100 : (int)items[i].name.len,
                                         items[i].name.data);
                if (!set_joined(builder, name, items[i].value))
                        return error_set(err, ERROR_INVALID, "label value is longer than %d bytes",
                                         VALUE_MAX_BYTES);
        }
        return true;
}

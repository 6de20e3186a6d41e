/* The functions that every Go template has. */
#include "base/utf8.h"
#include "template/escape_int.h"
#include "template/template_int.h"

enum { TEXT_MAX_BYTES = 16 << 20 };

static struct template_value keep_text(struct template_call *call, const struct buf *text)
{
        return template_from_str(arena_str(call->arena, buf_str(text)));
}

static bool call_unreachable(struct template_call *call, struct error *err)
{
        (void)call;
        return error_set(err, ERROR_EXECUTION, "unreachable");
}

static bool call_not(struct template_call *call, struct error *err)
{
        (void)err;
        call->result = template_from_bool(!template_is_true(&call->args[0]));
        return true;
}

/* No value that a template can reach is a function. */
static bool call_call(struct template_call *call, struct error *err)
{
        if (!call->args[0].type)
                return error_set(err, ERROR_EXECUTION, "call of nil");
        return error_set(err, ERROR_EXECUTION, "non-function of type %s",
                         call->args[0].type->name);
}

/* ---- lists, maps and texts ---------------------------------------------------------------- */

static bool call_len(struct template_call *call, struct error *err)
{
        const struct template_value *of = &call->args[0];

        if (!of->type)
                return error_set(err, ERROR_EXECUTION, "len of nil pointer");
        if (of->type->kind != TEMPLATE_STRING && of->type->kind != TEMPLATE_LIST &&
            of->type->kind != TEMPLATE_MAP)
                return error_set(err, ERROR_EXECUTION, "len of type %s", of->type->name);
        call->result = template_from_int((int64_t)template_count(of));
        return true;
}

static bool parse_index(const struct template_value *index, size_t max, size_t *ret_index,
                        struct error *err)
{
        if (!index->type)
                return error_set(err, ERROR_EXECUTION, "cannot index slice/array with nil");
        if (index->type->kind != TEMPLATE_INT && index->type->kind != TEMPLATE_UINT)
                return error_set(err, ERROR_EXECUTION, "cannot index slice/array with type %s",
                                 index->type->name);
        if (index->integer < 0 || (uint64_t)index->integer > max)
                return error_set(err, ERROR_EXECUTION, "index out of range: %lld",
                                 (long long)index->integer);
        *ret_index = (size_t)index->integer;
        return true;
}

static bool index_list(struct template_value *item, const struct template_value *index,
                       struct error *err)
{
        bool is_text = item->type->kind == TEMPLATE_STRING;
        size_t count = template_count(item), at = 0;

        if (!parse_index(index, count, &at, err))
                return false;
        if (at == count)
                return error_set(err, ERROR_EXECUTION, "reflect: %s index out of range",
                                 is_text ? "string" : "slice");
        if (is_text)
                *item = (struct template_value){&template_uint8,
                                                .integer = (unsigned char)item->text.data[at]};
        else
                *item = item->list->items[at];
        return true;
}

static bool index_map(struct template_value *item, const struct template_value *key,
                      struct error *err)
{
        const struct template_value *entry;

        if (!key->type)
                return error_set(err, ERROR_EXECUTION, "value is nil; should be of type string");
        if (key->type != &template_string)
                return error_set(err, ERROR_EXECUTION, "value has type %s; should be string",
                                 key->type->name);
        entry = template_map_get(item->map, key->text);
        *item = entry ? *entry : template_zero(item->type->element);
        return true;
}

static bool call_index(struct template_call *call, struct error *err)
{
        struct template_value item = call->args[0];

        if (!item.type)
                return error_set(err, ERROR_EXECUTION, "index of untyped nil");
        for (size_t i = 1; i < call->count; i++) {
                if (!item.type)
                        return error_set(err, ERROR_EXECUTION, "index of nil pointer");
                switch (item.type->kind) {
                case TEMPLATE_STRING:
                case TEMPLATE_LIST:
                        if (!index_list(&item, &call->args[i], err))
                                return false;
                        break;
                case TEMPLATE_MAP:
                        if (!index_map(&item, &call->args[i], err))
                                return false;
                        break;
                default:
                        return error_set(err, ERROR_EXECUTION, "can't index item of type %s",
                                         item.type->name);
                }
        }
        call->result = item;
        return true;
}

static bool call_slice(struct template_call *call, struct error *err)
{
        struct template_value item = call->args[0];
        size_t at[3] = {0}, count;

        if (!item.type)
                return error_set(err, ERROR_EXECUTION, "slice of untyped nil");
        if (call->count > 4)
                return error_set(err, ERROR_EXECUTION, "too many slice indexes: %zu",
                                 call->count - 1);
        if (item.type->kind == TEMPLATE_STRING && call->count == 4)
                return error_set(err, ERROR_EXECUTION, "cannot 3-index slice a string");
        if (item.type->kind != TEMPLATE_STRING && item.type->kind != TEMPLATE_LIST)
                return error_set(err, ERROR_EXECUTION, "can't slice item of type %s",
                                 item.type->name);
        count = at[1] = template_count(&item);
        for (size_t i = 1; i < call->count; i++)
                if (!parse_index(&call->args[i], count, &at[i - 1], err))
                        return false;
        if (at[0] > at[1])
                return error_set(err, ERROR_EXECUTION, "invalid slice index: %zu > %zu", at[0],
                                 at[1]);
        if (call->count == 4 && at[1] > at[2])
                return error_set(err, ERROR_EXECUTION, "invalid slice index: %zu > %zu", at[1],
                                 at[2]);
        if (item.type->kind == TEMPLATE_STRING)
                item.text = str_slice(item.text, at[0], at[1]);
        else if (item.list)
                item = template_from_list(item.type, call->arena, item.list->items + at[0],
                                          at[1] - at[0]);
        call->result = item;
        return true;
}

/* ---- printing and escaping ---------------------------------------------------------------- */

static bool call_print(struct template_call *call, struct error *err)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(TEXT_MAX_BYTES);

        (void)err;
        template_print_all(&text, call->args, call->count);
        call->result = keep_text(call, &text);
        return true;
}

static bool call_println(struct template_call *call, struct error *err)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(TEXT_MAX_BYTES);

        (void)err;
        for (size_t i = 0; i < call->count; i++) {
                if (i > 0)
                        buf_append_byte(&text, ' ');
                template_print(&text, &call->args[i]);
        }
        buf_append_byte(&text, '\n');
        call->result = keep_text(call, &text);
        return true;
}

static bool call_printf(struct template_call *call, struct error *err)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(TEXT_MAX_BYTES);

        (void)err;
        template_printf(&text, call->args[0].text, call->args + 1, call->count - 1);
        call->result = keep_text(call, &text);
        return true;
}

void escape_join_args(struct buf *out, const struct template_value *args, size_t count)
{
        bool was_text = false;

        for (size_t i = 0; i < count; i++) {
                bool is_text = !args[i].type || args[i].type->kind == TEMPLATE_STRING;

                if (i > 0 && !is_text && !was_text)
                        buf_append_byte(out, ' ');
                if (args[i].type)
                        template_print(out, &args[i]);
                else
                        buf_append_cstr(out, "<no value>");
                was_text = is_text;
        }
}

static bool escape(struct template_call *call, void (*append)(struct buf *out, struct str text))
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(TEXT_MAX_BYTES);
        struct buf escaped CLEANUP(buf_release) = BUF_INIT(6 * TEXT_MAX_BYTES);

        escape_join_args(&text, call->args, call->count);
        append(&escaped, buf_str(&text));
        call->result = keep_text(call, &escaped);
        return true;
}

void escape_html(struct buf *out, struct str text)
{
        for (size_t i = 0; i < text.len; i++) {
                switch (text.data[i]) {
                case '\0':
                        buf_append_cstr(out, "\xef\xbf\xbd");
                        break;
                case '"':
                        buf_append_cstr(out, "&#34;");
                        break;
                case '\'':
                        buf_append_cstr(out, "&#39;");
                        break;
                case '&':
                        buf_append_cstr(out, "&amp;");
                        break;
                case '<':
                        buf_append_cstr(out, "&lt;");
                        break;
                case '>':
                        buf_append_cstr(out, "&gt;");
                        break;
                default:
                        buf_append_byte(out, text.data[i]);
                }
        }
}

static void escape_js(struct buf *out, struct str text)
{
        size_t width;

        for (size_t at = 0; at < text.len; at += width) {
                uint32_t rune = utf8_decode(text, at, &width);

                if (rune == '\\' || rune == '\'' || rune == '"')
                        buf_printf(out, "\\%c", (char)rune);
                else if (rune < 0x20 || rune == '<' || rune == '>' || rune == '&' || rune == '=')
                        buf_printf(out, "\\u%04X", rune);
                else if (rune >= 0x80 && !utf8_is_print(rune))
                        buf_printf(out, "\\u%04X", rune);
                else
                        buf_append(out, text.data + at, width);
        }
}

void escape_url_query(struct buf *out, struct str text)
{
        for (size_t i = 0; i < text.len; i++) {
                char c = text.data[i];

                if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '-' || c == '_' || c == '.' || c == '~')
                        buf_append_byte(out, c);
                else if (c == ' ')
                        buf_append_byte(out, '+');
                else
                        buf_printf(out, "%%%02X", (unsigned char)c);
        }
}

static bool call_html(struct template_call *call, struct error *err)
{
        (void)err;
        return escape(call, escape_html);
}

static bool call_js(struct template_call *call, struct error *err)
{
        (void)err;
        return escape(call, escape_js);
}

static bool call_urlquery(struct template_call *call, struct error *err)
{
        (void)err;
        return escape(call, escape_url_query);
}

/* ---- comparison --------------------------------------------------------------------------- */

static bool is_basic(const struct template_value *value)
{
        return value->type && value->type->kind <= TEMPLATE_STRING;
}

static bool fail_comparison(const struct template_value *a, const struct template_value *b,
                            struct error *err)
{
        return error_set(err, ERROR_EXECUTION, "incompatible types for comparison: %s and %s",
                         a->type->name, b->type->name);
}

static bool is_integer(const struct template_value *value)
{
        return value->type->kind == TEMPLATE_INT || value->type->kind == TEMPLATE_UINT;
}

static bool is_comparable(const struct template_value *value)
{
        const struct template_type *type = value->type;

        if (!type)
                return true;
        if (type->kind == TEMPLATE_LIST || type->kind == TEMPLATE_MAP)
                return false;
        if (type->kind == TEMPLATE_STRUCT && !type->is_opaque && value->fields)
                for (size_t i = 0; type->fields && type->fields[i]; i++)
                        if (!is_comparable(&value->fields[i]))
                                return false;
        return true;
}

/* Lists, maps and structs: Go compares the first two with nothing but nil. */
static bool equal_composite(const struct template_value *a, const struct template_value *b,
                            bool *ret_equal, struct error *err)
{
        struct buf shown CLEANUP(buf_release) = BUF_INIT(sizeof(err->text));

        *ret_equal = !a->type && !b->type;
        if (!a->type || !b->type)
                return true;
        template_printf(&shown, STR_LIT("%s"), b, 1);
        if (a->type->kind != b->type->kind)
                return error_set(err, ERROR_EXECUTION, "non-comparable types %s, %s: " STR_FMT,
                                 a->type->name, b->type->name, STR_ARG(buf_str(&shown)));
        if (!is_comparable(b))
                return error_set(err, ERROR_EXECUTION, "non-comparable type " STR_FMT ": %s",
                                 STR_ARG(buf_str(&shown)), b->type->name);
        *ret_equal = a->type == b->type && a->object == b->object;
        return true;
}

static bool equal(const struct template_value *a, const struct template_value *b, bool *ret_equal,
                  struct error *err)
{
        if (!is_basic(a) && !is_basic(b))
                return equal_composite(a, b, ret_equal, err);
        *ret_equal = false;
        if (!a->type || !b->type)
                return true;
        if (is_basic(a) && is_basic(b) && is_integer(a) && is_integer(b)) {
                *ret_equal = a->integer == b->integer;
                return true;
        }
        if (a->type->kind != b->type->kind)
                return fail_comparison(a, b, err);
        switch (a->type->kind) {
        case TEMPLATE_BOOL:
                *ret_equal = a->boolean == b->boolean;
                return true;
        case TEMPLATE_FLOAT:
                *ret_equal = a->number == b->number;
                return true;
        default:
                *ret_equal = str_equal(a->text, b->text);
                return true;
        }
}

static bool less(const struct template_value *a, const struct template_value *b, bool *ret_less,
                 struct error *err)
{
        if (!is_basic(a) || !is_basic(b))
                return error_set(err, ERROR_EXECUTION, "invalid type for comparison");
        if (is_integer(a) && is_integer(b)) {
                *ret_less = a->integer < b->integer;
                return true;
        }
        if (a->type->kind != b->type->kind)
                return fail_comparison(a, b, err);
        switch (a->type->kind) {
        case TEMPLATE_FLOAT:
                *ret_less = a->number < b->number;
                return true;
        case TEMPLATE_STRING:
                *ret_less = str_compare(a->text, b->text) < 0;
                return true;
        default:
                return error_set(err, ERROR_EXECUTION, "invalid type for comparison");
        }
}

static bool less_or_equal(const struct template_value *a, const struct template_value *b,
                          bool *ret_result, struct error *err)
{
        return less(a, b, ret_result, err) && (*ret_result || equal(a, b, ret_result, err));
}

static bool call_eq(struct template_call *call, struct error *err)
{
        bool is_equal = false;

        if (call->count < 2)
                return error_set(err, ERROR_EXECUTION, "missing argument for comparison");
        for (size_t i = 1; i < call->count && !is_equal; i++)
                if (!equal(&call->args[0], &call->args[i], &is_equal, err))
                        return false;
        call->result = template_from_bool(is_equal);
        return true;
}

static bool call_ne(struct template_call *call, struct error *err)
{
        bool is_equal;

        if (!equal(&call->args[0], &call->args[1], &is_equal, err))
                return false;
        call->result = template_from_bool(!is_equal);
        return true;
}

static bool call_lt(struct template_call *call, struct error *err)
{
        bool result;

        if (!less(&call->args[0], &call->args[1], &result, err))
                return false;
        call->result = template_from_bool(result);
        return true;
}

static bool call_le(struct template_call *call, struct error *err)
{
        bool result;

        if (!less_or_equal(&call->args[0], &call->args[1], &result, err))
                return false;
        call->result = template_from_bool(result);
        return true;
}

static bool call_gt(struct template_call *call, struct error *err)
{
        bool result;

        if (!less_or_equal(&call->args[0], &call->args[1], &result, err))
                return false;
        call->result = template_from_bool(!result);
        return true;
}

static bool call_ge(struct template_call *call, struct error *err)
{
        bool result;

        if (!less(&call->args[0], &call->args[1], &result, err))
                return false;
        call->result = template_from_bool(!result);
        return true;
}

#define ANY &template_any

const struct template_function template_builtins[] = {
        {"and", call_unreachable, {ANY, ANY}, true},
        {"or", call_unreachable, {ANY, ANY}, true},
        {"not", call_not, {ANY}, false},
        {"call", call_call, {ANY, ANY}, true},
        {"html", call_html, {ANY}, true},
        {"index", call_index, {ANY, ANY}, true},
        {"slice", call_slice, {ANY, ANY}, true},
        {"js", call_js, {ANY}, true},
        {"len", call_len, {ANY}, false},
        {"print", call_print, {ANY}, true},
        {"printf", call_printf, {&template_string, ANY}, true},
        {"println", call_println, {ANY}, true},
        {"urlquery", call_urlquery, {ANY}, true},
        {"eq", call_eq, {ANY, ANY}, true},
        {"ne", call_ne, {ANY, ANY}, false},
        {"lt", call_lt, {ANY, ANY}, false},
        {"le", call_le, {ANY, ANY}, false},
        {"gt", call_gt, {ANY, ANY}, false},
        {"ge", call_ge, {ANY, ANY}, false},
        {0},
};

const struct template_function *const template_and = &template_builtins[0];
const struct template_function *const template_or = &template_builtins[1];

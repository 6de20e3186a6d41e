/* Any text: a tree or an error. What was read reads the same after it was written again. */
#include "base/compiler.h"
#include "codec/double.h"
#include "codec/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_value(struct json_writer *writer, const struct json_value *value)
{
        switch (value->kind) {
        case JSON_NULL:
                json_null(writer);
                break;
        case JSON_BOOL:
                json_bool(writer, value->boolean);
                break;
        case JSON_NUMBER: {
                struct buf text CLEANUP(buf_release) = BUF_INIT(DOUBLE_TEXT_MAX);

                double_append(&text, value->number, DOUBLE_G);
                json_raw(writer, buf_str(&text));
                break;
        }
        case JSON_STRING:
                json_string(writer, value->text);
                break;
        case JSON_ARRAY:
                json_array_begin(writer);
                for (const struct json_value *v = value->first; v; v = v->next)
                        write_value(writer, v);
                json_array_end(writer);
                break;
        case JSON_OBJECT:
                json_object_begin(writer);
                for (const struct json_value *v = value->first; v; v = v->next) {
                        json_key_str(writer, v->key);
                        write_value(writer, v);
                }
                json_object_end(writer);
                break;
        }
}

static void check_same(const struct json_value *a, const struct json_value *b)
{
        const struct json_value *x = a->first, *y = b->first;

        BUG_ON(a->kind != b->kind || a->boolean != b->boolean || a->number != b->number ||
               !str_equal(a->text, b->text) || !str_equal(a->key, b->key));
        for (; x && y; x = x->next, y = y->next)
                check_same(x, y);
        BUG_ON(x || y);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(1 << 22);
        struct json_value *value, *again;
        struct json_writer writer = json_writer_make(&text);
        struct arena arena;
        struct error err;

        arena_init(&arena, 64 << 20);
        if (json_parse(&arena, str_make((const char *)data, size), &value, &err)) {
                write_value(&writer, value);
                if (!text.overflow) {
                        BUG_ON(!json_parse(&arena, buf_str(&text), &again, &err));
                        check_same(value, again);
                        json_find(value, "a");
                }
        } else {
                BUG_ON(!err.text[0]);
        }
        arena_release(&arena);
        return 0;
}

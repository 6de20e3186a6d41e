/* What the parser that makes trees takes, the reader takes too, with as many members. */
#include "codec/json_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t count_tree(const struct json_value *value)
{
        size_t count = 1;

        if (value->kind == JSON_ARRAY || value->kind == JSON_OBJECT)
                for (const struct json_value *child = value->first; child; child = child->next)
                        count += count_tree(child);
        return count;
}

static size_t count_read(struct json_reader *j)
{
        enum json_kind kind = json_reader_peek(j);
        struct str key;
        size_t count = 1;

        if (kind != JSON_ARRAY && kind != JSON_OBJECT) {
                json_reader_skip(j);
                return 1;
        }
        json_reader_enter(j, kind);
        while (kind == JSON_ARRAY ? json_reader_item(j) : json_reader_key(j, &key))
                count += count_read(j);
        return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct str text = str_make((const char *)data, size);
        struct json_reader j = json_reader_make(text);
        size_t count = count_read(&j);
        struct json_value *tree;
        struct arena arena;
        bool done = json_reader_done(&j);

        arena_init(&arena, 64 << 20);
        if (json_parse(&arena, text, &tree, NULL)) {
                BUG_ON(!done);
                BUG_ON(count != count_tree(tree));
        }
        arena_release(&arena);
        return 0;
}

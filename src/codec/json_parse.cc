#include <simdjson.h>

extern "C" {
#include "codec/json.h"
}

namespace dom = simdjson::dom;

static struct json_value *convert(struct arena *arena, dom::element element)
{
        auto *value = arena_new(arena, struct json_value);
        struct json_value **tail = &value->first;
        dom::array array;
        dom::object object;

        switch (element.type()) {
        case dom::element_type::NULL_VALUE:
                value->kind = JSON_NULL;
                break;
        case dom::element_type::BOOL:
                value->kind = JSON_BOOL;
                value->boolean = element.get_bool().value_unsafe();
                break;
        case dom::element_type::INT64:
        case dom::element_type::UINT64:
        case dom::element_type::DOUBLE:
                value->kind = JSON_NUMBER;
                value->number = element.get_double().value_unsafe();
                break;
        case dom::element_type::STRING: {
                std::string_view text = element.get_string().value_unsafe();

                value->kind = JSON_STRING;
                value->text = arena_str(arena, str_make(text.data(), text.size()));
                break;
        }
        case dom::element_type::ARRAY:
                value->kind = JSON_ARRAY;
                array = element.get_array().value_unsafe();
                for (dom::element child : array) {
                        if (arena_over_budget(arena))
                                break;
                        *tail = convert(arena, child);
                        tail = &(*tail)->next;
                }
                break;
        case dom::element_type::OBJECT:
                value->kind = JSON_OBJECT;
                object = element.get_object().value_unsafe();
                for (dom::key_value_pair pair : object) {
                        if (arena_over_budget(arena))
                                break;
                        *tail = convert(arena, pair.value);
                        (*tail)->key = arena_str(arena, str_make(pair.key.data(),
                                                                 pair.key.size()));
                        tail = &(*tail)->next;
                }
                break;
        }
        return value;
}

extern "C" bool json_parse(struct arena *arena, struct str text, struct json_value **ret_value,
                           struct error *err)
{
        enum { DEPTH_MAX = 128 };
        dom::parser parser;
        dom::element root;
        struct json_value *value;
        simdjson::error_code failure = parser.allocate(text.len + 1, DEPTH_MAX);

        if (!failure)
                failure = parser.parse(text.data, text.len, true).get(root);
        if (failure)
                return error_set(err, ERROR_INVALID, "invalid JSON: %s",
                                 simdjson::error_message(failure));
        value = convert(arena, root);
        if (arena_over_budget(arena))
                return error_set(err, ERROR_LIMIT, "JSON needs more than %zu bytes of memory",
                                 arena->limit_bytes);
        *ret_value = value;
        return true;
}

/* codec/json.h - JSON: a streaming writer, and a reader that gives a tree.
 *
 * The writer puts commas and escapes, checks nothing else: begin and end must match. Text that
 * is not valid UTF-8 has its bad bytes replaced by U+FFFD, as Go's encoder does.
 */
#ifndef CODEC_JSON_H
#define CODEC_JSON_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

struct json_writer {
        struct buf *out;
        bool need_comma;
};

static inline struct json_writer json_writer_make(struct buf *out)
{
        return (struct json_writer){out, false};
}

void json_object_begin(struct json_writer *w);
void json_object_end(struct json_writer *w);
void json_array_begin(struct json_writer *w);
void json_array_end(struct json_writer *w);
void json_key(struct json_writer *w, const char *key);
void json_key_str(struct json_writer *w, struct str key);
void json_string(struct json_writer *w, struct str text);
void json_cstring(struct json_writer *w, const char *text);
void json_int(struct json_writer *w, int64_t value);
void json_bool(struct json_writer *w, bool value);
void json_null(struct json_writer *w);
void json_raw(struct json_writer *w, struct str json); /* a value that is already JSON */

/* A string as JSON with its quotes, for those who write without a writer. */
void json_quote(struct buf *out, struct str text);

enum json_kind { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json_value {
        enum json_kind kind;
        bool boolean;
        double number;
        struct str text;           /* string */
        struct str key;            /* this value's name, inside an object */
        struct json_value *first;  /* array, object: children in order */
        struct json_value *next;   /* sibling */
};

/* Reads one document; nothing but space may follow it. All in the arena, nothing of `text` is
 * borrowed. ERROR_INVALID with the reason; nesting deeper than 128 is refused. ERROR_LIMIT when
 * the tree, which takes many times the text's size, goes over the arena's budget. */
NODISCARD bool json_parse(struct arena *arena, struct str text, struct json_value **ret_value,
                          struct error *err);
const struct json_value *json_find(const struct json_value *object, const char *key);

#endif

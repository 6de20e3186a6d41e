/* codec/json_reader.h - JSON in one pass, for documents that become something else at once.
 *
 * json_parse (codec/json.h) gives a tree, which takes many times the document's size; here
 * nothing is held. Who walks knows what may stand where:
 *
 *     for (json_reader_enter(&j, JSON_OBJECT); json_reader_key(&j, &key);)
 *             if (str_is(key, "name"))
 *                     json_reader_string(&j, &name);
 *             else
 *                     json_reader_skip(&j);
 *     for (json_reader_enter(&j, JSON_ARRAY); json_reader_item(&j);)
 *             ...
 *
 * A value must be read or skipped before the next. What is malformed, or of another kind than
 * asked for, makes the reader fail, which sticks. Source: RFC 8259.
 */
#ifndef CODEC_JSON_READER_H
#define CODEC_JSON_READER_H

#include "base/reader.h"
#include "codec/json.h"

enum { JSON_READER_DEPTH_MAX = 128, JSON_READER_KEY_MAX = 64 };

struct json_reader {
        struct reader in;
        unsigned depth;
        bool need_comma;
        char key[JSON_READER_KEY_MAX];
};

struct json_reader json_reader_make(struct str text);
/* Whether nothing failed and nothing but space is left. */
bool json_reader_done(struct json_reader *j);

enum json_kind json_reader_peek(struct json_reader *j); /* of the next value */
/* Into an object or array, nested 128 deep at most. */
void json_reader_enter(struct json_reader *j, enum json_kind kind);
/* The next key; false, leaving the object, when there is none. A key with escapes and more than
 * 64 bytes is given as "". Valid until the next call. */
NODISCARD bool json_reader_key(struct json_reader *j, struct str *ret_key);
NODISCARD bool json_reader_item(struct json_reader *j); /* the same for arrays */

void json_reader_string(struct json_reader *j, struct buf *out); /* appended, unescaped */
struct str json_reader_number(struct json_reader *j);            /* as it is written */
bool json_reader_bool(struct json_reader *j);
void json_reader_skip(struct json_reader *j); /* a value of any kind, null too */

#endif

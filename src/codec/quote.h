/* codec/quote.h - string literals as Go writes and reads them (strconv.Quote, strconv.Unquote). */
#ifndef CODEC_QUOTE_H
#define CODEC_QUOTE_H

#include "base/arena.h"
#include "base/buf.h"

/* In double quotes; what does not print is escaped, bad bytes as \xNN. */
void quote_append(struct buf *out, struct str text);
void quote_append_ascii(struct buf *out, struct str text); /* escapes all beyond ASCII */

/* A literal with its quotes: "...", '...' (of any length) or `...`. The text may borrow from
 * `quoted`. False when an escape is wrong or the quotes do not match. */
NODISCARD bool quote_parse(struct arena *arena, struct str quoted, struct str *ret_text);

#endif

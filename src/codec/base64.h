/* codec/base64.h - base64 of RFC 4648, with padding (Nettle). */
#ifndef CODEC_BASE64_H
#define CODEC_BASE64_H

#include "base/buf.h"

void base64_encode(struct buf *out, struct str bytes);
/* Appends what the text stands for; false when it is not base64 throughout. */
NODISCARD bool base64_decode(struct str text, struct buf *out);

#endif

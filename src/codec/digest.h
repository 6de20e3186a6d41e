/* codec/digest.h - message digests that a protocol prescribes (Nettle). */
#ifndef CODEC_DIGEST_H
#define CODEC_DIGEST_H

#include "base/str.h"

void digest_md5(struct str data, uint8_t digest[16]);
void digest_sha256(struct str data, uint8_t digest[32]);

#endif

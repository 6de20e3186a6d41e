/* codec/compress.h - zstd frames of our own files. Thread-safe. */
#ifndef CODEC_COMPRESS_H
#define CODEC_COMPRESS_H

#include "base/buf.h"
#include "base/error.h"

/* Appends one zstd frame that declares its length; out->overflow when it does not fit. */
void compress_zstd(struct buf *out, struct str data, int level);

/* Appends the content of one frame. The declared length is checked against `max_bytes` before
 * anything is allocated: ERROR_LIMIT; ERROR_CORRUPT for everything that is not such a frame. */
NODISCARD bool compress_unzstd(struct buf *out, struct str frame, size_t max_bytes,
                               struct error *err);

#endif

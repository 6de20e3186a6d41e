/* codec/compress.h - zstd frames and snappy blocks. Thread-safe. */
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

/* The same for frames that may not declare it, as streams from clients: ERROR_LIMIT beyond what
 * out may hold. */
NODISCARD bool compress_unzstd_stream(struct buf *out, struct str frames, struct error *err);

/* The same for one snappy block (not a framed stream), which is what remote write carries. */
void compress_snappy(struct buf *out, struct str data);
/* What the block declares, when so few bytes can hold that much. */
NODISCARD bool compress_snappy_length(struct str block, size_t *ret_bytes);
NODISCARD bool compress_unsnappy(struct buf *out, struct str block, size_t max_bytes,
                                 struct error *err);

/* One small frame from memory to memory, with contexts that each thread keeps. Returns its length,
 * or 0 when it takes more than `capacity` bytes. */
size_t compress_block(void *to, size_t capacity, const void *from, size_t len, int level);
/* False unless the frame holds exactly `len` bytes. */
bool compress_unblock(void *to, size_t len, const void *frame, size_t frame_len);

#endif

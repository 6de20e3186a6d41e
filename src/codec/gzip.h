/* codec/gzip.h - gzip for HTTP bodies. */
#ifndef CODEC_GZIP_H
#define CODEC_GZIP_H

#include "base/buf.h"
#include "base/error.h"

/* Appends the gzip form of plain to out. level is zlib's, 1 to 9. */
NODISCARD bool gzip_compress(struct str plain, int level, struct buf *out, struct error *err);

/* Appends the content of gzip members in a row, or of one zlib stream (HTTP's "deflate").
 * ERROR_LIMIT beyond what out may hold, ERROR_CORRUPT for what is neither. */
NODISCARD bool gzip_decompress(struct str packed, struct buf *out, struct error *err);

#endif

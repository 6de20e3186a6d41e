/* codec/gzip.h - gzip for HTTP bodies. */
#ifndef CODEC_GZIP_H
#define CODEC_GZIP_H

#include "base/buf.h"
#include "base/error.h"

/* Appends the gzip form of plain to out. level is zlib's, 1 to 9. */
NODISCARD bool gzip_compress(struct str plain, int level, struct buf *out, struct error *err);

#endif

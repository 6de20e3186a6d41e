/* codec/gzip.h - gzip, both ways, for HTTP bodies. */
#ifndef CODEC_GZIP_H
#define CODEC_GZIP_H

#include "base/buf.h"
#include "base/error.h"

NODISCARD bool gzip_compress(struct str plain, int level, struct buf *out, struct error *err);

/* Streaming inflate of gzip or zlib data: give pieces as they come. What would exceed out's
 * maximum is refused with ERROR_LIMIT, so a bomb costs at most that maximum. */
struct gunzip;

struct gunzip *gunzip_new(struct buf *out);
NODISCARD bool gunzip_feed(struct gunzip *gunzip, const void *data, size_t len, struct error *err);
NODISCARD bool gunzip_finish(struct gunzip *gunzip, struct error *err); /* was it complete? */
struct gunzip *gunzip_free(struct gunzip *gunzip);

#endif

/* formats/prom_chunk.h - the chunks of Prometheus's own storage: XOR (1), histogram (2) and float
 * histogram (3). Source: tsdb/docs/format/chunks.md of Prometheus. */
#ifndef FORMATS_PROM_CHUNK_H
#define FORMATS_PROM_CHUNK_H

#include "base/buf.h"
#include "base/error.h"
#include "model/sample.h"

enum prom_encoding {
        PROM_ENCODING_XOR = 1,
        PROM_ENCODING_HISTOGRAM = 2,
        PROM_ENCODING_FLOAT_HISTOGRAM = 3,
};

/* What Prometheus puts into one chunk. */
enum { PROM_CHUNK_SAMPLES = 120 };

/* Appends the samples of a chunk, histograms in the samples' arena. ERROR_CORRUPT when the bytes
 * make no sense, ERROR_UNSUPPORTED for another encoding. */
NODISCARD bool prom_chunk_decode(uint8_t encoding, struct str data, struct samples *samples,
                                 struct error *err);

/* Appends one chunk of the samples from `from` on: as many, at most PROM_CHUNK_SAMPLES, as are of
 * one kind and, for histograms, of one layout without a counter reset. Returns how many. */
size_t prom_chunk_encode(struct buf *out, const struct samples *samples, size_t from,
                         uint8_t *ret_encoding);

#endif

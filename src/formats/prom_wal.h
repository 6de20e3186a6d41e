/* formats/prom_wal.h - reads the write-ahead log of Prometheus's own storage: checkpoint and
 * segments, series, float and histogram samples. Source: tsdb/docs/format/wal.md of Prometheus. */
#ifndef FORMATS_PROM_WAL_H
#define FORMATS_PROM_WAL_H

#include "base/error.h"
#include "model/histogram.h"
#include "model/labels.h"

struct prom_wal_handler {
        /* Labels and histogram are valid during the call; h is NULL for a float. A false ends the
         * reading with what err says. */
        bool (*series)(void *ctx, uint64_t ref, struct labels labels, struct error *err);
        bool (*sample)(void *ctx, uint64_t ref, int64_t t_ms, double v, const struct histogram *h,
                       struct error *err);
        void *ctx;
};

struct prom_wal_stats {
        uint64_t records, skipped_records; /* of kinds that are not series or samples */
        uint64_t damaged_bytes;            /* behind the first damage of a segment */
};

/* Reads a log directory: the newest checkpoint, then the segments behind it. An absent directory
 * is an empty log. Damage ends a segment, is counted, and fails nothing. ERROR_IO. */
NODISCARD bool prom_wal_read(const char *dir, const struct prom_wal_handler *handler,
                             struct prom_wal_stats *ret_stats, struct error *err);

/* One record, as it stands in the log once its pages are joined. ERROR_CORRUPT. */
NODISCARD bool prom_wal_record(struct str record, const struct prom_wal_handler *handler,
                               struct prom_wal_stats *stats, struct error *err);

#endif

/* ingest/delta.h - from what was added since the last sample to totals.
 *
 * A bounded table of series and their totals so far, in memory: after a restart, and for a series
 * that was silent for an hour, the total begins again, which reads as a counter that was reset. A
 * request is a transaction: when its samples were not stored after all, its additions are taken
 * back, so that the client may send it again. Thread-safe; between begin and end a table is one
 * thread's.
 */
#ifndef INGEST_DELTA_H
#define INGEST_DELTA_H

#include "base/clock.h"
#include "model/histogram.h"

struct delta_table;

struct delta_table *delta_table_new(size_t series_max, const struct clock *clock);
struct delta_table *delta_table_free(struct delta_table *table); /* takes NULL */

void delta_table_begin(struct delta_table *table);
void delta_table_end(struct delta_table *table, bool keep);

struct delta_sample {
        int64_t t_ms, start_ms; /* start 0: unknown */
        double v;
        const struct histogram *h; /* NULL: a float */
};

/* Adds a sample to its series' total and makes it that total, since the first start. Staleness
 * markers pass. False with ERROR_INVALID when it is not newer than the last, ERROR_LIMIT when the
 * table is full. Histograms come from the arena. */
NODISCARD bool delta_table_add(struct delta_table *table, struct str key, struct arena *arena,
                               struct delta_sample *sample, struct error *err);

#endif

#include "server/store_metrics_int.h"

#include "base/metrics.h"
#include "tsdb/tsdb.h"

static _Atomic int64_t wal_sync_max_ns, open_ns;

static double read_wal_sync_max_s(void)
{
        return (double)atomic_load(&wal_sync_max_ns) / 1e9;
}

static double read_open_s(void)
{
        return (double)atomic_load(&open_ns) / 1e9;
}

METRIC_GAUGE(series, "pitwall_tsdb_series", "", "Series known to the store.")
METRIC_COUNTER(series_created, "pitwall_tsdb_series_created_total", "", "Series created.")
METRIC_COUNTER(series_forgotten, "pitwall_tsdb_series_forgotten_total", "",
               "Series forgotten because no data is left within retention.")
METRIC_COUNTER(series_refused, "pitwall_tsdb_series_refused_total", "",
               "Series refused at the series limit.")
METRIC_COUNTER(samples_stored, "pitwall_tsdb_samples_appended_total", "", "Samples stored.")
METRIC_COUNTER(append_failures, "pitwall_tsdb_append_failures_total", "",
               "Batches refused because the disk was full.")
METRIC_GAUGE(open_samples, "pitwall_tsdb_open_samples", "", "Samples in memory, in no part yet.")
METRIC_GAUGE(parts, "pitwall_tsdb_parts", "", "Part files.")
METRIC_GAUGE(blocks, "pitwall_tsdb_blocks", "", "Blocks in all parts.")
METRIC_GAUGE(block_samples, "pitwall_tsdb_block_samples", "", "Samples in all parts.")
METRIC_GAUGE(part_bytes, "pitwall_tsdb_part_bytes", "", "Size of the part files.")
METRIC_GAUGE(wal_bytes, "pitwall_tsdb_wal_bytes", "", "Log that a start would replay now.")
METRIC_COUNTER(wal_syncs, "pitwall_tsdb_wal_syncs_total", "", "Times the log was synced.")
METRIC_GAUGE_READ(wal_sync_max, "pitwall_tsdb_wal_sync_max_seconds", "",
                  "The longest sync of the log so far.", read_wal_sync_max_s)
METRIC_COUNTER(flushes, "pitwall_tsdb_flushes_total", "", "Open data written to a part.")
METRIC_COUNTER(merges, "pitwall_tsdb_merges_total", "", "Parts merged.")
METRIC_COUNTER(expired, "pitwall_tsdb_parts_expired_total", "", "Parts dropped by retention.")
METRIC_COUNTER(damaged_log, "pitwall_tsdb_damage_total", "what=\"log\"",
               "Damage found in the store's files.")
METRIC_COUNTER(damaged_blocks, "pitwall_tsdb_damage_total", "what=\"block\"",
               "Damage found in the store's files.")
METRIC_COUNTER(damaged_parts, "pitwall_tsdb_damage_total", "what=\"part\"",
               "Damage found in the store's files.")
METRIC_COUNTER(damaged_series, "pitwall_tsdb_damage_total", "what=\"series\"",
               "Damage found in the store's files.")
METRIC_GAUGE(index_bytes, "pitwall_tsdb_index_bytes", "", "Memory of labels and postings.")
METRIC_GAUGE(open_bytes, "pitwall_tsdb_open_bytes", "", "Memory of open samples.")
METRIC_GAUGE_READ(open_time, "pitwall_tsdb_start_seconds", "", "What opening the store took.",
                  read_open_s)
METRIC_GAUGE(full, "pitwall_tsdb_disk_full", "", "Whether writes are refused: the disk is full.")

void store_metrics_update(struct tsdb *tsdb)
{
        struct tsdb_stats stats;

        tsdb_stats(tsdb, &stats);
        metric_set(&series, (int64_t)stats.series);
        metric_set(&series_created, (int64_t)stats.series_created);
        metric_set(&series_forgotten, (int64_t)stats.series_forgotten);
        metric_set(&series_refused, (int64_t)stats.series_refused);
        metric_set(&samples_stored, (int64_t)stats.outcomes[APPEND_OK]);
        metric_set(&append_failures, (int64_t)stats.append_failures);
        metric_set(&open_samples, (int64_t)stats.open_samples);
        metric_set(&parts, (int64_t)stats.parts);
        metric_set(&blocks, (int64_t)stats.blocks);
        metric_set(&block_samples, (int64_t)stats.block_samples);
        metric_set(&part_bytes, (int64_t)stats.part_bytes);
        metric_set(&wal_bytes, (int64_t)stats.wal_bytes);
        metric_set(&wal_syncs, (int64_t)stats.wal_syncs);
        atomic_store(&wal_sync_max_ns, stats.wal_sync_max_ns);
        metric_set(&flushes, (int64_t)stats.flushes);
        metric_set(&merges, (int64_t)stats.merges);
        metric_set(&expired, (int64_t)stats.parts_expired);
        metric_set(&damaged_log, (int64_t)stats.events[TSDB_EVENT_WAL_DAMAGED]);
        metric_set(&damaged_blocks, (int64_t)stats.events[TSDB_EVENT_BLOCK_DAMAGED]);
        metric_set(&damaged_parts, (int64_t)stats.events[TSDB_EVENT_PART_LOST]);
        metric_set(&damaged_series, (int64_t)stats.events[TSDB_EVENT_SERIES_DAMAGED]);
        metric_set(&index_bytes, (int64_t)stats.index_bytes);
        metric_set(&open_bytes, (int64_t)stats.open_bytes);
        atomic_store(&open_ns, stats.open_ns);
        metric_set(&full, stats.full);
}

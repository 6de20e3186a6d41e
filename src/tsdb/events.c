#include <stdio.h>

#include "tsdb/store_int.h"

const char *tsdb_event_text(enum tsdb_event_kind kind)
{
        static const char *const texts[TSDB_EVENT_KINDS] = {
                [TSDB_EVENT_WAL_TAIL_CUT] = "cut a torn record off the end of the log",
                [TSDB_EVENT_WAL_DAMAGED] = "skipped damaged bytes in the log",
                [TSDB_EVENT_BLOCK_DAMAGED] = "skipped a damaged block",
                [TSDB_EVENT_INDEX_REBUILT] = "rebuilt the damaged index of a part",
                [TSDB_EVENT_PART_LOST] = "a part is missing or has no usable bytes",
                [TSDB_EVENT_SERIES_DAMAGED] = "label sets are lost to damage",
                [TSDB_EVENT_SERIES_REPAIRED] = "read damaged label sets from their mirror",
                [TSDB_EVENT_EXEMPLARS_DAMAGED] = "exemplars are lost to damage",
                [TSDB_EVENT_TOMBSTONES_DAMAGED] = "deletions are lost to damage",
                [TSDB_EVENT_MANIFEST_REBUILT] = "rebuilt the manifest from the files there are",
                [TSDB_EVENT_SERIES_REFUSED] = "new series are refused: their limit is reached",
                [TSDB_EVENT_DISK_FULL] = "the disk is full: samples are refused",
                [TSDB_EVENT_DISK_RECOVERED] = "there is room again: samples are accepted",
        };

        return texts[kind];
}

void store_event(struct tsdb *tsdb, enum tsdb_event_kind kind, const char *file, uint64_t offset,
                 uint64_t size_bytes)
{
        struct tsdb_event event = {kind, file, offset, size_bytes};

        atomic_fetch_add(&tsdb->events[kind], 1);
        if (tsdb->options.on_event)
                tsdb->options.on_event(tsdb->options.event_ctx, &event);
}

void store_block_damaged(struct tsdb *tsdb, const struct part *part, size_t block)
{
        const char *slash = strrchr(part->path, '/');
        char file[64];

        snprintf(file, sizeof(file), "parts/%s", slash + 1);
        store_event(tsdb, TSDB_EVENT_BLOCK_DAMAGED, file, part_block_offset(part, block), 0);
}

void store_set_full(struct tsdb *tsdb, bool full)
{
        if (atomic_exchange(&tsdb->full, full) == full)
                return;
        store_event(tsdb, full ? TSDB_EVENT_DISK_FULL : TSDB_EVENT_DISK_RECOVERED, "", 0, 0);
        /* Appends that wait for a flush must not wait for a disk. */
        pthread_mutex_lock(&tsdb->append_lock);
        pthread_cond_broadcast(&tsdb->flushed);
        pthread_mutex_unlock(&tsdb->append_lock);
}

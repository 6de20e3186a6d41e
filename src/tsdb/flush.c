/* Open samples to level-0 parts. */
#include "tsdb/maintain_int.h"

ALLOC_TYPE(flush_type, "tsdb_flush")

/* Closes the open memtable and starts another; afterwards the log before the memtable's wal_end
 * holds nothing but what the frozen memtables hold. */
static bool freeze(struct tsdb *tsdb, struct error *err)
{
        struct memtable *fresh;
        uint64_t segment;
        bool ok = true;

        pthread_mutex_lock(&tsdb->append_lock);
        if (tsdb->open_wal_bytes > 0) {
                ok = wal_cut(tsdb->wal, &segment, err);
                if (ok) {
                        tsdb->open->wal_end = segment;
                        tsdb->open->series_end = tsdb->logged_series;
                        fresh = memtable_new(tsdb->next_sequence++);
                        store_change_view(tsdb, &(struct view_change){.fresh = fresh});
                        memtable_unref(tsdb->open);
                        tsdb->open = fresh;
                        tsdb->frozen_wal_bytes += tsdb->open_wal_bytes;
                        tsdb->open_wal_bytes = 0;
                }
        }
        pthread_mutex_unlock(&tsdb->append_lock);
        return ok;
}

/* The oldest frozen memtable, with a reference; NULL when only the open one is left. */
static struct memtable *oldest_frozen(struct tsdb *tsdb)
{
        struct view *view = store_view(tsdb);
        struct memtable *frozen = view->memtable_count > 1 ? memtable_ref(view->memtables[0])
                                                           : NULL;

        view_unref(view);
        return frozen;
}

struct partitions {
        int64_t *bases; /* ascending */
        size_t count, capacity;
};

static void add_partition(struct partitions *list, int64_t base_ms)
{
        size_t at = list->count;

        while (at > 0 && list->bases[at - 1] >= base_ms) {
                if (list->bases[at - 1] == base_ms)
                        return;
                at--;
        }
        list->bases = alloc_array_reserve(&flush_type, list->bases, &list->capacity,
                                          list->count + 1, sizeof(*list->bases));
        memmove(list->bases + at + 1, list->bases + at,
                (list->count - at) * sizeof(*list->bases));
        list->bases[at] = base_ms;
        list->count++;
}

static void find_partitions(const struct tsdb *tsdb, const struct memtable *memtable,
                            struct partitions *list)
{
        int64_t first = store_partition_base(tsdb, memtable->min_t_ms);
        int64_t last = store_partition_base(tsdb, memtable->max_t_ms);
        struct samples samples = {0};

        add_partition(list, first);
        add_partition(list, last);
        if (last - first <= tsdb->options.partition_ms)
                return;
        for (uint32_t id = 0; (id = memtable_next_series(memtable, id));) {
                int64_t known = first;

                samples_truncate(&samples, 0);
                memtable_read(memtable, id, INT64_MIN, INT64_MAX, &samples);
                for (size_t i = 0; i < samples.count; i++) {
                        int64_t base = store_partition_base(tsdb, samples.t_ms[i]);

                        if (base != known)
                                add_partition(list, base);
                        known = base;
                }
        }
        samples_release(&samples);
}

/* Parts in the making: a flush or a merge may need several files when one grows too large. */
static bool write_partition(struct tsdb *tsdb, const struct memtable *memtable, int64_t base_ms,
                            struct part_output *output, struct error *err)
{
        int64_t end_ms = base_ms + tsdb->options.partition_ms - 1;
        struct samples samples = {0};
        bool ok = true;

        output->head = (struct part_head){base_ms, tsdb->options.partition_ms,
                                          memtable->sequence, memtable->sequence, 0};
        for (uint32_t id = 0; ok && (id = memtable_next_series(memtable, id));) {
                samples_truncate(&samples, 0);
                memtable_read(memtable, id, base_ms, end_ms, &samples);
                samples_settle(&samples, 0);
                ok = part_output_add(output, id, &samples, err);
        }
        samples_release(&samples);
        return ok && part_output_close(output, err);
}

bool store_write_parts(struct tsdb *tsdb, const struct memtable *memtable,
                       struct part_output *output, struct error *err)
{
        struct partitions partitions = {0};
        bool ok = true;

        if (!atomic_load(&memtable->samples))
                return true;
        find_partitions(tsdb, memtable, &partitions);
        for (size_t i = 0; ok && i < partitions.count; i++)
                ok = write_partition(tsdb, memtable, partitions.bases[i], output, err);
        alloc_free(&flush_type, partitions.bases);
        return ok && part_output_finish(output, err);
}

static void flushed(struct tsdb *tsdb, const struct memtable *memtable)
{
        wal_drop_before(tsdb->wal, memtable->wal_end);
        pthread_mutex_lock(&tsdb->append_lock);
        tsdb->frozen_wal_bytes = 0;
        pthread_cond_broadcast(&tsdb->flushed);
        pthread_mutex_unlock(&tsdb->append_lock);
        atomic_fetch_add(&tsdb->flushes, 1);
}

bool store_flush_series(struct tsdb *tsdb, uint32_t end, struct error *err)
{
        struct index *index;

        if (tsdb->saved_series >= end)
                return true;
        index = store_index(tsdb);
        index_optimize(index);
        index_unref(index);
        return store_save_series(tsdb, end, err);
}

static bool flush_one(struct tsdb *tsdb, const struct memtable *memtable, struct error *err)
{
        struct part_output output = {.tsdb = tsdb};
        struct view_change change = {.flushed = memtable};
        uint64_t wal_first = tsdb->wal_first;
        bool ok;

        ok = store_flush_series(tsdb, memtable->series_end, err) &&
             store_save_exemplars(tsdb, err) && store_write_parts(tsdb, memtable, &output, err);
        if (ok) {
                change.come = output.parts;
                change.come_count = output.part_count;
                tsdb->wal_first = memtable->wal_end;
                ok = store_write_manifest(tsdb, &change, err);
                if (!ok)
                        tsdb->wal_first = wal_first;
        }
        if (ok) {
                store_change_view(tsdb, &change);
                flushed(tsdb, memtable);
                output.part_count = 0;
        }
        part_output_release(&output);
        return ok;
}

static bool flush_frozen(struct tsdb *tsdb, struct error *err)
{
        for (struct memtable *memtable; (memtable = oldest_frozen(tsdb));) {
                bool ok = flush_one(tsdb, memtable, err);

                memtable_unref(memtable);
                if (!ok)
                        return false;
        }
        return true;
}

bool store_flush(struct tsdb *tsdb, struct error *err)
{
        struct error failure;
        bool ok;

        if (atomic_load(&tsdb->full))
                store_drop_reserve(tsdb);
        ok = flush_frozen(tsdb, &failure) && freeze(tsdb, &failure) &&
             flush_frozen(tsdb, &failure);
        if (!ok && failure.code == ERROR_FULL && tsdb->has_reserve) {
                store_drop_reserve(tsdb);
                ok = freeze(tsdb, &failure) && flush_frozen(tsdb, &failure);
        }
        if (!ok && failure.code == ERROR_FULL)
                store_set_full(tsdb, true);
        if (!ok && err)
                *err = failure;
        return ok;
}

/* Backfilling: samples go into a memtable of the import's own, and from there into parts. */
#include "tsdb/maintain_int.h"
#include "tsdb/sample_record_int.h"

ALLOC_TYPE(import_type, "tsdb_import")

/* Held in memory before they become parts; the more, the fewer parts there are to merge. */
enum { FLUSH_BYTES = 512 << 20 };

struct tsdb_import {
        struct tsdb *tsdb;
        struct memtable *memtable; /* NULL: nothing to flush */
        struct buf record;
};

struct tsdb_import *tsdb_import_new(struct tsdb *tsdb)
{
        struct tsdb_import *import = alloc_new(&import_type, sizeof(*import));

        import->tsdb = tsdb;
        import->record = BUF_INIT(1 << 30);
        return import;
}

struct tsdb_import *tsdb_import_free(struct tsdb_import *import)
{
        if (!import)
                return NULL;
        memtable_unref(import->memtable);
        buf_release(&import->record);
        return alloc_free(&import_type, import);
}

static void insert(struct tsdb_import *import, uint32_t series, const struct samples *samples,
                   size_t at)
{
        struct append_extra extra = {samples_histogram(samples, at),
                                     samples->start_ms ? samples->start_ms[at] : 0};

        if (!extra.h && !extra.start_ms) {
                memtable_insert(import->memtable, series,
                                (struct sample){samples->t_ms[at], samples->v[at]});
                return;
        }
        buf_clear(&import->record);
        sample_record_put(&import->record, samples->t_ms[at], samples->v[at], &extra);
        memtable_insert_record(import->memtable, series, samples->t_ms[at],
                               buf_str(&import->record));
}

static bool knows_series(struct tsdb *tsdb, series_ref ref)
{
        bool known;

        pthread_rwlock_rdlock(&tsdb->index_swap);
        known = ref && ref <= UINT32_MAX && index_knows(tsdb->index, (uint32_t)ref);
        pthread_rwlock_unlock(&tsdb->index_swap);
        return known;
}

bool tsdb_import_add(struct tsdb_import *import, series_ref ref, const struct samples *samples,
                     struct error *err)
{
        if (!knows_series(import->tsdb, ref))
                return error_set(err, ERROR_INVALID, "unknown series");
        for (size_t i = 0; i < samples->count; i++)
                if (samples->t_ms[i] > STORE_T_MAX_MS || samples->t_ms[i] < -STORE_T_MAX_MS)
                        return error_set(err, ERROR_INVALID, "timestamp is out of range");
        if (!import->memtable)
                import->memtable = memtable_new(0);
        for (size_t i = 0; i < samples->count; i++)
                insert(import, (uint32_t)ref, samples, i);
        return memtable_bytes(import->memtable) < FLUSH_BYTES || tsdb_import_flush(import, err);
}

/* What is open is older than the import wherever both have a timestamp, now and once it is flushed.
 * Under maintain_lock, after a flush. */
static void take_sequence(struct tsdb *tsdb, struct memtable *memtable)
{
        pthread_mutex_lock(&tsdb->append_lock);
        memtable->sequence = tsdb->next_sequence++;
        if (!atomic_load(&tsdb->open->samples)) {
                uint64_t sequence = tsdb->open->sequence;

                tsdb->open->sequence = memtable->sequence;
                memtable->sequence = sequence;
        }
        pthread_mutex_unlock(&tsdb->append_lock);
}

/* The newest samples of series may have come this way. Of a series that has no state since the
 * store was opened they are looked up when it matters. */
static void note_newest(struct tsdb *tsdb, const struct memtable *memtable)
{
        struct samples samples = {0};

        pthread_mutex_lock(&tsdb->append_lock);
        if (memtable->max_t_ms > tsdb->recovered_max_t_ms)
                tsdb->recovered_max_t_ms = memtable->max_t_ms;
        pthread_mutex_unlock(&tsdb->append_lock);
        for (uint32_t id = 0; (id = memtable_next_series(memtable, id));) {
                struct series_state *state;
                size_t last;

                samples_truncate(&samples, 0);
                memtable_read(memtable, id, INT64_MIN, INT64_MAX, &samples);
                samples_settle(&samples, 0);
                last = samples.count - 1;
                pthread_mutex_lock(&tsdb->append_lock);
                state = pages_make(&tsdb->states, id);
                if ((state->newest_key || id >= tsdb->recovered_series) &&
                    state_key(samples.t_ms[last]) > state->newest_key) {
                        state->newest_key = state_key(samples.t_ms[last]);
                        state->newest_bits = sample_record_bits(samples.v[last],
                                                                samples_histogram(&samples, last));
                }
                pthread_mutex_unlock(&tsdb->append_lock);
        }
        samples_release(&samples);
}

/* Under maintain_lock. */
static bool flush(struct tsdb *tsdb, struct memtable *memtable, struct error *err)
{
        struct part_output output = {.tsdb = tsdb};
        struct view_change change = {0};
        bool ok;

        if (!store_flush(tsdb, err))
                return false;
        take_sequence(tsdb, memtable);
        ok = store_flush_series(tsdb, atomic_load(&tsdb->next_series), err) &&
             store_write_parts(tsdb, memtable, &output, err);
        if (ok) {
                change.come = output.parts;
                change.come_count = output.part_count;
                ok = store_write_manifest(tsdb, &change, err);
        }
        if (ok) {
                store_change_view(tsdb, &change);
                output.part_count = 0;
        }
        part_output_release(&output);
        return ok;
}

bool tsdb_import_flush(struct tsdb_import *import, struct error *err)
{
        struct tsdb *tsdb = import->tsdb;
        bool ok;

        if (!import->memtable)
                return true;
        pthread_mutex_lock(&tsdb->maintain_lock);
        ok = flush(tsdb, import->memtable, err);
        pthread_mutex_unlock(&tsdb->maintain_lock);
        if (!ok)
                return false;
        note_newest(tsdb, import->memtable);
        import->memtable = memtable_unref(import->memtable);
        return true;
}

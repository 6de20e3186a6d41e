#include <stdlib.h>

#include "tsdb/maintain_int.h"

ALLOC_TYPE(retention_type, "tsdb_retention")

void store_set_rules(struct tsdb *tsdb, const struct tsdb_options *options)
{
        struct retention_rules *rules = retention_rules_new(options), *old;

        atomic_store(&tsdb->retention_ms, options->retention_ms);
        atomic_store(&tsdb->longest_retention_ms,
                     retention_rules_longest(rules, options->retention_ms));
        pthread_mutex_lock(&tsdb->retained_lock);
        old = tsdb->retention_rules;
        tsdb->retention_rules = rules;
        pthread_mutex_unlock(&tsdb->retained_lock);
        retention_rules_unref(old);
}

struct retained *store_retained(struct tsdb *tsdb, struct index *index)
{
        int64_t general_ms = atomic_load(&tsdb->retention_ms);
        uint32_t end = atomic_load(&tsdb->next_series);
        struct retained *retained = NULL;

        pthread_mutex_lock(&tsdb->retained_lock);
        if (tsdb->retention_rules &&
            !retained_is_of(tsdb->retained, tsdb->retention_rules, index, end, general_ms)) {
                retained_unref(tsdb->retained);
                tsdb->retained = retained_new(tsdb->retention_rules, index, end, general_ms);
        }
        if (tsdb->retention_rules)
                retained = retained_ref(tsdb->retained);
        pthread_mutex_unlock(&tsdb->retained_lock);
        return retained;
}

static uint64_t stored_bytes(struct tsdb *tsdb, const struct view *view)
{
        struct wal_stats wal;
        uint64_t bytes = 0;

        wal_stats(tsdb->wal, &wal);
        for (size_t i = 0; i < view->part_count; i++)
                bytes += view->parts[i]->map.len;
        for (size_t i = 0; i < tsdb->series_file_count; i++)
                bytes += tsdb->series_files[i].bytes;
        return bytes + wal.bytes;
}

/* The parts stand by partition, so what expires is a head of the list. The newest partition never
 * goes for its size. */
static size_t count_expired(struct tsdb *tsdb, const struct view *view)
{
        int64_t retention_ms = atomic_load(&tsdb->longest_retention_ms);
        uint64_t limit_bytes = atomic_load(&tsdb->retention_bytes);
        uint64_t bytes = stored_bytes(tsdb, view);
        int64_t oldest_ms = clock_now_ms(&tsdb->clock) - retention_ms;
        size_t expired = 0;

        for (size_t next; expired < view->part_count; expired = next) {
                const struct part_head *head = &view->parts[expired]->head;
                uint64_t partition_bytes = 0;

                for (next = expired; next < view->part_count &&
                                     view->parts[next]->head.base_ms == head->base_ms;
                     next++)
                        partition_bytes += view->parts[next]->map.len;
                if (!(retention_ms && head->base_ms + head->length_ms < oldest_ms) &&
                    !(limit_bytes && bytes > limit_bytes && next < view->part_count))
                        break;
                bytes -= partition_bytes;
        }
        return expired;
}

static bool drop_parts(struct tsdb *tsdb, struct view *view, size_t count, struct error *err)
{
        struct view_change change = {.gone = view->parts, .gone_count = count};

        if (!store_write_manifest(tsdb, &change, err))
                return false;
        for (size_t i = 0; i < count; i++)
                atomic_store(&view->parts[i]->doomed, true);
        store_change_view(tsdb, &change);
        atomic_fetch_add(&tsdb->parts_expired, count);
        return true;
}

/* ---- forgetting series --------------------------------------------------------------------- */

/* Ids that have data in the parts and frozen memtables of the view. */
static roaring_bitmap_t *ids_with_data(const struct view *view)
{
        roaring_bitmap_t *ids = roaring_bitmap_create();

        for (size_t i = 0; i < view->part_count; i++) {
                roaring_bitmap_add_many(ids, view->parts[i]->block_count,
                                        view->parts[i]->series);
                part_forget_index(view->parts[i]);
        }
        for (size_t i = 0; i < view->memtable_count; i++)
                for (uint32_t id = 0; (id = memtable_next_series(view->memtables[i], id));)
                        roaring_bitmap_add(ids, id);
        return ids;
}

static roaring_bitmap_t *known_ids(const struct index *index, uint32_t end)
{
        roaring_bitmap_t *ids = roaring_bitmap_create();

        for (uint32_t id = 1; id < end; id++)
                if (index_knows(index, id))
                        roaring_bitmap_add(ids, id);
        return ids;
}

/* Under append_lock and index_swap: what came since `keep` was made is kept too. */
static uint64_t replace_index(struct tsdb *tsdb, struct index *smaller, uint32_t end,
                              roaring_bitmap_t *forget)
{
        roaring_uint32_iterator_t *each;
        struct index *old = tsdb->index;
        uint64_t forgotten = 0;

        for (uint32_t id = end; id < atomic_load(&tsdb->next_series); id++)
                if (index_knows(old, id))
                        index_copy_series(old, id, smaller);
        each = roaring_create_iterator(forget);
        for (; each->has_value; roaring_advance_uint32_iterator(each)) {
                uint32_t id = each->current_value;
                struct series_state *state = pages_get(&tsdb->states, id);

                if (memtable_has(tsdb->open, id)) {
                        index_copy_series(old, id, smaller);
                        continue;
                }
                if (state)
                        state->newest_key = 0;
                forgotten++;
        }
        roaring_free_uint32_iterator(each);
        pthread_mutex_lock(&tsdb->view_lock);
        tsdb->index = smaller;
        pthread_mutex_unlock(&tsdb->view_lock);
        index_unref(old);
        return forgotten;
}

bool store_forget_series(struct tsdb *tsdb, bool parts_dropped, struct error *err)
{
        uint32_t end = atomic_load(&tsdb->next_series), below = tsdb->forget_below;
        struct view *view = store_view(tsdb);
        roaring_bitmap_t *keep = ids_with_data(view), *forget = known_ids(tsdb->index, below);
        uint64_t count;
        bool ok = true;

        roaring_bitmap_andnot_inplace(forget, keep);
        count = roaring_bitmap_get_cardinality(forget);
        if (count && (parts_dropped || count > index_series_count(tsdb->index) / 20)) {
                struct index *smaller;

                roaring_bitmap_add_range(keep, below, end);
                smaller = index_without(tsdb->index, keep);
                pthread_mutex_lock(&tsdb->append_lock);
                pthread_rwlock_wrlock(&tsdb->index_swap);
                count = replace_index(tsdb, smaller, end, forget);
                pthread_rwlock_unlock(&tsdb->index_swap);
                pthread_mutex_unlock(&tsdb->append_lock);
                atomic_fetch_add(&tsdb->series_forgotten, count);
                atomic_store(&tsdb->refuses_series, false);
                ok = store_rewrite_series(tsdb, err);
        }
        tsdb->forget_below = end;
        roaring_bitmap_free(keep);
        roaring_bitmap_free(forget);
        view_unref(view);
        return ok;
}

/* Looking for series without data costs a pass over all block indexes. */
enum { FORGET_EVERY_MS = 3600 * 1000 };

bool store_retain(struct tsdb *tsdb, struct error *err)
{
        int64_t now_ms = clock_mono_ns(&tsdb->clock) / 1000000;
        struct view *view = store_view(tsdb);
        size_t expired = count_expired(tsdb, view);
        bool ok = true;

        if (expired)
                ok = drop_parts(tsdb, view, expired, err);
        view_unref(view);
        if (!ok)
                return false;
        if (!expired && now_ms - tsdb->forgot_at_ms < FORGET_EVERY_MS)
                return true;
        tsdb->forgot_at_ms = now_ms;
        return store_forget_series(tsdb, expired > 0, err);
}

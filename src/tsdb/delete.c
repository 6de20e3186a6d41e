/* Deleting series' samples by tombstones. */
#include "tsdb/maintain_int.h"

bool store_set_tombstones(struct tsdb *tsdb, struct tombstones *tombstones, struct error *err)
{
        if (!tombstones_save(tsdb->dir, tombstones, err)) {
                tombstones_unref(tombstones);
                return false;
        }
        store_change_view(tsdb, &(struct view_change){.new_tombstones = true,
                                                      .tombstones = tombstones});
        return true;
}

static bool select_series(struct tsdb *tsdb, const struct series_selector *selectors, size_t count,
                          roaring_bitmap_t *series, struct error *err)
{
        struct index *index = store_index(tsdb);
        struct arena arena;
        bool ok = true;

        arena_init(&arena, SIZE_MAX);
        for (size_t i = 0; ok && i < count; i++) {
                uint32_t *ids;
                size_t id_count;

                ok = index_select(index, &arena, selectors[i].matchers, selectors[i].count, NULL,
                                  &ids, &id_count, err);
                if (ok)
                        roaring_bitmap_add_many(series, id_count, ids);
        }
        arena_release(&arena);
        index_unref(index);
        return ok;
}

/* What was the newest sample of a series may be gone: it is looked up when it matters, as after a
 * restart. Under maintain_lock. */
static void forget_newest(struct tsdb *tsdb, const roaring_bitmap_t *series, int64_t mint_ms,
                          int64_t maxt_ms)
{
        roaring_uint32_iterator_t *each = roaring_create_iterator(series);
        struct view *view = store_view(tsdb);

        pthread_mutex_lock(&tsdb->append_lock);
        for (size_t i = 0; i < view->part_count; i++)
                if (view->parts[i]->max_t_ms > tsdb->recovered_max_t_ms)
                        tsdb->recovered_max_t_ms = view->parts[i]->max_t_ms;
        tsdb->recovered_series = atomic_load(&tsdb->next_series);
        for (; each->has_value; roaring_advance_uint32_iterator(each)) {
                struct series_state *state = pages_get(&tsdb->states, each->current_value);
                int64_t newest_ms = state ? state_time(state->newest_key) : 0;

                if (state && state->newest_key && newest_ms >= mint_ms && newest_ms <= maxt_ms &&
                    newest_ms <= tsdb->recovered_max_t_ms)
                        state->newest_key = 0;
        }
        pthread_mutex_unlock(&tsdb->append_lock);
        view_unref(view);
        roaring_free_uint32_iterator(each);
}

/* Everything stored so far is in parts below the open memtable's sequence number. */
static bool add_tombstone(struct tsdb *tsdb, struct tombstone *item, struct error *err)
{
        struct view *view;
        bool ok;

        if (!store_flush(tsdb, err))
                return false;
        view = store_view(tsdb);
        item->sequence = view->memtables[0]->sequence;
        ok = store_set_tombstones(tsdb, tombstones_make(view->tombstones, NULL, NULL,
                                                        &(struct tombstone){
                                                                item->mint_ms, item->maxt_ms,
                                                                item->sequence,
                                                                roaring_bitmap_copy(
                                                                        item->series)}),
                                  err);
        view_unref(view);
        if (ok)
                forget_newest(tsdb, item->series, item->mint_ms, item->maxt_ms);
        return ok;
}

bool tsdb_delete(struct tsdb *tsdb, const struct series_selector *selectors,
                 size_t selector_count, int64_t mint_ms, int64_t maxt_ms, struct error *err)
{
        struct tombstone item = {mint_ms, maxt_ms, 0, roaring_bitmap_create()};
        bool ok = select_series(tsdb, selectors, selector_count, item.series, err);

        if (ok && !roaring_bitmap_is_empty(item.series) && mint_ms <= maxt_ms) {
                pthread_mutex_lock(&tsdb->maintain_lock);
                ok = add_tombstone(tsdb, &item, err);
                pthread_mutex_unlock(&tsdb->maintain_lock);
        }
        roaring_bitmap_free(item.series);
        return ok;
}

bool tsdb_clean_tombstones(struct tsdb *tsdb, struct error *err)
{
        return store_clean(tsdb, err);
}

#include <stdlib.h>

#include "tsdb/store_int.h"

ALLOC_TYPE(view_type, "tsdb_view")

struct view *store_view(struct tsdb *tsdb)
{
        struct view *view;

        pthread_mutex_lock(&tsdb->view_lock);
        view = tsdb->view;
        atomic_fetch_add(&view->references, 1);
        pthread_mutex_unlock(&tsdb->view_lock);
        return view;
}

struct index *store_index(struct tsdb *tsdb)
{
        struct index *index;

        pthread_mutex_lock(&tsdb->view_lock);
        index = index_ref(tsdb->index);
        pthread_mutex_unlock(&tsdb->view_lock);
        return index;
}

struct view *view_unref(struct view *view)
{
        if (!view || atomic_fetch_sub(&view->references, 1) != 1)
                return NULL;
        for (size_t i = 0; i < view->part_count; i++)
                part_unref(view->parts[i]);
        for (size_t i = 0; i < view->memtable_count; i++)
                memtable_unref(view->memtables[i]);
        tombstones_unref(view->tombstones);
        alloc_free(&view_type, view->parts);
        alloc_free(&view_type, view->memtables);
        return alloc_free(&view_type, view);
}

static int by_partition(const void *a_ptr, const void *b_ptr)
{
        const struct part *a = *(struct part *const *)a_ptr, *b = *(struct part *const *)b_ptr;

        if (a->head.base_ms != b->head.base_ms)
                return a->head.base_ms < b->head.base_ms ? -1 : 1;
        if (a->head.first_sequence != b->head.first_sequence)
                return a->head.first_sequence < b->head.first_sequence ? -1 : 1;
        return a->number < b->number ? -1 : a->number > b->number;
}

static bool is_among(const struct part *part, struct part *const *list, size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (list[i] == part)
                        return true;
        return false;
}

static struct view *changed(const struct view *old, const struct view_change *change)
{
        struct view *view = alloc_new(&view_type, sizeof(*view));
        size_t first = 0;

        atomic_init(&view->references, 1);
        view->parts = alloc_new(&view_type,
                                (old->part_count + change->come_count + 1) * sizeof(void *));
        for (size_t i = 0; i < old->part_count; i++)
                if (!is_among(old->parts[i], change->gone, change->gone_count))
                        view->parts[view->part_count++] = part_ref(old->parts[i]);
        for (size_t i = 0; i < change->come_count; i++)
                view->parts[view->part_count++] = change->come[i];
        qsort(view->parts, view->part_count, sizeof(void *), by_partition);
        view->memtables = alloc_new(&view_type, (old->memtable_count + 1) * sizeof(void *));
        for (size_t i = 0; change->flushed && i < old->memtable_count; i++)
                if (old->memtables[i] == change->flushed)
                        first = i + 1;
        for (size_t i = first; i < old->memtable_count; i++)
                view->memtables[view->memtable_count++] = memtable_ref(old->memtables[i]);
        view->tombstones = change->new_tombstones ? change->tombstones
                                                  : tombstones_ref(old->tombstones);
        if (change->fresh)
                view->memtables[view->memtable_count++] = memtable_ref(change->fresh);
        return view;
}

void store_change_view(struct tsdb *tsdb, const struct view_change *change)
{
        static const struct view empty;
        struct view *old;

        pthread_mutex_lock(&tsdb->view_lock);
        old = tsdb->view;
        tsdb->view = changed(old ? old : &empty, change);
        pthread_mutex_unlock(&tsdb->view_lock);
        view_unref(old);
}

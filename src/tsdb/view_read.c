/* Reading one series from parts and memtables. */
#include <stdlib.h>

#include "tsdb/store_int.h"

/* Appends what block `at` has of [mint_ms, maxt_ms]. */
static void read_block(struct tsdb *tsdb, struct part *part, size_t at, const struct chunk *chunk,
                       int64_t mint_ms, int64_t maxt_ms, struct samples *samples)
{
        if (!chunk_decode_between(chunk, mint_ms, maxt_ms, samples, NULL) &&
            part_note_damage(part, at))
                store_block_damaged(tsdb, part, at);
}

/* Where a block ends shows only in the begin of the one behind it, so reading is one block late. */
static void read_part(struct tsdb *tsdb, struct part *part, uint32_t series, int64_t mint_ms,
                      int64_t maxt_ms, struct samples *samples)
{
        struct chunk chunk, before;
        size_t before_at = part->block_count;

        for (size_t at = part_find(part, series);
             at < part->block_count && part->series[at] == series; at++) {
                bool news;

                if (!part_block(part, at, &chunk, &news)) {
                        if (news)
                                store_block_damaged(tsdb, part, at);
                        continue;
                }
                if (chunk.first_t_ms > maxt_ms)
                        break;
                if (before_at < part->block_count && chunk.first_t_ms > mint_ms)
                        read_block(tsdb, part, before_at, &before, mint_ms, maxt_ms, samples);
                before = chunk;
                before_at = at;
        }
        if (before_at < part->block_count)
                read_block(tsdb, part, before_at, &before, mint_ms, maxt_ms, samples);
}

struct ordered {
        int64_t t_ms;
        size_t order;
        double v;
        const struct histogram *h;
        int64_t start_ms;
};

static int by_time(const void *a_ptr, const void *b_ptr)
{
        const struct ordered *a = a_ptr, *b = b_ptr;

        if (a->t_ms != b->t_ms)
                return a->t_ms < b->t_ms ? -1 : 1;
        return a->order < b->order ? -1 : a->order > b->order;
}

VECTORIZE static bool ascends(const int64_t *t_ms, size_t count)
{
        bool descends = false;

        for (size_t i = 1; i < count; i++)
                descends |= t_ms[i] <= t_ms[i - 1];
        return !descends;
}

/* Late samples stand behind newer ones: sort; of one timestamp the first to arrive stays. */
void samples_settle(struct samples *samples, size_t from)
{
        size_t count = samples->count - from, kept = from;
        struct ordered *list;

        if (count < 2 || ascends(samples->t_ms + from, count))
                return;
        list = alloc_new(&store_type, count * sizeof(*list));
        for (size_t i = 0; i < count; i++)
                list[i] = (struct ordered){samples->t_ms[from + i], i, samples->v[from + i],
                                           samples_histogram(samples, from + i),
                                           samples->start_ms ? samples->start_ms[from + i] : 0};
        qsort(list, count, sizeof(*list), by_time);
        for (size_t i = 0; i < count; i++) {
                if (i && list[i].t_ms == list[i - 1].t_ms)
                        continue;
                samples->t_ms[kept] = list[i].t_ms;
                samples->v[kept] = list[i].v;
                samples_set_histogram(samples, kept, list[i].h);
                samples_set_start(samples, kept++, list[i].start_ms);
        }
        samples_truncate(samples, kept);
        alloc_free(&store_type, list);
}

static bool memtable_overlaps(const struct memtable *memtable, int64_t mint_ms, int64_t maxt_ms)
{
        return atomic_load_explicit(&memtable->min_t_ms, memory_order_acquire) <= maxt_ms &&
               atomic_load_explicit(&memtable->max_t_ms, memory_order_acquire) >= mint_ms;
}

void view_read(struct tsdb *tsdb, const struct view *view, uint32_t series, int64_t mint_ms,
               int64_t maxt_ms, struct samples *samples)
{
        size_t from = samples->count;

        for (size_t i = 0; i < view->part_count; i++) {
                struct part *part = view->parts[i];

                size_t begin = samples->count;

                if (part->min_t_ms > maxt_ms || part->max_t_ms < mint_ms)
                        continue;
                read_part(tsdb, part, series, mint_ms, maxt_ms, samples);
                if (UNLIKELY(view->tombstones))
                        tombstones_apply(view->tombstones, part, series, samples, begin);
        }
        for (size_t i = 0; i < view->memtable_count; i++)
                if (memtable_overlaps(view->memtables[i], mint_ms, maxt_ms))
                        memtable_read(view->memtables[i], series, mint_ms, maxt_ms, samples);
        samples_settle(samples, from);
}

bool view_has(const struct view *view, uint32_t series, int64_t mint_ms, int64_t maxt_ms)
{
        for (size_t i = view->memtable_count; i-- > 0;)
                if (memtable_overlaps(view->memtables[i], mint_ms, maxt_ms) &&
                    memtable_has(view->memtables[i], series))
                        return true;
        for (size_t i = view->part_count; i-- > 0;) {
                const struct part *part = view->parts[i];

                if (part->min_t_ms <= maxt_ms && part->max_t_ms >= mint_ms &&
                    part_find(part, series) < part->block_count &&
                    !tombstones_cover(view->tombstones, part, series, mint_ms, maxt_ms))
                        return true;
        }
        return false;
}

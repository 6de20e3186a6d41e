#include "tsdb/exemplars_int.h"

#include "base/reader.h"
#include "codec/varint.h"

ALLOC_TYPE(exemplar_type, "tsdb_exemplars")
ALLOC_TYPE(exemplar_label_type, "tsdb_exemplar_labels")
ALLOC_TYPE(exemplar_page_type, "tsdb_exemplar_heads")

/* ---- labels -------------------------------------------------------------------------------- */

void exemplar_labels_put(struct buf *out, struct labels labels)
{
        varint_append(out, labels.count);
        for (size_t i = 0; i < labels.count; i++) {
                varint_append(out, labels.items[i].name.len);
                buf_append_str(out, labels.items[i].name);
                varint_append(out, labels.items[i].value.len);
                buf_append_str(out, labels.items[i].value);
        }
}

bool exemplar_labels_read(struct str bytes, struct arena *arena, struct labels *ret_labels)
{
        struct reader r = reader_make(bytes.data, bytes.len);
        uint64_t count = reader_varint(&r);
        struct label *items;

        if (r.failed || count > reader_left(&r) / 2)
                return false;
        items = arena_array(arena, struct label, count + 1);
        for (uint64_t i = 0; i < count; i++) {
                items[i].name = reader_str(&r, reader_varint(&r));
                items[i].value = reader_str(&r, reader_varint(&r));
        }
        if (r.failed || reader_left(&r))
                return false;
        *ret_labels = (struct labels){items, count};
        return true;
}

/* ---- slots --------------------------------------------------------------------------------- */

void exemplars_init(struct exemplars *exemplars)
{
        *exemplars = (struct exemplars){.slot_count = 1};
        pthread_rwlock_init(&exemplars->lock, NULL);
        pages_init(&exemplars->newest_of, &exemplar_page_type, sizeof(uint32_t));
}

void exemplars_release(struct exemplars *exemplars)
{
        for (uint32_t i = 1; i < exemplars->slot_count; i++)
                alloc_free(&exemplar_label_type, exemplars->slots[i].labels);
        alloc_free(&exemplar_type, exemplars->slots);
        pages_release(&exemplars->newest_of);
        pthread_rwlock_destroy(&exemplars->lock);
}

static struct exemplar_slot *slot_at(const struct exemplars *exemplars, uint32_t number)
{
        return &exemplars->slots[number];
}

static uint32_t newest_of(const struct exemplars *exemplars, uint32_t series)
{
        const uint32_t *head = pages_get(&exemplars->newest_of, series);

        return head ? *head : 0;
}

/* Takes the oldest arrival out. */
static void evict(struct exemplars *exemplars)
{
        uint32_t number = exemplars->oldest;
        struct exemplar_slot *slot = slot_at(exemplars, number);

        exemplars->oldest = slot->newer;
        if (slot->newer)
                slot_at(exemplars, slot->newer)->older = 0;
        else
                exemplars->newest = 0;
        if (slot->before)
                slot_at(exemplars, slot->before)->after = slot->after;
        if (slot->after)
                slot_at(exemplars, slot->after)->before = slot->before;
        else
                *(uint32_t *)pages_make(&exemplars->newest_of, slot->series) = slot->before;
        exemplars->label_bytes -= slot->labels_len;
        exemplars->count--;
        alloc_free(&exemplar_label_type, slot->labels);
        *slot = (struct exemplar_slot){.newer = exemplars->free};
        exemplars->free = number;
}

static uint32_t take_slot(struct exemplars *exemplars)
{
        uint32_t number = exemplars->free;

        if (number) {
                exemplars->free = slot_at(exemplars, number)->newer;
                return number;
        }
        exemplars->slots = alloc_array_reserve(&exemplar_type, exemplars->slots,
                                               &exemplars->slot_capacity,
                                               exemplars->slot_count + 1,
                                               sizeof(*exemplars->slots));
        return exemplars->slot_count++;
}

static bool is_same(const struct exemplar_slot *slot, const struct exemplar_item *item)
{
        return slot->t_ms == item->t_ms && sample_bits(slot->v) == sample_bits(item->v) &&
               slot->labels_len == item->labels.len &&
               (!slot->labels_len || !memcmp(slot->labels, item->labels.data, slot->labels_len));
}

enum append_outcome exemplars_check(struct exemplars *exemplars, const struct exemplar_item *item,
                                    uint64_t limit, int64_t out_of_order_ms)
{
        enum append_outcome outcome = APPEND_OK;
        const struct exemplar_slot *newest;
        uint32_t number;

        pthread_rwlock_rdlock(&exemplars->lock);
        number = newest_of(exemplars, item->series);
        newest = number ? slot_at(exemplars, number) : NULL;
        if (newest && item->t_ms < newest->t_ms &&
            item->t_ms <= newest->t_ms - out_of_order_ms)
                outcome = APPEND_OUT_OF_ORDER;
        while (number && slot_at(exemplars, number)->t_ms > item->t_ms)
                number = slot_at(exemplars, number)->before;
        for (; number && slot_at(exemplars, number)->t_ms == item->t_ms;
             number = slot_at(exemplars, number)->before)
                if (is_same(slot_at(exemplars, number), item))
                        outcome = APPEND_DUPLICATE_SAME;
        /* A target goes on showing an old exemplar of a quiet series. Once that was evicted it
         * must not come back in the place of newer ones. */
        if (outcome == APPEND_OK && exemplars->count >= limit && exemplars->oldest &&
            item->t_ms < slot_at(exemplars, exemplars->oldest)->t_ms)
                outcome = APPEND_OUT_OF_ORDER;
        pthread_rwlock_unlock(&exemplars->lock);
        return outcome;
}

/* Puts a filled slot among those of its series. */
static void link_by_time(struct exemplars *exemplars, uint32_t number)
{
        struct exemplar_slot *slot = slot_at(exemplars, number);
        uint32_t *head = pages_make(&exemplars->newest_of, slot->series), after = 0;
        uint32_t before = *head;

        while (before && slot_at(exemplars, before)->t_ms > slot->t_ms) {
                after = before;
                before = slot_at(exemplars, before)->before;
        }
        slot->before = before;
        slot->after = after;
        if (before)
                slot_at(exemplars, before)->after = number;
        if (after)
                slot_at(exemplars, after)->before = number;
        else
                *head = number;
}

void exemplars_add(struct exemplars *exemplars, const struct exemplar_item *item, uint64_t limit)
{
        struct exemplar_slot *slot;
        uint32_t number;

        pthread_rwlock_wrlock(&exemplars->lock);
        while (exemplars->count && exemplars->count >= limit)
                evict(exemplars);
        if (limit) {
                number = take_slot(exemplars);
                slot = slot_at(exemplars, number);
                *slot = (struct exemplar_slot){.series = item->series,
                                               .older = exemplars->newest,
                                               .arrival = ++exemplars->arrivals,
                                               .t_ms = item->t_ms,
                                               .v = item->v,
                                               .labels_len = (uint32_t)item->labels.len};
                slot->labels = alloc_strdup(&exemplar_label_type, item->labels.data,
                                            item->labels.len);
                if (exemplars->newest)
                        slot_at(exemplars, exemplars->newest)->newer = number;
                else
                        exemplars->oldest = number;
                exemplars->newest = number;
                link_by_time(exemplars, number);
                exemplars->label_bytes += item->labels.len;
                exemplars->count++;
        }
        pthread_rwlock_unlock(&exemplars->lock);
}

uint64_t exemplars_count(struct exemplars *exemplars)
{
        uint64_t count;

        pthread_rwlock_rdlock(&exemplars->lock);
        count = exemplars->count;
        pthread_rwlock_unlock(&exemplars->lock);
        return count;
}

uint64_t exemplars_each(struct exemplars *exemplars, uint64_t after,
                        void (*visit)(void *ctx, const struct exemplar_item *item), void *ctx)
{
        uint64_t last;

        pthread_rwlock_rdlock(&exemplars->lock);
        last = exemplars->arrivals;
        for (uint32_t n = exemplars->oldest; n; n = slot_at(exemplars, n)->newer) {
                const struct exemplar_slot *slot = slot_at(exemplars, n);

                if (slot->arrival > after)
                        visit(ctx, &(struct exemplar_item){
                                           slot->series, slot->t_ms, slot->v,
                                           str_make(slot->labels, slot->labels_len)});
        }
        pthread_rwlock_unlock(&exemplars->lock);
        return last;
}

const struct exemplar *exemplars_of(struct exemplars *exemplars, uint32_t series, int64_t mint_ms,
                                    int64_t maxt_ms, struct arena *arena, size_t *ret_count)
{
        struct exemplar *list = NULL;
        size_t count = 0, at;

        pthread_rwlock_rdlock(&exemplars->lock);
        for (uint32_t n = newest_of(exemplars, series); n; n = slot_at(exemplars, n)->before)
                count += slot_at(exemplars, n)->t_ms >= mint_ms &&
                         slot_at(exemplars, n)->t_ms <= maxt_ms;
        if (count)
                list = arena_array(arena, struct exemplar, count);
        at = count;
        for (uint32_t n = newest_of(exemplars, series); n && at > 0;
             n = slot_at(exemplars, n)->before) {
                const struct exemplar_slot *slot = slot_at(exemplars, n);

                if (slot->t_ms < mint_ms || slot->t_ms > maxt_ms)
                        continue;
                at--;
                list[at].t_ms = slot->t_ms;
                list[at].v = slot->v;
                if (!exemplar_labels_read(arena_str(arena, str_make(slot->labels,
                                                                    slot->labels_len)),
                                          arena, &list[at].labels))
                        BUG_ON(true);
        }
        pthread_rwlock_unlock(&exemplars->lock);
        *ret_count = count;
        return list;
}

#include "tsdb/memtable_int.h"

ALLOC_TYPE(memtable_type, "tsdb_memtable")
ALLOC_TYPE(head_page_type, "tsdb_memtable_heads")
ALLOC_TYPE(node_page_type, "tsdb_memtable_samples")

struct memtable *memtable_new(uint64_t sequence)
{
        struct memtable *memtable = alloc_new(&memtable_type, sizeof(*memtable));

        atomic_init(&memtable->references, 1);
        pages_init(&memtable->heads, &head_page_type, sizeof(_Atomic uint32_t));
        pages_init(&memtable->nodes, &node_page_type, sizeof(struct memtable_node));
        atomic_init(&memtable->min_t_ms, INT64_MAX);
        atomic_init(&memtable->max_t_ms, INT64_MIN);
        memtable->sequence = sequence;
        return memtable;
}

struct memtable *memtable_ref(struct memtable *memtable)
{
        atomic_fetch_add(&memtable->references, 1);
        return memtable;
}

struct memtable *memtable_unref(struct memtable *memtable)
{
        if (memtable && atomic_fetch_sub(&memtable->references, 1) == 1) {
                pages_release(&memtable->heads);
                pages_release(&memtable->nodes);
                alloc_free(&memtable_type, memtable);
        }
        return NULL;
}

static struct memtable_node *node_at(const struct memtable *memtable, uint32_t number)
{
        return pages_get(&memtable->nodes, number);
}

static void widen_range(struct memtable *memtable, int64_t t_ms)
{
        if (t_ms < atomic_load_explicit(&memtable->min_t_ms, memory_order_relaxed))
                atomic_store_explicit(&memtable->min_t_ms, t_ms, memory_order_release);
        if (t_ms > atomic_load_explicit(&memtable->max_t_ms, memory_order_relaxed))
                atomic_store_explicit(&memtable->max_t_ms, t_ms, memory_order_release);
}

void memtable_insert(struct memtable *memtable, uint32_t series, struct sample sample)
{
        _Atomic uint32_t *head = pages_make(&memtable->heads, series);
        uint32_t number = atomic_load_explicit(head, memory_order_relaxed), count = 0;
        struct memtable_node *node = number ? node_at(memtable, number) : NULL;

        widen_range(memtable, sample.t_ms);
        if (node)
                count = atomic_load_explicit(&node->count, memory_order_relaxed);
        if (!node || count == MEMTABLE_NODE_SAMPLES) {
                BUG_ON(memtable->node_count == UINT32_MAX);
                node = pages_make(&memtable->nodes, ++memtable->node_count);
                node->older = number;
                node->samples[0] = sample;
                atomic_store_explicit(&node->count, 1, memory_order_relaxed);
                atomic_store_explicit(head, memtable->node_count, memory_order_release);
        } else {
                node->samples[count] = sample;
                atomic_store_explicit(&node->count, count + 1, memory_order_release);
        }
        atomic_store_explicit(&memtable->samples,
                              atomic_load_explicit(&memtable->samples, memory_order_relaxed) + 1,
                              memory_order_relaxed);
}

static uint32_t head_of(const struct memtable *memtable, uint32_t series)
{
        const _Atomic uint32_t *head = pages_get(&memtable->heads, series);

        return head ? atomic_load_explicit(head, memory_order_acquire) : 0;
}

static uint32_t node_count(const struct memtable_node *node)
{
        return atomic_load_explicit(&node->count, memory_order_acquire);
}

void memtable_read(const struct memtable *memtable, uint32_t series, int64_t mint_ms,
                   int64_t maxt_ms, struct samples *samples)
{
        uint32_t head = head_of(memtable, series), newest_count;
        size_t total, at, kept = samples->count;

        if (!head)
                return;
        /* Only the newest node grows, so its count is read once. */
        newest_count = node_count(node_at(memtable, head));
        total = newest_count;
        for (uint32_t n = node_at(memtable, head)->older; n; n = node_at(memtable, n)->older)
                total += MEMTABLE_NODE_SAMPLES;
        samples_reserve(samples, total);
        at = samples->count + total;
        for (uint32_t n = head; n; n = node_at(memtable, n)->older) {
                const struct memtable_node *node = node_at(memtable, n);
                uint32_t count = n == head ? newest_count : MEMTABLE_NODE_SAMPLES;

                while (count-- > 0) {
                        at--;
                        samples->t_ms[at] = node->samples[count].t_ms;
                        samples->v[at] = node->samples[count].v;
                }
        }
        for (; total > 0; total--, at++) {
                if (samples->t_ms[at] < mint_ms || samples->t_ms[at] > maxt_ms)
                        continue;
                samples->t_ms[kept] = samples->t_ms[at];
                samples->v[kept++] = samples->v[at];
        }
        samples->count = kept;
}

uint32_t memtable_next_series(const struct memtable *memtable, uint32_t series)
{
        uint64_t end = (uint64_t)memtable->heads.end_page << PAGES_SHIFT;

        for (uint64_t id = (uint64_t)series + 1; id < end;) {
                const _Atomic uint32_t *head = pages_get(&memtable->heads, (uint32_t)id);

                if (!head)
                        id = ((id >> PAGES_SHIFT) + 1) << PAGES_SHIFT;
                else if (atomic_load_explicit(head, memory_order_acquire))
                        return (uint32_t)id;
                else
                        id++;
        }
        return 0;
}

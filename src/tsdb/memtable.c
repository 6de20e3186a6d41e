#include "tsdb/memtable_int.h"

#include "tsdb/sample_record_int.h"

ALLOC_TYPE(memtable_type, "tsdb_memtable")
ALLOC_TYPE(head_page_type, "tsdb_memtable_heads")
ALLOC_TYPE(node_page_type, "tsdb_memtable_samples")
ALLOC_TYPE(record_page_type, "tsdb_memtable_records")

struct memtable *memtable_new(uint64_t sequence)
{
        struct memtable *memtable = alloc_new(&memtable_type, sizeof(*memtable));

        atomic_init(&memtable->references, 1);
        pages_init(&memtable->heads, &head_page_type, sizeof(_Atomic uint32_t));
        pages_init(&memtable->nodes, &node_page_type, sizeof(struct memtable_node));
        pages_init(&memtable->records, &record_page_type,
                   sizeof(_Atomic(struct memtable_record *)));
        arena_init(&memtable->arena, SIZE_MAX);
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
                pages_release(&memtable->records);
                arena_release(&memtable->arena);
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

static void count_sample(struct memtable *memtable)
{
        atomic_store_explicit(&memtable->samples,
                              atomic_load_explicit(&memtable->samples, memory_order_relaxed) + 1,
                              memory_order_relaxed);
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
        count_sample(memtable);
}

void memtable_prefetch(const struct memtable *memtable, uint32_t series)
{
        const _Atomic uint32_t *head = pages_get(&memtable->heads, series);
        uint32_t number = head ? atomic_load_explicit(head, memory_order_relaxed) : 0;
        const char *node = number ? pages_get(&memtable->nodes, number) : NULL;

        if (!node)
                return;
        __builtin_prefetch(node, 1);
        __builtin_prefetch(node + sizeof(struct memtable_node) - 1, 1);
}

void memtable_insert_record(struct memtable *memtable, uint32_t series, int64_t t_ms,
                            struct str bytes)
{
        _Atomic(struct memtable_record *) *head = pages_make(&memtable->records, series);
        struct memtable_record *record = arena_alloc(&memtable->arena,
                                                     sizeof(*record) + bytes.len);

        widen_range(memtable, t_ms);
        record->older = atomic_load_explicit(head, memory_order_relaxed);
        record->t_ms = t_ms;
        record->len = (uint32_t)bytes.len;
        memcpy(record->bytes, bytes.data, bytes.len);
        atomic_store_explicit(head, record, memory_order_release);
        atomic_fetch_add_explicit(&memtable->record_bytes, sizeof(*record) + bytes.len,
                                  memory_order_relaxed);
        count_sample(memtable);
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

/* Only the newest node grows, so its count is read once. */
static void read_floats(const struct memtable *memtable, uint32_t series, int64_t mint_ms,
                        int64_t maxt_ms, struct samples *samples)
{
        uint32_t head = head_of(memtable, series), newest_count;
        size_t total, at, kept = samples->count;

        if (!head)
                return;
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

static const struct memtable_record *newest_record(const struct memtable *memtable,
                                                   uint32_t series)
{
        _Atomic(struct memtable_record *) *head = pages_get(&memtable->records, series);

        return head ? atomic_load_explicit(head, memory_order_acquire) : NULL;
}

static void read_record(const struct memtable_record *from, struct samples *samples, size_t at)
{
        struct sample_record record;

        if (!sample_record_read(str_make(from->bytes, from->len), from->t_ms,
                                samples_arena(samples), &record))
                BUG_ON(true);
        samples->t_ms[at] = from->t_ms;
        samples->v[at] = record.v;
        samples_set_histogram(samples, at, record.extra.h);
        samples_set_start(samples, at, record.extra.start_ms);
}

static void read_records(const struct memtable *memtable, uint32_t series, int64_t mint_ms,
                         int64_t maxt_ms, struct samples *samples)
{
        const struct memtable_record *newest = newest_record(memtable, series);
        size_t total = 0, at;

        for (const struct memtable_record *r = newest; r; r = r->older)
                total += r->t_ms >= mint_ms && r->t_ms <= maxt_ms;
        if (!total)
                return;
        samples_reserve(samples, total);
        at = samples->count += total;
        for (const struct memtable_record *r = newest; r; r = r->older)
                if (r->t_ms >= mint_ms && r->t_ms <= maxt_ms)
                        read_record(r, samples, --at);
}

void memtable_read(const struct memtable *memtable, uint32_t series, int64_t mint_ms,
                   int64_t maxt_ms, struct samples *samples)
{
        read_floats(memtable, series, mint_ms, maxt_ms, samples);
        read_records(memtable, series, mint_ms, maxt_ms, samples);
}

bool memtable_has(const struct memtable *memtable, uint32_t series)
{
        return head_of(memtable, series) || newest_record(memtable, series);
}

uint32_t memtable_next_series(const struct memtable *memtable, uint32_t series)
{
        uint32_t heads_end = atomic_load(&memtable->heads.end_page);
        uint32_t records_end = atomic_load(&memtable->records.end_page);
        uint64_t end = (uint64_t)(heads_end > records_end ? heads_end : records_end) << PAGES_SHIFT;

        for (uint64_t id = (uint64_t)series + 1; id < end;) {
                if (!pages_get(&memtable->heads, (uint32_t)id) &&
                    !pages_get(&memtable->records, (uint32_t)id))
                        id = ((id >> PAGES_SHIFT) + 1) << PAGES_SHIFT;
                else if (memtable_has(memtable, (uint32_t)id))
                        return (uint32_t)id;
                else
                        id++;
        }
        return 0;
}

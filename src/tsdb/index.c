#include "tsdb/index_int.h"

#include <pthread.h>

#include "base/hash.h"
#include "tsdb/index_store_int.h"

ALLOC_TYPE(index_type, "tsdb_index")
ALLOC_TYPE(symbol_page_type, "tsdb_symbols")
ALLOC_TYPE(pair_page_type, "tsdb_pairs")
ALLOC_TYPE(record_page_type, "tsdb_series_offsets")
ALLOC_TYPE(record_type, "tsdb_series_records")
ALLOC_TYPE(text_type, "tsdb_label_text")
ALLOC_TYPE(table_type, "tsdb_index_tables")

enum { TEXT_CHUNK_BYTES = 1 << 20 };

struct index *index_new(void)
{
        struct index *index = alloc_new(&index_type, sizeof(*index));
        pthread_rwlockattr_t attr;

        atomic_init(&index->references, 1);
        /* Creating series must not starve behind a stream of queries. */
        pthread_rwlockattr_init(&attr);
        pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
        pthread_rwlock_init(&index->lock, &attr);
        pthread_rwlockattr_destroy(&attr);
        pages_init(&index->symbols, &symbol_page_type, sizeof(struct symbol));
        pages_init(&index->pairs, &pair_page_type, sizeof(struct pair));
        pages_init(&index->record_refs, &record_page_type, sizeof(_Atomic uint32_t));
        index->all = roaring_bitmap_create();
        index->record_used = RECORD_CHUNK_WORDS;
        index->text_used = TEXT_CHUNK_BYTES;
        return index;
}

struct index *index_ref(struct index *index)
{
        atomic_fetch_add(&index->references, 1);
        return index;
}

static void free_index(struct index *index)
{
        for (uint32_t i = 1; i <= index->pair_count; i++)
                if (pair_at(index, i)->map)
                        roaring_bitmap_free(pair_at(index, i)->map);
        for (size_t i = 0; i < index->name_count; i++)
                alloc_free(&table_type, index->names[i].pairs);
        for (size_t i = 0; i < index->text_chunk_count; i++)
                alloc_free(&text_type, index->text_chunks[i]);
        for (size_t i = 0; i < index->record_chunk_count; i++)
                alloc_free(&record_type, index->record_chunks[i]);
        alloc_free(&table_type, index->names);
        alloc_free(&table_type, index->text_chunks);
        alloc_free(&table_type, index->symbol_table.slots);
        alloc_free(&table_type, index->pair_table.slots);
        alloc_free(&table_type, index->series_table.slots);
        pages_release(&index->symbols);
        pages_release(&index->pairs);
        pages_release(&index->record_refs);
        roaring_bitmap_free(index->all);
        pthread_rwlock_destroy(&index->lock);
        alloc_free(&index_type, index);
}

struct index *index_unref(struct index *index)
{
        if (index && atomic_fetch_sub(&index->references, 1) == 1)
                free_index(index);
        return NULL;
}

/* ---- hash tables of ids ------------------------------------------------------------------ */

static void table_place(struct id_table *table, uint32_t id, uint32_t hash)
{
        size_t mask = table->capacity - 1, at = hash & mask;

        while (table->slots[at].id)
                at = (at + 1) & mask;
        table->slots[at] = (struct id_slot){hash, id};
}

/* Makes the table hold `count` ids and stay at most three quarters full. */
static void table_reserve(struct id_table *table, size_t count)
{
        struct id_table old = *table;

        if (count * 4 <= table->capacity * 3)
                return;
        table->capacity = old.capacity ? old.capacity : 64;
        while (count * 4 > table->capacity * 3)
                table->capacity *= 2;
        table->slots = alloc_new(&table_type, table->capacity * sizeof(*table->slots));
        for (size_t i = 0; i < old.capacity; i++)
                if (old.slots[i].id)
                        table_place(table, old.slots[i].id, old.slots[i].hash);
        alloc_free(&table_type, old.slots);
}

static void table_add(struct id_table *table, uint32_t id, uint32_t hash)
{
        table_reserve(table, table->count + 1);
        table_place(table, id, hash);
        table->count++;
}

/* Fetches the place that table_add() will look at: it is in no cache. */
static void table_prefetch(const struct id_table *table, uint32_t hash)
{
        if (table->capacity)
                __builtin_prefetch(&table->slots[hash & (table->capacity - 1)], 1);
}

/* The next id with this hash from *at on; 0 when there is none. Begin with *at = hash. */
static uint32_t table_next(const struct id_table *table, uint32_t hash, size_t *at)
{
        size_t mask = table->capacity - 1;

        if (!table->count)
                return 0;
        for (*at &= mask; table->slots[*at].id; *at = (*at + 1) & mask)
                if (table->slots[*at].hash == hash)
                        return table->slots[(*at)++].id;
        return 0;
}

/* ---- symbols and pairs ------------------------------------------------------------------- */

static const char *store_text(struct index *index, struct str s)
{
        char *at;

        if (!index->text_chunk_count || s.len > TEXT_CHUNK_BYTES - index->text_used) {
                size_t chunk_bytes = s.len > TEXT_CHUNK_BYTES ? s.len : TEXT_CHUNK_BYTES;

                index->text_chunks = alloc_array_reserve(&table_type, index->text_chunks,
                                                         &index->text_chunk_capacity,
                                                         index->text_chunk_count + 1,
                                                         sizeof(*index->text_chunks));
                index->text_chunks[index->text_chunk_count++] =
                        alloc_resize(&text_type, NULL, chunk_bytes);
                index->text_used = 0;
        }
        at = index->text_chunks[index->text_chunk_count - 1] + index->text_used;
        memcpy(at, s.data, s.len);
        index->text_used += s.len > TEXT_CHUNK_BYTES ? TEXT_CHUNK_BYTES : s.len;
        return at;
}

static uint32_t find_symbol(const struct index *index, struct str s)
{
        uint32_t hash = (uint32_t)hash_str(s), id;

        for (size_t at = hash; (id = table_next(&index->symbol_table, hash, &at));)
                if (str_equal(index_symbol(index, id), s))
                        return id;
        return 0;
}

static uint32_t intern_symbol(struct index *index, struct str s)
{
        uint32_t id = find_symbol(index, s);
        struct symbol *symbol;

        if (id)
                return id;
        id = ++index->symbol_count;
        symbol = pages_make(&index->symbols, id);
        symbol->data = store_text(index, s);
        symbol->len = (uint32_t)s.len;
        table_add(&index->symbol_table, id, (uint32_t)hash_str(s));
        return id;
}

struct str index_symbol(const struct index *index, uint32_t id)
{
        const struct symbol *symbol = symbol_at(index, id);

        return str_make(symbol->data, symbol->len);
}

struct index_pair index_pair(const struct index *index, uint32_t id)
{
        return pair_at(index, id)->symbols;
}

static uint32_t pair_hash(struct str name, struct str value)
{
        return (uint32_t)hash_bytes_seeded(value.data, value.len, hash_str(name));
}

static bool pair_is(const struct index *index, uint32_t id, struct str name, struct str value)
{
        struct index_pair pair = index_pair(index, id);

        return str_equal(index_symbol(index, pair.value), value) &&
               str_equal(index_symbol(index, pair.name), name);
}

uint32_t index_find_pair(const struct index *index, struct str name, struct str value)
{
        uint32_t hash = pair_hash(name, value), id;

        for (size_t at = hash; (id = table_next(&index->pair_table, hash, &at));)
                if (pair_is(index, id, name, value))
                        return id;
        return 0;
}

const struct name *index_find_name(const struct index *index, struct str name)
{
        uint32_t symbol = find_symbol(index, name);

        return symbol && symbol_at(index, symbol)->name
                       ? &index->names[symbol_at(index, symbol)->name - 1]
                       : NULL;
}

static struct name *make_name(struct index *index, uint32_t symbol_id)
{
        struct symbol *symbol = symbol_at(index, symbol_id);

        if (!symbol->name) {
                index->names = alloc_array_reserve(&table_type, index->names,
                                                   &index->name_capacity, index->name_count + 1,
                                                   sizeof(*index->names));
                index->names[index->name_count] = (struct name){.symbol = symbol_id};
                symbol->name = (uint32_t)++index->name_count;
        }
        return &index->names[symbol->name - 1];
}

uint32_t index_intern_pair(struct index *index, struct str name, struct str value)
{
        uint32_t id = index_find_pair(index, name, value);
        struct name *entry;
        struct pair *pair;

        if (id)
                return id;
        id = ++index->pair_count;
        pair = pages_make(&index->pairs, id);
        pair->symbols.name = intern_symbol(index, name);
        pair->symbols.value = intern_symbol(index, value);
        pair->hash = pair_hash(name, value);
        table_add(&index->pair_table, id, pair->hash);
        entry = make_name(index, pair->symbols.name);
        entry->pairs = alloc_array_reserve(&table_type, entry->pairs, &entry->capacity,
                                           entry->count + 1, sizeof(*entry->pairs));
        entry->pairs[entry->count++] = id;
        return id;
}

/* Most pairs of a high-cardinality label have one series: they need no bitmap. */
static void post(struct pair *pair, uint32_t series)
{
        if (pair->count == 0) {
                pair->single = series;
        } else {
                if (!pair->map) {
                        pair->map = roaring_bitmap_create();
                        roaring_bitmap_add(pair->map, pair->single);
                }
                roaring_bitmap_add(pair->map, series);
        }
        pair->count++;
}

/* ---- series ------------------------------------------------------------------------------- */

static uint32_t mix_hash(uint32_t hash, uint32_t with)
{
        return (uint32_t)hash_u64((uint64_t)hash << 32 | with);
}

static uint32_t series_hash(struct labels labels)
{
        uint32_t hash = (uint32_t)labels.count;

        for (size_t i = 0; i < labels.count; i++)
                hash = mix_hash(hash, pair_hash(labels.items[i].name, labels.items[i].value));
        return hash;
}

static bool record_is(const struct index *index, const struct record *record, struct labels labels)
{
        if (record->count != labels.count)
                return false;
        for (size_t i = 0; i < labels.count; i++)
                if (!pair_is(index, record->pairs[i], labels.items[i].name,
                             labels.items[i].value))
                        return false;
        return true;
}

static uint32_t find_series(const struct index *index, struct labels labels, uint32_t hash)
{
        uint32_t id;

        for (size_t at = hash; (id = table_next(&index->series_table, hash, &at));)
                if (record_is(index, record_at(index, id), labels))
                        return id;
        return 0;
}

bool index_knows(const struct index *index, uint32_t id)
{
        const _Atomic uint32_t *ref = pages_get(&index->record_refs, id);

        return ref && atomic_load_explicit(ref, memory_order_acquire);
}

/* A new record of `count` pairs, not yet reachable; its reference in *ret_ref. */
static struct record *make_record(struct index *index, uint32_t count, uint32_t *ret_ref)
{
        size_t words = RECORD_HEAD_WORDS + count;
        uint32_t *at;

        BUG_ON(words > RECORD_CHUNK_WORDS);
        if (words > RECORD_CHUNK_WORDS - index->record_used) {
                BUG_ON(index->record_chunk_count == RECORD_CHUNKS);
                index->record_chunks[index->record_chunk_count++] =
                        alloc_new(&record_type, RECORD_CHUNK_WORDS * sizeof(uint32_t));
                index->record_used = 0;
                /* Reference 0 means none. */
                if (index->record_chunk_count == 1)
                        index->record_used = 1;
        }
        at = index->record_chunks[index->record_chunk_count - 1] + index->record_used;
        *ret_ref = (uint32_t)((index->record_chunk_count - 1) * RECORD_CHUNK_WORDS +
                              index->record_used);
        index->record_used += words;
        return (struct record *)at;
}

static void publish(struct index *index, uint32_t id, struct record *record, uint32_t hash,
                    uint32_t ref)
{
        _Atomic uint32_t *slot = pages_make(&index->record_refs, id);

        atomic_store_explicit(slot, ref, memory_order_release);
        for (uint32_t i = 0; i < record->count; i++)
                post(pair_at(index, record->pairs[i]), id);
        roaring_bitmap_add(index->all, id);
        index->series_count++;
        table_add(&index->series_table, id, hash);
}

/* Series that follow each other are mostly of one target: most pairs are those of the one before,
 * and comparing is quicker than hashing. */
static void create_series(struct index *index, uint32_t id, struct labels labels, uint32_t hash)
{
        const struct record *before = index->last_record;
        uint32_t ref;
        struct record *record = make_record(index, (uint32_t)labels.count, &ref);

        record->count = (uint32_t)labels.count;
        for (size_t i = 0; i < labels.count; i++) {
                struct str name = labels.items[i].name, value = labels.items[i].value;

                if (before && i < before->count && pair_is(index, before->pairs[i], name, value))
                        record->pairs[i] = before->pairs[i];
                else
                        record->pairs[i] = index_intern_pair(index, name, value);
        }
        index->last_record = record;
        publish(index, id, record, hash, ref);
}

static enum index_made resolve_new(struct index *index, struct labels labels, uint32_t hash,
                                   uint64_t limit, _Atomic uint32_t *next_id, uint32_t *ret_id)
{
        uint32_t id = find_series(index, labels, hash);

        if (id) {
                *ret_id = id;
                return INDEX_FOUND;
        }
        id = atomic_load(next_id);
        if ((limit && index->series_count >= limit) || id == UINT32_MAX ||
            labels.count > RECORD_CHUNK_WORDS / 2)
                return INDEX_REFUSED;
        create_series(index, id, labels, hash);
        atomic_store(next_id, id + 1); /* whoever finds the series sees an id beyond its own */
        *ret_id = id;
        return INDEX_CREATED;
}

enum index_made index_resolve(struct index *index, struct labels labels, uint64_t limit,
                              _Atomic uint32_t *next_id, uint32_t *ret_id)
{
        uint32_t hash = series_hash(labels);
        enum index_made made;
        uint32_t id;
        bool full;

        pthread_rwlock_rdlock(&index->lock);
        id = find_series(index, labels, hash);
        /* A flood of new series at the limit must not make everybody wait for the lock. */
        full = limit && index->series_count >= limit;
        pthread_rwlock_unlock(&index->lock);
        if (id) {
                *ret_id = id;
                return INDEX_FOUND;
        }
        if (full)
                return INDEX_REFUSED;
        pthread_rwlock_wrlock(&index->lock);
        made = resolve_new(index, labels, hash, limit, next_id, ret_id);
        pthread_rwlock_unlock(&index->lock);
        return made;
}

bool index_restore(struct index *index, uint32_t id, struct labels labels)
{
        bool fresh = id && labels.count <= RECORD_CHUNK_WORDS / 2 && !index_knows(index, id);
        uint32_t hash;

        if (!fresh)
                return false;
        hash = series_hash(labels);
        pthread_rwlock_wrlock(&index->lock);
        fresh = !find_series(index, labels, hash);
        if (fresh)
                create_series(index, id, labels, hash);
        pthread_rwlock_unlock(&index->lock);
        return fresh;
}

void index_reserve(struct index *index, size_t more)
{
        table_reserve(&index->series_table, index->series_table.count + more);
}

bool index_restore_pairs(struct index *index, uint32_t id, const uint32_t *pairs, uint32_t count)
{
        struct record *record;
        uint32_t ref, hash = count;

        if (!id || index_knows(index, id) || count > RECORD_CHUNK_WORDS / 2)
                return false;
        for (uint32_t i = 0; i < count; i++)
                hash = mix_hash(hash, pair_at(index, pairs[i])->hash);
        table_prefetch(&index->series_table, hash);
        record = make_record(index, count, &ref);
        record->count = count;
        memcpy(record->pairs, pairs, count * sizeof(*pairs));
        publish(index, id, record, hash, ref);
        return true;
}

uint64_t index_series_count(struct index *index)
{
        uint64_t count;

        pthread_rwlock_rdlock(&index->lock);
        count = index->series_count;
        pthread_rwlock_unlock(&index->lock);
        return count;
}

const uint32_t *index_record(const struct index *index, uint32_t id, uint32_t *ret_count)
{
        const struct record *record = record_at(index, id);

        *ret_count = record->count;
        return record->pairs;
}

struct labels index_labels(const struct index *index, uint32_t id, struct arena *arena)
{
        const struct record *record = record_at(index, id);
        struct label *items = arena_alloc(arena, record->count * sizeof(*items));

        for (uint32_t i = 0; i < record->count; i++) {
                struct index_pair pair = index_pair(index, record->pairs[i]);

                items[i].name = index_symbol(index, pair.name);
                items[i].value = index_symbol(index, pair.value);
        }
        return (struct labels){items, record->count};
}

int index_compare(const struct index *index, uint32_t a_id, uint32_t b_id)
{
        const struct record *a = record_at(index, a_id), *b = record_at(index, b_id);

        for (uint32_t i = 0; i < a->count && i < b->count; i++) {
                struct index_pair x, y;
                int order = 0;

                if (a->pairs[i] == b->pairs[i])
                        continue;
                x = index_pair(index, a->pairs[i]);
                y = index_pair(index, b->pairs[i]);
                if (x.name != y.name)
                        order = str_compare(index_symbol(index, x.name),
                                            index_symbol(index, y.name));
                if (!order)
                        order = str_compare(index_symbol(index, x.value),
                                            index_symbol(index, y.value));
                if (order)
                        return order;
        }
        return a->count < b->count ? -1 : a->count > b->count;
}

void index_copy_series(const struct index *index, uint32_t id, struct index *copy)
{
        const struct record *record = record_at(index, id);
        uint32_t *pairs = alloc_new(&table_type, (record->count + 1) * sizeof(*pairs));

        for (uint32_t i = 0; i < record->count; i++) {
                struct index_pair pair = index_pair(index, record->pairs[i]);

                pairs[i] = index_intern_pair(copy, index_symbol(index, pair.name),
                                             index_symbol(index, pair.value));
        }
        if (!index_restore_pairs(copy, id, pairs, record->count))
                BUG_ON(true);
        alloc_free(&table_type, pairs);
}

struct index *index_without(const struct index *index, const roaring_bitmap_t *keep)
{
        struct index *copy = index_new();
        roaring_uint32_iterator_t *each = roaring_create_iterator(keep);

        for (; each->has_value; roaring_advance_uint32_iterator(each))
                if (index_knows(index, each->current_value))
                        index_copy_series(index, each->current_value, copy);
        roaring_free_uint32_iterator(each);
        return copy;
}

void index_optimize(struct index *index)
{
        pthread_rwlock_wrlock(&index->lock);
        for (uint32_t i = 1; i <= index->pair_count; i++) {
                struct pair *pair = pair_at(index, i);

                if (pair->map && pair->count >= 2 * pair->optimized_count) {
                        roaring_bitmap_run_optimize(pair->map);
                        roaring_bitmap_shrink_to_fit(pair->map);
                        pair->optimized_count = pair->count;
                }
        }
        roaring_bitmap_run_optimize(index->all);
        pthread_rwlock_unlock(&index->lock);
}

void index_visit(struct index *index, const struct index_visitor *visitor)
{
        pthread_rwlock_rdlock(&index->lock);
        for (size_t n = 0; n < index->name_count; n++) {
                const struct name *name = &index->names[n];
                uint64_t series = 0, bytes = 0;

                for (size_t i = 0; i < name->count; i++) {
                        const struct pair *pair = pair_at(index, name->pairs[i]);
                        struct str value = index_symbol(index, pair->symbols.value);

                        visitor->pair(visitor->ctx, index_symbol(index, name->symbol), value,
                                      pair->count);
                        series += pair->count;
                        bytes += value.len * pair->count;
                }
                visitor->name(visitor->ctx, index_symbol(index, name->symbol), name->count, series,
                              bytes);
        }
        pthread_rwlock_unlock(&index->lock);
}

static uint64_t table_bytes(const struct id_table *table)
{
        return table->capacity * sizeof(*table->slots);
}

void index_stats(struct index *index, struct index_stats *ret_stats)
{
        struct index_stats stats = {0};

        pthread_rwlock_rdlock(&index->lock);
        stats.series = index->series_count;
        stats.names = index->name_count;
        stats.pairs = index->pair_count;
        stats.bytes = pages_bytes(&index->symbols) + pages_bytes(&index->pairs) +
                      pages_bytes(&index->record_refs) +
                      index->record_chunk_count * RECORD_CHUNK_WORDS * sizeof(uint32_t) +
                      index->text_chunk_count * TEXT_CHUNK_BYTES +
                      table_bytes(&index->symbol_table) + table_bytes(&index->pair_table) +
                      table_bytes(&index->series_table);
        for (uint32_t i = 1; i <= index->pair_count; i++)
                if (pair_at(index, i)->map)
                        stats.bytes += roaring_bitmap_size_in_bytes(pair_at(index, i)->map);
        pthread_rwlock_unlock(&index->lock);
        *ret_stats = stats;
}

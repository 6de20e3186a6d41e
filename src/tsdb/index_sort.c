/* Series in the order of their labels. The texts are looked at once per label, not once per
 * comparison: pairs that occur are ranked among each other, and a series' first ranks behind what
 * all have in common make a number to sort by. */
#include <stdlib.h>

#include "base/alloc.h"
#include "tsdb/index_store_int.h"

ALLOC_TYPE(sort_type, "tsdb_index_sort")

enum {
        FEW_SERIES = 64,       /* below, comparing texts is quicker */
        PAIRS_PER_SERIES = 16, /* more pair ids than that are not worth a table of them */
};

struct keyed {
        uint64_t key;
        uint32_t id;
};

struct ranking {
        const struct index *index;
        uint32_t *rank;   /* by pair id; 0: does not occur */
        uint32_t pairs_end;
        uint32_t common;  /* pairs that all series begin with */
        uint32_t longest; /* pairs of a series */
        unsigned bits;    /* of a rank */
};

static int by_labels(const void *a, const void *b, void *index)
{
        return index_compare(index, *(const uint32_t *)a, *(const uint32_t *)b);
}

static int by_text(const void *a, const void *b, void *index)
{
        struct index_pair x = index_pair(index, *(const uint32_t *)a);
        struct index_pair y = index_pair(index, *(const uint32_t *)b);
        int order = x.name == y.name ? 0 : str_compare(index_symbol(index, x.name),
                                                       index_symbol(index, y.name));

        return order ? order : str_compare(index_symbol(index, x.value),
                                           index_symbol(index, y.value));
}

static void count_pairs(struct ranking *ranking, const struct record *record, uint32_t from)
{
        for (uint32_t p = from; p < record->count; p++)
                if (record->pairs[p] >= ranking->pairs_end)
                        ranking->pairs_end = record->pairs[p] + 1;
}

/* What a series shares with the first may turn out not to be common: the first's are counted last.
 */
static void survey(struct ranking *ranking, const uint32_t *ids, size_t count)
{
        const struct record *first = record_at(ranking->index, ids[0]);

        ranking->common = first->count;
        for (size_t i = 0; i < count; i++) {
                const struct record *record = record_at(ranking->index, ids[i]);
                uint32_t same = 0;

                while (same < ranking->common && same < record->count &&
                       record->pairs[same] == first->pairs[same])
                        same++;
                ranking->common = same;
                if (record->count > ranking->longest)
                        ranking->longest = record->count;
                count_pairs(ranking, record, same);
        }
        count_pairs(ranking, first, ranking->common);
}

static void rank_pairs(struct ranking *ranking, const uint32_t *ids, size_t count)
{
        uint32_t *pairs = NULL;
        size_t capacity = 0, pair_count = 0;

        ranking->rank = alloc_new(&sort_type, ranking->pairs_end * sizeof(*ranking->rank));
        for (size_t i = 0; i < count; i++) {
                const struct record *record = record_at(ranking->index, ids[i]);

                for (uint32_t p = ranking->common; p < record->count; p++) {
                        if (ranking->rank[record->pairs[p]])
                                continue;
                        pairs = alloc_array_reserve(&sort_type, pairs, &capacity, pair_count + 1,
                                                    sizeof(*pairs));
                        pairs[pair_count++] = record->pairs[p];
                        ranking->rank[record->pairs[p]] = 1;
                }
        }
        if (pair_count)
                qsort_r(pairs, pair_count, sizeof(*pairs), by_text, (void *)ranking->index);
        for (size_t i = 0; i < pair_count; i++)
                ranking->rank[pairs[i]] = (uint32_t)i + 1;
        ranking->bits = 64 - (unsigned)__builtin_clzll(pair_count | 1);
        alloc_free(&sort_type, pairs);
}

static uint64_t key_of(const struct ranking *ranking, uint32_t id, uint32_t slots)
{
        const struct record *record = record_at(ranking->index, id);
        uint64_t key = 0;

        for (uint32_t p = ranking->common; p < ranking->common + slots; p++)
                key = key << ranking->bits |
                      (p < record->count ? ranking->rank[record->pairs[p]] : 0);
        return key;
}

/* By bytes of the key from the lowest; returns where the result stands, one of the two. */
static struct keyed *sort_by_key(struct keyed *from, struct keyed *to, size_t count,
                                 unsigned key_bits)
{
        for (unsigned shift = 0; shift < key_bits; shift += 8) {
                size_t at[256] = {0}, sum = 0;
                struct keyed *swap = to;

                for (size_t i = 0; i < count; i++)
                        at[from[i].key >> shift & 255]++;
                if (at[from[0].key >> shift & 255] == count)
                        continue;
                for (size_t b = 0; b < 256; b++) {
                        size_t begin = sum;

                        sum += at[b];
                        at[b] = begin;
                }
                for (size_t i = 0; i < count; i++)
                        to[at[from[i].key >> shift & 255]++] = from[i];
                to = from;
                from = swap;
        }
        return from;
}

static void sort_ranked(const struct ranking *ranking, uint32_t *ids, size_t count)
{
        struct keyed *items = alloc_new(&sort_type, 2 * count * sizeof(*items)), *sorted;
        uint32_t slots = 64 / ranking->bits, needed = ranking->longest - ranking->common;

        slots = slots < needed ? slots : needed;
        for (size_t i = 0; i < count; i++)
                items[i] = (struct keyed){key_of(ranking, ids[i], slots), ids[i]};
        sorted = sort_by_key(items, items + count, count, slots * ranking->bits);
        for (size_t i = 0; i < count; i++)
                ids[i] = sorted[i].id;
        for (size_t begin = 0, end; slots < needed && begin < count; begin = end) {
                for (end = begin + 1; end < count && sorted[end].key == sorted[begin].key; end++)
                        ;
                if (end - begin > 1)
                        qsort_r(ids + begin, end - begin, sizeof(*ids), by_labels,
                                (void *)ranking->index);
        }
        alloc_free(&sort_type, items);
}

void index_sort(const struct index *index, uint32_t *ids, size_t count)
{
        struct ranking ranking = {.index = index};

        if (count >= FEW_SERIES)
                survey(&ranking, ids, count);
        if (count < FEW_SERIES || ranking.pairs_end / PAIRS_PER_SERIES > count) {
                qsort_r(ids, count, sizeof(*ids), by_labels, (void *)index);
                return;
        }
        rank_pairs(&ranking, ids, count);
        sort_ranked(&ranking, ids, count);
        alloc_free(&sort_type, ranking.rank);
}

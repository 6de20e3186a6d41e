/* Matching: from matchers to the set of series ids. */
#include "base/alloc.h"
#include "tsdb/index_store_int.h"
#include "tsdb/literals_int.h"

/* With so few candidates left, looking at each one's label beats a scan of all values. */
enum { FEW_CANDIDATES = 4096 };

ALLOC_TYPE(union_type, "tsdb_select")

/* A union in the making: bitmaps borrowed from pairs, and single ids. */
struct gathered {
        const roaring_bitmap_t **maps;
        size_t map_count, map_capacity;
        uint32_t *singles;
        size_t single_count, single_capacity;
        uint64_t total; /* ids, counted as often as they occur */
};

static void gather(struct gathered *gathered, const struct pair *pair)
{
        if (!pair->count)
                return;
        gathered->total += pair->count;
        if (pair->map) {
                gathered->maps = alloc_array_reserve(&union_type, gathered->maps,
                                                     &gathered->map_capacity,
                                                     gathered->map_count + 1,
                                                     sizeof(*gathered->maps));
                gathered->maps[gathered->map_count++] = pair->map;
        } else {
                gathered->singles = alloc_array_reserve(&union_type, gathered->singles,
                                                        &gathered->single_capacity,
                                                        gathered->single_count + 1,
                                                        sizeof(*gathered->singles));
                gathered->singles[gathered->single_count++] = pair->single;
        }
}

/* The part of a union that is in `within`, without making more of the union than that. */
static roaring_bitmap_t *unite_within(const struct gathered *gathered,
                                      const roaring_bitmap_t *within)
{
        roaring_bitmap_t *result = roaring_bitmap_create();

        for (size_t i = 0; i < gathered->map_count; i++) {
                roaring_bitmap_t *some = roaring_bitmap_and(within, gathered->maps[i]);

                roaring_bitmap_or_inplace(result, some);
                roaring_bitmap_free(some);
        }
        return result;
}

/* What is not in `within` (NULL: all) may be left out. */
static roaring_bitmap_t *unite(struct gathered *gathered, const roaring_bitmap_t *within)
{
        bool sharp = within && roaring_bitmap_get_cardinality(within) < gathered->total;
        roaring_bitmap_t *result = sharp ? unite_within(gathered, within)
                                         : roaring_bitmap_or_many(gathered->map_count,
                                                                  gathered->maps);

        roaring_bitmap_add_many(result, gathered->single_count, gathered->singles);
        alloc_free(&union_type, gathered->maps);
        alloc_free(&union_type, gathered->singles);
        return result;
}

struct selection {
        const struct index *index;
        struct arena *arena;
        const atomic_bool *cancel;
        roaring_bitmap_t *result; /* NULL: every series so far */
        bool canceled;
};

static bool canceled(struct selection *selection, size_t step)
{
        if (step % 1024 == 0 && selection->cancel && *selection->cancel)
                selection->canceled = true;
        return selection->canceled;
}

/* Series, among those so far, whose value of m's label is there and for which matching equals
 * `wanted`; perhaps others too. */
static roaring_bitmap_t *with_value(struct selection *selection, const struct matcher *m,
                                    bool wanted)
{
        const struct index *index = selection->index;
        const struct name *name = index_find_name(index, m->name);
        bool negated = m->op == MATCHER_NOT_EQUAL || m->op == MATCHER_NOT_REGEX;
        bool regex = m->op == MATCHER_REGEX || m->op == MATCHER_NOT_REGEX;
        struct gathered gathered = {0};
        struct literals literals = {&(struct str){m->value.data, m->value.len}, 1, STR_LIT("")};

        if (regex)
                literals = literals_of(selection->arena, m->value);
        if (literals.count && wanted != negated) {
                for (size_t i = 0; i < literals.count; i++) {
                        uint32_t pair = index_find_pair(index, m->name, literals.items[i]);

                        if (pair)
                                gather(&gathered, pair_at(index, pair));
                }
                return unite(&gathered, selection->result);
        }
        for (size_t i = 0; name && i < name->count && !canceled(selection, i); i++) {
                const struct pair *pair = pair_at(index, name->pairs[i]);
                struct str value = index_symbol(index, pair->symbols.value);
                bool matches = str_starts_with(value, literals.prefix)
                                       ? matcher_matches(m, value)
                                       : negated;

                if (matches == wanted)
                        gather(&gathered, pair);
        }
        return unite(&gathered, selection->result);
}

static struct str value_of(const struct index *index, uint32_t id, struct str name)
{
        uint32_t count;
        const uint32_t *pairs = index_record(index, id, &count);

        for (uint32_t i = 0; i < count; i++) {
                struct index_pair pair = index_pair(index, pairs[i]);

                if (str_equal(index_symbol(index, pair.name), name))
                        return index_symbol(index, pair.value);
        }
        return STR_LIT("");
}

static void filter_each(struct selection *selection, const struct matcher *m)
{
        roaring_bitmap_t *kept = roaring_bitmap_create();
        roaring_uint32_iterator_t *each = roaring_create_iterator(selection->result);

        for (; each->has_value; roaring_advance_uint32_iterator(each))
                if (matcher_matches(m, value_of(selection->index, each->current_value, m->name)))
                        roaring_bitmap_add(kept, each->current_value);
        roaring_free_uint32_iterator(each);
        roaring_bitmap_free(selection->result);
        selection->result = kept;
}

static void apply(struct selection *selection, const struct matcher *m)
{
        const struct name *name = index_find_name(selection->index, m->name);
        bool matches_absent = matcher_matches(m, STR_LIT(""));
        roaring_bitmap_t *values;

        if (m->op != MATCHER_EQUAL && selection->result && name && name->count > 64) {
                uint64_t left = roaring_bitmap_get_cardinality(selection->result);

                if (left <= FEW_CANDIDATES && left < name->count) {
                        filter_each(selection, m);
                        return;
                }
        }
        if (m->op == MATCHER_REGEX && str_is(m->value, ".*"))
                return;
        values = with_value(selection, m, !matches_absent);
        if (!selection->result && !matches_absent) {
                selection->result = values;
                return;
        }
        if (!selection->result)
                selection->result = roaring_bitmap_copy(selection->index->all);
        if (matches_absent)
                roaring_bitmap_andnot_inplace(selection->result, values);
        else
                roaring_bitmap_and_inplace(selection->result, values);
        roaring_bitmap_free(values);
}

/* Cheap and sharp conditions first: equality, then what must be present, then the rest. */
static unsigned rank(const struct matcher *m)
{
        if (m->op == MATCHER_EQUAL && m->value.len)
                return 0;
        return m->op == MATCHER_REGEX ? 1 : 2;
}

static bool finish(struct selection *selection, uint32_t **ret_ids, size_t *ret_count,
                   struct error *err)
{
        const roaring_bitmap_t *result = selection->result ? selection->result
                                                           : selection->index->all;
        uint64_t count = roaring_bitmap_get_cardinality(result);
        uint32_t *ids = arena_try_alloc(selection->arena, (count + 1) * sizeof(*ids));

        if (selection->canceled)
                return error_set(err, ERROR_CANCELED, "query was canceled");
        if (!ids)
                return error_set(err, ERROR_LIMIT,
                                 "query selects %llu series, more than its memory budget allows",
                                 (unsigned long long)count);
        roaring_bitmap_to_uint32_array(result, ids);
        *ret_ids = ids;
        *ret_count = count;
        return true;
}

/* The equality that fewest series meet goes first, and what follows has little to look at. */
static size_t sharpest(const struct index *index, const struct matcher *matchers, size_t count)
{
        size_t best = count;
        uint32_t fewest = UINT32_MAX;

        for (size_t i = 0; i < count; i++) {
                uint32_t pair = rank(&matchers[i]) ? 0 : index_find_pair(index, matchers[i].name,
                                                                         matchers[i].value);

                if (pair && pair_at(index, pair)->count < fewest) {
                        fewest = pair_at(index, pair)->count;
                        best = i;
                }
        }
        return best;
}

bool index_select(struct index *index, struct arena *arena, const struct matcher *matchers,
                  size_t matcher_count, const atomic_bool *cancel, uint32_t **ret_ids,
                  size_t *ret_count, struct error *err)
{
        struct selection selection = {.index = index, .arena = arena, .cancel = cancel};
        size_t first;
        bool ok;

        pthread_rwlock_rdlock(&index->lock);
        first = sharpest(index, matchers, matcher_count);
        if (first < matcher_count)
                apply(&selection, &matchers[first]);
        for (unsigned turn = 0; turn <= 2; turn++)
                for (size_t i = 0; i < matcher_count && !selection.canceled; i++)
                        if (i != first && rank(&matchers[i]) == turn)
                                apply(&selection, &matchers[i]);
        ok = finish(&selection, ret_ids, ret_count, err);
        pthread_rwlock_unlock(&index->lock);
        if (selection.result)
                roaring_bitmap_free(selection.result);
        return ok;
}

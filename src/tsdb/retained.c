#include "tsdb/retained_int.h"

#include "base/alloc.h"

ALLOC_TYPE(rules_type, "tsdb_retention_rules")
ALLOC_TYPE(retained_type, "tsdb_retained")

struct rule {
        struct series_selector *selectors;
        size_t count;
        int64_t retention_ms;
};

struct retention_rules {
        _Atomic uint32_t references;
        struct arena arena;
        struct rule *list;
        size_t count;
};

struct retained {
        _Atomic uint32_t references;
        struct retention_rules *rules;
        struct index *index;
        uint32_t end;
        int64_t general_ms;
        roaring_bitmap_t **series; /* of each rule, those that no earlier rule matches */
};

/* ---- rules --------------------------------------------------------------------------------- */

static struct series_selector copy_selector(struct arena *arena,
                                            const struct series_selector *selector)
{
        struct matcher *matchers = arena_array(arena, struct matcher, selector->count + 1);

        for (size_t i = 0; i < selector->count; i++) {
                const struct matcher *from = &selector->matchers[i];

                /* The pattern has been compiled before. */
                if (!matcher_init(&matchers[i], arena, from->op, arena_str(arena, from->name),
                                  arena_str(arena, from->value), NULL))
                        BUG_ON(true);
        }
        return (struct series_selector){matchers, selector->count};
}

struct retention_rules *retention_rules_new(const struct tsdb_options *options)
{
        struct retention_rules *rules;

        if (!options->retention_rule_count)
                return NULL;
        rules = alloc_new(&rules_type, sizeof(*rules));
        atomic_init(&rules->references, 1);
        arena_init(&rules->arena, SIZE_MAX);
        rules->count = options->retention_rule_count;
        rules->list = arena_array(&rules->arena, struct rule, rules->count);
        for (size_t i = 0; i < rules->count; i++) {
                const struct tsdb_retention_rule *from = &options->retention_rules[i];
                struct rule *rule = &rules->list[i];

                rule->retention_ms = from->retention_ms;
                rule->count = from->selector_count;
                rule->selectors = arena_array(&rules->arena, struct series_selector,
                                              rule->count + 1);
                for (size_t s = 0; s < rule->count; s++)
                        rule->selectors[s] = copy_selector(&rules->arena, &from->selectors[s]);
        }
        return rules;
}

struct retention_rules *retention_rules_ref(struct retention_rules *rules)
{
        if (rules)
                atomic_fetch_add(&rules->references, 1);
        return rules;
}

struct retention_rules *retention_rules_unref(struct retention_rules *rules)
{
        if (!rules || atomic_fetch_sub(&rules->references, 1) != 1)
                return NULL;
        arena_release(&rules->arena);
        return alloc_free(&rules_type, rules);
}

int64_t retention_rules_longest(const struct retention_rules *rules, int64_t general_ms)
{
        int64_t longest_ms = general_ms;

        for (size_t i = 0; rules && i < rules->count && longest_ms; i++)
                if (!rules->list[i].retention_ms || rules->list[i].retention_ms > longest_ms)
                        longest_ms = rules->list[i].retention_ms;
        return longest_ms;
}

int64_t retention_rules_shortest(const struct retention_rules *rules, int64_t general_ms)
{
        int64_t shortest_ms = general_ms;

        for (size_t i = 0; rules && i < rules->count; i++) {
                int64_t ms = rules->list[i].retention_ms;

                if (ms && (!shortest_ms || ms < shortest_ms))
                        shortest_ms = ms;
        }
        return shortest_ms;
}

/* ---- of the series of an index ------------------------------------------------------------- */

static void add_matching(roaring_bitmap_t *series, struct index *index, const struct rule *rule)
{
        struct arena arena;

        arena_init(&arena, SIZE_MAX);
        for (size_t s = 0; s < rule->count; s++) {
                uint32_t *ids;
                size_t count;

                /* Neither a budget nor a client that leaves. */
                if (!index_select(index, &arena, rule->selectors[s].matchers,
                                  rule->selectors[s].count, NULL, &ids, &count, NULL))
                        BUG_ON(true);
                roaring_bitmap_add_many(series, count, ids);
        }
        arena_release(&arena);
}

struct retained *retained_new(struct retention_rules *rules, struct index *index, uint32_t end,
                              int64_t general_ms)
{
        struct retained *retained = alloc_new(&retained_type, sizeof(*retained));
        roaring_bitmap_t *taken = roaring_bitmap_create();

        atomic_init(&retained->references, 1);
        retained->rules = retention_rules_ref(rules);
        retained->index = index_ref(index);
        retained->end = end;
        retained->general_ms = general_ms;
        retained->series = alloc_new(&retained_type, rules->count * sizeof(void *));
        for (size_t i = 0; i < rules->count; i++) {
                retained->series[i] = roaring_bitmap_create();
                add_matching(retained->series[i], index, &rules->list[i]);
                roaring_bitmap_andnot_inplace(retained->series[i], taken);
                roaring_bitmap_or_inplace(taken, retained->series[i]);
        }
        roaring_bitmap_free(taken);
        return retained;
}

struct retained *retained_ref(struct retained *retained)
{
        if (retained)
                atomic_fetch_add(&retained->references, 1);
        return retained;
}

struct retained *retained_unref(struct retained *retained)
{
        if (!retained || atomic_fetch_sub(&retained->references, 1) != 1)
                return NULL;
        for (size_t i = 0; i < retained->rules->count; i++)
                roaring_bitmap_free(retained->series[i]);
        retention_rules_unref(retained->rules);
        index_unref(retained->index);
        alloc_free(&retained_type, retained->series);
        return alloc_free(&retained_type, retained);
}

bool retained_is_of(const struct retained *retained, const struct retention_rules *rules,
                    const struct index *index, uint32_t end, int64_t general_ms)
{
        return retained && retained->rules == rules && retained->index == index &&
               retained->end == end && retained->general_ms == general_ms;
}

int64_t retained_since(const struct retained *retained, uint32_t series, int64_t now_ms)
{
        int64_t retention_ms;

        if (!retained)
                return INT64_MIN;
        retention_ms = retained->general_ms;
        for (size_t i = 0; i < retained->rules->count; i++)
                if (roaring_bitmap_contains(retained->series[i], series)) {
                        retention_ms = retained->rules->list[i].retention_ms;
                        break;
                }
        return retention_ms ? now_ms - retention_ms : INT64_MIN;
}

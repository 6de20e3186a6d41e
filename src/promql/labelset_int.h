/* promql/labelset_int.h - derived label sets, and a table that numbers distinct ones. */
#ifndef PROMQL_LABELSET_INT_H
#define PROMQL_LABELSET_INT_H

#include "model/labels.h"
#include "promql/expr_int.h"

/* A label set without __name__, __type__ and __unit__: what a computed value no longer has. */
struct labels labelset_drop_metadata(struct arena *arena, struct labels labels);
bool labelset_has_metadata(struct labels labels);

/* Where a label set stands between 0 and 1: always the same, as Prometheus places it. */
double labelset_place(struct labels labels);

/* Only, or all but, the named labels. Borrow the bytes; the pairs live in the arena. */
struct labels labelset_keep(struct arena *arena, struct labels labels, const struct names *names);
struct labels labelset_remove(struct arena *arena, struct labels labels,
                              const struct names *names);

/* The label sets by which rows are grouped or matched, made in one place again and again: only
 * the named labels, or all but them and the metric name. Valid until the next call. */
struct labelset_scratch {
        struct arena *arena;
        struct label *items;
        size_t capacity;
};
struct labels labelset_scratch_select(struct labelset_scratch *scratch, struct labels labels,
                                      const struct names *names, bool keep_named);

/* Numbers label sets 0, 1, 2, ... in the order they are first seen. Borrows them. */
struct labelset_table {
        struct arena *arena;
        uint32_t *slots; /* index + 1, 0 is free */
        size_t slot_count;
        struct labels *items;
        uint64_t *hashes;
        size_t count, capacity;
};

void labelset_table_init(struct labelset_table *table, struct arena *arena);
/* The number of a label set; *ret_new tells whether it is new (may be NULL). */
size_t labelset_table_add(struct labelset_table *table, struct labels labels, bool *ret_new);
/* The same for a label set that will not last: the pairs of a new one are copied to `arena`. */
size_t labelset_table_intern(struct labelset_table *table, struct arena *arena,
                             struct labels labels, bool *ret_new);
/* Its number, or SIZE_MAX. */
size_t labelset_table_find(const struct labelset_table *table, struct labels labels);

#endif

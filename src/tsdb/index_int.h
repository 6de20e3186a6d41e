/* tsdb/index_int.h - which series there are, and which match.
 *
 * Label names and values are interned once (symbols), name=value pairs once (pairs); a series is
 * a record of pair ids in label order. Each pair has the set of series that carry it.
 *
 * Threads: creating takes the lock for writing; looking up and matching take it for reading. What
 * an id leads to (record, pairs, symbols) never moves or changes while the index lives, so that
 * labels are read without the lock. Forgetting series means to make a new index without them; the
 * old one lives until its last reference goes.
 */
#ifndef TSDB_INDEX_INT_H
#define TSDB_INDEX_INT_H

#include <roaring/roaring.h>

#include "base/arena.h"
#include "model/series.h"

struct index;

struct index *index_new(void); /* one reference */
struct index *index_ref(struct index *index);
struct index *index_unref(struct index *index); /* returns NULL */

enum index_made { INDEX_FOUND, INDEX_CREATED, INDEX_REFUSED };

/* Finds the label set, or gives it the id *next_id (and adds one to that). Refused when it would
 * be series number limit + 1 (0: no limit) or the ids are used up. */
enum index_made index_resolve(struct index *index, struct labels labels, uint64_t limit,
                              _Atomic uint32_t *next_id, uint32_t *ret_id);

/* Adds a series that has its id already; false when the id or the labels are there. */
bool index_restore(struct index *index, uint32_t id, struct labels labels);

bool index_knows(const struct index *index, uint32_t id);
uint64_t index_series_count(struct index *index);
/* Labels of a known series; borrows from the index, the array is in the arena. */
struct labels index_labels(const struct index *index, uint32_t id, struct arena *arena);
/* Orders two known series as labels_compare orders their labels. */
int index_compare(const struct index *index, uint32_t a, uint32_t b);
/* Puts known series into that order. */
void index_sort(const struct index *index, uint32_t *ids, size_t count);

/* Ids of all series that match, ascending, in the arena. ERROR_LIMIT, ERROR_CANCELED. */
NODISCARD bool index_select(struct index *index, struct arena *arena,
                            const struct matcher *matchers, size_t matcher_count,
                            const atomic_bool *cancel, uint32_t **ret_ids, size_t *ret_count,
                            struct error *err);

/* Adds to `copy` a series that `index` knows and `copy` does not. */
void index_copy_series(const struct index *index, uint32_t id, struct index *copy);
/* A copy that knows only the series in `keep`. */
struct index *index_without(const struct index *index, const roaring_bitmap_t *keep);

/* Compacts the postings; call now and then. */
void index_optimize(struct index *index);

/* Of a saved or restored index: pair and symbol tables, see series_file.c. */
struct str index_symbol(const struct index *index, uint32_t symbol);
struct index_pair {
        uint32_t name, value; /* symbols */
};
struct index_pair index_pair(const struct index *index, uint32_t pair);
/* Pair ids of a known series, in label order. */
const uint32_t *index_record(const struct index *index, uint32_t id, uint32_t *ret_count);
uint32_t index_intern_pair(struct index *index, struct str name, struct str value);
/* Makes room for so many more series. This and the next are for an index that nobody else uses yet:
 * they take no lock. */
void index_reserve(struct index *index, size_t more);
/* As index_restore, with pairs interned in this index, in label order. */
bool index_restore_pairs(struct index *index, uint32_t id, const uint32_t *pairs,
                         uint32_t count);

/* Visits, under the lock, every label name that has series, and every pair. */
struct index_visitor {
        void (*name)(void *ctx, struct str name, uint64_t values, uint64_t series,
                     uint64_t value_bytes);
        void (*pair)(void *ctx, struct str name, struct str value, uint64_t series);
        void *ctx;
};

void index_visit(struct index *index, const struct index_visitor *visitor);

struct index_stats {
        uint64_t series, names, pairs, bytes;
};

void index_stats(struct index *index, struct index_stats *ret_stats);

#endif

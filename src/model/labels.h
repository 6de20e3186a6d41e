/* model/labels.h - the identity of a series: name=value pairs.
 *
 * A label set is sorted by name (bytewise), names are unique, values are never empty (an empty
 * value means the label is absent). `struct labels` borrows everything: the pairs and their
 * bytes live where its maker says, usually in an arena. Order and equality are Prometheus's.
 */
#ifndef MODEL_LABELS_H
#define MODEL_LABELS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

#define LABEL_METRIC_NAME STR_LIT("__name__")

struct label {
        struct str name;
        struct str value;
};

struct labels {
        const struct label *items;
        size_t count;
};

struct str labels_get(struct labels labels, struct str name); /* empty when absent */
bool labels_has(struct labels labels, struct str name);
int labels_compare(struct labels a, struct labels b);
bool labels_equal(struct labels a, struct labels b);
uint64_t labels_hash(struct labels labels);
struct labels labels_copy(struct arena *arena, struct labels labels); /* pairs and bytes */

/* Prometheus's spelling: {a="1", b="2"}, or name{...} when there is a metric name; names that are
 * not legacy identifiers are quoted, values escaped as Go's strconv.Quote does. */
void labels_format(struct buf *out, struct labels labels);
/* {__name__="a", b="2"} with that separator: as errors and promtool show label sets. */
void labels_append_set(struct buf *out, struct labels labels, const char *separator);

bool label_name_is_legacy(struct str name);  /* [a-zA-Z_][a-zA-Z0-9_]* */
bool metric_name_is_legacy(struct str name); /* the same with ':' */

/* Changes a label set: start from a base, set and delete, finish. Lives in an arena; the names
 * and values given are borrowed, not copied. Setting an empty value deletes. */
struct labels_builder {
        struct arena *arena;
        struct label *items; /* sorted; an empty value is a deletion */
        size_t count, capacity;
};

void labels_builder_init(struct labels_builder *builder, struct arena *arena, struct labels base);
void labels_builder_set(struct labels_builder *builder, struct str name, struct str value);
void labels_builder_delete(struct labels_builder *builder, struct str name);
struct str labels_builder_get(const struct labels_builder *builder, struct str name);
struct labels labels_builder_finish(struct labels_builder *builder);

#endif

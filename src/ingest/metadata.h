/* ingest/metadata.h - what is known of metrics beside their samples: type, unit and help.
 *
 * A bounded table, metric to the last that was said of it. Thread-safe.
 */
#ifndef INGEST_METADATA_H
#define INGEST_METADATA_H

#include "base/str.h"

/* Empty texts are not known; an unknown type is "unknown". */
struct metric_metadata {
        struct str metric;
        struct str type;
        struct str unit;
        struct str help;
};

enum metadata_field { METADATA_TYPE, METADATA_UNIT, METADATA_HELP, METADATA_FIELDS };

struct metadata_table;

struct metadata_table *metadata_table_new(void);
struct metadata_table *metadata_table_free(struct metadata_table *table); /* takes NULL */

/* Long texts are cut; what is not UTF-8, and new metrics when the table is full, are passed
 * over. */
void metadata_table_set(struct metadata_table *table, struct str metric,
                        enum metadata_field field, struct str text);

/* Calls visit for every metric; what it is shown is valid only inside the visit. */
void metadata_table_each(struct metadata_table *table,
                         void (*visit)(const struct metric_metadata *metadata, void *ctx),
                         void *ctx);

#endif

/* ingest/push_families_int.h - the metrics of one pushed body, by family. */
#ifndef INGEST_PUSH_FAMILIES_INT_H
#define INGEST_PUSH_FAMILIES_INT_H

#include "base/map.h"
#include "ingest/push_groups.h"

enum { PUSH_FAMILY_LABELS_MAX = 1024 };

struct push_family {
        struct str name, help;
        const char *type;
        struct buf lines; /* of the text format */
        struct push_family *next;
};

struct push_families {
        struct arena arena; /* names and helps */
        struct map by_name;
        struct push_family *first, **tail;
        size_t bytes;
};

void push_families_init(struct push_families *families, size_t max_bytes);
void push_families_release(struct push_families *families);

/* A metric's name, and a series, as the text format spells them; names beyond the legacy
 * characters are quoted. */
void push_name_append(struct buf *out, struct str name);
void push_series_append(struct buf *out, struct labels labels);

/* A family with its HELP and TYPE; nothing when it has no samples. */
void push_family_append(struct buf *out, const struct push_family *family);

/* The series of a body, each with the group's labels, which win; without an instance it gets an
 * empty one, so that none is added when it is scraped. ERROR_INVALID when malformed, when one has
 * a timestamp or is there twice; ERROR_LIMIT beyond max_bytes. */
NODISCARD bool push_families_read(struct push_families *families, struct str body,
                                  enum push_groups_format format, struct labels group,
                                  struct error *err);

#endif

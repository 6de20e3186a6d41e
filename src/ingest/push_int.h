/* ingest/push_int.h - what a push holds for the protocols on top of it. */
#ifndef INGEST_PUSH_INT_H
#define INGEST_PUSH_INT_H

#include "ingest/delta.h"
#include "ingest/push.h"

struct delta_table *push_delta_table(struct push *push);

/* What is not [a-zA-Z0-9_] (and : in a metric) becomes an underscore; in the arena. */
struct str push_legacy_name(struct arena *arena, struct str name, bool metric);
/* The labels of a series of such names. */
struct labels push_legacy_labels(struct arena *arena, struct str name, struct labels tags);

#endif

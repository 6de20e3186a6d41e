/* ingest/push_int.h - what a push holds for the protocols on top of it. */
#ifndef INGEST_PUSH_INT_H
#define INGEST_PUSH_INT_H

#include "ingest/delta.h"
#include "ingest/push.h"

struct delta_table *push_delta_table(struct push *push);

#endif

/* server/store_metrics_int.h - the store's statistics among Pitwall's own metrics. */
#ifndef SERVER_STORE_METRICS_INT_H
#define SERVER_STORE_METRICS_INT_H

#include "base/compiler.h"

struct tsdb;

/* Brings the pitwall_tsdb_* metrics up to date. Walks the index: once a scrape, not once a
 * request. Thread-safe. */
void store_metrics_update(struct tsdb *tsdb);

#endif

/* ship/remote_read.h - queries that also ask other servers: Prometheus remote read.
 *
 * A series_source over another: what the local store has, and where a configuration applies what
 * the others have, merged; of one timestamp the local sample counts. A server that fails is left
 * out, its data are missing then: that is a warning of the querier, counted and logged, as with a
 * secondary store in Prometheus. Semantics of the settings: Prometheus's <remote_read>.
 * Thread-safe.
 */
#ifndef SHIP_REMOTE_READ_H
#define SHIP_REMOTE_READ_H

#include <stdatomic.h>

#include "base/buf.h"
#include "model/series.h"

struct http_client_options; /* http/client.h */

/* One remote_read entry. Immutable and counted: config/ makes it with one reference. */
struct remote_read_config {
        atomic_int references;
        struct arena arena;        /* holds everything below */
        struct str name, url;
        int64_t timeout_ms;
        const struct http_client_options *http;
        struct labels required;    /* asked only by selectors that have these as = matchers */
        struct labels external_labels; /* added to what is asked, taken off what comes */
        bool read_recent;          /* also for times that the local store covers */
};

struct remote_read_config *remote_read_config_new(void);
struct remote_read_config *remote_read_config_ref(struct remote_read_config *config);
struct remote_read_config *remote_read_config_unref(struct remote_read_config *config);

struct remote_reader;

/* The local source must outlive the reader; oldest_ms tells since when it has everything. */
struct remote_reader *remote_reader_new(const struct series_source *local,
                                        int64_t (*oldest_ms)(void *ctx), void *ctx);
struct remote_reader *remote_reader_free(struct remote_reader *reader); /* takes NULL */

/* For queriers opened from now on. Takes its own references. */
void remote_reader_apply(struct remote_reader *reader, struct remote_read_config *const *configs,
                         size_t count);

struct series_source remote_reader_source(struct remote_reader *reader);

#endif

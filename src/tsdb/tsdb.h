/* tsdb/tsdb.h - the metrics store: series of float64 samples, durable, queried while it is written.
 *
 * A store is one directory. It implements both seams of model/series.h. All functions are
 * thread-safe unless they say otherwise; one process may have a directory open (a lock file says
 * so). A sample that any query has returned survives kill -9; power loss costs at most the last
 * second (nothing with TSDB_SYNC_ALWAYS).
 *
 * A sample goes to the write-ahead log, then to memory (where queries see it), about a minute
 * later into a level-0 part file, and by merging into blocks of up to 4,096 samples a series.
 * Formats: docs/format/. Damage to a file costs the damaged block or record, is reported as an
 * event and counted, and never fails the start.
 *
 * Expected failures are returned. When the disk fails in any way but being full, the process
 * aborts with a line on stderr: what it holds in memory can no longer be promised, the log can.
 */
#ifndef TSDB_TSDB_H
#define TSDB_TSDB_H

#include "base/arena.h"
#include "base/clock.h"
#include "model/series.h"

struct tsdb;

enum tsdb_sync {
        TSDB_SYNC_SECOND, /* fdatasync the log at least once a second */
        TSDB_SYNC_ALWAYS, /* an append returns only after fdatasync; appenders share one */
};

enum tsdb_event_kind {
        TSDB_EVENT_WAL_TAIL_CUT,    /* a torn record at the end of the log; size_bytes were cut */
        TSDB_EVENT_WAL_DAMAGED,     /* damaged bytes inside the log were skipped */
        TSDB_EVENT_BLOCK_DAMAGED,   /* one block of one series fails its checksum; skipped */
        TSDB_EVENT_INDEX_REBUILT,   /* a part's index was damaged and rebuilt from its blocks */
        TSDB_EVENT_PART_LOST,       /* a part file is missing or has no usable bytes */
        TSDB_EVENT_SERIES_DAMAGED,  /* label sets lost: both copies of a series frame are damaged */
        TSDB_EVENT_SERIES_REPAIRED, /* a damaged series frame was read from its mirror */
        TSDB_EVENT_EXEMPLARS_DAMAGED, /* a file of exemplars is damaged; some are lost */
        TSDB_EVENT_TOMBSTONES_DAMAGED, /* deleted samples come back that were not rewritten */
        TSDB_EVENT_MANIFEST_REBUILT,
        TSDB_EVENT_SERIES_REFUSED,  /* series_limit is reached; once, until there is room again */
        TSDB_EVENT_DISK_FULL,       /* writes are refused from now on */
        TSDB_EVENT_DISK_RECOVERED,  /* writes are accepted again */
        TSDB_EVENT_KINDS,
};

/* Borrowed, valid during the call. */
struct tsdb_event {
        enum tsdb_event_kind kind;
        const char *file; /* relative to the store's directory; "" when none is concerned */
        uint64_t offset;
        uint64_t size_bytes;
};

const char *tsdb_event_text(enum tsdb_event_kind kind); /* one English line for the log */

/* How long the series that match any of the selectors are kept, where that differs. */
struct tsdb_retention_rule {
        const struct series_selector *selectors;
        size_t selector_count;
        int64_t retention_ms; /* 0: for ever */
};

/* Set defaults with tsdb_options_init, then change what you want. Copied by tsdb_open. */
struct tsdb_options {
        const char *dir;            /* created when absent */
        const struct clock *clock;  /* default clock_real */
        int64_t retention_ms;       /* 0: for ever; default 15 d. Older samples are refused */
        uint64_t retention_bytes;   /* of the whole directory; 0: no limit (default) */
        /* The first rule that matches a series decides instead of retention_ms, to the sample;
         * without rules data goes by whole partitions. Default none. */
        const struct tsdb_retention_rule *retention_rules;
        size_t retention_rule_count;
        int64_t partition_ms;       /* data is dropped by partition; default 1 d */
        int64_t out_of_order_ms;    /* behind the newest sample of its series; 0: none; default
                                     * 1 h; INT64_MAX: any age */
        int64_t max_ahead_ms;       /* ahead of the clock; 0: no limit; default 10 min */
        uint64_t series_limit;      /* series known at once; 0: no limit; default 20 M */
        uint64_t exemplar_limit;    /* kept of all series together; 0: none; default 100,000 */
        int64_t flush_interval_ms;  /* open data becomes a level-0 part; default 60 s */
        uint64_t wal_segment_bytes; /* default 16 MiB */
        uint64_t wal_replay_bytes;  /* at most about this much log is read at start; 64 MiB */
        uint64_t feed_segment;      /* log from here on is kept for a feed's reader; 0: none is */
        uint64_t feed_max_bytes;    /* of log kept only for that; default 8 GiB */
        enum tsdb_sync sync;        /* default TSDB_SYNC_SECOND */
        bool manual;                /* for tests: no threads; tsdb_maintain does their work */
        /* Told of damage and disk state, from any thread, without locks held that reading or
         * appending needs; must not call the store. May be NULL. */
        void (*on_event)(void *ctx, const struct tsdb_event *event);
        void *event_ctx;
};

void tsdb_options_init(struct tsdb_options *options, const char *dir);

/* Opens or creates a store and starts its threads. ERROR_IO when the directory cannot be used or
 * is open elsewhere, ERROR_FULL when there is no room even to start, ERROR_INVALID for options
 * that make no sense, ERROR_UNSUPPORTED when its files are of another version. */
NODISCARD bool tsdb_open(struct tsdb **ret_tsdb, const struct tsdb_options *options,
                         struct error *err);

/* Writes open data into parts (while there is room) and closes. All queriers must be closed and
 * nobody may append any more. Takes NULL, returns NULL. */
struct tsdb *tsdb_close(struct tsdb *tsdb);

/* The seams. Valid while the store is open. */
struct series_sink tsdb_sink(struct tsdb *tsdb);
struct series_source tsdb_source(struct tsdb *tsdb);
/* What is appended, read behind it: model/feed.h. */
struct sample_feed;
struct sample_feed tsdb_feed(struct tsdb *tsdb);

/* Changes retention and limits while running: retention_ms, retention_bytes, retention_rules,
 * out_of_order_ms, max_ahead_ms, series_limit and exemplar_limit of `options` are taken, the rest
 * is ignored. */
void tsdb_reconfigure(struct tsdb *tsdb, const struct tsdb_options *options);

/* Makes everything open a sealed part and merges each partition into one. ERROR_FULL. */
NODISCARD bool tsdb_seal(struct tsdb *tsdb, struct error *err);

/* One round of what the background threads do: flush what is due, merge, retention. */
NODISCARD bool tsdb_maintain(struct tsdb *tsdb, struct error *err);

/* Deletes what is stored now of the series that match any of the selectors, in [mint_ms, maxt_ms].
 * Durable when it returns; disk space comes back with tsdb_clean_tombstones. ERROR_FULL. */
NODISCARD bool tsdb_delete(struct tsdb *tsdb, const struct series_selector *selectors,
                           size_t selector_count, int64_t mint_ms, int64_t maxt_ms,
                           struct error *err);

/* Rewrites the parts that hold deleted samples, and forgets series of which nothing is left.
 * ERROR_FULL. */
NODISCARD bool tsdb_clean_tombstones(struct tsdb *tsdb, struct error *err);

/* Makes `dir`, which must not exist, a store of its own with what is stored now, by hard links: on
 * the same file system. With skip_open what is not in parts yet is left out. ERROR_FULL,
 * ERROR_IO. */
NODISCARD bool tsdb_snapshot(struct tsdb *tsdb, const char *dir, bool skip_open,
                             struct error *err);

/* Bringing in samples of any age, as backfilling does, past the log: several times as fast as
 * appending. They are seen, and durable, once the import is flushed; retention applies. Where a
 * timestamp is stored already, what is stored stays. One thread per import. */
struct tsdb_import;
struct tsdb_import *tsdb_import_new(struct tsdb *tsdb);
/* Samples of one series (of the sink's resolve) in any order; copied. Flushes by itself when it
 * holds too much memory. ERROR_FULL; ERROR_INVALID for timestamps beyond what is possible. */
NODISCARD bool tsdb_import_add(struct tsdb_import *import, series_ref ref,
                               const struct samples *samples, struct error *err);
NODISCARD bool tsdb_import_flush(struct tsdb_import *import, struct error *err);
/* Drops what was not flushed. Takes NULL, returns NULL. */
struct tsdb_import *tsdb_import_free(struct tsdb_import *import);

/* Something about a file of a store; `what` says it in words. */
struct tsdb_finding {
        const char *file; /* relative to the store's directory */
        uint64_t offset, size_bytes;
        const char *what;
};

struct tsdb_check {
        uint64_t files, bytes;     /* looked at */
        uint64_t blocks, records, frames; /* whose checksums were checked */
        uint64_t damaged;          /* findings */
        uint64_t leftovers;        /* files that the manifest does not name: harmless */
        void (*found)(void *ctx, const struct tsdb_finding *finding); /* told of all; may be NULL */
        void *ctx;
};

/* Checks every checksum of every file of a store that no process has open; set `found`, the rest
 * zero. ERROR_NOT_FOUND when there is no store, ERROR_EXECUTION when it is open, ERROR_UNSUPPORTED
 * when it is of another version; damage is no error. */
NODISCARD bool tsdb_verify(const char *dir, struct tsdb_check *check, struct error *err);

/* Opens such a store, rewrites what is damaged, and tells what was cut. Afterwards tsdb_verify
 * finds nothing. ERROR_FULL. */
NODISCARD bool tsdb_repair(const char *dir, struct tsdb_check *check, struct error *err);

/* Whether writes are refused because the disk is full. Cheap. */
bool tsdb_is_full(const struct tsdb *tsdb);

enum { TSDB_OUTCOMES = APPEND_UNKNOWN_SERIES + 1 };

/* Counters run since the start of the process. */
struct tsdb_stats {
        uint64_t series;               /* known now */
        uint64_t series_created;
        uint64_t series_forgotten;     /* no data left within retention */
        uint64_t series_refused;       /* series_limit */
        uint64_t outcomes[TSDB_OUTCOMES]; /* samples by enum append_outcome; [APPEND_OK] stored */
        uint64_t append_failures;      /* whole batches refused: disk full */
        uint64_t exemplars;            /* kept now */
        uint64_t exemplar_outcomes[TSDB_OUTCOMES];
        uint64_t open_samples;         /* in memory, not in a part yet */
        uint64_t parts;
        uint64_t blocks;               /* of one series each, in all parts */
        uint64_t block_samples;
        uint64_t part_bytes;
        uint64_t wal_bytes;            /* would be replayed now */
        uint64_t wal_segments;
        uint64_t wal_syncs;
        int64_t wal_sync_max_ns;       /* longest fdatasync so far */
        uint64_t replayed_records, replayed_samples;
        int64_t open_ns;               /* what tsdb_open took */
        uint64_t flushes, merges;
        uint64_t merged_samples;
        uint64_t parts_expired;        /* dropped by retention */
        uint64_t tombstones;           /* deletions whose samples may still be on the disk */
        uint64_t events[TSDB_EVENT_KINDS];
        int64_t min_t_ms, max_t_ms;    /* over everything stored; min > max when empty */
        uint64_t label_names, label_pairs;
        uint64_t index_bytes;          /* memory of labels and postings */
        uint64_t open_bytes;           /* memory of open samples */
        bool full;
};

void tsdb_stats(struct tsdb *tsdb, struct tsdb_stats *ret_stats);

/* A sealed file of blocks. */
struct tsdb_part_info {
        uint64_t number;
        int64_t min_t_ms, max_t_ms;
        uint64_t samples, series, blocks, bytes;
        uint32_t level;
};

/* All parts, by time, then age. Lives in `arena`. ERROR_LIMIT past its budget. */
NODISCARD bool tsdb_parts(struct tsdb *tsdb, struct arena *arena,
                          struct tsdb_part_info **ret_parts, size_t *ret_count,
                          struct error *err);

struct tsdb_count {
        struct str name;  /* metric name, label name, or "name=value" */
        uint64_t value;
};

struct tsdb_count_list {
        struct tsdb_count *items; /* largest first, then by name */
        size_t count;
};

/* What costs most, as Prometheus's /api/v1/status/tsdb shows it. At most `limit` entries each. */
struct tsdb_cardinality {
        struct tsdb_count_list series_by_metric;
        struct tsdb_count_list values_by_label;
        struct tsdb_count_list bytes_by_label; /* of all its values, once per series */
        struct tsdb_count_list series_by_pair;
};

/* Lives in `arena`. ERROR_LIMIT past its budget. */
NODISCARD bool tsdb_cardinality(struct tsdb *tsdb, struct arena *arena, size_t limit,
                                struct tsdb_cardinality *ret, struct error *err);

#endif

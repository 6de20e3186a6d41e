/* tsdb/store_int.h - the store's own state; shared by its files, never by others.
 *
 * Locks, outermost first: merge_lock, maintain_lock (one flush, merge or retention step changes
 * the set of parts at a time), append_lock, index_swap, retained_lock, view_lock. Each field names
 * its lock. Reading takes view_lock for a moment to reference the current view and then needs none.
 */
#ifndef TSDB_STORE_INT_H
#define TSDB_STORE_INT_H

#include <pthread.h>

#include "base/file.h"
#include "tsdb/exemplars_int.h"
#include "tsdb/index_int.h"
#include "tsdb/memtable_int.h"
#include "tsdb/part_int.h"
#include "tsdb/retained_int.h"
#include "tsdb/tombstones_int.h"
#include "tsdb/tsdb.h"
#include "wal/wal.h"

/* What a query reads: immutable but for the last memtable, which grows. */
struct view {
        _Atomic uint32_t references;
        struct part **parts; /* by partition, then sequence */
        size_t part_count;
        struct memtable **memtables; /* oldest first; the last is appended to */
        size_t memtable_count;
        struct tombstones *tombstones; /* of the parts; NULL: none */
};

/* The newest sample of a series; all zero before the first. */
struct series_state {
        uint64_t newest_key; /* timestamp with its sign bit flipped, plus nothing: 0 is "none" */
        uint64_t newest_bits; /* sample_record_bits */
};

static inline uint64_t state_key(int64_t t_ms)
{
        return (uint64_t)t_ms ^ 1ull << 63;
}

static inline int64_t state_time(uint64_t key)
{
        return (int64_t)(key ^ 1ull << 63);
}

extern struct alloc_type store_type;

/* Scratch of an append beyond this is given back. */
enum { GROUP_KEPT_BYTES = 1 << 20 };

/* Timestamps beyond this (35,000 years) are refused, so that sums of two never overflow. */
#define STORE_T_MAX_MS ((int64_t)1 << 50)

/* Kinds of log records; payloads in log.c. */
enum { LOG_SERIES = 1, LOG_SAMPLES = 2, LOG_RECORDS = 3, LOG_EXEMPLARS = 4 };

/* A sample of the batch that is being appended. */
struct accepted {
        uint32_t series;
        uint32_t extra;              /* more than a float: its place in the batch plus one */
        struct sample sample;
        struct series_state before;
        struct series_state *state; /* NULL when the sample is not the newest */
};

struct sample_record;

struct tsdb {
        char *dir;
        struct clock clock;
        struct tsdb_options options; /* as opened; the limits below may change */
        _Atomic int64_t retention_ms, out_of_order_ms, max_ahead_ms;
        _Atomic int64_t longest_retention_ms; /* with the rules' */
        _Atomic uint64_t retention_bytes, series_limit;
        struct file lock_file;
        struct wal *wal;

        _Atomic bool full;
        _Atomic bool refuses_series; /* at its limit, which was told */
        _Atomic uint32_t next_series;

        pthread_mutex_t append_lock;
        pthread_cond_t flushed;          /* append_lock; a flush ended, or the disk state changed */
        struct pages states;             /* append_lock; struct series_state by series */
        uint32_t logged_series;          /* append_lock; ids below are in log or series files */
        struct memtable *open;           /* append_lock; last memtable of the view */
        uint64_t open_wal_bytes;         /* append_lock; logged since the last flush began */
        uint64_t frozen_wal_bytes;       /* append_lock; of memtables not yet flushed */
        /* The newest sample of a series below this id that has no state may be in the parts,
         * where nothing is newer than this. */
        int64_t recovered_max_t_ms;      /* append_lock */
        uint32_t recovered_series;       /* append_lock */
        struct buf group;                /* append_lock; scratch */
        struct accepted *accepted;       /* append_lock; scratch */
        size_t accepted_capacity;
        struct buf records;              /* append_lock; scratch */

        struct exemplars exemplars;
        _Atomic uint64_t exemplar_limit;
        uint64_t saved_exemplars;        /* maintain_lock; arrivals below are in files */
        uint64_t *exemplar_files;        /* maintain_lock; oldest first */
        size_t exemplar_file_count, exemplar_file_capacity;

        pthread_rwlock_t index_swap;     /* for writing: the index is replaced */

        pthread_mutex_t view_lock;
        struct view *view;               /* view_lock; one reference */
        struct index *index;             /* view_lock to reference; index_swap to replace */

        pthread_mutex_t retained_lock;
        struct retention_rules *retention_rules; /* retained_lock */
        struct retained *retained;       /* retained_lock; the newest made, may be outdated */

        pthread_mutex_t maintain_lock;
        pthread_mutex_t merge_lock;      /* one merge at a time; outside of maintain_lock */
        _Atomic uint64_t next_file;      /* numbers of part and series files */
        uint64_t next_sequence;          /* maintain_lock */
        uint64_t wal_first;              /* maintain_lock; first segment to replay */
        uint32_t saved_series;           /* maintain_lock; ids below are in a series file */
        struct series_file *series_files;/* maintain_lock */
        size_t series_file_count, series_file_capacity;
        uint32_t forget_below;           /* maintain_lock; series created before the last round */
        int64_t forgot_at_ms;            /* maintain_lock; monotonic */
        int64_t sifted_at_ms;            /* merge_lock; monotonic */
        bool has_reserve;                /* maintain_lock */

        /* Background threads. */
        pthread_mutex_t worker_lock;
        pthread_cond_t worker_wake;
        bool stopping;                   /* worker_lock */
        bool flush_due;                  /* worker_lock */
        bool merge_due;                  /* worker_lock */
        bool workers_run;
        pthread_t sync_thread, flush_thread, merge_thread;

        /* Counters. */
        _Atomic uint64_t outcomes[TSDB_OUTCOMES], append_failures;
        _Atomic uint64_t exemplar_outcomes[TSDB_OUTCOMES];
        _Atomic uint64_t series_created, series_forgotten, series_refused;
        _Atomic uint64_t events[TSDB_EVENT_KINDS];
        _Atomic uint64_t flushes, merges, merged_samples, parts_expired;
        uint64_t replayed_records, replayed_samples; /* fixed once open */
        uint64_t orphans; /* replayed samples of unknown series */
        int64_t open_ns;
};

/* ---- view.c -------------------------------------------------------------------------------- */

struct view *store_view(struct tsdb *tsdb); /* a reference to the current one */
struct view *view_unref(struct view *view);
struct index *store_index(struct tsdb *tsdb); /* a reference */
/* Makes a new view current: parts in `gone` leave, those in `come` enter (the view takes their
 * references), memtables up to and including `flushed` leave, `fresh` enters last. */
struct view_change {
        struct part *const *gone;
        size_t gone_count;
        struct part *const *come;
        size_t come_count;
        const struct memtable *flushed;
        struct memtable *fresh;
        bool new_tombstones;            /* these take the place of the old ones; a reference */
        struct tombstones *tombstones;
};
void store_change_view(struct tsdb *tsdb, const struct view_change *change);

/* ---- retention.c --------------------------------------------------------------------------- */

/* What the rules mean for the series of the index: a reference, NULL without rules. */
struct retained *store_retained(struct tsdb *tsdb, struct index *index);
void store_set_rules(struct tsdb *tsdb, const struct tsdb_options *options);

/* ---- events.c ------------------------------------------------------------------------------ */

void store_event(struct tsdb *tsdb, enum tsdb_event_kind kind, const char *file, uint64_t offset,
                 uint64_t size_bytes);
void store_block_damaged(struct tsdb *tsdb, const struct part *part, size_t block);
/* Enters or leaves the full-disk state. Not under append_lock. */
void store_set_full(struct tsdb *tsdb, bool full);

/* ---- log.c --------------------------------------------------------------------------------- */

/* Adds records that define the series from..end-1 to a group, each twice, so that one damaged
 * record does not orphan samples behind it. */
void log_series(struct buf *group, const struct index *index, uint32_t from, uint32_t end);

struct log_samples {
        struct buf *group;
        uint8_t kind;
        size_t begin;
        uint32_t previous_series;
        int64_t previous_t_ms;
};
void log_samples_begin(struct log_samples *log, struct buf *group, uint8_t kind);
void log_samples_add(struct log_samples *log, uint32_t series, int64_t t_ms, double v);
void log_samples_add_record(struct log_samples *log, uint32_t series, int64_t t_ms,
                            struct str record);
void log_exemplars_add(struct log_samples *log, const struct exemplar_item *item);
void log_samples_end(struct log_samples *log);

/* Reads a payload back; false when it makes no sense (what was read up to there was handed on). */
struct log_reader {
        void (*series)(void *ctx, uint32_t id, struct labels labels);
        void (*sample)(void *ctx, uint32_t series, struct sample sample);
        /* A sample that is more than a float; `bytes` is what `record` was read from. */
        void (*record)(void *ctx, uint32_t series, int64_t t_ms, struct str bytes,
                       const struct sample_record *record);
        void (*exemplar)(void *ctx, const struct exemplar_item *item);
        void *ctx;
};
bool log_read(uint8_t kind, struct str payload, const struct log_reader *reader);
bool log_read_definitions(struct str plain, const struct log_reader *reader); /* uncompressed */

/* ---- append_group.c ------------------------------------------------------------------------ */

/* Begin takes append_lock and puts what the log does not know yet of series into the group; add
 * records, write, make visible what was written, end. ERROR_FULL. */
struct append_group {
        uint32_t next_series;
        uint64_t position; /* behind it in the log */
};
NODISCARD bool append_group_begin(struct tsdb *tsdb, struct append_group *group,
                                  struct error *err);
NODISCARD bool append_group_write(struct tsdb *tsdb, struct append_group *group);
/* `ok`: what writing said. Releases append_lock. */
NODISCARD bool append_group_end(struct tsdb *tsdb, const struct append_group *group, bool ok,
                                struct error *err);

/* ---- append_exemplars.c -------------------------------------------------------------------- */

bool store_append_exemplars(void *ctx, const struct append_exemplar *exemplars, size_t count,
                            uint8_t *outcomes, struct error *err);
/* One that comes from the log or a file at open. */
void store_replay_exemplar(struct tsdb *tsdb, const struct exemplar_item *item);
/* Puts what arrived since the last time into a file, before the log forgets it. maintain_lock. */
NODISCARD bool store_save_exemplars(struct tsdb *tsdb, struct error *err);
/* Puts all into one file, and removes the others. */
NODISCARD bool store_rewrite_exemplars(struct tsdb *tsdb, struct error *err);
NODISCARD bool store_load_exemplars(struct tsdb *tsdb, struct arena *arena, struct error *err);
/* The content of such a file; false when it is damaged (what was read before was handed on). */
bool exemplar_frames_read(struct str bytes, const struct log_reader *reader);

/* ---- append.c ------------------------------------------------------------------------------ */

bool store_resolve(void *ctx, struct labels labels, series_ref *ret_ref, struct error *err);
bool store_append(void *ctx, const struct append_sample *samples,
                  const struct append_extra *extras, size_t count, uint8_t *outcomes,
                  struct error *err);
/* Samples that come from the log at open. */
void store_replay_sample(struct tsdb *tsdb, uint32_t series, struct sample sample);
void store_replay_record(struct tsdb *tsdb, uint32_t series, int64_t t_ms, struct str bytes,
                         const struct sample_record *record);

/* Asks for a flush (in the background, or nothing in manual mode). */
void store_wake_flush(struct tsdb *tsdb);

/* ---- querier.c ----------------------------------------------------------------------------- */

bool store_open_querier(void *ctx, int64_t mint_ms, int64_t maxt_ms, struct querier **ret_querier,
                        struct error *err);
/* All samples of a series in a view, in time order, one per timestamp. */
void view_read(struct tsdb *tsdb, const struct view *view, uint32_t series, int64_t mint_ms,
               int64_t maxt_ms, struct samples *samples);
/* Whether anything in the view may hold samples of the series in the range. */
bool view_has(const struct view *view, uint32_t series, int64_t mint_ms, int64_t maxt_ms);
/* Brings the samples from `from` on, which stand in order of precedence, in order of time; of
 * one timestamp the first stays. */
void samples_settle(struct samples *samples, size_t from);

#endif

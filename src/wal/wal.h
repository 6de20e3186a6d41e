/* wal/wal.h - a write-ahead log: numbered segment files of checksummed records.
 *
 * The owner appends groups of records; a group is in the kernel's hands (survives kill -9) when
 * wal_append returns, and on the disk when wal_sync returns. At open every record is handed back
 * in order. A log is never appended to where an older process stopped: it goes on in a new
 * segment. Format: docs/format/wal.md.
 *
 * Damage: bytes that are no valid record are skipped up to the next valid one and reported; at
 * the end of the last segment they are a torn tail and cut off.
 *
 * Thread-safe, except that wal_open and wal_close are alone.
 */
#ifndef WAL_WAL_H
#define WAL_WAL_H

#include "base/buf.h"
#include "base/error.h"

struct wal;

/* Told while records are read. Both may be NULL. */
struct wal_visitor {
        /* One valid record; the payload is valid during the call. */
        void (*record)(void *ctx, uint64_t segment, uint8_t kind, struct str payload);
        /* Bytes that are no record: cut off the end of the log, or skipped in the middle. */
        void (*damage)(void *ctx, uint64_t segment, uint64_t offset, uint64_t size_bytes,
                       bool tail);
        void *ctx;
};

struct wal_options {
        const char *dir;           /* exists */
        uint64_t segment_bytes;    /* preallocated; a larger record group gets a larger one */
        uint64_t first_segment;    /* older ones are not read; 0: read all */
        uint64_t held_segment;     /* of those older ones, from here on they stay for a tail; 0:
                                      all are removed */
        uint64_t held_max_bytes;   /* what may stay for a tail; 0: no limit */
};

/* ERROR_FULL when no new segment can be made. */
NODISCARD bool wal_open(struct wal **ret_wal, const struct wal_options *options,
                        const struct wal_visitor *visitor, struct error *err);
struct wal *wal_close(struct wal *wal); /* does not sync, gives back reserved room; takes NULL */

/* Building a group: begin, append the payload to the buffer, end. */
size_t wal_record_begin(struct buf *group, uint8_t kind); /* returns where it begins */
void wal_record_end(struct buf *group, size_t begin);

/* Payload of the record that begins at *at; moves on to the next one. */
struct str wal_record_payload(const struct buf *group, size_t *at);

/* Payload limit of one record. */
enum { WAL_RECORD_MAX_BYTES = 64 << 20 };

/* Writes a group of whole records (its checksums are filled in). On failure (ERROR_FULL, or
 * ERROR_IO) nothing of it will be replayed. ret_position is for wal_sync. */
NODISCARD bool wal_append(struct wal *wal, struct buf *group, uint64_t *ret_position,
                          struct error *err);

/* Returns when everything up to `position` is on the disk; callers share one fdatasync. Position
 * UINT64_MAX: everything appended so far. ERROR_FULL. */
NODISCARD bool wal_sync(struct wal *wal, uint64_t position, struct error *err);

/* Makes sure that the next segment is there, so that appending needs no new room for a while.
 * ERROR_FULL. */
NODISCARD bool wal_prepare(struct wal *wal, struct error *err);

/* Ends the current segment; what is appended from now on is in the segment returned or later. */
NODISCARD bool wal_cut(struct wal *wal, uint64_t *ret_segment, struct error *err);
/* Removes all segments before `segment`. */
void wal_drop_before(struct wal *wal, uint64_t segment);

/* Segments from `segment` on stay, dropped or not, for whoever reads the log's tail, as long as
 * what stays only for that is within held_max_bytes: beyond it the oldest go. UINT64_MAX: none. */
void wal_hold(struct wal *wal, uint64_t segment);

/* Reads records behind the one who writes them. One thread at a time. */
struct wal_tail {
        struct wal *wal;
        uint64_t segment, offset;  /* of the next record; 0, 0: the oldest there is */
        int fd;                    /* of open_segment; -1: none */
        uint64_t open_segment;
        struct buf record;
};

void wal_tail_init(struct wal_tail *tail, struct wal *wal, uint64_t segment, uint64_t offset);
void wal_tail_release(struct wal_tail *tail);
/* The next record; false at the end of what is written, or with an error (ERROR_NONE at the end).
 * The payload is valid until the next call. */
NODISCARD bool wal_tail_next(struct wal_tail *tail, uint8_t *ret_kind, struct str *ret_payload,
                             struct error *err);
/* Where the next record that is written will be, at the earliest. */
void wal_end(struct wal *wal, uint64_t *ret_segment, uint64_t *ret_offset);
/* Bytes of records from that place to the end. */
uint64_t wal_bytes_behind(struct wal *wal, uint64_t segment, uint64_t offset);

struct wal_stats {
        uint64_t segments;
        uint64_t held_bytes;    /* that stay only for a tail */
        uint64_t held_lost_bytes; /* removed though a tail was to read them: over the limit */
        uint64_t bytes;         /* of records in them */
        uint64_t syncs;
        int64_t sync_max_ns;
};

void wal_stats(struct wal *wal, struct wal_stats *ret_stats);

/* Reads the bytes of one segment file; what wal_open does for each. Returns the offset behind the
 * last valid record. */
uint64_t wal_scan(const uint8_t *data, size_t len, uint64_t segment, bool last,
                  const struct wal_visitor *visitor);

#endif

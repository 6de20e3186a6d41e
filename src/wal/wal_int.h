/* wal/wal_int.h - the bytes of a segment; shared by the writer and the reader. */
#ifndef WAL_WAL_INT_H
#define WAL_WAL_INT_H

#include <pthread.h>

#include "base/file.h"
#include "wal/wal.h"

/* Segment NNNNNNNNNNNNNNNN.wal (its number, 16 hexadecimal digits), little-endian:
 *
 *   offset size
 *   0      8    "PWWAL\0\0\1"
 *   8      8    number of the segment, as in the name
 *   16     ...  records, each at a multiple of 8; zeros behind the last
 *
 * Record:
 *   0      4    magic 0x52575750 ("PWWR")
 *   4      4    payload length n, at most 64 MiB
 *   8      4    crc32c of: segment number (8), offset of the record in the file (8), bytes 12..16+n
 *   12     1    kind, the owner's
 *   13     3    zero
 *   16     n    payload
 *   16+n   0-7  zeros up to a multiple of 8
 *
 * The place is part of the checksum, so that bytes from elsewhere never pass for a record. The
 * segment header is not needed to read the records. */
#define WAL_SEGMENT_MAGIC "PWWAL\0\0\1"
enum {
        WAL_SEGMENT_HEADER_BYTES = 16,
        WAL_RECORD_MAGIC = 0x52575750,
        WAL_RECORD_HEADER_BYTES = 16,
        WAL_CHECKED_FROM = 12,
        WAL_ALIGNMENT = 8,
};

enum { WAL_PATH_BYTES = 4096 };

struct wal_segment {
        uint64_t number;
        uint64_t used_bytes;
        struct file file;
};

/* A segment that stays only for a tail. */
struct wal_held {
        uint64_t number;
        uint64_t used_bytes;
};

struct wal {
        char *dir;
        uint64_t segment_bytes;

        pthread_mutex_t lock;
        pthread_cond_t synced;
        /* All below: lock. */
        struct wal_segment *segments;   /* oldest first; the last one is written to */
        size_t count, capacity;
        size_t unsynced;            /* segments[unsynced..] may have unsynced bytes */
        bool closed;                /* the last segment takes no more records */
        struct wal_segment spare;       /* made ready ahead of need; number 0: none */
        uint64_t next_number;
        uint64_t position;          /* bytes appended since open */
        uint64_t synced_position;
        bool syncing;
        uint64_t hold;              /* segments from here on stay for a tail */
        uint64_t held_max_bytes;
        struct wal_held *held;  /* dropped but for that, oldest first */
        size_t held_count, held_capacity;
        uint64_t held_bytes, held_lost_bytes;
        uint64_t syncs;
        int64_t sync_max_ns;
};

/* In tail.c. Removes a segment, or keeps it for a tail. With the lock. */
void wal_segment_drop(struct wal *wal, uint64_t number, uint64_t used_bytes);
void wal_segment_path(const struct wal *wal, uint64_t number, char *path);

static inline size_t wal_padded(size_t len)
{
        return (len + WAL_ALIGNMENT - 1) & ~(size_t)(WAL_ALIGNMENT - 1);
}

/* `checked` is the record from byte 12 on. */
uint32_t wal_record_crc(uint64_t segment, uint64_t offset, const uint8_t *checked, size_t len);

#endif

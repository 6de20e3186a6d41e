/* tsdb/part_int.h - part files: sealed blocks of many series in one time partition.
 *
 * Written once, then immutable, memory-mapped and reference counted. A file goes when the last
 * reference to a doomed part goes.
 */
#ifndef TSDB_PART_INT_H
#define TSDB_PART_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/file.h"
#include "tsdb/chunk_int.h"

struct tsdb_event;

/* Part NNNNNNNNNNNNNNNN.part (its number, 16 hexadecimal digits), little-endian:
 *
 *   0         64   head
 *   64        ...  blocks (chunk_int.h): those of series by series id, then time; among them
 *                  those of timestamps, each twice, the first before any block that shares it
 *   i         4n   series id of each block of a series; i is a multiple of 8
 *   i+4n      4n   offset of each in the file
 *   i+8n      8m   of each column of shared timestamps, by number: offsets of its two blocks
 *   i+8n+8m   120  foot: the head again, then:
 *     64      8    i
 *     72      8    n, number of blocks of series
 *     80      8    m, number of columns of shared timestamps
 *     88      8    samples in all blocks
 *     96      8    least timestamp, ms
 *     104     8    greatest timestamp, ms
 *     112     4    crc32c of the index, the bytes from i to the foot
 *     116     4    crc32c of the 116 bytes before
 *
 * Head:
 *   0         8    "PWPART\0\3"
 *   8         8    base time: begin of the partition, ms
 *   16        8    length of the partition, ms
 *   24        8    first sequence number whose data is here
 *   32        8    last one
 *   40        4    level: 0 as flushed, else 1 + the highest level merged
 *   44        16   zero
 *   60        4    crc32c of the 60 bytes before
 *
 * Sequence numbers count flushes. Where two parts hold the same timestamp of a series, the one of
 * the lower sequence number is right. A part whose sequence range lies within that of another part
 * of its partition has been merged into that one. With the foot or the index damaged, both are
 * rebuilt by walking the blocks. */
enum {
        PART_HEAD_BYTES = 64,
        PART_FOOT_BYTES = 120,
        /* Offsets are 32 bits; what may still come when a part grew so large is far less than
         * the rest. */
        PART_MAX_BLOCK_BYTES = 0xf0000000,
};

struct part_head {
        int64_t base_ms, length_ms;
        uint64_t first_sequence, last_sequence;
        uint32_t level;
};

struct part {
        _Atomic uint32_t references;
        _Atomic bool doomed; /* remove the file with the last reference */
        char *path;
        uint64_t number;
        uint64_t identity;       /* unlike that of any other that this process opens; not 0 */
        int64_t opened_ns;       /* by the store's monotonic clock; the store sets it */
        struct part_head head;
        int64_t min_t_ms, max_t_ms;
        uint64_t samples;
        struct file_map map;
        const uint32_t *series;  /* of each block */
        const uint32_t *offsets;
        size_t block_count;
        const uint32_t *times;   /* two offsets of each column of timestamps; 0: not there */
        size_t times_count;
        _Atomic uint8_t *intact_times; /* of each: copy number plus one that was found intact */
        uint64_t blocks_end;     /* offset behind the last block */
        uint32_t *rebuilt;       /* holds series, offsets and times when the index was damaged */
        pthread_mutex_t lock;
        uint32_t *damaged;       /* lock; blocks found damaged so far */
        size_t damaged_count, damaged_capacity;
};

/* The file name of a part in a directory, and back. */
enum { PART_PATH_BYTES = 4096 };
void part_path(const char *dir, uint64_t number, char *path);
bool part_number(const char *name, uint64_t *ret_number);

/* Opens a part, which then has one reference. ERROR_CORRUPT when nothing in it can be used,
 * ERROR_UNSUPPORTED when it is of another version, ERROR_NOT_FOUND, ERROR_IO. ret_rebuilt tells
 * that its index was damaged. */
NODISCARD bool part_open(struct part **ret_part, const char *dir, uint64_t number,
                         bool *ret_rebuilt, struct error *err);
struct part *part_ref(struct part *part);
struct part *part_unref(struct part *part); /* takes NULL, returns NULL */

/* Lets go of the memory that looking through the whole index made resident: a search for one series
 * touches little of it. */
void part_forget_index(const struct part *part);

/* First block of the series, or block_count when it has none; its blocks follow each other. */
size_t part_find(const struct part *part, uint32_t series);

/* Parses block `at`. False when it is damaged; ret_new tells whether that is news. */
bool part_block(struct part *part, size_t at, struct chunk *ret_chunk, bool *ret_new);
/* Notes that block `at` is damaged; true when that is news. */
bool part_note_damage(struct part *part, size_t at);
uint64_t part_block_offset(const struct part *part, size_t at);
/* Whether the copy (0 or 1) of a column of shared timestamps is intact; its offset. */
bool part_times_intact(const struct part *part, size_t number, int copy, uint64_t *ret_offset);
bool part_head_intact(const struct part *part);

/* Writes a part. Add blocks by ascending series and time, then finish, or abandon. */
struct part_writer;

NODISCARD bool part_writer_new(struct part_writer **ret_writer, const char *dir, uint64_t number,
                               const struct part_head *head, struct error *err);
/* Adds the samples [from, from + count), as many as chunk_extent allows. */
NODISCARD bool part_writer_add(struct part_writer *writer, uint32_t series,
                               const struct samples *samples, size_t from, size_t count,
                               struct error *err);
uint64_t part_writer_bytes(const struct part_writer *writer);
/* Completes the file and puts it on the disk (the directory's entry is the caller's to sync). */
NODISCARD bool part_writer_finish(struct part_writer *writer, struct error *err);
/* Removes what was written; takes NULL. Either of the two ends the writer. */
struct part_writer *part_writer_abandon(struct part_writer *writer);

#endif

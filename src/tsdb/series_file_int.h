/* tsdb/series_file_int.h - files that say which id is which label set. Each exists twice, byte for
 * byte: labels are the one thing whose damage would cost more than the damaged block. */
#ifndef TSDB_SERIES_FILE_INT_H
#define TSDB_SERIES_FILE_INT_H

#include "tsdb/index_int.h"

/* Series file NNNNNNNNNNNNNNNN.series (its number, 16 hexadecimal digits) and its copy .mirror,
 * little-endian:
 *
 *   0   8   "PWSERIE\1"
 *   8   4   first id of the range that the file covers
 *   12  4   id behind the range
 *   16  4   series in the file
 *   20  4   crc32c of the 20 bytes before
 *   24  ... frames
 *
 * Frame:
 *   0   4   magic 0x46535750 ("PWSF")
 *   4   4   length n of the payload
 *   8   4   crc32c of: the offset of the frame in the file (8 bytes), the payload
 *   12  n   payload: one zstd frame of
 *     varint  number of symbols, then of each: varint length, bytes
 *     varint  number of pairs, then of each: varint name, varint value (indexes of symbols)
 *     to the end, of each series: varint id minus the previous one (0 at first), varint number of
 *             labels, varints: indexes of pairs, in label order
 */
struct series_file {
        uint64_t number;
        uint32_t first, end; /* covers the ids [first, end) */
        uint32_t series;
        uint64_t bytes;      /* of both copies */
};

/* Writes the known series among [first, end), twice, and puts both on the disk. */
NODISCARD bool series_file_write(const char *dir, uint64_t number, const struct index *index,
                                 uint32_t first, uint32_t end, struct series_file *ret_file,
                                 struct error *err);

struct series_damage {
        uint64_t repaired_frames, lost_frames;
};

/* Restores into the index what the file holds, from whichever copy is intact frame by frame.
 * ERROR_NOT_FOUND when neither copy exists, ERROR_CORRUPT when neither has a usable head. */
NODISCARD bool series_file_load(const char *dir, uint64_t number, struct index *index,
                                struct series_file *ret_file, struct series_damage *ret_damage,
                                struct error *err);
/* Checks one copy (0: the file, 1: its mirror) alone; counts its frames, names what is damaged. */
bool series_file_check(const char *dir, uint64_t number, int copy, uint64_t *frames,
                       void (*damaged)(void *ctx, uint64_t offset, uint64_t size_bytes),
                       void *ctx);
void series_file_discard(const char *dir, uint64_t number);
bool series_file_number(const char *name, uint64_t *ret_number); /* of either copy's name */

/* One frame's payload into the index; false when it makes no sense. */
bool series_frame_read(struct str payload, struct index *index);

#endif

/* wal/wal_int.h - the bytes of a segment; shared by the writer and the reader. */
#ifndef WAL_WAL_INT_H
#define WAL_WAL_INT_H

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

static inline size_t wal_padded(size_t len)
{
        return (len + WAL_ALIGNMENT - 1) & ~(size_t)(WAL_ALIGNMENT - 1);
}

/* `checked` is the record from byte 12 on. */
uint32_t wal_record_crc(uint64_t segment, uint64_t offset, const uint8_t *checked, size_t len);

#endif

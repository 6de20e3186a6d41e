/* formats/prom_block_int.h - what reader and writer of blocks share: numbers in big-endian, magic
 * numbers.
 *
 * index:  magic 4, version 1, then sections; each is length 4 (of what follows but the CRC),
 *         bytes, crc32c 4:
 *   symbols            count 4, then of each: varint length, bytes
 *   series             each at a multiple of 16: varint length, bytes, crc; its reference is
 *                      offset / 16
 *   postings           each at a multiple of 4: count 4, references 4 each
 *   postings table     count 4, then of each: varint 2, name, value, varint offset of postings
 *   table of contents  the last 52 bytes: symbols, series, label index, label index table,
 *                      postings, postings table (8 each), crc
 * chunks: magic 4, version 1, zero 3, then chunks: varint length, encoding 1, bytes, crc of both;
 *         a reference is segment << 32 | offset
 */
#ifndef FORMATS_PROM_BLOCK_INT_H
#define FORMATS_PROM_BLOCK_INT_H

#include <endian.h>
#include <string.h>

#include "base/reader.h"

enum {
        PROM_INDEX_MAGIC = 0xbaaad700,
        PROM_CHUNKS_MAGIC = 0x85bd40dd,
        PROM_TOMBSTONES_MAGIC = 0x0130ba30,
        PROM_INDEX_VERSION = 2,
        PROM_TOC_BYTES = 52,
        PROM_SERIES_ALIGN = 16,
        PROM_SEGMENT_HEAD_BYTES = 8,
};

static inline uint32_t prom_u32(struct reader *r)
{
        return be32toh(reader_u32(r));
}

static inline uint64_t prom_u64(struct reader *r)
{
        return be64toh(reader_u64(r));
}

#endif

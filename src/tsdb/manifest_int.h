/* tsdb/manifest_int.h - which files make up the store. */
#ifndef TSDB_MANIFEST_INT_H
#define TSDB_MANIFEST_INT_H

#include "base/arena.h"
#include "base/error.h"

/* File MANIFEST, little-endian; written aside as MANIFEST.new, synced, renamed. Files it does not
 * name are leftovers. When it is damaged the store is put together from the files there are.
 *
 *   0       8    "PWMANIF\3"; the last byte is the version of all of the store's formats
 *   8       8    next number of a part or series file
 *   16      8    next sequence number (part_int.h)
 *   24      8    first log segment to replay
 *   32      4    next series id; the series files hold every id below
 *   36      4    p, number of parts
 *   40      4    s, number of series files
 *   44      4    zero
 *   48      8p   numbers of the parts
 *   48+8p   8s   numbers of the series files
 *   ...     4    crc32c of all before
 */
struct manifest {
        uint64_t next_file, next_sequence, wal_first;
        uint32_t next_series;
        uint64_t *parts;
        uint32_t part_count;
        uint64_t *series_files;
        uint32_t series_file_count;
};

NODISCARD bool manifest_write(const char *dir, const struct manifest *manifest,
                              struct error *err);
/* Lists live in the arena. ERROR_NOT_FOUND, ERROR_CORRUPT, ERROR_IO; ERROR_UNSUPPORTED for an
 * intact one of another version. */
NODISCARD bool manifest_read(const char *dir, struct arena *arena, struct manifest *ret_manifest,
                             struct error *err);

#endif

/* tsdb/tombstones_int.h - deleted ranges of series, until the blocks that hold them are rewritten.
 *
 * An immutable list, reference counted; the current view has one. A deletion concerns what was
 * stored before it: parts whose last sequence number lies below its own (open samples are flushed
 * first). Merging leaves the deleted samples out.
 */
#ifndef TSDB_TOMBSTONES_INT_H
#define TSDB_TOMBSTONES_INT_H

#include <roaring/roaring.h>
#include <stdatomic.h>

#include "base/error.h"
#include "model/sample.h"
#include "tsdb/part_int.h"

/* File tombstones (docs/format/tombstones.md), written aside and renamed:
 *
 *   0   8   "PWTOMB\0\1"
 *   8   4   length n of the payload
 *   12  4   crc32c of the payload
 *   16  n   payload: one zstd frame of, repeated to its end:
 *     zigzag, zigzag  first and last timestamp, ms
 *     varint          sequence number
 *     varint          number of runs of series ids, then of each:
 *       varint        first id minus the id behind the previous run (0 at first)
 *       varint        number of ids in the run
 */
struct tombstone {
        int64_t mint_ms, maxt_ms;
        uint64_t sequence;
        roaring_bitmap_t *series;
};

struct tombstones {
        _Atomic uint32_t references;
        struct tombstone *items;
        size_t count;
};

struct tombstones *tombstones_ref(struct tombstones *tombstones);   /* takes NULL */
struct tombstones *tombstones_unref(struct tombstones *tombstones); /* takes NULL, returns NULL */

/* A list of those in `old` (may be NULL) that `keep` keeps (NULL: all), and of `more` (may be
 * NULL), whose bitmap it takes. NULL when that is none. */
struct tombstones *tombstones_make(const struct tombstones *old,
                                   bool (*keep)(void *ctx, const struct tombstone *item),
                                   void *ctx, const struct tombstone *more);

/* Whether the part holds something that is deleted, as far as ranges and ids tell. */
bool tombstones_touch_part(const struct tombstones *tombstones, const struct part *part);
/* Whether all of [mint_ms, maxt_ms] of the series in the part is deleted. */
bool tombstones_cover(const struct tombstones *tombstones, const struct part *part,
                      uint32_t series, int64_t mint_ms, int64_t maxt_ms);
/* Takes the deleted ones out of the samples from `from` on, which the part holds. */
void tombstones_apply(const struct tombstones *tombstones, const struct part *part,
                      uint32_t series, struct samples *samples, size_t from);

/* ret_tombstones is NULL when there are none. ERROR_CORRUPT, ERROR_IO. */
NODISCARD bool tombstones_load(const char *dir, struct tombstones **ret_tombstones,
                               struct error *err);
NODISCARD bool tombstones_save(const char *dir, const struct tombstones *tombstones,
                               struct error *err);
/* The content of the file. */
NODISCARD bool tombstones_parse(struct str bytes, struct tombstones **ret_tombstones,
                                struct error *err);
/* Its payload, uncompressed. */
bool tombstones_read(struct str plain, struct tombstones **ret_tombstones);

#endif

/* tsdb/maintain_int.h - what changes the set of files. */
#ifndef TSDB_MAINTAIN_INT_H
#define TSDB_MAINTAIN_INT_H

#include "tsdb/series_file_int.h"
#include "tsdb/store_int.h"

enum { STORE_PATH_BYTES = 4096 };
void store_path(const struct tsdb *tsdb, const char *name, char *path);

/* ---- files.c; all under maintain_lock ------------------------------------------------------ */

/* Writes the manifest for the parts of the current view after `change` (may be NULL), and the
 * series files there are. */
NODISCARD bool store_write_manifest(struct tsdb *tsdb, const struct view_change *change,
                                    struct error *err);
/* Puts all series below `end` into series files; few files stay, each about twice the next. */
NODISCARD bool store_save_series(struct tsdb *tsdb, uint32_t end, struct error *err);
/* Replaces all series files by one of what is known now. */
NODISCARD bool store_rewrite_series(struct tsdb *tsdb, struct error *err);
/* The file whose space is given up first, so that what frees space can be written. Making it tries
 * the disk each time. */
void store_drop_reserve(struct tsdb *tsdb);
NODISCARD bool store_make_reserve(struct tsdb *tsdb, struct error *err);

/* ---- part_output.c ------------------------------------------------------------------------- */

/* Parts in the making: one after the other, a new one when one grows too large. Begin with tsdb
 * and head set; release removes the files of parts that are still listed. */
struct part_output {
        struct tsdb *tsdb;
        struct part_head head; /* of the next part */
        struct part_writer *writer;
        uint64_t number;
        struct part **parts;   /* complete, one reference each */
        size_t part_count, part_capacity;
};

NODISCARD bool part_output_add(struct part_output *output, uint32_t series,
                               const struct samples *samples, struct error *err);
NODISCARD bool part_output_close(struct part_output *output, struct error *err);
NODISCARD bool part_output_finish(struct part_output *output, struct error *err);
void part_output_release(struct part_output *output);

/* ---- flush.c ------------------------------------------------------------------------------- */

/* Turns open samples into level-0 parts. Under maintain_lock. ERROR_FULL. */
NODISCARD bool store_flush(struct tsdb *tsdb, struct error *err);
/* Writes a memtable's samples into new parts, which the caller makes known. */
NODISCARD bool store_write_parts(struct tsdb *tsdb, const struct memtable *memtable,
                                 struct part_output *output, struct error *err);
/* Puts all series below `end` into series files. */
NODISCARD bool store_flush_series(struct tsdb *tsdb, uint32_t end, struct error *err);

/* ---- merge.c ------------------------------------------------------------------------------- */

/* Merges one group of parts that is due (or, with `all`, any partition of several parts). Takes
 * maintain_lock as needed; one merge runs at a time. ret_merged: whether there was one. */
NODISCARD bool store_merge(struct tsdb *tsdb, bool all, bool *ret_merged, struct error *err);
/* Rewrites the parts that hold samples which are deleted, then drops the tombstones there were. */
NODISCARD bool store_clean(struct tsdb *tsdb, struct error *err);
/* Once an hour: rewrites parts of which a good deal is past a retention rule. */
NODISCARD bool store_sift(struct tsdb *tsdb, struct error *err);
/* Rewrites every part of which anything is damaged, which it tells: what is left of it. */
NODISCARD bool store_mend(struct tsdb *tsdb, struct tsdb_check *check, struct error *err);

/* ---- verify.c ------------------------------------------------------------------------------ */

/* Looks at every block; adds to the check's counts. False when anything is damaged. */
bool part_check(struct part *part, struct tsdb_check *check);

/* Makes `tombstones` (a reference, NULL: none) the current ones, on the disk first. Under
 * maintain_lock. ERROR_FULL, then nothing has changed. */
NODISCARD bool store_set_tombstones(struct tsdb *tsdb, struct tombstones *tombstones,
                                    struct error *err);

/* ---- retention.c --------------------------------------------------------------------------- */

/* Drops partitions that are too old or too much, and forgets series without data. Under
 * maintain_lock. */
NODISCARD bool store_retain(struct tsdb *tsdb, struct error *err);
/* Forgets series without data, if there are many or parts went. Series created since the last round
 * stay: their first samples may be on the way. Under maintain_lock. */
NODISCARD bool store_forget_series(struct tsdb *tsdb, bool parts_dropped, struct error *err);

/* ---- workers.c ----------------------------------------------------------------------------- */

void store_start_workers(struct tsdb *tsdb);
void store_stop_workers(struct tsdb *tsdb);
/* Leaves the full-disk state when there is room again. */
void store_try_recover(struct tsdb *tsdb);

static inline int64_t store_partition_base(const struct tsdb *tsdb, int64_t t_ms)
{
        int64_t length = tsdb->options.partition_ms, rest = t_ms % length;

        return t_ms - (rest < 0 ? rest + length : rest);
}

#endif

/* formats/prom_block.h - blocks of Prometheus's own storage, to read and to write.
 *
 * A block is a directory: meta.json, index (version 2; 1 is refused), chunks/000001 and on,
 * tombstones. Written blocks are such as Prometheus, promtool and Thanos take: index version 2,
 * XOR and histogram chunks. Source: tsdb/docs/format of Prometheus. Not thread-safe.
 */
#ifndef FORMATS_PROM_BLOCK_H
#define FORMATS_PROM_BLOCK_H

#include "base/arena.h"
#include "model/labels.h"
#include "model/sample.h"

enum { PROM_ULID_LENGTH = 26 };

struct prom_block_meta {
        char ulid[PROM_ULID_LENGTH + 1];
        int64_t min_ms, max_ms; /* samples lie in [min, max) */
        uint64_t samples, series, chunks;
        int level;              /* of compaction */
};

/* ---- reading -------------------------------------------------------------------------------- */

struct prom_block;

/* ERROR_NOT_FOUND, ERROR_IO, ERROR_CORRUPT for what cannot be used at all, ERROR_UNSUPPORTED. */
NODISCARD bool prom_block_open(struct prom_block **ret_block, const char *dir, struct error *err);
struct prom_block *prom_block_close(struct prom_block *block); /* takes NULL */
const struct prom_block_meta *prom_block_meta(const struct prom_block *block);

struct prom_chunk_meta {
        int64_t min_ms, max_ms; /* both inclusive */
        uint64_t ref;
};

struct prom_series {
        uint64_t ref;
        struct labels labels;
        const struct prom_chunk_meta *chunks;
        size_t chunk_count;
};

/* Moves to the next series in order of labels; false at the end or when the index is damaged,
 * which `err` tells (ERROR_NONE at the end). What it gives is valid until the next call. */
NODISCARD bool prom_block_next(struct prom_block *block, struct prom_series *ret_series,
                               struct error *err);
void prom_block_rewind(struct prom_block *block);
/* The bytes of one chunk, checked: borrowed from the block. ERROR_CORRUPT. */
NODISCARD bool prom_block_chunk(struct prom_block *block, uint64_t ref, uint8_t *ret_encoding,
                                struct str *ret_data, struct error *err);
/* Appends the samples of a series, without those that tombstones cover. A damaged chunk is left
 * out and counted. ERROR_UNSUPPORTED for an encoding that is not known. */
NODISCARD bool prom_block_read(struct prom_block *block, const struct prom_series *series,
                               struct samples *samples, uint64_t *damaged, struct error *err);


/* Calls visit for every entry of the postings table, in order: name, value, how many series. */
NODISCARD bool prom_block_postings(struct prom_block *block,
                                   void (*visit)(struct str name, struct str value,
                                                 uint64_t series, void *ctx),
                                   void *ctx, struct error *err);

/* ---- writing -------------------------------------------------------------------------------- */

struct prom_block_writer;

/* Begins a block in `dir`/ULID.tmp-for-creation. `symbols` are all label names and values that
 * will occur, sorted and unique; they must stay until the writer ends. ERROR_IO, ERROR_FULL. */
NODISCARD bool prom_block_writer_new(struct prom_block_writer **ret_writer, const char *dir,
                                     int64_t min_ms, int64_t max_ms, const struct str *symbols,
                                     size_t symbol_count, struct error *err);
/* Adds a series: labels in ascending order from call to call, samples by time, in [min, max). A
 * series without samples is left out. */
NODISCARD bool prom_block_writer_add(struct prom_block_writer *writer, struct labels labels,
                                     const struct samples *samples, struct error *err);
/* Completes the block under its ULID; one without series is removed and has series 0. */
NODISCARD bool prom_block_writer_finish(struct prom_block_writer *writer,
                                        struct prom_block_meta *ret_meta, struct error *err);
struct prom_block_writer *prom_block_writer_abandon(struct prom_block_writer *writer);

#endif

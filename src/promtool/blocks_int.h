/* promtool/blocks_int.h - the blocks of a database of Prometheus. */
#ifndef PROMTOOL_BLOCKS_INT_H
#define PROMTOOL_BLOCKS_INT_H

#include "base/buf.h"
#include "formats/prom_block.h"

struct block {
        const char *path;
        struct prom_block_meta meta;
        uint64_t bytes; /* of its files */
};

/* The blocks of a directory, oldest first, in the arena. */
NODISCARD bool blocks_find(const char *dir, struct arena *arena, struct block **ret_blocks,
                           size_t *ret_count, struct error *err);
/* One block that was just written. */
NODISCARD bool block_describe(const char *dir, const struct prom_block_meta *meta,
                              struct arena *arena, struct block *ret_block, struct error *err);
void blocks_print(const struct block *blocks, size_t count, bool header, bool human);

#endif

/* tsdb list, and the blocks of a database. */
#include "promtool/blocks_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/civil.h"
#include "base/file.h"
#include "promtool/promtool_int.h"

enum { TABLE_MAX_BYTES = 64 << 20, COLUMN_MIN = 13, COLUMN_GAP = 2 };

/* ---- finding -------------------------------------------------------------------------------- */

static uint64_t bytes_of(const char *path)
{
        struct stat status;

        return stat(path, &status) == 0 ? (uint64_t)status.st_size : 0;
}

static bool add_bytes(const char *path, struct arena *arena, uint64_t *bytes, struct error *err)
{
        const char *chunks = arena_printf(arena, "%s/chunks", path), **names;
        size_t count;

        if (!dir_list(chunks, arena, &names, &count, err))
                return false;
        for (size_t i = 0; i < count; i++)
                *bytes += bytes_of(arena_printf(arena, "%s/%s", chunks, names[i]));
        *bytes += bytes_of(arena_printf(arena, "%s/index", path)) +
                  bytes_of(arena_printf(arena, "%s/tombstones", path)) +
                  bytes_of(arena_printf(arena, "%s/meta.json", path));
        return true;
}

bool block_describe(const char *dir, const struct prom_block_meta *meta, struct arena *arena,
                    struct block *ret_block, struct error *err)
{
        struct block block = {.path = arena_printf(arena, "%s/%s", dir, meta->ulid),
                              .meta = *meta};

        if (!add_bytes(block.path, arena, &block.bytes, err))
                return false;
        *ret_block = block;
        return true;
}

static int by_time(const void *a_ptr, const void *b_ptr)
{
        const struct block *a = a_ptr, *b = b_ptr;

        if (a->meta.min_ms != b->meta.min_ms)
                return a->meta.min_ms < b->meta.min_ms ? -1 : 1;
        return strcmp(a->meta.ulid, b->meta.ulid);
}

static bool open_block(const char *path, struct arena *arena, struct block *block,
                       struct error *err)
{
        struct prom_block *open;

        if (!prom_block_open(&open, path, err))
                return false;
        *block = (struct block){.path = path, .meta = *prom_block_meta(open)};
        prom_block_close(open);
        return add_bytes(path, arena, &block->bytes, err);
}

bool blocks_find(const char *dir, struct arena *arena, struct block **ret_blocks,
                 size_t *ret_count, struct error *err)
{
        struct block *blocks;
        const char **names;
        size_t count, found = 0;

        if (access(dir, F_OK) != 0)
                return error_set(err, ERROR_NOT_FOUND,
                                 "opening the db dir: stat %s: no such file or directory", dir);
        if (!dir_list(dir, arena, &names, &count, err))
                return false;
        blocks = arena_array(arena, struct block, count + 1);
        for (size_t i = 0; i < count; i++) {
                const char *path = arena_printf(arena, "%s/%s", dir, names[i]);

                if (strlen(names[i]) != PROM_ULID_LENGTH ||
                    access(arena_printf(arena, "%s/meta.json", path), R_OK) != 0)
                        continue;
                if (!open_block(path, arena, &blocks[found++], err))
                        return false;
        }
        qsort(blocks, found, sizeof(*blocks), by_time);
        *ret_blocks = blocks;
        *ret_count = found;
        return true;
}

/* ---- printing ------------------------------------------------------------------------------- */

static void append_time(struct buf *out, int64_t t_ms, bool human)
{
        struct civil civil = civil_from_unix(t_ms / 1000);

        if (human)
                buf_printf(out, "%04" PRId64 "-%02d-%02d %02d:%02d:%02d +0000 UTC\t", civil.year,
                           civil.month, civil.day, civil.hour, civil.minute, civil.second);
        else
                buf_printf(out, "%" PRId64 "\t", t_ms);
}

/* 1536 as 1KiB512B. */
static void append_size(struct buf *out, uint64_t bytes, bool human)
{
        static const char *const units[] = {"EiB", "PiB", "TiB", "GiB", "MiB", "KiB", "B"};
        int shift = 60;

        if (!human || !bytes) {
                buf_printf(out, "%" PRIu64 "%s", bytes, human ? "B" : "");
                return;
        }
        for (size_t i = 0; i < ARRAY_LEN(units); i++, shift -= 10) {
                uint64_t count = bytes >> shift & (i ? 1023 : UINT64_MAX);

                if (count)
                        buf_printf(out, "%" PRIu64 "%s", count, units[i]);
        }
}

void blocks_print(const struct block *blocks, size_t count, bool header, bool human)
{
        struct buf out CLEANUP(buf_release) = BUF_INIT(TABLE_MAX_BYTES);

        if (header)
                buf_append_cstr(&out, "BLOCK ULID\tMIN TIME\tMAX TIME\tDURATION\tNUM SAMPLES\tNUM "
                                "CHUNKS\tNUM SERIES\tSIZE\n");
        for (size_t i = 0; i < count; i++) {
                const struct prom_block_meta *meta = &blocks[i].meta;

                buf_printf(&out, "%s\t", meta->ulid);
                append_time(&out, meta->min_ms, human);
                append_time(&out, meta->max_ms, human);
                duration_go_append(&out, meta->max_ms - meta->min_ms);
                buf_printf(&out, "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t", meta->samples,
                           meta->chunks, meta->series);
                append_size(&out, blocks[i].bytes, human);
                buf_append_byte(&out, '\n');
        }
        columns_print(buf_str(&out), COLUMN_MIN, COLUMN_GAP);
        fflush(stdout);
}

int tsdb_list(const struct words *words)
{
        struct block *blocks;
        struct arena arena;
        struct error err;
        size_t count;
        bool ok;

        arena_init(&arena, SIZE_MAX);
        ok = blocks_find(words_argument(words, 0), &arena, &blocks, &count, &err);
        if (ok)
                blocks_print(blocks, count, true, words_on(words, "human-readable"));
        arena_release(&arena);
        return ok ? EXIT_GOOD : print_failure(&err);
}

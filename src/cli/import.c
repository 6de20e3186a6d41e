/* pitwall import ...: old samples into a store, through the same path as every other sample. */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/map.h"
#include "cli/cli.h"
#include "cli/flags.h"
#include "formats/openmetrics.h"
#include "formats/prom_block.h"
#include "formats/prom_wal.h"
#include "tsdb/tsdb.h"

ALLOC_TYPE(import_type, "import")

enum { BATCH_SAMPLES = 1 << 16, PATH_BYTES = 4096 };

struct import {
        struct tsdb *tsdb;
        struct series_sink sink;
        struct tsdb_import *past_log; /* for whole series: faster */
        struct append_sample *batch;  /* for single samples */
        struct append_extra *extras;
        uint8_t *outcomes;
        size_t count;
        struct arena histograms; /* of the batch */
        uint64_t series, samples, known, refused, damaged;
};

/* ---- writing -------------------------------------------------------------------------------- */

static bool flush(struct import *import, struct error *err)
{
        if (!import->sink.append(import->sink.ctx, import->batch, import->extras, import->count,
                                 import->outcomes, err))
                return false;
        for (size_t i = 0; i < import->count; i++) {
                if (import->outcomes[i] == APPEND_OK)
                        import->samples++;
                else if (import->outcomes[i] == APPEND_DUPLICATE_SAME)
                        import->known++;
                else
                        import->refused++;
        }
        import->count = 0;
        arena_release(&import->histograms);
        arena_init(&import->histograms, SIZE_MAX);
        return true;
}

static bool add(struct import *import, series_ref ref, int64_t t_ms, double v,
                const struct histogram *h, struct error *err)
{
        import->batch[import->count] = (struct append_sample){ref, t_ms, v};
        import->extras[import->count] = (struct append_extra){
                .h = h ? histogram_copy(&import->histograms, h) : NULL};
        return ++import->count < BATCH_SAMPLES || flush(import, err);
}

static bool resolve(struct import *import, struct labels labels, series_ref *ret_ref,
                    struct error *err)
{
        import->series++;
        return import->sink.resolve(import->sink.ctx, labels, ret_ref, err);
}

static bool add_samples(struct import *import, struct labels labels,
                        const struct samples *samples, struct error *err)
{
        series_ref ref;

        if (!samples->count)
                return true;
        if (!resolve(import, labels, &ref, err) ||
            !tsdb_import_add(import->past_log, ref, samples, err))
                return false;
        import->samples += samples->count;
        return true;
}

/* ---- a data directory of Prometheus --------------------------------------------------------- */

static bool import_block(struct import *import, const char *dir, struct error *err)
{
        struct samples samples = {0};
        struct prom_block *block;
        struct prom_series series;
        struct error end;
        bool ok = true;

        if (!prom_block_open(&block, dir, err))
                return false;
        while (ok && prom_block_next(block, &series, &end)) {
                samples_truncate(&samples, 0);
                ok = prom_block_read(block, &series, &samples, &import->damaged, err) &&
                     add_samples(import, series.labels, &samples, err);
        }
        if (ok && end.code != ERROR_NONE) {
                *err = end;
                ok = error_prefix(err, "block %s", dir);
        }
        prom_block_close(block);
        samples_release(&samples);
        return ok;
}

/* Series of a log by their reference there. */
struct log_series {
        uint64_t ref;
        series_ref ours;
};

struct log_import {
        struct import *import;
        struct map by_ref; /* bytes of log_series.ref -> log_series */
        struct arena arena;
};

static struct str key_of(const uint64_t *ref)
{
        return str_make((const char *)ref, sizeof(*ref));
}

static bool take_series(void *ctx, uint64_t ref, struct labels labels, struct error *err)
{
        struct log_import *log = ctx;
        struct log_series *series = arena_new(&log->arena, struct log_series);

        series->ref = ref;
        if (!resolve(log->import, labels, &series->ours, err))
                return false;
        map_put(&log->by_ref, key_of(&series->ref), series);
        return true;
}

static bool take_sample(void *ctx, uint64_t ref, int64_t t_ms, double v,
                        const struct histogram *h, struct error *err)
{
        struct log_import *log = ctx;
        const struct log_series *series = map_get(&log->by_ref, key_of(&ref));

        if (!series) {
                log->import->refused++;
                return true;
        }
        return add(log->import, series->ours, t_ms, v, h, err);
}

static bool import_log(struct import *import, struct log_import *log, const char *dir,
                       struct error *err)
{
        struct prom_wal_handler handler = {take_series, take_sample, log};
        struct prom_wal_stats stats;

        if (!prom_wal_read(dir, &handler, &stats, err))
                return false;
        if (stats.damaged_bytes)
                fprintf(stderr, "pitwall import: %s: %" PRIu64 " bytes behind damage are left "
                        "out\n", dir, stats.damaged_bytes);
        import->damaged += stats.damaged_bytes != 0;
        return true;
}

static bool is_block(const char *dir, const char *name, char *path)
{
        char meta[PATH_BYTES + 16];

        snprintf(path, PATH_BYTES, "%s/%s", dir, name);
        snprintf(meta, sizeof(meta), "%s/meta.json", path);
        return strlen(name) == PROM_ULID_LENGTH && access(meta, R_OK) == 0;
}

struct found_block {
        char path[PATH_BYTES];
        int64_t min_ms;
};

static int by_time(const void *a_ptr, const void *b_ptr)
{
        const struct found_block *a = a_ptr, *b = b_ptr;

        return a->min_ms < b->min_ms ? -1 : a->min_ms > b->min_ms;
}

/* The blocks of a directory, oldest first: samples then come in order. */
static bool find_blocks(const char *dir, struct arena *arena, struct found_block **ret_blocks,
                        size_t *ret_count, struct error *err)
{
        struct found_block *blocks;
        const char **names;
        size_t count, found = 0;

        if (!dir_list(dir, arena, &names, &count, err))
                return false;
        blocks = arena_array(arena, struct found_block, count + 1);
        for (size_t i = 0; i < count; i++) {
                struct prom_block *block;

                if (!is_block(dir, names[i], blocks[found].path))
                        continue;
                if (!prom_block_open(&block, blocks[found].path, err))
                        return false;
                blocks[found++].min_ms = prom_block_meta(block)->min_ms;
                prom_block_close(block);
        }
        qsort(blocks, found, sizeof(*blocks), by_time);
        *ret_blocks = blocks;
        *ret_count = found;
        return true;
}

static bool import_directory(struct import *import, const char *dir, struct error *err)
{
        struct log_import log = {.import = import};
        struct found_block *blocks;
        struct arena arena;
        size_t count;
        bool ok;

        arena_init(&arena, SIZE_MAX);
        arena_init(&log.arena, SIZE_MAX);
        ok = find_blocks(dir, &arena, &blocks, &count, err);
        for (size_t i = 0; ok && i < count; i++)
                ok = import_block(import, blocks[i].path, err);
        ok = ok && tsdb_import_flush(import->past_log, err) &&
             import_log(import, &log, arena_printf(&arena, "%s/wal", dir), err) &&
             import_log(import, &log, arena_printf(&arena, "%s/wbl", dir), err);
        if (ok && !count && !import->series)
                ok = error_set(err, ERROR_NOT_FOUND,
                               "%s: no blocks and no write-ahead log of Prometheus", dir);
        map_release(&log.by_ref);
        arena_release(&log.arena);
        arena_release(&arena);
        return ok;
}

/* ---- a file of OpenMetrics ------------------------------------------------------------------ */

enum { SERIES_LABELS_MAX = 1024 };

/* Series by their text, so that each is resolved once. */
struct text_import {
        struct import *import;
        struct map by_text; /* -> struct log_series */
        struct arena arena;
};

static bool find_text(struct text_import *text, struct str series, series_ref *ret_ref,
                      struct error *err)
{
        struct log_series *found = map_get(&text->by_text, series);
        struct labels_builder builder;
        struct arena arena;
        bool ok;

        if (found) {
                *ret_ref = found->ours;
                return true;
        }
        arena_init(&arena, SIZE_MAX);
        labels_builder_init(&builder, &arena, (struct labels){0});
        found = arena_new(&text->arena, struct log_series);
        ok = openmetrics_series(series, SERIES_LABELS_MAX, &builder, err) &&
             resolve(text->import, labels_builder_finish(&builder), &found->ours, err);
        arena_release(&arena);
        if (!ok)
                return false;
        map_put(&text->by_text, arena_str(&text->arena, series), found);
        *ret_ref = found->ours;
        return true;
}

static bool import_text(struct text_import *text, struct str body, struct error *err)
{
        struct openmetrics reader = openmetrics_make(body);

        for (;;) {
                struct openmetrics_entry entry = {0};
                series_ref ref;

                switch (openmetrics_next(&reader, STR_LIT(""), &entry, err)) {
                case OPENMETRICS_END:
                        return true;
                case OPENMETRICS_ERROR:
                        return false;
                case OPENMETRICS_SAMPLE:
                        break;
                default:
                        continue;
                }
                if (!entry.has_timestamp)
                        return error_set(err, ERROR_INVALID, "line %u: expected timestamp for "
                                         STR_FMT ", got none", reader.line,
                                         STR_ARG(entry.series));
                if (!find_text(text, entry.series, &ref, err) ||
                    !add(text->import, ref, entry.t_ms, entry.value, NULL, err))
                        return false;
        }
}

static bool import_openmetrics(struct import *import, const char *path, struct error *err)
{
        struct text_import text = {.import = import};
        struct file_map map;
        bool ok;

        if (!file_map_open(&map, path, err))
                return false;
        arena_init(&text.arena, SIZE_MAX);
        ok = import_text(&text, str_make((const char *)map.data, map.len), err);
        map_release(&text.by_text);
        arena_release(&text.arena);
        file_map_close(&map);
        return ok || error_prefix(err, "%s", path);
}

/* ---- commands ------------------------------------------------------------------------------- */

static bool begin(struct import *import, const char *data_dir, struct error *err)
{
        struct tsdb_options options;

        *import = (struct import){0};
        arena_init(&import->histograms, SIZE_MAX);
        tsdb_options_init(&options, data_dir);
        /* Whatever its age: retention is the server's. */
        options.retention_ms = 0;
        options.out_of_order_ms = INT64_MAX;
        options.max_ahead_ms = 0;
        if (!tsdb_open(&import->tsdb, &options, err))
                return false;
        import->sink = tsdb_sink(import->tsdb);
        import->past_log = tsdb_import_new(import->tsdb);
        import->batch = alloc_new(&import_type, BATCH_SAMPLES * sizeof(*import->batch));
        import->extras = alloc_new(&import_type, BATCH_SAMPLES * sizeof(*import->extras));
        import->outcomes = alloc_new(&import_type, BATCH_SAMPLES);
        return true;
}

static bool end(struct import *import, struct error *err)
{
        if (import->count && !flush(import, err))
                return false;
        if (!tsdb_seal(import->tsdb, err))
                return false;
        printf("%" PRIu64 " samples of %" PRIu64 " series imported", import->samples,
               import->series);
        if (import->known)
                printf(", %" PRIu64 " were there already", import->known);
        if (import->refused)
                printf(", %" PRIu64 " refused", import->refused);
        if (import->damaged)
                printf(", %" PRIu64 " damaged chunks left out", import->damaged);
        printf("\n");
        return true;
}

static void release(struct import *import)
{
        tsdb_import_free(import->past_log);
        tsdb_close(import->tsdb);
        arena_release(&import->histograms);
        alloc_free(&import_type, import->batch);
        alloc_free(&import_type, import->extras);
        alloc_free(&import_type, import->outcomes);
}

static int run(const char *command, int argc, char **argv,
               bool (*from)(struct import *import, const char *path, struct error *err))
{
        const char *data_dir = "data";
        const struct cli_flag flags[] = {
                {"data-dir", &data_dir, "DIR", "the store, which no server may have open (data)"},
        };
        struct import import;
        struct error err;
        bool ok;

        if (!cli_flags_parse(command, &argc, argv, flags, ARRAY_LEN(flags)))
                return 2;
        if (argc != 2) {
                fprintf(stderr, "usage: pitwall %s [--data-dir DIR] PATH\n", command);
                return 2;
        }
        ok = begin(&import, data_dir, &err) && from(&import, argv[1], &err) && end(&import, &err);
        release(&import);
        if (!ok)
                fprintf(stderr, "pitwall %s: %s\n", command, err.text);
        return ok ? 0 : 1;
}

int cli_import_openmetrics(int argc, char **argv)
{
        return run("import openmetrics", argc, argv, import_openmetrics);
}

int cli_import_prometheus(int argc, char **argv)
{
        return run("import prometheus", argc, argv, import_directory);
}

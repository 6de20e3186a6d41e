/* pitwall export blocks OUTDIR: a store's samples as blocks of Prometheus. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "cli/cli.h"
#include "cli/flags.h"
#include "formats/prom_block.h"
#include "model/duration.h"
#include "promql/promql.h"
#include "tsdb/tsdb.h"

enum { BLOCK_DEFAULT_MS = 2 * 3600 * 1000 };

struct export {
        struct tsdb *tsdb;
        struct querier *querier;
        struct arena arena;
        struct series_list list;
        struct str *symbols;
        size_t symbol_count;
        const char *out;
        int64_t min_ms, max_ms, block_ms;
        uint64_t blocks, samples;
};

static int compare_symbols(const void *a, const void *b)
{
        return str_compare(*(const struct str *)a, *(const struct str *)b);
}

static void collect_symbols(struct export *export)
{
        size_t count = 0, kept = 0;

        for (size_t i = 0; i < export->list.count; i++)
                count += 2 * export->list.items[i].labels.count;
        export->symbols = arena_array(&export->arena, struct str, count + 1);
        count = 0;
        for (size_t i = 0; i < export->list.count; i++) {
                struct labels labels = export->list.items[i].labels;

                for (size_t k = 0; k < labels.count; k++) {
                        export->symbols[count++] = labels.items[k].name;
                        export->symbols[count++] = labels.items[k].value;
                }
        }
        qsort(export->symbols, count, sizeof(*export->symbols), compare_symbols);
        for (size_t i = 0; i < count; i++)
                if (!kept || !str_equal(export->symbols[kept - 1], export->symbols[i]))
                        export->symbols[kept++] = export->symbols[i];
        export->symbol_count = kept;
}

static bool write_series(struct export *export, struct prom_block_writer *writer,
                         int64_t begin_ms, int64_t end_ms, struct error *err)
{
        struct samples samples = {0};
        bool ok = true;

        for (size_t i = 0; i < export->list.count && ok; i++) {
                const struct series *series = &export->list.items[i];

                samples_truncate(&samples, 0);
                ok = export->querier->ops->read(export->querier, series, begin_ms, end_ms,
                                                &samples, err) &&
                     prom_block_writer_add(writer, series->labels, &samples, err);
        }
        samples_release(&samples);
        return ok;
}

/* Blocks stand on multiples of their length, as Prometheus's do. */
static bool write_block(struct export *export, int64_t base_ms, struct error *err)
{
        int64_t end_ms = base_ms + export->block_ms - 1;
        struct prom_block_writer *writer;
        struct prom_block_meta meta;

        if (!prom_block_writer_new(&writer, export->out, base_ms, base_ms + export->block_ms,
                                   export->symbols, export->symbol_count, err))
                return false;
        if (!write_series(export, writer,
                          base_ms > export->min_ms ? base_ms : export->min_ms,
                          end_ms < export->max_ms ? end_ms : export->max_ms, err)) {
                prom_block_writer_abandon(writer);
                return false;
        }
        if (!prom_block_writer_finish(writer, &meta, err))
                return false;
        if (meta.series) {
                printf("%s  %" PRIu64 " series, %" PRIu64 " samples\n", meta.ulid, meta.series,
                       meta.samples);
                export->blocks++;
                export->samples += meta.samples;
        }
        return true;
}

static int64_t floor_to(int64_t t_ms, int64_t step_ms)
{
        int64_t rest = t_ms % step_ms;

        return t_ms - rest - (rest < 0 ? step_ms : 0);
}

static bool write_blocks(struct export *export, struct error *err)
{
        struct tsdb_stats stats;

        tsdb_stats(export->tsdb, &stats);
        if (stats.min_t_ms > export->min_ms)
                export->min_ms = stats.min_t_ms;
        if (stats.max_t_ms < export->max_ms)
                export->max_ms = stats.max_t_ms;
        /* Prometheus and promtool look for a log beside the blocks. */
        if (!dir_make(arena_printf(&export->arena, "%s/wal", export->out), err))
                return false;
        for (int64_t base = floor_to(export->min_ms, export->block_ms); base <= export->max_ms;
             base += export->block_ms)
                if (!write_block(export, base, err))
                        return false;
        printf("%" PRIu64 " blocks, %" PRIu64 " samples\n", export->blocks, export->samples);
        return true;
}

static bool run(struct export *export, const char *data_dir, struct str match, struct error *err)
{
        struct series_source source;
        struct promql_selector selector;
        struct tsdb_options options;
        bool ok;

        tsdb_options_init(&options, data_dir);
        options.retention_ms = 0; /* what is there is exported */
        if (!promql_selector_parse(&export->arena, match, &selector, err) ||
            !tsdb_open(&export->tsdb, &options, err))
                return false;
        source = tsdb_source(export->tsdb);
        if (!source.open(source.ctx, export->min_ms, export->max_ms, &export->querier, err))
                return false;
        ok = export->querier->ops->select(export->querier, &export->arena, selector.matchers,
                                          selector.count, NULL, &export->list, err);
        if (ok) {
                collect_symbols(export);
                ok = write_blocks(export, err);
        }
        export->querier->ops->close(export->querier);
        return ok;
}

/* Milliseconds since 1970, as promtool takes them. */
static bool read_ms(const char *flag, const char *text, int64_t *ret_ms)
{
        char *end;

        if (!text)
                return true;
        *ret_ms = strtoll(text, &end, 10);
        if (*text && !*end)
                return true;
        fprintf(stderr, "pitwall export blocks: --%s takes milliseconds since 1970, not \"%s\"\n",
                flag, text);
        return false;
}

int cli_export_blocks(int argc, char **argv)
{
        const char *data_dir = "data", *match = "{__name__=~\".*\"}", *min = NULL, *max = NULL;
        const char *duration = NULL;
        struct export export = {.min_ms = INT64_MIN / 4, .max_ms = INT64_MAX / 4,
                                .block_ms = BLOCK_DEFAULT_MS};
        const struct cli_flag flags[] = {
                {"data-dir", &data_dir, "DIR", "the store, which no server may have open (data)"},
                {"match", &match, "SELECTOR", "which series (all)"},
                {"min-time", &min, "MS", "oldest timestamp (all)"},
                {"max-time", &max, "MS", "newest timestamp (all)"},
                {"block-duration", &duration, "DURATION", "of one block (2h)"},
        };
        struct error err;
        bool ok;

        if (!cli_flags_parse("export blocks", &argc, argv, flags, ARRAY_LEN(flags)) ||
            !read_ms("min-time", min, &export.min_ms) || !read_ms("max-time", max, &export.max_ms))
                return 2;
        if (argc != 2 || (duration && (!duration_parse(str_from(duration), &export.block_ms,
                                                       &err) || export.block_ms <= 0))) {
                fprintf(stderr, "usage: pitwall export blocks [FLAGS] OUTDIR\n");
                cli_flags_print(flags, ARRAY_LEN(flags));
                return 2;
        }
        export.out = argv[1];
        arena_init(&export.arena, SIZE_MAX);
        ok = run(&export, data_dir, str_from(match), &err);
        tsdb_close(export.tsdb);
        arena_release(&export.arena);
        if (!ok)
                fprintf(stderr, "pitwall export blocks: %s\n", err.text);
        return ok ? 0 : 1;
}

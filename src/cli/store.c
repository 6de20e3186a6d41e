/* verify DIR, repair DIR, merge DIR: the files of a store that no server has open. */
#include <inttypes.h>
#include <stdio.h>

#include "cli/cli.h"
#include "cli/flags.h"
#include "tsdb/tsdb.h"

static void print_finding(void *ctx, const struct tsdb_finding *finding)
{
        (void)ctx;
        printf("%s", *finding->file ? finding->file : "store");
        if (finding->offset || finding->size_bytes)
                printf(", offset %" PRIu64, finding->offset);
        if (finding->size_bytes)
                printf(", %" PRIu64 " bytes", finding->size_bytes);
        printf(": %s\n", finding->what);
}

/* The one argument; NULL, after saying so, when there is another number of them. */
static const char *directory_of(int argc, char **argv)
{
        if (!cli_flags_parse(argv[0], &argc, argv, NULL, 0))
                return NULL;
        if (argc == 2)
                return argv[1];
        fprintf(stderr, "usage: pitwall %s DIR\n", argv[0]);
        return NULL;
}

int cli_verify(int argc, char **argv)
{
        struct tsdb_check check = {.found = print_finding};
        const char *dir = directory_of(argc, argv);
        struct error err;

        if (!dir)
                return 2;
        if (!tsdb_verify(dir, &check, &err)) {
                fprintf(stderr, "pitwall verify: %s\n", err.text);
                return 1;
        }
        printf("%" PRIu64 " files, %" PRIu64 " bytes: %" PRIu64 " blocks, %" PRIu64
               " log records, %" PRIu64 " frames of series; ",
               check.files, check.bytes, check.blocks, check.records, check.frames);
        if (check.leftovers)
                printf("%" PRIu64 " leftover files; ", check.leftovers);
        if (!check.damaged) {
                printf("no damage\n");
                return 0;
        }
        printf("%" PRIu64 " damaged places\n", check.damaged);
        return 1;
}

int cli_repair(int argc, char **argv)
{
        struct tsdb_check check = {.found = print_finding};
        const char *dir = directory_of(argc, argv);
        struct error err;

        if (!dir)
                return 2;
        if (!tsdb_repair(dir, &check, &err)) {
                fprintf(stderr, "pitwall repair: %s\n", err.text);
                return 1;
        }
        if (!check.damaged)
                printf("nothing to repair\n");
        else
                printf("%" PRIu64 " places repaired\n", check.damaged);
        return 0;
}

int cli_merge(int argc, char **argv)
{
        const char *dir = directory_of(argc, argv);
        struct tsdb_options options;
        struct tsdb_check check = {0};
        struct tsdb_stats stats;
        struct tsdb *tsdb;
        struct error err;
        bool ok;

        if (!dir)
                return 2;
        tsdb_options_init(&options, dir);
        options.manual = true;
        options.retention_ms = 0;
        ok = tsdb_verify(dir, &check, &err) && tsdb_open(&tsdb, &options, &err);
        if (ok) {
                ok = tsdb_seal(tsdb, &err);
                tsdb_stats(tsdb, &stats);
                tsdb_close(tsdb);
        }
        if (!ok) {
                fprintf(stderr, "pitwall merge: %s\n", err.text);
                return 1;
        }
        printf("%" PRIu64 " samples in %" PRIu64 " parts of %" PRIu64 " bytes\n",
               stats.block_samples, stats.parts, stats.part_bytes);
        return 0;
}

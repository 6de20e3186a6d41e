/* pitwall test promql FILE|FOLDER...: test scripts against the real store; of a folder, all files
 * that are named *.test.
 *
 * Every case is evaluated on two stores with the same samples: in one they stay open data, in the
 * other they are sealed into blocks after every load. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/thread.h"
#include "cli/cli.h"
#include "promql/script.h"
#include "tsdb/scratch.h"
#include "tsdb/tsdb.h"

enum { SCRIPT_BYTES_MAX = 64 << 20 };

enum { STORE_OPEN, STORE_SEALED, STORES };

static bool clear_store(void *ctx, size_t index, struct series_source *ret_source,
                        struct series_sink *ret_sink, struct error *err)
{
        struct tsdb_scratch *store = (struct tsdb_scratch *)ctx + index;

        tsdb_scratch_close(store);
        if (!tsdb_scratch_open(store, err))
                return false;
        *ret_source = tsdb_source(store->tsdb);
        *ret_sink = tsdb_sink(store->tsdb);
        return true;
}

static bool seal_store(void *ctx, size_t index, struct error *err)
{
        struct tsdb_scratch *store = (struct tsdb_scratch *)ctx + index;

        return index != STORE_SEALED || tsdb_seal(store->tsdb, err);
}

static bool read_script(const char *path, struct buf *out, struct error *err)
{
        FILE *file = fopen(path, "r");
        char *room;
        size_t len = 1;

        if (!file)
                return error_set(err, ERROR_IO, "cannot open %s", path);
        while (len && (room = buf_reserve(out, 1 << 16))) {
                len = fread(room, 1, 1 << 16, file);
                out->len += len;
        }
        fclose(file);
        return !out->overflow || error_set(err, ERROR_LIMIT, "%s is too large", path);
}

static bool run_script(const char *path, struct str text, struct promql_script_result *result)
{
        struct tsdb_scratch stores[STORES] = {0};
        struct promql_script_storage storage = {STORES, clear_store, seal_store, stores};
        struct promql_options options = {.threads = (unsigned)thread_core_count()};
        struct buf report = BUF_INIT(SCRIPT_BYTES_MAX);
        struct error err;
        bool ok = promql_script_run(path, text, &storage, &options, result, &report, &err);

        if (report.len)
                fputs(report.data, stdout);
        if (!ok)
                fprintf(stderr, "%s\n", err.text);
        buf_release(&report);
        for (size_t i = 0; i < STORES; i++)
                tsdb_scratch_close(&stores[i]);
        return ok;
}

static bool run_file(const char *path, struct promql_script_result *result)
{
        struct buf text = BUF_INIT(SCRIPT_BYTES_MAX);
        struct error err;
        bool ok = read_script(path, &text, &err);

        if (!ok)
                fprintf(stderr, "%s\n", err.text);
        ok = ok && run_script(path, buf_str(&text), result);
        buf_release(&text);
        return ok;
}

static int is_script(const struct dirent *entry)
{
        return str_ends_with(str_from(entry->d_name), STR_LIT(".test"));
}

static bool run_path(const char *path, struct promql_script_result *result)
{
        struct dirent **entries;
        int count = scandir(path, &entries, is_script, alphasort);
        bool ok = true;

        if (count < 0)
                return run_file(path, result);
        if (!count)
                fprintf(stderr, "no test scripts in %s\n", path);
        for (int i = 0; i < count; i++) {
                char file[4096];

                snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
                ok = run_file(file, result) && ok;
                free(entries[i]);
        }
        free(entries);
        return ok && count;
}

int cli_test_promql(int argc, char **argv)
{
        struct promql_script_result result = {0};
        struct buf summary = BUF_INIT(256);
        bool ok = true;

        if (argc < 2) {
                fprintf(stderr, "usage: pitwall test promql FILE|FOLDER...\n");
                return 2;
        }
        for (int i = 1; i < argc; i++)
                ok = run_path(argv[i], &result) && ok;
        promql_script_summary(&summary, &result);
        fputs(summary.data, stdout);
        buf_release(&summary);
        return ok && result.failed == 0 ? 0 : 1;
}

#include "tsdb/scratch.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tsdb/tsdb.h"

static void remove_files(const char *dir)
{
        DIR *entries = opendir(dir);
        struct dirent *entry;

        while (entries && (entry = readdir(entries))) {
                char path[512];

                if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                        continue;
                snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
                if (unlink(path) != 0)
                        remove_files(path);
        }
        if (entries)
                closedir(entries);
        rmdir(dir);
}

/* In memory where the system has such a folder: nothing here needs to survive. */
static const char *scratch_folder(void)
{
        const char *given = getenv("TMPDIR");

        if (given && strlen(given) < 200)
                return given;
        return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
}

bool tsdb_scratch_open(struct tsdb_scratch *ret_scratch, struct error *err)
{
        char *dir = ret_scratch->dir;
        struct tsdb_options options;

        ret_scratch->tsdb = NULL;
        snprintf(dir, sizeof(ret_scratch->dir), "%s/pitwall-test-XXXXXX", scratch_folder());
        if (!mkdtemp(dir)) {
                dir[0] = '\0';
                return error_set(err, ERROR_IO, "cannot make a folder in %s", scratch_folder());
        }
        tsdb_options_init(&options, dir);
        options.retention_ms = 0;
        options.max_ahead_ms = 0;
        options.manual = true;
        if (tsdb_open(&ret_scratch->tsdb, &options, err))
                return true;
        ret_scratch->tsdb = NULL;
        tsdb_scratch_close(ret_scratch);
        return false;
}

void tsdb_scratch_close(struct tsdb_scratch *scratch)
{
        scratch->tsdb = tsdb_close(scratch->tsdb);
        if (scratch->dir[0])
                remove_files(scratch->dir);
        scratch->dir[0] = '\0';
}

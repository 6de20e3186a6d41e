/* Snapshots by hard links: files of a store are never changed in place once they are named by the
 * manifest. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tsdb/maintain_int.h"

static bool link_file(const char *from, const char *to, struct error *err)
{
        if (!link(from, to) || errno == ENOENT)
                return true;
        return error_set(err, errno == ENOSPC || errno == EDQUOT ? ERROR_FULL : ERROR_IO,
                         "link %s to %s: %s", from, to, strerror(errno));
}

/* Links all files of one folder and syncs it. */
static bool link_folder(const struct tsdb *tsdb, const char *dir, const char *folder,
                        struct arena *arena, struct error *err)
{
        const char *from_dir = arena_printf(arena, "%s/%s", tsdb->dir, folder);
        const char *to_dir = arena_printf(arena, "%s/%s", dir, folder), **names;
        size_t count;

        if (!dir_make(to_dir, err) || !dir_list(from_dir, arena, &names, &count, err))
                return false;
        for (size_t i = 0; i < count; i++)
                if (!link_file(arena_printf(arena, "%s/%s", from_dir, names[i]),
                               arena_printf(arena, "%s/%s", to_dir, names[i]), err))
                        return false;
        return dir_sync(to_dir, err);
}

/* Files that the manifest does not name (a part in the making, one that a query still reads) are
 * linked too, and are leftovers there as here. The log stays out: its end changes. */
static bool fill(const struct tsdb *tsdb, const char *dir, struct error *err)
{
        static const char *const folders[] = {"parts", "series", "exemplars"};
        static const char *const files[] = {"MANIFEST", "tombstones"};
        struct arena arena;
        bool ok = true;

        arena_init(&arena, SIZE_MAX);
        for (size_t i = 0; ok && i < ARRAY_LEN(folders); i++)
                ok = link_folder(tsdb, dir, folders[i], &arena, err);
        for (size_t i = 0; ok && i < ARRAY_LEN(files); i++)
                ok = link_file(arena_printf(&arena, "%s/%s", tsdb->dir, files[i]),
                               arena_printf(&arena, "%s/%s", dir, files[i]), err);
        arena_release(&arena);
        return ok && dir_sync(dir, err);
}

/* Under maintain_lock. A store without a manifest has written nothing yet. */
static bool take(struct tsdb *tsdb, const char *dir, bool skip_open, struct error *err)
{
        char aside[STORE_PATH_BYTES];
        struct stat st;

        if (!skip_open && !store_flush(tsdb, err))
                return false;
        if (!stat(dir, &st))
                return error_set(err, ERROR_IO, "%s exists", dir);
        snprintf(aside, sizeof(aside), "%s.tmp", dir);
        return store_write_manifest(tsdb, NULL, err) && dir_make(aside, err) &&
               fill(tsdb, aside, err) && file_rename(aside, dir, err);
}

bool tsdb_snapshot(struct tsdb *tsdb, const char *dir, bool skip_open, struct error *err)
{
        bool ok;

        pthread_mutex_lock(&tsdb->maintain_lock);
        ok = take(tsdb, dir, skip_open, err);
        pthread_mutex_unlock(&tsdb->maintain_lock);
        return ok;
}

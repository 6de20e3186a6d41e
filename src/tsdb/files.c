#include <stdio.h>

#include "tsdb/maintain_int.h"
#include "tsdb/manifest_int.h"

void store_path(const struct tsdb *tsdb, const char *name, char *path)
{
        snprintf(path, STORE_PATH_BYTES, "%s/%s", tsdb->dir, name);
}

static bool is_gone(const struct part *part, const struct view_change *change)
{
        for (size_t i = 0; change && i < change->gone_count; i++)
                if (change->gone[i] == part)
                        return true;
        return false;
}

bool store_write_manifest(struct tsdb *tsdb, const struct view_change *change, struct error *err)
{
        struct view *view = store_view(tsdb);
        size_t come = change ? change->come_count : 0;
        struct manifest manifest = {
                .next_file = tsdb->next_file,
                .next_sequence = tsdb->next_sequence,
                .wal_first = tsdb->wal_first,
                .next_series = tsdb->saved_series,
        };
        bool ok;

        manifest.parts = alloc_new(&store_type, (view->part_count + come + 1) * 8);
        manifest.series_files = alloc_new(&store_type, (tsdb->series_file_count + 1) * 8);
        for (size_t i = 0; i < view->part_count; i++)
                if (!is_gone(view->parts[i], change))
                        manifest.parts[manifest.part_count++] = view->parts[i]->number;
        for (size_t i = 0; i < come; i++)
                manifest.parts[manifest.part_count++] = change->come[i]->number;
        for (size_t i = 0; i < tsdb->series_file_count; i++)
                manifest.series_files[manifest.series_file_count++] = tsdb->series_files[i].number;
        ok = manifest_write(tsdb->dir, &manifest, err);
        alloc_free(&store_type, manifest.parts);
        alloc_free(&store_type, manifest.series_files);
        view_unref(view);
        return ok;
}

/* Writes the ids [first, end) to a new file that takes the place of all from `kept` on. */
static bool replace_series_files(struct tsdb *tsdb, size_t kept, uint32_t first, uint32_t end,
                                 struct error *err)
{
        size_t replaced_count = tsdb->series_file_count - kept;
        struct index *index = store_index(tsdb);
        char dir[STORE_PATH_BYTES];
        struct series_file made, *replaced;
        bool ok;

        store_path(tsdb, "series", dir);
        ok = series_file_write(dir, atomic_fetch_add(&tsdb->next_file, 1), index, first, end,
                               &made, err) &&
             dir_sync(dir, err);
        index_unref(index);
        if (!ok)
                return false;
        tsdb->series_files = alloc_array_reserve(&store_type, tsdb->series_files,
                                                 &tsdb->series_file_capacity,
                                                 tsdb->series_file_count + 1, sizeof(made));
        replaced = alloc_new(&store_type, (replaced_count + 1) * sizeof(*replaced));
        memcpy(replaced, tsdb->series_files + kept, replaced_count * sizeof(*replaced));
        tsdb->series_files[kept] = made;
        tsdb->series_file_count = kept + 1;
        tsdb->saved_series = end;
        ok = store_write_manifest(tsdb, NULL, err);
        /* Without the manifest the old files are still the valid ones: keep them, they say
         * nothing that the new one contradicts. */
        for (size_t i = 0; ok && i < replaced_count; i++)
                series_file_discard(dir, replaced[i].number);
        alloc_free(&store_type, replaced);
        return ok;
}

bool store_save_series(struct tsdb *tsdb, uint32_t end, struct error *err)
{
        size_t kept = tsdb->series_file_count;
        uint32_t first = tsdb->saved_series;
        uint64_t series = end - first;

        if (first >= end)
                return true;
        while (kept > 0 && tsdb->series_files[kept - 1].series <= 2 * series) {
                series += tsdb->series_files[--kept].series;
                if (tsdb->series_files[kept].first < first)
                        first = tsdb->series_files[kept].first;
        }
        return replace_series_files(tsdb, kept, first, end, err);
}

bool store_rewrite_series(struct tsdb *tsdb, struct error *err)
{
        return replace_series_files(tsdb, 0, 1, tsdb->saved_series, err);
}

void store_drop_reserve(struct tsdb *tsdb)
{
        char path[STORE_PATH_BYTES];

        store_path(tsdb, "reserve", path);
        file_discard(path);
        tsdb->has_reserve = false;
}

bool store_make_reserve(struct tsdb *tsdb, struct error *err)
{
        struct file file = FILE_CLOSED;
        char path[STORE_PATH_BYTES];

        store_path(tsdb, "reserve", path);
        if (!file_open(&file, path, FILE_UPDATE, err))
                return false;
        tsdb->has_reserve = file_allocate(&file, tsdb->options.wal_segment_bytes, err) &&
                            file_write_at(&file, "", 1, 0, err) && file_sync(&file, err);
        file_close(&file);
        if (!tsdb->has_reserve)
                file_discard(path);
        return tsdb->has_reserve;
}

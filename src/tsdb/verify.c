/* Checking and mending a store that is not open. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tsdb/maintain_int.h"
#include "tsdb/manifest_int.h"

static void tell(struct tsdb_check *check, const char *file, uint64_t offset, uint64_t size_bytes,
                 const char *what)
{
        check->damaged++;
        if (check->found)
                check->found(check->ctx, &(struct tsdb_finding){file, offset, size_bytes, what});
}

/* ---- parts --------------------------------------------------------------------------------- */

static const char *part_name(const struct part *part, char *name)
{
        snprintf(name, 64, "parts/%016" PRIx64 ".part", part->number);
        return name;
}

static void check_times(struct part *part, const char *name, struct tsdb_check *check)
{
        uint64_t offset;

        for (size_t i = 0; i < part->times_count; i++)
                for (int copy = 0; copy < 2; copy++) {
                        check->blocks++;
                        if (!part_times_intact(part, i, copy, &offset))
                                tell(check, name, offset, 0, "damaged copy of shared timestamps");
                }
}

bool part_check(struct part *part, struct tsdb_check *check)
{
        uint64_t before = check->damaged, samples = 0;
        struct samples decoded = {0};
        char name[64];

        part_name(part, name);
        if (!part_head_intact(part))
                tell(check, name, 0, PART_HEAD_BYTES, "damaged head");
        if (part->rebuilt)
                tell(check, name, 0, 0, "damaged index");
        check_times(part, name, check);
        for (size_t i = 0; i < part->block_count; i++) {
                struct chunk chunk;
                bool news;

                check->blocks++;
                samples_truncate(&decoded, 0);
                if (!part_block(part, i, &chunk, &news) || !chunk_decode(&chunk, &decoded, NULL))
                        tell(check, name, part_block_offset(part, i), 0, "damaged block");
                samples += decoded.count;
        }
        if (check->damaged == before && samples != part->samples)
                tell(check, name, 0, 0, "not as many samples as the index says");
        samples_release(&decoded);
        return check->damaged == before;
}

static void check_part(const char *dir, const char *name, const char *path, uint64_t number,
                       struct tsdb_check *check)
{
        struct part *part;
        bool rebuilt;

        (void)path;
        if (!part_open(&part, dir, number, &rebuilt, NULL)) {
                tell(check, name, 0, 0, "nothing in it can be used");
                return;
        }
        part_check(part, check);
        part_unref(part);
}

/* ---- the other files ----------------------------------------------------------------------- */

struct place {
        struct tsdb_check *check;
        const char *file;
};

static void tell_frame(void *ctx, uint64_t offset, uint64_t size_bytes)
{
        struct place *place = ctx;

        tell(place->check, place->file, offset, size_bytes, "damaged label sets");
}

static void check_series(const char *dir, const char *name, const char *path, uint64_t number,
                         struct tsdb_check *check)
{
        struct place place = {check, name};
        bool mirror = strstr(path, ".mirror");

        if (!series_file_check(dir, number, mirror, &check->frames, tell_frame, &place))
                tell(check, name, 0, 0, "cannot be read");
}

static void drop_series(void *ctx, uint32_t id, struct labels labels)
{
        (void)ctx;
        (void)id;
        (void)labels;
}

static void drop_sample(void *ctx, uint32_t series, struct sample sample)
{
        (void)ctx;
        (void)series;
        (void)sample;
}

static void drop_record(void *ctx, uint32_t series, int64_t t_ms, struct str bytes,
                        const struct sample_record *record)
{
        (void)ctx;
        (void)series;
        (void)t_ms;
        (void)bytes;
        (void)record;
}

static void drop_exemplar(void *ctx, const struct exemplar_item *item)
{
        (void)ctx;
        (void)item;
}

static const struct log_reader drop_all = {drop_series, drop_sample, drop_record, drop_exemplar,
                                           NULL};

static void check_record(void *ctx, uint64_t segment, uint8_t kind, struct str payload)
{
        struct place *place = ctx;

        (void)segment;
        place->check->records++;
        if (!log_read(kind, payload, &drop_all))
                tell(place->check, place->file, 0, payload.len, "log record makes no sense");
}

static void tell_record(void *ctx, uint64_t segment, uint64_t offset, uint64_t size_bytes,
                        bool tail)
{
        struct place *place = ctx;

        (void)segment;
        tell(place->check, place->file, offset, size_bytes,
             tail ? "torn end of the log" : "damaged log records");
}

static void check_log(const char *dir, const char *name, const char *path, uint64_t number,
                      struct tsdb_check *check)
{
        struct place place = {check, name};
        struct wal_visitor visitor = {check_record, tell_record, &place};
        struct file_map map = {0};

        (void)dir;
        if (!file_map_open(&map, path, NULL)) {
                tell(check, name, 0, 0, "cannot be read");
                return;
        }
        wal_scan(map.data, map.len, number, true, &visitor);
        file_map_close(&map);
}

static void check_exemplars(const char *dir, const char *name, const char *path, uint64_t number,
                            struct tsdb_check *check)
{
        struct file_map map = {0};

        (void)dir;
        (void)number;
        if (!file_map_open(&map, path, NULL) ||
            !exemplar_frames_read(str_make((const char *)map.data, map.len), &drop_all))
                tell(check, name, 0, 0, "damaged exemplars");
        file_map_close(&map);
}

static void check_tombstones(const char *dir, struct tsdb_check *check)
{
        struct tombstones *tombstones = NULL;

        if (!tombstones_load(dir, &tombstones, NULL))
                tell(check, "tombstones", 0, 0, "damaged deletions");
        tombstones_unref(tombstones);
}

/* ---- folders ------------------------------------------------------------------------------- */

static bool log_number(const char *name, uint64_t *ret_number)
{
        char *end;

        *ret_number = strtoull(name, &end, 16);
        return end == name + 16 && !strcmp(end, ".wal");
}

static bool exemplar_number(const char *name, uint64_t *ret_number)
{
        char *end;

        *ret_number = strtoull(name, &end, 16);
        return end == name + 16 && !strcmp(end, ".exemplars");
}

struct folder {
        const char *name;
        bool (*number)(const char *name, uint64_t *ret_number);
        void (*check)(const char *dir, const char *name, const char *path, uint64_t number,
                      struct tsdb_check *check);
        const uint64_t *listed; /* NULL: every file counts */
        size_t listed_count;
        uint64_t first;         /* files with lower numbers are leftovers */
};

static bool is_listed(const struct folder *folder, uint64_t number)
{
        if (number < folder->first)
                return false;
        for (size_t i = 0; folder->listed && i < folder->listed_count; i++)
                if (folder->listed[i] == number)
                        return true;
        return !folder->listed;
}

static void check_folder(const char *dir, const struct folder *folder, struct arena *arena,
                         struct tsdb_check *check)
{
        const char *path = arena_printf(arena, "%s/%s", dir, folder->name), **names;
        size_t count, found = 0;

        if (!dir_list(path, arena, &names, &count, NULL))
                count = 0;
        for (size_t i = 0; i < count; i++) {
                const char *file = arena_printf(arena, "%s/%s", path, names[i]);
                const char *name = arena_printf(arena, "%s/%s", folder->name, names[i]);
                uint64_t number;
                struct stat st;

                if (!folder->number(names[i], &number) || !is_listed(folder, number)) {
                        check->leftovers++;
                        continue;
                }
                check->files++;
                check->bytes += stat(file, &st) ? 0 : (uint64_t)st.st_size;
                found++;
                folder->check(path, name, file, number, check);
        }
        if (folder->listed && !strcmp(folder->name, "series"))
                found /= 2; /* each has a mirror */
        for (size_t i = found; folder->listed && i < folder->listed_count; i++)
                tell(check, folder->name, 0, 0, "a file that the manifest names is missing");
}

static void check_folders(const char *dir, const struct manifest *manifest, struct arena *arena,
                          struct tsdb_check *check)
{
        const struct folder folders[] = {
                {"parts", part_number, check_part, manifest->parts, manifest->part_count, 0},
                {"series", series_file_number, check_series, manifest->series_files,
                 manifest->series_file_count, 0},
                {"exemplars", exemplar_number, check_exemplars, NULL, 0, 0},
                {"wal", log_number, check_log, NULL, 0, manifest->wal_first},
        };

        for (size_t i = 0; i < ARRAY_LEN(folders); i++)
                check_folder(dir, &folders[i], arena, check);
        check_tombstones(dir, check);
}

/* A store has a log at least. Nobody may have it open. */
static bool lock_store(const char *dir, struct arena *arena, struct file *ret_lock,
                       struct error *err)
{
        const char *log = arena_printf(arena, "%s/wal", dir);
        struct stat st;

        if (stat(log, &st) && stat(arena_printf(arena, "%s/MANIFEST", dir), &st))
                return error_set(err, ERROR_NOT_FOUND, "%s is not a store", dir);
        return file_open(ret_lock, arena_printf(arena, "%s/LOCK", dir), FILE_UPDATE, err) &&
               file_lock(ret_lock, err);
}

bool tsdb_verify(const char *dir, struct tsdb_check *check, struct error *err)
{
        struct manifest manifest = {0};
        struct file lock = FILE_CLOSED;
        struct arena arena;
        struct error failure;
        bool ok;

        arena_init(&arena, SIZE_MAX);
        ok = lock_store(dir, &arena, &lock, err);
        if (ok && !manifest_read(dir, &arena, &manifest, &failure)) {
                if (failure.code == ERROR_UNSUPPORTED)
                        ok = error_set(err, failure.code, "%s", failure.text);
                else if (failure.code != ERROR_NOT_FOUND)
                        tell(check, "MANIFEST", 0, 0, "damaged manifest");
        }
        if (ok)
                check_folders(dir, &manifest, &arena, check);
        file_close(&lock);
        arena_release(&arena);
        return ok;
}

/* ---- mending ------------------------------------------------------------------------------- */

static void tell_event(void *ctx, const struct tsdb_event *event)
{
        tell(ctx, event->file, event->offset, event->size_bytes, tsdb_event_text(event->kind));
}

/* Everything that is not a part is written anew from what could be read; the log is empty then. */
static bool rewrite_files(struct tsdb *tsdb, struct error *err)
{
        struct view *view = store_view(tsdb);
        bool ok;

        pthread_mutex_lock(&tsdb->maintain_lock);
        ok = store_flush(tsdb, err) && wal_cut(tsdb->wal, &tsdb->wal_first, err) &&
             store_rewrite_series(tsdb, err) && store_rewrite_exemplars(tsdb, err) &&
             store_set_tombstones(tsdb, tombstones_ref(view->tombstones), err);
        if (ok)
                wal_drop_before(tsdb->wal, tsdb->wal_first);
        pthread_mutex_unlock(&tsdb->maintain_lock);
        view_unref(view);
        return ok;
}

bool tsdb_repair(const char *dir, struct tsdb_check *check, struct error *err)
{
        struct file lock = FILE_CLOSED;
        struct tsdb_options options;
        struct arena arena;
        struct tsdb *tsdb;
        bool ok;

        arena_init(&arena, SIZE_MAX);
        ok = lock_store(dir, &arena, &lock, err);
        file_close(&lock);
        arena_release(&arena);
        tsdb_options_init(&options, dir);
        options.manual = true;
        options.retention_ms = 0;
        options.max_ahead_ms = 0;
        options.series_limit = 0;
        options.exemplar_limit = UINT32_MAX / 2;
        options.on_event = tell_event;
        options.event_ctx = check;
        if (!ok || !tsdb_open(&tsdb, &options, err))
                return false;
        ok = rewrite_files(tsdb, err) && store_mend(tsdb, check, err);
        tsdb_close(tsdb);
        return ok;
}

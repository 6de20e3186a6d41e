/* Opening and closing. */
#include <inttypes.h>
#include <stdio.h>

#include "tsdb/maintain_int.h"
#include "tsdb/manifest_int.h"

/* Shared by the store's files, hence not ALLOC_TYPE. */
struct alloc_type store_type = {.name = "tsdb"};

__attribute__((constructor)) static void register_store_type(void)
{
        alloc_type_register(&store_type);
}

void tsdb_options_init(struct tsdb_options *options, const char *dir)
{
        *options = (struct tsdb_options){
                .dir = dir,
                .clock = &clock_real,
                .retention_ms = 15ll * 24 * 3600 * 1000,
                .partition_ms = 24ll * 3600 * 1000,
                .out_of_order_ms = 3600 * 1000,
                .max_ahead_ms = 10 * 60 * 1000,
                .series_limit = 20 * 1000 * 1000,
                .exemplar_limit = 100 * 1000,
                .flush_interval_ms = 60 * 1000,
                .wal_segment_bytes = 16 << 20,
                .wal_replay_bytes = 64 << 20,
                .feed_max_bytes = 8ull << 30,
        };
}

void tsdb_reconfigure(struct tsdb *tsdb, const struct tsdb_options *options)
{
        store_set_rules(tsdb, options);
        atomic_store(&tsdb->retention_bytes, options->retention_bytes);
        atomic_store(&tsdb->out_of_order_ms, options->out_of_order_ms);
        atomic_store(&tsdb->max_ahead_ms, options->max_ahead_ms);
        atomic_store(&tsdb->series_limit, options->series_limit);
        atomic_store(&tsdb->refuses_series, false);
        atomic_store(&tsdb->exemplar_limit, options->exemplar_limit);
}

static bool options_make_sense(const struct tsdb_options *o, struct error *err)
{
        if (!o->dir || !o->clock || o->retention_ms < 0 || o->partition_ms < 60 * 1000 ||
            o->partition_ms > 366ll * 24 * 3600 * 1000 || o->out_of_order_ms < 0 ||
            o->max_ahead_ms < 0 || o->flush_interval_ms <= 0 || o->wal_segment_bytes < 4096 ||
            o->wal_replay_bytes < o->wal_segment_bytes)
                return error_set(err, ERROR_INVALID, "tsdb options make no sense");
        return true;
}

static void init_locks(struct tsdb *tsdb)
{
        pthread_condattr_t monotonic;

        pthread_condattr_init(&monotonic);
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        pthread_cond_init(&tsdb->worker_wake, &monotonic);
        pthread_condattr_destroy(&monotonic);
        pthread_cond_init(&tsdb->flushed, NULL);
        pthread_mutex_init(&tsdb->append_lock, NULL);
        pthread_mutex_init(&tsdb->view_lock, NULL);
        pthread_mutex_init(&tsdb->retained_lock, NULL);
        pthread_mutex_init(&tsdb->maintain_lock, NULL);
        pthread_mutex_init(&tsdb->merge_lock, NULL);
        pthread_mutex_init(&tsdb->worker_lock, NULL);
        pthread_rwlock_init(&tsdb->index_swap, NULL);
}

ALLOC_TYPE(state_page_type, "tsdb_series_states")

/* A batch of a million samples is some 12 MB of log. */
enum { GROUP_MAX_BYTES = 1 << 30 };

static struct tsdb *new_store(const struct tsdb_options *options)
{
        struct tsdb *tsdb = alloc_new(&store_type, sizeof(*tsdb));

        tsdb->dir = alloc_strdup(&store_type, options->dir, strlen(options->dir));
        tsdb->options = *options;
        tsdb->options.dir = tsdb->dir;
        tsdb->options.retention_rules = NULL; /* the caller's: store_set_rules copies them */
        tsdb->clock = *options->clock;
        tsdb->lock_file = FILE_CLOSED;
        tsdb->group = BUF_INIT(GROUP_MAX_BYTES);
        tsdb->records = BUF_INIT(GROUP_MAX_BYTES);
        tsdb->recovered_max_t_ms = INT64_MIN;
        tsdb->sifted_at_ms = tsdb->forgot_at_ms = clock_mono_ns(&tsdb->clock) / 1000000;
        tsdb->next_file = tsdb->next_sequence = 1;
        tsdb->next_series = tsdb->saved_series = 1;
        init_locks(tsdb);
        pages_init(&tsdb->states, &state_page_type, sizeof(struct series_state));
        tsdb->index = index_new();
        exemplars_init(&tsdb->exemplars);
        tsdb_reconfigure(tsdb, options);
        store_change_view(tsdb, &(struct view_change){0});
        return tsdb;
}

static struct tsdb *free_store(struct tsdb *tsdb)
{
        wal_close(tsdb->wal);
        view_unref(tsdb->view);
        memtable_unref(tsdb->open);
        index_unref(tsdb->index);
        retained_unref(tsdb->retained);
        retention_rules_unref(tsdb->retention_rules);
        exemplars_release(&tsdb->exemplars);
        pages_release(&tsdb->states);
        file_close(&tsdb->lock_file);
        buf_release(&tsdb->group);
        buf_release(&tsdb->records);
        pthread_cond_destroy(&tsdb->worker_wake);
        pthread_cond_destroy(&tsdb->flushed);
        pthread_mutex_destroy(&tsdb->append_lock);
        pthread_mutex_destroy(&tsdb->view_lock);
        pthread_mutex_destroy(&tsdb->retained_lock);
        pthread_mutex_destroy(&tsdb->maintain_lock);
        pthread_mutex_destroy(&tsdb->merge_lock);
        pthread_mutex_destroy(&tsdb->worker_lock);
        pthread_rwlock_destroy(&tsdb->index_swap);
        alloc_free(&store_type, tsdb->accepted);
        alloc_free(&store_type, tsdb->series_files);
        alloc_free(&store_type, tsdb->exemplar_files);
        alloc_free(&store_type, tsdb->dir);
        return alloc_free(&store_type, tsdb);
}

static bool prepare_directory(struct tsdb *tsdb, struct error *err)
{
        static const char *const folders[] = {"wal", "parts", "series", "exemplars"};
        char path[STORE_PATH_BYTES];

        if (!dir_make(tsdb->dir, err))
                return false;
        for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
                store_path(tsdb, folders[i], path);
                if (!dir_make(path, err))
                        return false;
        }
        store_path(tsdb, "LOCK", path);
        return file_open(&tsdb->lock_file, path, FILE_UPDATE, err) &&
               file_lock(&tsdb->lock_file, err) && dir_sync(tsdb->dir, err);
}

/* ---- files --------------------------------------------------------------------------------- */

static void note_number(struct tsdb *tsdb, uint64_t number)
{
        if (number >= tsdb->next_file)
                tsdb->next_file = number + 1;
}

static void note_series(struct tsdb *tsdb, uint32_t id)
{
        if (id >= tsdb->next_series && id < UINT32_MAX)
                tsdb->next_series = id + 1;
}

static void add_part(struct tsdb *tsdb, struct part *part)
{
        struct view_change change = {.come = &part, .come_count = 1};

        if (part->head.last_sequence >= tsdb->next_sequence)
                tsdb->next_sequence = part->head.last_sequence + 1;
        if (part->max_t_ms > tsdb->recovered_max_t_ms)
                tsdb->recovered_max_t_ms = part->max_t_ms;
        note_series(tsdb, part->series[part->block_count - 1]);
        store_change_view(tsdb, &change);
}

/* *ret_part is NULL when the part is lost; false when the store must be left alone. */
static bool load_part(struct tsdb *tsdb, uint64_t number, struct part **ret_part,
                      bool *ret_rebuilt, struct error *err)
{
        char dir[STORE_PATH_BYTES], name[64];
        struct error failure;

        store_path(tsdb, "parts", dir);
        snprintf(name, sizeof(name), "parts/%016" PRIx64 ".part", number);
        note_number(tsdb, number);
        if (!part_open(ret_part, dir, number, ret_rebuilt, &failure)) {
                if (failure.code == ERROR_UNSUPPORTED)
                        return error_set(err, failure.code, "%s", failure.text);
                store_event(tsdb, TSDB_EVENT_PART_LOST, name, 0, 0);
                *ret_part = NULL;
                return true;
        }
        (*ret_part)->opened_ns = clock_mono_ns(&tsdb->clock);
        if (*ret_rebuilt)
                store_event(tsdb, TSDB_EVENT_INDEX_REBUILT, name, 0, 0);
        return true;
}

static void load_series(struct tsdb *tsdb, uint64_t number)
{
        struct series_damage damage;
        struct series_file file;
        char dir[STORE_PATH_BYTES], name[64];

        store_path(tsdb, "series", dir);
        snprintf(name, sizeof(name), "series/%016" PRIx64 ".series", number);
        note_number(tsdb, number);
        if (!series_file_load(dir, number, tsdb->index, &file, &damage, NULL)) {
                store_event(tsdb, TSDB_EVENT_SERIES_DAMAGED, name, 0, 0);
                return;
        }
        if (damage.repaired_frames)
                store_event(tsdb, TSDB_EVENT_SERIES_REPAIRED, name, 0, 0);
        if (damage.lost_frames)
                store_event(tsdb, TSDB_EVENT_SERIES_DAMAGED, name, 0, 0);
        tsdb->series_files = alloc_array_reserve(&store_type, tsdb->series_files,
                                                 &tsdb->series_file_capacity,
                                                 tsdb->series_file_count + 1, sizeof(file));
        tsdb->series_files[tsdb->series_file_count++] = file;
        note_series(tsdb, file.end - 1);
}

static bool is_listed(uint64_t number, const uint64_t *list, size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (list[i] == number)
                        return true;
        return false;
}

/* Removes part and series files that the manifest does not name. */
static bool remove_leftovers(struct tsdb *tsdb, struct arena *arena,
                             const struct manifest *manifest, struct error *err)
{
        char parts[STORE_PATH_BYTES], series[STORE_PATH_BYTES], path[PART_PATH_BYTES];
        const char **names;
        uint64_t number;
        size_t count;

        store_path(tsdb, "parts", parts);
        store_path(tsdb, "series", series);
        if (!dir_list(parts, arena, &names, &count, err))
                return false;
        for (size_t i = 0; i < count; i++) {
                if (!part_number(names[i], &number) ||
                    is_listed(number, manifest->parts, manifest->part_count))
                        continue;
                part_path(parts, number, path);
                file_discard(path);
        }
        if (!dir_list(series, arena, &names, &count, err))
                return false;
        for (size_t i = 0; i < count; i++)
                if (series_file_number(names[i], &number) &&
                    !is_listed(number, manifest->series_files, manifest->series_file_count))
                        series_file_discard(series, number);
        return true;
}

static bool load_by_manifest(struct tsdb *tsdb, struct arena *arena,
                             const struct manifest *manifest, struct error *err)
{
        tsdb->next_file = manifest->next_file;
        tsdb->next_sequence = manifest->next_sequence;
        tsdb->wal_first = manifest->wal_first;
        tsdb->next_series = tsdb->saved_series = manifest->next_series;
        if (!remove_leftovers(tsdb, arena, manifest, err))
                return false;
        for (uint32_t i = 0; i < manifest->series_file_count; i++)
                load_series(tsdb, manifest->series_files[i]);
        for (uint32_t i = 0; i < manifest->part_count; i++) {
                struct part *part;
                bool rebuilt;

                if (!load_part(tsdb, manifest->parts[i], &part, &rebuilt, err))
                        return false;
                if (part)
                        add_part(tsdb, part);
        }
        return true;
}

/* Whether `other` came of a merge that `part` went into. One whose foot is missing may not hold
 * all it should. */
static bool is_merged_into(const struct part *part, const struct part *other, bool other_rebuilt)
{
        return part != other && !other_rebuilt && part->head.base_ms == other->head.base_ms &&
               part->head.first_sequence >= other->head.first_sequence &&
               part->head.last_sequence <= other->head.last_sequence &&
               part->head.level < other->head.level;
}

/* Takes all parts there are but those whose data a merged one has. */
static bool find_parts(struct tsdb *tsdb, struct arena *arena, struct error *err)
{
        char dir[STORE_PATH_BYTES];
        const char **names;
        struct part **parts;
        bool *rebuilt;
        size_t name_count, count = 0;
        bool ok = true;

        store_path(tsdb, "parts", dir);
        if (!dir_list(dir, arena, &names, &name_count, err))
                return false;
        parts = arena_array(arena, struct part *, name_count + 1);
        rebuilt = arena_array(arena, bool, name_count + 1);
        for (size_t i = 0; ok && i < name_count; i++) {
                uint64_t number;

                if (!part_number(names[i], &number))
                        continue;
                ok = load_part(tsdb, number, &parts[count], &rebuilt[count], err);
                count += ok && parts[count];
        }
        for (size_t i = 0; ok && i < count; i++) {
                bool merged = false;

                for (size_t k = 0; k < count && !merged; k++)
                        merged = is_merged_into(parts[i], parts[k], rebuilt[k]);
                atomic_store(&parts[i]->doomed, merged);
                if (merged)
                        continue;
                add_part(tsdb, part_ref(parts[i]));
        }
        for (size_t i = 0; i < count; i++)
                part_unref(parts[i]);
        return ok;
}

static bool load_by_search(struct tsdb *tsdb, struct arena *arena, struct error *err)
{
        char dir[STORE_PATH_BYTES];
        const char **names;
        uint64_t number, last = 0;
        size_t count;

        store_path(tsdb, "series", dir);
        if (!dir_list(dir, arena, &names, &count, err))
                return false;
        for (size_t i = 0; i < count; i++) {
                if (!series_file_number(names[i], &number) || number == last)
                        continue;
                load_series(tsdb, number);
                last = number;
        }
        tsdb->saved_series = tsdb->next_series;
        return find_parts(tsdb, arena, err);
}

static bool load_tombstones(struct tsdb *tsdb, struct error *err)
{
        struct view_change change = {.new_tombstones = true};
        struct error failure;

        if (!tombstones_load(tsdb->dir, &change.tombstones, &failure)) {
                if (failure.code != ERROR_CORRUPT)
                        return error_set(err, failure.code, "%s", failure.text);
                store_event(tsdb, TSDB_EVENT_TOMBSTONES_DAMAGED, "tombstones", 0, 0);
                return true;
        }
        /* What is written from now on is not concerned, also after the manifest was lost. */
        for (size_t i = 0; change.tombstones && i < change.tombstones->count; i++)
                if (tsdb->next_sequence < change.tombstones->items[i].sequence)
                        tsdb->next_sequence = change.tombstones->items[i].sequence;
        store_change_view(tsdb, &change);
        return true;
}

static bool load_files(struct tsdb *tsdb, struct error *err)
{
        struct manifest manifest = {0};
        struct arena arena;
        struct error failure;
        bool ok;

        arena_init(&arena, SIZE_MAX);
        ok = manifest_read(tsdb->dir, &arena, &manifest, &failure);
        if (ok) {
                ok = load_by_manifest(tsdb, &arena, &manifest, err);
        } else if (failure.code == ERROR_UNSUPPORTED) {
                ok = error_set(err, failure.code, "%s", failure.text);
        } else {
                ok = load_by_search(tsdb, &arena, err);
                if (tsdb->series_file_count || tsdb->view->part_count ||
                    failure.code != ERROR_NOT_FOUND)
                        store_event(tsdb, TSDB_EVENT_MANIFEST_REBUILT, "MANIFEST", 0, 0);
        }
        ok = ok && load_tombstones(tsdb, err) && store_load_exemplars(tsdb, &arena, err);
        arena_release(&arena);
        return ok;
}

/* ---- log ----------------------------------------------------------------------------------- */

static void replay_series(void *ctx, uint32_t id, struct labels labels)
{
        struct tsdb *tsdb = ctx;

        /* Not new when it is in a series file, or this is the record's second copy. */
        if (index_restore(tsdb->index, id, labels))
                note_series(tsdb, id);
}

static void replay_sample(void *ctx, uint32_t series, struct sample sample)
{
        struct tsdb *tsdb = ctx;

        if (!index_knows(tsdb->index, series)) {
                tsdb->orphans++;
                return;
        }
        store_replay_sample(tsdb, series, sample);
        tsdb->replayed_samples++;
}

static void replay_sample_record(void *ctx, uint32_t series, int64_t t_ms, struct str bytes,
                                 const struct sample_record *record)
{
        struct tsdb *tsdb = ctx;

        if (!index_knows(tsdb->index, series)) {
                tsdb->orphans++;
                return;
        }
        store_replay_record(tsdb, series, t_ms, bytes, record);
        tsdb->replayed_samples++;
}

static void replay_exemplar(void *ctx, const struct exemplar_item *item)
{
        struct tsdb *tsdb = ctx;

        if (index_knows(tsdb->index, item->series))
                store_replay_exemplar(tsdb, item);
}

/* Definitions stand in the log twice; reading a million of them takes half a second. */
static bool is_second_copy(struct tsdb *tsdb, struct str payload)
{
        bool second = str_equal(payload, buf_str(&tsdb->records));

        buf_clear(&tsdb->records);
        if (!second)
                buf_append_str(&tsdb->records, payload);
        return second;
}

static void replay_record(void *ctx, uint64_t segment, uint8_t kind, struct str payload)
{
        struct tsdb *tsdb = ctx;
        struct log_reader reader = {replay_series, replay_sample, replay_sample_record,
                                    replay_exemplar, ctx};
        char name[64];

        tsdb->replayed_records++;
        tsdb->open_wal_bytes += payload.len;
        if (kind == LOG_SERIES && is_second_copy(tsdb, payload))
                return;
        if (log_read(kind, payload, &reader))
                return;
        snprintf(name, sizeof(name), "wal/%016" PRIx64 ".wal", segment);
        store_event(tsdb, TSDB_EVENT_WAL_DAMAGED, name, 0, payload.len);
}

static void replay_damage(void *ctx, uint64_t segment, uint64_t offset, uint64_t size_bytes,
                          bool tail)
{
        char name[64];

        snprintf(name, sizeof(name), "wal/%016" PRIx64 ".wal", segment);
        store_event(ctx, tail ? TSDB_EVENT_WAL_TAIL_CUT : TSDB_EVENT_WAL_DAMAGED, name, offset,
                    size_bytes);
}

static bool open_log(struct tsdb *tsdb, struct error *err)
{
        char dir[STORE_PATH_BYTES];
        struct wal_options options = {.dir = dir,
                                      .segment_bytes = tsdb->options.wal_segment_bytes,
                                      .first_segment = tsdb->wal_first,
                                      .held_segment = tsdb->options.feed_segment,
                                      .held_max_bytes = tsdb->options.feed_max_bytes};
        struct wal_visitor visitor = {replay_record, replay_damage, tsdb};

        /* On a full disk its room is what the first log segment needs. */
        store_drop_reserve(tsdb);
        store_path(tsdb, "wal", dir);
        tsdb->open = memtable_new(tsdb->next_sequence++);
        store_change_view(tsdb, &(struct view_change){.fresh = tsdb->open});
        if (!wal_open(&tsdb->wal, &options, &visitor, err))
                return false;
        if (tsdb->orphans)
                store_event(tsdb, TSDB_EVENT_SERIES_DAMAGED, "wal", 0, 0);
        tsdb->logged_series = tsdb->recovered_series = tsdb->next_series;
        return true;
}

bool tsdb_open(struct tsdb **ret_tsdb, const struct tsdb_options *options, struct error *err)
{
        int64_t begin_ns = clock_mono_ns(&clock_real);
        struct tsdb *tsdb;

        if (!options_make_sense(options, err))
                return false;
        tsdb = new_store(options);
        if (!prepare_directory(tsdb, err) || !load_files(tsdb, err) || !open_log(tsdb, err)) {
                free_store(tsdb);
                return false;
        }
        if (!store_make_reserve(tsdb, NULL))
                store_set_full(tsdb, true);
        tsdb->open_ns = clock_mono_ns(&clock_real) - begin_ns;
        if (!options->manual)
                store_start_workers(tsdb);
        *ret_tsdb = tsdb;
        return true;
}

struct tsdb *tsdb_close(struct tsdb *tsdb)
{
        if (!tsdb)
                return NULL;
        store_stop_workers(tsdb);
        pthread_mutex_lock(&tsdb->maintain_lock);
        /* What cannot be written now is in the log. */
        if (!store_flush(tsdb, NULL) && !wal_sync(tsdb->wal, UINT64_MAX, NULL))
                store_set_full(tsdb, true);
        store_drop_reserve(tsdb);
        pthread_mutex_unlock(&tsdb->maintain_lock);
        return free_store(tsdb);
}

struct series_sink tsdb_sink(struct tsdb *tsdb)
{
        return (struct series_sink){.resolve = store_resolve,
                                    .append = store_append,
                                    .append_exemplars = store_append_exemplars,
                                    .ctx = tsdb};
}

struct series_source tsdb_source(struct tsdb *tsdb)
{
        return (struct series_source){store_open_querier, tsdb};
}

bool tsdb_is_full(const struct tsdb *tsdb)
{
        return atomic_load_explicit(&tsdb->full, memory_order_relaxed);
}

bool tsdb_maintain(struct tsdb *tsdb, struct error *err)
{
        bool merged = true, ok;

        store_try_recover(tsdb);
        pthread_mutex_lock(&tsdb->maintain_lock);
        ok = store_flush(tsdb, err) && store_retain(tsdb, err);
        pthread_mutex_unlock(&tsdb->maintain_lock);
        while (ok && merged)
                ok = store_merge(tsdb, false, &merged, err);
        return ok && store_sift(tsdb, err);
}

bool tsdb_seal(struct tsdb *tsdb, struct error *err)
{
        bool merged = true, ok;

        pthread_mutex_lock(&tsdb->maintain_lock);
        ok = store_flush(tsdb, err);
        pthread_mutex_unlock(&tsdb->maintain_lock);
        while (ok && merged)
                ok = store_merge(tsdb, true, &merged, err);
        return ok;
}

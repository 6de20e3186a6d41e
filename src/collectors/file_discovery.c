/* Targets from JSON and YAML files (file_sd_configs). They are looked at with stat() once a second,
 * where Prometheus uses inotify, and read anew every refresh_interval for changes that stat() does
 * not show. */
#include <glob.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "collectors/discovery_int.h"

ALLOC_TYPE(file_discovery_type, "file_discovery")

METRIC_COUNTER(failures, "pitwall_discovery_failures_total", "kind=\"file\"",
               "Discoveries that gave no good answer; the last targets stayed.")

enum { FILE_MAX_BYTES = 64 << 20, ARENA_MAX_BYTES = 512 << 20, LOOK_INTERVAL_MS = 1000 };

struct discovered_file {
        char *path;
        struct timespec modified;
        off_t size;
        ino_t inode;
        bool present;             /* seen by the current look */
        struct arena arena;       /* of the groups */
        struct target_groups groups;
};

struct file_set {
        struct discovery *discovery;
        const struct file_discovery_options *options;
        struct discovered_file **files;
        size_t count, capacity;
};

static void file_free(struct discovered_file *file)
{
        arena_release(&file->arena);
        alloc_free(&file_discovery_type, file->path);
        alloc_free(&file_discovery_type, file);
}

static bool read_groups(const char *path, struct arena *arena, struct target_groups *ret_groups,
                        struct error *err)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(FILE_MAX_BYTES);
        struct label origin = {STR_LIT("__meta_filepath"), str_from(path)};

        return file_read_all(path, &text, err) &&
               target_groups_parse(arena, buf_str(&text),
                                   str_ends_with(origin.value, STR_LIT(".json"))
                                           ? TARGET_GROUPS_JSON : TARGET_GROUPS_YAML,
                                   origin, ret_groups, err);
}

bool file_discovery_check(const char *path, struct error *err)
{
        struct target_groups groups;
        struct arena arena;
        bool ok;

        arena_init(&arena, ARENA_MAX_BYTES);
        ok = read_groups(path, &arena, &groups, err);
        arena_release(&arena);
        return ok;
}

/* Parses into fresh memory and swaps it in only when all of it is good. */
static bool load_file(struct discovered_file *file, struct error *err)
{
        struct target_groups groups;
        struct arena arena;

        arena_init(&arena, ARENA_MAX_BYTES);
        if (!read_groups(file->path, &arena, &groups, err)) {
                arena_release(&arena);
                return false;
        }
        arena_release(&file->arena);
        file->arena = arena;
        file->groups = groups;
        return true;
}

static struct discovered_file *find_file(struct file_set *set, const char *path)
{
        struct discovered_file *file;

        for (size_t i = 0; i < set->count; i++)
                if (strcmp(set->files[i]->path, path) == 0)
                        return set->files[i];
        file = alloc_new(&file_discovery_type, sizeof(*file));
        file->path = alloc_strdup(&file_discovery_type, path, strlen(path));
        arena_init(&file->arena, ARENA_MAX_BYTES);
        set->files = alloc_array_reserve(&file_discovery_type, set->files, &set->capacity,
                                         set->count + 1, sizeof(*set->files));
        set->files[set->count++] = file;
        return file;
}

/* True when the file gave new groups. */
static bool look_at(struct file_set *set, const char *path, bool read_anew)
{
        struct discovered_file *file = find_file(set, path);
        struct stat info;
        struct error err;

        file->present = true;
        if (stat(path, &info) != 0)
                return false;
        if (!read_anew && info.st_mtim.tv_sec == file->modified.tv_sec &&
            info.st_mtim.tv_nsec == file->modified.tv_nsec && info.st_size == file->size &&
            info.st_ino == file->inode)
                return false;
        file->modified = info.st_mtim;
        file->size = info.st_size;
        file->inode = info.st_ino;
        if (load_file(file, &err))
                return true;
        error_prefix(&err, "%s", path);
        discovery_fail(set->discovery, &err);
        return false;
}

static bool drop_absent(struct file_set *set)
{
        size_t kept = 0;
        bool dropped;

        for (size_t i = 0; i < set->count; i++) {
                if (set->files[i]->present)
                        set->files[kept++] = set->files[i];
                else
                        file_free(set->files[i]);
        }
        dropped = kept != set->count;
        set->count = kept;
        return dropped;
}

static bool look(struct file_set *set, bool read_anew)
{
        bool changed = false;

        for (size_t i = 0; i < set->count; i++)
                set->files[i]->present = false;
        for (size_t i = 0; i < set->options->pattern_count; i++) {
                glob_t found = {0};

                if (glob(set->options->patterns[i].data, 0, NULL, &found) == 0)
                        for (size_t f = 0; f < found.gl_pathc; f++)
                                changed |= look_at(set, found.gl_pathv[f], read_anew);
                globfree(&found);
        }
        return drop_absent(set) || changed;
}

static void publish(const struct file_set *set)
{
        struct discovery_result *result = discovery_result_new();

        for (size_t i = 0; i < set->count; i++)
                for (size_t g = 0; g < set->files[i]->groups.count; g++)
                        discovery_result_add(result, &set->files[i]->groups.items[g]);
        discovery_publish(set->discovery, result);
}

static void run_file(struct discovery *discovery)
{
        const struct discovery_config *config = discovery_config_of(discovery);
        struct file_set set = {.discovery = discovery, .options = config->options};
        int64_t read_ns = clock_mono_ns(&clock_real);

        look(&set, true);
        do {
                publish(&set);
                while (discovery_sleep(discovery, LOOK_INTERVAL_MS)) {
                        int64_t now_ns = clock_mono_ns(&clock_real);
                        bool read_anew = now_ns - read_ns >= config->refresh_interval_ms * 1000000;

                        if (read_anew)
                                read_ns = now_ns;
                        if (look(&set, read_anew))
                                break;
                }
        } while (!discovery_stopping(discovery));
        for (size_t i = 0; i < set.count; i++)
                file_free(set.files[i]);
        alloc_free(&file_discovery_type, set.files);
}

const struct discovery_kind file_discovery_kind = {"file", run_file, &failures};

/* OpenZFS: the kstat files under /proc/spl/kstat/zfs, lines of "name type data". */
#include "collectors/host_int.h"

#define KSTAT "/proc/spl/kstat/zfs"

static const char *const subsystems[][2] = {
        {"zfs_abd", "abdstats"},
        {"zfs_arc", "arcstats"},
        {"zfs_dbuf", "dbufstats"},
        {"zfs_dmu_tx", "dmu_tx"},
        {"zfs_dnode", "dnodestats"},
        {"zfs_fm", "fm"},
        {"zfs_vdev_cache", "vdev_cache_stats"},
        {"zfs_vdev_mirror", "vdev_mirror_stats"},
        {"zfs_xuio", "xuio_stats"},
        {"zfs_zfetch", "zfetchstats"},
        {"zfs_zil", "zil"},
};

/* One value: node_<subsystem>_<field>, its kstat name as help. */
static void add(struct host_table *out, const char *subsystem, const char *file,
                struct str field, const char *labels, uint64_t value)
{
        struct buf name CLEANUP(buf_release) = BUF_INIT(HOST_NAME_MAX_BYTES);
        struct buf help CLEANUP(buf_release) = BUF_INIT(2 * HOST_NAME_MAX_BYTES);

        buf_printf(&name, "node_%s_" STR_FMT, subsystem, STR_ARG(field));
        buf_printf(&help, "kstat.zfs.misc.%s." STR_FMT, file, STR_ARG(field));
        if (name.overflow || help.overflow)
                return;
        for (size_t i = 0; i < name.len; i++)
                if (name.data[i] == '-')
                        name.data[i] = '_';
        host_single(out, name.data, "untyped", help.data, labels, (double)value);
}

/* The lines behind "name type data". A dataset's file names it in one of them. */
static bool add_file(struct host_table *out, struct str rest, const char *subsystem,
                     const char *file, const char *pool, struct error *err)
{
        struct buf labels CLEANUP(buf_release) = BUF_INIT(HOST_LABELS_MAX_BYTES);
        struct str line;
        bool begun = false;

        while (str_cut(&rest, '\n', &line)) {
                struct str name = host_field(&line), type = host_field(&line),
                           data = host_field(&line);
                uint64_t value;

                if (!begun) {
                        begun = str_is(name, "name") && str_is(type, "type") &&
                                str_is(data, "data");
                } else if (pool && str_is(name, "dataset_name")) {
                        buf_clear(&labels);
                        host_label(&labels, "dataset", data);
                        host_label(&labels, "zpool", str_from(pool));
                } else if (data.len && str_is(type, "4")) { /* unsigned, 64 bits */
                        if (!host_parse_uint(data, &value))
                                return error_set(err, ERROR_INVALID, "%s: not a number: " STR_FMT,
                                                 file, STR_ARG(data));
                        add(out, subsystem, file, name, labels.data, value);
                }
        }
        return begun || error_set(err, ERROR_INVALID, "%s: unknown form", file);
}

/* A pool's io: a line of names beginning with nread, then their values. */
static bool add_io(struct host_table *out, struct str rest, const char *labels,
                   struct error *err)
{
        struct str line, names = STR_LIT(""), name;

        while (!str_starts_with(names, STR_LIT("nread")))
                if (!str_cut(&rest, '\n', &names))
                        return true;
        if (!str_cut(&rest, '\n', &line))
                return true;
        while ((name = host_field(&names)).len) {
                uint64_t value;

                if (!host_parse_uint(host_field(&line), &value))
                        return error_set(err, ERROR_INVALID, "io: not a number");
                add(out, "zfs_zpool", "io", name, labels, value);
        }
        return true;
}

static void add_state(struct host_table *out, struct str state, const char *pool)
{
        static const char *const states[] = {"online", "degraded", "faulted", "offline",
                                             "removed", "unavail"};

        for (size_t i = 0; i < ARRAY_LEN(states); i++) {
                struct buf labels CLEANUP(buf_release) = BUF_INIT(HOST_LABELS_MAX_BYTES);
                bool is_active = state.len == strlen(states[i]) &&
                                 strncasecmp(state.data, states[i], state.len) == 0;

                host_label(&labels, "state", str_from(states[i]));
                host_label(&labels, "zpool", str_from(pool));
                host_single(out, "node_zfs_zpool_state", "gauge", "kstat.zfs.misc.state",
                            labels.data, is_active);
        }
}

static bool add_pool(struct host_table *out, struct arena *arena, const char *pool,
                     struct error *err)
{
        const char *dir = arena_printf(arena, KSTAT "/%s", pool);
        struct buf labels CLEANUP(buf_release) = BUF_INIT(HOST_LABELS_MAX_BYTES);
        struct buf text CLEANUP(buf_release) = {0};
        const char **names;
        struct str value;
        size_t count;

        if (!host_list(arena, dir, NULL, &names, &count, NULL))
                return true; /* one of the files beside the pools */
        host_label(&labels, "zpool", str_from(pool));
        if (host_attribute(&text, dir, "io", &value, NULL) &&
            !add_io(out, value, labels.data, err))
                return false;
        for (size_t i = 0; i < count; i++)
                if (strncmp(names[i], "objset-", strlen("objset-")) == 0 &&
                    host_attribute(&text, dir, names[i], &value, NULL) &&
                    !add_file(out, value, "zfs_zpool_dataset", "objset", pool, err))
                        return false;
        if (host_attribute(&text, dir, "state", &value, NULL))
                add_state(out, value, pool);
        return true;
}

bool host_collect_zfs(struct host_table *out, struct error *err)
{
        struct arena arena CLEANUP(arena_release) = {.limit_bytes = 16 << 20};
        struct buf text CLEANUP(buf_release) = {0};
        const char **names;
        struct str value;
        size_t count;

        if (!host_list(&arena, KSTAT, NULL, &names, &count, err))
                return false;
        /* Which files there are depends on the version of ZFS. */
        for (size_t i = 0; i < ARRAY_LEN(subsystems); i++)
                if (host_attribute(&text, KSTAT, subsystems[i][1], &value, NULL) &&
                    !add_file(out, value, subsystems[i][0], subsystems[i][1], NULL, err))
                        return false;
        for (size_t i = 0; i < count && !arena_over_budget(&arena); i++)
                if (!add_pool(out, &arena, names[i], err))
                        return false;
        return true;
}

/* Mounted file systems from /proc/1/mountinfo or /proc/self/mountinfo, sizes by statvfs(3). */
#include <pthread.h>
#include <sys/statvfs.h>

#include "base/arena.h"
#include "base/map.h"
#include "codec/regex.h"
#include "collectors/host_int.h"

enum { MOUNTS_MAX = 1024, ARENA_BYTES = 4 << 20 };

/* The node exporter's defaults. */
static const char ignored_mounts[] =
        "/(dev|proc|run|sys|mnt|media|var/lib/docker/.+|var/lib/containers/storage/.+)($|/.*)";
static const char ignored_types[] =
        "(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|"
        "iso9660|mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|"
        "sysfs|tracefs)";

struct mount {
        struct str device, point, type;
        bool readonly, failed;
        struct statvfs sizes;
};

static pthread_once_t regexes_once = PTHREAD_ONCE_INIT;
static struct regex *mounts_regex, *types_regex;

static void compile_regexes(void)
{
        BUG_ON(!regex_new(&mounts_regex, str_from(ignored_mounts), REGEX_FULL, NULL));
        BUG_ON(!regex_new(&types_regex, str_from(ignored_types), REGEX_FULL, NULL));
}

/* The kernel writes blanks, newlines and backslashes of a path as three octal digits. */
static struct str unescape(struct arena *arena, struct str text)
{
        char *out = arena_alloc(arena, text.len + 1);
        size_t len = 0;

        for (size_t i = 0; i < text.len; i++) {
                if (text.data[i] == '\\' && text.len - i > 3) {
                        out[len++] = (char)((text.data[i + 1] - '0') * 64 +
                                            (text.data[i + 2] - '0') * 8 + text.data[i + 3] - '0');
                        i += 3;
                } else {
                        out[len++] = text.data[i];
                }
        }
        out[len] = '\0';
        return str_make(out, len);
}

static bool has_option(struct str options, const char *wanted)
{
        struct str option;

        while (str_cut(&options, ',', &option))
                if (str_is(option, wanted))
                        return true;
        return false;
}

/* 36 35 98:0 /root /point rw,noatime shared:1 - ext4 /dev/root rw,errors=continue */
static bool read_mount(struct arena *arena, struct str line, struct mount *mount)
{
        struct str field, options;

        for (int i = 0; i < 4; i++)
                host_field(&line);
        mount->point = unescape(arena, host_field(&line));
        options = host_field(&line);
        while ((field = host_field(&line)).len && !str_is(field, "-"))
                continue;
        mount->type = host_field(&line);
        mount->device = unescape(arena, host_field(&line));
        mount->readonly = has_option(options, "ro") || has_option(host_field(&line), "ro");
        return mount->type.len && !regex_match(mounts_regex, mount->point) &&
               !regex_match(types_regex, mount->type);
}

static size_t read_mounts(struct arena *arena, struct str rest, struct mount *mounts,
                          size_t max)
{
        struct map seen CLEANUP(map_release) = MAP_INIT;
        struct str line;
        size_t count = 0;

        while (count < max && str_cut(&rest, '\n', &line)) {
                struct mount *mount = &mounts[count];
                const char *key;

                if (!read_mount(arena, line, mount))
                        continue;
                key = arena_printf(arena, STR_FMT " " STR_FMT, STR_ARG(mount->device),
                                   STR_ARG(mount->point));
                if (map_get(&seen, str_from(key)))
                        continue;
                map_put(&seen, str_from(key), mount);
                mount->failed = statvfs(mount->point.data, &mount->sizes) != 0;
                count++;
        }
        return count;
}

static double value_of(const struct mount *mount, size_t metric)
{
        double block_bytes = (double)mount->sizes.f_frsize;

        switch (metric) {
        case 0:
                return (double)mount->sizes.f_bavail * block_bytes;
        case 1:
                return mount->failed;
        case 2:
                return (double)mount->sizes.f_files;
        case 3:
                return (double)mount->sizes.f_ffree;
        case 4:
                return (double)mount->sizes.f_bfree * block_bytes;
        case 5:
                return mount->readonly;
        default:
                return (double)mount->sizes.f_blocks * block_bytes;
        }
}

static void write_mounts(struct host_table *out, const struct mount *mounts, size_t count)
{
        static const char *const metrics[][2] = {
                {"node_filesystem_avail_bytes",
                 "Filesystem space available to non-root users in bytes."},
                {"node_filesystem_device_error",
                 "Whether an error occurred while getting statistics for the given device."},
                {"node_filesystem_files", "Filesystem total file nodes."},
                {"node_filesystem_files_free", "Filesystem total free file nodes."},
                {"node_filesystem_free_bytes", "Filesystem free space in bytes."},
                {"node_filesystem_readonly", "Filesystem read-only status."},
                {"node_filesystem_size_bytes", "Filesystem size in bytes."},
        };

        for (size_t m = 0; m < ARRAY_LEN(metrics); m++) {
                host_family(out, metrics[m][0], "gauge", metrics[m][1]);
                for (size_t i = 0; i < count; i++) {
                        struct buf labels CLEANUP(buf_release) = BUF_INIT(HOST_LABELS_MAX_BYTES);

                        if (mounts[i].failed && m != 1)
                                continue;
                        host_label(&labels, "device", mounts[i].device);
                        host_label(&labels, "fstype", mounts[i].type);
                        host_label(&labels, "mountpoint", mounts[i].point);
                        host_sample(out, labels.data, value_of(&mounts[i], m));
                }
        }
}

bool host_collect_filesystem(struct host_table *out, struct error *err)
{
        struct buf text CLEANUP(buf_release) = {0};
        struct arena arena CLEANUP(arena_release) = {0};
        struct mount *mounts;
        size_t max;

        pthread_once(&regexes_once, compile_regexes);
        if (!host_read(&text, "/proc/1/mountinfo", NULL) &&
            !host_read(&text, "/proc/self/mountinfo", err))
                return false;
        arena_init(&arena, ARENA_BYTES);
        max = host_line_count(buf_str(&text), MOUNTS_MAX);
        mounts = arena_array(&arena, struct mount, max);
        write_mounts(out, mounts, read_mounts(&arena, buf_str(&text), mounts, max));
        return true;
}

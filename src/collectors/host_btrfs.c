/* Btrfs file systems: /sys/fs/btrfs/<uuid>; see the kernel's fs/btrfs/sysfs.c. */
#include "collectors/host_int.h"

#define ROOT "/sys/fs/btrfs"

enum { SECTOR_BYTES = 512 };

struct filesystem {
        const char *dir;
        struct str uuid;
        const char **devices;
        size_t device_count;
};

/* Labels in the order of their names; type, mode and device may be NULL. */
static void add(struct host_table *out, const struct filesystem *fs, const char *name,
                const char *help, const char *type, const char *device, const char *mode, double v)
{
        struct buf labels CLEANUP(buf_release) = BUF_INIT(HOST_LABELS_MAX_BYTES);

        if (type)
                host_label(&labels, "block_group_type", str_from(type));
        if (device)
                host_label(&labels, "device", str_from(device));
        if (mode)
                host_label(&labels, "mode", str_from(mode));
        host_label(&labels, "uuid", fs->uuid);
        host_single(out, name, "gauge", help, labels.data, v);
}

static uint64_t read_number(const char *dir, const char *file)
{
        struct buf text CLEANUP(buf_release) = {0};
        uint64_t value;

        return host_attribute_uint(&text, dir, file, &value, NULL) ? value : 0;
}

/* Bytes of disk for a byte of data. */
static double allocation_ratio(const char *mode, size_t devices)
{
        static const struct {
                const char *mode;
                double ratio;
        } ratios[] = {
                {"single", 1}, {"raid0", 1}, {"dup", 2}, {"raid1", 2}, {"raid10", 2},
        };

        for (size_t i = 0; i < ARRAY_LEN(ratios); i++)
                if (strcmp(mode, ratios[i].mode) == 0)
                        return ratios[i].ratio;
        if (strcmp(mode, "raid5") == 0)
                return (double)devices / ((double)devices - 1);
        return strcmp(mode, "raid6") == 0 ? (double)devices / ((double)devices - 2) : 0;
}

static void add_allocation(struct host_table *out, struct arena *arena,
                           const struct filesystem *fs, const char *type)
{
        const char *dir = arena_printf(arena, "%s/allocation/%s", fs->dir, type);
        const char **modes, **files;
        size_t count, file_count;

        add(out, fs, "node_btrfs_reserved_bytes", "Amount of space reserved for a data type",
            type, NULL, NULL, (double)read_number(dir, "bytes_reserved"));
        if (!host_list(arena, dir, NULL, &modes, &count, NULL))
                return;
        for (size_t i = 0; i < count; i++) {
                const char *mode = arena_printf(arena, "%s/%s", dir, modes[i]);

                if (!host_list(arena, mode, NULL, &files, &file_count, NULL))
                        continue; /* a file beside the modes */
                add(out, fs, "node_btrfs_used_bytes",
                    "Amount of used space by a layout/data type", type, NULL, modes[i],
                    (double)read_number(mode, "used_bytes"));
                add(out, fs, "node_btrfs_size_bytes",
                    "Amount of space allocated for a layout/data type", type, NULL, modes[i],
                    (double)read_number(mode, "total_bytes"));
                add(out, fs, "node_btrfs_allocation_ratio",
                    "Data allocation ratio for a layout/data type", type, NULL, modes[i],
                    allocation_ratio(modes[i], fs->device_count));
        }
}

static bool add_filesystem(struct host_table *out, struct arena *arena, const char *name,
                           struct error *err)
{
        static const char *const types[] = {"data", "metadata", "system"};
        struct filesystem fs = {.dir = arena_printf(arena, ROOT "/%s", name)};
        struct buf labels CLEANUP(buf_release) = BUF_INIT(HOST_LABELS_MAX_BYTES);
        struct buf text CLEANUP(buf_release) = {0};
        struct str value = STR_LIT("");

        if (!host_list(arena, arena_printf(arena, "%s/devices", fs.dir), NULL, &fs.devices,
                       &fs.device_count, err))
                return false;
        fs.uuid = str_from(name);
        if (host_attribute(&text, fs.dir, "metadata_uuid", &value, NULL) && value.len)
                fs.uuid = arena_str(arena, value);
        if (!host_attribute(&text, fs.dir, "label", &value, NULL))
                value = STR_LIT("");
        host_label(&labels, "label", value);
        host_label(&labels, "uuid", fs.uuid);
        host_single(out, "node_btrfs_info", "gauge", "Filesystem information", labels.data, 1);
        add(out, &fs, "node_btrfs_global_rsv_size_bytes", "Size of global reserve.", NULL, NULL,
            NULL, (double)read_number(fs.dir, "allocation/global_rsv_size"));
        for (size_t i = 0; i < ARRAY_LEN(types); i++)
                add_allocation(out, arena, &fs, types[i]);
        for (size_t i = 0; i < fs.device_count; i++)
                add(out, &fs, "node_btrfs_device_size_bytes",
                    "Size of a device that is part of the filesystem.", NULL, fs.devices[i], NULL,
                    (double)read_number(fs.dir, arena_printf(arena, "devices/%s/size",
                                                             fs.devices[i])) * SECTOR_BYTES);
        return true;
}

bool host_collect_btrfs(struct host_table *out, struct error *err)
{
        struct arena arena CLEANUP(arena_release) = {.limit_bytes = 4 << 20};
        const char **names;
        size_t count;

        if (!host_list(&arena, ROOT, NULL, &names, &count, NULL))
                return true; /* no btrfs here */
        for (size_t i = 0; i < count; i++)
                if (strchr(names[i], '-') && !add_filesystem(out, &arena, names[i], err))
                        return false;
        return true;
}

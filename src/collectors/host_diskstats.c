/* /proc/diskstats; fields as the kernel's Documentation/admin-guide/iostats.rst numbers them. */
#include <pthread.h>
#include <stdio.h>

#include "base/arena.h"
#include "codec/regex.h"
#include "collectors/host_int.h"

enum { FIELDS = 17, SECTOR_BYTES = 512, DEVICES_MAX = 4096 };

/* Partitions and memory disks, as the node exporter leaves them out. */
static const char ignored_devices[] = "(ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\\d+n\\d+p)\\d+";

static const struct {
        const char *name, *type, *help;
        unsigned field;
        double scale;
} metrics[] = {
        {"node_disk_reads_completed_total", "counter",
         "The total number of reads completed successfully.", 0, 1},
        {"node_disk_reads_merged_total", "counter", "The total number of reads merged.", 1, 1},
        {"node_disk_read_bytes_total", "counter",
         "The total number of bytes read successfully.", 2, SECTOR_BYTES},
        {"node_disk_read_time_seconds_total", "counter",
         "The total number of seconds spent by all reads.", 3, 1e-3},
        {"node_disk_writes_completed_total", "counter",
         "The total number of writes completed successfully.", 4, 1},
        {"node_disk_writes_merged_total", "counter", "The number of writes merged.", 5, 1},
        {"node_disk_written_bytes_total", "counter",
         "The total number of bytes written successfully.", 6, SECTOR_BYTES},
        {"node_disk_write_time_seconds_total", "counter",
         "This is the total number of seconds spent by all writes.", 7, 1e-3},
        {"node_disk_io_now", "gauge", "The number of I/Os currently in progress.", 8, 1},
        {"node_disk_io_time_seconds_total", "counter", "Total seconds spent doing I/Os.", 9, 1e-3},
        {"node_disk_io_time_weighted_seconds_total", "counter",
         "The weighted # of seconds spent doing I/Os.", 10, 1e-3},
        {"node_disk_discards_completed_total", "counter",
         "The total number of discards completed successfully.", 11, 1},
        {"node_disk_discards_merged_total", "counter", "The total number of discards merged.", 12,
         1},
        {"node_disk_discarded_sectors_total", "counter",
         "The total number of sectors discarded successfully.", 13, 1},
        {"node_disk_discard_time_seconds_total", "counter",
         "This is the total number of seconds spent by all discards.", 14, 1e-3},
        {"node_disk_flush_requests_total", "counter",
         "The total number of flush requests completed successfully", 15, 1},
        {"node_disk_flush_requests_time_seconds_total", "counter",
         "This is the total number of seconds spent by all flush requests.", 16, 1e-3},
};

struct disk {
        struct str name;
        uint64_t major, minor;
        uint64_t values[FIELDS];
        unsigned field_count; /* kernels add fields at the end */
};

static pthread_once_t regex_once = PTHREAD_ONCE_INIT;
static struct regex *ignored_regex;

static void compile_regex(void)
{
        BUG_ON(!regex_new(&ignored_regex, str_from(ignored_devices), REGEX_FULL, NULL));
}

static bool read_disk(struct str line, struct disk *disk)
{
        struct str field;

        disk->major = host_number(host_field(&line));
        disk->minor = host_number(host_field(&line));
        disk->name = host_field(&line);
        disk->field_count = 0;
        while (disk->field_count < FIELDS && (field = host_field(&line)).len)
                disk->values[disk->field_count++] = host_number(field);
        return disk->name.len && !regex_match(ignored_regex, disk->name);
}

static size_t read_disks(struct str rest, struct disk *disks, size_t max)
{
        struct str line;
        size_t count = 0;

        while (count < max && str_cut(&rest, '\n', &line))
                count += read_disk(line, &disks[count]);
        return count;
}

static void read_attribute(struct buf *text, const struct disk *disk, const char *attribute)
{
        char path[256];

        snprintf(path, sizeof(path), "/sys/block/" STR_FMT "/%s", STR_ARG(disk->name), attribute);
        if (!host_read(text, path, NULL))
                buf_clear(text);
}

/* What udev knows beyond these is not asked for; see docs/guides/host.md. */
static void write_info(struct host_table *out, const struct disk *disk)
{
        struct buf labels CLEANUP(buf_release) = BUF_INIT(HOST_LABELS_MAX_BYTES);
        struct buf text CLEANUP(buf_release) = {0};
        char number[24];

        host_label(&labels, "device", disk->name);
        snprintf(number, sizeof(number), "%llu", (unsigned long long)disk->major);
        host_label(&labels, "major", str_from(number));
        snprintf(number, sizeof(number), "%llu", (unsigned long long)disk->minor);
        host_label(&labels, "minor", str_from(number));
        read_attribute(&text, disk, "device/model");
        host_label(&labels, "model", str_trim(buf_str(&text)));
        host_label(&labels, "path", STR_LIT(""));
        read_attribute(&text, disk, "device/rev");
        host_label(&labels, "revision", str_trim(buf_str(&text)));
        read_attribute(&text, disk, "device/serial");
        host_label(&labels, "serial", str_trim(buf_str(&text)));
        read_attribute(&text, disk, "device/wwid");
        host_label(&labels, "wwn", str_trim(buf_str(&text)));
        host_sample(out, labels.data, 1);
}

static void write_metric(struct host_table *out, size_t metric, const struct disk *disks,
                         size_t count)
{
        host_family(out, metrics[metric].name, metrics[metric].type, metrics[metric].help);
        for (size_t i = 0; i < count; i++) {
                struct buf labels CLEANUP(buf_release) = BUF_INIT(HOST_LABELS_MAX_BYTES);

                if (metrics[metric].field >= disks[i].field_count)
                        continue;
                host_label(&labels, "device", disks[i].name);
                host_sample(out, labels.data,
                            (double)disks[i].values[metrics[metric].field] * metrics[metric].scale);
        }
}

bool host_collect_diskstats(struct host_table *out, struct error *err)
{
        struct buf text CLEANUP(buf_release) = {0};
        struct arena arena CLEANUP(arena_release) = {0};
        struct disk *disks;
        size_t count, max;

        pthread_once(&regex_once, compile_regex);
        if (!host_read(&text, "/proc/diskstats", err))
                return false;
        arena_init(&arena, DEVICES_MAX * sizeof(*disks));
        max = host_line_count(buf_str(&text), DEVICES_MAX);
        disks = arena_array(&arena, struct disk, max);
        count = read_disks(buf_str(&text), disks, max);
        for (size_t i = 0; i < ARRAY_LEN(metrics); i++)
                write_metric(out, i, disks, count);
        host_family(out, "node_disk_info", "gauge", "Info of /sys/block/<block_device>.");
        for (size_t i = 0; i < count; i++)
                write_info(out, &disks[i]);
        return true;
}

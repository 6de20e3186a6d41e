/* Traffic counters of network devices but lo, which Debian's exporter leaves out. The kernel's
 * /proc/net/dev has all but nohandler, which /sys/class/net has. */
#include <stdio.h>

#include "base/arena.h"
#include "collectors/host_int.h"

enum { DEVICES_MAX = 1024, FIELDS = 16 };

/* As /proc/net/dev orders them. */
static const char *const names[FIELDS] = {
        "receive_bytes",    "receive_packets",    "receive_errs",     "receive_drop",
        "receive_fifo",     "receive_frame",      "receive_compressed", "receive_multicast",
        "transmit_bytes",   "transmit_packets",   "transmit_errs",    "transmit_drop",
        "transmit_fifo",    "transmit_colls",     "transmit_carrier", "transmit_compressed",
};

struct device {
        struct str name;
        uint64_t values[FIELDS];
};

static size_t read_devices(struct str rest, struct device *devices, size_t max)
{
        struct str line;
        size_t count = 0;

        while (count < max && str_cut(&rest, '\n', &line)) {
                struct device *device = &devices[count];
                struct str name;

                if (str_find_byte(line, ':') == line.len)
                        continue;
                BUG_ON(!str_cut(&line, ':', &name));
                device->name = str_trim(name);
                if (str_is(device->name, "lo"))
                        continue;
                for (size_t i = 0; i < FIELDS; i++)
                        device->values[i] = host_number(host_field(&line));
                count++;
        }
        return count;
}

static void begin_metric(struct host_table *out, char *metric, size_t size, const char *name)
{
        char help[128];

        snprintf(metric, size, "node_network_%s_total", name);
        snprintf(help, sizeof(help), "Network device statistic %s.", name);
        host_family(out, metric, "counter", help);
}

static void write_nohandler(struct host_table *out, const struct device *devices, size_t count)
{
        struct buf text CLEANUP(buf_release) = {0};
        char metric[128], path[256];

        begin_metric(out, metric, sizeof(metric), "receive_nohandler");
        for (size_t i = 0; i < count; i++) {
                struct buf labels CLEANUP(buf_release) = BUF_INIT(HOST_LABELS_MAX_BYTES);

                snprintf(path, sizeof(path), "/sys/class/net/" STR_FMT "/statistics/rx_nohandler",
                         STR_ARG(devices[i].name));
                if (!host_read(&text, path, NULL))
                        continue;
                host_label(&labels, "device", devices[i].name);
                host_sample(out, labels.data, (double)host_number(buf_str(&text)));
        }
}

bool host_collect_netdev(struct host_table *out, struct error *err)
{
        struct buf text CLEANUP(buf_release) = {0};
        struct arena arena CLEANUP(arena_release) = {0};
        struct device *devices;
        size_t count, max;

        if (!host_read(&text, "/proc/net/dev", err))
                return false;
        arena_init(&arena, DEVICES_MAX * sizeof(*devices));
        max = host_line_count(buf_str(&text), DEVICES_MAX);
        devices = arena_array(&arena, struct device, max);
        count = read_devices(buf_str(&text), devices, max);
        for (size_t f = 0; f < FIELDS; f++) {
                char metric[128];

                begin_metric(out, metric, sizeof(metric), names[f]);
                for (size_t i = 0; i < count; i++) {
                        struct buf labels CLEANUP(buf_release) = BUF_INIT(HOST_LABELS_MAX_BYTES);

                        host_label(&labels, "device", devices[i].name);
                        host_sample(out, labels.data, (double)devices[i].values[f]);
                }
        }
        write_nohandler(out, devices, count);
        return true;
}

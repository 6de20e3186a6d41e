/* Attributes of network devices; see the kernel's Documentation/ABI/testing/sysfs-class-net. */
#include <stdio.h>
#include <unistd.h>

#include "collectors/host_int.h"

#define CLASS "/sys/class/net"

static const struct {
        const char *file, *name, *type;
} numbers[] = {
        {"addr_assign_type", "address_assign_type", "gauge"},
        {"carrier", "carrier", "gauge"},
        {"carrier_changes", "carrier_changes_total", "counter"},
        {"carrier_down_count", "carrier_down_changes_total", "counter"},
        {"carrier_up_count", "carrier_up_changes_total", "counter"},
        {"dev_id", "device_id", "gauge"},
        {"dormant", "dormant", "gauge"},
        {"flags", "flags", "gauge"},
        {"ifindex", "iface_id", "gauge"},
        {"iflink", "iface_link", "gauge"},
        {"link_mode", "iface_link_mode", "gauge"},
        {"mtu", "mtu_bytes", "gauge"},
        {"name_assign_type", "name_assign_type", "gauge"},
        {"netdev_group", "net_dev_group", "gauge"},
        {"speed", "speed_bytes", "gauge"},
        {"tx_queue_len", "transmit_queue_length", "gauge"},
        {"type", "protocol_type", "gauge"},
};

static void add_info(struct host_table *out, int dir, const char *device)
{
        static const char *const files[] = {"address", "broadcast", "duplex", "ifalias",
                                            "operstate"};
        struct buf labels CLEANUP(buf_release) = BUF_INIT(HOST_LABELS_MAX_BYTES);
        struct buf up CLEANUP(buf_release) = BUF_INIT(HOST_LABELS_MAX_BYTES);
        struct buf text CLEANUP(buf_release) = {0};
        struct str value = STR_LIT("");

        host_label(&up, "device", str_from(device));
        host_label(&labels, "device", str_from(device));
        for (size_t i = 0; i < ARRAY_LEN(files); i++) {
                if (!host_attribute_at(&text, dir, files[i], &value))
                        value = STR_LIT("");
                host_label(&labels, files[i], value);
        }
        host_single(out, "node_network_info", "gauge",
                    "Non-numeric data from /sys/class/net/<iface>, value is always 1.", labels.data,
                    1);
        host_single(out, "node_network_up", "gauge",
                    "Value is 1 if operstate is 'up', 0 otherwise.", up.data, str_is(value, "up"));
}

static void add_numbers(struct host_table *out, int dir, const char *device)
{
        struct buf labels CLEANUP(buf_release) = BUF_INIT(HOST_LABELS_MAX_BYTES);
        struct buf text CLEANUP(buf_release) = {0};

        host_label(&labels, "device", str_from(device));
        for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
                char name[64], help[96];
                struct str value;
                int64_t number;

                /* Carrier, speed and duplex of a device that is down refuse to be read. */
                if (!host_attribute_at(&text, dir, numbers[i].file, &value) ||
                    !host_parse_int(value, &number))
                        continue;
                if (strcmp(numbers[i].file, "speed") == 0 &&
                    !__builtin_mul_overflow(number, (int64_t)1000000, &number))
                        number /= 8;
                snprintf(name, sizeof(name), "node_network_%s", numbers[i].name);
                snprintf(help, sizeof(help), "Network device property: %s", numbers[i].name);
                host_single(out, name, numbers[i].type, help, labels.data, (double)number);
        }
}

bool host_collect_netclass(struct host_table *out, struct error *err)
{
        struct arena arena CLEANUP(arena_release) = {.limit_bytes = 1 << 20};
        const char **devices;
        size_t count;

        if (!host_list(&arena, CLASS, NULL, &devices, &count, err))
                return false;
        for (size_t i = 0; i < count; i++) {
                int dir = host_open_dir(arena_printf(&arena, CLASS "/%s", devices[i]));

                if (dir < 0)
                        continue; /* bonding_masters is a file among the devices */
                add_info(out, dir, devices[i]);
                add_numbers(out, dir, devices[i]);
                close(dir);
        }
        return true;
}

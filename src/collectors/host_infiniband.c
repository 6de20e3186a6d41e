/* InfiniBand and RoCE ports; see the kernel's Documentation/ABI/stable/sysfs-class-infiniband. */
#include <stdio.h>

#include "codec/double.h"
#include "collectors/host_int.h"

#define CLASS "/sys/class/infiniband"

/* The data counters count words of 4 bytes. */
static const struct {
        const char *file, *name, *help;
        double scale;
} counters[] = {
        {"counters_ext/port_multicast_rcv_packets", "legacy_multicast_packets_received_total",
         "Number of multicast packets received", 1},
        {"counters_ext/port_multicast_xmit_packets", "legacy_multicast_packets_transmitted_total",
         "Number of multicast packets transmitted", 1},
        {"counters_ext/port_rcv_data_64", "legacy_data_received_bytes_total",
         "Number of data octets received on all links", 4},
        {"counters_ext/port_rcv_packets_64", "legacy_packets_received_total",
         "Number of data packets received on all links", 1},
        {"counters_ext/port_unicast_rcv_packets", "legacy_unicast_packets_received_total",
         "Number of unicast packets received", 1},
        {"counters_ext/port_unicast_xmit_packets", "legacy_unicast_packets_transmitted_total",
         "Number of unicast packets transmitted", 1},
        {"counters_ext/port_xmit_data_64", "legacy_data_transmitted_bytes_total",
         "Number of data octets transmitted on all links", 4},
        {"counters_ext/port_xmit_packets_64", "legacy_packets_transmitted_total",
         "Number of data packets received on all links", 1},
        {"counters/VL15_dropped", "vl15_dropped_total",
         "Number of incoming VL15 packets dropped due to resource limitations.", 1},
        {"counters/excessive_buffer_overrun_errors", "excessive_buffer_overrun_errors_total",
         "Number of times that OverrunErrors consecutive flow control update periods occurred, "
         "each having at least one overrun error.", 1},
        {"counters/link_downed", "link_downed_total",
         "Number of times the link failed to recover from an error state and went down", 1},
        {"counters/link_error_recovery", "link_error_recovery_total",
         "Number of times the link successfully recovered from an error state", 1},
        {"counters/local_link_integrity_errors", "local_link_integrity_errors_total",
         "Number of times that the count of local physical errors exceeded the threshold "
         "specified by LocalPhyErrors.", 1},
        {"counters/multicast_rcv_packets", "multicast_packets_received_total",
         "Number of multicast packets received (including errors)", 1},
        {"counters/multicast_xmit_packets", "multicast_packets_transmitted_total",
         "Number of multicast packets transmitted (including errors)", 1},
        {"counters/port_rcv_constraint_errors", "port_constraint_errors_received_total",
         "Number of packets received on the switch physical port that are discarded", 1},
        {"counters/port_xmit_constraint_errors", "port_constraint_errors_transmitted_total",
         "Number of packets not transmitted from the switch physical port", 1},
        {"counters/port_rcv_data", "port_data_received_bytes_total",
         "Number of data octets received on all links", 4},
        {"counters/port_xmit_data", "port_data_transmitted_bytes_total",
         "Number of data octets transmitted on all links", 4},
        {"counters/port_rcv_discards", "port_discards_received_total",
         "Number of inbound packets discarded by the port because the port is down or congested",
         1},
        {"counters/port_xmit_discards", "port_discards_transmitted_total",
         "Number of outbound packets discarded by the port because the port is down or congested",
         1},
        {"counters/port_rcv_errors", "port_errors_received_total",
         "Number of packets containing an error that were received on this port", 1},
        {"counters/port_rcv_packets", "port_packets_received_total",
         "Number of packets received on all VLs by this port (including errors)", 1},
        {"counters/port_xmit_packets", "port_packets_transmitted_total",
         "Number of packets transmitted on all VLs from this port (including errors)", 1},
        {"counters/port_rcv_remote_physical_errors", "port_receive_remote_physical_errors_total",
         "Number of packets marked with the EBP (End of Bad Packet) delimiter received on the "
         "port.", 1},
        {"counters/port_rcv_switch_relay_errors", "port_receive_switch_relay_errors_total",
         "Number of packets that could not be forwarded by the switch.", 1},
        {"counters/port_xmit_wait", "port_transmit_wait_total",
         "Number of ticks during which the port had data to transmit but no data was sent during "
         "the entire tick", 1},
        {"counters/symbol_error", "symbol_error_total",
         "Number of minor link errors detected on one or more physical lanes.", 1},
        {"counters/unicast_rcv_packets", "unicast_packets_received_total",
         "Number of unicast packets received (including errors)", 1},
        {"counters/unicast_xmit_packets", "unicast_packets_transmitted_total",
         "Number of unicast packets transmitted (including errors)", 1},
};

static void add(struct host_table *out, const char *name, const char *type, const char *help,
                const char *labels, double v)
{
        char full[128];

        snprintf(full, sizeof(full), "node_infiniband_%s", name);
        host_single(out, full, type, help, labels, v);
}

/* state and phys_state are "4: ACTIVE", rate is "100 Gb/sec (4X EDR)". */
static bool add_state(struct host_table *out, const char *dir, const char *labels,
                      struct error *err)
{
        static const char *const states[][3] = {
                {"phys_state", "physical_state_id",
                 "Physical state of the InfiniBand port (0: no change, 1: sleep, 2: polling, 3: "
                 "disable, 4: shift, 5: link up, 6: link error recover, 7: phytest)"},
                {"state", "state_id",
                 "State of the InfiniBand port (0: no change, 1: down, 2: init, 3: armed, 4: "
                 "active, 5: act defer)"},
        };
        struct buf text CLEANUP(buf_release) = {0};
        struct str value, head;
        double gigabits;

        for (size_t i = 0; i < ARRAY_LEN(states); i++) {
                uint64_t id;

                if (!host_attribute(&text, dir, states[i][0], &value, err))
                        return false;
                if (!str_cut(&value, ':', &head) || !host_parse_uint(str_trim(head), &id))
                        return error_set(err, ERROR_INVALID, "%s/%s: unknown form", dir,
                                         states[i][0]);
                add(out, states[i][1], "gauge", states[i][2], labels, (double)id);
        }
        if (!host_attribute(&text, dir, "rate", &value, err))
                return false;
        if (!double_parse(host_field(&value), &gigabits))
                return error_set(err, ERROR_INVALID, "%s/rate: unknown form", dir);
        add(out, "rate_bytes_per_second", "gauge", "Maximum signal transfer rate", labels,
            gigabits * 125e6);
        return true;
}

static bool add_port(struct host_table *out, struct arena *arena, const char *device,
                     const char *port, struct error *err)
{
        const char *dir = arena_printf(arena, CLASS "/%s/ports/%s", device, port);
        struct buf labels CLEANUP(buf_release) = BUF_INIT(HOST_LABELS_MAX_BYTES);
        struct buf text CLEANUP(buf_release) = {0};
        uint64_t value;

        host_label(&labels, "device", str_from(device));
        host_label(&labels, "port", str_from(port));
        if (!add_state(out, dir, labels.data, err))
                return false;
        /* What a port does not count is absent, or says "N/A (no PMA)". */
        for (size_t i = 0; i < ARRAY_LEN(counters); i++)
                if (host_attribute_uint(&text, dir, counters[i].file, &value, NULL))
                        add(out, counters[i].name, "counter", counters[i].help, labels.data,
                            (double)value * counters[i].scale);
        return true;
}

static void add_info(struct host_table *out, struct arena *arena, const char *device)
{
        static const char *const labels_and_files[][2] = {
                {"board_id", "board_id"},
                {"firmware_version", "fw_ver"},
                {"hca_type", "hca_type"},
        };
        const char *dir = arena_printf(arena, CLASS "/%s", device);
        struct buf labels CLEANUP(buf_release) = BUF_INIT(HOST_LABELS_MAX_BYTES);
        struct buf text CLEANUP(buf_release) = {0};

        host_label(&labels, "device", str_from(device));
        for (size_t i = 0; i < ARRAY_LEN(labels_and_files); i++) {
                struct str value;

                if (!host_attribute(&text, dir, labels_and_files[i][1], &value, NULL))
                        value = STR_LIT("");
                host_label(&labels, labels_and_files[i][0], value);
        }
        host_single(out, "node_infiniband_info", "gauge",
                    "Non-numeric data from /sys/class/infiniband/<device>, value is always 1.",
                    labels.data, 1);
}

bool host_collect_infiniband(struct host_table *out, struct error *err)
{
        struct arena arena CLEANUP(arena_release) = {.limit_bytes = 1 << 20};
        const char **devices, **ports;
        size_t device_count, port_count;

        if (!host_list(&arena, CLASS, NULL, &devices, &device_count, err))
                return false;
        for (size_t i = 0; i < device_count; i++) {
                const char *dir = arena_printf(&arena, CLASS "/%s/ports", devices[i]);

                add_info(out, &arena, devices[i]);
                if (!host_list(&arena, dir, "", &ports, &port_count, err))
                        return false;
                for (size_t p = 0; p < port_count; p++)
                        if (!add_port(out, &arena, devices[i], ports[p], err))
                                return false;
        }
        return true;
}

/* Small collectors of hardware that /sys describes: dmi, edac, nvme, rapl, tapestats,
 * thermal_zone. */
#include <stdio.h>

#include "collectors/host_int.h"

bool host_collect_dmi(struct host_table *out, struct error *err)
{
        static const char *const labels_and_files[][2] = {
                {"bios_date", "bios_date"},
                {"bios_release", "bios_release"},
                {"bios_vendor", "bios_vendor"},
                {"bios_version", "bios_version"},
                {"board_asset_tag", "board_asset_tag"},
                {"board_name", "board_name"},
                {"board_serial", "board_serial"},
                {"board_vendor", "board_vendor"},
                {"board_version", "board_version"},
                {"chassis_asset_tag", "chassis_asset_tag"},
                {"chassis_serial", "chassis_serial"},
                {"chassis_vendor", "chassis_vendor"},
                {"chassis_version", "chassis_version"},
                {"product_family", "product_family"},
                {"product_name", "product_name"},
                {"product_serial", "product_serial"},
                {"product_sku", "product_sku"},
                {"product_uuid", "product_uuid"},
                {"product_version", "product_version"},
                {"system_vendor", "sys_vendor"},
        };
        struct buf labels CLEANUP(buf_release) = BUF_INIT(HOST_LABELS_MAX_BYTES);
        struct buf text CLEANUP(buf_release) = {0};
        struct str value;

        for (size_t i = 0; i < ARRAY_LEN(labels_and_files); i++)
                if (host_attribute(&text, "/sys/class/dmi/id", labels_and_files[i][1], &value,
                                   NULL))
                        host_label(&labels, labels_and_files[i][0], value);
        if (!labels.len)
                return error_set(err, ERROR_NOT_FOUND, "/sys/class/dmi/id: nothing readable");
        host_family(out, "node_dmi_info", "gauge",
                    "A metric with a constant '1' value labeled by bios_date, bios_release, "
                    "bios_vendor, bios_version, board_asset_tag, board_name, board_serial, "
                    "board_vendor, board_version, chassis_asset_tag, chassis_serial, "
                    "chassis_vendor, chassis_version, product_family, product_name, "
                    "product_serial, product_sku, product_uuid, product_version, system_vendor "
                    "if provided by DMI.");
        host_sample(out, labels.data, 1);
        return true;
}

struct edac_counter {
        const char *file, *name, *help;
};

static const struct edac_counter edac_controller[] = {
        {"ce_count", "node_edac_correctable_errors_total", "Total correctable memory errors."},
        {"ue_count", "node_edac_uncorrectable_errors_total",
         "Total uncorrectable memory errors."},
};
static const struct edac_counter edac_csrow[] = {
        {"ce_count", "node_edac_csrow_correctable_errors_total",
         "Total correctable memory errors for this csrow."},
        {"ue_count", "node_edac_csrow_uncorrectable_errors_total",
         "Total uncorrectable memory errors for this csrow."},
};
/* Errors that the controller could not assign to a row. */
static const struct edac_counter edac_unknown[] = {
        {"ce_noinfo_count", "node_edac_csrow_correctable_errors_total",
         "Total correctable memory errors for this csrow."},
        {"ue_noinfo_count", "node_edac_csrow_uncorrectable_errors_total",
         "Total uncorrectable memory errors for this csrow."},
};

static bool add_edac(struct host_table *out, const char *dir, const struct edac_counter *two,
                     const char *labels, struct error *err)
{
        struct buf text CLEANUP(buf_release) = {0};

        for (size_t i = 0; i < 2; i++) {
                uint64_t value;

                if (!host_attribute_uint(&text, dir, two[i].file, &value, err))
                        return false;
                host_single(out, two[i].name, "counter", two[i].help, labels, (double)value);
        }
        return true;
}

static bool add_controller(struct host_table *out, struct arena *arena, const char *name,
                           struct error *err)
{
        const char *dir = arena_printf(arena, "/sys/devices/system/edac/mc/%s", name);
        uint64_t number = host_number(str_from(name + strlen("mc")));
        const char **rows;
        char labels[96];
        size_t count;

        snprintf(labels, sizeof(labels), "controller=\"%llu\"", (unsigned long long)number);
        if (!add_edac(out, dir, edac_controller, labels, err))
                return false;
        snprintf(labels, sizeof(labels), "controller=\"%llu\",csrow=\"unknown\"",
                 (unsigned long long)number);
        if (!add_edac(out, dir, edac_unknown, labels, err) ||
            !host_list(arena, dir, "csrow", &rows, &count, err))
                return false;
        for (size_t i = 0; i < count; i++) {
                snprintf(labels, sizeof(labels), "controller=\"%llu\",csrow=\"%llu\"",
                         (unsigned long long)number,
                         (unsigned long long)host_number(str_from(rows[i] + strlen("csrow"))));
                if (!add_edac(out, arena_printf(arena, "%s/%s", dir, rows[i]), edac_csrow, labels,
                              err))
                        return false;
        }
        return true;
}

bool host_collect_edac(struct host_table *out, struct error *err)
{
        struct arena arena CLEANUP(arena_release) = {.limit_bytes = 1 << 20};
        const char **controllers;
        size_t count;

        /* No directory, no error-correcting memory: nothing is wrong. */
        if (!host_list(&arena, "/sys/devices/system/edac/mc", "mc", &controllers, &count, NULL))
                return true;
        for (size_t i = 0; i < count; i++)
                if (!add_controller(out, &arena, controllers[i], err))
                        return false;
        return true;
}

bool host_collect_nvme(struct host_table *out, struct error *err)
{
        static const char *const labels_and_files[][2] = {
                {"firmware_revision", "firmware_rev"},
                {"model", "model"},
                {"serial", "serial"},
                {"state", "state"},
        };
        struct arena arena CLEANUP(arena_release) = {.limit_bytes = 1 << 20};
        struct buf text CLEANUP(buf_release) = {0};
        const char **devices;
        size_t count;

        if (!host_list(&arena, "/sys/class/nvme", NULL, &devices, &count, err))
                return false;
        for (size_t i = 0; i < count; i++) {
                struct buf labels CLEANUP(buf_release) = BUF_INIT(HOST_LABELS_MAX_BYTES);
                const char *dir = arena_printf(&arena, "/sys/class/nvme/%s", devices[i]);
                struct str value;

                host_label(&labels, "device", str_from(devices[i]));
                for (size_t l = 0; l < ARRAY_LEN(labels_and_files); l++) {
                        if (!host_attribute(&text, dir, labels_and_files[l][1], &value, err))
                                return false;
                        host_label(&labels, labels_and_files[l][0], value);
                }
                host_single(out, "node_nvme_info", "gauge",
                            "Non-numeric data from /sys/class/nvme/<device>, value is always 1.",
                            labels.data, 1);
        }
        return true;
}

static const struct {
        const char *file, *name, *type, *help;
        double scale;
} tape_counters[] = {
        {"in_flight", "node_tape_io_now", "gauge",
         "The number of I/Os currently outstanding to this device.", 1},
        {"io_ns", "node_tape_io_time_seconds_total", "counter",
         "The amount of time spent waiting for all I/O to complete (including read and write). "
         "This includes tape movement commands such as seeking between file or set marks and "
         "implicit tape movement such as when rewind on close tape devices are used.", 1e-9},
        {"other_cnt", "node_tape_io_others_total", "counter",
         "The number of I/Os issued to the tape drive other than read or write commands. The time "
         "taken to complete these commands uses the following calculation "
         "io_time_seconds_total-read_time_seconds_total-write_time_seconds_total", 1},
        {"read_byte_cnt", "node_tape_read_bytes_total", "counter",
         "The number of bytes read from the tape drive.", 1},
        {"read_cnt", "node_tape_reads_completed_total", "counter",
         "The number of read requests issued to the tape drive.", 1},
        {"read_ns", "node_tape_read_time_seconds_total", "counter",
         "The amount of time spent waiting for read requests to complete.", 1e-9},
        {"resid_cnt", "node_tape_residual_total", "counter",
         "The number of times during a read or write we found the residual amount to be non-zero. "
         "This should mean that a program is issuing a read larger thean the block size on tape. "
         "For write not all data made it to tape.", 1},
        {"write_byte_cnt", "node_tape_written_bytes_total", "counter",
         "The number of bytes written to the tape drive.", 1},
        {"write_cnt", "node_tape_writes_completed_total", "counter",
         "The number of write requests issued to the tape drive.", 1},
        {"write_ns", "node_tape_write_time_seconds_total", "counter",
         "The amount of time spent waiting for write requests to complete.", 1e-9},
};

/* st0, but not its other faces nst0, st0l, st0m and st0a. */
static bool is_tape(const char *name)
{
        name += strlen("st");
        while (*name >= '0' && *name <= '9')
                name++;
        return *name == '\0';
}

bool host_collect_tapestats(struct host_table *out, struct error *err)
{
        struct arena arena CLEANUP(arena_release) = {.limit_bytes = 1 << 20};
        struct buf text CLEANUP(buf_release) = {0};
        const char **tapes;
        size_t count;

        if (!host_list(&arena, "/sys/class/scsi_tape", "st", &tapes, &count, err))
                return false;
        for (size_t i = 0; i < count; i++) {
                const char *dir = arena_printf(&arena, "/sys/class/scsi_tape/%s/stats", tapes[i]);
                struct buf labels CLEANUP(buf_release) = BUF_INIT(HOST_LABELS_MAX_BYTES);
                uint64_t value;

                if (!is_tape(tapes[i]))
                        continue;
                host_label(&labels, "device", str_from(tapes[i]));
                for (size_t c = 0; c < ARRAY_LEN(tape_counters); c++) {
                        if (!host_attribute_uint(&text, dir, tape_counters[c].file, &value, err))
                                return false;
                        host_single(out, tape_counters[c].name, tape_counters[c].type,
                                    tape_counters[c].help, labels.data,
                                    (double)value * tape_counters[c].scale);
                }
        }
        return true;
}

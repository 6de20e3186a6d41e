/* Batteries and mains; see the kernel's Documentation/ABI/testing/sysfs-class-power. Its numbers
 * are in micro-units, temperatures in tenths of a degree. */
#include <stdio.h>

#include "collectors/host_int.h"

#define CLASS "/sys/class/power_supply"

static const struct {
        const char *file;
        const char *name; /* NULL: as the file */
        double divisor;
} numbers[] = {
        {"authentic", NULL, 1},
        {"calibrate", NULL, 1},
        {"capacity", NULL, 1},
        {"capacity_alert_max", NULL, 1},
        {"capacity_alert_min", NULL, 1},
        {"charge_control_limit", NULL, 1e6},
        {"charge_control_limit_max", NULL, 1e6},
        {"charge_counter", NULL, 1e6},
        {"charge_empty", NULL, 1e6},
        {"charge_empty_design", NULL, 1e6},
        {"charge_full", NULL, 1e6},
        {"charge_full_design", NULL, 1e6},
        {"charge_now", "charge_ampere", 1e6},
        {"charge_term_current", NULL, 1e6},
        {"constant_charge_current", NULL, 1e6},
        {"constant_charge_current_max", NULL, 1e6},
        {"constant_charge_voltage", NULL, 1e6},
        {"constant_charge_voltage_max", NULL, 1e6},
        {"current_boot", NULL, 1e6},
        {"current_max", NULL, 1e6},
        {"current_now", "current_ampere", 1e6},
        {"cycle_count", "cyclecount", 1},
        {"energy_empty", NULL, 1e6},
        {"energy_empty_design", NULL, 1e6},
        {"energy_full", NULL, 1e6},
        {"energy_full_design", NULL, 1e6},
        {"energy_now", "energy_watthour", 1e6},
        {"input_current_limit", NULL, 1e6},
        {"online", NULL, 1},
        {"power_now", "power_watt", 1e6},
        {"precharge_current", NULL, 1e6},
        {"present", NULL, 1},
        {"temp", "temp_celsius", 10},
        {"temp_alert_max", "temp_alert_max_celsius", 10},
        {"temp_alert_min", "temp_alert_min_celsius", 10},
        {"temp_ambient", "temp_ambient_celsius", 10},
        {"temp_ambient_max", "temp_ambient_max_celsius", 10},
        {"temp_ambient_min", "temp_ambient_min_celsius", 10},
        {"temp_max", "temp_max_celsius", 10},
        {"temp_min", "temp_min_celsius", 10},
        {"time_to_empty_now", "time_to_empty_seconds", 1},
        {"time_to_full_now", "time_to_full_seconds", 1},
        {"voltage_boot", NULL, 1e6},
        {"voltage_max", NULL, 1e6},
        {"voltage_max_design", NULL, 1e6},
        {"voltage_min", NULL, 1e6},
        {"voltage_min_design", NULL, 1e6},
        {"voltage_now", "voltage_volt", 1e6},
        {"voltage_ocv", NULL, 1e6},
};

static void add_numbers(struct host_table *out, const char *dir, const char *supply)
{
        struct buf labels CLEANUP(buf_release) = BUF_INIT(HOST_LABELS_MAX_BYTES);
        struct buf text CLEANUP(buf_release) = {0};

        host_label(&labels, "power_supply", str_from(supply));
        for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
                const char *property = numbers[i].name ? numbers[i].name : numbers[i].file;
                char name[80], help[128];
                struct str value;
                int64_t number;

                if (!host_attribute(&text, dir, numbers[i].file, &value, NULL) ||
                    !host_parse_int(value, &number))
                        continue;
                snprintf(name, sizeof(name), "node_power_supply_%s", property);
                snprintf(help, sizeof(help),
                         "%s value of /sys/class/power_supply/<power_supply>.", property);
                host_single(out, name, "gauge", help, labels.data,
                            (double)number / numbers[i].divisor);
        }
}

static void add_info(struct host_table *out, const char *dir, const char *supply)
{
        static const char *const files[] = {
                "capacity_level", "charge_type", "health", "manufacturer", "model_name", "scope",
                "serial_number", "status", "technology", "type", "usb_type",
        };
        struct buf labels CLEANUP(buf_release) = BUF_INIT(HOST_LABELS_MAX_BYTES);
        struct buf text CLEANUP(buf_release) = {0};
        struct str value;

        host_label(&labels, "power_supply", str_from(supply));
        for (size_t i = 0; i < ARRAY_LEN(files); i++)
                if (host_attribute(&text, dir, files[i], &value, NULL) && value.len)
                        host_label(&labels, files[i], value);
        host_single(out, "node_power_supply_info", "gauge",
                    "info of /sys/class/power_supply/<power_supply>.", labels.data, 1);
}

bool host_collect_powersupplyclass(struct host_table *out, struct error *err)
{
        struct arena arena CLEANUP(arena_release) = {.limit_bytes = 1 << 20};
        const char **supplies;
        size_t count;

        if (!host_list(&arena, CLASS, NULL, &supplies, &count, err))
                return false;
        for (size_t i = 0; i < count; i++) {
                const char *dir = arena_printf(&arena, CLASS "/%s", supplies[i]);

                add_info(out, dir, supplies[i]);
                add_numbers(out, dir, supplies[i]);
        }
        return true;
}

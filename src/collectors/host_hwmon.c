/* Sensors; see the kernel's Documentation/hwmon/sysfs-interface.rst. A file is called
 * <type><number>_<property>; what belongs to one sensor decides how each of its files is shown. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec/double.h"
#include "collectors/host_int.h"

#define CLASS "/sys/class/hwmon"

struct sensor_file {
        const char *dir, *file;
        struct str type, property;
        const char *sensor; /* type and number */
};

/* How the files of a type are shown: the first entry that fits. NULL fits all. */
static const struct {
        const char *type, *property, *suffix, *help;
        double scale, divisor;
        bool is_counter, help_has_property;
} units[] = {
        {"in", NULL, "_volts", "Hardware monitor for voltage", 0.001, 1, false, true},
        {"cpu", NULL, "_volts", "Hardware monitor for voltage", 0.001, 1, false, true},
        {"temp", "type", "", NULL, 1, 1, false, false},
        {"temp", NULL, "_celsius", "Hardware monitor for temperature", 0.001, 1, false, true},
        {"curr", NULL, "_amps", "Hardware monitor for current", 0.001, 1, false, true},
        {"energy", NULL, "_joule_total", "Hardware monitor for joules used so far", 1, 1e6, true,
         true},
        {"power", "accuracy", "", "Hardware monitor power meter accuracy, as a ratio", 1, 1e6,
         false, false},
        {"power", "average_interval", "_seconds",
         "Hardware monitor power usage update interval", 0.001, 1, false, true},
        {"power", "average_interval_min", "_seconds",
         "Hardware monitor power usage update interval", 0.001, 1, false, true},
        {"power", "average_interval_max", "_seconds",
         "Hardware monitor power usage update interval", 0.001, 1, false, true},
        {"power", NULL, "_watt", "Hardware monitor for power usage in watts", 1, 1e6, false, true},
        {"humidity", NULL, "",
         "Hardware monitor for humidity, as a ratio (multiply with 100.0 to get the humidity as a "
         "percentage)", 1, 1e6, false, true},
        {"fan", "input", "_rpm", "Hardware monitor for fan revolutions per minute", 1, 1, false,
         true},
        {"fan", "min", "_rpm", "Hardware monitor for fan revolutions per minute", 1, 1, false,
         true},
        {"fan", "max", "_rpm", "Hardware monitor for fan revolutions per minute", 1, 1, false,
         true},
        {"fan", "target", "_rpm", "Hardware monitor for fan revolutions per minute", 1, 1, false,
         true},
        {NULL, NULL, "", NULL, 1, 1, false, false},
};

/* Lower case, with all but letters, digits, ':' and '_' turned to '_', none of it at the ends. */
static struct str clean_name(struct arena *arena, struct str text)
{
        char *out = arena_alloc(arena, text.len + 1);
        struct str name = {out, text.len};

        for (size_t i = 0; i < text.len; i++) {
                char c = text.data[i];

                if (c >= 'A' && c <= 'Z')
                        c = (char)(c - 'A' + 'a');
                out[i] = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == ':' ? c : '_';
        }
        while (name.len && name.data[0] == '_')
                name = str_slice(name, 1, name.len);
        while (name.len && name.data[name.len - 1] == '_')
                name.len--;
        return name;
}

static bool is_known_type(struct str type)
{
        static const char *const types[] = {
                "vrm", "beep_enable", "update_interval", "in", "cpu", "fan", "pwm", "temp", "curr",
                "power", "energy", "humidity", "intrusion",
        };

        for (size_t i = 0; i < ARRAY_LEN(types); i++)
                if (str_is(type, types[i]))
                        return true;
        return false;
}

static bool split_file(struct arena *arena, const char *dir, const char *file,
                       struct sensor_file *ret_file)
{
        struct str name = str_from(file);
        size_t digits = 0, end;

        while (digits < name.len && (name.data[digits] < '0' || name.data[digits] > '9'))
                digits++;
        for (end = digits; end < name.len && name.data[end] >= '0' && name.data[end] <= '9';)
                end++;
        if (!is_known_type(str_slice(name, 0, digits)) || end - digits > 9 ||
            (end < name.len && (name.data[end] != '_' || end + 1 == name.len)))
                return false;
        *ret_file = (struct sensor_file){
                .dir = dir,
                .file = file,
                .type = str_slice(name, 0, digits),
                .property = str_slice(name, end < name.len ? end + 1 : end, name.len),
                .sensor = arena_printf(arena, STR_FMT "%llu", (int)digits, file,
                                       (unsigned long long)host_number(
                                               str_slice(name, digits, end))),
        };
        return true;
}

/* Of the chip's directory and its device's: some drivers have their files there. Where both have
 * a file, the device's comes first and so is the one that is shown. */
static size_t list_files(struct arena *arena, const char *chip, struct sensor_file **ret_files)
{
        const char *const dirs[] = {arena_printf(arena, "%s/device", chip), chip};
        const char **names[ARRAY_LEN(dirs)];
        size_t name_counts[ARRAY_LEN(dirs)], count = 0;

        for (size_t d = 0; d < ARRAY_LEN(dirs); d++)
                if (!host_list(arena, dirs[d], NULL, &names[d], &name_counts[d], NULL))
                        name_counts[d] = 0;
        *ret_files = arena_array(arena, struct sensor_file, name_counts[0] + name_counts[1] + 1);
        for (size_t d = 0; d < ARRAY_LEN(dirs); d++)
                for (size_t i = 0; i < name_counts[d]; i++)
                        count += split_file(arena, dirs[d], names[d][i], &(*ret_files)[count]);
        return count;
}

static bool has_value_file(const struct sensor_file *files, size_t count, const char *sensor)
{
        for (size_t i = 0; i < count; i++)
                if (!files[i].property.len && strcmp(files[i].sensor, sensor) == 0)
                        return true;
        return false;
}

static void add_unit(struct host_table *out, struct arena *arena, const struct sensor_file *file,
                     const char *name, const char *labels, double v)
{
        const char *help;
        size_t u = 0;

        while ((units[u].type && !str_is(file->type, units[u].type)) ||
               (units[u].property && !str_is(file->property, units[u].property)))
                u++;
        if (!units[u].help)
                help = arena_printf(arena, "Hardware monitor " STR_FMT " element " STR_FMT,
                                    STR_ARG(file->type), STR_ARG(file->property));
        else if (units[u].help_has_property)
                help = arena_printf(arena, "%s (" STR_FMT ")", units[u].help,
                                    STR_ARG(file->property));
        else
                help = units[u].help;
        host_single(out, arena_printf(arena, "%s%s", name, units[u].suffix),
                    units[u].is_counter ? "counter" : "gauge", help, labels,
                    v * units[u].scale / units[u].divisor);
}

/* The three types that have no number and no property. False for the others. */
static bool add_plain(struct host_table *out, const struct sensor_file *file, struct str value,
                      const char *labels)
{
        double v;

        if (str_is(file->type, "beep_enable")) {
                if (!file->property.len)
                        host_single(out, "node_hwmon_beep_enabled", "gauge",
                                    "Hardware beep enabled", labels, str_is(value, "1"));
                return true;
        }
        if (!str_is(file->type, "vrm") && !str_is(file->type, "update_interval"))
                return false;
        if (file->property.len || !double_parse(value, &v))
                return true;
        if (str_is(file->type, "vrm"))
                host_single(out, "node_hwmon_voltage_regulator_version", "gauge",
                            "Hardware voltage regulator", labels, v);
        else
                host_single(out, "node_hwmon_update_interval_seconds", "gauge",
                            "Hardware monitor update interval", labels, v * 0.001);
        return true;
}

static void add_file(struct host_table *out, struct arena *arena, const struct sensor_file *file,
                     bool has_value, struct str value, const char *labels)
{
        const char *name = arena_printf(arena, "node_hwmon_" STR_FMT, STR_ARG(file->type));
        struct str property = clean_name(arena, file->property);
        double v;

        if (add_plain(out, file, value, labels) || !double_parse(value, &v))
                return;
        if (file->property.len && (!str_is(file->property, "input") || has_value))
                name = arena_printf(arena, "%s_" STR_FMT, name, STR_ARG(property));
        if (str_is(file->property, "fault") || str_is(file->property, "alarm"))
                host_single(out, name, "gauge",
                            arena_printf(arena, "Hardware sensor " STR_FMT " status (" STR_FMT ")",
                                         STR_ARG(file->property), STR_ARG(file->type)),
                            labels, v);
        else if (str_is(file->property, "beep"))
                host_single(out, arena_printf(arena, "%s_enabled", name), "gauge",
                            "Hardware monitor sensor has beeping enabled", labels, v);
        else
                add_unit(out, arena, file, name, labels, v);
}

/* pci_0000:01:00_0 or platform_coretemp_0: the device's bus and name, which do not depend on the
 * order in which drivers were loaded; else the chip's own name; else hwmon0. */
static struct str chip_label(struct arena *arena, const char *dir, struct str chip_name)
{
        char path[HOST_PATH_MAX], device[PATH_MAX];
        struct str rest, part = STR_LIT(""), bus = STR_LIT("");
        bool has_device = host_path(path, arena_printf(arena, "%s/device", dir)) &&
                          realpath(path, device);

        rest = str_from(has_device ? device : "");
        for (struct str next; str_cut(&rest, '/', &next);) {
                bus = part;
                part = next;
        }
        bus = clean_name(arena, bus);
        part = clean_name(arena, part);
        if (bus.len && part.len)
                return str_from(arena_printf(arena, STR_FMT "_" STR_FMT, STR_ARG(bus),
                                             STR_ARG(part)));
        if (part.len || chip_name.len)
                return part.len ? part : chip_name;
        return clean_name(arena, str_from(dir + strlen(CLASS) + 1));
}

/* Blanks at the ends of a sensor's label belong to it. */
static struct str first_line(const struct buf *text)
{
        return str_slice(buf_str(text), 0, str_find_byte(buf_str(text), '\n'));
}

static void add_chip(struct host_table *out, struct arena *arena, const char *dir)
{
        struct sensor_file *files;
        struct buf text CLEANUP(buf_release) = {0};
        struct buf chip_labels CLEANUP(buf_release) = BUF_INIT(HOST_LABELS_MAX_BYTES);
        struct str value = STR_LIT(""), chip_name = STR_LIT(""), chip;
        size_t count;

        if (host_attribute(&text, dir, "name", &value, NULL))
                chip_name = clean_name(arena, value);
        chip = chip_label(arena, dir, chip_name);
        host_label(&chip_labels, "chip", chip);
        host_label(&chip_labels, "chip_name", chip_name);
        if (chip_name.len)
                host_single(out, "node_hwmon_chip_names", "gauge",
                            "Annotation metric for human-readable chip names", chip_labels.data, 1);
        count = list_files(arena, dir, &files);
        for (size_t i = 0; i < count; i++) {
                struct buf labels CLEANUP(buf_release) = BUF_INIT(HOST_LABELS_MAX_BYTES);

                if (!host_attribute(&text, files[i].dir, files[i].file, &value, NULL))
                        continue;
                host_label(&labels, "chip", chip);
                if (str_is(files[i].property, "label"))
                        host_label(&labels, "label", first_line(&text));
                host_label(&labels, "sensor", str_from(files[i].sensor));
                if (str_is(files[i].property, "label"))
                        host_single(out, "node_hwmon_sensor_label", "gauge",
                                    "Label for given chip and sensor", labels.data, 1);
                else
                        add_file(out, arena, &files[i],
                                 has_value_file(files, count, files[i].sensor), value,
                                 labels.data);
        }
}

bool host_collect_hwmon(struct host_table *out, struct error *err)
{
        struct arena arena CLEANUP(arena_release) = {.limit_bytes = 16 << 20};
        const char **chips;
        size_t count;

        if (!host_list(&arena, CLASS, NULL, &chips, &count, err))
                return false;
        for (size_t i = 0; i < count && !arena_over_budget(&arena); i++)
                add_chip(out, &arena, arena_printf(&arena, CLASS "/%s", chips[i]));
        return true;
}

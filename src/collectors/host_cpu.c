/* Times from /proc/stat, throttling from /sys/devices/system/cpu. */
#include <stdio.h>
#include <unistd.h>

#include "collectors/host_int.h"

static const char *const modes[] = {"user",    "nice", "system",  "idle",
                                    "iowait", "irq",  "softirq", "steal"};
/* Fields of /proc/stat behind steal. */
static const char *const guest_modes[] = {"user", "nice"};

enum { CPU_MODES = 8, CPU_FIELDS = 10 };

struct cpu_line {
        unsigned number;
        uint64_t ticks[CPU_FIELDS];
};

static bool read_cpu_line(struct str line, struct cpu_line *cpu)
{
        struct str name = host_field(&line);

        if (!str_starts_with(name, STR_LIT("cpu")) || name.len == 3)
                return false;
        cpu->number = (unsigned)host_number(str_slice(name, 3, name.len));
        for (size_t i = 0; i < CPU_FIELDS; i++)
                cpu->ticks[i] = host_number(host_field(&line));
        return true;
}

static void write_modes(struct host_table *out, struct str text, const char *const *names,
                        size_t from, size_t to, double hertz)
{
        struct str line;

        while (str_cut(&text, '\n', &line)) {
                struct cpu_line cpu;
                char labels[64];

                if (!read_cpu_line(line, &cpu))
                        continue;
                for (size_t i = from; i < to; i++) {
                        snprintf(labels, sizeof(labels), "cpu=\"%u\",mode=\"%s\"", cpu.number,
                                 names[i - from]);
                        host_sample(out, labels, (double)cpu.ticks[i] / hertz);
                }
        }
}

static void add_throttles(struct host_table *out, struct arena *arena, const char *cpu)
{
        const char *dir = arena_printf(arena, "/sys/devices/system/cpu/%s", cpu);
        struct buf text CLEANUP(buf_release) = {0};
        uint64_t package, core, count;
        char labels[64];

        if (!host_attribute_uint(&text, dir, "topology/physical_package_id", &package, NULL) ||
            !host_attribute_uint(&text, dir, "topology/core_id", &core, NULL))
                return;
        /* The threads of a core, and the cores of a package, all show the same count. */
        snprintf(labels, sizeof(labels), "core=\"%llu\",package=\"%llu\"",
                 (unsigned long long)core, (unsigned long long)package);
        if (host_attribute_uint(&text, dir, "thermal_throttle/core_throttle_count", &count, NULL))
                host_single(out, "node_cpu_core_throttles_total", "counter",
                            "Number of times this CPU core has been throttled.", labels,
                            (double)count);
        snprintf(labels, sizeof(labels), "package=\"%llu\"", (unsigned long long)package);
        if (host_attribute_uint(&text, dir, "thermal_throttle/package_throttle_count", &count,
                                NULL))
                host_single(out, "node_cpu_package_throttles_total", "counter",
                            "Number of times this CPU package has been throttled.", labels,
                            (double)count);
}

static void add_all_throttles(struct host_table *out)
{
        struct arena arena CLEANUP(arena_release) = {.limit_bytes = 4 << 20};
        const char **cpus;
        size_t count;

        if (!host_list(&arena, "/sys/devices/system/cpu", "cpu", &cpus, &count, NULL))
                return;
        for (size_t i = 0; i < count; i++)
                add_throttles(out, &arena, cpus[i]);
}

bool host_collect_cpu(struct host_table *out, struct error *err)
{
        struct buf text CLEANUP(buf_release) = {0};
        double hertz = (double)sysconf(_SC_CLK_TCK);

        if (!host_read(&text, "/proc/stat", err))
                return false;
        host_family(out, "node_cpu_guest_seconds_total", "counter",
                    "Seconds the CPUs spent in guests (VMs) for each mode.");
        write_modes(out, buf_str(&text), guest_modes, CPU_MODES, CPU_FIELDS, hertz);
        host_family(out, "node_cpu_seconds_total", "counter",
                    "Seconds the CPUs spent in each mode.");
        write_modes(out, buf_str(&text), modes, 0, CPU_MODES, hertz);
        add_all_throttles(out);
        return true;
}

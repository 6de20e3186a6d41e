/* Frequencies; see the kernel's Documentation/admin-guide/pm/cpufreq.rst. */
#include "collectors/host_int.h"

#define CPUS "/sys/devices/system/cpu"

static const struct {
        const char *file, *name, *help;
} frequencies[] = {
        {"cpuinfo_cur_freq", "node_cpu_frequency_hertz", "Current cpu thread frequency in hertz."},
        {"cpuinfo_max_freq", "node_cpu_frequency_max_hertz",
         "Maximum cpu thread frequency in hertz."},
        {"cpuinfo_min_freq", "node_cpu_frequency_min_hertz",
         "Minimum cpu thread frequency in hertz."},
        {"scaling_cur_freq", "node_cpu_scaling_frequency_hertz",
         "Current scaled CPU thread frequency in hertz."},
        {"scaling_max_freq", "node_cpu_scaling_frequency_max_hertz",
         "Maximum scaled CPU thread frequency in hertz."},
        {"scaling_min_freq", "node_cpu_scaling_frequency_min_hertz",
         "Minimum scaled CPU thread frequency in hertz."},
};

bool host_collect_cpufreq(struct host_table *out, struct error *err)
{
        struct arena arena CLEANUP(arena_release) = {.limit_bytes = 4 << 20};
        struct buf text CLEANUP(buf_release) = {0};
        const char **cpus;
        size_t count;

        (void)err;
        if (!host_list(&arena, CPUS, "cpu", &cpus, &count, NULL))
                return true;
        for (size_t i = 0; i < count; i++) {
                const char *dir = arena_printf(&arena, CPUS "/%s/cpufreq", cpus[i]);
                struct buf labels CLEANUP(buf_release) = BUF_INIT(HOST_LABELS_MAX_BYTES);
                uint64_t kilohertz;

                host_label(&labels, "cpu", str_from(cpus[i] + strlen("cpu")));
                for (size_t f = 0; f < ARRAY_LEN(frequencies); f++)
                        if (host_attribute_uint(&text, dir, frequencies[f].file, &kilohertz, NULL))
                                host_single(out, frequencies[f].name, "gauge", frequencies[f].help,
                                            labels.data, (double)kilohertz * 1000);
        }
        return true;
}

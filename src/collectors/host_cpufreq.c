/* Frequencies and governors; see the kernel's Documentation/admin-guide/pm/cpufreq.rst. */
#include "collectors/host_int.h"

#define CPUS "/sys/devices/system/cpu"

static const struct {
        const char *file, *name, *help;
} frequencies[] = {
        {"cpuinfo_cur_freq", "node_cpu_frequency_hertz", "Current CPU thread frequency in hertz."},
        {"cpuinfo_max_freq", "node_cpu_frequency_max_hertz",
         "Maximum CPU thread frequency in hertz."},
        {"cpuinfo_min_freq", "node_cpu_frequency_min_hertz",
         "Minimum CPU thread frequency in hertz."},
        {"scaling_cur_freq", "node_cpu_scaling_frequency_hertz",
         "Current scaled CPU thread frequency in hertz."},
        {"scaling_max_freq", "node_cpu_scaling_frequency_max_hertz",
         "Maximum scaled CPU thread frequency in hertz."},
        {"scaling_min_freq", "node_cpu_scaling_frequency_min_hertz",
         "Minimum scaled CPU thread frequency in hertz."},
};

static void add_governors(struct host_table *table, const char *dir, struct str cpu)
{
        struct buf current CLEANUP(buf_release) = {0};
        struct buf text CLEANUP(buf_release) = {0};
        struct str governor, rest, active;

        if (!host_attribute(&current, dir, "scaling_governor", &active, NULL) || !active.len ||
            !host_attribute(&text, dir, "scaling_available_governors", &rest, NULL))
                return;
        while ((governor = host_field(&rest)).len) {
                struct buf labels CLEANUP(buf_release) = BUF_INIT(HOST_LABELS_MAX_BYTES);

                host_label(&labels, "cpu", cpu);
                host_label(&labels, "governor", governor);
                host_table_add(table, "node_cpu_scaling_governor", "gauge",
                               "Current enabled CPU frequency governor.", labels.data,
                               str_equal(governor, active));
        }
}

bool host_collect_cpufreq(struct buf *out, struct error *err)
{
        struct host_table table CLEANUP(host_table_release) = HOST_TABLE_INIT;
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
                struct str number = str_from(cpus[i] + strlen("cpu"));
                uint64_t kilohertz;

                host_label(&labels, "cpu", number);
                for (size_t f = 0; f < ARRAY_LEN(frequencies); f++)
                        if (host_attribute_uint(&text, dir, frequencies[f].file, &kilohertz, NULL))
                                host_table_add(&table, frequencies[f].name, "gauge",
                                               frequencies[f].help, labels.data,
                                               (double)kilohertz * 1000);
                add_governors(&table, dir, number);
        }
        host_table_write(&table, out);
        return true;
}

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

static void write_modes(struct buf *out, struct str text, const char *metric,
                        const char *const *names, size_t from, size_t to, double hertz)
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
                        host_sample(out, metric, labels, (double)cpu.ticks[i] / hertz);
                }
        }
}

bool host_collect_cpu(struct buf *out, struct error *err)
{
        struct buf text CLEANUP(buf_release) = {0};
        double hertz = (double)sysconf(_SC_CLK_TCK);

        if (!host_read(&text, "/proc/stat", err))
                return false;
        host_family(out, "node_cpu_guest_seconds_total", "counter",
                    "Seconds the CPUs spent in guests (VMs) for each mode.");
        write_modes(out, buf_str(&text), "node_cpu_guest_seconds_total", guest_modes, CPU_MODES,
                    CPU_FIELDS, hertz);
        host_family(out, "node_cpu_seconds_total", "counter",
                    "Seconds the CPUs spent in each mode.");
        write_modes(out, buf_str(&text), "node_cpu_seconds_total", modes, 0, CPU_MODES, hertz);
        return true;
}

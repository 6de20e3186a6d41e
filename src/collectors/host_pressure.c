/* Pressure stall information: /proc/pressure/{cpu,io,memory}, "total=" in microseconds. */
#include <stdio.h>

#include "collectors/host_int.h"

static const struct {
        const char *file, *line, *name, *help;
} metrics[] = {
        {"cpu", "some", "node_pressure_cpu_waiting_seconds_total",
         "Total time in seconds that processes have waited for CPU time"},
        {"io", "full", "node_pressure_io_stalled_seconds_total",
         "Total time in seconds no process could make progress due to IO congestion"},
        {"io", "some", "node_pressure_io_waiting_seconds_total",
         "Total time in seconds that processes have waited due to IO congestion"},
        {"memory", "full", "node_pressure_memory_stalled_seconds_total",
         "Total time in seconds no process could make progress due to memory congestion"},
        {"memory", "some", "node_pressure_memory_waiting_seconds_total",
         "Total time in seconds that processes have waited for memory"},
};

bool host_collect_pressure(struct host_table *out, struct error *err)
{
        struct buf text CLEANUP(buf_release) = {0};

        for (size_t i = 0; i < ARRAY_LEN(metrics); i++) {
                struct str rest, line, field;
                char path[64];

                snprintf(path, sizeof(path), "/proc/pressure/%s", metrics[i].file);
                if (!host_read(&text, path, err))
                        return false;
                rest = buf_str(&text);
                while (str_cut(&rest, '\n', &line)) {
                        if (!str_is(host_field(&line), metrics[i].line))
                                continue;
                        while ((field = host_field(&line)).len) {
                                uint64_t total;

                                if (!str_starts_with(field, STR_LIT("total=")))
                                        continue;
                                total = host_number(str_slice(field, strlen("total="), field.len));
                                host_single(out, metrics[i].name, "counter", metrics[i].help, NULL,
                                            (double)total / 1e6);
                        }
                }
        }
        return true;
}

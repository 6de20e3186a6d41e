#include "collectors/host_int.h"

bool host_collect_stat(struct host_table *out, struct error *err)
{
        static const struct {
                const char *key, *name, *type, *help;
        } metrics[] = {
                {"intr", "node_intr_total", "counter", "Total number of interrupts serviced."},
                {"ctxt", "node_context_switches_total", "counter",
                 "Total number of context switches."},
                {"btime", "node_boot_time_seconds", "gauge", "Node boot time, in unixtime."},
                {"processes", "node_forks_total", "counter", "Total number of forks."},
                {"procs_running", "node_procs_running", "gauge",
                 "Number of processes in runnable state."},
                {"procs_blocked", "node_procs_blocked", "gauge",
                 "Number of processes blocked waiting for I/O to complete."},
        };
        struct buf text CLEANUP(buf_release) = {0};
        struct str rest, line;

        if (!host_read(&text, "/proc/stat", err))
                return false;
        rest = buf_str(&text);
        while (str_cut(&rest, '\n', &line)) {
                struct str key = host_field(&line);

                for (size_t i = 0; i < ARRAY_LEN(metrics); i++)
                        if (str_is(key, metrics[i].key))
                                host_single(out, metrics[i].name, metrics[i].type, metrics[i].help,
                                            NULL, (double)host_number(host_field(&line)));
        }
        return true;
}

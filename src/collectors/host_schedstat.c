/* /proc/schedstat, version 15: the last three numbers of a cpu line. */
#include "collectors/host_int.h"

static const struct {
        const char *name, *help;
        unsigned field;
        double scale;
} metrics[] = {
        {"node_schedstat_running_seconds_total", "Number of seconds CPU spent running a process.",
         6, 1e-9},
        {"node_schedstat_timeslices_total", "Number of timeslices executed by CPU.", 8, 1},
        {"node_schedstat_waiting_seconds_total",
         "Number of seconds spent by processing waiting for this CPU.", 7, 1e-9},
};

bool host_collect_schedstat(struct host_table *out, struct error *err)
{
        struct buf text CLEANUP(buf_release) = {0};

        if (!host_read(&text, "/proc/schedstat", err))
                return false;
        for (size_t i = 0; i < ARRAY_LEN(metrics); i++) {
                struct str rest = buf_str(&text), line;

                host_family(out, metrics[i].name, "counter", metrics[i].help);
                while (str_cut(&rest, '\n', &line)) {
                        struct str name = host_field(&line), field = STR_LIT("");
                        struct buf labels CLEANUP(buf_release) =
                                BUF_INIT(HOST_LABELS_MAX_BYTES);

                        if (!str_starts_with(name, STR_LIT("cpu")))
                                continue;
                        for (unsigned f = 0; f <= metrics[i].field; f++)
                                field = host_field(&line);
                        host_label(&labels, "cpu", str_slice(name, 3, name.len));
                        host_sample(out, labels.data,
                                    (double)host_number(field) * metrics[i].scale);
                }
        }
        return true;
}

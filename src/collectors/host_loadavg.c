#include "codec/double.h"
#include "collectors/host_int.h"

bool host_collect_loadavg(struct host_table *out, struct error *err)
{
        static const char *const metrics[][2] = {
                {"node_load1", "1m load average."},
                {"node_load5", "5m load average."},
                {"node_load15", "15m load average."},
        };
        struct buf text CLEANUP(buf_release) = {0};
        struct str line;

        if (!host_read(&text, "/proc/loadavg", err))
                return false;
        line = buf_str(&text);
        for (size_t i = 0; i < ARRAY_LEN(metrics); i++) {
                double load;

                if (!double_parse(host_field(&line), &load))
                        return error_set(err, ERROR_INVALID, "/proc/loadavg: unknown form");
                host_single(out, metrics[i][0], "gauge", metrics[i][1], NULL, load);
        }
        return true;
}

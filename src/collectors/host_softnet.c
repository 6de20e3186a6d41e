/* /proc/net/softnet_stat: a line of hexadecimal counters for each CPU. */
#include <stdio.h>

#include "collectors/host_int.h"

static void write_column(struct host_table *out, struct str rest, const char *name,
                         const char *help, unsigned column)
{
        struct str line;
        unsigned cpu = 0;

        host_family(out, name, "counter", help);
        while (str_cut(&rest, '\n', &line)) {
                char labels[32];
                struct str field = host_field(&line);

                if (!field.len)
                        continue;
                for (unsigned i = 0; i < column; i++)
                        field = host_field(&line);
                snprintf(labels, sizeof(labels), "cpu=\"%u\"", cpu++);
                host_sample(out, labels, (double)host_hex(field));
        }
}

bool host_collect_softnet(struct host_table *out, struct error *err)
{
        struct buf text CLEANUP(buf_release) = {0};

        if (!host_read(&text, "/proc/net/softnet_stat", err))
                return false;
        write_column(out, buf_str(&text), "node_softnet_dropped_total",
                     "Number of dropped packets", 1);
        write_column(out, buf_str(&text), "node_softnet_processed_total",
                     "Number of processed packets", 0);
        write_column(out, buf_str(&text), "node_softnet_times_squeezed_total",
                     "Number of times processing packets ran out of quota", 2);
        return true;
}

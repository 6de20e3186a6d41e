/* Queue lengths of UDP sockets: the tx_queue:rx_queue column of /proc/net/udp and udp6. */
#include <stdio.h>

#include "collectors/host_int.h"

static bool write_queues(struct host_table *out, const char *path, const char *ip)
{
        struct buf text CLEANUP(buf_release) = {0};
        uint64_t transmit = 0, receive = 0;
        struct str rest, line;
        char labels[64];

        if (!host_read(&text, path, NULL))
                return false;
        rest = buf_str(&text);
        str_cut(&rest, '\n', &line);
        while (str_cut(&rest, '\n', &line)) {
                struct str queues = STR_LIT(""), head;

                for (int i = 0; i < 5; i++)
                        queues = host_field(&line);
                if (!str_cut(&queues, ':', &head) || !queues.data)
                        continue;
                transmit += host_hex(head);
                receive += host_hex(queues);
        }
        snprintf(labels, sizeof(labels), "ip=\"%s\",queue=\"rx\"", ip);
        host_sample(out, labels, (double)receive);
        snprintf(labels, sizeof(labels), "ip=\"%s\",queue=\"tx\"", ip);
        host_sample(out, labels, (double)transmit);
        return true;
}

bool host_collect_udp_queues(struct host_table *out, struct error *err)
{
        bool any;

        host_family(out, "node_udp_queues", "gauge",
                    "Number of allocated memory in the kernel for UDP datagrams in bytes.");
        any = write_queues(out, "/proc/net/udp", "v4");
        any |= write_queues(out, "/proc/net/udp6", "v6");
        return any || error_set(err, ERROR_NOT_FOUND, "/proc/net/udp: not found");
}

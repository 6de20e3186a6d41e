#include "collectors/host_int.h"

enum { DEVICES_MAX = 1024 };

struct device {
        struct str name;
        unsigned entries;
};

bool host_collect_arp(struct host_table *out, struct error *err)
{
        struct buf text CLEANUP(buf_release) = {0};
        struct device devices[DEVICES_MAX];
        struct str rest, line;
        size_t count = 0;

        if (!host_read(&text, "/proc/net/arp", err))
                return false;
        rest = buf_str(&text);
        str_cut(&rest, '\n', &line);
        while (str_cut(&rest, '\n', &line)) {
                struct str name = STR_LIT("");
                size_t at = 0;

                for (int i = 0; i < 6; i++)
                        name = host_field(&line);
                while (at < count && !str_equal(devices[at].name, name))
                        at++;
                if (!name.len || at == DEVICES_MAX)
                        continue;
                if (at == count)
                        devices[count++] = (struct device){name, 0};
                devices[at].entries++;
        }
        host_family(out, "node_arp_entries", "gauge", "ARP entries by device");
        for (size_t i = 0; i < count; i++) {
                struct buf labels CLEANUP(buf_release) = BUF_INIT(HOST_LABELS_MAX_BYTES);

                host_label(&labels, "device", devices[i].name);
                host_sample(out, labels.data, devices[i].entries);
        }
        return true;
}

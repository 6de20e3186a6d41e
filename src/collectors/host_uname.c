#include <sys/utsname.h>

#include "collectors/host_int.h"

bool host_collect_uname(struct host_table *out, struct error *err)
{
        struct buf labels CLEANUP(buf_release) = BUF_INIT(HOST_LABELS_MAX_BYTES);
        struct utsname info;

        if (uname(&info) != 0)
                return error_set(err, ERROR_IO, "uname: %m");
        host_family(out, "node_uname_info", "gauge",
                    "Labeled system information as provided by the uname system call.");
        host_label(&labels, "domainname", str_from(info.domainname));
        host_label(&labels, "machine", str_from(info.machine));
        host_label(&labels, "nodename", str_from(info.nodename));
        host_label(&labels, "release", str_from(info.release));
        host_label(&labels, "sysname", str_from(info.sysname));
        host_label(&labels, "version", str_from(info.version));
        host_sample(out, labels.data, 1);
        return true;
}

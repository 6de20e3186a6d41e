#include "collectors/host.h"

#include <stdio.h>

#include "base/clock.h"
#include "collectors/host_int.h"

/* In the order of their names. */
static const struct {
        const char *name;
        host_collect collect;
} collectors[] = {
        {"arp", host_collect_arp},
        {"bcache", host_collect_bcache},
        {"bonding", host_collect_bonding},
        {"btrfs", host_collect_btrfs},
        {"conntrack", host_collect_conntrack},
        {"cpu", host_collect_cpu},
        {"cpufreq", host_collect_cpufreq},
        {"diskstats", host_collect_diskstats},
        {"dmi", host_collect_dmi},
        {"edac", host_collect_edac},
        {"entropy", host_collect_entropy},
        {"fibrechannel", host_collect_fibrechannel},
        {"filefd", host_collect_filefd},
        {"filesystem", host_collect_filesystem},
        {"hwmon", host_collect_hwmon},
        {"infiniband", host_collect_infiniband},
        {"ipvs", host_collect_ipvs},
        {"loadavg", host_collect_loadavg},
        {"mdadm", host_collect_mdadm},
        {"meminfo", host_collect_meminfo},
        {"netclass", host_collect_netclass},
        {"netdev", host_collect_netdev},
        {"netstat", host_collect_netstat},
        {"nfs", host_collect_nfs},
        {"nfsd", host_collect_nfsd},
        {"nvme", host_collect_nvme},
        {"os", host_collect_os},
        {"powersupplyclass", host_collect_powersupplyclass},
        {"pressure", host_collect_pressure},
        {"rapl", host_collect_rapl},
        {"schedstat", host_collect_schedstat},
        {"selinux", host_collect_selinux},
        {"sockstat", host_collect_sockstat},
        {"softnet", host_collect_softnet},
        {"stat", host_collect_stat},
        {"tapestats", host_collect_tapestats},
        {"thermal_zone", host_collect_thermal_zone},
        {"time", host_collect_time},
        {"timex", host_collect_timex},
        {"udp_queues", host_collect_udp_queues},
        {"uname", host_collect_uname},
        {"vmstat", host_collect_vmstat},
        {"xfs", host_collect_xfs},
        {"zfs", host_collect_zfs},
};

static void add_state(struct host_table *out, const double *seconds, const bool *success)
{
        char labels[64];

        host_family(out, "node_scrape_collector_duration_seconds", "gauge",
                    "node_exporter: Duration of a collector scrape.");
        for (size_t i = 0; i < ARRAY_LEN(collectors); i++) {
                snprintf(labels, sizeof(labels), "collector=\"%s\"", collectors[i].name);
                host_sample(out, labels, seconds[i]);
        }
        host_family(out, "node_scrape_collector_success", "gauge",
                    "node_exporter: Whether a collector succeeded.");
        for (size_t i = 0; i < ARRAY_LEN(collectors); i++) {
                snprintf(labels, sizeof(labels), "collector=\"%s\"", collectors[i].name);
                host_sample(out, labels, success[i]);
        }
}

void host_render(struct buf *out)
{
        struct host_table state CLEANUP(host_table_release) = HOST_TABLE_INIT;
        double seconds[ARRAY_LEN(collectors)];
        bool success[ARRAY_LEN(collectors)];

        for (size_t i = 0; i < ARRAY_LEN(collectors); i++) {
                struct host_table table CLEANUP(host_table_release) = HOST_TABLE_INIT;
                int64_t started_ns = clock_mono_ns(&clock_real);
                struct error err;

                success[i] = collectors[i].collect(&table, &err);
                if (success[i])
                        host_table_write(&table, out);
                seconds[i] = (double)(clock_mono_ns(&clock_real) - started_ns) / 1e9;
        }
        add_state(&state, seconds, success);
        host_table_write(&state, out);
}

/* Bonded network devices; see the kernel's Documentation/networking/bonding.rst. */
#include "collectors/host_int.h"

#define CLASS "/sys/class/net"

/* Older kernels call the link to a slave slave_eth0. */
static bool read_slave(struct buf *text, struct arena *arena, struct str master, struct str slave,
                       struct str *ret_status, struct error *err)
{
        static const char *const links[] = {"lower", "slave"};

        for (size_t i = 0; i < ARRAY_LEN(links); i++)
                if (host_attribute(text,
                                   arena_printf(arena, CLASS "/" STR_FMT "/%s_" STR_FMT,
                                                STR_ARG(master), links[i], STR_ARG(slave)),
                                   "bonding_slave/mii_status", ret_status, err))
                        return true;
        return false;
}

static bool add_master(struct host_table *out, struct arena *arena, struct str master,
                       struct error *err)
{
        struct buf labels CLEANUP(buf_release) = BUF_INIT(HOST_LABELS_MAX_BYTES);
        struct buf slaves CLEANUP(buf_release) = {0};
        struct buf text CLEANUP(buf_release) = {0};
        struct str rest, slave, status;
        unsigned configured = 0, active = 0;

        if (!host_attribute(&slaves, arena_printf(arena, CLASS "/" STR_FMT, STR_ARG(master)),
                            "bonding/slaves", &rest, err))
                return false;
        while ((slave = host_field(&rest)).len) {
                if (!read_slave(&text, arena, master, slave, &status, err))
                        return false;
                configured++;
                active += str_is(status, "up");
        }
        host_label(&labels, "master", master);
        host_single(out, "node_bonding_active", "gauge",
                    "Number of active slaves per bonding interface.", labels.data, active);
        host_single(out, "node_bonding_slaves", "gauge",
                    "Number of configured slaves per bonding interface.", labels.data, configured);
        return true;
}

bool host_collect_bonding(struct host_table *out, struct error *err)
{
        struct arena arena CLEANUP(arena_release) = {.limit_bytes = 1 << 20};
        struct buf masters CLEANUP(buf_release) = {0};
        struct str rest, master;

        if (!host_attribute(&masters, CLASS, "bonding_masters", &rest, err))
                return false;
        while ((master = host_field(&rest)).len)
                if (!add_master(out, &arena, master, err))
                        return false;
        return true;
}

/* Sockets in use: /proc/net/sockstat and sockstat6, lines of "TCP: inuse 5 orphan 0". */
#include <unistd.h>

#include "collectors/host_int.h"

static void add_state(struct host_table *out, struct str protocol, struct str state,
                      uint64_t value)
{
        struct buf name CLEANUP(buf_release) = BUF_INIT(HOST_NAME_MAX_BYTES);
        struct buf help CLEANUP(buf_release) = BUF_INIT(2 * HOST_NAME_MAX_BYTES);

        buf_printf(&name, "node_sockstat_" STR_FMT "_" STR_FMT, STR_ARG(protocol), STR_ARG(state));
        buf_printf(&help, "Number of " STR_FMT " sockets in state " STR_FMT ".",
                   STR_ARG(protocol), STR_ARG(state));
        if (!name.overflow)
                host_single(out, name.data, "gauge", help.data, NULL, (double)value);
}

static bool add_file(struct host_table *out, const char *path, struct error *err)
{
        struct buf text CLEANUP(buf_release) = {0};
        struct str rest, line;

        if (!host_read(&text, path, err))
                return err == NULL;
        rest = buf_str(&text);
        while (str_cut(&rest, '\n', &line)) {
                struct str protocol = host_field(&line), state;

                if (!protocol.len)
                        continue;
                protocol.len--;
                while ((state = host_field(&line)).len) {
                        uint64_t value = host_number(host_field(&line));

                        if (str_is(protocol, "sockets") && str_is(state, "used"))
                                host_single(out, "node_sockstat_sockets_used", "gauge",
                                            "Number of IPv4 sockets in use.", NULL, (double)value);
                        else
                                add_state(out, protocol, state, value);
                        if (str_is(state, "mem"))
                                add_state(out, protocol, STR_LIT("mem_bytes"),
                                          value * (uint64_t)sysconf(_SC_PAGESIZE));
                }
        }
        return true;
}

bool host_collect_sockstat(struct host_table *out, struct error *err)
{

        /* A host without IPv6 has no second file. */
        if (!add_file(out, "/proc/net/sockstat", err) ||
            !add_file(out, "/proc/net/sockstat6", NULL))
                return false;
        return true;
}

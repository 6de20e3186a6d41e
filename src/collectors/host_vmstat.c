#include "collectors/host_int.h"

/* The node exporter's default selection: oom_kill, pgpg, pswp and pg.*fault. */
static bool is_shown(struct str field)
{
        return str_is(field, "oom_kill") || str_starts_with(field, STR_LIT("pgpg")) ||
               str_starts_with(field, STR_LIT("pswp")) ||
               (str_starts_with(field, STR_LIT("pg")) && str_contains(field, STR_LIT("fault")));
}

bool host_collect_vmstat(struct host_table *out, struct error *err)
{
        struct buf text CLEANUP(buf_release) = {0};
        struct str rest, line;

        if (!host_read(&text, "/proc/vmstat", err))
                return false;
        rest = buf_str(&text);
        while (str_cut(&rest, '\n', &line)) {
                struct buf name CLEANUP(buf_release) = BUF_INIT(HOST_NAME_MAX_BYTES);
                struct buf help CLEANUP(buf_release) = BUF_INIT(2 * HOST_NAME_MAX_BYTES);
                struct str field = host_field(&line);

                if (!is_shown(field))
                        continue;
                buf_printf(&name, "node_vmstat_" STR_FMT, STR_ARG(field));
                buf_printf(&help, "/proc/vmstat information field " STR_FMT ".", STR_ARG(field));
                if (!name.overflow)
                        host_single(out, name.data, "untyped", help.data, NULL,
                                    (double)host_number(host_field(&line)));
        }
        return true;
}

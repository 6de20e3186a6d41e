#include "collectors/host_int.h"

/* "Active(anon):  123 kB" becomes node_memory_Active_anon_bytes. */
static void make_name(struct buf *name, struct str field, bool bytes)
{
        buf_clear(name);
        buf_append_cstr(name, "node_memory_");
        for (size_t i = 0; i < field.len; i++) {
                char c = field.data[i];

                if (c == '(')
                        buf_append_byte(name, '_');
                else if (c != ')' && c != ':')
                        buf_append_byte(name, c);
        }
        if (bytes)
                buf_append_cstr(name, "_bytes");
}

bool host_collect_meminfo(struct host_table *out, struct error *err)
{
        struct buf text CLEANUP(buf_release) = {0};
        struct buf name CLEANUP(buf_release) = BUF_INIT(HOST_NAME_MAX_BYTES);
        struct buf help CLEANUP(buf_release) = BUF_INIT(2 * HOST_NAME_MAX_BYTES);
        struct str rest, line;

        if (!host_read(&text, "/proc/meminfo", err))
                return false;
        rest = buf_str(&text);
        while (str_cut(&rest, '\n', &line)) {
                struct str field = host_field(&line);
                uint64_t value = host_number(host_field(&line));
                bool kilobytes = str_is(host_field(&line), "kB");

                if (!field.len)
                        continue;
                make_name(&name, field, kilobytes);
                if (name.overflow)
                        continue;
                buf_clear(&help);
                buf_printf(&help, "Memory information field %s.",
                           name.data + strlen("node_memory_"));
                host_single(out, name.data, "gauge", help.data, NULL,
                            (double)value * (kilobytes ? 1024 : 1));
        }
        return true;
}

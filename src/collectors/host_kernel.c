/* Collectors that are one or two numbers of a small file each. */
#include "codec/double.h"
#include "collectors/host_int.h"

struct number_file {
        const char *path, *name, *help;
};

static bool write_numbers(struct host_table *out, const struct number_file *files, size_t count,
                          struct error *err)
{
        struct buf text CLEANUP(buf_release) = {0};

        for (size_t i = 0; i < count; i++) {
                if (!host_read(&text, files[i].path, err))
                        return false;
                host_single(out, files[i].name, "gauge", files[i].help, NULL,
                            (double)host_number(buf_str(&text)));
        }
        return true;
}

bool host_collect_entropy(struct host_table *out, struct error *err)
{
        static const struct number_file files[] = {
                {"/proc/sys/kernel/random/entropy_avail", "node_entropy_available_bits",
                 "Bits of available entropy."},
                {"/proc/sys/kernel/random/poolsize", "node_entropy_pool_size_bits",
                 "Bits of entropy pool."},
        };

        return write_numbers(out, files, ARRAY_LEN(files), err);
}

bool host_collect_filefd(struct host_table *out, struct error *err)
{
        struct buf text CLEANUP(buf_release) = {0};
        struct str line;
        uint64_t allocated;
        double maximum;

        if (!host_read(&text, "/proc/sys/fs/file-nr", err))
                return false;
        line = str_trim(buf_str(&text));
        allocated = host_number(host_field(&line));
        host_field(&line);
        if (!double_parse(host_field(&line), &maximum))
                return error_set(err, ERROR_INVALID, "/proc/sys/fs/file-nr: unknown form");
        host_single(out, "node_filefd_allocated", "gauge", "File descriptor statistics: allocated.",
                    NULL, (double)allocated);
        host_single(out, "node_filefd_maximum", "gauge", "File descriptor statistics: maximum.",
                    NULL, maximum);
        return true;
}

bool host_collect_selinux(struct host_table *out, struct error *err)
{
        struct buf text CLEANUP(buf_release) = {0};
        bool enabled = host_read(&text, "/sys/fs/selinux/enforce", NULL);

        (void)err;
        host_single(out, "node_selinux_enabled", "gauge",
                    "SELinux is enabled, 1 is true, 0 is false", NULL, enabled);
        if (enabled)
                host_single(out, "node_selinux_current_mode", "gauge",
                            "Current SELinux enforcement mode", NULL,
                            (double)host_number(buf_str(&text)));
        return true;
}

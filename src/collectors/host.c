#include "collectors/host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "codec/double.h"
#include "collectors/host_int.h"

/* In the order of their names. */
static const struct {
        const char *name;
        host_collect collect;
} collectors[] = {
        {"arp", host_collect_arp},
        {"conntrack", host_collect_conntrack},
        {"cpu", host_collect_cpu},
        {"diskstats", host_collect_diskstats},
        {"entropy", host_collect_entropy},
        {"filefd", host_collect_filefd},
        {"filesystem", host_collect_filesystem},
        {"loadavg", host_collect_loadavg},
        {"meminfo", host_collect_meminfo},
        {"netdev", host_collect_netdev},
        {"netstat", host_collect_netstat},
        {"os", host_collect_os},
        {"pressure", host_collect_pressure},
        {"schedstat", host_collect_schedstat},
        {"selinux", host_collect_selinux},
        {"sockstat", host_collect_sockstat},
        {"softnet", host_collect_softnet},
        {"stat", host_collect_stat},
        {"time", host_collect_time},
        {"timex", host_collect_timex},
        {"udp_queues", host_collect_udp_queues},
        {"uname", host_collect_uname},
        {"vmstat", host_collect_vmstat},
};

enum { FILE_MAX_BYTES = 4 << 20, READ_STEP_BYTES = 16 << 10 };

bool host_read(struct buf *text, const char *path, struct error *err)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t got;

        if (fd < 0)
                return error_set(err, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_IO, "%s: %m", path);
        text->max_bytes = FILE_MAX_BYTES;
        buf_clear(text);
        do {
                char *room = buf_reserve(text, READ_STEP_BYTES);

                got = room ? read(fd, room, READ_STEP_BYTES) : 0;
                text->len += got > 0 ? (size_t)got : 0;
        } while (got > 0);
        close(fd);
        if (got < 0)
                return error_set(err, ERROR_IO, "%s: %m", path);
        if (text->data)
                text->data[text->len] = '\0';
        return true;
}

void host_family(struct buf *out, const char *name, const char *type, const char *help)
{
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void host_sample(struct buf *out, const char *name, const char *labels, double v)
{
        char text[DOUBLE_TEXT_MAX];
        size_t len = double_format(text, v, DOUBLE_G);

        buf_append_cstr(out, name);
        if (labels) {
                buf_append_byte(out, '{');
                buf_append_cstr(out, labels);
                buf_append_byte(out, '}');
        }
        buf_append_byte(out, ' ');
        buf_append(out, text, len);
        buf_append_byte(out, '\n');
}

void host_single(struct buf *out, const char *name, const char *type, const char *help, double v)
{
        host_family(out, name, type, help);
        host_sample(out, name, NULL, v);
}

void host_label(struct buf *labels, const char *name, struct str value)
{
        if (labels->len)
                buf_append_byte(labels, ',');
        buf_printf(labels, "%s=\"", name);
        for (size_t i = 0; i < value.len; i++) {
                char c = value.data[i];

                if (c == '\\' || c == '"')
                        buf_append_byte(labels, '\\');
                if (c == '\n')
                        buf_append_cstr(labels, "\\n");
                else
                        buf_append_byte(labels, c);
        }
        buf_append_byte(labels, '"');
}

struct str host_field(struct str *line)
{
        size_t from = 0, to;
        struct str field;

        while (from < line->len && (line->data[from] == ' ' || line->data[from] == '\t'))
                from++;
        for (to = from; to < line->len && line->data[to] != ' ' && line->data[to] != '\t';)
                to++;
        field = str_slice(*line, from, to);
        *line = str_slice(*line, to, line->len);
        return field;
}

size_t host_line_count(struct str text)
{
        size_t count = 1;

        for (size_t i = 0; i < text.len; i++)
                count += text.data[i] == '\n';
        return count;
}

uint64_t host_number(struct str text)
{
        uint64_t value = 0;

        for (size_t i = 0; i < text.len && text.data[i] >= '0' && text.data[i] <= '9'; i++)
                value = value * 10 + (uint64_t)(text.data[i] - '0');
        return value;
}

void host_render(struct buf *out)
{
        double seconds[ARRAY_LEN(collectors)];
        bool success[ARRAY_LEN(collectors)];
        char labels[64];

        for (size_t i = 0; i < ARRAY_LEN(collectors); i++) {
                int64_t started_ns = clock_mono_ns(&clock_real);
                size_t before = out->len;
                struct error err;

                success[i] = collectors[i].collect(out, &err);
                if (!success[i])
                        out->len = before;
                seconds[i] = (double)(clock_mono_ns(&clock_real) - started_ns) / 1e9;
        }
        host_family(out, "node_scrape_collector_duration_seconds", "gauge",
                    "node_exporter: Duration of a collector scrape.");
        for (size_t i = 0; i < ARRAY_LEN(collectors); i++) {
                snprintf(labels, sizeof(labels), "collector=\"%s\"", collectors[i].name);
                host_sample(out, "node_scrape_collector_duration_seconds", labels, seconds[i]);
        }
        host_family(out, "node_scrape_collector_success", "gauge",
                    "node_exporter: Whether a collector succeeded.");
        for (size_t i = 0; i < ARRAY_LEN(collectors); i++) {
                snprintf(labels, sizeof(labels), "collector=\"%s\"", collectors[i].name);
                host_sample(out, "node_scrape_collector_success", labels, success[i]);
        }
}

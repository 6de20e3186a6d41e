#include "base/metrics.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"

static struct metric *metric_list; /* grows only, at program start */

static const double bucket_bounds_s[METRIC_BUCKETS] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                       0.1,   0.25,   0.5,   1,    10,    60};

void metrics_register(struct metric *metric)
{
        metric->next = metric_list;
        metric_list = metric;
}

void metric_observe_ns(struct metric *metric, int64_t duration_ns)
{
        size_t at = 0;

        while (at < METRIC_BUCKETS && (double)duration_ns > bucket_bounds_s[at] * 1e9)
                at++;
        atomic_fetch_add_explicit(&metric->buckets[at], 1, memory_order_relaxed);
        metric_add(metric, duration_ns / 1000);
}

static void render_histogram(struct buf *out, const struct metric *metric)
{
        const char *comma = metric->labels[0] ? "," : "";
        uint64_t total = 0;

        for (size_t i = 0; i <= METRIC_BUCKETS; i++) {
                total += atomic_load_explicit(&metric->buckets[i], memory_order_relaxed);
                buf_printf(out, "%s_bucket{%s%sle=\"", metric->name, metric->labels, comma);
                if (i < METRIC_BUCKETS)
                        buf_printf(out, "%g", bucket_bounds_s[i]);
                else
                        buf_append_cstr(out, "+Inf");
                buf_printf(out, "\"} %llu\n", (unsigned long long)total);
        }
        buf_printf(out, metric->labels[0] ? "%s_sum{%s} " : "%s_sum%s ", metric->name,
                   metric->labels);
        buf_printf(out, "%.6f\n",
                   (double)atomic_load_explicit(&metric->value, memory_order_relaxed) / 1e6);
        buf_printf(out, metric->labels[0] ? "%s_count{%s} " : "%s_count%s ", metric->name,
                   metric->labels);
        buf_printf(out, "%llu\n", (unsigned long long)total);
}

static void render_sample(struct buf *out, const struct metric *metric)
{
        if (metric->kind == METRIC_KIND_HISTOGRAM) {
                render_histogram(out, metric);
                return;
        }
        buf_append_cstr(out, metric->name);
        if (metric->labels[0])
                buf_printf(out, "{%s}", metric->labels);
        if (metric->read)
                buf_printf(out, " %.17g\n", metric->read());
        else
                buf_printf(out, " %lld\n", (long long)atomic_load_explicit(
                                                   &metric->value, memory_order_relaxed));
}

static int compare_metrics(const void *a, const void *b)
{
        const struct metric *left = *(const struct metric *const *)a;
        const struct metric *right = *(const struct metric *const *)b;
        int order = strcmp(left->name, right->name);

        return order ? order : strcmp(left->labels, right->labels);
}

static void render_family_head(struct buf *out, const char *name, const char *help,
                               enum metric_kind kind)
{
        static const char *const kinds[] = {"counter", "gauge", "histogram"};

        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kinds[kind]);
}

static void render_alloc_count(const struct alloc_type *type, void *ctx)
{
        buf_printf(ctx, "pitwall_alloc_objects{type=\"%s\"} %lld\n", type->name,
                   (long long)atomic_load_explicit(&type->live_count, memory_order_relaxed));
}

static void render_alloc_bytes(const struct alloc_type *type, void *ctx)
{
        buf_printf(ctx, "pitwall_alloc_bytes{type=\"%s\"} %lld\n", type->name,
                   (long long)atomic_load_explicit(&type->live_bytes, memory_order_relaxed));
}

void metrics_render(struct buf *out)
{
        const struct metric *sorted[1024];
        size_t count = 0;

        for (const struct metric *metric = metric_list; metric; metric = metric->next) {
                BUG_ON(count == ARRAY_LEN(sorted));
                sorted[count++] = metric;
        }
        qsort(sorted, count, sizeof(sorted[0]), compare_metrics);
        for (size_t i = 0; i < count; i++) {
                if (i == 0 || strcmp(sorted[i - 1]->name, sorted[i]->name) != 0)
                        render_family_head(out, sorted[i]->name, sorted[i]->help,
                                           sorted[i]->kind);
                render_sample(out, sorted[i]);
        }
        render_family_head(out, "pitwall_alloc_objects", "Live heap objects by type.",
                           METRIC_KIND_GAUGE);
        alloc_type_each(render_alloc_count, out);
        render_family_head(out, "pitwall_alloc_bytes", "Live heap bytes by type.",
                           METRIC_KIND_GAUGE);
        alloc_type_each(render_alloc_bytes, out);
}

/* ---- the process itself, under the names every Prometheus client library uses ------------- */

static double read_cpu_seconds(void)
{
        struct rusage usage;

        getrusage(RUSAGE_SELF, &usage);
        return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
               (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double read_statm_field(int field)
{
        unsigned long long pages[2] = {0, 0};
        FILE *file = fopen("/proc/self/statm", "re");

        if (!file)
                return 0;
        if (fscanf(file, "%llu %llu", &pages[0], &pages[1]) != 2)
                pages[field] = 0;
        fclose(file);
        return (double)pages[field] * (double)sysconf(_SC_PAGESIZE);
}

static double read_virtual_bytes(void)
{
        return read_statm_field(0);
}

static double read_resident_bytes(void)
{
        return read_statm_field(1);
}

static double read_open_fds(void)
{
        DIR *dir = opendir("/proc/self/fd");
        double count = -3; /* ".", ".." and this folder's own descriptor */

        if (!dir)
                return 0;
        while (readdir(dir))
                count++;
        closedir(dir);
        return count;
}

static double read_max_fds(void)
{
        struct rlimit limit;

        return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? (double)limit.rlim_cur : 0;
}

static time_t start_time_s;

__attribute__((constructor)) static void remember_start_time(void)
{
        start_time_s = time(NULL);
}

static double read_start_time(void)
{
        return (double)start_time_s;
}

METRIC_COUNTER_READ(cpu_seconds, "process_cpu_seconds_total", "",
                    "Total user and system CPU time spent in seconds.", read_cpu_seconds)
METRIC_GAUGE_READ(virtual_bytes, "process_virtual_memory_bytes", "",
                  "Virtual memory size in bytes.", read_virtual_bytes)
METRIC_GAUGE_READ(resident_bytes, "process_resident_memory_bytes", "",
                  "Resident memory size in bytes.", read_resident_bytes)
METRIC_GAUGE_READ(open_fds, "process_open_fds", "", "Number of open file descriptors.",
                  read_open_fds)
METRIC_GAUGE_READ(max_fds, "process_max_fds", "", "Maximum number of open file descriptors.",
                  read_max_fds)
METRIC_GAUGE_READ(start_time, "process_start_time_seconds", "",
                  "Start time of the process since unix epoch in seconds.", read_start_time)

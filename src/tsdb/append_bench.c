/* What the store costs: nanoseconds per sample appended, memory per series, disk per sample, time
 * to reopen after a kill. Usage: append_bench [series] [scrapes] */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "tsdb/tsdb.h"

enum { PER_TARGET = 1000, SCRAPE_MS = 15000 };

static int64_t now_ms = 1700000000000;

static int64_t fake_now_ns(void *ctx)
{
        (void)ctx;
        return now_ms * 1000000;
}

static int64_t real_mono_ns(void *ctx)
{
        (void)ctx;
        return clock_mono_ns(&clock_real);
}

static const struct clock fake_clock = {fake_now_ns, real_mono_ns, NULL};

static void must(bool ok, const struct error *err)
{
        if (ok)
                return;
        fprintf(stderr, "%s\n", err->text);
        exit(1);
}

/* Resident bytes: of our own, and in all. */
static void resident(double *ret_own, double *ret_all)
{
        FILE *file = fopen("/proc/self/status", "r");
        char line[256];

        while (file && fgets(line, sizeof(line), file)) {
                sscanf(line, "RssAnon: %lf", ret_own);
                sscanf(line, "VmRSS: %lf", ret_all);
        }
        if (file)
                fclose(file);
        *ret_own *= 1024;
        *ret_all *= 1024;
}

static double seconds(void)
{
        return (double)clock_mono_ns(&clock_real) / 1e9;
}

/* Of this thread: what others do on the machine hardly shows. */
static double cpu_seconds(void)
{
        return (double)clock_thread_cpu_ns() / 1e9;
}

static void resolve_all(struct series_sink sink, series_ref *refs, size_t count)
{
        struct error err;

        for (size_t i = 0; i < count; i++) {
                char metric[64], instance[64], host[64], mode[32];
                size_t k = i % PER_TARGET, target = i / PER_TARGET;

                snprintf(metric, sizeof(metric), "trading_gateway_metric_%03zu_total", k / 8);
                snprintf(instance, sizeof(instance), "10.1.%zu.%zu:9100", target / 256,
                         target % 256);
                snprintf(host, sizeof(host), "host-%05zu.lon.example", target);
                snprintf(mode, sizeof(mode), "mode-%zu", k % 8);
                struct label items[] = {
                        {LABEL_METRIC_NAME, str_from(metric)},
                        {STR_LIT("datacenter"), STR_LIT("london-1")},
                        {STR_LIT("env"), STR_LIT("production")},
                        {STR_LIT("host"), str_from(host)},
                        {STR_LIT("instance"), str_from(instance)},
                        {STR_LIT("job"), STR_LIT("gateway")},
                        {STR_LIT("mode"), str_from(mode)},
                        {STR_LIT("team"), STR_LIT("execution")},
                };

                must(sink.resolve(sink.ctx, (struct labels){items, ARRAY_LEN(items)}, &refs[i],
                                  &err), &err);
        }
}

/* One scrape of every target; returns the CPU seconds spent in the store. */
static double scrape_all(struct series_sink sink, const series_ref *refs, size_t count, int round)
{
        static struct append_sample batch[PER_TARGET];
        struct error err;
        double spent = 0;

        for (size_t at = 0; at < count; at += PER_TARGET) {
                double begin;

                for (size_t k = 0; k < PER_TARGET; k++) {
                        size_t i = at + k;
                        double v = k % 3 == 0 ? (double)(k * 7) + (round / 7)
                                   : k % 3 == 1
                                           ? (double)i * 1000 + round * (double)(k % 100) +
                                                     (double)((i * 31 + (size_t)round * 17) % 13)
                                           : (double)((i * 7919 + (size_t)round * 104729) % 10000) /
                                                     100;

                        batch[k] = (struct append_sample){refs[i], now_ms, v};
                }
                begin = cpu_seconds();
                must(sink.append(sink.ctx, batch, NULL, PER_TARGET, NULL, &err), &err);
                spent += cpu_seconds() - begin;
        }
        return spent;
}

static void report(const char *what, struct tsdb *tsdb, size_t count)
{
        double own = 0, all = 0;
        struct tsdb_stats stats;

        tsdb_stats(tsdb, &stats);
        resident(&own, &all);
        printf("%-26s resident %5.0f B/series (%5.0f with mapped files); index %.0f, open %.0f; "
               "parts %llu, %.2f B/sample; wal %.1f MB\n",
               what, own / (double)count, all / (double)count,
               (double)stats.index_bytes / (double)count,
               (double)stats.open_bytes / (double)count, (unsigned long long)stats.parts,
               stats.block_samples ? (double)stats.part_bytes / (double)stats.block_samples : 0,
               (double)stats.wal_bytes / 1e6);
}

/* Selects with one matcher and reads the last `range_ms` of everything. */
static void query(struct tsdb *tsdb, const char *name, enum matcher_op op, const char *value,
                  int64_t range_ms)
{
        struct series_source source = tsdb_source(tsdb);
        struct samples samples = {0};
        struct querier *querier;
        struct series_list list;
        struct matcher matcher;
        struct arena arena;
        struct error err;
        double begin = seconds(), selected;
        size_t total = 0;

        arena_init(&arena, SIZE_MAX);
        must(matcher_init(&matcher, &arena, op, str_from(name), str_from(value), &err), &err);
        must(source.open(source.ctx, now_ms - range_ms, now_ms, &querier, &err), &err);
        must(querier->ops->select(querier, &arena, &matcher, 1, NULL, &list, &err), &err);
        selected = seconds() - begin;
        begin = seconds();
        for (size_t i = 0; i < list.count; i++) {
                samples_truncate(&samples, 0);
                must(querier->ops->read(querier, &list.items[i], now_ms - range_ms, now_ms,
                                        &samples, &err), &err);
                total += samples.count;
        }
        begin = seconds() - begin;
        querier->ops->close(querier);
        printf("query %s%s\"%s\" over %lld s: %zu series selected in %.1f ms, %zu samples read in "
               "%.1f ms (%.1f ns each)\n",
               name, matcher_op_text(op), value, (long long)range_ms / 1000, list.count,
               selected * 1e3, total, begin * 1e3, total ? begin * 1e9 / (double)total : 0);
        samples_release(&samples);
        arena_release(&arena);
}

static void query_all(struct tsdb *tsdb)
{
        query(tsdb, "__name__", MATCHER_EQUAL, "trading_gateway_metric_007_total", 300 * 1000);
        query(tsdb, "instance", MATCHER_EQUAL, "10.1.0.7:9100", 300 * 1000);
        query(tsdb, "host", MATCHER_REGEX, "host-.*[37]\\.lon.*", 300 * 1000);
        query(tsdb, "job", MATCHER_EQUAL, "gateway", 300 * 1000);
        query(tsdb, "__name__", MATCHER_EQUAL, "trading_gateway_metric_007_total",
              24ll * 3600 * 1000);
}

/* New series at the limit: nanoseconds each. */
static double refuse_all(struct tsdb *tsdb, const struct tsdb_options *options, size_t count)
{
        struct series_sink sink = tsdb_sink(tsdb);
        struct tsdb_options full = *options;
        double begin;

        full.series_limit = count;
        tsdb_reconfigure(tsdb, &full);
        begin = cpu_seconds();
        for (size_t i = 0; i < count; i++) {
                char number[32];
                struct error err;
                series_ref ref;

                snprintf(number, sizeof(number), "%zu", i);
                struct label items[] = {{LABEL_METRIC_NAME, STR_LIT("exploding")},
                                        {STR_LIT("request_id"), str_from(number)}};

                BUG_ON(sink.resolve(sink.ctx, (struct labels){items, 2}, &ref, &err));
        }
        tsdb_reconfigure(tsdb, options);
        return (cpu_seconds() - begin) * 1e9 / (double)count;
}

static void fill(const struct tsdb_options *options, size_t count, int scrapes)
{
        series_ref *refs = calloc(count, sizeof(*refs));
        struct series_sink sink;
        struct tsdb *tsdb;
        struct error err;
        double begin, spent = 0;

        must(tsdb_open(&tsdb, options, &err), &err);
        sink = tsdb_sink(tsdb);
        begin = cpu_seconds();
        resolve_all(sink, refs, count);
        printf("resolve %.0f ns/series new, ", (cpu_seconds() - begin) * 1e9 / (double)count);
        begin = cpu_seconds();
        resolve_all(sink, refs, count);
        printf("%.0f ns known, ", (cpu_seconds() - begin) * 1e9 / (double)count);
        printf("%.0f ns refused\n", refuse_all(tsdb, options, count));
        printf("first scrape %.0f ns/sample (defines the series)\n",
               scrape_all(sink, refs, count, 0) * 1e9 / (double)count);
        for (int i = 1; i < scrapes; i++) {
                now_ms += SCRAPE_MS;
                spent += scrape_all(sink, refs, count, i);
                if (i % 4)
                        continue;
                if (i == 4)
                        report("four scrapes open", tsdb, count);
                begin = cpu_seconds();
                must(tsdb_maintain(tsdb, &err), &err);
                if (i <= 8)
                        printf("flush %.2f s of CPU\n", cpu_seconds() - begin);
        }
        printf("append %.1f ns/sample, batches of %d\n",
               spent * 1e9 / (double)count / (scrapes - 1), PER_TARGET);
        now_ms += SCRAPE_MS;
        scrape_all(sink, refs, count, scrapes);
        now_ms += SCRAPE_MS;
        scrape_all(sink, refs, count, scrapes + 1);
        report("before the kill", tsdb, count);
        fflush(stdout);
        _exit(0);
}

/* Backfilling a day of the first thousand series, a year ago. */
static void import_day(struct tsdb *tsdb)
{
        struct tsdb_import *import = tsdb_import_new(tsdb);
        series_ref *refs = calloc(PER_TARGET, sizeof(*refs));
        struct samples samples = {0};
        struct error err;
        double begin = seconds();

        resolve_all(tsdb_sink(tsdb), refs, PER_TARGET);
        for (int i = 0; i < 5760; i++)
                samples_append(&samples, now_ms - 365ll * 24 * 3600 * 1000 + i * SCRAPE_MS,
                               (double)(i * 7 + i * 31 % 13));
        for (size_t i = 0; i < PER_TARGET; i++)
                must(tsdb_import_add(import, refs[i], &samples, &err), &err);
        must(tsdb_import_flush(import, &err), &err);
        printf("import %.1f M samples/s\n", 5.76 / (seconds() - begin));
        tsdb_import_free(import);
        samples_release(&samples);
        free(refs);
}

int main(int argc, char **argv)
{
        size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) / PER_TARGET * PER_TARGET : 1000000;
        int scrapes = argc > 2 ? atoi(argv[2]) : 13, status;
        char dir[] = "/tmp/pitwall_bench_XXXXXX", command[128];
        struct tsdb_options options;
        struct tsdb_stats stats;
        struct tsdb *tsdb;
        struct error err;
        double begin, cpu;
        pid_t child;

        if (!mkdtemp(dir))
                return 1;
        tsdb_options_init(&options, dir);
        options.clock = &fake_clock;
        options.manual = true;
        child = fork();
        if (child == 0)
                fill(&options, count, scrapes);
        waitpid(child, &status, 0);
        now_ms += (int64_t)(scrapes + 2) * SCRAPE_MS;
        begin = seconds();
        cpu = cpu_seconds();
        must(tsdb_open(&tsdb, &options, &err), &err);
        cpu = cpu_seconds() - cpu;
        tsdb_stats(tsdb, &stats);
        printf("reopen after the kill %.2f s (CPU %.2f), %llu samples from the log, %llu series\n",
               seconds() - begin, cpu, (unsigned long long)stats.replayed_samples,
               (unsigned long long)stats.series);
        report("reopened", tsdb, count);
        query_all(tsdb);
        begin = seconds();
        must(tsdb_seal(tsdb, &err), &err);
        printf("seal %.2f s\n", seconds() - begin);
        report("sealed", tsdb, count);
        query_all(tsdb);
        import_day(tsdb);
        tsdb_close(tsdb);
        snprintf(command, sizeof(command), "rm -rf %s", dir);
        return system(command);
}

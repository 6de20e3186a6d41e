/* What a sample costs on the disk after merging, index included, by class of series. The same
 * samples go to a text file, in the JSON lines that VictoriaMetrics imports, for comparison.
 * Usage: disk_bench CLASS SERIES SAMPLES [DIR [JSON_FILE]]
 * Classes: counter gauge price bucket sum curve walk noise
 * wave state; with +jitter, scrapes are some milliseconds late. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codec/double.h"
#include "tsdb/tsdb.h"

enum { PER_TARGET = 500, SCRAPE_MS = 15000, BUCKETS = 20 };

static const int64_t t0_ms = 1700000000000;

struct source {
        uint64_t random;
        double v, v2;
};

static double uniform(struct source *s)
{
        s->random = s->random * 6364136223846793005u + 1442695040888963407u;
        return (double)(s->random >> 11) / 0x1p53;
}

/* Between a counter of errors, which hardly moves, and one of bytes, which never rests. */
static double next_counter(struct source *s, size_t k)
{
        double rate = pow(10, (double)(k % 7) - 1);

        s->v += k % 3 ? floor(-log(1 - uniform(s)) * rate) : floor((0.9 + uniform(s) / 5) * rate);
        return s->v;
}

static double next_gauge(struct source *s, size_t k)
{
        switch (k % 5) {
        case 0: /* memory */
                s->v += floor(uniform(s) * 400) - 200;
                return (s->v + 1e6) * 4096;
        case 1: /* percent */
                return round(uniform(s) * 10000) / 100;
        case 2: /* queue length */
                return floor(-log(1 - uniform(s)) * 3);
        case 3: /* rarely changes */
                if (uniform(s) < 0.01)
                        s->v = floor(uniform(s) * 100);
                return s->v;
        default: /* a ratio with all its digits */
                return uniform(s);
        }
}

/* Nine significant digits, a tick of 1e-5 or 1e-6. */
static double next_price(struct source *s, size_t k)
{
        if (!s->v)
                s->v = 100000000 + floor(uniform(s) * 800000000);
        s->v += floor(uniform(s) * 2001) - 1000;
        return s->v / (k % 2 ? 1e6 : 1e5);
}

/* Cumulative buckets of one histogram stand side by side; the later ones move more. */
static double next_bucket(struct source *s, size_t k)
{
        s->v += floor(-log(1 - uniform(s)) * (double)(1 + k % BUCKETS) * 3);
        return s->v;
}

/* Seconds observed, as programs add them up: all digits there are. */
static double next_sum(struct source *s, size_t k)
{
        (void)k;
        s->v += -log(1 - uniform(s)) * 0.013;
        return s->v;
}

/* A smooth function with all its digits, with and without noise. */
static double next_curve(struct source *s, size_t k)
{
        s->v++;
        return 50 + 40 * sin((s->v + (double)k) / 60) + (k % 2 ? 0 : uniform(s) * 3);
}

/* A random walk, and numbers that have nothing to do with each other; all their digits. */
static double next_walk(struct source *s, size_t k)
{
        s->v += (uniform(s) + uniform(s) + uniform(s) - 1.5) * (double)(1 + k % 10) / 10;
        return 100 + s->v;
}

static double next_noise(struct source *s, size_t k)
{
        return uniform(s) * (double)(1 + k % 10);
}

/* What repeats: a ramp that starts again, a daily curve in steps. */
static double next_wave(struct source *s, size_t k)
{
        s->v++;
        return k % 2 ? fmod(s->v * (double)(1 + k % 5), 97) : round(sin(s->v / 20) * 500) / 10;
}

/* One of a few values, each with many digits. */
static double next_state(struct source *s, size_t k)
{
        static const double states[] = {0.1234567890123, 1e-9 / 3, 17.25, 2.0 / 3, 1e6 / 7};

        (void)k;
        return uniform(s) < 0.2 ? s->v2 = states[(size_t)(uniform(s) * 5)]
                                : s->v2;
}

struct bench {
        const char *class;
        double (*next)(struct source *s, size_t k);
        size_t series;
        int samples;
        bool jitter;
        struct source *sources;
        double *values; /* of all series, sample by sample */
};

static void must(bool ok, const struct error *err)
{
        if (ok)
                return;
        fprintf(stderr, "%s\n", err->text);
        exit(1);
}

static int64_t time_of(const struct bench *b, size_t i, int round)
{
        size_t target = i / PER_TARGET;
        int64_t late_ms = b->jitter ? (int64_t)((target * 31 + (size_t)round * 7919) * 2654435761u %
                                                4294967296u >> 28)
                                    : 0;

        return t0_ms + (int64_t)(target * 997 % SCRAPE_MS) + (int64_t)round * SCRAPE_MS + late_ms;
}

struct texts {
        char metric[64], instance[64], host[64], le[32];
};

static size_t make_labels(const struct bench *b, size_t i, struct texts *t, struct label *items)
{
        size_t k = i % PER_TARGET, target = i / PER_TARGET;

        snprintf(t->metric, sizeof(t->metric), "trading_%s_%03zu", b->class, k / BUCKETS);
        snprintf(t->instance, sizeof(t->instance), "10.1.%zu.%zu:9100", target / 256, target % 256);
        snprintf(t->host, sizeof(t->host), "host-%05zu.lon.example", target);
        snprintf(t->le, sizeof(t->le), "%zu", k % BUCKETS);
        items[0] = (struct label){LABEL_METRIC_NAME, str_from(t->metric)};
        items[1] = (struct label){STR_LIT("datacenter"), STR_LIT("london-1")};
        items[2] = (struct label){STR_LIT("host"), str_from(t->host)};
        items[3] = (struct label){STR_LIT("instance"), str_from(t->instance)};
        items[4] = (struct label){STR_LIT("job"), STR_LIT("gateway")};
        items[5] = (struct label){STR_LIT("le"), str_from(t->le)};
        return 6;
}

static void fill(struct bench *b)
{
        b->sources = calloc(b->series, sizeof(*b->sources));
        b->values = calloc(b->series * (size_t)b->samples, sizeof(*b->values));
        for (size_t i = 0; i < b->series; i++) {
                struct source *s = &b->sources[i];

                s->random = (i + 1) * 0x9e3779b97f4a7c15u;
                for (int n = 0; n < b->samples; n++)
                        b->values[i * (size_t)b->samples + (size_t)n] = b->next(s, i % PER_TARGET);
        }
}

static void store(const struct bench *b, struct tsdb *tsdb)
{
        struct series_sink sink = tsdb_sink(tsdb);
        series_ref *refs = calloc(b->series, sizeof(*refs));
        static struct append_sample batch[PER_TARGET];
        struct label items[8];
        struct texts texts;
        struct error err;

        for (size_t i = 0; i < b->series; i++) {
                size_t count = make_labels(b, i, &texts, items);

                must(sink.resolve(sink.ctx, (struct labels){items, count}, &refs[i], &err), &err);
        }
        for (int n = 0; n < b->samples; n++)
                for (size_t at = 0; at < b->series; at += PER_TARGET) {
                        size_t count = 0;

                        for (; count < PER_TARGET && at + count < b->series; count++) {
                                size_t i = at + count;

                                batch[count] = (struct append_sample){
                                        refs[i], time_of(b, i, n),
                                        b->values[i * (size_t)b->samples + (size_t)n]};
                        }
                        must(sink.append(sink.ctx, batch, NULL, count, NULL, &err), &err);
                }
        free(refs);
}

static void export(const struct bench *b, const char *path)
{
        FILE *out = fopen(path, "w");
        char text[DOUBLE_TEXT_MAX];
        struct label items[8];
        struct texts texts;

        for (size_t i = 0; i < b->series; i++) {
                size_t count = make_labels(b, i, &texts, items);

                for (size_t k = 0; k < count; k++)
                        fprintf(out, "%s\"" STR_FMT "\":\"" STR_FMT "\"",
                                k ? "," : "{\"metric\":{", STR_ARG(items[k].name),
                                STR_ARG(items[k].value));
                fputs("},\"values\":", out);
                for (int n = 0; n < b->samples; n++) {
                        double_format(text, b->values[i * (size_t)b->samples + (size_t)n],
                                      DOUBLE_API);
                        fprintf(out, "%c%s", n ? ',' : '[', text);
                }
                fputs("],\"timestamps\":", out);
                for (int n = 0; n < b->samples; n++)
                        fprintf(out, "%c%lld", n ? ',' : '[', (long long)time_of(b, i, n));
                fputs("]}\n", out);
        }
        fclose(out);
}

/* Processor time: the machine may have other work. */
static int64_t thread_ns(void)
{
        struct timespec spent;

        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
        return spent.tv_sec * 1000000000ll + spent.tv_nsec;
}

/* Reads everything back; returns nanoseconds per sample. */
static double scan(struct tsdb *tsdb, uint64_t want)
{
        struct series_source source = tsdb_source(tsdb);
        struct samples samples = {0};
        struct querier *querier;
        struct series_list list;
        struct matcher matcher;
        struct arena arena;
        struct error err;
        uint64_t total = 0;
        int64_t begin_ns;

        arena_init(&arena, SIZE_MAX);
        must(matcher_init(&matcher, &arena, MATCHER_EQUAL, STR_LIT("job"), STR_LIT("gateway"),
                          &err), &err);
        must(source.open(source.ctx, INT64_MIN, INT64_MAX, &querier, &err), &err);
        must(querier->ops->select(querier, &arena, &matcher, 1, NULL, &list, &err), &err);
        begin_ns = thread_ns();
        for (size_t i = 0; i < list.count; i++) {
                samples_truncate(&samples, 0);
                must(querier->ops->read(querier, &list.items[i], INT64_MIN, INT64_MAX, &samples,
                                        &err), &err);
                total += samples.count;
        }
        begin_ns = thread_ns() - begin_ns;
        querier->ops->close(querier);
        samples_release(&samples);
        arena_release(&arena);
        BUG_ON(total != want);
        return (double)begin_ns / (double)total;
}

static double folder_bytes(const char *dir, const char *folder)
{
        char command[256];
        double bytes = 0;
        FILE *du;

        snprintf(command, sizeof(command), "cat %s/%s/* | wc -c", dir, folder);
        du = popen(command, "r");
        if (!du || fscanf(du, "%lf", &bytes) != 1)
                bytes = NAN;
        if (du)
                pclose(du);
        return bytes;
}

static void run(struct bench *b, const char *dir, const char *json)
{
        struct tsdb_options options;
        struct tsdb *tsdb;
        struct error err;
        uint64_t samples = b->series * (uint64_t)b->samples;
        double ns, parts, labels;

        tsdb_options_init(&options, dir);
        options.retention_ms = 0;
        options.max_ahead_ms = 0;
        options.manual = false;
        fill(b);
        must(tsdb_open(&tsdb, &options, &err), &err);
        store(b, tsdb);
        must(tsdb_seal(tsdb, &err), &err);
        ns = scan(tsdb, samples);
        if (json)
                export(b, json);
        tsdb_close(tsdb);
        parts = folder_bytes(dir, "parts");
        labels = folder_bytes(dir, "series");
        printf("%-14s %6zu series of %5d: %.3f B/sample: parts %.3f, series files %.3f; scan %.2f "
               "ns/sample\n",
               b->class, b->series, b->samples, (parts + labels) / (double)samples,
               parts / (double)samples, labels / (double)samples, ns);
}

int main(int argc, char **argv)
{
        static const struct {
                const char *class;
                double (*next)(struct source *s, size_t k);
        } classes[] = {{"counter", next_counter},
                       {"gauge", next_gauge},
                       {"price", next_price},
                       {"bucket", next_bucket},
                       {"sum", next_sum},
                       {"curve", next_curve},
                       {"walk", next_walk},
                       {"noise", next_noise},
                       {"wave", next_wave},
                       {"state", next_state}};
        char dir[] = "/tmp/pitwall_bench_XXXXXX", command[128];
        struct bench b = {.class = argc > 1 ? argv[1] : "counter",
                          .series = argc > 2 ? strtoul(argv[2], NULL, 10) : 5000,
                          .samples = argc > 3 ? atoi(argv[3]) : 1000};

        b.jitter = strstr(b.class, "+jitter");
        for (size_t i = 0; i < ARRAY_LEN(classes); i++)
                if (!strncmp(b.class, classes[i].class, strlen(classes[i].class)))
                        b.next = classes[i].next;
        if (!b.next || b.samples <= 0)
                return 2;
        if (argc > 4) {
                run(&b, argv[4], argc > 5 ? argv[5] : NULL);
                return 0;
        }
        if (!mkdtemp(dir))
                return 1;
        run(&b, dir, NULL);
        snprintf(command, sizeof(command), "rm -rf %s", dir);
        return system(command);
}

/* How long typical queries take over series in memory, so without the cost of a store.
 * Usage: promql_eval_bench [series] [threads] */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "promql/promql.h"
#include "testing/memory_series.h"

enum { INTERVAL_MS = 15000, SAMPLES = 4 * 60 * 4 }; /* four hours */

static void fill(struct memory_series *store, size_t series_count)
{
        struct series_sink sink = memory_series_sink(store);
        struct error err;

        for (size_t s = 0; s < series_count; s++) {
                char host[32], cpu[32];
                struct label items[] = {{LABEL_METRIC_NAME, STR_LIT("load_total")},
                                        {STR_LIT("cpu"), {cpu, 0}},
                                        {STR_LIT("host"), {host, 0}}};
                struct append_sample sample;

                items[1].value.len = (size_t)snprintf(cpu, sizeof(cpu), "%zu", s % 16);
                items[2].value.len = (size_t)snprintf(host, sizeof(host), "host-%zu", s / 16);
                if (!sink.resolve(sink.ctx, (struct labels){items, 3}, &sample.ref, &err))
                        abort();
                for (size_t i = 0; i < SAMPLES; i++) {
                        sample.t_ms = (int64_t)i * INTERVAL_MS + (int64_t)(s % 100);
                        sample.v = (double)(i * (s % 7 + 1) % 90000);
                        if (!sink.append(sink.ctx, &sample, NULL, 1, NULL, &err))
                                abort();
                }
        }
}

/* A tenth as many series of native histograms, of 24 buckets each. */
static void fill_histograms(struct memory_series *store, size_t series_count)
{
        static const struct histogram_span spans[] = {{-8, 12}, {2, 12}};
        struct series_sink sink = memory_series_sink(store);
        double buckets[24];
        struct histogram h = {.schema = 2, .zero_threshold = 1e-6,
                              .positive = {spans, buckets, 2, ARRAY_LEN(buckets)}};
        struct append_extra extra = {.h = &h};
        struct error err;

        for (size_t s = 0; s < series_count / 10; s++) {
                char host[32];
                struct label items[] = {{LABEL_METRIC_NAME, STR_LIT("latency")},
                                        {STR_LIT("host"), {host, 0}}};
                struct append_sample sample = {0};

                items[1].value.len = (size_t)snprintf(host, sizeof(host), "host-%zu", s);
                if (!sink.resolve(sink.ctx, (struct labels){items, 2}, &sample.ref, &err))
                        abort();
                for (size_t i = 0; i < SAMPLES; i++) {
                        sample.t_ms = (int64_t)i * INTERVAL_MS + (int64_t)(s % 100);
                        h.count = 0;
                        for (size_t b = 0; b < ARRAY_LEN(buckets); b++) {
                                buckets[b] = (double)(i % 500 * (b + s % 5 + 1));
                                h.count += buckets[b];
                        }
                        h.sum = h.count * 0.7;
                        if (!sink.append(sink.ctx, &sample, &extra, 1, NULL, &err))
                                abort();
                }
        }
}

static void measure(struct memory_series *store, const char *text, int64_t step_ms,
                    unsigned threads)
{
        struct series_source source = memory_series_source(store);
        struct promql_options options = {.threads = threads};
        struct promql_query query = {.start_ms = 3600000, .end_ms = 4 * 3600000,
                                     .step_ms = step_ms};
        struct promql_result result;
        struct arena arena;
        struct error err;
        int64_t began;

        if (!step_ms)
                query.start_ms = query.end_ms;
        arena_init(&arena, 1 << 30);
        if (!promql_expr_parse(&arena, str_from(text), NULL, &query.expr, &err))
                abort();
        began = clock_mono_ns(&clock_real);
        if (!promql_query_run(&source, &options, &query, &arena, &result, &err)) {
                printf("%-60s %s\n", text, err.text);
        } else {
                double ms = (double)(clock_mono_ns(&clock_real) - began) / 1e6;

                printf("%-60s %9.2f ms  %7.1f M samples/s\n", text, ms,
                       (double)result.stats.samples_total / ms / 1e3);
        }
        arena_release(&arena);
}

int main(int argc, char **argv)
{
        static const char *const queries[] = {
                "load_total",
                "rate(load_total[5m])",
                "sum(rate(load_total[5m]))",
                "sum by (host) (rate(load_total[5m]))",
                "max_over_time(load_total[1h])",
                "quantile_over_time(0.9, load_total[30m])",
                "topk(5, rate(load_total[5m]))",
                "load_total / on (host, cpu) load_total",
                "load_total / on (host) group_left () sum by (host) (load_total)",
                "avg_over_time(rate(load_total[5m])[30m:1m])",
                "quantile by (cpu) (0.9, load_total)",
                "latency",
                "rate(latency[5m])",
                "sum(rate(latency[5m]))",
                "histogram_quantile(0.9, sum(rate(latency[5m])))",
                "histogram_count(rate(latency[5m]))",
                "avg_over_time(latency[10m])",
        };
        size_t series = argc > 1 ? strtoul(argv[1], NULL, 10) : 3000;
        unsigned threads = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1;
        struct memory_series *store = memory_series_new();

        fill(store, series);
        fill_histograms(store, series);
        printf("%zu series, %d samples each, %u threads; 3 h range at 30 s, then instant\n",
               series, SAMPLES, threads);
        for (size_t i = 0; i < ARRAY_LEN(queries); i++)
                measure(store, queries[i], 30000, threads);
        for (size_t i = 0; i < ARRAY_LEN(queries); i++)
                measure(store, queries[i], 0, threads);
        memory_series_free(store);
        return 0;
}

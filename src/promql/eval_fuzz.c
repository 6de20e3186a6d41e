/* Any expression over a few series, as an instant and as a range query: a result or an error. */
#include <stdlib.h>

#include "promql/promql.h"
#include "testing/memory_series.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const jobs[] = {"a", "b", "b2"};

static void add_series(struct series_sink sink, const char *name, const char *job,
                       const char *le, size_t phase)
{
        static const double values[] = {0, 1, 2.5, 1, -3, INFINITY, NAN, 7, 8, 1e300};
        struct label items[] = {{LABEL_METRIC_NAME, str_from(name)},
                                {STR_LIT("job"), str_from(job)},
                                {STR_LIT("le"), str_from(le)}};
        struct append_sample sample;

        if (!sink.resolve(sink.ctx, (struct labels){items, le ? 3 : 2}, &sample.ref, NULL))
                abort();
        for (size_t i = 0; i < 30; i++) {
                sample.t_ms = (int64_t)i * 30000 - 60000;
                sample.v = le ? (double)(i * phase) : values[(i * phase) % ARRAY_LEN(values)];
                if (i % 11 == 7)
                        sample.v = sample_from_bits(SAMPLE_STALE_BITS);
                if (!sink.append(sink.ctx, &sample, NULL, 1, NULL, NULL))
                        abort();
        }
}

/* Histograms of all layouts, and floats between them; a new counter with every 9th sample. */
static const struct histogram *make_histogram(struct arena *arena, size_t i, size_t phase)
{
        static const struct histogram_span spans[] = {{0, 2}, {1, 1}};
        static const double bounds[] = {-1, 0.5, 2, 10};
        struct histogram *h = arena_new(arena, struct histogram);
        double *buckets = arena_array(arena, double, 3), grown = (double)(i % 9 + phase);

        for (size_t b = 0; b < 3; b++)
                buckets[b] = (double)(b * phase) + grown;
        *h = (struct histogram){.schema = (int8_t)(i / 6 % 3), .count = 3 * grown + 100,
                                .sum = i == 20 ? NAN : grown * 7.5, .zero_count = grown,
                                .zero_threshold = i % 5 ? 0.001 : 3,
                                .reset = phase % 2 ? HISTOGRAM_GAUGE : HISTOGRAM_RESET_UNKNOWN,
                                .positive = {spans, buckets, 2, 3},
                                .negative = {spans, buckets, 1, phase % 2 ? 2 : 0}};
        if (!h->negative.bucket_count)
                h->negative = (struct histogram_side){0};
        if (phase == 2 || (phase == 3 && i % 10 > 7)) {
                h->schema = HISTOGRAM_SCHEMA_CUSTOM;
                h->zero_count = h->zero_threshold = 0;
                h->negative = (struct histogram_side){0};
                h->custom_values = i < 15 ? bounds : bounds + 1;
                h->custom_count = 3;
        }
        return h;
}

static void add_histograms(struct series_sink sink, const char *job, size_t phase)
{
        struct label items[] = {{LABEL_METRIC_NAME, STR_LIT("n")}, {STR_LIT("job"), str_from(job)}};
        struct append_sample sample = {0};
        struct arena arena;

        arena_init(&arena, SIZE_MAX);
        if (!sink.resolve(sink.ctx, (struct labels){items, 2}, &sample.ref, NULL))
                abort();
        for (size_t i = 0; i < 30; i++) {
                struct append_extra extra = {.start_ms = (int64_t)(i / 4) * 120000 - 70000};

                sample.t_ms = (int64_t)i * 30000 - 60000;
                sample.v = (double)i;
                if (i % 13 != 7)
                        extra.h = make_histogram(&arena, i, phase);
                if (!sink.append(sink.ctx, &sample, &extra, 1, NULL, NULL))
                        abort();
        }
        arena_release(&arena);
}

static struct memory_series *make_store(void)
{
        static const char *const bounds[] = {"0.1", "1", "+Inf", "x"};
        struct memory_series *store = memory_series_new();
        struct series_sink sink = memory_series_sink(store);

        for (size_t j = 0; j < ARRAY_LEN(jobs); j++) {
                add_histograms(sink, jobs[j], j + 1);
                add_series(sink, "target_info", jobs[j], NULL, j);
                add_series(sink, "up", jobs[j], NULL, j + 1);
                add_series(sink, "down_total", jobs[j], NULL, j + 2);
                for (size_t b = 0; b < ARRAY_LEN(bounds); b++)
                        add_series(sink, "h_bucket", jobs[j], bounds[b], b * (j + 1));
        }
        return store;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static struct memory_series *store;
        struct promql_options options = {.max_samples = 100000,
                                         .max_bytes = 64 << 20,
                                         .timeout_ms = 500,
                                         .features = {true, true, true, size % 2, size / 2 % 2,
                                                      size / 4 % 2}};
        struct promql_query query = {.start_ms = 300000, .end_ms = 300000};
        struct promql_result result;
        struct series_source source;
        struct arena arena;
        struct error err;

        if (!store)
                store = make_store();
        source = memory_series_source(store);
        arena_init(&arena, 64 << 20);
        if (promql_expr_parse(&arena, str_make((const char *)data, size), &options.features,
                              &query.expr, &err)) {
                (void)!promql_query_run(&source, &options, &query, &arena, &result, &err);
                query.end_ms = 420000;
                query.step_ms = 30000;
                (void)!promql_query_run(&source, &options, &query, &arena, &result, &err);
        }
        arena_release(&arena);
        return 0;
}

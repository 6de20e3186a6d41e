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

static struct memory_series *make_store(void)
{
        static const char *const bounds[] = {"0.1", "1", "+Inf", "x"};
        struct memory_series *store = memory_series_new();
        struct series_sink sink = memory_series_sink(store);

        for (size_t j = 0; j < ARRAY_LEN(jobs); j++) {
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
                                         .features = {true, true, true, size % 2}};
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

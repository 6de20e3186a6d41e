/* Everything at once, for a few seconds: appends, queries, deletions, imports, snapshots, rules
 * that change, with flushes and merges in the background. Run it under ThreadSanitizer. What a
 * series has must be what was written to it, in order, deleted samples aside. */
#include "tsdb/store_fixture_test.h"

#include <pthread.h>
#include <stdatomic.h>

enum { STRESS_SERIES = 60 };

static _Atomic bool stop;

struct worker {
        struct tsdb *tsdb;
        const char *dir;
        struct rng rng;
        struct tsdb_options options;
        uint64_t rounds;
};

static int64_t time_of(uint64_t position)
{
        return 1700000000000 + (int64_t)position * 1000;
}

static uint64_t code_of(uint32_t n, uint64_t position)
{
        return n % 4 == 3 ? 2 + position % 7 * 64 : 0;
}

static void append_round(struct worker *w, uint64_t position)
{
        struct series_sink sink = tsdb_sink(w->tsdb);
        struct append_sample batch[STRESS_SERIES];
        struct append_extra extras[STRESS_SERIES];
        struct label label = {STR_LIT("trace_id"), STR_LIT("0123456789abcdef")};
        struct append_exemplar exemplar;
        struct arena arena;
        struct error err;

        arena_init(&arena, SIZE_MAX);
        for (uint32_t n = 0; n < STRESS_SERIES; n++) {
                series_ref ref = resolve_number(w->tsdb, n);

                extras[n] = extra_of(&arena, code_of(n, position), time_of(position));
                batch[n] = (struct append_sample){ref, time_of(position), (double)position};
        }
        assert_ok(sink.append(sink.ctx, batch, extras, STRESS_SERIES, NULL, &err), err);
        exemplar = (struct append_exemplar){batch[0].ref,
                                            {{&label, 1}, time_of(position), 1}};
        assert_ok(sink.append_exemplars(sink.ctx, &exemplar, 1, NULL, &err), err);
        arena_release(&arena);
}

static void *run_appender(void *arg)
{
        struct worker *w = arg;

        while (!atomic_load(&stop))
                append_round(w, w->rounds++);
        return NULL;
}

static void check_samples(void *ctx, uint32_t n, const struct samples *samples)
{
        (void)ctx;
        for (size_t i = 0; i < samples->count; i++) {
                uint64_t position = (uint64_t)(samples->t_ms[i] - time_of(0)) / 1000;

                if (!has_extra(samples, i, code_of(n, position)) ||
                    (!samples_histogram(samples, i) && samples->v[i] != (double)position))
                        fail_msg("series %u: wrong sample at %llu", n,
                                 (unsigned long long)position);
        }
}

static void *run_reader(void *arg)
{
        struct worker *w = arg;
        struct tsdb_stats stats;

        while (!atomic_load(&stop)) {
                each_series(w->tsdb, INT64_MIN, INT64_MAX, check_samples, NULL);
                tsdb_stats(w->tsdb, &stats);
                w->rounds++;
        }
        return NULL;
}

static struct series_selector kind_selector(struct arena *arena, const char *kind)
{
        struct matcher *matcher = arena_new(arena, struct matcher);
        struct error err;

        assert_ok(matcher_init(matcher, arena, MATCHER_EQUAL, STR_LIT("kind"), str_from(kind),
                               &err), err);
        return (struct series_selector){matcher, 1};
}

static void *run_deleter(void *arg)
{
        struct worker *w = arg;
        struct series_selector selector;
        struct arena arena;
        struct error err;

        arena_init(&arena, SIZE_MAX);
        selector = kind_selector(&arena, "1");
        while (!atomic_load(&stop)) {
                int64_t mint_ms = time_of(rng_below(&w->rng, 1000));

                assert_ok(tsdb_delete(w->tsdb, &selector, 1, mint_ms, mint_ms + 5000, &err), err);
                if (w->rounds++ % 5 == 4)
                        assert_ok(tsdb_clean_tombstones(w->tsdb, &err), err);
                usleep(20000);
        }
        arena_release(&arena);
        return NULL;
}

static void *run_importer(void *arg)
{
        struct worker *w = arg;

        while (!atomic_load(&stop)) {
                struct tsdb_import *import = tsdb_import_new(w->tsdb);
                struct samples samples = {0};
                struct error err;

                for (uint64_t i = 1000000 - w->rounds; i < 1000050 - w->rounds; i++)
                        samples_append(&samples, time_of(i), (double)i);
                assert_ok(tsdb_import_add(import, resolve_number(w->tsdb, 100), &samples, &err),
                          err);
                assert_ok(tsdb_import_flush(import, &err), err);
                tsdb_import_free(import);
                samples_release(&samples);
                w->rounds++;
                usleep(15000);
        }
        return NULL;
}

static void *run_snapshots(void *arg)
{
        struct worker *w = arg;
        struct tsdb_check check;
        struct error err;
        char dir[128];

        while (!atomic_load(&stop)) {
                snprintf(dir, sizeof(dir), "%s/snapshots/%llu", w->dir,
                         (unsigned long long)w->rounds);
                assert_ok(tsdb_snapshot(w->tsdb, dir, w->rounds % 2, &err), err);
                check = (struct tsdb_check){0};
                assert_ok(tsdb_verify(dir, &check, &err), err);
                assert_int_equal(check.damaged, 0);
                remove_tree(dir);
                w->rounds++;
                usleep(30000);
        }
        return NULL;
}

static void *run_rules(void *arg)
{
        struct worker *w = arg;
        struct tsdb_retention_rule rule = {NULL, 1, 1000ll * 365 * 24 * 3600 * 1000};
        struct series_selector selector;
        struct arena arena;

        arena_init(&arena, SIZE_MAX);
        selector = kind_selector(&arena, "2");
        rule.selectors = &selector;
        while (!atomic_load(&stop)) {
                w->options.retention_rules = &rule;
                w->options.retention_rule_count = w->rounds++ % 2;
                w->options.exemplar_limit = 100 + w->rounds % 50;
                tsdb_reconfigure(w->tsdb, &w->options);
                usleep(5000);
        }
        arena_release(&arena);
        return NULL;
}

static void test_all_at_once(void **state)
{
        void *(*const runs[])(void *arg) = {run_appender, run_reader,    run_deleter,
                                            run_importer, run_snapshots, run_rules};
        struct worker workers[ARRAY_LEN(runs)];
        pthread_t threads[ARRAY_LEN(runs)];
        struct rng rng = rng_seeded("stress");
        struct tsdb_options options;
        struct tsdb *tsdb;
        struct error err;
        char dir[64];

        (void)state;
        scratch_dir(dir);
        tsdb_options_init(&options, dir);
        options.retention_ms = 0;
        options.max_ahead_ms = 0;
        options.flush_interval_ms = 50;
        options.partition_ms = 600 * 1000;
        options.wal_segment_bytes = 64 << 10;
        options.wal_replay_bytes = 1 << 20;
        assert_ok(tsdb_open(&tsdb, &options, &err), err);
        for (size_t i = 0; i < ARRAY_LEN(runs); i++) {
                workers[i] = (struct worker){.tsdb = tsdb, .dir = dir, .options = options};
                workers[i].rng.state = rng_next(&rng);
                pthread_create(&threads[i], NULL, runs[i], &workers[i]);
        }
        sleep(run_in_full() ? 30 : 3);
        atomic_store(&stop, true);
        for (size_t i = 0; i < ARRAY_LEN(runs); i++) {
                pthread_join(threads[i], NULL);
                assert_true(workers[i].rounds);
        }
        each_series(tsdb, INT64_MIN, INT64_MAX, check_samples, NULL);
        tsdb_close(tsdb);
        assert_ok(tsdb_open(&tsdb, &options, &err), err);
        each_series(tsdb, INT64_MIN, INT64_MAX, check_samples, NULL);
        tsdb_close(tsdb);
        remove_tree(dir);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_at_once)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}

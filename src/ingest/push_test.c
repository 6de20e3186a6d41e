#include "ingest/push.h"

#include <stdatomic.h>

#include "base/thread.h"
#include "formats/remote_write.h"
#include "ingest/push_cache_int.h"
#include "testing/unit.h"

/* A sink that writes down what it is given; samples at some times are refused. */
enum { T_DUPLICATE = 901, T_DISORDER, T_OLD, T_AHEAD, T_SAME };

struct recorder {
        struct arena arena;
        struct labels series[64];
        size_t series_count, series_max;
        size_t resolved, appends;
        series_ref forgotten; /* answered with APPEND_UNKNOWN_SERIES once */
        struct buf log;
        bool full;
};

static bool record_resolve(void *ctx, struct labels labels, series_ref *ret_ref,
                           struct error *err)
{
        struct recorder *recorder = ctx;

        recorder->resolved++;
        for (size_t i = 0; i < recorder->series_count; i++) {
                if (labels_equal(recorder->series[i], labels)) {
                        *ret_ref = i + 1;
                        return true;
                }
        }
        if (recorder->series_count == recorder->series_max)
                return error_set(err, ERROR_LIMIT, "too many series");
        recorder->series[recorder->series_count++] = labels_copy(&recorder->arena, labels);
        *ret_ref = recorder->series_count;
        return true;
}

static uint8_t judge(struct recorder *recorder, const struct append_sample *sample)
{
        static const uint8_t outcomes[] = {APPEND_DUPLICATE_OTHER, APPEND_OUT_OF_ORDER,
                                           APPEND_TOO_OLD, APPEND_TOO_FAR_AHEAD,
                                           APPEND_DUPLICATE_SAME};

        if (sample->ref == recorder->forgotten) {
                recorder->forgotten = SERIES_REF_NONE;
                return APPEND_UNKNOWN_SERIES;
        }
        return sample->t_ms >= T_DUPLICATE && sample->t_ms <= T_SAME
                       ? outcomes[sample->t_ms - T_DUPLICATE] : APPEND_OK;
}

static bool record_append(void *ctx, const struct append_sample *samples,
                          const struct append_extra *extras, size_t count, uint8_t *outcomes,
                          struct error *err)
{
        struct recorder *recorder = ctx;

        if (recorder->full)
                return error_set(err, ERROR_FULL, "disk is full");
        recorder->appends++;
        for (size_t i = 0; i < count; i++) {
                outcomes[i] = judge(recorder, &samples[i]);
                if (outcomes[i] != APPEND_OK)
                        continue;
                labels_format(&recorder->log, recorder->series[samples[i].ref - 1]);
                buf_printf(&recorder->log, " %g@%lld", samples[i].v, (long long)samples[i].t_ms);
                if (extras && extras[i].h)
                        buf_printf(&recorder->log, " histogram of %g", extras[i].h->count);
                if (extras && extras[i].start_ms)
                        buf_printf(&recorder->log, " since %lld", (long long)extras[i].start_ms);
                buf_append_byte(&recorder->log, '\n');
        }
        return true;
}

static bool record_exemplars(void *ctx, const struct append_exemplar *exemplars, size_t count,
                             uint8_t *outcomes, struct error *err)
{
        struct recorder *recorder = ctx;

        (void)err;
        for (size_t i = 0; i < count; i++) {
                const struct exemplar *exemplar = &exemplars[i].exemplar;

                outcomes[i] = exemplar->t_ms == T_DISORDER ? APPEND_OUT_OF_ORDER : APPEND_OK;
                labels_format(&recorder->log, recorder->series[exemplars[i].ref - 1]);
                buf_printf(&recorder->log, " # %g@%lld\n", exemplar->v,
                           (long long)exemplar->t_ms);
        }
        return true;
}

struct fixture {
        struct recorder recorder;
        struct push *push;
        struct push_batch *batch;
        struct arena arena;
        struct push_result result;
        struct error err;
};

static void setup(struct fixture *f)
{
        struct series_sink sink = {record_resolve, record_append, record_exemplars, &f->recorder};

        *f = (struct fixture){0};
        f->recorder.log = BUF_INIT(1 << 20);
        f->recorder.series_max = ARRAY_LEN(f->recorder.series);
        arena_init(&f->recorder.arena, 1 << 20);
        arena_init(&f->arena, 1 << 20);
        f->push = push_new(&sink);
        f->batch = push_batch_new(f->push);
}

static void teardown(struct fixture *f)
{
        push_batch_free(f->batch);
        push_free(f->push);
        buf_release(&f->recorder.log);
        arena_release(&f->recorder.arena);
        arena_release(&f->arena);
}

static void add_series(struct fixture *f, const char *metric)
{
        struct label label = {LABEL_METRIC_NAME, str_from(metric)};

        assert_ok(push_batch_series(f->batch,
                                    remote_write_key(&f->arena, (struct labels){&label, 1}), NULL,
                                    &f->err), f->err);
}

static void add_sample(struct fixture *f, int64_t t_ms, double v, int64_t start_ms)
{
        assert_ok(push_batch_sample(f->batch, t_ms, v, start_ms, &f->err), f->err);
}

static void write_batch(struct fixture *f, const char *want)
{
        buf_clear(&f->recorder.log);
        assert_ok(push_batch_write(f->batch, &f->result, &f->err), f->err);
        assert_str(buf_str(&f->recorder.log), want);
}

static void new_batch(struct fixture *f)
{
        push_batch_free(f->batch);
        f->batch = push_batch_new(f->push);
}

static void test_write(void **state)
{
        const struct histogram h = {.count = 0, .sum = 3};
        struct fixture f;

        (void)state;
        setup(&f);
        add_series(&f, "a");
        add_sample(&f, 1, 10, 0);
        add_sample(&f, 2, 11, 0);
        add_series(&f, "b");
        add_series(&f, "c");
        add_sample(&f, 1, 12, 500);
        assert_ok(push_batch_histogram(f.batch, 2, &h, 0, &f.err), f.err);
        assert_ok(push_batch_exemplar(f.batch, &(struct exemplar){{NULL, 0}, 1, 7}, &f.err), f.err);
        add_sample(&f, T_SAME, 12, 0);
        write_batch(&f, "a 10@1\na 11@2\nc 12@1 since 500\nc 3@2 histogram of 0\nc # 7@1\n");
        assert_int_equal(f.result.samples, 4);
        assert_int_equal(f.result.histograms, 1);
        assert_int_equal(f.result.exemplars, 1);
        assert_int_equal(f.result.refused_samples + f.result.refused_series, 0);
        assert_str(f.result.reasons, "");
        assert_int_equal(f.recorder.appends, 1);
        teardown(&f);
}

/* The second time, nobody looks at the labels. */
static void test_known_series(void **state)
{
        struct fixture f;

        (void)state;
        setup(&f);
        for (int i = 0; i < 3; i++) {
                new_batch(&f);
                add_series(&f, "a");
                add_sample(&f, i, 1, 0);
                add_series(&f, "b");
                add_sample(&f, i, 2, 0);
                assert_ok(push_batch_write(f.batch, &f.result, &f.err), f.err);
                assert_int_equal(f.recorder.resolved, 2);
        }
        teardown(&f);
}

static void test_refused_samples(void **state)
{
        struct fixture f;

        (void)state;
        setup(&f);
        add_series(&f, "a");
        add_sample(&f, T_DUPLICATE, 1, 0);
        add_sample(&f, T_DISORDER, 1, 0);
        add_sample(&f, 1, 1, 0);
        add_series(&f, "b");
        add_sample(&f, T_OLD, 1, 0);
        push_batch_refuse(f.batch, "bad histogram");
        add_sample(&f, T_AHEAD, 1, 0);
        add_sample(&f, 2, 1, 0);
        assert_ok(push_batch_exemplar(f.batch, &(struct exemplar){{NULL, 0}, T_DISORDER, 7},
                                      &f.err), f.err);
        write_batch(&f, "a 1@1\nb 1@2\nb # 7@902\n");
        assert_int_equal(f.result.samples, 2);
        assert_int_equal(f.result.refused_samples, 5);
        assert_int_equal(f.result.refused_exemplars, 1);
        assert_str(f.result.reasons,
                   "bad histogram for series b\n"
                   "duplicate sample for timestamp for series a\n"
                   "out of order sample for series a\n"
                   "too old sample for series b\n"
                   "out of bounds: timestamp is too far in the future for series b\n"
                   "out of order exemplar for series b\n");
        teardown(&f);
}

static void test_refused_series(void **state)
{
        const struct label twice[] = {{LABEL_METRIC_NAME, STR_LIT("x")},
                                      {STR_LIT("a"), STR_LIT("1")},
                                      {STR_LIT("a"), STR_LIT("1")}};
        struct fixture f;

        (void)state;
        setup(&f);
        f.recorder.series_max = 2;
        add_series(&f, "a");
        add_sample(&f, 1, 1, 0);
        assert_ok(push_batch_series(f.batch,
                                    remote_write_key(&f.arena, (struct labels){twice, 3}), NULL,
                                    &f.err), f.err);
        add_sample(&f, 2, 2, 0);
        add_sample(&f, 3, 2, 0);
        assert_ok(push_batch_exemplar(f.batch, &(struct exemplar){{NULL, 0}, 1, 7}, &f.err), f.err);
        add_series(&f, "b");
        add_sample(&f, 4, 4, 9);
        add_series(&f, "c");
        add_sample(&f, 5, 5, 0);
        add_series(&f, "a");
        add_sample(&f, 6, 6, 0);
        write_batch(&f, "a 1@1\nb 4@4 since 9\na 6@6\n");
        assert_int_equal(f.result.samples, 3);
        assert_int_equal(f.result.refused_series, 2);
        assert_int_equal(f.result.refused_samples, 3);
        assert_str(f.result.reasons, "duplicated label: \"a\"\ntoo many series\n");
        teardown(&f);
}

/* The store may forget a series that the cache still knows. */
static void test_forgotten_series(void **state)
{
        struct fixture f;

        (void)state;
        setup(&f);
        add_series(&f, "a");
        add_series(&f, "b");
        add_sample(&f, 1, 1, 0);
        write_batch(&f, "b 1@1\n");
        new_batch(&f);
        f.recorder.forgotten = 2;
        add_series(&f, "a");
        add_sample(&f, 2, 2, 0);
        add_series(&f, "b");
        add_sample(&f, 2, 3, 7);
        add_sample(&f, 3, 4, 0);
        write_batch(&f, "a 2@2\nb 4@3\nb 3@2 since 7\n");
        assert_int_equal(f.result.samples, 3);
        assert_int_equal(f.recorder.resolved, 3);
        teardown(&f);
}

static void test_full_disk(void **state)
{
        struct fixture f;

        (void)state;
        setup(&f);
        f.recorder.full = true;
        add_series(&f, "a");
        add_sample(&f, 1, 1, 0);
        assert_false(push_batch_write(f.batch, &f.result, &f.err));
        assert_int_equal(f.err.code, ERROR_FULL);
        teardown(&f);
}

/* The list of reasons ends; the counts do not. */
static void test_many_reasons(void **state)
{
        struct fixture f;

        (void)state;
        setup(&f);
        add_series(&f, "a");
        for (int i = 0; i < 10000; i++)
                add_sample(&f, T_OLD, 1, 0);
        write_batch(&f, "");
        assert_int_equal(f.result.refused_samples, 10000);
        assert_true(f.result.reasons.len < 20000);
        assert_true(str_ends_with(f.result.reasons, STR_LIT("for series a\n")));
        teardown(&f);
}

static void visit(const struct metric_metadata *metadata, void *ctx)
{
        buf_printf(ctx, "%.*s %.*s [%.*s] %.*s\n", STR_ARG(metadata->metric),
                   STR_ARG(metadata->type), STR_ARG(metadata->unit), STR_ARG(metadata->help));
}

static void test_metadata(void **state)
{
        struct label label = {LABEL_METRIC_NAME, STR_LIT("h_seconds_bucket")};
        struct push_series_metadata metadata = {STR_LIT("histogram"), STR_LIT("Help."),
                                                STR_LIT("seconds")};
        struct buf out CLEANUP(buf_release) = BUF_INIT(1 << 10);
        struct fixture f;

        (void)state;
        setup(&f);
        add_series(&f, "unsaid");
        assert_ok(push_batch_series(f.batch,
                                    remote_write_key(&f.arena, (struct labels){&label, 1}),
                                    &metadata, &f.err), f.err);
        add_series(&f, "unsaid_too");
        write_batch(&f, "");
        metadata_table_each(push_metadata(f.push), visit, &out);
        assert_str(buf_str(&out), "h_seconds histogram [seconds] Help.\n");
        teardown(&f);
}

/* ---- the cache ---------------------------------------------------------------------------- */

static struct push_cache_entry entry_of(uint64_t number)
{
        return (struct push_cache_entry){hash_identity(&number, sizeof(number)),
                                         number + 1};
}

static size_t count_known(struct push_cache *cache, uint64_t from, uint64_t to)
{
        size_t known = 0;

        for (uint64_t i = from; i < to; i++) {
                struct push_cache_entry entry = entry_of(i);

                entry.ref = SERIES_REF_NONE;
                push_cache_find(cache, &entry, 1);
                assert_true(entry.ref == SERIES_REF_NONE || entry.ref == i + 1);
                known += entry.ref != SERIES_REF_NONE;
        }
        return known;
}

static void test_cache(void **state)
{
        struct push_cache *cache = push_cache_new(1000, INT64_MAX);
        struct push_cache_entry changed = entry_of(5);

        (void)state;
        for (uint64_t i = 0; i < 900; i++) {
                struct push_cache_entry entry = entry_of(i);

                push_cache_put(cache, &entry, 1);
        }
        assert_int_equal(count_known(cache, 0, 900), 900);
        assert_int_equal(count_known(cache, 900, 1000), 0);
        changed.ref = 77;
        push_cache_put(cache, &changed, 1);
        changed.ref = SERIES_REF_NONE;
        push_cache_find(cache, &changed, 1);
        assert_int_equal(changed.ref, 77);
        push_cache_free(cache);
}

/* What is asked for stays, what is not goes, and there is never more than twice the maximum. */
static void test_cache_bounds(void **state)
{
        struct push_cache *cache = push_cache_new(1000, INT64_MAX);

        (void)state;
        for (uint64_t i = 0; i < 10000; i++) {
                struct push_cache_entry entry = entry_of(i);

                push_cache_put(cache, &entry, 1);
                if (i >= 500 && i % 100 == 0)
                        assert_int_equal(count_known(cache, 400, 500), 100);
        }
        assert_true(count_known(cache, 0, 10000) <= 2000);
        assert_true(count_known(cache, 9000, 10000) >= 900); /* a generation has room for so many */
        assert_int_equal(count_known(cache, 0, 400), 0);
        push_cache_free(cache);
        /* Every look ends a generation: the second one forgets. */
        cache = push_cache_new(1000, 0);
        push_cache_put(cache, &(struct push_cache_entry){entry_of(1).key, 2}, 1);
        assert_int_equal(count_known(cache, 1, 2), 1);
        assert_int_equal(count_known(cache, 2, 4), 0);
        assert_int_equal(count_known(cache, 1, 2), 0);
        push_cache_free(cache);
}

/* ---- many clients at once ----------------------------------------------------------------- */

enum { CLIENTS = 4, ROUNDS = 200, SHARED_SERIES = 50 };

struct tally {
        _Atomic uint64_t resolved, appended;
};

static bool tally_resolve(void *ctx, struct labels labels, series_ref *ret_ref, struct error *err)
{
        struct tally *tally = ctx;

        (void)err;
        atomic_fetch_add(&tally->resolved, 1);
        *ret_ref = labels_hash(labels) | 1;
        return true;
}

/* Now and then the store has forgotten a series. */
static bool tally_append(void *ctx, const struct append_sample *samples,
                         const struct append_extra *extras, size_t count, uint8_t *outcomes,
                         struct error *err)
{
        struct tally *tally = ctx;

        (void)extras, (void)err;
        for (size_t i = 0; i < count; i++) {
                bool forgotten = samples[i].t_ms % 50 == 0 && count == SHARED_SERIES;

                assert_true(samples[i].ref != SERIES_REF_NONE);
                outcomes[i] = forgotten ? APPEND_UNKNOWN_SERIES : APPEND_OK;
                atomic_fetch_add(&tally->appended, !forgotten);
        }
        return true;
}

static void run_client(void *ctx, size_t client)
{
        struct push *push = ctx;

        for (int round = 0; round < ROUNDS; round++) {
                struct push_batch *batch = push_batch_new(push);
                struct push_result result;
                struct arena arena;
                struct error err;

                arena_init(&arena, 1 << 20);
                for (int i = 0; i < SHARED_SERIES; i++) {
                        const char *name = arena_printf(&arena, "shared_%d", i);
                        struct label label = {LABEL_METRIC_NAME, str_from(name)};
                        struct str key = remote_write_key(&arena, (struct labels){&label, 1});

                        assert_ok(push_batch_series(batch, key, NULL, &err), err);
                        assert_ok(push_batch_sample(batch, round * 50 + i + 1, (double)client, 0,
                                                    &err), err);
                }
                assert_ok(push_batch_write(batch, &result, &err), err);
                assert_int_equal(result.samples, SHARED_SERIES);
                push_batch_free(batch);
                arena_release(&arena);
        }
}

static void test_clients_at_once(void **state)
{
        struct tally tally = {0};
        struct series_sink sink = {.resolve = tally_resolve, .append = tally_append,
                                   .ctx = &tally};
        struct push *push = push_new(&sink);

        (void)state;
        thread_parallel_for(CLIENTS, CLIENTS, run_client, push);
        assert_int_equal(tally.appended, CLIENTS * ROUNDS * SHARED_SERIES);
        /* One forgotten in every batch, and what clients look for at the same time at first. */
        assert_true(tally.resolved <= CLIENTS * (ROUNDS + SHARED_SERIES));
        push_free(push);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_write),           cmocka_unit_test(test_known_series),
                cmocka_unit_test(test_refused_samples), cmocka_unit_test(test_refused_series),
                cmocka_unit_test(test_forgotten_series), cmocka_unit_test(test_full_disk),
                cmocka_unit_test(test_many_reasons),    cmocka_unit_test(test_metadata),
                cmocka_unit_test(test_cache),           cmocka_unit_test(test_cache_bounds),
                cmocka_unit_test(test_clients_at_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* tsdb/fixture_test.h - what the store's larger tests share: a directory, random numbers, reading
 * a whole series back. */
#ifndef TSDB_FIXTURE_TEST_H
#define TSDB_FIXTURE_TEST_H

#include "testing/unit.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tsdb/tsdb.h"

/* ---- random numbers, by seed --------------------------------------------------------------- */

struct rng {
        uint64_t state;
};

static inline uint64_t rng_next(struct rng *rng)
{
        uint64_t z = rng->state += 0x9e3779b97f4a7c15u;

        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        return z ^ z >> 31;
}

static inline uint64_t rng_below(struct rng *rng, uint64_t end)
{
        return rng_next(rng) % end;
}

/* PITWALL_SEED repeats a run. */
static inline struct rng rng_seeded(const char *test)
{
        const char *given = getenv("PITWALL_SEED");
        uint64_t seed = given ? strtoull(given, NULL, 0)
                              : (uint64_t)clock_now_ns(&clock_real) ^ (uint64_t)getpid() << 40;

        printf("%s: PITWALL_SEED=%llu\n", test, (unsigned long long)seed);
        fflush(stdout);
        return (struct rng){seed};
}

/* PITWALL_CRASH_FULL=1 asks for all of what is otherwise a sample. */
static inline bool run_in_full(void)
{
        const char *full = getenv("PITWALL_CRASH_FULL");

        return full && *full && strcmp(full, "0");
}

/* ---- directories --------------------------------------------------------------------------- */

/* In memory when there is such a place: these tests are about the order of things on the disk,
 * not about its speed. */
static inline void scratch_dir(char *dir)
{
        snprintf(dir, 64, "%s/pitwall_test_XXXXXX",
                 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        assert_non_null(mkdtemp(dir));
}

static inline int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        (void)st;
        (void)type;
        (void)ftw;
        return remove(path);
}

static inline void remove_tree(const char *dir)
{
        assert_int_equal(nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* ---- samples ------------------------------------------------------------------------------- */

/* Series number n is test{n="<n>", kind="<n mod 3>"}. */
static inline bool try_resolve(struct tsdb *tsdb, uint32_t n, series_ref *ret_ref,
                               struct error *err)
{
        struct series_sink sink = tsdb_sink(tsdb);
        char number[16], kind[16];
        struct label items[] = {{LABEL_METRIC_NAME, STR_LIT("test")},
                                {STR_LIT("kind"), {0}},
                                {STR_LIT("n"), {0}}};

        snprintf(number, sizeof(number), "%u", n);
        snprintf(kind, sizeof(kind), "%u", n % 3);
        items[1].value = str_from(kind);
        items[2].value = str_from(number);
        return sink.resolve(sink.ctx, (struct labels){items, 3}, ret_ref, err);
}

static inline series_ref resolve_number(struct tsdb *tsdb, uint32_t n)
{
        struct error err;
        series_ref ref;

        assert_ok(try_resolve(tsdb, n, &ref, &err), err);
        return ref;
}

/* What a sample has beside its value, as a function of `code`: nothing of 0, else a histogram of
 * one of some layouts, a start timestamp, or both. */
static inline struct append_extra extra_of(struct arena *arena, uint64_t code, int64_t t_ms)
{
        uint32_t length = 1 + (uint32_t)(code / 64 % 4), buckets = 2 * length;
        struct histogram_span *spans;
        struct histogram *h;
        double *counts;

        if (!code)
                return (struct append_extra){0};
        if (code % 4 == 1)
                return (struct append_extra){NULL, t_ms - 1 - (int64_t)(code % 1000)};
        h = arena_new(arena, struct histogram);
        spans = arena_array(arena, struct histogram_span, 2);
        counts = arena_array(arena, double, buckets);
        for (uint32_t i = 0; i < buckets; i++)
                counts[i] = (double)(code * 31 % 9973 + i * 7) + (code % 11 ? 0 : 0.5);
        spans[0] = (struct histogram_span){-2, length};
        spans[1] = (struct histogram_span){3, length};
        h->schema = 3;
        h->integer = code % 11 != 0;
        h->reset = code % 13 ? HISTOGRAM_RESET_UNKNOWN : HISTOGRAM_GAUGE;
        h->zero_threshold = 0x1p-10;
        h->count = (double)(code % 100000);
        h->sum = (double)code / 7;
        h->positive = (struct histogram_side){spans, counts, 2, buckets};
        if (code % 3 == 0)
                h->negative = (struct histogram_side){spans, counts, 1, length};
        return (struct append_extra){h, code % 4 == 2 ? t_ms - 77 : 0};
}

/* Whether sample `at` has what `code` says. */
static inline bool has_extra(const struct samples *samples, size_t at, uint64_t code)
{
        const struct histogram *h = samples_histogram(samples, at);
        struct append_extra want;
        struct arena arena;
        bool same;

        arena_init(&arena, SIZE_MAX);
        want = extra_of(&arena, code, samples->t_ms[at]);
        same = !h == !want.h && (samples->start_ms ? samples->start_ms[at] : 0) == want.start_ms &&
               (!h || (histogram_same(h, want.h) && h->reset == want.h->reset));
        arena_release(&arena);
        return same;
}

/* Calls visit for every series of the store with all its samples. */
static inline void each_series(struct tsdb *tsdb, int64_t mint_ms, int64_t maxt_ms,
                               void (*visit)(void *ctx, uint32_t n, const struct samples *samples),
                               void *ctx)
{
        struct series_source source = tsdb_source(tsdb);
        struct samples samples = {0};
        struct querier *querier;
        struct series_list list;
        struct matcher all;
        struct arena arena;
        struct error err;

        arena_init(&arena, SIZE_MAX);
        assert_ok(matcher_init(&all, &arena, MATCHER_EQUAL, LABEL_METRIC_NAME, STR_LIT("test"),
                               &err), err);
        assert_ok(source.open(source.ctx, mint_ms, maxt_ms, &querier, &err), err);
        assert_ok(querier->ops->select(querier, &arena, &all, 1, NULL, &list, &err), err);
        for (size_t i = 0; i < list.count; i++) {
                struct str number = labels_get(list.items[i].labels, STR_LIT("n"));
                char text[16] = {0};

                assert_true(number.len < sizeof(text));
                memcpy(text, number.data, number.len);
                samples_truncate(&samples, 0);
                assert_ok(querier->ops->read(querier, &list.items[i], mint_ms, maxt_ms, &samples,
                                             &err), err);
                for (size_t k = 1; k < samples.count; k++)
                        assert_true(samples.t_ms[k] > samples.t_ms[k - 1]);
                visit(ctx, (uint32_t)strtoul(text, NULL, 10), &samples);
        }
        querier->ops->close(querier);
        samples_release(&samples);
        arena_release(&arena);
}

#endif

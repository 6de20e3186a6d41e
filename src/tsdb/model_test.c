/* The store against a naive one: random appends, flushes, merges, restarts, queries. */
#include "tsdb/fixture_test.h"

enum { SERIES = 12, SAMPLES_MAX = 20000, HOUR_MS = 3600 * 1000 };

static int64_t now_ms;

static int64_t fake_now_ns(void *ctx)
{
        (void)ctx;
        return now_ms * 1000000;
}

static const struct clock fake_clock = {fake_now_ns, fake_now_ns, NULL};

/* Samples of one series in order of time. */
struct naive {
        int64_t t_ms[SAMPLES_MAX];
        double v[SAMPLES_MAX];
        uint64_t code[SAMPLES_MAX]; /* extra_of */
        size_t count;
};

struct world {
        struct rng rng;
        char dir[64];
        struct tsdb_options options;
        struct tsdb *tsdb;
        struct naive series[SERIES];
        series_ref refs[SERIES];
        int64_t mint_ms, maxt_ms; /* of the check under way */
        uint32_t seen;
};

/* As a duplicate a sample is compared by its value; a histogram by all but its reset hint, which
 * its code decides. */
static bool naive_same(const struct naive *s, size_t at, double v, uint64_t code)
{
        bool histogram = code && code % 4 != 1, stored = s->code[at] && s->code[at] % 4 != 1;

        if (histogram || stored)
                return histogram && stored && code == s->code[at];
        return sample_bits(s->v[at]) == sample_bits(v);
}

static void naive_insert(struct naive *s, size_t at, int64_t t_ms, double v, uint64_t code)
{
        assert_true(s->count < SAMPLES_MAX);
        memmove(s->t_ms + at + 1, s->t_ms + at, (s->count - at) * sizeof(*s->t_ms));
        memmove(s->v + at + 1, s->v + at, (s->count - at) * sizeof(*s->v));
        memmove(s->code + at + 1, s->code + at, (s->count - at) * sizeof(*s->code));
        s->t_ms[at] = t_ms;
        s->v[at] = v;
        s->code[at] = code;
        s->count++;
}

static enum append_outcome naive_append(struct world *w, uint32_t n, int64_t t_ms, double v,
                                        uint64_t code)
{
        struct naive *s = &w->series[n];
        size_t at = s->count;

        while (at > 0 && s->t_ms[at - 1] > t_ms)
                at--;
        if (at > 0 && s->t_ms[at - 1] == t_ms &&
            (at == s->count || t_ms >= s->t_ms[s->count - 1] - w->options.out_of_order_ms))
                return naive_same(s, at - 1, v, code) ? APPEND_DUPLICATE_SAME
                                                      : APPEND_DUPLICATE_OTHER;
        if (s->count && t_ms < s->t_ms[s->count - 1] - w->options.out_of_order_ms)
                return APPEND_TOO_OLD;
        naive_insert(s, at, t_ms, v, code);
        return APPEND_OK;
}

static double random_value(struct world *w)
{
        switch (rng_below(&w->rng, 6)) {
        case 0:
                return sample_from_bits(SAMPLE_STALE_BITS);
        case 1:
                return sample_from_bits(rng_next(&w->rng));
        case 2:
                return (double)rng_below(&w->rng, 100000) / 100;
        default:
                return (double)rng_below(&w->rng, 50);
        }
}

static int64_t random_time(struct world *w, uint32_t n)
{
        const struct naive *s = &w->series[n];
        int64_t newest_ms = s->count ? s->t_ms[s->count - 1] : now_ms;

        switch (rng_below(&w->rng, 20)) {
        case 0:
                return newest_ms;
        case 1:
                return newest_ms - (int64_t)rng_below(&w->rng, 2 * HOUR_MS);
        case 2:
                return s->count ? s->t_ms[rng_below(&w->rng, s->count)] : now_ms;
        case 3:
                return newest_ms + (int64_t)rng_below(&w->rng, HOUR_MS);
        default:
                return newest_ms + 15000;
        }
}

/* Every third series is floats alone, every third hardly anything but histograms. */
static uint64_t random_code(struct world *w, uint32_t n)
{
        if (n % 3 == 0 || (n % 3 == 1 && rng_below(&w->rng, 3)))
                return 0;
        return rng_below(&w->rng, 20) ? 2 + rng_below(&w->rng, 3) * 64 : rng_below(&w->rng, 5000);
}

static void append_batch(struct world *w)
{
        struct series_sink sink = tsdb_sink(w->tsdb);
        struct append_extra extras[64];
        struct append_sample batch[64];
        struct arena arena;
        bool rich = false;
        uint8_t outcomes[64], want[64];
        size_t count = 1 + rng_below(&w->rng, 64);
        struct error err;

        arena_init(&arena, SIZE_MAX);
        for (size_t i = 0; i < count; i++) {
                uint32_t n = (uint32_t)rng_below(&w->rng, SERIES);
                uint64_t code = random_code(w, n);

                if (!w->refs[n])
                        w->refs[n] = resolve_number(w->tsdb, n);
                batch[i] = (struct append_sample){w->refs[n], random_time(w, n), random_value(w)};
                extras[i] = extra_of(&arena, code, batch[i].t_ms);
                rich |= code != 0;
                want[i] = (uint8_t)naive_append(w, n, batch[i].t_ms, batch[i].v, code);
                if (batch[i].t_ms > now_ms)
                        now_ms = batch[i].t_ms;
        }
        assert_ok(sink.append(sink.ctx, batch, rich ? extras : NULL, count, outcomes, &err), err);
        arena_release(&arena);
        for (size_t i = 0; i < count; i++)
                if (outcomes[i] != want[i])
                        fail_msg("sample %zu: outcome %u, want %u", i, outcomes[i], want[i]);
}

static void check_series(void *ctx, uint32_t n, const struct samples *samples)
{
        struct world *w = ctx;
        const struct naive *s = &w->series[n];
        size_t at = 0;

        w->seen |= 1u << n;
        for (size_t i = 0; i < s->count; i++) {
                if (s->t_ms[i] < w->mint_ms || s->t_ms[i] > w->maxt_ms)
                        continue;
                if (at == samples->count || samples->t_ms[at] != s->t_ms[i] ||
                    !has_extra(samples, at, s->code[i]) ||
                    (!samples_histogram(samples, at) &&
                     sample_bits(samples->v[at]) != sample_bits(s->v[i])))
                        fail_msg("series %u differs at sample %zu", n, i);
                at++;
        }
        if (at != samples->count)
                fail_msg("series %u has %zu samples too many", n, samples->count - at);
}

static void check_range(struct world *w, int64_t mint_ms, int64_t maxt_ms)
{
        w->mint_ms = mint_ms;
        w->maxt_ms = maxt_ms;
        w->seen = 0;
        each_series(w->tsdb, mint_ms, maxt_ms, check_series, w);
        for (uint32_t n = 0; n < SERIES; n++) {
                const struct naive *s = &w->series[n];
                bool has = false;

                for (size_t i = 0; i < s->count; i++)
                        has |= s->t_ms[i] >= mint_ms && s->t_ms[i] <= maxt_ms;
                if (has && !(w->seen & 1u << n))
                        fail_msg("series %u is missing", n);
        }
}

static void check(struct world *w)
{
        int64_t from_ms = now_ms - (int64_t)rng_below(&w->rng, 40 * HOUR_MS);

        check_range(w, INT64_MIN, INT64_MAX);
        check_range(w, from_ms, from_ms + (int64_t)rng_below(&w->rng, 8 * HOUR_MS));
        check_range(w, from_ms, from_ms);
}

/* Deletes a range of every third series. */
static void delete_some(struct world *w)
{
        int64_t mint_ms = now_ms - (int64_t)rng_below(&w->rng, 6 * HOUR_MS);
        int64_t maxt_ms = mint_ms + (int64_t)rng_below(&w->rng, 4 * HOUR_MS);
        char kind[2] = {(char)('0' + rng_below(&w->rng, 3)), 0};
        struct series_selector selector;
        struct matcher matcher;
        struct arena arena;
        struct error err;

        arena_init(&arena, SIZE_MAX);
        assert_ok(matcher_init(&matcher, &arena, MATCHER_EQUAL, STR_LIT("kind"), str_from(kind),
                               &err), err);
        selector = (struct series_selector){&matcher, 1};
        assert_ok(tsdb_delete(w->tsdb, &selector, 1, mint_ms, maxt_ms, &err), err);
        for (uint32_t n = (uint32_t)(kind[0] - '0'); n < SERIES; n += 3) {
                struct naive *s = &w->series[n];
                size_t kept = 0;

                for (size_t i = 0; i < s->count; i++) {
                        if (s->t_ms[i] >= mint_ms && s->t_ms[i] <= maxt_ms)
                                continue;
                        s->t_ms[kept] = s->t_ms[i];
                        s->v[kept] = s->v[i];
                        s->code[kept++] = s->code[i];
                }
                s->count = kept;
        }
        arena_release(&arena);
}

/* Brings in samples of some series around the time of what it has; what it has stays. */
static void import_some(struct world *w)
{
        uint32_t n = (uint32_t)rng_below(&w->rng, SERIES);
        struct tsdb_import *import = tsdb_import_new(w->tsdb);
        struct samples samples = {0};
        struct error err;

        for (int i = 0; i < 50; i++) {
                int64_t t_ms = random_time(w, n) - (int64_t)rng_below(&w->rng, 9 * HOUR_MS);
                uint64_t code = random_code(w, n);
                double v = random_value(w);
                struct naive *s = &w->series[n];
                struct append_extra extra;
                size_t at = s->count;

                while (at > 0 && s->t_ms[at - 1] >= t_ms)
                        at--;
                if (at < s->count && s->t_ms[at] == t_ms)
                        continue;
                naive_insert(s, at, t_ms, v, code);
                extra = extra_of(samples_arena(&samples), code, t_ms);
                samples_append(&samples, t_ms, v);
                samples_set_histogram(&samples, samples.count - 1, extra.h);
                samples_set_start(&samples, samples.count - 1, extra.start_ms);
        }
        assert_ok(tsdb_import_add(import, resolve_number(w->tsdb, n), &samples, &err), err);
        assert_ok(tsdb_import_flush(import, &err), err);
        tsdb_import_free(import);
        samples_release(&samples);
}

static void open_world(struct world *w)
{
        struct error err;

        assert_ok(tsdb_open(&w->tsdb, &w->options, &err), err);
        memset(w->refs, 0, sizeof(w->refs));
}

static void step(struct world *w)
{
        struct error err;

        switch (rng_below(&w->rng, 40)) {
        case 0:
                w->tsdb = tsdb_close(w->tsdb);
                open_world(w);
                break;
        case 1:
        case 2:
                assert_ok(tsdb_maintain(w->tsdb, &err), err);
                break;
        case 3:
                if (rng_below(&w->rng, 5) == 0)
                        assert_ok(tsdb_seal(w->tsdb, &err), err);
                break;
        case 4:
                check(w);
                break;
        case 5:
                if (rng_below(&w->rng, 5) == 0)
                        delete_some(w);
                else if (rng_below(&w->rng, 10) == 0)
                        assert_ok(tsdb_clean_tombstones(w->tsdb, &err), err);
                break;
        case 6:
                import_some(w);
                break;
        default:
                append_batch(w);
        }
}

static void test_model(void **state)
{
        struct world *w = calloc(1, sizeof(*w));

        (void)state;
        w->rng = rng_seeded("model");
        now_ms = 1700000000000;
        scratch_dir(w->dir);
        tsdb_options_init(&w->options, w->dir);
        w->options.clock = &fake_clock;
        w->options.retention_ms = 0;
        w->options.max_ahead_ms = 0;
        w->options.manual = true;
        w->options.partition_ms = 4 * HOUR_MS;
        w->options.wal_segment_bytes = 64 << 10;
        w->options.wal_replay_bytes = 1 << 20;
        open_world(w);
        for (int i = 0; i < 3000; i++)
                step(w);
        check(w);
        tsdb_close(w->tsdb);
        remove_tree(w->dir);
        free(w);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_model)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The formats are what docs/format/ says: tests/format/read_pitwall.py, written from those pages,
 * must read the very samples that were stored, from every kind of file and value. */
#include "tsdb/fixture_test.h"

#include <math.h>
#include <sys/wait.h>

enum { SERIES = 15, FIRST_RICH = 9, LAST_RICH = 11, SAMPLES = 1500, LOGGED = 40, STEP_MS = 15000 };

static const int64_t t0_ms = 1700000000000;

static int64_t fake_now_ns(void *ctx)
{
        (void)ctx;
        return t0_ms * 1000000;
}

static const struct clock fake_clock = {fake_now_ns, fake_now_ns, NULL};

/* Series by series, every form a block can take. */
static double value_of(uint32_t n, uint32_t i)
{
        uint64_t mixed = ((uint64_t)n << 32 | i) * 0x9e3779b97f4a7c15u;

        mixed ^= mixed >> 29;
        mixed *= 0xbf58476d1ce4e5b9u;
        if (i % 211 == 7 && n < 12)
                return sample_from_bits(SAMPLE_STALE_BITS);
        switch (n) {
        case 0:
                return 42;
        case 1:
                return (double)i * 3 + (double)(mixed >> 62);
        case 2:
                return (double)(mixed >> 50) / 100;
        case 3:
                return sample_from_bits(mixed);
        case 4:
                return mixed >> 60 ? 1.0 / 3 : (double)(mixed & 0xfffff) / 7;
        case 5:
                return (double)(mixed >> 56) * 4096;
        case 6:
                return i % 100 == 0 ? 1e300 : (double)(i / 10);
        case 7:
                return (double)i * (double)i;
        case 12:
                return (double)(1 + mixed % 5) / 7;
        case 13:
                return floor(sin((double)(i % 100) / 7) * 5000) / 10;
        case 14:
                return 10 + i * 0.013 + (double)(mixed >> 20) * 1e-16;
        default:
                return i % 2 ? -0.0 : NAN;
        }
}

static int64_t time_of(uint32_t n, uint32_t i)
{
        return t0_ms + (int64_t)i * STEP_MS + (n % 2 ? (int64_t)(i * 7919 % 13) : 0);
}

/* Some series have histograms, whose layout changes now and then, and start timestamps. */
static uint64_t code_of(uint32_t n, uint32_t i)
{
        if (n < FIRST_RICH || n > LAST_RICH || i % 211 == 7)
                return 0;
        return n == 11 ? 1 + i : 2 + (n - FIRST_RICH) * 63 + i / 500 * 64;
}

static void append_round(struct tsdb *tsdb, uint32_t i)
{
        struct series_sink sink = tsdb_sink(tsdb);
        struct append_sample batch[SERIES];
        struct append_extra extras[SERIES];
        struct arena arena;
        struct error err;

        arena_init(&arena, SIZE_MAX);
        for (uint32_t n = 0; n < SERIES; n++) {
                extras[n] = extra_of(&arena, code_of(n, i), time_of(n, i));
                batch[n] = (struct append_sample){resolve_number(tsdb, n), time_of(n, i),
                                                  value_of(n, i)};
        }
        assert_ok(sink.append(sink.ctx, batch, extras, SERIES, NULL, &err), err);
        arena_release(&arena);
}

/* Of series 2 and 3, and what comes later of them stays. */
static bool is_deleted(uint32_t n, uint32_t i)
{
        return (n == 2 || n == 3) && i < SAMPLES && time_of(n, i) >= t0_ms + 300 * STEP_MS;
}

static void delete_some(struct tsdb *tsdb)
{
        struct series_selector selector;
        struct matcher matcher;
        struct arena arena;
        struct error err;

        arena_init(&arena, SIZE_MAX);
        assert_ok(matcher_init(&matcher, &arena, MATCHER_REGEX, STR_LIT("n"), STR_LIT("2|3"), &err),
                  err);
        selector = (struct series_selector){&matcher, 1};
        assert_ok(tsdb_delete(tsdb, &selector, 1, t0_ms + 300 * STEP_MS, INT64_MAX, &err), err);
        arena_release(&arena);
}

/* Ends without closing, so that the log holds the last rounds. */
static void write_store(const char *dir)
{
        struct tsdb_options options;
        struct tsdb *tsdb;
        struct error err;

        tsdb_options_init(&options, dir);
        options.clock = &fake_clock;
        options.retention_ms = 0;
        options.max_ahead_ms = 0;
        options.manual = true;
        options.partition_ms = 6 * 3600 * 1000;
        options.wal_segment_bytes = 64 << 10;
        options.wal_replay_bytes = 1 << 20;
        assert_ok(tsdb_open(&tsdb, &options, &err), err);
        for (uint32_t i = 0; i < SAMPLES; i++) {
                append_round(tsdb, i);
                if (i == SAMPLES - 200)
                        assert_ok(tsdb_seal(tsdb, &err), err);
                if (i > SAMPLES - 100 && i % 30 == 0)
                        assert_ok(tsdb_maintain(tsdb, &err), err);
        }
        assert_ok(tsdb_maintain(tsdb, &err), err);
        delete_some(tsdb);
        for (uint32_t i = SAMPLES; i < SAMPLES + LOGGED; i++)
                append_round(tsdb, i);
        _exit(0);
}

static void spell_spans(struct buf *out, const struct histogram_side *side)
{
        for (uint32_t i = 0; i < side->span_count; i++)
                buf_printf(out, "%s%d:%u", i ? "," : "", side->spans[i].offset,
                           side->spans[i].length);
}

static void spell_bits(struct buf *out, double v)
{
        buf_printf(out, "%016llx", (unsigned long long)sample_bits(v));
}

static void spell_buckets(struct buf *out, const struct histogram_side *side)
{
        for (uint32_t i = 0; i < side->bucket_count; i++) {
                spell_bits(out, side->buckets[i]);
                buf_append_byte(out, ' ');
        }
}

static void spell_histogram(struct buf *out, const struct histogram *h)
{
        buf_printf(out, "histogram schema=%d flags=%d threshold=", h->schema,
                   h->integer + 2 * h->reset);
        spell_bits(out, h->zero_threshold);
        buf_append_cstr(out, " spans=");
        spell_spans(out, &h->positive);
        buf_append_byte(out, ';');
        spell_spans(out, &h->negative);
        buf_append_cstr(out, " bounds=[] count=");
        spell_bits(out, h->count);
        buf_append_cstr(out, " sum=");
        spell_bits(out, h->sum);
        buf_append_cstr(out, " zero=");
        spell_bits(out, h->zero_count);
        buf_append_cstr(out, " buckets=[");
        spell_buckets(out, &h->positive);
        spell_buckets(out, &h->negative);
        out->data[out->len - 1] = ']';
}

static void assert_line(FILE *out, uint32_t n, uint32_t i)
{
        struct buf want = BUF_INIT(8192);
        struct append_extra extra;
        struct arena arena;
        char line[8192] = "";

        arena_init(&arena, SIZE_MAX);
        extra = extra_of(&arena, code_of(n, i), time_of(n, i));
        buf_printf(&want, "__name__=test,kind=%u,n=%u\t%lld\t", n % 3, n,
                   (long long)time_of(n, i));
        if (extra.h)
                spell_histogram(&want, extra.h);
        else
                spell_bits(&want, value_of(n, i));
        if (extra.start_ms)
                buf_printf(&want, " start=%lld", (long long)extra.start_ms);
        buf_append_byte(&want, '\n');
        if (!fgets(line, sizeof(line), out) || strcmp(line, want.data))
                fail_msg("series %u sample %u: got %s, want %s", n, i, line, want.data);
        arena_release(&arena);
        buf_release(&want);
}

/* As text 10 and 11 stand before 2. */
static int by_name(const void *a, const void *b)
{
        char x[16], y[16];
        uint32_t n = *(const uint32_t *)a, m = *(const uint32_t *)b;

        if (n % 3 != m % 3)
                return n % 3 < m % 3 ? -1 : 1;
        snprintf(x, sizeof(x), "%u", n);
        snprintf(y, sizeof(y), "%u", m);
        return strcmp(x, y);
}

static void test_python_reads_the_same(void **state)
{
        const char *root = getenv("PITWALL_SOURCE_ROOT");
        char dir[64], command[512];
        uint32_t order[SERIES];
        pid_t child;
        FILE *out;
        int status;

        (void)state;
        scratch_dir(dir);
        child = fork();
        if (child == 0)
                write_store(dir);
        waitpid(child, &status, 0);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        snprintf(command, sizeof(command), "python3 '%s/tests/format/read_pitwall.py' '%s'",
                 root ? root : ".", dir);
        out = popen(command, "r");
        assert_non_null(out);
        for (uint32_t n = 0; n < SERIES; n++)
                order[n] = n;
        qsort(order, SERIES, sizeof(*order), by_name);
        for (uint32_t k = 0; k < SERIES; k++)
                for (uint32_t i = 0; i < SAMPLES + LOGGED; i++)
                        if (!is_deleted(order[k], i))
                                assert_line(out, order[k], i);
        assert_int_equal(fgetc(out), EOF);
        assert_int_equal(pclose(out), 0);
        if (getenv("PITWALL_KEEP"))
                printf("kept %s\n", dir);
        else
                remove_tree(dir);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_python_reads_the_same)};

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The formats are what docs/format/ says: tests/format/read_pitwall.py, written from those pages,
 * must read the very samples that were stored, from every kind of file and value. */
#include "tsdb/fixture_test.h"

#include <math.h>
#include <sys/wait.h>

enum { SERIES = 9, SAMPLES = 1500, LOGGED = 40, STEP_MS = 15000 };

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
        if (i % 211 == 7)
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
        default:
                return i % 2 ? -0.0 : NAN;
        }
}

static int64_t time_of(uint32_t n, uint32_t i)
{
        return t0_ms + (int64_t)i * STEP_MS + (n % 2 ? (int64_t)(i * 7919 % 13) : 0);
}

static void append_round(struct tsdb *tsdb, uint32_t i)
{
        struct series_sink sink = tsdb_sink(tsdb);
        struct append_sample batch[SERIES];
        struct error err;

        for (uint32_t n = 0; n < SERIES; n++)
                batch[n] = (struct append_sample){resolve_number(tsdb, n), time_of(n, i),
                                                  value_of(n, i)};
        assert_ok(sink.append(sink.ctx, batch, NULL, SERIES, NULL, &err), err);
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
        options.wal_segment_bytes = 32 << 10;
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
        for (uint32_t i = SAMPLES; i < SAMPLES + LOGGED; i++)
                append_round(tsdb, i);
        _exit(0);
}

static void assert_line(FILE *out, uint32_t n, uint32_t i)
{
        char line[256] = "", want[256];
        uint64_t bits = sample_bits(value_of(n, i));

        snprintf(want, sizeof(want), "__name__=test,kind=%u,n=%u\t%lld\t%016llx\n", n % 3, n,
                 (long long)time_of(n, i), (unsigned long long)bits);
        if (!fgets(line, sizeof(line), out) || strcmp(line, want))
                fail_msg("series %u sample %u: got %s, want %s", n, i, line, want);
}

static void test_python_reads_the_same(void **state)
{
        const char *root = getenv("PITWALL_SOURCE_ROOT");
        char dir[64], command[512];
        uint32_t order[SERIES], at = 0;
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
        for (uint32_t kind = 0; kind < 3; kind++)
                for (uint32_t n = kind; n < SERIES; n += 3)
                        order[at++] = n;
        for (uint32_t k = 0; k < SERIES; k++)
                for (uint32_t i = 0; i < SAMPLES + LOGGED; i++)
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

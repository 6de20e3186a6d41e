/* Bytes and nanoseconds per sample of the block codec. Usage: chunk_bench [rounds] */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "tsdb/chunk_int.h"

enum { COUNT = CHUNK_MAX_SAMPLES };

static uint64_t seed = 42;

static double uniform(void)
{
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        return (double)(seed >> 11) / 0x1p53;
}

static double constant(size_t i)
{
        (void)i;
        return 17;
}

static double counter(size_t i)
{
        static double v;

        v = i ? v + floor(uniform() * 200) : 1e6;
        return v;
}

static double slow_counter(size_t i)
{
        static double v;

        v = i ? v + (uniform() < 0.1) : 12345;
        return v;
}

static double seconds_counter(size_t i)
{
        static double cents;

        cents = i ? cents + floor(uniform() * 300) : 1e6;
        return cents / 100;
}

static double memory_gauge(size_t i)
{
        static double pages;

        pages = i ? pages + floor(uniform() * 400) - 200 : 1e6;
        return pages * 4096;
}

static double percent_gauge(size_t i)
{
        (void)i;
        return round(uniform() * 10000) / 100;
}

static double price(size_t i)
{
        static double ticks;

        ticks = i ? ticks + floor(uniform() * 21) - 10 : 17834250;
        return ticks / 100000;
}

static double price_9_digits(size_t i)
{
        static double ticks;

        ticks = i ? ticks + floor(uniform() * 20001) - 10000 : 178342501;
        return ticks / 1e6;
}

static double full_precision(size_t i)
{
        (void)i;
        return uniform();
}

static const struct {
        const char *name;
        double (*next)(size_t i);
        bool jitter;
} cases[] = {
        {"constant", constant, false},
        {"counter", counter, false},
        {"counter, jittered time", counter, true},
        {"slow counter", slow_counter, false},
        {"seconds counter, 2 decimals", seconds_counter, false},
        {"memory gauge, pages", memory_gauge, false},
        {"percent gauge, 2 decimals", percent_gauge, false},
        {"price, 5 decimals", price, false},
        {"price, 9 digits", price_9_digits, false},
        {"random, 53 bits", full_precision, false},
};

static int64_t now(void)
{
        return clock_mono_ns(&clock_real);
}

static void fill(size_t which, int64_t *t_ms, double *v)
{
        for (size_t i = 0; i < COUNT; i++) {
                t_ms[i] = 1700000000000 + (int64_t)i * 15000 +
                          (cases[which].jitter ? (int64_t)(uniform() * 20) : 0);
                v[i] = cases[which].next(i);
        }
}

/* The quickest of the rounds: other work on the machine only ever adds. */
static void run(size_t which, int rounds)
{
        static int64_t t_ms[COUNT];
        static double v[COUNT];
        struct samples samples = {.t_ms = t_ms, .v = v, .count = COUNT, .capacity = COUNT};
        struct samples out = {0};
        uint8_t *bytes = malloc(chunk_bound(&samples, 0, COUNT)), *end = bytes;
        int64_t encode_ns = INT64_MAX, decode_ns = INT64_MAX, took_ns;
        struct chunk chunk;
        size_t len;

        fill(which, t_ms, v);
        for (int i = 0; i < rounds; i++) {
                samples_truncate(&out, 0);
                took_ns = -now();
                end = chunk_encode(bytes, 12345, 1699999200000, &samples, 0, COUNT, NULL);
                took_ns += now();
                encode_ns = took_ns < encode_ns ? took_ns : encode_ns;
                took_ns = -now();
                if (!chunk_parse(bytes, (size_t)(end - bytes), 1699999200000, &chunk, &len, NULL) ||
                    !chunk_decode(&chunk, &out, NULL))
                        abort();
                took_ns += now();
                decode_ns = took_ns < decode_ns ? took_ns : decode_ns;
        }
        if (memcmp(v, out.v, sizeof(v)) || memcmp(t_ms, out.t_ms, sizeof(t_ms)))
                abort();
        samples_release(&out);
        printf("%-28s %6.3f B/sample  encode %6.2f ns  decode %5.2f ns (%.0f M/s)\n",
               cases[which].name, (double)(end - bytes) / COUNT, (double)encode_ns / COUNT,
               (double)decode_ns / COUNT, 1e3 * COUNT / (double)decode_ns);
        free(bytes);
}

int main(int argc, char **argv)
{
        int rounds = argc > 1 ? atoi(argv[1]) : 2000;

        for (size_t i = 0; i < ARRAY_LEN(cases); i++)
                run(i, rounds);
        return 0;
}

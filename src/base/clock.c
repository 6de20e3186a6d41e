#include "base/clock.h"

#include <time.h>

static int64_t read_clock(clockid_t id)
{
        struct timespec ts;

        clock_gettime(id, &ts);
        return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int64_t real_now_ns(void *ctx)
{
        (void)ctx;
        return read_clock(CLOCK_REALTIME);
}

static int64_t real_mono_ns(void *ctx)
{
        (void)ctx;
        return read_clock(CLOCK_MONOTONIC);
}

const struct clock clock_real = {real_now_ns, real_mono_ns, NULL};

int64_t clock_mono_coarse_ns(void)
{
        return read_clock(CLOCK_MONOTONIC_COARSE);
}

int64_t clock_thread_cpu_ns(void)
{
        return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

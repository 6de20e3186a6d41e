/* base/clock.h - time, injectable. Whatever waits or stamps takes a clock, so that a test can
 * run a fortnight in a second (testing/clock.h has the fake). */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/compiler.h"

struct clock {
        int64_t (*now_ns)(void *ctx);  /* since 1970 UTC; may jump */
        int64_t (*mono_ns)(void *ctx); /* monotonic, arbitrary origin */
        void *ctx;
};

extern const struct clock clock_real;

static inline int64_t clock_now_ns(const struct clock *clock)
{
        return clock->now_ns(clock->ctx);
}

static inline int64_t clock_now_ms(const struct clock *clock)
{
        return clock->now_ns(clock->ctx) / 1000000;
}

static inline int64_t clock_mono_ns(const struct clock *clock)
{
        return clock->mono_ns(clock->ctx);
}

/* The monotonic time of clock_real, up to some milliseconds old: for looking at it all the time. */
int64_t clock_mono_coarse_ns(void);
int64_t clock_thread_cpu_ns(void); /* CPU time this thread has used */

#endif

/* model/sample.h - one float sample, and the staleness marker. */
#ifndef MODEL_SAMPLE_H
#define MODEL_SAMPLE_H

#include <math.h>
#include <string.h>

#include "base/compiler.h"

/* The bit pattern with which a series says "I am gone" (Prometheus model/value). It is a NaN, so
 * it must be compared as bits. */
#define SAMPLE_STALE_BITS 0x7ff0000000000002u
/* The quiet NaN that Prometheus writes for an ordinary "not a number". */
#define SAMPLE_NAN_BITS 0x7ff8000000000001u

struct sample {
        int64_t t_ms;
        double v;
};

/* Columns of samples of one series in time order; who fills them says who owns them. */
struct samples {
        int64_t *t_ms;
        double *v;
        size_t count;
        size_t capacity;
};

static inline uint64_t sample_bits(double v)
{
        uint64_t bits;

        memcpy(&bits, &v, sizeof(bits));
        return bits;
}

static inline double sample_from_bits(uint64_t bits)
{
        double v;

        memcpy(&v, &bits, sizeof(v));
        return v;
}

static inline bool sample_is_stale(double v)
{
        return sample_bits(v) == SAMPLE_STALE_BITS;
}

/* Makes room for `more` further samples; heap-backed. samples_release frees the columns. */
void samples_reserve(struct samples *samples, size_t more);
void samples_release(struct samples *samples);

static inline void samples_append(struct samples *samples, int64_t t_ms, double v)
{
        if (UNLIKELY(samples->count == samples->capacity))
                samples_reserve(samples, 1);
        samples->t_ms[samples->count] = t_ms;
        samples->v[samples->count++] = v;
}

#endif

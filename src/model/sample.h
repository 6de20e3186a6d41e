/* model/sample.h - one float sample, columns of samples, and the staleness marker. */
#ifndef MODEL_SAMPLE_H
#define MODEL_SAMPLE_H

#include <math.h>
#include <string.h>

#include "base/compiler.h"

struct arena;
struct histogram;

/* The bit pattern with which a series says "I am gone" (Prometheus model/value). It is a NaN, so
 * it must be compared as bits. */
#define SAMPLE_STALE_BITS 0x7ff0000000000002u
/* The quiet NaN that Prometheus writes for an ordinary "not a number". */
#define SAMPLE_NAN_BITS 0x7ff8000000000001u

struct sample {
        int64_t t_ms;
        double v;
};

/* Columns of samples of one series in time order; who fills them says who owns them.
 *
 * The columns behind `v` exist only once a sample needs them. Their entries from `count` on are
 * always zero, so that code that knows floats alone may write t_ms and v and raise `count`, but
 * must lower it with samples_truncate. */
struct samples {
        int64_t *t_ms;
        double *v;                  /* of a histogram: its sum */
        const struct histogram **h; /* NULL: all are floats; else NULL where it is one */
        int64_t *start_ms;          /* NULL: no start timestamp is known; else 0 where not */
        size_t count;
        size_t capacity;
        struct arena *arena;        /* owned; holds the histograms; made by samples_arena */
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

/* Makes room for `more` further samples; heap-backed. samples_release frees everything. */
void samples_reserve(struct samples *samples, size_t more);
void samples_release(struct samples *samples);
/* Keeps the first `count`; 0 also gives back what the histograms held. */
void samples_truncate(struct samples *samples, size_t count);
/* Where histograms that are put into these samples live. */
struct arena *samples_arena(struct samples *samples);
/* Sets a column's entry at `at` (below capacity), making the column when there is none. */
void samples_set_histogram(struct samples *samples, size_t at, const struct histogram *h);
void samples_set_start(struct samples *samples, size_t at, int64_t start_ms);
/* Copies entry `from` over entry `to`, all columns. */
static inline void samples_move(struct samples *samples, size_t to, size_t from)
{
        samples->t_ms[to] = samples->t_ms[from];
        samples->v[to] = samples->v[from];
        if (UNLIKELY(samples->h != NULL))
                samples->h[to] = samples->h[from];
        if (UNLIKELY(samples->start_ms != NULL))
                samples->start_ms[to] = samples->start_ms[from];
}

static inline const struct histogram *samples_histogram(const struct samples *samples, size_t at)
{
        return samples->h ? samples->h[at] : NULL;
}

static inline void samples_append(struct samples *samples, int64_t t_ms, double v)
{
        if (UNLIKELY(samples->count == samples->capacity))
                samples_reserve(samples, 1);
        samples->t_ms[samples->count] = t_ms;
        samples->v[samples->count++] = v;
}

#endif

/* promql/number_int.h - Go's arithmetic where it differs from C's, and its compensated sum. */
#ifndef PROMQL_NUMBER_INT_H
#define PROMQL_NUMBER_INT_H

#include <math.h>

#include "model/sample.h"

static inline double number_nan(void)
{
        return sample_from_bits(SAMPLE_NAN_BITS);
}

/* math.Max and math.Min: infinity wins over NaN, NaN over the rest, and 0 is more than -0. */
double number_max(double a, double b);
double number_min(double a, double b);

/* Neumaier's sum: add what was lost in *c to *sum at the end. */
static inline void number_kahan(double v, double *sum, double *c)
{
        double t = *sum + v;

        if (isinf(t))
                *c = 0;
        else if (fabs(*sum) >= fabs(v))
                *c += (*sum - t) + v;
        else
                *c += (v - t) + *sum;
        *sum = t;
}

#endif

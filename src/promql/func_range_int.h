/* promql/func_range_int.h - the functions over one window of samples. */
#ifndef PROMQL_FUNC_RANGE_INT_H
#define PROMQL_FUNC_RANGE_INT_H

#include "promql/eval_int.h"

/* In func_rate.c. */
range_function range_rate, range_increase, range_delta, range_irate, range_idelta;
range_function range_event_count; /* resets and changes */
range_function range_deriv, range_predict_linear, range_double_exponential_smoothing;

#endif

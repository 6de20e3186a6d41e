/* promql/func_range_int.h - the functions over one window of samples. */
#ifndef PROMQL_FUNC_RANGE_INT_H
#define PROMQL_FUNC_RANGE_INT_H

#include "promql/scan_int.h"

/* In func_rate.c. */
range_function range_rate, range_increase, range_delta, range_irate, range_idelta;
range_function range_event_count; /* resets and changes */
range_function range_deriv, range_predict_linear, range_double_exponential_smoothing;
/* Does a counter begin anew with a sample, judging by start timestamps? */
bool range_is_start(int64_t previous_start_ms, int64_t previous_ms, int64_t start_ms,
                    int64_t t_ms);

/* In func_rate_mixed.c: the same with histograms and start timestamps. */
range_function range_mixed_rate, range_mixed_increase, range_mixed_delta;
range_function range_mixed_irate, range_mixed_idelta;
range_function range_mixed_resets, range_mixed_changes;

/* In func_rate_extended.c: anchored and smoothed. */
bool range_extended_rate(struct window *window, bool is_counter, bool is_rate, double *ret_v);
/* What lies between two samples on a straight line. A counter that was reset between them starts
 * from zero. NULL when histograms do not mix; *notes says so. */
double range_between(double a, int64_t a_ms, double b, int64_t b_ms, int64_t t_ms,
                     bool is_counter);
const struct histogram *range_histogram_between(struct arena *arena, const struct histogram *a,
                                                int64_t a_ms, const struct histogram *b,
                                                int64_t b_ms, int64_t t_ms, bool is_counter,
                                                uint32_t *notes);
/* A range vector with the values at its very ends. Heap-backed columns; histograms in `made`. */
void range_extend(const struct samples *samples, int64_t start_ms, int64_t end_ms, bool smoothed,
                  struct samples *out, struct scratch *scratch, uint32_t *notes);

/* In func_over_time_mixed.c. */
range_function range_mixed_sum, range_mixed_avg, range_mixed_count, range_mixed_present;
range_function range_mixed_first, range_mixed_last, range_mixed_ts_of_first,
        range_mixed_ts_of_last;

/* In selector.c: the reset hint of a histogram among samples that were read. */
enum histogram_reset selector_reset(const struct samples *samples, size_t at, bool stats);

#endif

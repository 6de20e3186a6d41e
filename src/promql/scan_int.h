/* promql/scan_int.h - range vectors: reading series, windows over their samples, and the functions
 * over those. */
#ifndef PROMQL_SCAN_INT_H
#define PROMQL_SCAN_INT_H

#include "promql/eval_int.h"

/* In scan.c: reads series, in waves, on several threads. */
/* Samples by kind, in time order; a column of start times is NULL when nobody asks. */
struct points {
        int64_t *t_ms, *start_ms;
        double *v;
        const struct histogram **h;
        bool *reset; /* of a histogram: a counter began anew with it; only for EVENTS_RESETS */
        size_t count, capacity;
};
void points_reserve(struct points *points, size_t count);

struct scratch {
        struct samples samples;
        double *sort;   /* room for a window */
        size_t *events; /* positions of resets or changes */
        size_t sort_capacity, events_capacity;
        struct points floats, histograms; /* room for a window with histograms or start times */
        struct arena made; /* histograms of rows that have not been handed on */
        uint64_t samples_read;
        uint64_t *per_step; /* NULL unless asked for */
};
double *scratch_sort(struct scratch *scratch, size_t count);
size_t *scratch_events(struct scratch *scratch, size_t count);
void scratch_release(struct scratch *scratch);

/* What is computed of one series. */
struct scan_row {
        size_t width;
        double *v;
        const struct histogram **h; /* as in struct row */
        uint32_t notes;             /* bits of enum histogram_note, of all its times */
};
/* Puts a histogram, which lives in scratch->made, at one time. */
void scan_row_put(struct scratch *scratch, struct scan_row *row, size_t step,
                  const struct histogram *h);

struct scan {
        const struct series_list *list;
        const struct grid *grid;
        /* The window of a time t is (t - offset - range, t - offset], or with `fixed` the same
         * for all times, (at - offset - range, at - offset]. */
        bool fixed;
        int64_t at_ms, offset_ms, range_ms;
        int64_t before_ms, after_ms; /* what is read beside the windows */
        bool without_stale;          /* staleness markers are no samples */
        /* Any thread: fills times [from, to) of series `index` from its samples in those
         * windows. */
        void (*compute)(const void *ctx, struct scratch *scratch, size_t index, size_t from,
                        size_t to, struct scan_row *row);
        /* The query's thread, in the order of the list; not called for rows that have neither
         * a value nor notes. */
        bool (*emit)(void *ctx, size_t index, const struct scan_row *row, struct error *err);
        void *ctx;
};
static inline int64_t scan_window_end(const struct scan *scan, size_t step)
{
        return (scan->fixed ? scan->at_ms : grid_time(scan->grid, step)) - scan->offset_ms;
}
NODISCARD bool scan_run(struct eval *eval, const struct scan *scan, struct error *err);
/* Samples of one series in [mint, maxt], with or without staleness markers. */
NODISCARD bool scan_read(struct eval *eval, const struct series *series, int64_t mint_ms,
                         int64_t maxt_ms, bool keep_stale, struct samples *samples,
                         struct error *err);

/* In range.c: functions over range vectors. */
enum range_extension { RANGE_PLAIN, RANGE_ANCHORED, RANGE_SMOOTHED };
/* What rate() worked out about a window, as long as the next ones lie the same. */
struct window_stretch {
        size_t gaps; /* between samples; 0: nothing yet */
        int64_t before_ms, after_ms, span_ms;
        double to_start, to_end, sampled, factor;
};

/* One step's view of the samples of one series. */
struct window {
        const int64_t *t_ms;
        const double *v;
        size_t count; /* at least 1, unless `mixed` */
        const size_t *events; /* positions, counted from `base`, of resets or changes inside */
        size_t event_count, base;
        int64_t start_ms, end_ms, eval_ms, range_ms;
        double args[FUNCTION_ARGS_MAX];
        struct scratch *scratch;
        /* For the function's own use from one window of a series to the next: the position of
         * the extreme, and up to where it was looked for (0: not yet); counted like `events`. */
        size_t extreme, extreme_end;
        struct window_stretch stretch;
        /* With `mixed` there are no events, what is above is of the floats alone, and these are
         * all samples by kind; one kind may be missing. */
        bool mixed;
        enum range_extension extended;
        const struct points *floats, *histograms;
        const struct histogram *result; /* in scratch->made: the value, in place of *ret_v */
        uint32_t notes;
};
/* False: no value at this step. */
typedef bool range_function(struct window *window, double *ret_v);

struct range_kind {
        range_function *function;
        enum { EVENTS_NONE, EVENTS_RESETS, EVENTS_CHANGES } events;
        bool keeps_name;
        range_function *mixed; /* NULL: histograms are ignored */
};
/* NULL when a function is not one over a range vector. */
const struct range_kind *range_kind_of(enum function_kind function);
const struct node *range_argument(const struct node *call); /* its range vector, unwrapped */

NODISCARD bool eval_range_call(struct eval *eval, const struct node *call,
                               const struct grid *grid, struct sink sink, struct error *err);
/* The samples of a range vector expression, series by series. */
struct samples_sink {
        bool (*push)(void *ctx, const struct row *row, const struct samples *samples,
                     struct error *err);
        void *ctx;
};
NODISCARD bool eval_matrix(struct eval *eval, const struct node *node, const struct grid *grid,
                           struct samples_sink sink, struct error *err);
NODISCARD bool eval_subquery(struct eval *eval, const struct node *node, const struct grid *grid,
                             struct samples_sink sink, struct error *err);

#endif

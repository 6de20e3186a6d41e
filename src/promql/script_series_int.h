/* promql/script_series_int.h - the items of series lines in test scripts. */
#ifndef PROMQL_SCRIPT_SERIES_INT_H
#define PROMQL_SCRIPT_SERIES_INT_H

#include "promql/script_int.h"

struct script_values {
        struct arena *arena;
        struct script_value *items;
        size_t count, capacity;
};

NODISCARD bool script_values_put(struct script_values *values, struct script_value value,
                                 struct error *err);
/* What stands at the start of a text, which is then behind it. */
NODISCARD bool script_take_number(struct str *text, double *ret_v);
/* xN, at the very end: how often an item is repeated. */
NODISCARD bool script_take_times(struct str *text, size_t *ret_times);

/* In script_histogram.c and script_start.c: all values of one item. */
NODISCARD bool script_histograms_parse(struct script_values *values, struct str item,
                                       struct error *err);
NODISCARD bool script_starts_parse(struct script_values *values, struct str item,
                                   struct error *err);

#endif

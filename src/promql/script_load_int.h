/* promql/script_load_int.h - the series of one load command of a test script. */
#ifndef PROMQL_SCRIPT_LOAD_INT_H
#define PROMQL_SCRIPT_LOAD_INT_H

#include "model/series.h"
#include "promql/labelset_int.h"
#include "promql/script_int.h"

struct script_load_series {
        struct labels labels;
        const struct script_value *values, *starts;
        size_t count, start_count; /* of starts: as many, or any number, over and over */
};

struct script_load {
        struct arena *arena;
        int64_t gap_ms;
        struct labelset_table table; /* numbers the items */
        struct script_load_series *items;
        size_t capacity;
        struct script_series starts; /* a line of these waits for its series */
        bool has_starts;
        struct script_series defaults;
};

void script_load_init(struct script_load *load, struct arena *arena, int64_t gap_ms);
NODISCARD bool script_load_add(struct script_load *load, const struct script_series *series,
                               struct error *err);
/* Adds, for each classic histogram, a native one with custom buckets. */
NODISCARD bool script_load_convert(struct script_load *load, struct error *err);
NODISCARD bool script_load_store(const struct script_load *load, struct series_sink sink,
                                 struct error *err);

#endif

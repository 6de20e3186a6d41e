/* promql/script_run_int.h - running the cases of a test script. */
#ifndef PROMQL_SCRIPT_RUN_INT_H
#define PROMQL_SCRIPT_RUN_INT_H

#include "promql/script.h"
#include "promql/script_int.h"

struct script_run {
        struct arena *arena;
        const char *file_name;
        struct promql_options options;
        struct series_source sources[PROMQL_SCRIPT_STORES_MAX];
        size_t store_count;
        struct promql_script_result *result;
        struct buf *report;
};

void script_run_init(struct script_run *run, struct arena *arena, const char *file_name,
                     const struct promql_options *options, struct promql_script_result *result,
                     struct buf *report);
void script_run_case(struct script_run *run, const struct script_case *test);

#endif

/* promql/script_run_int.h - running the cases of a test script. */
#ifndef PROMQL_SCRIPT_RUN_INT_H
#define PROMQL_SCRIPT_RUN_INT_H

#include "promql/script.h"
#include "promql/script_int.h"

/* A series that a script loads but the store does not have: cases that select it are skipped. */
struct script_unloaded {
        struct script_unloaded *next;
        struct labels labels;
        const char *reason;
};

struct script_skip {
        struct script_skip *next;
        const char *reason;
        size_t count;
};

struct script_run {
        struct arena *arena;
        const char *file_name;
        struct promql_options options;
        struct series_source sources[PROMQL_SCRIPT_STORES_MAX];
        size_t store_count;
        struct script_unloaded *unloaded;
        struct script_skip *skips;
        struct promql_script_result *result;
        struct buf *report;
};

void script_run_init(struct script_run *run, struct arena *arena, const char *file_name,
                     const struct promql_options *options, struct promql_script_result *result,
                     struct buf *report);
void script_run_add_unloaded(struct script_run *run, struct labels labels, const char *reason);
/* load_with_nhcb also makes a native histogram of each classic one. */
void script_run_add_nhcb(struct script_run *run, struct labels labels);
void script_run_forget_unloaded(struct script_run *run);
void script_run_case(struct script_run *run, const struct script_case *test);
void script_run_report_skipped(struct script_run *run);

#endif

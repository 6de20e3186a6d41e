/* promtool/metrics_int.h - metric families, as check metrics reads them. */
#ifndef PROMTOOL_METRICS_INT_H
#define PROMTOOL_METRICS_INT_H

#include "base/arena.h"
#include "model/labels.h"

enum family_type { FAMILY_UNTYPED, FAMILY_COUNTER, FAMILY_GAUGE, FAMILY_HISTOGRAM, FAMILY_SUMMARY };

struct metric {
        struct labels labels; /* without le and quantile of a histogram or summary */
        size_t parts;         /* buckets or quantiles */
        struct metric *next;
};

struct family {
        struct str name;
        enum family_type type;
        bool typed, helped;
        struct metric *first, *last;
        size_t metric_count;
};

/* Prints what there is to complain about on standard error; true when there is nothing. */
NODISCARD bool lint_families(struct family *const *families, size_t count);

#endif

/* collectors/target_int.h - from a discovered target to what is scraped. */
#ifndef COLLECTORS_TARGET_INT_H
#define COLLECTORS_TARGET_INT_H

#include "collectors/scrape.h"

struct target_plan {
        struct labels discovered; /* before relabeling */
        struct labels relabeled;  /* after it, with all but __meta_ labels; empty: dropped */
        struct labels labels;     /* of the series: without __ labels */
        struct str url;
        int64_t interval_ms, timeout_ms;
        bool native_histograms, convert_classic, always_classic;
        bool dropped;
};

/* Labels, relabeling, URL and times of target `index` of a group, as Prometheus's PopulateLabels
 * makes them. Everything is in the arena. ERROR_INVALID when the outcome is no usable target. */
NODISCARD bool target_plan_make(struct target_plan *plan, struct arena *arena,
                                const struct scrape_config *config,
                                const struct target_group *group, size_t index,
                                struct error *err);

#endif

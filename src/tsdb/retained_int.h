/* tsdb/retained_int.h - how long each series is kept, when rules by matchers say.
 *
 * `retention_rules` is a copy of the options' rules; `retained` is what they mean for the series
 * of an index. Both are immutable and reference counted. Without rules there are none of either,
 * and data goes by whole partitions.
 */
#ifndef TSDB_RETAINED_INT_H
#define TSDB_RETAINED_INT_H

#include "tsdb/index_int.h"
#include "tsdb/tsdb.h"

struct retention_rules;
struct retained;

/* NULL when there are no rules. */
struct retention_rules *retention_rules_new(const struct tsdb_options *options);
struct retention_rules *retention_rules_ref(struct retention_rules *rules);
struct retention_rules *retention_rules_unref(struct retention_rules *rules);
/* The longest and the shortest time anything is kept, `general_ms` being that of series that no
 * rule matches; 0: for ever. */
int64_t retention_rules_longest(const struct retention_rules *rules, int64_t general_ms);
int64_t retention_rules_shortest(const struct retention_rules *rules, int64_t general_ms);

/* For the series with ids below `end`; those behind count as matched by no rule. */
struct retained *retained_new(struct retention_rules *rules, struct index *index, uint32_t end,
                              int64_t general_ms);
struct retained *retained_ref(struct retained *retained);     /* takes NULL */
struct retained *retained_unref(struct retained *retained);   /* takes NULL, returns NULL */
bool retained_is_of(const struct retained *retained, const struct retention_rules *rules,
                    const struct index *index, uint32_t end, int64_t general_ms);

/* The oldest timestamp that is kept of the series; INT64_MIN: all, also without rules. */
int64_t retained_since(const struct retained *retained, uint32_t series, int64_t now_ms);

#endif

/* promql/notes_int.h - the warnings and infos of one evaluation, each text once. */
#ifndef PROMQL_NOTES_INT_H
#define PROMQL_NOTES_INT_H

#include "promql/expr_int.h"

struct note;

struct notes {
        struct arena *arena;
        struct str text; /* of the query */
        struct note *first, *last;
        size_t count;
};

void notes_init(struct notes *notes, struct arena *arena, struct str text);

/* "PromQL warning: message (line:column)"; kept once per message, wherever it came from. */
void notes_warn(struct notes *notes, const struct node *where, const char *fmt, ...)
        PRINTF_LIKE(3, 4);
void notes_info(struct notes *notes, const struct node *where, const char *fmt, ...)
        PRINTF_LIKE(3, 4);

/* What the store says: a warning as it stands, with no place in the query. */
void notes_store(struct notes *notes, const char *text);

/* What is said of histograms in several places, as bits that can be collected where no text can be
 * made. Those of a metric name it. */
enum histogram_note {
        NOTE_MIXED_FLOATS = 1 << 0,
        NOTE_MIXED_BUCKETS = 1 << 1,
        NOTE_NOT_COUNTER = 1 << 2,
        NOTE_NOT_GAUGE = 1 << 3,
        NOTE_RECONCILED_ADDITION = 1 << 4,
        NOTE_RECONCILED_SUBTRACTION = 1 << 5,
        NOTE_RECONCILED_AGGREGATION = 1 << 6,
        NOTE_COLLISION_ADDITION = 1 << 7,
        NOTE_COLLISION_SUBTRACTION = 1 << 8,
        NOTE_COLLISION_AGGREGATION = 1 << 9,
        NOTE_IGNORED_IN_RANGE = 1 << 10,
        NOTE_START_OVERLAP = 1 << 11,
};
void notes_histograms(struct notes *notes, const struct node *where, uint32_t bits,
                      struct str metric_name);

/* histogram_quantile had to force buckets into order; these widen into one info. */
struct note_monotonic {
        int64_t t_ms;
        double min_bucket, max_bucket, max_diff;
};
void notes_monotonic(struct notes *notes, const struct node *where, struct str metric_name,
                     const struct note_monotonic *found);

/* Texts as the API shows them: the first ten of each kind, then how many were left out. */
void notes_finish(const struct notes *notes, struct arena *arena, struct promql_notes *ret_notes);

#endif

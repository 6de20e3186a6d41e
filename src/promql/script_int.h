/* promql/script_int.h - the parts of a test script. */
#ifndef PROMQL_SCRIPT_INT_H
#define PROMQL_SCRIPT_INT_H

#include "model/labels.h"
#include "promql/promql.h"

/* One value of a series; `omitted` is the underscore. */
struct script_value {
        double v;
        const struct histogram *h; /* NULL: a float */
        int64_t offset_ms; /* of a line of start timestamps: from the sample's own */
        bool omitted, has_hint;
};

/* name{a="b"} 1 2 3, or name{a="b"}@st -1m -2m: start timestamps for the line that follows, or
 * @st -1m: for all that have no such line, over and over. */
struct script_series {
        struct labels labels;
        struct script_value *values;
        size_t count;
        bool is_starts, is_default;
};

/* Parses a series line into the arena. */
NODISCARD bool script_series_parse(struct arena *arena, struct str line,
                                   struct script_series *ret_series, struct error *err);

enum script_expect_kind {
        EXPECT_FAIL,
        EXPECT_WARN,
        EXPECT_INFO,
        EXPECT_NO_WARN,
        EXPECT_NO_INFO,
        EXPECT_KINDS,
};

struct script_expect {
        struct script_expect *next;
        enum script_expect_kind kind;
        enum { MATCH_ANY, MATCH_TEXT, MATCH_REGEX } match;
        struct str text;
};

/* One eval command. */
struct script_case {
        size_t line;
        bool is_range;
        struct str expr;
        int64_t start_ms, end_ms, step_ms; /* instant: only start_ms */
        bool ordered, has_string, has_range_vector;
        struct str string;
        int64_t vector_start_ms, vector_end_ms, vector_step_ms;
        struct script_expect *expects;
        bool has_scalar;
        double scalar;
        struct script_series *series;
        size_t series_count;
};

bool script_expects(const struct script_case *test, enum script_expect_kind kind);

/* What went wrong goes to `report`. */
bool script_check_notes(const struct script_case *test, const struct promql_notes *notes,
                        struct buf *report);
bool script_check_failure(const struct script_case *test, const char *message,
                          struct buf *report);
/* Compares a result of the case's own kind (instant or range) with what it expects. */
bool script_check_result(const struct script_case *test, const struct promql_result *result,
                         struct buf *report);

#endif

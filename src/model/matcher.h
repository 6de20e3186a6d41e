/* model/matcher.h - a condition on one label: =, !=, =~, !~. Regexes are fully anchored; an
 * absent label has the empty value. Immutable once made; may be shared by threads. */
#ifndef MODEL_MATCHER_H
#define MODEL_MATCHER_H

#include "model/labels.h"

struct regex;

enum matcher_op { MATCHER_EQUAL, MATCHER_NOT_EQUAL, MATCHER_REGEX, MATCHER_NOT_REGEX };

struct matcher {
        enum matcher_op op;
        struct str name;
        struct str value;
        struct regex *regex; /* for the two regex kinds; owned by the arena given at init */
};

/* Name and value are borrowed. ERROR_INVALID for a bad regex. */
NODISCARD bool matcher_init(struct matcher *matcher, struct arena *arena, enum matcher_op op,
                            struct str name, struct str value, struct error *err);
bool matcher_matches(const struct matcher *matcher, struct str value);
bool matchers_match_labels(const struct matcher *matchers, size_t count, struct labels labels);
const char *matcher_op_text(enum matcher_op op); /* "=", "!=", "=~", "!~" */

#endif

/* formats/graphite.h - Graphite's plaintext protocol, with tags:
 *
 *     desk.fx.orders;venue=XLON 12.5 1700000000
 *
 * Source: Graphite's documentation, "The plaintext protocol" and "Carbon: tags".
 */
#ifndef FORMATS_GRAPHITE_H
#define FORMATS_GRAPHITE_H

#include "base/error.h"
#include "model/labels.h"

struct graphite_line {
        struct str path;
        struct labels tags; /* sorted */
        double value;
        bool has_time; /* else now: none, -1 or N */
        int64_t t_ms;
};

/* Tags go into the arena. ERROR_INVALID with the reason. */
NODISCARD bool graphite_parse(struct str line, struct arena *arena, struct graphite_line *ret_line,
                              struct error *err);

#endif

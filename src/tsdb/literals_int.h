/* tsdb/literals_int.h - what a regex can only match: a few whole texts, or a prefix. */
#ifndef TSDB_LITERALS_INT_H
#define TSDB_LITERALS_INT_H

#include "base/arena.h"

enum { LITERALS_MAX = 1024 };

struct literals {
        struct str *items; /* when the pattern matches exactly these texts */
        size_t count;      /* 0: not such a pattern */
        struct str prefix; /* otherwise every match begins with this; may be empty */
};

/* Of a fully anchored pattern; the results live in the arena. Gives up, with no items and an
 * empty prefix, on whatever it does not know. */
struct literals literals_of(struct arena *arena, struct str pattern);

#endif

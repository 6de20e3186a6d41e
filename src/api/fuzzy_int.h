/* api/fuzzy_int.h - how much a text resembles what was typed: from 0, not at all, to 1, the same.
 * Compared byte by byte; ASCII letters may be taken without their case. */
#ifndef API_FUZZY_INT_H
#define API_FUZZY_INT_H

#include "base/str.h"

/* All of `pattern` must occur in order; long runs count more than scattered characters, and what
 * stands between and around them takes a little away. */
double fuzzy_subsequence(struct str pattern, struct str text, bool ignore_case);

/* The similarity of Jaro and Winkler (prefix weight 0.1, up to four characters); a text that holds
 * the pattern as it is has 1. */
double fuzzy_jaro_winkler(struct str pattern, struct str text, bool ignore_case);

#endif

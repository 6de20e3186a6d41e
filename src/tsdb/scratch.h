/* tsdb/scratch.h - a store that goes when it is closed, for tests that users run.
 *
 * It takes samples of any time and does nothing by itself.
 */
#ifndef TSDB_SCRATCH_H
#define TSDB_SCRATCH_H

#include "base/error.h"

struct tsdb_scratch {
        char dir[256]; /* "" when it is closed */
        struct tsdb *tsdb;
};

NODISCARD bool tsdb_scratch_open(struct tsdb_scratch *ret_scratch, struct error *err);
void tsdb_scratch_close(struct tsdb_scratch *scratch); /* may be closed already, or all zero */

#endif

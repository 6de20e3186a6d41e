/* model/duration.h - durations as Prometheus writes them: 1h30m, 15s, 500ms, 1d, 2w, 1y. */
#ifndef MODEL_DURATION_H
#define MODEL_DURATION_H

#include "base/buf.h"
#include "base/error.h"

/* Units in the order y w d h m s ms, each at most once; "0" without a unit is allowed.
 * ERROR_INVALID with Prometheus's text: not a valid duration string: "x", unknown unit "x" in
 * duration "1x", or duration out of range. */
NODISCARD bool duration_parse(struct str text, int64_t *ret_ms, struct error *err);

/* The shortest such spelling, as Prometheus's model.Duration prints it: "0s", "1h30m", "1d". Weeks
 * and years only when the whole duration is a multiple of them. */
void duration_append(struct buf *out, int64_t ms);

#endif

/* base/zone.h - time zones, read from the system's zoneinfo files (RFC 8536).
 *
 * A zone is read once, kept for the life of the process, immutable and free to share between
 * threads. NULL stands for UTC everywhere.
 */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include "base/error.h"
#include "base/str.h"

struct zone;

struct zone_offset {
        int32_t east_s;           /* what is added to UTC */
        bool is_summer;
        const char *abbreviation; /* "CET"; lives as long as the zone */
};

/* "" and "UTC" are NULL, "Local" is the zone of this machine. ERROR_NOT_FOUND: "unknown time zone
 * x", ERROR_CORRUPT when the file makes no sense. */
NODISCARD bool zone_open(struct str name, const struct zone **ret_zone, struct error *err);
const char *zone_name(const struct zone *zone);
struct zone_offset zone_offset_at(const struct zone *zone, int64_t unix_s);
/* Of a local time, given as if it were UTC. When a change of the clock skips or repeats it, the
 * choice is that of Go's time.Date. */
int64_t zone_to_unix(const struct zone *zone, int64_t local_s);

/* The bytes of a zoneinfo file as a zone, for tests; to be freed. */
NODISCARD bool zone_parse(const void *data, size_t len, const char *name, struct zone **ret_zone,
                          struct error *err);
struct zone *zone_free(struct zone *zone);

#endif

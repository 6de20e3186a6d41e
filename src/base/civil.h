/* base/civil.h - calendar time in UTC, proleptic Gregorian, for any int64 of seconds that a
 * float64 timestamp can name. Pure functions. */
#ifndef BASE_CIVIL_H
#define BASE_CIVIL_H

#include "base/buf.h"

struct civil {
        int64_t year;
        int month;       /* 1..12 */
        int day;         /* 1..31 */
        int hour, minute, second;
        int weekday;     /* 0 = Sunday */
        int day_of_year; /* 1..366 */
};

struct civil civil_from_unix(int64_t unix_s);
int64_t civil_to_unix(const struct civil *civil); /* weekday and day_of_year are ignored */
int civil_days_in_month(int64_t year, int month);

/* RFC 3339 in UTC with as many fraction digits as needed (none to nine), as Go prints it. */
void civil_format_rfc3339(struct buf *out, int64_t unix_ns);
/* RFC 3339 with any offset and fraction; false when malformed. */
NODISCARD bool civil_parse_rfc3339(struct str text, int64_t *ret_unix_ns);

#endif

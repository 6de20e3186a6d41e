/* template/layout_int.h - the pieces of a layout of Go's package time. */
#ifndef TEMPLATE_LAYOUT_INT_H
#define TEMPLATE_LAYOUT_INT_H

#include "base/str.h"

enum layout_piece {
        LAYOUT_END, /* nothing but plain text is left */
        LAYOUT_LONG_MONTH,
        LAYOUT_MONTH,
        LAYOUT_NUMBER_MONTH,
        LAYOUT_ZERO_MONTH,
        LAYOUT_LONG_WEEKDAY,
        LAYOUT_WEEKDAY,
        LAYOUT_DAY,
        LAYOUT_SPACE_DAY,
        LAYOUT_ZERO_DAY,
        LAYOUT_SPACE_YEAR_DAY,
        LAYOUT_ZERO_YEAR_DAY,
        LAYOUT_HOUR,
        LAYOUT_HOUR_12,
        LAYOUT_ZERO_HOUR_12,
        LAYOUT_MINUTE,
        LAYOUT_ZERO_MINUTE,
        LAYOUT_SECOND,
        LAYOUT_ZERO_SECOND,
        LAYOUT_LONG_YEAR,
        LAYOUT_YEAR,
        LAYOUT_UPPER_PM,
        LAYOUT_LOWER_PM,
        LAYOUT_ZONE_NAME,
        LAYOUT_ZONE_Z,              /* Z0700: Z for UTC */
        LAYOUT_ZONE_Z_SECONDS,      /* Z070000 */
        LAYOUT_ZONE_Z_HOUR,         /* Z07 */
        LAYOUT_ZONE_Z_COLON,        /* Z07:00 */
        LAYOUT_ZONE_Z_COLON_SECONDS,
        LAYOUT_ZONE,                /* -0700 */
        LAYOUT_ZONE_SECONDS,
        LAYOUT_ZONE_HOUR,
        LAYOUT_ZONE_COLON,
        LAYOUT_ZONE_COLON_SECONDS,
        LAYOUT_FRACTION_0, /* .000: so many digits */
        LAYOUT_FRACTION_9, /* .999: without zeros at the end */
};

/* Cuts the layout at its first piece: the plain text before it, and what is behind. `digits` is
 * for fractions: how many. */
enum layout_piece layout_next(struct str *layout, struct str *ret_plain, unsigned *ret_digits,
                              char *ret_separator);

extern const char *const layout_months[12], *const layout_weekdays[7];

#endif

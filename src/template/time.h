/* template/time.h - Go's time.Time and time.Duration: their layouts, methods and spellings. */
#ifndef TEMPLATE_TIME_H
#define TEMPLATE_TIME_H

#include "base/zone.h"
#include "template/value.h"

extern const struct template_type template_time_type, template_duration_type;

struct template_time {
        int64_t unix_s;
        int32_t nanosecond; /* 0 to 999,999,999 */
        const struct zone *zone;
        bool has_offset; /* instead of the zone: as it was read */
        struct zone_offset offset;
};

struct template_value template_from_time(struct arena *arena, struct template_time time);
struct template_value template_from_unix_ns(struct arena *arena, int64_t unix_ns,
                                            const struct zone *zone);
const struct template_time *template_get_time(const struct template_value *value);
struct template_value template_from_duration(int64_t duration_ns);

/* Time.Format with a layout in terms of Mon Jan 2 15:04:05 MST 2006. */
void template_time_format(struct buf *out, const struct template_time *time, struct str layout);
void template_duration_format(struct buf *out, int64_t duration_ns);

#endif

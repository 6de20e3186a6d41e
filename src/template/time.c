#include "template/time.h"

#include <stdio.h>

#include "base/civil.h"
#include "template/layout_int.h"

static const int64_t NS_PER_S = 1000000000;
static const int64_t YEAR_ONE_S = -62135596800; /* Go's zero time */

enum { ABBREVIATION_SHOWN = 3 };

static void print_time(struct buf *out, const struct template_value *value);
static void print_duration(struct buf *out, const struct template_value *value);
static void print_month(struct buf *out, const struct template_value *value);
static void print_weekday(struct buf *out, const struct template_value *value);
static void print_location(struct buf *out, const struct template_value *value);

static const struct template_function time_methods[], duration_methods[], string_methods[];

const struct template_type template_time_type = {.name = "time.Time",
                                                 .kind = TEMPLATE_STRUCT,
                                                 .is_named = true,
                                                 .is_opaque = true,
                                                 .methods = time_methods,
                                                 .print = print_time};
const struct template_type template_duration_type = {.name = "time.Duration",
                                                     .kind = TEMPLATE_INT,
                                                     .is_named = true,
                                                     .methods = duration_methods,
                                                     .print = print_duration};
static const struct template_type int64_type = {.name = "int64", .kind = TEMPLATE_INT};
static const struct template_type month_type = {.name = "time.Month",
                                                .kind = TEMPLATE_INT,
                                                .is_named = true,
                                                .methods = string_methods,
                                                .print = print_month};
static const struct template_type weekday_type = {.name = "time.Weekday",
                                                  .kind = TEMPLATE_INT,
                                                  .is_named = true,
                                                  .methods = string_methods,
                                                  .print = print_weekday};
static const struct template_type location_type = {.name = "*time.Location",
                                                   .kind = TEMPLATE_STRUCT,
                                                   .is_named = true,
                                                   .is_opaque = true,
                                                   .methods = string_methods,
                                                   .print = print_location};

struct template_value template_from_time(struct arena *arena, struct template_time time)
{
        struct template_time *kept = arena_new(arena, struct template_time);

        *kept = time;
        return (struct template_value){&template_time_type, .object = kept};
}

struct template_value template_from_unix_ns(struct arena *arena, int64_t unix_ns,
                                            const struct zone *zone)
{
        int64_t seconds = unix_ns / NS_PER_S, rest = unix_ns % NS_PER_S;

        if (rest < 0) {
                rest += NS_PER_S;
                seconds--;
        }
        return template_from_time(arena, (struct template_time){seconds, (int32_t)rest, zone});
}

/* A value of the type that has nothing behind it is Go's zero time. */
const struct template_time *template_get_time(const struct template_value *value)
{
        static const struct template_time zero = {.unix_s = -62135596800};

        return value->object ? value->object : &zero;
}

struct template_value template_from_duration(int64_t duration_ns)
{
        return (struct template_value){&template_duration_type, .integer = duration_ns};
}

/* ---- printing ----------------------------------------------------------------------------- */

static struct zone_offset offset_of(const struct template_time *time)
{
        return time->has_offset ? time->offset : zone_offset_at(time->zone, time->unix_s);
}

static struct civil local_of(const struct template_time *time)
{
        return civil_from_unix(time->unix_s + offset_of(time).east_s);
}

static void append_offset(struct buf *out, int32_t east_s, enum layout_piece piece)
{
        bool colons = piece == LAYOUT_ZONE_Z_COLON || piece == LAYOUT_ZONE_Z_COLON_SECONDS ||
                      piece == LAYOUT_ZONE_COLON || piece == LAYOUT_ZONE_COLON_SECONDS;
        bool seconds = piece == LAYOUT_ZONE_Z_SECONDS || piece == LAYOUT_ZONE_Z_COLON_SECONDS ||
                       piece == LAYOUT_ZONE_SECONDS || piece == LAYOUT_ZONE_COLON_SECONDS;
        bool only_hour = piece == LAYOUT_ZONE_Z_HOUR || piece == LAYOUT_ZONE_HOUR;
        int32_t minutes = east_s / 60;

        if (piece <= LAYOUT_ZONE_Z_COLON_SECONDS && east_s == 0) {
                buf_append_byte(out, 'Z');
                return;
        }
        buf_append_byte(out, minutes < 0 ? '-' : '+');
        if (minutes < 0) {
                minutes = -minutes;
                east_s = -east_s;
        }
        buf_printf(out, "%02d", minutes / 60);
        if (!only_hour)
                buf_printf(out, "%s%02d", colons ? ":" : "", minutes % 60);
        if (seconds)
                buf_printf(out, "%s%02d", colons ? ":" : "", east_s % 60);
}

static void append_zone_name(struct buf *out, struct zone_offset offset)
{
        int32_t minutes = offset.east_s / 60;

        if (*offset.abbreviation)
                buf_append_cstr(out, offset.abbreviation);
        else
                buf_printf(out, "%c%02d%02d", minutes < 0 ? '-' : '+',
                           (minutes < 0 ? -minutes : minutes) / 60,
                           (minutes < 0 ? -minutes : minutes) % 60);
}

static void append_fraction(struct buf *out, int32_t nanosecond, unsigned digits, char separator,
                            bool trim)
{
        char text[10];

        snprintf(text, sizeof(text), "%09d", nanosecond);
        if (digits > 9)
                digits = 9;
        while (trim && digits > 0 && text[digits - 1] == '0')
                digits--;
        if (trim && digits == 0)
                return;
        buf_append_byte(out, separator);
        buf_append(out, text, digits);
}

static void append_date_piece(struct buf *out, const struct civil *c, enum layout_piece piece)
{
        long long year = c->year;

        switch (piece) {
        case LAYOUT_LONG_MONTH:
                buf_append_cstr(out, layout_months[c->month - 1]);
                break;
        case LAYOUT_MONTH:
                buf_append(out, layout_months[c->month - 1], ABBREVIATION_SHOWN);
                break;
        case LAYOUT_NUMBER_MONTH:
                buf_printf(out, "%d", c->month);
                break;
        case LAYOUT_ZERO_MONTH:
                buf_printf(out, "%02d", c->month);
                break;
        case LAYOUT_LONG_WEEKDAY:
                buf_append_cstr(out, layout_weekdays[c->weekday]);
                break;
        case LAYOUT_WEEKDAY:
                buf_append(out, layout_weekdays[c->weekday], ABBREVIATION_SHOWN);
                break;
        case LAYOUT_DAY:
                buf_printf(out, "%d", c->day);
                break;
        case LAYOUT_SPACE_DAY:
                buf_printf(out, "%2d", c->day);
                break;
        case LAYOUT_ZERO_DAY:
                buf_printf(out, "%02d", c->day);
                break;
        case LAYOUT_SPACE_YEAR_DAY:
                buf_printf(out, "%3d", c->day_of_year);
                break;
        case LAYOUT_ZERO_YEAR_DAY:
                buf_printf(out, "%03d", c->day_of_year);
                break;
        case LAYOUT_LONG_YEAR:
                buf_printf(out, "%s%04lld", year < 0 ? "-" : "", year < 0 ? -year : year);
                break;
        default:
                buf_printf(out, "%02lld", year < 0 ? 0 : year % 100);
        }
}

static void append_clock_piece(struct buf *out, const struct civil *c, enum layout_piece piece)
{
        int hour_12 = c->hour % 12 ? c->hour % 12 : 12;

        switch (piece) {
        case LAYOUT_HOUR:
                buf_printf(out, "%02d", c->hour);
                break;
        case LAYOUT_HOUR_12:
                buf_printf(out, "%d", hour_12);
                break;
        case LAYOUT_ZERO_HOUR_12:
                buf_printf(out, "%02d", hour_12);
                break;
        case LAYOUT_MINUTE:
                buf_printf(out, "%d", c->minute);
                break;
        case LAYOUT_ZERO_MINUTE:
                buf_printf(out, "%02d", c->minute);
                break;
        case LAYOUT_SECOND:
                buf_printf(out, "%d", c->second);
                break;
        case LAYOUT_ZERO_SECOND:
                buf_printf(out, "%02d", c->second);
                break;
        case LAYOUT_UPPER_PM:
                buf_append_cstr(out, c->hour >= 12 ? "PM" : "AM");
                break;
        default:
                buf_append_cstr(out, c->hour >= 12 ? "pm" : "am");
        }
}

void template_time_format(struct buf *out, const struct template_time *time, struct str layout)
{
        struct zone_offset offset = offset_of(time);
        struct civil c = local_of(time);
        enum layout_piece piece;

        do {
                struct str text;
                unsigned digits;
                char separator;

                piece = layout_next(&layout, &text, &digits, &separator);
                buf_append_str(out, text);
                if (piece == LAYOUT_FRACTION_0 || piece == LAYOUT_FRACTION_9)
                        append_fraction(out, time->nanosecond, digits, separator,
                                        piece == LAYOUT_FRACTION_9);
                else if (piece >= LAYOUT_ZONE_Z)
                        append_offset(out, offset.east_s, piece);
                else if (piece == LAYOUT_ZONE_NAME)
                        append_zone_name(out, offset);
                else if ((piece >= LAYOUT_HOUR && piece <= LAYOUT_ZERO_SECOND) ||
                         piece == LAYOUT_UPPER_PM || piece == LAYOUT_LOWER_PM)
                        append_clock_piece(out, &c, piece);
                else if (piece != LAYOUT_END)
                        append_date_piece(out, &c, piece);
        } while (piece != LAYOUT_END);
}

static void print_time(struct buf *out, const struct template_value *value)
{
        template_time_format(out, template_get_time(value),
                             STR_LIT("2006-01-02 15:04:05.999999999 -0700 MST"));
}

/* The fraction of a unit of 10^digits, without zeros at the end. */
static void append_unit(struct buf *out, uint64_t value, unsigned digits, const char *unit)
{
        uint64_t scale = 1;
        char text[24];

        for (unsigned i = 0; i < digits; i++)
                scale *= 10;
        buf_printf(out, "%llu", (unsigned long long)(value / scale));
        snprintf(text, sizeof(text), "%0*llu", (int)digits, (unsigned long long)(value % scale));
        while (digits > 0 && text[digits - 1] == '0')
                digits--;
        if (digits)
                buf_printf(out, ".%.*s", (int)digits, text);
        buf_append_cstr(out, unit);
}

void template_duration_format(struct buf *out, int64_t duration_ns)
{
        uint64_t left = duration_ns < 0 ? 0 - (uint64_t)duration_ns : (uint64_t)duration_ns;
        uint64_t minutes = left / 60000000000u;

        if (duration_ns < 0)
                buf_append_byte(out, '-');
        if (left == 0) {
                buf_append_cstr(out, "0s");
        } else if (left < 1000) {
                append_unit(out, left, 0, "ns");
        } else if (left < 1000000) {
                append_unit(out, left, 3, "\xc2\xb5s");
        } else if (left < 1000000000) {
                append_unit(out, left, 6, "ms");
        } else {
                if (minutes >= 60)
                        buf_printf(out, "%lluh", (unsigned long long)(minutes / 60));
                if (minutes)
                        buf_printf(out, "%llum", (unsigned long long)(minutes % 60));
                append_unit(out, left % 60000000000u, 9, "s");
        }
}

static void print_duration(struct buf *out, const struct template_value *value)
{
        template_duration_format(out, value->integer);
}

static void print_month(struct buf *out, const struct template_value *value)
{
        if (value->integer >= 1 && value->integer <= 12)
                buf_append_cstr(out, layout_months[value->integer - 1]);
        else
                buf_printf(out, "%%!Month(%lld)", (long long)value->integer);
}

static void print_weekday(struct buf *out, const struct template_value *value)
{
        if (value->integer >= 0 && value->integer <= 6)
                buf_append_cstr(out, layout_weekdays[value->integer]);
        else
                buf_printf(out, "%%!Weekday(%lld)", (long long)value->integer);
}

static void print_location(struct buf *out, const struct template_value *value)
{
        const struct template_time *time = template_get_time(value);

        buf_append_cstr(out, time->has_offset ? time->offset.abbreviation : zone_name(time->zone));
}

static bool call_string(struct template_call *call, struct error *err)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(4096);

        (void)err;
        call->receiver.type->print(&text, &call->receiver);
        call->result = template_from_str(arena_str(call->arena, buf_str(&text)));
        return true;
}

/* ---- times -------------------------------------------------------------------------------- */

#define RETURN_INT(name, expression)                                                  \
        static bool name(struct template_call *call, struct error *err)               \
        {                                                                             \
                const struct template_time *time = template_get_time(&call->receiver); \
                struct civil c = local_of(time);                                      \
                                                                                      \
                (void)err;                                                            \
                (void)c;                                                              \
                call->result = template_from_int(expression);                         \
                return true;                                                          \
        }

RETURN_INT(call_year, c.year)
RETURN_INT(call_day, c.day)
RETURN_INT(call_year_day, c.day_of_year)
RETURN_INT(call_hour, c.hour)
RETURN_INT(call_minute, c.minute)
RETURN_INT(call_second, c.second)
RETURN_INT(call_nanosecond, time->nanosecond)

static bool return_typed(struct template_call *call, const struct template_type *type,
                         int64_t integer)
{
        call->result = (struct template_value){type, .integer = integer};
        return true;
}

static bool call_month(struct template_call *call, struct error *err)
{
        (void)err;
        return return_typed(call, &month_type, local_of(template_get_time(&call->receiver)).month);
}

static bool call_weekday(struct template_call *call, struct error *err)
{
        (void)err;
        return return_typed(call, &weekday_type,
                            local_of(template_get_time(&call->receiver)).weekday);
}

/* Whole units since 1970, rounded down. */
static bool return_unix(struct template_call *call, int64_t per_second)
{
        const struct template_time *time = template_get_time(&call->receiver);
        uint64_t units = (uint64_t)time->unix_s * (uint64_t)per_second +
                         (uint64_t)(time->nanosecond / (NS_PER_S / per_second));

        return return_typed(call, &int64_type, (int64_t)units);
}

static bool call_unix(struct template_call *call, struct error *err)
{
        (void)err;
        return return_unix(call, 1);
}

static bool call_unix_milli(struct template_call *call, struct error *err)
{
        (void)err;
        return return_unix(call, 1000);
}

static bool call_unix_micro(struct template_call *call, struct error *err)
{
        (void)err;
        return return_unix(call, 1000000);
}

static bool call_unix_nano(struct template_call *call, struct error *err)
{
        (void)err;
        return return_unix(call, NS_PER_S);
}

static int compare_times(const struct template_time *a, const struct template_time *b)
{
        if (a->unix_s != b->unix_s)
                return a->unix_s < b->unix_s ? -1 : 1;
        return a->nanosecond < b->nanosecond ? -1 : a->nanosecond > b->nanosecond;
}

static int compare_call(const struct template_call *call)
{
        return compare_times(template_get_time(&call->receiver), template_get_time(&call->args[0]));
}

static bool call_after(struct template_call *call, struct error *err)
{
        (void)err;
        call->result = template_from_bool(compare_call(call) > 0);
        return true;
}

static bool call_before(struct template_call *call, struct error *err)
{
        (void)err;
        call->result = template_from_bool(compare_call(call) < 0);
        return true;
}

static bool call_equal(struct template_call *call, struct error *err)
{
        (void)err;
        call->result = template_from_bool(compare_call(call) == 0);
        return true;
}

static bool call_compare(struct template_call *call, struct error *err)
{
        (void)err;
        call->result = template_from_int(compare_call(call));
        return true;
}

static bool call_is_zero(struct template_call *call, struct error *err)
{
        const struct template_time *time = template_get_time(&call->receiver);

        (void)err;
        call->result = template_from_bool(time->unix_s == YEAR_ONE_S && time->nanosecond == 0);
        return true;
}

static bool call_is_dst(struct template_call *call, struct error *err)
{
        (void)err;
        call->result = template_from_bool(offset_of(template_get_time(&call->receiver)).is_summer);
        return true;
}

static bool return_shifted(struct template_call *call, __int128 ns)
{
        struct template_time time = *template_get_time(&call->receiver);

        ns += time.nanosecond;
        time.nanosecond = (int32_t)(ns % NS_PER_S);
        time.unix_s += (int64_t)(ns / NS_PER_S);
        if (time.nanosecond < 0) {
                time.nanosecond += (int32_t)NS_PER_S;
                time.unix_s--;
        }
        call->result = template_from_time(call->arena, time);
        return true;
}

static bool call_add(struct template_call *call, struct error *err)
{
        (void)err;
        return return_shifted(call, call->args[0].integer);
}

static bool call_sub(struct template_call *call, struct error *err)
{
        const struct template_time *a = template_get_time(&call->receiver);
        const struct template_time *b = template_get_time(&call->args[0]);
        __int128 ns = ((__int128)a->unix_s - b->unix_s) * NS_PER_S + a->nanosecond - b->nanosecond;

        (void)err;
        call->result = template_from_duration(ns > INT64_MAX ? INT64_MAX
                                              : ns < INT64_MIN ? INT64_MIN : (int64_t)ns);
        return true;
}

/* How far the time is behind a multiple of the duration since year one. */
static int64_t behind_multiple(const struct template_call *call)
{
        const struct template_time *time = template_get_time(&call->receiver);
        __int128 ns = ((__int128)time->unix_s - YEAR_ONE_S) * NS_PER_S + time->nanosecond;
        int64_t behind = (int64_t)(ns % call->args[0].integer);

        return behind < 0 ? behind + call->args[0].integer : behind;
}

static bool call_truncate(struct template_call *call, struct error *err)
{
        (void)err;
        return return_shifted(call, call->args[0].integer > 0 ? -behind_multiple(call) : 0);
}

static bool call_round(struct template_call *call, struct error *err)
{
        int64_t unit = call->args[0].integer, behind;

        (void)err;
        if (unit <= 0)
                return return_shifted(call, 0);
        behind = behind_multiple(call);
        return return_shifted(call, behind < unit - behind ? -behind : unit - behind);
}

static bool call_add_date(struct template_call *call, struct error *err)
{
        struct template_time time = *template_get_time(&call->receiver);
        struct civil c = local_of(&time);
        int64_t months = (int64_t)(c.month - 1) + call->args[1].integer % 1000000;
        int64_t years = months >= 0 ? months / 12 : -((11 - months) / 12), local_s;

        (void)err;
        c.year += call->args[0].integer % 1000000 + years;
        c.month = (int)(months - years * 12) + 1;
        local_s = civil_to_unix(&c) + call->args[2].integer % 100000000 * 86400;
        time.unix_s = time.has_offset ? local_s - time.offset.east_s
                                      : zone_to_unix(time.zone, local_s);
        call->result = template_from_time(call->arena, time);
        return true;
}

static bool call_format(struct template_call *call, struct error *err)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(1 << 20);

        (void)err;
        template_time_format(&text, template_get_time(&call->receiver), call->args[0].text);
        call->result = template_from_str(arena_str(call->arena, buf_str(&text)));
        return true;
}

static bool return_in(struct template_call *call, const struct zone *zone)
{
        struct template_time time = *template_get_time(&call->receiver);

        time.zone = zone;
        time.has_offset = false;
        call->result = template_from_time(call->arena, time);
        return true;
}

static bool call_utc(struct template_call *call, struct error *err)
{
        (void)err;
        return return_in(call, NULL);
}

static bool call_local(struct template_call *call, struct error *err)
{
        const struct zone *zone = NULL;

        return zone_open(STR_LIT("Local"), &zone, err) && return_in(call, zone);
}

static bool call_in(struct template_call *call, struct error *err)
{
        (void)err;
        return return_in(call, template_get_time(&call->args[0])->zone);
}

static bool call_location(struct template_call *call, struct error *err)
{
        (void)err;
        call->result = (struct template_value){&location_type, .object = call->receiver.object};
        return true;
}

static const struct template_function time_methods[] = {
        {"Add", call_add, {&template_duration_type}, false},
        {"AddDate", call_add_date, {&template_int, &template_int, &template_int}, false},
        {"After", call_after, {&template_time_type}, false},
        {"Before", call_before, {&template_time_type}, false},
        {"Compare", call_compare, {&template_time_type}, false},
        {"Day", call_day, {0}, false},
        {"Equal", call_equal, {&template_time_type}, false},
        {"Format", call_format, {&template_string}, false},
        {"Hour", call_hour, {0}, false},
        {"In", call_in, {&location_type}, false},
        {"IsDST", call_is_dst, {0}, false},
        {"IsZero", call_is_zero, {0}, false},
        {"Local", call_local, {0}, false},
        {"Location", call_location, {0}, false},
        {"Minute", call_minute, {0}, false},
        {"Month", call_month, {0}, false},
        {"Nanosecond", call_nanosecond, {0}, false},
        {"Round", call_round, {&template_duration_type}, false},
        {"Second", call_second, {0}, false},
        {"String", call_string, {0}, false},
        {"Sub", call_sub, {&template_time_type}, false},
        {"Truncate", call_truncate, {&template_duration_type}, false},
        {"UTC", call_utc, {0}, false},
        {"Unix", call_unix, {0}, false},
        {"UnixMicro", call_unix_micro, {0}, false},
        {"UnixMilli", call_unix_milli, {0}, false},
        {"UnixNano", call_unix_nano, {0}, false},
        {"Weekday", call_weekday, {0}, false},
        {"Year", call_year, {0}, false},
        {"YearDay", call_year_day, {0}, false},
        {0},
};

/* ---- durations ---------------------------------------------------------------------------- */

/* As Go does it: the whole units and the rest are divided apart. */
static bool return_units(struct template_call *call, int64_t unit_ns)
{
        int64_t d = call->receiver.integer;

        call->result = template_from_float((double)(d / unit_ns) +
                                           (double)(d % unit_ns) / (double)unit_ns);
        return true;
}

static bool call_hours(struct template_call *call, struct error *err)
{
        (void)err;
        return return_units(call, 3600 * NS_PER_S);
}

static bool call_minutes(struct template_call *call, struct error *err)
{
        (void)err;
        return return_units(call, 60 * NS_PER_S);
}

static bool call_seconds(struct template_call *call, struct error *err)
{
        (void)err;
        return return_units(call, NS_PER_S);
}

static bool call_milliseconds(struct template_call *call, struct error *err)
{
        (void)err;
        return return_typed(call, &int64_type, call->receiver.integer / 1000000);
}

static bool call_microseconds(struct template_call *call, struct error *err)
{
        (void)err;
        return return_typed(call, &int64_type, call->receiver.integer / 1000);
}

static bool call_nanoseconds(struct template_call *call, struct error *err)
{
        (void)err;
        return return_typed(call, &int64_type, call->receiver.integer);
}

static bool call_abs(struct template_call *call, struct error *err)
{
        int64_t d = call->receiver.integer;

        (void)err;
        call->result = template_from_duration(d >= 0 ? d : d == INT64_MIN ? INT64_MAX : -d);
        return true;
}

static bool call_truncate_duration(struct template_call *call, struct error *err)
{
        int64_t d = call->receiver.integer, unit = call->args[0].integer;

        (void)err;
        call->result = template_from_duration(unit <= 0 ? d : d - d % unit);
        return true;
}

static bool call_round_duration(struct template_call *call, struct error *err)
{
        int64_t d = call->receiver.integer, unit = call->args[0].integer, rest;
        __int128 rounded = d;

        (void)err;
        if (unit > 0) {
                rest = d % unit < 0 ? -(d % unit) : d % unit;
                rounded = (__int128)d - d % unit;
                if (rest >= unit - rest)
                        rounded += d < 0 ? -unit : unit;
        }
        call->result = template_from_duration(rounded > INT64_MAX   ? INT64_MAX
                                              : rounded < INT64_MIN ? INT64_MIN
                                                                    : (int64_t)rounded);
        return true;
}

static const struct template_function duration_methods[] = {
        {"Abs", call_abs, {0}, false},
        {"Hours", call_hours, {0}, false},
        {"Microseconds", call_microseconds, {0}, false},
        {"Milliseconds", call_milliseconds, {0}, false},
        {"Minutes", call_minutes, {0}, false},
        {"Nanoseconds", call_nanoseconds, {0}, false},
        {"Round", call_round_duration, {&template_duration_type}, false},
        {"Seconds", call_seconds, {0}, false},
        {"String", call_string, {0}, false},
        {"Truncate", call_truncate_duration, {&template_duration_type}, false},
        {0},
};

static const struct template_function string_methods[] = {
        {"String", call_string, {0}, false},
        {0},
};

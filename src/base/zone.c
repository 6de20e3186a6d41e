#include "base/zone.h"

#include <pthread.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/civil.h"
#include "base/file.h"
#include "base/map.h"
#include "base/reader.h"

ALLOC_TYPE(zone_type, "zone")

static const char zone_folder[] = "/usr/share/zoneinfo", local_path[] = "/etc/localtime";

enum {
        FILE_MAX_BYTES = 1 << 20,
        NAME_MAX_BYTES = 255,
        ABBREVIATIONS_MAX = 512, /* bytes of all of them */
        RULE_NAME_MAX = 16,
        DAY_S = 86400,
        WEEK_MAX_S = 167 * 3600 + 3599, /* RFC 8536 allows the hour of a change so much */
};

struct change {
        int64_t at_s; /* from here on */
        uint8_t kind;
};

struct kind {
        int32_t east_s;
        bool is_summer;
        uint8_t abbreviation; /* where it begins */
};

/* The day of a year on which the clock changes. */
struct rule_day {
        char form; /* 'M' month.week.day, 'J' day of a year without leap day, '0' with it */
        int month, week, day;
        int32_t time_s;
};

/* What holds behind the last change: a POSIX TZ string. */
struct rule {
        bool exists, has_summer;
        struct zone_offset standard, summer;
        char standard_name[RULE_NAME_MAX], summer_name[RULE_NAME_MAX];
        struct rule_day begin, end; /* of summer time */
};

struct zone {
        char *name;
        struct change *changes;
        size_t change_count;
        struct kind *kinds;
        size_t kind_count;
        char abbreviations[ABBREVIATIONS_MAX + 1];
        struct rule rule;
};

/* ---- the rule behind the last change ------------------------------------------------------ */

static bool take(struct str *text, char c)
{
        if (!text->len || text->data[0] != c)
                return false;
        *text = str_slice(*text, 1, text->len);
        return true;
}

static bool take_number(struct str *text, int max, int *ret_number)
{
        size_t digits = 0;
        int number = 0;

        for (; digits < text->len && text->data[digits] >= '0' && text->data[digits] <= '9' &&
               number <= max; digits++)
                number = number * 10 + (text->data[digits] - '0');
        *text = str_slice(*text, digits, text->len);
        *ret_number = number;
        return digits > 0 && number <= max;
}

static bool take_name(struct str *text, char *name)
{
        bool quoted = take(text, '<');
        size_t len = 0;

        while (len < text->len &&
               (quoted ? text->data[len] != '>'
                       : (text->data[len] | 0x20) >= 'a' && (text->data[len] | 0x20) <= 'z'))
                len++;
        if (len < 3 || len >= RULE_NAME_MAX)
                return false;
        memcpy(name, text->data, len);
        name[len] = '\0';
        *text = str_slice(*text, len, text->len);
        return !quoted || take(text, '>');
}

/* [+-]hh[:mm[:ss]] */
static bool take_time(struct str *text, int32_t *ret_s)
{
        bool negative = take(text, '-');
        int hours, minutes = 0, seconds = 0;

        if (!negative)
                take(text, '+');
        if (!take_number(text, 167, &hours) ||
            (take(text, ':') && (!take_number(text, 59, &minutes) ||
                                 (take(text, ':') && !take_number(text, 59, &seconds)))))
                return false;
        *ret_s = hours * 3600 + minutes * 60 + seconds;
        if (negative)
                *ret_s = -*ret_s;
        return true;
}

static bool take_day(struct str *text, struct rule_day *day)
{
        day->form = '0';
        day->time_s = 2 * 3600;
        if (take(text, 'M')) {
                day->form = 'M';
                if (!take_number(text, 12, &day->month) || day->month < 1 || !take(text, '.') ||
                    !take_number(text, 5, &day->week) || day->week < 1 || !take(text, '.') ||
                    !take_number(text, 6, &day->day))
                        return false;
        } else if (take(text, 'J')) {
                day->form = 'J';
                if (!take_number(text, 365, &day->day) || day->day < 1)
                        return false;
        } else if (!take_number(text, 365, &day->day)) {
                return false;
        }
        return !take(text, '/') || take_time(text, &day->time_s);
}

static bool parse_rule(struct str text, struct rule *rule)
{
        int32_t west_s;

        rule->standard.abbreviation = rule->standard_name;
        rule->summer.abbreviation = rule->summer_name;
        rule->summer.is_summer = true;
        if (!take_name(&text, rule->standard_name) || !take_time(&text, &west_s))
                return false;
        rule->exists = true;
        rule->standard.east_s = -west_s;
        if (!text.len)
                return true;
        rule->has_summer = true;
        rule->summer.east_s = rule->standard.east_s + 3600;
        if (!take_name(&text, rule->summer_name))
                return false;
        if (text.len && text.data[0] != ',') {
                if (!take_time(&text, &west_s))
                        return false;
                rule->summer.east_s = -west_s;
        }
        return take(&text, ',') && take_day(&text, &rule->begin) && take(&text, ',') &&
               take_day(&text, &rule->end) && !text.len;
}

/* The local second, counted from 1970, at which a year's change is. */
static int64_t change_in_year(const struct rule_day *day, int64_t year)
{
        struct civil first = {.year = year, .month = day->form == 'M' ? day->month : 1, .day = 1};
        int64_t start_s = civil_to_unix(&first);
        bool is_leap = civil_days_in_month(year, 2) == 29;
        int offset;

        if (day->form == 'J')
                offset = day->day - 1 + (is_leap && day->day >= 60);
        else if (day->form == '0')
                offset = day->day;
        else {
                int weekday = civil_from_unix(start_s).weekday;

                offset = (day->day - weekday + 7) % 7 + 7 * (day->week - 1);
                if (offset >= civil_days_in_month(year, day->month))
                        offset -= 7;
        }
        return start_s + (int64_t)offset * DAY_S + day->time_s;
}

static struct zone_offset offset_by_rule(const struct rule *rule, int64_t unix_s)
{
        int64_t year, begin_s, end_s;
        bool is_summer;

        if (!rule->has_summer)
                return rule->standard;
        year = civil_from_unix(unix_s + rule->standard.east_s).year;
        begin_s = change_in_year(&rule->begin, year) - rule->standard.east_s;
        end_s = change_in_year(&rule->end, year) - rule->summer.east_s;
        is_summer = begin_s < end_s ? unix_s >= begin_s && unix_s < end_s
                                    : unix_s >= begin_s || unix_s < end_s;
        return is_summer ? rule->summer : rule->standard;
}

/* ---- the file ----------------------------------------------------------------------------- */

struct header {
        uint8_t version;
        uint32_t is_utc_count, is_standard_count, leap_count, change_count, kind_count,
                abbreviation_bytes;
};

static uint32_t read_u32(struct reader *r)
{
        return __builtin_bswap32(reader_u32(r));
}

static bool read_header(struct reader *r, struct header *header)
{
        if (!str_is(reader_str(r, 4), "TZif"))
                return false;
        header->version = reader_u8(r);
        (void)reader_take(r, 15);
        header->is_utc_count = read_u32(r);
        header->is_standard_count = read_u32(r);
        header->leap_count = read_u32(r);
        header->change_count = read_u32(r);
        header->kind_count = read_u32(r);
        header->abbreviation_bytes = read_u32(r);
        return !r->failed && header->kind_count >= 1 && header->kind_count <= 256 &&
               header->abbreviation_bytes <= ABBREVIATIONS_MAX &&
               header->change_count <= FILE_MAX_BYTES / 5 &&
               header->leap_count <= FILE_MAX_BYTES / 8;
}

static bool read_body(struct reader *r, const struct header *header, size_t time_bytes,
                      struct zone *zone)
{
        struct str names;

        if (reader_left(r) < header->change_count * (time_bytes + 1))
                return false;
        zone->change_count = header->change_count;
        zone->changes = alloc_new(&zone_type, (zone->change_count + 1) * sizeof(*zone->changes));
        zone->kind_count = header->kind_count;
        zone->kinds = alloc_new(&zone_type, zone->kind_count * sizeof(*zone->kinds));
        for (size_t i = 0; i < zone->change_count; i++)
                zone->changes[i].at_s = time_bytes == 8
                                                ? (int64_t)__builtin_bswap64(reader_u64(r))
                                                : (int32_t)read_u32(r);
        for (size_t i = 0; i < zone->change_count; i++) {
                zone->changes[i].kind = reader_u8(r);
                if (zone->changes[i].kind >= zone->kind_count ||
                    (i > 0 && zone->changes[i].at_s <= zone->changes[i - 1].at_s))
                        return false;
        }
        for (size_t i = 0; i < zone->kind_count; i++) {
                zone->kinds[i].east_s = (int32_t)read_u32(r);
                zone->kinds[i].is_summer = reader_u8(r) != 0;
                zone->kinds[i].abbreviation = reader_u8(r);
                if (zone->kinds[i].abbreviation >= header->abbreviation_bytes ||
                    zone->kinds[i].east_s <= -WEEK_MAX_S || zone->kinds[i].east_s >= WEEK_MAX_S)
                        return false;
        }
        names = reader_str(r, header->abbreviation_bytes);
        memcpy(zone->abbreviations, names.data, names.len);
        (void)reader_take(r, header->leap_count * (time_bytes + 4));
        (void)reader_take(r, header->is_standard_count);
        (void)reader_take(r, header->is_utc_count);
        return !r->failed;
}

/* Version 1 has 32-bit times; a later one has those for old readers, then all once more. */
static bool read_zone(struct reader *r, struct zone *zone)
{
        struct header header;
        struct str footer;

        if (!read_header(r, &header))
                return false;
        if (header.version < '2')
                return read_body(r, &header, 4, zone);
        (void)reader_take(r, header.change_count * 5ull + header.kind_count * 6ull +
                                     header.abbreviation_bytes + header.leap_count * 8ull +
                                     header.is_standard_count + (uint64_t)header.is_utc_count);
        if (!read_header(r, &header) || !read_body(r, &header, 8, zone))
                return false;
        footer = reader_str(r, reader_left(r));
        if (!take(&footer, '\n') || !footer.len || footer.data[footer.len - 1] != '\n')
                return false;
        footer = str_slice(footer, 0, footer.len - 1);
        return !footer.len || parse_rule(footer, &zone->rule);
}

bool zone_parse(const void *data, size_t len, const char *name, struct zone **ret_zone,
                struct error *err)
{
        struct zone *zone = alloc_new(&zone_type, sizeof(*zone));
        struct reader r = reader_make(data, len);

        zone->name = alloc_strdup(&zone_type, name, strlen(name));
        if (!read_zone(&r, zone)) {
                zone_free(zone);
                return error_set(err, ERROR_CORRUPT, "malformed time zone information of %s", name);
        }
        *ret_zone = zone;
        return true;
}

struct zone *zone_free(struct zone *zone)
{
        if (!zone)
                return NULL;
        alloc_free(&zone_type, zone->name);
        alloc_free(&zone_type, zone->changes);
        alloc_free(&zone_type, zone->kinds);
        return alloc_free(&zone_type, zone);
}

/* ---- all zones that were asked for -------------------------------------------------------- */

static pthread_mutex_t zones_lock = PTHREAD_MUTEX_INITIALIZER;
static struct map zones; /* zones_lock */

static bool is_good_name(struct str name)
{
        return name.len <= NAME_MAX_BYTES && name.data[0] != '/' &&
               str_find_byte(name, '\\') == name.len && str_find_byte(name, '\0') == name.len &&
               !str_contains(name, STR_LIT(".."));
}

static bool load(struct str name, struct zone **ret_zone, struct error *err)
{
        struct buf bytes CLEANUP(buf_release) = BUF_INIT(FILE_MAX_BYTES);
        char path[sizeof(zone_folder) + NAME_MAX_BYTES + 1], plain[NAME_MAX_BYTES + 1];
        struct error reason = {0};

        if (!is_good_name(name))
                return error_set(err, ERROR_INVALID, "time: invalid location name");
        snprintf(plain, sizeof(plain), STR_FMT, STR_ARG(name));
        snprintf(path, sizeof(path), "%s/%s", zone_folder, plain);
        if (!file_read_all(str_is(name, "Local") ? local_path : path, &bytes, &reason))
                return error_set(err, ERROR_NOT_FOUND, "unknown time zone %s", plain);
        return zone_parse(bytes.data, bytes.len, plain, ret_zone, err);
}

bool zone_open(struct str name, const struct zone **ret_zone, struct error *err)
{
        struct zone *zone;
        bool ok = true;

        if (!name.len || str_is(name, "UTC")) {
                *ret_zone = NULL;
                return true;
        }
        pthread_mutex_lock(&zones_lock);
        zone = map_get(&zones, name);
        if (!zone) {
                ok = load(name, &zone, err);
                if (ok)
                        map_put(&zones, str_from(zone->name), zone);
        }
        pthread_mutex_unlock(&zones_lock);
        if (ok)
                *ret_zone = zone;
        return ok;
}

const char *zone_name(const struct zone *zone)
{
        return zone ? zone->name : "UTC";
}

static struct zone_offset offset_of_kind(const struct zone *zone, size_t index)
{
        const struct kind *kind = &zone->kinds[index];

        return (struct zone_offset){kind->east_s, kind->is_summer,
                                    zone->abbreviations + kind->abbreviation};
}

struct zone_offset zone_offset_at(const struct zone *zone, int64_t unix_s)
{
        size_t low = 0, high;

        if (!zone)
                return (struct zone_offset){0, false, "UTC"};
        high = zone->change_count;
        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (zone->changes[middle].at_s <= unix_s)
                        low = middle + 1;
                else
                        high = middle;
        }
        if (low == zone->change_count && zone->rule.exists)
                return offset_by_rule(&zone->rule, unix_s);
        if (low > 0)
                return offset_of_kind(zone, zone->changes[low - 1].kind);
        for (size_t i = 0; i < zone->kind_count; i++)
                if (!zone->kinds[i].is_summer)
                        return offset_of_kind(zone, i);
        return offset_of_kind(zone, 0);
}

int64_t zone_to_unix(const struct zone *zone, int64_t local_s)
{
        int32_t east_s = zone_offset_at(zone, local_s).east_s;

        /* That was the offset of a moment some hours away: look again from where it leads. */
        return east_s ? local_s - zone_offset_at(zone, local_s - east_s).east_s : local_s;
}

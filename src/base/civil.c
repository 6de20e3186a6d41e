#include "base/civil.h"

enum { SECONDS_PER_DAY = 86400 };

/* Days since 1970-01-01 to year/month/day and back: the era arithmetic published by Howard
 * Hinnant ("chrono-compatible low-level date algorithms"), years start in March. */
static void date_from_days(int64_t days, struct civil *ret)
{
        int64_t shifted = days + 719468;
        int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
        int64_t day_of_era = shifted - era * 146097;
        int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 -
                               day_of_era / 146096) / 365;
        int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 -
                                            year_of_era / 100);
        int64_t month_from_march = (5 * day_of_year + 2) / 153;

        ret->day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
        ret->month = (int)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
        ret->year = year_of_era + era * 400 + (ret->month <= 2);
}

static int64_t days_from_date(int64_t year, int month, int day)
{
        int64_t shifted_year = year - (month <= 2);
        int64_t era = (shifted_year >= 0 ? shifted_year : shifted_year - 399) / 400;
        int64_t year_of_era = shifted_year - era * 400;
        int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
        int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

        return era * 146097 + day_of_era - 719468;
}

struct civil civil_from_unix(int64_t unix_s)
{
        int64_t days = unix_s / SECONDS_PER_DAY;
        int64_t rest = unix_s % SECONDS_PER_DAY;
        struct civil civil = {0};

        if (rest < 0) {
                rest += SECONDS_PER_DAY;
                days--;
        }
        date_from_days(days, &civil);
        civil.hour = (int)(rest / 3600);
        civil.minute = (int)(rest / 60 % 60);
        civil.second = (int)(rest % 60);
        civil.weekday = (int)(((days % 7) + 11) % 7); /* 1970-01-01 was a Thursday */
        civil.day_of_year = (int)(days - days_from_date(civil.year, 1, 1)) + 1;
        return civil;
}

int64_t civil_to_unix(const struct civil *civil)
{
        return days_from_date(civil->year, civil->month, civil->day) * SECONDS_PER_DAY +
               civil->hour * 3600 + civil->minute * 60 + civil->second;
}

int civil_days_in_month(int64_t year, int month)
{
        int64_t next_year = month == 12 ? year + 1 : year;
        int next_month = month == 12 ? 1 : month + 1;

        return (int)(days_from_date(next_year, next_month, 1) - days_from_date(year, month, 1));
}

void civil_format_rfc3339(struct buf *out, int64_t unix_ns)
{
        int64_t seconds = unix_ns / 1000000000, fraction = unix_ns % 1000000000;
        struct civil civil;

        if (fraction < 0) {
                fraction += 1000000000;
                seconds--;
        }
        civil = civil_from_unix(seconds);
        buf_printf(out, "%04lld-%02d-%02dT%02d:%02d:%02d", (long long)civil.year, civil.month,
                   civil.day, civil.hour, civil.minute, civil.second);
        if (fraction) {
                int digits = 9;

                for (; fraction % 10 == 0; fraction /= 10)
                        digits--;
                buf_printf(out, ".%0*lld", digits, (long long)fraction);
        }
        buf_append_byte(out, 'Z');
}

static bool read_digits(struct str *text, int count, int low, int high, int *ret)
{
        int value = 0;

        if (text->len < (size_t)count)
                return false;
        for (int i = 0; i < count; i++) {
                if (text->data[i] < '0' || text->data[i] > '9')
                        return false;
                value = value * 10 + (text->data[i] - '0');
        }
        *text = str_slice(*text, (size_t)count, text->len);
        *ret = value;
        return value >= low && value <= high;
}

static bool read_byte(struct str *text, char lower, char upper)
{
        if (!text->len || (text->data[0] != lower && text->data[0] != upper))
                return false;
        *text = str_slice(*text, 1, text->len);
        return true;
}

static bool read_fraction(struct str *text, int64_t *ret_ns)
{
        int64_t scale = 100000000, ns = 0;
        bool any = false;

        *ret_ns = 0;
        if (!read_byte(text, '.', ','))
                return true;
        for (; text->len && text->data[0] >= '0' && text->data[0] <= '9'; any = true) {
                ns += (text->data[0] - '0') * scale;
                scale /= 10;
                *text = str_slice(*text, 1, text->len);
        }
        *ret_ns = ns;
        return any;
}

static bool read_offset(struct str *text, int64_t *ret_s)
{
        int hours, minutes, sign;

        *ret_s = 0;
        if (read_byte(text, 'z', 'Z'))
                return true;
        if (read_byte(text, '+', '+'))
                sign = 1;
        else if (read_byte(text, '-', '-'))
                sign = -1;
        else
                return false;
        if (!read_digits(text, 2, 0, 23, &hours) || !read_byte(text, ':', ':') ||
            !read_digits(text, 2, 0, 59, &minutes))
                return false;
        *ret_s = sign * (hours * 3600 + minutes * 60);
        return true;
}

bool civil_parse_rfc3339(struct str text, int64_t *ret_unix_ns)
{
        struct civil civil = {0};
        int64_t fraction_ns, offset_s;
        int year;

        if (!read_digits(&text, 4, 0, 9999, &year) || !read_byte(&text, '-', '-') ||
            !read_digits(&text, 2, 1, 12, &civil.month) || !read_byte(&text, '-', '-') ||
            !read_digits(&text, 2, 1, 31, &civil.day) || !read_byte(&text, 't', 'T') ||
            !read_digits(&text, 2, 0, 23, &civil.hour) || !read_byte(&text, ':', ':') ||
            !read_digits(&text, 2, 0, 59, &civil.minute) || !read_byte(&text, ':', ':') ||
            !read_digits(&text, 2, 0, 59, &civil.second) || !read_fraction(&text, &fraction_ns) ||
            !read_offset(&text, &offset_s) || text.len)
                return false;
        civil.year = year;
        if (civil.day > civil_days_in_month(year, civil.month))
                return false;
        /* An int64 of nanoseconds ends in the year 2262. */
        if (__builtin_mul_overflow(civil_to_unix(&civil) - offset_s, 1000000000, ret_unix_ns))
                return false;
        return !__builtin_add_overflow(*ret_unix_ns, fraction_ns, ret_unix_ns);
}

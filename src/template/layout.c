#include "template/layout_int.h"

const char *const layout_months[12] = {"January", "February", "March",     "April",
                                       "May",     "June",     "July",      "August",
                                       "September", "October", "November", "December"};
const char *const layout_weekdays[7] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                        "Thursday", "Friday", "Saturday"};

/* Longer ones before those that they begin with. */
static const struct {
        const char *text;
        enum layout_piece piece;
} pieces[] = {
        {"January", LAYOUT_LONG_MONTH},
        {"Jan", LAYOUT_MONTH},
        {"Monday", LAYOUT_LONG_WEEKDAY},
        {"Mon", LAYOUT_WEEKDAY},
        {"MST", LAYOUT_ZONE_NAME},
        {"002", LAYOUT_ZERO_YEAR_DAY},
        {"01", LAYOUT_ZERO_MONTH},
        {"02", LAYOUT_ZERO_DAY},
        {"03", LAYOUT_ZERO_HOUR_12},
        {"04", LAYOUT_ZERO_MINUTE},
        {"05", LAYOUT_ZERO_SECOND},
        {"06", LAYOUT_YEAR},
        {"15", LAYOUT_HOUR},
        {"1", LAYOUT_NUMBER_MONTH},
        {"2006", LAYOUT_LONG_YEAR},
        {"2", LAYOUT_DAY},
        {"__2", LAYOUT_SPACE_YEAR_DAY},
        {"_2", LAYOUT_SPACE_DAY},
        {"3", LAYOUT_HOUR_12},
        {"4", LAYOUT_MINUTE},
        {"5", LAYOUT_SECOND},
        {"PM", LAYOUT_UPPER_PM},
        {"pm", LAYOUT_LOWER_PM},
        {"-070000", LAYOUT_ZONE_SECONDS},
        {"-07:00:00", LAYOUT_ZONE_COLON_SECONDS},
        {"-0700", LAYOUT_ZONE},
        {"-07:00", LAYOUT_ZONE_COLON},
        {"-07", LAYOUT_ZONE_HOUR},
        {"Z070000", LAYOUT_ZONE_Z_SECONDS},
        {"Z07:00:00", LAYOUT_ZONE_Z_COLON_SECONDS},
        {"Z0700", LAYOUT_ZONE_Z},
        {"Z07:00", LAYOUT_ZONE_Z_COLON},
        {"Z07", LAYOUT_ZONE_Z_HOUR},
};

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

/* .000 or ,999: a run of one of these digits that no other digit follows. */
static enum layout_piece match_fraction(struct str rest, size_t *ret_len)
{
        size_t len = 1;

        if (rest.len < 2 || (rest.data[0] != '.' && rest.data[0] != ',') ||
            (rest.data[1] != '0' && rest.data[1] != '9'))
                return LAYOUT_END;
        while (len < rest.len && rest.data[len] == rest.data[1])
                len++;
        if (len < rest.len && is_digit(rest.data[len]))
                return LAYOUT_END;
        *ret_len = len;
        return rest.data[1] == '0' ? LAYOUT_FRACTION_0 : LAYOUT_FRACTION_9;
}

static enum layout_piece match(struct str rest, size_t *ret_len)
{
        for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
                size_t len = strlen(pieces[i].text);
                char behind;

                if (!str_starts_with(rest, str_make(pieces[i].text, len)))
                        continue;
                behind = rest.len > len ? rest.data[len] : ' ';
                /* "Month" and "January's" are words; "_2006" is a line before a year. */
                if ((pieces[i].piece == LAYOUT_MONTH || pieces[i].piece == LAYOUT_WEEKDAY) &&
                    behind >= 'a' && behind <= 'z')
                        continue;
                if (pieces[i].piece == LAYOUT_SPACE_DAY &&
                    str_starts_with(rest, STR_LIT("_2006")))
                        continue;
                *ret_len = len;
                return pieces[i].piece;
        }
        return match_fraction(rest, ret_len);
}

enum layout_piece layout_next(struct str *layout, struct str *ret_plain, unsigned *ret_digits,
                              char *ret_separator)
{
        for (size_t at = 0; at < layout->len; at++) {
                struct str rest = str_slice(*layout, at, layout->len);
                size_t len;
                enum layout_piece piece = match(rest, &len);

                if (piece == LAYOUT_END)
                        continue;
                *ret_plain = str_slice(*layout, 0, at);
                *ret_digits = (unsigned)len - 1;
                *ret_separator = rest.data[0];
                *layout = str_slice(rest, len, rest.len);
                return piece;
        }
        *ret_plain = *layout;
        *layout = STR_LIT("");
        return LAYOUT_END;
}

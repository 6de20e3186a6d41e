#include "model/duration.h"

struct unit {
        const char *name;
        int64_t ms;
        bool exact_only; /* printed only when it divides the whole duration */
};

static const struct unit units[] = {
        {"y", 365LL * 86400000, true}, {"w", 7LL * 86400000, true}, {"d", 86400000, false},
        {"h", 3600000, false},         {"m", 60000, false},         {"s", 1000, false},
        {"ms", 1, false},
};

static bool read_number(struct str *text, int64_t *ret)
{
        size_t at = 0;
        int64_t value = 0;

        for (; at < text->len && text->data[at] >= '0' && text->data[at] <= '9'; at++)
                if (__builtin_mul_overflow(value, 10, &value) ||
                    __builtin_add_overflow(value, text->data[at] - '0', &value))
                        value = INT64_MAX / 2;
        *text = str_slice(*text, at, text->len);
        *ret = value;
        return at > 0;
}

/* What stands before the next digit; ARRAY_LEN(units) when it is no unit. */
static size_t read_unit(struct str *text, struct str *ret_name)
{
        size_t len = 0, unit = 0;

        while (len < text->len && (text->data[len] < '0' || text->data[len] > '9'))
                len++;
        *ret_name = str_slice(*text, 0, len);
        *text = str_slice(*text, len, text->len);
        while (unit < ARRAY_LEN(units) && !str_is(*ret_name, units[unit].name))
                unit++;
        return unit;
}

bool duration_parse(struct str text, int64_t *ret_ms, struct error *err)
{
        struct str rest = text, name;
        size_t unit, next_unit = 0;
        int64_t total = 0;

        if (text.len == 0)
                return error_set(err, ERROR_INVALID, "empty duration string");
        if (str_is(text, "0")) {
                *ret_ms = 0;
                return true;
        }
        while (rest.len) {
                int64_t number;
                bool numbered = read_number(&rest, &number);

                unit = read_unit(&rest, &name);
                if (numbered && name.len && unit == ARRAY_LEN(units))
                        return error_set(err, ERROR_INVALID,
                                         "unknown unit \"" STR_FMT "\" in duration \"" STR_FMT
                                         "\"", STR_ARG(name), STR_ARG(text));
                if (!numbered || !name.len || unit < next_unit)
                        return error_set(err, ERROR_INVALID,
                                         "not a valid duration string: \"" STR_FMT "\"",
                                         STR_ARG(text));
                next_unit = unit + 1;
                /* Prometheus keeps nanoseconds in an int64; beyond that it refuses. */
                if (__builtin_mul_overflow(number, units[unit].ms, &number) ||
                    __builtin_add_overflow(total, number, &total) ||
                    total > INT64_MAX / 1000000)
                        return error_set(err, ERROR_INVALID, "duration out of range");
        }
        *ret_ms = total;
        return true;
}

void duration_append(struct buf *out, int64_t ms)
{
        if (ms == 0) {
                buf_append_cstr(out, "0s");
                return;
        }
        if (ms < 0) {
                buf_append_byte(out, '-');
                ms = -ms;
        }
        for (size_t i = 0; i < ARRAY_LEN(units); i++) {
                int64_t count = ms / units[i].ms;

                if (!count || (units[i].exact_only && ms % units[i].ms))
                        continue;
                buf_printf(out, "%lld%s", (long long)count, units[i].name);
                ms -= count * units[i].ms;
        }
}

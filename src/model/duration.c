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

static bool read_unit(struct str *text, size_t *next_unit, int64_t *ret_ms)
{
        size_t len = 0;

        while (len < text->len && text->data[len] >= 'a' && text->data[len] <= 'z')
                len++;
        for (size_t i = *next_unit; i < ARRAY_LEN(units); i++) {
                if (!str_is(str_slice(*text, 0, len), units[i].name))
                        continue;
                *text = str_slice(*text, len, text->len);
                *next_unit = i + 1;
                *ret_ms = units[i].ms;
                return true;
        }
        return false;
}

bool duration_parse(struct str text, int64_t *ret_ms, struct error *err)
{
        struct str rest = text;
        size_t next_unit = 0;
        int64_t total = 0;

        if (text.len == 0)
                return error_set(err, ERROR_INVALID, "empty duration string");
        if (str_is(text, "0")) {
                *ret_ms = 0;
                return true;
        }
        while (rest.len) {
                int64_t number, unit_ms;

                if (!read_number(&rest, &number) || !read_unit(&rest, &next_unit, &unit_ms))
                        return error_set(err, ERROR_INVALID,
                                         "not a valid duration string: \"" STR_FMT "\"",
                                         STR_ARG(text));
                /* Prometheus keeps nanoseconds in an int64; beyond that it refuses. */
                if (__builtin_mul_overflow(number, unit_ms, &number) ||
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

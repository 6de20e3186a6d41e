/* Start timestamps in test scripts, as durations from the sample's time: -1m -30s-1mx2 _ *x3. */
#include "model/duration.h"
#include "promql/script_series_int.h"

/* -1m30s: up to the next sign or the repetition. */
static bool take_offset(struct str *text, int64_t *ret_ms, struct error *err)
{
        bool negative = text->len && text->data[0] == '-';
        size_t from = negative || (text->len && text->data[0] == '+') ? 1 : 0, to = from;
        int64_t ms;

        while (to < text->len && text->data[to] != '+' && text->data[to] != '-' &&
               text->data[to] != 'x')
                to++;
        if (!duration_parse(str_slice(*text, from, to), &ms, err))
                return false;
        *ret_ms = negative ? -ms : ms;
        *text = str_slice(*text, to, text->len);
        return true;
}

static bool put_times(struct script_values *values, struct script_value value, int64_t step_ms,
                      size_t times, struct error *err)
{
        for (size_t i = 0; i < times; i++) {
                if (!script_values_put(values, value, err))
                        return false;
                if (__builtin_add_overflow(value.offset_ms, step_ms, &value.offset_ms))
                        return error_set(err, ERROR_INVALID, "start timestamp out of range");
        }
        return true;
}

/* _ and _x3: not known; * and *x3: as the one before; else a repetition has one more. */
bool script_starts_parse(struct script_values *values, struct str item, struct error *err)
{
        struct script_value value = {0};
        struct str rest = item;
        int64_t step_ms = 0;
        size_t times = 0;
        bool counted = item.data[0] == '_' || item.data[0] == '*';

        if (counted) {
                if (item.data[0] == '_')
                        value.omitted = true;
                else if (values->count)
                        value = values->items[values->count - 1];
                else
                        return error_set(err, ERROR_INVALID, "no start timestamp to repeat");
                rest = str_slice(item, 1, item.len);
                times = 1;
        } else if (!take_offset(&rest, &value.offset_ms, err) ||
                   (rest.len && rest.data[0] != 'x' && !take_offset(&rest, &step_ms, err))) {
                return false;
        }
        if (rest.len && !script_take_times(&rest, &times))
                return error_set(err, ERROR_INVALID, "bad repetition near \"" STR_FMT "\"",
                                 STR_ARG(item));
        return put_times(values, value, step_ms, times + !counted, err);
}

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/api_int.h"
#include "base/alloc.h"
#include "base/civil.h"
#include "codec/double.h"
#include "model/duration.h"

ALLOC_TYPE(gate_type, "api_gate")

struct json_writer api_begin(struct http_response *response)
{
        response->content_type = "application/json";
        buf_append_cstr(&response->body, "{\"status\":\"success\",\"data\":");
        return json_writer_make(&response->body);
}

static void write_texts(struct buf *out, const char *key, const char *const *texts, size_t count)
{
        struct json_writer writer = json_writer_make(out);

        if (!count)
                return;
        buf_printf(out, ",\"%s\":", key);
        json_array_begin(&writer);
        for (size_t i = 0; i < count; i++)
                json_cstring(&writer, texts[i]);
        json_array_end(&writer);
}

void api_end(struct http_response *response, const struct promql_notes *notes)
{
        struct error err;

        if (notes) {
                write_texts(&response->body, "warnings", notes->warnings, notes->warning_count);
                write_texts(&response->body, "infos", notes->infos, notes->info_count);
        }
        buf_append_byte(&response->body, '}');
        if (response->body.overflow) {
                error_set(&err, ERROR_LIMIT, "the answer is larger than %zu bytes",
                          response->body.max_bytes);
                api_fail(response, &err);
        }
}

static void describe(enum error_code code, int *ret_status, const char **ret_type)
{
        switch (code) {
        case ERROR_INVALID:
                *ret_status = 400;
                *ret_type = "bad_data";
                return;
        case ERROR_NOT_FOUND:
                *ret_status = 404;
                *ret_type = "not_found";
                return;
        case ERROR_TIMEOUT:
                *ret_status = 503;
                *ret_type = "timeout";
                return;
        case ERROR_CANCELED:
                *ret_status = 499;
                *ret_type = "canceled";
                return;
        case ERROR_LIMIT:
        case ERROR_EXECUTION:
        case ERROR_UNSUPPORTED:
                *ret_status = 422;
                *ret_type = "execution";
                return;
        case ERROR_FULL:
        case ERROR_NETWORK:
                *ret_status = 503;
                *ret_type = "unavailable";
                return;
        case ERROR_NONE:
        case ERROR_IO:
        case ERROR_CORRUPT:
                *ret_status = 500;
                *ret_type = "internal";
                return;
        }
        BUG_ON(true);
}

void api_fail(struct http_response *response, const struct error *err)
{
        const char *type;

        describe(err->code, &response->status, &type);
        response->content_type = "application/json";
        buf_clear(&response->body);
        buf_printf(&response->body, "{\"status\":\"error\",\"errorType\":\"%s\",\"error\":", type);
        json_quote(&response->body, str_from(err->text));
        buf_append_byte(&response->body, '}');
}

void api_bad_parameter(struct http_response *response, const char *name, const char *fmt, ...)
{
        char reason[768];
        struct error err;
        va_list args;

        va_start(args, fmt);
        vsnprintf(reason, sizeof(reason), fmt, args);
        va_end(args);
        error_set(&err, ERROR_INVALID, "invalid parameter \"%s\": %s", name, reason);
        api_fail(response, &err);
}

/* ---- parameters --------------------------------------------------------------------------- */

/* Whole seconds and the rest are rounded apart, as in Prometheus: 0.0005 s behind a large number
 * is less than half a millisecond. */
static bool seconds_to_ms(double seconds, int64_t *ret_ms)
{
        double whole, rest = modf(seconds, &whole);

        if (!(fabs(seconds) < 9.2e15))
                return false;
        *ret_ms = (int64_t)whole * 1000 + (int64_t)round(rest * 1000);
        return true;
}

/* Times that nanoseconds cannot hold are read in the years from 1800 to 2199: the calendar repeats
 * every 400 years. */
static bool parse_rfc3339(struct str text, int64_t *ret_ms)
{
        static const int64_t cycle_ms = 146097LL * 86400 * 1000;
        char near[64];
        int64_t ns, cycles;
        int year;

        /* Go takes only the capital T and Z. */
        if (text.len >= sizeof(near) || text.len < 4 || memchr(text.data, 't', text.len) ||
            memchr(text.data, 'z', text.len))
                return false;
        for (size_t i = 0; i < 4; i++)
                if (text.data[i] < '0' || text.data[i] > '9')
                        return false;
        year = (text.data[0] - '0') * 1000 + (text.data[1] - '0') * 100 +
               (text.data[2] - '0') * 10 + (text.data[3] - '0');
        memcpy(near, text.data, text.len);
        cycles = (year + 200) / 400 - 5;
        near[0] = year % 400 < 200 ? '2' : '1';
        near[1] = (char)('0' + (year % 400 + (year % 400 < 200 ? 0 : 600)) / 100);
        if (!civil_parse_rfc3339(str_make(near, text.len), &ns))
                return false;
        *ret_ms = ns / 1000000 - (ns % 1000000 < 0) + cycles * cycle_ms;
        return true;
}

static bool parse_time(struct str text, int64_t *ret_ms)
{
        double seconds;

        if (double_parse(text, &seconds))
                return seconds_to_ms(seconds, ret_ms);
        if (parse_rfc3339(text, ret_ms))
                return true;
        if (str_is(text, "-292273086-05-16T16:47:06Z")) {
                *ret_ms = API_MIN_TIME_MS;
                return true;
        }
        if (str_is(text, "292277025-08-18T07:12:54.999999999Z")) {
                *ret_ms = API_MAX_TIME_MS;
                return true;
        }
        return false;
}

bool api_time(struct http_request *request, struct http_response *response, const char *name,
              int64_t fallback_ms, int64_t *ret_ms)
{
        struct str text = http_request_param(request, name);

        *ret_ms = fallback_ms;
        if (!text.len || parse_time(text, ret_ms))
                return true;
        api_bad_parameter(response, name, "invalid time value for '%s': cannot parse \"" STR_FMT
                          "\" to a valid timestamp", name, STR_ARG(text));
        return false;
}

bool api_required_time(struct http_request *request, struct http_response *response,
                       const char *name, int64_t *ret_ms)
{
        struct str text = http_request_param(request, name);

        if (parse_time(text, ret_ms))
                return true;
        api_bad_parameter(response, name, "cannot parse \"" STR_FMT "\" to a valid timestamp",
                          STR_ARG(text));
        return false;
}

bool api_duration(struct http_request *request, struct http_response *response, const char *name,
                  int64_t fallback_ms, int64_t *ret_ms)
{
        struct str text = http_request_param(request, name);
        double seconds;

        *ret_ms = fallback_ms;
        if (!text.len && fallback_ms)
                return true;
        if (double_parse(text, &seconds)) {
                if (seconds_to_ms(seconds, ret_ms) && fabs(seconds) < 9.2e9)
                        return true;
                api_bad_parameter(response, name, "cannot parse \"" STR_FMT "\" to a valid "
                                  "duration. It overflows int64", STR_ARG(text));
                return false;
        }
        if (text.len && duration_parse(text, ret_ms, NULL))
                return true;
        api_bad_parameter(response, name, "cannot parse \"" STR_FMT "\" to a valid duration",
                          STR_ARG(text));
        return false;
}

enum integer { INTEGER, NOT_INTEGER, INTEGER_TOO_LARGE };

/* As Go's strconv.Atoi: a sign and digits, nothing else. */
static enum integer parse_integer(struct str text, int64_t *ret_value)
{
        size_t digits = text.len && (text.data[0] == '-' || text.data[0] == '+');

        if (digits == text.len)
                return NOT_INTEGER;
        for (size_t i = digits; i < text.len; i++)
                if (text.data[i] < '0' || text.data[i] > '9')
                        return NOT_INTEGER;
        errno = 0;
        *ret_value = strtoll(text.data, NULL, 10);
        return errno ? INTEGER_TOO_LARGE : INTEGER;
}

bool api_limit(struct http_request *request, struct http_response *response, uint64_t *ret_limit)
{
        struct str text = http_request_param(request, "limit");
        enum integer kind;
        int64_t value = 0;

        *ret_limit = 0;
        if (!text.len)
                return true;
        kind = parse_integer(text, &value);
        if (kind != INTEGER) {
                api_bad_parameter(response, "limit", "strconv.Atoi: parsing \"" STR_FMT "\": %s",
                                  STR_ARG(text), kind == NOT_INTEGER ? "invalid syntax"
                                                                     : "value out of range");
                return false;
        }
        if (value < 0) {
                api_bad_parameter(response, "limit", "limit must be non-negative");
                return false;
        }
        *ret_limit = (uint64_t)value;
        return true;
}

bool api_integer(struct http_request *request, const char *name, int64_t fallback,
                 int64_t *ret_value)
{
        struct str text = http_request_param(request, name);

        *ret_value = fallback;
        return !text.len || parse_integer(text, ret_value) == INTEGER;
}

static bool selects_something(const struct promql_selector *selector)
{
        for (size_t i = 0; i < selector->count; i++)
                if (!matcher_matches(&selector->matchers[i], STR_LIT("")))
                        return true;
        return false;
}

bool api_selectors(struct http_request *request, struct api_selectors *ret_selectors,
                   struct error *err)
{
        struct promql_selector *items = arena_array(request->arena, struct promql_selector,
                                                    request->param_count);
        size_t count = 0;

        for (size_t i = 0; i < request->param_count; i++) {
                if (!str_is(request->params[i].name, "match[]"))
                        continue;
                if (!promql_selector_parse(request->arena, request->params[i].value,
                                           &items[count++], err))
                        return false;
        }
        for (size_t i = 0; i < count; i++)
                if (!selects_something(&items[i]))
                        return error_set(err, ERROR_INVALID,
                                         "match[] must contain at least one non-empty matcher");
        *ret_selectors = (struct api_selectors){items, count};
        return true;
}

/* ---- values ------------------------------------------------------------------------------- */

void api_write_labels(struct json_writer *writer, struct labels labels)
{
        json_object_begin(writer);
        for (size_t i = 0; i < labels.count; i++) {
                json_key_str(writer, labels.items[i].name);
                json_string(writer, labels.items[i].value);
        }
        json_object_end(writer);
}

size_t api_format_timestamp(char *text, int64_t t_ms)
{
        uint64_t ms = t_ms < 0 ? -(uint64_t)t_ms : (uint64_t)t_ms;
        uint64_t whole = ms / 1000, fraction = ms % 1000;
        char digits[24], *end = digits + sizeof(digits), *begin = end, *out = text;

        if (fraction) {
                for (int i = 0; i < 3; i++, fraction /= 10)
                        *--begin = (char)('0' + fraction % 10);
                *--begin = '.';
        }
        do
                *--begin = (char)('0' + whole % 10);
        while (whole /= 10);
        if (t_ms < 0)
                *out++ = '-';
        memcpy(out, begin, (size_t)(end - begin));
        return (size_t)(out + (end - begin) - text);
}

void api_write_timestamp(struct buf *out, int64_t t_ms)
{
        char text[API_TIMESTAMP_MAX];

        buf_append(out, text, api_format_timestamp(text, t_ms));
}

void api_write_time(struct json_writer *writer, int64_t t_ms)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(64);

        if (t_ms)
                civil_format_rfc3339(&text, t_ms * 1000000);
        else
                buf_append_cstr(&text, "0001-01-01T00:00:00Z");
        json_string(writer, buf_str(&text));
}

/* ---- the gate ----------------------------------------------------------------------------- */

struct api_gate {
        pthread_mutex_t lock;
        pthread_cond_t left;
        unsigned running, waiting; /* lock */
        unsigned running_max, waiting_max;
};

struct api_gate *api_gate_new(unsigned running_max, unsigned waiting_max)
{
        struct api_gate *gate = alloc_new(&gate_type, sizeof(*gate));

        pthread_mutex_init(&gate->lock, NULL);
        pthread_cond_init(&gate->left, NULL);
        gate->running_max = running_max;
        gate->waiting_max = waiting_max;
        return gate;
}

struct api_gate *api_gate_free(struct api_gate *gate)
{
        if (!gate)
                return NULL;
        pthread_cond_destroy(&gate->left);
        pthread_mutex_destroy(&gate->lock);
        return alloc_free(&gate_type, gate);
}

bool api_gate_enter(struct api_gate *gate, struct http_response *response)
{
        struct error err;
        bool admitted;

        pthread_mutex_lock(&gate->lock);
        admitted = gate->running < gate->running_max || gate->waiting < gate->waiting_max;
        if (admitted) {
                gate->waiting++;
                while (gate->running >= gate->running_max)
                        pthread_cond_wait(&gate->left, &gate->lock);
                gate->waiting--;
                gate->running++;
        }
        pthread_mutex_unlock(&gate->lock);
        if (!admitted) {
                error_set(&err, ERROR_TIMEOUT, "too many queries are running");
                api_fail(response, &err);
                http_response_header(response, "Retry-After", "1");
        }
        return admitted;
}

void api_gate_leave(struct api_gate *gate)
{
        pthread_mutex_lock(&gate->lock);
        gate->running--;
        pthread_cond_signal(&gate->left);
        pthread_mutex_unlock(&gate->lock);
}

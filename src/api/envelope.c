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

/* What a float of seconds may be: Prometheus's own minimum and maximum time. */
static bool seconds_to_ms(double seconds, int64_t *ret_ms)
{
        double ms = round(seconds * 1000);

        if (!(fabs(ms) < 9.2e18))
                return false;
        *ret_ms = (int64_t)ms;
        return true;
}

static bool parse_time(struct str text, int64_t *ret_ms)
{
        double seconds;
        int64_t ns;

        if (double_parse(text, &seconds))
                return seconds_to_ms(seconds, ret_ms);
        if (civil_parse_rfc3339(text, &ns)) {
                *ret_ms = ns / 1000000 - (ns % 1000000 < 0);
                return true;
        }
        if (str_is(text, "-292273086-05-16T16:47:06Z")) {
                *ret_ms = API_MIN_TIME_MS;
                return true;
        }
        if (str_is(text, "+292277025-08-18T07:12:54.999999999Z") ||
            str_is(text, "292277025-08-18T07:12:54.999999999Z")) {
                *ret_ms = API_MAX_TIME_MS;
                return true;
        }
        return false;
}

bool api_time(struct http_request *request, struct http_response *response, const char *name,
              int64_t fallback_ms, int64_t *ret_ms)
{
        struct str text = http_request_param(request, name);

        if (!text.len) {
                *ret_ms = fallback_ms;
                return true;
        }
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
        if (!http_request_has_param(request, name) && fallback_ms)
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

bool api_limit(struct http_request *request, struct http_response *response, const char *name,
               uint64_t fallback, uint64_t *ret_limit)
{
        struct str text = http_request_param(request, name);
        char *end;
        long long value;

        *ret_limit = fallback;
        if (!text.len)
                return true;
        value = strtoll(text.data, &end, 10);
        if (*end || value < 0) {
                api_bad_parameter(response, name, "%s must be a non-negative number", name);
                return false;
        }
        *ret_limit = (uint64_t)value;
        return true;
}

bool api_selectors(struct http_request *request, struct http_response *response,
                   struct api_selectors *ret_selectors)
{
        struct promql_selector *items = arena_array(request->arena, struct promql_selector,
                                                    request->param_count);
        struct error err;
        size_t count = 0;

        for (size_t i = 0; i < request->param_count; i++) {
                if (!str_is(request->params[i].name, "match[]"))
                        continue;
                if (!promql_selector_parse(request->arena, request->params[i].value,
                                           &items[count], &err)) {
                        api_bad_parameter(response, "match[]", "%s", err.text);
                        return false;
                }
                count++;
        }
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

void api_write_timestamp(struct buf *out, int64_t t_ms)
{
        int64_t whole = t_ms / 1000, fraction = t_ms % 1000;
        char text[32];
        int len;

        if (fraction)
                len = snprintf(text, sizeof(text), "%s%lld.%03lld", t_ms < 0 ? "-" : "",
                               llabs((long long)whole), llabs((long long)fraction));
        else
                len = snprintf(text, sizeof(text), "%lld", (long long)whole);
        buf_append(out, text, (size_t)len);
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

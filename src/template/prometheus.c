#include "template/prometheus.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "codec/double.h"
#include "codec/quote.h"
#include "codec/regex.h"
#include "model/duration.h"
#include "template/escape_int.h"
#include "template/text_int.h"
#include "template/time.h"

static const char *const sample_fields[] = {"Labels", "Value", NULL};
static const struct template_type sample_type = {
        .name = "*template.sample", .kind = TEMPLATE_STRUCT, .is_named = true,
        .fields = sample_fields};
static const struct template_type result_type = {
        .name = "template.queryResult", .kind = TEMPLATE_LIST, .is_named = true,
        .element = &sample_type};

static const char *const data_fields[] = {"Labels", "ExternalLabels", "ExternalURL", "Value", NULL};
static const struct template_type data_type = {
        .name = "struct { Labels map[string]string; ExternalLabels map[string]string; "
                "ExternalURL string; Value interface {} }",
        .kind = TEMPLATE_STRUCT, .fields = data_fields};

const char template_prometheus_definitions[] =
        "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}"
        "{{$externalURL := .ExternalURL}}{{$value := .Value}}";

struct template_value template_prometheus_data(struct arena *arena, struct template_value labels,
                                               struct template_value external_labels,
                                               const char *external_url,
                                               struct template_value value)
{
        struct template_value *fields = arena_array(arena, struct template_value, 4);

        fields[0] = labels;
        fields[1] = external_labels;
        fields[2] = template_from_str(str_from(external_url));
        fields[3] = value;
        return (struct template_value){&data_type, .fields = fields};
}

struct template_value template_prometheus_sample(struct arena *arena, struct template_value labels,
                                                 double value)
{
        struct template_value *fields = arena_array(arena, struct template_value, 2);

        fields[0] = labels;
        fields[1] = template_from_float(value);
        return (struct template_value){&sample_type, .fields = fields};
}

/* ---- queries ------------------------------------------------------------------------------ */

static bool call_query(struct template_call *call, struct error *err)
{
        const struct template_prometheus *env = call->ctx;
        struct template_value *samples;
        size_t count;

        if (!env->query(env->query_ctx, call->args[0].text, call->arena, &samples, &count, err))
                return false;
        call->result = template_from_list(&result_type, call->arena, samples, count);
        return true;
}

static bool call_first(struct template_call *call, struct error *err)
{
        if (!template_count(&call->args[0]))
                return error_set(err, ERROR_EXECUTION,
                                 "first() called on vector with no elements");
        call->result = call->args[0].list->items[0];
        return true;
}

static struct template_value label_of(const struct template_value *sample, struct str name)
{
        const struct template_value *found = template_map_get(sample->fields[0].map, name);

        return found ? *found : template_from_str(STR_LIT(""));
}

static bool fail_nil(struct error *err)
{
        return error_set(err, ERROR_EXECUTION,
                         "runtime error: invalid memory address or nil pointer dereference");
}

static bool call_label(struct template_call *call, struct error *err)
{
        if (!call->args[1].fields)
                return fail_nil(err);
        call->result = label_of(&call->args[1], call->args[0].text);
        return true;
}

static bool call_value(struct template_call *call, struct error *err)
{
        if (!call->args[0].fields)
                return fail_nil(err);
        call->result = call->args[0].fields[1];
        return true;
}

static bool call_strvalue(struct template_call *call, struct error *err)
{
        if (!call->args[0].fields)
                return fail_nil(err);
        call->result = label_of(&call->args[0], STR_LIT("__value__"));
        return true;
}

/* Insertion keeps equal ones in order, and a result that a page shows is short; a long one is
 * sorted by merging runs. */
static void sort_by_label(struct template_value *items, struct template_value *spare, size_t count,
                          struct str name)
{
        size_t half = count / 2, left = 0, right = half;

        if (count < 2)
                return;
        sort_by_label(items, spare, half, name);
        sort_by_label(items + half, spare, count - half, name);
        memcpy(spare, items, count * sizeof(*items));
        for (size_t i = 0; i < count; i++) {
                bool from_left = left < half &&
                                 (right == count ||
                                  str_compare(label_of(&spare[left], name).text,
                                              label_of(&spare[right], name).text) <= 0);

                items[i] = from_left ? spare[left++] : spare[right++];
        }
}

static bool call_sort_by_label(struct template_call *call, struct error *err)
{
        size_t count = template_count(&call->args[1]);
        struct template_value *items = arena_array(call->arena, struct template_value, count + 1);
        struct template_value *spare = arena_array(call->arena, struct template_value, count + 1);

        (void)err;
        if (count)
                memcpy(items, call->args[1].list->items, count * sizeof(*items));
        sort_by_label(items, spare, count, call->args[0].text);
        call->result = template_from_list(&result_type, call->arena, items, count);
        return true;
}

static bool call_args(struct template_call *call, struct error *err)
{
        struct template_entry *entries = arena_array(call->arena, struct template_entry,
                                                     call->count + 1);

        (void)err;
        for (size_t i = 0; i < call->count; i++) {
                entries[i].key = str_from(arena_printf(call->arena, "arg%zu", i));
                entries[i].value = call->args[i];
        }
        call->result = template_from_map(&template_any_map, call->arena, entries, call->count);
        return true;
}

/* ---- numbers ------------------------------------------------------------------------------ */

static bool to_float(const struct template_value *value, double *ret_number, struct error *err)
{
        struct buf quoted CLEANUP(buf_release) = BUF_INIT(sizeof(err->text));

        if (value->type == &template_float64) {
                *ret_number = value->number;
                return true;
        }
        if (value->type == &template_duration_type) {
                *ret_number = (double)(value->integer / 1000000000) +
                              (double)(value->integer % 1000000000) / 1e9;
                return true;
        }
        if (value->type && value->type->kind == TEMPLATE_INT && !value->type->is_named) {
                *ret_number = (double)value->integer;
                return true;
        }
        if (value->type != &template_string)
                return error_set(err, ERROR_EXECUTION, "can't convert %s to float",
                                 value->type ? value->type->name : "<nil>");
        if (double_parse(value->text, ret_number))
                return true;
        quote_append(&quoted, value->text);
        return error_set(err, ERROR_EXECUTION, "strconv.ParseFloat: parsing " STR_FMT
                         ": invalid syntax", STR_ARG(buf_str(&quoted)));
}

/* fmt.Sprintf("%s%.4g%s%s") */
static bool return_number(struct template_call *call, const char *sign, double number,
                          const char *prefix, const char *unit)
{
        struct template_value value = template_from_float(number);
        struct buf text CLEANUP(buf_release) = BUF_INIT(256);

        buf_append_cstr(&text, sign);
        template_printf(&text, STR_LIT("%.4g"), &value, 1);
        buf_append_cstr(&text, prefix);
        buf_append_cstr(&text, unit);
        call->result = template_from_str(arena_str(call->arena, buf_str(&text)));
        return true;
}

static const char *const small_prefixes[] = {"m", "u", "n", "p", "f", "a", "z", "y"};

static bool return_small(struct template_call *call, double number, const char *unit)
{
        const char *prefix = "";

        for (size_t i = 0; i < ARRAY_LEN(small_prefixes) && fabs(number) < 1; i++) {
                prefix = small_prefixes[i];
                number *= 1000;
        }
        return return_number(call, "", number, prefix, unit);
}

static bool return_large(struct template_call *call, double number, double step,
                         const char *const *prefixes, size_t count)
{
        const char *prefix = "";

        for (size_t i = 0; i < count && fabs(number) >= step; i++) {
                prefix = prefixes[i];
                number /= step;
        }
        return return_number(call, "", number, prefix, "");
}

static bool call_humanize(struct template_call *call, struct error *err)
{
        static const char *const prefixes[] = {"k", "M", "G", "T", "P", "E", "Z", "Y"};
        double number;

        if (!to_float(&call->args[0], &number, err))
                return false;
        if (number == 0 || !isfinite(number))
                return return_number(call, "", number, "", "");
        return fabs(number) >= 1
                       ? return_large(call, number, 1000, prefixes, ARRAY_LEN(prefixes))
                       : return_small(call, number, "");
}

static bool call_humanize_1024(struct template_call *call, struct error *err)
{
        static const char *const prefixes[] = {"ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"};
        double number;

        if (!to_float(&call->args[0], &number, err))
                return false;
        if (fabs(number) <= 1 || !isfinite(number))
                return return_number(call, "", number, "", "");
        return return_large(call, number, 1024, prefixes, ARRAY_LEN(prefixes));
}

static bool call_humanize_duration(struct template_call *call, struct error *err)
{
        double number;
        const char *sign;
        int64_t whole, days, hours, minutes;

        if (!to_float(&call->args[0], &number, err))
                return false;
        if (!isfinite(number))
                return return_number(call, "", number, "", "");
        if (number == 0)
                return return_number(call, "", number, "", "s");
        if (fabs(number) < 1)
                return return_small(call, number, "s");
        sign = number < 0 ? "-" : "";
        number = fabs(number);
        whole = number < 0x1p63 ? (int64_t)number : INT64_MIN; /* as Go converts on this machine */
        minutes = whole / 60 % 60;
        hours = whole / 3600 % 24;
        days = whole / 86400;
        if (!days && !hours && !minutes)
                return return_number(call, sign, number, "", "s");
        call->result = template_from_str(str_from(
                days ? arena_printf(call->arena, "%s%lldd %lldh %lldm %llds", sign,
                                    (long long)days, (long long)hours, (long long)minutes,
                                    (long long)(whole % 60))
                : hours ? arena_printf(call->arena, "%s%lldh %lldm %llds", sign, (long long)hours,
                                       (long long)minutes, (long long)(whole % 60))
                        : arena_printf(call->arena, "%s%lldm %llds", sign, (long long)minutes,
                                       (long long)(whole % 60))));
        return true;
}

static bool call_humanize_percentage(struct template_call *call, struct error *err)
{
        double number;

        return to_float(&call->args[0], &number, err) &&
               return_number(call, "", number * 100, "%", "");
}

static bool to_time(struct template_call *call, double number, struct error *err)
{
        double ns = number * 1e9;
        struct buf text CLEANUP(buf_release) = BUF_INIT(64);

        if (!isfinite(number))
                return error_set(err, ERROR_EXECUTION, "value is NaN or Inf");
        if (ns > (double)INT64_MAX || ns < (double)INT64_MIN) {
                double_append(&text, number, DOUBLE_G);
                return error_set(err, ERROR_EXECUTION, STR_FMT " cannot be represented as a "
                                 "nanoseconds timestamp since it overflows int64",
                                 STR_ARG(buf_str(&text)));
        }
        /* Kept to the millisecond. */
        call->result = template_from_unix_ns(call->arena, (int64_t)ns / 1000000 * 1000000, NULL);
        return true;
}

static bool call_humanize_timestamp(struct template_call *call, struct error *err)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(128);
        double number;

        if (!to_float(&call->args[0], &number, err))
                return false;
        if (!isfinite(number))
                return return_number(call, "", number, "", "");
        if (!to_time(call, number, err))
                return false;
        template_print(&text, &call->result);
        call->result = template_from_str(arena_str(call->arena, buf_str(&text)));
        return true;
}

static bool call_to_time(struct template_call *call, struct error *err)
{
        double number;

        return to_float(&call->args[0], &number, err) && to_time(call, number, err);
}

static bool call_to_duration(struct template_call *call, struct error *err)
{
        double number;

        if (!to_float(&call->args[0], &number, err))
                return false;
        number *= 1e9;
        call->result = template_from_duration(
                number >= -0x1p63 && number < 0x1p63 ? (int64_t)number : INT64_MIN);
        return true;
}

static bool call_now(struct template_call *call, struct error *err)
{
        const struct template_prometheus *env = call->ctx;

        (void)err;
        call->result = template_from_float((double)env->now_ms / 1000);
        return true;
}

static bool call_parse_duration(struct template_call *call, struct error *err)
{
        int64_t duration_ms;

        if (!duration_parse(call->args[0].text, &duration_ms, err))
                return false;
        call->result = template_from_float((double)duration_ms / 1000);
        return true;
}

/* ---- addresses and links ------------------------------------------------------------------ */

/* host:port as net.SplitHostPort takes it. */
static bool split_host_port(struct str text, struct str *ret_host, struct str *ret_port)
{
        size_t colon = text.len;
        struct str host;

        while (colon > 0 && text.data[colon - 1] != ':')
                colon--;
        if (colon == 0)
                return false;
        host = str_slice(text, 0, colon - 1);
        *ret_port = str_slice(text, colon, text.len);
        if (text.data[0] == '[') {
                if (host.len < 2 || str_find_byte(text, ']') != host.len - 1)
                        return false;
                host = str_slice(host, 1, host.len - 1);
        } else if (str_find_byte(host, ':') < host.len) {
                return false;
        }
        if (str_find_byte(host, '[') < host.len || str_find_byte(*ret_port, '[') < ret_port->len ||
            str_find_byte(*ret_port, ']') < ret_port->len ||
            (text.data[0] != '[' && str_find_byte(host, ']') < host.len))
                return false;
        *ret_host = host;
        return true;
}

static bool is_address(struct str host)
{
        char text[INET6_ADDRSTRLEN + 1];
        unsigned char bytes[16];

        if (host.len >= sizeof(text))
                return false;
        memcpy(text, host.data, host.len);
        text[host.len] = '\0';
        return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

static bool call_strip_port(struct template_call *call, struct error *err)
{
        struct str text = call->args[0].text, host, port;

        (void)err;
        call->result = template_from_str(split_host_port(text, &host, &port) ? host : text);
        return true;
}

static bool call_strip_domain(struct template_call *call, struct error *err)
{
        struct str text = call->args[0].text, host = text, port = STR_LIT("");

        (void)err;
        if (!split_host_port(text, &host, &port)) {
                host = text;
                port = STR_LIT("");
        }
        if (is_address(host)) {
                call->result = template_from_str(text);
                return true;
        }
        host = str_slice(host, 0, str_find_byte(host, '.'));
        call->result = template_from_str(
                port.len ? str_from(arena_printf(call->arena, STR_FMT ":" STR_FMT, STR_ARG(host),
                                                 STR_ARG(port)))
                         : host);
        return true;
}

static bool return_link(struct template_call *call, const char *tab)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(1 << 20);

        buf_append_cstr(&text, "/graph?g0.expr=");
        escape_url_query(&text, call->args[0].text);
        buf_append_cstr(&text, tab);
        call->result = template_from_str(arena_str(call->arena, buf_str(&text)));
        return true;
}

static bool call_graph_link(struct template_call *call, struct error *err)
{
        (void)err;
        return return_link(call, "&g0.tab=0");
}

static bool call_table_link(struct template_call *call, struct error *err)
{
        (void)err;
        return return_link(call, "&g0.tab=1");
}

static bool call_path_prefix(struct template_call *call, struct error *err)
{
        const struct template_prometheus *env = call->ctx;

        (void)err;
        call->result = template_from_str(str_from(env->path_prefix));
        return true;
}

static bool call_external_url(struct template_call *call, struct error *err)
{
        const struct template_prometheus *env = call->ctx;

        (void)err;
        call->result = template_from_str(str_from(env->external_url));
        return true;
}

static bool call_url_query_escape(struct template_call *call, struct error *err)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(1 << 24);

        (void)err;
        escape_url_query(&text, call->args[0].text);
        call->result = template_from_str(arena_str(call->arena, buf_str(&text)));
        return true;
}

#define ANY &template_any
#define STRING &template_string

const struct template_function template_prometheus_functions[] = {
        {"query", call_query, {STRING}, false},
        {"first", call_first, {&result_type}, false},
        {"label", call_label, {STRING, &sample_type}, false},
        {"value", call_value, {&sample_type}, false},
        {"strvalue", call_strvalue, {&sample_type}, false},
        {"args", call_args, {ANY}, true},
        {"reReplaceAll", text_replace_all, {STRING, STRING, STRING}, false},
        {"safeHtml", text_safe_html, {STRING}, false},
        {"match", text_match, {STRING, STRING}, false},
        {"title", text_title, {STRING}, false},
        {"toUpper", text_to_upper, {STRING}, false},
        {"toLower", text_to_lower, {STRING}, false},
        {"graphLink", call_graph_link, {STRING}, false},
        {"tableLink", call_table_link, {STRING}, false},
        {"sortByLabel", call_sort_by_label, {STRING, &result_type}, false},
        {"stripPort", call_strip_port, {STRING}, false},
        {"stripDomain", call_strip_domain, {STRING}, false},
        {"humanize", call_humanize, {ANY}, false},
        {"humanize1024", call_humanize_1024, {ANY}, false},
        {"humanizeDuration", call_humanize_duration, {ANY}, false},
        {"humanizePercentage", call_humanize_percentage, {ANY}, false},
        {"humanizeTimestamp", call_humanize_timestamp, {ANY}, false},
        {"toTime", call_to_time, {ANY}, false},
        {"toDuration", call_to_duration, {ANY}, false},
        {"now", call_now, {0}, false},
        {"pathPrefix", call_path_prefix, {0}, false},
        {"externalURL", call_external_url, {0}, false},
        {"parseDuration", call_parse_duration, {STRING}, false},
        {"urlQueryEscape", call_url_query_escape, {STRING}, false},
        {0},
};

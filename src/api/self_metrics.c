/* /api/v1/status/self_metrics: Pitwall's own metrics as JSON, in the shape that protobuf's JSON
 * mapping gives a MetricFamily. */
#include <math.h>

#include "api/api_int.h"
#include "codec/double.h"
#include "codec/regex.h"
#include "formats/prom_text.h"

enum { LABELS_MAX = 64, EXPOSITION_MAX_BYTES = 16 << 20 };

/* What has been written so far; what is open is closed when the next begins. */
struct self_metrics {
        struct json_writer writer;
        struct arena *arena;
        const struct regex *pattern; /* of names; NULL: all */
        struct str help;
        bool in_family;
        bool wanted;
        bool is_histogram, in_histogram;
        const char *value_key; /* "gauge", ... */
};

static const struct type_name {
        const char *text, *type, *key;
} types[] = {
        {"counter", "COUNTER", "counter"},
        {"gauge", "GAUGE", "gauge"},
        {"histogram", "HISTOGRAM", "histogram"},
};

static void write_double(struct json_writer *writer, const char *key, double value)
{
        char text[DOUBLE_TEXT_MAX];

        json_key(writer, key);
        if (isnan(value))
                json_cstring(writer, "NaN");
        else if (isinf(value))
                json_cstring(writer, value > 0 ? "Infinity" : "-Infinity");
        else
                json_raw(writer, str_make(text, double_format(text, value, DOUBLE_API)));
}

/* protobuf writes 64-bit numbers as text. */
static void write_count(struct json_writer *writer, const char *key, double value)
{
        char text[DOUBLE_TEXT_MAX];

        json_key(writer, key);
        json_string(writer, str_make(text, double_format(text, value, DOUBLE_F)));
}

static void end_family(struct self_metrics *self)
{
        if (!self->in_family)
                return;
        json_array_end(&self->writer);
        json_object_end(&self->writer);
        self->in_family = false;
}

static void begin_family(struct self_metrics *self, struct str name, struct str type_text)
{
        struct json_writer *writer = &self->writer;
        const struct type_name *type = &types[1];

        end_family(self);
        self->wanted = !self->pattern || regex_match(self->pattern, name);
        if (!self->wanted)
                return;
        for (size_t i = 0; i < ARRAY_LEN(types); i++)
                if (str_is(type_text, types[i].text))
                        type = &types[i];
        self->in_family = true;
        self->is_histogram = str_is(type_text, "histogram");
        self->value_key = type->key;
        json_object_begin(writer);
        json_key(writer, "name");
        json_string(writer, name);
        json_key(writer, "help");
        json_string(writer, self->help);
        json_key(writer, "type");
        json_cstring(writer, type->type);
        json_key(writer, "metric");
        json_array_begin(writer);
}

static void write_labels(struct json_writer *writer, struct labels labels)
{
        bool begun = false;

        for (size_t i = 0; i < labels.count; i++) {
                if (str_equal(labels.items[i].name, LABEL_METRIC_NAME) ||
                    str_is(labels.items[i].name, "le"))
                        continue;
                if (!begun) {
                        json_key(writer, "label");
                        json_array_begin(writer);
                        begun = true;
                }
                json_object_begin(writer);
                json_key(writer, "name");
                json_string(writer, labels.items[i].name);
                json_key(writer, "value");
                json_string(writer, labels.items[i].value);
                json_object_end(writer);
        }
        if (begun)
                json_array_end(writer);
}

static void begin_metric(struct self_metrics *self, struct labels labels)
{
        json_object_begin(&self->writer);
        write_labels(&self->writer, labels);
        json_key(&self->writer, self->value_key);
        json_object_begin(&self->writer);
}

static void end_metric(struct self_metrics *self)
{
        json_object_end(&self->writer);
        json_object_end(&self->writer);
}

/* base/metrics renders the buckets of one series, then its sum, then its count. The last bucket
 * says what the count says; protobuf leaves it out. */
static void write_histogram(struct self_metrics *self, struct str name, struct labels labels,
                            double value)
{
        struct json_writer *writer = &self->writer;
        double bound;

        if (!self->in_histogram) {
                self->in_histogram = true;
                begin_metric(self, labels);
                json_key(writer, "bucket");
                json_array_begin(writer);
        }
        if (str_ends_with(name, STR_LIT("_sum"))) {
                json_array_end(writer);
                write_double(writer, "sampleSum", value);
        } else if (str_ends_with(name, STR_LIT("_count"))) {
                write_count(writer, "sampleCount", value);
                end_metric(self);
                self->in_histogram = false;
        } else if (double_parse(labels_get(labels, STR_LIT("le")), &bound) && isfinite(bound)) {
                json_object_begin(writer);
                write_count(writer, "cumulativeCount", value);
                write_double(writer, "upperBound", bound);
                json_object_end(writer);
        }
}

static bool write_sample(struct self_metrics *self, const struct prom_text_entry *entry,
                         struct error *err)
{
        struct labels_builder builder;
        struct labels labels;

        if (!self->wanted || !self->in_family)
                return true;
        labels_builder_init(&builder, self->arena, (struct labels){0});
        if (!prom_text_series(entry->series, LABELS_MAX, &builder, err))
                return false;
        labels = labels_builder_finish(&builder);
        if (self->is_histogram) {
                write_histogram(self, labels_get(labels, LABEL_METRIC_NAME), labels, entry->value);
                return true;
        }
        begin_metric(self, labels);
        write_double(&self->writer, "value", entry->value);
        end_metric(self);
        return true;
}

static bool write_families(struct self_metrics *self, struct str exposition, struct error *err)
{
        struct prom_text reader = prom_text_make(exposition);
        struct prom_text_entry entry;

        for (;;) {
                switch (prom_text_next(&reader, STR_LIT(""), &entry, err)) {
                case PROM_TEXT_END:
                        end_family(self);
                        return true;
                case PROM_TEXT_HELP:
                        self->help = prom_text_help(self->arena, entry.text);
                        break;
                case PROM_TEXT_TYPE:
                        begin_family(self, entry.name, entry.text);
                        break;
                case PROM_TEXT_SAMPLE:
                        if (!write_sample(self, &entry, err))
                                return false;
                        break;
                case PROM_TEXT_ERROR:
                        return false;
                }
        }
}

static void handle_self_metrics(struct http_request *request, struct http_response *response,
                                void *ctx)
{
        struct buf exposition CLEANUP(buf_release) = BUF_INIT(EXPOSITION_MAX_BYTES);
        struct str pattern = http_request_param(request, "metric_name_pattern");
        struct api *api = ctx;
        struct self_metrics self = {.arena = request->arena};
        struct regex *regex = NULL;
        struct error err;
        bool ok;

        if (pattern.len && !regex_new(&regex, pattern, REGEX_FULL, &err)) {
                api_bad_parameter(response, "metric_name_pattern", "%s", err.text);
                return;
        }
        self.pattern = regex;
        api->render_metrics(api->ctx, &exposition);
        self.writer = api_begin(response);
        json_array_begin(&self.writer);
        ok = write_families(&self, buf_str(&exposition), &err);
        json_array_end(&self.writer);
        if (ok)
                api_end(response, NULL);
        else
                api_fail(response, &err);
        regex_free(regex);
}

void api_self_metrics_register(struct api *api, struct http_router *router)
{
        http_router_add(router, "GET", "/api/v1/status/self_metrics", handle_self_metrics, api);
}

#include "formats/otlp_metrics.h"

#include "formats/otlp_metrics_int.h"
#include "formats/remote_write.h"

/* Numbers of fields, by message. */
enum { REQUEST_RESOURCE_METRICS = 1 };
enum { GROUP_OWNER = 1, GROUP_MEMBER = 2, GROUP_SCHEMA_URL = 3 }; /* of resources, of scopes */
enum { RESOURCE_ATTRIBUTE = 1 };
enum { SCOPE_NAME = 1, SCOPE_VERSION = 2, SCOPE_ATTRIBUTE = 3 };
enum { METRIC_NAME = 1, METRIC_DESCRIPTION = 2, METRIC_UNIT = 3, METRIC_GAUGE = 5, METRIC_SUM = 7,
       METRIC_HISTOGRAM = 9, METRIC_EXPONENTIAL = 10, METRIC_SUMMARY = 11 };
enum { DATA_POINT = 1, DATA_TEMPORALITY = 2, DATA_MONOTONIC = 3 };

/* Resource and scope may take so much each; samples of one target_info in one request. */
enum { SCRATCH_BYTES = 16 << 20, TARGET_INFO_MAX = 1000 };
enum { PROMETHEUS_INTERVAL_MS = 150000 };

static const char *const identifying[] = {"service.namespace", "service.name",
                                          "service.instance.id"};

void otlp_options_init(struct otlp_options *options)
{
        *options = (struct otlp_options){
                .naming = {.suffixes = true, .key_before_underscore = true,
                           .keep_multiple_underscores = true},
                .target_info_interval_ms = PROMETHEUS_INTERVAL_MS,
        };
}

static struct reader read_message(struct str message)
{
        return reader_make(message.data, message.len);
}

static bool malformed(const char *what, struct error *err)
{
        return error_set(err, ERROR_INVALID, "malformed %s", what);
}

/* The last field of this number; empty when there is none. */
static bool find_bytes(struct str message, uint32_t number, struct str *ret_bytes)
{
        struct reader r = read_message(message);
        struct protobuf_field field;

        *ret_bytes = STR_LIT("");
        while (protobuf_next(&r, &field))
                if (field.number == number)
                        *ret_bytes = protobuf_bytes(&r, &field);
        return !r.failed;
}

/* ---- metrics ------------------------------------------------------------------------------ */

static const char *type_of(enum otlp_metric_kind kind)
{
        switch (kind) {
        case OTLP_MONOTONIC:
                return "counter";
        case OTLP_HISTOGRAM:
        case OTLP_EXPONENTIAL:
                return "histogram";
        case OTLP_SUMMARY:
                return "summary";
        case OTLP_GAUGE:
        case OTLP_SUM:
                break;
        }
        return "gauge";
}

struct metric_message {
        struct str name, unit, description, data;
        uint32_t data_number;
        uint64_t temporality;
        bool monotonic;
        size_t points;
};

static bool read_metric_fields(struct str message, struct metric_message *metric)
{
        struct reader r = read_message(message);
        struct protobuf_field field;

        *metric = (struct metric_message){{"", 0}, {"", 0}, {"", 0}, {"", 0}, 0};
        while (protobuf_next(&r, &field)) {
                switch (field.number) {
                case METRIC_NAME:
                        metric->name = protobuf_bytes(&r, &field);
                        break;
                case METRIC_DESCRIPTION:
                        metric->description = protobuf_bytes(&r, &field);
                        break;
                case METRIC_UNIT:
                        metric->unit = protobuf_bytes(&r, &field);
                        break;
                case METRIC_GAUGE:
                case METRIC_SUM:
                case METRIC_HISTOGRAM:
                case METRIC_EXPONENTIAL:
                case METRIC_SUMMARY:
                        metric->data = protobuf_bytes(&r, &field);
                        metric->data_number = field.number;
                        break;
                }
        }
        return !r.failed;
}

static bool read_data_fields(struct metric_message *metric)
{
        struct reader r = read_message(metric->data);
        struct protobuf_field field;

        while (protobuf_next(&r, &field)) {
                if (field.number == DATA_TEMPORALITY)
                        metric->temporality = protobuf_uint(&r, &field);
                else if (field.number == DATA_MONOTONIC)
                        metric->monotonic = protobuf_uint(&r, &field) != 0;
                else if (field.number == DATA_POINT)
                        metric->points++;
        }
        return !r.failed;
}

static enum otlp_metric_kind kind_of(const struct metric_message *metric)
{
        switch (metric->data_number) {
        case METRIC_SUM:
                return metric->monotonic ? OTLP_MONOTONIC : OTLP_SUM;
        case METRIC_HISTOGRAM:
                return OTLP_HISTOGRAM;
        case METRIC_EXPONENTIAL:
                return OTLP_EXPONENTIAL;
        case METRIC_SUMMARY:
                return OTLP_SUMMARY;
        default:
                return OTLP_GAUGE;
        }
}

static void refuse_metric(struct otlp_reader *reader, const struct metric_message *metric,
                          const char *why)
{
        struct error reason;

        error_set(&reason, ERROR_INVALID, "%s \"%.*s\"", why,
                  metric->name.len > 200 ? 200 : (int)metric->name.len, metric->name.data);
        reader->sink->refuse(reader->sink->ctx, metric->points, reason.text);
}

/* Whether its points can be translated. */
static bool begin_metric(struct otlp_reader *reader, const struct metric_message *metric)
{
        bool has_temporality = metric->data_number != METRIC_GAUGE &&
                               metric->data_number != METRIC_SUMMARY;
        struct otlp_metadata *metadata;

        reader->kind = kind_of(metric);
        reader->delta = has_temporality && metric->temporality == TEMPORALITY_DELTA;
        if (has_temporality && !reader->delta && metric->temporality != TEMPORALITY_CUMULATIVE) {
                refuse_metric(reader, metric, "invalid temporality and type combination for "
                              "metric");
                return false;
        }
        reader->name = otlp_metric_name(reader->arena, &reader->options->naming, metric->name,
                                        metric->unit, reader->kind);
        if (!reader->name.len) {
                refuse_metric(reader, metric, "nothing is left of the name of metric");
                return false;
        }
        metadata = arena_new(reader->arena, struct otlp_metadata);
        *metadata = (struct otlp_metadata){str_from(type_of(reader->kind)),
                                           otlp_unit_name(reader->arena, metric->unit),
                                           metric->description};
        reader->metadata = metadata;
        return true;
}

static bool read_metric(struct otlp_reader *reader, struct str message, struct error *err)
{
        struct metric_message metric;
        struct protobuf_field field;
        struct reader r;

        if (!read_metric_fields(message, &metric) || !read_data_fields(&metric))
                return malformed("metric", err);
        reader->points += metric.points;
        if (!metric.points || !begin_metric(reader, &metric))
                return true;
        r = read_message(metric.data);
        while (protobuf_next(&r, &field)) {
                struct arena_point mark = arena_mark(&reader->scratch);

                if (field.number != DATA_POINT)
                        continue;
                if (!otlp_point_translate(reader, protobuf_bytes(&r, &field), err))
                        return false;
                arena_rewind(&reader->scratch, mark);
        }
        return !r.failed || malformed("metric", err);
}

/* ---- scopes ------------------------------------------------------------------------------- */

static bool add_scope_labels(struct otlp_reader *reader, struct str scope, struct str schema_url,
                             struct error *err)
{
        struct otlp_attributes attributes;
        struct labels_builder builder;
        struct str name, version;

        if (!find_bytes(scope, SCOPE_NAME, &name) || !find_bytes(scope, SCOPE_VERSION, &version))
                return malformed("scope", err);
        if (!reader->options->promote_scope || !name.len)
                return true;
        if (!otlp_attributes_read(scope, SCOPE_ATTRIBUTE, &reader->scratch, &attributes, err))
                return false;
        for (size_t i = 0; i < attributes.count; i++)
                attributes.items[i].name =
                        str_from(arena_printf(&reader->scratch, "otel_scope_%.*s",
                                              STR_ARG(attributes.items[i].name)));
        labels_builder_init(&builder, &reader->scratch, reader->fixed);
        if (!otlp_attributes_set(&builder, &reader->options->naming, &attributes, NULL, 0, err))
                return false;
        labels_builder_set(&builder, STR_LIT("otel_scope_name"), name);
        labels_builder_set(&builder, STR_LIT("otel_scope_version"), version);
        labels_builder_set(&builder, STR_LIT("otel_scope_schema_url"), schema_url);
        reader->fixed = labels_builder_finish(&builder);
        return true;
}

static bool read_scope_metrics(struct otlp_reader *reader, struct str message, struct error *err)
{
        struct arena_point mark = arena_mark(&reader->scratch);
        struct labels resource_labels = reader->fixed;
        struct reader r = read_message(message);
        struct protobuf_field field;
        struct str scope, schema_url;

        if (!find_bytes(message, GROUP_OWNER, &scope) ||
            !find_bytes(message, GROUP_SCHEMA_URL, &schema_url))
                return malformed("scope metrics", err);
        if (!add_scope_labels(reader, scope, schema_url, err))
                return false;
        while (protobuf_next(&r, &field))
                if (field.number == GROUP_MEMBER &&
                    !read_metric(reader, protobuf_bytes(&r, &field), err))
                        return false;
        reader->fixed = resource_labels;
        arena_rewind(&reader->scratch, mark);
        return !r.failed || malformed("scope metrics", err);
}

/* ---- resources ---------------------------------------------------------------------------- */

static bool is_promoted(const struct otlp_options *options, struct str name)
{
        for (size_t i = 0; i < options->listed_count; i++)
                if (str_equal(options->listed[i], name))
                        return !options->promote_all;
        return options->promote_all;
}

static struct str job_of(struct arena *arena, const struct otlp_attributes *resource)
{
        const struct str *name = otlp_attributes_find(resource, "service.name");
        const struct str *namespace = otlp_attributes_find(resource, "service.namespace");

        if (!name)
                return STR_LIT("");
        return namespace ? str_from(arena_printf(arena, "%.*s/%.*s", STR_ARG(*namespace),
                                                 STR_ARG(*name)))
                         : *name;
}

static void set_resource_labels(struct otlp_reader *reader)
{
        const struct otlp_attributes *resource = &reader->resource;
        const struct str *instance = otlp_attributes_find(resource, "service.instance.id");
        struct labels_builder builder;

        labels_builder_init(&builder, &reader->scratch, (struct labels){0});
        for (size_t i = 0; i < resource->count; i++) {
                struct label *item = &resource->items[i];

                if (is_promoted(reader->options, item->name))
                        labels_builder_set(&builder,
                                           otlp_label_name(&reader->scratch,
                                                           &reader->options->naming, item->name),
                                           item->value);
        }
        reader->promoted = labels_builder_finish(&builder);
        labels_builder_init(&builder, &reader->scratch, (struct labels){0});
        labels_builder_set(&builder, STR_LIT("job"), job_of(&reader->scratch, resource));
        if (instance)
                labels_builder_set(&builder, STR_LIT("instance"), *instance);
        reader->fixed = labels_builder_finish(&builder);
}

static bool has_more_than_identity(const struct otlp_attributes *resource)
{
        for (size_t i = 0; i < resource->count; i++) {
                bool found = false;

                for (size_t j = 0; j < ARRAY_LEN(identifying); j++)
                        found |= str_is(resource->items[i].name, identifying[j]);
                if (!found)
                        return true;
        }
        return false;
}

/* One sample at the time of the first point, of the last, and enough between them that a query
 * for any moment finds one. */
static bool put_target_info_samples(struct otlp_reader *reader, struct labels labels,
                                    struct error *err)
{
        static const struct otlp_metadata metadata = {STR_LIT("gauge"), {"", 0},
                                                      STR_LIT("Target metadata")};
        int64_t interval_ms = reader->options->target_info_interval_ms;
        int64_t first_ms = (int64_t)reader->first_ns / 1000000;
        int64_t last_ms = (int64_t)reader->last_ns / 1000000;

        if (last_ms - first_ms > TARGET_INFO_MAX * interval_ms)
                first_ms = last_ms - TARGET_INFO_MAX * interval_ms;
        for (int64_t t_ms = first_ms;; t_ms += interval_ms) {
                struct otlp_sample sample = {.metadata = &metadata, .v = 1,
                                             .t_ms = t_ms < last_ms ? t_ms : last_ms};

                if (!otlp_sample_put(reader, labels, STR_LIT("target_info"), &sample, err))
                        return false;
                if (t_ms >= last_ms)
                        return true;
        }
}

static bool put_target_info(struct otlp_reader *reader, struct error *err)
{
        size_t ignored = reader->options->keep_identifying ? 0 : ARRAY_LEN(identifying);
        struct labels_builder builder;
        struct error reason;

        if (reader->first_ns > reader->last_ns || !reader->fixed.count ||
            !has_more_than_identity(&reader->resource))
                return true;
        labels_builder_init(&builder, &reader->scratch, (struct labels){0});
        if (!otlp_attributes_set(&builder, &reader->options->naming, &reader->resource,
                                 identifying, ignored, &reason)) {
                reader->sink->refuse(reader->sink->ctx, 0, reason.text);
                return true;
        }
        for (size_t i = 0; i < reader->fixed.count; i++)
                labels_builder_set(&builder, reader->fixed.items[i].name,
                                   reader->fixed.items[i].value);
        return put_target_info_samples(reader, labels_builder_finish(&builder), err);
}

static bool read_resource_metrics(struct otlp_reader *reader, struct str message,
                                  struct error *err)
{
        struct arena_point mark = arena_mark(&reader->scratch);
        struct reader r = read_message(message);
        struct protobuf_field field;
        struct str resource;

        if (!find_bytes(message, GROUP_OWNER, &resource))
                return malformed("resource metrics", err);
        if (!otlp_attributes_read(resource, RESOURCE_ATTRIBUTE, &reader->scratch,
                                  &reader->resource, err))
                return false;
        set_resource_labels(reader);
        reader->first_ns = UINT64_MAX;
        reader->last_ns = 0;
        while (protobuf_next(&r, &field))
                if (field.number == GROUP_MEMBER &&
                    !read_scope_metrics(reader, protobuf_bytes(&r, &field), err))
                        return false;
        if (r.failed)
                return malformed("resource metrics", err);
        if (!put_target_info(reader, err))
                return false;
        arena_rewind(&reader->scratch, mark);
        return true;
}

bool otlp_metrics_read(struct str message, const struct otlp_options *options,
                       struct arena *arena, const struct otlp_metrics_sink *sink,
                       size_t *ret_points, struct error *err)
{
        struct otlp_reader reader = {.options = options, .sink = sink, .arena = arena};
        struct reader r = read_message(message);
        struct protobuf_field field;
        bool ok = true;

        arena_init(&reader.scratch, SCRATCH_BYTES);
        while (ok && protobuf_next(&r, &field))
                if (field.number == REQUEST_RESOURCE_METRICS)
                        ok = read_resource_metrics(&reader, protobuf_bytes(&r, &field), err);
        arena_release(&reader.scratch);
        if (ok && r.failed)
                ok = malformed("request", err);
        if (ok)
                *ret_points = reader.points;
        return ok;
}

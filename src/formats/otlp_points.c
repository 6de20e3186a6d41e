#include <math.h>

#include "codec/double.h"
#include "formats/otlp_metrics_int.h"
#include "formats/remote_write.h"
#include "model/sample.h"

enum { FLAG_NO_RECORDED_VALUE = 1 };
enum { EXEMPLAR_CHARACTERS_MAX = 128 };
/* Of one point; a sender has at most one for each of its 160 buckets. */
enum { EXEMPLARS_MAX = 256 };

/* What the number of a field is called in each kind of point. All have times under 2 and 3. */
enum { POINT_START = 2, POINT_TIME = 3, POINT_COUNT = 4, POINT_SUM = 5 };
enum { NUMBER_DOUBLE = 4, NUMBER_INT = 6 };
enum { SUMMARY_QUANTILE = 6, QUANTILE_Q = 1, QUANTILE_VALUE = 2 };
enum { EXEMPLAR_TIME = 2, EXEMPLAR_DOUBLE = 3, EXEMPLAR_SPAN = 4, EXEMPLAR_TRACE = 5,
       EXEMPLAR_INT = 6, EXEMPLAR_ATTRIBUTE = 7 };

static const struct {
        uint8_t attribute, exemplar, flags;
} numbers[] = {
        [OTLP_GAUGE] = {7, 5, 8},        [OTLP_SUM] = {7, 5, 8},
        [OTLP_MONOTONIC] = {7, 5, 8},    [OTLP_HISTOGRAM] = {9, 8, 10},
        [OTLP_EXPONENTIAL] = {1, 11, 10}, [OTLP_SUMMARY] = {7, 0, 8},
};

static struct reader read_message(struct str message)
{
        return reader_make(message.data, message.len);
}

static bool malformed(const char *what, struct error *err)
{
        return error_set(err, ERROR_INVALID, "malformed %s", what);
}

static uint64_t read_fixed64(struct reader *r, const struct protobuf_field *field)
{
        double bits = protobuf_double(r, field);
        uint64_t value;

        memcpy(&value, &bits, sizeof(value));
        return value;
}

static bool is_number(enum otlp_metric_kind kind)
{
        return kind == OTLP_GAUGE || kind == OTLP_SUM || kind == OTLP_MONOTONIC;
}

static int64_t to_ms(uint64_t ns)
{
        return (int64_t)ns / 1000000;
}

/* ---- samples ------------------------------------------------------------------------------ */

bool otlp_sample_put(struct otlp_reader *reader, struct labels labels, struct str name,
                     struct otlp_sample *sample, struct error *err)
{
        struct labels_builder builder;

        labels_builder_init(&builder, &reader->scratch, labels);
        labels_builder_set(&builder, LABEL_METRIC_NAME, name);
        sample->key = remote_write_key(reader->arena, labels_builder_finish(&builder));
        if (arena_over_budget(reader->arena) || arena_over_budget(&reader->scratch))
                return error_set(err, ERROR_LIMIT, "request takes more than %zu bytes",
                                 reader->arena->limit_bytes);
        return reader->sink->sample(reader->sink->ctx, sample, err);
}

/* A sample of the point, without value or exemplars. */
static struct otlp_sample begin_sample(const struct otlp_reader *reader,
                                       const struct otlp_point *point)
{
        bool counts = reader->kind != OTLP_GAUGE && reader->kind != OTLP_SUM;
        bool known = counts && point->start_ns && point->start_ns < point->time_ns;

        return (struct otlp_sample){.metadata = reader->metadata,
                                    .t_ms = to_ms(point->time_ns),
                                    .start_ms = known ? to_ms(point->start_ns) : 0,
                                    .delta = reader->delta};
}

static bool put_float(struct otlp_reader *reader, const struct otlp_point *point,
                      struct labels labels, struct str name, double v, struct error *err)
{
        struct otlp_sample sample = begin_sample(reader, point);

        sample.v = v;
        if (point->flags & FLAG_NO_RECORDED_VALUE)
                sample.v = sample_from_bits(SAMPLE_STALE_BITS);
        return otlp_sample_put(reader, labels, name, &sample, err);
}

static struct labels with_label(struct otlp_reader *reader, struct labels labels, const char *name,
                                double v)
{
        struct labels_builder builder;
        char text[DOUBLE_TEXT_MAX];
        size_t len = double_format(text, v, DOUBLE_F);

        labels_builder_init(&builder, &reader->scratch, labels);
        labels_builder_set(&builder, str_from(name),
                           arena_str(&reader->scratch, str_make(text, len)));
        return labels_builder_finish(&builder);
}

static struct str suffixed(struct otlp_reader *reader, const char *suffix)
{
        return str_from(arena_printf(&reader->scratch, "%.*s%s", STR_ARG(reader->name), suffix));
}

/* ---- exemplars ---------------------------------------------------------------------------- */

static size_t characters(struct str text)
{
        size_t count = 0;

        for (size_t i = 0; i < text.len; i++)
                count += (text.data[i] & 0xc0) != 0x80;
        return count;
}

static void set_id(struct labels_builder *builder, const char *name, struct str bytes)
{
        static const char digits[] = "0123456789abcdef";
        bool is_zero = true;
        char *text;

        /* Trace ids have 16 bytes, span ids 8. */
        if (!bytes.len || bytes.len > 16)
                return;
        text = arena_alloc(builder->arena, 2 * bytes.len);
        for (size_t i = 0; i < bytes.len; i++) {
                unsigned char c = (unsigned char)bytes.data[i];

                is_zero &= c == 0;
                text[2 * i] = digits[c >> 4];
                text[2 * i + 1] = digits[c & 15];
        }
        if (!is_zero)
                labels_builder_set(builder, str_from(name), str_make(text, 2 * bytes.len));
}

/* Attributes stay when all labels together are as short as exemplars must be. */
static void set_filtered(struct labels_builder *builder, const struct otlp_attributes *attributes)
{
        size_t count = 0;

        for (size_t i = 0; i < builder->count; i++)
                count += characters(builder->items[i].name) + characters(builder->items[i].value);
        for (size_t i = 0; i < attributes->count; i++)
                count += characters(attributes->items[i].name) +
                         characters(attributes->items[i].value);
        for (size_t i = 0; count <= EXEMPLAR_CHARACTERS_MAX && i < attributes->count; i++)
                if (attributes->items[i].name.len)
                        labels_builder_set(builder, attributes->items[i].name,
                                           attributes->items[i].value);
}

static bool read_exemplar(struct otlp_reader *reader, struct str message, int64_t t_ms,
                          struct exemplar *ret_exemplar, struct error *err)
{
        struct exemplar made = {.t_ms = t_ms};
        struct reader r = read_message(message);
        struct otlp_attributes attributes;
        struct labels_builder builder;
        struct protobuf_field field;
        uint64_t time_ns;

        if (!otlp_attributes_read(message, EXEMPLAR_ATTRIBUTE, reader->arena, &attributes, err))
                return false;
        labels_builder_init(&builder, reader->arena, (struct labels){0});
        while (protobuf_next(&r, &field)) {
                if (field.number == EXEMPLAR_TIME && (time_ns = read_fixed64(&r, &field)))
                        made.t_ms = to_ms(time_ns);
                else if (field.number == EXEMPLAR_DOUBLE)
                        made.v = protobuf_double(&r, &field);
                else if (field.number == EXEMPLAR_INT)
                        made.v = (double)(int64_t)read_fixed64(&r, &field);
                else if (field.number == EXEMPLAR_SPAN)
                        set_id(&builder, "span_id", protobuf_bytes(&r, &field));
                else if (field.number == EXEMPLAR_TRACE)
                        set_id(&builder, "trace_id", protobuf_bytes(&r, &field));
        }
        if (r.failed)
                return malformed("exemplar", err);
        set_filtered(&builder, &attributes);
        made.labels = labels_builder_finish(&builder);
        *ret_exemplar = made;
        return true;
}

static bool read_exemplars(struct otlp_reader *reader, struct otlp_point *point, size_t count,
                           struct error *err)
{
        struct exemplar *made = arena_array(reader->arena, struct exemplar, count);
        struct reader r = read_message(point->message);
        struct protobuf_field field;

        while (protobuf_next(&r, &field) && point->exemplar_count < count) {
                if (field.number != numbers[reader->kind].exemplar)
                        continue;
                if (!read_exemplar(reader, protobuf_bytes(&r, &field), to_ms(point->time_ns),
                                   &made[point->exemplar_count], err))
                        return false;
                point->exemplar_count++;
        }
        point->exemplars = made;
        return true;
}

/* Those for values up to a bound and above another, in the order they were sent in. */
static void choose_exemplars(struct otlp_reader *reader, const struct otlp_point *point,
                             double above, double up_to, struct otlp_sample *sample)
{
        struct exemplar *chosen = NULL;

        for (size_t i = 0; i < point->exemplar_count; i++) {
                if (!(point->exemplars[i].v > above && point->exemplars[i].v <= up_to))
                        continue;
                if (!chosen)
                        chosen = arena_array(reader->arena, struct exemplar,
                                             point->exemplar_count - i);
                chosen[sample->exemplar_count++] = point->exemplars[i];
        }
        sample->exemplars = chosen;
}

/* ---- points as classic series ------------------------------------------------------------- */

static bool put_bucket(struct otlp_reader *reader, const struct otlp_point *point, double above,
                       double bound, double count, struct error *err)
{
        struct otlp_sample sample = begin_sample(reader, point);

        sample.v = point->flags & FLAG_NO_RECORDED_VALUE ? sample_from_bits(SAMPLE_STALE_BITS)
                                                         : count;
        choose_exemplars(reader, point, above, bound, &sample);
        return otlp_sample_put(reader, with_label(reader, point->labels, "le", bound),
                               suffixed(reader, "_bucket"), &sample, err);
}

static bool put_classic(struct otlp_reader *reader, const struct otlp_point *point,
                        struct error *err)
{
        double above = -INFINITY, cumulative = 0;
        struct otlp_buckets buckets;

        if (!otlp_histogram_read(&reader->scratch, point, &buckets, err))
                return false;
        if (point->has_sum && !put_float(reader, point, point->labels, suffixed(reader, "_sum"),
                                         point->value, err))
                return false;
        if (!put_float(reader, point, point->labels, suffixed(reader, "_count"),
                       (double)point->count, err))
                return false;
        for (size_t i = 0; i < buckets.bound_count && i < buckets.count; i++) {
                struct arena_point mark = arena_mark(&reader->scratch);

                cumulative += buckets.counts[i];
                if (!put_bucket(reader, point, above, buckets.bounds[i], cumulative, err))
                        return false;
                above = buckets.bounds[i];
                arena_rewind(&reader->scratch, mark);
        }
        return put_bucket(reader, point, above, INFINITY, (double)point->count, err);
}

static bool put_summary(struct otlp_reader *reader, const struct otlp_point *point,
                        struct error *err)
{
        struct reader r = read_message(point->message);
        struct protobuf_field field, part;

        if (!put_float(reader, point, point->labels, suffixed(reader, "_sum"), point->value,
                       err) ||
            !put_float(reader, point, point->labels, suffixed(reader, "_count"),
                       (double)point->count, err))
                return false;
        while (protobuf_next(&r, &field)) {
                struct arena_point mark = arena_mark(&reader->scratch);
                double q = 0, v = 0;
                struct reader inner;

                if (field.number != SUMMARY_QUANTILE)
                        continue;
                inner = read_message(protobuf_bytes(&r, &field));
                while (protobuf_next(&inner, &part)) {
                        if (part.number == QUANTILE_Q)
                                q = protobuf_double(&inner, &part);
                        else if (part.number == QUANTILE_VALUE)
                                v = protobuf_double(&inner, &part);
                }
                if (inner.failed)
                        return malformed("quantile", err);
                if (!put_float(reader, point, with_label(reader, point->labels, "quantile", q),
                               reader->name, v, err))
                        return false;
                arena_rewind(&reader->scratch, mark);
        }
        return !r.failed || malformed("summary", err);
}

/* ---- points ------------------------------------------------------------------------------- */

static void refuse(struct otlp_reader *reader, const struct error *reason)
{
        struct error named = *reason;

        error_prefix(&named, "%.*s", reader->name.len > 200 ? 200 : (int)reader->name.len,
                     reader->name.data);
        reader->sink->refuse(reader->sink->ctx, 1, named.text);
}

static bool put_native(struct otlp_reader *reader, const struct otlp_point *point,
                       struct error *err)
{
        struct otlp_sample sample = begin_sample(reader, point);
        struct error reason;

        sample.exemplars = point->exemplars;
        sample.exemplar_count = point->exemplar_count;
        if (point->flags & FLAG_NO_RECORDED_VALUE)
                sample.v = sample_from_bits(SAMPLE_STALE_BITS);
        else
                sample.h = reader->kind == OTLP_EXPONENTIAL
                                   ? otlp_histogram_exponential(reader->arena, point, &reason)
                                   : otlp_histogram_custom(reader->arena, point, &reason);
        if (!sample.h && !sample_is_stale(sample.v)) {
                refuse(reader, &reason);
                return true;
        }
        return otlp_sample_put(reader, point->labels, reader->name, &sample, err);
}

static bool put_number(struct otlp_reader *reader, const struct otlp_point *point,
                       struct error *err)
{
        struct otlp_sample sample = begin_sample(reader, point);

        sample.v = point->flags & FLAG_NO_RECORDED_VALUE ? sample_from_bits(SAMPLE_STALE_BITS)
                                                         : point->value;
        sample.exemplars = point->exemplars;
        sample.exemplar_count = point->exemplar_count;
        return otlp_sample_put(reader, point->labels, reader->name, &sample, err);
}

static bool set_labels(struct otlp_reader *reader, struct otlp_point *point,
                       const struct otlp_attributes *attributes, struct error *err)
{
        static const char *const name[] = {"__name__"};
        struct labels_builder builder;

        labels_builder_init(&builder, &reader->scratch, (struct labels){0});
        if (!otlp_attributes_set(&builder, &reader->options->naming, attributes, name, 1, err))
                return false;
        for (size_t i = 0; i < reader->promoted.count; i++)
                if (!labels_builder_get(&builder, reader->promoted.items[i].name).len)
                        labels_builder_set(&builder, reader->promoted.items[i].name,
                                           reader->promoted.items[i].value);
        for (size_t i = 0; i < reader->fixed.count; i++)
                labels_builder_set(&builder, reader->fixed.items[i].name,
                                   reader->fixed.items[i].value);
        if (reader->options->type_and_unit_labels) {
                labels_builder_set(&builder, STR_LIT("__type__"), reader->metadata->type);
                labels_builder_set(&builder, STR_LIT("__unit__"), reader->metadata->unit);
        }
        point->labels = labels_builder_finish(&builder);
        return true;
}

static void read_value(struct otlp_point *point, bool number, struct reader *r,
                       const struct protobuf_field *field)
{
        if (number && field->number == NUMBER_DOUBLE) {
                point->value = protobuf_double(r, field);
        } else if (number && field->number == NUMBER_INT) {
                point->value = (double)(int64_t)read_fixed64(r, field);
        } else if (!number && field->number == POINT_COUNT) {
                point->count = read_fixed64(r, field);
        } else if (!number && field->number == POINT_SUM) {
                point->value = protobuf_double(r, field);
                point->has_sum = true;
        }
}

static bool read_point(struct otlp_reader *reader, struct otlp_point *point, struct error *err)
{
        struct reader r = read_message(point->message);
        struct protobuf_field field;
        size_t exemplars = 0;

        while (protobuf_next(&r, &field)) {
                if (field.number == POINT_TIME)
                        point->time_ns = read_fixed64(&r, &field);
                else if (field.number == POINT_START)
                        point->start_ns = read_fixed64(&r, &field);
                else if (field.number == numbers[reader->kind].flags)
                        point->flags = (uint32_t)protobuf_uint(&r, &field);
                else if (field.number == numbers[reader->kind].exemplar)
                        exemplars++;
                else
                        read_value(point, is_number(reader->kind), &r, &field);
        }
        if (r.failed)
                return malformed("data point", err);
        if (point->time_ns < reader->first_ns)
                reader->first_ns = point->time_ns;
        if (point->time_ns > reader->last_ns)
                reader->last_ns = point->time_ns;
        if (exemplars > EXEMPLARS_MAX)
                exemplars = EXEMPLARS_MAX;
        return !exemplars || read_exemplars(reader, point, exemplars, err);
}

bool otlp_point_translate(struct otlp_reader *reader, struct str message, struct error *err)
{
        struct otlp_point point = {.message = message};
        struct otlp_attributes attributes;
        struct error reason;

        if (!otlp_attributes_read(message, numbers[reader->kind].attribute, &reader->scratch,
                                  &attributes, err) ||
            !read_point(reader, &point, err))
                return false;
        if (!set_labels(reader, &point, &attributes, &reason)) {
                refuse(reader, &reason);
                return true;
        }
        switch (reader->kind) {
        case OTLP_SUMMARY:
                return put_summary(reader, &point, err);
        case OTLP_EXPONENTIAL:
                return put_native(reader, &point, err);
        case OTLP_HISTOGRAM:
                return reader->options->convert_histograms ? put_native(reader, &point, err)
                                                           : put_classic(reader, &point, err);
        default:
                return put_number(reader, &point, err);
        }
}

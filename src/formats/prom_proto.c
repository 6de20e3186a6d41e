#include "formats/prom_proto.h"

#include <math.h>

#include "codec/double.h"
#include "codec/protobuf.h"
#include "formats/histogram_wire_int.h"
#include "model/histogram_classic.h"
#include "model/histogram_shape.h"

/* Field numbers are those of io/prometheus/client/metrics.proto. */
enum metric_type { COUNTER, GAUGE, SUMMARY, UNTYPED, HISTOGRAM, GAUGE_HISTOGRAM, TYPES };

static const char *const type_names[TYPES] = {"counter", "gauge",     "summary",
                                              "unknown", "histogram", "gaugehistogram"};

static const struct histogram_wire_side negative_fields = {9, 10, 11};
static const struct histogram_wire_side positive_fields = {12, 13, 14};

enum step { STEP_FAMILY, STEP_METRIC, STEP_NATIVE, STEP_COUNT, STEP_SUM, STEP_PARTS };

/* What a key says of its series beside name and labels. */
enum role {
        ROLE_PLAIN = 'v',    /* also a native histogram */
        ROLE_COUNT = 'c',
        ROLE_SUM = 's',
        ROLE_BUCKET = 'b',   /* le follows */
        ROLE_QUANTILE = 'q', /* quantile follows */
};

static struct reader read_message(struct str message)
{
        return reader_make(message.data, message.len);
}

void prom_proto_init(struct prom_proto *reader, struct str body,
                     const struct prom_proto_options *options, struct arena *arena)
{
        *reader = (struct prom_proto){
                .families = read_message(body),
                .options = *options,
                .arena = arena,
                .key = BUF_INIT(1 << 20),
        };
}

void prom_proto_release(struct prom_proto *reader)
{
        buf_release(&reader->key);
}

static bool fail(const struct prom_proto *reader, const char *reason, struct error *err)
{
        int shown = reader->name.len > 80 ? 80 : (int)reader->name.len;

        return error_set(err, ERROR_INVALID, "metric family \"%.*s\": %s", shown,
                         reader->name.data, reason);
}

/* ---- families ----------------------------------------------------------------------------- */

static bool unit_fits(struct str name, struct str unit, uint64_t type)
{
        if (type == COUNTER && str_ends_with(name, STR_LIT("_total")))
                name.len -= strlen("_total");
        return !unit.len || (name.len > unit.len && str_ends_with(name, unit) &&
                             name.data[name.len - unit.len - 1] == '_');
}

/* Reads the next family up to its metrics. */
static bool read_family(struct prom_proto *reader, struct prom_proto_entry *entry,
                        bool *ret_has_metrics, struct error *err)
{
        size_t len = protobuf_varint(&reader->families);
        struct str message = reader_str(&reader->families, len);
        struct reader r = read_message(message);
        struct protobuf_field field;

        reader->name = entry->name = entry->help = entry->unit = str_make("", 0);
        reader->type = COUNTER;
        *ret_has_metrics = false;
        while (protobuf_next(&r, &field)) {
                if (field.number == 1)
                        entry->name = protobuf_bytes(&r, &field);
                else if (field.number == 2)
                        entry->help = protobuf_bytes(&r, &field);
                else if (field.number == 3)
                        reader->type = protobuf_uint(&r, &field);
                else if (field.number == 4)
                        *ret_has_metrics = true;
                else if (field.number == 5)
                        entry->unit = protobuf_bytes(&r, &field);
        }
        reader->name = entry->name;
        reader->metrics = read_message(message);
        if (reader->families.failed || r.failed)
                return fail(reader, "malformed message", err);
        if (!*ret_has_metrics)
                return true;
        if (!entry->name.len || !str_is_utf8(entry->name))
                return fail(reader, "invalid metric name", err);
        if (!str_is_utf8(entry->help))
                return fail(reader, "invalid help", err);
        if (reader->type >= TYPES)
                return fail(reader, "unknown metric type", err);
        if (!unit_fits(entry->name, entry->unit, reader->type))
                return fail(reader, "unit is not a suffix of the name", err);
        entry->type = type_names[reader->type];
        return true;
}

/* ---- metrics ------------------------------------------------------------------------------ */

static int64_t read_time_ms(struct str message)
{
        struct reader r = read_message(message);
        struct protobuf_field field;
        int64_t seconds = 0, nanos = 0, ms;

        while (protobuf_next(&r, &field)) {
                if (field.number == 1)
                        seconds = (int64_t)protobuf_uint(&r, &field);
                else if (field.number == 2)
                        nanos = (int32_t)protobuf_uint(&r, &field);
        }
        if (__builtin_mul_overflow(seconds, 1000, &ms) ||
            __builtin_add_overflow(ms, nanos / 1000000, &ms))
                return 0;
        return ms;
}

/* Counter, Gauge or Untyped: a value, and what only counters have. */
static void read_simple(struct prom_proto_metric *metric, struct reader *outer, struct str message)
{
        struct reader r = read_message(message);
        struct protobuf_field field;

        while (protobuf_next(&r, &field)) {
                if (field.number == 1)
                        metric->value = protobuf_double(&r, &field);
                else if (field.number == 2)
                        metric->exemplar = protobuf_bytes(&r, &field);
                else if (field.number == 3)
                        metric->start_ms = read_time_ms(protobuf_bytes(&r, &field));
        }
        outer->failed |= r.failed;
}

static void read_summary(struct prom_proto_metric *metric, struct reader *outer,
                         struct str message)
{
        struct reader r = read_message(message);
        struct protobuf_field field;

        metric->body = message;
        while (protobuf_next(&r, &field)) {
                if (field.number == 1)
                        metric->count = (double)protobuf_uint(&r, &field);
                else if (field.number == 2)
                        metric->sum = protobuf_double(&r, &field);
                else if (field.number == 4)
                        metric->start_ms = read_time_ms(protobuf_bytes(&r, &field));
        }
        outer->failed |= r.failed;
}

static void read_histogram(struct prom_proto_metric *metric, struct reader *outer,
                           struct str message)
{
        struct reader r = read_message(message);
        struct protobuf_field field;
        double float_count = 0;

        metric->body = message;
        while (protobuf_next(&r, &field)) {
                if (field.number == 1)
                        metric->count = (double)protobuf_uint(&r, &field);
                else if (field.number == 2)
                        metric->sum = protobuf_double(&r, &field);
                else if (field.number == 4)
                        float_count = protobuf_double(&r, &field);
                else if (field.number == 6)
                        metric->native |= protobuf_double(&r, &field) > 0;
                else if (field.number == 7)
                        metric->native |= protobuf_uint(&r, &field) > 0;
                else if (field.number == 8)
                        metric->native |= protobuf_double(&r, &field) > 0;
                else if (field.number == 9 || field.number == 12)
                        metric->native = true;
                else if (field.number == 15)
                        metric->start_ms = read_time_ms(protobuf_bytes(&r, &field));
        }
        if (float_count != 0)
                metric->count = float_count;
        outer->failed |= r.failed;
}

/* Adds one label field, from `start` to the reader's position, to those before it. They usually
 * stand in a row; else they are copied together. */
static void take_label(struct prom_proto *reader, const struct reader *r, const char *start)
{
        struct str *labels = &reader->metric.labels;
        size_t len = (size_t)((const char *)r->pos - start);
        char *joined;

        if (!labels->len) {
                *labels = str_make(start, len);
        } else if (labels->data + labels->len == start) {
                labels->len += len;
        } else {
                joined = arena_alloc(reader->arena, labels->len + len);
                memcpy(joined, labels->data, labels->len);
                memcpy(joined + labels->len, start, len);
                *labels = str_make(joined, labels->len + len);
        }
}

static void read_metric(struct prom_proto *reader, struct str message)
{
        /* Which field holds the metric, by type. */
        static const uint32_t body_fields[TYPES] = {3, 2, 4, 5, 7, 7};
        struct reader r = read_message(message);
        struct prom_proto_metric *metric = &reader->metric;
        const char *start = message.data;
        struct protobuf_field field;

        *metric = (struct prom_proto_metric){
                .labels = {"", 0}, .body = {"", 0}, .exemplar = {"", 0}};
        for (; protobuf_next(&r, &field); start = (const char *)r.pos) {
                if (field.number == 1) {
                        take_label(reader, &r, start);
                } else if (field.number == 6) {
                        metric->t_ms = (int64_t)protobuf_uint(&r, &field);
                } else if (field.number == body_fields[reader->type]) {
                        struct str body = protobuf_bytes(&r, &field);

                        if (reader->type == SUMMARY)
                                read_summary(metric, &r, body);
                        else if (reader->type >= HISTOGRAM)
                                read_histogram(metric, &r, body);
                        else
                                read_simple(metric, &r, body);
                }
        }
        metric->parts = read_message(metric->body);
        metric->open_top = reader->type >= HISTOGRAM;
        reader->metrics.failed |= r.failed;
}

/* ---- samples ------------------------------------------------------------------------------ */

/* The key: mark, role, bound if the role has one, name, mark, labels. */
static bool make_key(struct prom_proto *reader, enum role role, double bound)
{
        bool has_bound = role == ROLE_BUCKET || role == ROLE_QUANTILE;
        struct str name = reader->name, labels = reader->metric.labels;
        struct buf *key = &reader->key;
        char *at;

        key->len = 0;
        at = buf_reserve(key, 3 + sizeof(bound) + name.len + labels.len);
        if (!at)
                return false;
        *at++ = PROM_PROTO_KEY_MARK;
        *at++ = (char)role;
        if (has_bound)
                at = mempcpy(at, &bound, sizeof(bound));
        at = mempcpy(at, name.data, name.len);
        *at++ = PROM_PROTO_KEY_MARK;
        at = mempcpy(at, labels.data, labels.len);
        *at = '\0';
        key->len = (size_t)(at - key->data);
        return true;
}

static enum prom_proto_kind give(struct prom_proto *reader, struct prom_proto_entry *entry,
                                 enum role role, double bound, double value, struct error *err)
{
        const struct prom_proto_metric *metric = &reader->metric;

        if (!make_key(reader, role, bound)) {
                error_set(err, ERROR_LIMIT, "a series is longer than %zu bytes",
                          reader->key.max_bytes);
                return PROM_PROTO_ERROR;
        }
        entry->key = buf_str(&reader->key);
        entry->value = value;
        entry->h = NULL;
        entry->t_ms = metric->t_ms;
        entry->has_timestamp = metric->t_ms != 0;
        entry->start_ms = metric->start_ms;
        entry->exemplars = NULL;
        entry->exemplar_count = 0;
        return PROM_PROTO_SAMPLE;
}

static void give_exemplar(struct prom_proto *reader, struct prom_proto_entry *entry,
                          struct str message)
{
        struct str *copy;

        if (!message.len)
                return;
        copy = arena_alloc(reader->arena, sizeof(*copy));
        *copy = message;
        entry->exemplars = copy;
        entry->exemplar_count = 1;
}

struct bucket {
        double bound, count;
        struct str exemplar;
};

/* The next field of a number in the metric's body, as a bucket; false at the end. */
static bool next_part(struct reader *parts, uint32_t number, struct bucket *ret_bucket)
{
        struct protobuf_field field;

        while (protobuf_next(parts, &field)) {
                struct reader r;

                if (field.number != number)
                        continue;
                r = read_message(protobuf_bytes(parts, &field));
                *ret_bucket = (struct bucket){.exemplar = {"", 0}};
                while (protobuf_next(&r, &field)) {
                        if (field.number == 1 && field.wire == PROTOBUF_VARINT)
                                ret_bucket->count = ret_bucket->count != 0
                                                            ? ret_bucket->count
                                                            : (double)protobuf_uint(&r, &field);
                        else if (field.number == 2)
                                ret_bucket->bound = protobuf_double(&r, &field);
                        else if (field.number == 3)
                                ret_bucket->exemplar = protobuf_bytes(&r, &field);
                        else if (field.number == 4 && protobuf_double(&r, &field) != 0)
                                ret_bucket->count = protobuf_double(&r, &field);
                        r.failed |= field.number == 1 && field.wire != PROTOBUF_VARINT;
                }
                parts->failed |= r.failed;
                return !parts->failed;
        }
        return false;
}

static bool next_quantile(struct reader *parts, double *ret_quantile, double *ret_value)
{
        struct protobuf_field field;

        while (protobuf_next(parts, &field)) {
                struct reader r;

                if (field.number != 3)
                        continue;
                r = read_message(protobuf_bytes(parts, &field));
                *ret_quantile = *ret_value = 0;
                while (protobuf_next(&r, &field)) {
                        if (field.number == 1)
                                *ret_quantile = protobuf_double(&r, &field);
                        else if (field.number == 2)
                                *ret_value = protobuf_double(&r, &field);
                }
                parts->failed |= r.failed;
                return !parts->failed;
        }
        return false;
}

static enum prom_proto_kind next_bucket_sample(struct prom_proto *reader,
                                               struct prom_proto_entry *entry, struct error *err)
{
        struct prom_proto_metric *metric = &reader->metric;
        struct bucket bucket = {.bound = INFINITY, .count = metric->count};
        enum prom_proto_kind kind;

        if (!next_part(&metric->parts, 3, &bucket) && metric->parts.failed) {
                fail(reader, "malformed bucket", err);
                return PROM_PROTO_ERROR;
        }
        /* What comes behind the bucket up to +Inf does not count. */
        metric->open_top = bucket.bound != INFINITY;
        kind = give(reader, entry, ROLE_BUCKET, bucket.bound, bucket.count, err);
        give_exemplar(reader, entry, bucket.exemplar);
        return kind;
}

/* ---- native histograms -------------------------------------------------------------------- */

static bool exemplar_is_timed(struct str message)
{
        struct reader r = read_message(message);
        struct protobuf_field field;

        while (protobuf_next(&r, &field))
                if (field.number == 3)
                        return true;
        return false;
}

/* Exemplars of a native histogram: its own, else those of its classic buckets; only those with a
 * timestamp. */
static void give_native_exemplars(struct prom_proto *reader, struct prom_proto_entry *entry)
{
        struct reader r = read_message(reader->metric.body), parts = r;
        struct str *exemplars = NULL;
        struct protobuf_field field;
        size_t count = 0, max = 0;
        struct bucket bucket;

        while (protobuf_next(&r, &field))
                max += field.number == 16 || field.number == 3;
        exemplars = arena_array(reader->arena, struct str, max);
        r = parts;
        while (protobuf_next(&r, &field))
                if (field.number == 16 && exemplar_is_timed(field.raw))
                        exemplars[count++] = field.raw;
        if (count == 0)
                while (next_part(&parts, 3, &bucket))
                        if (exemplar_is_timed(bucket.exemplar))
                                exemplars[count++] = bucket.exemplar;
        entry->exemplars = exemplars;
        entry->exemplar_count = count;
}

static const struct histogram *read_native(struct prom_proto *reader, struct error *err)
{
        struct histogram *h = arena_new(reader->arena, struct histogram);
        const struct histogram *admitted = NULL;
        struct reader r = read_message(reader->metric.body);
        double float_count = 0, zero_float = 0;
        struct protobuf_field field;
        uint64_t count = 0, zero = 0;
        int64_t schema = 0;

        while (protobuf_next(&r, &field)) {
                if (field.number == 1)
                        count = protobuf_uint(&r, &field);
                else if (field.number == 4)
                        float_count = protobuf_double(&r, &field);
                else if (field.number == 5)
                        schema = protobuf_sint(&r, &field);
                else if (field.number == 6)
                        h->zero_threshold = protobuf_double(&r, &field);
                else if (field.number == 7)
                        zero = protobuf_uint(&r, &field);
                else if (field.number == 8)
                        zero_float = protobuf_double(&r, &field);
        }
        /* What does not fit is no schema either way. */
        h->schema = schema < INT8_MIN || schema > INT8_MAX ? INT8_MAX : (int8_t)schema;
        h->reset = reader->type == GAUGE_HISTOGRAM ? HISTOGRAM_GAUGE : HISTOGRAM_RESET_UNKNOWN;
        h->integer = !(float_count > 0 || zero_float > 0);
        h->count = h->integer ? (double)count : float_count;
        h->zero_count = h->integer ? (double)zero : zero_float;
        h->sum = reader->metric.sum;
        if (histogram_wire_read(reader->metric.body, positive_fields, h->integer, reader->arena,
                                &h->positive, err) &&
            histogram_wire_read(reader->metric.body, negative_fields, h->integer, reader->arena,
                                &h->negative, err))
                admitted = histogram_admit(reader->arena, h, err);
        if (!admitted)
                error_prefix(err, "metric family \"" STR_FMT "\"", STR_ARG(reader->name));
        return admitted;
}

static enum prom_proto_kind give_native(struct prom_proto *reader, struct prom_proto_entry *entry,
                                        struct error *err)
{
        const struct histogram *h = read_native(reader, err);
        enum prom_proto_kind kind;

        if (!h)
                return PROM_PROTO_ERROR;
        kind = give(reader, entry, ROLE_PLAIN, 0, h->sum, err);
        entry->h = h;
        give_native_exemplars(reader, entry);
        return kind;
}

/* The classic histogram as a native one; what cannot be converted is passed over (END). */
static enum prom_proto_kind give_converted(struct prom_proto *reader,
                                           struct prom_proto_entry *entry, struct error *err)
{
        struct reader parts = read_message(reader->metric.body);
        struct histogram_classic classic = {0};
        enum prom_proto_kind kind = PROM_PROTO_END;
        const struct histogram *h;
        struct bucket bucket;

        histogram_classic_count(&classic, reader->metric.count);
        histogram_classic_sum(&classic, reader->metric.sum);
        while (next_part(&parts, 3, &bucket))
                histogram_classic_bucket(&classic, bucket.bound, bucket.count);
        h = histogram_classic_convert(&classic, reader->arena);
        histogram_classic_release(&classic);
        if (parts.failed) {
                fail(reader, "malformed bucket", err);
                return PROM_PROTO_ERROR;
        }
        if (h) {
                kind = give(reader, entry, ROLE_PLAIN, 0, h->sum, err);
                entry->h = h;
                give_native_exemplars(reader, entry);
        }
        return kind;
}

/* ---- the walk ----------------------------------------------------------------------------- */

static bool has_buckets(const struct prom_proto_metric *metric)
{
        struct reader parts = read_message(metric->body);
        struct bucket bucket;

        return next_part(&parts, 3, &bucket);
}

/* Reads the next metric of the family and says what of it comes first. */
static enum prom_proto_kind next_metric(struct prom_proto *reader, struct prom_proto_entry *entry,
                                        struct error *err)
{
        const struct prom_proto_options *options = &reader->options;
        struct prom_proto_metric *metric = &reader->metric;
        struct protobuf_field field;
        enum prom_proto_kind kind;

        do {
                if (!protobuf_next(&reader->metrics, &field)) {
                        reader->step = STEP_FAMILY;
                        return PROM_PROTO_END;
                }
        } while (field.number != 4);
        read_metric(reader, protobuf_bytes(&reader->metrics, &field));
        if (reader->metrics.failed) {
                fail(reader, "malformed metric", err);
                return PROM_PROTO_ERROR;
        }
        metric->native &= options->native;
        if (reader->type == SUMMARY || reader->type >= HISTOGRAM) {
                reader->step = metric->native || (options->convert && reader->type == HISTOGRAM)
                                       ? STEP_NATIVE : STEP_COUNT;
                return PROM_PROTO_END;
        }
        kind = give(reader, entry, ROLE_PLAIN, 0, metric->value, err);
        if (kind == PROM_PROTO_SAMPLE && reader->type == COUNTER)
                give_exemplar(reader, entry, metric->exemplar);
        else
                entry->start_ms = 0;
        return kind;
}

static enum prom_proto_kind next_native(struct prom_proto *reader, struct prom_proto_entry *entry,
                                        struct error *err)
{
        const struct prom_proto_metric *metric = &reader->metric;
        bool classic = reader->options.classic && (!metric->native || has_buckets(metric));

        reader->step = classic ? STEP_COUNT : STEP_METRIC;
        return metric->native ? give_native(reader, entry, err)
                              : give_converted(reader, entry, err);
}

static enum prom_proto_kind next_part_sample(struct prom_proto *reader,
                                             struct prom_proto_entry *entry, struct error *err)
{
        struct prom_proto_metric *metric = &reader->metric;
        double quantile, value;

        if (reader->type != SUMMARY && metric->open_top)
                return next_bucket_sample(reader, entry, err);
        if (reader->type == SUMMARY && next_quantile(&metric->parts, &quantile, &value))
                return give(reader, entry, ROLE_QUANTILE, quantile, value, err);
        if (metric->parts.failed) {
                fail(reader, "malformed quantile", err);
                return PROM_PROTO_ERROR;
        }
        reader->step = STEP_METRIC;
        return PROM_PROTO_END;
}

enum prom_proto_kind prom_proto_next(struct prom_proto *reader, struct prom_proto_entry *entry,
                                     struct error *err)
{
        enum prom_proto_kind kind = PROM_PROTO_END;
        bool has_metrics;

        while (kind == PROM_PROTO_END) {
                switch ((enum step)reader->step) {
                case STEP_FAMILY:
                        if (reader_left(&reader->families) == 0)
                                return PROM_PROTO_END;
                        if (!read_family(reader, entry, &has_metrics, err))
                                return PROM_PROTO_ERROR;
                        if (!has_metrics)
                                break;
                        reader->step = STEP_METRIC;
                        return PROM_PROTO_FAMILY;
                case STEP_METRIC:
                        kind = next_metric(reader, entry, err);
                        break;
                case STEP_NATIVE:
                        kind = next_native(reader, entry, err);
                        break;
                case STEP_COUNT:
                        reader->step = STEP_SUM;
                        return give(reader, entry, ROLE_COUNT, 0, reader->metric.count, err);
                case STEP_SUM:
                        reader->step = STEP_PARTS;
                        return give(reader, entry, ROLE_SUM, 0, reader->metric.sum, err);
                case STEP_PARTS:
                        kind = next_part_sample(reader, entry, err);
                        break;
                }
                if (arena_over_budget(reader->arena)) {
                        error_set(err, ERROR_LIMIT, "exposition takes more than %zu bytes",
                                  reader->arena->limit_bytes);
                        return PROM_PROTO_ERROR;
                }
        }
        return kind;
}

/* ---- labels ------------------------------------------------------------------------------- */

static bool add_label(struct labels_builder *builder, struct str name, struct str value,
                      size_t label_max, struct error *err)
{
        if (!name.len || !str_is_utf8(name) || !str_is_utf8(value))
                return error_set(err, ERROR_INVALID, "invalid label name or value: %.*s",
                                 name.len > 80 ? 80 : (int)name.len, name.data);
        if (labels_builder_get(builder, name).len)
                return error_set(err, ERROR_INVALID, "label name is not unique: %.*s",
                                 name.len > 80 ? 80 : (int)name.len, name.data);
        if (builder->count >= label_max)
                return error_set(err, ERROR_LIMIT, "a series has more than %zu labels", label_max);
        labels_builder_set(builder, name, value);
        return true;
}

static bool add_pair(struct labels_builder *builder, struct str message, size_t label_max,
                     struct error *err)
{
        struct str name = str_make("", 0), value = name;
        struct reader r = read_message(message);
        struct protobuf_field field;

        while (protobuf_next(&r, &field)) {
                if (field.number == 1)
                        name = protobuf_bytes(&r, &field);
                else if (field.number == 2)
                        value = protobuf_bytes(&r, &field);
        }
        if (r.failed)
                return error_set(err, ERROR_INVALID, "malformed label");
        return add_label(builder, name, value, label_max, err);
}

static void add_bound(struct labels_builder *builder, struct str name, double bound)
{
        char *text = arena_alloc(builder->arena, DOUBLE_TEXT_MAX);
        size_t len = double_format(text, bound, DOUBLE_OPENMETRICS);

        labels_builder_set(builder, name, str_make(text, len));
}

bool prom_proto_series(struct str key, size_t label_max, struct labels_builder *builder,
                       struct error *err)
{
        struct reader r = read_message(key);
        struct protobuf_field field;
        struct str name;
        uint64_t bits;
        double bound;
        enum role role;

        BUG_ON((char)reader_u8(&r) != PROM_PROTO_KEY_MARK);
        role = (enum role)reader_u8(&r);
        if (role == ROLE_BUCKET || role == ROLE_QUANTILE) {
                bits = reader_u64(&r);
                memcpy(&bound, &bits, sizeof(bound));
        }
        name = str_make((const char *)r.pos, reader_left(&r));
        name.len = str_find_byte(name, PROM_PROTO_KEY_MARK);
        reader_take(&r, name.len + 1);
        BUG_ON(r.failed);
        if (role == ROLE_COUNT || role == ROLE_SUM || role == ROLE_BUCKET)
                name = str_from(arena_printf(builder->arena, STR_FMT "_%s", STR_ARG(name),
                                             role == ROLE_COUNT ? "count"
                                             : role == ROLE_SUM ? "sum" : "bucket"));
        if (!add_label(builder, LABEL_METRIC_NAME, name, label_max, err))
                return false;
        while (protobuf_next(&r, &field))
                if (!add_pair(builder, field.raw, label_max, err))
                        return false;
        if (role == ROLE_BUCKET)
                add_bound(builder, STR_LIT("le"), bound);
        else if (role == ROLE_QUANTILE)
                add_bound(builder, STR_LIT("quantile"), bound);
        return true;
}

bool prom_proto_exemplar(struct str message, size_t label_max, struct labels_builder *builder,
                         struct prom_proto_exemplar *ret_exemplar, struct error *err)
{
        struct prom_proto_exemplar exemplar = {0};
        struct reader r = read_message(message);
        struct protobuf_field field;

        while (protobuf_next(&r, &field)) {
                if (field.number == 1 &&
                    !add_pair(builder, protobuf_bytes(&r, &field), label_max, err))
                        return false;
                if (field.number == 2) {
                        exemplar.value = protobuf_double(&r, &field);
                } else if (field.number == 3) {
                        exemplar.t_ms = read_time_ms(protobuf_bytes(&r, &field));
                        exemplar.has_timestamp = true;
                }
        }
        if (r.failed)
                return error_set(err, ERROR_INVALID, "malformed exemplar");
        *ret_exemplar = exemplar;
        return true;
}

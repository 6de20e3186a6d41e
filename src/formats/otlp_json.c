#include "formats/otlp_json.h"

#include "codec/base64.h"
#include "codec/double.h"
#include "codec/json_reader.h"
#include "codec/protobuf.h"
#include "codec/varint.h"

enum kind { STRING, HEX, BASE64, BOOL, VARINT, SINT, FIXED64, DOUBLE, ENUM, MESSAGE };

struct field {
        const char *name; /* lowerCamelCase */
        uint8_t number;
        uint8_t kind;
        bool repeated;
        union {
                const struct otlp_json_message *message;
                const char *prefix; /* of an enumeration's names */
        };
        const char *const *names; /* of an enumeration, by number */
};

struct otlp_json_message {
        const struct field *fields;
        size_t count;
};

#define MESSAGE_OF(list) {(list), ARRAY_LEN(list)}
#define ONE(name, number, type) {(name), (number), MESSAGE, false, {&(type)}, NULL}
#define MANY(name, number, type) {(name), (number), MESSAGE, true, {&(type)}, NULL}

/* ---- what all signals share --------------------------------------------------------------- */

static const struct otlp_json_message array_value, key_value_list;

static const struct field any_value_fields[] = {
        {"stringValue", 1, STRING}, {"boolValue", 2, BOOL}, {"intValue", 3, VARINT},
        {"doubleValue", 4, DOUBLE}, ONE("arrayValue", 5, array_value),
        ONE("kvlistValue", 6, key_value_list), {"bytesValue", 7, BASE64},
};
static const struct otlp_json_message any_value = MESSAGE_OF(any_value_fields);

static const struct field array_value_fields[] = {MANY("values", 1, any_value)};
static const struct otlp_json_message array_value = MESSAGE_OF(array_value_fields);

static const struct field key_value_fields[] = {{"key", 1, STRING}, ONE("value", 2, any_value)};
static const struct otlp_json_message key_value = MESSAGE_OF(key_value_fields);

static const struct field key_value_list_fields[] = {MANY("values", 1, key_value)};
static const struct otlp_json_message key_value_list = MESSAGE_OF(key_value_list_fields);

static const struct field resource_fields[] = {
        MANY("attributes", 1, key_value), {"droppedAttributesCount", 2, VARINT}};
static const struct otlp_json_message resource = MESSAGE_OF(resource_fields);

static const struct field scope_fields[] = {
        {"name", 1, STRING}, {"version", 2, STRING}, MANY("attributes", 3, key_value),
        {"droppedAttributesCount", 4, VARINT}};
static const struct otlp_json_message scope = MESSAGE_OF(scope_fields);

/* ---- metrics ------------------------------------------------------------------------------ */

static const struct field exemplar_fields[] = {
        MANY("filteredAttributes", 7, key_value), {"timeUnixNano", 2, FIXED64},
        {"asDouble", 3, DOUBLE}, {"asInt", 6, FIXED64}, {"spanId", 4, HEX}, {"traceId", 5, HEX}};
static const struct otlp_json_message exemplar = MESSAGE_OF(exemplar_fields);

static const struct field number_point_fields[] = {
        MANY("attributes", 7, key_value), {"startTimeUnixNano", 2, FIXED64},
        {"timeUnixNano", 3, FIXED64}, {"asDouble", 4, DOUBLE}, {"asInt", 6, FIXED64},
        MANY("exemplars", 5, exemplar), {"flags", 8, VARINT}};
static const struct otlp_json_message number_point = MESSAGE_OF(number_point_fields);

static const struct field histogram_point_fields[] = {
        MANY("attributes", 9, key_value), {"startTimeUnixNano", 2, FIXED64},
        {"timeUnixNano", 3, FIXED64}, {"count", 4, FIXED64}, {"sum", 5, DOUBLE},
        {"bucketCounts", 6, FIXED64, true}, {"explicitBounds", 7, DOUBLE, true},
        MANY("exemplars", 8, exemplar), {"flags", 10, VARINT}, {"min", 11, DOUBLE},
        {"max", 12, DOUBLE}};
static const struct otlp_json_message histogram_point = MESSAGE_OF(histogram_point_fields);

static const struct field buckets_fields[] = {
        {"offset", 1, SINT}, {"bucketCounts", 2, VARINT, true}};
static const struct otlp_json_message buckets = MESSAGE_OF(buckets_fields);

static const struct field exponential_point_fields[] = {
        MANY("attributes", 1, key_value), {"startTimeUnixNano", 2, FIXED64},
        {"timeUnixNano", 3, FIXED64}, {"count", 4, FIXED64}, {"sum", 5, DOUBLE},
        {"scale", 6, SINT}, {"zeroCount", 7, FIXED64}, ONE("positive", 8, buckets),
        ONE("negative", 9, buckets), {"flags", 10, VARINT}, MANY("exemplars", 11, exemplar),
        {"min", 12, DOUBLE}, {"max", 13, DOUBLE}, {"zeroThreshold", 14, DOUBLE}};
static const struct otlp_json_message exponential_point = MESSAGE_OF(exponential_point_fields);

static const struct field quantile_fields[] = {{"quantile", 1, DOUBLE}, {"value", 2, DOUBLE}};
static const struct otlp_json_message quantile = MESSAGE_OF(quantile_fields);

static const struct field summary_point_fields[] = {
        MANY("attributes", 7, key_value), {"startTimeUnixNano", 2, FIXED64},
        {"timeUnixNano", 3, FIXED64}, {"count", 4, FIXED64}, {"sum", 5, DOUBLE},
        MANY("quantileValues", 6, quantile), {"flags", 8, VARINT}};
static const struct otlp_json_message summary_point = MESSAGE_OF(summary_point_fields);

static const char *const temporalities[] = {"UNSPECIFIED", "DELTA", "CUMULATIVE", NULL};
#define TEMPORALITY(number)                                                     \
        {"aggregationTemporality", (number), ENUM, false,                       \
         {.prefix = "AGGREGATION_TEMPORALITY_"}, temporalities}

static const struct field gauge_fields[] = {MANY("dataPoints", 1, number_point)};
static const struct otlp_json_message gauge = MESSAGE_OF(gauge_fields);
static const struct field sum_fields[] = {
        MANY("dataPoints", 1, number_point), TEMPORALITY(2), {"isMonotonic", 3, BOOL}};
static const struct otlp_json_message sum = MESSAGE_OF(sum_fields);
static const struct field histogram_fields[] = {
        MANY("dataPoints", 1, histogram_point), TEMPORALITY(2)};
static const struct otlp_json_message histogram = MESSAGE_OF(histogram_fields);
static const struct field exponential_fields[] = {
        MANY("dataPoints", 1, exponential_point), TEMPORALITY(2)};
static const struct otlp_json_message exponential = MESSAGE_OF(exponential_fields);
static const struct field summary_fields[] = {MANY("dataPoints", 1, summary_point)};
static const struct otlp_json_message summary = MESSAGE_OF(summary_fields);

static const struct field metric_fields[] = {
        {"name", 1, STRING}, {"description", 2, STRING}, {"unit", 3, STRING},
        ONE("gauge", 5, gauge), ONE("sum", 7, sum), ONE("histogram", 9, histogram),
        ONE("exponentialHistogram", 10, exponential), ONE("summary", 11, summary),
        MANY("metadata", 12, key_value)};
static const struct otlp_json_message metric = MESSAGE_OF(metric_fields);

static const struct field scope_metrics_fields[] = {
        ONE("scope", 1, scope), MANY("metrics", 2, metric), {"schemaUrl", 3, STRING}};
static const struct otlp_json_message scope_metrics = MESSAGE_OF(scope_metrics_fields);

static const struct field resource_metrics_fields[] = {
        ONE("resource", 1, resource), MANY("scopeMetrics", 2, scope_metrics),
        {"schemaUrl", 3, STRING}};
static const struct otlp_json_message resource_metrics = MESSAGE_OF(resource_metrics_fields);

static const struct field metrics_fields[] = {MANY("resourceMetrics", 1, resource_metrics)};
const struct otlp_json_message otlp_json_metrics = MESSAGE_OF(metrics_fields);

/* ---- conversion --------------------------------------------------------------------------- */

struct converter {
        struct json_reader json;
        struct buf *out;
        struct buf scratch;
        const char *bad; /* the first field with a value that is none of its kind */
};

/* Whether a key is the name, spelled like it or with underscores. */
static bool is_name(struct str key, const char *name)
{
        size_t at = 0;

        for (; *name; name++, at++) {
                bool upper = *name >= 'A' && *name <= 'Z';

                if (at < key.len && key.data[at] == *name)
                        continue;
                if (!upper || at + 1 >= key.len || key.data[at] != '_' ||
                    key.data[++at] != (*name | 0x20))
                        return false;
        }
        return at == key.len;
}

static const struct field *find_field(const struct otlp_json_message *message, struct str key)
{
        for (size_t i = 0; i < message->count; i++)
                if (is_name(key, message->fields[i].name))
                        return &message->fields[i];
        return NULL;
}

static void fail(struct converter *c, const struct field *field)
{
        if (!c->bad)
                c->bad = field->name;
        c->json.in.failed = true;
}

static struct str read_text(struct converter *c)
{
        buf_clear(&c->scratch);
        json_reader_string(&c->json, &c->scratch);
        return buf_str(&c->scratch);
}

static struct str read_number_text(struct converter *c)
{
        return json_reader_peek(&c->json) == JSON_STRING ? read_text(c)
                                                         : json_reader_number(&c->json);
}

/* Digits with or without a sign; -1 reads as UINT64_MAX. */
static bool parse_integer(struct str text, uint64_t *ret_value)
{
        bool negative = text.len && text.data[0] == '-';
        uint64_t value = 0;
        size_t at = negative;

        if (at == text.len)
                return false;
        for (; at < text.len; at++) {
                unsigned digit = (unsigned)(text.data[at] - '0');

                if (digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
                    __builtin_add_overflow(value, digit, &value))
                        return false;
        }
        if (negative && value > (uint64_t)1 << 63)
                return false;
        *ret_value = negative ? -value : value;
        return true;
}

/* 1e3 and 5.0 are integers, too, in JSON's mapping. */
static uint64_t read_integer(struct converter *c, const struct field *field)
{
        struct str text = read_number_text(c);
        uint64_t value = 0;
        double v;

        if (c->json.in.failed || parse_integer(text, &value))
                return value;
        if (double_parse(text, &v) && v > -0x1p53 && v < 0x1p53 && v == (double)(int64_t)v)
                return (uint64_t)(int64_t)v;
        fail(c, field);
        return 0;
}

static double read_double(struct converter *c, const struct field *field)
{
        struct str text = read_number_text(c);
        double v = 0;

        if (!c->json.in.failed && !double_parse(text, &v))
                fail(c, field);
        return v;
}

static uint64_t read_enum(struct converter *c, const struct field *field)
{
        struct str text, prefix = str_from(field->prefix);

        if (json_reader_peek(&c->json) == JSON_NUMBER)
                return read_integer(c, field);
        text = read_text(c);
        if (str_starts_with(text, prefix))
                text = str_slice(text, prefix.len, text.len);
        for (uint64_t i = 0; field->names[i]; i++)
                if (str_is(text, field->names[i]))
                        return i;
        fail(c, field);
        return 0;
}

static void put_hex(struct converter *c, const struct field *field)
{
        struct str text = read_text(c);
        size_t begun = protobuf_begin(c->out, field->number);

        if (text.len % 2)
                fail(c, field);
        for (size_t i = 0; i + 1 < text.len; i += 2) {
                unsigned high = str_hex_digit(text.data[i]), low = str_hex_digit(text.data[i + 1]);

                if (high > 15 || low > 15)
                        fail(c, field);
                buf_append_byte(c->out, (char)(high << 4 | low));
        }
        protobuf_end(c->out, begun);
}

static void put_base64(struct converter *c, const struct field *field)
{
        struct str text = read_text(c);
        size_t begun = protobuf_begin(c->out, field->number);

        if (!c->json.in.failed && !base64_decode(text, c->out))
                fail(c, field);
        protobuf_end(c->out, begun);
}

static void put_fixed64(struct buf *out, uint32_t number, uint64_t value)
{
        double bits;

        memcpy(&bits, &value, sizeof(bits));
        protobuf_put_double(out, number, bits);
}

static void put_message(struct converter *c, const struct otlp_json_message *message);

static void put_value(struct converter *c, const struct field *field)
{
        size_t begun;

        switch ((enum kind)field->kind) {
        case STRING:
                begun = protobuf_begin(c->out, field->number);
                json_reader_string(&c->json, c->out);
                protobuf_end(c->out, begun);
                break;
        case HEX:
                put_hex(c, field);
                break;
        case BASE64:
                put_base64(c, field);
                break;
        case BOOL:
                protobuf_put_uint(c->out, field->number, json_reader_bool(&c->json));
                break;
        case VARINT:
                protobuf_put_uint(c->out, field->number, read_integer(c, field));
                break;
        case SINT:
                protobuf_put_sint(c->out, field->number, (int64_t)read_integer(c, field));
                break;
        case FIXED64:
                put_fixed64(c->out, field->number, read_integer(c, field));
                break;
        case DOUBLE:
                protobuf_put_double(c->out, field->number, read_double(c, field));
                break;
        case ENUM:
                protobuf_put_uint(c->out, field->number, read_enum(c, field));
                break;
        case MESSAGE:
                begun = protobuf_begin(c->out, field->number);
                put_message(c, field->message);
                protobuf_end(c->out, begun);
                break;
        }
        if (c->json.in.failed && !c->bad)
                c->bad = field->name;
}

static void put_message(struct converter *c, const struct otlp_json_message *message)
{
        struct str key;

        for (json_reader_enter(&c->json, JSON_OBJECT); json_reader_key(&c->json, &key);) {
                const struct field *field = find_field(message, key);

                if (!field || json_reader_peek(&c->json) == JSON_NULL) {
                        json_reader_skip(&c->json);
                } else if (field->repeated) {
                        for (json_reader_enter(&c->json, JSON_ARRAY);
                             json_reader_item(&c->json);)
                                put_value(c, field);
                } else {
                        put_value(c, field);
                }
        }
}

bool otlp_json_convert(struct str text, const struct otlp_json_message *message, struct buf *out,
                       struct error *err)
{
        struct converter c = {.json = json_reader_make(text), .out = out,
                              .scratch = BUF_INIT(text.len)};
        bool ok;

        put_message(&c, message);
        ok = json_reader_done(&c.json);
        buf_release(&c.scratch);
        if (!ok)
                return error_set(err, ERROR_INVALID, "malformed JSON at byte %zu%s%s",
                                 (size_t)(c.json.in.pos - (const uint8_t *)text.data),
                                 c.bad ? ", in " : "", c.bad ? c.bad : "");
        return !out->overflow || error_set(err, ERROR_LIMIT, "request takes more than %zu bytes",
                                           out->max_bytes);
}

#include "formats/remote_write.h"

#include "codec/varint.h"
#include "formats/remote_write_wire_int.h"
#include "model/histogram_shape.h"

static struct reader read_message(struct str message)
{
        return reader_make(message.data, message.len);
}

static bool malformed(const char *what, struct error *err)
{
        return error_set(err, ERROR_INVALID, "malformed %s", what);
}

static bool too_large(const struct remote_write *reader, struct error *err)
{
        return error_set(err, ERROR_LIMIT, "request takes more than %zu bytes",
                         reader->arena->limit_bytes);
}

/* ---- keys --------------------------------------------------------------------------------- */

/* A key is the label fields of a 1.0 series. */
static size_t pair_bytes(struct str name, struct str value)
{
        return 3 * (1 + VARINT_MAX_BYTES) + name.len + value.len;
}

static uint8_t *put_text(uint8_t *at, uint32_t number, struct str text)
{
        *at++ = (uint8_t)(number << 3 | PROTOBUF_BYTES);
        at = varint_put(at, text.len);
        return mempcpy(at, text.data, text.len);
}

static size_t varint_bytes(uint64_t value)
{
        uint8_t bytes[VARINT_MAX_BYTES];

        return (size_t)(varint_put(bytes, value) - bytes);
}

static uint8_t *put_pair(uint8_t *at, struct str name, struct str value)
{
        *at++ = V1_SERIES_LABEL << 3 | PROTOBUF_BYTES;
        at = varint_put(at, 2 + varint_bytes(name.len) + name.len + varint_bytes(value.len) +
                                    value.len);
        return put_text(put_text(at, LABEL_NAME, name), LABEL_VALUE, value);
}

struct str remote_write_key(struct arena *arena, struct labels labels)
{
        size_t max = 1;
        uint8_t *key, *at;

        for (size_t i = 0; i < labels.count; i++)
                max += pair_bytes(labels.items[i].name, labels.items[i].value);
        key = at = arena_alloc(arena, max);
        for (size_t i = 0; i < labels.count; i++)
                at = put_pair(at, labels.items[i].name, labels.items[i].value);
        return str_make((const char *)key, (size_t)(at - key));
}

static bool read_pair(struct str message, struct label *ret_label)
{
        struct reader r = read_message(message);
        struct protobuf_field field;

        *ret_label = (struct label){{"", 0}, {"", 0}};
        while (protobuf_next(&r, &field)) {
                if (field.number == LABEL_NAME)
                        ret_label->name = protobuf_bytes(&r, &field);
                else if (field.number == LABEL_VALUE)
                        ret_label->value = protobuf_bytes(&r, &field);
        }
        return !r.failed;
}

static bool invalid(const char *why, struct str what, struct error *err)
{
        return error_set(err, ERROR_INVALID, "%s: \"%.*s\"", why,
                         what.len > 200 ? 200 : (int)what.len, what.data);
}

bool remote_write_labels(struct str key, struct labels_builder *builder, struct error *err)
{
        struct reader r = read_message(key);
        struct protobuf_field field;
        struct label label;

        while (protobuf_next(&r, &field)) {
                if (field.number != V1_SERIES_LABEL || field.wire != PROTOBUF_BYTES)
                        continue;
                if (!read_pair(field.raw, &label))
                        return malformed("label", err);
                if (!label.name.len)
                        return invalid("empty label name of the value", label.value, err);
                if (!str_is_utf8(label.name) || !str_is_utf8(label.value))
                        return invalid("label is not valid UTF-8", label.name, err);
                if (labels_builder_get(builder, label.name).len)
                        return invalid("duplicated label", label.name, err);
                labels_builder_set(builder, label.name, label.value);
        }
        if (r.failed)
                return malformed("labels", err);
        if (!labels_builder_get(builder, LABEL_METRIC_NAME).len)
                return error_set(err, ERROR_INVALID, "series has no metric name");
        return true;
}

/* ---- symbols of 2.0 ----------------------------------------------------------------------- */

static bool read_symbols(struct remote_write *reader, struct str body, struct error *err)
{
        struct reader r = read_message(body);
        struct remote_write_symbol *symbols;
        struct protobuf_field field;
        size_t count = 0;

        while (protobuf_next(&r, &field))
                count += field.number == V2_REQUEST_SYMBOL;
        symbols = arena_try_alloc(reader->arena, count * sizeof(*symbols) + 1);
        if (!symbols)
                return too_large(reader, err);
        r = read_message(body);
        for (const uint8_t *start = r.pos; protobuf_next(&r, &field); start = r.pos) {
                size_t encoded = varint_bytes(field.raw.len) + field.raw.len;

                if (field.number != V2_REQUEST_SYMBOL)
                        continue;
                /* Tag, length and text, none written longer than it must be. */
                r.failed |= (size_t)(r.pos - start) != 1 + encoded;
                symbols[reader->symbol_count++] = (struct remote_write_symbol){
                        protobuf_bytes(&r, &field), str_make((const char *)start + 1, encoded)};
        }
        reader->symbols = symbols;
        return !r.failed || malformed("request", err);
}

static bool find_symbol(const struct remote_write *reader, uint64_t number, struct str *ret_text)
{
        if (number >= reader->symbol_count)
                return false;
        *ret_text = reader->symbols[number].text;
        return true;
}

/* Names and values in turn, by number. */
static bool next_symbol_pair(const struct remote_write *reader, struct reader *numbers,
                             struct label *ret_label)
{
        return find_symbol(reader, protobuf_varint(numbers), &ret_label->name) &&
               reader_left(numbers) &&
               find_symbol(reader, protobuf_varint(numbers), &ret_label->value) &&
               !numbers->failed;
}

enum { COPY_BYTES = 32 };

/* Most texts are short: where there is room on both sides, a copy of fixed size is quicker. */
static uint8_t *copy_encoded(const struct remote_write *reader, uint8_t *at, uint32_t number,
                             struct str encoded)
{
        *at++ = (uint8_t)(number << 3 | PROTOBUF_BYTES);
        if (LIKELY(encoded.len <= COPY_BYTES &&
                   encoded.data + COPY_BYTES <= (const char *)reader->body.end))
                memcpy(at, encoded.data, COPY_BYTES);
        else
                memcpy(at, encoded.data, encoded.len);
        return at + encoded.len;
}

static uint8_t *put_symbols(const struct remote_write *reader, const uint32_t *numbers,
                            size_t count, uint8_t *at)
{
        for (size_t i = 0; i < count; i += 2) {
                struct str name = reader->symbols[numbers[i]].encoded;
                struct str value = reader->symbols[numbers[i + 1]].encoded;

                *at++ = V1_SERIES_LABEL << 3 | PROTOBUF_BYTES;
                at = varint_put(at, 2 + name.len + value.len);
                at = copy_encoded(reader, at, LABEL_NAME, name);
                at = copy_encoded(reader, at, LABEL_VALUE, value);
        }
        return at;
}

static bool make_symbol_key(struct remote_write *reader, struct reader references,
                            struct str *ret_key, struct error *err)
{
        enum { USUAL = 128 };
        uint32_t usual[USUAL], *numbers = usual;
        size_t count = 0, max = COPY_BYTES;
        uint8_t *key;

        /* A number takes a byte or more. */
        if (reader_left(&references) > USUAL)
                numbers = arena_try_alloc(reader->arena,
                                          reader_left(&references) * sizeof(*numbers));
        if (!numbers)
                return too_large(reader, err);
        while (reader_left(&references) && !references.failed) {
                uint64_t number = protobuf_varint(&references);

                if (number >= reader->symbol_count)
                        return malformed("label references", err);
                max += 2 + VARINT_MAX_BYTES + reader->symbols[number].encoded.len;
                numbers[count++] = (uint32_t)number;
        }
        if (references.failed || count % 2)
                return malformed("label references", err);
        key = arena_try_alloc(reader->arena, max);
        if (!key)
                return too_large(reader, err);
        *ret_key = str_make((const char *)key,
                            (size_t)(put_symbols(reader, numbers, count, key) - key));
        return true;
}

bool remote_write_init(struct remote_write *reader, enum remote_write_version version,
                       struct str body, struct arena *arena, struct error *err)
{
        *reader = (struct remote_write){.version = version, .body = read_message(body),
                                        .arena = arena};
        return version == REMOTE_WRITE_1 || read_symbols(reader, body, err);
}

/* ---- series ------------------------------------------------------------------------------- */

/* The label fields stand in a row at the start of a series; else they are copied together. */
static bool find_labels_1(struct remote_write *reader, struct str message, struct str *ret_key,
                          struct error *err)
{
        struct reader r = read_message(message);
        const uint8_t *start = r.pos;
        struct protobuf_field field;
        size_t len = 0, scattered = 0;
        char *copy;

        for (; protobuf_next(&r, &field); start = r.pos) {
                if (field.number != V1_SERIES_LABEL)
                        continue;
                if (start == (const uint8_t *)message.data + len)
                        len = (size_t)(r.pos - (const uint8_t *)message.data);
                else
                        scattered += (size_t)(r.pos - start);
        }
        if (r.failed)
                return malformed("series", err);
        *ret_key = str_make(message.data, len);
        reader->series = read_message(str_slice(message, len, message.len));
        if (!scattered)
                return true;
        copy = arena_try_alloc(reader->arena, len + scattered);
        if (!copy)
                return too_large(reader, err);
        *ret_key = str_make(copy, 0);
        r = read_message(message);
        for (start = r.pos; protobuf_next(&r, &field); start = r.pos) {
                if (field.number != V1_SERIES_LABEL)
                        continue;
                memcpy(copy + ret_key->len, start, (size_t)(r.pos - start));
                ret_key->len += (size_t)(r.pos - start);
        }
        return true;
}

static bool read_metadata_2(const struct remote_write *reader, struct str message,
                            struct remote_write_metadata *ret_metadata)
{
        struct reader r = read_message(message);
        struct protobuf_field field;

        while (protobuf_next(&r, &field)) {
                uint64_t number = field.wire == PROTOBUF_VARINT ? protobuf_uint(&r, &field) : 0;

                if (field.number == V2_METADATA_TYPE)
                        ret_metadata->type = number < ARRAY_LEN(remote_write_types)
                                                     ? remote_write_types[number] : "unknown";
                else if (field.number == V2_METADATA_HELP)
                        r.failed |= !find_symbol(reader, number, &ret_metadata->help);
                else if (field.number == V2_METADATA_UNIT)
                        r.failed |= !find_symbol(reader, number, &ret_metadata->unit);
        }
        return !r.failed;
}

/* Labels, metadata and the created timestamp, wherever in the series they stand. */
static bool begin_series_2(struct remote_write *reader, struct str message,
                           struct remote_write_entry *entry, struct error *err)
{
        struct reader r = read_message(message);
        struct protobuf_field field;
        bool has_labels = false;

        reader->created_ms = 0;
        reader->series = r;
        entry->key = str_make("", 0);
        while (protobuf_next(&r, &field)) {
                if (field.number == V2_SERIES_LABELS) {
                        struct reader numbers = protobuf_numbers(&r, &field, PROTOBUF_VARINT);

                        /* Every writer packs them into one field. */
                        if (has_labels || field.wire != PROTOBUF_BYTES)
                                return malformed("label references", err);
                        has_labels = true;
                        if (!make_symbol_key(reader, numbers, &entry->key, err))
                                return false;
                } else if (field.number == V2_SERIES_METADATA) {
                        if (!read_metadata_2(reader, protobuf_bytes(&r, &field),
                                             &entry->metadata))
                                return malformed("metadata", err);
                } else if (field.number == V2_SERIES_CREATED) {
                        reader->created_ms = (int64_t)protobuf_uint(&r, &field);
                }
        }
        return !r.failed || malformed("series", err);
}

static const struct remote_write_metadata no_metadata = {
        .metric = {"", 0}, .type = "unknown", .help = {"", 0}, .unit = {"", 0}};

static bool read_metadata_1(struct str message, struct remote_write_metadata *ret_metadata)
{
        struct reader r = read_message(message);
        struct protobuf_field field;
        uint64_t type;

        *ret_metadata = no_metadata;
        while (protobuf_next(&r, &field)) {
                switch (field.number) {
                case V1_METADATA_TYPE:
                        type = protobuf_uint(&r, &field);
                        if (type < ARRAY_LEN(remote_write_types))
                                ret_metadata->type = remote_write_types[type];
                        break;
                case V1_METADATA_METRIC:
                        ret_metadata->metric = protobuf_bytes(&r, &field);
                        break;
                case V1_METADATA_HELP:
                        ret_metadata->help = protobuf_bytes(&r, &field);
                        break;
                case V1_METADATA_UNIT:
                        ret_metadata->unit = protobuf_bytes(&r, &field);
                        break;
                }
        }
        return !r.failed;
}

/* ---- items of a series -------------------------------------------------------------------- */

static bool read_sample(const struct remote_write *reader, struct str message,
                        struct remote_write_entry *entry)
{
        struct reader r = read_message(message);
        struct protobuf_field field;

        entry->v = 0;
        entry->t_ms = 0;
        entry->start_ms = reader->created_ms;
        /* What all writers write: the value, then the timestamp. */
        if (LIKELY(message.len > 10 && r.pos[0] == (SAMPLE_VALUE << 3 | PROTOBUF_FIXED64) &&
                   r.pos[9] == (SAMPLE_TIMESTAMP << 3 | PROTOBUF_VARINT))) {
                memcpy(&entry->v, r.pos + 1, sizeof(entry->v));
                r.pos += 10;
                entry->t_ms = (int64_t)protobuf_varint(&r);
        }
        while (protobuf_next(&r, &field)) {
                if (field.number == SAMPLE_VALUE)
                        entry->v = protobuf_double(&r, &field);
                else if (field.number == SAMPLE_TIMESTAMP)
                        entry->t_ms = (int64_t)protobuf_uint(&r, &field);
                else if (field.number == SAMPLE_START && reader->version == REMOTE_WRITE_2)
                        entry->start_ms = (int64_t)protobuf_uint(&r, &field);
        }
        return !r.failed;
}

struct counts {
        uint64_t whole, zero_whole;
        double exact, zero_exact;
        bool is_float;
};

static bool read_histogram_fields(const struct remote_write *reader, struct str message,
                                  struct histogram *h, struct counts *counts,
                                  struct remote_write_entry *entry)
{
        struct reader r = read_message(message);
        struct protobuf_field field;
        int64_t schema = 0;

        while (protobuf_next(&r, &field)) {
                switch (field.number) {
                case HISTOGRAM_COUNT_INT:
                        counts->whole = protobuf_uint(&r, &field);
                        counts->is_float = false;
                        break;
                case HISTOGRAM_COUNT_FLOAT:
                        counts->exact = protobuf_double(&r, &field);
                        counts->is_float = true;
                        break;
                case HISTOGRAM_SUM:
                        h->sum = protobuf_double(&r, &field);
                        break;
                case HISTOGRAM_SCHEMA:
                        schema = protobuf_sint(&r, &field);
                        break;
                case HISTOGRAM_ZERO_THRESHOLD:
                        h->zero_threshold = protobuf_double(&r, &field);
                        break;
                case HISTOGRAM_ZERO_INT:
                        counts->zero_whole = protobuf_uint(&r, &field);
                        break;
                case HISTOGRAM_ZERO_FLOAT:
                        counts->zero_exact = protobuf_double(&r, &field);
                        break;
                case HISTOGRAM_RESET_HINT:
                        h->reset = (uint8_t)(protobuf_uint(&r, &field) & 3);
                        break;
                case HISTOGRAM_TIMESTAMP:
                        entry->t_ms = (int64_t)protobuf_uint(&r, &field);
                        break;
                case HISTOGRAM_START:
                        if (reader->version == REMOTE_WRITE_2)
                                entry->start_ms = (int64_t)protobuf_uint(&r, &field);
                        break;
                }
        }
        /* What does not fit is no schema either way. */
        h->schema = schema < INT8_MIN || schema > INT8_MAX ? INT8_MAX : (int8_t)schema;
        return !r.failed;
}

/* A histogram that is no valid one costs itself; one that is malformed, the request. */
static enum remote_write_kind read_histogram(struct remote_write *reader, struct str message,
                                             struct remote_write_entry *entry, struct error *err)
{
        struct histogram *h = arena_new(reader->arena, struct histogram);
        struct counts counts = {0};

        entry->t_ms = 0;
        entry->start_ms = reader->created_ms;
        if (!read_histogram_fields(reader, message, h, &counts, entry)) {
                malformed("histogram", err);
                return REMOTE_WRITE_ERROR;
        }
        h->integer = !counts.is_float;
        h->count = h->integer ? (double)counts.whole : counts.exact;
        h->zero_count = h->integer ? (double)counts.zero_whole : counts.zero_exact;
        if (!histogram_wire_read(message, remote_write_positive, h->integer, reader->arena,
                                 &h->positive, err) ||
            !histogram_wire_read(message, remote_write_negative, h->integer, reader->arena,
                                 &h->negative, err) ||
            !histogram_wire_doubles(message, HISTOGRAM_CUSTOM_VALUES, reader->arena,
                                    &h->custom_values, &h->custom_count, err))
                return REMOTE_WRITE_ERROR;
        entry->h = histogram_admit(reader->arena, h, &entry->error);
        entry->v = h->sum;
        return REMOTE_WRITE_HISTOGRAM;
}

static bool add_exemplar_label(struct labels_builder *builder, struct label label)
{
        if (!label.name.len || !str_is_utf8(label.name) || !str_is_utf8(label.value))
                return false;
        labels_builder_set(builder, label.name, label.value);
        return true;
}

static bool read_exemplar(struct remote_write *reader, struct str message,
                          struct exemplar *ret_exemplar)
{
        struct reader r = read_message(message), numbers;
        struct labels_builder builder;
        struct protobuf_field field;
        struct label label;

        *ret_exemplar = (struct exemplar){0};
        labels_builder_init(&builder, reader->arena, (struct labels){0});
        while (protobuf_next(&r, &field)) {
                if (field.number == EXEMPLAR_VALUE) {
                        ret_exemplar->v = protobuf_double(&r, &field);
                } else if (field.number == EXEMPLAR_TIMESTAMP) {
                        ret_exemplar->t_ms = (int64_t)protobuf_uint(&r, &field);
                } else if (field.number == EXEMPLAR_LABELS && reader->version == REMOTE_WRITE_1) {
                        if (!read_pair(protobuf_bytes(&r, &field), &label) ||
                            !add_exemplar_label(&builder, label))
                                return false;
                } else if (field.number == EXEMPLAR_LABELS) {
                        numbers = protobuf_numbers(&r, &field, PROTOBUF_VARINT);
                        while (reader_left(&numbers))
                                if (!next_symbol_pair(reader, &numbers, &label) ||
                                    !add_exemplar_label(&builder, label))
                                        return false;
                }
        }
        ret_exemplar->labels = labels_builder_finish(&builder);
        return !r.failed;
}

/* ---- the walk ----------------------------------------------------------------------------- */

static enum remote_write_kind next_item(struct remote_write *reader,
                                        struct remote_write_entry *entry, struct error *err)
{
        bool first = reader->version == REMOTE_WRITE_1;
        uint32_t histogram = first ? V1_SERIES_HISTOGRAM : V2_SERIES_HISTOGRAM;
        uint32_t exemplar = first ? V1_SERIES_EXEMPLAR : V2_SERIES_EXEMPLAR;
        struct protobuf_field field;

        while (protobuf_next(&reader->series, &field)) {
                struct str message;

                if (field.number != V1_SERIES_SAMPLE && field.number != histogram &&
                    field.number != exemplar)
                        continue;
                message = protobuf_bytes(&reader->series, &field);
                if (field.number == V1_SERIES_SAMPLE) {
                        if (read_sample(reader, message, entry))
                                return REMOTE_WRITE_SAMPLE;
                        malformed("sample", err);
                        return REMOTE_WRITE_ERROR;
                }
                if (field.number == histogram)
                        return read_histogram(reader, message, entry, err);
                if (read_exemplar(reader, message, &entry->exemplar))
                        return REMOTE_WRITE_EXEMPLAR;
                malformed("exemplar", err);
                return REMOTE_WRITE_ERROR;
        }
        reader->in_series = false;
        if (!reader->series.failed)
                return REMOTE_WRITE_END;
        malformed("series", err);
        return REMOTE_WRITE_ERROR;
}

static enum remote_write_kind begin_series(struct remote_write *reader, struct str message,
                                           struct remote_write_entry *entry, struct error *err)
{
        entry->metadata = no_metadata;
        reader->in_series = reader->version == REMOTE_WRITE_1
                                    ? find_labels_1(reader, message, &entry->key, err)
                                    : begin_series_2(reader, message, entry, err);
        return reader->in_series ? REMOTE_WRITE_SERIES : REMOTE_WRITE_ERROR;
}

enum remote_write_kind remote_write_next(struct remote_write *reader,
                                         struct remote_write_entry *entry, struct error *err)
{
        bool first = reader->version == REMOTE_WRITE_1;
        enum remote_write_kind kind = REMOTE_WRITE_END;
        struct protobuf_field field;

        if (reader->in_series)
                kind = next_item(reader, entry, err);
        while (kind == REMOTE_WRITE_END && protobuf_next(&reader->body, &field)) {
                if (field.number == (first ? V1_REQUEST_SERIES : V2_REQUEST_SERIES)) {
                        kind = begin_series(reader, protobuf_bytes(&reader->body, &field), entry,
                                            err);
                } else if (first && field.number == V1_REQUEST_METADATA) {
                        kind = REMOTE_WRITE_METADATA;
                        if (!read_metadata_1(protobuf_bytes(&reader->body, &field),
                                             &entry->metadata))
                                reader->body.failed = true;
                }
        }
        if (reader->body.failed && kind != REMOTE_WRITE_ERROR) {
                malformed("request", err);
                return REMOTE_WRITE_ERROR;
        }
        if (arena_over_budget(reader->arena)) {
                too_large(reader, err);
                return REMOTE_WRITE_ERROR;
        }
        return kind;
}

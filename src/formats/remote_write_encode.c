/* The writing side of formats/remote_write.h. */
#include "formats/remote_write.h"
#include "formats/remote_write_wire_int.h"

void remote_write_writer_init(struct remote_write_writer *writer,
                              enum remote_write_version version, size_t max_bytes,
                              struct arena *arena)
{
        *writer = (struct remote_write_writer){
                .version = version,
                .body = BUF_INIT(max_bytes),
                .strings = BUF_INIT(max_bytes),
                .arena = arena,
        };
        /* The first symbol must be the empty one. */
        if (version == REMOTE_WRITE_2)
                protobuf_put_bytes(&writer->strings, V2_REQUEST_SYMBOL, STR_LIT(""));
}

void remote_write_writer_release(struct remote_write_writer *writer)
{
        buf_release(&writer->body);
        buf_release(&writer->strings);
        map_release(&writer->symbols);
}

static uint64_t symbol(struct remote_write_writer *writer, struct str text)
{
        uintptr_t number;

        if (!text.len)
                return 0;
        number = (uintptr_t)map_get(&writer->symbols, text);
        if (!number) {
                number = writer->symbols.count + 1;
                map_put(&writer->symbols, arena_str(writer->arena, text), (void *)number);
                protobuf_put_bytes(&writer->strings, V2_REQUEST_SYMBOL, text);
        }
        return number;
}

static void put_pair(struct buf *out, uint32_t number, const struct label *label)
{
        size_t begun = protobuf_begin(out, number);

        protobuf_put_bytes(out, LABEL_NAME, label->name);
        protobuf_put_bytes(out, LABEL_VALUE, label->value);
        protobuf_end(out, begun);
}

/* Labels of a series or of an exemplar. */
static void put_labels(struct remote_write_writer *writer, uint32_t number, struct labels labels)
{
        struct buf *out = &writer->body;
        size_t begun;

        if (writer->version == REMOTE_WRITE_1) {
                for (size_t i = 0; i < labels.count; i++)
                        put_pair(out, number, &labels.items[i]);
                return;
        }
        if (!labels.count)
                return;
        begun = protobuf_begin(out, number);
        for (size_t i = 0; i < labels.count; i++) {
                protobuf_put_varint(out, symbol(writer, labels.items[i].name));
                protobuf_put_varint(out, symbol(writer, labels.items[i].value));
        }
        protobuf_end(out, begun);
}

static uint64_t type_number(const char *type)
{
        for (uint64_t i = 0; i < ARRAY_LEN(remote_write_types); i++)
                if (strcmp(type, remote_write_types[i]) == 0)
                        return i;
        return 0;
}

static void put_number(struct buf *out, uint32_t number, uint64_t value)
{
        if (value)
                protobuf_put_uint(out, number, value);
}

static void put_text(struct buf *out, uint32_t number, struct str text)
{
        if (text.len)
                protobuf_put_bytes(out, number, text);
}

/* As proto3 has it, only +0 is left out. */
static void put_double(struct buf *out, uint32_t number, double value)
{
        uint64_t bits;

        memcpy(&bits, &value, sizeof(bits));
        if (bits)
                protobuf_put_double(out, number, value);
}

void remote_write_begin_series(struct remote_write_writer *writer, struct labels labels,
                               const struct remote_write_metadata *metadata)
{
        struct buf *out = &writer->body;
        size_t begun;

        writer->series_begun = protobuf_begin(
                out, writer->version == REMOTE_WRITE_1 ? V1_REQUEST_SERIES : V2_REQUEST_SERIES);
        put_labels(writer, V1_SERIES_LABEL, labels);
        if (writer->version == REMOTE_WRITE_1 || !metadata)
                return;
        begun = protobuf_begin(out, V2_SERIES_METADATA);
        put_number(out, V2_METADATA_TYPE, type_number(metadata->type));
        put_number(out, V2_METADATA_HELP, symbol(writer, metadata->help));
        put_number(out, V2_METADATA_UNIT, symbol(writer, metadata->unit));
        protobuf_end(out, begun);
}

void remote_write_end_series(struct remote_write_writer *writer)
{
        protobuf_end(&writer->body, writer->series_begun);
}

void remote_write_put_sample(struct remote_write_writer *writer, int64_t t_ms, double v,
                             int64_t start_ms)
{
        struct buf *out = &writer->body;
        size_t begun = protobuf_begin(out, V1_SERIES_SAMPLE);

        put_double(out, SAMPLE_VALUE, v);
        put_number(out, SAMPLE_TIMESTAMP, (uint64_t)t_ms);
        if (writer->version == REMOTE_WRITE_2)
                put_number(out, SAMPLE_START, (uint64_t)start_ms);
        protobuf_end(out, begun);
}

void remote_write_put_histogram(struct remote_write_writer *writer, int64_t t_ms,
                                const struct histogram *h, int64_t start_ms)
{
        bool first = writer->version == REMOTE_WRITE_1;
        struct buf *out = &writer->body;
        size_t begun = protobuf_begin(out, first ? V1_SERIES_HISTOGRAM : V2_SERIES_HISTOGRAM);

        /* One of the two counts is there even when it is 0: it says which kind this is. */
        if (h->integer) {
                protobuf_put_uint(out, HISTOGRAM_COUNT_INT, (uint64_t)h->count);
                protobuf_put_uint(out, HISTOGRAM_ZERO_INT, (uint64_t)h->zero_count);
        } else {
                protobuf_put_double(out, HISTOGRAM_COUNT_FLOAT, h->count);
                protobuf_put_double(out, HISTOGRAM_ZERO_FLOAT, h->zero_count);
        }
        put_double(out, HISTOGRAM_SUM, h->sum);
        if (h->schema)
                protobuf_put_sint(out, HISTOGRAM_SCHEMA, h->schema);
        put_double(out, HISTOGRAM_ZERO_THRESHOLD, h->zero_threshold);
        histogram_wire_write(out, remote_write_negative, h->integer, &h->negative);
        histogram_wire_write(out, remote_write_positive, h->integer, &h->positive);
        put_number(out, HISTOGRAM_RESET_HINT, h->reset);
        put_number(out, HISTOGRAM_TIMESTAMP, (uint64_t)t_ms);
        histogram_wire_put_doubles(out, HISTOGRAM_CUSTOM_VALUES, h->custom_values,
                                   h->custom_count);
        if (!first)
                put_number(out, HISTOGRAM_START, (uint64_t)start_ms);
        protobuf_end(out, begun);
}

void remote_write_put_exemplar(struct remote_write_writer *writer, const struct exemplar *exemplar)
{
        struct buf *out = &writer->body;
        size_t begun = protobuf_begin(out, writer->version == REMOTE_WRITE_1 ? V1_SERIES_EXEMPLAR
                                                                             : V2_SERIES_EXEMPLAR);

        put_labels(writer, EXEMPLAR_LABELS, exemplar->labels);
        put_double(out, EXEMPLAR_VALUE, exemplar->v);
        put_number(out, EXEMPLAR_TIMESTAMP, (uint64_t)exemplar->t_ms);
        protobuf_end(out, begun);
}

void remote_write_put_metadata(struct remote_write_writer *writer,
                               const struct remote_write_metadata *metadata)
{
        struct buf *out = &writer->body;
        size_t begun;

        BUG_ON(writer->version != REMOTE_WRITE_1);
        begun = protobuf_begin(out, V1_REQUEST_METADATA);
        put_number(out, V1_METADATA_TYPE, type_number(metadata->type));
        put_text(out, V1_METADATA_METRIC, metadata->metric);
        put_text(out, V1_METADATA_HELP, metadata->help);
        put_text(out, V1_METADATA_UNIT, metadata->unit);
        protobuf_end(out, begun);
}

bool remote_write_finish(struct remote_write_writer *writer, struct buf *out)
{
        buf_append_str(out, buf_str(&writer->strings));
        buf_append_str(out, buf_str(&writer->body));
        return !writer->strings.overflow && !writer->body.overflow && !out->overflow;
}

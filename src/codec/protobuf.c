#include "codec/protobuf.h"

#include "codec/varint.h"

bool protobuf_next_any(struct reader *r, struct protobuf_field *field)
{
        const uint8_t *start;
        uint64_t tag;
        size_t len;

        if (r->pos == r->end || r->failed)
                return false;
        tag = protobuf_varint(r);
        field->number = (uint32_t)(tag >> 3);
        field->wire = (enum protobuf_wire)(tag & 7);
        start = r->pos;
        switch (field->wire) {
        case PROTOBUF_VARINT:
                protobuf_varint(r);
                field->raw = str_make((const char *)start, (size_t)(r->pos - start));
                break;
        case PROTOBUF_FIXED64:
                field->raw = reader_str(r, 8);
                break;
        case PROTOBUF_BYTES:
                len = protobuf_varint(r);
                field->raw = reader_str(r, len);
                break;
        case PROTOBUF_FIXED32:
                field->raw = reader_str(r, 4);
                break;
        default:
                r->failed = true;
                break;
        }
        /* Field numbers are 1 to 2^29 - 1. */
        if (UNLIKELY(!field->number || tag >> 32))
                r->failed = true;
        return !r->failed;
}

static bool has_wire(struct reader *r, const struct protobuf_field *field, enum protobuf_wire wire)
{
        if (UNLIKELY(field->wire != wire))
                r->failed = true;
        return field->wire == wire;
}

uint64_t protobuf_uint(struct reader *r, const struct protobuf_field *field)
{
        struct reader value = reader_make(field->raw.data, field->raw.len);

        return has_wire(r, field, PROTOBUF_VARINT) ? protobuf_varint(&value) : 0;
}

int64_t protobuf_sint(struct reader *r, const struct protobuf_field *field)
{
        uint64_t raw = protobuf_uint(r, field);

        return (int64_t)(raw >> 1) ^ -(int64_t)(raw & 1);
}

double protobuf_double(struct reader *r, const struct protobuf_field *field)
{
        double value = 0;

        if (has_wire(r, field, PROTOBUF_FIXED64))
                memcpy(&value, field->raw.data, sizeof(value));
        return value;
}

struct str protobuf_bytes(struct reader *r, const struct protobuf_field *field)
{
        return has_wire(r, field, PROTOBUF_BYTES) ? field->raw : str_make("", 0);
}

struct reader protobuf_numbers(struct reader *r, const struct protobuf_field *field,
                               enum protobuf_wire wire)
{
        if (field->wire != PROTOBUF_BYTES && !has_wire(r, field, wire))
                return reader_make("", 0);
        return reader_make(field->raw.data, field->raw.len);
}

/* ---- writing ------------------------------------------------------------------------------ */

void protobuf_put_varint(struct buf *out, uint64_t value)
{
        uint8_t *tail = (uint8_t *)buf_reserve(out, VARINT_MAX_BYTES);
        uint8_t *end;

        if (!tail)
                return;
        end = varint_put(tail, value);
        *end = '\0';
        out->len += (size_t)(end - tail);
}

static void put_tag(struct buf *out, uint32_t number, enum protobuf_wire wire)
{
        protobuf_put_varint(out, (uint64_t)number << 3 | wire);
}

void protobuf_put_uint(struct buf *out, uint32_t number, uint64_t value)
{
        put_tag(out, number, PROTOBUF_VARINT);
        protobuf_put_varint(out, value);
}

void protobuf_put_sint(struct buf *out, uint32_t number, int64_t value)
{
        protobuf_put_uint(out, number, varint_zigzag(value));
}

void protobuf_put_double(struct buf *out, uint32_t number, double value)
{
        put_tag(out, number, PROTOBUF_FIXED64);
        buf_append(out, &value, sizeof(value));
}

void protobuf_put_bytes(struct buf *out, uint32_t number, struct str value)
{
        put_tag(out, number, PROTOBUF_BYTES);
        protobuf_put_varint(out, value.len);
        buf_append_str(out, value);
}

/* Most messages are short: one byte is set aside for the length, and those behind it move when
 * more are needed. */
size_t protobuf_begin(struct buf *out, uint32_t number)
{
        put_tag(out, number, PROTOBUF_BYTES);
        buf_append_byte(out, '\0');
        return out->len;
}

void protobuf_end(struct buf *out, size_t begun)
{
        uint8_t length[VARINT_MAX_BYTES];
        size_t len, more;

        if (out->overflow)
                return;
        len = out->len - begun;
        more = (size_t)(varint_put(length, len) - length) - 1;
        if (!buf_reserve(out, more))
                return;
        if (more)
                memmove(out->data + begun + more, out->data + begun, len + 1);
        memcpy(out->data + begun - 1, length, more + 1);
        out->len += more;
}

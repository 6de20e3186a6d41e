/* codec/protobuf.h - the wire form of protocol buffers, without a schema.
 *
 * Reading is a walk over the fields of a message; who walks knows what the numbers mean:
 *
 *     struct reader r = reader_make(message.data, message.len);
 *     struct protobuf_field field;
 *
 *     while (protobuf_next(&r, &field))
 *             if (field.number == 1)
 *                     name = protobuf_bytes(&r, &field);
 *     if (r.failed) ...
 *
 * A field of the wrong wire type, a length beyond the message or a cut varint makes the reader
 * fail, which sticks. Everything read borrows from the message. Groups are refused: proto3 has
 * none. Source: protobuf.dev, "Encoding".
 */
#ifndef CODEC_PROTOBUF_H
#define CODEC_PROTOBUF_H

#include "base/buf.h"
#include "base/reader.h"

enum protobuf_wire {
        PROTOBUF_VARINT = 0,
        PROTOBUF_FIXED64 = 1,
        PROTOBUF_BYTES = 2,
        PROTOBUF_FIXED32 = 5,
};

struct protobuf_field {
        uint32_t number;
        enum protobuf_wire wire;
        struct str raw; /* the value's bytes, without a length */
};

/* ---- reading ------------------------------------------------------------------------------ */

static inline uint64_t protobuf_varint(struct reader *r)
{
        if (LIKELY(r->pos < r->end && *r->pos < 0x80 && !r->failed))
                return *r->pos++;
        return reader_varint(r);
}

bool protobuf_next_any(struct reader *r, struct protobuf_field *field);

/* The next field; false at the end, or when the message is malformed (r->failed). */
NODISCARD static inline bool protobuf_next(struct reader *r, struct protobuf_field *field)
{
        const uint8_t *at = r->pos;
        size_t left = reader_left(r);

        /* Short bytes in one of the first 15 fields is what most fields are. */
        if (UNLIKELY(left < 2 || (at[0] & 0x87) != PROTOBUF_BYTES || at[0] < 8 ||
                     at[1] >= 0x80 || at[1] > left - 2 || r->failed))
                return protobuf_next_any(r, field);
        field->number = at[0] >> 3;
        field->wire = PROTOBUF_BYTES;
        field->raw = str_make((const char *)at + 2, at[1]);
        r->pos = at + 2 + at[1];
        return true;
}

/* The value of a field just read from r. uint32, int32, int64, bool and enum are all varints:
 * cast what protobuf_uint gives, which keeps the low bits as protobuf's own parsers do. */
uint64_t protobuf_uint(struct reader *r, const struct protobuf_field *field);
int64_t protobuf_sint(struct reader *r, const struct protobuf_field *field); /* sint32, sint64 */
double protobuf_double(struct reader *r, const struct protobuf_field *field);
struct str protobuf_bytes(struct reader *r, const struct protobuf_field *field);

/* A repeated field of numbers, packed or not: a reader over the encoded numbers of this
 * occurrence. `wire` is that of one number. */
struct reader protobuf_numbers(struct reader *r, const struct protobuf_field *field,
                               enum protobuf_wire wire);

/* ---- writing ------------------------------------------------------------------------------ */

/* Each writes one field. As proto3 has it, the caller leaves out what is zero or empty. */
void protobuf_put_uint(struct buf *out, uint32_t number, uint64_t value);
void protobuf_put_sint(struct buf *out, uint32_t number, int64_t value);
void protobuf_put_double(struct buf *out, uint32_t number, double value);
void protobuf_put_bytes(struct buf *out, uint32_t number, struct str value);
/* A bare varint, as packed fields and delimited streams have them. */
void protobuf_put_varint(struct buf *out, uint64_t value);

/* A nested message, or a packed field: begin, write what is inside, end with what begin gave. */
size_t protobuf_begin(struct buf *out, uint32_t number);
void protobuf_end(struct buf *out, size_t begun);

#endif

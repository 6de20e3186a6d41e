/* Whatever the bytes: every field lies inside the message, and fields written again as they were
 * read give the same fields. The same bytes are tried as a snappy block. */
#include "codec/compress.h"
#include "codec/protobuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_again(struct buf *out, struct reader *r, const struct protobuf_field *field)
{
        struct reader value = reader_make(field->raw.data, field->raw.len);

        switch (field->wire) {
        case PROTOBUF_VARINT:
                protobuf_put_uint(out, field->number, protobuf_uint(r, field));
                break;
        case PROTOBUF_FIXED64:
                protobuf_put_double(out, field->number, protobuf_double(r, field));
                break;
        case PROTOBUF_BYTES:
                protobuf_put_bytes(out, field->number, protobuf_bytes(r, field));
                break;
        case PROTOBUF_FIXED32:
                reader_u32(&value);
                BUG_ON(value.failed);
                break;
        }
}

static void walk(struct str message)
{
        struct buf again CLEANUP(buf_release) = BUF_INIT(4 << 20);
        struct reader r = reader_make(message.data, message.len), second;
        struct protobuf_field field, copy;

        while (protobuf_next(&r, &field)) {
                BUG_ON(field.raw.data < message.data ||
                       field.raw.data + field.raw.len > message.data + message.len);
                buf_clear(&again);
                write_again(&again, &r, &field);
                if (field.wire == PROTOBUF_FIXED32)
                        continue;
                second = reader_make(again.data, again.len);
                BUG_ON(!protobuf_next(&second, &copy));
                BUG_ON(copy.number != field.number || copy.wire != field.wire);
                if (field.wire == PROTOBUF_VARINT)
                        BUG_ON(protobuf_uint(&second, &copy) != protobuf_uint(&r, &field));
                else
                        BUG_ON(!str_equal(copy.raw, field.raw));
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct buf plain CLEANUP(buf_release) = BUF_INIT(4 << 20);
        struct str bytes = str_make((const char *)data, size);
        struct error err;

        walk(bytes);
        if (compress_unsnappy(&plain, bytes, 4 << 20, &err))
                walk(buf_str(&plain));
        return 0;
}

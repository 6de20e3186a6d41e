#include <arpa/inet.h>

#include "base/reader.h"
#include "collectors/dns_int.h"

enum { CLASS_IN = 1, TYPE_OPT = 41, UDP_MAX_BYTES = 4096 };
enum { LABEL_MAX_BYTES = 63, NAME_MAX_BYTES = 255, POINTERS_MAX = 64 };
enum { FLAG_ANSWER = 0x8000, FLAG_TRUNCATED = 0x0200, FLAG_RECURSE = 0x0100, CODE_MASK = 0xf };

static void put_u16(struct buf *out, unsigned value)
{
        buf_append_byte(out, (char)(value >> 8));
        buf_append_byte(out, (char)value);
}

static bool put_name(struct buf *out, struct str name, struct error *err)
{
        struct str rest = name, label;

        if (name.len && name.data[name.len - 1] == '.')
                rest.len--;
        if (name.len > NAME_MAX_BYTES - 2)
                return error_set(err, ERROR_INVALID, "\"" STR_FMT "\" is too long for a domain "
                                 "name", STR_ARG(name));
        while (rest.len && str_cut(&rest, '.', &label)) {
                if (!label.len || label.len > LABEL_MAX_BYTES)
                        return error_set(err, ERROR_INVALID, "\"" STR_FMT "\" is not a domain "
                                         "name", STR_ARG(name));
                buf_append_byte(out, (char)label.len);
                buf_append_str(out, label);
        }
        buf_append_byte(out, 0);
        return true;
}

bool dns_question_write(struct buf *out, uint16_t id, struct str name, enum dns_type type,
                        bool edns, struct error *err)
{
        put_u16(out, id);
        put_u16(out, FLAG_RECURSE);
        put_u16(out, 1);
        put_u16(out, 0);
        put_u16(out, 0);
        put_u16(out, edns);
        if (!put_name(out, name, err))
                return false;
        put_u16(out, type);
        put_u16(out, CLASS_IN);
        if (edns) {
                buf_append_byte(out, 0);
                put_u16(out, TYPE_OPT);
                put_u16(out, UDP_MAX_BYTES);
                buf_append(out, "\0\0\0\0\0\0", 6);
        }
        return true;
}

/* ---- answers --------------------------------------------------------------------------------- */

static uint16_t read_u16(struct reader *reader)
{
        unsigned high = reader_u8(reader);

        return (uint16_t)(high << 8 | reader_u8(reader));
}

static void put_label(struct buf *out, struct str label)
{
        for (size_t i = 0; i < label.len; i++) {
                unsigned char c = (unsigned char)label.data[i];

                if (c < ' ' || c > '~')
                        buf_printf(out, "\\%03u", c);
                else if (strchr(".\\\"';@() ", c))
                        buf_printf(out, "\\%c", c);
                else
                        buf_append_byte(out, (char)c);
        }
        buf_append_byte(out, '.');
}

/* A name at the reader; its labels may lie anywhere in the message. */
static void read_name(struct reader *reader, struct str message, struct buf *out)
{
        struct reader at = *reader;
        unsigned pointers = 0;
        size_t total = 0;

        for (;;) {
                unsigned len = reader_u8(&at);

                if (len >= 0xc0) {
                        size_t offset = (len & 0x3f) << 8 | reader_u8(&at);

                        if (!pointers)
                                *reader = at;
                        if (at.failed || offset >= message.len || ++pointers > POINTERS_MAX)
                                break;
                        at = reader_make(message.data + offset, message.len - offset);
                        continue;
                }
                total += len + 1;
                if (len > LABEL_MAX_BYTES || total > NAME_MAX_BYTES)
                        break;
                if (len)
                        put_label(out, reader_str(&at, len));
                if (at.failed || !len) {
                        if (!pointers)
                                *reader = at;
                        reader->failed |= at.failed;
                        if (!out->len)
                                buf_append_byte(out, '.');
                        return;
                }
        }
        reader->failed = true;
}

static struct str take_name(struct arena *arena, struct reader *reader, struct str message)
{
        /* Every byte may be escaped with four. */
        struct buf name CLEANUP(buf_release) = BUF_INIT(NAME_MAX_BYTES * 4);

        read_name(reader, message, &name);
        return arena_str(arena, buf_str(&name));
}

static void skip_name(struct reader *reader, struct str message)
{
        struct buf name CLEANUP(buf_release) = BUF_INIT(NAME_MAX_BYTES * 4);

        read_name(reader, message, &name);
}

static struct str take_address(struct arena *arena, struct reader *data, int family, size_t len)
{
        const uint8_t *bytes = reader_take(data, len);
        char text[INET6_ADDRSTRLEN];

        if (!bytes || reader_left(data) || !inet_ntop(family, bytes, text, sizeof(text))) {
                data->failed = true;
                return STR_LIT("");
        }
        return arena_str(arena, str_from(text));
}

/* False for a type that nobody asks for. */
static bool read_record(struct arena *arena, struct reader *data, struct str message,
                        unsigned type, struct dns_record *ret_record)
{
        struct dns_record record = {.type = (enum dns_type)type};

        switch (type) {
        case DNS_TYPE_A:
                record.text = take_address(arena, data, AF_INET, 4);
                break;
        case DNS_TYPE_AAAA:
                record.text = take_address(arena, data, AF_INET6, 16);
                break;
        case DNS_TYPE_SRV:
                reader_take(data, 4);
                record.port = read_u16(data);
                record.text = take_name(arena, data, message);
                break;
        case DNS_TYPE_MX:
                reader_take(data, 2);
                record.text = take_name(arena, data, message);
                break;
        case DNS_TYPE_NS:
                record.text = take_name(arena, data, message);
                break;
        default:
                return false;
        }
        *ret_record = record;
        return true;
}

bool dns_answer_parse(struct arena *arena, struct str message, uint16_t id,
                      struct dns_answer *ret_answer, struct error *err)
{
        struct reader reader = reader_make(message.data, message.len);
        unsigned answer_id = read_u16(&reader), flags = read_u16(&reader);
        unsigned questions = read_u16(&reader), answers = read_u16(&reader);
        struct dns_answer answer = {.code = flags & CODE_MASK,
                                    .truncated = flags & FLAG_TRUNCATED};
        struct dns_record *records;

        reader_take(&reader, 4);
        if (reader.failed || answer_id != id || !(flags & FLAG_ANSWER))
                return error_set(err, ERROR_INVALID, "not an answer to the question");
        if (answer.truncated || answer.code != DNS_SUCCESS) {
                *ret_answer = answer;
                return true;
        }
        /* A record is 11 bytes at least: the count cannot make us allocate more than came. */
        if (answers > message.len / 11)
                return error_set(err, ERROR_CORRUPT, "more records than the answer can hold");
        records = arena_array(arena, struct dns_record, answers);
        for (unsigned i = 0; i < questions && !reader.failed; i++) {
                skip_name(&reader, message);
                reader_take(&reader, 4);
        }
        for (unsigned i = 0; i < answers && !reader.failed; i++) {
                struct reader data;
                unsigned type;
                size_t len;

                skip_name(&reader, message);
                type = read_u16(&reader);
                reader_take(&reader, 6);
                len = read_u16(&reader);
                data = reader_make(reader_take(&reader, len), reader.failed ? 0 : len);
                if (!reader.failed &&
                    read_record(arena, &data, message, type, &records[answer.count]))
                        answer.count++;
                reader.failed |= data.failed;
        }
        if (reader.failed)
                return error_set(err, ERROR_CORRUPT, "the answer is cut or malformed");
        answer.records = records;
        *ret_answer = answer;
        return true;
}

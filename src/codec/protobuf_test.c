/* codec comes before testing/, so its tests stand on cmocka alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "codec/compress.h"
#include "codec/protobuf.h"

/* The examples of protobuf.dev, "Encoding". */
static void test_specification(void **state)
{
        struct str message = STR_LIT("\x08\x96\x01"
                                   "\x12\x07testing"
                                   "\x1a\x03\x08\x96\x01"
                                   "\x32\x06\x03\x8e\x02\x9e\xa7\x05");
        static const uint64_t numbers[] = {3, 270, 86942};
        struct reader r = reader_make(message.data, message.len), inner;
        struct protobuf_field field;

        (void)state;
        assert_true(protobuf_next(&r, &field));
        assert_int_equal(field.number, 1);
        assert_int_equal(protobuf_uint(&r, &field), 150);
        assert_true(protobuf_next(&r, &field));
        assert_int_equal(field.number, 2);
        assert_true(str_is(protobuf_bytes(&r, &field), "testing"));
        assert_true(protobuf_next(&r, &field));
        inner = reader_make(field.raw.data, field.raw.len);
        assert_true(protobuf_next(&inner, &field));
        assert_int_equal(protobuf_uint(&inner, &field), 150);
        assert_true(protobuf_next(&r, &field));
        assert_int_equal(field.number, 6);
        inner = protobuf_numbers(&r, &field, PROTOBUF_VARINT);
        for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
                assert_int_equal(protobuf_varint(&inner), numbers[i]);
        assert_int_equal(reader_left(&inner), 0);
        assert_false(protobuf_next(&r, &field));
        assert_false(r.failed);
}

/* What the writer makes is what the specification's examples say, byte for byte. */
static void test_write(void **state)
{
        struct buf out CLEANUP(buf_release) = BUF_INIT(1 << 10);
        struct str want = STR_LIT("\x08\x96\x01"
                                "\x12\x07testing"
                                "\x1a\x03\x08\x96\x01"
                                "\x32\x06\x03\x8e\x02\x9e\xa7\x05"
                                "\x38\x03"
                                "\x41\x00\x00\x00\x00\x00\x00\xf0\x3f"
                                "\x48\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
        size_t begun;

        (void)state;
        protobuf_put_uint(&out, 1, 150);
        protobuf_put_bytes(&out, 2, STR_LIT("testing"));
        begun = protobuf_begin(&out, 3);
        protobuf_put_uint(&out, 1, 150);
        protobuf_end(&out, begun);
        begun = protobuf_begin(&out, 6);
        protobuf_put_varint(&out, 3);
        protobuf_put_varint(&out, 270);
        protobuf_put_varint(&out, 86942);
        protobuf_end(&out, begun);
        protobuf_put_sint(&out, 7, -2); /* zigzag: -2 is 3 */
        protobuf_put_double(&out, 8, 1.0);
        protobuf_put_uint(&out, 9, (uint64_t)-1); /* int64 -1: ten bytes */
        assert_int_equal(out.len, want.len);
        assert_memory_equal(out.data, want.data, want.len);
}

/* Lengths of one, two and three bytes: what was written behind the place set aside moves. */
static void test_nested_lengths(void **state)
{
        static const size_t lengths[] = {0, 127, 128, 16383, 16384, 300000};

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
                struct buf out CLEANUP(buf_release) = BUF_INIT(1 << 20);
                struct protobuf_field field;
                struct reader r;
                size_t begun = protobuf_begin(&out, 1);

                for (size_t n = 0; n < lengths[i]; n++)
                        buf_append_byte(&out, (char)n);
                protobuf_end(&out, begun);
                protobuf_put_uint(&out, 2, 7);
                r = reader_make(out.data, out.len);
                assert_true(protobuf_next(&r, &field));
                assert_int_equal(field.raw.len, lengths[i]);
                for (size_t n = 0; n < lengths[i]; n++)
                        assert_int_equal((char)n, field.raw.data[n]);
                assert_true(protobuf_next(&r, &field));
                assert_int_equal(protobuf_uint(&r, &field), 7);
        }
}

static void test_numbers(void **state)
{
        struct str message = STR_LIT("\x08\x05"                                  /* not packed */
                                   "\x11\x00\x00\x00\x00\x00\x00\xf8\x7f"
                                   "\x18\x01");
        struct reader r = reader_make(message.data, message.len), inner;
        struct protobuf_field field;

        (void)state;
        assert_true(protobuf_next(&r, &field));
        inner = protobuf_numbers(&r, &field, PROTOBUF_VARINT);
        assert_int_equal(protobuf_varint(&inner), 5);
        assert_int_equal(reader_left(&inner), 0);
        assert_true(protobuf_next(&r, &field));
        inner = protobuf_numbers(&r, &field, PROTOBUF_FIXED64);
        assert_int_equal(reader_u64(&inner), 0x7ff8000000000000u);
        assert_true(protobuf_next(&r, &field));
        inner = protobuf_numbers(&r, &field, PROTOBUF_FIXED64);
        assert_int_equal(reader_left(&inner), 0);
        assert_true(r.failed);
}

static void test_malformed(void **state)
{
        static const struct str bad[] = {
                STR_LIT("\x08"),                                         /* no value */
                STR_LIT("\x08\x80"),                                     /* cut varint */
                STR_LIT("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), /* beyond 64 bits */
                STR_LIT("\x0a\x02x"),                                    /* cut bytes */
                STR_LIT("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), /* length 2^64 - 1 */
                STR_LIT("\x09\x00\x00\x00\x00\x00\x00\x00"),             /* cut double */
                STR_LIT("\x0d\x00\x00\x00"),                             /* cut float */
                STR_LIT("\x00\x00"),                                     /* field number 0 */
                STR_LIT("\x0b\x0c"),                                     /* a group */
                STR_LIT("\x80\x80\x80\x80\x10\x00"),                     /* field number 2^29 */
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                struct reader r = reader_make(bad[i].data, bad[i].len);
                struct protobuf_field field;

                if (protobuf_next(&r, &field) || !r.failed)
                        fail_msg("took malformed message %zu", i);
        }
}

static void test_wrong_wire(void **state)
{
        struct str message = STR_LIT("\x08\x05");
        struct protobuf_field field;
        struct reader r = reader_make(message.data, message.len);

        (void)state;
        assert_true(protobuf_next(&r, &field));
        assert_int_equal(protobuf_bytes(&r, &field).len, 0);
        assert_true(r.failed);
        r = reader_make(message.data, message.len);
        assert_true(protobuf_next(&r, &field));
        assert_true(protobuf_double(&r, &field) == 0 && r.failed);
}

/* A block by hand from the format's description: length 12, a literal of 4, a copy of 8 from 4
 * bytes back. */
static void test_snappy(void **state)
{
        struct buf out CLEANUP(buf_release) = BUF_INIT(1 << 20);
        struct buf block CLEANUP(buf_release) = BUF_INIT(1 << 20);
        struct error err;
        char text[5000];

        (void)state;
        assert_true(compress_unsnappy(&out, STR_LIT("\x0c\x0c"
                                                "abcd\x11\x04"), 100, &err));
        assert_true(str_is(buf_str(&out), "abcdabcdabcd"));
        for (size_t i = 0; i < sizeof(text); i++)
                text[i] = (char)('a' + i % 7);
        buf_clear(&out);
        compress_snappy(&block, str_make(text, sizeof(text)));
        assert_true(compress_unsnappy(&out, buf_str(&block), sizeof(text), &err));
        assert_true(str_equal(buf_str(&out), str_make(text, sizeof(text))));
        assert_false(compress_unsnappy(&out, buf_str(&block), sizeof(text) - 1, &err));
        assert_int_equal(err.code, ERROR_LIMIT);
}

static void test_snappy_malformed(void **state)
{
        static const struct str bad[] = {
                STR_LIT(""),
                STR_LIT("\xff"),
                STR_LIT("\xff\xff\xff\xff\xff\xff"),
                STR_LIT("\xff\xff\xff\xff\x0f\x0c"
                      "abcd"),                 /* declares 4 GiB for six bytes */
                STR_LIT("\x05\x0c"
                      "abcd"),                 /* declares more than it holds */
                STR_LIT("\x03\x0c"
                      "abcd"),                 /* and less */
                STR_LIT("\x08\x0c"
                      "abcd\x01\x09"),         /* copies from before the start */
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                struct buf out CLEANUP(buf_release) = BUF_INIT(1 << 20);
                struct error err;

                if (compress_unsnappy(&out, bad[i], 1 << 20, &err))
                        fail_msg("took malformed block %zu", i);
                assert_int_equal(err.code, ERROR_CORRUPT);
                assert_int_equal(out.len, 0);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_specification),  cmocka_unit_test(test_write),
                cmocka_unit_test(test_nested_lengths), cmocka_unit_test(test_numbers),
                cmocka_unit_test(test_malformed),      cmocka_unit_test(test_wrong_wire),
                cmocka_unit_test(test_snappy),         cmocka_unit_test(test_snappy_malformed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

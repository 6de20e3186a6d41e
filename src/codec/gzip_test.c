/* codec comes before testing/, so its tests stand on cmocka alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <zstd.h>

#include "codec/compress.h"
#include "codec/gzip.h"

enum { PLAIN_BYTES = 200000, ROOM_BYTES = 1 << 20 };

static void fill(struct buf *plain)
{
        for (unsigned i = 0; plain->len < PLAIN_BYTES; i++)
                buf_printf(plain, "%x,", i * 2654435761u);
}

static void check_same(const struct buf *plain, const struct buf *out)
{
        assert_int_equal(out->len, plain->len);
        assert_memory_equal(out->data, plain->data, plain->len);
}

static void test_gzip(void **state)
{
        struct buf plain CLEANUP(buf_release) = BUF_INIT(ROOM_BYTES);
        struct buf packed CLEANUP(buf_release) = BUF_INIT(ROOM_BYTES);
        struct buf out CLEANUP(buf_release) = BUF_INIT(ROOM_BYTES);
        struct buf little CLEANUP(buf_release) = BUF_INIT(1000);
        struct error err;

        (void)state;
        fill(&plain);
        assert_true(gzip_compress(buf_str(&plain), 6, &packed, &err));
        assert_true(gzip_decompress(buf_str(&packed), &out, &err));
        check_same(&plain, &out);
        assert_false(gzip_decompress(buf_str(&packed), &little, &err));
        assert_int_equal(err.code, ERROR_LIMIT);
        for (size_t cut = 0; cut < packed.len; cut += 997) {
                buf_clear(&out);
                assert_false(gzip_decompress(str_slice(buf_str(&packed), 0, cut), &out, &err));
                assert_int_equal(err.code, ERROR_CORRUPT);
        }
        packed.data[packed.len / 2] ^= 0x10;
        buf_clear(&out);
        assert_false(gzip_decompress(buf_str(&packed), &out, &err));
}

static void test_members_and_zlib(void **state)
{
        struct buf packed CLEANUP(buf_release) = BUF_INIT(ROOM_BYTES);
        struct buf out CLEANUP(buf_release) = BUF_INIT(ROOM_BYTES);
        /* "zlib" a hundred times, by Python's zlib. */
        static const char stream[] = "\x78\x9c\xab\xca\xc9\x4c\xaa\x1a\xc5"
                                     "\x83\x06\x03\x00\x90\xa4\xa9\x25";
        struct error err;

        (void)state;
        assert_true(gzip_compress(STR_LIT("one "), 6, &packed, &err));
        assert_true(gzip_compress(STR_LIT("two"), 6, &packed, &err));
        assert_true(gzip_decompress(buf_str(&packed), &out, &err));
        assert_string_equal(out.data, "one two");
        buf_clear(&out);
        assert_true(gzip_decompress(str_make(stream, sizeof(stream) - 1), &out, &err));
        assert_int_equal(out.len, 400);
        for (size_t i = 0; i < out.len; i++)
                assert_int_equal(out.data[i], "zlib"[i % 4]);
}

/* What a member says of its length is not believed: neither too much nor too little of it. */
static void test_false_length(void **state)
{
        struct buf plain CLEANUP(buf_release) = BUF_INIT(ROOM_BYTES);
        struct buf packed CLEANUP(buf_release) = BUF_INIT(ROOM_BYTES);
        struct buf out CLEANUP(buf_release) = BUF_INIT((size_t)1 << 40);
        struct error err;

        (void)state;
        fill(&plain);
        assert_true(gzip_compress(buf_str(&plain), 6, &packed, &err));
        memset(packed.data + packed.len - 4, 0xff, 4);
        assert_false(gzip_decompress(buf_str(&packed), &out, &err));
        assert_int_equal(err.code, ERROR_CORRUPT);
        assert_true(out.capacity < 1100 * packed.len);
        memset(packed.data + packed.len - 4, 0, 4);
        assert_false(gzip_decompress(buf_str(&packed), &out, &err));
        assert_int_equal(err.code, ERROR_CORRUPT);
        /* Behind two members stands the length of the second. */
        buf_clear(&packed);
        assert_true(gzip_compress(buf_str(&plain), 6, &packed, &err));
        assert_true(gzip_compress(STR_LIT("."), 6, &packed, &err));
        assert_true(gzip_decompress(buf_str(&packed), &out, &err));
        assert_int_equal(out.len, plain.len + 1);
        buf_append_cstr(&packed, "behind");
        buf_clear(&out);
        assert_false(gzip_decompress(buf_str(&packed), &out, &err));
        assert_int_equal(err.code, ERROR_CORRUPT);
}

/* A frame without its content's length, as a client writes that does not know it yet. */
static void pack_stream(const struct buf *plain, struct buf *packed)
{
        ZSTD_CCtx *context = ZSTD_createCCtx();
        ZSTD_inBuffer in = {plain->data, plain->len, 0};
        ZSTD_outBuffer into = {buf_reserve(packed, ROOM_BYTES / 2), ROOM_BYTES / 2, 0};

        ZSTD_compressStream2(context, &into, &in, ZSTD_e_flush);
        assert_int_equal(ZSTD_compressStream2(context, &into, &in, ZSTD_e_end), 0);
        packed->len = into.pos;
        ZSTD_freeCCtx(context);
}

static void test_zstd(void **state)
{
        struct buf plain CLEANUP(buf_release) = BUF_INIT(ROOM_BYTES);
        struct buf packed CLEANUP(buf_release) = BUF_INIT(ROOM_BYTES);
        struct buf out CLEANUP(buf_release) = BUF_INIT(ROOM_BYTES);
        struct buf little CLEANUP(buf_release) = BUF_INIT(1000);
        struct error err;

        (void)state;
        fill(&plain);
        pack_stream(&plain, &packed);
        assert_false(compress_unzstd(&out, buf_str(&packed), ROOM_BYTES, &err));
        assert_true(compress_unzstd_stream(&out, buf_str(&packed), &err));
        check_same(&plain, &out);
        assert_false(compress_unzstd_stream(&little, buf_str(&packed), &err));
        assert_int_equal(err.code, ERROR_LIMIT);
        for (size_t cut = 0; cut < packed.len; cut += 997) {
                buf_clear(&out);
                assert_false(compress_unzstd_stream(
                        &out, str_slice(buf_str(&packed), 0, cut), &err));
                assert_int_equal(err.code, ERROR_CORRUPT);
        }
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_gzip),
                cmocka_unit_test(test_members_and_zlib),
                cmocka_unit_test(test_false_length),
                cmocka_unit_test(test_zstd),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

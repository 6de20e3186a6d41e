#include "formats/remote_read.h"
#include "testing/unit.h"

/* By hand, after prompb/remote.proto: one query from 1 to 300 of {a="b",c=~"d|e"}. */
static const uint8_t request_bytes[] = {
        0x0a, 0x1a,                                                       /* queries, 26 bytes */
        0x08, 0x01, 0x10, 0xac, 0x02,                                     /* 1, 300 */
        0x1a, 0x06, 0x12, 0x01, 'a', 0x1a, 0x01, 'b',                     /* a = b */
        0x1a, 0x0b, 0x08, 0x02, 0x12, 0x01, 'c', 0x1a, 0x04, 'd', '|', 'e', '.', /* c =~ d|e. */
        0x12, 0x01, 0x01,                                                 /* accepts chunks */
};

static void test_request(void **state)
{
        struct remote_read_request request;
        struct arena arena;
        struct error err;

        (void)state;
        arena_init(&arena, 1 << 20);
        assert_ok(remote_read_request_parse(&arena,
                                            str_make((const char *)request_bytes,
                                                     sizeof(request_bytes)),
                                            &request, &err), err);
        assert_int_equal(request.query_count, 1);
        assert_true(request.chunks);
        assert_int_equal(request.queries[0].start_ms, 1);
        assert_int_equal(request.queries[0].end_ms, 300);
        assert_int_equal(request.queries[0].matcher_count, 2);
        assert_int_equal(request.queries[0].matchers[0].op, MATCHER_EQUAL);
        assert_str(request.queries[0].matchers[0].name, "a");
        assert_int_equal(request.queries[0].matchers[1].op, MATCHER_REGEX);
        assert_true(matcher_matches(&request.queries[0].matchers[1], STR_LIT("ex")));
        for (size_t len = 1; len < sizeof(request_bytes); len++) {
                bool ok = remote_read_request_parse(
                        &arena, str_make((const char *)request_bytes, len), &request, &err);

                assert_true(ok == (len == 28)); /* only the query ends there */
        }
        arena_release(&arena);
}

/* A series in several chunks comes back as it was; a damaged frame is found. */
static void test_frames(void **state)
{
        struct label pairs[] = {{STR_LIT("__name__"), STR_LIT("m")}, {STR_LIT("x"), STR_LIT("y")}};
        struct samples samples = {0}, back = {0};
        struct buf out CLEANUP(buf_release) = BUF_INIT(1 << 24);
        struct remote_read_frames frames;
        struct labels labels;
        struct arena arena;
        struct error err;

        (void)state;
        arena_init(&arena, 1 << 20);
        for (int i = 0; i < 1000; i++)
                samples_append(&samples, i * 1000, i * 0.1);
        remote_read_frames_put(&out, (struct labels){pairs, 2}, &samples, 0);
        frames = (struct remote_read_frames){.rest = buf_str(&out), .series = STR_LIT("")};
        assert_true(remote_read_frames_next(&frames, &arena, &labels, &back, &err));
        assert_int_equal(labels.count, 2);
        assert_str(labels.items[1].value, "y");
        assert_int_equal(back.count, 1000);
        assert_memory_equal(back.v, samples.v, 1000 * sizeof(double));
        assert_memory_equal(back.t_ms, samples.t_ms, 1000 * sizeof(int64_t));
        assert_false(remote_read_frames_next(&frames, &arena, &labels, &back, &err));
        assert_int_equal(err.code, ERROR_NONE);
        out.data[out.len / 2] ^= 1;
        frames = (struct remote_read_frames){.rest = buf_str(&out), .series = STR_LIT("")};
        assert_false(remote_read_frames_next(&frames, &arena, &labels, &back, &err));
        assert_int_equal(err.code, ERROR_CORRUPT);
        samples_release(&samples);
        samples_release(&back);
        arena_release(&arena);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_request),
                cmocka_unit_test(test_frames),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

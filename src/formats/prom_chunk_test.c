#include <math.h>

#include "formats/prom_chunk.h"
#include "model/histogram.h"
#include "testing/unit.h"

static void assert_same(const struct samples *a, const struct samples *b)
{
        assert_int_equal(a->count, b->count);
        for (size_t i = 0; i < a->count; i++) {
                const struct histogram *x = samples_histogram(a, i), *y = samples_histogram(b, i);

                assert_int_equal(a->t_ms[i], b->t_ms[i]);
                assert_int_equal(sample_bits(a->v[i]), sample_bits(b->v[i]));
                assert_int_equal(x != NULL, y != NULL);
                if (x)
                        assert_true(histogram_same(x, y));
        }
}

/* Encodes all, decodes all; returns the number of chunks. */
static size_t round_trip(const struct samples *samples)
{
        struct samples decoded = {0};
        struct buf out CLEANUP(buf_release) = BUF_INIT(1 << 24);
        struct error err;
        size_t chunks = 0;

        for (size_t from = 0; from < samples->count; chunks++) {
                uint8_t encoding;
                size_t taken;

                buf_clear(&out);
                taken = prom_chunk_encode(&out, samples, from, &encoding);
                assert_in_range(taken, 1, PROM_CHUNK_SAMPLES);
                assert_true(prom_chunk_decode(encoding, buf_str(&out), &decoded, &err));
                from += taken;
        }
        assert_same(samples, &decoded);
        samples_release(&decoded);
        return chunks;
}

/* By hand, after tsdb/docs/format/chunks.md: two samples, 1000 ms apart, of the same value. */
static void test_bytes_of_floats(void **state)
{
        static const uint8_t expected[] = {
                0x00, 0x02,                                     /* two samples */
                0xd0, 0x0f,                                     /* 1000, zigzag: 2000 */
                0x3f, 0xf0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* 1.0 */
                0xe8, 0x07,                                     /* 1000 later */
                0x00,                                           /* the same value: a 0 bit */
        };
        struct samples samples = {0};
        struct buf out CLEANUP(buf_release) = BUF_INIT(1 << 16);
        uint8_t encoding;

        (void)state;
        samples_append(&samples, 1000, 1.0);
        samples_append(&samples, 2000, 1.0);
        assert_int_equal(prom_chunk_encode(&out, &samples, 0, &encoding), 2);
        assert_int_equal(encoding, PROM_ENCODING_XOR);
        assert_int_equal(out.len, sizeof(expected));
        assert_memory_equal(out.data, expected, sizeof(expected));
        samples_release(&samples);
}

static void test_floats(void **state)
{
        static const double special[] = {0, -0.0, 1, -1, INFINITY, -INFINITY, 5e-324, 1.7e308};
        struct samples samples = {0};
        int64_t t_ms = -5000;

        (void)state;
        for (size_t i = 0; i < 1000; i++) {
                double v = i % 3 ? sin((double)i) * 1e5 : special[i % ARRAY_LEN(special)];

                t_ms += i % 7 == 0 ? 1 : i % 11 == 0 ? 1000000007 : 15000;
                samples_append(&samples, t_ms, i % 50 == 49 ? sample_from_bits(SAMPLE_STALE_BITS)
                                                            : v);
        }
        assert_int_equal(round_trip(&samples), 9); /* 1000 at 120 a chunk */
        samples_release(&samples);
}

struct made {
        struct histogram h;
        struct histogram_span spans[2];
        double positive[4], negative[2];
};

/* A histogram that has counted `n` times. */
static const struct histogram *make(struct samples *samples, struct made *made, double n,
                                    bool integer)
{
        *made = (struct made){
                .h = {.schema = 3, .integer = integer, .zero_threshold = 1e-128, .zero_count = n,
                      .sum = n * 1.25},
                .spans = {{-2, 3}, {5, 1}},
                .positive = {n, 2 * n, 0, n + 1},
                .negative = {n, 3},
        };
        if (!integer)
                made->h.zero_threshold = 0.3;
        made->h.positive = (struct histogram_side){made->spans, made->positive, 2, 4};
        made->h.negative = (struct histogram_side){(struct histogram_span[]){{0, 2}},
                                                   made->negative, 1, 2};
        made->h.count = n + 4 * n + 1 + n + 3;
        return histogram_copy(samples_arena(samples), &made->h);
}

static void append(struct samples *samples, int64_t t_ms, const struct histogram *h)
{
        samples_append(samples, t_ms, h->sum);
        samples_set_histogram(samples, samples->count - 1, h);
}

static void test_histograms(void **state)
{
        struct samples samples = {0};
        struct made made;

        (void)state;
        for (int i = 0; i < 150; i++)
                append(&samples, 1000 + i * 15000, make(&samples, &made, i * 7, true));
        assert_int_equal(round_trip(&samples), 2);
        append(&samples, 9000000, make(&samples, &made, 3, true)); /* a reset: a chunk of its own */
        samples_append(&samples, 9000001, sample_from_bits(SAMPLE_STALE_BITS));
        samples_append(&samples, 9000002, 5);
        assert_int_equal(round_trip(&samples), 4);
        append(&samples, 9000003, make(&samples, &made, 3.5, false));
        append(&samples, 9000004, make(&samples, &made, 4.75, false));
        assert_int_equal(round_trip(&samples), 5);
        samples_release(&samples);
}

static void test_custom_buckets(void **state)
{
        static const double bounds[] = {-1, 0.005, 0.1, 1.5, 1e10, 1.0 / 3};
        static const double counts[] = {1, 2, 0, 4};
        struct histogram_span span = {1, 4};
        struct samples samples = {0};

        (void)state;
        for (int i = 0; i < 5; i++) {
                struct histogram h = {.schema = HISTOGRAM_SCHEMA_CUSTOM, .integer = true,
                                      .count = 7, .sum = 2.5, .custom_values = bounds,
                                      .custom_count = ARRAY_LEN(bounds),
                                      .positive = {&span, counts, 1, 4}};

                append(&samples, i * 1000, histogram_copy(samples_arena(&samples), &h));
        }
        assert_int_equal(round_trip(&samples), 1);
        samples_release(&samples);
}

/* What a chunk says about resets reaches its samples. */
static void test_reset_hints(void **state)
{
        struct samples samples = {0}, decoded = {0};
        struct buf out CLEANUP(buf_release) = BUF_INIT(1 << 16);
        struct made made;
        uint8_t encoding;
        struct error err;

        (void)state;
        append(&samples, 1, make(&samples, &made, 9, true));
        append(&samples, 2, make(&samples, &made, 1, true));
        append(&samples, 3, make(&samples, &made, 2, true));
        assert_int_equal(prom_chunk_encode(&out, &samples, 0, &encoding), 1);
        buf_clear(&out);
        assert_int_equal(prom_chunk_encode(&out, &samples, 1, &encoding), 2);
        assert_true(prom_chunk_decode(encoding, buf_str(&out), &decoded, &err));
        assert_int_equal(decoded.h[0]->reset, HISTOGRAM_RESET_YES);
        assert_int_equal(decoded.h[1]->reset, HISTOGRAM_RESET_NO);
        samples_release(&samples);
        samples_release(&decoded);
}

static void test_damage(void **state)
{
        struct samples samples = {0}, decoded = {0};
        struct buf out CLEANUP(buf_release) = BUF_INIT(1 << 16);
        struct made made;
        uint8_t encoding;
        struct error err;

        (void)state;
        append(&samples, 1, make(&samples, &made, 9, true));
        append(&samples, 2, make(&samples, &made, 10, true));
        assert_int_equal(prom_chunk_encode(&out, &samples, 0, &encoding), 2);
        for (size_t len = 0; len + 1 < out.len; len++) {
                samples_truncate(&decoded, 0);
                if (!prom_chunk_decode(encoding, str_make(out.data, len), &decoded, &err))
                        assert_int_equal(err.code, ERROR_CORRUPT);
        }
        assert_false(prom_chunk_decode(9, buf_str(&out), &decoded, &err));
        assert_int_equal(err.code, ERROR_UNSUPPORTED);
        samples_release(&samples);
        samples_release(&decoded);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_bytes_of_floats), cmocka_unit_test(test_floats),
                cmocka_unit_test(test_histograms),      cmocka_unit_test(test_custom_buckets),
                cmocka_unit_test(test_reset_hints),     cmocka_unit_test(test_damage),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "formats/prom_proto.h"

#include <math.h>
#include <stdio.h>

#include "codec/protobuf.h"
#include "testing/unit.h"

/* Bodies are written field by field with the numbers of io/prometheus/client/metrics.proto; that
 * protoc means the same by them is checked end to end. */
enum { COUNTER, GAUGE, SUMMARY, UNTYPED, HISTOGRAM, GAUGE_HISTOGRAM };

struct fixture {
        struct buf body, family, out;
        struct arena arena;
};

static struct fixture *fixture_new(void)
{
        static struct fixture test;

        test = (struct fixture){.body = BUF_INIT(1 << 20),
                                .family = BUF_INIT(1 << 20),
                                .out = BUF_INIT(1 << 20)};
        arena_init(&test.arena, 1 << 20);
        return &test;
}

static void fixture_free(struct fixture *test)
{
        buf_release(&test->body);
        buf_release(&test->family);
        buf_release(&test->out);
        arena_release(&test->arena);
}

static void begin_family(struct fixture *test, const char *name, const char *help, int type)
{
        buf_clear(&test->family);
        protobuf_put_bytes(&test->family, 1, str_from(name));
        if (*help)
                protobuf_put_bytes(&test->family, 2, str_from(help));
        if (type)
                protobuf_put_uint(&test->family, 3, (uint64_t)type);
}

static void end_family(struct fixture *test)
{
        protobuf_put_varint(&test->body, test->family.len);
        buf_append_str(&test->body, buf_str(&test->family));
}

static void put_label(struct buf *out, const char *name, const char *value)
{
        size_t begun = protobuf_begin(out, 1);

        protobuf_put_bytes(out, 1, str_from(name));
        protobuf_put_bytes(out, 2, str_from(value));
        protobuf_end(out, begun);
}

static void put_time(struct buf *out, uint32_t number, uint64_t seconds, uint64_t nanos)
{
        size_t begun = protobuf_begin(out, number);

        protobuf_put_uint(out, 1, seconds);
        protobuf_put_uint(out, 2, nanos);
        protobuf_end(out, begun);
}

static void put_exemplar(struct buf *out, uint32_t number, const char *trace, double value,
                         uint64_t seconds)
{
        size_t begun = protobuf_begin(out, number);

        put_label(out, "trace_id", trace);
        protobuf_put_double(out, 2, value);
        if (seconds)
                put_time(out, 3, seconds, 5000000);
        protobuf_end(out, begun);
}

static void put_bucket(struct buf *out, double bound, uint64_t count, const char *trace)
{
        size_t begun = protobuf_begin(out, 3);

        protobuf_put_uint(out, 1, count);
        protobuf_put_double(out, 2, bound);
        if (trace)
                put_exemplar(out, 3, trace, bound, 7);
        protobuf_end(out, begun);
}

static void put_span(struct buf *out, uint32_t number, int offset, unsigned length)
{
        size_t begun = protobuf_begin(out, number);

        protobuf_put_sint(out, 1, offset);
        protobuf_put_uint(out, 2, length);
        protobuf_end(out, begun);
}

static void print_exemplars(struct fixture *test, const struct prom_proto_entry *entry)
{
        for (size_t i = 0; i < entry->exemplar_count; i++) {
                struct prom_proto_exemplar exemplar;
                struct labels_builder builder;
                struct error err;

                labels_builder_init(&builder, &test->arena, (struct labels){0});
                assert_ok(prom_proto_exemplar(entry->exemplars[i], 10, &builder, &exemplar, &err),
                          err);
                buf_append_cstr(&test->out, " # ");
                labels_format(&test->out, labels_builder_finish(&builder));
                buf_printf(&test->out, " %g", exemplar.value);
                if (exemplar.has_timestamp)
                        buf_printf(&test->out, " %lld", (long long)exemplar.t_ms);
        }
}

static void print_side(struct buf *out, const char *name, const struct histogram_side *side)
{
        if (!side->span_count)
                return;
        buf_printf(out, " %s", name);
        for (uint32_t i = 0; i < side->span_count; i++)
                buf_printf(out, "(%d,%u)", side->spans[i].offset, side->spans[i].length);
        for (uint32_t i = 0; i < side->bucket_count; i++)
                buf_printf(out, " %g", side->buckets[i]);
}

static void print_histogram(struct buf *out, const struct histogram *h)
{
        buf_printf(out, "{%s schema %d reset %u zero %g %g count %g sum %g",
                   h->integer ? "int" : "float", h->schema, h->reset, h->zero_threshold,
                   h->zero_count, h->count, h->sum);
        print_side(out, "pos", &h->positive);
        print_side(out, "neg", &h->negative);
        for (uint32_t i = 0; i < h->custom_count; i++)
                buf_printf(out, "%s%g", i ? " " : " bounds ", h->custom_values[i]);
        buf_append_cstr(out, "}");
}

/* The body as lines of text: what the reader said. */
static void check(struct fixture *test, struct prom_proto_options options, const char *want)
{
        struct prom_proto reader;
        struct prom_proto_entry entry;
        struct error err = {0};
        enum prom_proto_kind kind;

        buf_clear(&test->out);
        prom_proto_init(&reader, buf_str(&test->body), &options, &test->arena);
        while ((kind = prom_proto_next(&reader, &entry, &err)) != PROM_PROTO_END) {
                struct labels_builder builder;

                if (kind == PROM_PROTO_ERROR)
                        fail_msg("%s", err.text);
                if (kind == PROM_PROTO_FAMILY) {
                        buf_printf(&test->out, "# %.*s %s [%.*s] %.*s\n", STR_ARG(entry.name),
                                   entry.type, STR_ARG(entry.unit), STR_ARG(entry.help));
                        continue;
                }
                labels_builder_init(&builder, &test->arena, (struct labels){0});
                assert_ok(prom_proto_series(entry.key, 10, &builder, &err), err);
                labels_format(&test->out, labels_builder_finish(&builder));
                buf_append_byte(&test->out, ' ');
                if (entry.h)
                        print_histogram(&test->out, entry.h);
                else
                        buf_printf(&test->out, "%g", entry.value);
                if (entry.has_timestamp)
                        buf_printf(&test->out, " @%lld", (long long)entry.t_ms);
                if (entry.start_ms)
                        buf_printf(&test->out, " since %lld", (long long)entry.start_ms);
                print_exemplars(test, &entry);
                buf_append_byte(&test->out, '\n');
        }
        prom_proto_release(&reader);
        assert_str(buf_str(&test->out), want);
}

static void test_simple(void **state)
{
        struct fixture *test = fixture_new();
        size_t metric, inner;

        (void)state;
        begin_family(test, "orders_seconds_total", "Orders.", COUNTER);
        metric = protobuf_begin(&test->family, 4);
        put_label(&test->family, "b", "2");
        put_label(&test->family, "a", "x y");
        inner = protobuf_begin(&test->family, 3);
        protobuf_put_double(&test->family, 1, 12.5);
        put_exemplar(&test->family, 2, "abc", 0.5, 0);
        put_time(&test->family, 3, 1700000000, 123456789);
        protobuf_end(&test->family, inner);
        protobuf_end(&test->family, metric);
        protobuf_put_bytes(&test->family, 5, STR_LIT("seconds"));
        end_family(test);
        begin_family(test, "empty", "No metric.", GAUGE);
        end_family(test);
        begin_family(test, "temp", "", GAUGE);
        metric = protobuf_begin(&test->family, 4);
        inner = protobuf_begin(&test->family, 2);
        protobuf_put_double(&test->family, 1, -1);
        protobuf_end(&test->family, inner);
        protobuf_put_uint(&test->family, 6, 1234567);
        protobuf_end(&test->family, metric);
        end_family(test);
        begin_family(test, "odd.name", "", UNTYPED);
        metric = protobuf_begin(&test->family, 4);
        put_label(&test->family, "z", "1"); /* labels around the value, and no value at all */
        protobuf_put_uint(&test->family, 6, 5);
        put_label(&test->family, "y.z", "2");
        protobuf_end(&test->family, metric);
        end_family(test);
        check(test, (struct prom_proto_options){0},
              "# orders_seconds_total counter [seconds] Orders.\n"
              "orders_seconds_total{a=\"x y\", b=\"2\"} 12.5 since 1700000000123"
              " # {trace_id=\"abc\"} 0.5\n"
              "# temp gauge [] \n"
              "temp -1 @1234567\n"
              "# odd.name unknown [] \n"
              "{\"odd.name\", \"y.z\"=\"2\", z=\"1\"} 0 @5\n");
        fixture_free(test);
}

static void test_summary(void **state)
{
        struct fixture *test = fixture_new();
        size_t metric, inner, quantile;

        (void)state;
        begin_family(test, "s", "", SUMMARY);
        metric = protobuf_begin(&test->family, 4);
        put_label(&test->family, "a", "1");
        inner = protobuf_begin(&test->family, 4);
        protobuf_put_uint(&test->family, 1, 42);
        protobuf_put_double(&test->family, 2, 324789.3);
        quantile = protobuf_begin(&test->family, 3);
        protobuf_put_double(&test->family, 1, 0.5);
        protobuf_put_double(&test->family, 2, 7);
        protobuf_end(&test->family, quantile);
        quantile = protobuf_begin(&test->family, 3);
        protobuf_put_double(&test->family, 1, 1);
        protobuf_put_double(&test->family, 2, NAN);
        protobuf_end(&test->family, quantile);
        put_time(&test->family, 4, 9, 0);
        protobuf_end(&test->family, inner);
        protobuf_end(&test->family, metric);
        metric = protobuf_begin(&test->family, 4); /* no quantiles, no summary even */
        protobuf_end(&test->family, metric);
        end_family(test);
        check(test, (struct prom_proto_options){0},
              "# s summary [] \n"
              "s_count{a=\"1\"} 42 since 9000\n"
              "s_sum{a=\"1\"} 324789 since 9000\n"
              "s{a=\"1\", quantile=\"0.5\"} 7 since 9000\n"
              "s{a=\"1\", quantile=\"1.0\"} nan since 9000\n"
              "s_count 0\n"
              "s_sum 0\n");
        fixture_free(test);
}

/* A histogram that is classic and native: 2 observations in the zero bucket, positive buckets
 * 1, 3, 0, 2 (deltas 1, 2, -3, 2) at indexes -1, 0, 3, 4. */
static void put_both(struct fixture *test, bool infinity)
{
        size_t metric = protobuf_begin(&test->family, 4);
        size_t inner = protobuf_begin(&test->family, 7), packed;
        struct buf *out = &test->family;

        protobuf_put_uint(out, 1, 8);
        protobuf_put_double(out, 2, 4.5);
        put_bucket(out, 0.5, 3, "t1");
        put_bucket(out, 1, 6, NULL);
        if (infinity)
                put_bucket(out, INFINITY, 8, "t2");
        protobuf_put_sint(out, 5, 2);
        protobuf_put_double(out, 6, 0.001);
        protobuf_put_uint(out, 7, 2);
        put_span(out, 12, -1, 2);
        put_span(out, 12, 2, 2);
        packed = protobuf_begin(out, 13);
        protobuf_put_varint(out, 2); /* zigzag */
        protobuf_put_varint(out, 4);
        protobuf_put_varint(out, 5);
        protobuf_put_varint(out, 4);
        protobuf_end(out, packed);
        protobuf_end(out, inner);
        protobuf_end(out, metric);
}

#define NATIVE "h {int schema 2 reset 0 zero 0.001 2 count 8 sum 4.5 pos(-1,2)(3,1) 1 3 2}" \
               " # {trace_id=\"t1\"} 0.5 7005 # {trace_id=\"t2\"} inf 7005\n"
#define CLASSIC "h_count 8\nh_sum 4.5\n"                                 \
                "h_bucket{le=\"0.5\"} 3 # {trace_id=\"t1\"} 0.5 7005\n" \
                "h_bucket{le=\"1.0\"} 6\n"                                 \
                "h_bucket{le=\"+Inf\"} 8 # {trace_id=\"t2\"} inf 7005\n"

static void test_native_and_classic(void **state)
{
        struct fixture *test = fixture_new();

        (void)state;
        begin_family(test, "h", "", HISTOGRAM);
        put_both(test, true);
        end_family(test);
        check(test, (struct prom_proto_options){0}, "# h histogram [] \n" CLASSIC);
        check(test, (struct prom_proto_options){.native = true}, "# h histogram [] \n" NATIVE);
        check(test, (struct prom_proto_options){.native = true, .classic = true, .convert = true},
              "# h histogram [] \n" NATIVE CLASSIC);
        check(test, (struct prom_proto_options){.convert = true},
              "# h histogram [] \n"
              "h {int schema -53 reset 0 zero 0 0 count 8 sum 4.5 pos(0,3) 3 3 2 bounds 0.5 1}"
              " # {trace_id=\"t1\"} 0.5 7005 # {trace_id=\"t2\"} inf 7005\n");
        fixture_free(test);
}

static void test_open_top(void **state)
{
        struct fixture *test = fixture_new();

        (void)state;
        begin_family(test, "h", "", HISTOGRAM);
        put_both(test, false);
        end_family(test);
        check(test, (struct prom_proto_options){.classic = true},
              "# h histogram [] \n"
              "h_count 8\nh_sum 4.5\n"
              "h_bucket{le=\"0.5\"} 3 # {trace_id=\"t1\"} 0.5 7005\n"
              "h_bucket{le=\"1.0\"} 6\n"
              "h_bucket{le=\"+Inf\"} 8\n");
        fixture_free(test);
}

static void test_float_gauge(void **state)
{
        struct fixture *test = fixture_new();
        static const double counts[] = {1.5, 2.5};
        size_t metric, inner;

        (void)state;
        begin_family(test, "g", "", GAUGE_HISTOGRAM);
        metric = protobuf_begin(&test->family, 4);
        inner = protobuf_begin(&test->family, 7);
        protobuf_put_double(&test->family, 4, 4);
        protobuf_put_double(&test->family, 2, -3);
        protobuf_put_sint(&test->family, 5, -4);
        put_span(&test->family, 9, 0, 2);
        protobuf_put_bytes(&test->family, 11, str_make((const char *)counts, sizeof(counts)));
        put_exemplar(&test->family, 16, "untimed", 1, 0);
        put_exemplar(&test->family, 16, "timed", 1, 3);
        protobuf_end(&test->family, inner);
        protobuf_end(&test->family, metric);
        end_family(test);
        check(test, (struct prom_proto_options){.native = true},
              "# g gaugehistogram [] \n"
              "g {float schema -4 reset 3 zero 0 0 count 4 sum -3 neg(0,2) 1.5 2.5}"
              " # {trace_id=\"timed\"} 1 3005\n");
        fixture_free(test);
}

static enum prom_proto_kind read_all(struct fixture *test, struct str body, struct error *err)
{
        struct prom_proto_options options = {.native = true, .classic = true, .convert = true};
        struct prom_proto_entry entry;
        struct prom_proto reader;
        enum prom_proto_kind kind;

        prom_proto_init(&reader, body, &options, &test->arena);
        do
                kind = prom_proto_next(&reader, &entry, err);
        while (kind != PROM_PROTO_END && kind != PROM_PROTO_ERROR);
        prom_proto_release(&reader);
        return kind;
}

/* Cut anywhere, a body is refused, but for the cut between two families. */
static void test_cut(void **state)
{
        struct fixture *test = fixture_new();
        size_t first;
        struct error err;

        (void)state;
        begin_family(test, "h", "help", HISTOGRAM);
        put_both(test, true);
        end_family(test);
        first = test->body.len;
        end_family(test);
        for (size_t len = 0; len <= test->body.len; len++)
                assert_int_equal(read_all(test, str_make(test->body.data, len), &err),
                                 len == 0 || len == first || len == test->body.len
                                         ? PROM_PROTO_END : PROM_PROTO_ERROR);
        fixture_free(test);
}

static void test_bad_families(void **state)
{
        static const struct {
                const char *name, *help, *unit;
                int type;
        } bad[] = {{"", "", "", 0},
                   {"\xff", "", "", 0},
                   {"a", "\xff", "", 0},
                   {"a", "", "", 6},
                   {"a", "", "a", 0},
                   {"a_bytes", "", "seconds", 1},
                   {"a_seconds_total", "", "seconds", 1}};
        struct error err;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                struct fixture *test = fixture_new();

                begin_family(test, bad[i].name, bad[i].help, bad[i].type);
                protobuf_end(&test->family, protobuf_begin(&test->family, 4));
                if (*bad[i].unit)
                        protobuf_put_bytes(&test->family, 5, str_from(bad[i].unit));
                end_family(test);
                if (read_all(test, buf_str(&test->body), &err) != PROM_PROTO_ERROR)
                        fail_msg("took family %zu", i);
                fixture_free(test);
        }
}

/* Six counts in buckets, eight in all. */
static void test_bad_histogram(void **state)
{
        struct fixture *test = fixture_new();
        size_t metric, inner;
        struct error err;

        (void)state;
        begin_family(test, "h", "", HISTOGRAM);
        metric = protobuf_begin(&test->family, 4);
        inner = protobuf_begin(&test->family, 7);
        protobuf_put_uint(&test->family, 1, 8);
        put_span(&test->family, 12, 0, 1);
        protobuf_put_sint(&test->family, 13, 6); /* not packed */
        protobuf_end(&test->family, inner);
        protobuf_end(&test->family, metric);
        end_family(test);
        assert_int_equal(read_all(test, buf_str(&test->body), &err), PROM_PROTO_ERROR);
        assert_non_null(strstr(err.text, "6 observations found in buckets"));
        fixture_free(test);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_simple),      cmocka_unit_test(test_summary),
                cmocka_unit_test(test_native_and_classic),
                cmocka_unit_test(test_open_top),    cmocka_unit_test(test_float_gauge),
                cmocka_unit_test(test_cut),         cmocka_unit_test(test_bad_families),
                cmocka_unit_test(test_bad_histogram),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

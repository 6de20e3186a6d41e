#include "ingest/exposition.h"

#include "codec/protobuf.h"
#include "testing/unit.h"

/* A sink that writes down what it is given, one line a sample or exemplar. */
struct recorder {
        struct arena arena;
        struct labels series[64];
        size_t series_count;
        struct buf log;
};

static bool record_resolve(void *ctx, struct labels labels, series_ref *ret_ref,
                           struct error *err)
{
        struct recorder *recorder = ctx;

        (void)err;
        for (size_t i = 0; i < recorder->series_count; i++) {
                if (labels_equal(recorder->series[i], labels)) {
                        *ret_ref = i + 1;
                        return true;
                }
        }
        recorder->series[recorder->series_count++] = labels_copy(&recorder->arena, labels);
        *ret_ref = recorder->series_count;
        return true;
}

static bool record_append(void *ctx, const struct append_sample *samples,
                          const struct append_extra *extras, size_t count, uint8_t *outcomes,
                          struct error *err)
{
        struct recorder *recorder = ctx;
        struct buf *log = &recorder->log;

        (void)err;
        for (size_t i = 0; i < count; i++) {
                if (outcomes)
                        outcomes[i] = APPEND_OK;
                labels_format(log, recorder->series[samples[i].ref - 1]);
                buf_append_byte(log, ' ');
                if (extras && extras[i].h) {
                        histogram_append_text(log, extras[i].h);
                        assert_true(samples[i].v == extras[i].h->sum);
                } else if (sample_is_stale(samples[i].v)) {
                        buf_append_cstr(log, "stale");
                } else {
                        buf_printf(log, "%g", samples[i].v);
                }
                buf_printf(log, " @%lld", (long long)samples[i].t_ms);
                if (extras && extras[i].start_ms)
                        buf_printf(log, " since %lld", (long long)extras[i].start_ms);
                buf_append_byte(log, '\n');
        }
        return true;
}

static bool record_exemplars(void *ctx, const struct append_exemplar *exemplars, size_t count,
                             uint8_t *outcomes, struct error *err)
{
        struct recorder *recorder = ctx;
        struct buf *log = &recorder->log;

        (void)outcomes, (void)err;
        for (size_t i = 0; i < count; i++) {
                const struct exemplar *exemplar = &exemplars[i].exemplar;

                labels_format(log, recorder->series[exemplars[i].ref - 1]);
                buf_append_cstr(log, " # ");
                labels_format(log, exemplar->labels);
                buf_printf(log, " %g @%lld\n", exemplar->v, (long long)exemplar->t_ms);
        }
        return true;
}

struct fixture {
        struct recorder recorder;
        struct exposition_options options;
        struct exposition *exposition;
        struct exposition_result result;
        struct error err;
};

static void setup(struct fixture *f, struct exposition_options options)
{
        struct series_sink sink = {record_resolve, record_append, record_exemplars, &f->recorder};

        *f = (struct fixture){.options = options};
        f->options.honor_timestamps = true;
        f->recorder.log = BUF_INIT(1 << 20);
        arena_init(&f->recorder.arena, 1 << 20);
        f->exposition = exposition_new(&f->options, &sink);
}

static void teardown(struct fixture *f)
{
        exposition_free(f->exposition);
        buf_release(&f->recorder.log);
        arena_release(&f->recorder.arena);
}

static void check(struct fixture *f, enum exposition_format format, struct str body, int64_t t_ms,
                  const char *want)
{
        buf_clear(&f->recorder.log);
        assert_ok(exposition_ingest(f->exposition, format, body, t_ms, &f->result, &f->err),
                  f->err);
        assert_str(buf_str(&f->recorder.log), want);
}

#define OM EXPOSITION_OPENMETRICS

static void test_created(void **state)
{
        static const char body[] = "# TYPE a counter\n"
                                   "a_total{x=\"1\"} 5\n"
                                   "a_created{x=\"1\"} 1700000000.123\n"
                                   "a_total{x=\"2\"} 6\n"
                                   "# TYPE h histogram\n"
                                   "h_bucket{le=\"1\"} 2\n"
                                   "h_bucket{le=\"+Inf\"} 3\n"
                                   "h_count 3\n"
                                   "h_sum 1\n"
                                   "h_created 9\n"
                                   "# TYPE s summary\n"
                                   "s{quantile=\"0.50\"} 2\n"
                                   "s_count 2\n"
                                   "s_created{y=\"\"} 8\n"
                                   "# TYPE g gauge\n"
                                   "g 1\n"
                                   "g_created 7\n"
                                   "# EOF\n";
        static const char want[] = "a_total{x=\"1\"} 5 @1000 since 1700000000123\n"
                                   "a_created{x=\"1\"} 1.7e+09 @1000\n"
                                   "a_total{x=\"2\"} 6 @1000\n"
                                   "h_bucket{le=\"1.0\"} 2 @1000 since 9000\n"
                                   "h_bucket{le=\"+Inf\"} 3 @1000 since 9000\n"
                                   "h_count 3 @1000 since 9000\n"
                                   "h_sum 1 @1000 since 9000\n"
                                   "h_created 9 @1000\n"
                                   "s{quantile=\"0.5\"} 2 @1000 since 8000\n"
                                   "s_count 2 @1000 since 8000\n"
                                   "s_created 8 @1000\n"
                                   "g 1 @1000\n"
                                   "g_created 7 @1000\n";
        struct fixture f;

        (void)state;
        setup(&f, (struct exposition_options){0});
        /* What a scrape remembers changes nothing. */
        for (int i = 0; i < 3; i++)
                check(&f, OM, STR_LIT(body), 1000, want);
        assert_int_equal(f.result.scraped, 13);
        assert_int_equal(f.result.series_added, 0);
        teardown(&f);
}

/* le and quantile are spelled alike in all formats, but only in such families. */
static void test_bounds(void **state)
{
        struct fixture f;

        (void)state;
        setup(&f, (struct exposition_options){0});
        check(&f, EXPOSITION_TEXT,
              STR_LIT("# TYPE h histogram\nh_bucket{le=\"10\"} 1\nh_bucket{le=\"1e6\"} 1\n"
                      "h_bucket{le=\"+Inf\"} 1\n# TYPE s summary\ns{quantile=\"1\"} 1\n"
                      "# TYPE g gauge\ng{le=\"10\",quantile=\"1\"} 1\n"), 5,
              "h_bucket{le=\"10.0\"} 1 @5\nh_bucket{le=\"1e+06\"} 1 @5\n"
              "h_bucket{le=\"+Inf\"} 1 @5\ns{quantile=\"1.0\"} 1 @5\n"
              "g{le=\"10\", quantile=\"1\"} 1 @5\n");
        teardown(&f);
}

static void test_exemplars(void **state)
{
        struct fixture f;

        (void)state;
        setup(&f, (struct exposition_options){0});
        check(&f, OM,
              STR_LIT("a_total 1 # {trace_id=\"x\",a=\"y\"} 0.5 1.5\n"
                      "b_total 2 7 # {} 3\n"
                      "c_total 3 # {long=\"1234567890123456789012345678901234567890"
                      "1234567890123456789012345678901234567890"
                      "1234567890123456789012345678901234567890abcde\"} 1\n"
                      "d_total 3 # {long=\"1234567890123456789012345678901234567890"
                      "1234567890123456789012345678901234567890"
                      "123456789012345678901234567890123456789\xc3\xa4" "abcd\"} 1\n"
                      "# EOF\n"), 1000,
              "a_total 1 @1000\nb_total 2 @7000\nc_total 3 @1000\nd_total 3 @1000\n"
              "a_total # {a=\"y\", trace_id=\"x\"} 0.5 @1500\n"
              "b_total # {} 3 @7000\n"
              "d_total # {long=\"1234567890123456789012345678901234567890"
              "1234567890123456789012345678901234567890"
              "123456789012345678901234567890123456789\xc3\xa4" "abcd\"} 1 @1000\n");
        assert_false(exposition_ingest(f.exposition, OM,
                                       STR_LIT("a_total 1 # {a=\"1\",a=\"2\"} 1\n# EOF\n"), 2000,
                                       &f.result, &f.err));
        assert_str(str_from(f.err.text), "line 1: label name is not unique: {a=\"1\",a=\"2\"}");
        teardown(&f);
}

#define CLASSIC                                               \
        "# TYPE h histogram\n"                                \
        "h_bucket{a=\"1\",le=\"0.5\"} 2 # {t=\"x\"} 0.1 1.5\n" \
        "h_bucket{a=\"1\",le=\"1\"} 3 # {t=\"untimed\"} 0.7\n" \
        "h_bucket{a=\"1\",le=\"+Inf\"} 4\n"                   \
        "h_sum{a=\"1\"} 7.5\n"                                \
        "h_count{a=\"1\"} 4\n"
#define NATIVE "h{a=\"1\"} {count:4, sum:7.5, [-Inf,0.5]:2, (0.5,1]:1, (1,+Inf]:1} @1000"

static void test_convert(void **state)
{
        static const char other[] = "h_bucket{a=\"2\",le=\"1\"} 1\nh_count{a=\"2\"} 1\n"
                                    "h_sum{a=\"2\"} 0.25\n";
        struct fixture f;

        (void)state;
        setup(&f, (struct exposition_options){.convert_classic = true});
        for (int i = 0; i < 2; i++) {
                struct buf body CLEANUP(buf_release) = BUF_INIT(1 << 10);

                buf_printf(&body, "%s%sh_created{a=\"2\"} 3\n# TYPE g gauge\ng_sum 1\n# EOF\n",
                           CLASSIC, other);
                check(&f, OM, buf_str(&body), 1000,
                      NATIVE "\n"
                      "h{a=\"2\"} {count:1, sum:0.25, [-Inf,1]:1} @1000 since 3000\n"
                      "h_created{a=\"2\"} 3 @1000\ng_sum 1 @1000\n"
                      "h{a=\"1\"} # {t=\"x\"} 0.1 @1500\n");
                assert_int_equal(f.result.scraped, 4);
                assert_int_equal(f.result.series_added, i == 0 ? 4 : 0);
        }
        /* One is gone, one cannot be converted: both are over. */
        check(&f, OM, STR_LIT("# TYPE h histogram\nh_bucket{a=\"2\",le=\"1\"} 3\n"
                              "h_count{a=\"2\"} 2\n# EOF\n"), 2000,
              "h_created{a=\"2\"} stale @2000\ng_sum stale @2000\n"
              "h{a=\"1\"} stale @2000\nh{a=\"2\"} stale @2000\n");
        teardown(&f);
}

static void test_convert_text_and_keep(void **state)
{
        struct fixture f;

        (void)state;
        setup(&f, (struct exposition_options){.convert_classic = true, .always_classic = true});
        check(&f, EXPOSITION_TEXT,
              STR_LIT("# TYPE h histogram\nh_bucket{le=\"1\"} 1.5\nh_bucket{le=\"+Inf\"} 1.5\n"
                      "h_count 1.5\nh_sum 2\n"), 1000,
              "h_bucket{le=\"1.0\"} 1.5 @1000\nh_bucket{le=\"+Inf\"} 1.5 @1000\n"
              "h_count 1.5 @1000\nh_sum 2 @1000\n"
              "h {count:1.5, sum:2, [-Inf,1]:1.5} @1000\n");
        exposition_mark_stale(f.exposition, 2000);
        assert_non_null(strstr(f.recorder.log.data, "h stale @2000\n"));
        teardown(&f);
}

/* A failed scrape leaves no half-made native series behind. */
static void test_convert_failure(void **state)
{
        struct fixture f;

        (void)state;
        setup(&f, (struct exposition_options){.convert_classic = true});
        assert_false(exposition_ingest(f.exposition, OM, STR_LIT(CLASSIC "# EOF\nx"), 1000,
                                       &f.result, &f.err));
        check(&f, OM, STR_LIT(CLASSIC "# EOF\n"), 1000,
              NATIVE "\nh{a=\"1\"} # {t=\"x\"} 0.1 @1500\n");
        teardown(&f);
}

/* ---- protobuf ----------------------------------------------------------------------------- */

/* Native histogram h of schema 3 with a count of 1 in each of the buckets 1 to 8. */
static void write_native(struct buf *out)
{
        struct buf family CLEANUP(buf_release) = BUF_INIT(1 << 10);
        size_t metric, histogram, begun;

        protobuf_put_bytes(&family, 1, STR_LIT("h"));
        protobuf_put_uint(&family, 3, 4);
        metric = protobuf_begin(&family, 4);
        histogram = protobuf_begin(&family, 7);
        protobuf_put_uint(&family, 1, 8);
        protobuf_put_double(&family, 2, 10);
        begun = protobuf_begin(&family, 3);
        protobuf_put_uint(&family, 1, 3);
        protobuf_put_double(&family, 2, 1.5);
        protobuf_end(&family, begun);
        protobuf_put_sint(&family, 5, 3);
        begun = protobuf_begin(&family, 12);
        protobuf_put_sint(&family, 1, 1);
        protobuf_put_uint(&family, 2, 8);
        protobuf_end(&family, begun);
        protobuf_put_bytes(&family, 13, str_make("\2\0\0\0\0\0\0\0", 8));
        protobuf_end(&family, histogram);
        protobuf_end(&family, metric);
        protobuf_put_varint(out, family.len);
        buf_append_str(out, buf_str(&family));
}

static void check_native(struct exposition_options options, const char *want)
{
        struct buf body CLEANUP(buf_release) = BUF_INIT(1 << 10);
        struct fixture f;

        write_native(&body);
        setup(&f, options);
        check(&f, EXPOSITION_PROTO, buf_str(&body), 5, want);
        check(&f, EXPOSITION_PROTO, buf_str(&body), 5, want);
        teardown(&f);
}

static void test_native(void **state)
{
        (void)state;
        check_native((struct exposition_options){0},
                     "h_count 8 @5\nh_sum 10 @5\nh_bucket{le=\"1.5\"} 3 @5\n"
                     "h_bucket{le=\"+Inf\"} 8 @5\n");
        /* Growth of at least 1.5 is schema 0: eight buckets of schema 3 up to 2 become one. */
        check_native((struct exposition_options){.native_histograms = true,
                                                 .native_bucket_factor_min = 1.5},
                     "h {count:8, sum:10, (1,2]:8} @5\n");
        check_native((struct exposition_options){.native_histograms = true,
                                                 .native_bucket_limit = 2},
                     "h {count:8, sum:10, (1,1.414213562373095]:4, (1.414213562373095,2]:4} @5\n");
        check_native((struct exposition_options){.native_histograms = true,
                                                 .native_bucket_limit = 1,
                                                 .always_classic = true},
                     "h {count:8, sum:10, (1,2]:8} @5\nh_count 8 @5\nh_sum 10 @5\n"
                     "h_bucket{le=\"1.5\"} 3 @5\nh_bucket{le=\"+Inf\"} 8 @5\n");
}

/* A target that changes its format keeps its series. */
static void test_format_change(void **state)
{
        struct buf body CLEANUP(buf_release) = BUF_INIT(1 << 10);
        struct fixture f;

        (void)state;
        write_native(&body);
        setup(&f, (struct exposition_options){0});
        check(&f, EXPOSITION_PROTO, buf_str(&body), 5,
              "h_count 8 @5\nh_sum 10 @5\nh_bucket{le=\"1.5\"} 3 @5\nh_bucket{le=\"+Inf\"} 8 @5\n");
        check(&f, OM, STR_LIT("# TYPE h histogram\nh_bucket{le=\"1.5\"} 4\n# EOF\n"), 6,
              "h_bucket{le=\"1.5\"} 4 @6\nh_count stale @6\nh_sum stale @6\n"
              "h_bucket{le=\"1.5\"} stale @6\nh_bucket{le=\"+Inf\"} stale @6\n");
        assert_int_equal(f.recorder.series_count, 4);
        teardown(&f);
}

/* A series that stands in a body twice is one series, also in the first scrape: no marker follows
 * in the second, even where the layout is hard to follow. */
static void test_repeated_lines(void **state)
{
        static const char body[] = "a 1\nb{}2\nc 3\na 1\nb{}2\n";
        static const char want[] = "a 1 @5\nb 2 @5\nc 3 @5\na 1 @5\nb 2 @5\n";
        struct fixture f;

        (void)state;
        setup(&f, (struct exposition_options){0});
        for (int i = 0; i < 3; i++) {
                check(&f, EXPOSITION_TEXT, STR_LIT(body), 5, want);
                assert_int_equal(f.result.series_added, i == 0 ? 3 : 0);
        }
        teardown(&f);
}

/* Text that looks like the key of a protobuf series is no such key. */
static void test_key_mark_in_text(void **state)
{
        struct fixture f;

        (void)state;
        setup(&f, (struct exposition_options){0});
        for (int format = EXPOSITION_TEXT; format <= EXPOSITION_OPENMETRICS; format++)
                assert_false(exposition_ingest(f.exposition, (enum exposition_format)format,
                                               STR_LIT("\xff" "b} 1\n# EOF\n"), 5, &f.result,
                                               &f.err));
        teardown(&f);
}

static void visit_metadata(const struct metric_metadata *metadata, void *ctx)
{
        buf_printf(ctx, "%.*s %.*s %.*s %.*s\n", STR_ARG(metadata->metric),
                   STR_ARG(metadata->type), STR_ARG(metadata->unit), STR_ARG(metadata->help));
}

static void test_metadata(void **state)
{
        struct buf out CLEANUP(buf_release) = BUF_INIT(1 << 10);
        struct fixture f;

        (void)state;
        setup(&f, (struct exposition_options){0});
        check(&f, OM, STR_LIT("# TYPE a_seconds gauge\n# UNIT a_seconds seconds\n"
                              "# HELP a_seconds Say \\\"a\\\".\n# EOF\n"), 5, "");
        exposition_metadata_each(f.exposition, visit_metadata, &out);
        assert_str(buf_str(&out), "a_seconds gauge seconds Say \"a\".\n");
        teardown(&f);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_created),       cmocka_unit_test(test_bounds),
                cmocka_unit_test(test_exemplars),     cmocka_unit_test(test_convert),
                cmocka_unit_test(test_convert_text_and_keep),
                cmocka_unit_test(test_convert_failure),
                cmocka_unit_test(test_native),        cmocka_unit_test(test_format_change),
                cmocka_unit_test(test_key_mark_in_text),
                cmocka_unit_test(test_repeated_lines), cmocka_unit_test(test_metadata),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

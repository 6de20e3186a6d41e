#include "ingest/exposition.h"

#include "base/map.h"
#include "testing/unit.h"

/* A sink that writes down what it is given, one line a sample. */
struct recorder {
        struct arena arena;
        struct labels series[64];
        size_t series_count;
        size_t resolved;
        series_ref forgotten; /* answered with APPEND_UNKNOWN_SERIES once */
        struct buf log;
        bool full;
};

static bool record_resolve(void *ctx, struct labels labels, series_ref *ret_ref,
                           struct error *err)
{
        struct recorder *recorder = ctx;

        (void)err;
        recorder->resolved++;
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

        (void)extras;

        if (recorder->full)
                return error_set(err, ERROR_FULL, "disk is full");
        for (size_t i = 0; i < count; i++) {
                bool forgotten = samples[i].ref == recorder->forgotten;

                if (outcomes)
                        outcomes[i] = forgotten ? APPEND_UNKNOWN_SERIES : APPEND_OK;
                if (forgotten) {
                        recorder->forgotten = SERIES_REF_NONE;
                        continue;
                }
                labels_format(&recorder->log, recorder->series[samples[i].ref - 1]);
                if (sample_is_stale(samples[i].v))
                        buf_printf(&recorder->log, " stale@%lld\n", (long long)samples[i].t_ms);
                else
                        buf_printf(&recorder->log, " %g@%lld\n", samples[i].v,
                                   (long long)samples[i].t_ms);
        }
        return true;
}

struct fixture {
        struct recorder recorder;
        struct arena arena;
        struct exposition_options options;
        struct exposition *exposition;
        struct exposition_result result;
        struct error err;
};

static struct label target_labels[] = {
        {{"instance", 8}, {"h:1", 3}},
        {{"job", 3}, {"j", 1}},
};

static int set_up(void **state)
{
        struct fixture *f = test_calloc(1, sizeof(*f));

        arena_init(&f->recorder.arena, 16 << 20);
        arena_init(&f->arena, 16 << 20);
        f->recorder.log = BUF_INIT(1 << 20);
        f->options.target_labels = (struct labels){target_labels, 2};
        f->options.honor_timestamps = true;
        *state = f;
        return 0;
}

static int tear_down(void **state)
{
        struct fixture *f = *state;

        exposition_free(f->exposition);
        buf_release(&f->recorder.log);
        arena_release(&f->recorder.arena);
        arena_release(&f->arena);
        test_free(f);
        return 0;
}

static bool scrape_as(struct fixture *f, enum exposition_format format, const char *body,
                      int64_t t_ms)
{
        struct series_sink sink = {.resolve = record_resolve, .append = record_append,
                                   .ctx = &f->recorder};

        if (!f->exposition)
                f->exposition = exposition_new(&f->options, &sink);
        buf_clear(&f->recorder.log);
        return exposition_ingest(f->exposition, format, str_from(body), t_ms, &f->result, &f->err);
}

static bool scrape(struct fixture *f, const char *body, int64_t t_ms)
{
        return scrape_as(f, EXPOSITION_TEXT, body, t_ms);
}

static void check_log(struct fixture *f, const char *want)
{
        assert_str(buf_str(&f->recorder.log), want);
}

static void test_plain_scrapes(void **state)
{
        struct fixture *f = *state;

        assert_ok(scrape(f, "a 1\nb{x=\"1\"} 2\n", 1000), f->err);
        check_log(f, "a{instance=\"h:1\", job=\"j\"} 1@1000\n"
                     "b{instance=\"h:1\", job=\"j\", x=\"1\"} 2@1000\n");
        assert_int_equal(f->result.scraped, 2);
        assert_int_equal(f->result.series_added, 2);
        assert_ok(scrape(f, "a 3\nb{x=\"1\"} 4\n", 2000), f->err);
        assert_int_equal(f->result.series_added, 0);
        assert_int_equal(f->recorder.resolved, 2);
        check_log(f, "a{instance=\"h:1\", job=\"j\"} 3@2000\n"
                     "b{instance=\"h:1\", job=\"j\", x=\"1\"} 4@2000\n");
}

static void test_order_changes_and_series_come_and_go(void **state)
{
        struct fixture *f = *state;

        f->options.target_labels.count = 0;
        assert_ok(scrape(f, "a 1\nb 1\nc 1\n", 1), f->err);
        assert_ok(scrape(f, "c 2\nd 2\na 2\n", 2), f->err);
        check_log(f, "c 2@2\nd 2@2\na 2@2\nb stale@2\n");
        assert_int_equal(f->result.series_added, 1);
        assert_int_equal(f->recorder.resolved, 4);
        assert_ok(scrape(f, "c 3\nd 3\na 3\n", 3), f->err);
        assert_int_equal(f->recorder.resolved, 4);
        assert_ok(scrape(f, "", 4), f->err);
        check_log(f, "c stale@4\nd stale@4\na stale@4\n");
}

static void test_failed_scrape_marks_all_stale_once(void **state)
{
        struct fixture *f = *state;

        f->options.target_labels.count = 0;
        assert_ok(scrape(f, "a 1\nb 1\n", 1), f->err);
        assert_false(scrape(f, "a 2\nnew 2\nbroken{ 2\n", 2));
        check_log(f, "a stale@2\nb stale@2\n");
        assert_non_null(strstr(f->err.text, "line 3"));
        assert_false(scrape(f, "a 3\nbroken{ 2\n", 3));
        check_log(f, "");
        assert_ok(scrape(f, "b 4\n", 4), f->err);
        check_log(f, "b 4@4\n");
}

/* Twice the same series in one body: both are given to the sink, and a failed scrape after it
 * frees nothing twice. */
static void test_duplicate_series_in_one_body(void **state)
{
        struct fixture *f = *state;

        f->options.target_labels.count = 0;
        assert_ok(scrape(f, "a 1\na 2\n", 1), f->err);
        check_log(f, "a 1@1\na 2@1\n");
        assert_ok(scrape(f, "a 1\na 2\nb 3\n", 2), f->err);
        assert_false(scrape(f, "b 1\na 2\na 2\nbroken{\n", 3));
        assert_ok(scrape(f, "a 1\n", 4), f->err);
}

static void test_timestamps(void **state)
{
        struct fixture *f = *state;

        f->options.target_labels.count = 0;
        assert_ok(scrape(f, "a 1 500\nb 1\n", 1000), f->err);
        check_log(f, "a 1@500\nb 1@1000\n");
        assert_ok(scrape(f, "", 2000), f->err);
        check_log(f, "b stale@2000\n");
}

static void test_honor_labels(void **state)
{
        struct fixture *f = *state;

        assert_ok(scrape(f, "a{job=\"own\",exported_job=\"x\"} 1\n", 1), f->err);
        check_log(f, "a{exported_exported_job=\"own\", exported_job=\"x\", instance=\"h:1\", "
                     "job=\"j\"} 1@1\n");
        f->exposition = exposition_free(f->exposition);
        f->options.honor_labels = true;
        assert_ok(scrape(f, "a{job=\"own\"} 1\n", 1), f->err);
        check_log(f, "a{instance=\"h:1\", job=\"own\"} 1@1\n");
}

static void test_metric_relabel(void **state)
{
        static const struct str source[] = {{"__name__", 8}};
        struct fixture *f = *state;
        struct relabel_spec spec = {.action = STR_LIT("drop"), .source_labels = source,
                                    .source_count = 1, .regex = STR_LIT("go_.*"),
                                    .has_regex = true};
        struct relabel_rule rule;

        assert_ok(relabel_rule_init(&rule, &f->arena, &spec, &f->err), f->err);
        f->options.metric_relabel = (struct relabel_rules){&rule, 1};
        f->options.target_labels.count = 0;
        assert_ok(scrape(f, "go_x 1\na 1\n", 1), f->err);
        check_log(f, "a 1@1\n");
        assert_int_equal(f->result.scraped, 2);
        assert_int_equal(f->result.post_relabel, 1);
        assert_int_equal(f->result.series_added, 1);
        assert_ok(scrape(f, "go_x 1\na 1\n", 2), f->err);
        check_log(f, "a 1@2\n");
}

static void test_limits(void **state)
{
        struct fixture *f = *state;

        f->options.sample_limit = 2;
        f->options.label_limit = 4;
        f->options.label_name_length_limit = 9;
        f->options.label_value_length_limit = 5;
        assert_false(scrape(f, "a 1\nb 1\nc 1\n", 1));
        assert_string_equal(f->err.text, "sample limit exceeded");
        assert_int_equal(f->result.scraped, 3);
        assert_int_equal(f->result.post_relabel, 3);
        assert_int_equal(f->result.series_added, 0);
        assert_false(scrape(f, "a{x=\"1\",y=\"2\"} 1\n", 1));
        assert_string_equal(f->err.text, "label_limit exceeded (metric: a, number of labels: 5, "
                                         "limit: 4)");
        /* The line that is over the limit counts, one that cannot be read does not. */
        assert_int_equal(f->result.scraped, 1);
        assert_int_equal(f->result.post_relabel, 0);
        assert_false(scrape(f, "a 1\na{ 1\n", 1));
        assert_int_equal(f->result.scraped, 1);
        assert_false(scrape(f, "a{long_label_name=\"1\"} 1\n", 1));
        assert_non_null(strstr(f->err.text, "label_name_length_limit exceeded"));
        assert_false(scrape(f, "a{x=\"123456\"} 1\n", 1));
        assert_string_equal(f->err.text, "label_value_length_limit exceeded (metric: a, label "
                                         "name: x, value: \"123456\", length: 6, limit: 5)");
        assert_int_equal(f->recorder.resolved, 0);
}

static void test_hostile_labels(void **state)
{
        struct buf body CLEANUP(buf_release) = BUF_INIT(64 << 20);
        struct fixture *f = *state;

        buf_append_cstr(&body, "a{");
        for (int i = 0; i < 2000; i++)
                buf_printf(&body, "l%d=\"x\",", i);
        buf_append_cstr(&body, "} 1\n");
        assert_false(scrape(f, body.data, 1));
        assert_non_null(strstr(f->err.text, "more than 1024 labels"));
        buf_clear(&body);
        buf_append_cstr(&body, "a{l=\"");
        for (int i = 0; i < 100000; i++)
                buf_append_byte(&body, 'x');
        buf_append_cstr(&body, "\"} 1\n");
        assert_false(scrape(f, body.data, 1));
        assert_non_null(strstr(f->err.text, "longer than 65536 bytes"));
        assert_false(scrape(f, "a{l=\"\xff\"} 1\n", 1));
        assert_non_null(strstr(f->err.text, "invalid UTF-8"));
}

static void test_forgotten_series_is_made_again(void **state)
{
        struct fixture *f = *state;

        f->options.target_labels.count = 0;
        assert_ok(scrape(f, "a 1\nb 1\n", 1), f->err);
        f->recorder.forgotten = 2;
        assert_ok(scrape(f, "a 2\nb 2\n", 2), f->err);
        check_log(f, "a 2@2\nb 2@2\n");
        assert_int_equal(f->recorder.resolved, 3);
}

static void test_full_disk_fails_the_scrape(void **state)
{
        struct fixture *f = *state;

        assert_ok(scrape(f, "a 1\n", 1), f->err);
        f->recorder.full = true;
        assert_false(scrape(f, "a 2\n", 2));
        assert_int_equal(f->err.code, ERROR_FULL);
        f->recorder.full = false;
        assert_ok(scrape(f, "a 3\n", 3), f->err);
        check_log(f, "a{instance=\"h:1\", job=\"j\"} 3@3\n");
}

static void test_reports(void **state)
{
        struct fixture *f = *state;

        assert_ok(scrape(f, "", 1), f->err);
        exposition_report(f->exposition, (struct exposition_report[]){{"up", 1}, {"b", 2}}, 2, 5);
        exposition_report(f->exposition, &(struct exposition_report){"b", 3}, 1, 6);
        check_log(f, "up{instance=\"h:1\", job=\"j\"} 1@5\nb{instance=\"h:1\", job=\"j\"} 2@5\n"
                     "b{instance=\"h:1\", job=\"j\"} 3@6\n");
}

static void test_reports_of_a_target_that_is_gone(void **state)
{
        struct fixture *f = *state;

        assert_ok(scrape(f, "", 1), f->err);
        exposition_report(f->exposition, &(struct exposition_report){"up", 1}, 1, 5);
        exposition_mark_reports_stale(f->exposition, 6);
        check_log(f, "up{instance=\"h:1\", job=\"j\"} 1@5\nup{instance=\"h:1\", job=\"j\"} "
                     "stale@6\n");
}

static void print_metadata(const struct metric_metadata *metadata, void *ctx)
{
        buf_printf(ctx, STR_FMT " " STR_FMT " " STR_FMT "\n", STR_ARG(metadata->metric),
                   STR_ARG(metadata->type), STR_ARG(metadata->help));
}

static void test_metadata(void **state)
{
        struct buf out CLEANUP(buf_release) = BUF_INIT(1 << 16);
        struct fixture *f = *state;

        assert_ok(scrape(f, "# HELP a Old.\n# TYPE a untyped\na 1\n", 1), f->err);
        assert_ok(scrape(f, "# HELP a It's \\\\ a\\nnew.\na 1\n", 2), f->err);
        exposition_metadata_each(f->exposition, print_metadata, &out);
        assert_str(buf_str(&out), "a unknown It's \\ a\nnew.\n");
}

static void test_type_and_unit_labels(void **state)
{
        struct fixture *f = *state;

        f->options.target_labels = (struct labels){0};
        f->options.type_and_unit_labels = true;
        assert_ok(scrape(f, "# TYPE a counter\na 1\na{__type__=\"mine\",__unit__=\"s\"} 2\n"
                            "# HELP b About b.\nb 3\nb{__type__=\"mine\"} 4\n"
                            "# TYPE c untyped\nc 5\n", 1), f->err);
        check_log(f, "a{__type__=\"counter\"} 1@1\n"
                     "a{__type__=\"counter\", __unit__=\"s\"} 2@1\n"
                     "b 3@1\nb{__type__=\"mine\"} 4@1\nc 5@1\n");
        /* Another type is another series. */
        assert_ok(scrape(f, "# TYPE a gauge\na 1\n# HELP b About b.\nb 3\n", 2), f->err);
        assert_int_equal(f->result.series_added, 1);
        check_log(f, "a{__type__=\"gauge\"} 1@2\nb 3@2\n"
                     "a{__type__=\"counter\"} stale@2\n"
                     "a{__type__=\"counter\", __unit__=\"s\"} stale@2\n"
                     "b{__type__=\"mine\"} stale@2\nc stale@2\n");
        /* What the store has forgotten comes back under the same labels. */
        f->recorder.forgotten = f->recorder.series_count;
        assert_ok(scrape(f, "# TYPE a gauge\na 1\n# HELP b About b.\nb 3\n", 3), f->err);
        check_log(f, "b 3@3\na{__type__=\"gauge\"} 1@3\n");
        exposition_report(f->exposition, &(struct exposition_report){"up", 1}, 1, 3);
        assert_true(str_ends_with(buf_str(&f->recorder.log), STR_LIT("\nup 1@3\n")));
}

static void test_type_and_unit_labels_of_openmetrics(void **state)
{
        struct fixture *f = *state;

        f->options.target_labels = (struct labels){0};
        f->options.type_and_unit_labels = true;
        assert_ok(scrape_as(f, EXPOSITION_OPENMETRICS,
                            "# TYPE wait_seconds summary\n# UNIT wait_seconds seconds\n"
                            "wait_seconds_count 1\nwait_seconds_sum 2\n"
                            "# UNIT size_bytes bytes\n# TYPE size_bytes gauge\nsize_bytes 3\n"
                            "# UNIT odd_bytes bytes\n# TYPE odd_bytes unknown\nodd_bytes 4\n"
                            "# EOF\n", 1), f->err);
        check_log(f, "wait_seconds_count{__type__=\"summary\", __unit__=\"seconds\"} 1@1\n"
                     "wait_seconds_sum{__type__=\"summary\", __unit__=\"seconds\"} 2@1\n"
                     "size_bytes{__type__=\"gauge\", __unit__=\"bytes\"} 3@1\n"
                     "odd_bytes{__unit__=\"bytes\"} 4@1\n");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_plain_scrapes),
                TEST(test_order_changes_and_series_come_and_go),
                TEST(test_failed_scrape_marks_all_stale_once),
                TEST(test_duplicate_series_in_one_body),
                TEST(test_timestamps),
                TEST(test_honor_labels),
                TEST(test_metric_relabel),
                TEST(test_limits),
                TEST(test_hostile_labels),
                TEST(test_forgotten_series_is_made_again),
                TEST(test_full_disk_fails_the_scrape),
                TEST(test_reports),
                TEST(test_reports_of_a_target_that_is_gone),
                TEST(test_metadata),
                TEST(test_type_and_unit_labels),
                TEST(test_type_and_unit_labels_of_openmetrics),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Runs the project's own scripts in tests/promql, and Prometheus's when they are there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include <dirent.h>

#include "promql/script.h"
#include "testing/memory_series.h"

static bool clear_store(void *ctx, size_t index, struct series_source *ret_source,
                        struct series_sink *ret_sink, struct error *err)
{
        struct memory_series **store = ctx;

        (void)index, (void)err;
        memory_series_free(*store);
        *store = memory_series_new();
        *ret_source = memory_series_source(*store);
        *ret_sink = memory_series_sink(*store);
        return true;
}

static void read_file(const char *path, struct buf *out)
{
        FILE *file = fopen(path, "r");
        char piece[65536];
        size_t len;

        assert_non_null(file);
        while ((len = fread(piece, 1, sizeof(piece), file)) > 0)
                buf_append(out, piece, len);
        fclose(file);
}

static void run_script(const char *name, struct str text, struct promql_script_result *result,
                       struct buf *report)
{
        struct memory_series *store = NULL;
        struct promql_script_storage storage = {1, clear_store, NULL, &store};
        struct promql_options options = {.threads = 2};
        struct error err;

        if (!promql_script_run(name, text, &storage, &options, result, report, &err))
                fail_msg("%s", err.text);
        memory_series_free(store);
}

/* Returns the number of scripts. */
static size_t run_folder(const char *folder, struct promql_script_result *total)
{
        struct dirent **entries;
        int count = scandir(folder, &entries, NULL, alphasort);
        size_t scripts = 0;

        for (int i = 0; i < count; i++) {
                struct promql_script_result result = {0};
                struct buf text = BUF_INIT(1 << 24), report = BUF_INIT(1 << 24);
                char path[4096];

                if (str_ends_with(str_from(entries[i]->d_name), STR_LIT(".test"))) {
                        snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
                        read_file(path, &text);
                        run_script(entries[i]->d_name, buf_str(&text), &result, &report);
                        if (report.len)
                                fputs(report.data, stderr);
                        print_message("%-28s %4zu passed %4zu failed %6zu re-runs\n",
                                      entries[i]->d_name, result.passed, result.failed,
                                      result.reruns);
                        total->passed += result.passed;
                        total->failed += result.failed;
                        total->reruns += result.reruns;
                        scripts++;
                }
                buf_release(&text);
                buf_release(&report);
                free(entries[i]);
        }
        if (count >= 0)
                free(entries);
        return scripts;
}

static void own_scripts(void **state)
{
        struct promql_script_result total = {0};
        const char *root = getenv("PITWALL_SOURCE_ROOT");
        char folder[4096];

        (void)state;
        snprintf(folder, sizeof(folder), "%s/tests/promql", root ? root : ".");
        assert_true(run_folder(folder, &total) > 0);
        assert_int_equal(total.failed, 0);
}

static void conformance_scripts(void **state)
{
        struct promql_script_result total = {0};
        const char *dir = getenv("PITWALL_CONFORMANCE"), *root = getenv("PITWALL_SOURCE_ROOT");
        char folder[4096];

        (void)state;
        if (dir)
                snprintf(folder, sizeof(folder), "%s/promqltest", dir);
        else
                snprintf(folder, sizeof(folder), "%s/../shared/conformance/promqltest",
                         root ? root : ".");
        if (run_folder(folder, &total) == 0)
                skip();
        print_message("%zu passed, %zu failed, %zu re-runs\n", total.passed, total.failed,
                      total.reruns);
        assert_int_equal(total.failed, 0);
}

/* A runner that finds nothing wrong would pass everything: these must fail. */
static void wrong_expectations_fail(void **state)
{
        static const char script[] = "load 1m\n"
                                     "  a 1 2 3\n"
                                     "\n"
                                     "eval instant at 2m a\n"
                                     "  a 4\n"
                                     "\n"
                                     "eval instant at 2m a\n"
                                     "\n"
                                     "eval instant at 2m nosuch\n"
                                     "  a 3\n"
                                     "\n"
                                     "eval instant at 2m a\n"
                                     "  expect warn\n"
                                     "  a 3\n"
                                     "\n"
                                     "eval instant at 2m a\n"
                                     "  expect fail\n"
                                     "\n"
                                     "eval range from 0 to 2m step 1m a\n"
                                     "  a 1 2 4\n"
                                     "\n"
                                     "eval range from 0 to 2m step 1m a\n"
                                     "  a 1 2\n"
                                     "\n"
                                     "eval instant at 2m 1 +\n"
                                     "  3\n"
                                     "\n"
                                     "eval instant at 2m sum(a)\n"
                                     "  3\n";
        struct promql_script_result result = {0};
        struct buf report = BUF_INIT(1 << 20), summary = BUF_INIT(256);

        (void)state;
        run_script("wrong.test", str_from(script), &result, &report);
        assert_int_equal(result.passed, 0);
        assert_int_equal(result.failed, 9);
        assert_non_null(strstr(report.data, "wrong.test:4: a"));
        promql_script_summary(&summary, &result);
        assert_string_equal(summary.data, "0 passed, 9 failed, 0 re-runs\n");
        buf_release(&report);
        buf_release(&summary);
}

/* A histogram differs in any of its parts, and from a float. */
static void wrong_histograms_fail(void **state)
{
        static const char *const wanted[] = {
                "a {{schema:1 count:4 sum:5 z_bucket:1 z_bucket_w:0.1 buckets:[1 2]}}",
                "a {{count:5 sum:5 z_bucket:1 z_bucket_w:0.1 buckets:[1 2]}}",
                "a {{count:4 sum:6 z_bucket:1 z_bucket_w:0.1 buckets:[1 2]}}",
                "a {{count:4 sum:5 z_bucket:0 z_bucket_w:0.1 buckets:[1 2]}}",
                "a {{count:4 sum:5 z_bucket:1 z_bucket_w:0.2 buckets:[1 2]}}",
                "a {{count:4 sum:5 z_bucket:1 z_bucket_w:0.1 buckets:[1 3]}}",
                "a {{count:4 sum:5 z_bucket:1 z_bucket_w:0.1 buckets:[1 2] offset:1}}",
                "a {{count:4 sum:5 z_bucket:1 z_bucket_w:0.1 n_buckets:[1 2]}}",
                "a {{count:4 sum:5 z_bucket:1 z_bucket_w:0.1 buckets:[1 2] "
                "counter_reset_hint:gauge}}",
                "a 5",
                "b {{schema:-53 count:3 sum:5 custom_values:[1 3] buckets:[1 2]}}",
                "b {{count:3 sum:5 buckets:[1 2]}}",
                "c {{count:1}}",
        };
        struct promql_script_result result = {0};
        struct buf script = BUF_INIT(1 << 16), report = BUF_INIT(1 << 20);

        (void)state;
        buf_append_cstr(&script,
                        "load 1m\n"
                        "  a {{count:4 sum:5 z_bucket:1 z_bucket_w:0.1 buckets:[1 2]}}\n"
                        "  b {{schema:-53 count:3 sum:5 custom_values:[1 2] buckets:[1 2]}}\n"
                        "  c 5\n\n");
        for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
                buf_printf(&script, "eval instant at 0m %c\n  %s\n\n", wanted[i][0], wanted[i]);
        buf_append_cstr(&script,
                        "eval instant at 0m a\n"
                        "  a {{sum:5 count:4 buckets:[1 2 0] z_bucket_w:0.1 z_bucket:1}}\n");
        run_script("wrong.test", buf_str(&script), &result, &report);
        assert_int_equal(result.failed, ARRAY_LEN(wanted));
        assert_int_equal(result.passed, 1);
        buf_release(&script);
        buf_release(&report);
}

static void assert_script_fails(const char *text, const char *message)
{
        struct memory_series *store = NULL;
        struct promql_script_storage storage = {1, clear_store, NULL, &store};
        struct promql_script_result result = {0};
        struct buf report = BUF_INIT(1 << 20);
        struct error err;

        assert_false(promql_script_run("bad.test", str_from(text), &storage, NULL, &result,
                                       &report, &err));
        if (!strstr(err.text, message))
                fail_msg("%s: %s", text, err.text);
        buf_release(&report);
        memory_series_free(store);
}

static void bad_series_lines_fail(void **state)
{
        (void)state;
        assert_script_fails("load 1m\n  a {{schema:9}}", "no such schema");
        assert_script_fails("load 1m\n  a {{count:1 count:1}}", "the same field again");
        assert_script_fails("load 1m\n  a {{counts:1}}", "no such field");
        assert_script_fails("load 1m\n  a {{buckets:1}}", "expected [");
        assert_script_fails("load 1m\n  a {{buckets:[1", "expected a number");
        assert_script_fails("load 1m\n  a {{count:1}", "expected }}");
        assert_script_fails("load 1m\n  a {{offset:0.5}}", "expected a whole number");
        assert_script_fails("load 1m\n  a {{custom_values:[1]}}", "need schema -53");
        assert_script_fails("load 1m\n  a {{schema:-53 custom_values:[2 1]}}", "do not rise");
        assert_script_fails("load 1m\n  a {{schema:-53 custom_values:[1] buckets:[1 2 3]}}",
                            "beyond the custom values");
        assert_script_fails("load 1m\n  a {{counter_reset_hint:no}}", "counter reset hint");
        assert_script_fails("load 1m\n  a {{}}+{{schema:-53 custom_values:[1]}}x2",
                            "cannot combine");
        assert_script_fails("load 1m\n  a {{}}+{{}}", "bad repetition");
        assert_script_fails("load 1m\n  a {{count:-1}}", "");
        assert_script_fails("load 1m\n  a@st -1m\n  b 1\n", "of another series");
        assert_script_fails("load 1m\n  a@st -1m\n  a 1 2\n", "1 start timestamps of 2");
        assert_script_fails("load 1m\n  a@st -1m\n", "without their series");
        assert_script_fails("load 1m\n  a@st *\n", "no start timestamp to repeat");
        assert_script_fails("load_with_nhcb 1m\n  a_bucket{le=\"1\"} 2\n  a_count 1\n",
                            "is no histogram");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(wrong_expectations_fail),
                cmocka_unit_test(wrong_histograms_fail),
                cmocka_unit_test(bad_series_lines_fail),
                cmocka_unit_test(own_scripts),
                cmocka_unit_test(conformance_scripts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

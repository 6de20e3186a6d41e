/* test rules: rules evaluated over given series, and what became of them compared with what is
 * expected. Texts are those of Prometheus's promtool. */
#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "codec/double.h"
#include "codec/quote.h"
#include "codec/regex.h"
#include "config/rule_file.h"
#include "model/duration.h"
#include "promql/script.h"
#include "promtool/promtool_int.h"
#include "promtool/test_file_int.h"
#include "rules/rules.h"
#include "tsdb/scratch.h"
#include "tsdb/tsdb.h"

ALLOC_TYPE(rule_test_type, "rule_test")

/* One file that is tested. */
struct testing {
        struct arena *arena;
        struct rule_test_file file;
        struct rule_file **rule_files;
        size_t rule_file_count, rule_file_capacity;
        size_t error_count;
        /* Of the test that runs. */
        const struct rule_test *test;
        struct tsdb_scratch store;
        struct rules_env env;
        struct rule_runner **runners; /* in the order of evaluation */
        size_t runner_count;
};

PRINTF_LIKE(2, 3)
static void report(struct testing *t, const char *fmt, ...)
{
        va_list args;

        if (t->error_count++ == 0)
                fprintf(stderr, "  FAILED:\n");
        va_start(args, fmt);
        vfprintf(stderr, fmt, args);
        va_end(args);
        fprintf(stderr, "\n");
        printf("\n");
}

static const char *duration_text(struct testing *t, int64_t ms)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(64);

        duration_append(&text, ms);
        return arena_str(t->arena, buf_str(&text)).data;
}

/* ---- rule files --------------------------------------------------------------------------- */

static bool load_rule_file(struct testing *t, const char *path)
{
        const struct rule_file_options options = {&promtool_features, false};
        struct rule_file *file = rule_file_load(path, &options);

        t->rule_files = alloc_array_reserve(&rule_test_type, t->rule_files, &t->rule_file_capacity,
                                            t->rule_file_count + 1, sizeof(*t->rule_files));
        t->rule_files[t->rule_file_count++] = file;
        for (size_t i = 0; i < file->error_count; i++)
                report(t, "%s", file->errors[i]);
        return file->error_count == 0;
}

/* Patterns are relative to the file that is tested. */
static bool load_rule_files(struct testing *t, const char *path)
{
        const char *slash = strrchr(path, '/');
        bool ok = true;

        for (size_t i = 0; i < t->file.rule_file_count; i++) {
                struct str pattern = t->file.rule_files[i];
                int folder = pattern.len && pattern.data[0] != '/' && slash
                                     ? (int)(slash - path) + 1
                                     : 0;
                const char *full = arena_printf(t->arena, "%.*s" STR_FMT, folder, path,
                                                STR_ARG(pattern));
                glob_t found;

                if (glob(full, 0, NULL, &found) != 0) {
                        fprintf(stderr, "  WARNING: no file match pattern %s\n", full);
                        continue;
                }
                for (size_t k = 0; k < found.gl_pathc; k++)
                        ok = load_rule_file(t, found.gl_pathv[k]) && ok;
                globfree(&found);
        }
        return ok;
}

static size_t place_of(const struct testing *t, struct str group)
{
        for (size_t i = 0; i < t->file.group_order_count; i++)
                if (str_equal(t->file.group_order[i], group))
                        return i;
        return 0;
}

static void start_runners(struct testing *t)
{
        size_t max = 0, order_max = t->file.group_order_count ? t->file.group_order_count : 1;

        for (size_t f = 0; f < t->rule_file_count; f++)
                max += t->rule_files[f]->group_count;
        t->runners = arena_array(t->arena, struct rule_runner *, max + 1);
        t->runner_count = 0;
        for (size_t place = 0; place < order_max; place++)
                for (size_t f = 0; f < t->rule_file_count; f++)
                        for (size_t g = 0; g < t->rule_files[f]->group_count; g++) {
                                const struct rule_group *group = &t->rule_files[f]->groups[g];

                                if (place_of(t, group->name) == place)
                                        t->runners[t->runner_count++] = rule_runner_new(group,
                                                                                        &t->env);
                        }
}

/* ---- alerts ------------------------------------------------------------------------------- */

static void print_alerts(struct buf *out, const struct expected_alert *alerts, size_t count)
{
        if (!count) {
                buf_append_cstr(out, "[]");
                return;
        }
        buf_append_byte(out, '[');
        for (size_t i = 0; i < count; i++) {
                buf_printf(out, "%s\n            %zu:\n              Labels:", i ? "," : "", i);
                labels_append_set(out, alerts[i].labels, ", ");
                buf_append_cstr(out, "\n              Annotations:");
                labels_append_set(out, alerts[i].annotations, ", ");
        }
        buf_append_cstr(out, "\n            ]");
}

/* The firing alerts of all rules of that name, sorted. */
static struct expected_alert *firing_alerts(struct testing *t, struct str name, size_t *ret_count)
{
        struct expected_alert *all = NULL;
        size_t count = 0;

        for (int pass = 0; pass < 2; pass++) {
                if (pass)
                        all = arena_array(t->arena, struct expected_alert, count + 1);
                count = 0;
                for (size_t g = 0; g < t->runner_count; g++) {
                        const struct rule_group *group = rule_runner_group(t->runners[g]);

                        for (size_t r = 0; r < group->rule_count; r++) {
                                size_t alert_count;
                                const struct alert *alerts = rule_runner_alerts(t->runners[g], r,
                                                                                &alert_count);

                                if (!str_equal(group->rules[r].alert, name))
                                        continue;
                                for (size_t i = 0; i < alert_count; i++) {
                                        if (alerts[i].state != ALERT_FIRING)
                                                continue;
                                        if (pass)
                                                all[count] = (struct expected_alert){
                                                        alerts[i].labels, alerts[i].annotations};
                                        count++;
                                }
                        }
                }
        }
        qsort(all, count, sizeof(*all), expected_alert_compare);
        *ret_count = count;
        return all;
}

static void check_alert_case(struct testing *t, const struct alert_case *test)
{
        struct buf expected CLEANUP(buf_release) = BUF_INIT(SIZE_MAX / 2);
        struct buf got CLEANUP(buf_release) = BUF_INIT(SIZE_MAX / 2);
        size_t count;
        struct expected_alert *alerts = firing_alerts(t, test->alert, &count);
        bool same = count == test->count;

        for (size_t i = 0; same && i < count; i++)
                same = expected_alert_compare(&alerts[i], &test->expected[i]) == 0;
        if (same)
                return;
        print_alerts(&expected, test->expected, test->count);
        print_alerts(&got, alerts, count);
        report(t, "%s    alertname: " STR_FMT ", time: %s, \n        exp:" STR_FMT
               ", \n        got:" STR_FMT,
               t->test->name.len ? arena_printf(t->arena, "    name: " STR_FMT ",\n",
                                                STR_ARG(t->test->name))
                                 : "",
               STR_ARG(test->alert), duration_text(t, test->at_ms), STR_ARG(buf_str(&expected)),
               STR_ARG(buf_str(&got)));
}

/* ---- expressions -------------------------------------------------------------------------- */

/* FormatFloat(v, 'E', -1) */
static void append_scientific(struct buf *out, double v)
{
        char text[32];

        if (!isfinite(v)) {
                double_append(out, v, DOUBLE_G);
                return;
        }
        /* The fewest digits that read back to the same value. */
        for (int precision = 0; precision < 17; precision++) {
                double back;

                snprintf(text, sizeof(text), "%.*E", precision, v);
                if (double_parse(str_from(text), &back) && sample_bits(back) == sample_bits(v))
                        break;
        }
        buf_append_cstr(out, text);
}

static void print_samples(struct buf *out, const struct expected_sample *samples, size_t count)
{
        if (!count)
                buf_append_cstr(out, "nil");
        for (size_t i = 0; i < count; i++) {
                if (i)
                        buf_append_cstr(out, ", ");
                labels_append_set(out, samples[i].labels, ", ");
                buf_append_byte(out, ' ');
                if (samples[i].h)
                        histogram_append_expression(out, samples[i].h);
                else
                        append_scientific(out, samples[i].v);
        }
}

static bool same_sample(const struct testing *t, const struct expected_sample *a,
                        const struct expected_sample *b)
{
        struct buf left CLEANUP(buf_release) = BUF_INIT(SIZE_MAX / 2);
        struct buf right CLEANUP(buf_release) = BUF_INIT(SIZE_MAX / 2);

        if (!labels_equal(a->labels, b->labels) || !a->h != !b->h)
                return false;
        if (a->h) {
                histogram_append_expression(&left, a->h);
                histogram_append_expression(&right, b->h);
                return str_equal(buf_str(&left), buf_str(&right));
        }
        return a->v == b->v || (isnan(a->v) && isnan(b->v)) ||
               (t->file.fuzzy_compare && (nextafter(a->v, -INFINITY) == b->v ||
                                          nextafter(a->v, INFINITY) == b->v));
}

static bool run_query(struct testing *t, const struct expr_case *test,
                      struct promql_result *ret_result, struct error *err)
{
        struct promql_query query = {.start_ms = test->at_ms, .end_ms = test->at_ms};

        if (!promql_expr_parse(t->arena, test->expr, &promtool_features, &query.expr, err) ||
            !promql_query_run(&t->env.source, &t->env.promql, &query, t->arena, ret_result, err))
                return false;
        if (ret_result->type == PROMQL_SCALAR || ret_result->type == PROMQL_VECTOR)
                return true;
        return error_set(err, ERROR_EXECUTION, "rule result is not a vector or scalar");
}

static void check_expr_case(struct testing *t, const struct expr_case *test)
{
        struct buf quoted CLEANUP(buf_release) = BUF_INIT(SIZE_MAX / 2);
        struct buf expected CLEANUP(buf_release) = BUF_INIT(SIZE_MAX / 2);
        struct buf got CLEANUP(buf_release) = BUF_INIT(SIZE_MAX / 2);
        struct promql_result result;
        struct expected_sample *samples;
        struct error err;
        size_t count;
        bool same;

        quote_append(&quoted, test->expr);
        if (!run_query(t, test, &result, &err)) {
                report(t, "    expr: " STR_FMT ", time: %s, err: %s", STR_ARG(buf_str(&quoted)),
                       duration_text(t, test->at_ms), err.text);
                return;
        }
        count = result.type == PROMQL_SCALAR ? 1 : result.series_count;
        samples = arena_array(t->arena, struct expected_sample, count + 1);
        samples[0].v = result.scalar.v;
        for (size_t i = 0; i < result.series_count; i++)
                samples[i] = (struct expected_sample){
                        result.series[i].labels, result.series[i].v[0],
                        result.series[i].h ? result.series[i].h[0] : NULL};
        qsort(samples, count, sizeof(*samples), expected_sample_compare);
        same = count == test->count;
        for (size_t i = 0; same && i < count; i++)
                same = same_sample(t, &samples[i], &test->expected[i]);
        if (same)
                return;
        print_samples(&expected, test->expected, test->count);
        print_samples(&got, samples, count);
        report(t, "    expr: " STR_FMT ", time: %s,\n        exp: " STR_FMT
               "\n        got: " STR_FMT,
               STR_ARG(buf_str(&quoted)), duration_text(t, test->at_ms),
               STR_ARG(buf_str(&expected)), STR_ARG(buf_str(&got)));
}

/* ---- tests -------------------------------------------------------------------------------- */

static bool evaluate_all(struct testing *t, int64_t now_ms)
{
        bool ok = true;

        for (size_t g = 0; g < t->runner_count; g++) {
                const struct rule_group *group = rule_runner_group(t->runners[g]);

                rule_runner_evaluate(t->runners[g], now_ms);
                for (size_t r = 0; r < group->rule_count; r++) {
                        const struct rule *rule = &group->rules[r];

                        if (rule_runner_health(t->runners[g], r) != RULE_BAD)
                                continue;
                        ok = false;
                        report(t, "    rule: " STR_FMT ", time: %s, err: %s",
                               STR_ARG(rule->alert.len ? rule->alert : rule->record),
                               duration_text(t, now_ms), rule_runner_error(t->runners[g], r));
                }
        }
        return ok;
}

static void run_cases(struct testing *t)
{
        const struct rule_test *test = t->test;
        int64_t step_ms = t->file.interval_ms;

        for (int64_t now_ms = 0; now_ms <= test->last_ms; now_ms += step_ms) {
                if (!evaluate_all(t, now_ms))
                        return;
                for (size_t i = 0; i < test->alert_count; i++)
                        if (test->alerts[i].at_ms >= now_ms &&
                            test->alerts[i].at_ms < now_ms + step_ms)
                                check_alert_case(t, &test->alerts[i]);
        }
        for (size_t i = 0; i < test->expr_count; i++)
                check_expr_case(t, &test->exprs[i]);
}

/* Of http://host/path the path, without a slash at its end. */
static const char *path_of(struct testing *t, struct str url)
{
        size_t from = 0;

        for (size_t i = 0; i + 2 < url.len && !from; i++)
                if (memcmp(url.data + i, "://", 3) == 0)
                        from = i + 3;
        url = str_slice(url, from, url.len);
        url = str_slice(url, str_find_byte(url, '/'), url.len);
        while (url.len && url.data[url.len - 1] == '/')
                url.len--;
        return arena_str(t->arena, url).data;
}

static void run_test(struct testing *t, const struct rule_test *test)
{
        struct error err;
        struct arena arena;

        if (!tsdb_scratch_open(&t->store, &err)) {
                report(t, "%s", err.text);
                return;
        }
        t->test = test;
        t->env = (struct rules_env){
                .source = tsdb_source(t->store.tsdb),
                .sink = tsdb_sink(t->store.tsdb),
                .promql = {.features = promtool_features},
                .external_labels = test->external_labels,
                .external_url = arena_str(t->arena, test->external_url).data,
                .path_prefix = path_of(t, test->external_url),
        };
        arena_init(&arena, SIZE_MAX);
        if (promql_script_load(&arena, test->input, test->input_count,
                               test->gap_ms ? test->gap_ms : t->file.interval_ms, t->env.sink,
                               &err)) {
                start_runners(t);
                run_cases(t);
                for (size_t i = 0; i < t->runner_count; i++)
                        rule_runner_free(t->runners[i]);
        } else {
                report(t, "%s", err.text);
        }
        arena_release(&arena);
        tsdb_scratch_close(&t->store);
}

/* Without --run all are; else those whose name one of its expressions matches. */
static bool is_wanted(const struct words *words, struct str name)
{
        const char *pattern = words_list(words, "run", 0);
        bool wanted = !pattern;

        for (size_t i = 0; !wanted && (pattern = words_list(words, "run", i)); i++) {
                struct regex *regex;
                struct error err;

                if (!regex_new(&regex, str_from(pattern), REGEX_SEARCH, &err))
                        continue;
                wanted = regex_match(regex, name);
                regex_free(regex);
        }
        return wanted;
}

static bool test_file(const struct words *words, const char *path)
{
        struct testing t = {0};
        struct arena arena;
        struct error err;

        printf("Unit Testing:  %s\n", path);
        fflush(stdout);
        arena_init(&arena, SIZE_MAX);
        t.arena = &arena;
        if (!rule_test_file_load(&arena, path, words_on(words, "ignore-unknown-fields"), &t.file,
                                 &err))
                report(&t, "%s", err.text);
        else if (load_rule_files(&t, path))
                for (size_t i = 0; i < t.file.count; i++)
                        if (is_wanted(words, t.file.tests[i].name))
                                run_test(&t, &t.file.tests[i]);
        if (!t.error_count)
                printf("  SUCCESS\n");
        printf("\n");
        fflush(stdout);
        for (size_t i = 0; i < t.rule_file_count; i++)
                rule_file_free(t.rule_files[i]);
        alloc_free(&rule_test_type, t.rule_files);
        arena_release(&arena);
        return t.error_count == 0;
}

int test_rules(const struct words *words)
{
        bool good = true;
        const char *path;

        for (size_t i = 0; (path = words_many(words, i)); i++)
                good = test_file(words, path) && good;
        return good ? EXIT_GOOD : EXIT_FAILED;
}

#include "promql/script_run_int.h"

#include "promql/expr_int.h"

/* Prometheus's runner gives its engine this many samples. */
enum { SCRIPT_SAMPLES_MAX = 10000 };

static const struct promql_features script_features = {
        .experimental_functions = true,
        .extended_range_selectors = true,
        .fill_modifiers = true,
        .delayed_name_removal = true,
        .start_timestamps = true,
};

void script_run_init(struct script_run *run, struct arena *arena, const char *file_name,
                     const struct promql_options *options, struct promql_script_result *result,
                     struct buf *report)
{
        *run = (struct script_run){.arena = arena,
                                   .file_name = file_name,
                                   .result = result,
                                   .report = report};
        if (options)
                run->options = *options;
        run->options.features = script_features;
        run->options.max_samples = SCRIPT_SAMPLES_MAX;
}

/* ---- pinning ------------------------------------------------------------------------------ */

struct pinning {
        int64_t at_ms;
        bool uses_time;
};

/* Puts @ on every selector and subquery that has none; not inside of one that is pinned. */
static void pin(struct pinning *pinning, struct node *node)
{
        struct time_shift *shift = NULL;

        switch (node->kind) {
        case NODE_SELECTOR:
                shift = &node->selector.shift;
                break;
        case NODE_MATRIX:
                pin(pinning, node->matrix.selector);
                break;
        case NODE_SUBQUERY:
                shift = &node->subquery.shift;
                break;
        case NODE_CALL:
                pinning->uses_time |= function_uses_time(function_kind(node->call.function)) ||
                                      (node->call.arg_count == 0 &&
                                       function_kind(node->call.function) != FUNCTION_PI);
                for (size_t i = 0; i < node->call.arg_count; i++)
                        pin(pinning, node->call.args[i]);
                break;
        case NODE_AGGREGATE:
                if (node->aggregate.param)
                        pin(pinning, node->aggregate.param);
                pin(pinning, node->aggregate.expr);
                break;
        case NODE_BINARY:
                pin(pinning, node->binary.lhs);
                pin(pinning, node->binary.rhs);
                break;
        case NODE_UNARY:
                pin(pinning, node->unary.expr);
                break;
        case NODE_PAREN:
                pin(pinning, node->paren);
                break;
        default:
                break;
        }
        if (shift && shift->at == AT_NONE) {
                shift->at = AT_TIME;
                shift->at_ms = pinning->at_ms;
        }
}

/* ---- one case ----------------------------------------------------------------------------- */

struct attempt {
        struct script_run *run;
        const struct script_case *test;
        const struct promql_expr *expr;
        size_t store;
        const char *how; /* for the report */
        struct buf found; /* what was wrong */
        size_t evaluations;
};

static bool run_query(struct attempt *attempt, int64_t start_ms, int64_t end_ms, int64_t step_ms,
                      struct arena *arena, struct promql_result *ret_result, struct error *err)
{
        struct promql_query query = {.expr = attempt->expr,
                                     .start_ms = start_ms,
                                     .end_ms = end_ms,
                                     .step_ms = step_ms};

        attempt->evaluations++;
        return promql_query_run(&attempt->run->sources[attempt->store], &attempt->run->options,
                                &query, arena, ret_result, err);
}

/* An evaluation that failed: as wanted, or wrongly. */
static bool judge_failure(struct attempt *attempt, const struct error *err)
{
        if (script_expects(attempt->test, EXPECT_FAIL))
                return script_check_failure(attempt->test, err->text, &attempt->found);
        buf_printf(&attempt->found, "  error: %s\n", err->text);
        return false;
}

static bool judge(struct attempt *attempt, bool ok, const struct promql_result *result,
                  const struct error *err)
{
        if (!ok)
                return judge_failure(attempt, err);
        if (script_expects(attempt->test, EXPECT_FAIL)) {
                buf_append_cstr(&attempt->found, "  want an error, got none\n");
                return false;
        }
        return script_check_notes(attempt->test, &result->notes, &attempt->found) &&
               script_check_result(attempt->test, result, &attempt->found);
}

/* Keeps of a matrix the values at one time, as a vector or scalar. */
static void cut_to_instant(struct promql_result *result, int64_t t_ms, enum promql_type type)
{
        size_t kept = 0;

        for (size_t s = 0; s < result->series_count; s++) {
                struct promql_series series = result->series[s];

                for (size_t i = 0; i < series.count; i++) {
                        if (series.t_ms[i] != t_ms)
                                continue;
                        series.t_ms += i;
                        series.v += i;
                        series.h = series.h ? series.h + i : NULL;
                        series.count = 1;
                        result->series[kept++] = series;
                        break;
                }
        }
        result->series_count = kept;
        result->type = type;
        if (type == PROMQL_SCALAR && kept) {
                result->scalar = (struct sample){t_ms, result->series[0].v[0]};
                result->series_count = 0;
        }
}

static bool sorted_by_labels(const struct promql_result *result)
{
        for (size_t i = 1; i < result->series_count; i++)
                if (labels_compare(result->series[i - 1].labels, result->series[i].labels) >= 0)
                        return false;
        return true;
}

/* An instant case once more, as the middle of a range query. */
static bool run_as_range(struct attempt *attempt, int64_t t_ms, enum promql_type type)
{
        enum { MINUTE_MS = 60000 };
        struct promql_result result;
        struct arena arena;
        struct error err;
        bool ok, passed = true;

        arena_init(&arena, 1 << 30);
        ok = run_query(attempt, t_ms - MINUTE_MS, t_ms + MINUTE_MS, MINUTE_MS, &arena, &result,
                       &err);
        attempt->how = "as a range query";
        if (!ok) {
                passed = judge_failure(attempt, &err);
        } else if (!attempt->test->ordered) {
                if (!sorted_by_labels(&result)) {
                        buf_append_cstr(&attempt->found, "  range result is not sorted\n");
                        passed = false;
                }
                cut_to_instant(&result, t_ms, type);
                if (!script_check_result(attempt->test, &result, &attempt->found))
                        passed = false;
        }
        arena_release(&arena);
        return passed;
}

static bool run_instant(struct attempt *attempt, int64_t t_ms, bool also_as_range)
{
        struct promql_result result = {0};
        enum promql_type type = promql_expr_type(attempt->expr);
        struct arena arena;
        struct error err;
        bool ok, passed;

        arena_init(&arena, 1 << 30);
        ok = run_query(attempt, t_ms, t_ms, 0, &arena, &result, &err);
        passed = judge(attempt, ok, &result, &err);
        arena_release(&arena);
        if (!passed || !ok || !also_as_range ||
            (type != PROMQL_SCALAR && type != PROMQL_VECTOR))
                return passed;
        return run_as_range(attempt, t_ms, type);
}

static bool run_range(struct attempt *attempt)
{
        const struct script_case *test = attempt->test;
        struct promql_result result = {0};
        struct arena arena;
        struct error err;
        bool ok, passed;

        arena_init(&arena, 1 << 30);
        ok = run_query(attempt, test->start_ms, test->end_ms, test->step_ms, &arena, &result,
                       &err);
        passed = judge(attempt, ok, &result, &err);
        arena_release(&arena);
        return passed;
}

/* start(), end(), range() and step() mean something else in a range query. */
static bool mentions_query_times(struct str expr)
{
        static const char *const calls[] = {"range()", "step()", "start()", "end()"};

        for (size_t c = 0; c < ARRAY_LEN(calls); c++)
                for (size_t at = 0; at + strlen(calls[c]) <= expr.len; at++)
                        if (str_starts_with(str_slice(expr, at, expr.len), str_from(calls[c])) &&
                            !(at >= 2 && memcmp(expr.data + at - 2, "@ ", 2) == 0))
                                return true;
        return false;
}

/* With every selector pinned to the case's time, the time of evaluation must not matter. */
static bool run_pinned(struct attempt *attempt)
{
        const struct script_case *test = attempt->test;
        int64_t t = test->start_ms;
        const int64_t times[] = {-10 * t, 0, t / 5, t, 10 * t};
        const int64_t around_zero[] = {-1000, 0, 1000};
        struct pinning pinning = {.at_ms = t};
        struct error err;

        if (!promql_expr_parse(attempt->run->arena, test->expr, &script_features, &attempt->expr,
                               &err))
                return true;
        pin(&pinning, (struct node *)attempt->expr->root);
        if (pinning.uses_time)
                return true;
        attempt->how = "with selectors pinned by @";
        for (size_t i = 0; i < (t ? ARRAY_LEN(times) : ARRAY_LEN(around_zero)); i++) {
                if (!run_instant(attempt, t ? times[i] : around_zero[i],
                                 !mentions_query_times(test->expr)))
                        return false;
        }
        return true;
}

static bool run_on_store(struct attempt *attempt)
{
        attempt->how = "";
        if (attempt->test->is_range)
                return run_range(attempt);
        return run_instant(attempt, attempt->test->start_ms,
                           !mentions_query_times(attempt->test->expr)) &&
               run_pinned(attempt);
}

static bool run_on_stores(struct attempt *attempt)
{
        const struct promql_expr *expr = attempt->expr;

        for (attempt->store = 0; attempt->store < attempt->run->store_count; attempt->store++) {
                attempt->expr = expr;
                if (!run_on_store(attempt))
                        return false;
        }
        return true;
}

void script_run_case(struct script_run *run, const struct script_case *test)
{
        struct attempt attempt = {.run = run, .test = test, .how = "", .found = BUF_INIT(1 << 20)};
        struct error err;
        bool passed = promql_expr_parse(run->arena, test->expr, &script_features, &attempt.expr,
                                        &err)
                              ? run_on_stores(&attempt)
                              : judge_failure(&attempt, &err);

        run->result->passed += passed;
        run->result->failed += !passed;
        run->result->reruns += attempt.evaluations ? attempt.evaluations - 1 : 0;
        if (!passed) {
                buf_printf(run->report, "%s:%zu: " STR_FMT " %s", run->file_name, test->line,
                           STR_ARG(test->expr), attempt.how);
                if (attempt.store)
                        buf_printf(run->report, " (in store %zu)", attempt.store + 1);
                buf_append_byte(run->report, '\n');
                buf_append_str(run->report, buf_str(&attempt.found));
        }
        buf_release(&attempt.found);
}

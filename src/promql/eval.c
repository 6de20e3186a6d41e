#include "promql/scan_int.h"

#include <stdlib.h>

#include "base/clock.h"

static const struct promql_options default_options = {
        .lookback_ms = 300000,
        .subquery_step_ms = 60000,
        .max_samples = 50000000,
        .max_bytes = 1 << 30,
        .timeout_ms = 120000,
        .threads = 1,
};

bool tally_end(struct eval *eval, const struct tally *tally, const struct grid *grid,
               struct error *err)
{
        size_t in = eval->budget.samples - tally->before;

        /* Input and output are held at once, and one step of the input a second time. */
        if (!query_budget_add_samples(&eval->budget, tally->out + in / grid->count, err))
                return false;
        eval->budget.samples = tally->before + tally->out;
        return true;
}

bool tally_check(const struct eval *eval, const struct tally *tally, struct error *err)
{
        return tally->before + tally->out <= eval->budget.samples_max ||
               error_set(err, ERROR_LIMIT,
                         "query processing would load too many samples into memory in query "
                         "execution");
}

/* ---- what is the same at all times ------------------------------------------------------- */

struct broadcast {
        const struct grid *grid;
        struct sink sink;
        struct query_arena *arena;
        double *v;
        const struct histogram **h; /* once there is one */
        size_t samples;
};

static bool broadcast_row(void *ctx, struct row *row, struct error *err)
{
        struct broadcast *broadcast = ctx;
        const struct histogram *h = row_histogram(row, 0);
        struct row wide = {row->labels, row->drop_name, broadcast->v, NULL};
        size_t count = broadcast->grid->count;

        for (size_t i = 0; i < count; i++)
                broadcast->v[i] = row->v[0];
        if (h && !broadcast->h)
                broadcast->h = arena_array(&broadcast->arena->arena, const struct histogram *,
                                           count);
        for (size_t i = 0; h && i < count; i++)
                broadcast->h[i] = h;
        wide.h = h ? broadcast->h : NULL;
        broadcast->samples += row_samples(row, 1);
        return sink_push(broadcast->sink, &wide, err);
}

static bool eval_invariant(struct eval *eval, const struct node *node, const struct grid *grid,
                           struct sink sink, struct error *err)
{
        struct grid once = {grid->start_ms, grid->step_ms, 1, false};
        struct query_arena arena;
        struct broadcast broadcast = {grid, sink, &arena, NULL, NULL, 0};
        bool ok;

        query_arena_init(&arena, &eval->budget);
        broadcast.v = arena_array(&arena.arena, double, grid->count);
        ok = eval_vector(eval, node, &once, (struct sink){broadcast_row, &broadcast}, err);
        query_arena_release(&arena);
        return ok && query_budget_add_samples(&eval->budget,
                                              broadcast.samples * (grid->count - 1), err);
}

/* ---- dispatch ---------------------------------------------------------------------------- */

static void negate(const void *ctx, const struct grid *grid, double *v)
{
        (void)ctx;
        for (size_t i = 0; i < grid->count; i++)
                if (!row_is_absent(v[i]))
                        v[i] = -v[i];
}

static const struct histogram *negate_histogram(const void *ctx, struct arena *arena,
                                                const struct grid *grid, size_t step,
                                                const struct histogram *h, double *v)
{
        (void)ctx, (void)grid, (void)step, (void)v;
        return histogram_multiply(arena, h, -1);
}

static bool eval_unary(struct eval *eval, const struct node *node, const struct grid *grid,
                       struct sink sink, struct error *err)
{
        struct map map = {node->unary.expr, negate, negate_histogram, NULL, true};

        if (node->unary.op == TOKEN_ADD)
                return eval_vector(eval, node->unary.expr, grid, sink, err);
        return eval_map(eval, &map, grid, sink, err);
}

bool eval_vector(struct eval *eval, const struct node *node, const struct grid *grid,
                 struct sink sink, struct error *err)
{
        node = node_unwrap(node);
        if (eval_plan(eval, node)->invariant && grid->ranged)
                return eval_invariant(eval, node, grid, sink, err);
        switch (node->kind) {
        case NODE_SELECTOR:
                return eval_selector(eval, node, grid, SELECT_SAMPLE, sink, err);
        case NODE_CALL:
                return eval_call(eval, node, grid, sink, err);
        case NODE_AGGREGATE:
                return eval_aggregate(eval, node, grid, sink, err);
        case NODE_BINARY:
                return eval_binary(eval, node, grid, sink, err);
        case NODE_UNARY:
                return eval_unary(eval, node, grid, sink, err);
        default:
                BUG_ON(true);
        }
}

struct only_element {
        double *v;
        uint8_t *seen;
        size_t count;
};

static bool keep_only_element(void *ctx, struct row *row, struct error *err)
{
        struct only_element *only = ctx;

        (void)err;
        for (size_t i = 0; i < only->count; i++) {
                if (row_is_absent(row->v[i]) || row_histogram(row, i))
                        continue;
                only->v[i] = only->seen[i] ? number_nan() : row->v[i];
                only->seen[i] = 1;
        }
        return true;
}

/* scalar(v): the value of the only element, or NaN. */
static bool eval_scalar_of(struct eval *eval, const struct node *node, const struct grid *grid,
                           double *ret_v, struct error *err)
{
        struct tally tally = tally_begin(eval);
        struct only_element only = {ret_v, arena_array(&eval->keep.arena, uint8_t, grid->count),
                                    grid->count};

        for (size_t i = 0; i < grid->count; i++)
                ret_v[i] = number_nan();
        tally.out = grid->count;
        return eval_vector(eval, node->call.args[0], grid,
                           (struct sink){keep_only_element, &only}, err) &&
               tally_end(eval, &tally, grid, err);
}

static bool eval_min_or_max(struct eval *eval, const struct node *node, const struct grid *grid,
                            double *ret_v, struct error *err)
{
        bool max = function_kind(node->call.function) == FUNCTION_MAX_OF;
        double *other;

        if (!eval_scalar(eval, node->call.args[0], grid, ret_v, err) ||
            !eval_scalar_new(eval, node->call.args[1], grid, &other, err))
                return false;
        for (size_t i = 0; i < grid->count; i++)
                ret_v[i] = max ? number_max(ret_v[i], other[i]) : number_min(ret_v[i], other[i]);
        return true;
}

static bool eval_scalar_call(struct eval *eval, const struct node *node, const struct grid *grid,
                             double *ret_v, struct error *err)
{
        const struct promql_query *query = &eval->query;
        double value;

        switch (function_kind(node->call.function)) {
        case FUNCTION_SCALAR:
                return eval_scalar_of(eval, node, grid, ret_v, err);
        case FUNCTION_MIN_OF:
        case FUNCTION_MAX_OF:
                return eval_min_or_max(eval, node, grid, ret_v, err);
        case FUNCTION_TIME:
                for (size_t i = 0; i < grid->count; i++)
                        ret_v[i] = (double)grid_time(grid, i) / 1000;
                return true;
        case FUNCTION_PI:
                value = M_PI;
                break;
        case FUNCTION_START:
                value = (double)query->start_ms / 1000;
                break;
        case FUNCTION_END:
                value = (double)query->end_ms / 1000;
                break;
        case FUNCTION_RANGE:
                value = (double)(query->end_ms - query->start_ms) / 1000;
                break;
        case FUNCTION_STEP:
                value = query->start_ms == query->end_ms ? 0 : (double)query->step_ms / 1000;
                break;
        default:
                BUG_ON(true);
        }
        for (size_t i = 0; i < grid->count; i++)
                ret_v[i] = value;
        return true;
}

static bool eval_scalar_invariant(struct eval *eval, const struct node *node,
                                  const struct grid *grid, double *ret_v, struct error *err)
{
        struct grid once = {grid->start_ms, grid->step_ms, 1, false};
        double value;

        if (!eval_scalar(eval, node, &once, &value, err))
                return false;
        for (size_t i = 0; i < grid->count; i++)
                ret_v[i] = value;
        return true;
}

bool eval_scalar(struct eval *eval, const struct node *node, const struct grid *grid,
                 double *ret_v, struct error *err)
{
        node = node_unwrap(node);
        if (eval_plan(eval, node)->invariant && grid->count > 1)
                return eval_scalar_invariant(eval, node, grid, ret_v, err);
        if (!query_budget_check(&eval->budget, err))
                return false;
        switch (node->kind) {
        case NODE_NUMBER:
                for (size_t i = 0; i < grid->count; i++)
                        ret_v[i] = node->number.value;
                return true;
        case NODE_CALL:
                return eval_scalar_call(eval, node, grid, ret_v, err);
        case NODE_BINARY:
                return eval_binary_scalars(eval, node, grid, ret_v, err);
        case NODE_UNARY:
                if (!eval_scalar(eval, node->unary.expr, grid, ret_v, err))
                        return false;
                if (node->unary.op == TOKEN_SUB)
                        negate(NULL, grid, ret_v);
                return true;
        default:
                BUG_ON(true);
        }
}

bool eval_scalar_new(struct eval *eval, const struct node *node, const struct grid *grid,
                     double **ret_v, struct error *err)
{
        double *v = arena_array(&eval->keep.arena, double, grid->count);

        *ret_v = v;
        return eval_scalar(eval, node, grid, v, err);
}

/* ---- results ----------------------------------------------------------------------------- */

struct answer {
        struct eval *eval;
        struct arena *arena;
        struct promql_series *series;
        size_t count, capacity;
        const int64_t *times; /* shared by rows without gaps */
};

static bool fail_full(struct error *err)
{
        return error_set(err, ERROR_LIMIT, "the result of the query is too large");
}

static struct promql_series *answer_add(struct answer *answer, struct labels labels)
{
        if (answer->count == answer->capacity) {
                size_t capacity = answer->capacity ? answer->capacity * 2 : 16;
                struct promql_series *series = arena_array(answer->arena, struct promql_series,
                                                           capacity);

                if (answer->count)
                        memcpy(series, answer->series, answer->count * sizeof(*series));
                answer->series = series;
                answer->capacity = capacity;
        }
        answer->series[answer->count] = (struct promql_series){
                .labels = labels_copy(answer->arena, labels)};
        return &answer->series[answer->count++];
}

/* The histograms of a series among `count` values; NULL when there are none. They live in the
 * result's arena, each once. */
static const struct histogram **answer_histograms(struct answer *answer,
                                                  const struct histogram *const *h,
                                                  const double *v, size_t count, size_t kept)
{
        const struct histogram **list = NULL, *last = NULL, *copy = NULL;
        size_t used = 0;

        for (size_t i = 0; h && i < count; i++) {
                if (row_is_absent(v[i]))
                        continue;
                if (h[i]) {
                        if (!list)
                                list = arena_array(answer->arena, const struct histogram *, kept);
                        if (h[i] != last)
                                copy = histogram_copy(answer->arena, h[i]);
                        last = h[i];
                        list[used] = copy;
                }
                used++;
        }
        return list;
}

static bool answer_put(struct answer *answer, struct labels labels,
                       const struct samples *samples, struct error *err)
{
        size_t count = samples->count;
        struct promql_series *series;
        int64_t *times;
        double *values;

        times = arena_try_alloc(answer->arena, count * sizeof(*times));
        values = arena_try_alloc(answer->arena, count * sizeof(*values));
        if (!times || !values || arena_over_budget(answer->arena))
                return fail_full(err);
        memcpy(times, samples->t_ms, count * sizeof(*times));
        memcpy(values, samples->v, count * sizeof(*values));
        series = answer_add(answer, labels);
        series->t_ms = times;
        series->v = values;
        series->h = answer_histograms(answer, samples->h, samples->v, count, count);
        series->count = count;
        return true;
}

static bool answer_row(void *ctx, struct row *row, struct error *err)
{
        struct answer *answer = ctx;
        const struct grid *grid = &answer->eval->grid;
        size_t present = row_present(row->v, grid->count), used = 0;
        struct promql_series *series;
        int64_t *times = NULL;
        double *values;

        values = arena_try_alloc(answer->arena, present * sizeof(*values));
        if (present < grid->count)
                times = arena_try_alloc(answer->arena, present * sizeof(*times));
        if (!values || (present < grid->count && !times) || arena_over_budget(answer->arena))
                return fail_full(err);
        for (size_t i = 0; i < grid->count; i++) {
                if (row_is_absent(row->v[i]))
                        continue;
                if (times)
                        times[used] = grid_time(grid, i);
                values[used++] = row->v[i];
        }
        series = answer_add(answer, row->labels);
        series->t_ms = times ? times : answer->times;
        series->v = values;
        series->h = answer_histograms(answer, row->h, row->v, grid->count, present);
        series->count = present;
        return !series->h || query_budget_check(&answer->eval->budget, err);
}

static bool answer_samples(void *ctx, const struct row *row, const struct samples *samples,
                           struct error *err)
{
        struct answer *answer = ctx;
        struct labels labels = row->labels;

        if (row->drop_name)
                labels = labelset_drop_metadata(&answer->eval->keep.arena, labels);
        return !samples->count || answer_put(answer, labels, samples, err);
}

struct delayed {
        struct eval *eval;
        struct sink sink;
};

static bool drop_delayed(void *ctx, struct row *row, struct error *err)
{
        struct delayed *delayed = ctx;

        if (row->drop_name)
                row->labels = labelset_drop_metadata(&delayed->eval->keep.arena, row->labels);
        return sink_push(delayed->sink, row, err);
}

/* The whole expression, its names removed at the end. */
static bool run_delayed(struct eval *eval, const void *ctx, const struct grid *grid,
                        struct sink sink, struct error *err)
{
        struct delayed delayed = {eval, sink};

        return eval_vector(eval, ctx, grid, (struct sink){drop_delayed, &delayed}, err);
}

static bool eval_root_vector(struct eval *eval, struct answer *answer, struct error *err)
{
        const struct node *root = eval->expr->root;
        struct sink sink = {answer_row, answer};

        if (eval->options.features.delayed_name_removal)
                return eval_merged(eval, (struct producer){run_delayed, root}, &eval->grid,
                                   false, sink, err);
        return eval_vector(eval, root, &eval->grid, sink, err);
}

static bool eval_root_scalar(struct eval *eval, struct answer *answer,
                             struct promql_result *result, struct error *err)
{
        double *v;
        struct row row;

        if (!eval_scalar_new(eval, eval->expr->root, &eval->grid, &v, err) ||
            !query_budget_add_samples(&eval->budget, eval->grid.count, err))
                return false;
        if (!eval->query.step_ms) {
                result->type = PROMQL_SCALAR;
                result->scalar = (struct sample){eval->query.start_ms, v[0]};
                return true;
        }
        row = (struct row){.v = v};
        return answer_row(answer, &row, err);
}

static int compare_series(const void *a, const void *b)
{
        const struct promql_series *x = a, *y = b;

        return labels_compare(x->labels, y->labels);
}

static bool eval_root(struct eval *eval, struct arena *arena, struct promql_result *result,
                      struct error *err)
{
        const struct node *root = node_unwrap(eval->expr->root);
        struct answer answer = {eval, arena, NULL, 0, 0, NULL};
        int64_t *times = arena_try_alloc(arena, eval->grid.count * sizeof(*times));
        bool ok;

        if (!times)
                return fail_full(err);
        for (size_t i = 0; i < eval->grid.count; i++)
                times[i] = grid_time(&eval->grid, i);
        answer.times = times;
        result->type = eval->query.step_ms ? PROMQL_MATRIX : node_type(root);
        switch (node_type(root)) {
        case PROMQL_STRING:
                result->string = arena_str(arena, root->string);
                result->scalar.t_ms = eval->query.start_ms;
                return true;
        case PROMQL_SCALAR:
                ok = eval_root_scalar(eval, &answer, result, err);
                break;
        case PROMQL_VECTOR:
                ok = eval_root_vector(eval, &answer, err);
                break;
        default:
                ok = eval_matrix(eval, root, &eval->grid,
                                 (struct samples_sink){answer_samples, &answer}, err);
        }
        result->series = answer.series;
        result->series_count = answer.count;
        return ok;
}

static void note_store_warnings(struct eval *eval)
{
        size_t count;
        const char *const *warnings = querier_warnings(eval->querier, &count);

        for (size_t i = 0; i < count; i++)
                notes_store(&eval->notes, warnings[i]);
}

static bool run(struct eval *eval, const struct series_source *source, struct arena *arena,
                struct promql_result *result, struct error *err)
{
        int64_t mint_ms, maxt_ms, began = clock_mono_ns(&clock_real), now;
        bool ok;

        if (!eval_prepare(eval, &mint_ms, &maxt_ms, err) ||
            !source->open(source->ctx, mint_ms, maxt_ms, &eval->querier, err))
                return false;
        ok = eval_select(eval, err);
        now = clock_mono_ns(&clock_real);
        eval->stats.prepare_ns = now - began;
        ok = ok && eval_root(eval, arena, result, err);
        note_store_warnings(eval);
        eval->querier->ops->close(eval->querier);
        began = clock_mono_ns(&clock_real);
        eval->stats.eval_ns = began - now;
        if (ok && result->type == PROMQL_MATRIX && result->series_count)
                qsort(result->series, result->series_count, sizeof(*result->series),
                      compare_series);
        eval->stats.sort_ns = clock_mono_ns(&clock_real) - began;
        return ok;
}

static void fill_options(struct eval *eval, const struct promql_options *given)
{
        struct promql_options *options = &eval->options;

        *options = given ? *given : default_options;
        if (eval->query.lookback_ms)
                options->lookback_ms = eval->query.lookback_ms;
        if (!options->lookback_ms)
                options->lookback_ms = default_options.lookback_ms;
        if (!options->subquery_step_ms)
                options->subquery_step_ms = default_options.subquery_step_ms;
        if (!options->max_samples)
                options->max_samples = default_options.max_samples;
        if (!options->max_bytes)
                options->max_bytes = default_options.max_bytes;
        if (!options->timeout_ms)
                options->timeout_ms = default_options.timeout_ms;
        if (!options->threads)
                options->threads = 1;
}

static bool check_query(const struct promql_query *query, struct error *err)
{
        enum promql_type type = promql_expr_type(query->expr);

        if (!query->step_ms)
                return true;
        if (query->step_ms < 0 || query->end_ms < query->start_ms)
                return error_set(err, ERROR_INVALID, "end timestamp must not be before start");
        if (type != PROMQL_SCALAR && type != PROMQL_VECTOR)
                return error_set(err, ERROR_INVALID,
                                 "invalid expression type \"%s\" for range query, must be Scalar "
                                 "or instant Vector",
                                 type == PROMQL_MATRIX ? "range vector" : "string");
        return true;
}

bool promql_query_run(const struct series_source *source, const struct promql_options *options,
                      const struct promql_query *query, struct arena *arena,
                      struct promql_result *ret_result, struct error *err)
{
        struct eval eval = {.expr = query->expr, .query = *query};
        struct promql_result result = {0};
        bool ok;

        if (!check_query(query, err))
                return false;
        fill_options(&eval, options);
        eval.query.start_ms = eval_clamp_time(query->start_ms);
        eval.query.end_ms = eval_clamp_time(query->end_ms);
        eval.grid = (struct grid){eval.query.start_ms, query->step_ms, 1,
                                  eval.query.start_ms != eval.query.end_ms};
        if (query->step_ms)
                eval.grid.count = (size_t)((eval.query.end_ms - eval.query.start_ms) /
                                           query->step_ms) + 1;
        query_budget_init(&eval.budget, eval.options.max_samples, eval.options.max_bytes,
                          eval.options.timeout_ms, query->cancel);
        if (eval.options.max_read)
                eval.budget.read_max = eval.options.max_read;
        if (eval.grid.count > eval.budget.samples_max)
                return error_set(err, ERROR_LIMIT,
                                 "query processing would load too many samples into memory in "
                                 "query execution");
        query_arena_init(&eval.keep, &eval.budget);
        query_arena_init(&eval.rows, &eval.budget);
        notes_init(&eval.notes, &eval.keep.arena, eval.expr->text);
        if (query->per_step_stats) {
                eval.stats.samples_per_step = arena_array(arena, uint64_t, eval.grid.count);
                eval.stats.step_count = eval.grid.count;
        }
        ok = run(&eval, source, arena, &result, err);
        if (ok) {
                notes_finish(&eval.notes, arena, &result.notes);
                eval.stats.samples_peak = eval.budget.samples_peak;
                result.stats = eval.stats;
                *ret_result = result;
        }
        query_arena_release(&eval.rows);
        query_arena_release(&eval.keep);
        return ok;
}

/* Functions over range vectors: windows that slide over the samples of one series. */
#include "promql/eval_int.h"

const struct node *range_argument(const struct node *call)
{
        for (size_t i = 0; i < call->call.arg_count; i++) {
                const struct node *arg = node_unwrap(call->call.args[i]);

                if (node_type(arg) == PROMQL_MATRIX)
                        return arg;
        }
        BUG_ON(true);
}

/* Between looks at the clock: well below a tenth of a second of work. */
enum { SAMPLES_BETWEEN_CHECKS = 1 << 24 };

struct range_job {
        struct eval *eval;
        const struct node *call, *argument;
        const struct range_kind *kind;
        struct scan scan; /* its windows; its list only for a selector */
        struct sink sink;
        struct tally tally;
        double *args[FUNCTION_ARGS_MAX];
        double *v;              /* of a subquery's row */
        struct scratch scratch; /* of a subquery's rows */
        bool *warned; /* by time: about the quantile there */
        struct str last_name;
};

/* Positions where the counter falls, or where the value changes. */
static size_t find_events(const struct range_kind *kind, const struct samples *samples,
                          struct scratch *scratch)
{
        size_t *events, count = 0;

        if (kind->events == EVENTS_NONE)
                return 0;
        events = scratch_events(scratch, samples->count);
        for (size_t i = 1; i < samples->count; i++) {
                double previous = samples->v[i - 1], v = samples->v[i];
                bool event = kind->events == EVENTS_RESETS
                                     ? v < previous
                                     : v != previous && !(isnan(v) && isnan(previous));

                if (event)
                        events[count++] = i;
        }
        return count;
}

static void compute_windows(const void *ctx, struct scratch *scratch,
                            const struct samples *samples, size_t from, size_t to, double *v)
{
        const struct range_job *job = ctx;
        size_t low = 0, high = 0, event_low = 0, event_high = 0;
        size_t event_count = find_events(job->kind, samples, scratch);
        struct window window = {.range_ms = job->scan.range_ms, .scratch = scratch};
        size_t unchecked = 0;

        for (size_t step = from; step < to; step++) {
                window.end_ms = scan_window_end(&job->scan, step);
                window.start_ms = window.end_ms - job->scan.range_ms;
                window.eval_ms = grid_time(job->scan.grid, step);
                while (high < samples->count && samples->t_ms[high] <= window.end_ms)
                        high++;
                while (low < high && samples->t_ms[low] <= window.start_ms)
                        low++;
                if (low == high)
                        continue;
                /* Whoever hands the row on finds out the same, and says why. */
                unchecked += high - low;
                if (unchecked > SAMPLES_BETWEEN_CHECKS &&
                    query_budget_expired(&job->eval->budget))
                        return;
                unchecked = unchecked > SAMPLES_BETWEEN_CHECKS ? 0 : unchecked;
                while (event_high < event_count && scratch->events[event_high] < high)
                        event_high++;
                while (event_low < event_high && scratch->events[event_low] <= low)
                        event_low++;
                window.t_ms = samples->t_ms + low;
                window.v = samples->v + low;
                window.count = high - low;
                window.base = low;
                window.events = event_count ? scratch->events + event_low : NULL;
                window.event_count = event_high - event_low;
                for (size_t a = 0; a < job->call->call.arg_count; a++)
                        window.args[a] = job->args[a] ? job->args[a][step] : 0;
                job->kind->function(&window, &v[step]);
                scratch->samples_read += window.count;
                if (scratch->per_step)
                        scratch->per_step[step] += window.count;
        }
}

static void compute_series(const void *ctx, struct scratch *scratch, size_t index, size_t from,
                           size_t to, double *v)
{
        (void)index;
        compute_windows(ctx, scratch, &scratch->samples, from, to, v);
}

/* rate and increase of something that does not look like a counter. */
static void note_non_counter(struct range_job *job, struct labels labels)
{
        /* Prometheus loses the position of a subquery. */
        static const struct node start_of_text = {0};
        enum function_kind kind = function_kind(job->call->call.function);
        const struct node *argument = node_unwrap(job->call->call.args[0]);
        struct str name;

        if (kind != FUNCTION_RATE && kind != FUNCTION_INCREASE)
                return;
        name = labels_get(labels, LABEL_METRIC_NAME);
        if (!name.len || str_equal(name, job->last_name))
                return;
        job->last_name = name;
        if (str_ends_with(name, STR_LIT("_total")) || str_ends_with(name, STR_LIT("_sum")) ||
            str_ends_with(name, STR_LIT("_count")) || str_ends_with(name, STR_LIT("_bucket")))
                return;
        notes_info(&job->eval->notes,
                   argument->kind == NODE_SUBQUERY ? &start_of_text : argument,
                   "metric might not be a counter, name does not end in "
                   "_total/_sum/_count/_bucket: \"" STR_FMT "\"",
                   STR_ARG(name));
}

/* Where the series has a result; elsewhere nobody looked at the quantile. */
static void warn_quantile(struct range_job *job, const double *v)
{
        const double *q = job->args[0];
        size_t count = job->scan.grid->count;

        if (function_kind(job->call->call.function) != FUNCTION_QUANTILE_OVER_TIME)
                return;
        if (!job->warned)
                job->warned = arena_array(&job->eval->keep.arena, bool, count);
        for (size_t i = 0; i < count; i++) {
                if (job->warned[i] || row_is_absent(v[i]))
                        continue;
                job->warned[i] = true;
                quantile_warn(job->eval, job->call->call.args[0], q[i]);
        }
}

static bool emit_labelled(struct range_job *job, struct row *row, struct error *err)
{
        size_t present = row_present(row->v, job->scan.grid->count);

        if (!present)
                return true;
        job->tally.out += present;
        if (!tally_check(job->eval, &job->tally, err))
                return false;
        warn_quantile(job, row->v);
        note_non_counter(job, row->labels);
        if (!job->kind->keeps_name)
                eval_row_computed(job->eval, row);
        return sink_push(job->sink, row, err);
}

static bool emit_series(void *ctx, size_t index, double *v, struct error *err)
{
        struct range_job *job = ctx;
        struct row row = {.labels = job->scan.list->items[index].labels, .v = v};

        return emit_labelled(job, &row, err);
}

static bool compute_subquery_row(void *ctx, const struct row *inner,
                                 const struct samples *samples, struct error *err)
{
        struct range_job *job = ctx;
        struct row row = {inner->labels, inner->drop_name, job->v};
        size_t count = job->scan.grid->count;

        for (size_t i = 0; i < count; i++)
                job->v[i] = row_absent();
        compute_windows(job, &job->scratch, samples, 0, count, job->v);
        return query_budget_check(&job->eval->budget, err) && emit_labelled(job, &row, err);
}

static bool run_over_subquery(struct range_job *job, const struct grid *grid, struct error *err)
{
        struct eval *eval = job->eval;
        struct query_arena arena;
        bool ok;

        query_arena_init(&arena, &eval->budget);
        job->v = arena_array(&arena.arena, double, grid->count);
        ok = eval_subquery(eval, job->argument, grid,
                           (struct samples_sink){compute_subquery_row, job}, err);
        if (!eval->subqueries)
                eval->stats.samples_total += job->scratch.samples_read;
        scratch_release(&job->scratch);
        query_arena_release(&arena);
        return ok;
}

/* Smoothing factors are checked for all steps at once: no series can be computed with them. */
static bool check_smoothing(const struct range_job *job, const struct grid *grid,
                            struct error *err)
{
        if (function_kind(job->call->call.function) != FUNCTION_DOUBLE_EXPONENTIAL_SMOOTHING)
                return true;
        for (size_t i = 0; i < grid->count; i++) {
                double smoothing = job->args[1] ? job->args[1][i] : 0;
                double trend = job->args[2] ? job->args[2][i] : 0;

                if (!(smoothing > 0 && smoothing < 1))
                        return error_set(err, ERROR_EXECUTION,
                                         "invalid smoothing factor. Expected: 0 < sf < 1, got: %f",
                                         smoothing);
                if (!(trend > 0 && trend < 1))
                        return error_set(err, ERROR_EXECUTION,
                                         "invalid trend factor. Expected: 0 < tf < 1, got: %f",
                                         trend);
        }
        return true;
}

static bool run_range_call(struct eval *eval, const void *ctx, const struct grid *grid,
                           struct sink sink, struct error *err)
{
        const struct node *call = ctx, *argument = range_argument(call);
        const struct node *shifted =
                argument->kind == NODE_MATRIX ? argument->matrix.selector : argument;
        const struct node_plan *plan = eval_plan(eval, shifted);
        struct range_job job = {
                .eval = eval,
                .call = call,
                .argument = argument,
                .kind = range_kind_of(function_kind(call->call.function)),
                .sink = sink,
                .tally = tally_begin(eval),
                .scan = {.list = &plan->list,
                         .grid = grid,
                         .fixed = plan->has_at,
                         .at_ms = plan->at_ms,
                         .offset_ms = plan->offset_ms,
                         .range_ms = eval_plan(eval, argument)->range_ms,
                         .compute = compute_series,
                         .emit = emit_series},
        };
        bool ok;

        job.scan.ctx = &job;
        for (size_t i = 0; i < call->call.arg_count; i++)
                if (node_unwrap(call->call.args[i]) != argument &&
                    !eval_scalar_new(eval, call->call.args[i], grid, &job.args[i], err))
                        return false;
        if (!check_smoothing(&job, grid, err))
                return false;
        ok = argument->kind == NODE_MATRIX ? scan_run(eval, &job.scan, err)
                                           : run_over_subquery(&job, grid, err);
        return ok && tally_end(eval, &job.tally, grid, err);
}

bool eval_range_call(struct eval *eval, const struct node *call, const struct grid *grid,
                     struct sink sink, struct error *err)
{
        const struct node *argument = range_argument(call);
        const struct range_kind *kind = range_kind_of(function_kind(call->call.function));

        if (argument->kind == NODE_MATRIX && (argument->matrix.selector->selector.anchored ||
                                              argument->matrix.selector->selector.smoothed))
                return eval_unsupported(err, "the anchored and smoothed modifiers");
        if (!kind->keeps_name && !eval->options.features.delayed_name_removal &&
            !eval_rows_unique(eval, argument))
                return eval_merged(eval, (struct producer){run_range_call, call}, grid, true,
                                   sink, err);
        return run_range_call(eval, call, grid, sink, err);
}

/* ---- range vectors as such --------------------------------------------------------------- */

static bool eval_matrix_selector(struct eval *eval, const struct node *node,
                                 const struct grid *grid, struct samples_sink sink,
                                 struct error *err)
{
        const struct node_plan *plan = eval_plan(eval, node->matrix.selector);
        int64_t end_ms = (plan->has_at ? plan->at_ms : grid->start_ms) - plan->offset_ms;
        struct samples samples = {0};
        bool ok = true;

        for (size_t i = 0; i < plan->list.count && ok; i++) {
                struct row row = {.labels = plan->list.items[i].labels};

                ok = query_budget_check(&eval->budget, err) &&
                     scan_read(eval, &plan->list.items[i],
                               end_ms - eval_plan(eval, node)->range_ms + 1, end_ms, false,
                               &samples, err) &&
                     query_budget_add_samples(&eval->budget, samples.count, err) &&
                     sink.push(sink.ctx, &row, &samples, err);
                if (!eval->subqueries)
                        eval->stats.samples_total += samples.count;
        }
        samples_release(&samples);
        return ok;
}

bool eval_matrix(struct eval *eval, const struct node *node, const struct grid *grid,
                 struct samples_sink sink, struct error *err)
{
        if (node->kind == NODE_SUBQUERY)
                return eval_subquery(eval, node, grid, sink, err);
        if (node->matrix.selector->selector.anchored || node->matrix.selector->selector.smoothed)
                return eval_unsupported(err, "the anchored and smoothed modifiers");
        return eval_matrix_selector(eval, node, grid, sink, err);
}

/* ---- subqueries -------------------------------------------------------------------------- */

struct subquery {
        const struct grid *grid; /* its own */
        struct samples samples;  /* columns of grid->count */
        struct samples_sink sink;
};

static bool subquery_row(void *ctx, struct row *row, struct error *err)
{
        struct subquery *subquery = ctx;
        struct samples *samples = &subquery->samples;

        samples_truncate(samples, 0);
        for (size_t i = 0; i < subquery->grid->count; i++) {
                if (row_is_absent(row->v[i]))
                        continue;
                samples->t_ms[samples->count] = grid_time(subquery->grid, i);
                samples->v[samples->count++] = row->v[i];
        }
        return subquery->sink.push(subquery->sink.ctx, row, samples, err);
}

/* A subquery is evaluated at the multiples of its step that any of the windows covers. */
bool eval_subquery(struct eval *eval, const struct node *node, const struct grid *grid,
                   struct samples_sink sink, struct error *err)
{
        const struct node_plan *plan = eval_plan(eval, node);
        int64_t first_ms = plan->has_at ? plan->at_ms : grid->start_ms;
        int64_t last_ms = plan->has_at ? plan->at_ms : grid_time(grid, grid->count - 1);
        int64_t behind_ms = first_ms - plan->offset_ms - plan->range_ms;
        struct grid own = {behind_ms / plan->step_ms * plan->step_ms, plan->step_ms, 1, true};
        struct subquery subquery = {.grid = &own, .sink = sink};
        struct query_arena arena;
        bool ok;

        if (own.start_ms <= behind_ms)
                own.start_ms += own.step_ms;
        if (last_ms - plan->offset_ms < own.start_ms)
                return true;
        own.count = (size_t)((last_ms - plan->offset_ms - own.start_ms) / own.step_ms) + 1;
        if (own.count > eval->budget.samples_max)
                return query_budget_add_samples(&eval->budget, own.count, err);
        query_arena_init(&arena, &eval->budget);
        subquery.samples.t_ms = arena_array(&arena.arena, int64_t, own.count);
        subquery.samples.v = arena_array(&arena.arena, double, own.count);
        eval->subqueries++;
        ok = query_budget_check(&eval->budget, err) &&
             eval_vector(eval, node->subquery.expr, &own, (struct sink){subquery_row, &subquery},
                         err);
        eval->subqueries--;
        query_arena_release(&arena);
        return ok;
}

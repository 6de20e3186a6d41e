/* Functions over range vectors: windows that slide over the samples of one series. */
#include "promql/func_range_int.h"

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
        enum range_extension extend;
        bool stats, starts;     /* what is asked of histograms; do start timestamps count? */
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

static void count_read(struct scratch *scratch, size_t step, size_t samples)
{
        scratch->samples_read += samples;
        if (scratch->per_step)
                scratch->per_step[step] += samples;
}

static void fill_args(const struct range_job *job, size_t step, struct window *window)
{
        for (size_t a = 0; a < job->call->call.arg_count; a++)
                window->args[a] = job->args[a] ? job->args[a][step] : 0;
}

static void compute_windows(const struct range_job *job, struct scratch *scratch,
                            const struct samples *samples, size_t from, size_t to, double *v)
{
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
                fill_args(job, step, &window);
                job->kind->function(&window, &v[step]);
                count_read(scratch, step, window.count);
        }
}

/* ---- windows of several kinds of samples ------------------------------------------------- */

static void add_point(struct points *points, const struct samples *samples, size_t at,
                      const struct histogram *h, bool starts)
{
        points->t_ms[points->count] = samples->t_ms[at];
        points->start_ms[points->count] = starts && samples->start_ms ? samples->start_ms[at] : 0;
        points->v[points->count] = samples->v[at];
        points->reset[points->count] = false;
        points->h[points->count++] = h;
}

/* Here once, since windows overlap. */
static void find_resets(struct points *points)
{
        for (size_t i = 1; i < points->count; i++)
                points->reset[i] = histogram_detect_reset(points->h[i], points->h[i - 1]);
}

/* Sorts samples by kind. */
static void split_samples(const struct range_job *job, struct scratch *scratch,
                          const struct samples *samples)
{
        points_reserve(&scratch->floats, samples->count);
        points_reserve(&scratch->histograms, samples->count);
        scratch->floats.count = scratch->histograms.count = 0;
        for (size_t i = 0; i < samples->count; i++) {
                const struct histogram *h = samples_histogram(samples, i);

                if (h)
                        h = histogram_with_reset(&scratch->made, h,
                                                 selector_reset(samples, i, job->stats));
                add_point(h ? &scratch->histograms : &scratch->floats, samples, i, h,
                          job->starts);
        }
        if (job->kind->events == EVENTS_RESETS)
                find_resets(&scratch->histograms);
}

/* The part of the points in a window, as points. */
struct pane {
        const struct points *all;
        size_t low, high;
        struct points view;
};

static void slide(struct pane *pane, int64_t from_ms, int64_t to_ms)
{
        const struct points *all = pane->all;

        while (pane->high < all->count && all->t_ms[pane->high] <= to_ms)
                pane->high++;
        while (pane->low < pane->high && all->t_ms[pane->low] <= from_ms)
                pane->low++;
        pane->view = (struct points){
                .t_ms = all->t_ms + pane->low,
                .start_ms = all->start_ms + pane->low,
                .v = all->v + pane->low,
                .h = all->h + pane->low,
                .reset = all->reset + pane->low,
                .count = pane->high - pane->low,
        };
}

/* Functions of floats alone say that they left histograms out. */
static bool call_with_floats(const struct range_job *job, struct window *window, double *ret_v)
{
        if (!window->count)
                return false;
        if (window->histograms->count)
                window->notes |= NOTE_IGNORED_IN_RANGE;
        return job->kind->function(window, ret_v);
}

static void call_mixed(const struct range_job *job, struct scratch *scratch,
                       struct window *window, size_t step, struct scan_row *row)
{
        size_t read = window->floats->count;
        double v = 0;
        bool some;

        for (size_t i = 0; i < window->histograms->count; i++)
                read += histogram_samples(window->histograms->h[i]);
        count_read(scratch, step, read);
        fill_args(job, step, window);
        window->result = NULL;
        window->notes = 0;
        some = job->kind->mixed ? job->kind->mixed(window, &v)
                                : call_with_floats(job, window, &v);
        row->notes |= window->notes;
        if (some && window->result)
                scan_row_put(scratch, row, step, window->result);
        else if (some)
                row->v[step] = v;
}

static void compute_mixed_windows(const struct range_job *job, struct scratch *scratch,
                                  const struct samples *samples, size_t from, size_t to,
                                  struct scan_row *row)
{
        struct pane floats = {.all = &scratch->floats}, histograms = {.all = &scratch->histograms};
        struct window window = {.range_ms = job->scan.range_ms,
                                .scratch = scratch,
                                .mixed = true,
                                .extended = job->extend,
                                .floats = &floats.view,
                                .histograms = &histograms.view};
        size_t unchecked = 0;

        split_samples(job, scratch, samples);
        for (size_t step = from; step < to; step++) {
                window.end_ms = scan_window_end(&job->scan, step);
                window.start_ms = window.end_ms - job->scan.range_ms;
                window.eval_ms = grid_time(job->scan.grid, step);
                slide(&floats, window.start_ms - job->scan.before_ms,
                      window.end_ms + job->scan.after_ms);
                slide(&histograms, window.start_ms - job->scan.before_ms,
                      window.end_ms + job->scan.after_ms);
                if (!floats.view.count && !histograms.view.count)
                        continue;
                unchecked += floats.view.count + 16 * histograms.view.count;
                if (unchecked > SAMPLES_BETWEEN_CHECKS) {
                        if (query_budget_expired(&job->eval->budget))
                                return;
                        unchecked = 0;
                }
                if (arena_over_budget(&scratch->made))
                        return;
                window.t_ms = floats.view.t_ms;
                window.v = floats.view.v;
                window.count = floats.view.count;
                window.base = floats.low;
                call_mixed(job, scratch, &window, step, row);
        }
}

static void compute_samples(const struct range_job *job, struct scratch *scratch,
                            const struct samples *samples, size_t from, size_t to,
                            struct scan_row *row)
{
        if (samples->h || (samples->start_ms && job->starts) || job->extend)
                compute_mixed_windows(job, scratch, samples, from, to, row);
        else
                compute_windows(job, scratch, samples, from, to, row->v);
}

static void compute_series(const void *ctx, struct scratch *scratch, size_t index, size_t from,
                           size_t to, struct scan_row *row)
{
        (void)index;
        compute_samples(ctx, scratch, &scratch->samples, from, to, row);
}

/* ---- notes ------------------------------------------------------------------------------- */

/* What Prometheus says of a range function it says of the first argument, and it loses the
 * position of a subquery. */
static const struct node *note_position(const struct range_job *job)
{
        static const struct node start_of_text = {0};
        const struct node *first = node_unwrap(job->call->call.args[0]);

        return first->kind == NODE_SUBQUERY ? &start_of_text : first;
}

static bool has_floats(const struct row *row, size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (!row_is_absent(row->v[i]) && !row_histogram(row, i))
                        return true;
        return false;
}

static void note_non_counter_type(struct range_job *job, struct labels labels, struct str name)
{
        struct str type = labels_get(labels, STR_LIT("__type__"));

        if (str_is(type, "counter") || str_is(type, "histogram"))
                return;
        notes_info(&job->eval->notes, note_position(job),
                   "metric might not be a counter, __type__ label is not set to \"counter\" or "
                   "\"histogram\", got \"" STR_FMT "\": \"" STR_FMT "\"",
                   STR_ARG(type), STR_ARG(name));
}

/* rate and increase of something that does not look like a counter. */
static void note_non_counter(struct range_job *job, const struct row *row)
{
        enum function_kind kind = function_kind(job->call->call.function);
        struct str name;

        if (kind != FUNCTION_RATE && kind != FUNCTION_INCREASE)
                return;
        name = labels_get(row->labels, LABEL_METRIC_NAME);
        if (!name.len)
                return;
        if (job->eval->options.features.type_and_unit_labels) {
                if (has_floats(row, job->scan.grid->count))
                        note_non_counter_type(job, row->labels, name);
                return;
        }
        if (str_equal(name, job->last_name) || !has_floats(row, job->scan.grid->count))
                return;
        job->last_name = name;
        if (str_ends_with(name, STR_LIT("_total")) || str_ends_with(name, STR_LIT("_sum")) ||
            str_ends_with(name, STR_LIT("_count")) || str_ends_with(name, STR_LIT("_bucket")))
                return;
        notes_info(&job->eval->notes, note_position(job),
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

static bool emit_labelled(struct range_job *job, struct row *row, uint32_t notes,
                          struct error *err)
{
        size_t samples = row_samples(row, job->scan.grid->count);

        if (UNLIKELY(notes != 0))
                notes_histograms(&job->eval->notes, note_position(job), notes,
                                 labels_get(row->labels, LABEL_METRIC_NAME));
        if (!samples)
                return true;
        job->tally.out += samples;
        if (!tally_check(job->eval, &job->tally, err))
                return false;
        warn_quantile(job, row->v);
        note_non_counter(job, row);
        if (!job->kind->keeps_name)
                eval_row_computed(job->eval, row);
        return sink_push(job->sink, row, err);
}

static bool emit_series(void *ctx, size_t index, const struct scan_row *found, struct error *err)
{
        struct range_job *job = ctx;
        struct row row = {job->scan.list->items[index].labels, false, found->v, found->h};

        return emit_labelled(job, &row, found->notes, err);
}

static bool compute_subquery_row(void *ctx, const struct row *inner,
                                 const struct samples *samples, struct error *err)
{
        struct range_job *job = ctx;
        size_t count = job->scan.grid->count;
        struct scan_row found = {.width = count, .v = job->v};
        struct query_budget *budget = &job->eval->budget;
        struct row row;
        size_t made;
        bool ok;

        for (size_t i = 0; i < count; i++)
                job->v[i] = row_absent();
        compute_samples(job, &job->scratch, samples, 0, count, &found);
        row = (struct row){inner->labels, inner->drop_name, found.v, found.h};
        made = job->scratch.made.used_bytes;
        budget->extra_bytes += made;
        ok = query_budget_check(budget, err) && emit_labelled(job, &row, found.notes, err);
        budget->extra_bytes -= made;
        if (made)
                arena_release(&job->scratch.made);
        return ok;
}

static bool run_over_subquery(struct range_job *job, const struct grid *grid, struct error *err)
{
        struct eval *eval = job->eval;
        struct query_arena arena;
        bool ok;

        query_arena_init(&arena, &eval->budget);
        arena_init(&job->scratch.made, eval->budget.bytes_max);
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

/* anchored looks for a sample before the window, smoothed also for one behind it. */
static void extend_windows(struct range_job *job, const struct node_selector *selector)
{
        int64_t lookback_ms = job->eval->options.lookback_ms;

        if (!selector->anchored && !selector->smoothed)
                return;
        job->extend = selector->anchored ? RANGE_ANCHORED : RANGE_SMOOTHED;
        job->scan.before_ms = lookback_ms;
        job->scan.after_ms = selector->smoothed ? lookback_ms : 0;
}

static bool check_extension(const struct node *call, const struct node *argument,
                            struct error *err)
{
        const struct node_selector *selector;
        bool rates, counts;

        if (argument->kind != NODE_MATRIX)
                return true;
        selector = &argument->matrix.selector->selector;
        switch (function_kind(call->call.function)) {
        case FUNCTION_DELTA:
        case FUNCTION_INCREASE:
        case FUNCTION_RATE:
                rates = counts = true;
                break;
        case FUNCTION_CHANGES:
        case FUNCTION_RESETS:
                rates = false;
                counts = true;
                break;
        default:
                rates = counts = false;
        }
        if (selector->anchored && !counts)
                return error_set(err, ERROR_EXECUTION,
                                 "anchored modifier can only be used with: changes, delta, "
                                 "increase, rate, resets - not with %s",
                                 call->call.function->name);
        if (selector->smoothed && !rates)
                return error_set(err, ERROR_EXECUTION,
                                 "smoothed modifier can only be used with: delta, increase, rate "
                                 "- not with %s",
                                 call->call.function->name);
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
                .stats = plan->stats,
                .starts = eval->options.features.start_timestamps,
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
        if (argument->kind == NODE_MATRIX)
                extend_windows(&job, &argument->matrix.selector->selector);
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

        if (!check_extension(call, argument, err))
                return false;
        if (!kind->keeps_name && !eval->options.features.delayed_name_removal &&
            !eval_rows_unique(eval, argument))
                return eval_merged(eval, (struct producer){run_range_call, call}, grid, true,
                                   sink, err);
        return run_range_call(eval, call, grid, sink, err);
}

/* ---- range vectors as such --------------------------------------------------------------- */

static size_t samples_weight(const struct samples *samples)
{
        size_t weight = samples->count;

        for (size_t i = 0; samples->h && i < samples->count; i++)
                if (samples->h[i])
                        weight += histogram_samples(samples->h[i]) - 1;
        return weight;
}

/* The samples of one series in the window, or with an extension what is made of them. */
static bool read_matrix(struct eval *eval, const struct node *node, const struct series *series,
                        int64_t end_ms, struct scratch *scratch, struct samples *extended,
                        uint32_t *notes, struct error *err)
{
        const struct node_selector *selector = &node->matrix.selector->selector;
        int64_t start_ms = end_ms - eval_plan(eval, node)->range_ms;
        int64_t lookback_ms = eval->options.lookback_ms;

        if (!selector->anchored && !selector->smoothed)
                return scan_read(eval, series, start_ms + 1, end_ms, false, &scratch->samples,
                                 err);
        if (!scan_read(eval, series, start_ms - lookback_ms + 1,
                       end_ms + (selector->smoothed ? lookback_ms : 0), false, &scratch->samples,
                       err))
                return false;
        range_extend(&scratch->samples, start_ms, end_ms, selector->smoothed, extended, scratch,
                     notes);
        return true;
}

static bool eval_matrix_selector(struct eval *eval, const struct node *node,
                                 const struct grid *grid, struct samples_sink sink,
                                 struct error *err)
{
        const struct node_plan *plan = eval_plan(eval, node->matrix.selector);
        const struct node_selector *selector = &node->matrix.selector->selector;
        int64_t end_ms = (plan->has_at ? plan->at_ms : grid->start_ms) - plan->offset_ms;
        struct samples extended = {0};
        struct scratch scratch = {0};
        const struct samples *samples = selector->anchored || selector->smoothed
                                                ? &extended
                                                : &scratch.samples;
        bool ok = true;

        arena_init(&scratch.made, eval->budget.bytes_max);
        for (size_t i = 0; i < plan->list.count && ok; i++) {
                struct row row = {.labels = plan->list.items[i].labels};
                uint32_t notes = 0;

                ok = query_budget_check(&eval->budget, err) &&
                     read_matrix(eval, node, &plan->list.items[i], end_ms, &scratch, &extended,
                                 &notes, err);
                if (!ok)
                        break;
                notes_histograms(&eval->notes, node, notes,
                                 labels_get(row.labels, LABEL_METRIC_NAME));
                ok = query_budget_add_samples(&eval->budget, samples_weight(samples), err) &&
                     sink.push(sink.ctx, &row, samples, err);
                if (!eval->subqueries)
                        eval->stats.samples_total += samples_weight(samples);
                arena_release(&scratch.made);
        }
        samples_release(&extended);
        scratch_release(&scratch);
        return ok;
}

bool eval_matrix(struct eval *eval, const struct node *node, const struct grid *grid,
                 struct samples_sink sink, struct error *err)
{
        return node->kind == NODE_SUBQUERY ? eval_subquery(eval, node, grid, sink, err)
                                           : eval_matrix_selector(eval, node, grid, sink, err);
}

/* ---- subqueries -------------------------------------------------------------------------- */

struct subquery {
        const struct grid *grid; /* its own */
        struct samples samples;  /* columns of grid->count */
        const struct histogram **h; /* one more of them, made when it is needed */
        struct arena *arena;
        struct arena *rows;
        struct samples_sink sink;
};

/* A subquery may leave out the sample at which a counter was reset, or repeat it: the hints of
 * counters say nothing any more. */
static const struct histogram *forget_reset(struct subquery *subquery, const struct histogram *h)
{
        if (!h || h->reset == HISTOGRAM_RESET_UNKNOWN || h->reset == HISTOGRAM_GAUGE)
                return h;
        return histogram_with_reset(subquery->rows, h, HISTOGRAM_RESET_UNKNOWN);
}

static bool subquery_row(void *ctx, struct row *row, struct error *err)
{
        struct subquery *subquery = ctx;
        struct samples *samples = &subquery->samples;
        struct arena_point mark = arena_mark(subquery->rows);
        bool ok;

        if (row->h && !subquery->h)
                subquery->h = arena_array(subquery->arena, const struct histogram *,
                                          subquery->grid->count);
        samples->h = row->h ? subquery->h : NULL;
        samples->count = 0;
        for (size_t i = 0; i < subquery->grid->count; i++) {
                if (row_is_absent(row->v[i]))
                        continue;
                samples->t_ms[samples->count] = grid_time(subquery->grid, i);
                samples->v[samples->count] = row->v[i];
                if (row->h)
                        samples->h[samples->count] = forget_reset(subquery, row->h[i]);
                samples->count++;
        }
        ok = subquery->sink.push(subquery->sink.ctx, row, samples, err);
        arena_rewind(subquery->rows, mark);
        return ok;
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
        struct subquery subquery = {.grid = &own, .rows = &eval->rows.arena, .sink = sink};
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
        subquery.arena = &arena.arena;
        eval->subqueries++;
        ok = query_budget_check(&eval->budget, err) &&
             eval_vector(eval, node->subquery.expr, &own, (struct sink){subquery_row, &subquery},
                         err);
        eval->subqueries--;
        query_arena_release(&arena);
        return ok;
}

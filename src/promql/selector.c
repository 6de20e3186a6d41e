/* Instant vector selectors: at each time the newest sample that is not older than the lookback. */
#include "promql/scan_int.h"
#include "promql/func_range_int.h"

struct selection {
        struct eval *eval;
        const struct node *node; /* NULL: not written in the query */
        const struct node_plan *plan;
        struct scan scan;
        struct sink sink;
        struct tally tally;
        enum selector_value value; /* of the sample: it itself, or its time */
};

static void count_read(struct scratch *scratch, size_t step, size_t samples)
{
        scratch->samples_read += samples;
        if (scratch->per_step)
                scratch->per_step[step] += samples;
}

/* The newest histogram before a position, or NULL. */
static const struct histogram *histogram_before(const struct samples *samples, size_t at)
{
        while (at-- > 0)
                if (samples_histogram(samples, at))
                        return samples->h[at];
        return NULL;
}

/* Where only count and sum are asked for, Prometheus settles what is not known of resets. */
enum histogram_reset selector_reset(const struct samples *samples, size_t at, bool stats)
{
        const struct histogram *h = samples->h[at], *before;

        if (!stats || h->reset != HISTOGRAM_RESET_UNKNOWN)
                return h->reset;
        before = histogram_before(samples, at);
        if (!before)
                return HISTOGRAM_RESET_UNKNOWN;
        return histogram_detect_reset(h, before) ? HISTOGRAM_RESET_YES : HISTOGRAM_RESET_NO;
}

static const struct histogram *keep_histogram(const struct selection *selection,
                                              struct scratch *scratch, size_t at)
{
        const struct samples *samples = &scratch->samples;

        return histogram_with_reset(&scratch->made,
                                    histogram_copy(&scratch->made, samples->h[at]),
                                    selector_reset(samples, at, selection->plan->stats));
}

static double start_of(const struct samples *samples, size_t at)
{
        return samples->start_ms ? (double)samples->start_ms[at] / 1000 : 0;
}

static bool is_timestamp(const struct selection *selection, const struct histogram *h)
{
        return selection->value == SELECT_TIMESTAMP ||
               (selection->value == SELECT_FLOAT_TIMESTAMP && !h);
}

static void compute_latest(const void *ctx, struct scratch *scratch, size_t index, size_t from,
                           size_t to, struct scan_row *row)
{
        const struct selection *selection = ctx;
        const struct samples *samples = &scratch->samples;
        int64_t lookback = selection->eval->options.lookback_ms;
        size_t next = 0, kept_at = SIZE_MAX;
        const struct histogram *kept = NULL;

        (void)index;
        for (size_t step = from; step < to; step++) {
                int64_t end = scan_window_end(&selection->scan, step);

                while (next < samples->count && samples->t_ms[next] <= end)
                        next++;
                if (next == 0 || samples->t_ms[next - 1] <= end - lookback ||
                    sample_is_stale(samples->v[next - 1]))
                        continue;
                if (is_timestamp(selection, samples_histogram(samples, next - 1))) {
                        row->v[step] = (double)samples->t_ms[next - 1] / 1000;
                } else if (UNLIKELY(selection->value == SELECT_START_TIMESTAMP)) {
                        row->v[step] = start_of(samples, next - 1);
                } else if (UNLIKELY(samples_histogram(samples, next - 1) != NULL)) {
                        if (kept_at != next - 1)
                                kept = keep_histogram(selection, scratch, next - 1);
                        kept_at = next - 1;
                        scan_row_put(scratch, row, step, kept);
                        count_read(scratch, step, histogram_samples(kept));
                        continue;
                } else {
                        row->v[step] = samples->v[next - 1];
                }
                count_read(scratch, step, 1);
        }
}

/* ---- smoothed ----------------------------------------------------------------------------- */

static bool is_mixed(const struct samples *samples, size_t low, size_t high)
{
        for (size_t i = low + 1; samples->h && i < high; i++)
                if (!samples->h[i] != !samples->h[low])
                        return true;
        return false;
}

static void put_between(struct scratch *scratch, struct scan_row *row, size_t step, size_t right,
                        int64_t at_ms)
{
        const struct samples *samples = &scratch->samples;
        const struct histogram *a = samples_histogram(samples, right - 1);
        const struct histogram *b = samples_histogram(samples, right), *h;
        int64_t a_ms = samples->t_ms[right - 1], b_ms = samples->t_ms[right];

        if (!a) {
                row->v[step] = range_between(samples->v[right - 1], a_ms, samples->v[right], b_ms,
                                             at_ms, false);
                return;
        }
        h = range_histogram_between(&scratch->made, a, a_ms, b, b_ms, at_ms,
                                    a->reset != HISTOGRAM_GAUGE || b->reset != HISTOGRAM_GAUGE,
                                    &row->notes);
        if (h)
                scan_row_put(scratch, row, step, h);
}

/* The value on the line between the samples around each time; without a later one, the sample
 * before. */
static void compute_smoothed(const void *ctx, struct scratch *scratch, size_t index, size_t from,
                             size_t to, struct scan_row *row)
{
        const struct selection *selection = ctx;
        const struct samples *samples = &scratch->samples;
        int64_t lookback = selection->eval->options.lookback_ms;
        size_t low = 0, right = 0, high = 0;

        (void)index;
        for (size_t step = from; step < to; step++) {
                int64_t at_ms = scan_window_end(&selection->scan, step);

                while (high < samples->count && samples->t_ms[high] <= at_ms + lookback)
                        high++;
                while (right < high && samples->t_ms[right] < at_ms)
                        right++;
                while (low < high && samples->t_ms[low] <= at_ms - lookback)
                        low++;
                if (low == high)
                        continue;
                count_read(scratch, step, high - low);
                if (is_mixed(samples, low, high)) {
                        row->notes |= NOTE_MIXED_FLOATS;
                        continue;
                }
                if (right < high && (samples->t_ms[right] == at_ms || right > low)) {
                        if (samples->t_ms[right] != at_ms) {
                                put_between(scratch, row, step, right, at_ms);
                                continue;
                        }
                } else if (right == high) {
                        right--;
                } else {
                        continue;
                }
                if (samples_histogram(samples, right))
                        scan_row_put(scratch, row, step, keep_histogram(selection, scratch,
                                                                        right));
                else
                        row->v[step] = samples->v[right];
        }
}

/* ---- rows --------------------------------------------------------------------------------- */

static bool emit_row(void *ctx, size_t index, const struct scan_row *found, struct error *err)
{
        struct selection *selection = ctx;
        struct row row = {selection->scan.list->items[index].labels, false, found->v, found->h};
        size_t samples = row_samples(&row, found->width);

        if (UNLIKELY(found->notes != 0) && selection->node)
                notes_histograms(&selection->eval->notes, selection->node, found->notes,
                                 labels_get(row.labels, LABEL_METRIC_NAME));
        if (!samples)
                return true;
        selection->tally.out += samples;
        if (!query_budget_add_samples(&selection->eval->budget, samples, err))
                return false;
        if (selection->value != SELECT_SAMPLE && selection->node)
                eval_row_computed(selection->eval, &row);
        return sink_push(selection->sink, &row, err);
}

static struct selection selection_of(struct eval *eval, const struct series_list *list,
                                     const struct node_plan *plan, const struct grid *grid,
                                     enum selector_value value, struct sink sink)
{
        return (struct selection){
                .eval = eval,
                .plan = plan,
                .sink = sink,
                .tally = tally_begin(eval),
                .value = value,
                .scan = {.list = list,
                         .grid = grid,
                         .fixed = plan->has_at,
                         .at_ms = plan->at_ms,
                         .offset_ms = plan->offset_ms,
                         .compute = compute_latest,
                         .emit = emit_row},
        };
}

bool eval_selector(struct eval *eval, const struct node *node, const struct grid *grid,
                   enum selector_value value, struct sink sink, struct error *err)
{
        const struct node_plan *plan = eval_plan(eval, node);
        struct selection selection = selection_of(eval, &plan->list, plan, grid, value, sink);

        selection.node = node;
        selection.scan.ctx = &selection;
        if (node->selector.smoothed && value == SELECT_SAMPLE) {
                selection.scan.compute = compute_smoothed;
                selection.scan.after_ms = eval->options.lookback_ms;
                selection.scan.without_stale = true;
        }
        return scan_run(eval, &selection.scan, err);
}

bool eval_series(struct eval *eval, const struct series_list *list, const struct node_plan *plan,
                 const struct grid *grid, enum selector_value value, struct sink sink,
                 struct error *err)
{
        struct selection selection = selection_of(eval, list, plan, grid, value, sink);

        selection.scan.ctx = &selection;
        return scan_run(eval, &selection.scan, err);
}

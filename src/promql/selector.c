/* Instant vector selectors: at each time the newest sample that is not older than the lookback. */
#include "promql/eval_int.h"

struct selection {
        struct eval *eval;
        struct scan scan;
        struct sink sink;
        struct tally tally;
        bool timestamps; /* the time of the sample in place of its value */
};

static void compute_latest(const void *ctx, struct scratch *scratch, size_t index, size_t from,
                           size_t to, double *v)
{
        const struct selection *selection = ctx;
        const struct samples *samples = &scratch->samples;
        int64_t lookback = selection->eval->options.lookback_ms;
        size_t next = 0;

        (void)index;
        for (size_t step = from; step < to; step++) {
                int64_t end = scan_window_end(&selection->scan, step);

                while (next < samples->count && samples->t_ms[next] <= end)
                        next++;
                if (next == 0 || samples->t_ms[next - 1] <= end - lookback ||
                    sample_is_stale(samples->v[next - 1]))
                        continue;
                v[step] = selection->timestamps ? (double)samples->t_ms[next - 1] / 1000
                                                : samples->v[next - 1];
                scratch->samples_read++;
                if (scratch->per_step)
                        scratch->per_step[step]++;
        }
}

static bool emit_row(void *ctx, size_t index, double *v, struct error *err)
{
        struct selection *selection = ctx;
        size_t present = row_present(v, selection->scan.grid->count);
        struct row row = {.labels = selection->scan.list->items[index].labels, .v = v};

        selection->tally.out += present;
        if (!query_budget_add_samples(&selection->eval->budget, present, err))
                return false;
        if (selection->timestamps)
                eval_row_computed(selection->eval, &row);
        return sink_push(selection->sink, &row, err);
}

bool eval_selector(struct eval *eval, const struct node *node, const struct grid *grid,
                   bool timestamps, struct sink sink, struct error *err)
{
        const struct node_plan *plan = eval_plan(eval, node);
        struct selection selection = {
                .eval = eval,
                .sink = sink,
                .tally = tally_begin(eval),
                .timestamps = timestamps,
                .scan = {.list = &plan->list,
                         .grid = grid,
                         .fixed = plan->has_at,
                         .at_ms = plan->at_ms,
                         .offset_ms = plan->offset_ms,
                         .compute = compute_latest,
                         .emit = emit_row},
        };

        if (node->selector.anchored || node->selector.smoothed)
                return eval_unsupported(err, "the anchored and smoothed modifiers");
        selection.scan.ctx = &selection;
        return scan_run(eval, &selection.scan, err);
}

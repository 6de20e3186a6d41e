/* Aggregations that need all rows of a group at once: topk, bottomk, limitk, limit_ratio,
 * quantile, count_values. */
#include <stdlib.h>

#include "codec/double.h"
#include "codec/quote.h"
#include "promql/eval_int.h"

enum { STEPS_BETWEEN_CHECKS = 64 }; /* of a group, between looks at the clock */

struct group {
        size_t *rows; /* of the input, in its order */
        size_t count;
};

struct selection {
        struct eval *eval;
        const struct node_aggregate *aggregate;
        const struct grid *grid;
        struct matrix input, out;
        struct labelset_table table;
        struct group *groups;
        double *param;
        struct sink sink;
        struct tally tally;
};

/* ---- grouping ---------------------------------------------------------------------------- */

static void group_rows(struct selection *selection)
{
        const struct node_aggregate *aggregate = selection->aggregate;
        struct matrix *input = &selection->input;
        struct arena *arena = &input->arena.arena;
        struct labelset_scratch scratch = {.arena = arena};
        size_t *group_of = arena_array(arena, size_t, input->count), *members;
        bool is_new;

        for (size_t i = 0; i < input->count; i++)
                group_of[i] = labelset_table_intern(
                        &selection->table, &selection->eval->keep.arena,
                        labelset_scratch_select(&scratch, input->rows[i].labels,
                                                &aggregate->grouping, !aggregate->without),
                        &is_new);
        selection->groups = arena_array(arena, struct group, selection->table.count);
        for (size_t i = 0; i < input->count; i++)
                selection->groups[group_of[i]].count++;
        members = arena_array(arena, size_t, input->count);
        for (size_t g = 0; g < selection->table.count; g++) {
                selection->groups[g].rows = members;
                members += selection->groups[g].count;
                selection->groups[g].count = 0;
        }
        for (size_t i = 0; i < input->count; i++) {
                struct group *group = &selection->groups[group_of[i]];

                group->rows[group->count++] = i;
        }
}

/* ---- topk and bottomk -------------------------------------------------------------------- */

struct candidate {
        double v;
        size_t row;
};

/* Is a nearer to being thrown out than b? NaN always is. */
static bool is_worse(bool top, double a, double b)
{
        return isnan(a) || (top ? a < b : a > b);
}

static void sift_up(struct candidate *heap, size_t at, bool top)
{
        while (at > 0) {
                size_t parent = (at - 1) / 2;
                struct candidate held = heap[at];

                if (!is_worse(top, heap[at].v, heap[parent].v))
                        break;
                heap[at] = heap[parent];
                heap[parent] = held;
                at = parent;
        }
}

static void sift_down(struct candidate *heap, size_t count, bool top)
{
        for (size_t at = 0;;) {
                size_t child = at * 2 + 1;
                struct candidate held = heap[at];

                if (child >= count)
                        break;
                if (child + 1 < count && is_worse(top, heap[child + 1].v, heap[child].v))
                        child++;
                if (!is_worse(top, heap[child].v, heap[at].v))
                        break;
                heap[at] = heap[child];
                heap[child] = held;
                at = child;
        }
}

/* The best k values of a group at one time, best first; returns how many. */
static size_t best_of(const struct selection *selection, const struct group *group, size_t step,
                      size_t k, struct candidate *heap)
{
        bool top = selection->aggregate->op == TOKEN_TOPK;
        size_t count = 0;

        for (size_t i = 0; i < group->count; i++) {
                double v = selection->input.rows[group->rows[i]].v[step];

                if (row_is_absent(v))
                        continue;
                if (count < k) {
                        heap[count] = (struct candidate){v, group->rows[i]};
                        sift_up(heap, count++, top);
                } else if ((top ? heap[0].v < v : heap[0].v > v) ||
                           (isnan(heap[0].v) && !isnan(v))) {
                        heap[0] = (struct candidate){v, group->rows[i]};
                        sift_down(heap, count, top);
                }
        }
        /* Best first, stable: what Go's sort does with up to a dozen elements. */
        for (size_t i = 1; i < count; i++) {
                struct candidate held = heap[i];
                size_t at = i;

                for (; at > 0 && is_worse(top, heap[at - 1].v, held.v); at--)
                        heap[at] = heap[at - 1];
                heap[at] = held;
        }
        return count;
}

/* ---- limitk and limit_ratio -------------------------------------------------------------- */

static size_t first_of(const struct selection *selection, const struct group *group, size_t step,
                       size_t k, struct candidate *chosen)
{
        size_t count = 0;

        for (size_t i = 0; i < group->count && count < k; i++) {
                double v = selection->input.rows[group->rows[i]].v[step];

                if (!row_is_absent(v))
                        chosen[count++] = (struct candidate){v, group->rows[i]};
        }
        return count;
}

/* A label set is always in the same place between 0 and 1, so that r and r - 1 complement each
 * other. */
static bool in_ratio(struct labels labels, double ratio)
{
        double place = labelset_place(labels);

        return ratio >= 0 ? place < ratio : place >= 1 + ratio;
}

static size_t share_of(const struct selection *selection, const struct group *group, size_t step,
                       double ratio, struct candidate *chosen)
{
        size_t count = 0;

        for (size_t i = 0; i < group->count; i++) {
                const struct row *row = &selection->input.rows[group->rows[i]];

                if (!row_is_absent(row->v[step]) && in_ratio(row->labels, ratio))
                        chosen[count++] = (struct candidate){row->v[step], group->rows[i]};
        }
        return count;
}

/* ---- choosing rows ----------------------------------------------------------------------- */

static size_t choose(const struct selection *selection, const struct group *group, size_t step,
                     struct candidate *chosen)
{
        double param = selection->param[step];
        size_t k;

        if (selection->aggregate->op == TOKEN_LIMIT_RATIO)
                return share_of(selection, group, step, param, chosen);
        if (param < 1)
                return 0;
        k = param < (double)group->count ? (size_t)param : group->count;
        return selection->aggregate->op == TOKEN_LIMITK
                       ? first_of(selection, group, step, k, chosen)
                       : best_of(selection, group, step, k, chosen);
}

/* At a single time the result has the order of the choice. */
static bool push_chosen(struct selection *selection, struct candidate *chosen, struct error *err)
{
        for (size_t g = 0; g < selection->table.count; g++) {
                size_t count = choose(selection, &selection->groups[g], 0, chosen);

                for (size_t i = 0; i < count; i++) {
                        struct row *row = &selection->input.rows[chosen[i].row];

                        selection->tally.out += row_samples(row, 1);
                        if (!sink_push(selection->sink, row, err))
                                return false;
                }
        }
        return true;
}

/* Over several times each row keeps its values of the times when it was chosen. */
static bool push_masked(struct selection *selection, struct candidate *chosen, struct error *err)
{
        struct matrix *input = &selection->input;
        size_t steps = selection->grid->count;
        uint8_t *mask = arena_array(&input->arena.arena, uint8_t, input->count * steps);

        for (size_t g = 0; g < selection->table.count; g++) {
                for (size_t step = 0; step < steps; step++) {
                        size_t count = choose(selection, &selection->groups[g], step, chosen);

                        for (size_t i = 0; i < count; i++)
                                mask[chosen[i].row * steps + step] = 1;
                        if (step % STEPS_BETWEEN_CHECKS == 0 &&
                            !query_budget_check(&selection->eval->budget, err))
                                return false;
                }
        }
        for (size_t r = 0; r < input->count; r++) {
                struct row *row = &input->rows[r];

                for (size_t step = 0; step < steps; step++) {
                        if (mask[r * steps + step])
                                continue;
                        row->v[step] = row_absent();
                        if (row->h)
                                row->h[step] = NULL;
                }
        }
        return matrix_push(input, &selection->tally, selection->sink, err);
}

static bool push_rows(struct selection *selection, struct error *err)
{
        struct candidate *chosen = arena_array(&selection->input.arena.arena, struct candidate,
                                               selection->input.count);

        return selection->grid->count == 1 ? push_chosen(selection, chosen, err)
                                           : push_masked(selection, chosen, err);
}

/* ---- quantile ---------------------------------------------------------------------------- */

static bool push_quantiles(struct selection *selection, struct error *err)
{
        struct matrix *input = &selection->input;
        double *values = arena_array(&input->arena.arena, double, input->count);

        for (size_t g = 0; g < selection->table.count; g++) {
                const struct group *group = &selection->groups[g];
                struct row *row;

                if (!matrix_add(&selection->out, selection->table.items[g], false, &row, err))
                        return false;
                for (size_t step = 0; step < selection->grid->count; step++) {
                        size_t count = 0;

                        if (step % STEPS_BETWEEN_CHECKS == 0 &&
                            !query_budget_check(&selection->eval->budget, err))
                                return false;
                        for (size_t i = 0; i < group->count; i++) {
                                double v = input->rows[group->rows[i]].v[step];

                                if (!row_is_absent(v))
                                        values[count++] = v;
                        }
                        if (count)
                                row->v[step] = quantile_of(selection->param[step], values, count);
                }
                for (size_t i = 0; i < group->count; i++)
                        row->drop_name |= input->rows[group->rows[i]].drop_name;
        }
        return matrix_push(&selection->out, &selection->tally, selection->sink, err);
}

/* ---- histograms -------------------------------------------------------------------------- */

/* Only limits do not look at values. */
static void ignore_histograms(struct selection *selection)
{
        enum token_kind op = selection->aggregate->op;
        bool ignored = false;

        if (op == TOKEN_LIMITK || op == TOKEN_LIMIT_RATIO)
                return;
        for (size_t r = 0; r < selection->input.count; r++)
                ignored |= row_drop_histograms(&selection->input.rows[r],
                                               selection->grid->count);
        if (ignored)
                aggregate_note_ignored(selection->eval, selection->aggregate);
}

/* ---- parameters -------------------------------------------------------------------------- */

static void warn_ratio(struct selection *selection, double ratio, const char *limit)
{
        struct buf text = BUF_INIT(64);

        double_append(&text, ratio, DOUBLE_G);
        notes_warn(&selection->eval->notes, selection->aggregate->param,
                   "ratio value should be between -1 and 1, got %s, capping to %s", text.data,
                   limit);
        buf_release(&text);
}

static bool check_count(double value, struct error *err)
{
        struct buf text = BUF_INIT(64);

        if (isnan(value))
                return error_set(err, ERROR_EXECUTION, "Parameter value is NaN");
        if (value > -9223372036854775808.0 && value < 9223372036854775807.0)
                return true;
        double_append(&text, value, DOUBLE_G);
        error_set(err, ERROR_EXECUTION, "Scalar value %s %s int64", text.data,
                  value < 0 ? "underflows" : "overflows");
        buf_release(&text);
        return false;
}

/* Whether the parameter, looked at before anything else, makes the result empty. */
static bool selects_nothing(const struct selection *selection)
{
        enum token_kind op = selection->aggregate->op;

        if (op == TOKEN_QUANTILE)
                return false;
        for (size_t i = 0; i < selection->grid->count; i++) {
                double value = selection->param[i];

                if (op == TOKEN_LIMIT_RATIO ? value != 0 : !(value < 1))
                        return false;
        }
        return true;
}

static bool check_params(struct selection *selection, struct error *err)
{
        enum token_kind op = selection->aggregate->op;
        double low = INFINITY, high = -INFINITY;
        bool nan = false;

        for (size_t i = 0; i < selection->grid->count; i++) {
                double value = selection->param[i];

                nan = nan || isnan(value);
                low = fmin(low, value);
                high = fmax(high, value);
        }
        if (op == TOKEN_QUANTILE) {
                if (nan)
                        quantile_warn(selection->eval, selection->aggregate->param, number_nan());
                if (high > 1 && !nan)
                        quantile_warn(selection->eval, selection->aggregate->param, high);
                if (low < 0 && !nan)
                        quantile_warn(selection->eval, selection->aggregate->param, low);
                return true;
        }
        if (op == TOKEN_LIMIT_RATIO) {
                if (nan)
                        return error_set(err, ERROR_EXECUTION, "Ratio value is NaN");
                if (high > 1)
                        warn_ratio(selection, high, "1");
                if (low < -1)
                        warn_ratio(selection, low, "-1");
                return true;
        }
        return check_count(nan ? number_nan() : low, err) && check_count(high, err);
}

bool eval_aggregate_k(struct eval *eval, const struct node *node, const struct grid *grid,
                      struct sink sink, struct error *err)
{
        struct selection selection = {.eval = eval,
                                      .aggregate = &node->aggregate,
                                      .grid = grid,
                                      .sink = sink,
                                      .tally = tally_begin(eval)};
        bool ok;

        if (!eval_scalar_new(eval, node->aggregate.param, grid, &selection.param, err))
                return false;
        matrix_init(&selection.input, eval, grid->count);
        matrix_init(&selection.out, eval, grid->count);
        labelset_table_init(&selection.table, &selection.input.arena.arena);
        ok = matrix_collect(&selection.input, eval, node->aggregate.expr, grid, err) &&
             (selects_nothing(&selection) || check_params(&selection, err));
        if (ok && !selects_nothing(&selection)) {
                ignore_histograms(&selection);
                group_rows(&selection);
                ok = node->aggregate.op == TOKEN_QUANTILE ? push_quantiles(&selection, err)
                                                          : push_rows(&selection, err);
        }
        ok = ok && tally_end(eval, &selection.tally, grid, err);
        matrix_release(&selection.out);
        matrix_release(&selection.input);
        return ok;
}

/* ---- count_values ------------------------------------------------------------------------ */

struct value_count {
        struct eval *eval;
        const struct node_aggregate *aggregate;
        const struct grid *grid;
        struct str label;
        struct names grouping;
        struct matrix out;
        struct labelset_table table;
        struct labelset_scratch scratch;
};

static struct str value_text(struct arena *arena, double v, const struct histogram *h)
{
        struct buf text = BUF_INIT(1 << 20);
        struct str copy;

        if (h)
                histogram_append_text(&text, h);
        else
                double_append(&text, v, DOUBLE_F);
        copy = arena_str(arena, buf_str(&text));
        buf_release(&text);
        return copy;
}

/* A row's labels with the value as one more, cut down to the group's. */
static size_t value_group(struct value_count *counter, const struct row *row, size_t step,
                          bool *ret_new)
{
        struct arena *keep = &counter->eval->keep.arena;
        struct labels_builder builder;

        labels_builder_init(&builder, keep, row->labels);
        labels_builder_set(&builder, counter->label,
                           value_text(keep, row->v[step], row_histogram(row, step)));
        return labelset_table_intern(&counter->table, keep,
                                     labelset_scratch_select(&counter->scratch,
                                                             labels_builder_finish(&builder),
                                                             &counter->grouping,
                                                             !counter->aggregate->without),
                                     ret_new);
}

static bool count_row(void *ctx, struct row *row, struct error *err)
{
        struct value_count *counter = ctx;
        double last = row_absent();
        const struct histogram *last_h = NULL;
        size_t group = 0;

        for (size_t i = 0; i < counter->grid->count; i++) {
                struct row *target;
                bool is_new = false;

                if (row_is_absent(row->v[i]))
                        continue;
                if (sample_bits(row->v[i]) != sample_bits(last) ||
                    row_histogram(row, i) != last_h)
                        group = value_group(counter, row, i, &is_new);
                last = row->v[i];
                last_h = row_histogram(row, i);
                if (is_new && !matrix_add(&counter->out, counter->table.items[group],
                                          row->drop_name, &target, err))
                        return false;
                target = &counter->out.rows[group];
                target->v[i] = row_is_absent(target->v[i]) ? 1 : target->v[i] + 1;
        }
        return query_budget_check(&counter->eval->budget, err);
}

static bool run_count_values(struct value_count *counter, const struct node *node,
                             struct tally *tally, struct sink sink, struct error *err)
{
        return eval_vector(counter->eval, node->aggregate.expr, counter->grid,
                           (struct sink){count_row, counter}, err) &&
               matrix_push(&counter->out, tally, sink, err) &&
               tally_end(counter->eval, tally, counter->grid, err);
}

bool eval_count_values(struct eval *eval, const struct node *node, const struct grid *grid,
                       struct sink sink, struct error *err)
{
        const struct node_aggregate *aggregate = &node->aggregate;
        struct value_count counter = {.eval = eval, .aggregate = aggregate, .grid = grid};
        struct tally tally = tally_begin(eval);
        bool ok;

        counter.label = node_unwrap(aggregate->param)->string;
        if (!counter.label.len || !str_is_utf8(counter.label)) {
                struct buf name = BUF_INIT(1 << 12);

                quote_append(&name, counter.label);
                error_set(err, ERROR_EXECUTION, "invalid label name %s", name.data);
                buf_release(&name);
                return false;
        }
        counter.grouping.items = arena_array(&eval->keep.arena, struct str,
                                             aggregate->grouping.count + 1);
        for (size_t i = 0; i < aggregate->grouping.count; i++)
                counter.grouping.items[counter.grouping.count++] = aggregate->grouping.items[i];
        if (!aggregate->without)
                counter.grouping.items[counter.grouping.count++] = counter.label;
        matrix_init(&counter.out, eval, grid->count);
        labelset_table_init(&counter.table, &counter.out.arena.arena);
        counter.scratch.arena = &counter.out.arena.arena;
        ok = run_count_values(&counter, node, &tally, sink, err);
        matrix_release(&counter.out);
        return ok;
}

/* Aggregations that fold: a row is added to its group and forgotten. */
#include "promql/eval_int.h"

/* What sum and avg keep of the histograms of a group at one time. */
struct histograms {
        struct histogram_mean mean; /* for a sum, only the sum in it */
        bool broken;                /* exponential and custom buckets met */
        bool had_floats;            /* before it broke */
        bool reset, no_reset;       /* counters that were and were not reset */
};

/* What a group keeps, one entry per time. `value` is absent until something was added. Which
 * columns exist depends on the operator. */
struct group {
        double *value;
        double *c;     /* lost low bits of a sum or mean */
        double *mean;  /* of stddev and stdvar */
        double *count; /* avg: negative once the mean is incremental */
        struct histograms **histograms; /* NULL until one comes */
        bool drop_name;
};

struct aggregation {
        struct eval *eval;
        const struct node_aggregate *aggregate;
        const struct grid *grid;
        struct query_arena arena;
        struct labelset_table table;
        struct labelset_scratch scratch;
        struct group *groups;
        size_t group_capacity;
};

static bool needs_count(enum token_kind op)
{
        return op == TOKEN_AVG || op == TOKEN_STDDEV || op == TOKEN_STDVAR;
}

static double *new_column(struct aggregation *aggregation)
{
        return arena_array(&aggregation->arena.arena, double, aggregation->grid->count);
}

static void add_group(struct aggregation *aggregation, size_t index)
{
        enum token_kind op = aggregation->aggregate->op;
        struct group *group;

        if (index >= aggregation->group_capacity) {
                size_t capacity = aggregation->group_capacity * 2 + 16;
                struct group *groups =
                        arena_array(&aggregation->arena.arena, struct group, capacity);

                if (aggregation->group_capacity)
                        memcpy(groups, aggregation->groups,
                               aggregation->group_capacity * sizeof(*groups));
                aggregation->groups = groups;
                aggregation->group_capacity = capacity;
        }
        group = &aggregation->groups[index];
        group->value = new_column(aggregation);
        for (size_t i = 0; i < aggregation->grid->count; i++)
                group->value[i] = row_absent();
        if (op == TOKEN_SUM || op == TOKEN_AVG)
                group->c = new_column(aggregation);
        if (needs_count(op))
                group->count = new_column(aggregation);
        if (op == TOKEN_STDDEV || op == TOKEN_STDVAR)
                group->mean = new_column(aggregation);
}

static void fold_sum(struct group *group, const double *v, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                if (row_is_absent(v[i]))
                        continue;
                if (row_is_absent(group->value[i]))
                        group->value[i] = v[i];
                else
                        number_kahan(v[i], &group->value[i], &group->c[i]);
        }
}

/* `value` holds the sum, and the mean from the moment the sum would overflow. */
static void fold_avg(struct group *group, const double *v, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                double n, q, sum = group->value[i], c = group->c[i];

                if (row_is_absent(v[i]))
                        continue;
                if (row_is_absent(group->value[i])) {
                        group->value[i] = v[i];
                        group->count[i] = 1;
                        continue;
                }
                n = fabs(group->count[i]) + 1;
                if (group->count[i] > 0) {
                        number_kahan(v[i], &sum, &c);
                        if (!isinf(sum)) {
                                group->value[i] = sum;
                                group->c[i] = c;
                                group->count[i] = n;
                                continue;
                        }
                        group->value[i] /= n - 1;
                        group->c[i] /= n - 1;
                }
                q = (n - 1) / n;
                group->value[i] *= q;
                group->c[i] *= q;
                number_kahan(v[i] / n, &group->value[i], &group->c[i]);
                group->count[i] = -n;
        }
}

static void fold_extreme(struct group *group, const double *v, size_t count, bool max)
{
        for (size_t i = 0; i < count; i++) {
                double current = group->value[i];

                if (row_is_absent(v[i]))
                        continue;
                if (row_is_absent(current) || isnan(current) ||
                    (max ? current < v[i] : current > v[i]))
                        group->value[i] = v[i];
        }
}

/* Welford's method. An infinite first value makes the variance NaN. */
static void fold_variance(struct group *group, const double *v, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                double delta;

                if (row_is_absent(v[i]))
                        continue;
                if (row_is_absent(group->value[i])) {
                        group->value[i] = isfinite(v[i]) ? 0 : number_nan();
                        group->mean[i] = v[i];
                        group->count[i] = 1;
                        continue;
                }
                delta = v[i] - group->mean[i];
                group->mean[i] += delta / ++group->count[i];
                group->value[i] += delta * (v[i] - group->mean[i]);
        }
}

static void fold_count(struct group *group, const double *v, size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (!row_is_absent(v[i]))
                        group->value[i] = row_is_absent(group->value[i]) ? 1
                                                                         : group->value[i] + 1;
}

static void fold(enum token_kind op, struct group *group, const double *v, size_t count)
{
        switch (op) {
        case TOKEN_SUM:
                fold_sum(group, v, count);
                break;
        case TOKEN_AVG:
                fold_avg(group, v, count);
                break;
        case TOKEN_MIN:
        case TOKEN_MAX:
                fold_extreme(group, v, count, op == TOKEN_MAX);
                break;
        case TOKEN_STDDEV:
        case TOKEN_STDVAR:
                fold_variance(group, v, count);
                break;
        case TOKEN_COUNT:
                fold_count(group, v, count);
                break;
        default:
                for (size_t i = 0; i < count; i++)
                        if (!row_is_absent(v[i]))
                                group->value[i] = 1;
        }
}

/* ---- histograms -------------------------------------------------------------------------- */

static void note_reset(struct histograms *kept, const struct histogram *h)
{
        kept->reset = kept->reset || h->reset == HISTOGRAM_RESET_YES;
        kept->no_reset = kept->no_reset || h->reset == HISTOGRAM_RESET_NO;
}

static void fold_histogram(struct aggregation *aggregation, struct group *group, size_t step,
                           const struct histogram *h, struct labels labels)
{
        struct eval *eval = aggregation->eval;
        struct arena *arena = &aggregation->arena.arena;
        struct histograms *kept = group->histograms[step];
        struct histogram_outcome outcome = {0};
        bool ok;

        if (!kept) {
                kept = group->histograms[step] = arena_new(arena, struct histograms);
                histogram_mean_init(&kept->mean, arena, h);
                note_reset(kept, h);
                return;
        }
        if (kept->broken)
                return;
        note_reset(kept, h);
        ok = aggregation->aggregate->op == TOKEN_SUM
                     ? histogram_sum_add(&kept->mean.sum, h, &outcome)
                     : histogram_mean_add(&kept->mean, h, &outcome);
        if (!ok) {
                kept->broken = true;
                kept->had_floats = !row_is_absent(group->value[step]);
        }
        notes_histograms(&eval->notes, node_unwrap(aggregation->aggregate->expr),
                         (ok ? 0 : NOTE_MIXED_BUCKETS) |
                                 (outcome.reconciled ? NOTE_RECONCILED_AGGREGATION : 0),
                         labels_get(labels, LABEL_METRIC_NAME));
}

/* Takes the histograms out of a row, into the group where they have a place. */
static void fold_histograms(struct aggregation *aggregation, struct group *group,
                            struct row *row)
{
        const struct node_aggregate *aggregate = aggregation->aggregate;
        size_t count = aggregation->grid->count;

        switch (aggregate->op) {
        case TOKEN_COUNT:
        case TOKEN_GROUP:
                return;
        case TOKEN_SUM:
        case TOKEN_AVG:
                if (!group->histograms)
                        group->histograms = arena_array(&aggregation->arena.arena,
                                                        struct histograms *, count);
                for (size_t i = 0; i < count; i++)
                        if (row->h[i])
                                fold_histogram(aggregation, group, i, row->h[i], row->labels);
                row_drop_histograms(row, count);
                return;
        default:
                if (row_drop_histograms(row, count))
                        aggregate_note_ignored(aggregation->eval, aggregate);
        }
}

void aggregate_note_ignored(struct eval *eval, const struct node_aggregate *aggregate)
{
        notes_info(&eval->notes, node_unwrap(aggregate->expr),
                   "ignored histogram in %s aggregation", token_kind_text(aggregate->op));
}

/* The histogram of a group at one time, or NULL; where there were floats too, nothing. */
static const struct histogram *finish_histogram(struct aggregation *aggregation,
                                                struct group *group, size_t step)
{
        struct histograms *kept = group->histograms[step];
        struct notes *notes = &aggregation->eval->notes;
        const struct node *where = node_unwrap(aggregation->aggregate->expr);
        struct arena *rows = &aggregation->eval->rows.arena;

        if (!kept)
                return NULL;
        if (kept->broken ? kept->had_floats : !row_is_absent(group->value[step])) {
                notes_warn(notes, where,
                           "encountered a mix of histograms and floats for aggregation");
                group->value[step] = row_absent();
                return NULL;
        }
        group->value[step] = row_absent();
        if (kept->broken)
                return NULL;
        if (kept->reset && kept->no_reset)
                notes_histograms(notes, where, NOTE_COLLISION_AGGREGATION, STR_LIT(""));
        return aggregation->aggregate->op == TOKEN_SUM
                       ? histogram_sum_finish(&kept->mean.sum, rows, true)
                       : histogram_mean_finish(&kept->mean, rows, true);
}

static void finish_histograms(struct aggregation *aggregation, struct group *group,
                              struct row *row)
{
        size_t count = aggregation->grid->count;

        row->h = arena_array(&aggregation->eval->rows.arena, const struct histogram *, count);
        for (size_t i = 0; i < count; i++) {
                row->h[i] = finish_histogram(aggregation, group, i);
                if (row->h[i])
                        row->v[i] = 0;
        }
}

static bool fold_row(void *ctx, struct row *row, struct error *err)
{
        struct aggregation *aggregation = ctx;
        const struct node_aggregate *aggregate = aggregation->aggregate;
        bool is_new;
        size_t index = labelset_table_intern(
                &aggregation->table, &aggregation->eval->keep.arena,
                labelset_scratch_select(&aggregation->scratch, row->labels,
                                        &aggregate->grouping, !aggregate->without),
                &is_new);

        if (is_new)
                add_group(aggregation, index);
        aggregation->groups[index].drop_name |= row->drop_name;
        if (row->h)
                fold_histograms(aggregation, &aggregation->groups[index], row);
        fold(aggregate->op, &aggregation->groups[index], row->v, aggregation->grid->count);
        return query_budget_check(&aggregation->eval->budget, err);
}

static void finish_group(enum token_kind op, struct group *group, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                if (row_is_absent(group->value[i]))
                        continue;
                if (op == TOKEN_SUM)
                        group->value[i] += group->c[i];
                else if (op == TOKEN_AVG && group->count[i] < 0)
                        group->value[i] += group->c[i];
                else if (op == TOKEN_AVG)
                        group->value[i] = group->value[i] / group->count[i] +
                                          group->c[i] / group->count[i];
                else if (op == TOKEN_STDVAR)
                        group->value[i] /= group->count[i];
                else if (op == TOKEN_STDDEV)
                        group->value[i] = sqrt(group->value[i] / group->count[i]);
        }
}

static bool push_groups(struct aggregation *aggregation, struct tally *tally, struct sink sink,
                        struct error *err)
{
        struct arena *rows = &aggregation->eval->rows.arena;

        for (size_t g = 0; g < aggregation->table.count; g++) {
                struct group *group = &aggregation->groups[g];
                struct row row = {aggregation->table.items[g], group->drop_name, group->value,
                                  NULL};
                struct arena_point mark = arena_mark(rows);
                size_t samples;
                bool ok;

                finish_group(aggregation->aggregate->op, group, aggregation->grid->count);
                if (group->histograms)
                        finish_histograms(aggregation, group, &row);
                samples = row_samples(&row, aggregation->grid->count);
                tally->out += samples;
                ok = !samples || sink_push(sink, &row, err);
                if (group->histograms)
                        arena_rewind(rows, mark);
                if (!ok)
                        return false;
        }
        return true;
}

static bool eval_fold(struct eval *eval, const struct node *node, const struct grid *grid,
                      struct sink sink, struct error *err)
{
        struct aggregation aggregation = {
                .eval = eval, .aggregate = &node->aggregate, .grid = grid};
        struct tally tally = tally_begin(eval);
        bool ok;

        query_arena_init(&aggregation.arena, &eval->budget);
        labelset_table_init(&aggregation.table, &aggregation.arena.arena);
        aggregation.scratch.arena = &aggregation.arena.arena;
        ok = eval_vector(eval, node->aggregate.expr, grid, (struct sink){fold_row, &aggregation},
                         err) &&
             push_groups(&aggregation, &tally, sink, err) && tally_end(eval, &tally, grid, err);
        query_arena_release(&aggregation.arena);
        return ok;
}

bool eval_aggregate(struct eval *eval, const struct node *node, const struct grid *grid,
                    struct sink sink, struct error *err)
{
        switch (node->aggregate.op) {
        case TOKEN_TOPK:
        case TOKEN_BOTTOMK:
        case TOKEN_LIMITK:
        case TOKEN_LIMIT_RATIO:
        case TOKEN_QUANTILE:
                return eval_aggregate_k(eval, node, grid, sink, err);
        case TOKEN_COUNT_VALUES:
                return eval_count_values(eval, node, grid, sink, err);
        default:
                return eval_fold(eval, node, grid, sink, err);
        }
}

/* Aggregations that fold: a row is added to its group and forgotten. */
#include "promql/eval_int.h"

/* What a group keeps, one entry per time. `value` is absent until something was added. Which
 * columns exist depends on the operator. */
struct group {
        double *value;
        double *c;     /* lost low bits of a sum or mean */
        double *mean;  /* of stddev and stdvar */
        double *count; /* avg: negative once the mean is incremental */
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
        for (size_t g = 0; g < aggregation->table.count; g++) {
                struct group *group = &aggregation->groups[g];
                struct row row = {aggregation->table.items[g], group->drop_name, group->value};

                finish_group(aggregation->aggregate->op, group, aggregation->grid->count);
                tally->out += row_present(group->value, aggregation->grid->count);
                if (!sink_push(sink, &row, err))
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

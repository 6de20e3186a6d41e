/* absent() and absent_over_time(). */
#include "promql/scan_int.h"

/* Prometheus moves these to the end of a selector when it looks up series. */
static bool takes_away(const struct matcher *matcher)
{
        return (matcher->op == MATCHER_NOT_EQUAL || matcher->op == MATCHER_NOT_REGEX) &&
               matcher_matches(matcher, STR_LIT(""));
}

static bool was_seen(const struct names *seen, struct str name)
{
        for (size_t i = 0; i < seen->count; i++)
                if (str_equal(seen->items[i], name))
                        return true;
        return false;
}

/* The labels of what is missing: those that the selector demands by a single equality. */
static struct labels missing_labels(struct eval *eval, const struct node *argument)
{
        const struct node *node = argument->kind == NODE_MATRIX ? argument->matrix.selector
                                                                : argument;
        struct labels_builder builder;
        struct names seen = {0};
        size_t count = node->kind == NODE_SELECTOR ? node->selector.matcher_count : 0;

        labels_builder_init(&builder, &eval->keep.arena, (struct labels){NULL, 0});
        seen.items = arena_array(&eval->keep.arena, struct str, count);
        for (size_t i = 0; i < 2 * count; i++) {
                bool taking = i >= count;
                const struct matcher *matcher =
                        &node->selector.matchers[taking ? i - count : i];

                if (str_equal(matcher->name, LABEL_METRIC_NAME) ||
                    takes_away(matcher) != taking)
                        continue;
                if (matcher->op == MATCHER_EQUAL && !was_seen(&seen, matcher->name)) {
                        labels_builder_set(&builder, matcher->name, matcher->value);
                        seen.items[seen.count++] = matcher->name;
                } else {
                        labels_builder_delete(&builder, matcher->name);
                }
        }
        return labels_builder_finish(&builder);
}

struct absence {
        double *v; /* 1 where nothing was seen */
        size_t count;
};

static bool mark_present(void *ctx, struct row *row, struct error *err)
{
        struct absence *absence = ctx;

        (void)err;
        for (size_t i = 0; i < absence->count; i++)
                if (!row_is_absent(row->v[i]))
                        absence->v[i] = row_absent();
        return true;
}

bool eval_absent(struct eval *eval, const struct node *node, const struct grid *grid,
                 struct sink sink, struct error *err)
{
        const struct node *argument = node_unwrap(node->call.args[0]);
        struct tally tally = tally_begin(eval);
        struct absence absence = {arena_array(&eval->keep.arena, double, grid->count),
                                  grid->count};
        struct sink marks = {mark_present, &absence};
        struct row row;

        for (size_t i = 0; i < grid->count; i++)
                absence.v[i] = 1;
        if (function_kind(node->call.function) == FUNCTION_ABSENT
                    ? !eval_vector(eval, argument, grid, marks, err)
                    : !eval_range_call(eval, node, grid, marks, err))
                return false;
        tally.out = row_present(absence.v, grid->count);
        row = (struct row){missing_labels(eval, argument), false, absence.v, NULL};
        return (!tally.out || sink_push(sink, &row, err)) && tally_end(eval, &tally, grid, err);
}

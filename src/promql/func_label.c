/* label_replace() and label_join(). */
#include "codec/regex.h"
#include "promql/eval_int.h"

static struct str string_argument(const struct node *call, size_t index)
{
        return node_unwrap(call->call.args[index])->string;
}

static bool is_label_name(struct str name)
{
        return name.len && str_is_utf8(name);
}

struct relabeling {
        struct eval *eval;
        const struct node *call;
        struct regex *regex; /* of label_replace */
        struct buf value;    /* scratch */
        struct sink sink;
        struct tally tally;
        size_t steps;
};

static bool relabel(struct relabeling *relabeling, struct row *row, struct str name,
                    struct error *err)
{
        struct arena *arena = &relabeling->eval->keep.arena;
        struct labels_builder builder;

        labels_builder_init(&builder, arena, row->labels);
        labels_builder_set(&builder, name, arena_str(arena, buf_str(&relabeling->value)));
        row->labels = labels_builder_finish(&builder);
        if (str_equal(name, LABEL_METRIC_NAME))
                row->drop_name = false;
        return query_budget_check(&relabeling->eval->budget, err);
}

static bool replace_row(void *ctx, struct row *row, struct error *err)
{
        struct relabeling *relabeling = ctx;
        struct str source = labels_get(row->labels, string_argument(relabeling->call, 3));

        buf_clear(&relabeling->value);
        if (regex_expand(relabeling->regex, source, string_argument(relabeling->call, 2),
                         &relabeling->value) &&
            !relabel(relabeling, row, string_argument(relabeling->call, 1), err))
                return false;
        relabeling->tally.out += row_samples(row, relabeling->steps);
        return sink_push(relabeling->sink, row, err);
}

static bool join_row(void *ctx, struct row *row, struct error *err)
{
        struct relabeling *relabeling = ctx;
        const struct node *call = relabeling->call;

        buf_clear(&relabeling->value);
        for (size_t i = 3; i < call->call.arg_count; i++) {
                if (i > 3)
                        buf_append_str(&relabeling->value, string_argument(call, 2));
                buf_append_str(&relabeling->value,
                               labels_get(row->labels, string_argument(call, i)));
        }
        if (!relabel(relabeling, row, string_argument(call, 1), err))
                return false;
        relabeling->tally.out += row_samples(row, relabeling->steps);
        return sink_push(relabeling->sink, row, err);
}

static bool run_relabeling(struct eval *eval, const void *ctx, const struct grid *grid,
                           struct sink sink, struct error *err)
{
        const struct node *call = ctx;
        struct relabeling relabeling = {.eval = eval,
                                        .call = call,
                                        .value = BUF_INIT(1 << 20),
                                        .sink = sink,
                                        .tally = tally_begin(eval),
                                        .steps = grid->count};
        bool replace = function_kind(call->call.function) == FUNCTION_LABEL_REPLACE;
        bool ok;

        if (replace && !regex_new(&relabeling.regex, string_argument(call, 4), REGEX_FULL, NULL))
                return error_set(err, ERROR_EXECUTION,
                                 "invalid regular expression in label_replace(): " STR_FMT,
                                 STR_ARG(string_argument(call, 4)));
        ok = eval_vector(eval, call->call.args[0], grid,
                         (struct sink){replace ? replace_row : join_row, &relabeling}, err) &&
             tally_end(eval, &relabeling.tally, grid, err);
        regex_free(relabeling.regex);
        buf_release(&relabeling.value);
        return ok;
}

bool eval_label_replace(struct eval *eval, const struct node *node, const struct grid *grid,
                        struct sink sink, struct error *err)
{
        if (!is_label_name(string_argument(node, 1)))
                return error_set(err, ERROR_EXECUTION,
                                 "invalid destination label name in label_replace(): " STR_FMT,
                                 STR_ARG(string_argument(node, 1)));
        return eval_merged(eval, (struct producer){run_relabeling, node}, grid, false, sink, err);
}

bool eval_label_join(struct eval *eval, const struct node *node, const struct grid *grid,
                     struct sink sink, struct error *err)
{
        for (size_t i = 3; i < node->call.arg_count; i++)
                if (!is_label_name(string_argument(node, i)))
                        return error_set(err, ERROR_EXECUTION,
                                         "invalid source label name in label_join(): " STR_FMT,
                                         STR_ARG(string_argument(node, i)));
        if (!is_label_name(string_argument(node, 1)))
                return error_set(err, ERROR_EXECUTION,
                                 "invalid destination label name in label_join(): " STR_FMT,
                                 STR_ARG(string_argument(node, 1)));
        return eval_merged(eval, (struct producer){run_relabeling, node}, grid, false, sink, err);
}

/* and, or, unless: rows of one side by whether the other has a match at that time. */
#include "promql/eval_int.h"

struct set_operation {
        struct eval *eval;
        const struct node_binary *binary;
        const struct grid *grid;
        struct query_arena arena;
        struct labelset_table signatures;
        struct labelset_scratch scratch;
        uint8_t **present; /* by signature: at which times that side has a value */
        size_t present_capacity;
        struct sink sink;
        struct tally tally;
};

static struct labels signature_of(struct set_operation *set, struct labels labels)
{
        return labelset_scratch_select(&set->scratch, labels, &set->binary->labels,
                                       set->binary->on);
}

static uint8_t *mark_of(struct set_operation *set, struct labels labels)
{
        struct arena *arena = &set->arena.arena;
        bool is_new;
        size_t index = labelset_table_intern(&set->signatures, arena, signature_of(set, labels),
                                             &is_new);

        if (index >= set->present_capacity) {
                size_t capacity = set->present_capacity * 2 + 64;
                uint8_t **present = arena_array(arena, uint8_t *, capacity);

                if (set->present_capacity)
                        memcpy(present, set->present,
                               set->present_capacity * sizeof(*present));
                set->present = present;
                set->present_capacity = capacity;
        }
        if (is_new)
                set->present[index] = arena_array(arena, uint8_t, set->grid->count);
        return set->present[index];
}

static bool mark_row(void *ctx, struct row *row, struct error *err)
{
        struct set_operation *set = ctx;
        uint8_t *mark = mark_of(set, row->labels);

        for (size_t i = 0; i < set->grid->count; i++)
                mark[i] |= !row_is_absent(row->v[i]);
        return query_budget_check(&set->eval->budget, err);
}

static bool pass_row(struct set_operation *set, struct row *row, struct error *err)
{
        size_t samples = row_samples(row, set->grid->count);

        set->tally.out += samples;
        return !samples || sink_push(set->sink, row, err);
}

static bool mark_and_pass_row(void *ctx, struct row *row, struct error *err)
{
        return mark_row(ctx, row, err) && pass_row(ctx, row, err);
}

/* Keeps the values where the other side has (and) or has not (or, unless) a match. */
static bool filter_row(void *ctx, struct row *row, struct error *err)
{
        struct set_operation *set = ctx;
        bool wanted = set->binary->op == TOKEN_AND;
        size_t index = labelset_table_find(&set->signatures, signature_of(set, row->labels));

        for (size_t i = 0; i < set->grid->count; i++) {
                bool matched = index != SIZE_MAX && set->present[index][i];

                if (matched == wanted)
                        continue;
                row->v[i] = row_absent();
                if (row->h)
                        row->h[i] = NULL;
        }
        return pass_row(set, row, err);
}

static bool run_set(struct eval *eval, const void *ctx, const struct grid *grid,
                    struct sink sink, struct error *err)
{
        const struct node *node = ctx;
        struct set_operation set = {.eval = eval,
                                    .binary = &node->binary,
                                    .grid = grid,
                                    .sink = sink,
                                    .tally = tally_begin(eval)};
        bool is_or = node->binary.op == TOKEN_OR;
        bool ok;

        query_arena_init(&set.arena, &eval->budget);
        labelset_table_init(&set.signatures, &set.arena.arena);
        set.scratch.arena = &set.arena.arena;
        ok = eval_vector(eval, is_or ? node->binary.lhs : node->binary.rhs, grid,
                         (struct sink){is_or ? mark_and_pass_row : mark_row, &set}, err) &&
             eval_vector(eval, is_or ? node->binary.rhs : node->binary.lhs, grid,
                         (struct sink){filter_row, &set}, err) &&
             tally_end(eval, &set.tally, grid, err);
        query_arena_release(&set.arena);
        return ok;
}

bool eval_set(struct eval *eval, const struct node *node, const struct grid *grid,
              struct sink sink, struct error *err)
{
        /* Both sides of an or may have rows of the same labels. */
        if (node->binary.op == TOKEN_OR)
                return eval_merged(eval, (struct producer){run_set, node}, grid, false, sink,
                                   err);
        return run_set(eval, node, grid, sink, err);
}

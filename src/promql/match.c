/* Arithmetic and comparison between vectors.
 *
 * Rows of both sides are grouped by their signature, which does not change over time. Within a
 * group at most one row of the "one" side may have a value at any time; the rows of the other
 * side are combined with it time by time. With group_right the sides are swapped, and the values
 * swapped back before they are combined. */
#include <stdlib.h>

#include "promql/binary_int.h"

enum { NOTHING = UINT32_MAX };

struct group {
        uint32_t *one; /* by time: which row of the one side, or NOTHING; NULL when it has none */
        uint8_t *matched; /* by time: a pair was found, whether kept or filtered */
};

/* Of what is to be said of pairs at one time Prometheus says the last. */
struct last_note {
        enum binary_note note;
        bool left_histogram, right_histogram;
};

struct match {
        struct eval *eval;
        const struct node *node;
        const struct node_binary *binary; /* the node's */
        const struct grid *grid;
        struct matrix many, one, out;
        struct labelset_table signatures, labels; /* labels number the rows of out */
        struct labelset_scratch scratch;
        struct group *groups;
        size_t *many_group, *one_group; /* by row */
        uint32_t **inserted; /* by row of out and time: group + 1 of the last pair */
        size_t inserted_capacity;
        struct last_note *notes; /* by time; NULL until there is one */
        bool swapped;
};

static bool fail_duplicate(struct match *match, size_t row, size_t earlier, struct error *err)
{
        struct buf text = BUF_INIT(1 << 16);
        const struct row *rows = match->one.rows;

        buf_append_cstr(&text, "found duplicate series for the match group ");
        labels_append_set(&text, match->signatures.items[match->one_group[row]], ", ");
        buf_printf(&text, " on the %s hand-side of the operation: [",
                   match->swapped ? "left" : "right");
        labels_append_set(&text, rows[earlier].labels, ", ");
        buf_append_cstr(&text, ", ");
        labels_append_set(&text, rows[row].labels, ", ");
        buf_append_cstr(&text, "];many-to-many matching not allowed: matching labels must be "
                               "unique on one side");
        error_set(err, ERROR_EXECUTION, "%s", text.data);
        buf_release(&text);
        return false;
}

static size_t *group_rows(struct match *match, struct matrix *matrix)
{
        struct arena *arena = &match->many.arena.arena;
        size_t *groups = arena_array(arena, size_t, matrix->count);
        bool is_new;

        for (size_t i = 0; i < matrix->count; i++)
                groups[i] = labelset_table_intern(
                        &match->signatures, &match->eval->keep.arena,
                        labelset_scratch_select(&match->scratch, matrix->rows[i].labels,
                                                &match->binary->labels, match->binary->on),
                        &is_new);
        return groups;
}

/* What stands in for a missing value of one side. Prometheus does not swap these with the sides:
 * with group_right, fill_left is for the many side, which is written on the right. */
static bool fill_of(const struct match *match, bool one_side, double *ret_value)
{
        const struct node_binary *binary = match->binary;

        *ret_value = one_side ? binary->fill_right : binary->fill_left;
        return one_side ? binary->fill_right_set : binary->fill_left_set;
}

/* By time: whether the one side is looked at. Where the other side is empty and nothing fills
 * in for it, duplicates on the one side are no error. */
static bool *needed_steps(struct match *match)
{
        bool *needed = arena_array(&match->many.arena.arena, bool, match->grid->count);
        double fill;
        bool filled = fill_of(match, false, &fill) || fill_of(match, true, &fill);

        for (size_t i = 0; i < match->grid->count; i++)
                needed[i] = filled;
        for (size_t m = 0; m < match->many.count; m++)
                for (size_t i = 0; i < match->grid->count; i++)
                        needed[i] |= !row_is_absent(match->many.rows[m].v[i]);
        return needed;
}

static bool index_one_side(struct match *match, struct error *err)
{
        struct arena *arena = &match->many.arena.arena;
        const bool *needed = needed_steps(match);
        size_t steps = match->grid->count;

        for (size_t r = 0; r < match->one.count; r++) {
                struct group *group = &match->groups[match->one_group[r]];
                const double *v = match->one.rows[r].v;

                if (!group->one) {
                        group->one = arena_alloc(arena, steps * sizeof(*group->one));
                        memset(group->one, 0xff, steps * sizeof(*group->one));
                }
                for (size_t i = 0; i < steps; i++) {
                        if (row_is_absent(v[i]) || !needed[i])
                                continue;
                        if (group->one[i] != NOTHING)
                                return fail_duplicate(match, r, group->one[i], err);
                        group->one[i] = (uint32_t)r;
                }
                if (!query_budget_check(&match->eval->budget, err))
                        return false;
        }
        return true;
}

static struct labels included_labels(struct arena *arena, const struct names *include,
                                     struct labels many, struct labels one)
{
        struct labels_builder builder;

        labels_builder_init(&builder, arena, many);
        for (size_t i = 0; i < include->count; i++)
                labels_builder_set(&builder, include->items[i],
                                   labels_get(one, include->items[i]));
        return labels_builder_finish(&builder);
}

/* An included name stays with arithmetic, but not with bool. */
static struct labels result_labels(struct match *match, struct labels many, struct labels one)
{
        const struct node_binary *binary = match->binary;
        struct arena *arena = &match->eval->keep.arena;

        if (binary_is_arithmetic(binary->op))
                many = labelset_drop_metadata(arena, many);
        if (binary->card == MATCH_ONE_TO_ONE)
                many = binary->on ? labelset_keep(arena, many, &binary->labels)
                                  : labelset_remove(arena, many, &binary->labels);
        else if (binary->include.count)
                many = included_labels(arena, &binary->include, many, one);
        if (binary->return_bool && !match->eval->options.features.delayed_name_removal)
                many = labelset_drop_metadata(arena, many);
        return many;
}

static void add_inserted(struct match *match, size_t index)
{
        struct arena *arena = &match->many.arena.arena;

        if (index >= match->inserted_capacity) {
                size_t capacity = match->inserted_capacity * 2 + 16;
                uint32_t **inserted = arena_array(arena, uint32_t *, capacity);

                if (match->inserted_capacity)
                        memcpy(inserted, match->inserted,
                               match->inserted_capacity * sizeof(*inserted));
                match->inserted = inserted;
                match->inserted_capacity = capacity;
        }
        match->inserted[index] = arena_array(arena, uint32_t, match->grid->count);
}

/* The row of the result for a pair of label sets. */
static bool output_of(struct match *match, struct labels many, struct labels one,
                      size_t *ret_index, struct error *err)
{
        struct row *row;
        bool is_new;

        *ret_index = labelset_table_add(&match->labels, result_labels(match, many, one), &is_new);
        if (!is_new)
                return true;
        if (match->binary->card != MATCH_ONE_TO_ONE)
                add_inserted(match, *ret_index);
        return matrix_add(&match->out, match->labels.items[*ret_index],
                          match->binary->return_bool, &row, err);
}

/* Notes a pair; an error when its group (one to one) or its result has one at this time already. */
static bool note_pair(struct match *match, size_t group, size_t output, size_t step,
                      struct error *err)
{
        uint8_t **matched = &match->groups[group].matched;

        if (!*matched)
                *matched = arena_array(&match->many.arena.arena, uint8_t, match->grid->count);
        if (match->binary->card == MATCH_ONE_TO_ONE) {
                if ((*matched)[step])
                        return error_set(err, ERROR_EXECUTION,
                                         "multiple matches for labels: many-to-one matching must "
                                         "be explicit (group_left/group_right)");
        } else {
                if (match->inserted[output][step] == group + 1)
                        return error_set(err, ERROR_EXECUTION,
                                         "multiple matches for labels: grouping labels must "
                                         "ensure unique matches");
                match->inserted[output][step] = (uint32_t)group + 1;
        }
        (*matched)[step] = 1;
        return true;
}

static void keep_note(struct match *match, size_t step, enum binary_note note,
                      struct operand lhs, struct operand rhs)
{
        if (!match->notes)
                match->notes = arena_array(&match->many.arena.arena, struct last_note,
                                           match->grid->count);
        match->notes[step] = (struct last_note){note, lhs.h != NULL, rhs.h != NULL};
}

static void put_notes(struct match *match)
{
        for (size_t i = 0; match->notes && i < match->grid->count; i++)
                binary_put_note(match->eval, match->node, match->notes[i].note,
                                match->notes[i].left_histogram, match->notes[i].right_histogram);
}

/* The value of a pair. False: it has none, and does not count as matched either. */
static bool operate(struct match *match, size_t step, struct operand many, struct operand one,
                    struct operand *ret_result, bool *ret_keep)
{
        const struct node_binary *binary = match->binary;
        struct operand lhs = match->swapped ? one : many, rhs = match->swapped ? many : one;
        enum binary_note note;
        bool ok;

        *ret_keep = true;
        if (LIKELY(!lhs.h && !rhs.h && !binary_is_trim(binary->op))) {
                *ret_result = (struct operand){
                        binary_operate(binary->op, lhs.v, rhs.v, ret_keep), NULL};
                return true;
        }
        ok = binary_combine(&match->out.arena.arena, binary->op, lhs, rhs, ret_result, ret_keep,
                            &note);
        if (note != BINARY_FINE)
                keep_note(match, step, note, lhs, rhs);
        return ok;
}

/* Puts the result for one time into its row, unless it is filtered. */
static bool combine(struct match *match, size_t group, size_t output, size_t step,
                    struct operand many, struct operand one, struct error *err)
{
        struct row *target = &match->out.rows[output];
        struct operand result;
        bool keep;

        if (!operate(match, step, many, one, &result, &keep))
                return true;
        if (!note_pair(match, group, output, step, err))
                return false;
        if (match->binary->return_bool)
                result = (struct operand){keep, NULL};
        else if (!keep)
                return true;
        if (!row_is_absent(target->v[step]))
                return error_set(err, ERROR_EXECUTION,
                                 "vector cannot contain metrics with the same labelset");
        target->v[step] = result.v;
        if (result.h) {
                if (!target->h)
                        target->h = arena_array(&match->out.arena.arena,
                                                const struct histogram *, match->grid->count);
                target->h[step] = result.h;
        }
        return true;
}

static struct operand operand_at(const struct row *row, size_t step)
{
        return (struct operand){row->v[step], row_histogram(row, step)};
}

/* One row of the many side against its group. */
static bool match_row(struct match *match, size_t m, struct error *err)
{
        const struct row *row = &match->many.rows[m];
        size_t group_index = match->many_group[m], output = 0;
        struct group *group = &match->groups[group_index];
        uint32_t last = NOTHING - 1;
        double fill;
        bool filled = fill_of(match, true, &fill);

        for (size_t i = 0; i < match->grid->count; i++) {
                uint32_t r = group->one ? group->one[i] : NOTHING;

                if (row_is_absent(row->v[i]) || (r == NOTHING && !filled))
                        continue;
                if (r != last &&
                    !output_of(match, row->labels,
                               r == NOTHING ? match->signatures.items[group_index]
                                            : match->one.rows[r].labels,
                               &output, err))
                        return false;
                last = r;
                if (!combine(match, group_index, output, i, operand_at(row, i),
                             r == NOTHING ? (struct operand){fill, NULL}
                                          : operand_at(&match->one.rows[r], i),
                             err))
                        return false;
        }
        return query_budget_check(&match->eval->budget, err);
}

/* Rows of the one side that found no match, against the fill value of the many side. */
static bool match_leftover(struct match *match, size_t r, double fill, struct error *err)
{
        const struct row *row = &match->one.rows[r];
        size_t group = match->one_group[r], output = SIZE_MAX;

        for (size_t i = 0; i < match->grid->count; i++) {
                const uint8_t *matched = match->groups[group].matched;

                if (row_is_absent(row->v[i]) || (matched && matched[i]))
                        continue;
                if (output == SIZE_MAX &&
                    !output_of(match, match->signatures.items[group], row->labels, &output, err))
                        return false;
                if (!combine(match, group, output, i, (struct operand){fill, NULL},
                             operand_at(row, i), err))
                        return false;
        }
        return true;
}

static bool match_all(struct match *match, struct error *err)
{
        struct arena *arena = &match->many.arena.arena;
        double fill;

        match->many_group = group_rows(match, &match->many);
        match->one_group = group_rows(match, &match->one);
        match->groups = arena_array(arena, struct group, match->signatures.count);
        if (!index_one_side(match, err))
                return false;
        for (size_t m = 0; m < match->many.count; m++)
                if (!match_row(match, m, err))
                        return false;
        if (fill_of(match, false, &fill))
                for (size_t r = 0; r < match->one.count; r++)
                        if (!match_leftover(match, r, fill, err))
                                return false;
        return true;
}

bool eval_match(struct eval *eval, const struct node *node, const struct grid *grid,
                struct sink sink, struct error *err)
{
        const struct node_binary *binary = &node->binary;
        struct match match = {.eval = eval,
                              .node = node,
                              .binary = binary,
                              .grid = grid,
                              .swapped = binary->card == MATCH_ONE_TO_MANY};
        struct tally tally = tally_begin(eval);
        bool ok;

        matrix_init(&match.many, eval, grid->count);
        matrix_init(&match.one, eval, grid->count);
        matrix_init(&match.out, eval, grid->count);
        labelset_table_init(&match.signatures, &match.many.arena.arena);
        labelset_table_init(&match.labels, &match.many.arena.arena);
        match.scratch.arena = &match.many.arena.arena;
        ok = matrix_collect(match.swapped ? &match.one : &match.many, eval, binary->lhs, grid,
                            err) &&
             matrix_collect(match.swapped ? &match.many : &match.one, eval, binary->rhs, grid,
                            err) &&
             match_all(&match, err);
        put_notes(&match);
        ok = ok && matrix_push(&match.out, &tally, sink, err) &&
             tally_end(eval, &tally, grid, err);
        matrix_release(&match.out);
        matrix_release(&match.one);
        matrix_release(&match.many);
        return ok;
}

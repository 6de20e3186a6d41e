/* Binary operators where at least one side is a scalar; match.c has those between vectors. */
#include "model/histogram_shape.h"
#include "promql/binary_int.h"

bool binary_is_arithmetic(enum token_kind op)
{
        return op >= TOKEN_ADD && op <= TOKEN_ATAN2;
}

bool binary_is_trim(enum token_kind op)
{
        return op == TOKEN_TRIM_UPPER || op == TOKEN_TRIM_LOWER;
}

double binary_operate(enum token_kind op, double lhs, double rhs, bool *ret_keep)
{
        bool keep = true;

        switch (op) {
        case TOKEN_ADD:
                return lhs + rhs;
        case TOKEN_SUB:
                return lhs - rhs;
        case TOKEN_MUL:
                return lhs * rhs;
        case TOKEN_DIV:
                return lhs / rhs;
        case TOKEN_MOD:
                return fmod(lhs, rhs);
        case TOKEN_POW:
                return pow(lhs, rhs);
        case TOKEN_ATAN2:
                return atan2(lhs, rhs);
        case TOKEN_EQLC:
                keep = lhs == rhs;
                break;
        case TOKEN_NEQ:
                keep = lhs != rhs;
                break;
        case TOKEN_LTE:
                keep = lhs <= rhs;
                break;
        case TOKEN_LSS:
                keep = lhs < rhs;
                break;
        case TOKEN_GTE:
                keep = lhs >= rhs;
                break;
        case TOKEN_GTR:
                keep = lhs > rhs;
                break;
        case TOKEN_TRIM_UPPER:
        case TOKEN_TRIM_LOWER:
                break;
        default:
                BUG_ON(true);
        }
        *ret_keep = keep;
        return lhs;
}

bool eval_binary_scalars(struct eval *eval, const struct node *node, const struct grid *grid,
                         double *ret_v, struct error *err)
{
        const struct node_binary *binary = &node->binary;
        double *rhs;

        if (binary_is_trim(binary->op))
                return error_set(err, ERROR_EXECUTION,
                                 "operator \"%s\" not allowed for Scalar operations",
                                 token_kind_text(binary->op));
        if (!eval_scalar(eval, binary->lhs, grid, ret_v, err) ||
            !eval_scalar_new(eval, binary->rhs, grid, &rhs, err))
                return false;
        for (size_t i = 0; i < grid->count; i++) {
                bool keep = true;
                double value = binary_operate(binary->op, ret_v[i], rhs[i], &keep);

                ret_v[i] = token_is_comparison(binary->op) ? keep : value;
        }
        return true;
}

/* ---- histograms --------------------------------------------------------------------------- */

static bool combine_histograms(struct arena *arena, enum token_kind op,
                               const struct histogram *lhs, const struct histogram *rhs,
                               struct operand *ret_result, bool *ret_keep,
                               enum binary_note *ret_note)
{
        struct histogram_outcome outcome = {0};
        const struct histogram *h = lhs;

        switch (op) {
        case TOKEN_ADD:
                h = histogram_add(arena, lhs, rhs, &outcome);
                break;
        case TOKEN_SUB:
                h = histogram_subtract(arena, lhs, rhs, &outcome);
                break;
        case TOKEN_EQLC:
        case TOKEN_NEQ:
                *ret_keep = histogram_equal(lhs, rhs) == (op == TOKEN_EQLC);
                break;
        default:
                *ret_note = BINARY_INCOMPATIBLE;
                return false;
        }
        if (!h || outcome.collision) {
                *ret_note = h ? BINARY_COLLISION : BINARY_LAYOUT;
                return false;
        }
        if (outcome.reconciled)
                *ret_note = BINARY_RECONCILED;
        /* A difference counts nothing. */
        if (op == TOKEN_SUB)
                h = histogram_with_reset(arena, h, HISTOGRAM_GAUGE);
        *ret_result = (struct operand){0, h};
        return true;
}

static bool scale_histogram(struct arena *arena, enum token_kind op, const struct histogram *h,
                            double v, struct operand *ret_result)
{
        switch (op) {
        case TOKEN_MUL:
                h = histogram_compact(arena, histogram_multiply(arena, h, v));
                break;
        case TOKEN_DIV:
                h = histogram_compact(arena, histogram_divide(arena, h, v));
                break;
        case TOKEN_TRIM_UPPER:
                h = histogram_trim_above(arena, h, v);
                break;
        case TOKEN_TRIM_LOWER:
                h = histogram_trim_below(arena, h, v);
                break;
        default:
                return false;
        }
        *ret_result = (struct operand){0, h};
        return true;
}

bool binary_combine(struct arena *arena, enum token_kind op, struct operand lhs,
                    struct operand rhs, struct operand *ret_result, bool *ret_keep,
                    enum binary_note *ret_note)
{
        *ret_keep = true;
        *ret_note = BINARY_FINE;
        if (lhs.h && rhs.h)
                return combine_histograms(arena, op, lhs.h, rhs.h, ret_result, ret_keep,
                                          ret_note);
        if (lhs.h ? scale_histogram(arena, op, lhs.h, rhs.v, ret_result)
                  : rhs.h && op == TOKEN_MUL &&
                            scale_histogram(arena, op, rhs.h, lhs.v, ret_result))
                return true;
        *ret_note = BINARY_INCOMPATIBLE;
        return false;
}

void binary_put_note(struct eval *eval, const struct node *node, enum binary_note note,
                     bool left_histogram, bool right_histogram)
{
        const char *op = token_kind_text(node->binary.op);
        bool sub = node->binary.op == TOKEN_SUB;

        switch (note) {
        case BINARY_FINE:
                return;
        case BINARY_INCOMPATIBLE:
                notes_info(&eval->notes, node,
                           "incompatible sample types encountered for binary operator \"%s\": "
                           "%s %s %s",
                           op, left_histogram ? "histogram" : "float", op,
                           right_histogram ? "histogram" : "float");
                return;
        case BINARY_LAYOUT:
                notes_warn(&eval->notes, node,
                           "incompatible bucket layout encountered for binary operator %s", op);
                return;
        case BINARY_COLLISION:
                notes_histograms(&eval->notes, node,
                                 sub ? NOTE_COLLISION_SUBTRACTION : NOTE_COLLISION_ADDITION,
                                 STR_LIT(""));
                return;
        case BINARY_RECONCILED:
                notes_histograms(&eval->notes, node,
                                 sub ? NOTE_RECONCILED_SUBTRACTION : NOTE_RECONCILED_ADDITION,
                                 STR_LIT(""));
                return;
        }
}

/* ---- with a scalar ------------------------------------------------------------------------ */

struct scalar_side {
        struct eval *eval;
        const struct node *node;
        const struct node_binary *binary; /* the node's */
        const double *scalar;
        bool scalar_left;
};

static void apply_arithmetic(const struct scalar_side *side, const struct grid *grid, double *v)
{
        for (size_t i = 0; i < grid->count; i++) {
                if (row_is_absent(v[i]))
                        continue;
                v[i] = side->scalar_left
                               ? binary_operate(side->binary->op, side->scalar[i], v[i], NULL)
                               : binary_operate(side->binary->op, v[i], side->scalar[i], NULL);
        }
}

/* A comparison keeps the vector's value, whichever side it is on. */
static void apply_comparison(const struct scalar_side *side, const struct grid *grid, double *v)
{
        for (size_t i = 0; i < grid->count; i++) {
                bool keep;

                if (row_is_absent(v[i]))
                        continue;
                if (side->scalar_left)
                        binary_operate(side->binary->op, side->scalar[i], v[i], &keep);
                else
                        binary_operate(side->binary->op, v[i], side->scalar[i], &keep);
                if (side->binary->return_bool)
                        v[i] = keep;
                else if (!keep)
                        v[i] = row_absent();
        }
}

/* </ and >/ work on histograms only: floats are left out, with an info. */
static void leave_out(const struct scalar_side *side, const struct grid *grid, double *v)
{
        for (size_t i = 0; i < grid->count; i++) {
                if (row_is_absent(v[i]))
                        continue;
                binary_put_note(side->eval, side->node, BINARY_INCOMPATIBLE, false, false);
                v[i] = row_absent();
        }
}

static void apply_scalar(const void *ctx, const struct grid *grid, double *v)
{
        const struct scalar_side *side = ctx;

        if (binary_is_trim(side->binary->op))
                leave_out(side, grid, v);
        else if (binary_is_arithmetic(side->binary->op))
                apply_arithmetic(side, grid, v);
        else
                apply_comparison(side, grid, v);
}

static const struct histogram *apply_to_histogram(const void *ctx, struct arena *arena,
                                                  const struct grid *grid, size_t step,
                                                  const struct histogram *h, double *v)
{
        const struct scalar_side *side = ctx;
        struct operand vector = {0, h}, scalar = {side->scalar[step], NULL}, result;
        enum binary_note note;
        bool keep;

        (void)grid, (void)v;
        if (binary_combine(arena, side->binary->op, side->scalar_left ? scalar : vector,
                           side->scalar_left ? vector : scalar, &result, &keep, &note))
                return result.h;
        binary_put_note(side->eval, side->node, note, !side->scalar_left, side->scalar_left);
        return NULL;
}

bool eval_binary(struct eval *eval, const struct node *node, const struct grid *grid,
                 struct sink sink, struct error *err)
{
        const struct node_binary *binary = &node->binary;
        bool left = node_type(binary->lhs) == PROMQL_SCALAR;
        bool right = node_type(binary->rhs) == PROMQL_SCALAR;
        struct scalar_side side = {eval, node, binary, NULL, left};
        struct map map = {left ? binary->rhs : binary->lhs, apply_scalar, apply_to_histogram,
                          &side, binary_is_arithmetic(binary->op) || binary->return_bool};
        double *scalar;

        if (!left && !right)
                return token_is_set_operator(binary->op)
                               ? eval_set(eval, node, grid, sink, err)
                               : eval_match(eval, node, grid, sink, err);
        if (!eval_scalar_new(eval, left ? binary->lhs : binary->rhs, grid, &scalar, err))
                return false;
        side.scalar = scalar;
        return eval_map(eval, &map, grid, sink, err);
}

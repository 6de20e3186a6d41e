/* Binary operators where at least one side is a scalar; match.c has those between vectors. */
#include "promql/eval_int.h"

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

struct scalar_side {
        const struct node_binary *binary;
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

static void apply_scalar(const void *ctx, const struct grid *grid, double *v)
{
        const struct scalar_side *side = ctx;

        if (binary_is_arithmetic(side->binary->op))
                apply_arithmetic(side, grid, v);
        else
                apply_comparison(side, grid, v);
}

/* </ and >/ work on histograms only: floats are left out, with an info. */
void binary_note_trim(struct eval *eval, const struct node *node)
{
        const char *op = token_kind_text(node->binary.op);

        notes_info(&eval->notes, node,
                   "incompatible sample types encountered for binary operator \"%s\": "
                   "float %s float",
                   op, op);
}

struct trim {
        struct eval *eval;
        const struct node *node;
};

static bool leave_out(void *ctx, struct row *row, struct error *err)
{
        struct trim *trim = ctx;

        (void)row, (void)err;
        binary_note_trim(trim->eval, trim->node);
        return true;
}

static bool eval_trim_scalar(struct eval *eval, const struct node *node, const struct grid *grid,
                             struct error *err)
{
        bool left = node_type(node->binary.lhs) == PROMQL_SCALAR;
        struct trim trim = {eval, node};
        struct tally tally = tally_begin(eval);
        double *ignored;

        return eval_scalar_new(eval, left ? node->binary.lhs : node->binary.rhs, grid, &ignored,
                               err) &&
               eval_vector(eval, left ? node->binary.rhs : node->binary.lhs, grid,
                           (struct sink){leave_out, &trim}, err) &&
               tally_end(eval, &tally, grid, err);
}

bool eval_binary(struct eval *eval, const struct node *node, const struct grid *grid,
                 struct sink sink, struct error *err)
{
        const struct node_binary *binary = &node->binary;
        bool left = node_type(binary->lhs) == PROMQL_SCALAR;
        bool right = node_type(binary->rhs) == PROMQL_SCALAR;
        struct scalar_side side = {binary, NULL, left};
        struct map map = {left ? binary->rhs : binary->lhs, apply_scalar, &side,
                          binary_is_arithmetic(binary->op) || binary->return_bool};
        double *scalar;

        if (!left && !right)
                return token_is_set_operator(binary->op)
                               ? eval_set(eval, node, grid, sink, err)
                               : eval_match(eval, node, grid, sink, err);
        if (binary_is_trim(binary->op))
                return eval_trim_scalar(eval, node, grid, err);
        if (!eval_scalar_new(eval, left ? binary->lhs : binary->rhs, grid, &scalar, err))
                return false;
        side.scalar = scalar;
        return eval_map(eval, &map, grid, sink, err);
}

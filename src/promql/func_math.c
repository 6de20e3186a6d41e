/* Functions of each value by itself: mathematics, clamping, rounding. */
#include "promql/eval_int.h"

typedef double math_function(double v);

static double sign_of(double v)
{
        return v < 0 ? -1 : v > 0 ? 1 : v;
}

static double to_degrees(double v)
{
        return v * 180 / M_PI;
}

static double to_radians(double v)
{
        return v * M_PI / 180;
}

static math_function *math_function_of(enum function_kind function)
{
        static math_function *const functions[FUNCTION_COUNT] = {
                [FUNCTION_ABS] = fabs,     [FUNCTION_ACOS] = acos,      [FUNCTION_ACOSH] = acosh,
                [FUNCTION_ASIN] = asin,    [FUNCTION_ASINH] = asinh,    [FUNCTION_ATAN] = atan,
                [FUNCTION_ATANH] = atanh,  [FUNCTION_CEIL] = ceil,      [FUNCTION_COS] = cos,
                [FUNCTION_COSH] = cosh,    [FUNCTION_DEG] = to_degrees, [FUNCTION_EXP] = exp,
                [FUNCTION_FLOOR] = floor,  [FUNCTION_LN] = log,         [FUNCTION_LOG10] = log10,
                [FUNCTION_LOG2] = log2,    [FUNCTION_RAD] = to_radians, [FUNCTION_SGN] = sign_of,
                [FUNCTION_SIN] = sin,      [FUNCTION_SINH] = sinh,      [FUNCTION_SQRT] = sqrt,
                [FUNCTION_TAN] = tan,      [FUNCTION_TANH] = tanh,
        };

        return functions[function];
}

bool math_is_function(enum function_kind function)
{
        return math_function_of(function) || function == FUNCTION_CLAMP ||
               function == FUNCTION_CLAMP_MIN || function == FUNCTION_CLAMP_MAX ||
               function == FUNCTION_ROUND;
}

struct math_call {
        math_function *function;
        enum function_kind kind;
        const double *first, *second; /* scalar arguments, one per time */
};

static void apply_function(const void *ctx, const struct grid *grid, double *v)
{
        const struct math_call *call = ctx;

        for (size_t i = 0; i < grid->count; i++)
                if (!row_is_absent(v[i]))
                        v[i] = call->function(v[i]);
}

/* A clamp whose bounds are inverted leaves nothing. */
static void apply_clamp(const void *ctx, const struct grid *grid, double *v)
{
        const struct math_call *call = ctx;

        for (size_t i = 0; i < grid->count; i++) {
                double low = call->kind == FUNCTION_CLAMP_MAX ? -INFINITY : call->first[i];
                double high = call->kind == FUNCTION_CLAMP_MIN   ? INFINITY
                              : call->kind == FUNCTION_CLAMP_MAX ? call->first[i]
                                                                 : call->second[i];

                if (row_is_absent(v[i]))
                        continue;
                v[i] = high < low ? row_absent() : number_max(low, number_min(high, v[i]));
        }
}

static void apply_round(const void *ctx, const struct grid *grid, double *v)
{
        const struct math_call *call = ctx;

        for (size_t i = 0; i < grid->count; i++) {
                /* Multiplying by the inverse loses less than dividing. */
                double inverse = 1.0 / (call->first ? call->first[i] : 1);

                if (!row_is_absent(v[i]))
                        v[i] = floor(v[i] * inverse + 0.5) / inverse;
        }
}

bool eval_math(struct eval *eval, const struct node *node, const struct grid *grid,
               struct sink sink, struct error *err)
{
        enum function_kind kind = function_kind(node->call.function);
        struct math_call call = {math_function_of(kind), kind, NULL, NULL};
        struct map map = {.child = node->call.args[0],
                          .apply = apply_clamp,
                          .ctx = &call,
                          .computed = true};
        double *arg;

        for (size_t i = 1; i < node->call.arg_count; i++) {
                if (!eval_scalar_new(eval, node->call.args[i], grid, &arg, err))
                        return false;
                if (i == 1)
                        call.first = arg;
                else
                        call.second = arg;
        }
        if (call.function)
                map.apply = apply_function;
        else if (kind == FUNCTION_ROUND)
                map.apply = apply_round;
        return eval_map(eval, &map, grid, sink, err);
}

/* promql/binary_int.h - one binary operation on two values. */
#ifndef PROMQL_BINARY_INT_H
#define PROMQL_BINARY_INT_H

#include "promql/eval_int.h"

/* One binary operation; *ret_keep is false when a comparison does not hold. */
double binary_operate(enum token_kind op, double lhs, double rhs, bool *ret_keep);
/* The same where a side may be a histogram (else NULL), or of trimming. A result that is a
 * histogram lives in the arena. False: there is none, and *ret_note says why. */
struct operand {
        double v;
        const struct histogram *h;
};
enum binary_note {
        BINARY_FINE,
        BINARY_INCOMPATIBLE, /* types that the operator does not take */
        BINARY_LAYOUT,       /* exponential and custom buckets */
        BINARY_COLLISION,
        BINARY_RECONCILED,
};
bool binary_combine(struct arena *arena, enum token_kind op, struct operand lhs,
                    struct operand rhs, struct operand *ret_result, bool *ret_keep,
                    enum binary_note *ret_note);
void binary_put_note(struct eval *eval, const struct node *node, enum binary_note note,
                     bool left_histogram, bool right_histogram);
bool binary_is_arithmetic(enum token_kind op);
bool binary_is_trim(enum token_kind op);

#endif

/* template/execute_int.h - a run of a template: what walking its nodes and evaluating its
 * pipelines share. */
#ifndef TEMPLATE_EXECUTE_INT_H
#define TEMPLATE_EXECUTE_INT_H

#include "template/template_int.h"

struct variable {
        struct str name;
        struct template_value value;
};

struct execution {
        const struct template_set *set;
        struct arena *arena;
        struct buf *out;
        void *ctx;
        const struct tree *tree; /* the template that runs */
        const struct node *node; /* where it is, for errors */
        struct variable *variables;
        size_t count, capacity;
        size_t base; /* the first variable of this template */
        size_t depth;
        size_t steps;
        struct error *err;
};

/* "template: name:line:column: executing "name" at <node>: ..."; returns false. */
bool execution_fail(struct execution *run, const char *fmt, ...) PRINTF_LIKE(2, 3);
bool execution_fail_quoted(struct execution *run, const char *before, struct str text,
                           const char *behind);
/* Every node that is visited counts; false when they are too many. */
NODISCARD bool execution_step(struct execution *run, const struct node *node);
void execution_push(struct execution *run, struct str name, struct template_value value);

/* To a variable that is declared already. */
NODISCARD bool execution_assign(struct execution *run, const struct node *name,
                                struct template_value value);

/* The value of a pipeline, whose variables are declared. NULL has none. */
NODISCARD bool evaluate_pipeline(struct execution *run, struct template_value dot,
                                 const struct node *pipe, struct template_value *ret_value);

#endif

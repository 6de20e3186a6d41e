/* rules/runner_int.h - what the two kinds of rules share. */
#ifndef RULES_RUNNER_INT_H
#define RULES_RUNNER_INT_H

#include "rules/rules.h"

struct alert_set;

/* One sample that a rule makes. */
struct rule_output {
        struct labels labels;
        double v;
        const struct histogram *h; /* NULL: a float */
};

/* An evaluation of one rule; everything it makes lives in the arena. */
struct evaluation {
        const struct rules_env *env;
        const struct rule *rule;
        struct labels labels; /* of the rule, its group's among them */
        uint64_t limit;
        int64_t now_ms;
        int64_t query_ms; /* now less the offset: of the query and of what is stored */
        struct arena *arena;
        struct rule_output *outputs;
        size_t count, capacity;
};

void evaluation_add(struct evaluation *eval, struct labels labels, double v,
                    const struct histogram *h);
/* The samples of an expression; a scalar is one without labels. */
NODISCARD bool evaluation_query(struct evaluation *eval, const struct promql_expr *expr,
                                struct promql_result *ret_result, struct error *err);

NODISCARD bool recording_evaluate(struct evaluation *eval, struct error *err);

/* The alerts of one rule, with its templates ready. */
struct alert_set *alert_set_new(const struct rule *rule, struct labels labels);
struct alert_set *alert_set_free(struct alert_set *set); /* takes NULL */
NODISCARD bool alert_set_evaluate(struct alert_set *set, struct evaluation *eval,
                                  struct error *err);
const struct alert *alert_set_list(const struct alert_set *set, size_t *ret_count);

#endif

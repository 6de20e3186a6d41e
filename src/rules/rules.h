/* rules/rules.h - recording and alerting rules, evaluated as Prometheus 3.14 does.
 *
 * A runner evaluates the rules of one group, in order, and keeps what there is to remember between
 * evaluations: the alerts, and which series there were. It is used by one thread at a time and has
 * no clock of its own: whoever holds it says when.
 */
#ifndef RULES_RULES_H
#define RULES_RULES_H

#include "model/series.h"
#include "promql/promql.h"

struct rule {
        struct str record; /* empty: an alerting rule */
        struct str alert;  /* empty: a recording rule */
        struct str expr;   /* as written */
        const struct promql_expr *parsed;
        int64_t for_ms, keep_firing_for_ms;
        struct labels labels, annotations; /* sorted by name; of an alert they are templates */
        unsigned line;                     /* of the rule in the file, from 1 */
};

struct rule_group {
        struct str name;
        int64_t interval_ms;     /* 0: the global one */
        int64_t query_offset_ms; /* -1: the global one */
        uint64_t limit;          /* of series a rule may make; 0: none */
        struct labels labels;    /* of all its rules, which may override them */
        const struct rule *rules;
        size_t rule_count;
};

enum alert_state { ALERT_INACTIVE, ALERT_PENDING, ALERT_FIRING };

struct alert {
        struct labels labels;
        struct labels annotations;
        enum alert_state state;
        double value;
        /* Milliseconds since 1970; 0: never. */
        int64_t active_at_ms, fired_at_ms, resolved_at_ms, keep_firing_since_ms;
};

enum rule_health { RULE_UNKNOWN, RULE_GOOD, RULE_BAD };

const char *alert_state_name(enum alert_state state); /* "inactive", "pending", "firing" */

/* What rules read and write, and what their templates are told. */
struct rules_env {
        struct series_source source;
        struct series_sink sink;
        struct promql_options promql;
        struct labels external_labels;
        const char *external_url;       /* "" if there is none */
        const char *path_prefix;        /* the path of the external URL */
        int64_t query_offset_ms;        /* of groups that say nothing of it */
};

struct rule_runner;

/* The group and the env are borrowed. */
struct rule_runner *rule_runner_new(const struct rule_group *group, const struct rules_env *env);
struct rule_runner *rule_runner_free(struct rule_runner *runner); /* takes NULL */

/* Evaluates all rules once, as of now_ms. A rule that fails does not keep the others. */
void rule_runner_evaluate(struct rule_runner *runner, int64_t now_ms);

const struct rule_group *rule_runner_group(const struct rule_runner *runner);
/* Of rule number `rule`. Texts and alerts live until the next evaluation. */
enum rule_health rule_runner_health(const struct rule_runner *runner, size_t rule);
const char *rule_runner_error(const struct rule_runner *runner, size_t rule); /* "": none */
/* Alerts of one rule, sorted by labels; those that are over among them, for a while. */
const struct alert *rule_runner_alerts(const struct rule_runner *runner, size_t rule,
                                       size_t *ret_count);

#endif

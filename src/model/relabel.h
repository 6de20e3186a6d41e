/* model/relabel.h - relabeling rules, all 11 actions, with Prometheus's semantics
 * (model/relabel and docs/configuration: <relabel_config>). Rules are immutable; may be shared. */
#ifndef MODEL_RELABEL_H
#define MODEL_RELABEL_H

#include "model/labels.h"

struct regex;

enum relabel_action {
        RELABEL_REPLACE,
        RELABEL_KEEP,
        RELABEL_DROP,
        RELABEL_KEEP_EQUAL,
        RELABEL_DROP_EQUAL,
        RELABEL_HASH_MOD,
        RELABEL_LABEL_MAP,
        RELABEL_LABEL_DROP,
        RELABEL_LABEL_KEEP,
        RELABEL_LOWERCASE,
        RELABEL_UPPERCASE,
};

struct relabel_rule {
        enum relabel_action action;
        const struct str *source_labels;
        size_t source_count;
        struct str separator;    /* default ";" */
        struct regex *regex;     /* default (.*), fully anchored; owned by the arena at init */
        struct str target_label;
        struct str replacement;  /* default $1 */
        uint64_t modulus;
};

struct relabel_rules {
        const struct relabel_rule *items;
        size_t count;
};

/* What a rule says before its regex is compiled and its fields are checked. */
struct relabel_spec {
        struct str action; /* empty: replace */
        const struct str *source_labels;
        size_t source_count;
        struct str separator, regex, target_label, replacement;
        bool has_separator, has_regex, has_replacement;
        uint64_t modulus;
};

/* Checks a rule as Prometheus does, with its error texts, and compiles it. Strings are borrowed. */
NODISCARD bool relabel_rule_init(struct relabel_rule *rule, struct arena *arena,
                                 const struct relabel_spec *spec, struct error *err);

const char *relabel_action_name(enum relabel_action action); /* "replace", "keep", ... */

/* Applies the rules to the builder in order. Returns false when a rule drops the set. New strings
 * go into the builder's arena. */
bool relabel_apply(struct relabel_rules rules, struct labels_builder *builder);

#endif

/* config/rule_file.h - files of recording and alerting rules, as Prometheus 3.14 reads them.
 *
 * A file is read to the end and all its mistakes are told at once, with Prometheus's texts and the
 * place of what is wrong. Templates in labels and annotations are checked, and kept as text.
 */
#ifndef CONFIG_RULE_FILE_H
#define CONFIG_RULE_FILE_H

#include "base/arena.h"
#include "model/labels.h"

struct promql_expr; /* promql/promql.h */
struct promql_features;

struct rule_file_options {
        const struct promql_features *features;
        bool ignore_unknown_fields;
};

struct rule {
        struct str record;  /* empty: an alerting rule */
        struct str alert;   /* empty: a recording rule */
        struct str expr;    /* as written */
        const struct promql_expr *parsed;
        int64_t for_ms, keep_firing_for_ms;
        struct labels labels, annotations; /* sorted by name */
        unsigned line;      /* of the rule in the file, from 1 */
};

struct rule_group {
        struct str name;
        int64_t interval_ms;      /* 0: the global one */
        int64_t query_offset_ms;  /* -1: the global one */
        uint64_t limit;           /* of series a rule may make; 0: none */
        struct labels labels;     /* of all its rules, which may override them */
        const struct rule *rules;
        size_t rule_count;
};

struct rule_file {
        struct arena arena; /* holds everything below */
        struct str path;
        const struct rule_group *groups;
        size_t group_count;
        const char **errors; /* "path: line:column: ..."; none: the file is good */
        size_t error_count;
};

/* Reads text; path is what errors and rules call it. Never fails: see errors. */
struct rule_file *rule_file_parse(const char *path, struct str text,
                                  const struct rule_file_options *options);
/* The same from a file; what cannot be read is an error of it. */
struct rule_file *rule_file_load(const char *path, const struct rule_file_options *options);
struct rule_file *rule_file_free(struct rule_file *file); /* takes NULL */

#endif

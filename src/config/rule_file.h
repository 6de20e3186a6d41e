/* config/rule_file.h - files of recording and alerting rules, as Prometheus 3.14 reads them.
 *
 * A file is read to the end and all its mistakes are told at once, with Prometheus's texts and the
 * place of what is wrong. Templates in labels and annotations are checked, and kept as text.
 */
#ifndef CONFIG_RULE_FILE_H
#define CONFIG_RULE_FILE_H

#include "base/arena.h"
#include "rules/rules.h"

struct rule_file_options {
        const struct promql_features *features;
        bool ignore_unknown_fields;
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

/* promtool/check_int.h - what check config and check rules share. */
#ifndef PROMTOOL_CHECK_INT_H
#define PROMTOOL_CHECK_INT_H

#include "promtool/command_int.h"

struct lint {
        const char *options; /* with commas between */
        bool fatal, ignore_unknown_fields;
};

struct verdict {
        bool failed, has_errors; /* failed without errors: only the linter complains */
};

struct lint lint_of(const struct words *words);
bool lint_asks_for(const char *options, const char *option);
void check_rule_file(const char *path, const struct lint *lint, struct verdict *verdict);
int verdict_code(const struct verdict *verdict, const struct lint *lint);

#endif

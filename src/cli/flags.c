#include "cli/flags.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

enum { FLAGS_MAX = 64 };

static const struct cli_flag *find_flag(struct str name, const struct cli_flag *flags,
                                        size_t flag_count)
{
        for (size_t i = 0; i < flag_count; i++)
                if (str_is(name, flags[i].name))
                        return &flags[i];
        return NULL;
}

static bool fail_unknown(const char *command, struct str name, const struct cli_flag *flags,
                         size_t flag_count)
{
        const char *names[FLAGS_MAX], *closest;

        for (size_t i = 0; i < flag_count && i < FLAGS_MAX; i++)
                names[i] = flags[i].name;
        closest = str_closest(name, names, flag_count);
        fprintf(stderr, "pitwall %s: unknown flag --" STR_FMT, command, STR_ARG(name));
        if (closest)
                fprintf(stderr, ", did you mean --%s?", closest);
        fprintf(stderr, "\n");
        return false;
}

bool cli_flags_parse(const char *command, int *argc, char **argv, const struct cli_flag *flags,
                     size_t flag_count)
{
        int kept = 1;
        int i = 1;

        for (; i < *argc && strcmp(argv[i], "--") != 0; i++) {
                const struct cli_flag *flag;
                struct str name, value = str_from(argv[i]);

                if (argv[i][0] != '-' || argv[i][1] != '-') {
                        argv[kept++] = argv[i];
                        continue;
                }
                value = str_slice(value, 2, value.len);
                BUG_ON(!str_cut(&value, '=', &name));
                flag = find_flag(name, flags, flag_count);
                if (!flag)
                        return fail_unknown(command, name, flags, flag_count);
                if (value.data) {
                        *flag->value = value.data;
                } else if (!flag->argument) {
                        *flag->value = "true";
                } else if (i + 1 < *argc) {
                        *flag->value = argv[++i];
                } else {
                        fprintf(stderr, "pitwall %s: --%s needs %s\n", command, flag->name,
                                flag->argument);
                        return false;
                }
        }
        for (i++; i < *argc; i++)
                argv[kept++] = argv[i];
        *argc = kept;
        return true;
}

void cli_flags_print(const struct cli_flag *flags, size_t flag_count)
{
        for (size_t i = 0; i < flag_count; i++) {
                char left[64];

                snprintf(left, sizeof(left), "--%s %s", flags[i].name,
                         flags[i].argument ? flags[i].argument : "");
                printf("  %-26s %s\n", left, flags[i].help);
        }
}

#include "cli/flags.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

enum { FLAGS_MAX = 128 };

/* ret_negated: it is a switch, named as --no-... */
static const struct cli_flag *find_flag(struct str name, const struct cli_flag *flags,
                                        size_t flag_count, bool *ret_negated)
{
        struct str positive = str_starts_with(name, STR_LIT("no-")) ? str_slice(name, 3, name.len)
                                                                    : STR_LIT("");

        *ret_negated = false;
        for (size_t i = 0; i < flag_count; i++)
                if (str_is(name, flags[i].name))
                        return &flags[i];
        *ret_negated = true;
        for (size_t i = 0; i < flag_count; i++)
                if (!flags[i].argument && str_is(positive, flags[i].name))
                        return &flags[i];
        return NULL;
}

static bool fail_unknown(const char *command, struct str name, const struct cli_flag *flags,
                         size_t flag_count)
{
        const char *names[FLAGS_MAX], *closest;

        for (size_t i = 0; i < flag_count && i < FLAGS_MAX; i++)
                names[i] = flags[i].name;
        closest = str_closest(name, names, flag_count < FLAGS_MAX ? flag_count : FLAGS_MAX);
        fprintf(stderr, "pitwall %s: unknown flag --" STR_FMT, command, STR_ARG(name));
        if (closest)
                fprintf(stderr, ", did you mean --%s?", closest);
        fprintf(stderr, "\n");
        return false;
}

static bool set_switch(const char *command, const struct cli_flag *flag, struct str value,
                       bool negated)
{
        bool on = !value.data || str_is(value, "true");

        if (value.data && (negated || (!on && !str_is(value, "false")))) {
                fprintf(stderr, "pitwall %s: --%s is a switch: true or false, not \"" STR_FMT
                        "\"\n", command, flag->name, STR_ARG(value));
                return false;
        }
        *flag->value = on && !negated ? "true" : NULL;
        return true;
}

static void set_value(const struct cli_flag *flag, const char *value)
{
        *flag->value = value;
        if (!flag->all)
                return;
        if (flag->all->len)
                buf_append_byte(flag->all, ',');
        buf_append_cstr(flag->all, value);
        *flag->value = flag->all->data;
}

bool cli_flags_parse(const char *command, int *argc, char **argv, const struct cli_flag *flags,
                     size_t flag_count)
{
        int kept = 1;
        int i = 1;

        for (; i < *argc && strcmp(argv[i], "--") != 0; i++) {
                const struct cli_flag *flag;
                struct str name, value = str_from(argv[i]);
                bool negated;

                if (argv[i][0] != '-' || argv[i][1] != '-') {
                        argv[kept++] = argv[i];
                        continue;
                }
                value = str_slice(value, 2, value.len);
                BUG_ON(!str_cut(&value, '=', &name));
                flag = find_flag(name, flags, flag_count, &negated);
                if (!flag)
                        return fail_unknown(command, name, flags, flag_count);
                if (!flag->argument) {
                        if (!set_switch(command, flag, value, negated))
                                return false;
                } else if (value.data) {
                        set_value(flag, value.data);
                } else if (i + 1 < *argc) {
                        set_value(flag, argv[++i]);
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

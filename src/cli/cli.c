#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

static const struct cli_command own_commands[] = {
        {"check config", "FILE...", "say what is wrong with configuration files",
         cli_check_config},
        {"export blocks", "[--data-dir DIR] [--match SELECTOR] [--min-time MS] [--max-time MS] "
         "[--block-duration DURATION] OUTDIR", "write a store's samples as Prometheus's blocks",
         cli_export_blocks},
        {"import openmetrics", "[--data-dir DIR] FILE",
         "store samples with timestamps from a file of OpenMetrics", cli_import_openmetrics},
        {"import prometheus", "[--data-dir DIR] DIR",
         "take over a data directory of Prometheus", cli_import_prometheus},
        {"merge", "DIR", "make each day of a store that is not open one part", cli_merge},
        {"query", "[--server URL] [--time T] EXPR", "evaluate a PromQL expression on a server",
         cli_query},
        {"repair", "DIR", "mend a store that is not open, and say what was cut", cli_repair},
        {"test promql", "FILE|FOLDER...", "run scripts in Prometheus's promqltest language",
         cli_test_promql},
        {"verify", "DIR", "check every checksum of a store that is not open", cli_verify},
};

static void print_help(const struct cli_command *more, int more_count)
{
        printf("Pitwall %s: monitoring and alerting for trading systems, in one program.\n\n"
               "usage: pitwall COMMAND [FLAGS]\n\n", PITWALL_VERSION);
        for (int i = 0; i < more_count; i++)
                printf("  %-14s %s\n", more[i].name, more[i].help);
        for (size_t i = 0; i < ARRAY_LEN(own_commands); i++)
                printf("  %-14s %s\n", own_commands[i].name, own_commands[i].help);
        printf("  %-14s %s\n", "version", "print the version");
        printf("  %-14s %s\n\n", "help [COMMAND]", "print this, or how a command is called");
}

/* How many words of argv the command's name covers; 0 when it does not match. */
static int words_matched(const char *name, int argc, char **argv)
{
        struct str rest = str_from(name), word;
        int count = 0;

        while (str_cut(&rest, ' ', &word)) {
                if (count >= argc || !str_is(word, argv[count]))
                        return 0;
                count++;
        }
        return count;
}

static const struct cli_command *find_command(int argc, char **argv,
                                              const struct cli_command *more, int more_count,
                                              int *ret_words)
{
        for (int i = 0; i < more_count; i++)
                if ((*ret_words = words_matched(more[i].name, argc, argv)))
                        return &more[i];
        for (size_t i = 0; i < ARRAY_LEN(own_commands); i++)
                if ((*ret_words = words_matched(own_commands[i].name, argc, argv)))
                        return &own_commands[i];
        return NULL;
}

static int fail_unknown(int argc, char **argv, const struct cli_command *more, int more_count)
{
        const char *names[64], *closest;
        char asked[128];
        size_t count = 0;

        for (int i = 0; i < more_count; i++)
                names[count++] = more[i].name;
        for (size_t i = 0; i < ARRAY_LEN(own_commands); i++)
                names[count++] = own_commands[i].name;
        names[count++] = "version";
        names[count++] = "help";
        snprintf(asked, sizeof(asked), "%s%s%s", argv[0], argc > 1 ? " " : "",
                 argc > 1 ? argv[1] : "");
        closest = str_closest(str_from(asked), names, count);
        if (!closest)
                closest = str_closest(str_from(argv[0]), names, count);
        for (size_t i = 0; i < count && !closest; i++)
                if (strncmp(names[i], argv[0], strlen(argv[0])) == 0)
                        closest = names[i];
        fprintf(stderr, "pitwall: unknown command \"%s\"", closest ? asked : argv[0]);
        if (closest)
                fprintf(stderr, ", did you mean \"%s\"?", closest);
        fprintf(stderr, "\nTry 'pitwall help'.\n");
        return 2;
}

static int help(int argc, char **argv, const struct cli_command *more, int more_count)
{
        const struct cli_command *command;
        int words;

        if (!argc) {
                print_help(more, more_count);
                return 0;
        }
        command = find_command(argc, argv, more, more_count, &words);
        if (!command)
                return fail_unknown(argc, argv, more, more_count);
        printf("usage: pitwall %s %s\n\n%s\n", command->name, command->arguments, command->help);
        return 0;
}

int cli_run(int argc, char **argv, const struct cli_command *more, int more_count)
{
        const struct cli_command *command;
        int words;

        if (argc < 2) {
                print_help(more, more_count);
                return 2;
        }
        if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 ||
            strcmp(argv[1], "-h") == 0)
                return help(argc - 2, argv + 2, more, more_count);
        if (strcmp(argv[1], "version") == 0 || strcmp(argv[1], "--version") == 0) {
                printf("pitwall %s\n", PITWALL_VERSION);
                return 0;
        }
        command = find_command(argc - 1, argv + 1, more, more_count, &words);
        if (!command)
                return fail_unknown(argc - 1, argv + 1, more, more_count);
        for (int i = words + 1; i < argc; i++)
                if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
                        return help(argc - 1, argv + 1, more, more_count);
        return command->run(argc - words, argv + words);
}

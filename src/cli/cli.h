/* cli/cli.h - the commands that are not the server, one file each.
 *
 * Each takes its own words (argv[0] is the command's name) and returns the exit code: 0 success,
 * 1 failure, 2 wrong usage.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

struct cli_command {
        const char *name;      /* "serve", "check config" */
        const char *arguments; /* as help shows them */
        const char *help;
        int (*run)(int argc, char **argv);
};

/* Runs the command that argv[1...] names, out of the caller's commands and this module's. */
int cli_run(int argc, char **argv, const struct cli_command *more, int more_count);

int cli_check_config(int argc, char **argv);
int cli_export_blocks(int argc, char **argv);
int cli_import_openmetrics(int argc, char **argv);
int cli_import_prometheus(int argc, char **argv);
int cli_merge(int argc, char **argv);
int cli_query(int argc, char **argv);
int cli_repair(int argc, char **argv);
int cli_test_promql(int argc, char **argv);
int cli_verify(int argc, char **argv);

#endif

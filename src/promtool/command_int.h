/* promtool/command_int.h - commands as tables: their flags and arguments, how a command line is
 * read by them, and the help that is made of them. Behaviour, layout and texts of errors are those
 * of kingpin, which promtool is made with. */
#ifndef PROMTOOL_COMMAND_INT_H
#define PROMTOOL_COMMAND_INT_H

#include "base/arena.h"
#include "base/buf.h"

/* Exit codes. */
enum { EXIT_GOOD = 0, EXIT_FAILED = 1, EXIT_LINT = 3 };

enum option_kind {
        OPTION_SWITCH,
        OPTION_TEXT,
        OPTION_LIST,     /* may be given several times */
        OPTION_CHOICE,   /* one of `choices` */
        OPTION_FILE,     /* that exists */
        OPTION_DURATION, /* as Go writes them: 1h30m, 1.5s */
        OPTION_INT,
};

struct option {
        const char *name;
        enum option_kind kind;
        const char *help;
        const char *fallback;    /* NULL: none */
        const char *choices;     /* "promql,json" */
        const char *placeholder; /* in the help; NULL: the fallback, or the name in capitals */
        char letter;             /* 0: none */
        bool required, hidden;
};

struct argument {
        const char *name, *help;
        const char *fallback;
        bool required;
        bool many;
        bool file; /* that exists */
};

struct words;

struct command {
        const char *name; /* "check rules" */
        const char *help;
        const struct option *options;
        size_t option_count;
        const struct argument *arguments;
        size_t argument_count;
        int (*run)(const struct words *words);
};

/* Options that all commands of a group share; the group of the empty name is all of them. */
struct command_group {
        const char *name; /* "check" */
        const char *help;
        const struct option *options;
        size_t option_count;
};

struct command_table {
        const char *program, *help, *version;
        const struct command_group *groups; /* outer ones first */
        size_t group_count;
        const struct command *commands;
        size_t command_count;
};

/* Reads argv (without the program's name), runs the command and returns its exit code. */
int commands_run(const struct command_table *table, int argc, char **argv);

/* What a command was given. The last value of an option, its fallback, or NULL. */
const char *words_text(const struct words *words, const char *option);
bool words_on(const struct words *words, const char *option);
int64_t words_int(const struct words *words, const char *option);
int64_t words_duration_ms(const struct words *words, const char *option); /* 0: not given */
/* The value number `at` of a list, NULL behind the last; its fallback when none was given. */
const char *words_list(const struct words *words, const char *option, size_t at);
/* Argument number `at` of the command, or its fallback, or NULL. */
const char *words_argument(const struct words *words, size_t at);
/* Value `at` of the last argument, which may be many; NULL behind the last. */
const char *words_many(const struct words *words, size_t at);

/* Prints the help of the program, a group or a command, whatever `path` names. */
void help_print(const struct command_table *table, const char *path);

/* A duration as Go prints it: 1h1m40.001s. */
void duration_go_append(struct buf *out, int64_t ms);

#endif

/* The help that is made of the tables: laid out as kingpin lays it out. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "promtool/command_int.h"

enum { WIDTH = 80, INDENT = 2, COLUMN_MAX = 30, GAP = 2, ROWS_MAX = 64, TEXT_MAX_BYTES = 4096 };

struct row {
        struct buf left;
        const char *right;
};

struct rows {
        struct row items[ROWS_MAX];
        size_t count;
};

static struct buf *add_row(struct rows *rows, const char *right)
{
        struct row *row = &rows->items[rows->count++];

        BUG_ON(rows->count > ROWS_MAX);
        *row = (struct row){BUF_INIT(TEXT_MAX_BYTES), right};
        return &row->left;
}

/* Words of the text in lines of at most `width`; all but the first are indented. */
static void print_wrapped(const char *text, int width, int indent)
{
        struct str rest = str_from(text), word;
        int column = 0;

        while (str_cut(&rest, ' ', &word)) {
                if (column && column + 1 + (int)word.len > width) {
                        printf("\n%*s", indent, "");
                        column = 0;
                }
                column += printf("%s" STR_FMT, column ? " " : "", STR_ARG(word));
        }
        printf("\n");
}

static void print_rows(struct rows *rows)
{
        int left = 0;

        for (size_t i = 0; i < rows->count; i++) {
                int len = (int)rows->items[i].left.len;

                if (len > left && len < COLUMN_MAX)
                        left = len;
        }
        for (size_t i = 0; i < rows->count; i++) {
                struct row *row = &rows->items[i];

                printf("%*s%-*s%*s", INDENT, "", left, row->left.data, GAP, "");
                if (row->left.len >= COLUMN_MAX)
                        printf("\n%*s", INDENT + left + GAP, "");
                print_wrapped(row->right, WIDTH - left - GAP - INDENT, INDENT + left + GAP);
                buf_release(&row->left);
        }
        rows->count = 0;
}

/* ---- flags ---------------------------------------------------------------------------------- */

static void append_value(struct buf *out, const struct option *option)
{
        bool quoted = option->kind == OPTION_TEXT || option->kind == OPTION_LIST;

        buf_append_byte(out, '=');
        if (option->placeholder)
                buf_append_cstr(out, option->placeholder);
        else if (option->fallback)
                buf_printf(out, quoted ? "\"%s\"" : "%s", option->fallback);
        else
                for (const char *at = option->name; *at; at++)
                        buf_append_byte(out, (char)toupper((unsigned char)*at));
}

static void add_options(struct rows *rows, const struct option *options, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                const struct option *option = &options[i];
                struct buf *out;

                if (option->hidden)
                        continue;
                out = add_row(rows, option->help);
                if (option->letter)
                        buf_printf(out, "-%c, --%s", option->letter, option->name);
                else
                        buf_printf(out, "    --%s", option->name);
                if (option->kind != OPTION_SWITCH)
                        append_value(out, option);
                if (option->kind == OPTION_LIST)
                        buf_append_cstr(out, " ...");
        }
}

static bool is_within(const char *name, const char *path)
{
        size_t len = strlen(path);

        return !len || (strncmp(name, path, len) == 0 && (name[len] == ' ' || !name[len]));
}

static void print_flags(const struct command_table *table, const char *path,
                        const struct command *command)
{
        struct rows rows = {.count = 0};

        buf_append_cstr(add_row(&rows, "Show this help."), "-h, --help");
        buf_append_cstr(add_row(&rows, "Show the version."), "    --version");
        for (size_t i = 0; i < table->group_count; i++)
                if (is_within(path, table->groups[i].name))
                        add_options(&rows, table->groups[i].options,
                                    table->groups[i].option_count);
        if (command)
                add_options(&rows, command->options, command->option_count);
        printf("Flags:\n");
        print_rows(&rows);
        printf("\n");
}

/* ---- arguments ------------------------------------------------------------------------------ */

static void append_argument(struct buf *out, const struct argument *argument)
{
        buf_printf(out, argument->required ? "<%s>%s" : "[<%s>%s]", argument->name,
                   argument->many ? "..." : "");
}

static void print_arguments(const struct command *command)
{
        struct rows rows = {.count = 0};

        if (!command->argument_count)
                return;
        for (size_t i = 0; i < command->argument_count; i++) {
                struct argument argument = command->arguments[i];

                argument.many = false;
                append_argument(add_row(&rows, argument.help), &argument);
        }
        printf("Args:\n");
        print_rows(&rows);
        printf("\n");
}

/* ---- commands ------------------------------------------------------------------------------- */

static void append_summary(struct buf *out, const struct command *command)
{
        bool optional = false;

        buf_append_cstr(out, command->name);
        for (size_t i = 0; i < command->option_count; i++) {
                const struct option *option = &command->options[i];

                optional |= !option->required && !option->hidden;
                if (!option->required)
                        continue;
                buf_printf(out, " --%s", option->name);
                append_value(out, option);
        }
        if (optional)
                buf_append_cstr(out, " [<flags>]");
        for (size_t i = 0; i < command->argument_count; i++) {
                buf_append_byte(out, ' ');
                append_argument(out, &command->arguments[i]);
        }
}

static void print_commands(const struct command_table *table, const char *path)
{
        printf("%s:\n", path[0] ? "Subcommands" : "Commands");
        if (!path[0])
                printf("help [<command>...]\n    Show help.\n\n");
        for (size_t i = 0; i < table->command_count; i++) {
                struct buf summary CLEANUP(buf_release) = BUF_INIT(TEXT_MAX_BYTES);

                if (!is_within(table->commands[i].name, path))
                        continue;
                append_summary(&summary, &table->commands[i]);
                printf("%s\n    ", summary.data);
                print_wrapped(table->commands[i].help, WIDTH - 4, 4);
                printf("\n");
        }
}

static void print_command(const struct command_table *table, const struct command *command)
{
        struct buf summary CLEANUP(buf_release) = BUF_INIT(TEXT_MAX_BYTES);

        append_summary(&summary, command);
        printf("usage: %s %s\n\n", table->program, summary.data);
        print_wrapped(command->help, WIDTH, 0);
        printf("\n");
        print_flags(table, command->name, command);
        print_arguments(command);
}

void help_print(const struct command_table *table, const char *path)
{
        const char *help = table->help;
        bool flags = !path[0];

        for (size_t i = 0; i < table->command_count; i++)
                if (strcmp(table->commands[i].name, path) == 0) {
                        print_command(table, &table->commands[i]);
                        return;
                }
        for (size_t i = 0; i < table->group_count; i++)
                if (path[0] && strcmp(table->groups[i].name, path) == 0) {
                        help = table->groups[i].help;
                        flags = table->groups[i].option_count;
                }
        printf("usage: %s %s%s%s<command> [<args> ...]\n\n", table->program, path,
               path[0] ? " " : "", flags ? "[<flags>] " : "");
        print_wrapped(help, WIDTH, 0);
        printf("\n");
        print_flags(table, path, NULL);
        print_commands(table, path);
}

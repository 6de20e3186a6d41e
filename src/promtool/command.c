#include "promtool/command_int.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"

enum { GIVEN_MAX = 1024, GROUPS_MAX = 8 };

struct given {
        const struct option *option;
        const char *value;
};

struct words {
        const struct command_table *table;
        const struct command *command;
        const struct command_group *groups[GROUPS_MAX]; /* that the command is in, outer first */
        size_t group_count;
        struct given given[GIVEN_MAX];
        size_t given_count;
        const char *arguments[GIVEN_MAX];
        size_t argument_count;
        char path[128];     /* the command's words so far */
        bool help, version, flags_ended;
};

static bool PRINTF_LIKE(2, 3) wrong(const struct words *words, const char *fmt, ...)
{
        va_list args;

        fprintf(stderr, "%s: error: ", words->table->program);
        va_start(args, fmt);
        vfprintf(stderr, fmt, args);
        va_end(args);
        fprintf(stderr, ", try --help\n");
        return false;
}

/* ---- which command -------------------------------------------------------------------------- */

static void take_group(struct words *words, const char *name)
{
        for (size_t i = 0; i < words->table->group_count; i++)
                if (strcmp(words->table->groups[i].name, name) == 0)
                        words->groups[words->group_count++] = &words->table->groups[i];
}

static bool begins_command(const struct words *words, const char *path)
{
        size_t len = strlen(path);

        for (size_t i = 0; i < words->table->command_count; i++) {
                const char *name = words->table->commands[i].name;

                if (strncmp(name, path, len) == 0 && (name[len] == ' ' || !name[len]))
                        return true;
        }
        return false;
}

/* A word of the command's name; false when no command goes on so. */
static bool take_name(struct words *words, const char *word)
{
        char path[sizeof(words->path) * 2];

        snprintf(path, sizeof(path), "%s%s%s", words->path, words->path[0] ? " " : "", word);
        if (strlen(path) >= sizeof(words->path) || !begins_command(words, path))
                return wrong(words, "expected command but got \"%s\"", word);
        strcpy(words->path, path);
        take_group(words, path);
        for (size_t i = 0; i < words->table->command_count; i++)
                if (strcmp(words->table->commands[i].name, path) == 0)
                        words->command = &words->table->commands[i];
        return true;
}

/* ---- options -------------------------------------------------------------------------------- */

static bool is_named(const struct option *option, struct str name, char letter)
{
        return letter ? option->letter == letter : str_is(name, option->name);
}

static const struct option *find_option(const struct words *words, struct str name, char letter)
{
        for (size_t g = 0; g < words->group_count; g++)
                for (size_t i = 0; i < words->groups[g]->option_count; i++)
                        if (is_named(&words->groups[g]->options[i], name, letter))
                                return &words->groups[g]->options[i];
        for (size_t i = 0; words->command && i < words->command->option_count; i++)
                if (is_named(&words->command->options[i], name, letter))
                        return &words->command->options[i];
        return NULL;
}

static bool file_good(const struct words *words, const char *path)
{
        struct stat status;

        if (stat(path, &status) != 0)
                return wrong(words, "path '%s' does not exist", path);
        if (S_ISDIR(status.st_mode)) {
                const char *slash = strrchr(path, '/');

                return wrong(words, "'%s' is a directory", slash && slash[1] ? slash + 1 : path);
        }
        return true;
}

static bool choice_good(const struct words *words, const struct option *option, const char *value)
{
        struct str rest = str_from(option->choices), choice;

        while (str_cut(&rest, ',', &choice))
                if (str_is(choice, value))
                        return true;
        return wrong(words, "enum value must be one of %s, got '%s'", option->choices, value);
}

static bool duration_parse_go(const char *text, int64_t *ret_ms)
{
        static const struct {
                const char *unit;
                double ms;
        } units[] = {{"ns", 1e-6}, {"us", 1e-3}, {"ms", 1}, {"s", 1e3}, {"m", 6e4}, {"h", 3.6e6}};
        bool negative = *text == '-';
        double total = 0;

        text += *text == '-' || *text == '+';
        if (strcmp(text, "0") == 0) {
                *ret_ms = 0;
                return true;
        }
        if (!*text)
                return false;
        while (*text) {
                size_t digits = strspn(text, "0123456789."), letters, i;
                double value;

                if (!digits)
                        return false;
                value = strtod(text, NULL);
                text += digits;
                letters = strcspn(text, "0123456789.");
                for (i = 0; i < ARRAY_LEN(units); i++)
                        if (strlen(units[i].unit) == letters &&
                            strncmp(units[i].unit, text, letters) == 0)
                                break;
                if (i == ARRAY_LEN(units))
                        return false;
                total += value * units[i].ms;
                text += letters;
        }
        if (total > 9e12)
                return false;
        *ret_ms = (int64_t)(negative ? -total : total);
        return true;
}

static bool int_good(const struct words *words, const char *value)
{
        char *end;

        errno = 0;
        strtoll(value, &end, 10);
        if (*value && !*end && errno == 0)
                return true;
        return wrong(words, "strconv.ParseInt: parsing \"%s\": %s", value,
                     errno == ERANGE ? "value out of range" : "invalid syntax");
}

static bool value_good(const struct words *words, const struct option *option, const char *value)
{
        int64_t ms;

        switch (option->kind) {
        case OPTION_CHOICE:
                return choice_good(words, option, value);
        case OPTION_FILE:
                return file_good(words, value);
        case OPTION_INT:
                return int_good(words, value);
        case OPTION_DURATION:
                return duration_parse_go(value, &ms) ||
                       wrong(words, "time: invalid duration \"%s\"", value);
        case OPTION_SWITCH:
        case OPTION_TEXT:
        case OPTION_LIST:
                break;
        }
        return true;
}

/* argv[*at] is a flag; takes its value too. */
static bool take_flag(struct words *words, int argc, char **argv, int *at)
{
        struct str rest = str_from(argv[*at]), name;
        bool is_long = rest.len > 1 && rest.data[1] == '-';
        const struct option *option;
        const char *value;

        BUG_ON(!str_cut(&rest, '=', &name));
        value = rest.data;
        if (str_is(name, "--help") || str_is(name, "-h")) {
                words->help = true;
                return true;
        }
        if (str_is(name, "--version")) {
                words->version = true;
                return true;
        }
        if (!is_long && argv[*at][2])
                value = argv[*at] + 2 + (argv[*at][2] == '=');
        option = is_long ? find_option(words, str_slice(name, 2, name.len), 0)
                         : find_option(words, STR_LIT(""), argv[*at][1]);
        if (!option && is_long)
                return wrong(words, "unknown long flag '" STR_FMT "'", STR_ARG(name));
        if (!option)
                return wrong(words, "unknown short flag '%s'", argv[*at]);
        if (option->kind == OPTION_SWITCH)
                value = value ? value : "true";
        else if (!value && *at + 1 < argc)
                value = argv[++*at];
        if (!value)
                return wrong(words, "expected argument for flag '%s'", argv[*at]);
        if (words->given_count == GIVEN_MAX)
                return wrong(words, "too many flags");
        words->given[words->given_count++] = (struct given){option, value};
        return true;
}

/* ---- arguments ------------------------------------------------------------------------------ */

static bool take_word(struct words *words, const char *word)
{
        const struct command *command = words->command;

        if (!command && !words->path[0] && strcmp(word, "help") == 0) {
                words->help = true;
                return true;
        }
        if (!command)
                return take_name(words, word);
        if (words->argument_count == GIVEN_MAX ||
            (words->argument_count >= command->argument_count &&
             !(command->argument_count && command->arguments[command->argument_count - 1].many)))
                return wrong(words, "unexpected %s", word);
        words->arguments[words->argument_count++] = word;
        return true;
}

static bool values_good(const struct words *words)
{
        const struct command *command = words->command;

        for (size_t i = 0; i < words->given_count; i++)
                if (!value_good(words, words->given[i].option, words->given[i].value))
                        return false;
        for (size_t i = 0; i < words->argument_count; i++) {
                size_t which = i < command->argument_count ? i : command->argument_count - 1;

                if (command->arguments[which].file && !file_good(words, words->arguments[i]))
                        return false;
        }
        return true;
}

static bool was_given(const struct words *words, const struct option *option)
{
        for (size_t i = 0; i < words->given_count; i++)
                if (words->given[i].option == option)
                        return true;
        return false;
}

static bool all_there(const struct words *words)
{
        const struct command *command = words->command;

        for (size_t i = 0; i < command->option_count; i++)
                if (command->options[i].required && !was_given(words, &command->options[i]))
                        return wrong(words, "required flag --%s not provided",
                                     command->options[i].name);
        for (size_t i = words->argument_count; i < command->argument_count; i++)
                if (command->arguments[i].required)
                        return wrong(words, "required argument '%s' not provided",
                                     command->arguments[i].name);
        return true;
}

static bool read_words(struct words *words, int argc, char **argv)
{
        for (int i = 0; i < argc; i++) {
                bool flag = argv[i][0] == '-' && argv[i][1] && !words->flags_ended;

                if (flag && strcmp(argv[i], "--") == 0)
                        words->flags_ended = true;
                else if (flag ? !take_flag(words, argc, argv, &i) : !take_word(words, argv[i]))
                        return false;
        }
        return true;
}

int commands_run(const struct command_table *table, int argc, char **argv)
{
        struct words words = {.table = table};

        take_group(&words, "");
        if (!read_words(&words, argc, argv))
                return EXIT_FAILED;
        if (words.version)
                printf("%s", table->version);
        else if (words.help || argc == 0)
                help_print(table, words.path);
        if (words.version || words.help)
                return EXIT_GOOD;
        if (argc == 0)
                return EXIT_FAILED;
        if (!words.command)
                wrong(&words, "must select a subcommand%s%s%s", words.path[0] ? " of '" : "",
                      words.path, words.path[0] ? "'" : "");
        else if (values_good(&words) && all_there(&words))
                return words.command->run(&words);
        return EXIT_FAILED;
}

/* ---- what was given ------------------------------------------------------------------------- */

static const struct option *must_find(const struct words *words, const char *name)
{
        const struct option *option = find_option(words, str_from(name), 0);

        BUG_ON(!option);
        return option;
}

const char *words_text(const struct words *words, const char *name)
{
        const struct option *option = must_find(words, name);

        for (size_t i = words->given_count; i-- > 0;)
                if (words->given[i].option == option)
                        return words->given[i].value;
        return option->fallback;
}

bool words_on(const struct words *words, const char *name)
{
        const char *value = words_text(words, name);

        return value && strcmp(value, "false") != 0;
}

int64_t words_int(const struct words *words, const char *name)
{
        return strtoll(words_text(words, name), NULL, 10);
}

int64_t words_duration_ms(const struct words *words, const char *name)
{
        const char *value = words_text(words, name);
        int64_t ms = 0;

        return value && duration_parse_go(value, &ms) ? ms : 0;
}

const char *words_list(const struct words *words, const char *name, size_t at)
{
        const struct option *option = must_find(words, name);
        size_t found = 0;

        for (size_t i = 0; i < words->given_count; i++)
                if (words->given[i].option == option && found++ == at)
                        return words->given[i].value;
        return !found && at == 0 ? option->fallback : NULL;
}

const char *words_argument(const struct words *words, size_t at)
{
        return at < words->argument_count ? words->arguments[at]
                                          : words->command->arguments[at].fallback;
}

const char *words_many(const struct words *words, size_t at)
{
        size_t from = words->command->argument_count - 1;

        return from + at < words->argument_count ? words->arguments[from + at] : NULL;
}

/* Go leaves out units that are zero in front, and prints what is below a second alone. */
void duration_go_append(struct buf *out, int64_t ms)
{
        uint64_t rest = ms < 0 ? -(uint64_t)ms : (uint64_t)ms;

        if (ms < 0)
                buf_append_byte(out, '-');
        if (!rest || rest >= 1000) {
                if (rest >= 3600000)
                        buf_printf(out, "%" PRIu64 "h", rest / 3600000);
                if (rest >= 60000)
                        buf_printf(out, "%" PRIu64 "m", rest / 60000 % 60);
                buf_printf(out, "%" PRIu64, rest / 1000 % 60);
                if (rest % 1000) {
                        buf_printf(out, ".%03" PRIu64, rest % 1000);
                        while (out->data[out->len - 1] == '0')
                                out->len--;
                }
                buf_append_byte(out, 's');
        } else {
                buf_printf(out, "%" PRIu64 "ms", rest);
        }
}

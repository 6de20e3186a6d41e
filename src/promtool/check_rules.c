/* check rules, and the part of check config that looks at the rules it names. */
#include "promtool/check_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/rule_file.h"
#include "promtool/promtool_int.h"

enum { STDIN_MAX_BYTES = 64 << 20 };

/* ---- rules that are there twice -------------------------------------------------------------- */

struct named_rule {
        struct str name;
        struct labels labels; /* those of its group too */
};

static int compare_rules(const void *a_ptr, const void *b_ptr)
{
        const struct named_rule *a = a_ptr, *b = b_ptr;
        int order = str_compare(a->name, b->name);

        return order ? order : labels_compare(a->labels, b->labels);
}

static struct labels join_labels(struct arena *arena, struct labels group, struct labels rule)
{
        struct labels_builder builder;

        labels_builder_init(&builder, arena, group);
        for (size_t i = 0; i < rule.count; i++)
                labels_builder_set(&builder, rule.items[i].name, rule.items[i].value);
        return labels_builder_finish(&builder);
}

static struct named_rule *sorted_rules(struct arena *arena, const struct rule_file *file,
                                       size_t count)
{
        struct named_rule *all = arena_array(arena, struct named_rule, count + 1);

        count = 0;
        for (size_t g = 0; g < file->group_count; g++)
                for (size_t r = 0; r < file->groups[g].rule_count; r++) {
                        const struct rule *rule = &file->groups[g].rules[r];

                        all[count++] = (struct named_rule){
                                rule->alert.len ? rule->alert : rule->record,
                                join_labels(arena, file->groups[g].labels, rule->labels)};
                }
        qsort(all, count, sizeof(*all), compare_rules);
        return all;
}

/* The first of several same ones, which is told once. */
static bool is_duplicate(const struct named_rule *all, size_t count, size_t i)
{
        return i + 1 < count && compare_rules(&all[i], &all[i + 1]) == 0 &&
               (i == 0 || compare_rules(&all[i - 1], &all[i]) != 0);
}

static bool has_duplicates(const struct rule_file *file, size_t count)
{
        struct named_rule *all;
        struct arena arena;
        size_t found = 0;

        arena_init(&arena, SIZE_MAX);
        all = sorted_rules(&arena, file, count);
        for (size_t i = 0; i < count; i++)
                found += is_duplicate(all, count, i);
        if (found)
                fprintf(stderr, "  FAILED:\nlint error %zu duplicate rule(s) found.\n", found);
        for (size_t i = 0; i < count; i++) {
                if (!is_duplicate(all, count, i))
                        continue;
                fprintf(stderr, "Metric: " STR_FMT "\nLabel(s):\n", STR_ARG(all[i].name));
                for (size_t k = 0; k < all[i].labels.count; k++)
                        fprintf(stderr, "\t" STR_FMT ": " STR_FMT "\n",
                                STR_ARG(all[i].labels.items[k].name),
                                STR_ARG(all[i].labels.items[k].value));
        }
        if (found)
                fprintf(stderr, "Might cause inconsistency while recording expressions\n");
        arena_release(&arena);
        return found;
}

/* ---- files ---------------------------------------------------------------------------------- */

bool lint_asks_for(const char *options, const char *option)
{
        struct str rest = str_from(options), word;
        bool asked = false;

        while (str_cut(&rest, ',', &word)) {
                if (str_is(word, "none"))
                        return false;
                asked |= str_is(word, option) || str_is(word, "all");
        }
        return asked;
}

/* Prints what is wrong with the file. */
static void report(const struct rule_file *file, const struct lint *lint, struct verdict *verdict)
{
        size_t count = 0;

        if (file->error_count) {
                verdict->failed = verdict->has_errors = true;
                fprintf(stderr, "  FAILED:\n");
                for (size_t i = 0; i < file->error_count; i++)
                        fprintf(stderr, "%s\n", file->errors[i]);
                return;
        }
        for (size_t g = 0; g < file->group_count; g++)
                count += file->groups[g].rule_count;
        if (lint_asks_for(lint->options, "duplicate-rules") && has_duplicates(file, count))
                verdict->failed = true;
        else
                printf("  SUCCESS: %zu rules found\n", count);
        printf("\n");
}

void check_rule_file(const char *path, const struct lint *lint, struct verdict *verdict)
{
        const struct rule_file_options options = {&promtool_features,
                                                  lint->ignore_unknown_fields};
        struct rule_file *file;

        printf("Checking %s\n", path);
        fflush(stdout);
        file = rule_file_load(path, &options);
        report(file, lint, verdict);
        fflush(stdout);
        rule_file_free(file);
}

static void check_stdin(const struct lint *lint, struct verdict *verdict)
{
        const struct rule_file_options options = {&promtool_features,
                                                  lint->ignore_unknown_fields};
        struct buf text CLEANUP(buf_release) = BUF_INIT(STDIN_MAX_BYTES);
        struct rule_file *file;
        struct error err;

        printf("Checking standard input\n");
        fflush(stdout);
        if (!read_stdin(&text, &err)) {
                fprintf(stderr, "  FAILED: %s\n", err.text);
                verdict->failed = verdict->has_errors = true;
                return;
        }
        file = rule_file_parse("standard input", buf_str(&text), &options);
        report(file, lint, verdict);
        rule_file_free(file);
}

struct lint lint_of(const struct words *words)
{
        return (struct lint){.options = words_text(words, "lint"),
                             .fatal = words_on(words, "lint-fatal"),
                             .ignore_unknown_fields = words_on(words, "ignore-unknown-fields")};
}

int verdict_code(const struct verdict *verdict, const struct lint *lint)
{
        if (verdict->failed && verdict->has_errors)
                return EXIT_FAILED;
        return verdict->failed && lint->fatal ? EXIT_LINT : EXIT_GOOD;
}

int check_rules(const struct words *words)
{
        struct lint lint = lint_of(words);
        struct verdict verdict = {0};
        struct str rest = str_from(lint.options), word;
        const char *path;

        while (str_cut(&rest, ',', &word))
                if (!str_is(word, "all") && !str_is(word, "none") &&
                    !str_is(word, "duplicate-rules"))
                        printf("WARNING: unknown lint option: \"" STR_FMT "\"\n", STR_ARG(word));
        if (!words_many(words, 0))
                check_stdin(&lint, &verdict);
        for (size_t i = 0; (path = words_many(words, i)); i++)
                check_rule_file(path, &lint, &verdict);
        return verdict_code(&verdict, &lint);
}

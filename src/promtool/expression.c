/* promql format, label-matchers set and delete. */
#include <stdio.h>
#include <string.h>

#include "promtool/promtool_int.h"

enum { TEXT_MAX_BYTES = 64 << 20 };

static bool allowed(const struct words *words)
{
        if (words_on(words, "experimental"))
                return true;
        fprintf(stderr, "This command is experimental and requires the --experimental flag to be "
                "set.\n");
        return false;
}

static enum matcher_op op_of(const char *text)
{
        enum matcher_op op = MATCHER_EQUAL;

        while (strcmp(matcher_op_text(op), text) != 0)
                op++;
        return op;
}

/* Parses the first argument, has it edited and prints it. */
static int edit(const struct words *words,
                bool (*change)(const struct words *words, struct arena *arena,
                               const struct promql_expr *expr, struct error *err))
{
        struct buf out CLEANUP(buf_release) = BUF_INIT(TEXT_MAX_BYTES);
        const struct promql_expr *expr;
        struct arena arena;
        struct error err;
        bool ok;

        if (!allowed(words))
                return EXIT_FAILED;
        arena_init(&arena, SIZE_MAX);
        ok = promql_expr_parse(&arena, str_from(words_argument(words, 0)), &promtool_features,
                               &expr, &err) &&
             change(words, &arena, expr, &err);
        if (ok) {
                promql_expr_format_pretty(&out, expr);
                printf(STR_FMT "\n", STR_ARG(buf_str(&out)));
        }
        arena_release(&arena);
        return ok ? EXIT_GOOD : print_failure(&err);
}

static bool change_nothing(const struct words *words, struct arena *arena,
                           const struct promql_expr *expr, struct error *err)
{
        (void)words, (void)arena, (void)expr, (void)err;
        return true;
}

static bool set(const struct words *words, struct arena *arena, const struct promql_expr *expr,
                struct error *err)
{
        return promql_expr_set_matcher(arena, expr, op_of(words_text(words, "type")),
                                       str_from(words_argument(words, 1)),
                                       str_from(words_argument(words, 2)), err);
}

static bool delete(const struct words *words, struct arena *arena,
                   const struct promql_expr *expr, struct error *err)
{
        (void)arena, (void)err;
        promql_expr_delete_matcher(expr, str_from(words_argument(words, 1)));
        return true;
}

int promql_format(const struct words *words)
{
        return edit(words, change_nothing);
}

int promql_matchers_set(const struct words *words)
{
        return edit(words, set);
}

int promql_matchers_delete(const struct words *words)
{
        return edit(words, delete);
}

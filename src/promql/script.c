/* Reading test scripts and running their commands; script_run.c evaluates the cases. */
#include "promql/script.h"

#include <stdarg.h>
#include <stdio.h>

#include "codec/double.h"
#include "codec/quote.h"
#include "model/duration.h"
#include "promql/lex_int.h"
#include "promql/script_load_int.h"
#include "promql/script_run_int.h"

struct script {
        struct arena *arena;
        const char *file_name;
        struct str rest; /* what has not been read */
        size_t line;     /* of the line last read */
        struct script_run run;
        const struct promql_script_storage *storage;
        struct series_sink sinks[PROMQL_SCRIPT_STORES_MAX];
        struct error *err;
};

static bool fail_script(struct script *script, const char *fmt, ...) PRINTF_LIKE(2, 3);

static bool fail_script(struct script *script, const char *fmt, ...)
{
        char message[512];
        va_list args;

        va_start(args, fmt);
        vsnprintf(message, sizeof(message), fmt, args);
        va_end(args);
        return error_set(script->err, ERROR_INVALID, "%s:%zu: %s", script->file_name,
                         script->line, message);
}

/* ---- words and lines --------------------------------------------------------------------- */

/* The next line without surrounding space; comments read as empty. False at the end. */
static bool next_line(struct script *script, struct str *ret_line)
{
        struct str line;

        if (!script->rest.len || !str_cut(&script->rest, '\n', &line))
                return false;
        script->line++;
        line = str_trim(line);
        *ret_line = line;
        return true;
}

static bool is_comment(struct str line)
{
        return line.len && line.data[0] == '#';
}

static struct str take_word(struct str *text)
{
        struct str trimmed = str_trim(*text), word;
        size_t at = 0;

        while (at < trimmed.len && trimmed.data[at] != ' ' && trimmed.data[at] != '\t')
                at++;
        word = str_slice(trimmed, 0, at);
        *text = str_trim(str_slice(trimmed, at, trimmed.len));
        return word;
}

static bool take_expected(struct script *script, struct str *text, const char *word)
{
        if (!str_is(take_word(text), word))
                return fail_script(script, "expected the word \"%s\"", word);
        return true;
}

static bool take_duration(struct script *script, struct str *text, int64_t *ret_ms)
{
        struct str word = take_word(text);
        struct error reason;
        double seconds;

        if (duration_parse(word, ret_ms, &reason))
                return true;
        if (!double_parse(word, &seconds))
                return fail_script(script, "%s", reason.text);
        *ret_ms = (int64_t)(seconds * 1000);
        return true;
}

/* ---- load -------------------------------------------------------------------------------- */

static bool load_lines(struct script *script, struct script_load *load)
{
        struct script_series series;
        struct error reason;
        struct str line;

        while (next_line(script, &line) && line.len) {
                if (is_comment(line))
                        continue;
                if (!script_series_parse(script->arena, line, &series, &reason) ||
                    !script_load_add(load, &series, &reason))
                        return fail_script(script, "%s", reason.text);
        }
        return true;
}

static bool run_load(struct script *script, struct str rest, bool with_nhcb)
{
        const struct promql_script_storage *storage = script->storage;
        struct script_load load;
        struct error reason;
        int64_t gap_ms;

        if (!take_duration(script, &rest, &gap_ms))
                return false;
        script_load_init(&load, script->arena, gap_ms);
        if (!load_lines(script, &load))
                return false;
        if (with_nhcb && !script_load_convert(&load, &reason))
                return fail_script(script, "%s", reason.text);
        for (size_t store = 0; store < storage->store_count; store++) {
                if (!script_load_store(&load, script->sinks[store], &reason))
                        return fail_script(script, "%s", reason.text);
                if (storage->loaded && !storage->loaded(storage->ctx, store, script->err))
                        return false;
        }
        return true;
}

static bool run_clear(struct script *script)
{
        const struct promql_script_storage *storage = script->storage;

        for (size_t store = 0; store < storage->store_count; store++)
                if (!storage->clear(storage->ctx, store, &script->run.sources[store],
                                    &script->sinks[store], script->err))
                        return false;
        return true;
}

/* ---- eval -------------------------------------------------------------------------------- */

static void add_expect(struct script *script, struct script_case *test,
                       enum script_expect_kind kind, struct str how)
{
        struct script_expect *expect = arena_new(script->arena, struct script_expect);

        expect->kind = kind;
        if (str_starts_with(how, STR_LIT("msg:")))
                expect->match = MATCH_TEXT;
        else if (str_starts_with(how, STR_LIT("regex:")))
                expect->match = MATCH_REGEX;
        if (expect->match != MATCH_ANY)
                expect->text = str_trim(
                        str_slice(how, str_find_byte(how, ':') + 1, how.len));
        expect->next = test->expects;
        test->expects = expect;
}

static bool parse_expect_range_vector(struct script *script, struct script_case *test,
                                      struct str rest)
{
        test->has_range_vector = true;
        return take_expected(script, &rest, "vector") && take_expected(script, &rest, "from") &&
               take_duration(script, &rest, &test->vector_start_ms) &&
               take_expected(script, &rest, "to") &&
               take_duration(script, &rest, &test->vector_end_ms) &&
               take_expected(script, &rest, "step") &&
               take_duration(script, &rest, &test->vector_step_ms);
}

static bool parse_expect(struct script *script, struct script_case *test, struct str rest)
{
        static const struct {
                const char *word;
                enum script_expect_kind kind;
        } kinds[] = {{"fail", EXPECT_FAIL},
                     {"warn", EXPECT_WARN},
                     {"info", EXPECT_INFO},
                     {"no_warn", EXPECT_NO_WARN},
                     {"no_info", EXPECT_NO_INFO}};
        struct str word = take_word(&rest);

        for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
                if (str_is(word, kinds[i].word)) {
                        add_expect(script, test, kinds[i].kind, rest);
                        return true;
                }
        }
        if (str_is(word, "ordered")) {
                test->ordered = true;
                return true;
        }
        if (str_is(word, "range"))
                return parse_expect_range_vector(script, test, rest);
        if (!str_is(word, "string") || !quote_parse(script->arena, rest, &test->string))
                return fail_script(script, "unknown expectation");
        test->has_string = true;
        return true;
}

static bool add_wanted(struct script *script, struct script_case *test, struct str line)
{
        struct script_series *series;
        struct error reason;

        if (double_parse(line, &test->scalar)) {
                test->has_scalar = true;
                return true;
        }
        series = arena_array(script->arena, struct script_series, test->series_count + 1);
        if (test->series_count)
                memcpy(series, test->series, test->series_count * sizeof(*series));
        test->series = series;
        if (!script_series_parse(script->arena, line, &series[test->series_count], &reason))
                return fail_script(script, "%s", reason.text);
        if (series[test->series_count].is_starts)
                return fail_script(script, "start timestamps are nothing to compare");
        test->series_count++;
        return true;
}

static bool parse_wanted(struct script *script, struct script_case *test)
{
        struct str line;

        while (next_line(script, &line) && line.len) {
                struct str rest = line, word = take_word(&rest);
                bool ok = true;

                if (is_comment(line))
                        continue;
                if (str_is(word, "expect"))
                        ok = parse_expect(script, test, rest);
                else if (str_is(word, "expected_fail_message"))
                        add_expect(script, test, EXPECT_FAIL, str_from(arena_printf(
                                script->arena, "msg:" STR_FMT, STR_ARG(rest))));
                else if (str_is(word, "expected_fail_regexp"))
                        add_expect(script, test, EXPECT_FAIL, str_from(arena_printf(
                                script->arena, "regex:" STR_FMT, STR_ARG(rest))));
                else
                        ok = add_wanted(script, test, line);
                if (!ok)
                        return false;
        }
        return true;
}

static bool parse_times(struct script *script, struct script_case *test, struct str *rest)
{
        struct str word = take_word(rest);

        if (str_is(word, "instant")) {
                struct str ahead = *rest;

                if (str_is(take_word(&ahead), "at")) {
                        *rest = ahead;
                        return take_duration(script, rest, &test->start_ms);
                }
                return true;
        }
        test->is_range = true;
        if (!str_is(word, "range"))
                return fail_script(script, "expected instant or range");
        return take_expected(script, rest, "from") &&
               take_duration(script, rest, &test->start_ms) &&
               take_expected(script, rest, "to") &&
               take_duration(script, rest, &test->end_ms) &&
               take_expected(script, rest, "step") &&
               take_duration(script, rest, &test->step_ms);
}

/* eval, and the older eval_fail, eval_warn, eval_info, eval_ordered. */
static bool run_eval(struct script *script, struct str kind, struct str rest)
{
        struct script_case test = {.line = script->line};

        if (str_is(kind, "eval_fail"))
                add_expect(script, &test, EXPECT_FAIL, STR_LIT(""));
        else if (str_is(kind, "eval_warn"))
                add_expect(script, &test, EXPECT_WARN, STR_LIT(""));
        else if (str_is(kind, "eval_info"))
                add_expect(script, &test, EXPECT_INFO, STR_LIT(""));
        else if (str_is(kind, "eval_ordered"))
                test.ordered = true;
        else if (!str_is(kind, "eval"))
                return fail_script(script, "unknown command \"" STR_FMT "\"", STR_ARG(kind));
        if (!parse_times(script, &test, &rest))
                return false;
        test.expr = rest;
        if (!parse_wanted(script, &test))
                return false;
        script_run_case(&script->run, &test);
        return true;
}

static bool run_commands(struct script *script)
{
        struct str line;

        if (!run_clear(script))
                return false;
        while (next_line(script, &line)) {
                struct str rest = line, word = take_word(&rest);
                bool ok;

                if (!line.len || is_comment(line))
                        continue;
                if (str_is(word, "clear"))
                        ok = run_clear(script);
                else if (str_is(word, "load") || str_is(word, "load_with_nhcb"))
                        ok = run_load(script, rest, str_is(word, "load_with_nhcb"));
                else
                        ok = run_eval(script, word, rest);
                if (!ok)
                        return false;
        }
        return true;
}

bool promql_script_run(const char *file_name, struct str text,
                       const struct promql_script_storage *storage,
                       const struct promql_options *options, struct promql_script_result *result,
                       struct buf *report, struct error *err)
{
        struct arena arena;
        struct script script = {
                .arena = &arena,
                .file_name = file_name,
                .rest = text,
                .storage = storage,
                .err = err,
        };
        bool ok;

        arena_init(&arena, SIZE_MAX);
        BUG_ON(!storage->store_count || storage->store_count > PROMQL_SCRIPT_STORES_MAX);
        script_run_init(&script.run, &arena, file_name, options, result, report);
        script.run.store_count = storage->store_count;
        ok = run_commands(&script);
        arena_release(&arena);
        return ok;
}

void promql_script_summary(struct buf *out, const struct promql_script_result *result)
{
        buf_printf(out, "%zu passed, %zu failed, %zu re-runs\n", result->passed, result->failed,
                   result->reruns);
}

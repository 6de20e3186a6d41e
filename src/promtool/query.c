/* query instant, range, series, labels. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/civil.h"
#include "base/clock.h"
#include "codec/double.h"
#include "http/server.h"
#include "promtool/query_int.h"

enum { FORM_MAX_BYTES = 64 << 20, ANSWER_MAX_BYTES = 1 << 30, TIMEOUT_MS = 120000 };
enum { RANGE_DEFAULT_S = 300, POINTS_DEFAULT = 250, ALL_TIMES_S = 9999 * 3600 };

void query_init(struct query *query, const struct words *words, const char *server)
{
        *query = (struct query){.words = words, .server = server,
                                .form = BUF_INIT(FORM_MAX_BYTES)};
        arena_init(&query->arena, SIZE_MAX);
}

void query_release(struct query *query)
{
        buf_release(&query->form);
        arena_release(&query->arena);
}

void query_put(struct query *query, const char *name, struct str value)
{
        if (query->form.len)
                buf_append_byte(&query->form, '&');
        http_url_encode(&query->form, str_from(name));
        buf_append_byte(&query->form, '=');
        http_url_encode(&query->form, value);
}

void query_put_time(struct query *query, const char *name, double t_s)
{
        char text[DOUBLE_TEXT_MAX];

        double_format(text, t_s, DOUBLE_F);
        query_put(query, name, str_from(text));
}

bool query_parse_time(const char *text, double *ret_s, struct error *err)
{
        int64_t ns;

        if (double_parse(str_from(text), ret_s))
                return true;
        if (!civil_parse_rfc3339(str_from(text), &ns))
                return error_set(err, ERROR_INVALID, "cannot parse \"%s\" to a valid timestamp",
                                 text);
        *ret_s = (double)ns / 1e9;
        return true;
}

static double now_s(void)
{
        return (double)clock_now_ms(&clock_real) / 1e3;
}

/* An answer that is no success: Prometheus's own, or anybody's. */
static bool explain(const struct http_fetch *fetch, const struct json_value *answer,
                    struct error *err)
{
        const struct json_value *type = answer ? json_find(answer, "errorType") : NULL;
        const struct json_value *text = answer ? json_find(answer, "error") : NULL;

        if (type && text)
                return error_set(err, ERROR_EXECUTION, STR_FMT ": " STR_FMT, STR_ARG(type->text),
                                 STR_ARG(text->text));
        return error_set(err, ERROR_EXECUTION, "%s_error: %s error: %d (detail: " STR_FMT ")",
                         fetch->status / 100 == 4 ? "client" : "server",
                         fetch->status / 100 == 4 ? "client" : "server", fetch->status,
                         STR_ARG(str_trim(buf_str(&fetch->body))));
}

bool query_ask(struct query *query, const char *path, bool get,
               const struct json_value **ret_data, struct error *err)
{
        struct buf target CLEANUP(buf_release) = BUF_INIT(FORM_MAX_BYTES);
        struct http_fetch fetch = {.body = BUF_INIT(ANSWER_MAX_BYTES)};
        struct request request = {.words = query->words, .server = query->server,
                                  .has_headers = query->has_headers, .timeout_ms = TIMEOUT_MS};
        struct json_value *answer = NULL;
        bool ok;

        buf_append_cstr(&target, path);
        if (get)
                buf_printf(&target, "?" STR_FMT, STR_ARG(buf_str(&query->form)));
        else
                request.form = buf_str(&query->form);
        request.path = target.data;
        ok = request_send(&request, &query->arena, &fetch, err);
        if (ok) {
                struct error no_json;

                if (!json_parse(&query->arena, buf_str(&fetch.body), &answer, &no_json))
                        answer = NULL;
                *ret_data = answer ? json_find(answer, "data") : NULL;
                ok = (fetch.status / 100 == 2 && *ret_data) || explain(&fetch, answer, err);
        }
        buf_release(&fetch.body);
        return ok;
}

static int query_failure(const struct error *err)
{
        fprintf(stderr, "query error: %s\n", err->text);
        return EXIT_FAILED;
}

static bool is_json(const struct words *words)
{
        return strcmp(words_text(words, "format"), "json") == 0;
}

/* The option's time, or the fallback. Prints what is wrong with it. */
static bool read_time(const struct words *words, const char *option, const char *what,
                      double fallback, double *ret_s)
{
        const char *text = words_text(words, option);
        struct error err;

        *ret_s = fallback;
        if (!text || query_parse_time(text, ret_s, &err))
                return true;
        fprintf(stderr, "error parsing %s time: %s\n", what, err.text);
        return false;
}

/* ---- values --------------------------------------------------------------------------------- */

static int show_value(struct query *query, const char *path)
{
        const struct json_value *data;
        struct error err;

        if (!query_ask(query, path, false, &data, &err))
                return query_failure(&err);
        query_print_value(&query->arena, data, is_json(query->words));
        return EXIT_GOOD;
}

int query_instant(const struct words *words)
{
        struct query query;
        double t_s;
        int code;

        if (!read_time(words, "time", "evaluation", now_s(), &t_s))
                return EXIT_FAILED;
        query_init(&query, words, words_argument(words, 0));
        query.has_headers = true;
        query_put(&query, "query", str_from(words_argument(words, 1)));
        query_put_time(&query, "time", t_s);
        code = show_value(&query, "/api/v1/query");
        query_release(&query);
        return code;
}

int query_range(const struct words *words)
{
        double start_s, end_s, step_s = (double)words_duration_ms(words, "step") / 1e3;
        struct query query;
        int code;

        if (!read_time(words, "end", "end", now_s(), &end_s) ||
            !read_time(words, "start", "start", end_s - RANGE_DEFAULT_S, &start_s))
                return EXIT_FAILED;
        if (start_s >= end_s) {
                fprintf(stderr, "start time is not before end time\n");
                return EXIT_FAILED;
        }
        if (step_s == 0)
                step_s = fmax(floor((end_s - start_s) / POINTS_DEFAULT), 1);
        query_init(&query, words, words_argument(words, 0));
        query.has_headers = true;
        query_put(&query, "query", str_from(words_argument(words, 1)));
        query_put_time(&query, "start", start_s);
        query_put_time(&query, "end", end_s);
        query_put_time(&query, "step", step_s);
        code = show_value(&query, "/api/v1/query_range");
        query_release(&query);
        return code;
}

/* ---- series and labels ---------------------------------------------------------------------- */

static bool put_range(struct query *query)
{
        double start_s, end_s;
        const char *match;

        if (!read_time(query->words, "start", "start", now_s() - ALL_TIMES_S, &start_s) ||
            !read_time(query->words, "end", "end", now_s() + ALL_TIMES_S, &end_s))
                return false;
        query_put_time(query, "start", start_s);
        query_put_time(query, "end", end_s);
        for (size_t i = 0; (match = words_list(query->words, "match", i)); i++)
                query_put(query, "match[]", str_from(match));
        return true;
}

int query_series(const struct words *words)
{
        const struct json_value *data;
        struct query query;
        struct error err;
        int code = EXIT_FAILED;

        query_init(&query, words, words_argument(words, 0));
        if (put_range(&query)) {
                code = EXIT_GOOD;
                if (query_ask(&query, "/api/v1/series", false, &data, &err))
                        query_print_series(&query.arena, data, is_json(words));
                else
                        code = query_failure(&err);
        }
        query_release(&query);
        return code;
}

int query_labels(const struct words *words)
{
        struct buf path CLEANUP(buf_release) = BUF_INIT(FORM_MAX_BYTES);
        const struct json_value *data;
        struct query query;
        struct error err;
        int code = EXIT_FAILED;

        buf_append_cstr(&path, "/api/v1/label/");
        http_url_encode(&path, str_from(words_argument(words, 1)));
        buf_append_cstr(&path, "/values");
        query_init(&query, words, words_argument(words, 0));
        if (put_range(&query)) {
                code = EXIT_GOOD;
                if (query_ask(&query, path.data, true, &data, &err))
                        query_print_values(&query.arena, data, is_json(words));
                else
                        code = query_failure(&err);
        }
        query_release(&query);
        return code;
}

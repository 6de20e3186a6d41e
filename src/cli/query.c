#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "cli/cli.h"
#include "cli/flags.h"
#include "codec/double.h"
#include "codec/json.h"
#include "http/client.h"
#include "http/server.h"
#include "model/labels.h"

enum { ANSWER_MAX_BYTES = 1 << 30, ARENA_MAX_BYTES = 1 << 30, TIMEOUT_MS = 150000 };

static void print_metric(struct arena *arena, const struct json_value *metric)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(1 << 20);
        struct labels_builder builder;

        labels_builder_init(&builder, arena, (struct labels){0});
        for (const struct json_value *label = metric->first; label; label = label->next)
                labels_builder_set(&builder, label->key, label->text);
        labels_format(&text, labels_builder_finish(&builder));
        printf(STR_FMT, STR_ARG(buf_str(&text)));
}

/* [1700000000.5, "1"] as "1 @[1700000000.5]". */
static void print_point(const struct json_value *point)
{
        char time[DOUBLE_TEXT_MAX];

        double_format(time, point->first->number, DOUBLE_F);
        printf(STR_FMT " @[%s]\n", STR_ARG(point->first->next->text), time);
}

/* [1700000000.5, {"count":"4","sum":"5","buckets":[[0,"1","2","4"]]}] as
 * "{count:4, sum:5, (1,2]:4} @[1700000000.5]". */
static void print_histogram(const struct json_value *point)
{
        const struct json_value *h = point->first->next;
        const struct json_value *count = json_find(h, "count"), *sum = json_find(h, "sum");
        const struct json_value *buckets = json_find(h, "buckets");
        char time[DOUBLE_TEXT_MAX];

        if (!count || !sum)
                return;
        printf("{count:" STR_FMT ", sum:" STR_FMT, STR_ARG(count->text), STR_ARG(sum->text));
        for (const struct json_value *b = buckets ? buckets->first : NULL; b; b = b->next) {
                const struct json_value *lower = b->first->next, *upper = lower->next;
                int boundaries = (int)b->first->number;

                printf(", %c" STR_FMT "," STR_FMT "%c:" STR_FMT, boundaries & 1 ? '[' : '(',
                       STR_ARG(lower->text), STR_ARG(upper->text),
                       boundaries == 0 || boundaries == 3 ? ']' : ')',
                       STR_ARG(upper->next->text));
        }
        double_format(time, point->first->number, DOUBLE_F);
        printf("} @[%s]\n", time);
}

static void print_series(struct arena *arena, const struct json_value *series)
{
        const struct json_value *value = json_find(series, "value");
        const struct json_value *histogram = json_find(series, "histogram");
        const struct json_value *values = json_find(series, "values");
        const struct json_value *histograms = json_find(series, "histograms");

        print_metric(arena, json_find(series, "metric"));
        printf(" =>%s", value || histogram ? " " : "\n");
        if (value)
                print_point(value);
        if (histogram)
                print_histogram(histogram);
        for (const struct json_value *p = values ? values->first : NULL; p; p = p->next)
                print_point(p);
        for (const struct json_value *p = histograms ? histograms->first : NULL; p; p = p->next)
                print_histogram(p);
}

static void print_result(struct arena *arena, const struct json_value *data)
{
        const struct json_value *type = json_find(data, "resultType");
        const struct json_value *result = json_find(data, "result");

        if (!type || !result)
                return;
        if (str_is(type->text, "scalar")) {
                printf("scalar: ");
                print_point(result);
                return;
        }
        if (str_is(type->text, "string")) {
                printf("string: ");
                print_point(result);
                return;
        }
        for (const struct json_value *series = result->first; series; series = series->next)
                print_series(arena, series);
}

static void print_notes(const struct json_value *answer, const char *key)
{
        const struct json_value *notes = json_find(answer, key);

        for (const struct json_value *note = notes ? notes->first : NULL; note; note = note->next)
                fprintf(stderr, "%.*s: " STR_FMT "\n", (int)strlen(key) - 1, key,
                        STR_ARG(note->text));
}

static int show_answer(struct arena *arena, const struct http_fetch *fetch)
{
        struct json_value *answer;
        const struct json_value *message;
        struct error err;

        if (!json_parse(arena, buf_str(&fetch->body), &answer, &err)) {
                fprintf(stderr, "pitwall query: HTTP status %d: %s\n", fetch->status, err.text);
                return 1;
        }
        message = json_find(answer, "error");
        if (message) {
                fprintf(stderr, "pitwall query: " STR_FMT "\n", STR_ARG(message->text));
                return 1;
        }
        print_notes(answer, "warnings");
        print_notes(answer, "infos");
        if (json_find(answer, "data"))
                print_result(arena, json_find(answer, "data"));
        return 0;
}

static void ignore_done(struct http_fetch *fetch)
{
        (void)fetch;
}

int cli_query(int argc, char **argv)
{
        static const struct http_client_options options = {.follow_redirects = true};
        const char *server = "http://127.0.0.1:9090", *time = NULL;
        const struct cli_flag flags[] = {
                {"server", &server, "URL", "server to ask (http://127.0.0.1:9090)"},
                {"time", &time, "T", "moment to evaluate at: seconds or RFC 3339 (now)"},
        };
        struct buf url CLEANUP(buf_release) = BUF_INIT(16 << 20);
        struct http_fetch fetch = {.options = &options, .accept_gzip = true,
                                   .timeout_ms = TIMEOUT_MS, .done = ignore_done,
                                   .body = BUF_INIT(ANSWER_MAX_BYTES)};
        struct arena arena;
        int code = 1;

        if (!cli_flags_parse("query", &argc, argv, flags, ARRAY_LEN(flags)))
                return 2;
        if (argc != 2) {
                fprintf(stderr, "usage: pitwall query [--server URL] [--time T] EXPR\n");
                return 2;
        }
        buf_printf(&url, "%s/api/v1/query?query=", server);
        http_url_encode(&url, str_from(argv[1]));
        if (time) {
                buf_append_cstr(&url, "&time=");
                http_url_encode(&url, str_from(time));
        }
        fetch.url = buf_str(&url);
        http_fetch_wait(&fetch);
        arena_init(&arena, ARENA_MAX_BYTES);
        if (fetch.failed)
                fprintf(stderr, "pitwall query: cannot ask %s: %s\n", server, fetch.err.text);
        else
                code = show_answer(&arena, &fetch);
        arena_release(&arena);
        buf_release(&fetch.body);
        return code;
}

/* The table of commands. */
#include "promtool/promtool.h"

#include <stdio.h>
#include <string.h>

#include "codec/json.h"
#include "promtool/promtool_int.h"

#define ALL_TIMES_MIN "-9223372036854775808"
#define ALL_TIMES_MAX "9223372036854775807"
#define ALL_SERIES "{__name__=~'(?s:.*)'}"
#define HTTP_CONFIG                                                                              \
        {"http.config.file", OPTION_FILE, "File that says how to reach the server: TLS, "        \
         "authentication, proxy.", .placeholder = "<filename>"}
#define SERVER {"server", "Server to ask.", .required = true}
#define DATABASE {"db path", "Directory of the database (data/).", .fallback = "data/"}
#define OPTIONS(list) .options = list, .option_count = ARRAY_LEN(list)
#define ARGUMENTS(list) .arguments = list, .argument_count = ARRAY_LEN(list)

const struct promql_features promtool_features = {
        .experimental_functions = true, .extended_range_selectors = true, .fill_modifiers = true};

/* ---- check ---------------------------------------------------------------------------------- */

static const struct option discovery_options[] = {
        {"timeout", OPTION_DURATION, "How long to wait for what is discovered.",
         .fallback = "30s"},
};
static const struct argument discovery_arguments[] = {
        {"config-file", "The configuration.", .required = true, .file = true},
        {"job", "Name of the job whose targets are looked for.", .required = true},
};

static const struct option config_options[] = {
        {"syntax-only", OPTION_SWITCH, "Look at the file alone, at none that it names."},
        {"lint", OPTION_TEXT, "What to lint, with commas between: all, duplicate-rules, "
         "too-long-scrape-interval or none.", .fallback = "duplicate-rules"},
        {"lint-fatal", OPTION_SWITCH, "End with exit code 3 when the linter finds something."},
        {"ignore-unknown-fields", OPTION_SWITCH, "Pass over fields of rules that are not known."},
        {"agent", OPTION_SWITCH, "Check the configuration of an agent."},
};
static const struct argument config_arguments[] = {
        {"config-files", "The configurations.", .required = true, .many = true, .file = true},
};

static const struct argument web_config_arguments[] = {
        {"web-config-files", "The web configurations.", .required = true, .many = true,
         .file = true},
};

static const struct option status_options[] = {
        HTTP_CONFIG,
        {"url", OPTION_TEXT, "The server.", .fallback = "http://localhost:9090",
         .placeholder = "http://localhost:9090"},
};

static const struct option rules_options[] = {
        {"lint", OPTION_TEXT, "What to lint: all, duplicate-rules or none.",
         .fallback = "duplicate-rules"},
        {"lint-fatal", OPTION_SWITCH, "End with exit code 3 when the linter finds something."},
        {"ignore-unknown-fields", OPTION_SWITCH, "Pass over fields that are not known."},
};
static const struct argument rules_arguments[] = {
        {"rule-files", "The rules; standard input when none is given.", .many = true,
         .file = true},
};

static const struct option test_options[] = {
        {"run", OPTION_LIST, "Only tests whose name matches this expression.",
         .placeholder = "RUN"},
        {"ignore-unknown-fields", OPTION_SWITCH, "Pass over fields that are not known."},
};
static const struct argument test_arguments[] = {
        {"test-rule-file", "The tests.", .required = true, .many = true, .file = true},
};

static const struct option metrics_options[] = {
        {"extended", OPTION_SWITCH, "Show how many series each metric has."},
        {"lint", OPTION_TEXT, "What to lint: all or none.", .fallback = "all"},
};

/* ---- query ---------------------------------------------------------------------------------- */

static const struct option query_options[] = {
        {"format", OPTION_CHOICE, "How results are printed.", .fallback = "promql",
         .choices = "promql,json", .letter = 'o'},
        HTTP_CONFIG,
};
static const struct argument query_arguments[] = {
        SERVER, {"expr", "The expression.", .required = true}};

#define HEADERS {"header", OPTION_LIST, "A header more for the server: name=value."}
#define START {"start", OPTION_TEXT, "From when: seconds since 1970 or RFC 3339."}
#define END {"end", OPTION_TEXT, "Until when: seconds since 1970 or RFC 3339."}

static const struct option instant_options[] = {
        {"time", OPTION_TEXT, "When to evaluate: seconds since 1970 or RFC 3339."}, HEADERS};
static const struct option range_options[] = {
        HEADERS, START, END, {"step", OPTION_DURATION, "Between two points."}};
static const struct option series_options[] = {
        {"match", OPTION_LIST, "Selector of series; may be given several times.",
         .required = true},
        START, END};
static const struct option labels_options[] = {
        START, END, {"match", OPTION_LIST, "Selector of series; may be given several times."}};
static const struct argument series_arguments[] = {SERVER};
static const struct argument labels_arguments[] = {
        SERVER, {"name", "The label whose values are wanted.", .required = true}};
static const struct option query_analyze_options[] = {
        {"server", OPTION_TEXT, "Server to ask.", .required = true},
        {"type", OPTION_TEXT, "classichistograms or nativehistograms.", .required = true},
        {"duration", OPTION_DURATION, "How far back to look.", .fallback = "1h"},
        {"time", OPTION_TEXT, "Until when: seconds since 1970 or RFC 3339."},
        {"match", OPTION_LIST, "Selector of series; may be given several times.",
         .required = true},
};

/* ---- push ----------------------------------------------------------------------------------- */

static const struct option push_group_options[] = {HTTP_CONFIG};
static const struct option push_options[] = {
        {"label", OPTION_LIST, "Label that all metrics get: name=value.",
         .fallback = "job=promtool", .placeholder = "job=promtool"},
        {"timeout", OPTION_DURATION, "How long to wait.", .fallback = "30s"},
        {"header", OPTION_LIST, "A header more for the server: name=value."},
        {"protobuf_message", OPTION_CHOICE, "The message to send.",
         .fallback = "prometheus.WriteRequest",
         .choices = "prometheus.WriteRequest,io.prometheus.write.v2.Request"},
        {"remote-write.path", OPTION_TEXT, "Where the server takes it when the URL has no path.",
         .fallback = "/api/v1/write"},
};
static const struct argument push_arguments[] = {
        {"remote-write-url", "Where to push.", .required = true},
        {"metric-files", "What to push; standard input when none is given.", .many = true,
         .file = true},
};

/* ---- tsdb ----------------------------------------------------------------------------------- */

static const struct option analyze_options[] = {
        {"limit", OPTION_INT, "How many lines each list has.", .fallback = "20"},
        {"extended", OPTION_SWITCH, "Look into the chunks too."},
        {"match", OPTION_TEXT, "Only the series of this selector."},
};
static const struct argument analyze_arguments[] = {
        DATABASE, {"block id", "The block; the last one when none is given."}};

static const struct option list_options[] = {
        {"human-readable", OPTION_SWITCH, "Times and sizes for people.", .letter = 'r'}};
static const struct argument list_arguments[] = {DATABASE};

#define DUMP_OPTIONS                                                                             \
        {"sandbox-dir-root", OPTION_TEXT, "Accepted: nothing is written here."},                 \
        {"min-time", OPTION_INT, "Oldest timestamp, in milliseconds since 1970.",                \
         .fallback = ALL_TIMES_MIN},                                                             \
        {"max-time", OPTION_INT, "Newest timestamp, in milliseconds since 1970.",                \
         .fallback = ALL_TIMES_MAX},                                                             \
        {"match", OPTION_LIST, "Selector of series; may be given several times.",                \
         .fallback = ALL_SERIES}
static const struct option dump_options[] = {
        DUMP_OPTIONS, {"format", OPTION_CHOICE, "How series are printed.", .fallback = "prom",
                       .choices = "prom,seriesjson"}};
static const struct option dump_openmetrics_options[] = {DUMP_OPTIONS};
static const struct argument dump_arguments[] = {DATABASE};

static const struct option create_group_options[] = {
        {"human-readable", OPTION_SWITCH, "Times and sizes for people.", .letter = 'r'},
        {"quiet", OPTION_SWITCH, "Print nothing of the blocks.", .letter = 'q'},
        {"max-block-duration", OPTION_DURATION, "The longest that a block may be; at least 2h.",
         .hidden = true},
};
static const struct option create_options[] = {
        {"label", OPTION_LIST, "Label that all metrics get: name=value."}};
static const struct argument create_arguments[] = {
        {"input file", "OpenMetrics text with timestamps.", .required = true},
        {"output directory", "Where the blocks go (data/).", .fallback = "data/"}};

/* ---- promql --------------------------------------------------------------------------------- */

#define QUERY {"query", "The expression.", .required = true}

static const struct argument format_arguments[] = {QUERY};
static const struct option set_options[] = {
        {"type", OPTION_CHOICE, "How the label is compared.", .fallback = "=",
         .choices = "=,!=,=~,!~", .letter = 't'}};
static const struct argument set_arguments[] = {
        QUERY, {"name", "The label.", .required = true}, {"value", "Its value.", .required = true}};
static const struct argument delete_arguments[] = {
        QUERY, {"name", "The label.", .required = true}};

/* ---- the table ------------------------------------------------------------------------------ */

static const struct command commands[] = {
        {"check service-discovery", "Show the targets that a job finds, before and after "
         "relabeling.", OPTIONS(discovery_options), ARGUMENTS(discovery_arguments),
         check_service_discovery},
        {"check config", "Check configurations and the files they name.",
         OPTIONS(config_options), ARGUMENTS(config_arguments), check_config},
        {"check web-config", "Check web configurations.", ARGUMENTS(web_config_arguments),
         .run = check_web_config},
        {"check healthy", "Ask a server whether it is healthy.", OPTIONS(status_options),
         .run = check_healthy},
        {"check ready", "Ask a server whether it is ready.", OPTIONS(status_options),
         .run = check_ready},
        {"check rules", "Check files of rules.", OPTIONS(rules_options),
         ARGUMENTS(rules_arguments), check_rules},
        {"check metrics", "Lint metrics that come on standard input.", OPTIONS(metrics_options),
         .run = check_metrics},
        {"query instant", "Run an instant query.", OPTIONS(instant_options),
         ARGUMENTS(query_arguments), query_instant},
        {"query range", "Run a range query.", OPTIONS(range_options),
         ARGUMENTS(query_arguments), query_range},
        {"query series", "Ask which series there are.", OPTIONS(series_options),
         ARGUMENTS(series_arguments), query_series},
        {"query labels", "Ask for the values of a label.", OPTIONS(labels_options),
         ARGUMENTS(labels_arguments), query_labels},
        {"query analyze", "Show how the buckets of histograms are used.",
         OPTIONS(query_analyze_options), .run = query_analyze},
        {"push metrics", "Push metrics by remote write, to try it.", OPTIONS(push_options),
         ARGUMENTS(push_arguments), push_metrics},
        {"tsdb analyze", "Show churn, cardinality and how well a block is packed.",
         OPTIONS(analyze_options), ARGUMENTS(analyze_arguments), tsdb_analyze},
        {"tsdb list", "List the blocks.", OPTIONS(list_options), ARGUMENTS(list_arguments),
         tsdb_list},
        {"tsdb dump", "Print samples, or series alone.", OPTIONS(dump_options),
         ARGUMENTS(dump_arguments), tsdb_dump},
        {"tsdb dump-openmetrics", "Print float samples as OpenMetrics text.",
         OPTIONS(dump_openmetrics_options), ARGUMENTS(dump_arguments), tsdb_dump_openmetrics},
        {"tsdb create-blocks-from openmetrics", "Make blocks of OpenMetrics text.",
         OPTIONS(create_options), ARGUMENTS(create_arguments), tsdb_create_openmetrics},
        {"promql format", "Print an expression in its canonical layout.",
         ARGUMENTS(format_arguments), .run = promql_format},
        {"test rules", "Test rules against given series.", OPTIONS(test_options),
         ARGUMENTS(test_arguments), test_rules},
        {"promql label-matchers set", "Set a matcher in all selectors.", OPTIONS(set_options),
         ARGUMENTS(set_arguments), promql_matchers_set},
        {"promql label-matchers delete", "Remove a matcher from all selectors.",
         ARGUMENTS(delete_arguments), .run = promql_matchers_delete},
};

static const struct option global_options[] = {
        {"experimental", OPTION_SWITCH, "Allow the promql commands."},
        {"enable-feature", OPTION_LIST, "Feature flags of Prometheus, with commas between: their "
         "syntax is always known here.", .placeholder = ""},
};
static const struct option check_options[] = {
        {"query.lookback-delta", OPTION_DURATION, "How far back queries look: longer scrape "
         "intervals are linted.", .fallback = "5m"},
};

static const struct command_group groups[] = {
        {"", "", OPTIONS(global_options)},
        {"check", "Check files, metrics and servers.", OPTIONS(check_options)},
        {"query", "Ask a server.", OPTIONS(query_options)},
        {"push", "Push to a server.", OPTIONS(push_group_options)},
        {"tsdb", "Look at a database of Prometheus."},
        {"tsdb create-blocks-from", "Make blocks.", OPTIONS(create_group_options)},
        {"test", "Test rules."},
        {"promql", "Lay out and edit expressions. Needs --experimental."},
        {"promql label-matchers", "Edit the matchers of an expression."},
};

int promtool_run(int argc, char **argv)
{
        static const struct command_table table = {
                .program = "promtool", .help = "Tools for Prometheus and Pitwall.",
                .version = "promtool, version 3.14.0 (Pitwall " PITWALL_VERSION ")\n",
                .groups = groups, .group_count = ARRAY_LEN(groups),
                .commands = commands, .command_count = ARRAY_LEN(commands)};

        return commands_run(&table, argc - 1, argv + 1);
}

/* ---- what several commands need ------------------------------------------------------------- */

enum { STDIN_PIECE_BYTES = 1 << 16, JSON_MAX_BYTES = 1 << 30 };

int print_failure(const struct error *err)
{
        fprintf(stderr, "%s\n", err->text);
        return EXIT_FAILED;
}

bool read_stdin(struct buf *text, struct error *err)
{
        for (;;) {
                char *room = buf_reserve(text, STDIN_PIECE_BYTES);
                size_t len;

                if (!room)
                        return error_set(err, ERROR_LIMIT, "standard input is too large");
                len = fread(room, 1, STDIN_PIECE_BYTES, stdin);
                text->len += len;
                if (!len)
                        return !ferror(stdin) || error_set(err, ERROR_IO, "standard input: %m");
        }
}

void append_json_string(struct buf *out, struct str text)
{
        struct buf plain CLEANUP(buf_release) = BUF_INIT(JSON_MAX_BYTES);

        json_quote(&plain, text);
        for (size_t i = 0; i < plain.len; i++) {
                char c = plain.data[i];

                if (c == '<' || c == '>' || c == '&')
                        buf_printf(out, "\\u%04x", c);
                else
                        buf_append_byte(out, c);
        }
}

void columns_print(struct str text, size_t width_min, size_t gap)
{
        size_t widths[16] = {0};
        struct str rest = text, line;

        while (str_cut(&rest, '\n', &line)) {
                struct str cell;

                for (size_t i = 0; i < ARRAY_LEN(widths) && str_find_byte(line, '\t') < line.len;
                     i++) {
                        BUG_ON(!str_cut(&line, '\t', &cell));
                        if (cell.len + gap > widths[i])
                                widths[i] = cell.len + gap;
                        if (widths[i] < width_min)
                                widths[i] = width_min;
                }
        }
        rest = text;
        while (rest.len && str_cut(&rest, '\n', &line)) {
                for (size_t i = 0; i < ARRAY_LEN(widths) && str_find_byte(line, '\t') < line.len;
                     i++) {
                        struct str cell;

                        BUG_ON(!str_cut(&line, '\t', &cell));
                        printf(STR_FMT "%*s", STR_ARG(cell), (int)(widths[i] - cell.len), "");
                }
                printf(STR_FMT "\n", STR_ARG(line));
        }
}

/* Chooses what runs: the server or a command. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "cli/cli.h"
#include "cli/flags.h"
#include "promtool/promtool.h"
#include "server/server.h"

/* Flags of Prometheus 3.14 that mean nothing here, with the defaults that it shows. A command line
 * that has one goes on working. */
static const struct ignored_flag {
        const char *name, *argument, *value;
} ignored_flags[] = {
        {"alertmanager.drain-notification-queue-on-shutdown", NULL, "true"},
        {"alertmanager.notification-batch-size", "COUNT", "256"},
        {"alertmanager.notification-queue-capacity", "COUNT", "10000"},
        {"auto-gomaxprocs", NULL, "true"},
        {"auto-gomemlimit", NULL, "true"},
        {"auto-gomemlimit.ratio", "RATIO", "0.9"},
        {"rules.alert.for-grace-period", "DURATION", "10m"},
        {"rules.alert.for-outage-tolerance", "DURATION", "1h"},
        {"rules.alert.resend-delay", "DURATION", "1m"},
        {"rules.max-concurrent-evals", "COUNT", "4"},
        {"scrape.adjust-timestamps", NULL, "true"},
        {"scrape.discovery-reload-interval", "DURATION", "5s"},
        {"scrape.timestamp-tolerance", "DURATION", "2ms"},
        {"storage.agent.no-lockfile", NULL, "false"},
        {"storage.agent.path", "DIR", "data-agent/"},
        {"storage.agent.retention.max-time", "DURATION", ""},
        {"storage.agent.retention.min-time", "DURATION", ""},
        {"storage.agent.wal-compression", NULL, "true"},
        {"storage.remote.flush-deadline", "DURATION", "1m"},
        {"storage.remote.read-concurrent-limit", "COUNT", "10"},
        {"storage.remote.read-max-bytes-in-frame", "BYTES", "1048576"},
        {"storage.tsdb.block-reload-interval", "DURATION", "1m"},
        {"storage.tsdb.delay-compact-file.path", "FILE", ""},
        {"storage.tsdb.delayed-compaction.max-percent", "PERCENT", "10"},
        {"storage.tsdb.head-chunks-write-queue-size", "COUNT", "0"},
        {"storage.tsdb.max-block-chunk-segment-size", "SIZE", "0B"},
        {"storage.tsdb.max-block-duration", "DURATION", ""},
        {"storage.tsdb.min-block-duration", "DURATION", "2h"},
        {"storage.tsdb.no-lockfile", NULL, "false"},
        {"storage.tsdb.samples-per-chunk", "COUNT", "120"},
        {"storage.tsdb.wal-compression", NULL, "true"},
        {"storage.tsdb.wal-compression-type", "NAME", "snappy"},
        {"storage.tsdb.wal-segment-size", "SIZE", "0B"},
        {"web.console.libraries", "DIR", "console_libraries"},
        {"web.console.templates", "DIR", "consoles"},
        {"web.enable-otlp-receiver", NULL, "true"},
        {"web.enable-remote-write-receiver", NULL, "true"},
        {"web.remote-write-receiver.accepted-protobuf-messages", "NAMES",
         "prometheus.WriteRequest,io.prometheus.write.v2.Request"},
        {"web.user-assets", "DIR", ""},
};

enum { SHORT_NAMES = 4, TAKEN_MAX = 40, FLAGS_MAX = TAKEN_MAX + ARRAY_LEN(ignored_flags) };
enum { FEATURES_MAX_BYTES = 64 << 10 };

/* Parses; what every flag of Prometheus is then worth goes into `values`. */
static bool parse(int *argc, char **argv, const struct cli_flag *taken, size_t taken_count,
                  struct server_flag *values, size_t *ret_count)
{
        const char *given[ARRAY_LEN(ignored_flags)];
        struct cli_flag flags[FLAGS_MAX];
        size_t count = taken_count;

        BUG_ON(taken_count > TAKEN_MAX);
        memcpy(flags, taken, taken_count * sizeof(*taken));
        for (size_t i = 0; i < ARRAY_LEN(ignored_flags); i++) {
                given[i] = ignored_flags[i].value;
                flags[count++] = (struct cli_flag){ignored_flags[i].name, &given[i],
                                                   ignored_flags[i].argument, NULL};
        }
        if (!cli_flags_parse("serve", argc, argv, flags, count))
                return false;
        *ret_count = 0;
        for (size_t i = SHORT_NAMES; i < count; i++) {
                const struct ignored_flag *ignored = i < taken_count ? NULL
                                                     : &ignored_flags[i - taken_count];
                const char *value = *flags[i].value;

                if (!value)
                        value = flags[i].argument ? "" : "false";
                values[(*ret_count)++] = (struct server_flag){
                        flags[i].name, value, ignored && strcmp(value, ignored->value) != 0};
        }
        return true;
}

static bool read_log_options(struct server_options *options, const char *format,
                             const char *level)
{
        static const struct {
                const char *name;
                enum log_level level;
        } levels[] = {
                {"debug", LOG_DEBUG}, {"info", LOG_INFO}, {"warn", LOG_WARN}, {"error", LOG_ERROR},
        };

        if (strcmp(format, "text") != 0 && strcmp(format, "logfmt") != 0 &&
            strcmp(format, "json") != 0) {
                fprintf(stderr, "pitwall serve: --log.format is logfmt or json, not \"%s\"\n",
                        format);
                return false;
        }
        options->log_format = strcmp(format, "json") == 0 ? LOG_JSON : LOG_TEXT;
        for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
                if (strcmp(level, levels[i].name) != 0)
                        continue;
                options->log_level = levels[i].level;
                return true;
        }
        fprintf(stderr, "pitwall serve: --log.level is debug, info, warn or error, not \"%s\"\n",
                level);
        return false;
}

/* Pitwall's own names are short for those of Prometheus, whose command lines go on working. */
static int serve(int argc, char **argv)
{
        struct buf features CLEANUP(buf_release) = BUF_INIT(FEATURES_MAX_BYTES);
        struct server_flag values[FLAGS_MAX];
        struct server_options options = SERVER_OPTIONS_INIT;
        const char *log_format = "logfmt", *log_level = "info", *admin = NULL, *lifecycle = NULL;
        const char *auto_reload = NULL;
        const struct cli_flag flags[] = {
                /* Pitwall's own, SHORT_NAMES of them. */
                {"config", &options.config_path, "FILE", "configuration (watch this host)"},
                {"data-dir", &options.data_dir, "DIR", "where everything is stored (data)"},
                {"listen", &options.listen, "HOST:PORT", "address to serve on (127.0.0.1:9090)"},
                {"log-format", &log_format, "text|json", "how the log is written (text)"},
                {"config.auto-reload", &auto_reload, NULL, "reload when the file changes"},
                {"config.auto-reload-interval", &options.auto_reload_interval, "DURATION",
                 "how often that is looked at"},
                {"config.file", &options.config_path, "FILE", "the same as --config"},
                {"enable-feature", &options.features, "NAMES", "Prometheus's feature flags",
                 &features},
                {"log.format", &log_format, "logfmt|json", "the same as --log-format"},
                {"log.level", &log_level, "debug|info|warn|error", "what is logged"},
                {"query.lookback-delta", &options.lookback_delta, "DURATION",
                 "how far back an instant looks"},
                {"query.max-concurrency", &options.query_max_concurrency, "COUNT",
                 "queries at once"},
                {"query.max-samples", &options.query_max_samples, "COUNT",
                 "samples a query may hold"},
                {"query.timeout", &options.query_timeout, "DURATION", "time a query may take"},
                {"storage.remote.read-sample-limit", &options.read_sample_limit, "COUNT",
                 "samples of an answer to remote read"},
                {"storage.tsdb.path", &options.data_dir, "DIR", "the same as --data-dir"},
                {"storage.tsdb.retention.size", &options.retention_size, "SIZE",
                 "drop the oldest beyond this (no limit)"},
                {"storage.tsdb.retention.time", &options.retention_time, "DURATION",
                 "drop what is older (15d)"},
                {"web.config.file", &options.web_config_path, "FILE",
                 "TLS, client certificates, users and headers"},
                {"web.cors.origin", &options.cors_origin, "REGEX",
                 "origins whose pages may read the API"},
                {"web.enable-admin-api", &admin, NULL, "allow deleting and snapshots over HTTP"},
                {"web.enable-lifecycle", &lifecycle, NULL, "allow stopping over HTTP"},
                {"web.external-url", &options.external_url, "URL", "where users find this server"},
                {"web.listen-address", &options.listen, "HOST:PORT", "the same as --listen"},
                {"web.max-connections", &options.max_connections, "COUNT", "connections at once"},
                {"web.max-notifications-subscribers", &options.max_listeners, "COUNT",
                 "clients that are sent notifications"},
                {"web.page-title", &options.page_title, "TEXT", "title of the pages"},
                {"web.read-timeout", &options.read_timeout, "DURATION",
                 "how long a connection may bring no request"},
                {"web.route-prefix", &options.route_prefix, "PATH",
                 "what all paths begin with (that of --web.external-url)"},
        };

        if (!parse(&argc, argv, flags, ARRAY_LEN(flags), values, &options.flag_count) ||
            !read_log_options(&options, log_format, log_level))
                return 2;
        options.flags = values;
        options.admin_api = admin != NULL;
        options.lifecycle = lifecycle != NULL;
        options.auto_reload = auto_reload != NULL;
        if (argc > 1) {
                fprintf(stderr, "pitwall serve: unexpected argument \"%s\"\n", argv[1]);
                return 2;
        }
        return server_run(&options);
}

int main(int argc, char **argv)
{
        static const struct cli_command commands[] = {
                {"serve",
                 "[--config FILE] [--data-dir DIR] [--listen HOST:PORT] [--log-format text|json]",
                 "run the server", serve},
                {"promtool", "COMMAND [FLAGS]", "Prometheus's tool; see promtool --help",
                 promtool_run},
        };
        const char *slash = strrchr(argv[0], '/');

        if (strcmp(slash ? slash + 1 : argv[0], "promtool") == 0)
                return promtool_run(argc, argv);
        return cli_run(argc, argv, commands, ARRAY_LEN(commands));
}

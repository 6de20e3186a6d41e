/* Chooses what runs: the server or a command. */
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "cli/cli.h"
#include "cli/flags.h"
#include "promtool/promtool.h"
#include "server/server.h"

/* The second half are Prometheus's names, so that its command lines go on working. */
static int serve(int argc, char **argv)
{
        const char *log_format = "text", *admin = NULL, *lifecycle = NULL, *ignored = NULL;
        struct server_options options = {.data_dir = "data"};
        const struct cli_flag flags[] = {
                {"config", &options.config_path, "FILE", "configuration (watch this host)"},
                {"data-dir", &options.data_dir, "DIR", "where everything is stored (data)"},
                {"listen", &options.listen, "HOST:PORT", "address to serve on (127.0.0.1:9090)"},
                {"log-format", &log_format, "text|json", "how the log is written (text)"},
                {"config.file", &options.config_path, "FILE", "the same as --config"},
                {"storage.tsdb.path", &options.data_dir, "DIR", "the same as --data-dir"},
                {"web.listen-address", &options.listen, "HOST:PORT", "the same as --listen"},
                {"log.format", &log_format, "logfmt|json", "the same as --log-format"},
                {"web.config.file", &options.web_config_path, "FILE",
                 "TLS, client certificates, users and headers"},
                {"web.cors.origin", &options.cors_origin, "REGEX",
                 "origins whose pages may read the API (.*)"},
                {"web.enable-admin-api", &admin, NULL, "allow deleting and snapshots over HTTP"},
                {"web.enable-lifecycle", &lifecycle, NULL, "allow stopping over HTTP"},
                {"web.enable-remote-write-receiver", &ignored, NULL, "accepted: always on"},
                {"web.enable-otlp-receiver", &ignored, NULL, "accepted: always on"},
                {"enable-feature", &options.features, "NAMES", "Prometheus's feature flags"},
                {"storage.tsdb.retention.time", &options.retention_time, "DURATION",
                 "drop what is older (15d)"},
                {"storage.tsdb.retention.size", &options.retention_size, "SIZE",
                 "drop the oldest beyond this (no limit)"},
                {"query.lookback-delta", &options.lookback_delta, "DURATION",
                 "how far back an instant looks (5m)"},
                {"query.timeout", &options.query_timeout, "DURATION", "time a query may take (2m)"},
                {"query.max-samples", &options.query_max_samples, "COUNT",
                 "samples a query may hold (50000000)"},
                {"query.max-concurrency", &options.query_max_concurrency, "COUNT",
                 "queries at once (20)"},
        };

        if (!cli_flags_parse("serve", &argc, argv, flags, ARRAY_LEN(flags)))
                return 2;
        options.admin_api = admin != NULL;
        options.lifecycle = lifecycle != NULL;
        if (strcmp(log_format, "logfmt") == 0)
                log_format = "text";
        if (argc > 1) {
                fprintf(stderr, "pitwall serve: unexpected argument \"%s\"\n", argv[1]);
                return 2;
        }
        if (strcmp(log_format, "text") != 0 && strcmp(log_format, "json") != 0) {
                fprintf(stderr, "pitwall serve: --log-format is text or json, not \"%s\"\n",
                        log_format);
                return 2;
        }
        options.log_format = strcmp(log_format, "json") == 0 ? LOG_JSON : LOG_TEXT;
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

/* Chooses what runs: the server or a command. */
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "cli/cli.h"
#include "cli/flags.h"
#include "server/server.h"

static int serve(int argc, char **argv)
{
        const char *log_format = "text";
        struct server_options options = {.data_dir = "data"};
        const struct cli_flag flags[] = {
                {"config", &options.config_path, "FILE", "configuration (watch this host)"},
                {"data-dir", &options.data_dir, "DIR", "where everything is stored (data)"},
                {"listen", &options.listen, "HOST:PORT", "address to serve on (127.0.0.1:9090)"},
                {"log-format", &log_format, "text|json", "how the log is written (text)"},
        };

        if (!cli_flags_parse("serve", &argc, argv, flags, ARRAY_LEN(flags)))
                return 2;
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
        };

        return cli_run(argc, argv, commands, ARRAY_LEN(commands));
}

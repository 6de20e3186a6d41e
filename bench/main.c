/* The fleet program: fleet serve, fleet dump, fleet write. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/flags.h"
#include "command_int.h"

static const char *text_targets = "10", *text_series = "1000", *text_kinds, *text_first = "0";
static const char *text_gzip;
static const char *text_from = "0", *text_to = "0", *text_step = "15", *text_milliseconds;
static const char *text_server = "127.0.0.1:9090", *text_connections = "2";
static const char *text_request_series = "2000", *text_request_samples = "1";

static const struct cli_flag flags[] = {
        {"targets", &text_targets, "N", "how many programs"},
        {"series", &text_series, "N", "series of each"},
        {"kinds", &text_kinds, "LIST", "counters, gauges, prices, histograms; all by default"},
        {"gzip", &text_gzip, NULL, "serve: compressed, to those who accept it"},
        {"first-target", &text_first, "N", "dump, write: leave out those before"},
        {"from", &text_from, "SECONDS", "dump, write: time of the first sample"},
        {"to", &text_to, "SECONDS", "dump, write: the end, exclusive"},
        {"step", &text_step, "SECONDS", "dump, write: between samples"},
        {"milliseconds", &text_milliseconds, NULL, "dump: timestamps of the older text format"},
        {"server", &text_server, "HOST:PORT", "write: where to"},
        {"connections", &text_connections, "N", "write: at once"},
        {"request-series", &text_request_series, "N", "write: series in a request"},
        {"request-samples", &text_request_samples, "N", "write: samples of each"},
};

static unsigned number(const char *text)
{
        return (unsigned)strtoul(text, NULL, 10);
}

static bool parse_kinds(const char *text, unsigned *ret_kinds, struct error *err)
{
        struct str rest = str_from(text), name;
        unsigned kinds = 0;

        if (!text) {
                *ret_kinds = (1u << FLEET_KINDS) - 1;
                return true;
        }
        while (str_cut(&rest, ',', &name)) {
                char word[32];

                snprintf(word, sizeof(word), STR_FMT, STR_ARG(name));
                if (!fleet_kind_bit(word))
                        return error_set(err, ERROR_INVALID, "no such kind: %s", word);
                kinds |= fleet_kind_bit(word);
        }
        *ret_kinds = kinds;
        return true;
}

static bool run(const char *command, struct error *err)
{
        struct fleet_options options = {
                .fleet.targets = number(text_targets),
                .fleet.series_per_target = number(text_series),
                .first_target = number(text_first),
                .from_s = strtoll(text_from, NULL, 10),
                .to_s = strtoll(text_to, NULL, 10),
                .step_s = strtoll(text_step, NULL, 10),
                .milliseconds = text_milliseconds != NULL,
                .gzip = text_gzip != NULL,
                .server = text_server,
                .connections = number(text_connections),
                .series_per_request = number(text_request_series),
                .samples_per_request = number(text_request_samples),
        };

        if (options.step_s <= 0 || !options.series_per_request || !options.samples_per_request)
                return error_set(err, ERROR_INVALID, "step and request sizes are at least 1");
        if (!parse_kinds(text_kinds, &options.fleet.kinds, err))
                return false;
        if (!strcmp(command, "serve"))
                return fleet_serve(&options, err);
        if (!strcmp(command, "dump"))
                return fleet_dump(&options, err);
        if (!strcmp(command, "write"))
                return fleet_write(&options, err);
        return error_set(err, ERROR_INVALID, "no such command: %s", command);
}

int main(int argc, char **argv)
{
        struct error err;

        if (!cli_flags_parse("fleet", &argc, argv, flags, ARRAY_LEN(flags)))
                return 2;
        if (argc != 2) {
                fprintf(stderr, "usage: fleet serve|dump|write [FLAGS]\n");
                cli_flags_print(flags, ARRAY_LEN(flags));
                return 2;
        }
        if (!run(argv[1], &err)) {
                fprintf(stderr, "fleet: %s\n", err.text);
                return 1;
        }
        return 0;
}

#include <stdio.h>

#include "cli/cli.h"
#include "cli/flags.h"
#include "config/config.h"

int cli_check_config(int argc, char **argv)
{
        int failures = 0;

        if (!cli_flags_parse("check config", &argc, argv, NULL, 0))
                return 2;
        if (argc < 2) {
                fprintf(stderr, "usage: pitwall check config FILE...\n");
                return 2;
        }
        for (int i = 1; i < argc; i++) {
                struct config *config;
                struct error err;

                if (!config_load(&config, argv[i], &err)) {
                        fprintf(stderr, "%s\n", err.text);
                        failures++;
                        continue;
                }
                for (size_t w = 0; w < config->warning_count; w++)
                        printf("warning: %s\n", config->warnings[w]);
                printf("%s: valid, %zu scrape config%s\n", argv[i], config->scrape_count,
                       config->scrape_count == 1 ? "" : "s");
                config_free(config);
        }
        return failures ? 1 : 0;
}

/* Any bytes as a configuration, as one of the web server, and as rules. */
#include "config/config.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/compiler.h"
#include "config/rule_file.h"
#include "config/web_config.h"
#include "promql/promql.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_configs(const char *path)
{
        struct web_config *web;
        struct config *config;
        struct error err;

        if (config_read(&config, path, &err))
                config_free(config);
        else
                BUG_ON(!err.text[0]);
        if (web_config_load(&web, path, &err))
                web_config_free(web);
        else
                BUG_ON(!err.text[0]);
}

static void read_rules(struct str text)
{
        static const struct promql_features features = {.experimental_functions = true};
        const struct rule_file_options options = {&features, text.len & 1};
        struct rule_file *file = rule_file_parse("rules", text, &options);

        for (size_t i = 0; i < file->error_count; i++)
                BUG_ON(!str_starts_with(str_from(file->errors[i]), STR_LIT("rules:")));
        for (size_t g = 0; !file->error_count && g < file->group_count; g++)
                for (size_t r = 0; r < file->groups[g].rule_count; r++)
                        BUG_ON(!file->groups[g].rules[r].parsed);
        rule_file_free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        int fd = memfd_create("config", MFD_CLOEXEC);
        char path[64];

        if (fd < 0 || write(fd, data, size) != (ssize_t)size)
                return 0;
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        read_configs(path);
        close(fd);
        read_rules(str_make((const char *)data, size));
        return 0;
}

/* check service-discovery: the targets of one job, before and after relabeling, as JSON. */
#include <stdio.h>

#include "codec/json.h"
#include "collectors/scrape.h"
#include "config/config.h"
#include "promtool/promtool_int.h"

enum { TEXT_MAX_BYTES = 1 << 30 };

struct listing {
        struct buf *out;
        size_t count;
        struct buf last; /* the target before, to leave out repetitions */
};

static void append_object(struct buf *out, const char *key, struct labels labels)
{
        buf_printf(out, "    \"%s\": {", key);
        for (size_t i = 0; i < labels.count; i++) {
                buf_printf(out, "%s\n      ", i ? "," : "");
                append_json_string(out, labels.items[i].name);
                buf_append_cstr(out, ": ");
                append_json_string(out, labels.items[i].value);
        }
        buf_append_cstr(out, labels.count ? "\n    }" : "}");
}

static void add_target(const struct found_target *target, void *ctx)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(TEXT_MAX_BYTES);
        struct listing *listing = ctx;

        buf_append_cstr(&text, "  {\n");
        append_object(&text, "discoveredLabels", target->discovered);
        buf_append_cstr(&text, ",\n");
        append_object(&text, "labels", target->relabeled);
        if (target->error) {
                buf_append_cstr(&text, ",\n    \"error\": ");
                append_json_string(&text, str_from(target->error));
        }
        buf_append_cstr(&text, "\n  }");
        if (str_equal(buf_str(&text), buf_str(&listing->last)))
                return;
        buf_append_cstr(listing->out, listing->count++ ? ",\n" : "\n");
        buf_append_str(listing->out, buf_str(&text));
        buf_clear(&listing->last);
        buf_append_str(&listing->last, buf_str(&text));
}

static struct scrape_config *find_job(const struct config *config, const char *job)
{
        for (size_t i = 0; i < config->scrape_count; i++)
                if (str_is(config->scrapes[i]->job_name, job))
                        return config->scrapes[i];
        fprintf(stderr, "Job %s not found. Select one of:\n", job);
        for (size_t i = 0; i < config->scrape_count; i++)
                fprintf(stderr, "\t" STR_FMT "\n", STR_ARG(config->scrapes[i]->job_name));
        return NULL;
}

int check_service_discovery(const struct words *words)
{
        struct buf out CLEANUP(buf_release) = BUF_INIT(TEXT_MAX_BYTES);
        struct listing listing = {.out = &out, .last = BUF_INIT(TEXT_MAX_BYTES)};
        struct scrape_config *scrape;
        struct config *config;
        struct error err;

        if (!config_read(&config, words_argument(words, 0), &err)) {
                fprintf(stderr, "Cannot load config parsing YAML file %s: %s\n",
                        words_argument(words, 0), err.text);
                return EXIT_FAILED;
        }
        scrape = find_job(config, words_argument(words, 1));
        if (scrape) {
                scrape_config_find_targets(scrape, words_duration_ms(words, "timeout"),
                                           add_target, &listing);
                printf("[" STR_FMT "%s]", STR_ARG(buf_str(&out)), listing.count ? "\n" : "");
        }
        buf_release(&listing.last);
        config_free(config);
        return scrape ? EXIT_GOOD : EXIT_FAILED;
}

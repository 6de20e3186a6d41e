/* check config, web-config, healthy, ready. */
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "collectors/discovery.h"
#include "collectors/scrape.h"
#include "config/config.h"
#include "config/web_config.h"
#include "model/duration.h"
#include "promtool/check_int.h"
#include "promtool/promtool_int.h"

enum { ANSWER_MAX_BYTES = 1 << 20, STATUS_TIMEOUT_MS = 10000 };

/* ---- config --------------------------------------------------------------------------------- */

static bool check_there(struct str path, const char *what, struct error *err)
{
        struct stat status;

        if (!path.len || stat(path.data, &status) == 0)
                return true;
        return error_set(err, ERROR_NOT_FOUND, "error checking %s \"" STR_FMT "\": stat " STR_FMT
                         ": no such file or directory", what, STR_ARG(path), STR_ARG(path));
}

static bool check_file_discovery(const struct scrape_config *scrape,
                                 const struct file_discovery_options *options, struct error *err)
{
        bool ok = true;

        for (size_t i = 0; i < options->pattern_count; i++) {
                struct str pattern = options->patterns[i];
                glob_t found;

                if (glob(pattern.data, 0, NULL, &found) != 0) {
                        printf("  WARNING: file \"" STR_FMT "\" for file_sd in scrape job \""
                               STR_FMT "\" does not exist\n", STR_ARG(pattern),
                               STR_ARG(scrape->job_name));
                        continue;
                }
                for (size_t k = 0; ok && k < found.gl_pathc; k++)
                        ok = file_discovery_check(found.gl_pathv[k], err) ||
                             error_prefix(err, "checking SD file \"" STR_FMT "\"",
                                          STR_ARG(pattern));
                globfree(&found);
        }
        return ok;
}

static void note_error(const struct found_target *target, void *ctx)
{
        struct error *err = ctx;

        if (target->error && err->code == ERROR_NONE)
                error_set(err, ERROR_INVALID, "%s", target->error);
}

/* Targets that are written down must be such as can be scraped. */
static bool check_targets(struct scrape_config *scrape, bool syntax_only, struct error *err)
{
        const struct discovery_kind *file_kind = discovery_kind_find("file");

        err->code = ERROR_NONE;
        scrape_config_find_targets(scrape, 0, note_error, err);
        if (err->code != ERROR_NONE)
                return false;
        for (size_t i = 0; !syntax_only && i < scrape->discovery_count; i++)
                if (scrape->discoveries[i].kind == file_kind &&
                    !check_file_discovery(scrape, scrape->discoveries[i].options, err))
                        return false;
        return true;
}

/* The targets of the scrape configs, and the files they name. */
static bool check_scrapes(const struct config *config, bool syntax_only, struct error *err)
{
        for (size_t i = 0; i < config->scrape_count; i++) {
                const struct scrape_config *scrape = config->scrapes[i];

                if (!check_targets(config->scrapes[i], syntax_only, err))
                        return false;
                if (syntax_only)
                        continue;
                if (!check_there(scrape->http->authorization_credentials_file,
                                 "authorization credentials or bearer token file", err) ||
                    !check_there(scrape->http->tls_cert_file, "client cert file", err) ||
                    !check_there(scrape->http->tls_key_file, "client key file", err))
                        return false;
        }
        return true;
}

/* Calls visit for every file that the patterns name; one without a star must be there. */
static bool each_rule_file(const struct config *config,
                           void (*visit)(const char *path, void *ctx), void *ctx,
                           struct error *err)
{
        for (size_t i = 0; i < config->rule_file_count; i++) {
                struct str pattern = config->rule_files[i];
                glob_t found;

                if (glob(pattern.data, 0, NULL, &found) == 0) {
                        for (size_t k = 0; k < found.gl_pathc; k++)
                                visit(found.gl_pathv[k], ctx);
                        globfree(&found);
                } else if (str_find_byte(pattern, '*') == pattern.len) {
                        return error_set(err, ERROR_NOT_FOUND, "\"" STR_FMT "\" does not point to "
                                         "an existing file", STR_ARG(pattern));
                }
        }
        return true;
}

static void count_file(const char *path, void *ctx)
{
        (void)path;
        (*(size_t *)ctx)++;
}

struct rule_check {
        const struct lint *lint;
        struct verdict *verdict;
};

static void check_file(const char *path, void *ctx)
{
        const struct rule_check *check = ctx;

        check_rule_file(path, check->lint, check->verdict);
}

static bool lint_intervals(const struct config *config, int64_t lookback_ms)
{
        for (size_t i = 0; i < config->scrape_count; i++) {
                struct buf interval CLEANUP(buf_release) = BUF_INIT(64);

                if (config->scrapes[i]->interval_ms < lookback_ms)
                        continue;
                duration_append(&interval, config->scrapes[i]->interval_ms);
                fprintf(stderr, "  FAILED: too long scrape interval found, data point will be "
                        "marked as stale - job: " STR_FMT ", interval: %s\n",
                        STR_ARG(config->scrapes[i]->job_name), interval.data);
                return false;
        }
        return true;
}

static void check_one_config(const struct words *words, const char *path, const struct lint *lint,
                             struct verdict *verdict)
{
        bool syntax_only = words_on(words, "syntax-only"), ok;
        struct rule_check check = {lint, verdict};
        struct config *config = NULL;
        struct error err;
        size_t files = 0;

        printf("Checking %s\n", path);
        fflush(stdout);
        ok = config_read(&config, path, &err);
        if (!ok)
                error_prefix(&err, "parsing YAML file %s", path);
        ok = ok && (syntax_only || each_rule_file(config, count_file, &files, &err)) &&
             check_scrapes(config, syntax_only, &err);
        if (ok && files)
                printf("  SUCCESS: %zu rule files found\n", files);
        if (ok)
                printf(" SUCCESS: %s is valid prometheus config file syntax\n", path);
        else
                fprintf(stderr, "  FAILED: %s\n", err.text);
        printf("\n");
        fflush(stdout);
        if (!ok)
                verdict->failed = verdict->has_errors = true;
        if (ok && !syntax_only) {
                if (lint_asks_for(lint->options, "too-long-scrape-interval") &&
                    !lint_intervals(config, words_duration_ms(words, "query.lookback-delta")))
                        verdict->failed = true;
                if (!each_rule_file(config, check_file, &check, &err))
                        verdict->failed = verdict->has_errors = true;
        }
        config_free(config);
}

int check_config(const struct words *words)
{
        struct lint lint = lint_of(words);
        struct verdict verdict = {0};
        const char *path;

        for (size_t i = 0; (path = words_many(words, i)); i++)
                check_one_config(words, path, &lint, &verdict);
        return verdict_code(&verdict, &lint);
}

int check_web_config(const struct words *words)
{
        int code = EXIT_GOOD;
        const char *path;

        for (size_t i = 0; (path = words_many(words, i)); i++) {
                struct web_config *config;
                struct error err;

                if (!web_config_load(&config, path, &err)) {
                        fprintf(stderr, "%s FAILED: %s\n", path, err.text);
                        code = EXIT_FAILED;
                        continue;
                }
                fprintf(stderr, "%s SUCCESS\n", path);
                web_config_free(config);
        }
        return code;
}

/* ---- server --------------------------------------------------------------------------------- */

static int check_server(const struct words *words, const char *path)
{
        struct request request = {.words = words, .server = words_text(words, "url"),
                                  .path = path, .timeout_ms = STATUS_TIMEOUT_MS};
        struct http_fetch fetch = {.body = BUF_INIT(ANSWER_MAX_BYTES)};
        struct arena arena;
        struct error err;
        bool ok;

        arena_init(&arena, SIZE_MAX);
        ok = request_send(&request, &arena, &fetch, &err);
        if (ok && fetch.status != 200)
                ok = error_set(&err, ERROR_EXECUTION, "check failed: URL=%s, status=%d",
                               request.server, fetch.status);
        if (ok)
                fprintf(stderr, "  SUCCESS:  " STR_FMT "\n", STR_ARG(buf_str(&fetch.body)));
        buf_release(&fetch.body);
        arena_release(&arena);
        return ok ? EXIT_GOOD : print_failure(&err);
}

int check_healthy(const struct words *words)
{
        return check_server(words, "/-/healthy");
}

int check_ready(const struct words *words)
{
        return check_server(words, "/-/ready");
}

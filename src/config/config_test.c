#include "config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "collectors/scrape.h"
#include "http/client.h"
#include "testing/unit.h"

static char folder[] = "/tmp/pitwall-config-test-XXXXXX";

static const char *write_config(const char *text)
{
        static char path[128];
        FILE *file;

        snprintf(path, sizeof(path), "%s/t.yml", folder);
        file = fopen(path, "w");
        assert_non_null(file);
        fputs(text, file);
        fclose(file);
        return path;
}

static struct config *load(const char *text)
{
        struct config *config;
        struct error err;

        assert_ok(config_load(&config, write_config(text), &err), err);
        return config;
}

/* The text behind "FOLDER/t.yml:". */
static void check_error(const char *text, const char *want)
{
        struct config *config;
        struct error err;
        char full[512];

        if (config_load(&config, write_config(text), &err))
                fail_msg("took %s", text);
        snprintf(full, sizeof(full), "%s/t.yml:%s", folder, want);
        assert_string_equal(err.text, full);
}

static void test_empty_watches_the_host(void **state)
{
        struct config *config;
        struct error err;

        (void)state;
        assert_ok(config_load(&config, NULL, &err), err);
        assert_true(config->watch_host);
        assert_int_equal(config->host_interval_ms, 5000);
        assert_int_equal(config->scrape_interval_ms, 60000);
        config_free(config);
        config = load("global:\n  scrape_interval: 15s\n");
        assert_true(config->watch_host);
        assert_int_equal(config->host_interval_ms, 15000);
        config_free(config);
}

static void test_inheritance_and_defaults(void **state)
{
        struct config *config = load("global: {scrape_interval: 20s, sample_limit: 7, "
                                     "body_size_limit: 1MB, extra_scrape_metrics: true}\n"
                                     "scrape_configs:\n"
                                     "- job_name: a\n"
                                     "  static_configs: [{targets: ['x:1', 'y:2'], labels: "
                                     "{l: v}}]\n"
                                     "- job_name: b\n"
                                     "  scrape_interval: 5s\n"
                                     "  sample_limit: 9\n"
                                     "  honor_timestamps: false\n"
                                     "  scheme: https\n"
                                     "  extra_scrape_metrics: false\n"
                                     "  params: {m: [p, q]}\n"
                                     "  file_sd_configs: [{files: ['t/*.json', /abs/f.yml]}]\n");
        const struct scrape_config *a = config->scrapes[0], *b = config->scrapes[1];
        const struct file_discovery_options *files;

        (void)state;
        assert_false(config->watch_host);
        assert_int_equal(config->scrape_count, 2);
        assert_true(a->interval_ms == 20000 && a->timeout_ms == 10000 && a->sample_limit == 7);
        assert_true(a->body_size_limit == 1 << 20 && a->honor_timestamps && a->enable_compression);
        assert_true(a->extra_scrape_metrics && a->http->follow_redirects);
        assert_str(a->metrics_path, "/metrics");
        assert_int_equal(a->static_groups[0].target_count, 2);
        assert_str(labels_get(a->static_groups[0].targets[1], STR_LIT("__address__")), "y:2");
        assert_str(labels_get(a->static_groups[0].labels, STR_LIT("l")), "v");
        assert_true(b->interval_ms == 5000 && b->timeout_ms == 5000 && b->sample_limit == 9);
        assert_false(b->honor_timestamps || b->extra_scrape_metrics);
        assert_str(b->scheme, "https");
        assert_int_equal(b->param_count, 2);
        assert_int_equal(b->discovery_count, 1);
        files = b->discoveries[0].options;
        assert_true(str_ends_with(files->patterns[0], STR_LIT("/t/*.json")));
        assert_true(files->patterns[0].data[0] == '/');
        assert_str(files->patterns[1], "/abs/f.yml");
        assert_true(a->fingerprint != b->fingerprint);
        config_free(config);
}

/* The two files of the seeds, as they are written there. */
static void test_seed_files(void **state)
{
        struct config *config = load("# prometheus.yml\n"
                                     "scrape_configs:\n"
                                     "  - job_name: 'node_exporter'\n"
                                     "    scrape_interval: 15s\n"
                                     "    static_configs:\n"
                                     "      - targets: ['node-exporter:9100']\n"
                                     "  - job_name: 'gpu_metrics'\n"
                                     "    scrape_interval: 15s\n"
                                     "    static_configs:\n"
                                     "      - targets: ['gpu-exporter:9400']\n");

        (void)state;
        assert_int_equal(config->scrape_count, 2);
        config_free(config);
        config = load("# Increase retention for trading data\n"
                      "storage:\n"
                      "  tsdb:\n"
                      "    retention: 90d\n"
                      "    retention-size: 100GB\n"
                      "\n"
                      "# Optimize for high cardinality metrics\n"
                      "global:\n"
                      "  scrape_interval: 5s\n"
                      "  evaluation_interval: 5s\n");
        assert_int_equal(config->retention_ms, 90LL * 86400000);
        assert_int_equal(config->retention_bytes, 100ull << 30);
        assert_int_equal(config->scrape_interval_ms, 5000);
        config_free(config);
}

static void test_errors_say_where(void **state)
{
        (void)state;
        check_error("global:\n  scrape_intervall: 5s\n",
                    "2:3: unknown field \"scrape_intervall\" in global, did you mean "
                    "\"scrape_interval\"?");
        check_error("scrape_configs:\n- job_name: a\n  static_config: []\n",
                    "3:3: unknown field \"static_config\" in scrape_config, did you mean "
                    "\"static_configs\"?");
        check_error("global: {scrape_interval: 5}\n", "1:27: not a valid duration string: \"5\"");
        check_error("global: {scrape_interval: 1s, scrape_timeout: 2s}\n",
                    "1:9: global scrape timeout greater than scrape interval");
        check_error("scrape_configs: [{job_name: a}, {job_name: a}]\n",
                    "1:33: found multiple scrape configs with job name \"a\"");
        check_error("scrape_configs: [{honor_labels: maybe, job_name: a}]\n",
                    "1:33: \"honor_labels\" must be true or false");
        check_error("scrape_configs: [{sample_limit: -1, job_name: a}]\n",
                    "1:33: \"sample_limit\" must be a whole number, not \"-1\"");
        check_error("scrape_configs: [{honor_labels: true}]\n", "1:18: job_name is empty");
        check_error("scrape_configs: [{job_name: a, static_configs: [{targets: ['http://x']}]}]\n",
                    "1:18: \"http://x\" is not a valid hostname");
        check_error("scrape_configs: [{job_name: a, scrape_protocols: [PrometheusText0.0.5]}]\n",
                    "1:51: unknown scrape protocol PrometheusText0.0.5, did you mean "
                    "PrometheusText0.0.4, supported: [OpenMetricsText0.0.1 OpenMetricsText1.0.0 "
                    "PrometheusProto PrometheusText0.0.4 PrometheusText1.0.0]");
        check_error("scrape_configs: [{job_name: a, scrape_protocols: []}]\n",
                    "1:50: scrape_protocols cannot be empty");
        check_error("scrape_configs: [{job_name: a, scrape_protocols: [PrometheusProto, "
                    "PrometheusProto]}]\n",
                    "1:50: duplicated protocol in scrape_protocols");
        check_error("scrape_configs: [{job_name: a, metric_name_validation_scheme: legacy, "
                    "metric_name_escaping_scheme: allow-utf-8}]\n",
                    "1:18: utf8 metric names requested but validation scheme is not set to UTF8");
        check_error("scrape_configs: [{job_name: a, relabel_configs: [{action: kep}]}]\n",
                    "1:50: unknown relabel action \"kep\"");
        check_error("scrape_configs: [{job_name: a, basic_auth: {username: u}, bearer_token: t}]\n",
                    "1:18: at most one of basic_auth, authorization, oauth2, "
                    "bearer_token & bearer_token_file must be configured");
        check_error("[1, 2]\n", "1:1: the configuration must be a mapping");
        check_error("a: [\n", "2:1: did not find expected node content while parsing a flow node");
}

/* The Accept headers are those Prometheus's own tests of acceptHeader expect. */
static void check_accept(const char *text, const char *want)
{
        struct buf accept CLEANUP(buf_release) = BUF_INIT(1 << 12);
        struct config *config = load(text);

        scrape_protocols_accept(&accept, &config->scrapes[0]->protocols,
                                config->scrapes[0]->escaping);
        assert_str(buf_str(&accept), want);
        config_free(config);
}

static void test_scrape_protocols(void **state)
{
        (void)state;
        check_accept("scrape_configs: [{job_name: a}]\n",
                     "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
                     "application/openmetrics-text;version=0.0.1;q=0.5,"
                     "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
                     "text/plain;version=0.0.4;q=0.3,*/*;q=0.2");
        check_accept("global: {metric_name_escaping_scheme: dots}\n"
                     "scrape_configs: [{job_name: a, scrape_native_histograms: true}]\n",
                     "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
                     "encoding=delimited;q=0.6,"
                     "application/openmetrics-text;version=1.0.0;escaping=dots;q=0.5,"
                     "application/openmetrics-text;version=0.0.1;q=0.4,"
                     "text/plain;version=1.0.0;escaping=dots;q=0.3,"
                     "text/plain;version=0.0.4;q=0.2,*/*;q=0.1");
        check_accept("global: {scrape_protocols: [OpenMetricsText0.0.1]}\n"
                     "scrape_configs: [{job_name: a, scrape_native_histograms: true,\n"
                     "  metric_name_validation_scheme: legacy,\n"
                     "  scrape_protocols: [PrometheusText1.0.0, PrometheusText0.0.4]}]\n",
                     "text/plain;version=1.0.0;escaping=underscores;q=0.6,"
                     "text/plain;version=0.0.4;q=0.5,*/*;q=0.4");
}

static void test_histogram_choices(void **state)
{
        struct config *config = load("global: {scrape_native_histograms: true, "
                                     "always_scrape_classic_histograms: true}\n"
                                     "scrape_configs:\n"
                                     "- job_name: a\n"
                                     "  always_scrape_classic_histograms: false\n"
                                     "  native_histogram_bucket_limit: 160\n"
                                     "  native_histogram_min_bucket_factor: 1.1\n"
                                     "- job_name: b\n"
                                     "  scrape_native_histograms: false\n"
                                     "  convert_classic_histograms_to_nhcb: true\n"
                                     "  fallback_scrape_protocol: OpenMetricsText1.0.0\n");
        const struct scrape_config *a = config->scrapes[0], *b = config->scrapes[1];

        (void)state;
        assert_true(a->native_histograms && !a->always_classic && !a->convert_classic);
        assert_true(a->native_bucket_limit == 160 && a->native_bucket_factor_min == 1.1);
        assert_int_equal(a->fallback_protocol, SCRAPE_PROTOCOL_NONE);
        assert_true(!b->native_histograms && b->always_classic && b->convert_classic);
        assert_int_equal(b->fallback_protocol, SCRAPE_OPENMETRICS_1_0_0);
        config_free(config);
}

static void test_absent_features_are_refused_by_name(void **state)
{
        struct config *config;

        (void)state;
        check_error("rule_files: [x.yml]\n",
                    "1:1: rule_files: Pitwall does not support rules yet");
        check_error("scrape_configs: [{job_name: a, ec2_sd_configs: [{region: eu}]}]\n",
                    "1:32: ec2_sd_configs: Pitwall does not support service discovery by "
                    "ec2 yet");
        check_error("scrape_configs: [{job_name: a, scrape_failure_log_file: /x}]\n",
                    "1:32: scrape_failure_log_file: Pitwall does not support scrape failure logs "
                    "yet");
        config = load("rule_files: []\nruntime: {gogc: 50}\n");
        assert_int_equal(config->warning_count, 1);
        config_free(config);
}

static void write_file(const char *name, const char *text)
{
        char path[128];
        FILE *file;

        snprintf(path, sizeof(path), "%s/%s", folder, name);
        file = fopen(path, "w");
        assert_non_null(file);
        fputs(text, file);
        fclose(file);
}

/* Their paths start at their own folder; what is wrong in one names it. */
static void test_scrape_config_files(void **state)
{
        static const char main_file[] = "scrape_configs: [{job_name: a}]\n"
                                        "scrape_config_files: ['[b-d].inc', nowhere/*.inc]\n";
        struct config *config;
        uint64_t fingerprint;
        struct error err;
        char want[512];

        (void)state;
        write_file("c.inc", "scrape_configs:\n"
                            "- {job_name: y, authorization: {credentials_file: t}}\n"
                            "- job_name: z\n");
        write_file("b.inc", "scrape_configs: [{job_name: x, scrape_interval: 7s}]\n");
        write_file("d.inc", "");
        config = load(main_file);
        assert_int_equal(config->scrape_count, 4);
        assert_str(config->scrapes[1]->job_name, "x");
        assert_int_equal(config->scrapes[1]->interval_ms, 7000);
        assert_str(config->scrapes[3]->job_name, "z");
        snprintf(want, sizeof(want), "%s/t", folder);
        assert_str(config->scrapes[2]->http->authorization_credentials_file, want);
        fingerprint = config->fingerprint;
        config_free(config);
        write_file("b.inc", "scrape_configs: [{job_name: x, scrape_interval: 8s}]\n");
        config = load(main_file);
        assert_true(config->fingerprint != fingerprint);
        config_free(config);

        write_file("d.inc", "\nscrape_configs: [{job_name: a}]\n");
        assert_false(config_load(&config, write_config(main_file), &err));
        snprintf(want, sizeof(want), "%s/d.inc:2:18: found multiple scrape configs with job name "
                                     "\"a\"", folder);
        assert_string_equal(err.text, want);
        write_file("d.inc", "global: {}\n");
        assert_false(config_load(&config, write_config(main_file), &err));
        snprintf(want, sizeof(want), "%s/d.inc:1:1: unknown field \"global\" in the file of "
                                     "scrape configs", folder);
        assert_string_equal(err.text, want);
        write_file("d.inc", "scrape_configs: {}\n");
        assert_false(config_load(&config, write_config(main_file), &err));
        if (chdir(folder) != 0 || unlink("b.inc") != 0 || unlink("c.inc") != 0 ||
            unlink("d.inc") != 0)
                fail();
}

static void test_client_options(void **state)
{
        struct config *config = load("scrape_configs:\n"
                                     "- job_name: a\n"
                                     "  basic_auth: {username_file: /u, password: p}\n"
                                     "  proxy_url: http://proxy:1\n"
                                     "  proxy_connect_header: {P: [one, two], Q: [three]}\n"
                                     "  http_headers: {H: {values: [v], files: [/f]}}\n");
        const struct http_client_options *http = config->scrapes[0]->http;

        (void)state;
        assert_str(http->basic_username_file, "/u");
        assert_int_equal(http->proxy_header_count, 3);
        assert_str(http->proxy_headers[1].name, "P");
        assert_str(http->proxy_headers[1].value, "two");
        assert_int_equal(http->header_count, 2);
        assert_true(!http->headers[0].in_file && http->headers[1].in_file);
        assert_str(http->headers[1].value, "/f");
        config_free(config);
        check_error("scrape_configs:\n- job_name: a\n"
                    "  basic_auth: {username: u, username_file: f}\n",
                    "3:15: at most one of basic_auth username & username_file must be configured");
        check_error("scrape_configs: [{job_name: a, proxy_connect_header: {a: [b]}}]\n",
                    "1:18: if proxy_connect_header is configured, proxy_url or "
                    "proxy_from_environment must also be configured");
}

static void test_retention(void **state)
{
        struct config *config = load("storage: {tsdb: {retention: {time: 2d, size: 1MB, "
                                     "percentage: 12.5}}}\n");

        (void)state;
        assert_int_equal(config->retention_ms, 2 * 86400000);
        assert_int_equal(config->retention_bytes, 1 << 20);
        assert_true(config->retention_percentage == 12.5);
        config_free(config);
        check_error("storage: {tsdb: {retention: {percentage: 101}}}\n",
                    "1:42: \"percentage\" must be from 0 to 100");
}

static void test_secrets_are_not_shown(void **state)
{
        struct config *config = load("scrape_configs:\n"
                                     "- job_name: a\n"
                                     "  basic_auth: {username: u, password: hidden1}\n"
                                     "  tls_config: {cert: C, key: hidden2}\n"
                                     "  proxy_url: http://u:hidden3@proxy:1\n"
                                     "  http_headers: {X-Key: {secrets: [hidden4]}}\n"
                                     "  proxy_connect_header: {X: [hidden5, hidden6]}\n");

        (void)state;
        assert_false(str_contains(config->yaml, STR_LIT("hidden")));
        assert_true(str_contains(config->yaml, STR_LIT("username: u")));
        assert_true(str_contains(config->yaml, STR_LIT("http://u:<secret>@proxy:1")));
        assert_str(config->scrapes[0]->http->basic_password, "hidden1");
        config_free(load(config->yaml.data)); /* what is shown is a configuration again */
        config_free(config);
}

static void test_external_labels_take_the_environment(void **state)
{
        struct config *config;

        (void)state;
        setenv("PITWALL_TEST_DC", "fra1", 1);
        config = load("global: {external_labels: {dc: '${PITWALL_TEST_DC}-x', p: a$$b}}\n");
        assert_str(labels_get(config->external_labels, STR_LIT("dc")), "fra1-x");
        assert_str(labels_get(config->external_labels, STR_LIT("p")), "a$b");
        config_free(config);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_empty_watches_the_host),
                cmocka_unit_test(test_inheritance_and_defaults),
                cmocka_unit_test(test_seed_files),
                cmocka_unit_test(test_errors_say_where),
                cmocka_unit_test(test_scrape_protocols),
                cmocka_unit_test(test_histogram_choices),
                cmocka_unit_test(test_absent_features_are_refused_by_name),
                cmocka_unit_test(test_scrape_config_files),
                cmocka_unit_test(test_client_options),
                cmocka_unit_test(test_retention),
                cmocka_unit_test(test_secrets_are_not_shown),
                cmocka_unit_test(test_external_labels_take_the_environment),
        };
        int code;

        if (!mkdtemp(folder))
                return 1;
        code = cmocka_run_group_tests(tests, NULL, NULL);
        if (chdir(folder) == 0)
                unlink("t.yml");
        rmdir(folder);
        return code;
}

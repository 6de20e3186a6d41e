/* Fields, defaults and checks of the *_sd_configs: Prometheus 3.14's (docs: Configuration). */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "collectors/scrape.h"
#include "config/config.h"
#include "testing/unit.h"

static char folder[] = "/tmp/pitwall-discovery-section-test-XXXXXX";

/* The sections stand in the only job. */
static const char *write_config(const char *sections)
{
        static char path[128];
        FILE *file;

        snprintf(path, sizeof(path), "%s/t.yml", folder);
        file = fopen(path, "w");
        assert_non_null(file);
        fprintf(file, "scrape_configs:\n- job_name: j\n%s\n", sections);
        fclose(file);
        return path;
}

static struct config *load(const char *sections)
{
        struct config *config;
        struct error err;

        assert_ok(config_load(&config, write_config(sections), &err), err);
        return config;
}

/* The error's text ends so. */
static void check_error(const char *section, const char *want)
{
        struct config *config;
        struct error err;

        if (config_load(&config, write_config(section), &err))
                fail_msg("took %s", section);
        if (!str_ends_with(str_from(err.text), str_from(want)))
                fail_msg("\"%s\" does not end in \"%s\"", err.text, want);
}

static const struct discovery_config *only(const struct config *config)
{
        assert_int_equal(config->scrapes[0]->discovery_count, 1);
        return config->scrapes[0]->discoveries;
}

static void test_kinds(void **state)
{
        struct config *config = load("  http_sd_configs: [{url: 'http://a/b'}, {url: 'http://c'}]\n"
                                     "  file_sd_configs: [{files: [a.json]}]\n");
        const struct scrape_config *scrape = config->scrapes[0];
        const char *name, *before = "";

        (void)state;
        assert_int_equal(scrape->discovery_count, 3);
        assert_ptr_equal(scrape->discoveries[0].kind, discovery_kind_find("http"));
        assert_ptr_equal(scrape->discoveries[2].kind, discovery_kind_find("file"));
        assert_true(scrape->discoveries[0].fingerprint != scrape->discoveries[1].fingerprint);
        config_free(config);
        for (size_t i = 0; (name = discovery_kind_name(i)); i++) {
                assert_non_null(discovery_kind_find(name));
                assert_true(strcmp(before, name) < 0);
                before = name;
        }
        assert_null(discovery_kind_find("gopher"));
        check_error("  http_sd_configs: [null]", "empty or null section in http_sd_configs");
        check_error("  marathon_sd_configs: [{}]",
                    "marathon_sd_configs: Pitwall does not support service discovery by marathon "
                    "yet");
        check_error("  dns_sd_configs: [{nmes: [a]}]",
                    "unknown field \"nmes\" in dns_sd_config, did you mean \"names\"?");
        check_error("  http_sd_configs: [{url: 'http://a', refresh_interval: 0s}]",
                    "refresh_interval must be greater than 0");
}

static void test_equal_sections_are_one(void **state)
{
        struct config *a = load("  dns_sd_configs: [{names: [x], type: A, port: 1}]");
        struct config *b = load("  dns_sd_configs: [{names: [x], type: A, port: 1}]");
        struct config *c = load("  dns_sd_configs: [{names: [x], type: A, port: 2}]");

        (void)state;
        assert_true(only(a)->fingerprint == only(b)->fingerprint);
        assert_true(only(a)->fingerprint != only(c)->fingerprint);
        config_free(a);
        config_free(b);
        config_free(c);
}

static void test_http(void **state)
{
        struct config *config = load("  http_sd_configs: [{url: 'https://a:1/b?c=d', "
                                     "basic_auth: {username: u, password: p}}]");
        const struct http_discovery_options *options = only(config)->options;

        (void)state;
        assert_str(options->url, "https://a:1/b?c=d");
        assert_int_equal(only(config)->refresh_interval_ms, 60000);
        assert_str(options->http.basic_username, "u");
        assert_true(options->http.follow_redirects);
        config_free(config);
        check_error("  http_sd_configs: [{}]", "URL is missing");
        check_error("  http_sd_configs: [{url: 'ftp://a'}]",
                    "URL scheme must be 'http' or 'https'");
        check_error("  http_sd_configs: [{url: 'http:///a'}]", "host is missing in URL");
}

static void test_dns(void **state)
{
        struct config *config = load("  dns_sd_configs: [{names: [a.ex, b.ex]}]");
        const struct dns_discovery_options *options = only(config)->options;

        (void)state;
        assert_int_equal(options->name_count, 2);
        assert_int_equal(options->type, 33);
        assert_int_equal(only(config)->refresh_interval_ms, 30000);
        config_free(config);
        config = load("  dns_sd_configs: [{names: [a.ex], type: aaaa, port: 65535}]");
        options = only(config)->options;
        assert_int_equal(options->type, 28);
        assert_int_equal(options->port, 65535);
        config_free(config);
        check_error("  dns_sd_configs: [{}]",
                    "DNS-SD config must contain at least one SRV record name");
        check_error("  dns_sd_configs: [{names: [a], type: A}]",
                    "a port is required in DNS-SD configs for all record types except SRV");
        check_error("  dns_sd_configs: [{names: [a], type: TXT}]",
                    "invalid DNS-SD records type TXT");
        check_error("  dns_sd_configs: [{names: [a], type: A, port: 65536}]",
                    "port must be at most 65535");
}

static void test_consul(void **state)
{
        struct config *config = load("  consul_sd_configs: [{}]");
        const struct consul_discovery_options *options = only(config)->options;

        (void)state;
        assert_str(options->url, "http://localhost:8500");
        assert_str(options->tag_separator, ",");
        assert_true(options->allow_stale);
        assert_int_equal(only(config)->refresh_interval_ms, 30000);
        config_free(config);
        config = load("  consul_sd_configs: [{server: 'c:1', scheme: https, path_prefix: p/q, "
                      "token: hidden1, username: u, password: hidden2}]");
        options = only(config)->options;
        assert_str(options->url, "https://c:1/p/q");
        assert_str(options->http.headers[0].name, "X-Consul-Token");
        assert_str(options->http.headers[0].value, "hidden1");
        assert_str(options->http.basic_username, "u");
        assert_false(str_contains(config->yaml, STR_LIT("hidden")));
        config_free(config);
        config = load("  consul_sd_configs: [{server: 'unix:///run/consul.sock'}]");
        options = only(config)->options;
        assert_str(options->http.unix_socket, "/run/consul.sock");
        config_free(config);
        check_error("  consul_sd_configs: [{server: ' '}]",
                    "consul SD configuration requires a server address");
        check_error("  consul_sd_configs: [{token: a, authorization: {credentials: b}}]",
                    "at most one of consul SD token, authorization, or oauth2 can be configured");
        check_error("  consul_sd_configs: [{username: a, basic_auth: {username: b}}]",
                    "at most one of consul SD configuration username and password and basic auth "
                    "configuration can be configured");
}

static void test_docker(void **state)
{
        struct config *config = load("  docker_sd_configs: [{host: "
                                     "'unix:///var/run/docker.sock'}]");
        const struct docker_discovery_options *options = only(config)->options;

        (void)state;
        assert_str(options->http.unix_socket, "/var/run/docker.sock");
        assert_str(options->host_networking_host, "localhost");
        assert_int_equal(options->port, 80);
        assert_true(options->match_first_network);
        assert_str(options->filters, "");
        assert_int_equal(only(config)->refresh_interval_ms, 60000);
        config_free(config);
        config = load("  docker_sd_configs: [{host: 'tcp://h:2375/', filters: ["
                      "{name: a, values: [x]}, {name: b, values: [y]}, {name: a, values: [z]}]}]");
        options = only(config)->options;
        assert_str(options->url, "http://h:2375");
        assert_str(options->filters, "{\"a\":[\"x\",\"z\"],\"b\":[\"y\"]}");
        config_free(config);
        check_error("  docker_sd_configs: [{}]", "host missing");
        check_error("  docker_sd_configs: [{host: 'ssh://h'}]",
                    "unable to parse docker host \"ssh://h\"");
}

static void test_kubernetes(void **state)
{
        struct config *config = load("  kubernetes_sd_configs: [{role: pod, namespaces: {names: "
                                     "[a], own_namespace: true}, attach_metadata: {node: true}, "
                                     "selectors: [{role: node, label: 'x=y'}]}]");
        const struct kubernetes_discovery_options *options = only(config)->options;

        (void)state;
        assert_int_equal(options->role, KUBERNETES_POD);
        assert_int_equal(options->namespace_count, 1);
        assert_true(options->own_namespace && options->attach_node);
        assert_str(options->selectors[KUBERNETES_NODE].label, "x=y");
        config_free(config);
        config = load("  kubernetes_sd_configs: [{role: node, api_server: 'https://k:6443/', "
                      "tls_config: {insecure_skip_verify: true}}]");
        options = only(config)->options;
        assert_str(options->api_server, "https://k:6443");
        assert_true(options->http.tls_insecure_skip_verify);
        config_free(config);
}

static void test_kubernetes_checks(void **state)
{
        (void)state;
        check_error("  kubernetes_sd_configs: [{}]", "role missing (one of: pod, service, "
                    "endpoints, endpointslice, node, ingress)");
        check_error("  kubernetes_sd_configs: [{role: vacuum}]",
                    "unknown Kubernetes SD role \"vacuum\"");
        check_error("  kubernetes_sd_configs: [{role: pod, api_server: 'http://a', "
                    "kubeconfig_file: b}]",
                    "cannot use 'kubeconfig_file' and 'api_server' simultaneously");
        check_error("  kubernetes_sd_configs: [{role: pod, kubeconfig_file: b, "
                    "bearer_token: t}]",
                    "cannot use a custom HTTP client configuration together with "
                    "'kubeconfig_file'");
        check_error("  kubernetes_sd_configs: [{role: pod, bearer_token: t}]",
                    "to use custom HTTP client configuration please provide the 'api_server' URL "
                    "explicitly");
        check_error("  kubernetes_sd_configs: [{role: pod, api_server: 'http://a', namespaces: "
                    "{own_namespace: true}}]",
                    "cannot use 'api_server' and 'namespaces.own_namespace' simultaneously");
        check_error("  kubernetes_sd_configs: [{role: pod, selectors: [{role: pod}, {role: pod}]}]",
                    "duplicated selector role: pod");
        check_error("  kubernetes_sd_configs: [{role: service, selectors: [{role: pod}]}]",
                    "service role does not support pod selectors");
        check_error("  kubernetes_sd_configs: [{role: pod, selectors: [{role: node}]}]",
                    "pod role does not support node selectors");
}

static int make_folder(void **state)
{
        (void)state;
        return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
        char path[128];

        (void)state;
        snprintf(path, sizeof(path), "%s/t.yml", folder);
        unlink(path);
        return rmdir(folder);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_kinds),      cmocka_unit_test(test_equal_sections_are_one),
                cmocka_unit_test(test_http),       cmocka_unit_test(test_dns),
                cmocka_unit_test(test_consul),     cmocka_unit_test(test_docker),
                cmocka_unit_test(test_kubernetes), cmocka_unit_test(test_kubernetes_checks),
        };

        return cmocka_run_group_tests_name("discovery_section", tests, make_folder, remove_folder);
}

/* What the kinds of discovery share, and the parts of Kubernetes discovery that need no server. */
#include <stdio.h>

#include "collectors/kubernetes_int.h"
#include "testing/unit.h"

static struct arena arena = {.limit_bytes = 64 << 20};
static const struct label origin = {{"__meta_url", 10}, {"http://a", 8}};

static void test_addresses(void **state)
{
        (void)state;
        assert_str(discovery_address(&arena, STR_LIT("10.0.0.1"), 80), "10.0.0.1:80");
        assert_str(discovery_address(&arena, STR_LIT("fd00::1"), 80), "[fd00::1]:80");
        assert_str(discovery_address(&arena, STR_LIT(""), 0), ":0");
}

static void test_label_names(void **state)
{
        (void)state;
        assert_str(discovery_label_name(&arena, "p_", STR_LIT("a.b/c-d_E9")), "p_a_b_c_d_E9");
        assert_str(discovery_label_name(&arena, "p_", STR_LIT("h\xc3\xa9llo")), "p_h_llo");
        assert_str(discovery_label_name(&arena, "p_", STR_LIT("")), "p_");
}

static void check_groups(enum target_groups_format format, const char *text, size_t want_groups,
                         const char *want_error)
{
        struct target_groups groups;
        struct error err = {0};

        if (target_groups_parse(&arena, str_from(text), format, origin, &groups, &err)) {
                assert_null(want_error);
                assert_int_equal(groups.count, want_groups);
        } else {
                assert_non_null(want_error);
                assert_string_equal(err.text, want_error);
        }
}

static void test_groups(void **state)
{
        struct target_groups groups;
        struct error err;

        (void)state;
        assert_ok(target_groups_parse(&arena, STR_LIT("[{\"targets\": [\"a:1\", \"\"], \"labels\": "
                                                      "{\"x\": \"y\", \"e\": null}}, {}]"),
                                      TARGET_GROUPS_JSON, origin, &groups, &err), err);
        assert_int_equal(groups.count, 2);
        assert_int_equal(groups.items[0].target_count, 2);
        assert_str(labels_get(groups.items[0].targets[0], STR_LIT("__address__")), "a:1");
        assert_int_equal(groups.items[0].targets[1].count, 0);
        assert_int_equal(groups.items[0].labels.count, 2);
        assert_str(labels_get(groups.items[0].labels, STR_LIT("x")), "y");
        assert_str(labels_get(groups.items[1].labels, STR_LIT("__meta_url")), "http://a");
        check_groups(TARGET_GROUPS_JSON, "null", 0, NULL);
        check_groups(TARGET_GROUPS_YAML, "", 0, NULL);
        check_groups(TARGET_GROUPS_YAML, "- targets: [1, true]\n  labels: {a: 2}\n", 1, NULL);
        check_groups(TARGET_GROUPS_JSON, "[null]", 0, "nil target group item found (index 0)");
        check_groups(TARGET_GROUPS_JSON, "[[]]", 0, "target group 0 is not a mapping");
        check_groups(TARGET_GROUPS_JSON, "[{\"targets\": {}}]", 0,
                     "targets must be a list of strings");
        check_groups(TARGET_GROUPS_JSON, "[{\"labels\": []}]", 0, "labels must be a mapping");
        check_groups(TARGET_GROUPS_JSON, "[{\"labels\": {\"\": \"x\"}}]", 0,
                     "\"\" is not a valid label name");
        check_groups(TARGET_GROUPS_JSON, "[{\"labels\": {\"a\": true}}]", 0,
                     "label a must be a string");
}

/* ---- Kubernetes ------------------------------------------------------------------------------ */

static const struct json_value *parse(const char *text)
{
        struct json_value *value;
        struct error err;

        assert_ok(json_parse(&arena, str_from(text), &value, &err), err);
        return value;
}

static const char *pod_text(int name, int version)
{
        return arena_printf(&arena, "{\"metadata\": {\"name\": \"p%d\", \"namespace\": \"n\", "
                            "\"labels\": {\"env\": \"prod\", \"managedFields\": \"kept\"}, "
                            "\"managedFields\": [1, 2, 3]}, \"spec\": {\"volumes\": [], "
                            "\"containers\": [{\"env\": [1], \"name\": \"c\"}]}, "
                            "\"version\": \"%d\"}", name, version);
}

static void test_store(void **state)
{
        struct kube_store store;
        const struct json_value *pod, *spec;

        (void)state;
        kube_store_init(&store);
        assert_false(kube_store_put(&store, parse("{\"metadata\": {}}")));
        assert_false(kube_store_put(&store, parse("[]")));
        assert_true(kube_store_put(&store, parse(pod_text(1, 1))));
        assert_null(kube_store_find(&store, STR_LIT(""), STR_LIT("p1")));
        assert_null(kube_store_find(NULL, STR_LIT("n"), STR_LIT("p1")));
        pod = kube_store_find(&store, STR_LIT("n"), STR_LIT("p1"));
        assert_non_null(pod);
        assert_null(json_find(json_find(pod, "metadata"), "managedFields"));
        assert_str(discovery_text(json_find(json_find(pod, "metadata"), "labels"), "env"), "prod");
        assert_str(discovery_text(json_find(json_find(pod, "metadata"), "labels"),
                                  "managedFields"), "kept");
        spec = json_find(pod, "spec");
        assert_null(json_find(spec, "volumes"));
        assert_null(json_find(json_find(spec, "containers")->first, "env"));
        kube_store_remove(&store, parse(pod_text(1, 9)));
        assert_null(kube_store_find(&store, STR_LIT("n"), STR_LIT("p1")));
        kube_store_remove(&store, parse("{}"));
        kube_store_release(&store);
}

/* However often objects change, what is held is in proportion to those that are there. */
static void test_store_gives_back(void **state)
{
        struct kube_store store;
        size_t once;

        (void)state;
        kube_store_init(&store);
        for (int i = 0; i < 100; i++)
                assert_true(kube_store_put(&store, parse(pod_text(i, 0))));
        once = store.arena.used_bytes;
        for (int round = 1; round <= 50; round++) {
                for (int i = 0; i < 100; i++)
                        assert_true(kube_store_put(&store, parse(pod_text(i, round))));
                assert_true(store.arena.used_bytes <= 5 * once);
        }
        assert_int_equal(store.objects.count, 100);
        for (int i = 0; i < 100; i++)
                assert_str(discovery_text(kube_store_find(&store, STR_LIT("n"),
                                                          str_from(arena_printf(&arena, "p%d", i))),
                                          "version"), "50");
        kube_store_release(&store);
}

static void check_config(const char *text, const char *want_error)
{
        struct kube_client client = {0};
        struct error err;

        arena_init(&client.arena, 1 << 20);
        assert_false(kube_client_read_config(&client, "/etc/kube/config", str_from(text), &err));
        assert_string_equal(err.text, want_error);
        arena_release(&client.arena);
}

static void test_kubeconfig(void **state)
{
        static const char text[] =
                "current-context: b\n"
                "contexts:\n- {name: a, context: {cluster: x}}\n"
                "- {name: b, context: {cluster: y, user: u}}\n"
                "clusters:\n- name: y\n  cluster:\n    server: https://k:6443/\n"
                "    certificate-authority: ca.pem\n    tls-server-name: kube\n"
                "    insecure-skip-tls-verify: true\n"
                "users:\n- name: u\n  user:\n    token: secret\n"
                "    client-certificate: /abs/c.pem\n"
                "    client-key: k.pem\n    client-key-data: a2V5\n";
        struct kube_client client = {0};
        struct error err;

        (void)state;
        arena_init(&client.arena, 1 << 20);
        assert_ok(kube_client_read_config(&client, "/etc/kube/config", str_from(text), &err), err);
        assert_str(client.url, "https://k:6443");
        assert_str(client.http.tls_ca_file, "/etc/kube/ca.pem");
        assert_str(client.http.tls_server_name, "kube");
        assert_true(client.http.tls_insecure_skip_verify);
        assert_str(client.http.authorization_credentials, "secret");
        assert_str(client.http.tls_cert_file, "/abs/c.pem");
        assert_str(client.http.tls_key, "key");
        assert_str(client.http.tls_key_file, "");
        arena_release(&client.arena);
        check_config("[]", "a kubeconfig is a mapping");
        check_config("{}", "current-context is not set");
        check_config("current-context: a\ncontexts: []", "there is no context named \"a\"");
        check_config("current-context: a\ncontexts: [{name: a, context: {cluster: c}}]",
                     "there is no cluster named \"c\"");
        check_config("current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\n"
                     "clusters: [{name: c, cluster: {server: k}}]",
                     "the cluster's server is no http(s) URL");
        check_config("current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\n"
                     "clusters: [{name: c, cluster: {server: 'http://k'}}]\n"
                     "users: [{name: u, user: {exec: {command: aws}}}]",
                     "users with \"exec\" are not supported");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_addresses),        cmocka_unit_test(test_label_names),
                cmocka_unit_test(test_groups),           cmocka_unit_test(test_store),
                cmocka_unit_test(test_store_gives_back), cmocka_unit_test(test_kubeconfig),
        };
        int failed = cmocka_run_group_tests_name("discovery", tests, NULL, NULL);

        arena_release(&arena);
        return failed;
}

#include <stdlib.h>

#include "base/file.h"
#include "codec/base64.h"
#include "codec/yaml.h"
#include "collectors/kubernetes_int.h"

#define SERVICE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount/"

enum { CLIENT_ARENA_BYTES = 64 << 20, FILE_MAX_BYTES = 8 << 20 };

/* ---- kubeconfig ------------------------------------------------------------------------------ */

static struct str text_of(const struct yaml_node *mapping, const char *key)
{
        const struct yaml_node *node = mapping && mapping->kind == YAML_MAPPING
                                               ? yaml_find(mapping, key) : NULL;

        return node && node->kind == YAML_SCALAR ? node->text : STR_LIT("");
}

/* The `what` of the item of a list that has the name. */
static bool find_named(const struct yaml_node *root, const char *list, const char *what,
                       struct str name, const struct yaml_node **ret_node, struct error *err)
{
        const struct yaml_node *items = yaml_find(root, list);

        for (const struct yaml_node *item = items && items->kind == YAML_SEQUENCE ? items->first
                                                                                  : NULL;
             item; item = item->next) {
                if (item->kind != YAML_MAPPING || !str_equal(text_of(item, "name"), name))
                        continue;
                *ret_node = yaml_find(item, what);
                if (*ret_node && (*ret_node)->kind == YAML_MAPPING)
                        return true;
        }
        return error_set(err, ERROR_INVALID, "there is no %s named \"" STR_FMT "\"", what,
                         STR_ARG(name));
}

/* Paths start at the file's folder. */
static struct str path_in(struct arena *arena, const char *file, struct str path)
{
        const char *slash = strrchr(file, '/');

        if (!path.len || path.data[0] == '/' || !slash)
                return arena_str(arena, path);
        return str_from(arena_printf(arena, "%.*s/" STR_FMT, (int)(slash - file), file,
                                     STR_ARG(path)));
}

static bool decode_data(struct arena *arena, const struct yaml_node *node, const char *key,
                        struct str *ret_text, struct error *err)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(FILE_MAX_BYTES);

        if (!text_of(node, key).len)
                return true;
        if (!base64_decode(text_of(node, key), &text))
                return error_set(err, ERROR_INVALID, "%s is not base64", key);
        *ret_text = arena_str(arena, buf_str(&text));
        return true;
}

static bool read_cluster(struct kube_client *client, const char *file,
                         const struct yaml_node *cluster, struct error *err)
{
        struct http_client_options *http = &client->http;
        const struct yaml_node *insecure = yaml_find(cluster, "insecure-skip-tls-verify");
        struct str server = text_of(cluster, "server");

        while (str_ends_with(server, STR_LIT("/")))
                server.len--;
        if (!str_starts_with(server, STR_LIT("http://")) &&
            !str_starts_with(server, STR_LIT("https://")))
                return error_set(err, ERROR_INVALID, "the cluster's server is no http(s) URL");
        if (insecure && !yaml_to_bool(insecure, &http->tls_insecure_skip_verify))
                return error_set(err, ERROR_INVALID, "insecure-skip-tls-verify must be true or "
                                 "false");
        client->url = arena_str(&client->arena, server);
        http->tls_server_name = arena_str(&client->arena, text_of(cluster, "tls-server-name"));
        http->proxy_url = arena_str(&client->arena, text_of(cluster, "proxy-url"));
        http->tls_ca_file = path_in(&client->arena, file,
                                    text_of(cluster, "certificate-authority"));
        if (!decode_data(&client->arena, cluster, "certificate-authority-data", &http->tls_ca, err))
                return false;
        if (http->tls_ca.len)
                http->tls_ca_file = STR_LIT("");
        return true;
}

static bool read_user(struct kube_client *client, const char *file, const struct yaml_node *user,
                      struct error *err)
{
        static const char *const unsupported[] = {"exec", "auth-provider", "as"};
        struct http_client_options *http = &client->http;
        struct arena *arena = &client->arena;

        for (size_t i = 0; i < ARRAY_LEN(unsupported); i++)
                if (yaml_find(user, unsupported[i]))
                        return error_set(err, ERROR_UNSUPPORTED, "users with \"%s\" are not "
                                         "supported", unsupported[i]);
        http->basic_username = arena_str(arena, text_of(user, "username"));
        http->basic_password = arena_str(arena, text_of(user, "password"));
        http->authorization_credentials = arena_str(arena, text_of(user, "token"));
        /* The file goes before the text, and is read anew for every request. */
        http->authorization_credentials_file = path_in(arena, file, text_of(user, "tokenFile"));
        http->tls_cert_file = path_in(arena, file, text_of(user, "client-certificate"));
        http->tls_key_file = path_in(arena, file, text_of(user, "client-key"));
        if (!decode_data(arena, user, "client-certificate-data", &http->tls_cert, err) ||
            !decode_data(arena, user, "client-key-data", &http->tls_key, err))
                return false;
        if (http->tls_cert.len)
                http->tls_cert_file = STR_LIT("");
        if (http->tls_key.len)
                http->tls_key_file = STR_LIT("");
        return true;
}

bool kube_client_read_config(struct kube_client *client, const char *path, struct str text,
                             struct error *err)
{
        const struct yaml_node *context, *cluster, *user;
        struct yaml_node *root;

        if (!yaml_parse(&client->arena, path, text, &root, err))
                return false;
        if (root->kind != YAML_MAPPING)
                return error_set(err, ERROR_INVALID, "a kubeconfig is a mapping");
        if (!text_of(root, "current-context").len)
                return error_set(err, ERROR_INVALID, "current-context is not set");
        if (!find_named(root, "contexts", "context", text_of(root, "current-context"), &context,
                        err) ||
            !find_named(root, "clusters", "cluster", text_of(context, "cluster"), &cluster, err) ||
            !read_cluster(client, path, cluster, err))
                return false;
        return !text_of(context, "user").len ||
               (find_named(root, "users", "user", text_of(context, "user"), &user, err) &&
                read_user(client, path, user, err));
}

/* ---- the three ways -------------------------------------------------------------------------- */

static bool read_kubeconfig(struct kube_client *client, struct str path, struct error *err)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(FILE_MAX_BYTES);
        const char *name = arena_str(&client->arena, path).data;

        return file_read_all(name, &text, err) &&
               (kube_client_read_config(client, name, buf_str(&text), err) ||
                error_prefix(err, "%s", name));
}

static bool use_service_account(struct kube_client *client, bool want_namespace,
                                struct error *err)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(FILE_MAX_BYTES);
        const char *host = getenv("KUBERNETES_SERVICE_HOST");
        const char *port = getenv("KUBERNETES_SERVICE_PORT");

        if (!host || !*host || !port || !*port)
                return error_set(err, ERROR_INVALID, "unable to load in-cluster configuration, "
                                 "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be "
                                 "defined");
        client->url = str_from(arena_printf(&client->arena, strchr(host, ':') ? "https://[%s]:%s"
                                                                              : "https://%s:%s",
                                            host, port));
        client->http.authorization_credentials_file = STR_LIT(SERVICE_ACCOUNT "token");
        client->http.tls_ca_file = STR_LIT(SERVICE_ACCOUNT "ca.crt");
        if (!want_namespace)
                return true;
        if (!file_read_all(SERVICE_ACCOUNT "namespace", &text, err))
                return error_prefix(err, "could not determine the pod's namespace");
        client->own_namespace = arena_str(&client->arena, str_trim(buf_str(&text)));
        if (!client->own_namespace.len)
                return error_set(err, ERROR_INVALID, "could not read own namespace name (empty "
                                 "file)");
        return true;
}

bool kube_client_init(struct kube_client *client,
                      const struct kubernetes_discovery_options *options, struct error *err)
{
        bool ok = true;

        *client = (struct kube_client){.http = {.follow_redirects = true, .enable_http2 = true}};
        arena_init(&client->arena, CLIENT_ARENA_BYTES);
        if (options->api_server.len) {
                client->url = options->api_server;
                client->http = options->http;
        } else if (options->kubeconfig_file.len) {
                ok = read_kubeconfig(client, options->kubeconfig_file, err);
        } else {
                ok = use_service_account(client, options->own_namespace, err);
        }
        if (!ok)
                arena_release(&client->arena);
        return ok;
}

void kube_client_release(struct kube_client *client)
{
        arena_release(&client->arena);
}

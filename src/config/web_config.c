#include "config/web_config.h"

#include <stddef.h>

#include "auth/basic.h"
#include "base/alloc.h"
#include "base/file.h"
#include "config/decode_int.h"

ALLOC_TYPE(web_config_type, "web_config")

enum { FILE_MAX_BYTES = 16 << 20, ARENA_MAX_BYTES = 64 << 20, FILES_MAX = 4 };

/* Where the parts of the identity come from: a file each, or the text itself. */
struct tls_section {
        struct str cert, cert_file, key, key_file, client_ca, client_ca_file;
        struct str client_auth_type, min_version, max_version;
        struct str_list cipher_suites, curves, allowed_sans;
        bool prefer_server_suites;
};

#define TLS(member) offsetof(struct tls_section, member)

struct document {
        struct web_config *config;
        struct str files[FILES_MAX];
        size_t file_count;
};

/* ---- tls_server_config -------------------------------------------------------------------- */

static bool decode_client_auth(struct decoder *d, const struct yaml_node *node, struct str text,
                               enum http_client_auth *ret_auth)
{
        static const char *const names[] = {
                [HTTP_CLIENT_AUTH_NONE] = "NoClientCert",
                [HTTP_CLIENT_AUTH_REQUEST] = "RequestClientCert",
                [HTTP_CLIENT_AUTH_REQUIRE_ANY] = "RequireAnyClientCert",
                [HTTP_CLIENT_AUTH_VERIFY_IF_GIVEN] = "VerifyClientCertIfGiven",
                [HTTP_CLIENT_AUTH_REQUIRE_AND_VERIFY] = "RequireAndVerifyClientCert",
        };

        if (!text.len || str_is(text, "RequireClientCert")) {
                *ret_auth = text.len ? HTTP_CLIENT_AUTH_REQUIRE_ANY : HTTP_CLIENT_AUTH_NONE;
                return true;
        }
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                if (!str_is(text, names[i]))
                        continue;
                *ret_auth = (enum http_client_auth)i;
                return true;
        }
        return decode_fail(d, node, "invalid ClientAuth: \"" STR_FMT "\"", STR_ARG(text));
}

/* The text, or what is in the file. */
static bool read_part(struct decoder *d, const struct yaml_node *node, struct document *document,
                      const char *name, struct str text, struct str file, struct str *ret)
{
        struct buf content CLEANUP(buf_release) = BUF_INIT(FILE_MAX_BYTES);
        struct error err;

        if (text.len && file.len)
                return decode_fail(d, node, "more than one of %s and %s_file is defined", name,
                                   name);
        *ret = text;
        if (!file.len)
                return true;
        if (!file_read_all(arena_str(d->arena, file).data, &content, &err))
                return decode_fail(d, node, "%s", err.text);
        document->files[document->file_count++] = file;
        *ret = arena_str(d->arena, buf_str(&content));
        return true;
}

static bool check_protocol(struct decoder *d, const struct yaml_node *node,
                           const struct http_tls_protocol *protocol)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(1 << 16);
        struct error err;

        return http_tls_priority(protocol, &text, &err) || decode_fail(d, node, "%s", err.text);
}

static bool complete_tls(struct decoder *d, const struct yaml_node *node,
                         struct document *document, const struct tls_section *tls)
{
        struct web_config *config = document->config;
        struct http_tls_identity *identity = &config->identity;

        if (!read_part(d, node, document, "cert", tls->cert, tls->cert_file, &identity->cert) ||
            !read_part(d, node, document, "key", tls->key, tls->key_file, &identity->key) ||
            !read_part(d, node, document, "client_ca", tls->client_ca, tls->client_ca_file,
                       &identity->client_ca) ||
            !decode_client_auth(d, node, tls->client_auth_type, &identity->client_auth))
                return false;
        if (!identity->cert.len)
                return decode_fail(d, node, "missing one of cert or cert_file");
        if (!identity->key.len)
                return decode_fail(d, node, "missing one of key or key_file");
        if (identity->client_ca.len && identity->client_auth == HTTP_CLIENT_AUTH_NONE)
                return decode_fail(d, node, "client CAs have been configured without a ClientAuth "
                                   "policy");
        if (!identity->client_ca.len && identity->client_auth >= HTTP_CLIENT_AUTH_VERIFY_IF_GIVEN)
                return decode_fail(d, node, "client_auth_type " STR_FMT " needs a client_ca_file",
                                   STR_ARG(tls->client_auth_type));
        identity->client_allowed_sans = tls->allowed_sans.items;
        identity->client_allowed_san_count = tls->allowed_sans.count;
        config->protocol = (struct http_tls_protocol){
                .min_version = tls->min_version,
                .max_version = tls->max_version,
                .cipher_suites = tls->cipher_suites.items,
                .cipher_suite_count = tls->cipher_suites.count,
                .curves = tls->curves.items,
                .curve_count = tls->curves.count,
                .prefer_client_suites = !tls->prefer_server_suites,
        };
        return check_protocol(d, node, &config->protocol);
}

static bool decode_tls(struct decoder *d, const struct yaml_node *node, void *slot)
{
        static const struct field fields[] = {
                {"cert", decode_string, TLS(cert), NULL},
                {"cert_file", decode_path, TLS(cert_file), NULL},
                {"key", decode_string, TLS(key), NULL},
                {"key_file", decode_path, TLS(key_file), NULL},
                {"client_ca", decode_string, TLS(client_ca), NULL},
                {"client_ca_file", decode_path, TLS(client_ca_file), NULL},
                {"client_auth_type", decode_string, TLS(client_auth_type), NULL},
                {"client_allowed_sans", decode_strings, TLS(allowed_sans), NULL},
                {"min_version", decode_string, TLS(min_version), NULL},
                {"max_version", decode_string, TLS(max_version), NULL},
                {"cipher_suites", decode_strings, TLS(cipher_suites), NULL},
                {"curve_preferences", decode_strings, TLS(curves), NULL},
                {"prefer_server_cipher_suites", decode_bool, TLS(prefer_server_suites), NULL},
        };
        struct document *document = slot;
        struct tls_section tls = {.prefer_server_suites = true};

        if (node->kind == YAML_NULL)
                return true;
        document->config->has_tls = true;
        return decode_mapping(d, node, "tls_server_config", fields, ARRAY_LEN(fields), &tls) &&
               complete_tls(d, node, document, &tls);
}

/* ---- http_server_config ------------------------------------------------------------------- */

static const struct header_rule {
        const char *name;
        const char *values[3]; /* allowed ones; none: any */
} header_rules[] = {
        {"Content-Security-Policy", {NULL}},
        {"X-Frame-Options", {"deny", "sameorigin"}},
        {"X-Content-Type-Options", {"nosniff"}},
        {"X-XSS-Protection", {NULL}},
        {"Strict-Transport-Security", {NULL}},
};

static bool check_header(struct decoder *d, const struct yaml_node *node)
{
        for (size_t i = 0; i < ARRAY_LEN(header_rules); i++) {
                const struct header_rule *rule = &header_rules[i];

                if (!str_is(node->key->text, rule->name))
                        continue;
                if (!rule->values[0] || !node->text.len || str_is(node->text, rule->values[0]) ||
                    (rule->values[1] && str_is(node->text, rule->values[1])))
                        return true;
                return decode_fail(d, node, "invalid value for %s, expected one of: %s%s%s",
                                   rule->name, rule->values[0], rule->values[1] ? ", " : "",
                                   rule->values[1] ? rule->values[1] : "");
        }
        return decode_fail(d, node, "HTTP header \"" STR_FMT "\" can not be configured",
                           STR_ARG(node->key->text));
}

static bool decode_headers(struct decoder *d, const struct yaml_node *node, void *slot)
{
        struct document *document = slot;
        struct label *headers;
        size_t count = 0;

        if (node->kind != YAML_MAPPING && node->kind != YAML_NULL)
                return decode_fail(d, node, "headers must be a mapping");
        headers = arena_array(d->arena, struct label, ARRAY_LEN(header_rules));
        for (const struct yaml_node *pair = node->first; pair; pair = pair->next) {
                if (!check_header(d, pair))
                        return false;
                if (pair->text.len)
                        headers[count++] = (struct label){arena_str(d->arena, pair->key->text),
                                                          arena_str(d->arena, pair->text)};
        }
        document->config->headers = headers;
        document->config->header_count = count;
        return true;
}

static bool decode_http_server(struct decoder *d, const struct yaml_node *node, void *slot)
{
        static const struct field fields[] = {
                {"http2", decode_ignored, 0, NULL},
                {"headers", decode_headers, 0, NULL},
        };

        return decode_mapping(d, node, "http_server_config", fields, ARRAY_LEN(fields), slot);
}

/* ---- basic_auth_users --------------------------------------------------------------------- */

static bool decode_users(struct decoder *d, const struct yaml_node *node, void *slot)
{
        struct document *document = slot;
        struct basic_user *users;
        size_t count = 0;

        if (node->kind != YAML_MAPPING && node->kind != YAML_NULL)
                return decode_fail(d, node, "basic_auth_users must be a mapping");
        for (const struct yaml_node *pair = node->first; pair; pair = pair->next)
                count++;
        users = arena_array(d->arena, struct basic_user, count);
        count = 0;
        for (const struct yaml_node *pair = node->first; pair; pair = pair->next) {
                if (!basic_hash_valid(pair->text))
                        return decode_fail(d, pair, "the password of \"" STR_FMT "\" is not a "
                                           "bcrypt hash", STR_ARG(pair->key->text));
                users[count++] = (struct basic_user){arena_str(d->arena, pair->key->text),
                                                     arena_str(d->arena, pair->text)};
        }
        document->config->users = users;
        document->config->user_count = count;
        return true;
}

/* ---- loading ------------------------------------------------------------------------------ */

static bool decode_document(struct decoder *d, const struct yaml_node *root,
                            struct web_config *config)
{
        static const struct field fields[] = {
                {"tls_server_config", decode_tls, 0, NULL},
                {"http_server_config", decode_http_server, 0, NULL},
                {"basic_auth_users", decode_users, 0, NULL},
        };
        struct document document = {.config = config};
        struct str *files;

        document.files[document.file_count++] = arena_str(d->arena, str_from(d->file));
        if (!decode_mapping(d, root, "the web configuration", fields, ARRAY_LEN(fields),
                            &document))
                return false;
        files = arena_array(d->arena, struct str, document.file_count);
        memcpy(files, document.files, document.file_count * sizeof(*files));
        config->files = files;
        config->file_count = document.file_count;
        return true;
}

bool web_config_load(struct web_config **ret_config, const char *path, struct error *err)
{
        struct web_config *config = alloc_new(&web_config_type, sizeof(*config));
        struct buf text CLEANUP(buf_release) = BUF_INIT(FILE_MAX_BYTES);
        const char *slash = strrchr(path, '/');
        struct decoder decoder = {.arena = &config->arena, .file = path, .err = err};
        struct yaml_node *root;

        arena_init(&config->arena, ARENA_MAX_BYTES);
        if (slash)
                decoder.directory = arena_str(
                        &config->arena, str_make(path, slash == path ? 1 : (size_t)(slash - path)));
        if (!file_read_all(path, &text, err) ||
            !yaml_parse(&config->arena, path, buf_str(&text), &root, err) ||
            !decode_document(&decoder, root, config)) {
                web_config_free(config);
                return false;
        }
        *ret_config = config;
        return true;
}

struct web_config *web_config_free(struct web_config *config)
{
        if (config)
                arena_release(&config->arena);
        return alloc_free(&web_config_type, config);
}

bool web_config_restricts(const struct web_config *config)
{
        return config->user_count ||
               (config->has_tls &&
                config->identity.client_auth == HTTP_CLIENT_AUTH_REQUIRE_AND_VERIFY);
}

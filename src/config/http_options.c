#include <stddef.h>
#include <strings.h>

#include "config/decode_int.h"

#define SLOT(member) offsetof(struct http_client_options, member)

bool decode_basic_auth(struct decoder *d, const struct yaml_node *node, void *slot)
{
        static const struct field fields[] = {
                {"username", decode_string, SLOT(basic_username), NULL},
                {"username_file", NULL, 0, "username_file"},
                {"username_ref", NULL, 0, "secret references"},
                {"password", decode_string, SLOT(basic_password), NULL},
                {"password_file", decode_path, SLOT(basic_password_file), NULL},
                {"password_ref", NULL, 0, "secret references"},
        };
        struct http_client_options *options = slot;

        if (!decode_mapping(d, node, "basic_auth", fields, ARRAY_LEN(fields), slot))
                return false;
        if (options->basic_password.len && options->basic_password_file.len)
                return decode_fail(d, node, "at most one of basic_auth password & password_file "
                                   "must be configured");
        return true;
}

bool decode_authorization(struct decoder *d, const struct yaml_node *node, void *slot)
{
        static const struct field fields[] = {
                {"type", decode_string, SLOT(authorization_type), NULL},
                {"credentials", decode_string, SLOT(authorization_credentials), NULL},
                {"credentials_file", decode_path, SLOT(authorization_credentials_file), NULL},
                {"credentials_ref", NULL, 0, "secret references"},
        };
        struct http_client_options *options = slot;

        if (!decode_mapping(d, node, "authorization", fields, ARRAY_LEN(fields), slot))
                return false;
        options->authorization_type = str_trim(options->authorization_type);
        if (options->authorization_type.len == 5 &&
            strncasecmp(options->authorization_type.data, "basic", 5) == 0)
                return decode_fail(d, node, "authorization type cannot be set to \"basic\", use "
                                   "\"basic_auth\" instead");
        if (options->authorization_credentials.len && options->authorization_credentials_file.len)
                return decode_fail(d, node, "at most one of authorization credentials & "
                                   "credentials_file must be configured");
        if (!options->authorization_type.len)
                options->authorization_type = STR_LIT("Bearer");
        return true;
}

bool decode_bearer_token(struct decoder *d, const struct yaml_node *node, void *slot)
{
        struct http_client_options *options = slot;

        return decode_string(d, node, &options->authorization_credentials);
}

bool decode_bearer_token_file(struct decoder *d, const struct yaml_node *node, void *slot)
{
        struct http_client_options *options = slot;

        return decode_path(d, node, &options->authorization_credentials_file);
}

static bool decode_tls_version(struct decoder *d, const struct yaml_node *node, void *slot)
{
        static const char *const versions[] = {"TLS10", "TLS11", "TLS12", "TLS13"};

        if (!decode_string(d, node, slot))
                return false;
        for (size_t i = 0; i < ARRAY_LEN(versions); i++)
                if (str_is(*(struct str *)slot, versions[i]))
                        return true;
        return decode_fail(d, node, "unknown TLS version: \"" STR_FMT "\"", STR_ARG(node->text));
}

bool decode_tls_config(struct decoder *d, const struct yaml_node *node, void *slot)
{
        static const struct field fields[] = {
                {"ca", decode_string, SLOT(tls_ca), NULL},
                {"cert", decode_string, SLOT(tls_cert), NULL},
                {"key", decode_string, SLOT(tls_key), NULL},
                {"ca_file", decode_path, SLOT(tls_ca_file), NULL},
                {"cert_file", decode_path, SLOT(tls_cert_file), NULL},
                {"key_file", decode_path, SLOT(tls_key_file), NULL},
                {"ca_ref", NULL, 0, "secret references"},
                {"cert_ref", NULL, 0, "secret references"},
                {"key_ref", NULL, 0, "secret references"},
                {"server_name", decode_string, SLOT(tls_server_name), NULL},
                {"insecure_skip_verify", decode_bool, SLOT(tls_insecure_skip_verify), NULL},
                {"min_version", decode_tls_version, SLOT(tls_min_version), NULL},
                {"max_version", decode_tls_version, SLOT(tls_max_version), NULL},
        };
        const struct http_client_options *options = slot;

        if (!decode_mapping(d, node, "tls_config", fields, ARRAY_LEN(fields), slot))
                return false;
        if ((options->tls_ca.len && options->tls_ca_file.len) ||
            (options->tls_cert.len && options->tls_cert_file.len) ||
            (options->tls_key.len && options->tls_key_file.len))
                return decode_fail(d, node, "of each of ca, cert and key, at most one of the text "
                                   "and its _file may be configured");
        if ((options->tls_cert.len || options->tls_cert_file.len) !=
            (options->tls_key.len || options->tls_key_file.len))
                return decode_fail(d, node, "a client certificate needs both a cert and a key");
        return true;
}

struct header_values {
        struct str_list values, secrets;
};

bool decode_http_headers(struct decoder *d, const struct yaml_node *node, void *slot)
{
        static const struct field fields[] = {
                {"values", decode_strings, offsetof(struct header_values, values), NULL},
                {"secrets", decode_strings, offsetof(struct header_values, secrets), NULL},
                {"files", NULL, 0, "header values from files"},
        };
        enum { HEADERS_MAX = 256 };
        struct http_client_options *options = slot;
        struct http_header *headers = arena_array(d->arena, struct http_header, HEADERS_MAX);
        size_t count = 0;

        if (node->kind != YAML_NULL && node->kind != YAML_MAPPING)
                return decode_fail(d, node, "http_headers must be a mapping");
        for (const struct yaml_node *pair = node->first; pair; pair = pair->next) {
                struct header_values found = {0};
                struct str name = arena_str(d->arena, pair->key->text);

                if (!decode_mapping(d, pair, "http_headers", fields, ARRAY_LEN(fields), &found))
                        return false;
                if (count + found.values.count + found.secrets.count > HEADERS_MAX)
                        return decode_fail(d, pair, "more than %d headers", HEADERS_MAX);
                for (size_t i = 0; i < found.values.count; i++)
                        headers[count++] = (struct http_header){name, found.values.items[i]};
                for (size_t i = 0; i < found.secrets.count; i++)
                        headers[count++] = (struct http_header){name, found.secrets.items[i]};
        }
        options->headers = headers;
        options->header_count = count;
        return true;
}

bool decode_check_http(struct decoder *d, const struct yaml_node *node,
                       const struct http_client_options *options)
{
        bool basic = yaml_find(node, "basic_auth") != NULL;
        bool authorization = yaml_find(node, "authorization") != NULL;
        bool bearer = yaml_find(node, "bearer_token") || yaml_find(node, "bearer_token_file");

        if (yaml_find(node, "bearer_token") && yaml_find(node, "bearer_token_file"))
                return decode_fail(d, node, "at most one of bearer_token & bearer_token_file must "
                                   "be configured");
        if (basic + authorization + bearer > 1)
                return decode_fail(d, node, "at most one of basic_auth, authorization, "
                                   "bearer_token & bearer_token_file must be configured");
        if (options->proxy_from_environment && options->proxy_url.len)
                return decode_fail(d, node, "if proxy_from_environment is configured, proxy_url "
                                   "must not be configured");
        if (options->no_proxy.len && !options->proxy_url.len)
                return decode_fail(d, node, "if no_proxy is configured, proxy_url must also be "
                                   "configured");
        return true;
}

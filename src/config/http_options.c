#include <stddef.h>
#include <strings.h>

#include "base/file.h"
#include "config/config.h"
#include "config/decode_int.h"

#define SLOT(member) offsetof(struct http_client_options, member)

bool decode_basic_auth(struct decoder *d, const struct yaml_node *node, void *slot)
{
        static const struct field fields[] = {
                {"username", decode_string, SLOT(basic_username), NULL},
                {"username_file", decode_path, SLOT(basic_username_file), NULL},
                {"username_ref", NULL, 0, "secret references"},
                {"password", decode_string, SLOT(basic_password), NULL},
                {"password_file", decode_path, SLOT(basic_password_file), NULL},
                {"password_ref", NULL, 0, "secret references"},
        };
        struct http_client_options *options = slot;

        if (!decode_mapping(d, node, "basic_auth", fields, ARRAY_LEN(fields), slot))
                return false;
        if (options->basic_username.len && options->basic_username_file.len)
                return decode_fail(d, node, "at most one of basic_auth username & username_file "
                                   "must be configured");
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

/* ---- oauth2 --------------------------------------------------------------------------------- */

bool decode_string_map(struct decoder *d, const struct yaml_node *node, void *slot)
{
        struct header_list *list = slot;
        struct http_header *items;
        size_t count = 0;

        if (node->kind == YAML_NULL)
                return true;
        if (node->kind != YAML_MAPPING)
                return decode_fail(d, node, "\"" STR_FMT "\" must be a mapping of strings",
                                   STR_ARG(node->key->text));
        for (const struct yaml_node *pair = node->first; pair; pair = pair->next)
                count++;
        items = arena_array(d->arena, struct http_header, count);
        list->items = items;
        for (const struct yaml_node *pair = node->first; pair; pair = pair->next) {
                items[list->count].name = arena_str(d->arena, pair->key->text);
                if (!decode_string(d, pair, &items[list->count++].value))
                        return false;
        }
        return true;
}

struct oauth2_section {
        struct http_oauth2 oauth2;
        struct str_list scopes;
        struct header_list params;
        struct http_client_options http;
};

#define OAUTH2(member) offsetof(struct oauth2_section, member)

static bool complete_oauth2(struct decoder *d, const struct yaml_node *node,
                            const struct oauth2_section *section,
                            struct http_client_options *options)
{
        struct http_oauth2 *oauth2 = arena_new(d->arena, struct http_oauth2);
        struct http_client_options *http = arena_new(d->arena, struct http_client_options);
        struct buf scopes CLEANUP(buf_release) = BUF_INIT(1 << 16);

        *oauth2 = section->oauth2;
        *http = section->http;
        http->follow_redirects = true;
        if (!oauth2->client_id.len)
                return decode_fail(d, node, "oauth2 client_id must be configured");
        if (!oauth2->token_url.len)
                return decode_fail(d, node, "oauth2 token_url must be configured");
        if (oauth2->client_secret.len && oauth2->client_secret_file.len)
                return decode_fail(d, node, "at most one of oauth2 client_secret & "
                                   "client_secret_file must be configured");
        for (size_t i = 0; i < section->scopes.count; i++) {
                if (i)
                        buf_append_byte(&scopes, ' ');
                buf_append_str(&scopes, section->scopes.items[i]);
        }
        oauth2->scopes = arena_str(d->arena, buf_str(&scopes));
        oauth2->params = section->params.items;
        oauth2->param_count = section->params.count;
        oauth2->http = http;
        options->oauth2 = oauth2;
        return true;
}

bool decode_oauth2(struct decoder *d, const struct yaml_node *node, void *slot)
{
        static const struct field fields[] = {
                {"client_id", decode_string, OAUTH2(oauth2.client_id), NULL},
                {"client_secret", decode_string, OAUTH2(oauth2.client_secret), NULL},
                {"client_secret_file", decode_path, OAUTH2(oauth2.client_secret_file), NULL},
                {"client_secret_ref", NULL, 0, "secret references"},
                {"grant_type", NULL, 0, "other grants than client credentials"},
                {"scopes", decode_strings, OAUTH2(scopes), NULL},
                {"token_url", decode_string, OAUTH2(oauth2.token_url), NULL},
                {"endpoint_params", decode_string_map, OAUTH2(params), NULL},
                {"tls_config", decode_tls_config, OAUTH2(http), NULL},
                {"proxy_url", decode_string, OAUTH2(http.proxy_url), NULL},
                {"no_proxy", decode_string, OAUTH2(http.no_proxy), NULL},
                {"proxy_from_environment", decode_bool, OAUTH2(http.proxy_from_environment),
                 NULL},
                {"proxy_connect_header", decode_proxy_headers, OAUTH2(http), NULL},
        };
        struct oauth2_section section = {0};

        return decode_mapping(d, node, "oauth2", fields, ARRAY_LEN(fields), &section) &&
               complete_oauth2(d, node, &section, slot);
}

struct header_values {
        struct str_list values, secrets, files;
};

enum { HEADERS_MAX = 256 };

/* Appends a header for every item; false: there are too many. */
static bool append_headers(struct http_header *headers, size_t *count, struct str name,
                           struct str_list values, bool in_file)
{
        if (*count + values.count > HEADERS_MAX)
                return false;
        for (size_t i = 0; i < values.count; i++)
                headers[(*count)++] = (struct http_header){name, values.items[i], in_file};
        return true;
}

bool decode_http_headers(struct decoder *d, const struct yaml_node *node, void *slot)
{
        static const struct field fields[] = {
                {"values", decode_strings, offsetof(struct header_values, values), NULL},
                {"secrets", decode_strings, offsetof(struct header_values, secrets), NULL},
                {"files", decode_paths, offsetof(struct header_values, files), NULL},
        };
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
                if (!append_headers(headers, &count, name, found.values, false) ||
                    !append_headers(headers, &count, name, found.secrets, false) ||
                    !append_headers(headers, &count, name, found.files, true))
                        return decode_fail(d, pair, "more than %d headers", HEADERS_MAX);
        }
        options->headers = headers;
        options->header_count = count;
        return true;
}

bool decode_proxy_headers(struct decoder *d, const struct yaml_node *node, void *slot)
{
        struct http_client_options *options = slot;
        struct http_header *headers = arena_array(d->arena, struct http_header, HEADERS_MAX);
        size_t count = 0;

        if (node->kind != YAML_NULL && node->kind != YAML_MAPPING)
                return decode_fail(d, node, "proxy_connect_header must be a mapping");
        for (const struct yaml_node *pair = node->first; pair; pair = pair->next) {
                struct str_list values = {0};

                if (!decode_strings(d, pair, &values))
                        return false;
                if (!append_headers(headers, &count, arena_str(d->arena, pair->key->text), values,
                                    false))
                        return decode_fail(d, pair, "more than %d headers", HEADERS_MAX);
        }
        options->proxy_headers = headers;
        options->proxy_header_count = count;
        return true;
}

bool decode_check_http(struct decoder *d, const struct yaml_node *node,
                       const struct http_client_options *options)
{
        bool basic = yaml_find(node, "basic_auth") != NULL;
        bool authorization = yaml_find(node, "authorization") != NULL;
        bool oauth2 = yaml_find(node, "oauth2") != NULL;
        bool bearer = yaml_find(node, "bearer_token") || yaml_find(node, "bearer_token_file");

        if (yaml_find(node, "bearer_token") && yaml_find(node, "bearer_token_file"))
                return decode_fail(d, node, "at most one of bearer_token & bearer_token_file must "
                                   "be configured");
        if (basic + authorization + bearer + oauth2 > 1)
                return decode_fail(d, node, "at most one of basic_auth, authorization, oauth2, "
                                   "bearer_token & bearer_token_file must be configured");
        if (options->proxy_from_environment && options->proxy_url.len)
                return decode_fail(d, node, "if proxy_from_environment is configured, proxy_url "
                                   "must not be configured");
        if (options->no_proxy.len && !options->proxy_url.len)
                return decode_fail(d, node, "if no_proxy is configured, proxy_url must also be "
                                   "configured");
        if (options->proxy_header_count && !options->proxy_from_environment &&
            !options->proxy_url.len)
                return decode_fail(d, node, "if proxy_connect_header is configured, proxy_url or "
                                   "proxy_from_environment must also be configured");
        return true;
}

/* ---- a file of its own ---------------------------------------------------------------------- */

enum { FILE_MAX_BYTES = 1 << 20 };

bool config_load_http_client(struct http_client_options *ret_options, struct arena *arena,
                             const char *path, struct error *err)
{
        static const struct field fields[] = {HTTP_CLIENT_FIELDS(0)};
        struct http_client_options options = {.follow_redirects = true, .enable_http2 = true};
        struct buf text CLEANUP(buf_release) = BUF_INIT(FILE_MAX_BYTES);
        const char *slash = strrchr(path, '/');
        struct decoder d = {.arena = arena, .file = path, .err = err};
        struct yaml_node *root;

        if (slash)
                d.directory = arena_str(arena, str_make(path, (size_t)(slash - path)));
        if (!file_read_all(path, &text, err) ||
            !yaml_parse(arena, path, buf_str(&text), &root, err) ||
            !decode_mapping(&d, root, "HTTP client", fields, ARRAY_LEN(fields), &options) ||
            !decode_check_http(&d, root, &options))
                return false;
        if (d.unsupported)
                return error_set(err, ERROR_UNSUPPORTED, "%s", d.unsupported);
        *ret_options = options;
        return true;
}

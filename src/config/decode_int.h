/* config/decode_int.h - from a YAML tree to structures, by tables of fields. */
#ifndef CONFIG_DECODE_INT_H
#define CONFIG_DECODE_INT_H

#include "codec/yaml.h"
#include "http/client.h"
#include "model/labels.h"

struct decoder {
        struct arena *arena;
        const char *file;
        struct str directory; /* of the file; relative paths start there */
        struct error *err;
        const char **warnings;
        size_t warning_count, warning_capacity;
        const char *unsupported; /* where the first feature that is not here is asked for */
};

/* One field of a mapping. decode writes to target + offset. `not_yet` names a feature that is not
 * here: any value but null, false or an empty list asks for it. */
struct field {
        const char *name;
        bool (*decode)(struct decoder *d, const struct yaml_node *node, void *slot);
        size_t offset;
        const char *not_yet;
};

bool decode_fail(struct decoder *d, const struct yaml_node *node, const char *fmt, ...)
        PRINTF_LIKE(3, 4);
void decode_warn(struct decoder *d, const struct yaml_node *node, const char *fmt, ...)
        PRINTF_LIKE(3, 4);

/* The node asks for a feature that is not here. */
void decode_not_yet(struct decoder *d, const struct yaml_node *key, const char *feature);

/* Decodes every pair of a mapping (null counts as empty). `what` names it in errors. */
NODISCARD bool decode_mapping(struct decoder *d, const struct yaml_node *node, const char *what,
                              const struct field *fields, size_t field_count, void *target);

/* Decodes every item of a list into an array of item_size; ret_items and ret_count are set. */
NODISCARD bool decode_list(struct decoder *d, const struct yaml_node *node, const char *what,
                           size_t item_size,
                           bool (*decode_item)(struct decoder *d, const struct yaml_node *node,
                                               void *slot),
                           void **ret_items, size_t *ret_count);

struct str_list {
        const struct str *items;
        size_t count;
};

/* Field decoders; the slot's type is in the name's comment. */
bool decode_string(struct decoder *d, const struct yaml_node *node, void *slot);   /* struct str */
bool decode_path(struct decoder *d, const struct yaml_node *node, void *slot);     /* struct str */
bool decode_bool(struct decoder *d, const struct yaml_node *node, void *slot);     /* bool */
bool decode_uint(struct decoder *d, const struct yaml_node *node, void *slot);     /* uint64_t */
bool decode_float(struct decoder *d, const struct yaml_node *node, void *slot);    /* double */
bool decode_duration(struct decoder *d, const struct yaml_node *node, void *slot); /* int64_t ms */
bool decode_size(struct decoder *d, const struct yaml_node *node, void *slot);     /* uint64_t */
bool decode_strings(struct decoder *d, const struct yaml_node *node, void *slot);  /* str_list */
bool decode_paths(struct decoder *d, const struct yaml_node *node, void *slot);    /* str_list */
bool decode_labels(struct decoder *d, const struct yaml_node *node, void *slot);   /* labels */
bool decode_ignored(struct decoder *d, const struct yaml_node *node, void *slot);  /* none */

bool decode_relabel_rules(struct decoder *d, const struct yaml_node *node,
                          void *slot); /* struct relabel_rules */
bool decode_string_map(struct decoder *d, const struct yaml_node *node,
                       void *slot); /* struct header_list */

struct header_list {
        const struct http_header *items; /* in the file's order */
        size_t count;
};

/* Hash of a subtree's keys and values. */
uint64_t decode_fingerprint(const struct yaml_node *node, uint64_t seed);

/* The HTTP client part of a section, inlined there; decode_check_http checks what must not stand
 * together. `at` is the offset of its struct http_client_options. */
#define HTTP_CLIENT_FIELDS(at)                                                                   \
        {"basic_auth", decode_basic_auth, (at), NULL},                                           \
        {"authorization", decode_authorization, (at), NULL},                                     \
        {"bearer_token", decode_bearer_token, (at), NULL},                                       \
        {"bearer_token_file", decode_bearer_token_file, (at), NULL},                             \
        {"oauth2", decode_oauth2, (at), NULL},                                                   \
        {"sigv4", NULL, 0, "AWS signatures"},                                                    \
        {"azuread", NULL, 0, "Azure AD"},                                                        \
        {"google_iam", NULL, 0, "Google IAM"},                                                   \
        {"tls_config", decode_tls_config, (at), NULL},                                           \
        {"http_headers", decode_http_headers, (at), NULL},                                       \
        {"proxy_url", decode_string, (at) + offsetof(struct http_client_options, proxy_url),     \
         NULL},                                                                                  \
        {"no_proxy", decode_string, (at) + offsetof(struct http_client_options, no_proxy), NULL},\
        {"proxy_from_environment", decode_bool,                                                  \
         (at) + offsetof(struct http_client_options, proxy_from_environment), NULL},             \
        {"proxy_connect_header", decode_proxy_headers, (at), NULL},                              \
        {"follow_redirects", decode_bool,                                                        \
         (at) + offsetof(struct http_client_options, follow_redirects), NULL},                   \
        {"enable_http2", decode_bool, (at) + offsetof(struct http_client_options, enable_http2), \
         NULL}
bool decode_basic_auth(struct decoder *d, const struct yaml_node *node, void *slot);
bool decode_oauth2(struct decoder *d, const struct yaml_node *node, void *slot);
bool decode_authorization(struct decoder *d, const struct yaml_node *node, void *slot);
bool decode_tls_config(struct decoder *d, const struct yaml_node *node, void *slot);
bool decode_http_headers(struct decoder *d, const struct yaml_node *node, void *slot);
bool decode_proxy_headers(struct decoder *d, const struct yaml_node *node, void *slot);
bool decode_bearer_token(struct decoder *d, const struct yaml_node *node, void *slot);
bool decode_bearer_token_file(struct decoder *d, const struct yaml_node *node, void *slot);
bool decode_check_http(struct decoder *d, const struct yaml_node *node,
                       const struct http_client_options *options);

#endif

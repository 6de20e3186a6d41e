/* config/web_config.h - Prometheus's web configuration file: TLS, client certificates, users,
 * headers (docs: HTTPS and authentication). Files it names are read with it. */
#ifndef CONFIG_WEB_CONFIG_H
#define CONFIG_WEB_CONFIG_H

#include "base/arena.h"
#include "http/tls.h"
#include "model/labels.h"

struct basic_user; /* auth/basic.h */

struct web_config {
        struct arena arena; /* holds everything below */
        bool has_tls;
        struct http_tls_identity identity;
        struct http_tls_protocol protocol;
        const struct basic_user *users;
        size_t user_count;
        const struct label *headers; /* of every answer */
        size_t header_count;
        const struct str *files;     /* that it was made of, the first being itself */
        size_t file_count;
};

/* ERROR_INVALID, with file:line:col where there is one, or ERROR_IO. */
NODISCARD bool web_config_load(struct web_config **ret_config, const char *path,
                               struct error *err);
struct web_config *web_config_free(struct web_config *config); /* takes NULL */

/* Whether it keeps strangers out: by users, or by verified client certificates. */
bool web_config_restricts(const struct web_config *config);

#endif

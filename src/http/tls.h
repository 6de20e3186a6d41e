/* http/tls.h - the certificate with which this process answers TLS, and whose it asks for.
 *
 * One process has one identity, for all its listeners. It may be replaced at any time:
 * handshakes that begin afterwards use the new one. Names are those of Go's crypto/tls, which
 * Prometheus's web configuration uses. Thread-safe.
 */
#ifndef HTTP_TLS_H
#define HTTP_TLS_H

#include "base/buf.h"
#include "base/error.h"

enum http_client_auth {
        HTTP_CLIENT_AUTH_NONE,
        HTTP_CLIENT_AUTH_REQUEST,     /* asked for, not checked */
        HTTP_CLIENT_AUTH_REQUIRE_ANY, /* must be there, not checked */
        HTTP_CLIENT_AUTH_VERIFY_IF_GIVEN,
        HTTP_CLIENT_AUTH_REQUIRE_AND_VERIFY,
};

/* PEM texts. Borrowed during the call. */
struct http_tls_identity {
        struct str cert, key;   /* the certificate first, then its issuers */
        struct str client_ca;   /* empty: none */
        enum http_client_auth client_auth;
        const struct str *client_allowed_sans; /* one of these names; none: any */
        size_t client_allowed_san_count;
};

/* ERROR_INVALID when the key does not belong to the certificate or a text cannot be read; the
 * identity before then stays. */
NODISCARD bool http_tls_set_identity(const struct http_tls_identity *identity, struct error *err);

struct http_tls_protocol {
        struct str min_version, max_version; /* TLS10 to TLS13; empty: TLS12, TLS13 */
        const struct str *cipher_suites;     /* up to TLS 1.2; none: the library's */
        size_t cipher_suite_count;
        const struct str *curves;            /* none: the library's */
        size_t curve_count;
        bool prefer_client_suites;
};

/* What GnuTLS calls a priority string. ERROR_INVALID names what is unknown. */
NODISCARD bool http_tls_priority(const struct http_tls_protocol *protocol, struct buf *out,
                                 struct error *err);

#endif

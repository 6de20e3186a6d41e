#include "http/tls_int.h"

#include <arpa/inet.h>
#include <gnutls/x509.h>
#include <pthread.h>

#include "base/alloc.h"
#include "base/clock.h"

ALLOC_TYPE(tls_type, "http_tls")

/* Certificates in a chain; more is a bundle that belongs into client_ca. */
enum { CHAIN_MAX = 16 };
/* A handshake borrows its identity and is over well before this. */
enum { KEPT_MS = 600000 };

struct identity {
        gnutls_pcert_st certs[CHAIN_MAX];
        unsigned cert_count;
        gnutls_privkey_t key;
        gnutls_x509_trust_list_t trust; /* NULL: no client certificate is verified */
        enum http_client_auth client_auth;
        char **sans;
        size_t san_count;
        int64_t replaced_ms;
        struct identity *older;
};

static pthread_rwlock_t current_lock = PTHREAD_RWLOCK_INITIALIZER;
static struct identity *current; /* current_lock */

/* ---- identities --------------------------------------------------------------------------- */

static struct identity *identity_free(struct identity *identity)
{
        if (!identity)
                return NULL;
        for (unsigned i = 0; i < identity->cert_count; i++)
                gnutls_pcert_deinit(&identity->certs[i]);
        if (identity->key)
                gnutls_privkey_deinit(identity->key);
        if (identity->trust)
                gnutls_x509_trust_list_deinit(identity->trust, 1);
        for (size_t i = 0; i < identity->san_count; i++)
                alloc_free(&tls_type, identity->sans[i]);
        alloc_free(&tls_type, identity->sans);
        return alloc_free(&tls_type, identity);
}

static gnutls_datum_t datum(struct str text)
{
        return (gnutls_datum_t){(unsigned char *)(uintptr_t)text.data, (unsigned)text.len};
}

static bool fail(struct error *err, const char *what, int code)
{
        return error_set(err, ERROR_INVALID, "%s: %s", what, gnutls_strerror(code));
}

static bool load_chain(struct identity *identity, struct str cert, struct error *err)
{
        gnutls_datum_t pem = datum(cert);
        unsigned count = CHAIN_MAX;
        int code = gnutls_pcert_list_import_x509_raw(identity->certs, &count, &pem,
                                                     GNUTLS_X509_FMT_PEM, 0);

        if (code < 0)
                return fail(err, "certificate", code);
        identity->cert_count = count;
        return true;
}

/* Go's tls.X509KeyPair refuses a pair that does not match, so that the mistake is seen at once. */
static bool check_pair(struct identity *identity, struct error *err)
{
        gnutls_pubkey_t own;
        unsigned char a[64], b[64];
        size_t a_len = sizeof(a), b_len = sizeof(b);
        bool same;

        gnutls_pubkey_init(&own);
        same = gnutls_pubkey_import_privkey(own, identity->key, 0, 0) == 0 &&
               gnutls_pubkey_get_key_id(own, GNUTLS_KEYID_USE_SHA256, a, &a_len) == 0 &&
               gnutls_pubkey_get_key_id(identity->certs[0].pubkey, GNUTLS_KEYID_USE_SHA256, b,
                                        &b_len) == 0 &&
               a_len == b_len && memcmp(a, b, a_len) == 0;
        gnutls_pubkey_deinit(own);
        if (!same)
                return error_set(err, ERROR_INVALID, "private key does not match public key");
        return true;
}

static bool load_key(struct identity *identity, struct str key, struct error *err)
{
        gnutls_datum_t pem = datum(key);
        int code;

        gnutls_privkey_init(&identity->key);
        code = gnutls_privkey_import_x509_raw(identity->key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
        if (code < 0)
                return fail(err, "key", code);
        return check_pair(identity, err);
}

static bool load_trust(struct identity *identity, struct str ca, struct error *err)
{
        gnutls_datum_t pem = datum(ca);
        int code;

        if (!ca.len)
                return true;
        gnutls_x509_trust_list_init(&identity->trust, 0);
        code = gnutls_x509_trust_list_add_trust_mem(identity->trust, &pem, NULL,
                                                    GNUTLS_X509_FMT_PEM, 0, 0);
        if (code <= 0)
                return fail(err, "client CA", code ? code : GNUTLS_E_NO_CERTIFICATE_FOUND);
        return true;
}

static bool load(struct identity *identity, const struct http_tls_identity *from,
                 struct error *err)
{
        identity->client_auth = from->client_auth;
        identity->sans = alloc_new(&tls_type, (from->client_allowed_san_count + 1) *
                                                      sizeof(*identity->sans));
        for (; identity->san_count < from->client_allowed_san_count; identity->san_count++) {
                struct str name = from->client_allowed_sans[identity->san_count];

                identity->sans[identity->san_count] = alloc_strdup(&tls_type, name.data, name.len);
        }
        return load_chain(identity, from->cert, err) && load_key(identity, from->key, err) &&
               load_trust(identity, from->client_ca, err);
}

/* With current_lock for writing. */
static void drop_old(int64_t now_ms)
{
        struct identity **at = &current->older;

        while (*at) {
                struct identity *old = *at;

                if (now_ms - old->replaced_ms < KEPT_MS) {
                        at = &old->older;
                        continue;
                }
                *at = old->older;
                identity_free(old);
        }
}

bool http_tls_set_identity(const struct http_tls_identity *from, struct error *err)
{
        struct identity *identity = alloc_new(&tls_type, sizeof(*identity));
        int64_t now_ms = clock_mono_ns(&clock_real) / 1000000;

        if (!load(identity, from, err)) {
                identity_free(identity);
                return false;
        }
        pthread_rwlock_wrlock(&current_lock);
        identity->older = current;
        if (current)
                current->replaced_ms = now_ms;
        current = identity;
        drop_old(now_ms);
        pthread_rwlock_unlock(&current_lock);
        return true;
}

/* ---- handshakes --------------------------------------------------------------------------- */

static bool san_allowed(const struct identity *identity, const char *name, size_t len)
{
        for (size_t i = 0; i < identity->san_count; i++)
                if (str_is(str_make(name, len), identity->sans[i]))
                        return true;
        return false;
}

static bool has_allowed_san(const struct identity *identity, gnutls_x509_crt_t cert)
{
        char name[512], text[INET6_ADDRSTRLEN];

        for (unsigned i = 0;; i++) {
                size_t len = sizeof(name) - 1;
                int type = gnutls_x509_crt_get_subject_alt_name(cert, i, name, &len, NULL);

                if (type == GNUTLS_E_SHORT_MEMORY_BUFFER)
                        continue;
                if (type < 0)
                        return false;
                if (type == GNUTLS_SAN_IPADDRESS) {
                        if (!inet_ntop(len == 4 ? AF_INET : AF_INET6, name, text, sizeof(text)))
                                continue;
                        if (san_allowed(identity, text, strlen(text)))
                                return true;
                } else if (san_allowed(identity, name, len)) {
                        return true;
                }
        }
}

static bool verify_chain(const struct identity *identity, const gnutls_datum_t *peers,
                         unsigned peer_count)
{
        gnutls_x509_crt_t chain[CHAIN_MAX];
        unsigned count = 0, status = GNUTLS_CERT_INVALID;
        bool ok = peer_count <= CHAIN_MAX;

        for (; ok && count < peer_count; count++) {
                gnutls_x509_crt_init(&chain[count]);
                ok = gnutls_x509_crt_import(chain[count], &peers[count], GNUTLS_X509_FMT_DER) == 0;
        }
        if (ok && identity->client_auth >= HTTP_CLIENT_AUTH_VERIFY_IF_GIVEN) {
                gnutls_typed_vdata_st purpose = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
                                                 .data = (void *)(uintptr_t)
                                                         GNUTLS_KP_TLS_WWW_CLIENT};

                ok = identity->trust &&
                     gnutls_x509_trust_list_verify_crt2(identity->trust, chain, count, &purpose, 1,
                                                        0, &status, NULL) == 0 &&
                     status == 0;
        }
        if (ok && identity->san_count)
                ok = has_allowed_san(identity, chain[0]);
        while (count-- > 0)
                gnutls_x509_crt_deinit(chain[count]);
        return ok;
}

/* gnutls_certificate_verify_function: 0 lets the client in. */
static int verify_peer(gnutls_session_t session)
{
        unsigned count = 0;
        const gnutls_datum_t *peers = gnutls_certificate_get_peers(session, &count);
        bool ok;

        pthread_rwlock_rdlock(&current_lock);
        if (!peers || !count)
                ok = current->client_auth != HTTP_CLIENT_AUTH_REQUIRE_ANY &&
                     current->client_auth != HTTP_CLIENT_AUTH_REQUIRE_AND_VERIFY;
        else
                ok = verify_chain(current, peers, count);
        pthread_rwlock_unlock(&current_lock);
        return ok ? 0 : GNUTLS_E_CERTIFICATE_ERROR;
}

int http_tls_retrieve(gnutls_session_t session, const gnutls_datum_t *names, int name_count,
                      const gnutls_pk_algorithm_t *algorithms, int algorithm_count,
                      gnutls_pcert_st **ret_certs, unsigned int *ret_count,
                      gnutls_privkey_t *ret_key)
{
        enum http_client_auth auth;

        (void)names, (void)name_count, (void)algorithms, (void)algorithm_count;
        pthread_rwlock_rdlock(&current_lock);
        auth = current->client_auth;
        *ret_certs = current->certs;
        *ret_count = current->cert_count;
        *ret_key = current->key;
        pthread_rwlock_unlock(&current_lock);
        if (auth == HTTP_CLIENT_AUTH_NONE)
                return 0;
        gnutls_certificate_server_set_request(session,
                                              auth == HTTP_CLIENT_AUTH_REQUIRE_ANY ||
                                              auth == HTTP_CLIENT_AUTH_REQUIRE_AND_VERIFY
                                                      ? GNUTLS_CERT_REQUIRE : GNUTLS_CERT_REQUEST);
        gnutls_session_set_verify_function(session, verify_peer);
        return 0;
}

/* ---- protocol ----------------------------------------------------------------------------- */

static const char *const versions[] = {"TLS10", "TLS11", "TLS12", "TLS13"};
static const char *const version_priorities[] = {"VERS-TLS1.0", "VERS-TLS1.1", "VERS-TLS1.2",
                                                 "VERS-TLS1.3"};

/* Go's names of the suites of TLS 1.2, and what GnuTLS calls their parts. */
static const struct suite {
        const char *name, *exchange, *cipher, *mac;
} suites[] = {
        {"TLS_RSA_WITH_AES_128_CBC_SHA", "RSA", "AES-128-CBC", "SHA1"},
        {"TLS_RSA_WITH_AES_256_CBC_SHA", "RSA", "AES-256-CBC", "SHA1"},
        {"TLS_RSA_WITH_AES_128_CBC_SHA256", "RSA", "AES-128-CBC", "SHA256"},
        {"TLS_RSA_WITH_AES_128_GCM_SHA256", "RSA", "AES-128-GCM", "AEAD"},
        {"TLS_RSA_WITH_AES_256_GCM_SHA384", "RSA", "AES-256-GCM", "AEAD"},
        {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "ECDHE-ECDSA", "AES-128-CBC", "SHA1"},
        {"TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ECDHE-ECDSA", "AES-256-CBC", "SHA1"},
        {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA", "AES-128-CBC", "SHA1"},
        {"TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "ECDHE-RSA", "AES-256-CBC", "SHA1"},
        {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", "ECDHE-ECDSA", "AES-128-CBC", "SHA256"},
        {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "ECDHE-RSA", "AES-128-CBC", "SHA256"},
        {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA", "AES-128-GCM", "AEAD"},
        {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA", "AES-128-GCM", "AEAD"},
        {"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA", "AES-256-GCM", "AEAD"},
        {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA", "AES-256-GCM", "AEAD"},
        {"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA", "CHACHA20-POLY1305", "AEAD"},
        {"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA", "CHACHA20-POLY1305",
         "AEAD"},
        /* of TLS 1.3, which always has them */
        {"TLS_AES_128_GCM_SHA256", NULL, "AES-128-GCM", "AEAD"},
        {"TLS_AES_256_GCM_SHA384", NULL, "AES-256-GCM", "AEAD"},
        {"TLS_CHACHA20_POLY1305_SHA256", NULL, "CHACHA20-POLY1305", "AEAD"},
};

static const struct curve {
        const char *name, *group;
} curves[] = {
        {"CurveP256", "GROUP-SECP256R1"},
        {"CurveP384", "GROUP-SECP384R1"},
        {"CurveP521", "GROUP-SECP521R1"},
        {"X25519", "GROUP-X25519"},
};

static bool find_version(struct str name, size_t fallback, size_t *ret_at, struct error *err)
{
        *ret_at = fallback;
        if (!name.len)
                return true;
        for (*ret_at = 0; *ret_at < ARRAY_LEN(versions); ++*ret_at)
                if (str_is(name, versions[*ret_at]))
                        return true;
        return error_set(err, ERROR_INVALID, "unknown TLS version: " STR_FMT, STR_ARG(name));
}

static bool add_suites(const struct http_tls_protocol *protocol, struct buf *out,
                       struct error *err)
{
        if (!protocol->cipher_suite_count)
                return true;
        buf_append_cstr(out, ":-CIPHER-ALL:-MAC-ALL:-KX-ALL:+AES-128-GCM:+AES-256-GCM:"
                             "+CHACHA20-POLY1305:+AEAD");
        for (size_t i = 0; i < protocol->cipher_suite_count; i++) {
                const struct suite *suite = NULL;

                for (size_t k = 0; k < ARRAY_LEN(suites) && !suite; k++)
                        if (str_is(protocol->cipher_suites[i], suites[k].name))
                                suite = &suites[k];
                if (!suite)
                        return error_set(err, ERROR_INVALID, "unknown cipher: " STR_FMT,
                                         STR_ARG(protocol->cipher_suites[i]));
                buf_printf(out, ":+%s:+%s", suite->cipher, suite->mac);
                if (suite->exchange)
                        buf_printf(out, ":+%s", suite->exchange);
        }
        return true;
}

static bool add_curves(const struct http_tls_protocol *protocol, struct buf *out,
                       struct error *err)
{
        if (!protocol->curve_count)
                return true;
        buf_append_cstr(out, ":-GROUP-ALL");
        for (size_t i = 0; i < protocol->curve_count; i++) {
                const struct curve *curve = NULL;

                for (size_t k = 0; k < ARRAY_LEN(curves) && !curve; k++)
                        if (str_is(protocol->curves[i], curves[k].name))
                                curve = &curves[k];
                if (!curve)
                        return error_set(err, ERROR_INVALID, "unknown curve: " STR_FMT,
                                         STR_ARG(protocol->curves[i]));
                buf_printf(out, ":+%s", curve->group);
        }
        return true;
}

bool http_tls_priority(const struct http_tls_protocol *protocol, struct buf *out,
                       struct error *err)
{
        size_t min, max;

        if (!find_version(protocol->min_version, 2, &min, err) ||
            !find_version(protocol->max_version, 3, &max, err))
                return false;
        buf_append_cstr(out, "NORMAL:-VERS-ALL");
        for (size_t i = min; i <= max; i++)
                buf_printf(out, ":+%s", version_priorities[i]);
        if (!add_suites(protocol, out, err) || !add_curves(protocol, out, err))
                return false;
        if (!protocol->prefer_client_suites)
                buf_append_cstr(out, ":%SERVER_PRECEDENCE");
        return true;
}

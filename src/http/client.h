/* http/client.h - asynchronous HTTP client (libcurl multi) on one thread of its own.
 *
 * A fetch is started from any thread and answered by its callback on the client's thread. The
 * callback must be quick: hand long work to workers. Thousands of fetches may be under way.
 */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include "base/buf.h"
#include "base/error.h"

struct http_client;

struct http_header {
        struct str name;
        struct str value;
        bool in_file; /* the value is the path of the file that holds it */
};

/* OAuth 2.0, client credentials (RFC 6749, 4.4). Tokens are fetched when one is needed and kept
 * until shortly before they expire. */
struct http_oauth2 {
        struct str client_id, client_secret, client_secret_file, token_url;
        struct str scopes;                   /* with spaces between them */
        const struct http_header *params;    /* further ones of the token request */
        size_t param_count;
        const struct http_client_options *http; /* for the token's server: TLS and proxy */
};

/* How to reach a server: shared by many fetches, must outlive them. Empty strings mean unset. */
struct http_client_options {
        const struct http_header *headers;   /* only these may be in files */
        size_t header_count;
        struct str basic_username, basic_username_file, basic_password, basic_password_file;
        struct str authorization_type, authorization_credentials, authorization_credentials_file;
        struct str tls_ca, tls_ca_file, tls_cert, tls_cert_file, tls_key, tls_key_file;
        struct str tls_server_name, tls_min_version, tls_max_version;
        struct str proxy_url, no_proxy;
        const struct http_header *proxy_headers; /* of a CONNECT */
        size_t proxy_header_count;
        struct str unix_socket;              /* path; the URL's host then only names the server */
        const struct http_oauth2 *oauth2;    /* NULL: none */
        bool tls_insecure_skip_verify;
        bool proxy_from_environment;
        bool follow_redirects;
        bool enable_http2;
};

/* A header of the answer that the caller wants to see; "" when it does not come. */
struct http_wanted_header {
        const char *name;
        char value[128];
};

enum { HTTP_FETCH_GROUPS = 256 };

struct http_fetch {
        /* set by the caller; everything must stay until done() */
        const struct http_client_options *options;
        struct str url;
        struct str method;        /* empty: GET, or POST when there is a body */
        struct str request_body;
        const struct http_header *headers; /* in addition to the options' */
        size_t header_count;
        struct http_wanted_header *wanted; /* may be NULL */
        size_t wanted_count;
        bool accept_gzip;
        /* Fetches that are made at the same time again and again: at most HTTP_FETCH_GROUPS. Kept
         * connections are looked after group by group. 0: no group. */
        unsigned group;
        int64_t timeout_ms;
        void (*done)(struct http_fetch *fetch);
        void *ctx;

        /* the answer, filled before done() is called */
        struct buf body;          /* decoded; its max_bytes is set by the caller */
        int status;               /* 0 when there was no answer */
        char content_type[256];
        int64_t duration_ns;
        bool failed;              /* err says why: network, timeout, over the size limit */
        struct error err;

        struct http_transfer *transfer; /* the client's */
};

struct http_client *http_client_new(const char *thread_name);
/* Ends the thread; fetches under way are answered with ERROR_CANCELED first. */
struct http_client *http_client_free(struct http_client *client);

/* From now on every wake of the thread waits so long for more to do before it acts: thousands of
 * fetches then cost several times less, and each takes that much longer. Below a second. */
void http_client_set_gather(struct http_client *client, int64_t gather_ns);

void http_client_start(struct http_client *client, struct http_fetch *fetch);

/* The same, waiting for the answer on the calling thread, without a client. */
void http_fetch_wait(struct http_fetch *fetch);

#endif

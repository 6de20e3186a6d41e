/* http/server.h - HTTP/1.1 server (libmicrohttpd): requests in, handlers on worker threads.
 *
 * Network threads only move bytes. A complete request goes to a bounded pool of workers, where
 * its handler may block; the network thread then sends what the handler left in the response.
 * When the queue is full the client gets 503; when it leaves, request->canceled becomes true.
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

struct http_param {
        struct str name;
        struct str value;
};

enum { HTTP_PATH_ARGS_MAX = 4 };

struct http_request {
        struct str method; /* HEAD arrives as GET */
        struct str path;   /* decoded */
        struct str path_args[HTTP_PATH_ARGS_MAX]; /* what the route's {} matched, decoded */
        struct str body;
        const struct http_param *params; /* of a form body, then of the URL; decoded */
        size_t param_count;
        struct arena *arena; /* lives as long as the request */
        atomic_bool canceled;
        struct http_exchange *exchange; /* the server's */
};

/* First value of a parameter; empty when absent. has_param tells the two apart. */
struct str http_request_param(const struct http_request *request, const char *name);
bool http_request_has_param(const struct http_request *request, const char *name);
struct str http_request_header(const struct http_request *request, const char *name);

enum { HTTP_RESPONSE_HEADERS_MAX = 12 };

struct http_response {
        int status;               /* starts as 200 */
        const char *content_type; /* NULL: none */
        struct buf body;          /* compressed on the way out when the client accepts gzip */
        /* Instead of body: bytes that outlive the server, sent as they are. */
        struct str fixed_body;
        struct http_listener *listener; /* instead of body, when joined to a channel */
        struct {
                const char *name;
                const char *value;
        } headers[HTTP_RESPONSE_HEADERS_MAX]; /* values: literals or in the request's arena */
        size_t header_count;
};

void http_response_header(struct http_response *response, const char *name, const char *value);
/* A plain text answer, replacing what is in the body. */
void http_response_text(struct http_response *response, int status, const char *text);

typedef void (*http_handler)(struct http_request *request, struct http_response *response,
                             void *ctx);

/* Path to handler. "{}" matches one path segment, a trailing "*" any rest. Routes are tried in
 * the order they were added. Unknown path: 404; known path, other method: 405 with Allow. */
struct http_router;

struct http_router *http_router_new(void);
struct http_router *http_router_free(struct http_router *router);
void http_router_add(struct http_router *router, const char *method, const char *path,
                     http_handler handler, void *ctx);

/* Who is let in, and what every answer carries: called on a worker before the route is looked up.
 * False: what is in the response is the answer. */
struct http_guard {
        bool (*check)(struct http_request *request, struct http_response *response, void *ctx);
        void *ctx;
};

struct http_server_options {
        struct str host;               /* literal address; "localhost" is 127.0.0.1 */
        uint16_t port;                 /* 0: any free one */
        unsigned worker_count;
        unsigned queue_max;            /* requests waiting for a worker */
        unsigned connection_max;
        size_t body_max_bytes;         /* of a request: more is 413 */
        size_t response_max_bytes;
        size_t arena_max_bytes;        /* budget of a request's arena */
        struct http_guard guard;       /* check NULL: everybody */
        const char *tls_priority;      /* NULL: clear text; else of http/tls.h */
        struct str prefix;             /* "/x": begins all paths, and is cut off for handlers */
        int64_t idle_max_ms;           /* a connection without a whole request; 0: a minute */
};

struct http_server;

/* Listens and serves at once. The router must outlive the server. ERROR_NETWORK when the address
 * cannot be bound. */
NODISCARD bool http_server_new(struct http_server **ret_server,
                               const struct http_server_options *options,
                               const struct http_router *router, struct error *err);
uint16_t http_server_port(const struct http_server *server);
/* Stops listening, cancels and waits for requests under way, ends. NULL is accepted. */
struct http_server *http_server_free(struct http_server *server);

/* Splits "host:port", "[v6]:port" or ":port" (host empty). */
NODISCARD bool http_parse_address(struct str text, struct str *ret_host, uint16_t *ret_port,
                                  struct error *err);

/* Whether every % begins an escape. */
bool http_url_valid(struct str text);
/* Decodes %XX, and + as space when `plus`; malformed escapes stay as they are. */
struct str http_url_decode(struct arena *arena, struct str text, bool plus);
/* As a segment of a path; as a name or value of a query, where a space is a plus. */
void http_url_encode(struct buf *out, struct str text);
void http_url_encode_query(struct buf *out, struct str text);
const char *http_status_text(int status); /* "Not Found" */

#endif

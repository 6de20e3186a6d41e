/* http/oauth2_int.h - tokens of OAuth 2.0 for the client. */
#ifndef HTTP_OAUTH2_INT_H
#define HTTP_OAUTH2_INT_H

#include "base/arena.h"
#include "http/client.h"

struct http_transfer;

/* A token kept for these credentials, as an Authorization header has it; false when there is none
 * or it is about to expire. Thread-safe. */
bool oauth2_token_find(const struct http_oauth2 *oauth2, struct arena *arena, struct str *ret);

/* One request for a token. The caller sets fetch.done and starts the fetch, then finishes. */
struct http_token_request {
        const struct http_oauth2 *oauth2;
        struct http_fetch fetch;
        struct arena arena;
        struct http_transfer *waiting; /* the client's, as are the next two */
        struct http_token_request *next;
        void *ctx;
        struct str token;              /* once finished */
        bool failed;                   /* err says why */
        struct error err;
};

struct http_token_request *oauth2_request_new(const struct http_oauth2 *oauth2,
                                              int64_t timeout_ms);
/* Reads the answer and keeps the token. */
void oauth2_request_finish(struct http_token_request *request);
void oauth2_request_free(struct http_token_request *request);

#endif

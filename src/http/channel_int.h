/* http/channel_int.h - the server's side of a channel. */
#ifndef HTTP_CHANNEL_INT_H
#define HTTP_CHANNEL_INT_H

#include <microhttpd.h>

#include "http/channel.h"

struct http_listener;

/* The answer for a listener, which then belongs to it. */
struct MHD_Response *http_listener_response(struct http_listener *listener,
                                            struct MHD_Connection *connection, int fd);
/* One that never got its answer. NULL is accepted. */
struct http_listener *http_listener_free(struct http_listener *listener);

#endif

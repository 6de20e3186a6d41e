/* http/channel.h - what is sent to clients that stay: an answer whose end is open, as of
 * server-sent events.
 *
 * A handler joins a response to a channel; from then on the client is sent what is sent to the
 * channel, until it leaves or the channel closes. A listener holds a connection and a little
 * memory, no thread. Thread-safe.
 */
#ifndef HTTP_CHANNEL_H
#define HTTP_CHANNEL_H

#include "base/str.h"
#include "base/compiler.h"

struct http_channel;
struct http_response;

struct http_channel *http_channel_new(unsigned listener_max);
/* Close it first, and end the server before. NULL is accepted. */
struct http_channel *http_channel_free(struct http_channel *channel);

/* Makes the response one of the channel, beginning with `first`. False when there are as many
 * listeners as may be, or the channel is closed. */
NODISCARD bool http_channel_join(struct http_channel *channel, struct http_response *response,
                                 struct str first);
/* To all listeners. One that is too far behind does not get this text. */
void http_channel_send(struct http_channel *channel, struct str text);
/* Lets go of listeners whose client has left: to be called about once a second. */
void http_channel_tend(struct http_channel *channel);
/* Ends all answers, and lets nobody join any more. Waits half a second at most until all clients
 * have what was sent. Before the server is freed. */
void http_channel_close(struct http_channel *channel);

#endif

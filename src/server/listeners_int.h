/* server/listeners_int.h - the ports of server.listeners: StatsD and Graphite. */
#ifndef SERVER_LISTENERS_INT_H
#define SERVER_LISTENERS_INT_H

#include "base/error.h"
#include "base/str.h"

struct config;
struct listeners;
struct push;

bool server_is_loopback(struct str host);

/* Opens what the config asks for. ERROR_NETWORK when a port cannot be bound, ERROR_UNSUPPORTED
 * beyond loopback unless that is said to be meant. */
NODISCARD bool listeners_new(struct listeners **ret_listeners, const struct config *config,
                             struct push *push, struct error *err);
/* Takes what has arrived, and stores what was added up. NULL is accepted. */
struct listeners *listeners_free(struct listeners *listeners);

#endif

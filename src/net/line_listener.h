/* net/line_listener.h - lines from anybody who sends: UDP datagrams and TCP streams on one port.
 *
 * One thread. Senders are never answered: over UDP what does not fit the socket's buffer is lost,
 * over TCP the window closes. A connection whose line is longer than the maximum is closed, as is
 * the oldest when there are too many.
 */
#ifndef NET_LINE_LISTENER_H
#define NET_LINE_LISTENER_H

#include "base/error.h"
#include "base/str.h"

struct line_listener;

struct line_listener_options {
        struct str host;  /* literal address */
        uint16_t port;
        unsigned connection_max;
        size_t line_max_bytes;
        /* Whole lines of one sender, separated by newlines; on the listener's thread. */
        void (*take)(void *ctx, struct str lines);
        /* Called every tick_ms, and once before the end; on the same thread. NULL: never. */
        void (*tick)(void *ctx);
        int64_t tick_ms;
        void *ctx;
};

/* ERROR_NETWORK when the port cannot be bound. */
NODISCARD bool line_listener_new(struct line_listener **ret_listener,
                                 const struct line_listener_options *options, struct error *err);
/* What has arrived is still taken. NULL is accepted. */
struct line_listener *line_listener_free(struct line_listener *listener);

#endif

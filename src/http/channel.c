#include "http/channel.h"

#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/metrics.h"
#include "http/channel_int.h"
#include "http/server.h"

ALLOC_TYPE(http_channel_type, "http_channel")
ALLOC_TYPE(http_listener_type, "http_listener")

METRIC_GAUGE(listeners, "pitwall_http_listeners", "",
             "Clients that are sent events as they happen.")
METRIC_COUNTER(texts_dropped, "pitwall_http_events_dropped_total", "",
               "Events that a client did not get because it was too far behind.")

/* Of what a client has not taken yet: many times what is ever sent at once. */
enum { PENDING_MAX_BYTES = 64 << 10, BLOCK_BYTES = 4096 };

/* For clients to take what was sent last. */
enum { CLOSE_MAX_MS = 500 };

struct http_channel {
        unsigned listener_max;
        pthread_mutex_t lock;
        pthread_cond_t emptied;          /* after closing */
        struct http_listener *listeners; /* lock */
        unsigned listener_count;         /* lock */
        bool closed;                     /* lock */
};

struct http_listener {
        struct http_channel *channel;
        struct http_listener *next, *previous; /* channel's lock; so are the rest */
        struct MHD_Connection *connection;     /* NULL: not answered yet */
        int fd;
        struct buf pending;
        bool suspended;
        bool left; /* the client has gone */
};

struct http_channel *http_channel_new(unsigned listener_max)
{
        struct http_channel *channel = alloc_new(&http_channel_type, sizeof(*channel));

        channel->listener_max = listener_max;
        pthread_mutex_init(&channel->lock, NULL);
        pthread_cond_init(&channel->emptied, NULL);
        return channel;
}

struct http_channel *http_channel_free(struct http_channel *channel)
{
        if (!channel)
                return NULL;
        BUG_ON(channel->listeners);
        pthread_cond_destroy(&channel->emptied);
        pthread_mutex_destroy(&channel->lock);
        return alloc_free(&http_channel_type, channel);
}

bool http_channel_join(struct http_channel *channel, struct http_response *response,
                       struct str first)
{
        struct http_listener *listener;
        bool joins;

        pthread_mutex_lock(&channel->lock);
        joins = !channel->closed && channel->listener_count < channel->listener_max;
        if (joins) {
                listener = alloc_new(&http_listener_type, sizeof(*listener));
                listener->channel = channel;
                listener->pending = BUF_INIT(PENDING_MAX_BYTES);
                buf_append_str(&listener->pending, first);
                listener->next = channel->listeners;
                if (channel->listeners)
                        channel->listeners->previous = listener;
                channel->listeners = listener;
                channel->listener_count++;
                response->listener = listener;
                metric_add(&listeners, 1);
        }
        pthread_mutex_unlock(&channel->lock);
        return joins;
}

struct http_listener *http_listener_free(struct http_listener *listener)
{
        struct http_channel *channel;

        if (!listener)
                return NULL;
        channel = listener->channel;
        pthread_mutex_lock(&channel->lock);
        if (listener->previous)
                listener->previous->next = listener->next;
        else
                channel->listeners = listener->next;
        if (listener->next)
                listener->next->previous = listener->previous;
        channel->listener_count--;
        if (!channel->listeners)
                pthread_cond_signal(&channel->emptied);
        pthread_mutex_unlock(&channel->lock);
        metric_add(&listeners, -1);
        buf_release(&listener->pending);
        return alloc_free(&http_listener_type, listener);
}

/* ---- sending ------------------------------------------------------------------------------ */

/* With the lock: its network thread looks at the listener again. */
static void wake(struct http_listener *listener)
{
        if (!listener->suspended)
                return;
        listener->suspended = false;
        MHD_resume_connection(listener->connection);
}

void http_channel_send(struct http_channel *channel, struct str text)
{
        pthread_mutex_lock(&channel->lock);
        for (struct http_listener *l = channel->listeners; l; l = l->next) {
                if (l->pending.len + text.len > PENDING_MAX_BYTES) {
                        metric_add(&texts_dropped, 1);
                        continue;
                }
                buf_append_str(&l->pending, text);
                wake(l);
        }
        pthread_mutex_unlock(&channel->lock);
}

void http_channel_tend(struct http_channel *channel)
{
        pthread_mutex_lock(&channel->lock);
        for (struct http_listener *l = channel->listeners; l; l = l->next) {
                struct pollfd poll_fd = {.fd = l->fd, .events = POLLRDHUP};

                if (!l->suspended || poll(&poll_fd, 1, 0) <= 0)
                        continue;
                l->left = true;
                wake(l);
        }
        pthread_mutex_unlock(&channel->lock);
}

void http_channel_close(struct http_channel *channel)
{
        struct timespec until;
        int error = 0;

        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += CLOSE_MAX_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_mutex_lock(&channel->lock);
        channel->closed = true;
        for (struct http_listener *l = channel->listeners; l; l = l->next)
                wake(l);
        while (channel->listeners && error == 0)
                error = pthread_cond_timedwait(&channel->emptied, &channel->lock, &until);
        pthread_mutex_unlock(&channel->lock);
}

/* ---- libmicrohttpd's side ----------------------------------------------------------------- */

/* On the network thread: the next bytes, or the connection rests until there are some. */
static ssize_t read_pending(void *ctx, uint64_t position, char *out, size_t max)
{
        struct http_listener *listener = ctx;
        struct http_channel *channel = listener->channel;
        struct buf *pending = &listener->pending;
        ssize_t result = 0;

        (void)position;
        pthread_mutex_lock(&channel->lock);
        if (listener->left) {
                result = MHD_CONTENT_READER_END_WITH_ERROR;
        } else if (pending->len) {
                result = (ssize_t)(pending->len < max ? pending->len : max);
                memcpy(out, pending->data, (size_t)result);
                memmove(pending->data, pending->data + result, pending->len - (size_t)result);
                pending->len -= (size_t)result;
        } else if (channel->closed) {
                result = MHD_CONTENT_READER_END_OF_STREAM;
        } else {
                listener->suspended = true;
                MHD_suspend_connection(listener->connection);
        }
        pthread_mutex_unlock(&channel->lock);
        return result;
}

static void free_listener(void *ctx)
{
        http_listener_free(ctx);
}

struct MHD_Response *http_listener_response(struct http_listener *listener,
                                            struct MHD_Connection *connection, int fd)
{
        int on = 1;

        /* Without it a client that lost its network would stay for ever. */
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
        pthread_mutex_lock(&listener->channel->lock);
        listener->connection = connection;
        listener->fd = fd;
        pthread_mutex_unlock(&listener->channel->lock);
        return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_pending,
                                                 listener, free_listener);
}

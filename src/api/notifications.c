/* Notifications: what an operator should know now, asked for or sent as it changes. */
#include <pthread.h>
#include <stdio.h>

#include "api/api_int.h"
#include "base/alloc.h"
#include "http/channel.h"
#include "tsdb/tsdb.h"

ALLOC_TYPE(notices_type, "api_notices")

enum { NOTICE_RELOAD_FAILED, NOTICE_DISK_FULL, NOTICE_SERIES_REFUSED, NOTICES };
enum { EVENT_MAX_BYTES = 512 };

static const char *const texts[NOTICES] = {
        [NOTICE_RELOAD_FAILED] = "Configuration reload has failed.",
        [NOTICE_DISK_FULL] = "The disk is full: samples are refused.",
        [NOTICE_SERIES_REFUSED] = "The series limit is reached: new series are refused.",
};

struct api_notices {
        struct http_channel *channel;
        pthread_mutex_t lock;
        int64_t since_ms[NOTICES]; /* lock; 0: not now */
};

static void write_notice(struct json_writer *writer, const char *text, int64_t since_ms,
                         bool active)
{
        json_object_begin(writer);
        json_key(writer, "text");
        json_cstring(writer, text);
        json_key(writer, "date");
        api_write_time(writer, since_ms);
        json_key(writer, "active");
        json_bool(writer, active);
        json_object_end(writer);
}

/* As an event of a stream. */
static void append_event(struct buf *out, const char *text, int64_t since_ms, bool active)
{
        struct json_writer writer = json_writer_make(out);

        buf_append_cstr(out, "data: ");
        write_notice(&writer, text, since_ms, active);
        buf_append_cstr(out, "\n\n");
}

static void send_event(struct api_notices *notices, const char *text, int64_t since_ms,
                       bool active)
{
        struct buf event CLEANUP(buf_release) = BUF_INIT(EVENT_MAX_BYTES);

        append_event(&event, text, since_ms, active);
        http_channel_send(notices->channel, buf_str(&event));
}

/* With the lock: since when each holds; changes are sent to those who listen. */
static void look(struct api *api)
{
        struct api_notices *notices = api->notices;
        int64_t now_ms = clock_now_ms(api->clock), since_ms[NOTICES] = {0}, failed_ms;
        struct tsdb_stats stats;
        bool reload_ok;

        api->reload_state(api->ctx, &reload_ok, &failed_ms);
        tsdb_stats(api->tsdb, &stats);
        since_ms[NOTICE_RELOAD_FAILED] = reload_ok ? 0 : now_ms;
        since_ms[NOTICE_DISK_FULL] = stats.full ? now_ms : 0;
        since_ms[NOTICE_SERIES_REFUSED] = api->series_refused_ms(api->ctx);
        for (size_t i = 0; i < NOTICES; i++) {
                if (!since_ms[i] == !notices->since_ms[i])
                        continue;
                send_event(notices, texts[i], since_ms[i] ? since_ms[i] : notices->since_ms[i],
                           since_ms[i] != 0);
                notices->since_ms[i] = since_ms[i];
        }
}

void api_tick(struct api *api)
{
        struct api_notices *notices = api->notices;

        pthread_mutex_lock(&notices->lock);
        look(api);
        pthread_mutex_unlock(&notices->lock);
        http_channel_tend(notices->channel);
}

static void handle_notifications(struct http_request *request, struct http_response *response,
                                 void *ctx)
{
        struct api *api = ctx;
        struct api_notices *notices = api->notices;
        struct json_writer writer = api_begin(response);

        (void)request;
        pthread_mutex_lock(&notices->lock);
        look(api);
        json_array_begin(&writer);
        for (size_t i = 0; i < NOTICES; i++)
                if (notices->since_ms[i])
                        write_notice(&writer, texts[i], notices->since_ms[i], true);
        json_array_end(&writer);
        pthread_mutex_unlock(&notices->lock);
        api_end(response, NULL);
}

static void handle_live(struct http_request *request, struct http_response *response, void *ctx)
{
        struct api *api = ctx;
        struct api_notices *notices = api->notices;
        struct buf first CLEANUP(buf_release) = BUF_INIT(NOTICES * EVENT_MAX_BYTES);

        (void)request;
        response->content_type = "text/event-stream";
        http_response_header(response, "Cache-Control", "no-cache");
        pthread_mutex_lock(&notices->lock);
        look(api);
        for (size_t i = 0; i < NOTICES; i++)
                if (notices->since_ms[i])
                        append_event(&first, texts[i], notices->since_ms[i], true);
        if (!http_channel_join(notices->channel, response, buf_str(&first)))
                response->status = 204;
        pthread_mutex_unlock(&notices->lock);
}

void api_notifications_register(struct api *api, struct http_router *router)
{
        api->notices = alloc_new(&notices_type, sizeof(*api->notices));
        api->notices->channel = http_channel_new(api->listener_max);
        pthread_mutex_init(&api->notices->lock, NULL);
        http_router_add(router, "GET", "/api/v1/notifications", handle_notifications, api);
        http_router_add(router, "GET", "/api/v1/notifications/live", handle_live, api);
}

void api_close(struct api *api)
{
        if (!api->notices)
                return;
        send_event(api->notices, "Pitwall is shutting down.", clock_now_ms(api->clock), true);
        http_channel_close(api->notices->channel);
}

void api_notifications_release(struct api *api)
{
        if (!api->notices)
                return;
        http_channel_free(api->notices->channel);
        pthread_mutex_destroy(&api->notices->lock);
        api->notices = alloc_free(&notices_type, api->notices);
}

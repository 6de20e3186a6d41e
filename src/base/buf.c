#include "base/buf.h"

#include <stdio.h>

#include "base/alloc.h"

ALLOC_TYPE(buf_type, "buf")

void buf_release(struct buf *buf)
{
        buf->data = alloc_free(&buf_type, buf->data);
        buf->len = buf->capacity = 0;
}

void buf_clear(struct buf *buf)
{
        buf->len = 0;
        buf->overflow = false;
        if (buf->data)
                buf->data[0] = '\0';
}

char *buf_reserve(struct buf *buf, size_t more)
{
        size_t grown;

        if (UNLIKELY(buf->len > buf->max_bytes || more > buf->max_bytes - buf->len)) {
                buf->overflow = true;
                return NULL;
        }
        if (LIKELY(buf->len + more < buf->capacity))
                return buf->data + buf->len;
        grown = buf->capacity ? buf->capacity + buf->capacity / 2 : 256;
        if (grown <= buf->len + more)
                grown = buf->len + more + 1;
        if (grown - 1 > buf->max_bytes)
                grown = buf->max_bytes + 1;
        buf->data = alloc_resize(&buf_type, buf->data, grown);
        buf->capacity = grown;
        return buf->data + buf->len;
}

void buf_append(struct buf *buf, const void *data, size_t len)
{
        char *tail = buf_reserve(buf, len);

        if (!tail)
                return;
        if (len)
                memcpy(tail, data, len);
        tail[len] = '\0';
        buf->len += len;
}

void buf_append_str(struct buf *buf, struct str s)
{
        buf_append(buf, s.data, s.len);
}

void buf_append_cstr(struct buf *buf, const char *cstr)
{
        buf_append(buf, cstr, strlen(cstr));
}

void buf_append_byte(struct buf *buf, char c)
{
        buf_append(buf, &c, 1);
}

void buf_vprintf(struct buf *buf, const char *fmt, va_list args)
{
        va_list again;
        char *tail;
        int len;

        va_copy(again, args);
        len = vsnprintf(NULL, 0, fmt, again);
        va_end(again);
        BUG_ON(len < 0);
        tail = buf_reserve(buf, (size_t)len);
        if (!tail)
                return;
        vsnprintf(tail, (size_t)len + 1, fmt, args);
        buf->len += (size_t)len;
}

void buf_printf(struct buf *buf, const char *fmt, ...)
{
        va_list args;

        va_start(args, fmt);
        buf_vprintf(buf, fmt, args);
        va_end(args);
}

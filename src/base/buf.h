/* base/buf.h - a growable byte buffer with a maximum.
 *
 * An append that would pass the maximum adds nothing and sets `overflow`, which sticks: write
 * everything, check once. data is NUL-terminated whenever it is not NULL. Heap-backed, not
 * thread-safe; release it with buf_release (fits CLEANUP).
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>

#include "base/str.h"

struct buf {
        char *data;
        size_t len;
        size_t capacity;
        size_t max_bytes;
        bool overflow;
};

#define BUF_INIT(max) ((struct buf){.max_bytes = (max)})

void buf_release(struct buf *buf);
void buf_clear(struct buf *buf); /* keeps the memory, clears overflow */

/* Room for `more` bytes behind len; NULL (and overflow) past the maximum. Commit by adding to
 * len yourself. */
char *buf_reserve(struct buf *buf, size_t more);

void buf_append(struct buf *buf, const void *data, size_t len);
void buf_append_str(struct buf *buf, struct str s);
void buf_append_cstr(struct buf *buf, const char *cstr);
void buf_append_byte(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_vprintf(struct buf *buf, const char *fmt, va_list args) PRINTF_LIKE(2, 0);

static inline struct str buf_str(const struct buf *buf)
{
        return str_make(buf->data ? buf->data : "", buf->len);
}

#endif

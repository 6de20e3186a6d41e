/* base/str.h - a borrowed run of bytes: pointer and length, no terminator, owns nothing. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <string.h>

#include "base/compiler.h"

struct str {
        const char *data;
        size_t len;
};

#define STR_LIT(literal) ((struct str){(literal), sizeof(literal) - 1})
#define STR_FMT "%.*s"
#define STR_ARG(s) (int)(s).len, (s).data

static inline struct str str_make(const char *data, size_t len)
{
        return (struct str){data, len};
}

static inline struct str str_from(const char *cstr)
{
        return (struct str){cstr, cstr ? strlen(cstr) : 0};
}

static inline bool str_equal(struct str a, struct str b)
{
        return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool str_is(struct str s, const char *cstr)
{
        return str_equal(s, str_from(cstr));
}

/* Orders by bytes, as Go compares strings. */
static inline int str_compare(struct str a, struct str b)
{
        size_t shorter = a.len < b.len ? a.len : b.len;
        int order = shorter ? memcmp(a.data, b.data, shorter) : 0;

        if (order)
                return order;
        return a.len < b.len ? -1 : a.len > b.len;
}

static inline bool str_starts_with(struct str s, struct str prefix)
{
        return s.len >= prefix.len && memcmp(s.data, prefix.data, prefix.len) == 0;
}

static inline bool str_ends_with(struct str s, struct str suffix)
{
        return s.len >= suffix.len &&
               memcmp(s.data + s.len - suffix.len, suffix.data, suffix.len) == 0;
}

static inline struct str str_slice(struct str s, size_t from, size_t to)
{
        BUG_ON(from > to || to > s.len);
        return (struct str){s.data + from, to - from};
}

/* Position of the first byte c, or s.len. */
static inline size_t str_find_byte(struct str s, char c)
{
        const char *hit = s.len ? (const char *)memchr(s.data, c, s.len) : NULL;

        return hit ? (size_t)(hit - s.data) : s.len;
}

/* Of a hexadecimal digit of either case; 16 of anything else. */
static inline unsigned str_hex_digit(char c)
{
        return c >= '0' && c <= '9'   ? (unsigned)(c - '0')
               : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
               : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
                                      : 16;
}

bool str_contains(struct str s, struct str part);
struct str str_trim(struct str s); /* spaces, tabs, carriage returns and newlines at both ends */
bool str_is_utf8(struct str s);

/* Cuts s at the first byte c: the part before goes to ret_head, s keeps the part behind.
 * Without c, head is all of s and s becomes empty. Returns false once s is NULL. */
bool str_cut(struct str *s, char c, struct str *ret_head);

/* The candidate closest to `word` (edit distance at most 1/3 of its length, at least 1), for
 * "did you mean"; NULL when none is close. */
const char *str_closest(struct str word, const char *const *candidates, size_t count);

#endif

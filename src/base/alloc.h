/* base/alloc.h - long-lived heap objects, counted by type.
 *
 * Running out of memory is fatal. Every type shows its live count and bytes in Pitwall's own
 * metrics (pitwall_alloc_*), so a leak has a name. Thread-safe.
 * What lives for one request or one query belongs in an arena instead (base/arena.h).
 */
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include <stdatomic.h>

#include "base/compiler.h"

struct alloc_type {
        const char *name;
        _Atomic int64_t live_count;
        _Atomic int64_t live_bytes;
        struct alloc_type *next;
};

/* Defines a static allocation type and registers it at program start. */
#define ALLOC_TYPE(var, type_name)                                          \
        static struct alloc_type var = {.name = (type_name)};               \
        __attribute__((constructor)) static void var##_register_type(void)  \
        {                                                                   \
                alloc_type_register(&var);                                  \
        }

void alloc_type_register(struct alloc_type *type);
void alloc_type_each(void (*visit)(const struct alloc_type *type, void *ctx), void *ctx);

void *alloc_new(struct alloc_type *type, size_t size_bytes);                 /* zeroed */
void *alloc_resize(struct alloc_type *type, void *ptr, size_t size_bytes);   /* tail not zeroed */
char *alloc_strdup(struct alloc_type *type, const char *data, size_t len);   /* NUL-terminated */
void *alloc_free(struct alloc_type *type, void *ptr);                        /* returns NULL */

/* Grows a plain array so that it holds at least `needed` items; returns the (moved) array. */
void *alloc_array_reserve(struct alloc_type *type, void *items, size_t *capacity, size_t needed,
                          size_t item_size_bytes);

#endif

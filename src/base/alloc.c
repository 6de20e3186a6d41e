#include "base/alloc.h"

#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct alloc_type *type_list; /* grows only, at program start */

void alloc_type_register(struct alloc_type *type)
{
        type->next = type_list;
        type_list = type;
}

void alloc_type_each(void (*visit)(const struct alloc_type *type, void *ctx), void *ctx)
{
        for (const struct alloc_type *type = type_list; type; type = type->next)
                visit(type, ctx);
}

static NORETURN void out_of_memory(const struct alloc_type *type, size_t size_bytes)
{
        fprintf(stderr, "out of memory: %zu bytes for %s\n", size_bytes, type->name);
        abort();
}

static void account(struct alloc_type *type, int64_t count, int64_t bytes)
{
        atomic_fetch_add_explicit(&type->live_count, count, memory_order_relaxed);
        atomic_fetch_add_explicit(&type->live_bytes, bytes, memory_order_relaxed);
}

void *alloc_new(struct alloc_type *type, size_t size_bytes)
{
        void *ptr = calloc(1, size_bytes ? size_bytes : 1);

        if (!ptr)
                out_of_memory(type, size_bytes);
        account(type, 1, (int64_t)malloc_usable_size(ptr));
        return ptr;
}

void *alloc_resize(struct alloc_type *type, void *ptr, size_t size_bytes)
{
        int64_t before = ptr ? (int64_t)malloc_usable_size(ptr) : 0;
        void *moved = realloc(ptr, size_bytes ? size_bytes : 1);

        if (!moved)
                out_of_memory(type, size_bytes);
        account(type, ptr ? 0 : 1, (int64_t)malloc_usable_size(moved) - before);
        return moved;
}

char *alloc_strdup(struct alloc_type *type, const char *data, size_t len)
{
        char *copy = alloc_new(type, len + 1);

        if (len)
                memcpy(copy, data, len);
        return copy;
}

void *alloc_free(struct alloc_type *type, void *ptr)
{
        if (ptr) {
                account(type, -1, -(int64_t)malloc_usable_size(ptr));
                free(ptr);
        }
        return NULL;
}

void *alloc_array_reserve(struct alloc_type *type, void *items, size_t *capacity, size_t needed,
                          size_t item_size_bytes)
{
        size_t grown = *capacity ? *capacity : 8;

        if (needed <= *capacity)
                return items;
        while (grown < needed)
                grown += grown / 2 + 1;
        BUG_ON(grown > SIZE_MAX / item_size_bytes);
        *capacity = grown;
        return alloc_resize(type, items, grown * item_size_bytes);
}

/* tsdb/pages_int.h - an array by series id whose items never move: a directory of pages, made on
 * first use. One writer at a time; readers need no lock, they see a page whole or not at all. */
#ifndef TSDB_PAGES_INT_H
#define TSDB_PAGES_INT_H

#include <stdatomic.h>

#include "base/alloc.h"

/* 2^32 ids in pages of 4,096. The directory is 8 MiB of address space, touched where it is used. */
enum { PAGES_SHIFT = 12, PAGES_ITEMS = 1 << PAGES_SHIFT, PAGES_COUNT = 1 << (32 - PAGES_SHIFT) };

struct pages {
        _Atomic(void *) *directory;
        struct alloc_type *type;
        size_t item_bytes;
        _Atomic uint32_t end_page; /* behind the highest page made; it is there when this says so */
        _Atomic uint32_t made; /* counted by the writer, shown to anybody */
};

void pages_init(struct pages *pages, struct alloc_type *type, size_t item_bytes);
void pages_release(struct pages *pages);
void *pages_make_slow(struct pages *pages, uint32_t id);

/* The item, zeroed at first; NULL when its page was never made. */
static inline void *pages_get(const struct pages *pages, uint32_t id)
{
        char *page = atomic_load_explicit(&pages->directory[id >> PAGES_SHIFT],
                                          memory_order_acquire);

        return page ? page + (id & (PAGES_ITEMS - 1)) * pages->item_bytes : NULL;
}

static inline void *pages_make(struct pages *pages, uint32_t id)
{
        void *item = pages_get(pages, id);

        return LIKELY(item) ? item : pages_make_slow(pages, id);
}

static inline size_t pages_bytes(const struct pages *pages)
{
        return atomic_load_explicit(&pages->made, memory_order_relaxed) * pages->item_bytes *
               PAGES_ITEMS;
}

#endif

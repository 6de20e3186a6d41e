#include "tsdb/pages_int.h"

#include <sys/mman.h>

enum { DIRECTORY_BYTES = PAGES_COUNT * sizeof(void *) };

/* Straight from the system: malloc would, after the first one was freed, take the next from the
 * heap and make all of it resident by zeroing it. */
void pages_init(struct pages *pages, struct alloc_type *type, size_t item_bytes)
{
        void *directory = mmap(NULL, DIRECTORY_BYTES, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        BUG_ON(directory == MAP_FAILED);
        *pages = (struct pages){.directory = directory, .type = type, .item_bytes = item_bytes};
}

void pages_release(struct pages *pages)
{
        for (uint32_t i = 0; i < atomic_load(&pages->end_page); i++)
                alloc_free(pages->type, pages->directory[i]);
        munmap(pages->directory, DIRECTORY_BYTES);
        pages->directory = NULL;
}

void *pages_make_slow(struct pages *pages, uint32_t id)
{
        uint32_t at = id >> PAGES_SHIFT;
        void *page = alloc_new(pages->type, PAGES_ITEMS * pages->item_bytes);

        atomic_store_explicit(&pages->directory[at], page, memory_order_release);
        atomic_fetch_add_explicit(&pages->made, 1, memory_order_relaxed);
        if (at >= atomic_load(&pages->end_page))
                atomic_store(&pages->end_page, at + 1);
        return pages_get(pages, id);
}

#include "tsdb/pages_int.h"

ALLOC_TYPE(directory_type, "tsdb_page_directory")

void pages_init(struct pages *pages, struct alloc_type *type, size_t item_bytes)
{
        *pages = (struct pages){.type = type, .item_bytes = item_bytes};
        pages->directory = alloc_new(&directory_type, PAGES_COUNT * sizeof(void *));
}

void pages_release(struct pages *pages)
{
        for (uint32_t i = 0; i < pages->end_page; i++)
                alloc_free(pages->type, pages->directory[i]);
        pages->directory = alloc_free(&directory_type, pages->directory);
}

void *pages_make_slow(struct pages *pages, uint32_t id)
{
        uint32_t at = id >> PAGES_SHIFT;
        void *page = alloc_new(pages->type, PAGES_ITEMS * pages->item_bytes);

        atomic_store_explicit(&pages->directory[at], page, memory_order_release);
        pages->made++;
        if (at >= pages->end_page)
                pages->end_page = at + 1;
        return pages_get(pages, id);
}

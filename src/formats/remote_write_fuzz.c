/* Whatever the bytes: no crash in either version, keys that parse or say why not, valid
 * histograms. */
#include "formats/remote_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_entry(struct arena *arena, enum remote_write_kind kind,
                        const struct remote_write_entry *entry)
{
        struct labels_builder builder;
        struct labels labels;
        struct error err;

        if (kind == REMOTE_WRITE_HISTOGRAM && entry->h)
                BUG_ON(!histogram_validate(entry->h, &err));
        if (kind != REMOTE_WRITE_SERIES)
                return;
        labels_builder_init(&builder, arena, (struct labels){0});
        if (!remote_write_labels(entry->key, &builder, &err))
                return;
        labels = labels_builder_finish(&builder);
        for (size_t i = 0; i < labels.count; i++) {
                BUG_ON(!labels.items[i].name.len || !labels.items[i].value.len);
                BUG_ON(i > 0 && str_compare(labels.items[i - 1].name, labels.items[i].name) >= 0);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        for (int version = REMOTE_WRITE_1; version <= REMOTE_WRITE_2; version++) {
                struct remote_write_entry entry;
                struct remote_write reader;
                enum remote_write_kind kind = REMOTE_WRITE_END;
                struct arena arena;
                struct error err;
                bool ok;

                arena_init(&arena, 8 << 20);
                ok = remote_write_init(&reader, (enum remote_write_version)version,
                                       str_make((const char *)data, size), &arena, &err);
                while (ok) {
                        kind = remote_write_next(&reader, &entry, &err);
                        if (kind == REMOTE_WRITE_END || kind == REMOTE_WRITE_ERROR)
                                break;
                        check_entry(&arena, kind, &entry);
                }
                arena_release(&arena);
        }
        return 0;
}

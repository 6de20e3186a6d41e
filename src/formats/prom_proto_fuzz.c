/* Whatever the bytes and options: no crash, keys that parse or say why not, valid histograms. */
#include "formats/prom_proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_sample(struct arena *arena, const struct prom_proto_entry *entry)
{
        struct labels_builder builder;
        struct error err;

        BUG_ON(!entry->key.len || entry->key.data[0] != PROM_PROTO_KEY_MARK);
        labels_builder_init(&builder, arena, (struct labels){0});
        if (prom_proto_series(entry->key, 64, &builder, &err))
                BUG_ON(labels_builder_finish(&builder).count == 0);
        if (entry->h)
                BUG_ON(!histogram_validate(entry->h, &err));
        for (size_t i = 0; i < entry->exemplar_count; i++) {
                struct prom_proto_exemplar exemplar;

                labels_builder_init(&builder, arena, (struct labels){0});
                if (prom_proto_exemplar(entry->exemplars[i], 64, &builder, &exemplar, &err))
                        labels_builder_finish(&builder);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        for (unsigned bits = 0; bits < 8; bits++) {
                struct prom_proto_options options = {bits & 1, bits & 2, bits & 4};
                struct prom_proto_entry entry = {0};
                struct prom_proto reader;
                enum prom_proto_kind kind;
                struct arena arena;
                struct error err;

                arena_init(&arena, 16 << 20);
                prom_proto_init(&reader, str_make((const char *)data, size), &options, &arena);
                do {
                        kind = prom_proto_next(&reader, &entry, &err);
                        if (kind == PROM_PROTO_SAMPLE)
                                check_sample(&arena, &entry);
                } while (kind != PROM_PROTO_END && kind != PROM_PROTO_ERROR);
                prom_proto_release(&reader);
                arena_release(&arena);
        }
        return 0;
}

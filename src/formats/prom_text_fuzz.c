/* Whatever the bytes: no crash, every slice inside the body, and the guess of the next series
 * changes nothing but speed. */
#include "formats/prom_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct str body = str_make((const char *)data, size);
        struct prom_text reader = prom_text_make(body), guided = reader;
        struct arena arena;

        arena_init(&arena, 16 << 20);
        for (;;) {
                struct prom_text_entry entry = {0}, again = {0};
                struct labels_builder builder;
                struct error err;
                enum prom_text_kind kind = prom_text_next(&reader, STR_LIT(""), &entry, &err);

                if (kind == PROM_TEXT_END || kind == PROM_TEXT_ERROR)
                        break;
                BUG_ON(prom_text_next(&guided, entry.series, &again, &err) != kind);
                BUG_ON(!str_equal(entry.series, again.series));
                if (kind == PROM_TEXT_HELP)
                        prom_text_help(&arena, entry.text);
                if (kind != PROM_TEXT_SAMPLE)
                        continue;
                BUG_ON(entry.series.data < body.data ||
                       entry.series.data + entry.series.len > body.data + body.len);
                labels_builder_init(&builder, &arena, (struct labels){0});
                if (prom_text_series(entry.series, 64, &builder, &err))
                        BUG_ON(labels_builder_finish(&builder).count == 0);
        }
        arena_release(&arena);
        return 0;
}

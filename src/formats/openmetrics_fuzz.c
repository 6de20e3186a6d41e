/* Whatever the bytes: no crash, every slice inside the body, and the guess of the next series
 * changes nothing but speed. */
#include "formats/openmetrics.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct str body, struct str part)
{
        BUG_ON(part.len && (part.data < body.data ||
                            part.data + part.len > body.data + body.len));
}

static void parse_labels(struct arena *arena, const struct openmetrics_entry *entry)
{
        struct labels_builder builder;
        struct error err;

        labels_builder_init(&builder, arena, (struct labels){0});
        if (openmetrics_series(entry->series, 64, &builder, &err))
                BUG_ON(labels_builder_finish(&builder).count == 0);
        if (!entry->exemplar.len)
                return;
        labels_builder_init(&builder, arena, (struct labels){0});
        if (openmetrics_exemplar(entry->exemplar, 64, &builder, &err))
                labels_builder_finish(&builder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct str body = str_make((const char *)data, size);
        struct openmetrics reader = openmetrics_make(body), guided = reader;
        struct arena arena;

        arena_init(&arena, 16 << 20);
        for (;;) {
                struct openmetrics_entry entry = {0}, again = {0};
                struct error err;
                enum openmetrics_kind kind = openmetrics_next(&reader, STR_LIT(""), &entry, &err);

                if (kind == OPENMETRICS_END || kind == OPENMETRICS_ERROR)
                        break;
                BUG_ON(openmetrics_next(&guided, entry.series, &again, &err) != kind);
                BUG_ON(!str_equal(entry.series, again.series));
                BUG_ON(!str_equal(entry.exemplar, again.exemplar));
                check_inside(body, entry.name);
                check_inside(body, entry.text);
                check_inside(body, entry.series);
                check_inside(body, entry.exemplar);
                if (kind == OPENMETRICS_HELP)
                        openmetrics_help(&arena, entry.text);
                if (kind == OPENMETRICS_SAMPLE)
                        parse_labels(&arena, &entry);
        }
        arena_release(&arena);
        return 0;
}

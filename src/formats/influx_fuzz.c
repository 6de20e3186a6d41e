/* Any bytes: no crash, and every line is read once. */
#include "formats/influx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct influx_point point;
        struct influx reader;
        enum influx_kind kind;
        struct arena arena;
        struct error err;
        size_t left = size + 1;

        arena_init(&arena, 8 << 20);
        reader = influx_make(str_make((const char *)data, size), &arena);
        while ((kind = influx_next(&reader, &point, &err)) != INFLUX_END) {
                BUG_ON(reader.rest.len >= left);
                left = reader.rest.len;
                if (kind == INFLUX_BAD_LINE)
                        continue;
                BUG_ON(!point.measurement.len);
                for (size_t i = 0; i < point.tags.count; i++)
                        BUG_ON(!point.tags.items[i].name.len || !point.tags.items[i].value.len);
                for (size_t i = 0; i < point.field_count; i++)
                        BUG_ON(!point.fields[i].name.len);
        }
        arena_release(&arena);
        return 0;
}

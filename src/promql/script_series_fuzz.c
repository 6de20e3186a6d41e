/* Any series line of a test script, loaded and converted: a store of valid samples or an error. */
#include <stdlib.h>

#include "model/histogram_math.h"
#include "promql/script_load_int.h"
#include "testing/memory_series.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_values(struct arena *arena, const struct script_series *series)
{
        struct histogram_outcome outcome = {0};
        struct buf text = BUF_INIT(1 << 20);

        for (size_t i = 0; i < series->count && i < 16; i++) {
                const struct histogram *h = series->values[i].h;

                if (!h)
                        continue;
                if (!histogram_add(arena, h, h, &outcome))
                        abort();
                histogram_append_expression(&text, h);
                histogram_append_json(&text, h);
        }
        buf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct str text = str_make((const char *)data, size), line;
        struct memory_series *store = memory_series_new();
        struct script_series series;
        struct script_load load;
        struct arena arena;
        struct error err;

        arena_init(&arena, SIZE_MAX);
        script_load_init(&load, &arena, 30000);
        while (str_cut(&text, '\n', &line)) {
                if (!script_series_parse(&arena, line, &series, &err))
                        continue;
                check_values(&arena, &series);
                (void)!script_load_add(&load, &series, &err);
        }
        if (script_load_convert(&load, &err))
                (void)!script_load_store(&load, memory_series_sink(store), &err);
        arena_release(&arena);
        memory_series_free(store);
        return 0;
}

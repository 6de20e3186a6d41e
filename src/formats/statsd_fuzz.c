/* Any line: an error, or parts that lie in it. The same bytes are tried as Graphite's. */
#include "formats/graphite.h"
#include "formats/statsd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_tags(struct labels tags)
{
        for (size_t i = 0; i < tags.count; i++) {
                BUG_ON(!tags.items[i].name.len || !tags.items[i].value.len);
                BUG_ON(i && str_compare(tags.items[i - 1].name, tags.items[i].name) >= 0);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct str text = str_make((const char *)data, size), value;
        struct graphite_line graphite;
        struct statsd_line statsd;
        struct arena arena;
        struct error err;

        arena_init(&arena, 8 << 20);
        if (statsd_parse(text, &arena, &statsd, &err) && statsd.type != STATSD_NOTHING) {
                size_t values = 0;

                BUG_ON(!statsd.name.len || !(statsd.rate > 0 && statsd.rate <= 1));
                check_tags(statsd.tags);
                while (statsd_next_value(&statsd, &value))
                        BUG_ON(++values > size);
        }
        if (graphite_parse(text, &arena, &graphite, &err)) {
                BUG_ON(!graphite.path.len);
                check_tags(graphite.tags);
        }
        arena_release(&arena);
        return 0;
}

/* Whatever a file or a web service holds, as JSON and as YAML: no crash; labels are in order, none
 * of them empty. */
#include "collectors/discovery_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_labels(struct labels labels)
{
        for (size_t i = 0; i < labels.count; i++) {
                BUG_ON(!labels.items[i].name.len || !labels.items[i].value.len);
                BUG_ON(i && str_compare(labels.items[i - 1].name, labels.items[i].name) >= 0);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const struct label origin = {STR_LIT("__meta_filepath"), STR_LIT("f")};

        for (int format = TARGET_GROUPS_JSON; format <= TARGET_GROUPS_YAML; format++) {
                struct target_groups groups = {0};
                struct arena arena;
                struct error err;

                arena_init(&arena, 64 << 20);
                if (target_groups_parse(&arena, str_make((const char *)data, size),
                                        (enum target_groups_format)format, origin, &groups,
                                        &err)) {
                        for (size_t g = 0; g < groups.count; g++) {
                                check_labels(groups.items[g].labels);
                                for (size_t t = 0; t < groups.items[g].target_count; t++)
                                        check_labels(groups.items[g].targets[t]);
                        }
                }
                arena_release(&arena);
        }
        return 0;
}

/* Any body, in both formats: an error, or text that reads again, and then as the same. */
#include "ingest/push_families_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_MAX_BYTES = 64 << 20 };

/* False when the body is refused. */
static bool convert(struct str body, enum push_groups_format format, struct buf *out)
{
        struct label items[] = {{STR_LIT("instance"), STR_LIT("i\"\\\n")},
                                {STR_LIT("job"), STR_LIT("j")}};
        struct push_families families;
        struct error err;
        bool ok;

        push_families_init(&families, TEXT_MAX_BYTES);
        ok = push_families_read(&families, body, format, (struct labels){items, ARRAY_LEN(items)},
                                &err);
        for (const struct push_family *f = families.first; ok && f; f = f->next)
                push_family_append(out, f);
        push_families_release(&families);
        return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        for (int format = PUSH_GROUPS_TEXT; format <= PUSH_GROUPS_PROTO; format++) {
                struct buf texts[3] = {BUF_INIT(TEXT_MAX_BYTES), BUF_INIT(TEXT_MAX_BYTES),
                                       BUF_INIT(TEXT_MAX_BYTES)};

                if (convert(str_make((const char *)data, size), (enum push_groups_format)format,
                            &texts[0])) {
                        /* A TYPE behind its samples moves them once. */
                        BUG_ON(!convert(buf_str(&texts[0]), PUSH_GROUPS_TEXT, &texts[1]));
                        BUG_ON(!convert(buf_str(&texts[1]), PUSH_GROUPS_TEXT, &texts[2]));
                        BUG_ON(!str_equal(buf_str(&texts[1]), buf_str(&texts[2])));
                }
                for (size_t i = 0; i < ARRAY_LEN(texts); i++)
                        buf_release(&texts[i]);
        }
        return 0;
}

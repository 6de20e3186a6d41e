/* The types and units that families declare, when they are to be labels. There are few of them:
 * a series keeps the number of its pair, so that a change of either is seen at once. */
#include "base/alloc.h"
#include "ingest/exposition_int.h"

ALLOC_TYPE(family_type, "exposition_family")

/* Pairs of type and unit of one target; what comes beyond them says nothing. */
enum { FAMILIES_MAX = 4096, UNIT_MAX_BYTES = 1024 };

struct family {
        uint16_t number;
        uint16_t type_len, len;
        char text[]; /* type, a NUL, unit */
};

static struct family *add_family(struct exposition *exposition, struct str key, size_t type_len)
{
        size_t count = exposition->families.count;
        struct family *family = alloc_new(&family_type, sizeof(*family) + key.len);

        family->number = (uint16_t)(count + 1);
        family->type_len = (uint16_t)type_len;
        family->len = (uint16_t)key.len;
        memcpy(family->text, key.data, key.len);
        exposition->family_list = alloc_array_reserve(&family_type, exposition->family_list,
                                                      &exposition->family_capacity, count + 1,
                                                      sizeof(*exposition->family_list));
        exposition->family_list[count] = family;
        map_put(&exposition->families, str_make(family->text, family->len), family);
        return family;
}

static uint16_t find_number(struct scrape *scrape)
{
        struct exposition *exposition = scrape->exposition;
        const struct family_said *said = &scrape->said;
        struct arena_point mark = arena_mark(&scrape->scratch);
        struct family *family;
        char *text;
        struct str key;

        if ((!said->type.len && !said->unit.len) || said->unit.len > UNIT_MAX_BYTES)
                return 0;
        key.len = said->type.len + 1 + said->unit.len;
        key.data = text = arena_alloc(&scrape->scratch, key.len);
        memcpy(text, said->type.data, said->type.len);
        text[said->type.len] = '\0';
        memcpy(text + said->type.len + 1, said->unit.data, said->unit.len);
        family = map_get(&exposition->families, key);
        if (!family && exposition->families.count < FAMILIES_MAX)
                family = add_family(exposition, key, said->type.len);
        arena_rewind(&scrape->scratch, mark);
        return family ? family->number : 0;
}

void scrape_describe(struct scrape *scrape, struct str family, const struct str *type,
                     const struct str *unit)
{
        if (!scrape->exposition->options.type_and_unit_labels)
                return;
        if (!str_equal(scrape->said_of, family))
                scrape->said = (struct family_said){STR_LIT(""), STR_LIT("")};
        scrape->said_of = family;
        if (type)
                scrape->said.type = str_is(*type, "unknown") || str_is(*type, "untyped")
                                            ? STR_LIT("") : *type;
        if (unit)
                scrape->said.unit = *unit;
        scrape->said_number = find_number(scrape);
}

struct family_said exposition_family_said(const struct exposition *exposition, uint16_t number)
{
        const struct family *family = number ? exposition->family_list[number - 1] : NULL;

        if (!family)
                return (struct family_said){STR_LIT(""), STR_LIT("")};
        return (struct family_said){
                str_make(family->text, family->type_len),
                str_make(family->text + family->type_len + 1,
                         (size_t)family->len - family->type_len - 1),
        };
}

void exposition_families_release(struct exposition *exposition)
{
        for (size_t i = 0; i < exposition->families.count; i++)
                alloc_free(&family_type, exposition->family_list[i]);
        alloc_free(&family_type, exposition->family_list);
        map_release(&exposition->families);
}

#include "collectors/host_int.h"

struct host_table_sample {
        struct host_table_sample *next;
        const char *labels;
        double v;
};

struct host_table_family {
        struct host_table_family *next;
        const char *name, *type, *help;
        struct host_table_sample *first, *last;
};

static bool is_name(const char *name)
{
        size_t len = 0;

        for (; name[len]; len++) {
                char c = name[len];
                bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
                              c == ':';

                if (!letter && (c < '0' || c > '9' || len == 0))
                        return false;
        }
        return len > 0 && len <= HOST_NAME_MAX_BYTES;
}

static struct host_table_family *family_of(struct host_table *table, const char *name,
                                           const char *type, const char *help)
{
        struct host_table_family *family = map_get(&table->families, str_from(name));

        if (family)
                return family;
        family = arena_new(&table->arena, struct host_table_family);
        family->name = arena_str(&table->arena, str_from(name)).data;
        family->type = type;
        family->help = arena_str(&table->arena, str_from(help)).data;
        map_put(&table->families, str_from(family->name), family);
        if (table->last)
                table->last->next = family;
        else
                table->first = family;
        table->last = family;
        return family;
}

void host_table_add(struct host_table *table, const char *name, const char *type,
                    const char *help, const char *labels, double v)
{
        struct host_table_family *family;
        struct host_table_sample *sample;
        const char *series;

        if (!is_name(name) || arena_over_budget(&table->arena))
                return;
        series = arena_printf(&table->arena, "%s{%s", name, labels ? labels : "");
        if (map_get(&table->series, str_from(series)))
                return;
        family = family_of(table, name, type, help);
        sample = arena_new(&table->arena, struct host_table_sample);
        sample->labels = labels ? series + strlen(name) + 1 : NULL;
        sample->v = v;
        map_put(&table->series, str_from(series), sample);
        if (family->last)
                family->last->next = sample;
        else
                family->first = sample;
        family->last = sample;
}

void host_table_write(const struct host_table *table, struct buf *out)
{
        for (const struct host_table_family *f = table->first; f; f = f->next) {
                host_family(out, f->name, f->type, f->help);
                for (const struct host_table_sample *s = f->first; s; s = s->next)
                        host_sample(out, f->name, s->labels, s->v);
        }
}

void host_table_release(struct host_table *table)
{
        map_release(&table->families);
        map_release(&table->series);
        arena_release(&table->arena);
}

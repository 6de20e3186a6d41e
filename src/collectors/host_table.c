/* Gathers samples, and writes them in the text format. */
#include "codec/double.h"
#include "collectors/host_int.h"

struct host_table_sample {
        struct host_table_sample *next;
        const char *labels;
        double v;
};

struct host_table_family {
        struct host_table_family *next;
        const char *name, *type, *help;
        size_t name_len;
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

void host_family(struct host_table *table, const char *name, const char *type, const char *help)
{
        struct host_table_family *family = map_get(&table->families, str_from(name));

        table->current = family;
        if (family || !is_name(name) || arena_over_budget(&table->arena))
                return;
        family = arena_new(&table->arena, struct host_table_family);
        family->name = arena_str(&table->arena, str_from(name)).data;
        family->name_len = strlen(name);
        family->type = type;
        family->help = arena_str(&table->arena, str_from(help)).data;
        map_put(&table->families, str_from(family->name), family);
        if (table->last)
                table->last->next = family;
        else
                table->first = family;
        table->current = table->last = family;
}

/* "name{labels", with a NUL behind it. */
static struct str make_series(struct arena *arena, const struct host_table_family *family,
                              const char *labels)
{
        size_t labels_len = labels ? strlen(labels) : 0;
        size_t len = family->name_len + 1 + labels_len;
        char *text = arena_alloc(arena, len + 1);

        memcpy(text, family->name, family->name_len);
        text[family->name_len] = '{';
        memcpy(text + family->name_len + 1, labels ? labels : "", labels_len + 1);
        return str_make(text, len);
}

void host_sample(struct host_table *table, const char *labels, double v)
{
        struct host_table_family *family = table->current;
        struct host_table_sample *sample;
        struct str series;

        if (!family || arena_over_budget(&table->arena))
                return;
        series = make_series(&table->arena, family, labels);
        if (map_get(&table->series, series))
                return;
        sample = arena_new(&table->arena, struct host_table_sample);
        sample->labels = labels ? series.data + family->name_len + 1 : NULL;
        sample->v = v;
        map_put(&table->series, series, sample);
        if (family->last)
                family->last->next = sample;
        else
                family->first = sample;
        family->last = sample;
}

void host_single(struct host_table *table, const char *name, const char *type, const char *help,
                 const char *labels, double v)
{
        host_family(table, name, type, help);
        host_sample(table, labels, v);
}

static void write_sample(struct buf *out, const char *name, const char *labels, double v)
{
        char text[DOUBLE_TEXT_MAX];
        size_t len = double_format(text, v, DOUBLE_G);

        buf_append_cstr(out, name);
        if (labels) {
                buf_append_byte(out, '{');
                buf_append_cstr(out, labels);
                buf_append_byte(out, '}');
        }
        buf_append_byte(out, ' ');
        buf_append(out, text, len);
        buf_append_byte(out, '\n');
}

void host_table_write(const struct host_table *table, struct buf *out)
{
        for (const struct host_table_family *f = table->first; f; f = f->next) {
                if (!f->first)
                        continue;
                buf_printf(out, "# HELP %s ", f->name);
                host_escape(out, str_from(f->help), false);
                buf_printf(out, "\n# TYPE %s %s\n", f->name, f->type);
                for (const struct host_table_sample *s = f->first; s; s = s->next)
                        write_sample(out, f->name, s->labels, s->v);
        }
}

void host_table_release(struct host_table *table)
{
        map_release(&table->families);
        map_release(&table->series);
        arena_release(&table->arena);
}

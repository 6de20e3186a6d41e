#include "formats/statsd.h"

#include "codec/double.h"

enum { TAGS_MAX = 1024 };

static bool bad(struct error *err, const char *why)
{
        return error_set(err, ERROR_INVALID, "%s", why);
}

static bool read_tags(struct labels_builder *builder, struct str text, char between)
{
        struct str tag, name;

        for (size_t count = 0; text.len && str_cut(&text, ',', &tag); count++) {
                if (count == TAGS_MAX)
                        return false;
                str_cut(&tag, between, &name);
                /* A tag without a value is said to be there. */
                if (name.len)
                        labels_builder_set(builder, name,
                                           tag.data && tag.len ? tag : STR_LIT("true"));
        }
        return true;
}

/* Cuts off tags that stand behind the name. */
static bool read_name_tags(struct labels_builder *builder, struct str *name)
{
        size_t at = 0;
        struct str tags;

        while (at < name->len && !strchr("#,[", name->data[at]))
                at++;
        if (at == name->len)
                return true;
        tags = str_slice(*name, at + 1, name->len);
        if (name->data[at] == '[') {
                if (!tags.len || tags.data[tags.len - 1] != ']')
                        return false;
                tags.len--;
        }
        name->len = at;
        return read_tags(builder, tags, '=');
}

static bool read_type(struct str text, enum statsd_type *ret_type)
{
        static const struct {
                const char *name;
                enum statsd_type type;
        } types[] = {
                {"c", STATSD_COUNTER},   {"g", STATSD_GAUGE},     {"ms", STATSD_TIMER},
                {"h", STATSD_HISTOGRAM}, {"d", STATSD_HISTOGRAM}, {"s", STATSD_SET},
        };

        for (size_t i = 0; i < ARRAY_LEN(types); i++) {
                if (!str_is(text, types[i].name))
                        continue;
                *ret_type = types[i].type;
                return true;
        }
        return false;
}

static bool read_sections(struct str rest, struct labels_builder *builder,
                          struct statsd_line *line, struct error *err)
{
        struct str section;

        while (rest.len && str_cut(&rest, '|', &section)) {
                struct str content = section.len ? str_slice(section, 1, section.len) : section;

                if (section.len && section.data[0] == '@') {
                        if (!double_parse(content, &line->rate) ||
                            !(line->rate > 0 && line->rate <= 1))
                                return bad(err, "invalid sample rate");
                } else if (section.len && section.data[0] == '#') {
                        if (!read_tags(builder, content, ':'))
                                return bad(err, "too many tags");
                }
                /* Container ids and timestamps of newer agents are of no use here. */
        }
        return true;
}

bool statsd_parse(struct str line, struct arena *arena, struct statsd_line *ret_line,
                  struct error *err)
{
        struct statsd_line made = {.rate = 1, .type = STATSD_NOTHING};
        struct labels_builder builder;
        struct str rest = line, type;

        if (str_starts_with(line, STR_LIT("_e{")) || str_starts_with(line, STR_LIT("_sc|"))) {
                *ret_line = made;
                return true;
        }
        str_cut(&rest, ':', &made.name);
        if (!made.name.len || !rest.data || !str_cut(&rest, '|', &made.values) ||
            !made.values.len || !rest.len)
                return bad(err, "not name:value|type");
        str_cut(&rest, '|', &type);
        if (!read_type(type, &made.type))
                return bad(err, "unknown type");
        labels_builder_init(&builder, arena, (struct labels){0});
        if (!read_name_tags(&builder, &made.name) || !made.name.len)
                return bad(err, "bad tags in the name");
        if (rest.data && !read_sections(rest, &builder, &made, err))
                return false;
        made.tags = labels_builder_finish(&builder);
        *ret_line = made;
        return true;
}

bool statsd_next_value(struct statsd_line *line, struct str *ret_text)
{
        return line->values.len && str_cut(&line->values, ':', ret_text);
}

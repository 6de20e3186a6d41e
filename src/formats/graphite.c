#include "formats/graphite.h"

#include <math.h>

#include "codec/double.h"

enum { TAGS_MAX = 1024 };

static bool bad(struct error *err, const char *why)
{
        return error_set(err, ERROR_INVALID, "%s", why);
}

/* Words are separated by spaces and tabs, one or more. */
static struct str take_word(struct str *line)
{
        struct str word;
        size_t end = 0;

        *line = str_trim(*line);
        while (end < line->len && line->data[end] != ' ' && line->data[end] != '\t')
                end++;
        word = str_slice(*line, 0, end);
        *line = str_slice(*line, end, line->len);
        return word;
}

static bool read_time(struct str text, struct graphite_line *line)
{
        double seconds;

        if (!text.len || str_is(text, "-1") || str_is(text, "N"))
                return true;
        if (!double_parse(text, &seconds) || !(seconds >= 0 && seconds < 1e12))
                return false;
        line->has_time = true;
        line->t_ms = (int64_t)llrint(seconds * 1000);
        return true;
}

bool graphite_parse(struct str text, struct arena *arena, struct graphite_line *ret_line,
                    struct error *err)
{
        struct graphite_line line = {.has_time = false};
        struct str series = take_word(&text), tag, name;
        struct labels_builder builder;

        str_cut(&series, ';', &line.path);
        if (!line.path.len)
                return bad(err, "no metric");
        labels_builder_init(&builder, arena, (struct labels){0});
        for (size_t count = 0; series.len && str_cut(&series, ';', &tag); count++) {
                if (count == TAGS_MAX || !str_cut(&tag, '=', &name) || !name.len || !tag.len)
                        return bad(err, "bad tag");
                labels_builder_set(&builder, name, tag);
        }
        if (!double_parse(take_word(&text), &line.value))
                return bad(err, "bad value");
        if (!read_time(take_word(&text), &line))
                return bad(err, "bad timestamp");
        if (str_trim(text).len)
                return bad(err, "more than metric, value and timestamp");
        line.tags = labels_builder_finish(&builder);
        *ret_line = line;
        return true;
}

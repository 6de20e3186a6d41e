#include "formats/influx.h"

#include "codec/double.h"

enum { TAGS_MAX = 1024 };

struct influx influx_make(struct str body, struct arena *arena)
{
        return (struct influx){body, 0, arena};
}

static bool bad(struct error *err, const char *why)
{
        return error_set(err, ERROR_INVALID, "%s", why);
}

/* Up to the first of the ends that no backslash stands before. */
static struct str take_until(struct str *line, const char *ends, bool *ret_escaped)
{
        struct str taken = *line;
        size_t at = 0;

        *ret_escaped = false;
        for (; at < line->len && !strchr(ends, line->data[at]); at++) {
                if (line->data[at] != '\\' || at + 1 == line->len)
                        continue;
                *ret_escaped = true;
                at++;
        }
        taken.len = at;
        *line = str_slice(*line, at, line->len);
        return taken;
}

/* A backslash hides what would end something; before anything else it is itself. */
static struct str unescape(struct arena *arena, struct str text)
{
        char *out = arena_alloc(arena, text.len + 1);
        size_t len = 0;

        for (size_t at = 0; at < text.len; at++) {
                if (text.data[at] == '\\' && at + 1 < text.len &&
                    strchr(", =\"\\", text.data[at + 1]))
                        at++;
                out[len++] = text.data[at];
        }
        return str_make(out, len);
}

static struct str take_name(struct influx *reader, struct str *line, const char *ends)
{
        struct str name;
        bool escaped;

        name = take_until(line, ends, &escaped);
        return escaped ? unescape(reader->arena, name) : name;
}

static bool take_byte(struct str *line, char c)
{
        bool found = line->len && line->data[0] == c;

        if (found)
                *line = str_slice(*line, 1, line->len);
        return found;
}

static bool read_tags(struct influx *reader, struct str *line, struct labels *ret_tags,
                      struct error *err)
{
        struct labels_builder builder;

        labels_builder_init(&builder, reader->arena, (struct labels){0});
        for (size_t count = 0; take_byte(line, ','); count++) {
                struct str name = take_name(reader, line, "=, ");

                if (count == TAGS_MAX)
                        return bad(err, "too many tags");
                if (!name.len || !take_byte(line, '='))
                        return bad(err, "missing tag key or value");
                labels_builder_set(&builder, name, take_name(reader, line, ", "));
        }
        *ret_tags = labels_builder_finish(&builder);
        return true;
}

static bool is_one_of(struct str text, const char *const *words, size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (str_is(text, words[i]))
                        return true;
        return false;
}

static bool only_digits(struct str text)
{
        size_t at = text.len && text.data[0] == '-';

        if (at == text.len)
                return false;
        for (; at < text.len; at++)
                if (text.data[at] < '0' || text.data[at] > '9')
                        return false;
        return true;
}

static bool read_value(struct str text, double *ret_value)
{
        static const char *const yes[] = {"t", "T", "true", "True", "TRUE"};
        static const char *const no[] = {"f", "F", "false", "False", "FALSE"};
        char last = text.len ? text.data[text.len - 1] : '\0';

        if (last == 'i' || last == 'u') {
                text.len--;
                return only_digits(text) && (last == 'i' || text.data[0] != '-') &&
                       double_parse(text, ret_value);
        }
        if (is_one_of(text, yes, ARRAY_LEN(yes)) || is_one_of(text, no, ARRAY_LEN(no))) {
                *ret_value = (text.data[0] | 0x20) == 't';
                return true;
        }
        /* What Go calls a number and the protocol does not: names of infinities, hexadecimals. */
        for (size_t i = 0; i < text.len; i++)
                if (!strchr("0123456789+-.eE", text.data[i]))
                        return false;
        return double_parse(text, ret_value);
}

static bool skip_string(struct str *line)
{
        *line = str_slice(*line, 1, line->len);
        while (line->len && line->data[0] != '"') {
                bool escape = line->data[0] == '\\' && line->len > 1;

                *line = str_slice(*line, escape ? 2 : 1, line->len);
        }
        return take_byte(line, '"');
}

static size_t count_bytes(struct str text, char c)
{
        size_t count = 0;

        for (size_t i = 0; i < text.len; i++)
                count += text.data[i] == c;
        return count;
}

static bool read_fields(struct influx *reader, struct str *line, struct influx_point *point,
                        struct error *err)
{
        struct influx_field *fields = arena_try_alloc(
                reader->arena, count_bytes(*line, '=') * sizeof(*fields) + 1);
        bool escaped;

        if (!fields)
                return bad(err, "too many fields");
        point->fields = fields;
        do {
                struct str name = take_name(reader, line, "=, ");
                double value;

                if (!name.len || !take_byte(line, '='))
                        return bad(err, "missing field key or value");
                if (line->len && line->data[0] == '"') {
                        if (!skip_string(line))
                                return bad(err, "unbalanced quotes");
                        continue;
                }
                if (!read_value(take_until(line, ", ", &escaped), &value))
                        return bad(err, "invalid field value");
                fields[point->field_count++] = (struct influx_field){name, value};
        } while (take_byte(line, ','));
        return true;
}

static bool read_time(struct str text, struct influx_point *point, struct error *err)
{
        bool negative = text.len && text.data[0] == '-';
        int64_t value = 0;

        if (!text.len)
                return true;
        if (!only_digits(text))
                return bad(err, "bad timestamp");
        for (size_t at = negative; at < text.len; at++) {
                int digit = negative ? '0' - text.data[at] : text.data[at] - '0';

                if (__builtin_mul_overflow(value, 10, &value) ||
                    __builtin_add_overflow(value, digit, &value))
                        return bad(err, "bad timestamp");
        }
        point->has_time = true;
        point->time = value;
        return true;
}

static bool read_line(struct influx *reader, struct str line, struct influx_point *point,
                      struct error *err)
{
        *point = (struct influx_point){.measurement = take_name(reader, &line, ", ")};
        if (!point->measurement.len)
                return bad(err, "missing measurement");
        if (!read_tags(reader, &line, &point->tags, err))
                return false;
        if (!take_byte(&line, ' '))
                return bad(err, "missing fields");
        line = str_trim(line);
        if (!read_fields(reader, &line, point, err))
                return false;
        if (line.len && line.data[0] != ' ')
                return bad(err, "invalid field format");
        return read_time(str_trim(line), point, err);
}

/* The end of a line: a newline outside of quotes that begin a field's value. */
static size_t find_end(struct str text)
{
        size_t end = str_find_byte(text, '\n');
        bool quoted = false;

        if (str_find_byte(str_slice(text, 0, end), '"') == end)
                return end;
        for (size_t at = 0; at < text.len; at++) {
                char c = text.data[at];

                if (c == '\n' && !quoted)
                        return at;
                if (c == '\\' && at + 1 < text.len && text.data[at + 1] != '\n')
                        at++;
                else if (c == '"' && (quoted || (at && text.data[at - 1] == '=')))
                        quoted = !quoted;
        }
        /* Quotes that nothing closes: the line is malformed, not all that follows it. */
        return quoted ? end : text.len;
}

enum influx_kind influx_next(struct influx *reader, struct influx_point *point, struct error *err)
{
        while (reader->rest.len) {
                size_t end = find_end(reader->rest);
                struct str line = str_slice(reader->rest, 0, end);

                reader->rest = str_slice(reader->rest, end < reader->rest.len ? end + 1 : end,
                                         reader->rest.len);
                reader->line++;
                line = str_trim(line);
                if (!line.len || line.data[0] == '#')
                        continue;
                if (read_line(reader, line, point, err))
                        return INFLUX_POINT;
                error_prefix(err, "line %u", reader->line);
                return INFLUX_BAD_LINE;
        }
        return INFLUX_END;
}

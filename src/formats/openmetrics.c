#include "formats/openmetrics.h"

#include <math.h>

#include "codec/double.h"

struct openmetrics openmetrics_make(struct str body)
{
        return (struct openmetrics){body.data, body.data + body.len, 0};
}

static enum openmetrics_kind fail(const struct openmetrics *reader, struct str line,
                                  const char *reason, struct error *err)
{
        enum { SHOWN_MAX = 120 };
        int shown = line.len > SHOWN_MAX ? SHOWN_MAX : (int)line.len;

        error_set(err, ERROR_INVALID, "line %u: %s%s%.*s%s", reader->line, reason,
                  shown ? ": " : "", shown, line.data, line.len > SHOWN_MAX ? "..." : "");
        return OPENMETRICS_ERROR;
}

/* Behind the closing quote of the string that begins at p; NULL when it is not closed. */
static const char *quoted_end(const char *p, const char *end)
{
        for (p++; p < end; p++) {
                if (*p == '"')
                        return p + 1;
                if (*p == '\\')
                        p++;
        }
        return NULL;
}

static bool is_name_char(char c, bool first, bool colon)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
               (colon && c == ':') || (!first && c >= '0' && c <= '9');
}

static const char *name_end(const char *p, const char *end, bool colon)
{
        const char *start = p;

        while (p < end && is_name_char(*p, p == start, colon))
                p++;
        return p;
}

/* ---- metadata ----------------------------------------------------------------------------- */

static bool is_type(struct str text)
{
        static const char *const types[] = {"counter", "gauge",    "histogram", "gaugehistogram",
                                            "summary", "info", "stateset",  "unknown"};

        for (size_t i = 0; i < ARRAY_LEN(types); i++)
                if (str_is(text, types[i]))
                        return true;
        return false;
}

static bool unit_fits(struct str name, struct str unit)
{
        return !unit.len || (name.len > unit.len && str_ends_with(name, unit) &&
                             name.data[name.len - unit.len - 1] == '_');
}

/* The line without its newline: "# HELP name text", with exactly these blanks. */
static enum openmetrics_kind read_metadata(const struct openmetrics *reader, struct str line,
                                           struct openmetrics_entry *entry, struct error *err)
{
        enum { PREFIX_LEN = 7 };
        static const struct {
                const char *prefix;
                enum openmetrics_kind kind;
        } keywords[] = {{"# HELP ", OPENMETRICS_HELP},
                        {"# TYPE ", OPENMETRICS_TYPE},
                        {"# UNIT ", OPENMETRICS_UNIT}};
        const char *end = line.data + line.len, *start, *p;
        enum openmetrics_kind kind = OPENMETRICS_ERROR;

        for (size_t i = 0; i < ARRAY_LEN(keywords); i++)
                if (line.len > PREFIX_LEN && memcmp(line.data, keywords[i].prefix, PREFIX_LEN) == 0)
                        kind = keywords[i].kind;
        if (kind == OPENMETRICS_ERROR)
                return fail(reader, line, "expected HELP, TYPE, UNIT or EOF behind #", err);
        start = line.data + PREFIX_LEN;
        if (*start == '"') {
                p = quoted_end(start, end);
                if (!p)
                        return fail(reader, line, "name is not closed", err);
                entry->name = str_make(start + 1, (size_t)(p - start - 2));
        } else {
                p = name_end(start, end, true);
                entry->name = str_make(start, (size_t)(p - start));
        }
        if (p == start)
                return fail(reader, line, "expected a metric name", err);
        if (p == end || *p != ' ')
                return fail(reader, line, "expected text behind the metric name", err);
        entry->text = str_make(p + 1, (size_t)(end - p - 1));
        if (kind == OPENMETRICS_TYPE && !is_type(entry->text))
                return fail(reader, line, "invalid metric type", err);
        if (kind == OPENMETRICS_HELP && !str_is_utf8(entry->text))
                return fail(reader, line, "help text is not valid UTF-8", err);
        if (kind == OPENMETRICS_UNIT && !unit_fits(entry->name, entry->text))
                return fail(reader, line, "unit is not a suffix of the metric name", err);
        return kind;
}

/* ---- samples ------------------------------------------------------------------------------ */

/* Behind the label set that opens at p, which must be closed before end; else NULL. */
static const char *braces_end(const char *p, const char *end)
{
        while (p < end && *p != '}') {
                if (*p != '"') {
                        p++;
                        continue;
                }
                p = quoted_end(p, end);
                if (!p)
                        return NULL;
        }
        return p < end ? p + 1 : NULL;
}

static const char *series_end(const char *p, const char *end)
{
        p = name_end(p, end, true);
        return p < end && *p == '{' ? braces_end(p, end) : p;
}

/* A blank and a number behind it. Go's newer spellings, hexadecimal and underscores, are not
 * taken. */
static bool read_number(const char **p, const char *end, double *ret_v)
{
        const char *start, *stop, *digits;

        if (*p == end || **p != ' ')
                return false;
        start = stop = *p + 1;
        while (stop < end && *stop != ' ')
                stop++;
        *p = stop;
        digits = start + (start < stop && (*start == '-' || *start == '+'));
        if (stop - digits > 1 && digits[0] == '0' && (digits[1] | 0x20) == 'x')
                return false;
        return double_parse(str_make(start, (size_t)(stop - start)), ret_v);
}

static bool read_timestamp(const char **p, const char *end, int64_t *ret_ms)
{
        double seconds;

        if (!read_number(p, end, &seconds) || !isfinite(seconds))
                return false;
        seconds *= 1000;
        /* What int64 cannot hold is what Go makes of it on amd64. */
        *ret_ms = seconds >= -0x1p63 && seconds < 0x1p63 ? (int64_t)seconds : INT64_MIN;
        return true;
}

/* " # {labels} value [timestamp]" up to the end of the line. */
static enum openmetrics_kind read_exemplar(const struct openmetrics *reader, struct str line,
                                           const char *p, struct openmetrics_entry *entry,
                                           struct error *err)
{
        const char *end = line.data + line.len, *start = p + 3;

        if (end - p < 4 || memcmp(p, " # {", 4) != 0)
                return fail(reader, line, "expected a timestamp or an exemplar", err);
        p = braces_end(start, end);
        if (!p)
                return fail(reader, line, "label set of the exemplar is not closed", err);
        entry->exemplar = str_make(start, (size_t)(p - start));
        if (!read_number(&p, end, &entry->exemplar_value))
                return fail(reader, line, "bad value of the exemplar", err);
        entry->exemplar_has_timestamp = p < end;
        if (p < end && !read_timestamp(&p, end, &entry->exemplar_t_ms))
                return fail(reader, line, "bad timestamp of the exemplar", err);
        if (p < end)
                return fail(reader, line, "unexpected text behind the exemplar", err);
        return OPENMETRICS_SAMPLE;
}

static enum openmetrics_kind read_sample(const struct openmetrics *reader, struct str line,
                                         struct str expected, struct openmetrics_entry *entry,
                                         struct error *err)
{
        const char *end = line.data + line.len, *p;

        entry->is_expected = expected.len && expected.len < line.len &&
                             line.data[expected.len] == ' ' &&
                             memcmp(line.data, expected.data, expected.len) == 0;
        p = entry->is_expected ? line.data + expected.len : series_end(line.data, end);
        if (!p)
                return fail(reader, line, "label set is not closed", err);
        if (p == line.data)
                return fail(reader, line, "expected a metric name", err);
        entry->series = str_make(line.data, (size_t)(p - line.data));
        if (!read_number(&p, end, &entry->value))
                return fail(reader, line, "bad value", err);
        entry->has_timestamp = false;
        entry->exemplar = str_make("", 0);
        if (LIKELY(p == end))
                return OPENMETRICS_SAMPLE;
        if (end - p < 3 || memcmp(p, " # ", 3) != 0) {
                if (!read_timestamp(&p, end, &entry->t_ms))
                        return fail(reader, line, "bad timestamp", err);
                entry->has_timestamp = true;
        }
        return p == end ? OPENMETRICS_SAMPLE : read_exemplar(reader, line, p, entry, err);
}

enum openmetrics_kind openmetrics_next(struct openmetrics *reader, struct str expected,
                                       struct openmetrics_entry *entry, struct error *err)
{
        static const struct str end_mark = STR_LIT("# EOF");
        struct str rest = str_make(reader->pos, (size_t)(reader->end - reader->pos)), line;
        const char *newline = rest.len ? memchr(rest.data, '\n', rest.len) : NULL;

        reader->line++;
        if (str_starts_with(rest, end_mark)) {
                if (rest.len > end_mark.len + 1 || (rest.len > end_mark.len && !newline))
                        return fail(reader, rest, "unexpected data after # EOF", err);
                reader->pos = reader->end;
                return OPENMETRICS_END;
        }
        if (!newline)
                return fail(reader, rest, "data does not end with # EOF", err);
        line = str_make(rest.data, (size_t)(newline - rest.data));
        reader->pos = newline + 1;
        if (line.len && line.data[0] == '#')
                return read_metadata(reader, line, entry, err);
        return read_sample(reader, line, expected, entry, err);
}

/* ---- labels ------------------------------------------------------------------------------- */

static struct str unescape(struct arena *arena, struct str text)
{
        size_t len = 0;
        char *out;

        if (str_find_byte(text, '\\') == text.len)
                return text;
        out = arena_alloc(arena, text.len + 1);
        for (size_t i = 0; i < text.len; i++) {
                char c = text.data[i], next = i + 1 < text.len ? text.data[i + 1] : '\0';

                if (c == '\\' && (next == 'n' || next == '\\' || next == '"')) {
                        c = next == 'n' ? '\n' : next;
                        i++;
                }
                out[len++] = c;
        }
        return str_make(out, len);
}

struct str openmetrics_help(struct arena *arena, struct str text)
{
        return unescape(arena, text);
}

static bool fail_labels(struct str text, const char *reason, struct error *err)
{
        int shown = text.len > 120 ? 120 : (int)text.len;

        return error_set(err, ERROR_INVALID, "%s: %.*s", reason, shown, text.data);
}

static bool add_label(struct labels_builder *builder, struct str text, struct str name,
                      struct str value, size_t label_max, struct error *err)
{
        if (!name.len || !str_is_utf8(name))
                return fail_labels(text, "invalid label name", err);
        if (!str_is_utf8(value))
                return fail_labels(text, "invalid UTF-8 label value", err);
        if (labels_builder_get(builder, name).len)
                return fail_labels(text, "label name is not unique", err);
        if (builder->count >= label_max)
                return error_set(err, ERROR_LIMIT, "a series has more than %zu labels: %.80s",
                                 label_max, text.data);
        labels_builder_set(builder, name, value);
        return true;
}

/* A name at *p, quoted or not. */
static bool read_name(const char **p, const char *end, struct arena *arena, bool *ret_quoted,
                      struct str *ret_name)
{
        const char *start = *p;

        *ret_quoted = start < end && *start == '"';
        *p = *ret_quoted ? quoted_end(start, end) : name_end(start, end, false);
        if (!*p || *p == start)
                return false;
        *ret_name = *ret_quoted ? unescape(arena, str_make(start + 1, (size_t)(*p - start - 2)))
                                : str_make(start, (size_t)(*p - start));
        return true;
}

/* The items between braces, from behind the opening one: name="value", "quoted name"="value", or
 * a quoted metric name, which an exemplar may not have. */
static bool read_labels(struct str text, const char *p, bool exemplar, size_t label_max,
                        struct labels_builder *builder, struct error *err)
{
        const char *end = text.data + text.len;

        while (p < end && *p != '}') {
                const char *value;
                struct str name;
                bool quoted;

                if (!read_name(&p, end, builder->arena, &quoted, &name))
                        return fail_labels(text, "expected label name", err);
                if (quoted && !exemplar && p < end && (*p == ',' || *p == '}')) {
                        if (labels_builder_get(builder, LABEL_METRIC_NAME).len)
                                return fail_labels(text, "metric name already set", err);
                        if (!add_label(builder, text, LABEL_METRIC_NAME, name, label_max, err))
                                return false;
                        p += *p == ',';
                        continue;
                }
                if (p == end || *p++ != '=')
                        return fail_labels(text, "expected equal", err);
                value = p;
                p = value < end && *value == '"' ? quoted_end(value, end) : NULL;
                if (!p)
                        return fail_labels(text, "expected label value", err);
                if (!add_label(builder, text, name,
                               unescape(builder->arena,
                                        str_make(value + 1, (size_t)(p - value - 2))),
                               label_max, err))
                        return false;
                if (p < end && *p == ',')
                        p++;
                else if (p == end || *p != '}')
                        return fail_labels(text, "expected comma or brace close", err);
        }
        return p + 1 == end || fail_labels(text, "expected brace close", err);
}

bool openmetrics_series(struct str series, size_t label_max, struct labels_builder *builder,
                        struct error *err)
{
        const char *end = series.data + series.len, *p = name_end(series.data, end, true);

        if (p > series.data)
                labels_builder_set(builder, LABEL_METRIC_NAME,
                                   str_make(series.data, (size_t)(p - series.data)));
        if (p < end && *p == '{' && !read_labels(series, p + 1, false, label_max, builder, err))
                return false;
        if (p < end && *p != '{')
                return fail_labels(series, "expected a label set", err);
        if (!labels_builder_get(builder, LABEL_METRIC_NAME).len)
                return fail_labels(series, "metric name not set", err);
        return true;
}

bool openmetrics_exemplar(struct str text, size_t label_max, struct labels_builder *builder,
                          struct error *err)
{
        return read_labels(text, text.data + 1, true, label_max, builder, err);
}

#include "formats/prom_text.h"

#include "codec/double.h"

struct prom_text prom_text_make(struct str body)
{
        return (struct prom_text){body.data, body.data + body.len, 0};
}

static bool is_blank(char c)
{
        return c == ' ' || c == '\t';
}

static const char *skip_blanks(const char *p, const char *end)
{
        while (p < end && is_blank(*p))
                p++;
        return p;
}

static const char *word_end(const char *p, const char *end)
{
        while (p < end && !is_blank(*p))
                p++;
        return p;
}

static enum prom_text_kind fail(const struct prom_text *reader, struct str line, const char *reason,
                                struct error *err)
{
        enum { SHOWN_MAX = 120 };
        int shown = line.len > SHOWN_MAX ? SHOWN_MAX : (int)line.len;

        error_set(err, ERROR_INVALID, "line %u: %s: %.*s%s", reader->line, reason, shown, line.data,
                  line.len > SHOWN_MAX ? "..." : "");
        return PROM_TEXT_ERROR;
}

static bool is_type(struct str text)
{
        static const char *const types[] = {"counter", "gauge", "histogram", "summary", "untyped"};

        for (size_t i = 0; i < ARRAY_LEN(types); i++)
                if (str_is(text, types[i]))
                        return true;
        return false;
}

static bool is_keyword(const char *p, const char *end, const char *keyword)
{
        return end - p > 4 && memcmp(p, keyword, 4) == 0 && is_blank(p[4]);
}

/* The name behind a keyword, quoted or not; returns where it ends, NULL when there is none. */
static const char *metadata_name(const char *p, const char *end, struct str *ret_name)
{
        const char *start = p;

        if (p < end && *p == '"') {
                for (p++; p < end && *p != '"'; p++)
                        p += *p == '\\' && p + 1 < end;
                *ret_name = str_make(start + 1, (size_t)(p - start - 1));
                return p < end ? p + 1 : NULL;
        }
        while (p < end && !is_blank(*p))
                p++;
        *ret_name = str_make(start, (size_t)(p - start));
        return metric_name_is_legacy(*ret_name) ? p : NULL;
}

/* "# HELP name text" and "# TYPE name type"; any other comment is passed over (returns END). */
static enum prom_text_kind read_comment(const struct prom_text *reader, struct str line,
                                        struct prom_text_entry *entry, struct error *err)
{
        const char *end = line.data + line.len, *p = skip_blanks(line.data + 1, end);
        bool is_help = p > line.data + 1 && is_keyword(p, end, "HELP");

        if (!is_help && !(p > line.data + 1 && is_keyword(p, end, "TYPE")))
                return PROM_TEXT_END;
        p = metadata_name(skip_blanks(p + 4, end), end, &entry->name);
        if (!p)
                return fail(reader, line, "expected a metric name", err);
        /* The text begins behind one blank, whatever it is. */
        p += p < end;
        entry->text = str_make(p, (size_t)(end - p));
        if (is_help && !str_is_utf8(entry->text))
                return fail(reader, line, "help text is not valid UTF-8", err);
        if (!is_help && !is_type(entry->text))
                return fail(reader, line, "invalid metric type", err);
        return is_help ? PROM_TEXT_HELP : PROM_TEXT_TYPE;
}

/* End of the series text at the start of the line: behind the closing brace, or the name. */
static const char *series_end(const char *p, const char *end)
{
        bool quoted = false;

        while (p < end && *p != '{' && !is_blank(*p))
                p++;
        if (skip_blanks(p, end) < end && *skip_blanks(p, end) == '{')
                p = skip_blanks(p, end);
        if (p == end || *p != '{')
                return p;
        for (; p < end; p++) {
                if (quoted && *p == '\\')
                        p++;
                else if (*p == '"')
                        quoted = !quoted;
                else if (*p == '}' && !quoted)
                        return p + 1;
                else if (*p == '\n' && !quoted)
                        return NULL;
        }
        return NULL;
}

static bool read_timestamp(const char *p, const char *end, int64_t *ret_ms)
{
        bool negative = p < end && *p == '-';
        int64_t value = 0;

        p += negative;
        if (p == end)
                return false;
        for (; p < end; p++) {
                if (*p < '0' || *p > '9' || __builtin_mul_overflow(value, 10, &value) ||
                    __builtin_add_overflow(value, *p - '0', &value))
                        return false;
        }
        *ret_ms = negative ? -value : value;
        return true;
}

/* Go's spellings before 1.13, as Prometheus keeps to them: no hexadecimal. */
static bool read_value(struct str word, double *ret_v)
{
        size_t at = *word.data == '-' || *word.data == '+';

        if (word.len > at + 1 && word.data[at] == '0' && (word.data[at + 1] | 0x20) == 'x')
                return false;
        return double_parse(word, ret_v);
}

/* A label value may hold newlines as they are: the line goes on behind them. */
static bool join_lines(struct prom_text *reader, struct str *line)
{
        const char *p = series_end(line->data, reader->end), *end;

        if (!p)
                return false;
        end = memchr(p, '\n', (size_t)(reader->end - p));
        reader->pos = end ? end + 1 : reader->end;
        end = end ? end : reader->end;
        for (const char *at = line->data; (at = memchr(at, '\n', (size_t)(p - at))); at++)
                reader->line++;
        line->len = (size_t)(end - line->data);
        return true;
}

static enum prom_text_kind read_sample(struct prom_text *reader, struct str line,
                                       struct str expected, struct prom_text_entry *entry,
                                       struct error *err)
{
        const char *end = line.data + line.len, *p, *word;

        entry->is_expected = expected.len && expected.len < line.len &&
                             is_blank(line.data[expected.len]) &&
                             memcmp(line.data, expected.data, expected.len) == 0;
        p = entry->is_expected ? line.data + expected.len : series_end(line.data, end);
        if (!p && join_lines(reader, &line))
                return read_sample(reader, line, STR_LIT(""), entry, err);
        if (!p)
                return fail(reader, line, "label set is not closed", err);
        if (p == line.data)
                return fail(reader, line, "expected a metric name", err);
        word = skip_blanks(p, end);
        /* The name alone was expected, and braces come behind a blank. */
        if (UNLIKELY(word < end && *word == '{' && p[-1] != '}'))
                return read_sample(reader, line, STR_LIT(""), entry, err);
        entry->series = str_make(line.data, (size_t)(p - line.data));
        p = word_end(word, end);
        if (p == word)
                return fail(reader, line, "expected a value", err);
        if (!read_value(str_make(word, (size_t)(p - word)), &entry->value))
                return fail(reader, line, "bad value", err);
        word = skip_blanks(p, end);
        p = word_end(word, end);
        entry->has_timestamp = p > word;
        if (entry->has_timestamp && !read_timestamp(word, p, &entry->t_ms))
                return fail(reader, line, "bad timestamp", err);
        if (skip_blanks(p, end) != end)
                return fail(reader, line, "unexpected text after the sample", err);
        return PROM_TEXT_SAMPLE;
}

enum prom_text_kind prom_text_next(struct prom_text *reader, struct str expected,
                                   struct prom_text_entry *entry, struct error *err)
{
        while (reader->pos < reader->end) {
                const char *start = reader->pos;
                const char *newline = memchr(start, '\n', (size_t)(reader->end - start));
                const char *end = newline ? newline : reader->end;
                const char *first = skip_blanks(start, end);

                reader->pos = newline ? newline + 1 : reader->end;
                reader->line++;
                if (end > first && end[-1] == '\r')
                        end--;
                if (first == end)
                        continue;
                if (*first == '#') {
                        struct str line = str_make(first, (size_t)(end - first));
                        enum prom_text_kind kind = read_comment(reader, line, entry, err);

                        if (kind != PROM_TEXT_END)
                                return kind;
                        continue;
                }
                return read_sample(reader, str_make(first, (size_t)(end - first)), expected, entry,
                                   err);
        }
        return PROM_TEXT_END;
}

/* ---- the labels of a series --------------------------------------------------------------- */

static struct str unescape(struct arena *arena, struct str text, bool quotes)
{
        size_t len = 0;
        char *out;

        if (str_find_byte(text, '\\') == text.len)
                return text;
        out = arena_alloc(arena, text.len + 1);
        for (size_t i = 0; i < text.len; i++) {
                char c = text.data[i];

                if (c == '\\' && i + 1 < text.len) {
                        char next = text.data[i + 1];

                        if (next == 'n' || next == '\\' || (next == '"' && quotes)) {
                                c = next == 'n' ? '\n' : next;
                                i++;
                        }
                }
                out[len++] = c;
        }
        return str_make(out, len);
}

struct str prom_text_help(struct arena *arena, struct str text)
{
        return unescape(arena, text, false);
}

/* A quoted string at *at; moves behind it. */
static bool read_quoted(struct str series, size_t *at, struct arena *arena, struct str *ret)
{
        size_t from = *at + 1, to = from;

        while (to < series.len && series.data[to] != '"')
                to += series.data[to] == '\\' ? 2 : 1;
        if (to >= series.len)
                return false;
        *ret = unescape(arena, str_make(series.data + from, to - from), true);
        *at = to + 1;
        return true;
}

static void skip_blanks_at(struct str series, size_t *at)
{
        while (*at < series.len && is_blank(series.data[*at]))
                ++*at;
}

static struct str read_name(struct str series, size_t *at)
{
        size_t from = *at;

        while (*at < series.len && !strchr("{}=,\" \t", series.data[*at]))
                ++*at;
        return str_make(series.data + from, *at - from);
}

static bool fail_series(struct str series, const char *reason, struct error *err)
{
        int shown = series.len > 120 ? 120 : (int)series.len;

        return error_set(err, ERROR_INVALID, "%s: %.*s", reason, shown, series.data);
}

static bool add_label(struct labels_builder *builder, struct str series, struct str name,
                      struct str value, size_t label_max, struct error *err)
{
        if (!str_is_utf8(name))
                return fail_series(series, "invalid UTF-8 label name", err);
        if (!str_is_utf8(value))
                return fail_series(series, "invalid UTF-8 label value", err);
        if (labels_builder_get(builder, name).len)
                return fail_series(series, "label name is not unique", err);
        if (builder->count >= label_max)
                return error_set(err, ERROR_LIMIT, "a series has more than %zu labels: %.80s",
                                 label_max, series.data);
        labels_builder_set(builder, name, value);
        return true;
}

/* One item between the braces: name="value", "quoted name"="value", or "metric name". */
static bool read_item(struct str series, size_t *at, size_t label_max,
                      struct labels_builder *builder, struct error *err)
{
        bool quoted = series.data[*at] == '"';
        struct str name, value;

        if (quoted && !read_quoted(series, at, builder->arena, &name))
                return fail_series(series, "name is not closed", err);
        if (!quoted)
                name = read_name(series, at);
        skip_blanks_at(series, at);
        if (*at < series.len && series.data[*at] == '=') {
                if (quoted ? !name.len : !label_name_is_legacy(name))
                        return fail_series(series, "invalid label name", err);
                ++*at;
                skip_blanks_at(series, at);
                if (*at >= series.len || series.data[*at] != '"' ||
                    !read_quoted(series, at, builder->arena, &value))
                        return fail_series(series, "label value is not quoted", err);
                return add_label(builder, series, name, value, label_max, err);
        }
        if (!quoted || labels_builder_get(builder, LABEL_METRIC_NAME).len || !name.len)
                return fail_series(series, "expected a label", err);
        return add_label(builder, series, LABEL_METRIC_NAME, name, label_max, err);
}

bool prom_text_series(struct str series, size_t label_max, struct labels_builder *builder,
                      struct error *err)
{
        size_t at = 0;
        struct str name = read_name(series, &at);

        if (name.len) {
                if (!metric_name_is_legacy(name))
                        return fail_series(series, "invalid metric name", err);
                labels_builder_set(builder, LABEL_METRIC_NAME, name);
        }
        skip_blanks_at(series, &at);
        if (at < series.len && series.data[at] != '{')
                return fail_series(series, "expected a label set", err);
        at += at < series.len;
        for (;;) {
                skip_blanks_at(series, &at);
                if (at >= series.len || series.data[at] == '}')
                        break;
                if (!read_item(series, &at, label_max, builder, err))
                        return false;
                /* Prometheus does not ask for the comma. */
                skip_blanks_at(series, &at);
                at += at < series.len && series.data[at] == ',';
        }
        if (!labels_builder_get(builder, LABEL_METRIC_NAME).len)
                return fail_series(series, "series has no metric name", err);
        return true;
}

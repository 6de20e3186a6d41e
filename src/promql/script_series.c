/* Series lines of test scripts: name{label="value"} 1 2+3x4 _ _x2 stale {{...}}. */
#include <stdlib.h>

#include "base/alloc.h"
#include "codec/double.h"
#include "codec/quote.h"
#include "model/duration.h"
#include "promql/lex_int.h"
#include "promql/parse_int.h"
#include "promql/script_series_int.h"

enum { VALUES_MAX = 1000000 };

static bool fail_line(struct error *err, const char *what, struct str near)
{
        return error_set(err, ERROR_INVALID, "series description: %s near \"" STR_FMT "\"", what,
                         STR_ARG(near));
}

bool script_values_put(struct script_values *values, struct script_value value, struct error *err)
{
        if (values->count == VALUES_MAX)
                return error_set(err, ERROR_LIMIT, "series description: too many values");
        if (values->count == values->capacity) {
                size_t capacity = values->capacity * 2 + 16;
                struct script_value *items = arena_array(values->arena, struct script_value,
                                                         capacity);

                if (values->count)
                        memcpy(items, values->items, values->count * sizeof(*items));
                values->items = items;
                values->capacity = capacity;
        }
        values->items[values->count++] = value;
        return true;
}

/* ---- labels ------------------------------------------------------------------------------ */

static bool parse_pair(struct arena *arena, struct lexer *lexer, struct token token,
                       struct labels_builder *builder, struct token *ret_next,
                       struct error *err)
{
        struct str name = token.text, value;
        struct token next = lexer_next(lexer);

        if (token.kind == TOKEN_STRING) {
                if (!quote_parse(arena, token.text, &name))
                        return fail_line(err, "bad string", token.text);
                if (next.kind != TOKEN_EQUAL) {
                        labels_builder_set(builder, LABEL_METRIC_NAME, name);
                        *ret_next = next;
                        return true;
                }
        } else if (token.kind != TOKEN_IDENTIFIER || next.kind != TOKEN_EQUAL) {
                return fail_line(err, "bad label", token.text);
        }
        next = lexer_next(lexer);
        if (next.kind != TOKEN_STRING || !quote_parse(arena, next.text, &value))
                return fail_line(err, "bad label value", next.text);
        labels_builder_set(builder, name, value);
        *ret_next = lexer_next(lexer);
        return true;
}

static bool parse_labels(struct arena *arena, struct str line, struct str *ret_rest,
                         struct labels *ret_labels, struct error *err)
{
        struct labels_builder builder;
        struct lexer lexer, behind;
        struct token token;

        lexer_init(&lexer, arena, line);
        labels_builder_init(&builder, arena, (struct labels){NULL, 0});
        behind = lexer;
        token = lexer_next(&lexer);
        if (parse_is_metric_name(token.kind)) {
                labels_builder_set(&builder, LABEL_METRIC_NAME, token.text);
                behind = lexer;
                /* Behind a space the values begin, also when they are {{histograms}}. */
                if (lexer.pos == line.len || line.data[lexer.pos] != '{')
                        token.kind = TOKEN_EOF;
                else
                        token = lexer_next(&lexer);
        }
        if (token.kind == TOKEN_LEFT_BRACE) {
                token = lexer_next(&lexer);
                while (token.kind != TOKEN_RIGHT_BRACE) {
                        if (!parse_pair(arena, &lexer, token, &builder, &token, err))
                                return false;
                        if (token.kind == TOKEN_COMMA)
                                token = lexer_next(&lexer);
                        else if (token.kind != TOKEN_RIGHT_BRACE)
                                return fail_line(err, "expected a comma or brace", token.text);
                }
                behind = lexer;
        }
        *ret_rest = str_slice(line, behind.pos, line.len);
        *ret_labels = labels_builder_finish(&builder);
        return true;
}

/* ---- values ------------------------------------------------------------------------------ */

/* The length of a number at the start of a text: digits, a point, an exponent, Inf or NaN. */
static size_t number_length(struct str text)
{
        size_t at = 0;

        if (text.len && (text.data[0] == '+' || text.data[0] == '-'))
                at++;
        if (text.len - at >= 3 && (strncasecmp(text.data + at, "inf", 3) == 0 ||
                                   strncasecmp(text.data + at, "nan", 3) == 0))
                return at + 3;
        while (at < text.len && ((text.data[at] >= '0' && text.data[at] <= '9') ||
                                 text.data[at] == '.'))
                at++;
        if (at + 1 < text.len && (text.data[at] | 0x20) == 'e') {
                size_t digits = at + 1;

                if (text.data[digits] == '+' || text.data[digits] == '-')
                        digits++;
                if (digits < text.len && text.data[digits] >= '0' && text.data[digits] <= '9') {
                        at = digits;
                        while (at < text.len && text.data[at] >= '0' && text.data[at] <= '9')
                                at++;
                }
        }
        return at;
}

bool script_take_number(struct str *text, double *ret_v)
{
        size_t len = number_length(*text);

        if (!double_parse(str_slice(*text, 0, len), ret_v))
                return false;
        *text = str_slice(*text, len, text->len);
        return true;
}

bool script_take_times(struct str *text, size_t *ret_times)
{
        size_t times = 0;

        if (text->len < 2 || text->data[0] != 'x')
                return false;
        for (size_t i = 1; i < text->len; i++) {
                if (text->data[i] < '0' || text->data[i] > '9' || times > VALUES_MAX)
                        return false;
                times = times * 10 + (size_t)(text->data[i] - '0');
        }
        *text = str_slice(*text, text->len, text->len);
        *ret_times = times;
        return true;
}

/* 1, 1x3, 1+2x3, 1-2x3: a repetition has one value more than it says. */
static bool parse_number_item(struct script_values *values, struct str item, struct error *err)
{
        struct str rest = item;
        double v, step = 0;
        size_t times = 0;

        if (!script_take_number(&rest, &v))
                return fail_line(err, "bad value", item);
        if (rest.len && (rest.data[0] == '+' || rest.data[0] == '-') &&
            !script_take_number(&rest, &step))
                return fail_line(err, "bad increment", item);
        if (rest.len && !script_take_times(&rest, &times))
                return fail_line(err, "bad repetition", item);
        for (size_t i = 0; i <= times; i++, v += step)
                if (!script_values_put(values, (struct script_value){.v = v}, err))
                        return false;
        return true;
}

static bool parse_blank_item(struct script_values *values, struct str item, struct error *err)
{
        struct str rest = str_slice(item, 1, item.len);
        size_t times = 1;

        if (rest.len && !script_take_times(&rest, &times))
                return fail_line(err, "bad repetition", item);
        for (size_t i = 0; i < times; i++)
                if (!script_values_put(values, (struct script_value){.omitted = true}, err))
                        return false;
        return true;
}

/* The next item; one with braces may contain spaces. */
static struct str take_item(struct str *rest)
{
        struct str text = str_trim(*rest), item;
        size_t at = 0;
        int depth = 0;

        while (at < text.len && (depth > 0 || (text.data[at] != ' ' && text.data[at] != '\t'))) {
                depth += text.data[at] == '{' ? 1 : text.data[at] == '}' ? -1 : 0;
                at++;
        }
        item = str_slice(text, 0, at);
        *rest = str_slice(text, at, text.len);
        return item;
}

static bool parse_item(struct script_values *values, struct str item, struct error *err)
{
        const struct script_value stale = {.v = sample_from_bits(SAMPLE_STALE_BITS)};

        if (str_starts_with(item, STR_LIT("{{")))
                return script_histograms_parse(values, item, err);
        if (item.data[0] == '_')
                return parse_blank_item(values, item, err);
        if (str_is(item, "stale"))
                return script_values_put(values, stale, err);
        return parse_number_item(values, item, err);
}

bool script_series_parse(struct arena *arena, struct str line, struct script_series *ret_series,
                         struct error *err)
{
        struct script_values values = {.arena = arena};
        struct script_series series = {.is_default = str_starts_with(line, STR_LIT("@st"))};
        struct str rest = line;

        if (!series.is_default && !parse_labels(arena, line, &rest, &series.labels, err))
                return false;
        series.is_starts = str_starts_with(rest, STR_LIT("@st"));
        if (series.is_starts)
                rest = str_slice(rest, 3, rest.len);
        if (rest.len && rest.data[0] != ' ' && rest.data[0] != '\t')
                return fail_line(err, "expected a space", rest);
        for (struct str item = take_item(&rest); item.len; item = take_item(&rest))
                if (!(series.is_starts ? script_starts_parse : parse_item)(&values, item, err))
                        return false;
        series.values = values.items;
        series.count = values.count;
        *ret_series = series;
        return true;
}

/* Native histograms in test scripts: {{schema:1 count:3 sum:4.5 buckets:[1 2]}}. */
#include "model/histogram_math.h"
#include "promql/script_series_int.h"

enum { WORD_MAX = 32 };

/* What is between the braces. */
struct literal {
        struct arena *arena;
        struct str rest;
        struct histogram *h;
        int32_t offset, negative_offset;
        bool has_hint;
        unsigned seen; /* bits of keys */
        struct error *err;
};

static bool fail_literal(struct literal *literal, const char *what)
{
        return error_set(literal->err, ERROR_INVALID, "histogram: %s near \"" STR_FMT "\"", what,
                         STR_ARG(literal->rest));
}

static void skip_space(struct literal *literal)
{
        size_t at = 0;

        while (at < literal->rest.len &&
               (literal->rest.data[at] == ' ' || literal->rest.data[at] == '\t'))
                at++;
        literal->rest = str_slice(literal->rest, at, literal->rest.len);
}

static struct str take_name(struct literal *literal)
{
        struct str name = literal->rest;
        size_t len = 0;

        while (len < name.len && len < WORD_MAX &&
               ((name.data[len] >= 'a' && name.data[len] <= 'z') || name.data[len] == '_'))
                len++;
        literal->rest = str_slice(name, len, name.len);
        return str_slice(name, 0, len);
}

static bool take_byte(struct literal *literal, char byte)
{
        if (!literal->rest.len || literal->rest.data[0] != byte)
                return false;
        literal->rest = str_slice(literal->rest, 1, literal->rest.len);
        return true;
}

static bool take_double(struct literal *literal, double *ret_v)
{
        return script_take_number(&literal->rest, ret_v) ||
               fail_literal(literal, "expected a number");
}

static bool take_int(struct literal *literal, int32_t *ret_v)
{
        double v;

        if (!take_double(literal, &v))
                return false;
        if (!(v >= INT32_MIN && v <= INT32_MAX) || v != floor(v))
                return fail_literal(literal, "expected a whole number");
        *ret_v = (int32_t)v;
        return true;
}

/* [1 2 3] */
static bool take_list(struct literal *literal, const double **ret_items, uint32_t *ret_count)
{
        uint32_t count = 0, capacity = 0;
        double *items = NULL;

        if (!take_byte(literal, '['))
                return fail_literal(literal, "expected [");
        for (skip_space(literal); !take_byte(literal, ']'); skip_space(literal)) {
                if (count == HISTOGRAM_MAX_BUCKETS)
                        return fail_literal(literal, "too many buckets");
                if (count == capacity) {
                        double *more = arena_array(literal->arena, double, capacity * 2 + 8);

                        if (count)
                                memcpy(more, items, count * sizeof(*items));
                        items = more;
                        capacity = capacity * 2 + 8;
                }
                if (!take_double(literal, &items[count++]))
                        return false;
        }
        *ret_items = items;
        *ret_count = count;
        return true;
}

static bool take_schema(struct literal *literal)
{
        int32_t schema = 0;

        if (!take_int(literal, &schema))
                return false;
        if (schema != HISTOGRAM_SCHEMA_CUSTOM &&
            (schema < HISTOGRAM_SCHEMA_MIN || schema > HISTOGRAM_SCHEMA_MAX))
                return fail_literal(literal, "no such schema");
        literal->h->schema = (int8_t)schema;
        return true;
}

static bool take_hint(struct literal *literal)
{
        static const struct {
                const char *name;
                enum histogram_reset reset;
        } hints[] = {{"unknown", HISTOGRAM_RESET_UNKNOWN},
                     {"reset", HISTOGRAM_RESET_YES},
                     {"not_reset", HISTOGRAM_RESET_NO},
                     {"gauge", HISTOGRAM_GAUGE}};
        struct str name = take_name(literal);

        for (size_t i = 0; i < ARRAY_LEN(hints); i++) {
                if (!str_is(name, hints[i].name))
                        continue;
                literal->h->reset = (uint8_t)hints[i].reset;
                literal->has_hint = true;
                return true;
        }
        return fail_literal(literal, "no such counter reset hint");
}

enum key {
        KEY_SCHEMA, KEY_SUM, KEY_COUNT, KEY_ZERO, KEY_ZERO_WIDTH, KEY_CUSTOM, KEY_HINT,
        KEY_BUCKETS, KEY_OFFSET, KEY_NEGATIVE, KEY_NEGATIVE_OFFSET, KEYS
};

static bool take_value(struct literal *literal, enum key key)
{
        struct histogram *h = literal->h;

        switch (key) {
        case KEY_SCHEMA:
                return take_schema(literal);
        case KEY_SUM:
                return take_double(literal, &h->sum);
        case KEY_COUNT:
                return take_double(literal, &h->count);
        case KEY_ZERO:
                return take_double(literal, &h->zero_count);
        case KEY_ZERO_WIDTH:
                return take_double(literal, &h->zero_threshold);
        case KEY_CUSTOM:
                return take_list(literal, &h->custom_values, &h->custom_count);
        case KEY_HINT:
                return take_hint(literal);
        case KEY_BUCKETS:
                return take_list(literal, &h->positive.buckets, &h->positive.bucket_count);
        case KEY_OFFSET:
                return take_int(literal, &literal->offset);
        case KEY_NEGATIVE:
                return take_list(literal, &h->negative.buckets, &h->negative.bucket_count);
        case KEY_NEGATIVE_OFFSET:
                return take_int(literal, &literal->negative_offset);
        default:
                return fail_literal(literal, "no such field");
        }
}

static bool take_field(struct literal *literal)
{
        static const char *const names[KEYS] = {
                "schema", "sum", "count", "z_bucket", "z_bucket_w", "custom_values",
                "counter_reset_hint", "buckets", "offset", "n_buckets", "n_offset",
        };
        struct str name = take_name(literal);
        unsigned key = 0;

        while (key < KEYS && !str_is(name, names[key]))
                key++;
        if (literal->seen & 1u << key)
                return fail_literal(literal, "the same field again");
        literal->seen |= 1u << key;
        if (!take_byte(literal, ':'))
                return fail_literal(literal, "expected a field and a colon");
        return take_value(literal, (enum key)key);
}

static void set_span(struct arena *arena, struct histogram_side *side, int32_t offset)
{
        struct histogram_span *span;

        if (!side->bucket_count)
                return;
        span = arena_new(arena, struct histogram_span);
        *span = (struct histogram_span){offset, side->bucket_count};
        side->spans = span;
        side->span_count = 1;
}

/* What arithmetic relies on. Counts may be negative, since results may. */
static bool check_layout(struct literal *literal)
{
        const struct histogram *h = literal->h;

        if (!histogram_is_custom(h))
                return !h->custom_count ||
                       fail_literal(literal, "custom values need schema -53");
        if (h->negative.bucket_count || literal->offset < 0 ||
            (uint64_t)literal->offset + h->positive.bucket_count > (uint64_t)h->custom_count + 1)
                return fail_literal(literal, "buckets beyond the custom values");
        for (uint32_t i = 1; i < h->custom_count; i++)
                if (!(h->custom_values[i - 1] < h->custom_values[i]))
                        return fail_literal(literal, "custom values do not rise");
        return true;
}

/* NULL, and *err, when there is none. */
static const struct histogram *take_literal(struct arena *arena, struct str *text,
                                            bool *ret_has_hint, struct error *err)
{
        struct literal literal = {.arena = arena, .rest = *text, .err = err};

        literal.h = arena_new(arena, struct histogram);
        if (!take_byte(&literal, '{') || !take_byte(&literal, '{')) {
                fail_literal(&literal, "expected {{");
                return NULL;
        }
        for (skip_space(&literal); !take_byte(&literal, '}'); skip_space(&literal))
                if (!take_field(&literal))
                        return NULL;
        if (!take_byte(&literal, '}')) {
                fail_literal(&literal, "expected }}");
                return NULL;
        }
        if (!check_layout(&literal))
                return NULL;
        set_span(arena, &literal.h->positive, literal.offset);
        set_span(arena, &literal.h->negative, literal.negative_offset);
        *ret_has_hint = literal.has_hint;
        *text = literal.rest;
        return literal.h;
}

/* The second histogram of a sequence, behind its sign. */
static const struct histogram *take_step(struct arena *arena, const struct histogram *first,
                                         struct str *item, struct error *err)
{
        const struct histogram *step;
        bool has_hint;

        *item = str_slice(*item, 1, item->len);
        step = take_literal(arena, item, &has_hint, err);
        if (step && first->schema > step->schema) {
                error_set(err, ERROR_INVALID, "cannot combine histograms of schema %d with %d",
                          first->schema, step->schema);
                return NULL;
        }
        return step;
}

/* {{...}}, {{...}}x3, {{...}}+{{...}}x3, {{...}}-{{...}}x3 */
bool script_histograms_parse(struct script_values *values, struct str item, struct error *err)
{
        const struct histogram *step = NULL;
        struct histogram_outcome outcome = {0};
        struct script_value value = {0};
        size_t times = 0;
        bool adds;

        value.h = take_literal(values->arena, &item, &value.has_hint, err);
        if (!value.h)
                return false;
        adds = item.len && item.data[0] == '+';
        if (adds || (item.len && item.data[0] == '-')) {
                step = take_step(values->arena, value.h, &item, err);
                if (!step)
                        return false;
        }
        if ((item.len || step) && !script_take_times(&item, &times))
                return error_set(err, ERROR_INVALID, "histogram: bad repetition near \"" STR_FMT
                                 "\"", STR_ARG(item));
        for (size_t i = 0; i <= times; i++) {
                if (i && step) {
                        value.h = (adds ? histogram_add : histogram_subtract)(
                                values->arena, value.h, step, &outcome);
                        if (!value.h)
                                return error_set(err, ERROR_INVALID,
                                                 "histograms of different kinds");
                }
                if (!script_values_put(values, value, err))
                        return false;
        }
        return true;
}

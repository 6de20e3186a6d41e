#include "formats/otlp_name.h"

/* Units of UCUM, whose "1" is no unit. */
static const char *const units[][2] = {
        {"d", "days"},        {"h", "hours"},         {"min", "minutes"},   {"s", "seconds"},
        {"ms", "milliseconds"}, {"us", "microseconds"}, {"ns", "nanoseconds"},
        {"By", "bytes"},      {"KiBy", "kibibytes"},  {"MiBy", "mebibytes"},
        {"GiBy", "gibibytes"}, {"TiBy", "tibibytes"}, {"KBy", "kilobytes"},
        {"MBy", "megabytes"}, {"GBy", "gigabytes"},   {"TBy", "terabytes"},
        {"m", "meters"},      {"V", "volts"},         {"A", "amperes"},     {"J", "joules"},
        {"W", "watts"},       {"g", "grams"},         {"Cel", "celsius"},   {"Hz", "hertz"},
        {"1", ""},            {"%", "percent"},
};
static const char *const per_units[][2] = {
        {"s", "second"}, {"m", "minute"}, {"h", "hour"}, {"d", "day"},
        {"w", "week"},   {"mo", "month"}, {"y", "year"},
};

static struct str find_unit(const char *const (*table)[2], size_t count, struct str unit)
{
        for (size_t i = 0; i < count; i++)
                if (str_is(unit, table[i][0]))
                        return str_from(table[i][1]);
        return unit;
}

static bool is_alphanumeric(char c)
{
        return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* Bytes that continue a character: a character is replaced as a whole. */
static bool is_continuation(char c)
{
        return (c & 0xc0) == 0x80;
}

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

static bool only_underscores(struct str text)
{
        for (size_t i = 0; i < text.len; i++)
                if (text.data[i] != '_')
                        return false;
        return true;
}

static struct str concat(struct arena *arena, struct str a, const char *between, struct str b)
{
        return str_from(arena_printf(arena, "%.*s%s%.*s", STR_ARG(a), between, STR_ARG(b)));
}

/* ---- units -------------------------------------------------------------------------------- */

struct unit_names {
        struct str main, per; /* "bytes", "per_second"; empty: none */
};

static bool has_braces(struct str text)
{
        return str_find_byte(text, '{') < text.len || str_find_byte(text, '}') < text.len;
}

static struct unit_names name_unit(struct arena *arena, struct str unit)
{
        struct unit_names names = {{"", 0}, {"", 0}};
        struct str rest = unit, main, per;

        str_cut(&rest, '/', &main);
        main = str_trim(main);
        if (main.len && !has_braces(main))
                names.main = find_unit(units, ARRAY_LEN(units), main);
        per = str_trim(rest.data ? rest : STR_LIT(""));
        if (per.len && !has_braces(per))
                per = find_unit(per_units, ARRAY_LEN(per_units), per);
        else
                per.len = 0;
        if (per.len)
                names.per = concat(arena, STR_LIT("per_"), "", per);
        return names;
}

/* Without what a name must not have, runs of underscores as one, none in front. */
static struct str clean_unit(struct arena *arena, struct str unit)
{
        char *out = arena_alloc(arena, unit.len + 1);
        size_t len = 0;

        for (size_t i = 0; i < unit.len; i++) {
                char c = unit.data[i];

                if (is_alphanumeric(c) || c == ':')
                        out[len++] = c;
                else if (len && out[len - 1] != '_')
                        out[len++] = '_';
        }
        return str_make(out, len);
}

static struct str trim_underscore(struct str text)
{
        if (text.len && text.data[text.len - 1] == '_')
                text.len--;
        return text;
}

struct str otlp_unit_name(struct arena *arena, struct str unit)
{
        struct unit_names names = name_unit(arena, unit);

        names.main = clean_unit(arena, names.main);
        names.per = clean_unit(arena, names.per);
        if (names.main.len && names.per.len)
                return trim_underscore(concat(arena, names.main, "_", names.per));
        return trim_underscore(names.main.len ? names.main : names.per);
}

/* ---- metrics ------------------------------------------------------------------------------ */

/* A name in the making: parts with an underscore between. */
struct tokens {
        struct str *items;
        size_t count;
};

static struct tokens split_name(struct arena *arena, struct str name)
{
        /* Three more: unit, per unit, and total or ratio. */
        struct tokens tokens = {arena_array(arena, struct str, name.len / 2 + 4), 0};
        size_t from = 0;

        for (size_t at = 0; at <= name.len; at++) {
                if (at < name.len && (is_alphanumeric(name.data[at]) || name.data[at] == ':'))
                        continue;
                if (at > from)
                        tokens.items[tokens.count++] = str_slice(name, from, at);
                from = at + 1;
        }
        return tokens;
}

static bool has_token(const struct tokens *tokens, struct str token)
{
        for (size_t i = 0; i < tokens->count; i++)
                if (str_equal(tokens->items[i], token))
                        return true;
        return false;
}

static void add_unit_tokens(struct tokens *tokens, struct str main, struct str per)
{
        if (has_token(tokens, main))
                main.len = 0;
        if (str_is(per, "per_"))
                per.len = 0;
        per = trim_underscore(per);
        if (has_token(tokens, per))
                per.len = 0;
        if (per.len)
                main = trim_underscore(main);
        if (main.len)
                tokens->items[tokens->count++] = main;
        if (per.len)
                tokens->items[tokens->count++] = per;
}

static void move_to_end(struct tokens *tokens, struct str token)
{
        size_t kept = 0;

        for (size_t i = 0; i < tokens->count; i++)
                if (!str_equal(tokens->items[i], token))
                        tokens->items[kept++] = tokens->items[i];
        tokens->items[kept++] = token;
        tokens->count = kept;
}

static struct str join(struct arena *arena, const struct tokens *tokens)
{
        char *out, *at;
        size_t max = 2;

        for (size_t i = 0; i < tokens->count; i++)
                max += tokens->items[i].len + 1;
        out = at = arena_alloc(arena, max);
        if (tokens->count && is_digit(tokens->items[0].data[0]))
                *at++ = '_';
        for (size_t i = 0; i < tokens->count; i++) {
                if (i)
                        *at++ = '_';
                at = mempcpy(at, tokens->items[i].data, tokens->items[i].len);
        }
        return str_make(out, (size_t)(at - out));
}

static struct str escape_with_suffixes(struct arena *arena, struct str name, struct str unit,
                                       enum otlp_metric_kind kind)
{
        struct tokens tokens = split_name(arena, name);
        struct unit_names names = name_unit(arena, unit);

        add_unit_tokens(&tokens, clean_unit(arena, names.main), clean_unit(arena, names.per));
        if (kind == OTLP_MONOTONIC)
                move_to_end(&tokens, STR_LIT("total"));
        if (kind == OTLP_GAUGE && str_is(unit, "1"))
                move_to_end(&tokens, STR_LIT("ratio"));
        return join(arena, &tokens);
}

/* Underscores stay as many as they are; runs of anything else become one, none at the ends. */
static struct str escape_name(struct arena *arena, struct str name)
{
        char *out = arena_alloc(arena, name.len + 2);
        bool gap = false;
        size_t len = 0;

        for (size_t i = 0; i < name.len; i++) {
                char c = name.data[i];

                if (!is_alphanumeric(c) && c != ':' && c != '_') {
                        gap = true;
                        continue;
                }
                if (gap && len)
                        out[len++] = '_';
                else if (!len && is_digit(c))
                        out[len++] = '_';
                gap = false;
                out[len++] = c;
        }
        return str_make(out, len);
}

/* Without the suffix and the delimiter before it. */
static struct str drop_suffix(struct str name, struct str suffix)
{
        if (str_ends_with(name, suffix) && name.len > suffix.len + 1)
                name.len -= suffix.len + 1;
        return name;
}

static struct str add_suffixes(struct arena *arena, struct str name, struct str unit,
                               enum otlp_metric_kind kind)
{
        struct unit_names names = name_unit(arena, unit);
        bool ratio = kind == OTLP_GAUGE && str_is(unit, "1");

        if (ratio)
                name = drop_suffix(name, STR_LIT("ratio"));
        if (kind == OTLP_MONOTONIC)
                name = drop_suffix(name, STR_LIT("total"));
        if (names.per.len)
                name = drop_suffix(name, names.per);
        if (names.main.len && !str_ends_with(name, names.main))
                name = concat(arena, name, "_", names.main);
        if (names.per.len)
                name = concat(arena, name, "_", names.per);
        if (kind == OTLP_MONOTONIC)
                name = concat(arena, name, "_", STR_LIT("total"));
        return ratio ? concat(arena, name, "_", STR_LIT("ratio")) : name;
}

struct str otlp_metric_name(struct arena *arena, const struct otlp_naming *naming,
                            struct str name, struct str unit, enum otlp_metric_kind kind)
{
        struct str made;

        if (naming->utf8)
                return naming->suffixes && name.len ? add_suffixes(arena, name, unit, kind) : name;
        made = naming->suffixes ? escape_with_suffixes(arena, name, unit, kind)
                                : escape_name(arena, name);
        return only_underscores(made) && !str_equal(made, name) ? STR_LIT("") : made;
}

/* ---- labels ------------------------------------------------------------------------------- */

static bool is_reserved(struct str name)
{
        return name.len >= 4 && str_starts_with(name, STR_LIT("__")) &&
               str_ends_with(name, STR_LIT("__"));
}

/* What most names are, and what no naming changes. */
static bool is_plain(struct str name)
{
        if (is_digit(name.data[0]) || name.data[0] == '_')
                return false;
        for (size_t i = 0; i < name.len; i++)
                if (!is_alphanumeric(name.data[i]) &&
                    (name.data[i] != '_' || (i && name.data[i - 1] == '_')))
                        return false;
        return true;
}

static struct str escape_label(struct arena *arena, const struct otlp_naming *naming,
                               struct str name)
{
        bool keep = naming->keep_multiple_underscores;
        size_t edge = !keep && is_reserved(name) ? 2 : 0;
        /* Room for "key_" before and "__" around. */
        char *out = (char *)arena_alloc(arena, name.len + 8) + 4;
        size_t len = edge;

        memset(out, '_', edge);
        for (size_t i = edge; i < name.len - edge; i++) {
                char c = name.data[i];

                if (is_alphanumeric(c))
                        out[len++] = c;
                else if (!is_continuation(c) && (keep || len == edge || out[len - 1] != '_'))
                        out[len++] = '_';
        }
        memset(out + len, '_', edge);
        len += edge;
        if (is_digit(out[0]))
                return str_make(memcpy(out - 4, "key_", 4), len + 4);
        if (naming->key_before_underscore && out[0] == '_' && !(len > 1 && out[1] == '_'))
                return str_make((const char *)memcpy(out - 3, "key", 3), len + 3);
        return str_make(out, len);
}

struct str otlp_label_name(struct arena *arena, const struct otlp_naming *naming, struct str name)
{
        struct str made;

        if (naming->utf8 || !name.len || is_plain(name))
                return name;
        made = escape_label(arena, naming, name);
        return only_underscores(made) && !str_equal(made, name) ? STR_LIT("") : made;
}

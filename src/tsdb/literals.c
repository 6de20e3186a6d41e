#include "tsdb/literals_int.h"

struct parser {
        struct arena *arena;
        struct str pattern;
        size_t at;
};

/* A growing set of texts. */
struct set {
        struct str *items;
        size_t count;
};

static bool is_meta(char c)
{
        return memchr("\\.+*?()|[]{}^$", c, 14) != NULL;
}

/* One literal character, escaped punctuation included; a character that a repetition follows is
 * none. */
static bool parse_char(struct parser *p, char *ret)
{
        size_t at = p->at;
        char c;

        if (at >= p->pattern.len)
                return false;
        c = p->pattern.data[at++];
        if (c == '\\') {
                if (at >= p->pattern.len || !is_meta(p->pattern.data[at]))
                        return false;
                c = p->pattern.data[at++];
        } else if (is_meta(c)) {
                return false;
        }
        if (at < p->pattern.len && memchr("*+?{", p->pattern.data[at], 4))
                return false;
        *ret = c;
        p->at = at;
        return true;
}

static struct str parse_run(struct parser *p)
{
        char *text = arena_alloc(p->arena, p->pattern.len + 1);
        size_t len = 0;

        while (parse_char(p, &text[len]))
                len++;
        return str_make(text, len);
}

static bool product(struct arena *arena, struct set *left, struct set right)
{
        size_t count = left->count * right.count;
        struct str *items;

        if (count > LITERALS_MAX)
                return false;
        items = arena_array(arena, struct str, count);
        for (size_t i = 0; i < count; i++) {
                struct str head = left->items[i / right.count], tail = right.items[i % right.count];
                char *text = arena_alloc(arena, head.len + tail.len + 1);

                memcpy(text, head.data, head.len);
                memcpy(text + head.len, tail.data, tail.len);
                items[i] = str_make(text, head.len + tail.len);
        }
        *left = (struct set){items, count};
        return true;
}

static bool parse_alternatives(struct parser *p, unsigned depth, struct set *ret);

static bool parse_group(struct parser *p, unsigned depth, struct set *ret)
{
        struct str rest = str_make(p->pattern.data + p->at, p->pattern.len - p->at);

        p->at += str_starts_with(rest, STR_LIT("(?:")) ? 3 : 1;
        if (depth > 8 || (p->at < p->pattern.len && p->pattern.data[p->at] == '?') ||
            !parse_alternatives(p, depth + 1, ret) || p->at >= p->pattern.len ||
            p->pattern.data[p->at] != ')')
                return false;
        p->at++;
        return p->at >= p->pattern.len || !memchr("*+?{", p->pattern.data[p->at], 4);
}

static bool parse_sequence(struct parser *p, unsigned depth, struct set *ret)
{
        struct str *empty = arena_array(p->arena, struct str, 1);
        struct set result = {empty, 1};

        *empty = STR_LIT("");
        while (p->at < p->pattern.len) {
                struct str run = parse_run(p);
                struct set part = {&run, 1};

                if (!run.len) {
                        if (p->at >= p->pattern.len || p->pattern.data[p->at] != '(')
                                break;
                        if (!parse_group(p, depth, &part))
                                return false;
                }
                if (!product(p->arena, &result, part))
                        return false;
        }
        *ret = result;
        return true;
}

static bool parse_alternatives(struct parser *p, unsigned depth, struct set *ret)
{
        struct set result = {arena_array(p->arena, struct str, LITERALS_MAX), 0};

        for (;;) {
                struct set one;

                if (!parse_sequence(p, depth, &one) || result.count + one.count > LITERALS_MAX)
                        return false;
                memcpy(result.items + result.count, one.items, one.count * sizeof(*one.items));
                result.count += one.count;
                if (p->at >= p->pattern.len || p->pattern.data[p->at] != '|')
                        break;
                p->at++;
        }
        *ret = result;
        return true;
}

/* A '|' outside of all groups would make the first branch's prefix that of one branch only; any
 * '|' at all is reason enough to give up. */
static struct str prefix_of(struct arena *arena, struct str pattern)
{
        struct parser p = {arena, pattern, 0};

        if (pattern.len && memchr(pattern.data, '|', pattern.len))
                return STR_LIT("");
        return parse_run(&p);
}

struct literals literals_of(struct arena *arena, struct str pattern)
{
        struct parser p = {arena, pattern, 0};
        struct set set;

        if (parse_alternatives(&p, 0, &set) && p.at == pattern.len)
                return (struct literals){set.items, set.count, STR_LIT("")};
        return (struct literals){.prefix = prefix_of(arena, pattern)};
}

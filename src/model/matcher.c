#include "model/matcher.h"

#include "codec/regex.h"

static void free_regex(void *regex)
{
        regex_free(regex);
}

bool matcher_init(struct matcher *matcher, struct arena *arena, enum matcher_op op,
                  struct str name, struct str value, struct error *err)
{
        struct regex *regex = NULL;

        if (op == MATCHER_REGEX || op == MATCHER_NOT_REGEX) {
                if (!regex_new(&regex, value, REGEX_FULL, err))
                        return false;
                arena_on_release(arena, free_regex, regex);
        }
        *matcher = (struct matcher){op, name, value, regex};
        return true;
}

bool matcher_matches(const struct matcher *matcher, struct str value)
{
        switch (matcher->op) {
        case MATCHER_EQUAL:
                return str_equal(matcher->value, value);
        case MATCHER_NOT_EQUAL:
                return !str_equal(matcher->value, value);
        case MATCHER_REGEX:
                return regex_match(matcher->regex, value);
        case MATCHER_NOT_REGEX:
                return !regex_match(matcher->regex, value);
        }
        BUG_ON(true);
}

bool matchers_match_labels(const struct matcher *matchers, size_t count, struct labels labels)
{
        for (size_t i = 0; i < count; i++)
                if (!matcher_matches(&matchers[i], labels_get(labels, matchers[i].name)))
                        return false;
        return true;
}

const char *matcher_op_text(enum matcher_op op)
{
        static const char *const texts[] = {"=", "!=", "=~", "!~"};

        return texts[op];
}

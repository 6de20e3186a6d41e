#include "model/relabel.h"

#include <strings.h>

#include "codec/digest.h"
#include "codec/regex.h"

/* The longest value a rule may build; a longer one is refused as empty. */
enum { RELABEL_VALUE_MAX = 1 << 20 };

static const char *const action_names[] = {
        "replace", "keep",      "drop",      "keepequal", "dropequal", "hashmod",
        "labelmap", "labeldrop", "labelkeep", "lowercase", "uppercase",
};

const char *relabel_action_name(enum relabel_action action)
{
        return action_names[action];
}

static void free_regex(void *regex)
{
        regex_free(regex);
}

static bool parse_action(struct str name, enum relabel_action *ret_action, struct error *err)
{
        if (name.len == 0) {
                *ret_action = RELABEL_REPLACE;
                return true;
        }
        for (size_t i = 0; i < ARRAY_LEN(action_names); i++) {
                if (name.len == strlen(action_names[i]) &&
                    strncasecmp(name.data, action_names[i], name.len) == 0) {
                        *ret_action = (enum relabel_action)i;
                        return true;
                }
        }
        return error_set(err, ERROR_INVALID, "unknown relabel action \"" STR_FMT "\"",
                         STR_ARG(name));
}

/* A target label may be built from $1 or ${name}; what is left around them must be a name. */
static bool is_target_label(struct str target)
{
        struct str rest = target;

        if (str_find_byte(target, '$') == target.len)
                return target.len > 0 && str_is_utf8(target);
        while (rest.len) {
                size_t dollar = str_find_byte(rest, '$');

                rest = str_slice(rest, dollar < rest.len ? dollar + 1 : dollar, rest.len);
        }
        return true;
}

static bool needs_target(enum relabel_action action)
{
        return action == RELABEL_REPLACE || action == RELABEL_HASH_MOD ||
               action == RELABEL_LOWERCASE || action == RELABEL_UPPERCASE ||
               action == RELABEL_KEEP_EQUAL || action == RELABEL_DROP_EQUAL;
}

static bool check_spec(const struct relabel_spec *spec, enum relabel_action action,
                       struct error *err)
{
        const char *name = action_names[action];

        if (action == RELABEL_HASH_MOD && spec->modulus == 0)
                return error_set(err, ERROR_INVALID,
                                 "relabel configuration for hashmod requires non-zero modulus");
        if (needs_target(action) && spec->target_label.len == 0)
                return error_set(err, ERROR_INVALID,
                                 "relabel configuration for %s action requires 'target_label' "
                                 "value", name);
        if (needs_target(action) && !is_target_label(spec->target_label))
                return error_set(err, ERROR_INVALID,
                                 "\"" STR_FMT "\" is invalid 'target_label' for %s action",
                                 STR_ARG(spec->target_label), name);
        if ((action == RELABEL_KEEP_EQUAL || action == RELABEL_DROP_EQUAL) &&
            (spec->has_regex || spec->modulus || spec->has_separator || spec->has_replacement))
                return error_set(err, ERROR_INVALID,
                                 "%s action requires only 'source_labels' and 'target_label', and "
                                 "no other fields", name);
        if ((action == RELABEL_LABEL_DROP || action == RELABEL_LABEL_KEEP) &&
            (spec->source_count || spec->target_label.len || spec->modulus ||
             spec->has_separator || spec->has_replacement))
                return error_set(err, ERROR_INVALID,
                                 "%s action requires only 'regex', and no other fields", name);
        return true;
}

bool relabel_rule_init(struct relabel_rule *rule, struct arena *arena,
                       const struct relabel_spec *spec, struct error *err)
{
        struct relabel_rule made = {
                .source_labels = spec->source_labels,
                .source_count = spec->source_count,
                .separator = spec->has_separator ? spec->separator : STR_LIT(";"),
                .target_label = spec->target_label,
                .replacement = spec->has_replacement ? spec->replacement : STR_LIT("$1"),
                .modulus = spec->modulus,
        };

        if (!parse_action(spec->action, &made.action, err) || !check_spec(spec, made.action, err))
                return false;
        if (!regex_new(&made.regex, spec->has_regex ? spec->regex : STR_LIT("(.*)"), REGEX_FULL,
                       err))
                return error_prefix(err, "invalid regex");
        arena_on_release(arena, free_regex, made.regex);
        *rule = made;
        return true;
}

static struct str join_sources(const struct relabel_rule *rule,
                               const struct labels_builder *builder)
{
        struct buf joined CLEANUP(buf_release) = BUF_INIT(RELABEL_VALUE_MAX);

        if (rule->source_count == 1)
                return labels_builder_get(builder, rule->source_labels[0]);
        for (size_t i = 0; i < rule->source_count; i++) {
                if (i)
                        buf_append_str(&joined, rule->separator);
                buf_append_str(&joined, labels_builder_get(builder, rule->source_labels[i]));
        }
        return arena_str(builder->arena, buf_str(&joined));
}

static struct str expand(const struct relabel_rule *rule, struct arena *arena, struct str value,
                         struct str template)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(RELABEL_VALUE_MAX);

        if (!regex_expand(rule->regex, value, template, &text) || text.overflow)
                return STR_LIT("");
        return arena_str(arena, buf_str(&text));
}

static void apply_replace(const struct relabel_rule *rule, struct labels_builder *builder,
                          struct str value)
{
        struct str target, replacement;

        if (!regex_match(rule->regex, value))
                return;
        target = expand(rule, builder->arena, value, rule->target_label);
        if (!target.len || !str_is_utf8(target))
                return;
        replacement = expand(rule, builder->arena, value, rule->replacement);
        if (replacement.len)
                labels_builder_set(builder, target, replacement);
        else
                labels_builder_delete(builder, target);
}

/* The last 8 bytes of the MD5 of the value, big-endian, modulo. */
static void apply_hash_mod(const struct relabel_rule *rule, struct labels_builder *builder,
                           struct str value)
{
        uint8_t digest[16];
        uint64_t number = 0;
        const char *text;

        digest_md5(value, digest);
        for (size_t i = 8; i < 16; i++)
                number = number << 8 | digest[i];
        text = arena_printf(builder->arena, "%llu", (unsigned long long)(number % rule->modulus));
        labels_builder_set(builder, rule->target_label, str_from(text));
}

static void apply_case(const struct relabel_rule *rule, struct labels_builder *builder,
                       struct str value)
{
        struct str copy = arena_str(builder->arena, value);
        char *bytes = (char *)(uintptr_t)copy.data;
        bool lower = rule->action == RELABEL_LOWERCASE;

        for (size_t i = 0; i < copy.len; i++) {
                if (lower && bytes[i] >= 'A' && bytes[i] <= 'Z')
                        bytes[i] = (char)(bytes[i] + 32);
                else if (!lower && bytes[i] >= 'a' && bytes[i] <= 'z')
                        bytes[i] = (char)(bytes[i] - 32);
        }
        labels_builder_set(builder, rule->target_label, copy);
}

static void apply_to_names(const struct relabel_rule *rule, struct labels_builder *builder)
{
        size_t count = builder->count;
        struct label *before = arena_array(builder->arena, struct label, count);

        if (count)
                memcpy(before, builder->items, count * sizeof(*before));
        for (size_t i = 0; i < count; i++) {
                bool match = before[i].value.len && regex_match(rule->regex, before[i].name);

                if (rule->action == RELABEL_LABEL_MAP && match)
                        labels_builder_set(builder,
                                           expand(rule, builder->arena, before[i].name,
                                                  rule->replacement),
                                           before[i].value);
                else if (rule->action == RELABEL_LABEL_DROP && match)
                        labels_builder_delete(builder, before[i].name);
                else if (rule->action == RELABEL_LABEL_KEEP && !match)
                        labels_builder_delete(builder, before[i].name);
        }
}

/* Returns false when the rule drops the label set. */
static bool apply_rule(const struct relabel_rule *rule, struct labels_builder *builder)
{
        struct str value = join_sources(rule, builder);

        switch (rule->action) {
        case RELABEL_KEEP:
                return regex_match(rule->regex, value);
        case RELABEL_DROP:
                return !regex_match(rule->regex, value);
        case RELABEL_KEEP_EQUAL:
                return str_equal(labels_builder_get(builder, rule->target_label), value);
        case RELABEL_DROP_EQUAL:
                return !str_equal(labels_builder_get(builder, rule->target_label), value);
        case RELABEL_REPLACE:
                apply_replace(rule, builder, value);
                return true;
        case RELABEL_HASH_MOD:
                apply_hash_mod(rule, builder, value);
                return true;
        case RELABEL_LOWERCASE:
        case RELABEL_UPPERCASE:
                apply_case(rule, builder, value);
                return true;
        case RELABEL_LABEL_MAP:
        case RELABEL_LABEL_DROP:
        case RELABEL_LABEL_KEEP:
                apply_to_names(rule, builder);
                return true;
        }
        BUG_ON(true);
}

bool relabel_apply(struct relabel_rules rules, struct labels_builder *builder)
{
        for (size_t i = 0; i < rules.count; i++)
                if (!apply_rule(&rules.items[i], builder))
                        return false;
        return true;
}

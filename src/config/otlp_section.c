#include "config/otlp_section_int.h"

#include <stddef.h>

struct otlp_section {
        struct otlp_options options;
        struct str strategy;
        struct str_list promoted, ignored;
};

#define OTLP(member) offsetof(struct otlp_section, member)
#define OPTION(member) OTLP(options.member)

static bool set_strategy(struct decoder *d, const struct yaml_node *node,
                         struct otlp_section *section)
{
        static const struct {
                const char *name;
                bool utf8, suffixes;
        } strategies[] = {
                {"UnderscoreEscapingWithSuffixes", false, true},
                {"UnderscoreEscapingWithoutSuffixes", false, false},
                {"NoUTF8EscapingWithSuffixes", true, true},
                {"NoTranslation", true, false},
        };

        if (!section->strategy.len)
                return true;
        for (size_t i = 0; i < ARRAY_LEN(strategies); i++) {
                if (!str_is(section->strategy, strategies[i].name))
                        continue;
                section->options.naming.utf8 = strategies[i].utf8;
                section->options.naming.suffixes = strategies[i].suffixes;
                return true;
        }
        return decode_fail(d, node, "unsupported OTLP translation strategy \"" STR_FMT "\"",
                           STR_ARG(section->strategy));
}

/* Trimmed; none empty, none twice. */
static bool check_names(struct decoder *d, const struct yaml_node *node, struct str_list *list,
                        const char *adjective)
{
        struct str *names = arena_array(d->arena, struct str, list->count + 1);

        for (size_t i = 0; i < list->count; i++) {
                names[i] = str_trim(list->items[i]);
                if (!names[i].len)
                        return decode_fail(d, node, "empty %s OTel resource attribute", adjective);
                for (size_t j = 0; j < i; j++)
                        if (str_equal(names[i], names[j]))
                                return decode_fail(d, node, "duplicated %s OTel resource attribute "
                                                   "\"" STR_FMT "\"", adjective,
                                                   STR_ARG(names[i]));
        }
        list->items = names;
        return true;
}

bool decode_otlp(struct decoder *d, const struct yaml_node *node, struct otlp_options *options)
{
        static const struct field fields[] = {
                {"promote_resource_attributes", decode_strings, OTLP(promoted), NULL},
                {"promote_all_resource_attributes", decode_bool, OPTION(promote_all), NULL},
                {"ignore_resource_attributes", decode_strings, OTLP(ignored), NULL},
                {"translation_strategy", decode_string, OTLP(strategy), NULL},
                {"keep_identifying_resource_attributes", decode_bool, OPTION(keep_identifying),
                 NULL},
                {"convert_histograms_to_nhcb", decode_bool, OPTION(convert_histograms), NULL},
                {"promote_scope_metadata", decode_bool, OPTION(promote_scope), NULL},
                {"label_name_underscore_sanitization", decode_bool,
                 OPTION(naming.key_before_underscore), NULL},
                {"label_name_preserve_multiple_underscores", decode_bool,
                 OPTION(naming.keep_multiple_underscores), NULL},
        };
        struct otlp_section section = {.options = *options};
        struct str_list *listed = &section.promoted;

        if (!decode_mapping(d, node, "otlp", fields, ARRAY_LEN(fields), &section) ||
            !set_strategy(d, node, &section))
                return false;
        if (section.options.promote_all && section.promoted.count)
                return decode_fail(d, node, "promote_all_resource_attributes and "
                                   "promote_resource_attributes cannot be configured "
                                   "simultaneously");
        if (!section.options.promote_all && section.ignored.count)
                return decode_fail(d, node, "ignore_resource_attributes cannot be configured "
                                   "unless promote_all_resource_attributes is true");
        if (section.options.promote_all)
                listed = &section.ignored;
        if (!check_names(d, node, listed, section.options.promote_all ? "ignored" : "promoted"))
                return false;
        *options = section.options;
        options->listed = listed->items;
        options->listed_count = listed->count;
        return true;
}

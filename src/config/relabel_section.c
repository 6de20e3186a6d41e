#include <stddef.h>

#include "config/decode_int.h"
#include "model/relabel.h"

static bool decode_relabel_rule(struct decoder *d, const struct yaml_node *node, void *slot)
{
        struct relabel_fields {
                struct relabel_spec spec;
                struct str_list sources;
        } rule = {0};
        static const struct field fields[] = {
                {"action", decode_string, offsetof(struct relabel_fields, spec.action), NULL},
                {"source_labels", decode_strings, offsetof(struct relabel_fields, sources), NULL},
                {"separator", decode_string, offsetof(struct relabel_fields, spec.separator), NULL},
                {"regex", decode_string, offsetof(struct relabel_fields, spec.regex), NULL},
                {"modulus", decode_uint, offsetof(struct relabel_fields, spec.modulus), NULL},
                {"target_label", decode_string, offsetof(struct relabel_fields, spec.target_label),
                 NULL},
                {"replacement", decode_string, offsetof(struct relabel_fields, spec.replacement),
                 NULL},
        };
        struct error reason;

        if (node->kind != YAML_MAPPING)
                return decode_fail(d, node, "empty or null relabeling rule in scrape config");
        if (!decode_mapping(d, node, "relabel_config", fields, ARRAY_LEN(fields), &rule))
                return false;
        rule.spec.source_labels = rule.sources.items;
        rule.spec.source_count = rule.sources.count;
        rule.spec.has_separator = yaml_find(node, "separator") != NULL;
        rule.spec.has_regex = yaml_find(node, "regex") != NULL;
        rule.spec.has_replacement = yaml_find(node, "replacement") != NULL;
        if (!relabel_rule_init(slot, d->arena, &rule.spec, &reason))
                return decode_fail(d, node, "%s", reason.text);
        return true;
}

bool decode_relabel_rules(struct decoder *d, const struct yaml_node *node, void *slot)
{
        struct relabel_rules *rules = slot;
        void *items;

        if (!decode_list(d, node, node->key->text.data, sizeof(struct relabel_rule),
                         decode_relabel_rule, &items, &rules->count))
                return false;
        rules->items = items;
        return true;
}

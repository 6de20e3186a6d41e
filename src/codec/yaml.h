/* codec/yaml.h - a YAML document as a tree that remembers lines and columns.
 *
 * Anchors and aliases are resolved, merge keys (<<) applied, duplicate keys refused. A document
 * that would expand to more than 1,000,000 nodes or nests deeper than 100 is refused. Exactly one
 * document, at most; an empty file gives a null node.
 */
#ifndef CODEC_YAML_H
#define CODEC_YAML_H

#include "base/arena.h"
#include "base/error.h"

enum yaml_kind { YAML_NULL, YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING };

struct yaml_node {
        enum yaml_kind kind;
        bool quoted;              /* scalar written in quotes or as a block: always a string */
        struct str text;          /* scalar */
        unsigned line, column;    /* from 1 */
        unsigned weight;          /* nodes of this subtree after expansion */
        struct yaml_node *key;    /* this value's key, inside a mapping */
        struct yaml_node *first;  /* sequence, mapping: values in order */
        struct yaml_node *next;   /* sibling */
};

/* All in the arena. The error reads "file:line:col: reason"; file is only used for that. */
NODISCARD bool yaml_parse(struct arena *arena, const char *file, struct str text,
                          struct yaml_node **ret_root, struct error *err);

struct yaml_node *yaml_find(const struct yaml_node *mapping, const char *key); /* NULL if absent */

/* YAML 1.1 booleans as Go's yaml.v2 reads them: true/True/TRUE/yes/on/... */
NODISCARD bool yaml_to_bool(const struct yaml_node *node, bool *ret_value);

#endif

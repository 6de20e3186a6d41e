/* Any text: a tree with honest positions and weights, or an error that says where. */
#include "base/compiler.h"
#include "codec/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DEPTH_MAX = 100, NODES_MAX = 1000000 };

static unsigned check_node(const struct yaml_node *node, unsigned depth)
{
        unsigned weight = 1;
        bool value;

        BUG_ON(depth > DEPTH_MAX + 1 || !node->line || !node->column);
        BUG_ON((node->kind == YAML_SCALAR || node->kind == YAML_NULL) && node->first);
        (void)!yaml_to_bool(node, &value);
        for (const struct yaml_node *child = node->first; child; child = child->next) {
                BUG_ON((node->kind == YAML_MAPPING) != (child->key != NULL));
                weight += check_node(child, depth + 1);
        }
        BUG_ON(weight > NODES_MAX);
        return weight;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct yaml_node *root;
        struct arena arena;
        struct error err;

        arena_init(&arena, 256 << 20);
        if (yaml_parse(&arena, "f", str_make((const char *)data, size), &root, &err)) {
                check_node(root, 0);
                if (root->kind == YAML_MAPPING)
                        yaml_find(root, "a");
        } else {
                BUG_ON(err.text[0] != 'f' || err.text[1] != ':');
        }
        arena_release(&arena);
        return 0;
}

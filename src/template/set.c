#include "base/alloc.h"
#include "base/map.h"
#include "template/template_int.h"

ALLOC_TYPE(template_set_type, "template_set")

/* Of the trees of all texts in a set. */
enum { TREES_MAX_BYTES = 256 << 20 };

struct template_set {
        struct arena arena;
        struct map trees;
        const struct template_function *tables[TEMPLATE_TABLE_MAX];
        size_t table_count;
};

struct template_set *template_set_new(void)
{
        struct template_set *set = alloc_new(&template_set_type, sizeof(*set));

        arena_init(&set->arena, TREES_MAX_BYTES);
        return set;
}

struct template_set *template_set_free(struct template_set *set)
{
        if (!set)
                return NULL;
        map_release(&set->trees);
        arena_release(&set->arena);
        return alloc_free(&template_set_type, set);
}

void template_set_add_functions(struct template_set *set, const struct template_function *table)
{
        BUG_ON(set->table_count == TEMPLATE_TABLE_MAX);
        set->tables[set->table_count++] = table;
}

static const struct template_function *find_function(const struct template_function *table,
                                                     struct str name)
{
        for (; table->name; table++)
                if (str_is(name, table->name))
                        return table;
        return NULL;
}

const struct template_function *template_set_function(const struct template_set *set,
                                                      struct str name)
{
        const struct template_function *found = NULL;

        for (size_t i = set->table_count; i > 0 && !found; i--)
                found = find_function(set->tables[i - 1], name);
        return found ? found : find_function(template_builtins, name);
}

static bool has_function(const void *ctx, struct str name)
{
        return template_set_function(ctx, name) != NULL;
}

bool template_set_parse(struct template_set *set, struct str name, struct str text,
                        struct error *err)
{
        struct tree_functions functions = {has_function, set};
        struct tree *trees;

        if (!tree_parse(&set->arena, name, text, functions, &trees, err))
                return false;
        for (struct tree *tree = trees; tree; tree = tree->next)
                if (!map_get(&set->trees, tree->name) || !tree_is_empty(tree->root))
                        map_put(&set->trees, tree->name, tree);
        return true;
}

const struct tree *template_set_find(const struct template_set *set, struct str name)
{
        return map_get(&set->trees, name);
}

bool template_set_has(const struct template_set *set, struct str name)
{
        return template_set_find(set, name) != NULL;
}

#include "template/execute_int.h"

#include <stdio.h>

#include "base/alloc.h"
#include "codec/quote.h"

ALLOC_TYPE(variables_type, "template_variables")

/* Templates within templates: as deep as the stack of a thread holds with ease. */
enum { TEMPLATE_DEPTH_MAX = 1000 };

/* Nodes that one run may visit: a few seconds. */
enum { STEPS_MAX = 20000000 };

/* What follows an item. */
enum flow {
        FLOW_ON,
        FLOW_BREAK,
        FLOW_CONTINUE,
        FLOW_FAILED,
};

/* ---- errors and variables ----------------------------------------------------------------- */

static void print_place(struct buf *out, const struct node *node)
{
        struct str before = str_slice(node->source->text, 0, node->pos);
        size_t line = 1, line_at = 0;

        for (size_t i = 0; i < before.len; i++) {
                if (before.data[i] != '\n')
                        continue;
                line++;
                line_at = i + 1;
        }
        buf_printf(out, STR_FMT ":%zu:%zu", STR_ARG(node->source->name), line,
                   before.len - line_at);
}

bool execution_fail(struct execution *run, const char *fmt, ...)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(sizeof(run->err->text));
        va_list args;

        buf_append_cstr(&text, "template: ");
        if (run->node) {
                print_place(&text, run->node);
                buf_append_cstr(&text, ": executing ");
                quote_append(&text, run->tree->name);
                buf_append_cstr(&text, " at <");
                node_print(&text, run->node);
                buf_append_byte(&text, '>');
        } else {
                buf_append_str(&text, run->tree->name);
        }
        buf_append_cstr(&text, ": ");
        va_start(args, fmt);
        buf_vprintf(&text, fmt, args);
        va_end(args);
        return error_set(run->err, ERROR_EXECUTION, STR_FMT, STR_ARG(buf_str(&text)));
}

bool execution_fail_quoted(struct execution *run, const char *before, struct str text,
                           const char *behind)
{
        struct buf quoted CLEANUP(buf_release) = BUF_INIT(sizeof(run->err->text));

        quote_append(&quoted, text);
        return execution_fail(run, "%s" STR_FMT "%s", before, STR_ARG(buf_str(&quoted)), behind);
}

bool execution_step(struct execution *run, const struct node *node)
{
        run->node = node;
        if (++run->steps > STEPS_MAX || arena_over_budget(run->arena))
                return error_set(run->err, ERROR_LIMIT, "template: " STR_FMT ": took too much %s",
                                 STR_ARG(run->tree->name),
                                 run->steps > STEPS_MAX ? "time" : "memory");
        if (run->out->overflow)
                return error_set(run->err, ERROR_LIMIT, "template: " STR_FMT
                                 ": wrote more than %zu bytes",
                                 STR_ARG(run->tree->name), run->out->max_bytes);
        return true;
}

void execution_push(struct execution *run, struct str name, struct template_value value)
{
        run->variables = alloc_array_reserve(&variables_type, run->variables, &run->capacity,
                                             run->count + 1, sizeof(*run->variables));
        run->variables[run->count++] = (struct variable){name, value};
}

bool execution_assign(struct execution *run, const struct node *name, struct template_value value)
{
        for (size_t i = run->count; i > run->base; i--) {
                if (!str_equal(run->variables[i - 1].name, name->names[0]))
                        continue;
                run->variables[i - 1].value = value;
                return true;
        }
        return execution_fail(run, "undefined variable: " STR_FMT, STR_ARG(name->names[0]));
}

/* ---- walking ------------------------------------------------------------------------------ */

static enum flow walk(struct execution *run, struct template_value dot, const struct node *node);

static enum flow walk_condition(struct execution *run, struct template_value dot,
                                const struct node *node)
{
        size_t mark = run->count;
        struct template_value value;
        enum flow flow = FLOW_ON;

        if (!evaluate_pipeline(run, dot, node->pipe, &value))
                return FLOW_FAILED;
        if (template_is_true(&value))
                flow = walk(run, node->kind == NODE_WITH ? value : dot, node->list);
        else if (node->else_list)
                flow = walk(run, dot, node->else_list);
        run->count = mark;
        return flow;
}

static enum flow walk_once(struct execution *run, const struct node *node,
                           struct template_value key, struct template_value element)
{
        const struct node *first = node->pipe->declared, *second = first ? first->next : NULL;
        size_t mark = run->count;
        enum flow flow;

        if (first && node->pipe->assigns) {
                if (!execution_assign(run, first, second ? key : element) ||
                    (second && !execution_assign(run, second, element)))
                        return FLOW_FAILED;
        } else if (first) {
                run->variables[mark - 1].value = element;
                if (second)
                        run->variables[mark - 2].value = key;
        }
        flow = walk(run, element, node->list);
        run->count = mark;
        return flow == FLOW_CONTINUE ? FLOW_ON : flow;
}

static enum flow walk_elements(struct execution *run, const struct node *node,
                               struct template_value over, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                struct template_value key = template_from_int((int64_t)i), element = key;
                enum flow flow;

                if (over.type->kind == TEMPLATE_LIST) {
                        element = over.list->items[i];
                } else if (over.type->kind == TEMPLATE_MAP) {
                        key = template_from_str(over.map->entries[i].key);
                        element = over.map->entries[i].value;
                }
                flow = walk_once(run, node, key, element);
                if (flow != FLOW_ON)
                        return flow == FLOW_BREAK ? FLOW_ON : flow;
        }
        return FLOW_ON;
}

static enum flow fail_range(struct execution *run, const char *before,
                            const struct template_value *over, const char *behind)
{
        struct buf shown CLEANUP(buf_release) = BUF_INIT(sizeof(run->err->text));

        template_print(&shown, over);
        execution_fail(run, "%s" STR_FMT "%s", before, STR_ARG(buf_str(&shown)), behind);
        return FLOW_FAILED;
}

static enum flow walk_range(struct execution *run, struct template_value dot,
                            const struct node *node)
{
        size_t mark = run->count, count = 0;
        struct template_value over;
        enum flow flow = FLOW_ON;

        if (!evaluate_pipeline(run, dot, node->pipe, &over))
                return FLOW_FAILED;
        if (over.type) {
                switch (over.type->kind) {
                case TEMPLATE_LIST:
                case TEMPLATE_MAP:
                        count = template_count(&over);
                        break;
                case TEMPLATE_INT:
                        if (node->pipe->declared && node->pipe->declared->next)
                                return fail_range(run, "can't use ", &over,
                                                  " to iterate over more than one variable");
                        count = over.integer > 0 ? (size_t)over.integer : 0;
                        break;
                default:
                        return fail_range(run, "range can't iterate over ", &over, "");
                }
        }
        if (count)
                flow = walk_elements(run, node, over, count);
        else if (node->else_list)
                flow = walk(run, dot, node->else_list);
        run->count = mark;
        return flow;
}

static enum flow walk_template(struct execution *run, struct template_value dot,
                               const struct node *node)
{
        const struct tree *tree = template_set_find(run->set, node->text), *outer = run->tree;
        size_t mark = run->count, base = run->base;
        struct template_value value;
        enum flow flow;

        if (!tree) {
                execution_fail_quoted(run, "template ", node->text, " not defined");
                return FLOW_FAILED;
        }
        if (run->depth == TEMPLATE_DEPTH_MAX) {
                execution_fail(run, "exceeded maximum template depth (%d)", TEMPLATE_DEPTH_MAX);
                return FLOW_FAILED;
        }
        if (!evaluate_pipeline(run, dot, node->pipe, &value))
                return FLOW_FAILED;
        run->depth++;
        run->tree = tree;
        run->base = run->count;
        execution_push(run, STR_LIT("$"), value);
        flow = walk(run, value, tree->root);
        run->depth--;
        run->tree = outer;
        run->base = base;
        run->count = mark;
        return flow;
}

static enum flow walk_action(struct execution *run, struct template_value dot,
                             const struct node *node)
{
        struct template_value value;

        if (!evaluate_pipeline(run, dot, node->pipe, &value))
                return FLOW_FAILED;
        if (node->pipe->declared)
                return FLOW_ON;
        run->node = node;
        if (value.type)
                template_print(run->out, &value);
        else
                buf_append_cstr(run->out, "<no value>");
        return FLOW_ON;
}

static enum flow walk_list(struct execution *run, struct template_value dot,
                           const struct node *list)
{
        enum flow flow = FLOW_ON;

        for (const struct node *child = list->first; child && flow == FLOW_ON;
             child = child->next)
                flow = walk(run, dot, child);
        return flow;
}

static enum flow walk(struct execution *run, struct template_value dot, const struct node *node)
{
        if (!execution_step(run, node))
                return FLOW_FAILED;
        switch (node->kind) {
        case NODE_TEXT:
                buf_append_str(run->out, node->text);
                return FLOW_ON;
        case NODE_ACTION:
                return walk_action(run, dot, node);
        case NODE_IF:
        case NODE_WITH:
                return walk_condition(run, dot, node);
        case NODE_RANGE:
                return walk_range(run, dot, node);
        case NODE_TEMPLATE:
                return walk_template(run, dot, node);
        case NODE_LIST:
                return walk_list(run, dot, node);
        case NODE_BREAK:
                return FLOW_BREAK;
        case NODE_CONTINUE:
                return FLOW_CONTINUE;
        default:
                BUG_ON(true); /* the parser puts nothing else into a list */
        }
        return FLOW_FAILED;
}

bool template_execute(const struct template_set *set, struct str name,
                      const struct template_run *run, struct error *err)
{
        struct execution execution = {.set = set, .arena = run->arena, .out = run->out,
                                      .ctx = run->ctx, .err = err};
        struct buf quoted CLEANUP(buf_release) = BUF_INIT(sizeof(err->text));
        enum flow flow;

        execution.tree = template_set_find(set, name);
        if (!execution.tree) {
                quote_append(&quoted, name);
                return error_set(err, ERROR_EXECUTION, "template: no template " STR_FMT
                                 " in this set", STR_ARG(buf_str(&quoted)));
        }
        execution_push(&execution, STR_LIT("$"), run->data);
        flow = walk(&execution, run->data, execution.tree->root);
        alloc_free(&variables_type, execution.variables);
        if (flow != FLOW_FAILED && run->out->overflow)
                return error_set(err, ERROR_LIMIT, "template: " STR_FMT
                                 ": wrote more than %zu bytes", STR_ARG(name), run->out->max_bytes);
        return flow != FLOW_FAILED;
}

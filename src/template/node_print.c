#include "codec/quote.h"
#include "template/tree_int.h"

static void print_children(struct buf *out, const struct node *first, const char *separator)
{
        for (const struct node *child = first; child; child = child->next) {
                bool in_parens = child->kind == NODE_PIPE;

                if (child != first)
                        buf_append_cstr(out, separator);
                if (in_parens)
                        buf_append_byte(out, '(');
                node_print(out, child);
                if (in_parens)
                        buf_append_byte(out, ')');
        }
}

static void print_names(struct buf *out, const struct node *node, bool dot_first)
{
        for (size_t i = 0; i < node->name_count; i++) {
                if (i > 0 || dot_first)
                        buf_append_byte(out, '.');
                buf_append_str(out, node->names[i]);
        }
}

static void print_control(struct buf *out, const struct node *node, const char *word)
{
        buf_printf(out, "{{%s ", word);
        node_print(out, node->pipe);
        buf_append_cstr(out, "}}");
        node_print(out, node->list);
        if (node->else_list) {
                buf_append_cstr(out, "{{else}}");
                node_print(out, node->else_list);
        }
        buf_append_cstr(out, "{{end}}");
}

static void print_template(struct buf *out, const struct node *node)
{
        buf_append_cstr(out, "{{template ");
        quote_append(out, node->text);
        if (node->pipe) {
                buf_append_byte(out, ' ');
                node_print(out, node->pipe);
        }
        buf_append_cstr(out, "}}");
}

/* Those that have no parts. */
static const char *fixed_text(const struct node *node)
{
        switch (node->kind) {
        case NODE_DOT:
                return ".";
        case NODE_NIL:
                return "nil";
        case NODE_BOOL:
                return node->boolean ? "true" : "false";
        case NODE_BREAK:
                return "{{break}}";
        case NODE_CONTINUE:
                return "{{continue}}";
        case NODE_ELSE:
                return "{{else}}";
        default:
                return "{{end}}";
        }
}

void node_print(struct buf *out, const struct node *node)
{
        switch (node->kind) {
        case NODE_TEXT:
        case NODE_IDENTIFIER:
        case NODE_NUMBER:
        case NODE_STRING:
                buf_append_str(out, node->text);
                break;
        case NODE_ACTION:
                buf_append_cstr(out, "{{");
                node_print(out, node->pipe);
                buf_append_cstr(out, "}}");
                break;
        case NODE_IF:
                print_control(out, node, "if");
                break;
        case NODE_RANGE:
                print_control(out, node, "range");
                break;
        case NODE_WITH:
                print_control(out, node, "with");
                break;
        case NODE_TEMPLATE:
                print_template(out, node);
                break;
        case NODE_LIST:
                print_children(out, node->first, "");
                break;
        case NODE_PIPE:
                print_children(out, node->declared, ", ");
                if (node->declared)
                        buf_append_cstr(out, node->assigns ? " = " : " := ");
                print_children(out, node->first, " | ");
                break;
        case NODE_COMMAND:
                print_children(out, node->first, " ");
                break;
        case NODE_CHAIN:
                print_children(out, node->first, "");
                print_names(out, node, true);
                break;
        case NODE_FIELD:
                print_names(out, node, true);
                break;
        case NODE_VARIABLE:
                print_names(out, node, false);
                break;
        default:
                buf_append_cstr(out, fixed_text(node));
        }
}

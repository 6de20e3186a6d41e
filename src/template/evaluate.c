#include "template/execute_int.h"

#include <stdio.h>

#include "codec/quote.h"

/* `final` is what a command is given behind its own arguments: the value of the command before it
 * in the pipeline, or NULL. */

static bool evaluate_argument(struct execution *run, struct template_value dot,
                              const struct template_type *type, const struct node *node,
                              struct template_value *ret_value);

bool template_is_assignable(const struct template_type *from, const struct template_type *to)
{
        if (from == to || to->kind == TEMPLATE_ANY)
                return true;
        return (from->kind == TEMPLATE_LIST || from->kind == TEMPLATE_MAP) &&
               from->kind == to->kind && from->element == to->element &&
               (!from->is_named || !to->is_named);
}

struct template_value template_zero(const struct template_type *type)
{
        return (struct template_value){.type = type->kind == TEMPLATE_ANY ? NULL : type};
}

static bool fail_node(struct execution *run, const char *before, const struct node *node,
                      const char *behind)
{
        struct buf shown CLEANUP(buf_release) = BUF_INIT(sizeof(run->err->text));

        node_print(&shown, node);
        return execution_fail(run, "%s" STR_FMT "%s", before, STR_ARG(buf_str(&shown)), behind);
}

/* ---- constants ---------------------------------------------------------------------------- */

/* A number as Go's constants become values: what looks like a float is one. */
static bool ideal_number(struct execution *run, const struct node *node,
                         struct template_value *ret_value)
{
        bool is_hex = node->text.len > 2 && node->text.data[0] == '0' &&
                      (node->text.data[1] | 0x20) == 'x';
        bool looks_float = false;

        run->node = node;
        for (size_t i = 0; i < node->text.len && node->text.data[0] != '\''; i++)
                looks_float |= strchr(is_hex ? ".pP" : ".eEpP", node->text.data[i]) != NULL;
        if (looks_float) {
                *ret_value = template_from_float(node->number);
                return true;
        }
        if (!node->is_int)
                return fail_node(run, "", node, " overflows int");
        *ret_value = template_from_int(node->integer);
        return true;
}

/* A literal where a value of some type is wanted. */
static bool evaluate_literal(struct execution *run, const struct template_type *type,
                             const struct node *node, struct template_value *ret_value)
{
        static const char *const names[] = {
                [TEMPLATE_BOOL] = "bool",   [TEMPLATE_INT] = "integer",
                [TEMPLATE_UINT] = "unsigned integer", [TEMPLATE_FLOAT] = "float",
                [TEMPLATE_STRING] = "string",
        };
        char expected[64];

        ret_value->type = type;
        switch (type->kind) {
        case TEMPLATE_BOOL:
                ret_value->boolean = node->boolean;
                if (node->kind == NODE_BOOL)
                        return true;
                break;
        case TEMPLATE_INT:
                ret_value->integer = node->integer;
                if (node->kind == NODE_NUMBER && node->is_int)
                        return true;
                break;
        case TEMPLATE_UINT:
                ret_value->integer = (int64_t)node->natural;
                if (node->kind == NODE_NUMBER && node->is_uint)
                        return true;
                break;
        case TEMPLATE_FLOAT:
                ret_value->number = node->number;
                if (node->kind == NODE_NUMBER && node->is_float)
                        return true;
                break;
        case TEMPLATE_STRING:
                ret_value->text = node->value;
                if (node->kind == NODE_STRING)
                        return true;
                break;
        default:
                snprintf(expected, sizeof(expected), " for arg of type %s", type->name);
                return fail_node(run, "can't handle ", node, expected);
        }
        snprintf(expected, sizeof(expected), "expected %s; found ", names[type->kind]);
        return fail_node(run, expected, node, "");
}

/* ---- fields and calls --------------------------------------------------------------------- */

static bool validate(struct execution *run, struct template_value value,
                     const struct template_type *type, struct template_value *ret_value)
{
        if (!value.type) {
                *ret_value = template_zero(type);
                if (type->kind == TEMPLATE_ANY || type->kind == TEMPLATE_LIST ||
                    type->kind == TEMPLATE_MAP)
                        return true;
                return execution_fail(run, "invalid value; expected %s", type->name);
        }
        if (!template_is_assignable(value.type, type))
                return execution_fail(run, "wrong type for value; expected %s; got %s",
                                      type->name, value.type->name);
        *ret_value = value;
        return true;
}

static size_t count_nodes(const struct node *first)
{
        size_t count = 0;

        for (; first; first = first->next)
                count++;
        return count;
}

/* The type of argument `index`; a variadic function has its last for all that follow. */
static const struct template_type *parameter_type(const struct template_function *function,
                                                  size_t index, size_t parameter_count)
{
        return function->parameters[index < parameter_count ? index : parameter_count - 1];
}

static bool check_count(struct execution *run, const struct template_function *function,
                        struct str name, size_t given, bool has_final, size_t parameter_count)
{
        size_t count = given + has_final;

        if (function->is_variadic && count + 1 < parameter_count)
                return execution_fail(run, "wrong number of args for " STR_FMT
                                      ": want at least %zu got %zu",
                                      STR_ARG(name), parameter_count - 1, given);
        if (!function->is_variadic && count != parameter_count)
                return execution_fail(run, "wrong number of args for " STR_FMT
                                      ": want %zu got %zu", STR_ARG(name), parameter_count, count);
        return true;
}

/* and, or: the first argument that decides, or the last. */
static bool evaluate_and_or(struct execution *run, struct template_value dot, bool decides,
                            const struct node *args, const struct template_value *final,
                            struct template_value *ret_value)
{
        for (; args; args = args->next) {
                if (!evaluate_argument(run, dot, &template_any, args, ret_value))
                        return false;
                if (template_is_true(ret_value) == decides)
                        return true;
        }
        if (final)
                *ret_value = *final;
        return true;
}

/* `args` are those behind the name; `node` is where an error of the function itself is. */
static bool evaluate_call(struct execution *run, struct template_value dot,
                          const struct template_function *function, struct template_value receiver,
                          const struct node *node, struct str name, const struct node *args,
                          const struct template_value *final, struct template_value *ret_value)
{
        size_t given = count_nodes(args), parameter_count = 0, i = 0;
        struct template_call call = {run->arena, run->ctx, receiver, NULL, 0, {0}};
        struct template_value *values;
        struct error reason = {0};

        while (parameter_count < TEMPLATE_PARAMETER_MAX && function->parameters[parameter_count])
                parameter_count++;
        if (!check_count(run, function, name, given, final != NULL, parameter_count))
                return false;
        if (function == template_and || function == template_or)
                return evaluate_and_or(run, dot, function == template_or, args, final, ret_value);
        values = arena_array(run->arena, struct template_value, given + 1);
        for (; args; args = args->next, i++)
                if (!evaluate_argument(run, dot, parameter_type(function, i, parameter_count), args,
                                       &values[i]))
                        return false;
        if (final) {
                if (!validate(run, *final, parameter_type(function, i, parameter_count),
                              &values[i]))
                        return false;
                i++;
        }
        call.args = values;
        call.count = i;
        if (!function->call(&call, &reason)) {
                run->node = node;
                return execution_fail(run, "error calling " STR_FMT ": %s", STR_ARG(name),
                                      reason.text);
        }
        *ret_value = call.result;
        return true;
}

static const struct template_function *find_method(const struct template_type *type,
                                                   struct str name)
{
        for (const struct template_function *m = type->methods; m && m->name; m++)
                if (str_is(name, m->name))
                        return m;
        return NULL;
}

static bool find_field(const struct template_value *of, struct str name,
                       struct template_value *ret_value)
{
        if (of->type->kind != TEMPLATE_STRUCT || of->type->is_opaque)
                return false;
        for (size_t i = 0; of->type->fields && of->type->fields[i]; i++) {
                if (!str_is(name, of->type->fields[i]))
                        continue;
                *ret_value = of->fields[i];
                return true;
        }
        return false;
}

/* A field on the way: of what, and whether that came out of an interface{}, which is how errors
 * call it then. */
struct receiver {
        struct template_value value;
        bool is_interface;
};

static bool evaluate_entry(struct execution *run, struct str name, bool has_args,
                           struct receiver *receiver)
{
        const struct template_type *type = receiver->value.type;
        const struct template_value *entry;

        if (type->kind != TEMPLATE_MAP)
                return execution_fail(run, "can't evaluate field " STR_FMT " in type %s",
                                      STR_ARG(name),
                                      receiver->is_interface ? template_any.name : type->name);
        if (has_args)
                return execution_fail(run, STR_FMT " is not a method but has arguments",
                                      STR_ARG(name));
        entry = template_map_get(receiver->value.map, name);
        receiver->value = entry ? *entry : template_zero(type->element);
        receiver->is_interface = type->element->kind == TEMPLATE_ANY;
        return true;
}

/* Replaces the receiver by its field, method's result or entry of that name. */
static bool evaluate_field(struct execution *run, struct template_value dot, struct str name,
                           const struct node *node, const struct node *args,
                           const struct template_value *final, struct receiver *receiver)
{
        const struct template_function *method;
        struct template_value field;

        if (!receiver->value.type && receiver->is_interface)
                return execution_fail(run, "nil pointer evaluating %s." STR_FMT,
                                      template_any.name, STR_ARG(name));
        if (!receiver->value.type)
                return true;
        method = find_method(receiver->value.type, name);
        if (method) {
                receiver->is_interface = false;
                return evaluate_call(run, dot, method, receiver->value, node, name, args, final,
                                     &receiver->value);
        }
        if (!find_field(&receiver->value, name, &field))
                return evaluate_entry(run, name, args || final, receiver);
        if (args || final)
                return execution_fail(run, STR_FMT
                                      " has arguments but cannot be invoked as function",
                                      STR_ARG(name));
        *receiver = (struct receiver){field, false};
        return true;
}

/* names[from], names[from + 1] and so on, one of another; the last takes the arguments. */
static bool evaluate_fields(struct execution *run, struct template_value dot,
                            struct template_value of, const struct node *node, size_t from,
                            const struct node *args, const struct template_value *final,
                            struct template_value *ret_value)
{
        struct receiver receiver = {of, false};

        for (size_t i = from; i < node->name_count; i++) {
                bool last = i + 1 == node->name_count;

                if (!evaluate_field(run, dot, node->names[i], node, last ? args : NULL,
                                    last ? final : NULL, &receiver))
                        return false;
        }
        *ret_value = receiver.value;
        return true;
}

static bool has_no_arguments(struct execution *run, const struct node *word,
                             const struct node *args, const struct template_value *final)
{
        return (!args && !final) ||
               fail_node(run, "can't give argument to non-function ", word, "");
}

static bool evaluate_variable(struct execution *run, struct template_value dot,
                              const struct node *node, const struct node *args,
                              const struct template_value *final,
                              struct template_value *ret_value)
{
        run->node = node;
        for (size_t i = run->count; i > run->base; i--) {
                const struct variable *variable = &run->variables[i - 1];

                if (!str_equal(variable->name, node->names[0]))
                        continue;
                if (node->name_count > 1)
                        return evaluate_fields(run, dot, variable->value, node, 1, args, final,
                                               ret_value);
                *ret_value = variable->value;
                return has_no_arguments(run, node, args, final);
        }
        return execution_fail(run, "undefined variable: " STR_FMT, STR_ARG(node->names[0]));
}

static bool evaluate_chain(struct execution *run, struct template_value dot,
                           const struct node *node, const struct node *args,
                           const struct template_value *final,
                           struct template_value *ret_value)
{
        struct template_value receiver;

        run->node = node;
        if (node->first->kind == NODE_NIL)
                return fail_node(run, "indirection through explicit nil in ", node, "");
        return evaluate_argument(run, dot, &template_any, node->first, &receiver) &&
               evaluate_fields(run, dot, receiver, node, 0, args, final, ret_value);
}

static bool evaluate_function(struct execution *run, struct template_value dot,
                              const struct node *node, const struct node *command,
                              const struct node *args, const struct template_value *final,
                              struct template_value *ret_value)
{
        const struct template_function *function = template_set_function(run->set, node->text);

        run->node = node;
        if (!function)
                return execution_fail_quoted(run, "", node->text, " is not a defined function");
        return evaluate_call(run, dot, function, TEMPLATE_NO_VALUE, command, node->text, args,
                             final, ret_value);
}

/* ---- arguments, commands, pipelines ------------------------------------------------------- */

/* What is no literal: a value that is found or computed. */
static bool evaluate_reference(struct execution *run, struct template_value dot,
                               const struct node *node, struct template_value *ret_value)
{
        switch (node->kind) {
        case NODE_DOT:
                *ret_value = dot;
                return true;
        case NODE_FIELD:
                return evaluate_fields(run, dot, dot, node, 0, NULL, NULL, ret_value);
        case NODE_VARIABLE:
                return evaluate_variable(run, dot, node, NULL, NULL, ret_value);
        case NODE_PIPE:
                return evaluate_pipeline(run, dot, node, ret_value);
        case NODE_IDENTIFIER:
                return evaluate_function(run, dot, node, node, NULL, NULL, ret_value);
        case NODE_CHAIN:
                return evaluate_chain(run, dot, node, NULL, NULL, ret_value);
        default:
                BUG_ON(true); /* literals are not asked for here */
        }
        return false;
}

static bool evaluate_constant(struct execution *run, const struct node *node,
                              struct template_value *ret_value)
{
        if (node->kind == NODE_NUMBER)
                return ideal_number(run, node, ret_value);
        *ret_value = node->kind == NODE_BOOL ? template_from_bool(node->boolean)
                                             : template_from_str(node->value);
        return true;
}

static bool evaluate_argument(struct execution *run, struct template_value dot,
                              const struct template_type *type, const struct node *node,
                              struct template_value *ret_value)
{
        struct template_value value;

        if (!execution_step(run, node))
                return false;
        if (node->kind == NODE_NIL) {
                *ret_value = template_zero(type);
                if (type->kind == TEMPLATE_ANY || type->kind == TEMPLATE_LIST ||
                    type->kind == TEMPLATE_MAP)
                        return true;
                return execution_fail(run, "cannot assign nil to %s", type->name);
        }
        if (node->kind == NODE_BOOL || node->kind == NODE_NUMBER || node->kind == NODE_STRING)
                return type->kind == TEMPLATE_ANY
                               ? evaluate_constant(run, node, ret_value)
                               : evaluate_literal(run, type, node, ret_value);
        return evaluate_reference(run, dot, node, &value) &&
               validate(run, value, type, ret_value);
}

static bool evaluate_command(struct execution *run, struct template_value dot,
                             const struct node *command, const struct template_value *final,
                             struct template_value *ret_value)
{
        const struct node *word = command->first, *args = word->next, *pipe = run->node;

        if (!execution_step(run, word))
                return false;
        switch (word->kind) {
        case NODE_FIELD:
                return evaluate_fields(run, dot, dot, word, 0, args, final, ret_value);
        case NODE_CHAIN:
                return evaluate_chain(run, dot, word, args, final, ret_value);
        case NODE_IDENTIFIER:
                return evaluate_function(run, dot, word, command, args, final, ret_value);
        case NODE_VARIABLE:
                return evaluate_variable(run, dot, word, args, final, ret_value);
        default:
                break;
        }
        if (word->kind == NODE_PIPE)
                run->node = pipe;
        if (!has_no_arguments(run, word, args, final))
                return false;
        if (word->kind == NODE_NIL)
                return execution_fail(run, "nil is not a command");
        if (word->kind == NODE_DOT || word->kind == NODE_PIPE)
                return evaluate_reference(run, dot, word, ret_value);
        return evaluate_constant(run, word, ret_value);
}

bool evaluate_pipeline(struct execution *run, struct template_value dot, const struct node *pipe,
                       struct template_value *ret_value)
{
        struct template_value value = {0}, before;

        *ret_value = TEMPLATE_NO_VALUE;
        if (!pipe)
                return true;
        if (!execution_step(run, pipe))
                return false;
        for (const struct node *command = pipe->first; command; command = command->next) {
                before = value;
                if (!evaluate_command(run, dot, command, command == pipe->first ? NULL : &before,
                                      &value))
                        return false;
        }
        for (const struct node *name = pipe->declared; name; name = name->next) {
                if (!pipe->assigns)
                        execution_push(run, name->names[0], value);
                else if (!execution_assign(run, name, value))
                        return false;
        }
        *ret_value = value;
        return true;
}

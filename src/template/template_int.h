/* template/template_int.h - what the parts of the module share. */
#ifndef TEMPLATE_TEMPLATE_INT_H
#define TEMPLATE_TEMPLATE_INT_H

#include "template/template.h"
#include "template/tree_int.h"

const struct tree *template_set_find(const struct template_set *set, struct str name);
/* NULL when there is none of that name. */
const struct template_function *template_set_function(const struct template_set *set,
                                                      struct str name);

extern const struct template_function template_builtins[];
/* These two stop at the first argument that decides: who executes has to know them. */
extern const struct template_function *const template_and, *const template_or;

/* A value of that type is a value of this one: the same, or one of them is only a literal type. */
bool template_is_assignable(const struct template_type *from, const struct template_type *to);
/* Go's zero value; of an interface no value. */
struct template_value template_zero(const struct template_type *type);

#endif

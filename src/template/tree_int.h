/* template/tree_int.h - a parsed template: nodes as Go's text/template/parse has them. */
#ifndef TEMPLATE_TREE_INT_H
#define TEMPLATE_TREE_INT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

enum node_kind {
        NODE_TEXT,
        NODE_ACTION,
        NODE_IF,
        NODE_RANGE,
        NODE_WITH,
        NODE_TEMPLATE,
        NODE_BREAK,
        NODE_CONTINUE,
        NODE_LIST,
        NODE_PIPE,
        NODE_COMMAND,
        NODE_FIELD,
        NODE_VARIABLE,
        NODE_CHAIN,
        NODE_IDENTIFIER,
        NODE_DOT,
        NODE_NIL,
        NODE_BOOL,
        NODE_NUMBER,
        NODE_STRING,
        NODE_ELSE, /* these two end a list and are not kept */
        NODE_END,
};

/* The text that nodes come from: for the places of errors. */
struct tree_source {
        struct str name;
        struct str text;
};

struct node {
        enum node_kind kind;
        size_t pos; /* in the source's text */
        const struct tree_source *source;
        struct node *next; /* sibling */

        struct str text;  /* text; name of an identifier or template; number, string as written */
        struct str value; /* string: unquoted */
        struct str *names; /* field, variable, chain: a.b.c */
        size_t name_count;
        struct node *first; /* list, pipe, command: children; chain: what the names are of */

        struct node *declared; /* pipe: variables */
        bool assigns;          /* pipe: = and not := */

        struct node *pipe; /* action, if, range, with, template (or NULL) */
        struct node *list, *else_list;

        bool boolean;
        bool is_int, is_uint, is_float; /* number: what it can be */
        int64_t integer;
        uint64_t natural;
        double number;
};

struct tree {
        struct tree *next;
        struct str name;
        const struct tree_source *source;
        struct node *root;
};

struct tree_functions {
        bool (*has)(const void *ctx, struct str name);
        const void *ctx;
};

/* Parses one text: the template of that name and all that it defines, newest first. In the arena.
 * ERROR_INVALID: "template: name:line: reason". */
NODISCARD bool tree_parse(struct arena *arena, struct str name, struct str text,
                          struct tree_functions functions, struct tree **ret_trees,
                          struct error *err);
bool tree_is_empty(const struct node *node); /* nothing but spaces */
void node_print(struct buf *out, const struct node *node); /* as errors quote it */
/* What a number or character constant stands for; false with the reason. */
NODISCARD bool number_parse(struct node *node, struct str text, struct buf *reason);

#endif

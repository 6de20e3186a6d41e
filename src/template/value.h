/* template/value.h - the values that templates see, typed as Go types them.
 *
 * What a template prints, compares, ranges over and complains about follows from Go types: a
 * template_type stands for one. A value without a type is Go's "no value": nil, or a missing
 * entry. Values are small and copied; what they point to lives in an arena that outlives them and
 * does not change while a template runs.
 */
#ifndef TEMPLATE_VALUE_H
#define TEMPLATE_VALUE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

struct template_call;
struct template_function;
struct template_value;

enum template_kind {
        TEMPLATE_BOOL,
        TEMPLATE_INT,  /* every signed integer, a duration among them */
        TEMPLATE_UINT, /* a byte of a string */
        TEMPLATE_FLOAT,
        TEMPLATE_STRING,
        TEMPLATE_LIST,
        TEMPLATE_MAP, /* keys are strings, sorted */
        TEMPLATE_STRUCT,
        TEMPLATE_ANY, /* of parameters and elements: any value */
};

struct template_type {
        const char *name; /* as %T prints it: "string", "template.KV" */
        enum template_kind kind;
        const struct template_type *element; /* of lists and maps */
        bool is_named;                       /* not a literal type such as []string */
        bool is_opaque;                      /* a struct whose fields a template cannot reach */
        const char *const *fields;           /* of structs, NULL at the end */
        const struct template_function *methods; /* name NULL at the end; may be NULL */
        /* What it prints where Go has a String method, or NULL. */
        void (*print)(struct buf *out, const struct template_value *value);
};

struct template_value {
        const struct template_type *type; /* NULL: no value */
        union {
                bool boolean;
                int64_t integer;
                double number;
                struct str text;
                const struct template_list *list; /* NULL: empty */
                const struct template_map *map;   /* NULL: empty */
                const struct template_value *fields;
                const void *object; /* what an opaque struct is made of */
        };
};

struct template_list {
        size_t count;
        const struct template_value *items;
};

struct template_entry {
        struct str key;
        struct template_value value;
};

struct template_map {
        size_t count;
        const struct template_entry *entries; /* by key */
};

extern const struct template_type template_any, template_bool, template_int, template_uint8,
        template_float64, template_string, template_any_list, template_string_list,
        template_any_map, template_string_map;

#define TEMPLATE_NO_VALUE ((struct template_value){0})

static inline struct template_value template_from_bool(bool value)
{
        return (struct template_value){&template_bool, .boolean = value};
}

static inline struct template_value template_from_int(int64_t value)
{
        return (struct template_value){&template_int, .integer = value};
}

static inline struct template_value template_from_float(double value)
{
        return (struct template_value){&template_float64, .number = value};
}

static inline struct template_value template_from_str(struct str text)
{
        return (struct template_value){&template_string, .text = text};
}

struct template_value template_from_list(const struct template_type *type, struct arena *arena,
                                         const struct template_value *items, size_t count);
/* The entries are sorted in place and kept. */
struct template_value template_from_map(const struct template_type *type, struct arena *arena,
                                        struct template_entry *entries, size_t count);

/* The entry of that key, or NULL. */
const struct template_value *template_map_get(const struct template_map *map, struct str key);
size_t template_count(const struct template_value *value); /* of a list, a map or a text's bytes */
/* Go's idea of a condition: not false, zero or empty; a struct is true. */
bool template_is_true(const struct template_value *value);

/* As fmt prints: %v of one value, and Sprint of several. */
void template_print(struct buf *out, const struct template_value *value);
void template_print_all(struct buf *out, const struct template_value *values, size_t count);
/* fmt.Sprintf, mistakes shown in the text as Go shows them. */
void template_printf(struct buf *out, struct str format, const struct template_value *values,
                     size_t count);

/* ---- functions and methods ---------------------------------------------------------------- */

enum { TEMPLATE_PARAMETER_MAX = 4 };

struct template_function {
        const char *name;
        /* False with the reason, or call->result is set. */
        bool (*call)(struct template_call *call, struct error *err);
        /* What it takes behind the receiver. Of a variadic one the last is any number of times. */
        const struct template_type *parameters[TEMPLATE_PARAMETER_MAX];
        bool is_variadic;
};

struct template_call {
        struct arena *arena;             /* for the result */
        void *ctx;                       /* of the run */
        struct template_value receiver;  /* of a method */
        const struct template_value *args;
        size_t count;
        struct template_value result;
};

#endif

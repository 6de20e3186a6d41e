/* template/template.h - Go's text/template and html/template, as Prometheus, Alertmanager and
 * Loki use them.
 *
 * A set holds templates by name that share functions. It is built by one thread; then any number
 * of threads may execute from it. Everything a run makes is in the arena that is passed to it, so
 * its budget bounds the run, as do a number of steps and the maximum of the output buffer.
 * Semantics and messages are those of Go 1.26, the missing key option is "zero".
 */
#ifndef TEMPLATE_TEMPLATE_H
#define TEMPLATE_TEMPLATE_H

#include "template/value.h"

struct template_set;

/* Tables end with a NULL name and are searched before Go's builtin functions, later ones first. */
enum { TEMPLATE_TABLE_MAX = 3 };

struct template_set *template_set_new(void);
struct template_set *template_set_free(struct template_set *set);
void template_set_add_functions(struct template_set *set, const struct template_function *table);

/* Parses a text: the template of that name, and those it defines. One that is there already is
 * replaced, unless the new one is empty. ERROR_INVALID as Go words it, and the set is as before. */
NODISCARD bool template_set_parse(struct template_set *set, struct str name, struct str text,
                                  struct error *err);
bool template_set_has(const struct template_set *set, struct str name);

struct template_run {
        struct template_value data; /* what the dot and $ are at first */
        void *ctx;                  /* handed to the functions */
        struct arena *arena;
        struct buf *out;            /* also after an error: what was written before it */
};

/* ERROR_EXECUTION as Go words it; ERROR_LIMIT when it took too long or wrote too much. */
NODISCARD bool template_execute(const struct template_set *set, struct str name,
                                const struct template_run *run, struct error *err);

#endif

/* template/escape_int.h - text made safe for where it goes. */
#ifndef TEMPLATE_ESCAPE_INT_H
#define TEMPLATE_ESCAPE_INT_H

#include "template/value.h"

/* What escaping functions escape: one text as it is, else all arguments as fmt.Sprint. */
void escape_join_args(struct buf *out, const struct template_value *args, size_t count);
void escape_html(struct buf *out, struct str text);
void escape_url_query(struct buf *out, struct str text);

#endif

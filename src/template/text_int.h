/* template/text_int.h - functions on texts that Prometheus and Alertmanager share. */
#ifndef TEMPLATE_TEXT_INT_H
#define TEMPLATE_TEXT_INT_H

#include "template/value.h"

extern const struct template_type text_html_type; /* a text that needs no escaping in HTML */

bool text_to_upper(struct template_call *call, struct error *err);
bool text_to_lower(struct template_call *call, struct error *err);
bool text_title(struct template_call *call, struct error *err); /* as strings.Title */
bool text_match(struct template_call *call, struct error *err);
bool text_replace_all(struct template_call *call, struct error *err);
bool text_safe_html(struct template_call *call, struct error *err);

#endif

/* config/otlp_section_int.h - otlp: how OTLP metrics are translated. */
#ifndef CONFIG_OTLP_SECTION_INT_H
#define CONFIG_OTLP_SECTION_INT_H

#include "config/decode_int.h"
#include "formats/otlp_metrics.h"

/* Into options that hold the defaults. */
bool decode_otlp(struct decoder *d, const struct yaml_node *node, struct otlp_options *options);

#endif

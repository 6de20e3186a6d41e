/* formats/otlp_attributes_int.h - attributes of OTLP, and their values as texts. */
#ifndef FORMATS_OTLP_ATTRIBUTES_INT_H
#define FORMATS_OTLP_ATTRIBUTES_INT_H

#include "codec/protobuf.h"
#include "formats/otlp_name.h"
#include "model/labels.h"

/* No honest point, resource or scope has more; it bounds what sorting one can cost. */
enum { OTLP_ATTRIBUTES_MAX = 1024 };

/* In the order in which they were sent. */
struct otlp_attributes {
        struct label *items; /* names as sent */
        size_t count;
};

/* The KeyValue fields of this number in a message. Values that are texts are borrowed, others
 * are as OpenTelemetry's AsString has them, JSON for lists and maps. */
NODISCARD bool otlp_attributes_read(struct str message, uint32_t number, struct arena *arena,
                                    struct otlp_attributes *ret_attributes, struct error *err);
/* NULL when absent. */
const struct str *otlp_attributes_find(const struct otlp_attributes *attributes,
                                       const char *name);

/* Sets them as labels, those of `ignored` names left out. Of names that become the same the
 * values are joined by semicolons, in the order of the names as sent. False when one has no name
 * in Prometheus, ERROR_INVALID. */
NODISCARD bool otlp_attributes_set(struct labels_builder *builder,
                                   const struct otlp_naming *naming,
                                   const struct otlp_attributes *attributes,
                                   const char *const *ignored, size_t ignored_count,
                                   struct error *err);

#endif

/* formats/otlp_json.h - OTLP in JSON becomes OTLP in protobuf, so that one reader serves both.
 *
 * In one pass by tables of fields, one for each message. Names may be lowerCamelCase or as the
 * .proto files have them; 64-bit integers texts or numbers; enumerations numbers or names; trace
 * and span ids hex, other bytes base64; doubles also "NaN", "Infinity" and "-Infinity". What a
 * table does not know is skipped, as is null. Source: OTLP 1.x, "JSON Protobuf Encoding"; the
 * JSON mapping of proto3; opentelemetry-proto.
 */
#ifndef FORMATS_OTLP_JSON_H
#define FORMATS_OTLP_JSON_H

#include "base/buf.h"
#include "base/error.h"

struct otlp_json_message;

/* ExportMetricsServiceRequest. */
extern const struct otlp_json_message otlp_json_metrics;

/* Appends the message to out. ERROR_INVALID when the text is no such message, with the place;
 * ERROR_LIMIT when it takes more than out may hold. */
NODISCARD bool otlp_json_convert(struct str text, const struct otlp_json_message *message,
                                 struct buf *out, struct error *err);

#endif

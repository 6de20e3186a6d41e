/* formats/openmetrics.h - the OpenMetrics text format, 0.0.1 and 1.0.0.
 *
 * A pull reader over a body in memory, like prom_text: it borrows every slice from that body, and
 * hands out the text of a series unparsed. It takes and refuses what Prometheus 3.14's parser
 * does, which is stricter than prom_text about blanks and comments, and laxer than the
 * specification about the names of samples. Source: OpenMetrics 1.0.0, and model/textparse.
 */
#ifndef FORMATS_OPENMETRICS_H
#define FORMATS_OPENMETRICS_H

#include "base/error.h"
#include "model/labels.h"

enum openmetrics_kind {
        OPENMETRICS_END,
        OPENMETRICS_HELP, /* name, text (escaped as written) */
        OPENMETRICS_TYPE, /* name, text: one of the eight types of the specification */
        OPENMETRICS_UNIT, /* name, text */
        OPENMETRICS_SAMPLE,
        OPENMETRICS_ERROR,
};

struct openmetrics_entry {
        struct str name;
        struct str text;
        struct str series;
        double value;
        int64_t t_ms;
        bool has_timestamp;
        bool is_expected;    /* series is the text that was expected */
        struct str exemplar; /* its labels with their braces; empty: there is none */
        double exemplar_value;
        int64_t exemplar_t_ms;
        bool exemplar_has_timestamp;
};

struct openmetrics {
        const char *pos, *end;
        unsigned line; /* of the entry last returned, from 1 */
};

struct openmetrics openmetrics_make(struct str body);

/* The next entry. `expected` is the series text the caller believes comes next (empty: no idea);
 * a right guess saves looking for the end of the series. ERROR_INVALID names the line. */
enum openmetrics_kind openmetrics_next(struct openmetrics *reader, struct str expected,
                                       struct openmetrics_entry *entry, struct error *err);

/* Parses the text of a series into the builder, with the metric name as __name__. Unescaped
 * values go into the builder's arena, the rest is borrowed. More than label_max labels, a
 * duplicate name or invalid UTF-8 is an error. */
NODISCARD bool openmetrics_series(struct str series, size_t label_max,
                                  struct labels_builder *builder, struct error *err);

/* The same for the labels of an exemplar, which have no metric name. */
NODISCARD bool openmetrics_exemplar(struct str text, size_t label_max,
                                    struct labels_builder *builder, struct error *err);

/* Unescapes a HELP text (\\, \n and \") into the arena. */
struct str openmetrics_help(struct arena *arena, struct str text);

#endif

/* formats/prom_text.h - the Prometheus text exposition format, 0.0.4, with the quoted UTF-8 names
 * of 1.0.0.
 *
 * A pull reader over a body in memory: it borrows every slice from that body. The text of a
 * series ("name{a="1"}") is handed out unparsed, so that a caller who has seen it before need not
 * parse it again. Source: Prometheus docs, "Exposition formats", and model/textparse.
 */
#ifndef FORMATS_PROM_TEXT_H
#define FORMATS_PROM_TEXT_H

#include "base/error.h"
#include "model/labels.h"

enum prom_text_kind {
        PROM_TEXT_END,
        PROM_TEXT_HELP,   /* name, text (escaped as written) */
        PROM_TEXT_TYPE,   /* name, text: counter, gauge, histogram, summary or untyped */
        PROM_TEXT_SAMPLE,
        PROM_TEXT_ERROR,
};

struct prom_text_entry {
        struct str name;
        struct str text;
        struct str series;
        double value;
        int64_t t_ms;
        bool has_timestamp;
        bool is_expected; /* series is the text that was expected */
};

struct prom_text {
        const char *pos, *end;
        unsigned line; /* of the entry last returned, from 1 */
};

struct prom_text prom_text_make(struct str body);

/* The next entry. `expected` is the series text the caller believes comes next (empty: no idea);
 * a right guess saves looking for the end of the series. ERROR_INVALID names the line. */
enum prom_text_kind prom_text_next(struct prom_text *reader, struct str expected,
                                   struct prom_text_entry *entry, struct error *err);

/* Parses the text of a series into the builder, with the metric name as __name__. Unescaped
 * values go into the builder's arena, the rest is borrowed. More than label_max labels, a
 * duplicate name or invalid UTF-8 is an error. */
NODISCARD bool prom_text_series(struct str series, size_t label_max,
                                struct labels_builder *builder, struct error *err);

/* Unescapes a HELP text (\\ and \n) into the arena. */
struct str prom_text_help(struct arena *arena, struct str text);

#endif

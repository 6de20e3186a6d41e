/* collectors/scrape_protocol.h - the exposition formats a scrape asks for, and which one an answer
 * is in. Names, headers and rules are those of Prometheus's scrape_protocols. */
#ifndef COLLECTORS_SCRAPE_PROTOCOL_H
#define COLLECTORS_SCRAPE_PROTOCOL_H

#include "base/buf.h"
#include "base/error.h"

enum scrape_protocol {
        SCRAPE_PROTOCOL_NONE,
        SCRAPE_PROMETHEUS_PROTO,
        SCRAPE_OPENMETRICS_0_0_1,
        SCRAPE_OPENMETRICS_1_0_0,
        SCRAPE_TEXT_0_0_4,
        SCRAPE_TEXT_1_0_0,
};

enum { SCRAPE_PROTOCOLS = 5 };

/* In order of preference, each once. */
struct scrape_protocols {
        enum scrape_protocol items[SCRAPE_PROTOCOLS];
        size_t count;
};

/* By its name in a configuration; NONE when there is none of that name. */
enum scrape_protocol scrape_protocol_find(struct str name);
/* What is asked for when the configuration does not say. */
struct scrape_protocols scrape_protocols_default(bool native_histograms);

/* The Accept header; `escaping` is what targets are to do with names beyond the legacy
 * characters. */
void scrape_protocols_accept(struct buf *out, const struct scrape_protocols *protocols,
                             struct str escaping);

/* The format of an answer by its Content-Type, or the fallback when that is none we know. */
NODISCARD bool scrape_protocol_of_answer(struct str content_type, enum scrape_protocol fallback,
                                         enum scrape_protocol *ret_protocol, struct error *err);

#endif

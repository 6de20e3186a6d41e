/* collectors/host.h - this Linux host's own metrics, under the names, labels and meaning of the
 * Prometheus node exporter's default collectors. Source: /proc, /sys and system calls.
 */
#ifndef COLLECTORS_HOST_H
#define COLLECTORS_HOST_H

#include "base/buf.h"

/* Appends the whole exposition in text format 0.0.4. A source that is missing or unreadable leaves
 * its metrics out and shows in node_scrape_collector_success. Thread-safe. */
void host_render(struct buf *out);

#endif

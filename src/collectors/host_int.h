/* collectors/host_int.h - what the host collectors share. One file per collector of the node
 * exporter, host_<collector>.c, each with one function in the table of host.c. */
#ifndef COLLECTORS_HOST_INT_H
#define COLLECTORS_HOST_INT_H

#include "base/buf.h"
#include "base/error.h"

/* Appends its metrics to out. False, with the reason, when its source cannot be read; what it
 * wrote until then is taken back. */
typedef bool (*host_collect)(struct buf *out, struct error *err);

bool host_collect_arp(struct buf *out, struct error *err);
bool host_collect_conntrack(struct buf *out, struct error *err);
bool host_collect_cpu(struct buf *out, struct error *err);
bool host_collect_diskstats(struct buf *out, struct error *err);
bool host_collect_entropy(struct buf *out, struct error *err);
bool host_collect_filefd(struct buf *out, struct error *err);
bool host_collect_filesystem(struct buf *out, struct error *err);
bool host_collect_loadavg(struct buf *out, struct error *err);
bool host_collect_meminfo(struct buf *out, struct error *err);
bool host_collect_netdev(struct buf *out, struct error *err);
bool host_collect_netstat(struct buf *out, struct error *err);
bool host_collect_os(struct buf *out, struct error *err);
bool host_collect_pressure(struct buf *out, struct error *err);
bool host_collect_schedstat(struct buf *out, struct error *err);
bool host_collect_selinux(struct buf *out, struct error *err);
bool host_collect_sockstat(struct buf *out, struct error *err);
bool host_collect_softnet(struct buf *out, struct error *err);
bool host_collect_stat(struct buf *out, struct error *err);
bool host_collect_time(struct buf *out, struct error *err);
bool host_collect_timex(struct buf *out, struct error *err);
bool host_collect_udp_queues(struct buf *out, struct error *err);
bool host_collect_uname(struct buf *out, struct error *err);
bool host_collect_vmstat(struct buf *out, struct error *err);

/* Reads a whole small file (of /proc or /sys) into text, which is cleared first. */
NODISCARD bool host_read(struct buf *text, const char *path, struct error *err);

/* # HELP and # TYPE lines. */
void host_family(struct buf *out, const char *name, const char *type, const char *help);
/* One sample; labels is what stands between the braces, or NULL. */
void host_sample(struct buf *out, const char *name, const char *labels, double v);
/* A family of one sample without labels. */
void host_single(struct buf *out, const char *name, const char *type, const char *help, double v);
/* Appends name="value", escaped. */
void host_label(struct buf *labels, const char *name, struct str value);

/* The next field between spaces and tabs; empty at the end of the line. */
struct str host_field(struct str *line);
uint64_t host_number(struct str text); /* leading decimal digits; 0 when there are none */
size_t host_line_count(struct str text); /* upper bound of its lines */

#endif

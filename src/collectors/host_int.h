/* collectors/host_int.h - what the host collectors share. One file per collector of the node
 * exporter, host_<collector>.c, each with one function in the table of host.c. */
#ifndef COLLECTORS_HOST_INT_H
#define COLLECTORS_HOST_INT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/map.h"

struct host_table;

/* Adds its metrics to out. False, with the reason, when its source cannot be read; what it added
 * until then is not shown. */
typedef bool (*host_collect)(struct host_table *out, struct error *err);

bool host_collect_arp(struct host_table *out, struct error *err);
bool host_collect_bcache(struct host_table *out, struct error *err);
bool host_collect_bonding(struct host_table *out, struct error *err);
bool host_collect_btrfs(struct host_table *out, struct error *err);
bool host_collect_conntrack(struct host_table *out, struct error *err);
bool host_collect_cpu(struct host_table *out, struct error *err);
bool host_collect_cpufreq(struct host_table *out, struct error *err);
bool host_collect_diskstats(struct host_table *out, struct error *err);
bool host_collect_dmi(struct host_table *out, struct error *err);
bool host_collect_edac(struct host_table *out, struct error *err);
bool host_collect_entropy(struct host_table *out, struct error *err);
bool host_collect_fibrechannel(struct host_table *out, struct error *err);
bool host_collect_filefd(struct host_table *out, struct error *err);
bool host_collect_filesystem(struct host_table *out, struct error *err);
bool host_collect_hwmon(struct host_table *out, struct error *err);
bool host_collect_infiniband(struct host_table *out, struct error *err);
bool host_collect_ipvs(struct host_table *out, struct error *err);
bool host_collect_loadavg(struct host_table *out, struct error *err);
bool host_collect_mdadm(struct host_table *out, struct error *err);
bool host_collect_meminfo(struct host_table *out, struct error *err);
bool host_collect_netclass(struct host_table *out, struct error *err);
bool host_collect_netdev(struct host_table *out, struct error *err);
bool host_collect_netstat(struct host_table *out, struct error *err);
bool host_collect_nfs(struct host_table *out, struct error *err);
bool host_collect_nfsd(struct host_table *out, struct error *err);
bool host_collect_nvme(struct host_table *out, struct error *err);
bool host_collect_os(struct host_table *out, struct error *err);
bool host_collect_powersupplyclass(struct host_table *out, struct error *err);
bool host_collect_pressure(struct host_table *out, struct error *err);
bool host_collect_rapl(struct host_table *out, struct error *err);
bool host_collect_schedstat(struct host_table *out, struct error *err);
bool host_collect_selinux(struct host_table *out, struct error *err);
bool host_collect_sockstat(struct host_table *out, struct error *err);
bool host_collect_softnet(struct host_table *out, struct error *err);
bool host_collect_stat(struct host_table *out, struct error *err);
bool host_collect_tapestats(struct host_table *out, struct error *err);
bool host_collect_thermal_zone(struct host_table *out, struct error *err);
bool host_collect_time(struct host_table *out, struct error *err);
bool host_collect_timex(struct host_table *out, struct error *err);
bool host_collect_udp_queues(struct host_table *out, struct error *err);
bool host_collect_uname(struct host_table *out, struct error *err);
bool host_collect_vmstat(struct host_table *out, struct error *err);
bool host_collect_xfs(struct host_table *out, struct error *err);
bool host_collect_zfs(struct host_table *out, struct error *err);

enum {
        HOST_PATH_MAX = 1024,
        HOST_NAME_MAX_BYTES = 256,    /* of a metric; fields that give a longer one are left out */
        HOST_LABELS_MAX_BYTES = 1 << 20, /* values are cut long before; see host_label */
};

/* Where /proc and /sys are; for tests, before anything is read. Borrowed. */
void host_set_roots(const char *proc, const char *sys);
/* The path behind a path that begins with /proc or /sys. False when it is too long. */
bool host_path(char ret_path[HOST_PATH_MAX], const char *path);

/* Reads a whole small file (of /proc or /sys) into text, which is cleared first. */
NODISCARD bool host_read(struct buf *text, const char *path, struct error *err);
/* The file dir/name without the blanks around it; valid until text changes. */
NODISCARD bool host_attribute(struct buf *text, const char *dir, const char *name,
                              struct str *ret_value, struct error *err);
/* For many attributes of one directory, at half the cost: -1 when it cannot be opened; close it. */
NODISCARD int host_open_dir(const char *dir);
NODISCARD bool host_attribute_at(struct buf *text, int dir, const char *name,
                                 struct str *ret_value);
/* An attribute that is a number; false also when it is none. */
NODISCARD bool host_attribute_uint(struct buf *text, const char *dir, const char *name,
                                   uint64_t *ret_value, struct error *err);
/* Entries of a directory, sorted; only those that are prefix and a digit unless prefix is NULL. */
NODISCARD bool host_list(struct arena *arena, const char *dir, const char *prefix,
                         const char ***ret_names, size_t *ret_count, struct error *err);

/* Samples, gathered so that each family is written once with all of its samples, in whatever order
 * a collector finds them. What would not be valid is left out: a name that is no metric name, a
 * series that is already there. Zero-initialize it with HOST_TABLE_INIT and release it. */
struct host_table {
        struct arena arena;
        struct map families, series;
        struct host_table_family *first, *last, *current;
};

#define HOST_TABLE_INIT ((struct host_table){.arena = {.limit_bytes = 16 << 20}})

/* The samples that follow belong to this family; type is not copied. */
void host_family(struct host_table *table, const char *name, const char *type, const char *help);
/* One sample; labels is what stands between the braces, or NULL. */
void host_sample(struct host_table *table, const char *labels, double v);
/* Both in one. */
void host_single(struct host_table *table, const char *name, const char *type, const char *help,
                 const char *labels, double v);
void host_table_write(const struct host_table *table, struct buf *out); /* text format 0.0.4 */
void host_table_release(struct host_table *table);

/* Appends name="value", escaped; what is not UTF-8 becomes U+FFFD, and a value ends at 4 KiB. */
void host_label(struct buf *labels, const char *name, struct str value);
/* What goes into a label value (quotes) or a HELP text. */
void host_escape(struct buf *out, struct str text, bool quotes);

/* The next field between spaces and tabs; empty at the end of the line. */
struct str host_field(struct str *line);
size_t host_line_count(struct str text, size_t max); /* at most max, at least 1 */
uint64_t host_number(struct str text); /* leading decimal digits; 0 when there are none */
uint64_t host_hex(struct str text);    /* the same for hexadecimal digits */
/* All of text: decimal, or hexadecimal behind 0x; int takes a minus sign. */
NODISCARD bool host_parse_uint(struct str text, uint64_t *ret_value);
NODISCARD bool host_parse_int(struct str text, int64_t *ret_value);

#endif

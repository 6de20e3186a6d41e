/* ingest/push_groups.h - what Pushgateway keeps: groups of metrics that were pushed by programs
 * too short-lived to be scraped, exposed until they are deleted.
 *
 * A group is known by its labels. Its metrics are kept as lines of the text format that carry the
 * group's labels, one file a group; a push is on disk before it is answered. Bounded. Thread-safe.
 * Semantics: Pushgateway 1.11.
 */
#ifndef INGEST_PUSH_GROUPS_H
#define INGEST_PUSH_GROUPS_H

#include "base/buf.h"
#include "base/clock.h"
#include "model/labels.h"

struct json_writer; /* codec/json.h */
struct push_groups;

/* Groups are kept in, and read from, files of dir, which is made when the first comes. A file
 * that cannot be read is passed over and counted. */
struct push_groups *push_groups_new(const char *dir, const struct clock *clock,
                                    size_t *ret_unreadable);
struct push_groups *push_groups_free(struct push_groups *groups); /* takes NULL */
bool push_groups_empty(struct push_groups *groups);

enum push_groups_format { PUSH_GROUPS_TEXT, PUSH_GROUPS_PROTO };

/* Adds the metrics of a body to a group, whose labels they get; families that are there already
 * are replaced, with `replace_all` all are. Remembers when, also of a body that is refused:
 * ERROR_INVALID, with what is wrong or does not go with other groups; ERROR_LIMIT when too much
 * is kept; ERROR_FULL and ERROR_IO when it cannot be written. */
NODISCARD bool push_groups_put(struct push_groups *groups, struct labels group, struct str body,
                               enum push_groups_format format, bool replace_all,
                               struct error *err);
/* A group that is not there is fine. */
NODISCARD bool push_groups_delete(struct push_groups *groups, struct labels group,
                                  struct error *err);
NODISCARD bool push_groups_wipe(struct push_groups *groups, struct error *err);

/* All of it as an exposition, and as Pushgateway's API has it: a list of groups. */
void push_groups_render(struct push_groups *groups, struct buf *out);
void push_groups_write_json(struct push_groups *groups, struct json_writer *writer);

#endif

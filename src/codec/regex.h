/* codec/regex.h - regular expressions in RE2 syntax, as Prometheus and Loki take them.
 *
 * Linear time on any pattern. Go's (?<name>...) is accepted, \C is refused. A compiled regex is
 * immutable and may be used by many threads at once.
 */
#ifndef CODEC_REGEX_H
#define CODEC_REGEX_H

#include "base/buf.h"
#include "base/error.h"

struct regex;

enum regex_anchor {
        REGEX_SEARCH, /* matches anywhere */
        REGEX_FULL,   /* must match the whole text: ^(?s:pattern)$, as Prometheus anchors */
};

/* ERROR_INVALID with RE2's reason for a bad pattern. */
NODISCARD bool regex_new(struct regex **ret_regex, struct str pattern, enum regex_anchor anchor,
                         struct error *err);
struct regex *regex_free(struct regex *regex);

bool regex_match(const struct regex *regex, struct str text);
struct str regex_pattern(const struct regex *regex); /* as given to regex_new */

/* As regex_match, and when it matches appends `replacement` to out with $1, ${1}, $name and ${name}
 * replaced by what the groups matched, by the rules of Go's Regexp.Expand. */
bool regex_expand(const struct regex *regex, struct str text, struct str replacement,
                  struct buf *out);

/* Appends the text with every match replaced like that, as Go's Regexp.ReplaceAllString. */
void regex_replace_all(const struct regex *regex, struct str text, struct str replacement,
                       struct buf *out);

/* Number of capture groups, and their texts after a match: groups[0] is the whole match; a group
 * that took no part has data NULL. At most `max` are filled. */
size_t regex_group_count(const struct regex *regex);
bool regex_groups(const struct regex *regex, struct str text, struct str *groups, size_t max);
/* Name of group `index` (from 1), or NULL if it has none. Valid while the regex lives. */
const char *regex_group_name(const struct regex *regex, size_t index);

#endif

/* collectors/file_discovery_int.h - targets from JSON and YAML files (file_sd_configs). */
#ifndef COLLECTORS_FILE_DISCOVERY_INT_H
#define COLLECTORS_FILE_DISCOVERY_INT_H

#include "collectors/scrape.h"

struct file_discovery;

struct file_discovery *file_discovery_new(const struct file_discovery_config *config);
struct file_discovery *file_discovery_free(struct file_discovery *discovery);

/* Looks at the files again. Returns true when groups changed since the last look. A file that
 * cannot be read or parsed keeps what it held before; the reason goes to on_error. */
bool file_discovery_refresh(struct file_discovery *discovery,
                            void (*on_error)(const char *file, const struct error *err));

/* The groups found by the last refresh; valid until the next. */
const struct target_group *file_discovery_groups(const struct file_discovery *discovery,
                                                 size_t *ret_count);

#endif

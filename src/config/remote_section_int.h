/* config/remote_section_int.h - remote_write and remote_read. */
#ifndef CONFIG_REMOTE_SECTION_INT_H
#define CONFIG_REMOTE_SECTION_INT_H

#include "config/decode_int.h"
#include "ship/remote_read.h"
#include "ship/remote_write.h"

/* One item of remote_write; *ret_config gets one reference. `seed` tells configurations apart
 * that inherit other things. */
bool decode_remote_write(struct decoder *d, const struct yaml_node *node,
                         struct labels external_labels, uint64_t seed,
                         struct remote_write_config **ret_config);

/* One item of remote_read; *ret_config gets one reference. */
bool decode_remote_read(struct decoder *d, const struct yaml_node *node,
                        struct labels external_labels, struct remote_read_config **ret_config);

#endif

/* tsdb/part_format_int.h - shared by the writer and the reader of parts. */
#ifndef TSDB_PART_FORMAT_INT_H
#define TSDB_PART_FORMAT_INT_H

#include "tsdb/part_int.h"

#define PART_MAGIC "PWPART\0\3"

uint8_t *part_put_head(uint8_t *at, const struct part_head *head);

#endif

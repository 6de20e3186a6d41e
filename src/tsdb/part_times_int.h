/* tsdb/part_times_int.h - while a part is written: which columns of timestamps were seen lately,
 * so that series of one target, scraped together, share them. */
#ifndef TSDB_PART_TIMES_INT_H
#define TSDB_PART_TIMES_INT_H

#include "base/compiler.h"

/* Blocks of one target follow each other, each series with a few blocks in a day: these many
 * columns (16 MiB at most) span some hundred targets in turns. */
enum { PART_TIMES_SETS = 128, PART_TIMES_WAYS = 4 };

#define PART_TIMES_NONE UINT32_MAX

struct part_times_column {
        uint64_t hash, used; /* used: when last looked up; 0: free */
        int64_t *t_ms;
        size_t count, capacity;
        uint32_t number;     /* PART_TIMES_NONE: seen once, stands in its block alone */
};

struct part_times {
        struct part_times_column sets[PART_TIMES_SETS][PART_TIMES_WAYS];
        uint64_t clock;
};

/* The column of these timestamps, if they were seen. */
struct part_times_column *part_times_find(struct part_times *times, const int64_t *t_ms,
                                          size_t count);
/* The place where they would be kept: free, or what was not used for longest. */
struct part_times_column *part_times_place(struct part_times *times, const int64_t *t_ms,
                                           size_t count);
void part_times_keep(struct part_times *times, struct part_times_column *place,
                     const int64_t *t_ms, size_t count);
void part_times_release(struct part_times *times);

#endif

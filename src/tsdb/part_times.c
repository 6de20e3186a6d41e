#include "tsdb/part_times_int.h"

#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"

ALLOC_TYPE(times_type, "tsdb_part_times")

static uint64_t hash_times(const int64_t *t_ms, size_t count)
{
        return hash_bytes(t_ms, count * sizeof(*t_ms));
}

static struct part_times_column *set_of(struct part_times *times, uint64_t hash)
{
        return times->sets[hash % PART_TIMES_SETS];
}

struct part_times_column *part_times_find(struct part_times *times, const int64_t *t_ms,
                                          size_t count)
{
        uint64_t hash = hash_times(t_ms, count);
        struct part_times_column *set = set_of(times, hash);

        for (size_t i = 0; i < PART_TIMES_WAYS; i++)
                if (set[i].used && set[i].hash == hash && set[i].count == count &&
                    !memcmp(set[i].t_ms, t_ms, count * sizeof(*t_ms))) {
                        set[i].used = ++times->clock;
                        return &set[i];
                }
        return NULL;
}

struct part_times_column *part_times_place(struct part_times *times, const int64_t *t_ms,
                                           size_t count)
{
        struct part_times_column *set = set_of(times, hash_times(t_ms, count)), *oldest = set;

        for (size_t i = 1; i < PART_TIMES_WAYS; i++)
                if (set[i].used < oldest->used)
                        oldest = &set[i];
        return oldest;
}

void part_times_keep(struct part_times *times, struct part_times_column *place,
                     const int64_t *t_ms, size_t count)
{
        place->t_ms = alloc_array_reserve(&times_type, place->t_ms, &place->capacity, count,
                                          sizeof(*t_ms));
        memcpy(place->t_ms, t_ms, count * sizeof(*t_ms));
        place->count = count;
        place->hash = hash_times(t_ms, count);
        place->used = ++times->clock;
        place->number = PART_TIMES_NONE;
}

void part_times_release(struct part_times *times)
{
        for (size_t s = 0; s < PART_TIMES_SETS; s++)
                for (size_t i = 0; i < PART_TIMES_WAYS; i++)
                        alloc_free(&times_type, times->sets[s][i].t_ms);
}

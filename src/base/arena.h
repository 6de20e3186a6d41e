/* base/arena.h - memory of one request or one query: allocated piece by piece, freed at once.
 *
 * An arena has a budget. Small allocations always succeed and only mark the arena as over
 * budget; the owner checks arena_over_budget() at a few points (per series, per batch) and gives
 * up with ERROR_LIMIT. Anything whose size comes from outside goes through arena_try_alloc().
 * Not thread-safe: one arena per thread.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/str.h"

struct arena_chunk;
struct arena_cleanup;

struct arena {
        struct arena_chunk *chunk;      /* newest first */
        struct arena_cleanup *cleanup;  /* newest first */
        size_t used_bytes;              /* held from the system */
        size_t limit_bytes;
};

struct arena_point {
        struct arena_chunk *chunk;
        size_t chunk_used;
};

void arena_init(struct arena *arena, size_t limit_bytes); /* holds no memory yet */
void arena_release(struct arena *arena);                  /* runs the cleanups, frees all */
void arena_reset(struct arena *arena); /* the same, but keeps a little memory for what comes next */

void *arena_alloc(struct arena *arena, size_t size_bytes);     /* 16-aligned, not zeroed */
void *arena_zero(struct arena *arena, size_t size_bytes);
void *arena_try_alloc(struct arena *arena, size_t size_bytes); /* NULL when over budget */
struct str arena_str(struct arena *arena, struct str s);       /* copy, NUL behind it */
const char *arena_printf(struct arena *arena, const char *fmt, ...) PRINTF_LIKE(2, 3);

#define arena_new(arena, type) ((type *)arena_zero((arena), sizeof(type)))
#define arena_array(arena, type, count) ((type *)arena_zero((arena), sizeof(type) * (count)))

/* Calls fn(object) when the arena is released, newest first. */
void arena_on_release(struct arena *arena, void (*fn)(void *object), void *object);

static inline bool arena_over_budget(const struct arena *arena)
{
        return arena->used_bytes > arena->limit_bytes;
}

/* Scratch space: what was allocated after the mark is given back. No arena_on_release() may
 * happen between the two. */
struct arena_point arena_mark(const struct arena *arena);
void arena_rewind(struct arena *arena, struct arena_point mark);

#endif

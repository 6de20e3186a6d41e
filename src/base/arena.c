#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/alloc.h"

ALLOC_TYPE(arena_chunk_type, "arena_chunk")

/* 16 KiB holds a typical API request in one chunk; larger arenas double up to 1 MiB a chunk. */
enum { CHUNK_MIN_BYTES = 16 << 10, CHUNK_MAX_BYTES = 1 << 20, ALIGNMENT = 16 };

struct arena_chunk {
        struct arena_chunk *older;
        size_t size_bytes;
        size_t used_bytes;
        _Alignas(16) char data[];
};

struct arena_cleanup {
        struct arena_cleanup *older;
        void (*fn)(void *object);
        void *object;
};

void arena_init(struct arena *arena, size_t limit_bytes)
{
        *arena = (struct arena){.limit_bytes = limit_bytes};
}

static void drop_newest_chunk(struct arena *arena)
{
        struct arena_chunk *chunk = arena->chunk;

        arena->chunk = chunk->older;
        arena->used_bytes -= sizeof(*chunk) + chunk->size_bytes;
        alloc_free(&arena_chunk_type, chunk);
}

static void clean_up(struct arena *arena)
{
        for (; arena->cleanup; arena->cleanup = arena->cleanup->older)
                arena->cleanup->fn(arena->cleanup->object);
}

void arena_release(struct arena *arena)
{
        clean_up(arena);
        while (arena->chunk)
                drop_newest_chunk(arena);
}

void arena_reset(struct arena *arena)
{
        clean_up(arena);
        while (arena->chunk && (arena->chunk->older || arena->chunk->size_bytes > CHUNK_MIN_BYTES))
                drop_newest_chunk(arena);
        if (arena->chunk)
                arena->chunk->used_bytes = 0;
}

static size_t next_chunk_size(const struct arena *arena, size_t size_bytes)
{
        size_t next = arena->chunk ? arena->chunk->size_bytes * 2 : CHUNK_MIN_BYTES;

        if (next > CHUNK_MAX_BYTES)
                next = CHUNK_MAX_BYTES;
        return next > size_bytes ? next : size_bytes;
}

static void *alloc_in_new_chunk(struct arena *arena, size_t size_bytes)
{
        size_t chunk_bytes = next_chunk_size(arena, size_bytes);
        struct arena_chunk *chunk = NULL;

        chunk = alloc_resize(&arena_chunk_type, NULL, sizeof(*chunk) + chunk_bytes);
        chunk->older = arena->chunk;
        chunk->size_bytes = chunk_bytes;
        chunk->used_bytes = size_bytes;
        arena->chunk = chunk;
        arena->used_bytes += sizeof(*chunk) + chunk_bytes;
        return chunk->data;
}

void *arena_alloc(struct arena *arena, size_t size_bytes)
{
        struct arena_chunk *chunk = arena->chunk;
        void *ptr;

        BUG_ON(size_bytes > SIZE_MAX / 4);
        size_bytes = (size_bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
        if (UNLIKELY(!chunk || chunk->size_bytes - chunk->used_bytes < size_bytes))
                return alloc_in_new_chunk(arena, size_bytes);
        ptr = chunk->data + chunk->used_bytes;
        chunk->used_bytes += size_bytes;
        return ptr;
}

void *arena_zero(struct arena *arena, size_t size_bytes)
{
        return memset(arena_alloc(arena, size_bytes), 0, size_bytes);
}

void *arena_try_alloc(struct arena *arena, size_t size_bytes)
{
        struct arena_chunk *chunk = arena->chunk;

        if (chunk && chunk->size_bytes - chunk->used_bytes >= size_bytes + ALIGNMENT)
                return arena_alloc(arena, size_bytes);
        if (arena_over_budget(arena) || size_bytes > arena->limit_bytes - arena->used_bytes)
                return NULL;
        return arena_alloc(arena, size_bytes);
}

struct str arena_str(struct arena *arena, struct str s)
{
        char *copy = arena_alloc(arena, s.len + 1);

        if (s.len)
                memcpy(copy, s.data, s.len);
        copy[s.len] = '\0';
        return str_make(copy, s.len);
}

const char *arena_printf(struct arena *arena, const char *fmt, ...)
{
        va_list args, again;
        char *text;
        int len;

        va_start(args, fmt);
        va_copy(again, args);
        len = vsnprintf(NULL, 0, fmt, args);
        va_end(args);
        BUG_ON(len < 0);
        text = arena_alloc(arena, (size_t)len + 1);
        vsnprintf(text, (size_t)len + 1, fmt, again);
        va_end(again);
        return text;
}

void arena_on_release(struct arena *arena, void (*fn)(void *object), void *object)
{
        struct arena_cleanup *cleanup = arena_alloc(arena, sizeof(*cleanup));

        *cleanup = (struct arena_cleanup){arena->cleanup, fn, object};
        arena->cleanup = cleanup;
}

struct arena_point arena_mark(const struct arena *arena)
{
        return (struct arena_point){arena->chunk, arena->chunk ? arena->chunk->used_bytes : 0};
}

void arena_rewind(struct arena *arena, struct arena_point mark)
{
        while (arena->chunk != mark.chunk)
                drop_newest_chunk(arena);
        if (arena->chunk)
                arena->chunk->used_bytes = mark.chunk_used;
}

#include "tsdb/series_file_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/reader.h"
#include "codec/compress.h"
#include "codec/crc32c.h"
#include "codec/varint.h"

ALLOC_TYPE(series_file_type, "tsdb_series_file")

#define MAGIC "PWSERIE\1"

enum {
        PATH_BYTES = 4096,
        HEAD_BYTES = 24,
        FRAME_MAGIC = 0x46535750,
        FRAME_HEAD_BYTES = 12,
        /* A frame's series share its symbol table, and are what damage to both copies costs. */
        FRAME_SERIES = 4096,
        FRAME_MAX_BYTES = 1 << 30,
};

static const char *const suffixes[] = {"series", "mirror"};

static void file_path(const char *dir, uint64_t number, int copy, char *path)
{
        snprintf(path, PATH_BYTES, "%s/%016" PRIx64 ".%s", dir, number, suffixes[copy]);
}

bool series_file_number(const char *name, uint64_t *ret_number)
{
        char *end;

        if (strlen(name) != 23 || name[16] != '.' ||
            (strcmp(name + 17, suffixes[0]) != 0 && strcmp(name + 17, suffixes[1]) != 0))
                return false;
        *ret_number = strtoull(name, &end, 16);
        return end == name + 16 && *ret_number > 0;
}

void series_file_discard(const char *dir, uint64_t number)
{
        char path[PATH_BYTES];

        for (int copy = 0; copy < 2; copy++) {
                file_path(dir, number, copy, path);
                file_discard(path);
        }
}

/* ---- writing ------------------------------------------------------------------------------ */

/* Gives ids of the index consecutive numbers of this frame's own. */
struct renumbering {
        uint32_t *numbers; /* by id; 0: none yet, else number plus one */
        uint32_t *ids;     /* by number */
        size_t count, numbers_capacity, ids_capacity;
};

static uint32_t renumber(struct renumbering *r, uint32_t id)
{
        size_t before = r->numbers_capacity;

        if (id >= before) {
                r->numbers = alloc_array_reserve(&series_file_type, r->numbers,
                                                 &r->numbers_capacity, id + 1,
                                                 sizeof(*r->numbers));
                memset(r->numbers + before, 0,
                       (r->numbers_capacity - before) * sizeof(*r->numbers));
        }
        if (!r->numbers[id]) {
                r->ids = alloc_array_reserve(&series_file_type, r->ids, &r->ids_capacity,
                                             r->count + 1, sizeof(*r->ids));
                r->ids[r->count++] = id;
                r->numbers[id] = (uint32_t)r->count;
        }
        return r->numbers[id] - 1;
}

static void renumber_reset(struct renumbering *r)
{
        for (size_t i = 0; i < r->count; i++)
                r->numbers[r->ids[i]] = 0;
        r->count = 0;
}

static void renumber_release(struct renumbering *r)
{
        alloc_free(&series_file_type, r->numbers);
        alloc_free(&series_file_type, r->ids);
}

struct frame_writer {
        const struct index *index;
        struct renumbering symbols, pairs;
        struct buf series;  /* the list of series, as it goes into the frame */
        uint32_t previous, count;
        struct buf plain;
        struct buf file;    /* the whole file */
};

static void put_tables(struct frame_writer *w)
{
        struct buf pairs = BUF_INIT(SIZE_MAX / 4);

        for (size_t i = 0; i < w->pairs.count; i++) {
                struct index_pair pair = index_pair(w->index, w->pairs.ids[i]);

                varint_append(&pairs, renumber(&w->symbols, pair.name));
                varint_append(&pairs, renumber(&w->symbols, pair.value));
        }
        varint_append(&w->plain, w->symbols.count);
        for (size_t i = 0; i < w->symbols.count; i++) {
                struct str text = index_symbol(w->index, w->symbols.ids[i]);

                varint_append(&w->plain, text.len);
                buf_append_str(&w->plain, text);
        }
        varint_append(&w->plain, w->pairs.count);
        buf_append_str(&w->plain, buf_str(&pairs));
        buf_release(&pairs);
}

static uint32_t frame_crc(uint64_t offset, struct str payload)
{
        return crc32c(crc32c(0, &offset, sizeof(offset)), payload.data, payload.len);
}

static void end_frame(struct frame_writer *w)
{
        uint64_t offset = w->file.len;
        uint32_t head[3] = {FRAME_MAGIC};
        struct str payload;

        if (!w->count)
                return;
        put_tables(w);
        buf_append_str(&w->plain, buf_str(&w->series));
        buf_append(&w->file, head, FRAME_HEAD_BYTES);
        compress_zstd(&w->file, buf_str(&w->plain), 1);
        payload = str_make(w->file.data + offset + FRAME_HEAD_BYTES,
                           w->file.len - offset - FRAME_HEAD_BYTES);
        head[1] = (uint32_t)payload.len;
        head[2] = frame_crc(offset, payload);
        memcpy(w->file.data + offset, head, FRAME_HEAD_BYTES);
        renumber_reset(&w->symbols);
        renumber_reset(&w->pairs);
        buf_clear(&w->series);
        buf_clear(&w->plain);
        w->previous = w->count = 0;
}

static void add_series(struct frame_writer *w, uint32_t id)
{
        uint32_t count;
        const uint32_t *pairs = index_record(w->index, id, &count);

        varint_append(&w->series, id - w->previous);
        varint_append(&w->series, count);
        for (uint32_t i = 0; i < count; i++)
                varint_append(&w->series, renumber(&w->pairs, pairs[i]));
        w->previous = id;
        if (++w->count == FRAME_SERIES)
                end_frame(w);
}

static bool write_copy(const char *dir, uint64_t number, int copy, const struct buf *content,
                       struct error *err)
{
        struct file file = FILE_CLOSED;
        char path[PATH_BYTES];
        bool ok;

        file_path(dir, number, copy, path);
        if (!file_open(&file, path, FILE_CREATE, err))
                return false;
        ok = file_write_at(&file, content->data, content->len, 0, err) && file_sync(&file, err);
        file_close(&file);
        return ok;
}

bool series_file_write(const char *dir, uint64_t number, const struct index *index,
                       uint32_t first, uint32_t end, struct series_file *ret_file,
                       struct error *err)
{
        struct series_file made = {.number = number, .first = first, .end = end};
        struct frame_writer w = {.index = index,
                                 .series = BUF_INIT(SIZE_MAX / 4),
                                 .plain = BUF_INIT(SIZE_MAX / 4),
                                 .file = BUF_INIT(SIZE_MAX / 4)};
        uint8_t head[HEAD_BYTES] = {0}, *at;
        bool ok;

        buf_append(&w.file, head, sizeof(head));
        for (uint32_t id = first; id < end; id++) {
                if (!index_knows(index, id))
                        continue;
                add_series(&w, id);
                made.series++;
        }
        end_frame(&w);
        memcpy(head, MAGIC, 8);
        at = varint_put_u32(head + 8, first);
        at = varint_put_u32(at, end);
        at = varint_put_u32(at, made.series);
        varint_put_u32(at, crc32c(0, head, HEAD_BYTES - 4));
        memcpy(w.file.data, head, sizeof(head));
        made.bytes = 2 * w.file.len;
        ok = write_copy(dir, number, 0, &w.file, err) && write_copy(dir, number, 1, &w.file, err);
        if (ok)
                *ret_file = made;
        else
                series_file_discard(dir, number);
        renumber_release(&w.symbols);
        renumber_release(&w.pairs);
        buf_release(&w.series);
        buf_release(&w.plain);
        buf_release(&w.file);
        return ok;
}

/* ---- reading ------------------------------------------------------------------------------ */

static bool read_pairs(struct reader *r, struct index *index, struct arena *arena,
                       uint32_t **ret_pairs, uint64_t *ret_count)
{
        uint64_t symbol_count = reader_varint(r), pair_count;
        struct str *symbols;
        uint32_t *pairs;

        if (r->failed || symbol_count > reader_left(r))
                return false;
        symbols = arena_array(arena, struct str, symbol_count + 1);
        for (uint64_t i = 0; i < symbol_count; i++)
                symbols[i] = reader_str(r, reader_varint(r));
        pair_count = reader_varint(r);
        if (r->failed || pair_count > reader_left(r))
                return false;
        pairs = arena_array(arena, uint32_t, pair_count + 1);
        for (uint64_t i = 0; i < pair_count; i++) {
                uint64_t name = reader_varint(r), value = reader_varint(r);

                if (r->failed || name >= symbol_count || value >= symbol_count ||
                    !symbols[name].len || !symbols[value].len)
                        return false;
                pairs[i] = index_intern_pair(index, symbols[name], symbols[value]);
        }
        *ret_pairs = pairs;
        *ret_count = pair_count;
        return true;
}

bool series_frame_read(struct str payload, struct index *index)
{
        struct reader r = reader_make(payload.data, payload.len);
        uint64_t id = 0, pair_count;
        uint32_t *pairs, *record;
        struct arena arena;
        bool ok;

        arena_init(&arena, SIZE_MAX);
        ok = read_pairs(&r, index, &arena, &pairs, &pair_count);
        record = arena_array(&arena, uint32_t, payload.len + 1);
        while (ok && reader_left(&r)) {
                uint64_t count;

                id += reader_varint(&r);
                count = reader_varint(&r);
                ok = !r.failed && id && id < UINT32_MAX && count <= reader_left(&r);
                for (uint64_t i = 0; ok && i < count; i++) {
                        uint64_t number = reader_varint(&r);

                        ok = !r.failed && number < pair_count;
                        if (ok)
                                record[i] = pairs[number];
                }
                /* What is there already (an older file says the same) stays. */
                if (ok && !index_knows(index, (uint32_t)id))
                        ok = index_restore_pairs(index, (uint32_t)id, record, (uint32_t)count);
        }
        arena_release(&arena);
        return ok;
}

/* A file that is empty or missing reads as no bytes. */
static struct reader map_reader(const struct file_map *map)
{
        return reader_make(map->data ? (const void *)map->data : "", map->len);
}

static bool read_frame_head(const struct file_map *map, uint64_t offset, struct str *ret_payload)
{
        struct reader r = map_reader(map);
        uint32_t magic, len, crc;

        reader_take(&r, offset);
        magic = reader_u32(&r);
        len = reader_u32(&r);
        crc = reader_u32(&r);
        *ret_payload = reader_str(&r, len);
        return !r.failed && magic == FRAME_MAGIC && crc == frame_crc(offset, *ret_payload);
}

static bool read_file_head(const struct file_map *map, struct series_file *file)
{
        struct reader r = map_reader(map);
        const uint8_t *magic = reader_take(&r, 8);

        file->first = reader_u32(&r);
        file->end = reader_u32(&r);
        file->series = reader_u32(&r);
        return magic && !memcmp(magic, MAGIC, 8) &&
               reader_u32(&r) == crc32c(0, map->data, HEAD_BYTES - 4) && !r.failed;
}

static bool load_frame(struct str payload, struct index *index)
{
        struct buf plain = BUF_INIT(FRAME_MAX_BYTES);
        bool ok = compress_unzstd(&plain, payload, FRAME_MAX_BYTES, NULL) &&
                  series_frame_read(buf_str(&plain), index);

        buf_release(&plain);
        return ok;
}

static void load_frames(const struct file_map *maps, struct index *index,
                        struct series_damage *damage)
{
        size_t end = maps[0].len > maps[1].len ? maps[0].len : maps[1].len;
        bool searching = false;

        for (uint64_t at = HEAD_BYTES; at < end;) {
                struct str payload;
                bool intact = read_frame_head(&maps[0], at, &payload), found = intact;

                if (!found)
                        found = read_frame_head(&maps[1], at, &payload);
                if (!found) {
                        damage->lost_frames += !searching;
                        searching = true;
                        at++;
                        continue;
                }
                searching = false;
                damage->repaired_frames += !intact;
                damage->lost_frames += !load_frame(payload, index);
                at += FRAME_HEAD_BYTES + payload.len;
        }
}

bool series_file_check(const char *dir, uint64_t number, int copy, uint64_t *frames,
                       void (*damaged)(void *ctx, uint64_t offset, uint64_t size_bytes),
                       void *ctx)
{
        struct index *index = index_new();
        struct series_file file;
        struct file_map map = {0};
        char path[PATH_BYTES];
        uint64_t begin = HEAD_BYTES;
        bool opened;

        file_path(dir, number, copy, path);
        opened = file_map_open(&map, path, NULL);
        if (opened && !read_file_head(&map, &file))
                damaged(ctx, 0, HEAD_BYTES);
        for (uint64_t at = HEAD_BYTES; opened && at <= map.len;) {
                struct str payload;
                bool found = at < map.len && read_frame_head(&map, at, &payload) &&
                             load_frame(payload, index);

                if (at > begin && (found || at == map.len))
                        damaged(ctx, begin, at - begin);
                at += found ? FRAME_HEAD_BYTES + payload.len : 1;
                if (found) {
                        ++*frames;
                        begin = at;
                }
        }
        file_map_close(&map);
        index_unref(index);
        return opened;
}

bool series_file_load(const char *dir, uint64_t number, struct index *index,
                      struct series_file *ret_file, struct series_damage *ret_damage,
                      struct error *err)
{
        struct series_file file = {.number = number};
        struct series_damage damage = {0};
        struct file_map maps[2] = {{0}, {0}};
        char path[PATH_BYTES];
        bool opened[2], head;

        for (int copy = 0; copy < 2; copy++) {
                file_path(dir, number, copy, path);
                opened[copy] = file_map_open(&maps[copy], path, err);
        }
        head = read_file_head(&maps[0], &file) || read_file_head(&maps[1], &file);
        file.bytes = maps[0].len + maps[1].len;
        if (head) {
                /* A damaged count that still fits its checksum is not worth a gigabyte. */
                if (file.series <= file.bytes)
                        index_reserve(index, file.series);
                load_frames(maps, index, &damage);
        }
        file_map_close(&maps[0]);
        file_map_close(&maps[1]);
        if (!opened[0] && !opened[1])
                return false;
        if (!head)
                return error_set(err, ERROR_CORRUPT, "%s: both copies have a damaged head", path);
        *ret_file = file;
        *ret_damage = damage;
        return true;
}

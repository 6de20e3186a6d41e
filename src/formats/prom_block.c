/* Reading a block: everything is mapped, checked where it is used. */
#include "formats/prom_block.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/file.h"
#include "codec/crc32c.h"
#include "codec/json.h"
#include "formats/prom_block_int.h"
#include "formats/prom_chunk.h"

ALLOC_TYPE(block_type, "prom_block")

enum { META_MAX_BYTES = 16 << 20, LABELS_MAX = 1 << 16, CHUNKS_MAX = 1 << 24 };
enum { SEGMENTS_MAX = 999999, PATH_BYTES = 4096 };

struct interval {
        uint64_t ref;
        int64_t min_ms, max_ms;
};

struct prom_block {
        char *dir;
        struct prom_block_meta meta;
        struct file_map index;
        struct file_map *segments;
        size_t segment_count;
        struct str *symbols;
        size_t symbol_count;
        uint64_t series_begin, series_end, postings_table; /* offsets in the index */
        uint64_t at;               /* of the next series */
        struct arena series_arena; /* of the series given last */
        struct interval *deleted;  /* by ref */
        size_t deleted_count;
};

static bool corrupt(struct error *err, const char *what)
{
        return error_set(err, ERROR_CORRUPT, "%s", what);
}

/* ---- meta.json ------------------------------------------------------------------------------ */

static int64_t number_of(const struct json_value *object, const char *key)
{
        const struct json_value *value = object ? json_find(object, key) : NULL;

        return value && value->kind == JSON_NUMBER ? (int64_t)value->number : 0;
}

static bool read_meta(struct prom_block *block, struct error *err)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(META_MAX_BYTES);
        char path[PATH_BYTES];
        const struct json_value *ulid;
        struct json_value *root;
        struct arena arena;
        bool ok;

        snprintf(path, sizeof(path), "%s/meta.json", block->dir);
        if (!file_read_all(path, &text, err))
                return false;
        arena_init(&arena, SIZE_MAX);
        ok = json_parse(&arena, buf_str(&text), &root, err);
        if (ok && number_of(root, "version") != 1)
                ok = error_set(err, ERROR_UNSUPPORTED, "unexpected meta file version %lld",
                               (long long)number_of(root, "version"));
        ulid = ok ? json_find(root, "ulid") : NULL;
        if (ok && (!ulid || ulid->kind != JSON_STRING || ulid->text.len != PROM_ULID_LENGTH))
                ok = corrupt(err, "meta.json has no ulid");
        if (ok) {
                const struct json_value *stats = json_find(root, "stats");

                memcpy(block->meta.ulid, ulid->text.data, PROM_ULID_LENGTH);
                block->meta.min_ms = number_of(root, "minTime");
                block->meta.max_ms = number_of(root, "maxTime");
                block->meta.samples = (uint64_t)number_of(stats, "numSamples");
                block->meta.series = (uint64_t)number_of(stats, "numSeries");
                block->meta.chunks = (uint64_t)number_of(stats, "numChunks");
                block->meta.level = (int)number_of(json_find(root, "compaction"), "level");
        }
        arena_release(&arena);
        return ok;
}

/* ---- index ---------------------------------------------------------------------------------- */

static struct reader index_from(const struct prom_block *block, uint64_t offset)
{
        if (offset > block->index.len)
                return (struct reader){.failed = true};
        return reader_make(block->index.data + offset, block->index.len - offset);
}

/* The bytes of a section behind its length, when the checksum behind them is right. */
static bool read_section(const struct prom_block *block, uint64_t offset, struct reader *ret)
{
        struct reader r = index_from(block, offset);
        uint32_t len = prom_u32(&r);
        struct str bytes = reader_str(&r, len);
        uint32_t crc = prom_u32(&r);

        if (r.failed || crc != crc32c(0, bytes.data, bytes.len))
                return false;
        *ret = reader_make(bytes.data, bytes.len);
        return true;
}

static bool read_symbols(struct prom_block *block, uint64_t offset)
{
        struct reader r;
        uint32_t count;

        if (!read_section(block, offset, &r))
                return false;
        count = prom_u32(&r);
        if (count > reader_left(&r))
                return false;
        block->symbols = alloc_new(&block_type, (count + 1ul) * sizeof(*block->symbols));
        for (; block->symbol_count < count; block->symbol_count++)
                block->symbols[block->symbol_count] = reader_str(&r, reader_varint(&r));
        return !r.failed;
}

static bool read_index(struct prom_block *block, struct error *err)
{
        struct reader r = index_from(block, 0), toc;
        uint64_t offsets[6];
        uint8_t version;

        if (prom_u32(&r) != PROM_INDEX_MAGIC)
                return corrupt(err, "index has an invalid magic number");
        version = reader_u8(&r);
        if (version != PROM_INDEX_VERSION)
                return error_set(err, ERROR_UNSUPPORTED, "unknown index file version %u", version);
        if (block->index.len < PROM_TOC_BYTES)
                return corrupt(err, "index is too short");
        toc = index_from(block, block->index.len - PROM_TOC_BYTES);
        r = index_from(block, block->index.len - 4);
        if (prom_u32(&r) != crc32c(0, toc.pos, PROM_TOC_BYTES - 4))
                return corrupt(err, "index table of contents fails its checksum");
        for (size_t i = 0; i < ARRAY_LEN(offsets); i++)
                offsets[i] = prom_u64(&toc);
        block->series_begin = offsets[1];
        block->series_end = offsets[2] ? offsets[2] : offsets[4];
        block->postings_table = offsets[5];
        if (!read_symbols(block, offsets[0]))
                return corrupt(err, "index symbols are damaged");
        if (block->series_end > block->index.len || block->series_begin > block->series_end)
                return corrupt(err, "index table of contents makes no sense");
        prom_block_rewind(block);
        return true;
}

void prom_block_rewind(struct prom_block *block)
{
        block->at = (block->series_begin + PROM_SERIES_ALIGN - 1) / PROM_SERIES_ALIGN *
                    PROM_SERIES_ALIGN;
}

static bool read_labels(struct prom_block *block, struct reader *r, struct labels *ret)
{
        uint64_t count = reader_varint(r);
        struct label *items;

        if (r->failed || count > LABELS_MAX)
                return false;
        items = arena_array(&block->series_arena, struct label, count);
        for (uint64_t i = 0; i < count; i++) {
                uint64_t name = reader_varint(r), value = reader_varint(r);

                if (r->failed || name >= block->symbol_count || value >= block->symbol_count)
                        return false;
                items[i] = (struct label){block->symbols[name], block->symbols[value]};
        }
        *ret = (struct labels){items, count};
        return true;
}

static bool read_chunks(struct prom_block *block, struct reader *r, struct prom_series *series)
{
        uint64_t count = reader_varint(r), ref = 0, t = 0;
        struct prom_chunk_meta *chunks;

        if (r->failed || count > CHUNKS_MAX || count > reader_left(r))
                return false;
        chunks = arena_array(&block->series_arena, struct prom_chunk_meta, count);
        for (uint64_t i = 0; i < count; i++) {
                t += i ? reader_varint(r) : (uint64_t)reader_zigzag(r);
                chunks[i].min_ms = (int64_t)t;
                t += reader_varint(r);
                chunks[i].max_ms = (int64_t)t;
                ref += i ? (uint64_t)reader_zigzag(r) : reader_varint(r);
                chunks[i].ref = ref;
        }
        series->chunks = chunks;
        series->chunk_count = count;
        return !r->failed;
}

bool prom_block_next(struct prom_block *block, struct prom_series *ret_series, struct error *err)
{
        struct reader r, body;
        struct str bytes;
        uint32_t crc;

        *err = (struct error){.code = ERROR_NONE};
        arena_release(&block->series_arena);
        arena_init(&block->series_arena, SIZE_MAX);
        if (block->at >= block->series_end)
                return false;
        r = index_from(block, block->at);
        bytes = reader_str(&r, reader_varint(&r));
        crc = prom_u32(&r);
        if (!r.failed && !bytes.len)
                return false;
        if (r.failed || crc != crc32c(0, bytes.data, bytes.len))
                return corrupt(err, "index: a series fails its checksum");
        body = reader_make(bytes.data, bytes.len);
        *ret_series = (struct prom_series){.ref = block->at / PROM_SERIES_ALIGN};
        if (!read_labels(block, &body, &ret_series->labels) ||
            !read_chunks(block, &body, ret_series))
                return corrupt(err, "index: a series makes no sense");
        block->at = (uint64_t)(r.pos - block->index.data);
        block->at = (block->at + PROM_SERIES_ALIGN - 1) / PROM_SERIES_ALIGN * PROM_SERIES_ALIGN;
        return true;
}

bool prom_block_postings(struct prom_block *block,
                         void (*visit)(struct str name, struct str value, uint64_t series,
                                       void *ctx),
                         void *ctx, struct error *err)
{
        struct reader r, postings;
        uint32_t count;

        if (!read_section(block, block->postings_table, &r))
                return corrupt(err, "index postings table is damaged");
        count = prom_u32(&r);
        for (uint32_t i = 0; i < count; i++) {
                uint64_t parts = reader_varint(&r);
                struct str name = reader_str(&r, reader_varint(&r));
                struct str value = reader_str(&r, reader_varint(&r));
                uint64_t offset = reader_varint(&r);

                if (r.failed || parts != 2 || !read_section(block, offset, &postings))
                        return corrupt(err, "index postings are damaged");
                visit(name, value, prom_u32(&postings), ctx);
        }
        return true;
}

/* ---- chunks --------------------------------------------------------------------------------- */

static bool open_segments(struct prom_block *block, struct error *err)
{
        size_t capacity = 0;

        for (unsigned i = 1; i <= SEGMENTS_MAX; i++) {
                char path[PATH_BYTES];
                struct file_map map;
                struct error failure;
                struct reader r;

                snprintf(path, sizeof(path), "%s/chunks/%06u", block->dir, i);
                if (!file_map_open(&map, path, &failure)) {
                        if (failure.code == ERROR_NOT_FOUND)
                                break;
                        *err = failure;
                        return false;
                }
                block->segments = alloc_array_reserve(&block_type, block->segments, &capacity,
                                                      block->segment_count + 1,
                                                      sizeof(*block->segments));
                block->segments[block->segment_count++] = map;
                r = reader_make(map.data, map.len);
                if (prom_u32(&r) != PROM_CHUNKS_MAGIC || reader_u8(&r) != 1)
                        return error_set(err, ERROR_CORRUPT, "%s: invalid chunk segment", path);
        }
        return true;
}

bool prom_block_chunk(struct prom_block *block, uint64_t ref, uint8_t *ret_encoding,
                      struct str *ret_data, struct error *err)
{
        uint64_t segment = ref >> 32, offset = ref & UINT32_MAX;
        const struct file_map *map;
        struct reader r;
        struct str data;
        uint64_t len;
        uint32_t crc;

        if (segment >= block->segment_count || offset > block->segments[segment].len)
                return corrupt(err, "chunk reference points nowhere");
        map = &block->segments[segment];
        r = reader_make(map->data + offset, map->len - offset);
        len = reader_varint(&r);
        *ret_encoding = reader_u8(&r);
        data = reader_str(&r, len);
        crc = prom_u32(&r);
        if (r.failed || crc != crc32c(crc32c(0, ret_encoding, 1), data.data, data.len))
                return corrupt(err, "chunk fails its checksum");
        *ret_data = data;
        return true;
}

/* ---- tombstones ----------------------------------------------------------------------------- */

static bool parse_tombstones(struct prom_block *block, struct reader r)
{
        size_t capacity = 0;

        while (reader_left(&r) > 4 && !r.failed) {
                struct interval interval;

                interval.ref = reader_varint(&r);
                interval.min_ms = reader_zigzag(&r);
                interval.max_ms = reader_zigzag(&r);
                block->deleted = alloc_array_reserve(&block_type, block->deleted, &capacity,
                                                     block->deleted_count + 1,
                                                     sizeof(*block->deleted));
                block->deleted[block->deleted_count++] = interval;
        }
        return !r.failed;
}

static bool read_tombstones(struct prom_block *block, struct error *err)
{
        char path[PATH_BYTES];
        struct file_map map;
        struct error failure;
        struct reader r;
        bool ok;

        snprintf(path, sizeof(path), "%s/tombstones", block->dir);
        if (!file_map_open(&map, path, &failure)) {
                if (failure.code == ERROR_NOT_FOUND)
                        return true;
                *err = failure;
                return false;
        }
        r = reader_make(map.data, map.len);
        ok = prom_u32(&r) == PROM_TOMBSTONES_MAGIC && reader_u8(&r) == 1 &&
             parse_tombstones(block, r);
        file_map_close(&map);
        return ok || corrupt(err, "tombstones make no sense");
}

static void drop_deleted(const struct prom_block *block, uint64_t ref, struct samples *samples,
                         size_t from)
{
        size_t kept = from;

        for (size_t i = from; i < samples->count; i++) {
                bool gone = false;

                for (size_t k = 0; k < block->deleted_count && !gone; k++)
                        gone = block->deleted[k].ref == ref &&
                               samples->t_ms[i] >= block->deleted[k].min_ms &&
                               samples->t_ms[i] <= block->deleted[k].max_ms;
                if (!gone)
                        samples_move(samples, kept++, i);
        }
        samples_truncate(samples, kept);
}

bool prom_block_read(struct prom_block *block, const struct prom_series *series,
                     struct samples *samples, uint64_t *damaged, struct error *err)
{
        size_t begin = samples->count;

        for (size_t i = 0; i < series->chunk_count; i++) {
                size_t before = samples->count;
                struct error failure;
                uint8_t encoding;
                struct str data;

                if (prom_block_chunk(block, series->chunks[i].ref, &encoding, &data, &failure) &&
                    prom_chunk_decode(encoding, data, samples, &failure))
                        continue;
                if (failure.code == ERROR_UNSUPPORTED) {
                        *err = failure;
                        return false;
                }
                samples_truncate(samples, before);
                ++*damaged;
        }
        if (block->deleted_count)
                drop_deleted(block, series->ref, samples, begin);
        return true;
}

/* ---- opening -------------------------------------------------------------------------------- */

bool prom_block_open(struct prom_block **ret_block, const char *dir, struct error *err)
{
        struct prom_block *block = alloc_new(&block_type, sizeof(*block));
        char path[PATH_BYTES];

        block->dir = alloc_strdup(&block_type, dir, strlen(dir));
        arena_init(&block->series_arena, SIZE_MAX);
        snprintf(path, sizeof(path), "%s/index", dir);
        if (!read_meta(block, err) || !file_map_open(&block->index, path, err) ||
            !read_index(block, err) || !open_segments(block, err) ||
            !read_tombstones(block, err)) {
                error_prefix(err, "block %s", dir);
                prom_block_close(block);
                return false;
        }
        *ret_block = block;
        return true;
}

struct prom_block *prom_block_close(struct prom_block *block)
{
        if (!block)
                return NULL;
        file_map_close(&block->index);
        for (size_t i = 0; i < block->segment_count; i++)
                file_map_close(&block->segments[i]);
        arena_release(&block->series_arena);
        alloc_free(&block_type, block->segments);
        alloc_free(&block_type, block->symbols);
        alloc_free(&block_type, block->deleted);
        alloc_free(&block_type, block->dir);
        return alloc_free(&block_type, block);
}

const struct prom_block_meta *prom_block_meta(const struct prom_block *block)
{
        return &block->meta;
}

/* Writing a block. Chunks and series go out as they come; what the tables need of each series is
 * kept until the end: 12 bytes for every label. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/map.h"
#include "codec/crc32c.h"
#include "codec/varint.h"
#include "formats/prom_block.h"
#include "formats/prom_block_int.h"
#include "formats/prom_chunk.h"

ALLOC_TYPE(writer_type, "prom_block_writer")

enum { PATH_BYTES = 4096, OUTPUT_BUFFER_BYTES = 1 << 20, SECTION_MAX_BYTES = 2147483647 };
/* As Prometheus: a segment is at most this long. */
enum { SEGMENT_MAX_BYTES = 512 << 20 };

/* A file that grows. */
struct output {
        struct file file;
        struct buf buffer; /* behind what the file holds */
        uint64_t written;
};

struct posting {
        uint32_t name, value; /* symbols */
        uint32_t series;
};

struct prom_block_writer {
        char dir[PATH_BYTES / 2], temporary[PATH_BYTES];
        struct prom_block_meta meta;
        const struct str *symbols;
        size_t symbol_count;
        struct map symbol_of;       /* text -> its number + 1 */
        struct output index, chunks;
        uint32_t segment;           /* open one; 0: none */
        uint64_t series_begin;
        struct posting *postings;
        size_t posting_count, posting_capacity;
        uint32_t *series;           /* references, ascending */
        size_t series_capacity;
        struct buf body;            /* scratch: a series, a section */
        struct buf chunk;           /* scratch */
};

/* ---- output --------------------------------------------------------------------------------- */

static void put_u32(struct buf *out, uint32_t value)
{
        uint32_t big = htobe32(value);

        buf_append(out, &big, sizeof(big));
}

static void put_u64(struct buf *out, uint64_t value)
{
        uint64_t big = htobe64(value);

        buf_append(out, &big, sizeof(big));
}

static void put_varint(struct buf *out, uint64_t value)
{
        uint8_t bytes[VARINT_MAX_BYTES];

        buf_append(out, bytes, (size_t)(varint_put(bytes, value) - bytes));
}

static void put_str(struct buf *out, struct str text)
{
        put_varint(out, text.len);
        buf_append_str(out, text);
}

static uint64_t output_at(const struct output *output)
{
        return output->written + output->buffer.len;
}

static bool output_flush(struct output *output, struct error *err)
{
        if (!file_write_at(&output->file, output->buffer.data ? output->buffer.data : "",
                           output->buffer.len, output->written, err))
                return false;
        output->written += output->buffer.len;
        buf_clear(&output->buffer);
        return true;
}

static bool output_settle(struct output *output, struct error *err)
{
        return output->buffer.len < OUTPUT_BUFFER_BYTES || output_flush(output, err);
}

static bool output_open(struct output *output, const char *path, struct error *err)
{
        output->written = 0;
        output->buffer = BUF_INIT(SIZE_MAX);
        return file_open(&output->file, path, FILE_CREATE, err);
}

static bool output_close(struct output *output, struct error *err)
{
        bool ok = output_flush(output, err) && file_sync(&output->file, err);

        file_close(&output->file);
        buf_release(&output->buffer);
        return ok;
}

static void align(struct output *output, unsigned to)
{
        while (output_at(output) % to)
                buf_append_byte(&output->buffer, 0);
}

/* Length, bytes, checksum. */
static bool put_section(struct output *output, struct str bytes, struct error *err)
{
        if (bytes.len > SECTION_MAX_BYTES)
                return error_set(err, ERROR_LIMIT, "a section of the index is larger than 2 GiB");
        put_u32(&output->buffer, (uint32_t)bytes.len);
        buf_append_str(&output->buffer, bytes);
        put_u32(&output->buffer, crc32c(0, bytes.data, bytes.len));
        return output_settle(output, err);
}

/* ---- beginning ------------------------------------------------------------------------------ */

/* 48 bits of time and 80 of chance, five bits a character. */
static void make_ulid(char *ulid)
{
        static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        uint64_t now_ms = (uint64_t)clock_now_ms(&clock_real);
        uint8_t chance[16];

        BUG_ON(getrandom(chance, sizeof(chance), 0) != sizeof(chance));
        for (int i = 0; i < 10; i++)
                ulid[i] = digits[now_ms >> (5 * (9 - i)) & 31];
        for (int i = 0; i < 16; i++)
                ulid[10 + i] = digits[chance[i] & 31];
        ulid[PROM_ULID_LENGTH] = '\0';
}

static bool write_symbols(struct prom_block_writer *writer, struct error *err)
{
        struct buf *body = &writer->body;

        put_u32(&writer->index.buffer, PROM_INDEX_MAGIC);
        buf_append_byte(&writer->index.buffer, PROM_INDEX_VERSION);
        buf_clear(body);
        put_u32(body, (uint32_t)writer->symbol_count);
        for (size_t i = 0; i < writer->symbol_count; i++) {
                put_str(body, writer->symbols[i]);
                map_put(&writer->symbol_of, writer->symbols[i], (void *)(uintptr_t)(i + 1));
        }
        if (!put_section(&writer->index, buf_str(body), err))
                return false;
        writer->series_begin = output_at(&writer->index);
        return true;
}

static bool begin(struct prom_block_writer *writer, struct error *err)
{
        char path[PATH_BYTES + 16];

        snprintf(path, sizeof(path), "%s/chunks", writer->temporary);
        if (!dir_make(path, err))
                return false;
        snprintf(path, sizeof(path), "%s/index", writer->temporary);
        return output_open(&writer->index, path, err) && write_symbols(writer, err);
}

bool prom_block_writer_new(struct prom_block_writer **ret_writer, const char *dir, int64_t min_ms,
                           int64_t max_ms, const struct str *symbols, size_t symbol_count,
                           struct error *err)
{
        struct prom_block_writer *writer = alloc_new(&writer_type, sizeof(*writer));

        writer->meta.min_ms = min_ms;
        writer->meta.max_ms = max_ms;
        writer->meta.level = 1;
        writer->symbols = symbols;
        writer->symbol_count = symbol_count;
        writer->index.file = writer->chunks.file = FILE_CLOSED;
        writer->body = writer->chunk = BUF_INIT(SIZE_MAX);
        make_ulid(writer->meta.ulid);
        snprintf(writer->dir, sizeof(writer->dir), "%s", dir);
        snprintf(writer->temporary, sizeof(writer->temporary), "%s/%s.tmp-for-creation",
                 writer->dir, writer->meta.ulid);
        if (!begin(writer, err)) {
                prom_block_writer_abandon(writer);
                return false;
        }
        *ret_writer = writer;
        return true;
}

/* ---- series --------------------------------------------------------------------------------- */

static bool open_segment(struct prom_block_writer *writer, struct error *err)
{
        char path[PATH_BYTES + 16];

        if (writer->segment && !output_close(&writer->chunks, err))
                return false;
        snprintf(path, sizeof(path), "%s/chunks/%06u", writer->temporary, ++writer->segment);
        if (!output_open(&writer->chunks, path, err))
                return false;
        put_u32(&writer->chunks.buffer, PROM_CHUNKS_MAGIC);
        buf_append(&writer->chunks.buffer, "\1\0\0", 4);
        return true;
}

/* Writes the chunk in writer->chunk; its reference goes to *ret_ref. */
static bool put_chunk(struct prom_block_writer *writer, uint8_t encoding, uint64_t *ret_ref,
                      struct error *err)
{
        struct str data = buf_str(&writer->chunk);
        struct buf *out = &writer->chunks.buffer;

        if ((!writer->segment ||
             output_at(&writer->chunks) + data.len + 32 > SEGMENT_MAX_BYTES) &&
            !open_segment(writer, err))
                return false;
        *ret_ref = (uint64_t)(writer->segment - 1) << 32 | output_at(&writer->chunks);
        put_varint(out, data.len);
        buf_append_byte(out, (char)encoding);
        buf_append_str(out, data);
        put_u32(out, crc32c(crc32c(0, &encoding, 1), data.data, data.len));
        writer->meta.chunks++;
        return output_settle(&writer->chunks, err);
}

static bool put_chunks(struct prom_block_writer *writer, const struct samples *samples,
                       struct error *err)
{
        struct buf metas CLEANUP(buf_release) = BUF_INIT(SIZE_MAX);
        int64_t last_max = 0;
        uint64_t last_ref = 0, count = 0;

        for (size_t from = 0; from < samples->count; count++) {
                uint8_t encoding;
                uint64_t ref;
                size_t taken;
                int64_t min_ms = samples->t_ms[from], max_ms;

                buf_clear(&writer->chunk);
                taken = prom_chunk_encode(&writer->chunk, samples, from, &encoding);
                max_ms = samples->t_ms[from + taken - 1];
                if (!put_chunk(writer, encoding, &ref, err))
                        return false;
                put_varint(&metas, count ? (uint64_t)(min_ms - last_max) : varint_zigzag(min_ms));
                put_varint(&metas, (uint64_t)(max_ms - min_ms));
                put_varint(&metas, count ? varint_zigzag((int64_t)(ref - last_ref)) : ref);
                last_max = max_ms;
                last_ref = ref;
                from += taken;
        }
        put_varint(&writer->body, count);
        buf_append_str(&writer->body, buf_str(&metas));
        return true;
}

static uint32_t symbol_of(const struct prom_block_writer *writer, struct str text)
{
        uintptr_t found = (uintptr_t)map_get(&writer->symbol_of, text);

        BUG_ON(!found);
        return (uint32_t)(found - 1);
}

static void put_labels(struct prom_block_writer *writer, struct labels labels, uint32_t series)
{
        put_varint(&writer->body, labels.count);
        writer->postings = alloc_array_reserve(&writer_type, writer->postings,
                                               &writer->posting_capacity,
                                               writer->posting_count + labels.count,
                                               sizeof(*writer->postings));
        for (size_t i = 0; i < labels.count; i++) {
                struct posting posting = {symbol_of(writer, labels.items[i].name),
                                          symbol_of(writer, labels.items[i].value), series};

                put_varint(&writer->body, posting.name);
                put_varint(&writer->body, posting.value);
                writer->postings[writer->posting_count++] = posting;
        }
}

bool prom_block_writer_add(struct prom_block_writer *writer, struct labels labels,
                           const struct samples *samples, struct error *err)
{
        struct buf *index = &writer->index.buffer;
        uint64_t at;

        if (!samples->count)
                return true;
        align(&writer->index, PROM_SERIES_ALIGN);
        at = output_at(&writer->index) / PROM_SERIES_ALIGN;
        if (at > UINT32_MAX)
                return error_set(err, ERROR_LIMIT, "the index is larger than 64 GiB");
        buf_clear(&writer->body);
        put_labels(writer, labels, (uint32_t)at);
        if (!put_chunks(writer, samples, err))
                return false;
        put_varint(index, writer->body.len);
        buf_append_str(index, buf_str(&writer->body));
        put_u32(index, crc32c(0, writer->body.data, writer->body.len));
        writer->series = alloc_array_reserve(&writer_type, writer->series,
                                             &writer->series_capacity, writer->meta.series + 1,
                                             sizeof(*writer->series));
        writer->series[writer->meta.series++] = (uint32_t)at;
        writer->meta.samples += samples->count;
        return output_settle(&writer->index, err);
}

/* ---- tables --------------------------------------------------------------------------------- */

static int by_pair(const void *a_ptr, const void *b_ptr)
{
        const struct posting *a = a_ptr, *b = b_ptr;

        if (a->name != b->name)
                return a->name < b->name ? -1 : 1;
        if (a->value != b->value)
                return a->value < b->value ? -1 : 1;
        return a->series < b->series ? -1 : a->series > b->series;
}

/* One list of series and its line of the table. */
static bool put_postings(struct prom_block_writer *writer, struct buf *table, struct str name,
                         struct str value, struct error *err)
{
        align(&writer->index, 4);
        put_varint(table, 2);
        put_str(table, name);
        put_str(table, value);
        put_varint(table, output_at(&writer->index));
        return put_section(&writer->index, buf_str(&writer->body), err);
}

static bool put_all_postings(struct prom_block_writer *writer, struct buf *table,
                             uint32_t *ret_count, struct error *err)
{
        const struct posting *postings = writer->postings;
        struct buf *body = &writer->body;
        size_t end;

        buf_clear(body);
        put_u32(body, (uint32_t)writer->meta.series);
        for (size_t i = 0; i < writer->meta.series; i++)
                put_u32(body, writer->series[i]);
        if (!put_postings(writer, table, STR_LIT(""), STR_LIT(""), err))
                return false;
        *ret_count = 1;
        qsort(writer->postings, writer->posting_count, sizeof(*postings), by_pair);
        for (size_t from = 0; from < writer->posting_count; from = end) {
                for (end = from; end < writer->posting_count &&
                                 postings[end].name == postings[from].name &&
                                 postings[end].value == postings[from].value;)
                        end++;
                buf_clear(body);
                put_u32(body, (uint32_t)(end - from));
                for (size_t i = from; i < end; i++)
                        put_u32(body, postings[i].series);
                if (!put_postings(writer, table, writer->symbols[postings[from].name],
                                  writer->symbols[postings[from].value], err))
                        return false;
                ++*ret_count;
        }
        return true;
}

static bool finish_index(struct prom_block_writer *writer, struct error *err)
{
        struct output *index = &writer->index;
        struct buf table CLEANUP(buf_release) = BUF_INIT(SIZE_MAX);
        struct buf *body = &writer->body;
        uint64_t postings, label_table, postings_table;
        uint32_t count;

        align(index, 4);
        postings = output_at(index);
        if (!put_all_postings(writer, &table, &count, err))
                return false;
        /* The table of label indexes is no longer used, but old readers look for it. */
        label_table = output_at(index);
        buf_clear(body);
        put_u32(body, 0);
        if (!put_section(index, buf_str(body), err))
                return false;
        postings_table = output_at(index);
        buf_clear(body);
        put_u32(body, count);
        buf_append_str(body, buf_str(&table));
        if (!put_section(index, buf_str(body), err))
                return false;
        buf_clear(body);
        put_u64(body, sizeof(uint32_t) + 1);
        put_u64(body, writer->series_begin);
        put_u64(body, postings);
        put_u64(body, label_table);
        put_u64(body, postings);
        put_u64(body, postings_table);
        put_u32(body, crc32c(0, body->data, body->len));
        buf_append_str(&index->buffer, buf_str(body));
        return output_close(index, err);
}

static bool write_meta(struct prom_block_writer *writer, struct error *err)
{
        const struct prom_block_meta *meta = &writer->meta;
        struct buf text CLEANUP(buf_release) = BUF_INIT(4096);
        char path[PATH_BYTES + 16];
        struct output output;

        buf_printf(&text,
                   "{\n\t\"ulid\": \"%s\",\n\t\"minTime\": %lld,\n\t\"maxTime\": %lld,\n"
                   "\t\"stats\": {\n\t\t\"numSamples\": %llu,\n\t\t\"numSeries\": %llu,\n"
                   "\t\t\"numChunks\": %llu\n\t},\n\t\"compaction\": {\n\t\t\"level\": 1,\n"
                   "\t\t\"sources\": [\n\t\t\t\"%s\"\n\t\t]\n\t},\n\t\"version\": 1\n}\n",
                   meta->ulid, (long long)meta->min_ms, (long long)meta->max_ms,
                   (unsigned long long)meta->samples, (unsigned long long)meta->series,
                   (unsigned long long)meta->chunks, meta->ulid);
        snprintf(path, sizeof(path), "%s/meta.json", writer->temporary);
        if (!output_open(&output, path, err))
                return false;
        buf_append_str(&output.buffer, buf_str(&text));
        return output_close(&output, err);
}

bool prom_block_writer_finish(struct prom_block_writer *writer, struct prom_block_meta *ret_meta,
                              struct error *err)
{
        char path[PATH_BYTES];
        bool ok;

        *ret_meta = writer->meta;
        if (!writer->meta.series) {
                prom_block_writer_abandon(writer);
                return true;
        }
        snprintf(path, sizeof(path), "%s/%s", writer->dir, writer->meta.ulid);
        ok = output_close(&writer->chunks, err);
        writer->segment = 0;
        ok = ok && finish_index(writer, err) && write_meta(writer, err) &&
             dir_sync(writer->temporary, err) && file_rename(writer->temporary, path, err) &&
             dir_sync(writer->dir, err);
        *ret_meta = writer->meta;
        prom_block_writer_abandon(writer);
        return ok;
}

static void remove_files(const char *dir)
{
        struct arena arena;
        const char **names;
        struct error err;
        size_t count;

        arena_init(&arena, SIZE_MAX);
        if (dir_list(dir, &arena, &names, &count, &err))
                for (size_t i = 0; i < count; i++)
                        file_discard(arena_printf(&arena, "%s/%s", dir, names[i]));
        rmdir(dir);
        arena_release(&arena);
}

struct prom_block_writer *prom_block_writer_abandon(struct prom_block_writer *writer)
{
        char path[PATH_BYTES + 16];

        if (!writer)
                return NULL;
        file_close(&writer->index.file);
        file_close(&writer->chunks.file);
        buf_release(&writer->index.buffer);
        buf_release(&writer->chunks.buffer);
        /* Nothing is left of it once it was renamed. */
        snprintf(path, sizeof(path), "%s/chunks", writer->temporary);
        remove_files(path);
        remove_files(writer->temporary);
        map_release(&writer->symbol_of);
        buf_release(&writer->body);
        buf_release(&writer->chunk);
        alloc_free(&writer_type, writer->postings);
        alloc_free(&writer_type, writer->series);
        return alloc_free(&writer_type, writer);
}

#include "base/alloc.h"
#include "codec/crc32c.h"
#include "codec/varint.h"
#include "tsdb/part_format_int.h"

ALLOC_TYPE(writer_type, "tsdb_part_writer")

/* Written in pieces of about this much. */
enum { BUFFER_BYTES = 1 << 20 };

struct part_writer {
        struct part_head head;
        struct file file;
        uint64_t written_bytes; /* in the file */
        uint8_t *buffer;
        size_t buffered;
        size_t buffer_capacity;
        uint32_t *series, *offsets;
        size_t block_count, series_capacity, offsets_capacity;
        uint64_t samples;
        int64_t min_t_ms, max_t_ms;
};

uint8_t *part_put_head(uint8_t *at, const struct part_head *head)
{
        uint8_t *begin = at;

        memcpy(at, PART_MAGIC, 8);
        at = varint_put_u64(at + 8, (uint64_t)head->base_ms);
        at = varint_put_u64(at, (uint64_t)head->length_ms);
        at = varint_put_u64(at, head->first_sequence);
        at = varint_put_u64(at, head->last_sequence);
        at = varint_put_u32(at, head->level);
        memset(at, 0, 16);
        return varint_put_u32(at + 16, crc32c(0, begin, PART_HEAD_BYTES - 4));
}

static bool flush_buffer(struct part_writer *writer, struct error *err)
{
        if (!file_write_at(&writer->file, writer->buffer, writer->buffered,
                           writer->written_bytes, err))
                return false;
        writer->written_bytes += writer->buffered;
        writer->buffered = 0;
        return true;
}

bool part_writer_new(struct part_writer **ret_writer, const char *dir, uint64_t number,
                     const struct part_head *head, struct error *err)
{
        struct part_writer *writer = alloc_new(&writer_type, sizeof(*writer));
        char path[PART_PATH_BYTES];

        part_path(dir, number, path);
        if (!file_open(&writer->file, path, FILE_CREATE, err)) {
                alloc_free(&writer_type, writer);
                return false;
        }
        writer->head = *head;
        writer->buffer_capacity = BUFFER_BYTES + chunk_bound(CHUNK_MAX_SAMPLES);
        writer->buffer = alloc_resize(&writer_type, NULL, writer->buffer_capacity);
        writer->buffered = (size_t)(part_put_head(writer->buffer, head) - writer->buffer);
        writer->min_t_ms = INT64_MAX;
        writer->max_t_ms = INT64_MIN;
        *ret_writer = writer;
        return true;
}

uint64_t part_writer_bytes(const struct part_writer *writer)
{
        return writer->written_bytes + writer->buffered;
}

static void note_block(struct part_writer *writer, uint32_t series, uint64_t offset)
{
        writer->series = alloc_array_reserve(&writer_type, writer->series,
                                             &writer->series_capacity, writer->block_count + 1,
                                             sizeof(*writer->series));
        writer->offsets = alloc_array_reserve(&writer_type, writer->offsets,
                                              &writer->offsets_capacity, writer->block_count + 1,
                                              sizeof(*writer->offsets));
        writer->series[writer->block_count] = series;
        writer->offsets[writer->block_count++] = (uint32_t)offset;
}

bool part_writer_add(struct part_writer *writer, uint32_t series, const int64_t *t_ms,
                     const double *v, size_t count, struct error *err)
{
        uint64_t offset = part_writer_bytes(writer);
        uint8_t *end;

        BUG_ON(offset > UINT32_MAX);
        end = chunk_encode(writer->buffer + writer->buffered, series, writer->head.base_ms, t_ms,
                           v, count);
        writer->buffered = (size_t)(end - writer->buffer);
        note_block(writer, series, offset);
        writer->samples += count;
        if (t_ms[0] < writer->min_t_ms)
                writer->min_t_ms = t_ms[0];
        if (t_ms[count - 1] > writer->max_t_ms)
                writer->max_t_ms = t_ms[count - 1];
        return writer->buffered < BUFFER_BYTES || flush_buffer(writer, err);
}

static bool write_index(struct part_writer *writer, struct error *err)
{
        size_t column_bytes = writer->block_count * sizeof(uint32_t);
        uint8_t foot[PART_FOOT_BYTES], *at;
        uint64_t index_offset;
        uint32_t crc;

        while (part_writer_bytes(writer) % 8)
                writer->buffer[writer->buffered++] = 0;
        if (!flush_buffer(writer, err))
                return false;
        index_offset = writer->written_bytes;
        crc = crc32c(crc32c(0, writer->series, column_bytes), writer->offsets, column_bytes);
        at = part_put_head(foot, &writer->head);
        at = varint_put_u64(at, index_offset);
        at = varint_put_u64(at, writer->block_count);
        at = varint_put_u64(at, writer->samples);
        at = varint_put_u64(at, (uint64_t)writer->min_t_ms);
        at = varint_put_u64(at, (uint64_t)writer->max_t_ms);
        at = varint_put_u32(at, crc);
        varint_put_u32(at, crc32c(0, foot, PART_FOOT_BYTES - 4));
        return file_write_at(&writer->file, writer->series, column_bytes, index_offset, err) &&
               file_write_at(&writer->file, writer->offsets, column_bytes,
                             index_offset + column_bytes, err) &&
               file_write_at(&writer->file, foot, sizeof(foot), index_offset + 2 * column_bytes,
                             err);
}

static void free_writer(struct part_writer *writer)
{
        file_close(&writer->file);
        alloc_free(&writer_type, writer->buffer);
        alloc_free(&writer_type, writer->series);
        alloc_free(&writer_type, writer->offsets);
        alloc_free(&writer_type, writer);
}

bool part_writer_finish(struct part_writer *writer, struct error *err)
{
        if (!write_index(writer, err) || !file_sync(&writer->file, err)) {
                part_writer_abandon(writer);
                return false;
        }
        free_writer(writer);
        return true;
}

struct part_writer *part_writer_abandon(struct part_writer *writer)
{
        if (writer) {
                file_discard(writer->file.path);
                free_writer(writer);
        }
        return NULL;
}
